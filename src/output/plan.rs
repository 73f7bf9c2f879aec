//! The size of the work of writing a tree, counted before the first system call.

use rustc_hash::FxHashMap;

use super::error::OutputError;
use super::ownership::number;
use crate::package::Owner;
use crate::tree::{NodeId, NodeKind, Tree, display};

/// The measurements of a finished tree.
pub(super) struct Plan {
    /// The cost of writing each directory's subtree, itself included.
    weights: FxHashMap<NodeId, u64>,
    /// Nodes with more than one name, with their number in the staging directory.
    linked: FxHashMap<NodeId, usize>,
    /// The number of names that are not directories.
    pub(super) files: u64,
    /// The number of directories, the root included.
    pub(super) directories: u64,
    /// The number of inodes.
    pub(super) inodes: u64,
    /// The size of all contents in bytes, hard links counted once.
    pub(super) bytes: u64,
    /// The approximate space on disk, in bytes, counted in blocks of 4 KiB.
    pub(super) needed: u64,
}

const BLOCK: u64 = 4096;

/// The number of content bytes that cost about as much to write as one more name.
const BYTES_OF_A_NAME: u64 = 8 << 10;

impl Plan {
    /// Walks the tree once. Fails if an owner has no number.
    pub(super) fn of(tree: &Tree) -> Result<Self, OutputError> {
        let mut plan = Self {
            weights: FxHashMap::default(),
            linked: FxHashMap::default(),
            files: 0,
            directories: 0,
            inodes: 0,
            bytes: 0,
            needed: 0,
        };
        let mut seen: FxHashMap<NodeId, bool> = FxHashMap::default();
        // In the order of discovery, every directory comes after its parent. The code does not
        // recurse: a tree may be deep.
        let mut directories = vec![(Tree::ROOT, 0usize)];
        let mut weights = Vec::new();
        check_owner(tree, Tree::ROOT, Tree::ROOT, b"")?;
        let mut next = 0;
        while let Some(&(id, _)) = directories.get(next) {
            plan.needed += BLOCK;
            let mut weight = 1u64;
            if let NodeKind::Directory(directory) = &tree.node(id).kind {
                for (name, child) in directory.entries() {
                    check_owner(tree, child, id, name)?;
                    if tree.node(child).is_directory() {
                        directories.push((child, next));
                        continue;
                    }
                    plan.files += 1;
                    weight += 1;
                    match seen.get_mut(&child) {
                        Some(linked) if !*linked => {
                            *linked = true;
                            let number = plan.linked.len();
                            plan.linked.insert(child, number);
                        }
                        Some(_) => {}
                        None => {
                            seen.insert(child, false);
                            let length = tree.node(child).content().map_or(0, crate::package::Content::len);
                            plan.bytes += length;
                            weight = weight.saturating_add(length / BYTES_OF_A_NAME);
                            plan.needed = plan.needed.saturating_add(length.div_ceil(BLOCK).saturating_mul(BLOCK));
                        }
                    }
                }
            }
            weights.push(weight);
            next += 1;
        }
        plan.directories = directories.len() as u64;
        plan.inodes = plan.directories + seen.len() as u64;
        for (i, &(id, parent)) in directories.iter().enumerate().rev() {
            plan.weights.insert(id, weights[i]);
            if i != 0 {
                weights[parent] = weights[parent].saturating_add(weights[i]);
            }
        }
        Ok(plan)
    }

    /// Returns the cost of writing a directory's subtree, in names: the directory, its names, and
    /// their contents.
    pub(super) fn weight(&self, directory: NodeId) -> u64 {
        self.weights.get(&directory).copied().unwrap_or(1)
    }

    /// Returns the number of a node with several names.
    pub(super) fn linked(&self, node: NodeId) -> Option<usize> {
        self.linked.get(&node).copied()
    }

    /// Returns all nodes with several names, by number.
    pub(super) fn all_linked(&self) -> Vec<NodeId> {
        let mut list: Vec<(usize, NodeId)> = self.linked.iter().map(|(&node, &number)| (number, node)).collect();
        list.sort_unstable();
        list.into_iter().map(|(_, node)| node).collect()
    }
}

/// Fails if a node or a node below it has an owner without a number.
pub(super) fn check_owners(tree: &Tree, top: NodeId, path: &dyn Fn() -> Vec<u8>) -> Result<(), OutputError> {
    let mut pending = vec![top];
    while let Some(id) = pending.pop() {
        let node = tree.node(id);
        if [&node.metadata.user, &node.metadata.group].into_iter().any(|owner| number(owner).is_none()) {
            let owner = format!("{:?}:{:?}", node.metadata.user, node.metadata.group);
            return Err(OutputError::Owner { path: display(&path()), owner });
        }
        if let NodeKind::Directory(directory) = &node.kind {
            pending.extend(directory.entries().map(|(_, id)| id));
        }
    }
    Ok(())
}

fn check_owner(tree: &Tree, node: NodeId, directory: NodeId, name: &[u8]) -> Result<(), OutputError> {
    let metadata = &tree.node(node).metadata;
    for owner in [&metadata.user, &metadata.group] {
        if number(owner).is_none() {
            let owner = match owner {
                Owner::Id(id) => id.to_string(),
                Owner::Name(name) => format!("{name:?}"),
            };
            let path = display(&crate::tree::join(&tree.directory_path(directory), name));
            return Err(OutputError::Owner { path, owner });
        }
    }
    Ok(())
}
