//! rpm's macros, as far as scriptlets use them: simple and parametric ones, conditions,
//! definitions. No macro runs a program.

use std::collections::BTreeMap;

/// Maximum depth of nested macros.
const MAX_DEPTH: u32 = 64;
/// Maximum length of an expansion, in bytes.
const MAX_LENGTH: usize = 4 << 20;
/// Maximum length of a macro file, in bytes.
pub(super) const MAX_FILE: u64 = 1 << 20;
/// Maximum number of macros in one expansion.
const MAX_EXPANSIONS: u32 = 100_000;

/// The error of a malformed text or definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MacroError;

#[derive(Clone, Debug)]
struct Definition {
    parametric: bool,
    body: String,
}

/// Macros by name. The last definition of a name hides the earlier ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Macros {
    definitions: BTreeMap<String, Vec<Definition>>,
}

/// The arguments of the parametric macro being expanded.
struct Arguments<'a> {
    name: &'a str,
    words: Vec<String>,
}

impl Macros {
    /// Defines a macro without parameters.
    pub(super) fn set(&mut self, name: &str, body: &str) {
        self.push(name, Definition { parametric: false, body: body.to_owned() });
    }

    fn push(&mut self, name: &str, definition: Definition) {
        self.definitions.entry(name.to_owned()).or_default().push(definition);
    }

    /// Defines a macro from `name body` or `name(options) body`.
    pub(super) fn define(&mut self, text: &str) -> Result<(), MacroError> {
        let text = text.trim_start();
        let length = text.bytes().take_while(|&c| is_name(c)).count();
        let (name, rest) = text.split_at(length);
        if name.len() < 2 && !name.starts_with('_') && name.len() != text.trim().len().min(1) {
            // rpm requires names of at least two characters.
            return Err(MacroError);
        }
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(MacroError);
        }
        let (parametric, body) = match rest.strip_prefix('(') {
            Some(rest) => (true, rest.split_once(')').ok_or(MacroError)?.1),
            None => (false, rest),
        };
        if !body.is_empty() && !body.starts_with(|c: char| c.is_whitespace()) {
            return Err(MacroError);
        }
        let body = body.trim_start_matches([' ', '\t']).trim_end();
        let body = match body.strip_prefix('{') {
            Some(inner) => &inner[..closing(inner, b'{', b'}').ok_or(MacroError)?],
            None => body,
        };
        self.push(name, Definition { parametric, body: body.to_owned() });
        Ok(())
    }

    /// Removes the last definition of a name.
    pub(super) fn undefine(&mut self, name: &str) {
        if let Some(definitions) = self.definitions.get_mut(name.trim()) {
            definitions.pop();
            if definitions.is_empty() {
                self.definitions.remove(name.trim());
            }
        }
    }

    /// Returns whether the macro has parameters, or `None` if it is not defined.
    pub(super) fn is_defined(&self, name: &str) -> Option<bool> {
        self.find(name).map(|definition| definition.parametric)
    }

    /// Loads the definitions of a macro file. They are lines of `%name body`, which continue after
    /// `\` and within `%{`. Returns the number of malformed definitions.
    pub(super) fn load(&mut self, text: &str) -> usize {
        let mut failed = 0;
        let mut pending = String::new();
        for line in text.lines() {
            if pending.is_empty() && !line.trim_start().starts_with('%') {
                continue;
            }
            if pending.ends_with('\\') {
                pending.pop();
            }
            if !pending.is_empty() {
                pending.push('\n');
            }
            pending.push_str(line);
            if pending.ends_with('\\') || is_open(&pending) {
                continue;
            }
            failed += usize::from(self.define(pending.trim_start().trim_start_matches('%')).is_err());
            pending.clear();
        }
        failed + usize::from(!pending.is_empty())
    }

    fn find(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name).and_then(|definitions| definitions.last())
    }

    /// Expands the macros in `text`.
    pub(super) fn expand(&mut self, text: &str) -> Result<String, MacroError> {
        let mut expansion = Expansion { macros: self, out: String::new(), left: MAX_EXPANSIONS };
        expansion.text(text, None, 0)?;
        Ok(expansion.out)
    }

    /// Expands a parametric macro with these arguments.
    pub(super) fn call(&mut self, name: &str, words: Vec<String>) -> Result<String, MacroError> {
        let body = self.find(name).ok_or(MacroError)?.body.clone();
        let mut expansion = Expansion { macros: self, out: String::new(), left: MAX_EXPANSIONS };
        expansion.text(&body, Some(&Arguments { name, words }), 1)?;
        Ok(expansion.out)
    }
}

struct Expansion<'m> {
    macros: &'m mut Macros,
    out: String,
    left: u32,
}

impl Expansion<'_> {
    fn push(&mut self, text: &str) -> Result<(), MacroError> {
        if self.out.len() + text.len() > MAX_LENGTH {
            return Err(MacroError);
        }
        self.out.push_str(text);
        Ok(())
    }

    fn text(&mut self, text: &str, arguments: Option<&Arguments>, level: u32) -> Result<(), MacroError> {
        if level > MAX_DEPTH {
            return Err(MacroError);
        }
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            self.push(before)?;
            self.left = self.left.checked_sub(1).ok_or(MacroError)?;
            rest = self.one(after, arguments, level)?;
        }
        self.push(rest)
    }

    /// Expands the macro after a `%`. Returns the rest of the text.
    fn one<'t>(&mut self, text: &'t str, arguments: Option<&Arguments>, level: u32) -> Result<&'t str, MacroError> {
        if let Some(rest) = text.strip_prefix('%') {
            self.push("%")?;
            return Ok(rest);
        }
        if let Some(inner) = text.strip_prefix('{') {
            let end = closing(inner, b'{', b'}').ok_or(MacroError)?;
            self.braces(&inner[..end], arguments, level)?;
            return Ok(&inner[end + 1..]);
        }
        if let Some(inner) = text.strip_prefix('(') {
            // The output of a shell command is empty, because no program runs.
            let end = closing(inner, b'(', b')').ok_or(MacroError)?;
            return Ok(&inner[end + 1..]);
        }
        let conditions = text.bytes().take_while(|c| matches!(c, b'?' | b'!')).count();
        let (flags, after) = text.split_at(conditions);
        let name_length = match after.as_bytes().first() {
            Some(b'*' | b'#') => 1,
            Some(c) if c.is_ascii_digit() => after.bytes().take_while(u8::is_ascii_digit).count(),
            _ => after.bytes().take_while(|&c| is_name(c)).count(),
        };
        let (name, rest) = after.split_at(name_length);
        if name.is_empty() {
            self.push("%")?;
            self.push(flags)?;
            return Ok(after);
        }
        if flags.is_empty() && matches!(name, "define" | "global" | "undefine") {
            let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
            self.builtin(name, line.trim_start(), arguments, level)?;
            return Ok(rest.get(line.len()..).unwrap_or_default());
        }
        let parametric = self.macros.is_defined(name) == Some(true) && flags.is_empty();
        let line = if parametric { rest.split_once('\n').map_or(rest, |(line, _)| line) } else { "" };
        if !self.named(name, flags, None, line, arguments, level)? {
            self.push("%")?;
            self.push(flags)?;
            self.push(name)?;
        }
        Ok(&rest[line.len()..])
    }

    /// Expands the contents of braces: `name`, `?name`, `!?name:text`, `name arguments`,
    /// `builtin:text`.
    fn braces(&mut self, inner: &str, arguments: Option<&Arguments>, level: u32) -> Result<(), MacroError> {
        let conditions = inner.bytes().take_while(|c| matches!(c, b'?' | b'!')).count();
        let (flags, after) = inner.split_at(conditions);
        let length = match after.as_bytes().first() {
            Some(b'*' | b'#') => 1,
            Some(b'-') => 1 + after[1..].bytes().take_while(|&c| is_name(c) || c == b'*').count(),
            _ => after.bytes().take_while(|&c| is_name(c)).count(),
        };
        let (name, rest) = after.split_at(length);
        if let Some(text) = rest.strip_prefix(':') {
            if flags.is_empty() && self.builtin(name, text, arguments, level)? {
                return Ok(());
            }
            if !self.named(name, flags, Some(text), "", arguments, level)? {
                self.push(&format!("%{{{inner}}}"))?;
            }
            return Ok(());
        }
        if flags.is_empty() && matches!(name, "define" | "global" | "undefine") {
            self.builtin(name, rest.trim_start(), arguments, level)?;
            return Ok(());
        }
        if name.is_empty() || !self.named(name, flags, None, rest, arguments, level)? {
            self.push("%{")?;
            self.push(inner)?;
            self.push("}")?;
        }
        Ok(())
    }

    /// Expands a macro by name, according to its conditions. Returns false if the text stays
    /// unchanged.
    fn named(
        &mut self,
        name: &str,
        flags: &str,
        text: Option<&str>,
        words: &str,
        arguments: Option<&Arguments>,
        level: u32,
    ) -> Result<bool, MacroError> {
        let negated = flags.bytes().filter(|&c| c == b'!').count() % 2 == 1;
        let conditional = flags.contains('?');
        let value = arguments.and_then(|arguments| arguments.value(name));
        let defined = value.is_some() || self.macros.find(name).is_some();
        if conditional {
            if defined == negated {
                return Ok(true);
            }
            if let Some(text) = text {
                return self.text(text, arguments, level + 1).map(|()| true);
            }
            if negated {
                return Ok(true);
            }
        }
        if let Some(value) = value {
            return self.push(&value).map(|()| true);
        }
        let Some(definition) = self.macros.find(name).cloned() else { return Ok(conditional) };
        if definition.parametric {
            let start = self.out.len();
            self.text(words, arguments, level + 1)?;
            let words: Vec<String> = self.out.split_off(start).split_whitespace().map(str::to_owned).collect();
            let words = text.map_or(words, |text| vec![text.to_owned()]);
            return self.text(&definition.body, Some(&Arguments { name, words }), level + 1).map(|()| true);
        }
        self.text(&definition.body, arguments, level + 1).map(|()| true)
    }

    /// Expands a builtin macro of rpm. Returns false if there is none with this name.
    fn builtin(&mut self, name: &str, text: &str, arguments: Option<&Arguments>, level: u32) -> Result<bool, MacroError> {
        if name == "define" {
            self.macros.define(text)?;
            return Ok(true);
        }
        let known =
            ["global", "undefine", "expand", "basename", "dirname", "suffix", "quote", "upper", "lower", "len", "defined"];
        if !known.contains(&name) {
            return Ok(false);
        }
        let start = self.out.len();
        self.text(text, arguments, level + 1)?;
        let value = self.out.split_off(start);
        let result = match name {
            "global" => {
                self.macros.define(&value)?;
                String::new()
            }
            "undefine" => {
                self.macros.undefine(&value);
                String::new()
            }
            "expand" => return self.text(&value, arguments, level + 1).map(|()| true),
            "basename" => value.rsplit('/').next().unwrap_or_default().to_owned(),
            "dirname" => value.rsplit_once('/').map_or(".", |(directory, _)| directory).to_owned(),
            "suffix" => value.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_owned(),
            "upper" => value.to_ascii_uppercase(),
            "lower" => value.to_ascii_lowercase(),
            "len" => value.len().to_string(),
            "defined" => u8::from(self.macros.find(value.trim()).is_some()).to_string(),
            _ => value,
        };
        self.push(&result)?;
        Ok(true)
    }
}

impl Arguments<'_> {
    /// Returns the value of `%0`, `%1`, `%*`, `%#`.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "*" | "**" => Some(self.words.join(" ")),
            "#" => Some(self.words.len().to_string()),
            "0" => Some(self.name.to_owned()),
            digits => self.words.get(digits.parse::<usize>().ok()?.checked_sub(1)?).cloned(),
        }
    }
}

fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

/// Returns the offset of the bracket that closes the one opened before `text`.
fn closing(text: &str, open: u8, close: u8) -> Option<usize> {
    let mut depth = 1;
    text.bytes().position(|c| {
        depth += i32::from(c == open) - i32::from(c == close);
        depth == 0
    })
}

/// Reports whether a `%{` is still open at the end (rpmmacro.c, `rdcl`: other braces do not count).
fn is_open(text: &str) -> bool {
    let mut depth = 0;
    let mut before = 0;
    for c in text.bytes() {
        match c {
            b'{' if depth > 0 || before == b'%' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            _ => {}
        }
        before = c;
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn macros() -> Macros {
        let mut macros = Macros::default();
        for text in
            ["_prefix /usr", "_lib lib64", "_libdir %{_prefix}/%{_lib}", "twice() %1 %1%{?2:-%2} %#", "empty %{nil}", "nil"]
        {
            macros.define(text).unwrap();
        }
        macros
    }

    #[test]
    fn texts_expand() {
        let mut macros = macros();
        for (text, expected) in [
            ("%{_libdir}/x", "/usr/lib64/x"),
            ("%_libdir", "/usr/lib64"),
            ("%unknown %{unknown} %% %{?unknown}", "%unknown %{unknown} % "),
            ("%{?_lib:yes}%{!?_lib:no}%{!?other:no}", "yesno"),
            ("%{twice a b}|%{twice c}", "a a-b 2|c c 1"),
            ("%{expand:%%{_lib}}", "lib64"),
            ("%{basename:/a/b.c} %{dirname:/a/b.c} %{upper:ab}", "b.c /a AB"),
            ("%(echo hi)", ""),
            ("%{?empty}", ""),
            ("100%", "100%"),
        ] {
            assert_eq!(macros.expand(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(macros.expand("%{").is_err());
        macros.define("loop %loop").unwrap();
        assert!(macros.expand("%loop").is_err(), "recursion ends");
    }

    #[test]
    fn definitions_are_stacked() {
        let mut macros = macros();
        macros.define("_lib lib").unwrap();
        assert_eq!(macros.expand("%_lib").unwrap(), "lib");
        macros.undefine("_lib");
        assert_eq!(macros.expand("%_lib").unwrap(), "lib64");
        assert_eq!(macros.is_defined("twice"), Some(true));
        assert_eq!(macros.is_defined("none"), None);
        assert!(macros.define("1a b").is_err());
        assert_eq!(macros.load("# comment\n%one 1\n%two a\\\n b\n\n%three() %{expand:\n %1\n}\n%four {\n x\n}\n"), 1);
        assert_eq!(macros.expand("%one%two").unwrap(), "1a\n b");
        assert_eq!(macros.is_defined("three"), Some(true));
    }

    #[test]
    fn bombs_end() {
        let mut macros = Macros::default();
        macros.define("a0 xxxxxxxxxxxxxxxx").unwrap();
        for i in 1..40 {
            macros.define(&format!("a{i} %{{a{}}}%{{a{}}}", i - 1, i - 1)).unwrap();
        }
        assert!(macros.expand("%a39").is_err());
    }
}
