//! A tree as a list, one row per path. Tests compare it and `files` prints it. It is computed from
//! the model without access to the disk.
//!
//! In: a finished [`Tree`]. Out: [`Row`]s sorted by the bytes of their paths, and their text. The
//! text has these fields, separated by tabs: path, type, octal mode, uid, gid, size, and the
//! SHA-256 of a file, the target of a link or `major:minor` of a device.

use std::io::{self, Write};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::ownership::number;
use crate::digest::{Algorithm, Hasher};
use crate::tree::{Metadata, NodeId, NodeKind, Tree};

/// One path of a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The path, without a slash before or after it.
    pub path: Vec<u8>,
    /// `f`, `d`, `l`, `c`, `b`, `p` or `s`.
    pub kind: char,
    /// Permission bits.
    pub mode: u16,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// The size of a file in bytes, 0 for all other types.
    pub size: u64,
    /// Digest, target, device number, or `-`.
    pub content: Vec<u8>,
    /// Seconds since 1970.
    pub mtime: i64,
}

/// Returns the rows of a tree without its root. Owners that are still names count as 0.
/// [`Metadata::NOW`] becomes `epoch`.
pub fn rows(tree: &Tree, epoch: i64) -> io::Result<Vec<Row>> {
    let mut paths: Vec<(Vec<u8>, NodeId)> = Vec::new();
    tree.walk(|path, id| paths.push((path.to_vec(), id)));
    // The walk sorts name by name, but in a list of full paths `a-b` comes before `a/b`.
    paths.sort_unstable();
    paths.into_par_iter().map(|(path, id)| row(tree, path, id, epoch)).collect()
}

fn row(tree: &Tree, path: Vec<u8>, id: NodeId, epoch: i64) -> io::Result<Row> {
    let node = tree.node(id);
    let device = |major: u32, minor: u32| format!("{major}:{minor}").into_bytes();
    let (kind, size, content) = match &node.kind {
        NodeKind::File(content) => {
            let mut hasher = Hasher::new(Algorithm::Sha256);
            content.write_to(&mut hasher)?;
            ('f', content.len(), hasher.finish().hex().into_bytes())
        }
        NodeKind::Directory(_) => ('d', 0, b"-".to_vec()),
        NodeKind::Symlink(target) => ('l', 0, target.to_vec()),
        &NodeKind::CharacterDevice { major, minor } => ('c', 0, device(major, minor)),
        &NodeKind::BlockDevice { major, minor } => ('b', 0, device(major, minor)),
        NodeKind::Fifo => ('p', 0, b"-".to_vec()),
        NodeKind::Socket => ('s', 0, b"-".to_vec()),
    };
    let metadata = &node.metadata;
    Ok(Row {
        path,
        kind,
        // Links have no mode of their own on Linux.
        mode: if kind == 'l' { 0o777 } else { metadata.mode },
        uid: number(&metadata.user).unwrap_or(0),
        gid: number(&metadata.group).unwrap_or(0),
        size,
        content,
        mtime: if metadata.mtime == Metadata::NOW { epoch } else { metadata.mtime },
    })
}

/// Writes rows as text, with the time as an eighth column when `mtime` is set.
pub fn write(rows: &[Row], mtime: bool, out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        out.write_all(&escape(&row.path))?;
        write!(out, "\t{}\t{:04o}\t{}\t{}\t{}\t", row.kind, row.mode, row.uid, row.gid, row.size)?;
        out.write_all(&escape(&row.content))?;
        if mtime {
            write!(out, "\t{}", row.mtime)?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Escapes backslash, tab and newline as two characters each, so that every row is one line.
fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\t' => text.extend_from_slice(b"\\t"),
            b'\n' => text.extend_from_slice(b"\\n"),
            byte => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Content;
    use crate::tree::Node;

    #[test]
    fn rows_are_lines_sorted_by_whole_paths() {
        let mut tree = Tree::new();
        tree.write(b"/a/b", Content::from(&b"abc"[..]), 0o4755).unwrap();
        tree.write(b"/a-b", Content::empty(), 0o600).unwrap();
        tree.insert(Tree::ROOT, b"t\tn\n\\", Node::symlink(b"a\tb")).unwrap();
        tree.insert(Tree::ROOT, b"null", Node::new(NodeKind::CharacterDevice { major: 1, minor: 3 }, 0o666)).unwrap();
        let mut text = Vec::new();
        write(&rows(&tree, 7).unwrap(), true, &mut text).unwrap();
        let lines = [
            "a\td\t0755\t0\t0\t0\t-\t7",
            "a-b\tf\t0600\t0\t0\t0\te3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\t7",
            "a/b\tf\t4755\t0\t0\t3\tba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\t7",
            "null\tc\t0666\t0\t0\t0\t1:3\t7",
            "t\\tn\\n\\\\\tl\t0777\t0\t0\t0\ta\\tb\t7",
        ];
        assert_eq!(String::from_utf8(text).unwrap().lines().collect::<Vec<_>>(), lines);
    }
}
