//! Translation of owner names into numbers during unpacking.
//!
//! The numbers come from the `passwd` and `group` files that the root has at that moment, else from
//! the archive (tar.c, `apk_id_cache_resolve_uid`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::tree::Tree;

/// The user and group ids in a root's `passwd` and `group`.
#[derive(Debug, Default)]
pub(super) struct Owners {
    users: HashMap<Arc<str>, u32>,
    groups: HashMap<Arc<str>, u32>,
}

impl Owners {
    pub(super) fn of(tree: &Tree) -> Self {
        Self { users: numbers(&tree.read_text(b"/etc/passwd")), groups: numbers(&tree.read_text(b"/etc/group")) }
    }

    pub(super) fn user(&self, name: &str, otherwise: u32) -> u32 {
        self.users.get(name).copied().unwrap_or(otherwise)
    }

    pub(super) fn group(&self, name: &str, otherwise: u32) -> u32 {
        self.groups.get(name).copied().unwrap_or(otherwise)
    }
}

/// Maps the first field of each line to its third. The first line of a name counts.
fn numbers(text: &str) -> HashMap<Arc<str>, u32> {
    let mut numbers = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next().map(str::parse)) {
            numbers.entry(Arc::from(name)).or_insert(number);
        }
    }
    numbers
}
