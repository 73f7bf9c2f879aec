//! Trees are written, then read back with the standard library only.

pub(super) mod destination;
mod faults;
mod peers;
mod property;

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::manifest::{Row, rows};
use super::*;
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Digest};
use crate::package::{Content, Owner, Spool};
use crate::reporter::Silent;
use crate::tree::{Node, NodeKind, Tree};

const EPOCH: i64 = 1_700_000_000;
/// The variable that is set in a process that a test starts to run one test as another user.
const AGAIN: &str = "ROOTSTRAP_TEST_AGAIN";

fn options() -> WriteOptions {
    WriteOptions { ownership: Ownership::detect(), epoch: EPOCH, jobs: None, sync: false }
}

fn write(tree: &Tree, out: &Path) -> Result<Written, OutputError> {
    Directory::prepare(out)?.write(tree, &options(), &Silent, &Cancel::new())
}

/// Returns the rows of the files below `root`, with device and inode. If the user may not read a
/// file, the function first changes its mode.
fn read_back(root: &Path) -> (Vec<Row>, Vec<(u64, u64)>) {
    let mut found: Vec<(Row, (u64, u64))> = Vec::new();
    let mut pending = vec![root.to_owned()];
    let open = |path: &Path, metadata: &fs::Metadata| {
        if metadata.mode() & 0o500 != 0o500 && !is_root() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
    };
    // `open` may change the mode of a node that has other hard links, so the first mode of an inode
    // counts.
    let mut modes = std::collections::HashMap::new();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let full = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&full).unwrap();
            let kind = metadata.file_type();
            let inode = (metadata.dev(), metadata.ino());
            let mode = *modes.entry(inode).or_insert((metadata.mode() & 0o7777) as u16);
            let device = || format!("{}:{}", rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev())).into_bytes();
            let (kind, size, content) = if kind.is_dir() {
                open(&full, &metadata);
                pending.push(full.clone());
                ('d', 0, b"-".to_vec())
            } else if kind.is_symlink() {
                ('l', 0, fs::read_link(&full).unwrap().as_os_str().as_bytes().to_vec())
            } else if kind.is_file() {
                open(&full, &metadata);
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
                mode,
                uid: metadata.uid(),
                gid: metadata.gid(),
                size,
                content,
                mtime: metadata.mtime(),
            };
            found.push((row, inode));
        }
    }
    found.sort();
    found.into_iter().unzip()
}

/// Returns the expected rows on disk: the rows of the tree with the owner that the caller can set,
/// and without devices if the caller cannot create them.
fn expected(tree: &Tree) -> Vec<Row> {
    let mut expected = rows(tree, EPOCH).unwrap();
    if !is_root() {
        expected.retain(|row| !matches!(row.kind, 'c' | 'b'));
        for row in &mut expected {
            (row.uid, row.gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        }
    }
    expected
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Returns a command that runs one test of this program in another process.
fn again(test: &str, place: &Path) -> Command {
    // The build directory may be closed to other users.
    let program = place.join("test-program");
    if !program.exists() {
        // Another process copies it: a file that this process has open for writing cannot be
        // executed, and forks of other tests would keep it open.
        let copied = Command::new("cp").arg(format!("/proc/{}/exe", std::process::id())).arg(&program).status().unwrap();
        assert!(copied.success());
    }
    let mut command = Command::new(program);
    command.args(["--exact", &format!("output::tests::{test}")]).env(AGAIN, place).env("TMPDIR", place);
    command
}

/// Runs a test again as an ordinary user, if the current user is root.
fn as_ordinary_user(test: &str) {
    if !is_root() || std::env::var_os(AGAIN).is_some() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let output = again(test, place.path()).uid(65534).gid(65534).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{test} is not a test: {said}");
}

/// Returns a tree with one node of every kind.
fn one_of_everything() -> Tree {
    let mut tree = Tree::new();
    let id = tree.write(b"/usr/bin/su", Content::from(&b"#!"[..]), 0o4755).unwrap();
    let bin = tree.lookup(b"/usr/bin").unwrap();
    tree.link(bin, b"also-su", id).unwrap();
    tree.link(Tree::ROOT, b"third", id).unwrap();
    let id = tree.write(b"/etc/shadow", Content::from(&b"root:*"[..]), 0o000).unwrap();
    tree.node_mut(id).metadata.mtime = 86_400;
    let id = tree.write(b"/var/mail/box", Content::empty(), 0o660).unwrap();
    tree.node_mut(id).metadata.user = Owner::Id(8);
    let mail = tree.lookup(b"/var/mail").unwrap();
    let metadata = &mut tree.node_mut(mail).metadata;
    (metadata.mode, metadata.group, metadata.mtime) = (0o2775, Owner::Id(12), 5);
    let tmp = tree.create_directories(b"/tmp").unwrap();
    tree.node_mut(tmp).metadata.mode = 0o1777;
    let inner = tree.create_directories(b"/closed/inner").unwrap();
    tree.node_mut(inner).metadata.mode = 0;
    let closed = tree.lookup(b"/closed").unwrap();
    tree.node_mut(closed).metadata.mode = 0o555;
    tree.insert(closed, b"\xff\xfe", Node::symlink(b"/../../etc")).unwrap();
    tree.insert(Tree::ROOT, b"bin", Node::symlink(b"usr/bin")).unwrap();
    tree.insert(Tree::ROOT, b"pipe", Node::new(NodeKind::Fifo, 0o622)).unwrap();
    tree.insert(Tree::ROOT, b"socket", Node::new(NodeKind::Socket, 0o755)).unwrap();
    tree.insert(Tree::ROOT, b"null", Node::new(NodeKind::CharacterDevice { major: 1, minor: 3 }, 0o666)).unwrap();
    tree.node_mut(Tree::ROOT).metadata.mode = 0o555;
    tree
}

#[test]
fn what_is_written_is_what_the_tree_says() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let tree = one_of_everything();
    let written = write(&tree, &out).unwrap();
    let root = fs::metadata(&out).unwrap();
    assert_eq!((root.mode() & 0o7777, root.mtime()), (0o555, EPOCH));
    let (found, inodes) = read_back(&out);
    assert_eq!(found, expected(&tree));
    let inode = |path: &str| inodes[found.iter().position(|row| row.path == path.as_bytes()).unwrap()];
    assert_eq!(inode("usr/bin/su"), inode("usr/bin/also-su"));
    assert_eq!(inode("usr/bin/su"), inode("third"));
    assert_eq!(names(place.path()), ["out"]);
    assert_eq!((written.files, written.directories, written.bytes), (10, 9, 8));
    if is_root() {
        assert_eq!((written.stands_for_root, written.not_applied.as_slice()), (None, &[][..]));
    }
    as_ordinary_user("what_is_written_is_what_the_tree_says");
}

#[test]
fn what_an_ordinary_user_cannot_apply_is_recorded() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let options = WriteOptions { ownership: Ownership::Record, ..options() };
    let mut tree = one_of_everything();
    let capable = tree.write(b"/usr/bin/ping", Content::from(&b"!"[..]), 0o755).unwrap();
    // cap_net_raw=ep, as `vfs_cap_data` of revision 2.
    let value: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    tree.node_mut(capable).metadata.xattrs.insert(b"security.capability".as_slice().into(), value.into());
    let link = tree.insert(Tree::ROOT, b"link", Node::symlink(b"x")).unwrap();
    tree.node_mut(link).metadata.user = Owner::Id(7);
    let written = Directory::prepare(&out).unwrap().write(&tree, &options, &Silent, &Cancel::new()).unwrap();
    let list: Vec<(String, Wanted, bool)> = written
        .not_applied
        .into_iter()
        .map(|missed| (crate::tree::display(&missed.path), missed.wanted, missed.recorded))
        .collect();
    let mut wanted = vec![
        ("/link".to_owned(), Wanted::Owner { uid: 7, gid: 0 }, false),
        ("/var/mail".to_owned(), Wanted::Owner { uid: 0, gid: 12 }, true),
        ("/var/mail/box".to_owned(), Wanted::Owner { uid: 8, gid: 0 }, true),
    ];
    if is_root() {
        assert_eq!(written.stands_for_root, None);
        assert_eq!(xattr(&out.join("usr/bin/ping"), "security.capability").as_deref(), Some(value));
    } else {
        let device = Wanted::Device { block: false, major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 };
        wanted.insert(1, ("/null".to_owned(), device, false));
        let capability = Wanted::Xattr { name: b"security.capability".as_slice().into(), value: value.into() };
        wanted.insert(2, ("/usr/bin/ping".to_owned(), capability, false));
        assert_eq!(written.stands_for_root, Some((65534, 65534)));
    }
    assert_eq!(list, wanted);
    let record = |path: &str| xattr(&out.join(path), "user.rootlesscontainers");
    assert_eq!(record("var/mail").as_deref(), Some(&[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 12][..]));
    assert_eq!(record("var/mail/box").as_deref(), Some(&[0x08, 8, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f][..]));
    assert_eq!(record("etc"), None, "root's own need no record");
    as_ordinary_user("what_an_ordinary_user_cannot_apply_is_recorded");
}

#[test]
fn attributes_reach_every_kind_that_has_them() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut tree = one_of_everything();
    let attributes: [(&[u8], &[u8]); 2] = [(b"/etc/shadow", b"user.file"), (b"/closed", b"user.directory")];
    for (path, name) in attributes {
        let id = tree.lookup(path).unwrap();
        tree.node_mut(id).metadata.xattrs.insert(name.into(), b"\0\xff".as_slice().into());
    }
    let link = tree.lookup(b"/bin").unwrap();
    tree.node_mut(link).metadata.xattrs.insert(b"trusted.link".as_slice().into(), b"1".as_slice().into());
    let reserved = tree.lookup(b"/usr/bin/su").unwrap();
    tree.node_mut(reserved).metadata.xattrs.insert(b"user.rootlesscontainers".as_slice().into(), b"x".as_slice().into());
    let written = write(&tree, &out).unwrap();
    assert_eq!(xattr(&out.join("closed"), "user.directory").as_deref(), Some(&b"\0\xff"[..]));
    if is_root() {
        assert_eq!(xattr(&out.join("etc/shadow"), "user.file").as_deref(), Some(&b"\0\xff"[..]));
        assert_eq!(xattr(&out.join("bin"), "trusted.link").as_deref(), Some(&b"1"[..]));
    } else {
        assert!(written.not_applied.iter().any(|missed| missed.path == b"/bin"));
    }
    // A package cannot forge the record of an owner.
    assert_eq!(xattr(&out.join("usr/bin/su"), "user.rootlesscontainers"), None);
    assert!(written.not_applied.iter().any(|missed| missed.reason == Reason::Reserved));
    as_ordinary_user("attributes_reach_every_kind_that_has_them");
}

#[test]
fn no_umask_shows() {
    if std::env::var_os(AGAIN).is_none() {
        // The umask belongs to the process, so it must not change while other tests run.
        let place = tempfile::tempdir().unwrap();
        let output = again("no_umask_shows", place.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return as_ordinary_user("no_umask_shows");
    }
    for mask in [0o077, 0o777, 0] {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let tree = one_of_everything();
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
        let result = write(&tree, &out);
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        result.unwrap();
        assert_eq!(read_back(&out).0, expected(&tree), "umask {mask:o}");
    }
}

#[test]
fn spooled_contents_are_copied() {
    let place = tempfile::tempdir().unwrap();
    let spool = Spool::new(0, place.path());
    let bytes: Vec<u8> = (0..1_000_000u32).map(|i| (i * 7 / 3) as u8).collect();
    let mut writer = spool.writer(0);
    writer.write_all(&bytes).unwrap();
    let content = writer.finish();
    assert!(content.memory().is_none());
    let mut tree = Tree::new();
    tree.write(b"/whole", content.clone(), 0o644).unwrap();
    tree.write(b"/part", content.slice(10, 700_001).unwrap(), 0o644).unwrap();
    let out = place.path().join("out");
    write(&tree, &out).unwrap();
    assert!(fs::read(out.join("whole")).unwrap() == bytes);
    assert!(fs::read(out.join("part")).unwrap() == bytes[10..700_011]);
}

#[test]
fn a_deep_tree_needs_few_handles() {
    if std::env::var_os(AGAIN).is_none() {
        // The limit belongs to the process.
        let place = tempfile::tempdir().unwrap();
        let output = again("a_deep_tree_needs_few_handles", place.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return as_ordinary_user("a_deep_tree_needs_few_handles");
    }
    let limit = rustix::process::Rlimit { current: Some(60), maximum: Some(60) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut tree = Tree::new();
    let mut directory = Tree::ROOT;
    for level in 0..200u32 {
        tree.insert(directory, b"sibling", Node::directory(0o500)).unwrap();
        let full = tree.insert(directory, b"full", Node::directory(0)).unwrap();
        tree.insert(full, b"file", Node::file(Content::from(&level.to_le_bytes()[..]), 0)).unwrap();
        directory = tree.insert(directory, &[b'n'; 17], Node::directory(0o555)).unwrap();
    }
    let out = place.path().join("out");
    let written = write(&tree, &out).unwrap();
    assert_eq!((written.files, written.directories), (200, 601));
    let listed = Command::new("find").arg(&out).args(["-name", "file", "-size", "4c"]).output().unwrap().stdout;
    if is_root() {
        assert_eq!(String::from_utf8(listed).unwrap().lines().count(), 200);
    }
    let holder = fs::File::open(place.path()).unwrap();
    super::remove::remove_tree(std::os::fd::AsFd::as_fd(&holder), c"out").unwrap();
    assert!(!out.exists());
}

#[test]
fn a_tree_that_is_not_finished_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut tree = one_of_everything();
    let id = tree.lookup(b"/etc/shadow").unwrap();
    tree.node_mut(id).metadata.group = Owner::named("shadow");
    let error = write(&tree, &place.path().join("out")).unwrap_err();
    assert_eq!(error.to_string(), "/etc/shadow: the owner \"shadow\" has no number");
    tree.node_mut(id).metadata.group = Owner::Id(u32::MAX);
    assert!(matches!(write(&tree, &place.path().join("out")), Err(OutputError::Owner { .. })));
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let place = tempfile::tempdir().unwrap();
    let tree = one_of_everything();
    let written: Vec<(Written, Vec<Row>)> = [1, 2, 7]
        .map(|jobs| {
            let out: PathBuf = place.path().join(jobs.to_string());
            let options = WriteOptions { jobs: std::num::NonZeroUsize::new(jobs), ..options() };
            let written = Directory::prepare(&out).unwrap().write(&tree, &options, &Silent, &Cancel::new()).unwrap();
            (written, read_back(&out).0)
        })
        .into();
    assert_eq!(written[0], written[1]);
    assert_eq!(written[0], written[2]);
}
