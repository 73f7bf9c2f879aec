use std::fs;

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::manifest::{Row, rows};
use super::*;
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Digest};
use crate::package::{Content, Owner};
use crate::reporter::Silent;
use crate::tree::{Node, NodeKind, Tree};

const EPOCH: i64 = 1_700_000_000;

fn options() -> WriteOptions {
    WriteOptions { ownership: Ownership::detect(), epoch: EPOCH, jobs: None, sync: false }
}

fn write(tree: &Tree, out: &Path) -> Result<Written, OutputError> {
    Directory::prepare(out)?.write(tree, &options(), &Silent, &Cancel::new())
}

/// What is on the disk, as rows; and for every path its device and inode.
fn read_back(root: &Path) -> (Vec<Row>, Vec<(u64, u64)>) {
    let mut found: Vec<(Row, (u64, u64))> = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let full = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&full).unwrap();
            let kind = metadata.file_type();
            let device = || format!("{}:{}", rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev())).into_bytes();
            let (kind, size, content) = if kind.is_dir() {
                pending.push(full.clone());
                ('d', 0, b"-".to_vec())
            } else if kind.is_symlink() {
                ('l', 0, fs::read_link(&full).unwrap().as_os_str().as_bytes().to_vec())
            } else if kind.is_file() {
                let bytes = fs::read(&full).unwrap();
                ('f', metadata.len(), Digest::of(Algorithm::Sha256, &bytes).hex().into_bytes())
            } else if kind.is_fifo() {
                ('p', 0, b"-".to_vec())
            } else if kind.is_socket() {
                ('s', 0, b"-".to_vec())
            } else {
                (if kind.is_char_device() { 'c' } else { 'b' }, 0, device())
            };
            let row = Row {
                path: full.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(),
                kind,
                mode: (metadata.mode() & 0o7777) as u16,
                uid: metadata.uid(),
                gid: metadata.gid(),
                size,
                content,
                mtime: metadata.mtime(),
            };
            found.push((row, (metadata.dev(), metadata.ino())));
        }
    }
    found.sort();
    found.into_iter().unzip()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A tree with one of everything.
fn one_of_everything() -> Tree {
    let mut tree = Tree::new();
    let id = tree.write(b"/usr/bin/su", Content::from(&b"#!"[..]), 0o4755).unwrap();
    let bin = tree.lookup(b"/usr/bin").unwrap();
    tree.link(bin, b"also-su", id).unwrap();
    tree.link(Tree::ROOT, b"third", id).unwrap();
    let id = tree.write(b"/etc/shadow", Content::from(&b"root:*"[..]), 0o000).unwrap();
    tree.node_mut(id).metadata.mtime = 86_400;
    let id = tree.write(b"/var/mail/box", Content::empty(), 0o660).unwrap();
    tree.node_mut(id).metadata.group = Owner::Id(12);
    let mail = tree.lookup(b"/var/mail").unwrap();
    tree.node_mut(mail).metadata.mode = 0o2775;
    tree.node_mut(mail).metadata.group = Owner::Id(12);
    tree.node_mut(mail).metadata.mtime = 5;
    let tmp = tree.create_directories(b"/tmp").unwrap();
    tree.node_mut(tmp).metadata.mode = 0o1777;
    let closed = tree.create_directories(b"/closed/inner").unwrap();
    tree.node_mut(closed).metadata.mode = 0;
    let closed = tree.lookup(b"/closed").unwrap();
    tree.node_mut(closed).metadata.mode = 0o555;
    tree.insert(closed, b"\xff\xfe", Node::symlink(b"/../../etc")).unwrap();
    tree.insert(Tree::ROOT, b"bin", Node::symlink(b"usr/bin")).unwrap();
    tree.insert(Tree::ROOT, b"pipe", Node::new(NodeKind::Fifo, 0o622)).unwrap();
    tree.insert(Tree::ROOT, b"socket", Node::new(NodeKind::Socket, 0o755)).unwrap();
    tree.node_mut(Tree::ROOT).metadata.mode = 0o555;
    tree
}

#[test]
fn what_is_written_is_what_the_tree_says() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut tree = one_of_everything();
    if is_root() {
        tree.insert(Tree::ROOT, b"null", Node::new(NodeKind::CharacterDevice { major: 1, minor: 3 }, 0o666)).unwrap();
    }
    let written = write(&tree, &out).unwrap();
    let (found, inodes) = read_back(&out);
    let mut expected = rows(&tree, EPOCH).unwrap();
    if !is_root() {
        for row in &mut expected {
            (row.uid, row.gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        }
    }
    assert_eq!(found, expected);
    let inode = |path: &str| inodes[found.iter().position(|row| row.path == path.as_bytes()).unwrap()];
    assert_eq!(inode("usr/bin/su"), inode("usr/bin/also-su"));
    assert_eq!(inode("usr/bin/su"), inode("third"));
    let root = fs::metadata(&out).unwrap();
    assert_eq!((root.mode() & 0o7777, root.mtime()), (0o555, EPOCH));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing but OUT is left");
    if is_root() {
        assert_eq!(written.not_applied, []);
    }
}
