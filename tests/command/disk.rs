//! A directory on the disk as rows for comparison, with all properties of a tree.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};

/// A path and its properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// `f`, `d`, `l`, or `?` for types that no tree here contains.
    pub(crate) kind: char,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Size of a file in bytes; 0 for other types.
    pub(crate) size: u64,
    /// SHA-256 of a file, target of a link, or `-`.
    pub(crate) content: String,
    pub(crate) mtime: i64,
    pub(crate) inode: u64,
}

/// Every path below a root, without a leading slash.
pub(crate) type Rows = BTreeMap<String, Row>;

pub(crate) fn walk(root: &Path) -> Rows {
    let mut rows = Rows::new();
    add(root, root, &mut rows);
    rows
}

fn add(root: &Path, directory: &Path, rows: &mut Rows) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let (letter, content) = if kind.is_dir() {
            add(root, &path, rows);
            ('d', "-".to_owned())
        } else if kind.is_symlink() {
            ('l', fs::read_link(&path).unwrap().to_str().unwrap().to_owned())
        } else if kind.is_file() {
            ('f', Digest::of(Algorithm::Sha256, &fs::read(&path).unwrap()).hex())
        } else {
            assert!(kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket());
            ('?', "-".to_owned())
        };
        let row = Row {
            kind: letter,
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            size: if letter == 'f' { metadata.len() } else { 0 },
            content,
            mtime: metadata.mtime(),
            inode: metadata.ino(),
        };
        rows.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), row);
    }
}

/// Formats the rows as text, one line for each path: type, mode, owner and group, size, start of a
/// file's digest, path and link target.
pub(crate) fn listing(rows: &Rows) -> String {
    let mut text = String::new();
    for (path, row) in rows {
        let target = if row.kind == 'l' { format!(" -> {}", row.content) } else { String::new() };
        let digest = if row.kind == 'f' { &row.content[..8] } else { "-" };
        let owner = format!("{}:{}", row.uid, row.gid);
        text += &format!("{} {:04o} {owner:<5} {:>6} {digest:<8} {path}{target}\n", row.kind, row.mode, row.size);
    }
    text
}

/// Returns an extended attribute, or `None`.
pub(crate) fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::lgetxattr(path.as_os_str().as_bytes(), name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Returns the differences of two trees as text, one line for each path.
pub(crate) fn differences(expected: &Rows, found: &Rows) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, row) in expected {
        match found.get(path) {
            None => lines.push(format!("{path}: missing")),
            Some(other) if other != row => lines.push(format!("{path}: expected {row:?}, found {other:?}")),
            Some(_) => {}
        }
    }
    lines.extend(found.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("{path}: not expected")));
    lines
}

/// Returns the rows without inodes, which differ in every copy.
pub(crate) fn without_inodes(mut rows: Rows) -> Rows {
    for row in rows.values_mut() {
        row.inode = 0;
    }
    rows
}
