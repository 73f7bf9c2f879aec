//! The layer that turns one tree into another: added and changed names, and a whiteout for each
//! removed name.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::layers::{Layer, Member};
use super::members::{WHITEOUT, is_same};
use crate::output::error::OutputError;
use crate::tree::{Metadata, Node, NodeId, NodeKind, Tree, display};

/// The names of every node with several names, sorted.
type Groups = FxHashMap<NodeId, Vec<Vec<u8>>>;

fn paths(tree: &Tree) -> (BTreeMap<Vec<u8>, NodeId>, Groups) {
    let mut paths = BTreeMap::from([(Vec::new(), Tree::ROOT)]);
    let mut groups = Groups::default();
    tree.walk(|path, id| {
        paths.insert(path.to_vec(), id);
        if !tree.node(id).is_directory() {
            groups.entry(id).or_default().push(path.to_vec());
        }
    });
    for names in groups.values_mut() {
        names.sort_unstable();
    }
    (paths, groups)
}

/// Returns the layer that turns `base` into `tree`.
pub(super) fn difference(base: &Tree, tree: &Tree) -> Result<Layer, OutputError> {
    let (before, groups_before) = paths(base);
    let (after, groups) = paths(tree);
    let mut wanted: BTreeMap<Vec<u8>, Option<NodeId>> = BTreeMap::new();
    for (path, &id) in &after {
        let node = tree.node(id);
        let is_kept = match before.get(path) {
            None => false,
            Some(&old) => {
                // A hard link that is added or removed changes all names of the node.
                groups_before.get(&old) == groups.get(&id)
                    && is_unchanged(base.node(old), node).map_err(|error| OutputError::Content { path: display(path), error })?
            }
        };
        if is_kept {
            continue;
        }
        for name in groups.get(&id).map_or(std::slice::from_ref(path), Vec::as_slice) {
            wanted.insert(name.clone(), Some(id));
        }
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        let (directory, name) = match path.iter().rposition(|&c| c == b'/') {
            Some(at) => path.split_at(at + 1),
            None => (&b""[..], &path[..]),
        };
        // If a directory was removed or is no longer a directory, its content is gone with it.
        let parent = after.get(directory.strip_suffix(b"/").unwrap_or(directory));
        if parent.is_some_and(|&parent| tree.node(parent).is_directory()) {
            wanted.insert([directory, WHITEOUT, name].concat(), None);
        }
    }
    // Each directory is included, so that the layer alone shows its correct attributes.
    for path in wanted.keys().cloned().collect::<Vec<_>>() {
        for (at, _) in path.iter().enumerate().filter(|&(_, &c)| c == b'/') {
            if let Some(&id) = after.get(&path[..at]) {
                wanted.entry(path[..at].to_vec()).or_insert(Some(id));
            }
        }
    }
    let members = wanted.into_iter().map(|(path, id)| Member { path, id, time: None }).collect();
    Ok(Layer { what: "what is different from the image below".to_owned(), members })
}

/// Reports whether a node is unchanged. The time of a node that the build makes itself does not
/// count.
fn is_unchanged(old: &Node, new: &Node) -> std::io::Result<bool> {
    let times = new.metadata.mtime == Metadata::NOW || old.metadata.mtime == new.metadata.mtime;
    let is_link = matches!(new.kind, NodeKind::Symlink(_));
    let (a, b) = (&old.metadata, &new.metadata);
    if !times || (!is_link && a.mode != b.mode) || (&a.user, &a.group, &a.xattrs) != (&b.user, &b.group, &b.xattrs) {
        return Ok(false);
    }
    Ok(match (&old.kind, &new.kind) {
        (NodeKind::File(old), NodeKind::File(new)) => is_same(old, new)?,
        (NodeKind::Directory(_), NodeKind::Directory(_))
        | (NodeKind::Fifo, NodeKind::Fifo)
        | (NodeKind::Socket, NodeKind::Socket) => true,
        (NodeKind::Symlink(old), NodeKind::Symlink(new)) => old == new,
        (NodeKind::CharacterDevice { major: a, minor: b }, NodeKind::CharacterDevice { major: c, minor: d })
        | (NodeKind::BlockDevice { major: a, minor: b }, NodeKind::BlockDevice { major: c, minor: d }) => (a, b) == (c, d),
        _ => false,
    })
}
