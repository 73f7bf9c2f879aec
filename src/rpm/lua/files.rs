//! System calls that change names, applied to the tree as Linux does for root.
//!
//! In: absolute paths. Out: the changed tree, or the errno of Linux. Changes inside a directory do
//! not update its modification time, because packages determine it.

use super::errno::Errno;
use crate::tree::{Metadata, Node, NodeId, NodeKind, Place, Tree};

/// Returns the node at `path`. `follow` selects whether a link at the end is followed.
pub(super) fn find(tree: &Tree, path: &[u8], follow: bool) -> Result<NodeId, Errno> {
    let place = if follow { tree.locate_following(path) } else { tree.locate(path) }?;
    let id = place.node.ok_or(Errno::NotFound)?;
    if path.ends_with(b"/") && !tree.node(id).is_directory() {
        return Err(Errno::NotADirectory);
    }
    Ok(id)
}

/// The last component of a path, at which a name is created, changed or removed. As in Linux
/// (namei.c, `filename_parentat`), a link at the end is not followed, not even before a slash. The
/// root and paths that end in `.` or `..` have no name.
struct Last {
    place: Place,
    /// True if the path ends with a slash.
    slash: bool,
    kind: LastKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LastKind {
    Name,
    Dot,
    DotDot,
    Root,
}

fn last(tree: &Tree, path: &[u8]) -> Result<Last, Errno> {
    let end = path.iter().rposition(|&c| c != b'/').map_or(0, |i| i + 1);
    let place = tree.locate(&path[..end])?;
    let kind = match path[..end].rsplit(|&c| c == b'/').next().unwrap_or_default() {
        b"" => LastKind::Root,
        b"." => LastKind::Dot,
        b".." => LastKind::DotDot,
        _ => LastKind::Name,
    };
    Ok(Last { place, slash: end < path.len(), kind })
}

/// Returns the place for a new name. Fails if anything exists there, even a dangling link.
fn vacancy(tree: &Tree, path: &[u8], for_directory: bool) -> Result<Place, Errno> {
    let last = last(tree, path)?;
    if last.kind != LastKind::Name || last.place.node.is_some() {
        return Err(Errno::Exists);
    }
    if last.slash && !for_directory { Err(Errno::NotFound) } else { Ok(last.place) }
}

/// Inserts a new node at `path`.
pub(super) fn create(tree: &mut Tree, path: &[u8], node: Node) -> Result<NodeId, Errno> {
    let place = vacancy(tree, path, node.is_directory())?;
    Ok(tree.insert(place.parent, &place.name, node)?)
}

/// Implements `unlink(2)`.
pub(super) fn unlink(tree: &mut Tree, path: &[u8]) -> Result<(), Errno> {
    let last = last(tree, path)?;
    if last.kind != LastKind::Name {
        return Err(Errno::IsADirectory);
    }
    let id = last.place.node.ok_or(Errno::NotFound)?;
    if tree.node(id).is_directory() {
        return Err(Errno::IsADirectory);
    }
    if last.slash {
        return Err(Errno::NotADirectory);
    }
    tree.unbind(last.place.parent, &last.place.name);
    Ok(())
}

/// Implements `rmdir(2)`.
pub(super) fn rmdir(tree: &mut Tree, path: &[u8]) -> Result<(), Errno> {
    let last = last(tree, path)?;
    match last.kind {
        LastKind::Name => {}
        LastKind::Dot => return Err(Errno::Invalid),
        LastKind::DotDot => return Err(Errno::NotEmpty),
        LastKind::Root => return Err(Errno::Busy),
    }
    let id = last.place.node.ok_or(Errno::NotFound)?;
    match &tree.node(id).kind {
        NodeKind::Directory(d) if !d.is_empty() => Err(Errno::NotEmpty),
        NodeKind::Directory(_) => {
            tree.unbind(last.place.parent, &last.place.name);
            Ok(())
        }
        _ => Err(Errno::NotADirectory),
    }
}

/// Implements `link(2)`. If `old` is a symbolic link, the link itself is linked.
pub(super) fn link(tree: &mut Tree, old: &[u8], new: &[u8]) -> Result<(), Errno> {
    let id = find(tree, old, false)?;
    let place = vacancy(tree, new, false)?;
    if tree.node(id).is_directory() {
        return Err(Errno::NotPermitted);
    }
    Ok(tree.link(place.parent, &place.name, id)?)
}

/// Implements `rename(2)`, with the checks in Linux's order (namei.c, `do_renameat2`,
/// `vfs_rename`).
pub(in crate::rpm) fn rename(tree: &mut Tree, old: &[u8], new: &[u8]) -> Result<(), Errno> {
    let (from, to) = (last(tree, old)?, last(tree, new)?);
    if from.kind != LastKind::Name || to.kind != LastKind::Name {
        return Err(Errno::Busy);
    }
    let id = from.place.node.ok_or(Errno::NotFound)?;
    let moves_directory = tree.node(id).is_directory();
    if !moves_directory && (from.slash || to.slash) {
        return Err(Errno::NotADirectory);
    }
    if moves_directory && is_within(tree, to.place.parent, id) {
        return Err(Errno::Invalid);
    }
    if let Some(there) = to.place.node {
        if there == id {
            return Ok(());
        }
        match &tree.node(there).kind {
            NodeKind::Directory(_) if is_within(tree, from.place.parent, there) => return Err(Errno::NotEmpty),
            NodeKind::Directory(d) if moves_directory && d.is_empty() => {}
            NodeKind::Directory(_) if moves_directory => return Err(Errno::NotEmpty),
            NodeKind::Directory(_) => return Err(Errno::IsADirectory),
            _ if moves_directory => return Err(Errno::NotADirectory),
            _ => {}
        }
        tree.unbind(to.place.parent, &to.place.name);
    }
    tree.unbind(from.place.parent, &from.place.name);
    place_again(tree, id, &to.place)
}

/// Reports whether `directory` is `ancestor` or below it.
fn is_within(tree: &Tree, mut directory: NodeId, ancestor: NodeId) -> bool {
    loop {
        if directory == ancestor {
            return true;
        }
        if directory == Tree::ROOT {
            return false;
        }
        directory = tree.parent(directory);
    }
}

/// Inserts a node that was removed from the tree. A directory is created again with its contents.
fn place_again(tree: &mut Tree, id: NodeId, to: &Place) -> Result<(), Errno> {
    let mut pending = vec![(id, to.parent, to.name.clone())];
    while let Some((id, parent, name)) = pending.pop() {
        if !tree.node(id).is_directory() {
            tree.link(parent, &name, id)?;
            continue;
        }
        let old = tree.node(id);
        let mut directory = Node::directory(old.metadata.mode);
        directory.metadata = old.metadata.clone();
        directory.package = old.package;
        let new = tree.insert(parent, &name, directory)?;
        let NodeKind::Directory(d) = &tree.node(id).kind else { continue };
        let below: Vec<_> = d.entries().map(|(name, child)| (child, new, Box::from(name))).collect();
        for (_, _, name) in &below {
            tree.unbind(id, name);
        }
        pending.extend(below);
    }
    Ok(())
}

/// Returns the sorted names in the directory at `path`, including `.` and `..`.
pub(super) fn list(tree: &Tree, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
    match &tree.node(find(tree, path, true)?).kind {
        NodeKind::Directory(d) => {
            let dots = [b".".to_vec(), b"..".to_vec()];
            Ok(dots.into_iter().chain(d.entries().map(|(name, _)| name.to_vec())).collect())
        }
        _ => Err(Errno::NotADirectory),
    }
}

/// Returns the number of links of a node, as in `stat`.
pub(super) fn link_count(tree: &Tree, id: NodeId) -> u64 {
    if let NodeKind::Directory(d) = &tree.node(id).kind {
        return 2 + d.entries().filter(|&(_, child)| tree.node(child).is_directory()).count() as u64;
    }
    let mut count = 0;
    let mut pending = vec![Tree::ROOT];
    while let Some(directory) = pending.pop() {
        if let NodeKind::Directory(d) = &tree.node(directory).kind {
            for (_, child) in d.entries() {
                if child == id {
                    count += 1;
                } else if tree.node(child).is_directory() {
                    pending.push(child);
                }
            }
        }
    }
    count
}

/// Returns the bits of a node's type in `st_mode`.
pub(super) fn type_bits(kind: &NodeKind) -> u32 {
    match kind {
        NodeKind::Fifo => 0o010_000,
        NodeKind::CharacterDevice { .. } => 0o020_000,
        NodeKind::Directory(_) => 0o040_000,
        NodeKind::BlockDevice { .. } => 0o060_000,
        NodeKind::File(_) => 0o100_000,
        NodeKind::Symlink(_) => 0o120_000,
        NodeKind::Socket => 0o140_000,
    }
}

/// Returns the type name that `posix.stat` uses for a node.
pub(super) fn type_name(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Fifo => "fifo",
        NodeKind::CharacterDevice { .. } => "character device",
        NodeKind::Directory(_) => "directory",
        NodeKind::BlockDevice { .. } => "block device",
        NodeKind::File(_) => "regular",
        NodeKind::Symlink(_) => "link",
        NodeKind::Socket => "socket",
    }
}

/// Reports whether root may execute a node: a directory, or a file with any execute bit.
pub(super) fn is_executable(node: &Node) -> bool {
    node.is_directory() || node.metadata.mode & 0o111 != 0
}

/// Returns the time that `stat` reports. `now` is the time of the build.
pub(super) fn seconds(mtime: i64, now: i64) -> i64 {
    if mtime == Metadata::NOW { now } else { mtime }
}
