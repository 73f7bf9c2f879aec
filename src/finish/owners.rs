//! Conversion of owner names to numbers, by the target's own `passwd` and `group`.
//!
//! In: a tree whose nodes are owned by name. Out: the tree with numbers, and the names that the
//! target does not know. Nodes of unknown owners get root's number, like in rpm.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::accounts::{self, GROUP, PASSWD};
use crate::package::Owner;
use crate::tree::{NodeId, Tree};

const SETUID: u16 = 0o4000;
const SETGID: u16 = 0o2000;

/// Names that are missing in the target's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Unknown user names.
    pub users: BTreeSet<Arc<str>>,
    /// Unknown group names.
    pub groups: BTreeSet<Arc<str>>,
}

impl Unknown {
    /// Reports whether every name was known.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// Returns one warning per name.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let line = |kind: &str, name: &str| format!("{kind} {name} does not exist in the target: root owns its files");
        let users = self.users.iter().map(move |name| line("user", name));
        users.chain(self.groups.iter().map(move |name| line("group", name)))
    }
}

/// Sets numeric owners on every node of the tree.
pub fn resolve(tree: &mut Tree) -> Unknown {
    let users = accounts::numbers(tree, PASSWD);
    let groups = accounts::numbers(tree, GROUP);
    let mut unknown = Unknown::default();
    let mut nodes: Vec<NodeId> = vec![Tree::ROOT];
    tree.walk(|_, id| nodes.push(id));
    for id in nodes {
        let metadata = &mut tree.node_mut(id).metadata;
        // rpmfi.c: a program that should run as an unknown user must not run as root, so the set-id
        // bit is cleared.
        if !number(&mut metadata.user, &users, &mut unknown.users) {
            metadata.mode &= !SETUID;
        }
        if !number(&mut metadata.group, &groups, &mut unknown.groups) {
            metadata.mode &= !SETGID;
        }
    }
    unknown
}

/// Replaces a name by its number. Returns `false` if the name is unknown; the owner is then root.
fn number(owner: &mut Owner, known: &HashMap<Arc<str>, u32>, unknown: &mut BTreeSet<Arc<str>>) -> bool {
    let Owner::Name(name) = &*owner else { return true };
    let found = if **name == *"root" { Some(0) } else { known.get(name).copied() };
    if found.is_none() {
        unknown.insert(Arc::clone(name));
    }
    *owner = Owner::Id(found.unwrap_or(0));
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Content;

    #[test]
    fn names_are_the_target_s_and_unknown_ones_are_root_without_powers() {
        let mut tree = Tree::new();
        let passwd = &b"root:x:0:0::/:/bin/sh\nmail:x:8:12::/:/x\nmail:x:9:9::/:/x\nbroken:x:many:1::/:\n"[..];
        tree.write(b"/etc/passwd", Content::from(passwd), 0o644).unwrap();
        tree.write(b"/etc/group", Content::from(&b"mail:x:12:\n"[..]), 0o644).unwrap();
        let mut file = |name: &str, user: &str, group: &str, mode| {
            let id = tree.write(name.as_bytes(), Content::empty(), mode).unwrap();
            tree.node_mut(id).metadata.user = Owner::named(user);
            tree.node_mut(id).metadata.group = Owner::Name(group.into());
            id
        };
        let mail = file("/a", "mail", "mail", 0o6755);
        let half = file("/b", "broken", "mail", 0o6755);
        let lost = file("/c", "root", "nogroup", 0o6755);
        let unknown = resolve(&mut tree);
        let of = |id: NodeId| {
            let m = &tree.node(id).metadata;
            (m.user.clone(), m.group.clone(), m.mode)
        };
        assert_eq!(of(mail), (Owner::Id(8), Owner::Id(12), 0o6755));
        assert_eq!(of(half), (Owner::Id(0), Owner::Id(12), 0o2755));
        assert_eq!(of(lost), (Owner::Id(0), Owner::Id(0), 0o4755));
        assert_eq!(
            unknown.warnings().collect::<Vec<_>>(),
            [
                "user broken does not exist in the target: root owns its files",
                "group nogroup does not exist in the target: root owns its files"
            ]
        );
        assert!(resolve(&mut tree).is_empty(), "what has numbers keeps them");
    }
}
