use std::io::Read;

use super::*;
use crate::package::{Content, Owner, Spool};
use crate::reporter::Silent;
use crate::tree::{Metadata, Node, NodeKind};

const TIMES: Times = Times { epoch: 1_700_000_000, clamp: false };

fn packed(tree: &Tree, times: Times) -> (Vec<u8>, Written) {
    write(tree, times, Vec::new(), &Silent, &Cancel::new()).unwrap()
}

/// Every kind of node, each with values at the limits of a header.
fn tree() -> Tree {
    let mut tree = Tree::new();
    let mut put = |directory: &[u8], name: &[u8], mut node: Node, change: &dyn Fn(&mut Metadata)| {
        let directory = tree.create_directories(directory).unwrap();
        change(&mut node.metadata);
        tree.insert(directory, name, node).unwrap()
    };
    let same = &|_: &mut Metadata| {};
    let long = [b'l'; 150];
    put(b"/etc", b"passwd", Node::file(Content::from(&b"root"[..]), 0o4755), &|m| {
        m.user = Owner::Id(7);
        m.group = Owner::Id(3_000_000);
        m.mtime = 1_800_000_000;
        m.xattrs.insert(b"security.capability"[..].into(), b"\x01\0=\xff"[..].into());
        m.xattrs.insert(b"user.a=b"[..].into(), b"x"[..].into());
    });
    put(b"/deep", &long, Node::file(Content::from(vec![b'x'; 513]), 0o600), &|m| m.mtime = -5);
    put(b"/", &[b'n'; 100], Node::file(Content::empty(), 0o600), same);
    put(b"/", b"link", Node::symlink(&[b't'; 101]), same);
    put(b"/", b"null", Node::new(NodeKind::CharacterDevice { major: 1, minor: 3 }, 0o666), same);
    put(b"/", b"disk", Node::new(NodeKind::BlockDevice { major: 259, minor: 1_048_575 }, 0o660), same);
    put(b"/", b"pipe", Node::new(NodeKind::Fifo, 0o600), same);
    put(b"/", b"socket", Node::new(NodeKind::Socket, 0o600), same);
    let first = put(b"/bin", b"busybox", Node::file(Content::from(&b"ELF"[..]), 0o755), same);
    let bin = tree.lookup(b"/bin").unwrap();
    tree.link(bin, b"sh", first).unwrap();
    tree.link(Tree::ROOT, b"\xff", first).unwrap();
    tree
}

#[test]
fn what_goes_in_comes_out() {
    let (bytes, written) = packed(&tree(), TIMES);
    assert_eq!(bytes.len() % 512, 0);
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let xattrs: Vec<(String, Vec<u8>)> = entry
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(Result::unwrap)
            .map(|record| (record.key().unwrap().to_owned(), record.value_bytes().to_vec()))
            .collect();
        let header = entry.header();
        let mut text = format!(
            "{:?} {:o} {}:{} {}",
            header.entry_type(),
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
        );
        if let (Some(major @ 1..), Some(minor)) = (header.device_major().unwrap(), header.device_minor().unwrap()) {
            text += &format!(" {major}:{minor}");
        }
        if let Some(target) = entry.link_name_bytes() {
            text += &format!(" -> {}", target.escape_ascii());
        }
        for (key, value) in xattrs {
            text += &format!(" {key}={}", value.escape_ascii());
        }
        let name = entry.path_bytes().escape_ascii().to_string();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        found.push(format!("{name} {text} {content}"));
    }
    let (long, hundred, target) = ("l".repeat(150), "n".repeat(100), "t".repeat(101));
    let expected = [
        "./ Directory 755 0:0 1700000000 ".to_owned(),
        "bin/ Directory 755 0:0 1700000000 ".to_owned(),
        "bin/busybox Regular 755 0:0 1700000000 ELF".to_owned(),
        "bin/sh Link 755 0:0 1700000000 -> bin/busybox ".to_owned(),
        "deep/ Directory 755 0:0 1700000000 ".to_owned(),
        format!("deep/{long} Regular 600 0:0 0 mtime=-5 path=deep/{long} {}", "x".repeat(513)),
        "disk Block 660 0:0 1700000000 259:1048575 ".to_owned(),
        "etc/ Directory 755 0:0 1700000000 ".to_owned(),
        "etc/passwd Regular 4755 7:3000000 1800000000 SCHILY.xattr.security.capability=\\x01\\x00=\\xff gid=3000000 root"
            .to_owned(),
        format!("link Symlink 777 0:0 1700000000 -> {target} linkpath={target} "),
        format!("{hundred} Regular 600 0:0 1700000000 "),
        "null Char 666 0:0 1700000000 1:3 ".to_owned(),
        "pipe Fifo 600 0:0 1700000000 ".to_owned(),
        "\\xff Link 755 0:0 1700000000 -> bin/busybox ".to_owned(),
    ];
    assert_eq!(found, expected);
    let missed: Vec<_> = written.not_applied.iter().map(|missed| missed.path.as_slice()).collect();
    assert_eq!(missed, [&b"/etc/passwd"[..], b"/socket"], "an attribute that no record can name, and a socket");
    assert_eq!((written.files, written.directories), (11, 4));
}

#[test]
fn nothing_is_younger_than_the_build_when_that_is_asked_for() {
    let times = |clamp| {
        let (bytes, _) = packed(&tree(), Times { clamp, ..TIMES });
        let mut archive = tar::Archive::new(&bytes[..]);
        archive.entries().unwrap().map(|entry| entry.unwrap().header().mtime().unwrap()).max().unwrap()
    };
    assert_eq!((times(false), times(true)), (1_800_000_000, 1_700_000_000));
}

#[test]
fn contents_from_memory_and_from_the_spool_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let data: Vec<u8> = (0..200_000u32).map(|i| (i / 7) as u8).collect();
    let tree_of = |limit| {
        let mut writer = Spool::new(limit, directory.path()).writer(0);
        writer.write_all(&data).unwrap();
        let mut tree = Tree::new();
        tree.insert(Tree::ROOT, b"file", Node::file(writer.finish(), 0o644)).unwrap();
        tree
    };
    assert!(packed(&tree_of(0), TIMES).0 == packed(&tree_of(1 << 20), TIMES).0);
}

#[test]
fn an_owner_without_a_number_is_refused() {
    let mut tree = Tree::new();
    tree.node_mut(Tree::ROOT).metadata.user = Owner::named("nobody");
    let result = write(&tree, TIMES, Vec::new(), &Silent, &Cancel::new());
    assert!(matches!(result, Err(OutputError::Owner { .. })));
}
