//! Licenses as packages write them, and their comparison with a policy.
//!
//! SPDX expressions (`MIT AND (GPL-2.0-only OR Apache-2.0)`) and the older form (`GPLv2+ and
//! LGPLv2+ with exceptions or MIT`) have one grammar. Names of one or more words stand between
//! `and`, `or`, `with` and parentheses; `and` binds more strongly than `or`.

use crate::finish::glob;

/// Maximum depth of parentheses.
const DEEPEST: usize = 64;

/// A license expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum License {
    /// A license, with its exception if it has one.
    Name(String),
    /// All licenses of the list apply.
    All(Vec<License>),
    /// The user of the package chooses one license of the list.
    Any(Vec<License>),
}

impl License {
    /// Parses an expression. Text that is not an expression is treated as one name.
    pub fn parse(text: &str) -> Self {
        let words = words(text);
        let mut reader = Reader { words: &words, at: 0, depth: 0 };
        match reader.any() {
            Some(license) if reader.at == words.len() => license,
            _ => Self::Name(text.trim().to_owned()),
        }
    }

    /// Returns the names that prevent acceptance. A choice has none if one of its alternatives is
    /// accepted.
    pub fn refused<'a>(&'a self, is_taken: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
        match self {
            Self::Name(name) if is_taken(name) => Vec::new(),
            Self::Name(name) => vec![name],
            Self::All(parts) => parts.iter().flat_map(|part| part.refused(is_taken)).collect(),
            Self::Any(parts) => {
                let each: Vec<Vec<&str>> = parts.iter().map(|part| part.refused(is_taken)).collect();
                if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() }
            }
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    spaced.split_ascii_whitespace().map(str::to_owned).collect()
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<License> {
        let mut parts = vec![self.all()?];
        while self.takes("or") || self.takes("|") {
            parts.push(self.all()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { License::Any(parts) })
    }

    fn all(&mut self) -> Option<License> {
        let mut parts = vec![self.one()?];
        while self.takes("and") || self.takes("&") {
            parts.push(self.one()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { License::All(parts) })
    }

    fn one(&mut self) -> Option<License> {
        if self.takes("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return None;
            }
            let inner = self.any()?;
            self.depth -= 1;
            return self.takes(")").then_some(inner);
        }
        let begin = self.at;
        // `with` is a part of the name: `GPLv2+ with exceptions`, `GPL-2.0-only WITH
        // Classpath-exception-2.0`.
        while self.peek().is_some_and(|word| !is_operator(word)) {
            self.at += 1;
        }
        (self.at > begin).then(|| License::Name(self.words[begin..self.at].join(" ")))
    }
}

fn is_operator(word: &str) -> bool {
    matches!(word, "(" | ")" | "|" | "&") || word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")
}

/// Reports whether a name matches one of the patterns, with or without its exception. Case does not
/// matter.
pub(super) fn fits(name: &str, patterns: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    let bare = name.split(" with ").next().unwrap_or(&name);
    patterns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        glob::matches(pattern.as_bytes(), name.as_bytes()) || glob::matches(pattern.as_bytes(), bare.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, allowed: &[&str]) -> Vec<String> {
        let allowed: Vec<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        License::parse(text).refused(&|name| fits(name, &allowed)).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn both_ways_of_writing_are_read() {
        let name = |text: &str| License::Name(text.to_owned());
        assert_eq!(
            License::parse("MIT AND (GPL-2.0-only OR Apache-2.0)"),
            License::All(vec![name("MIT"), License::Any(vec![name("GPL-2.0-only"), name("Apache-2.0")])])
        );
        assert_eq!(
            License::parse("GPLv2+ and LGPLv2+ with exceptions or Public Domain"),
            License::Any(vec![License::All(vec![name("GPLv2+"), name("LGPLv2+ with exceptions")]), name("Public Domain")])
        );
        for odd in ["", "and", "(MIT", "MIT)", "MIT OR", &"(".repeat(1000)] {
            assert_eq!(License::parse(odd), name(odd.trim()), "{odd}");
        }
    }

    #[test]
    fn a_choice_is_taken_when_one_of_it_is() {
        assert_eq!(refused("MIT OR GPL-3.0-only", &["mit"]), [""; 0]);
        assert_eq!(refused("MIT AND GPL-3.0-only", &["MIT"]), ["GPL-3.0-only"]);
        assert_eq!(refused("(A OR B) AND C", &["C"]), ["A", "B"]);
        assert_eq!(refused("GPL-2.0-only WITH Classpath-exception-2.0", &["GPL-2.0-*"]), [""; 0]);
        assert_eq!(refused("LGPLv2+ with exceptions", &["lgplv2+"]), [""; 0]);
    }
}
