//! Full disks, signals, kills, panics: OUT is absent or complete, and no other file is left.

use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use super::destination::Mount;
use super::*;
use crate::reporter::{Phase, Reporter};

/// The variable with the OUT of the process that is to be stopped.
const OUT: &str = "ROOTSTRAP_TEST_OUT";

/// The variable with the number of names after which the process stops itself, and the signal.
const STOP: &str = "ROOTSTRAP_TEST_STOP";

/// Returns a temporary directory in memory if possible: files that are removed again and again
/// should not wait for a disk.
fn quick_place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Returns a tree with many small files, some hard links and some closed directories.
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

/// An action that runs once, after a number of names is written.
struct After<F>(u64, AtomicU64, F);

impl<F: Fn() + Send + Sync> Reporter for After<F> {
    fn advance(&self, _: Phase, items: u64, _: u64) {
        let before = self.1.fetch_add(items, Ordering::Relaxed);
        if before < self.0 && before + items >= self.0 {
            (self.2)();
        }
    }
}

#[test]
fn stopping_leaves_nothing() {
    let place = quick_place();
    let tree = many(1000);
    for after in [1, 300, 900] {
        let cancel = Cancel::new();
        let reporter = After(after, AtomicU64::new(0), || cancel.raise());
        let result = Directory::prepare(&place.path().join("out")).unwrap().write(&tree, &options(), &reporter, &cancel);
        assert!(matches!(result, Err(OutputError::Cancelled)));
        assert_eq!(names(place.path()), [""; 0]);
    }
}

#[test]
fn a_panic_leaves_nothing() {
    let place = quick_place();
    let tree = many(300);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let reporter = After(100, AtomicU64::new(0), || panic!("on purpose"));
        Directory::prepare(&place.path().join("out")).unwrap().write(&tree, &options(), &reporter, &Cancel::new())
    }));
    assert!(result.is_err());
    assert_eq!(names(place.path()), [""; 0]);
}

#[test]
fn writes_until_it_is_stopped() {
    let (Some(out), Ok(stop)) = (std::env::var_os(OUT), std::env::var(STOP)) else { return };
    let (after, signal) = stop.split_once(' ').unwrap();
    let signal = Signal::from_named_raw(signal.parse().unwrap()).unwrap();
    let cancel = Cancel::on_signals().unwrap();
    let stop = || {
        kill_process(getpid(), signal).unwrap();
        // Another thread may be the one that it is delivered to.
        while !cancel.is_raised() {
            std::thread::yield_now();
        }
    };
    let reporter = After(after.parse().unwrap(), AtomicU64::new(0), stop);
    match Directory::prepare(Path::new(&out)).unwrap().write(&many(400), &options(), &reporter, &cancel) {
        Ok(_) => {}
        Err(error) => assert!(matches!(error, OutputError::Cancelled), "{error}"),
    }
}

/// Stops runs by a signal after a growing number of names. `look` checks the directory after each
/// run. Ends with a run that completes.
fn stop_runs(holder: &Path, signal: Signal, mut look: impl FnMut(&[String])) {
    let program = tempfile::tempdir().unwrap();
    let out = holder.join("out");
    let wanted = expected(&many(400));
    // 440 names and 40 directories.
    for after in [1, 30, 60, 100, 150, 200, 300, 400, 470, 1000] {
        let mut run = again("faults::writes_until_it_is_stopped", program.path());
        let run = run.env(OUT, &out).env(STOP, format!("{after} {}", signal.as_raw())).output().unwrap();
        assert!(run.status.success() || run.status.signal() == Some(signal.as_raw()), "{}", String::from_utf8_lossy(&run.stdout));
        look(&names(holder));
        assert_eq!(out.exists(), after == 1000, "{after}");
    }
    assert_eq!(names(holder), ["out"]);
    assert_eq!(read_back(&out).0, wanted);
}

#[test]
fn a_killed_run_leaves_something_hidden_that_the_next_removes() {
    let place = quick_place();
    let mut left = 0;
    stop_runs(place.path(), Signal::KILL, |names| {
        assert!(names.len() == 1, "{names:?}");
        left += usize::from(names[0].starts_with(".out.rootstrap-"));
    });
    assert_eq!(left, 9);
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = quick_place();
        stop_runs(place.path(), signal, |names| assert!(names.is_empty() || names == ["out"], "{names:?}"));
    }
}
