//! Variables in configuration files and mirror lists: `$basearch`, `${releasever_major}`,
//! `${name:-word}`.
//!
//! The rules are those of libdnf's `ConfigParser::substitute` and dnf5's `Vars`. Names consist of
//! letters, digits and `_`, and are case-sensitive.

use std::collections::BTreeMap;

/// Maximum depth of nested words (libdnf's `MAXIMUM_EXPRESSION_DEPTH`).
const DEEPEST: usize = 32;

/// The values of variables, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

/// A text with its variables replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// Names of variables without a value, which stay unchanged in the text.
    pub unknown: Vec<String>,
}

impl Variables {
    /// Sets the value of a variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Returns the value of a variable. `releasever_major` and `releasever_minor` default to the
    /// parts of `releasever` before and after its first dot.
    pub fn get(&self, name: &str) -> Option<&str> {
        let of_release = || {
            let release = self.0.get("releasever")?;
            let (major, minor) = release.split_once('.').unwrap_or((release, ""));
            match name {
                "releasever_major" => Some(major),
                "releasever_minor" => Some(minor),
                _ => None,
            }
        };
        self.0.get(name).map(String::as_str).or_else(of_release)
    }

    /// Replaces the variables in a text. A backslash escapes the next character.
    pub fn expand(&self, text: &str) -> Expanded {
        let mut expansion = Expansion { variables: self, rest: text, unknown: Vec::new() };
        let text = expansion.run(0);
        Expanded { text, unknown: expansion.unknown }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(values: I) -> Self {
        Self(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The state of an expansion.
struct Expansion<'a> {
    variables: &'a Variables,
    rest: &'a str,
    unknown: Vec<String>,
}

impl Expansion<'_> {
    /// Expands the rest of the text or, for a nested word, the part before its closing `}`.
    fn run(&mut self, depth: usize) -> String {
        let mut result = String::new();
        while let Some(at) = self.rest.find(['$', '\\', '}']) {
            result.push_str(&self.rest[..at]);
            let found = self.rest[at..].chars().next();
            self.rest = &self.rest[at..];
            match found {
                Some('}') if depth > 0 => return result,
                Some('$') => {
                    let before = self.rest;
                    if let Some(value) = self.variable(depth) {
                        result.push_str(&value);
                    } else {
                        // Not a variable, or unknown: keep it unchanged and continue after its
                        // name.
                        self.rest = behind_name(before);
                        result.push_str(&before[..before.len() - self.rest.len()]);
                    }
                }
                Some('\\') => {
                    self.rest = &self.rest[1..];
                    let escaped = self.rest.chars().next();
                    self.rest = &self.rest[escaped.map_or(0, char::len_utf8)..];
                    result.push(escaped.unwrap_or('\\'));
                }
                _ => {
                    self.rest = &self.rest[1..];
                    result.push('}');
                }
            }
        }
        result + std::mem::take(&mut self.rest)
    }

    /// Reads the variable at the start of the rest and returns its replacement. Returns `None` if
    /// it stays unchanged.
    fn variable(&mut self, depth: usize) -> Option<String> {
        let whole = self.rest;
        let inner = &whole[1..];
        let Some(inner) = inner.strip_prefix('{') else {
            let (name, after) = split_name(inner);
            self.rest = after;
            return self.value(name);
        };
        let (name, after) = split_name(inner);
        if let Some(after) = after.strip_prefix('}') {
            self.rest = after;
            return self.value(name);
        }
        let is_default = after.starts_with(":-");
        if !is_default && !after.starts_with(":+") || depth >= DEEPEST {
            return None;
        }
        let noted = self.unknown.len();
        self.rest = &after[2..];
        let word = self.run(depth + 1);
        let Some(rest) = self.rest.strip_prefix('}') else {
            // The word has no closing brace: replace nothing from here on.
            self.unknown.truncate(noted);
            self.rest = "";
            return Some(whole.to_owned());
        };
        self.rest = rest;
        let value = self.variables.get(name).filter(|value| !value.is_empty());
        if value.is_some() == is_default {
            // The word is not used, so its unknown variables do not count.
            self.unknown.truncate(noted);
        }
        Some(match (value, is_default) {
            (Some(value), true) => value.to_owned(),
            (None, false) => String::new(),
            (Some(_), false) | (None, true) => word,
        })
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name);
        if value.is_none() && !name.is_empty() {
            self.unknown.push(name.to_owned());
        }
        value.map(str::to_owned)
    }
}

/// Splits a text after the variable name at its start.
fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()))
}

/// Returns the text after the name of a variable that stays unchanged.
fn behind_name(text: &str) -> &str {
    let inner = &text[1..];
    match inner.strip_prefix('{') {
        Some(inner) => {
            let (_, after) = split_name(inner);
            after.strip_prefix('}').unwrap_or(after)
        }
        None => split_name(inner).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let variables = [("releasever", "9.4"), ("basearch", "x86_64"), ("empty", ""), ("Foo", "F"), ("a_1", "U")];
        Variables::from_iter(variables).expand(text).text
    }

    #[test]
    fn variables_stand_for_their_values() {
        for (text, expected) in [
            ("$releasever-$basearch.$unknown", "9.4-x86_64.$unknown"),
            ("${releasever}x${basearch}$", "9.4xx86_64$"),
            ("$RELEASEVER $foo $Foo ${Foo}", "$RELEASEVER $foo F F"),
            ("$releaseverx $a_1 $a-b $$Foo", "$releaseverx U $a-b $F"),
            ("$releasever_major|$releasever_minor|${releasever_major}", "9|4|9"),
            ("$empty|${empty}|", "||"),
            ("${open $ ${} ${Foo", "${open $ ${} ${Foo"),
            (r"\$Foo \\$Foo a\b \", r"$Foo \F ab \"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
        let seven = Variables::from_iter([("releasever", "7")]);
        assert_eq!(seven.expand("$releasever_major.$releasever_minor.").text, "7..");
        let own = Variables::from_iter([("releasever", "7"), ("releasever_major", "x")]);
        assert_eq!(own.expand("$releasever_major").text, "x");
    }

    #[test]
    fn words_stand_in_for_variables_and_hold_variables() {
        for (text, expected) in [
            ("${unknown:-8}${empty:-7}${Foo:-6}", "87F"),
            ("${Foo:+a}${unknown:+b}${empty:+c}${unknown}", "a${unknown}"),
            ("${unknown:-$basearch}", "x86_64"),
            ("${unknown:-${basearch}}/${Foo:+el$releasever_major}", "x86_64/el9"),
            ("${unknown:-${other:+c}}|${unknown:-${other:-${Foo}}}", "|F"),
            (r"${unknown:-a\}b}", "a}b"),
            ("${unknown:-}x", "x"),
            ("${Foo:x} ${Foo:+a", "${Foo:x} ${Foo:+a"),
            ("${unknown:-$Foo $Foo", "${unknown:-$Foo $Foo"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
        let deep = "${u:-".repeat(64) + &"}".repeat(64);
        assert!(said(&deep).len() <= deep.len());
    }

    #[test]
    fn unknown_variables_are_named_where_they_count() {
        let variables = Variables::from_iter([("known", "1")]);
        let unknown = |text: &str| variables.expand(text).unknown;
        assert_eq!(unknown("$a/${b}/$known/${c:-$known}/${known:-$d}/${e:+$f}"), ["a", "b"]);
        assert_eq!(unknown("${c:-$d}/${known:+$e}"), ["d", "e"]);
        assert!(unknown(r"\$a $").is_empty());
    }
}
