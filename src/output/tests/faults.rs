//! Full disks, signals, kills, panics: OUT is absent or whole, and nothing else is left.

use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::destination::Mount;
use super::*;
use crate::reporter::{Phase, Reporter};

/// Many small files, some hard links, some closed directories.
fn many(files: u32) -> Tree {
    let mut tree = Tree::new();
    for i in 0..files {
        let path = format!("/d{}/e{}/f{i}", i % 7, i % 31);
        let id = tree.write(path.as_bytes(), Content::from(vec![i as u8; 3000]), 0o600).unwrap();
        if i % 10 == 0 {
            let directory = tree.create_directories(b"/links").unwrap();
            tree.link(directory, i.to_string().as_bytes(), id).unwrap();
        }
    }
    for i in 0..7 {
        let id = tree.lookup(format!("/d{i}").as_bytes()).unwrap();
        tree.node_mut(id).metadata.mode = 0o100;
    }
    tree
}

#[test]
fn a_full_disk_is_told_with_figures_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(&place.path().join("small"), "size=1m") else { return };
    let error = write(&many(2000), &mount.0.join("out")).unwrap_err();
    let OutputError::NoSpace { path, needed, available, .. } = &error else { panic!("{error}") };
    assert!(path.starts_with('/') && *needed > 6_000_000 && *available <= 1 << 20, "{error}");
    assert_eq!(names(&mount.0), [""; 0]);
    let error = write(&many(2000), &mount.0).unwrap_err();
    assert!(matches!(error, OutputError::NoSpace { .. }), "{error}");
    assert_eq!(names(&mount.0), [""; 0]);
    drop(mount);

    let Some(mount) = Mount::new(&place.path().join("few"), "size=100m,nr_inodes=200") else { return };
    let error = write(&many(2000), &mount.0.join("out")).unwrap_err();
    assert!(matches!(error, OutputError::NoInodes { needed: 2000.., available: ..200, .. }), "{error}");
    assert_eq!(names(&mount.0), [""; 0]);
}

/// Does something when so many names are written.
struct After<F>(u64, AtomicU64, F);

impl<F: Fn() + Send + Sync> Reporter for After<F> {
    fn advance(&self, _: Phase, items: u64, _: u64) {
        if self.1.fetch_add(items, Ordering::Relaxed) + items >= self.0 {
            (self.2)();
        }
    }
}

#[test]
fn stopping_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let tree = many(1000);
    for after in [0, 1, 300, 900] {
        let cancel = Cancel::new();
        let reporter = After(after, AtomicU64::new(0), || cancel.raise());
        let result = Directory::prepare(&place.path().join("out")).unwrap().write(&tree, &options(), &reporter, &cancel);
        assert!(matches!(result, Err(OutputError::Cancelled)));
        assert_eq!(names(place.path()), [""; 0]);
    }
}

#[test]
fn a_panic_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let tree = many(300);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let reporter = After(100, AtomicU64::new(0), || panic!("on purpose"));
        Directory::prepare(&place.path().join("out")).unwrap().write(&tree, &options(), &reporter, &Cancel::new())
    }));
    assert!(result.is_err());
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn writes_until_it_is_killed() {
    let Some(place) = std::env::var_os(AGAIN) else { return };
    write(&many(1000), &Path::new(&place).join("killed/out")).unwrap();
}

#[test]
fn a_killed_run_leaves_out_absent_or_whole() {
    let place = tempfile::tempdir().unwrap();
    let holder = place.path().join("killed");
    fs::create_dir(&holder).unwrap();
    let out = holder.join("out");
    let tree = many(1000);
    let start = || again("faults::writes_until_it_is_killed", place.path()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole_run = began.elapsed();
    fs::remove_dir_all(&out).unwrap();
    let (mut absent, mut left) = (0, 0);
    for attempt in 0..30 {
        let mut child = start();
        std::thread::sleep(whole_run * attempt / 14);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "{status}");
        left += usize::from(names(&holder).iter().any(|name| name.starts_with('.')));
        if out.exists() {
            assert_eq!(read_back(&out).0, expected(&tree));
            fs::remove_dir_all(&out).unwrap();
        } else {
            absent += 1;
        }
    }
    write(&tree, &out).unwrap();
    assert_eq!(names(&holder), ["out"], "what killed runs left is removed");
    println!("30 kills: {absent} without OUT, {left} with something hidden left");
    assert!(left > 0, "no kill met a run while it was writing");
}
