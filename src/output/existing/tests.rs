use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use super::changes::Changes;
use super::journal::{Journal, State};
use super::*;
use crate::cancel::Cancel;
use crate::output::manifest::{Row, rows};
use crate::output::tests::destination::Mount;
use crate::output::{Directory, WriteOptions};
use crate::package::{Content, Owner};
use crate::reporter::Silent;
use crate::tree::Node;

const EPOCH: i64 = 1_700_000_000;

fn write(tree: &mut Tree, path: &str, content: &str) -> NodeId {
    tree.write(path.as_bytes(), Content::from(content.as_bytes()), 0o644).unwrap()
}

/// A root with files, links of both kinds, a closed directory, other owners.
fn sample() -> Tree {
    let mut tree = Tree::new();
    for path in ["/etc/passwd", "/etc/keep", "/etc/conf.d/a", "/usr/bin/tool", "/usr/lib/old/deep/file", "/closed/in", "/type"] {
        write(&mut tree, path, path);
    }
    let tool = tree.lookup(b"/usr/bin/tool").unwrap();
    let bin = tree.lookup(b"/usr/bin").unwrap();
    tree.link(bin, b"tool-too", tool).unwrap();
    tree.insert(bin, b"link", Node::symlink(b"/etc/passwd")).unwrap();
    let passwd = tree.lookup(b"/etc/passwd").unwrap();
    tree.node_mut(passwd).metadata.group = Owner::Id(42);
    let closed = tree.lookup(b"/closed").unwrap();
    tree.node_mut(closed).metadata.mode = 0o555;
    tree
}

/// Applies every kind of change that a transaction may make.
fn changed(base: &Tree) -> Tree {
    let mut tree = base.clone();
    write(&mut tree, "/etc/passwd", "new");
    write(&mut tree, "/etc/conf.d/b", "new");
    write(&mut tree, "/opt/new/deep/er", "new");
    write(&mut tree, "/closed/too", "new");
    assert!(tree.remove(b"/usr/lib/old") && tree.remove(b"/usr/bin/link") && tree.remove(b"/type"));
    write(&mut tree, "/type/is/a/directory/now", "new");
    write(&mut tree, "/usr/bin/tool", "for both names");
    let keep = tree.lookup(b"/etc/keep").unwrap();
    let opt = tree.lookup(b"/opt/new").unwrap();
    tree.link(opt, b"kept", keep).unwrap();
    let conf = tree.lookup(b"/etc/conf.d").unwrap();
    tree.node_mut(conf).metadata.mode = 0o1750;
    tree
}

fn made(tree: &Tree) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let options = WriteOptions { ownership: Ownership::detect(), epoch: EPOCH - 5, jobs: None, sync: false };
    Directory::prepare(&place.path().join("root")).unwrap().write(tree, &options, &Silent, &Cancel::new()).unwrap();
    place
}

fn open(place: &Path) -> ExistingRoot {
    ExistingRoot::open(&place.join("root"), Ownership::detect(), &[]).unwrap()
}

/// Returns the paths and their attributes. The times of directories are cleared, because they may
/// differ from those of the model.
fn told(tree: &Tree) -> Vec<Row> {
    told_at(tree, EPOCH)
}

fn told_at(tree: &Tree, epoch: i64) -> Vec<Row> {
    let mut rows = rows(tree, epoch).unwrap();
    rows.iter_mut().filter(|row| row.kind == 'd').for_each(|row| row.mtime = 0);
    rows
}

fn on_disk(place: &Path) -> Vec<Row> {
    told(&open(place).read().unwrap().tree)
}

#[test]
fn a_root_is_read_as_it_was_written_and_changed_as_asked() {
    let place = made(&sample());
    let root = open(place.path());
    let base = root.read().unwrap();
    assert_eq!(told(&base.tree), told_at(&sample(), EPOCH - 5));
    let tree = changed(&base.tree);
    let applied = root.apply(&base, &tree, EPOCH, &Silent, &Cancel::new()).unwrap();
    assert!(applied.came > 5 && applied.went == 2, "{applied:?}");
    drop(root);
    assert_eq!(on_disk(place.path()), told(&tree));
    let path = place.path().join("root");
    let inode = |name: &str| fs::symlink_metadata(path.join(name)).unwrap().ino();
    assert_eq!(inode("usr/bin/tool"), inode("usr/bin/tool-too"));
    assert_eq!(inode("etc/keep"), inode("opt/new/kept"));
    let time = |name: &str| fs::metadata(path.join(name)).unwrap().mtime();
    assert_eq!((time("usr/bin"), time("usr"), time(""), time("opt")), (EPOCH, EPOCH - 5, EPOCH, EPOCH));
    assert!(fs::read_dir(&path).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().starts_with(".rootstrap")));

    // Nothing to do: nothing is touched.
    let root = open(place.path());
    let base = root.read().unwrap();
    assert_eq!(root.apply(&base, &base.tree, EPOCH + 9, &Silent, &Cancel::new()).unwrap(), Applied::default());
}

/// Writes every new node beside its place, as a run does that is killed at this point.
fn staged(root: &ExistingRoot, base: &Base, tree: &Tree) -> Journal {
    let changes = Changes::between(&base.tree, tree, EPOCH);
    let journal = root.stage(base, tree, &changes, EPOCH, &Silent, &Cancel::new(), &mut Vec::new()).unwrap();
    assert!(journal.steps.len() > 5);
    journal
}

/// Returns a journal with only the first steps.
fn first(journal: &Journal, steps: usize) -> Journal {
    let mut first = journal.clone();
    first.steps.truncate(steps);
    first
}

fn moved(journal: &Journal, root: &ExistingRoot, steps: usize) {
    first(journal, steps).move_all(root.root.as_fd()).unwrap_or_else(|failed| panic!("{steps}: {}", failed.action));
}

#[test]
fn killed_at_any_step_the_next_run_finds_the_old_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for steps in 0..40 {
        for state in [State::Staging, State::Moving, State::Clearing] {
            let place = made(&sample());
            let root = open(place.path());
            let base = root.read().unwrap();
            let (before, tree) = (told(&base.tree), changed(&base.tree));
            let journal = staged(&root, &base, &tree);
            let handle = root.root.as_fd();
            if state != State::Staging {
                Journal::advance(handle, State::Staging, State::Moving).unwrap();
                let steps = if state == State::Clearing { usize::MAX } else { steps };
                moved(&journal, &root, steps);
            }
            if state == State::Clearing {
                Journal::advance(handle, State::Moving, State::Clearing).unwrap();
                first(&journal, steps).discard_old(handle).unwrap_or_else(|failed| panic!("{steps}: {}", failed.action));
            }
            drop(root);
            let root = open(place.path());
            let expected = if state == State::Staging { Recovered::TakenBack } else { Recovered::Finished };
            assert_eq!(root.recovered(), Some(expected));
            drop(root);
            let found = on_disk(place.path());
            if state == State::Staging {
                assert_eq!(found, before);
                old += 1;
            } else {
                assert_eq!(found, told(&tree), "{state:?} {steps}");
                new += 1;
            }
            assert_eq!(open(place.path()).recovered(), None);
            if steps > journal.steps.len() {
                assert!(old > 5 && new > 5);
                return;
            }
        }
    }
    panic!("more steps than were tried");
}

#[test]
fn what_was_moved_is_moved_back() {
    for steps in 0..40 {
        let place = made(&sample());
        let root = open(place.path());
        let base = root.read().unwrap();
        let journal = staged(&root, &base, &changed(&base.tree));
        Journal::advance(root.root.as_fd(), State::Staging, State::Moving).unwrap();
        moved(&journal, &root, steps);
        root.take_back(&journal, State::Moving).unwrap();
        drop(root);
        assert_eq!(on_disk(place.path()), told(&base.tree), "{steps}");
        if steps > journal.steps.len() {
            return;
        }
    }
    panic!("more steps than were tried");
}

#[test]
fn stopped_full_or_refused_it_stays_as_it_was() {
    let place = made(&sample());
    let root = open(place.path());
    let base = root.read().unwrap();
    let tree = changed(&base.tree);
    let cancel = Cancel::new();
    cancel.raise();
    let error = root.apply(&base, &tree, EPOCH, &Silent, &cancel).unwrap_err();
    assert!(matches!(error, OutputError::Cancelled), "{error}");
    drop(root);
    assert_eq!(on_disk(place.path()), told(&base.tree));

    // A file that is a mount point cannot be replaced: the earlier steps are rolled back.
    let path = place.path().join("root");
    fs::write(place.path().join("other"), "").unwrap();
    let mount = |arguments: &[&std::ffi::OsStr]| {
        std::process::Command::new("mount").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let mounted = path.join("usr/bin/tool");
    if mount(&["--bind".as_ref(), place.path().join("other").as_ref(), mounted.as_ref()]) {
        let root = open(place.path());
        let base = root.read().unwrap();
        let error = root.apply(&base, &changed(&base.tree), EPOCH, &Silent, &Cancel::new()).unwrap_err();
        assert!(error.to_string().contains("usr/bin/tool: put it in its place"), "{error}");
        drop(root);
        assert!(std::process::Command::new("umount").arg(&mounted).status().unwrap().success());
        assert_eq!(open(place.path()).recovered(), None);
        assert_eq!(on_disk(place.path()), told_at(&sample(), EPOCH - 5));
    }

    let small = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(&small.path().join("small"), "size=1m") else { return };
    let options = WriteOptions { ownership: Ownership::detect(), epoch: EPOCH, jobs: None, sync: false };
    Directory::prepare(&mount.0.join("root")).unwrap().write(&sample(), &options, &Silent, &Cancel::new()).unwrap();
    let root = open(&mount.0);
    let base = root.read().unwrap();
    let mut tree = changed(&base.tree);
    write(&mut tree, "/zz/large", &"x".repeat(3 << 20));
    let error = root.apply(&base, &tree, EPOCH, &Silent, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    drop(root);
    assert_eq!(on_disk(&mount.0), told(&base.tree));
}

#[test]
fn nothing_outside_is_read_or_changed() {
    let place = made(&sample());
    let outside = place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let path = place.path().join("root");
    symlink(&outside, path.join("way-out")).unwrap();
    let root = open(place.path());
    let base = root.read().unwrap();
    assert!(base.tree.lookup(b"/way-out/secret").is_none());
    let mut tree = base.tree.clone();
    write(&mut tree, "/etc/new", "new");
    // A link is put in the way between the check and the change.
    fs::rename(path.join("etc"), path.join("moved")).unwrap();
    symlink(&outside, path.join("etc")).unwrap();
    let error = root.apply(&base, &tree, EPOCH, &Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(error, OutputError::Unfinished { .. } | OutputError::Write { .. }), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // A file that was replaced meanwhile is not mistaken for the earlier one.
    fs::remove_file(path.join("usr/lib/old/deep/file")).unwrap();
    fs::write(path.join("usr/lib/old/deep/other"), "other").unwrap();
    fs::rename(path.join("usr/lib/old/deep/other"), path.join("usr/lib/old/deep/file")).unwrap();
    assert!(base.tree.read(b"/usr/lib/old/deep/file").unwrap().bytes().is_err());
}

#[test]
fn one_at_a_time() {
    let place = made(&sample());
    let path = place.path().join("root");
    let root = open(place.path());
    let second = ExistingRoot::open(&path, Ownership::detect(), &[]).unwrap_err();
    assert!(matches!(second, OutputError::Busy { .. }), "{second}");
    drop(root);
    let root = ExistingRoot::open(&path, Ownership::detect(), &["lib/none/lock", "usr/lib/lock"]).unwrap();
    let lock = fs::File::open(path.join("usr/lib/lock")).unwrap();
    assert_eq!(flock(&lock, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
    drop(root);
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let error = ExistingRoot::open(&path, Ownership::detect(), &["usr/lib/lock"]).unwrap_err();
    assert!(matches!(error, OutputError::Busy { .. }), "{error}");
    let missing = ExistingRoot::open(&place.path().join("none"), Ownership::detect(), &[]).unwrap_err();
    assert!(missing.is_usage());
    fs::write(path.join(".rootstrap-journal.moving"), "{").unwrap();
    drop(lock);
    let error = ExistingRoot::open(&path, Ownership::detect(), &[]).unwrap_err();
    assert!(matches!(error, OutputError::Journal { .. }), "{error}");
}
