//! The differences between two trees, path by path.

use std::collections::BTreeMap;
use std::io;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::archive::Times;
use super::ownership::number;
use crate::digest::{Algorithm, Hasher};
use crate::package::Content;
use crate::tree::{Metadata, NodeId, NodeKind, Tree, display};

/// A path that is in one tree only, or that differs between the trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathDifference {
    /// The path, absolute in the tree; bytes that are not text are escaped.
    pub path: String,
    /// `missing`, `extra` or `changed`, relative to the first tree.
    pub what: &'static str,
    /// The differing attributes of a path that both trees have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aspects: Vec<Aspect>,
}

/// The value for a content that only root may read (mode 0000, as shadow files have).
pub const UNREADABLE: &str = "not readable";

/// A differing attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aspect {
    /// `type`, `mode`, `owner`, `mtime`, `size`, `content`, `target`, `device`, `links`, or the
    /// name of an extended attribute.
    pub name: String,
    /// The value in the first tree.
    pub expected: String,
    /// The value in the second tree.
    pub found: String,
}

/// Returns the differences from `expected` to `found`, sorted by path. `times` is the treatment of
/// times with which `expected` was written.
pub fn differences(expected: &Tree, found: &Tree, times: Times) -> io::Result<Vec<PathDifference>> {
    let (old, new) = (Paths::of(expected), Paths::of(found));
    let mut paths: Vec<&[u8]> = old.by_path.keys().chain(new.by_path.keys()).map(Vec::as_slice).collect();
    paths.sort_unstable();
    paths.dedup();
    let one = |path: &&[u8]| -> io::Result<Option<PathDifference>> {
        let shown = || format!("/{}", display(path));
        let only = |what| PathDifference { path: shown(), what, aspects: Vec::new() };
        Ok(match (old.by_path.get(*path), new.by_path.get(*path)) {
            (Some(&expected), Some(&found)) => {
                let aspects = aspects((&old, expected), (&new, found), times)?;
                (!aspects.is_empty()).then(|| PathDifference { path: shown(), what: "changed", aspects })
            }
            (Some(_), None) => Some(only("missing")),
            (None, Some(_)) => Some(only("extra")),
            (None, None) => None,
        })
    };
    let found: Vec<_> = paths.par_iter().map(one).collect::<io::Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// A tree by its paths.
struct Paths<'a> {
    tree: &'a Tree,
    by_path: BTreeMap<Vec<u8>, NodeId>,
    /// The first path of each node.
    first: FxHashMap<NodeId, Vec<u8>>,
}

impl<'a> Paths<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut paths = Self { tree, by_path: BTreeMap::from([(Vec::new(), Tree::ROOT)]), first: FxHashMap::default() };
        tree.walk(|path, id| {
            paths.by_path.insert(path.to_vec(), id);
        });
        for (path, &id) in &paths.by_path {
            paths.first.entry(id).or_insert_with(|| path.clone());
        }
        paths
    }
}

fn aspects((old, expected): (&Paths<'_>, NodeId), (new, found): (&Paths<'_>, NodeId), times: Times) -> io::Result<Vec<Aspect>> {
    let mut aspects = Vec::new();
    let mut note = |name: &str, expected: String, found: String| {
        if expected != found {
            aspects.push(Aspect { name: name.to_owned(), expected, found });
        }
    };
    let (a, b) = (old.tree.node(expected), new.tree.node(found));
    note("type", kind(&a.kind).to_owned(), kind(&b.kind).to_owned());
    match (&a.kind, &b.kind) {
        (NodeKind::File(a), NodeKind::File(b)) => {
            note("size", a.len().to_string(), b.len().to_string());
            let read = |content| match digest(content) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(UNREADABLE.to_owned()),
                read => read,
            };
            note("content", read(a)?, read(b)?);
        }
        (NodeKind::Symlink(a), NodeKind::Symlink(b)) => note("target", display(a), display(b)),
        (
            NodeKind::CharacterDevice { major, minor } | NodeKind::BlockDevice { major, minor },
            NodeKind::CharacterDevice { major: other_major, minor: other_minor }
            | NodeKind::BlockDevice { major: other_major, minor: other_minor },
        ) => note("device", format!("{major}:{minor}"), format!("{other_major}:{other_minor}")),
        _ => {}
    }
    // Links have no mode of their own on Linux.
    if !matches!((&a.kind, &b.kind), (NodeKind::Symlink(_), NodeKind::Symlink(_))) {
        note("mode", format!("{:04o}", a.metadata.mode), format!("{:04o}", b.metadata.mode));
    }
    note("owner", owner(&a.metadata), owner(&b.metadata));
    let time = match a.metadata.mtime {
        Metadata::NOW => times.epoch,
        time if times.clamp => time.min(times.epoch),
        time => time,
    };
    let other = if b.metadata.mtime == Metadata::NOW { times.epoch } else { b.metadata.mtime };
    note("mtime", time.to_string(), other.to_string());
    let link = |paths: &Paths<'_>, id| paths.first.get(&id).map(|path| format!("/{}", display(path))).unwrap_or_default();
    note("links", link(old, expected), link(new, found));
    let (a, b) = (&a.metadata.xattrs, &b.metadata.xattrs);
    let mut names: Vec<&[u8]> = a.keys().chain(b.keys()).map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |of: &crate::package::Xattrs| of.get(name).map_or_else(|| "none".to_owned(), |value| hex(value));
        note(&display(name), value(a), value(b));
    }
    Ok(aspects)
}

fn kind(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Directory(_) => "directory",
        NodeKind::File(_) => "file",
        NodeKind::Symlink(_) => "link",
        NodeKind::CharacterDevice { .. } => "character device",
        NodeKind::BlockDevice { .. } => "block device",
        NodeKind::Fifo => "pipe",
        NodeKind::Socket => "socket",
    }
}

fn owner(metadata: &Metadata) -> String {
    format!("{}:{}", number(&metadata.user).unwrap_or(0), number(&metadata.group).unwrap_or(0))
}

fn digest(content: &Content) -> io::Result<String> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    content.write_to(&mut hasher)?;
    Ok(hasher.finish().to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    const TIMES: Times = Times { epoch: 7, clamp: false };

    fn sample() -> Tree {
        let mut tree = Tree::new();
        tree.write(b"/etc/passwd", Content::from(&b"root"[..]), 0o644).unwrap();
        tree.insert(Tree::ROOT, b"sh", Node::symlink(b"bash")).unwrap();
        let id = tree.insert(Tree::ROOT, b"one", Node::file(Content::from(&b"1"[..]), 0o755)).unwrap();
        tree.link(Tree::ROOT, b"two", id).unwrap();
        tree
    }

    #[test]
    fn equal_trees_have_none() {
        assert_eq!(differences(&sample(), &sample(), TIMES).unwrap(), []);
    }

    #[test]
    fn each_aspect_is_told() {
        let mut other = sample();
        other.remove(b"/etc/passwd");
        other.write(b"/etc/passwd", Content::from(&b"toor"[..]), 0o600).unwrap();
        other.remove(b"/sh");
        other.insert(Tree::ROOT, b"sh", Node::symlink(b"dash")).unwrap();
        other.remove(b"/two");
        other.insert(Tree::ROOT, b"two", Node::file(Content::from(&b"1"[..]), 0o755)).unwrap();
        other.insert(Tree::ROOT, b"new", Node::new(NodeKind::Fifo, 0o600)).unwrap();
        let id = other.child(Tree::ROOT, b"one").unwrap();
        let metadata = &mut other.node_mut(id).metadata;
        metadata.xattrs.insert((*b"user.x").into(), (*b"\x01").into());
        metadata.user = crate::package::Owner::Id(5);
        metadata.mtime = 9;
        let told: Vec<String> = differences(&sample(), &other, TIMES)
            .unwrap()
            .iter()
            .map(|difference| {
                let names: Vec<&str> = difference.aspects.iter().map(|aspect| aspect.name.as_str()).collect();
                format!("{} {} {}", difference.what, difference.path, names.join(","))
            })
            .collect();
        assert_eq!(
            told,
            [
                "changed /etc/passwd content,mode",
                "extra /new ",
                "changed /one owner,mtime,user.x",
                "changed /sh target",
                "changed /two links",
            ]
        );
    }
}
