//! The names of packages and files within a document: each is one package's alone, and the same in every document of the same set.

use std::collections::BTreeSet;

/// Names that were given.
#[derive(Debug, Default)]
pub(super) struct Identities(BTreeSet<String>);

impl Identities {
    /// `name`, or where that is given already, the name with the first number that is free.
    pub(super) fn give(&mut self, name: &str) -> String {
        let mut given = name.to_owned();
        let mut number = 2;
        while !self.0.insert(given.clone()) {
            given = format!("{name}-{number}");
            number += 1;
        }
        given
    }

    /// A name of SPDX (`SPDXRef-` and letters, digits, dots and dashes) that is made of a text.
    pub(super) fn spdx(&mut self, what: &str, text: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let text: String = text.chars().map(plain).collect();
        self.give(&format!("SPDXRef-{what}-{}", text.trim_matches('-')))
    }
}
