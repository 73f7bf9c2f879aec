//! Identifiers of packages and files within a document. Each is unique, and stable across documents
//! of the same set.

use std::collections::BTreeSet;

/// The identifiers in use.
#[derive(Debug, Default)]
pub(super) struct Identities(BTreeSet<String>);

impl Identities {
    /// Returns `name` or, if it is in use, `name` with the first free number.
    pub(super) fn give(&mut self, name: &str) -> String {
        let mut given = name.to_owned();
        let mut number = 2;
        while !self.0.insert(given.clone()) {
            given = format!("{name}-{number}");
            number += 1;
        }
        given
    }

    /// Returns an SPDX identifier (`SPDXRef-` and letters, digits, dots and dashes) for a text.
    pub(super) fn spdx(&mut self, what: &str, text: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let text: String = text.chars().map(plain).collect();
        self.give(&format!("SPDXRef-{what}-{}", text.trim_matches('-')))
    }
}
