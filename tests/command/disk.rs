//! A directory on the disk as rows that can be compared: all that a tree is made of.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// `f`, `d`, `l`, or `?` for what no tree here has.
    pub(crate) kind: char,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Bytes of a file, 0 for everything else.
    pub(crate) size: u64,
    /// SHA-256 of a file, target of a link, or `-`.
    pub(crate) content: String,
    pub(crate) mtime: i64,
    pub(crate) inode: u64,
}

/// Every path below a root, without a slash before it.
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

/// The rows as text, a line a path: type, mode, owner and group, size, the beginning of a file's digest, path and where a link leads.
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

/// An extended attribute, or `None`.
pub(crate) fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::lgetxattr(path.as_os_str().as_bytes(), name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Where two trees differ, in words, a line a path.
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

/// The rows without what no two writings share: inodes.
pub(crate) fn without_inodes(mut rows: Rows) -> Rows {
    for row in rows.values_mut() {
        row.inode = 0;
    }
    rows
}
