//! Permitted places for OUT, and the treatment of existing files there.

use super::*;
use std::os::unix::fs::symlink;

fn small() -> Tree {
    let mut tree = Tree::new();
    tree.write(b"/etc/hostname", Content::from(&b"x\n"[..]), 0o644).unwrap();
    tree.node_mut(Tree::ROOT).metadata.mode = 0o555;
    tree.create_directories(b"/proc").map(|id| tree.node_mut(id).metadata.mode = 0o555).unwrap();
    tree
}

#[test]
fn an_empty_directory_is_replaced_and_others_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::set_permissions(path("empty"), fs::Permissions::from_mode(0o2770)).unwrap();
    symlink("empty", path("link")).unwrap();
    write(&small(), &path("link")).unwrap();
    assert_eq!(fs::metadata(path("empty")).unwrap().mode() & 0o7777, 0o555, "the root's own mode");
    assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());

    let refused = |name: &str| {
        let error = Directory::prepare(&path(name)).err().unwrap();
        assert!(error.is_usage(), "{error}");
        error
    };
    assert!(matches!(refused("empty"), OutputError::NotEmpty { found, .. } if found == "etc" || found == "proc"));
    fs::write(path("file"), "").unwrap();
    assert!(matches!(refused("file"), OutputError::NotADirectory { .. }));
    assert!(matches!(refused("file/out"), OutputError::BelowAFile { file, .. } if file == path("file")));
    assert!(matches!(refused("file/none/out"), OutputError::BelowAFile { file, .. } if file == path("file")));
    symlink("nowhere", path("dangling")).unwrap();
    assert!(matches!(refused("dangling/out"), OutputError::BelowADanglingLink { link, .. } if link == path("dangling")));
    assert!(matches!(refused("dangling"), OutputError::DanglingLink { .. }));
    assert!(matches!(refused("none/out"), OutputError::NoParent { parent, .. } if parent == path("none")));
    assert_eq!(names(place.path()), ["dangling", "empty", "file", "link"]);
    assert_eq!(names(&path("empty")), ["etc", "proc"]);
}

#[test]
fn what_is_prepared_and_dropped_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let prepared = Directory::prepare(&out).unwrap();
    assert_eq!(names(place.path()).len(), 1);
    drop(prepared);
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_a_living_one_holds_is_not() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let stale = path(".out.rootstrap-abc123");
    fs::create_dir_all(stale.join("a/b")).unwrap();
    fs::write(stale.join("a/b/c"), "x").unwrap();
    for closed in ["a/b/c", "a/b", "a", ""] {
        fs::set_permissions(stale.join(closed), fs::Permissions::from_mode(0o000)).unwrap();
    }
    // Similar names that do not belong to a run.
    fs::create_dir(path(".out.rootstrap-ABC123")).unwrap();
    fs::create_dir(path(".other.rootstrap-abc123")).unwrap();
    fs::write(path(".out.rootstrap-abc124"), "").unwrap();
    symlink(place.path(), path(".out.rootstrap-abc125")).unwrap();
    let living = Directory::prepare(&path("out")).unwrap();
    assert!(!stale.exists());
    let held = names(place.path()).len();
    write(&small(), &path("out")).unwrap();
    assert_eq!(names(place.path()).len(), held + 1, "{:?}", names(place.path()));
    // The first run is too late.
    let error = living.write(&small(), &options(), &Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(error, OutputError::NotEmpty { .. }), "{error}");
    assert_eq!(names(place.path()).len(), held);
    as_ordinary_user("destination::what_a_killed_run_left_is_removed_and_what_a_living_one_holds_is_not");
}

#[test]
fn a_directory_in_a_closed_parent_is_filled_where_it_is() {
    if is_root() {
        return as_ordinary_user("destination::a_directory_in_a_closed_parent_is_filled_where_it_is");
    }
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("closed/out");
    fs::create_dir_all(&out).unwrap();
    fs::set_permissions(place.path().join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let inode = fs::metadata(&out).unwrap().ino();
    let error = Directory::prepare(&place.path().join("closed/new")).err().unwrap();
    assert!(matches!(error, OutputError::Place { .. }), "{error}");

    drop(Directory::prepare(&out).unwrap());
    assert_eq!(names(&out), [""; 0]);
    fs::create_dir(out.join(".rootstrap-abc123")).unwrap();
    write(&small(), &out).unwrap();
    let metadata = fs::metadata(&out).unwrap();
    assert_eq!((metadata.ino(), metadata.mode() & 0o7777, metadata.mtime()), (inode, 0o555, EPOCH));
    assert_eq!(read_back(&out).0, expected(&small()));
    fs::set_permissions(place.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_mount_point_is_filled_where_it_is() {
    let place = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(&place.path().join("out"), "size=1m") else { return };
    fs::create_dir(mount.0.join("lost+found")).unwrap();
    write(&small(), &mount.0).unwrap();
    fs::remove_dir(mount.0.join("lost+found")).unwrap();
    let (found, _) = read_back(&mount.0);
    assert_eq!(found, expected(&small()));
    assert_eq!(fs::metadata(&mount.0).unwrap().mode() & 0o7777, 0o555);
    assert_eq!(names(place.path()), ["out"]);
    assert!(matches!(write(&small(), &mount.0), Err(OutputError::NotEmpty { .. })));
}

#[test]
fn nothing_is_inherited_from_the_parent() {
    let place = tempfile::tempdir().unwrap();
    if is_root() {
        rustix::fs::chown(place.path(), None, Some(rustix::fs::Gid::from_raw(4321))).unwrap();
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o2777)).unwrap();
    // A default list `u::rwx,u:1:rwx,g::rwx,m::rwx,o::rwx`, as `posix_acl_xattr` version 2.
    let entry = |tag: u16, id: u32| [&tag.to_le_bytes()[..], &7u16.to_le_bytes(), &id.to_le_bytes()].concat();
    let none = u32::MAX;
    let list =
        [2u32.to_le_bytes().to_vec(), entry(1, none), entry(2, 1), entry(4, none), entry(0x10, none), entry(0x20, none)].concat();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(place.path(), "system.posix_acl_default", &list, flags).is_err() {
        println!("skipped: no access control lists here");
    }
    let out = place.path().join("out");
    write(&one_of_everything(), &out).unwrap();
    assert_eq!(read_back(&out).0, expected(&one_of_everything()));
    for path in ["", "etc", "var/mail", "usr/bin/su"] {
        for list in ["system.posix_acl_default", "system.posix_acl_access"] {
            assert_eq!(xattr(&out.join(path), list), None, "{path} {list}");
        }
    }
}

/// A small file system that exists for the duration of a test.
pub(in crate::output) struct Mount(pub(in crate::output) PathBuf);

impl Mount {
    pub(in crate::output) fn new(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: cannot mount");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
