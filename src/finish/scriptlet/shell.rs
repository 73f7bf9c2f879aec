//! A parser for a subset of the shell language that recognized scriptlets use: simple commands,
//! `;`, `&&`, `||`, `!`, `if`, quotes, `$1`, and output redirected to the null device. Anything
//! else makes the text unknown.

use super::Job;
use super::commands::Effect;

/// A function that returns the effect of a command.
type Command = fn(&[String]) -> Option<Effect>;

/// Maximum length of a recognized scriptlet in bytes. [`MAX_DEPTH`] is the maximum nesting depth.
const MAX_LENGTH: usize = 64 * 1024;
const MAX_DEPTH: u32 = 16;

/// Returns the jobs of a scriptlet's text, each once, in order. Returns `None` if the text is
/// unknown or the scriptlet fails.
pub(super) fn jobs(text: &str, command: Command) -> Option<Vec<Job>> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let list = parser.list()?;
    if parser.at != tokens.len() {
        return None;
    }
    let effect = run(&list, command)?;
    let mut jobs: Vec<Job> = Vec::new();
    for job in effect.jobs {
        if !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    Some(jobs)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A word without its quotes, and whether it had any (a quoted word is no keyword).
    Word(String, bool),
    /// `;` or the end of a line.
    End,
    And,
    Or,
}

/// Splits the text into tokens. Returns `None` if it contains anything outside the subset.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    let mut word: Option<(String, bool)> = None;
    let flush = |word: &mut Option<(String, bool)>, tokens: &mut Vec<Token>| {
        if let Some((text, quoted)) = word.take() {
            tokens.push(Token::Word(text, quoted));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => flush(&mut word, &mut tokens),
            '\n' | ';' => {
                flush(&mut word, &mut tokens);
                // `;;` belongs to `case`, which is not supported.
                if c == ';' && chars.peek() == Some(&';') {
                    return None;
                }
                tokens.push(Token::End);
            }
            '#' if word.is_none() => while chars.next_if(|&c| c != '\n').is_some() {},
            '&' if chars.peek() == Some(&'>') => {
                chars.next();
                flush(&mut word, &mut tokens);
                thrown_away(&mut chars)?;
            }
            '&' => {
                flush(&mut word, &mut tokens);
                chars.next_if_eq(&'&')?;
                tokens.push(Token::And);
            }
            '|' => {
                flush(&mut word, &mut tokens);
                chars.next_if_eq(&'|')?;
                tokens.push(Token::Or);
            }
            '>' => {
                // A number before it is a file descriptor, not a word.
                match word.take() {
                    Some((digits, false)) if digits.bytes().all(|c| c.is_ascii_digit()) => {}
                    Some((text, quoted)) => tokens.push(Token::Word(text, quoted)),
                    None => {}
                }
                thrown_away(&mut chars)?;
            }
            '\\' => match chars.next()? {
                '\n' => {}
                c => word.get_or_insert_default().0.push(c),
            },
            '\'' => {
                let (text, quoted) = word.get_or_insert_default();
                *quoted = true;
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => text.push(c),
                    }
                }
            }
            '"' => {
                let (text, quoted) = word.get_or_insert_default();
                *quoted = true;
                loop {
                    match chars.next()? {
                        '"' => break,
                        '$' => text.push_str(parameter(&mut chars)?),
                        '\\' if matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) => text.push(chars.next()?),
                        '`' => return None,
                        c => text.push(c),
                    }
                }
            }
            '$' => word.get_or_insert_default().0.push_str(parameter(&mut chars)?),
            '`' | '(' | ')' | '{' | '}' | '<' | '*' | '?' | '~' => return None,
            // `[` alone is a program; otherwise it is part of a pattern.
            '[' if word.is_some() || !chars.peek().is_none_or(|c| c.is_whitespace()) => return None,
            c if c.is_control() => return None,
            c => word.get_or_insert_default().0.push(c),
        }
    }
    flush(&mut word, &mut tokens);
    Some(tokens)
}

/// Parses `$1` and `${1}`: the number of installed instances of the package after the installation,
/// which is 1.
fn parameter(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<&'static str> {
    let braces = chars.next_if_eq(&'{').is_some();
    chars.next_if_eq(&'1')?;
    if braces {
        chars.next_if_eq(&'}')?;
    }
    Some("1")
}

/// Parses the target of a `>`: the null device, or another descriptor.
fn thrown_away(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    chars.next_if_eq(&'>');
    if chars.next_if_eq(&'&').is_some() {
        return chars.next_if(|c| matches!(c, '1' | '2')).map(drop);
    }
    while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    let mut target = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '&' | '|')) {
        target.push(c);
    }
    (target == "/dev/null").then_some(())
}

enum Node {
    Command(Vec<String>),
    Not(Box<Node>),
    /// Commands after `&&` (`true`) and `||` (`false`), from left to right.
    Chain(Box<Node>, Vec<(bool, Node)>),
    If(Vec<(Node, Node)>, Option<Box<Node>>),
    List(Vec<Node>),
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(text, false)) if text == keyword);
        self.at += usize::from(found);
        found
    }

    fn at_closing(&self) -> bool {
        match self.tokens.get(self.at) {
            Some(Token::Word(text, false)) => matches!(text.as_str(), "then" | "elif" | "else" | "fi"),
            Some(_) => false,
            None => true,
        }
    }

    fn skip_ends(&mut self) {
        while self.tokens.get(self.at) == Some(&Token::End) {
            self.at += 1;
        }
    }

    fn list(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut nodes = Vec::new();
        loop {
            self.skip_ends();
            if self.at_closing() {
                break;
            }
            nodes.push(self.and_or()?);
            if !self.at_closing() && self.tokens.get(self.at) != Some(&Token::End) {
                return None;
            }
        }
        self.depth -= 1;
        Some(Node::List(nodes))
    }

    fn and_or(&mut self) -> Option<Node> {
        let first = self.command()?;
        let mut rest = Vec::new();
        while let Some(operator @ (Token::And | Token::Or)) = self.tokens.get(self.at) {
            self.at += 1;
            self.skip_ends();
            rest.push((*operator == Token::And, self.command()?));
        }
        Some(if rest.is_empty() { first } else { Node::Chain(Box::new(first), rest) })
    }

    fn command(&mut self) -> Option<Node> {
        let mut negated = false;
        while self.keyword("!") {
            negated = !negated;
        }
        let node = if self.keyword("if") { self.conditional()? } else { Node::Command(self.words()?) };
        Some(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn words(&mut self) -> Option<Vec<String>> {
        let mut words = Vec::new();
        while let Some(Token::Word(text, _)) = self.tokens.get(self.at) {
            words.push(text.clone());
            self.at += 1;
        }
        let first = words.first()?;
        // A variable assignment for the command, or other keywords of the language.
        let other = first.contains('=')
            || matches!(first.as_str(), "while" | "until" | "for" | "case" | "function" | "do" | "done" | "esac" | "in" | "time");
        (!other).then_some(words)
    }

    fn conditional(&mut self) -> Option<Node> {
        let mut branches = Vec::new();
        loop {
            let condition = self.list()?;
            self.keyword("then").then_some(())?;
            branches.push((condition, self.list()?));
            if self.keyword("elif") {
                continue;
            }
            let otherwise = if self.keyword("else") { Some(Box::new(self.list()?)) } else { None };
            return self.keyword("fi").then_some(Node::If(branches, otherwise));
        }
    }
}

/// Returns the combined effect of the commands. If a branch depends on the tree, the jobs of both
/// branches are included: every job is harmless when it is not needed.
fn run(node: &Node, command: Command) -> Option<Effect> {
    match node {
        Node::Command(words) => command(words),
        Node::Not(inner) => {
            let effect = run(inner, command)?;
            Some(Effect { status: effect.status.map(|status| !status), ..effect })
        }
        Node::Chain(first, rest) => rest.iter().try_fold(run(first, command)?, |left, (after_success, node)| {
            if left.exits || left.status == Some(!after_success) {
                return Some(left);
            }
            let right = run(node, command)?;
            let right = if left.status.is_none() { either(right, Effect::nothing(Some(!after_success))) } else { right };
            Some(Effect { jobs: [left.jobs, right.jobs].concat(), ..right })
        }),
        Node::List(nodes) => {
            let mut all = Effect::nothing(Some(true));
            for node in nodes {
                let effect = run(node, command)?;
                all = Effect { jobs: [all.jobs, effect.jobs].concat(), ..effect };
                if all.exits {
                    break;
                }
            }
            Some(all)
        }
        Node::If(branches, otherwise) => conditional(branches, otherwise.as_deref(), command),
    }
}

fn conditional(branches: &[(Node, Node)], otherwise: Option<&Node>, command: Command) -> Option<Effect> {
    let Some(((condition, body), rest)) = branches.split_first() else {
        // If no branch is taken, `if` succeeds.
        return otherwise.map_or(Some(Effect::nothing(Some(true))), |node| run(node, command));
    };
    let asked = run(condition, command)?;
    if asked.exits {
        return Some(asked);
    }
    let right = match asked.status {
        Some(true) => run(body, command)?,
        Some(false) => conditional(rest, otherwise, command)?,
        None => either(run(body, command)?, conditional(rest, otherwise, command)?),
    };
    Some(Effect { jobs: [asked.jobs, right.jobs].concat(), ..right })
}

/// Combines two effects of which only one happens, if it is unknown which one.
fn either(one: Effect, other: Effect) -> Effect {
    Effect {
        status: if one.status == other.status { one.status } else { None },
        jobs: [one.jobs, other.jobs].concat(),
        exits: one.exits && other.exits,
    }
}
