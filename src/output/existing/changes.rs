//! The differences between a root and its target state, name by name.

use rustc_hash::FxHashSet;

use crate::tree::{Directory, Metadata, Node, NodeId, NodeKind, Tree};

/// A name that is added or removed, or that refers to another node from now on. The content of an
/// added or removed directory has no steps of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The directory, relative to the root; empty for the root itself.
    pub(super) directory: Vec<u8>,
    pub(super) name: Vec<u8>,
    /// The current node, in the base.
    pub(super) old: Option<NodeId>,
    /// The target node, in the tree.
    pub(super) new: Option<NodeId>,
}

/// A directory that stays and is changed: its names, or its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) path: Vec<u8>,
    pub(super) before: Metadata,
    pub(super) after: Metadata,
}

/// All differences, parents first.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) steps: Vec<Step>,
    pub(super) touched: Vec<Touched>,
}

impl Changes {
    /// Returns the changes that turn `base` into `tree`. `tree` was made from `base`: a node that
    /// both have has the same id in both.
    pub(super) fn between(base: &Tree, tree: &Tree, epoch: i64) -> Self {
        let mut changes = Self::default();
        let mut pending = vec![(Tree::ROOT, Tree::ROOT, Vec::new())];
        while let Some((old_id, new_id, path)) = pending.pop() {
            let (old, new) = (base.node(old_id), tree.node(new_id));
            let (NodeKind::Directory(before), NodeKind::Directory(after)) = (&old.kind, &new.kind) else { continue };
            let steps = changes.steps.len();
            changes.compare(base, tree, (before, after), &path, &mut pending);
            let mut metadata = new.metadata.clone();
            let has_steps = changes.steps.len() > steps;
            if has_steps || metadata.mtime == Metadata::NOW {
                metadata.mtime = epoch;
            }
            // The journal lies in the root.
            if path.is_empty() || has_steps || metadata != old.metadata {
                changes.touched.push(Touched { path, before: old.metadata.clone(), after: metadata });
            }
        }
        changes
    }

    /// Reports whether there are no changes.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.touched.iter().all(|touched| touched.before == touched.after)
    }

    fn compare(
        &mut self,
        base: &Tree,
        tree: &Tree,
        (before, after): (&Directory, &Directory),
        path: &[u8],
        pending: &mut Vec<(NodeId, NodeId, Vec<u8>)>,
    ) {
        let (mut before, mut after) = (before.entries().peekable(), after.entries().peekable());
        loop {
            let (old, new) = match (before.peek(), after.peek()) {
                (None, None) => return,
                (Some(_), None) => (before.next(), None),
                (None, Some(_)) => (None, after.next()),
                (Some(old), Some(new)) => match old.0.cmp(new.0) {
                    std::cmp::Ordering::Less => (before.next(), None),
                    std::cmp::Ordering::Greater => (None, after.next()),
                    std::cmp::Ordering::Equal => (before.next(), after.next()),
                },
            };
            let Some(name) = old.or(new).map(|(name, _)| name) else { return };
            let (old, new) = (old.map(|(_, id)| id), new.map(|(_, id)| id));
            if let (Some(old), Some(new)) = (old, new) {
                if base.node(old).is_directory() && tree.node(new).is_directory() {
                    let below = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
                    pending.push((old, new, below));
                    continue;
                }
                if old == new && is_same(base.node(old), tree.node(new)) {
                    continue;
                }
            }
            self.steps.push(Step { directory: path.to_vec(), name: name.to_vec(), old, new });
        }
    }
}

/// Reports whether a node is unchanged. Not for directories.
pub(super) fn is_same(old: &Node, new: &Node) -> bool {
    old.metadata == new.metadata
        && match (&old.kind, &new.kind) {
            (NodeKind::File(old), NodeKind::File(new)) => old.is_same(new),
            (NodeKind::Symlink(old), NodeKind::Symlink(new)) => old == new,
            (
                NodeKind::CharacterDevice { major: old_major, minor: old_minor },
                NodeKind::CharacterDevice { major: new_major, minor: new_minor },
            )
            | (
                NodeKind::BlockDevice { major: old_major, minor: old_minor },
                NodeKind::BlockDevice { major: new_major, minor: new_minor },
            ) => (old_major, old_minor) == (new_major, new_minor),
            (NodeKind::Fifo, NodeKind::Fifo) | (NodeKind::Socket, NodeKind::Socket) => true,
            _ => false,
        }
}

/// Reports whether a mount point is at or below a node. It cannot be moved or removed with the
/// node.
pub(super) fn mount_below(base: &Tree, id: NodeId, mounts: &FxHashSet<NodeId>) -> bool {
    let mut pending = if mounts.is_empty() { Vec::new() } else { vec![id] };
    while let Some(id) = pending.pop() {
        if mounts.contains(&id) {
            return true;
        }
        if let NodeKind::Directory(directory) = &base.node(id).kind {
            pending.extend(directory.entries().map(|(_, id)| id).filter(|&id| base.node(id).is_directory()));
        }
    }
    false
}
