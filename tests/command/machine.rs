//! Tests of failing machines: killed runs, full disks, failing system calls, wrong clocks,
//! concurrent runs. OUT must be absent or complete, an existing root must be in its old or new
//! state, the store must be intact, and the next run must succeed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::change::{self, ALPINE, alpine, same};
use crate::disk::{Rows, walk, without_inodes};
use crate::place::{MICRO, Outcome, Place, USER, is_root, names, peer};
use crate::server::FileServer;

/// Returns the number of cases for each test; `ROOTSTRAP_CASES` increases it.
fn cases(usual: u32) -> u32 {
    std::env::var("ROOTSTRAP_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Returns moments that are scattered over a run of duration `whole` and a little beyond.
fn moments(whole: Duration, count: u32) -> impl Iterator<Item = Duration> {
    (1..=count).map(move |number| whole.mul_f64(1.1 * (f64::from(number) * 0.618_033_988_75).fract()))
}

/// Starts a command and kills it after some time. Returns false if it had already ended.
fn killed(command: &mut Command, moment: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(moment);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    status.signal() == Some(9)
}

fn took(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

/// Returns the arguments of the main job with a server's packages.
fn from<'a>(url: &'a str, cache: &'a str, out: &'a str) -> Vec<&'a str> {
    let rest = ["--mirror", url, "--key", "mirror/keys/rootstrap-fixtures.asc", "--cache-dir", cache, out];
    [&MICRO[..], &rest].concat()
}

fn tree(out: &Path) -> Rows {
    without_inodes(walk(out))
}

#[track_caller]
fn is_sound(place: &Place) {
    place.run(&["cache", "verify", "--cache-dir", "cache"]).success();
}

/// Kills runs that download from a server into an empty store: in downloads, the store, the pool
/// and the tree.
#[test]
fn killed_while_a_tree_is_made() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let url = server.url();
    let arguments = from(&url, "cache", "out");
    let whole = took(|| drop(place.run(&arguments).success()));
    let expected = tree(&place.path("out"));
    let mut count = 0;
    for (step, moment) in moments(whole, cases(40)).enumerate() {
        let _ = fs::remove_dir_all(place.path("out"));
        // In three of four cases, the next run uses the files of a killed run.
        if step % 4 == 0 {
            let _ = fs::remove_dir_all(place.path("cache"));
        }
        count += u32::from(killed(&mut place.command(&arguments), moment));
        if place.path("out").exists() {
            same(&expected, &tree(&place.path("out")));
        }
        for name in place.names() {
            let is_known = ["cache", "mirror", "out"].contains(&&*name) || name.starts_with(".out.");
            assert!(is_known, "{name} was left");
        }
        is_sound(&place);
    }
    assert!(count > 0, "no run was killed");
    let _ = fs::remove_dir_all(place.path("out"));
    place.run(&arguments).success();
    same(&expected, &tree(&place.path("out")));
    assert_eq!(place.names(), ["cache", "mirror", "out"], "what killed runs left is gone");
    println!("killed {count} times");
}

/// Kills runs that change a root: the next run finds it in the old or the new state.
#[test]
fn killed_while_a_root_is_changed() {
    let place = Place::new();
    let run = |arguments: &[&str]| alpine(&place, arguments).success();
    let install = ["install", "--root", "root", "hello"];
    let remove = ["remove", "--root", "root", "hello"];
    // The order of the scripts is that of the installation, so the first time differs.
    run(&["--variant", "minirootfs", "--with", "hello", "root"]);
    run(&remove);
    let without = change::rows(&place.path("root"));
    let whole = took(|| drop(run(&install)));
    let with = change::rows(&place.path("root"));
    run(&remove);
    same(&without, &change::rows(&place.path("root")));
    let (mut count, mut old, mut new) = (0, 0, 0);
    for (step, moment) in moments(whole, cases(40)).enumerate() {
        // The present state determines the next change.
        let has = change::rows(&place.path("root")) == with;
        let (verb, rest) = change::split(if has { &remove } else { &install });
        count += u32::from(killed(&mut place.command(&[verb, &ALPINE, rest].concat()), moment));
        // The empty request completes or reverts the change that was begun.
        run(&["upgrade", "--root", "root"]);
        let found = change::rows(&place.path("root"));
        let (before, after) = if has { (&with, &without) } else { (&without, &with) };
        if found == *before {
            old += 1;
        } else {
            assert_eq!(crate::disk::differences(after, &found), <[String; 0]>::default(), "step {step}");
            new += 1;
        }
        assert_eq!(place.names(), ["cache", "mirror", "root"]);
    }
    assert!(count > 0 && old > 0, "no run was killed");
    println!("killed {count} times: {old} as before, {new} as asked for");
}

/// System calls that may fail, and their errors.
const FAULTS: [(&str, &str); 27] = [
    ("openat", "EMFILE"),
    ("openat", "EIO"),
    ("openat", "EACCES"),
    ("read", "EIO"),
    ("read", "EINTR"),
    ("pread64", "EIO"),
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("write", "EDQUOT"),
    ("pwrite64", "ENOSPC"),
    ("mkdir", "ENOSPC"),
    ("mkdirat", "ENOSPC"),
    ("mkdirat", "EROFS"),
    ("rename", "EIO"),
    ("renameat", "EACCES"),
    ("renameat2", "EINVAL"),
    ("linkat", "EPERM"),
    ("symlinkat", "ENOSPC"),
    ("unlinkat", "EBUSY"),
    ("fchmod", "EPERM"),
    ("fchown", "EPERM"),
    ("fsetxattr", "EOPNOTSUPP"),
    ("utimensat", "EPERM"),
    ("ftruncate", "EFBIG"),
    ("statx", "EIO"),
    ("getdents64", "EIO"),
    ("flock", "ENOLCK"),
];

/// Returns the number of times that a run makes each call.
fn counted(trace: &Path) -> impl Fn(&str) -> u32 + use<> {
    let text = fs::read_to_string(trace).unwrap();
    move |call| {
        let begins =
            |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with(&format!("{call}("));
        u32::try_from(text.lines().filter(begins).count()).unwrap()
    }
}

/// Every kind of call fails once: at its start, in the middle, and at the end.
#[test]
fn calls_that_fail() {
    if !peer("strace") {
        return;
    }
    let place = Place::new();
    let words = Place::usual(&["--jobs", "1", "--cache-dir", "cache", "out"]);
    let traced = |options: &[&str]| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "trace"]).args(options).arg(env!("CARGO_BIN_EXE_rootstrap")).args(&words);
        place.set(&mut command, &[]);
        let output = command.output().unwrap();
        (output.status, String::from_utf8(output.stderr).unwrap())
    };
    let calls: Vec<&str> = FAULTS.iter().map(|(call, _)| *call).collect();
    let (status, errors) = traced(&["-e", &format!("trace={}", calls.join(","))]);
    assert!(status.success(), "{errors}");
    let expected = tree(&place.path("out"));
    let count = counted(&place.path("trace"));
    let (mut refused, mut survived) = (0, 0);
    for (call, error) in FAULTS {
        let all = count(call);
        let tries = cases(2).min(all);
        for number in 0..tries {
            let when = 1 + number * all.saturating_sub(1) / tries.saturating_sub(1).max(1);
            let _ = fs::remove_dir_all(place.path("out"));
            // Test both an existing and a new cache.
            if number % 2 == 0 {
                let _ = fs::remove_dir_all(place.path("cache"));
            }
            let inject = format!("inject={call}:error={error}:when={when}");
            let (status, errors) = traced(&["-e", &format!("trace={call}"), "-e", &inject]);
            let fault = format!("{call} {when} of {all} fails with {error}: {errors}");
            assert!(!errors.contains("panicked"), "{fault}");
            match status.code() {
                Some(0) => {
                    survived += 1;
                    if !errors.contains("not applied") {
                        same(&expected, &tree(&place.path("out")));
                    }
                }
                // The program itself could not be loaded.
                Some(127) => assert!(errors.contains("shared libraries"), "{fault}"),
                Some(1..=4) => {
                    refused += 1;
                    assert!(errors.starts_with("error: ") || errors.contains("\nerror: "), "{fault}");
                    assert!(!place.path("out").exists(), "{fault}");
                }
                _ => panic!("{status}: {fault}"),
            }
            let _ = fs::remove_dir_all(place.path("out"));
            is_sound(&place);
        }
    }
    place.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).success();
    same(&expected, &tree(&place.path("out")));
    assert!(refused > 0 && survived > 0);
    println!("{} faults: {refused} runs ended with an error, {survived} succeeded", refused + survived);
}

/// A small file system that is unmounted when dropped.
pub(crate) struct Mounted(pub(crate) PathBuf);

impl Mounted {
    /// Mounts a file system in this place; `None` if that is not possible.
    pub(crate) fn new(place: &Place, options: &str) -> Option<Self> {
        let small = place.path("small");
        fs::create_dir_all(&small).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&small).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            println!("skipped: no file system can be mounted here");
            return None;
        }
        Some(Self(small))
    }

    fn remount(&self, options: &str) {
        assert!(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The error of a read-only file system, as written by the standard library or the system.
const READ_ONLY: &str = "ead-only file";

#[track_caller]
fn refused(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    for words in words {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
}

/// No space for a tree, an archive, an image; no inodes; no space for downloads.
#[test]
fn full_disks() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let told = "No space left on device";
    for (options, outs) in [
        ("size=128k", &[&["small/out"][..], &["--tar", "small/out.tar"]][..]),
        ("size=16k", &[&["--oci", "small/layout"], &["--tar", "small/out.tar.gz"]]),
        ("nr_inodes=12", &[&["small/inodes"]]),
    ] {
        let Some(mounted) = Mounted::new(&place, options) else { return };
        fs::write(mounted.0.join("there before"), "").unwrap();
        for &out in outs {
            let outcome = place.bootstrap(&[&["--cache-dir", "cache"], out].concat());
            refused(&outcome, &["Nothing was written", if out[0] == "small/inodes" { "inodes" } else { told }]);
            if options == "size=128k" && out[0] == "small/out" {
                refused(&outcome, &["needs about", "were free"]);
                // Also within an existing empty directory.
                fs::create_dir(mounted.0.join("empty")).unwrap();
                assert_eq!(place.bootstrap(&["small/empty"]).code, Some(1));
                fs::remove_dir(mounted.0.join("empty")).unwrap();
            }
            assert_eq!(names(&mounted.0), ["there before"], "{out:?}");
        }
        let url = server.url();
        let arguments = from(&url, "small/cache", "out");
        let outcome = place.run(&arguments);
        if outcome.code != Some(0) {
            refused(&outcome, &[told, "small/cache"]);
            assert!(!place.path("out").exists());
        }
        place.run(&["cache", "verify", "--cache-dir", "small/cache"]).success();
        let _ = fs::remove_dir_all(place.path("out"));
        // Files that were downloaded before the disk was full are used once there is space.
        mounted.remount("size=64m,nr_inodes=10000");
        place.run(&arguments).success();
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

/// Changes a root without enough disk space.
#[test]
fn a_full_disk_below_a_root() {
    let place = Place::new();
    let Some(mounted) = Mounted::new(&place, "size=600k") else { return };
    alpine(&place, &["--variant", "minirootfs", "small/root"]).success();
    // Uses all remaining space.
    let _ = fs::write(mounted.0.join("ballast"), vec![0; 1 << 20]);
    let before = change::rows(&mounted.0.join("root"));
    let outcome = alpine(&place, &["install", "--root", "small/root", "hello"]);
    refused(&outcome, &["No space left on device"]);
    same(&before, &change::rows(&mounted.0.join("root")));
    fs::remove_file(mounted.0.join("ballast")).unwrap();
    alpine(&place, &["install", "--root", "small/root", "hello"]).success();
}

/// Directories without write permission: the parent of OUT, the cache or a root.
#[test]
fn read_only_and_foreign_directories() {
    if !is_root() {
        println!("skipped: only root can be both");
        return;
    }
    let place = Place::new();
    let Some(mounted) = Mounted::new(&place, "size=8m") else { return };
    alpine(&place, &["--variant", "minirootfs", "small/root"]).success();
    let before = walk(&mounted.0);
    mounted.remount("ro");
    refused(&place.bootstrap(&["--cache-dir", "cache", "small/out"]), &["small/out", READ_ONLY]);
    refused(&place.bootstrap(&["--cache-dir", "cache", "--tar", "small/out.tar"]), &["small/out.tar", READ_ONLY]);
    refused(&place.bootstrap(&["--cache-dir", "cache", "--oci", "small/layout"]), &["small/layout", READ_ONLY]);
    refused(&alpine(&place, &["install", "--root", "small/root", "hello"]), &["small/root", READ_ONLY]);
    assert_eq!(walk(&mounted.0), before);
    // If the mirror is a directory, no cache is required.
    place.bootstrap(&["--cache-dir", "small/cache", "out"]).success();

    let (_, program) = place.for_somebody_else();
    let foreign = |arguments: &[&str]| {
        use std::os::unix::process::CommandExt as _;
        let words = Place::usual(arguments);
        let mut command = Command::new(&program);
        place.set(&mut command, &words.iter().map(String::as_str).collect::<Vec<_>>());
        place.outcome(command.uid(USER).gid(USER))
    };
    refused(&foreign(&["--cache-dir", "home/cache", "foreign"]), &["foreign", "Permission denied"]);
    foreign(&["--cache-dir", "cache", "home/out"]).success();
}

/// The clock of a machine without a battery, and one that is far ahead.
#[test]
fn wrong_clocks() {
    if !peer("faketime") {
        return;
    }
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "right"]).success();
    let expected = tree(&place.path("right"));
    for (number, time) in ["1970-01-02 00:00:00", "2001-09-09 01:46:40", "2099-12-31 23:59:59"].iter().enumerate() {
        let out = format!("out{number}");
        // The cache comes from a run with a correct clock, and then from one with a wrong clock.
        let words = Place::usual(&["--cache-dir", "cache", &out]);
        let mut command = Command::new("faketime");
        place.set(command.arg(time).arg(env!("CARGO_BIN_EXE_rootstrap")), &words.iter().map(String::as_str).collect::<Vec<_>>());
        place.outcome(&mut command).success();
        same(&expected, &tree(&place.path(&out)));
        is_sound(&place);
    }
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Several runs with the same OUT: one of them creates it, the others report that it exists.
#[test]
fn several_runs_to_one_place() {
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "expected"]).success();
    let words = Place::usual(&["--cache-dir", "cache", "out"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for _ in 0..5 {
        let running: Vec<Child> = (0..4).map(|_| start(&mut place.command(&words))).collect();
        let ended: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let codes: Vec<_> = ended.iter().map(|output| output.status.code()).collect();
        assert_eq!(codes.iter().filter(|&&code| code == Some(0)).count(), 1, "{codes:?}");
        for output in ended.iter().filter(|output| !output.status.success()) {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(errors.contains("out") && errors.starts_with("error: "), "{errors}");
        }
        same(&tree(&place.path("expected")), &tree(&place.path("out")));
        assert_eq!(place.names(), ["cache", "expected", "mirror", "out"]);
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

/// Twenty runs with one empty cache; a few of them are killed.
#[test]
fn twenty_runs_with_one_cold_cache() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let url = server.url();
    let mut running: Vec<(String, Child)> = (0..20)
        .map(|number| {
            let out = format!("out{number}");
            let child = start(&mut place.command(&from(&url, "cache", &out)));
            (out, child)
        })
        .collect();
    for (_, child) in running.iter_mut().step_by(5) {
        child.kill().unwrap();
    }
    let mut whole = Vec::new();
    for (number, (out, child)) in running.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert!(number % 5 == 0 || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        whole.extend(output.status.success().then(|| tree(&place.path(&out))));
    }
    assert!(whole.len() >= 16);
    whole.windows(2).for_each(|pair| same(&pair[0], &pair[1]));
    is_sound(&place);
    // With the resulting cache, a run needs no network.
    place.run(&[&from(&url, "cache", "last")[..], &["--offline"]].concat()).success();
    same(&whole[0], &tree(&place.path("last")));
}
