//! The names inside a rich dependency, as rpm indexes them.

use std::collections::BTreeSet;

/// An operator within parentheses (rpmds.c, `RichOps`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    And,
    Or,
    If,
    Unless,
    Else,
    With,
    Without,
}

impl Op {
    fn from_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"and" => Self::And,
            b"or" => Self::Or,
            b"if" => Self::If,
            b"unless" => Self::Unless,
            b"else" => Self::Else,
            b"with" => Self::With,
            b"without" => Self::Without,
            _ => return None,
        })
    }

    /// Reports whether the operand after the operator is a condition, whose names are negated.
    fn is_condition(self) -> bool {
        matches!(self, Self::If | Self::Unless)
    }
}

/// Maximum depth of nested parentheses. Real packages nest less deeply; rpm itself recurses without
/// a limit.
const MAX_DEPTH: usize = 64;

/// Returns the names in a dependency like `(a if (b or c))`, sorted and without duplicates. Names
/// in a condition have a leading `!`: `["a", "!b", "!c"]` (rpmdb.c, `updateRichDep`). Returns
/// nothing if it is not a rich dependency.
pub(super) fn names(dependency: &[u8]) -> Vec<Vec<u8>> {
    let mut parser = Parser { rest: dependency, names: Vec::new(), negated: false };
    if parser.parse(0).is_none() {
        return Vec::new();
    }
    // rpm sorts the names with their sign in front. A space sorts before an exclamation mark, so
    // plain names come first.
    let sorted: BTreeSet<(bool, &[u8])> = parser.names.iter().copied().collect();
    sorted.into_iter().map(|(negated, name)| if negated { [b"!", name].concat() } else { name.to_vec() }).collect()
}

struct Parser<'a> {
    rest: &'a [u8],
    names: Vec<(bool, &'a [u8])>,
    negated: bool,
}

impl<'a> Parser<'a> {
    /// Parses from `(` to the matching `)`. Returns `None` if the text is malformed (rpmds.c,
    /// `rpmrichParseInternal`).
    fn parse(&mut self, depth: usize) -> Option<()> {
        self.rest = self.rest.strip_prefix(b"(")?;
        if depth == MAX_DEPTH {
            return None;
        }
        let mut last: Option<Op> = None;
        let mut chain: Option<Op> = None;
        // Index of the condition's first name, for a possible `else`.
        let mut condition = self.names.len();
        loop {
            self.skip_white();
            match self.rest.first()? {
                b')' => return None,
                b'(' => self.parse(depth + 1)?,
                _ => self.parse_simple()?,
            }
            self.skip_white();
            if let Some(rest) = self.rest.strip_prefix(b")") {
                self.rest = rest;
                break;
            }
            let op = Op::from_word(self.word())?;
            if op == Op::Else && chain.is_some_and(Op::is_condition) {
                chain = None;
            }
            if chain.is_some_and(|chain| chain != op || !matches!(op, Op::And | Op::Or | Op::With)) {
                return None;
            }
            if op.is_condition() {
                condition = self.names.len();
                self.negated = !self.negated;
            } else if op == Op::Else {
                // The operand after `else` applies if the condition is false, so the condition's
                // names occur in both senses.
                let inverted: Vec<_> = self.names[condition..].iter().map(|&(negated, name)| (!negated, name)).collect();
                self.names.extend(inverted);
                self.negated = !self.negated;
            }
            chain = Some(op);
            last = Some(op);
        }
        if last.is_some_and(Op::is_condition) {
            self.negated = !self.negated;
        }
        Some(())
    }

    fn parse_simple(&mut self) -> Option<()> {
        let name = self.word();
        if name.is_empty() {
            return None;
        }
        self.skip_white();
        let before = self.rest;
        if matches!(self.word(), b"<" | b">" | b"=" | b"<=" | b">=" | b"==" | b"=<" | b"=>") {
            self.skip_white();
            if self.word().is_empty() {
                return None;
            }
        } else {
            self.rest = before;
        }
        if !name.starts_with(b"rpmlib(") {
            self.names.push((self.negated, name));
        }
        Some(())
    }

    fn skip_white(&mut self) {
        let white = self.rest.iter().take_while(|&&c| is_white(c)).count();
        self.rest = &self.rest[white..];
    }

    /// Returns the text up to white space or an unbalanced `)`.
    fn word(&mut self) -> &'a [u8] {
        let mut open = 0u32;
        let end = self.rest.iter().position(|&c| {
            match c {
                b'(' => open += 1,
                b')' if open == 0 => return true,
                b')' => open -= 1,
                _ => {}
            }
            is_white(c)
        });
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }
}

fn is_white(c: u8) -> bool {
    c == b',' || c.is_ascii_whitespace() || c == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed(dependency: &str) -> String {
        names(dependency.as_bytes()).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_are_negated_and_come_last() {
        assert_eq!(
            indexed("(glibc-gconv-extra(aarch-64) = 2.34-83.el9_3.7 if redhat-rpm-config)"),
            "glibc-gconv-extra(aarch-64) !redhat-rpm-config"
        );
        assert_eq!(indexed("(b or a >= 1, or c)"), "a b c");
        assert_eq!(indexed("((a if b) and (c unless (d or e)))"), "a c !b !d !e");
        assert_eq!(indexed("(a and a)"), "a");
    }

    #[test]
    fn an_else_has_the_condition_in_both_senses() {
        assert_eq!(indexed("(a if b else c)"), "a b c !b");
        assert_eq!(indexed("((a if b else c) if d)"), "a b c !b !d");
    }

    #[test]
    fn what_rpm_cannot_parse_has_no_names() {
        for broken in
            ["", "a", "(a", "(a or b and c)", "(a if b if c)", "()", "(a or )", "(a <)", "(a what b)", &"(".repeat(10_000)]
        {
            assert_eq!(indexed(broken), "", "{broken}");
        }
    }

    #[test]
    fn rpmlib_is_no_package() {
        assert_eq!(indexed("(a if rpmlib(X) < 4)"), "a");
    }
}
