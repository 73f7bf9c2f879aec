//! Tests of changes to an existing root, with the fixtures.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::disk::{Rows, differences, walk, without_inodes};
use crate::place::{Outcome, Place, USER, is_root};

pub(crate) const ALPINE: [&str; 12] = [
    "--distro",
    "alpine",
    "--release",
    "3.20",
    "--mirror",
    "mirror",
    "--key",
    "mirror/keys/rootstrap-fixtures.rsa.pub",
    "--cache-dir",
    "cache",
    "--arch",
    "x86_64",
];

/// Splits arguments into the command, if there is one, and the rest.
pub(crate) fn split<'a>(arguments: &'a [&'a str]) -> (&'a [&'a str], &'a [&'a str]) {
    arguments.split_at(usize::from(!arguments[0].starts_with('-')))
}

pub(crate) fn alpine(place: &Place, arguments: &[&str]) -> Outcome {
    let (verb, rest) = split(arguments);
    place.run(&[verb, &ALPINE, rest].concat())
}

fn make(place: &Place, more: &[&str]) {
    alpine(place, &[&["--variant", "minirootfs"], more].concat()).success();
}

/// Returns the rows without inodes, and without the times of directories, which are those of the
/// last change.
pub(crate) fn rows(root: &Path) -> Rows {
    let mut rows = without_inodes(walk(root));
    let untimed = |path: &str| path.starts_with("lib/apk/db/") || path == "etc/apk/world";
    rows.iter_mut().filter(|(path, row)| row.kind == 'd' || untimed(path)).for_each(|(_, row)| row.mtime = 0);
    rows
}

#[track_caller]
pub(crate) fn same(expected: &Rows, found: &Rows) {
    assert_eq!(differences(expected, found), <[String; 0]>::default());
}

#[test]
fn packages_come_and_go() {
    let place = Place::new();
    make(&place, &["root"]);
    make(&place, &["--with", "hello", "--with", "cat-plus", "wanted"]);
    let (before, mut wanted) = (rows(&place.path("root")), rows(&place.path("wanted")));

    let plan = alpine(&place, &["install", "--root", "root", "--simulate", "hello", "cat-plus"]).success();
    same(&before, &rows(&place.path("root")));
    let done = alpine(&place, &["install", "--root", "root", "hello", "cat-plus"]).success();
    let lines = "(1/3) Installing cat-plus (1.0-r0)\n(2/3) Installing greeting-eo (1.4-r0)\n(3/3) Installing hello (2.0-r1)\n";
    assert_eq!(done.stdout, lines);
    assert!(plan.stdout.starts_with(lines), "{}", plan.stdout);
    assert!(done.stderr.contains("root: 14 packages, "), "{}", done.stderr);
    // Scripts are stored in the order in which packages were installed, which differs.
    let mut found = rows(&place.path("root"));
    assert!(wanted.remove("lib/apk/db/scripts.tar").is_some() && found.remove("lib/apk/db/scripts.tar").is_some());
    same(&wanted, &found);

    // As in apk, a file that was taken over is not given back; a script that would create it is not
    // run here.
    alpine(&place, &["remove", "--root", "root", "--scriptlets", "none", "hello", "cat-plus"]).success();
    let mut found = rows(&place.path("root"));
    let taken = differences(&before, &found);
    assert!(taken.iter().any(|line| line.contains("bin/cat")), "{taken:?}");
    let mut before = before;
    for path in ["bin/cat", "lib/apk/db/installed", "lib/apk/db/scripts.tar"] {
        assert!(before.remove(path).is_some() && (found.remove(path).is_none() == (path == "bin/cat")));
    }
    same(&before, &found);
}

#[test]
fn what_the_user_changed_stays() {
    let place = Place::new();
    make(&place, &["root"]);
    let root = place.path("root");
    fs::write(root.join("etc/motd"), "mine\n").unwrap();
    fs::write(root.join("bin/busybox"), "broken\n").unwrap();
    let outcome = alpine(&place, &["fix", "--root", "root", "--reinstall", "--format", "json", "alpine-baselayout", "busybox"]);
    let report: Value = serde_json::from_str(&outcome.success().stdout).unwrap();
    assert_eq!(report["reinstall"], serde_json::json!(["busybox-1.36.1-r29", "alpine-baselayout-3.6.5-r0"]));
    assert!(report["scriptlets"].as_array().unwrap().iter().any(|script| script["scriptlet"] == "trigger"), "{report}");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!((read("etc/motd").as_str(), read("etc/motd.apk-new").as_str()), ("mine\n", "Welcome to the fixtures.\n"));
    assert_ne!(read("bin/busybox"), "broken\n");
}

#[test]
fn a_virtual_package_is_a_record_that_goes_again() {
    let place = Place::new();
    make(&place, &["root"]);
    let root = place.path("root");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let before = (read("lib/apk/db/installed"), read("etc/apk/world"));
    alpine(&place, &["install", "--root", "root", "-t", ".build", "hello", "musl-utils"]).success();
    assert!(read("etc/apk/world").starts_with(".build="), "{}", read("etc/apk/world"));
    let installed = read("lib/apk/db/installed");
    assert!(installed.contains("A:noarch\nS:0\nI:0\nT:virtual meta package\nU:\nL:\nD:hello musl-utils\n"), "{installed}");
    alpine(&place, &["remove", "--root", "root", ".build"]).success();
    assert_eq!((read("lib/apk/db/installed"), read("etc/apk/world")), before);
    // A request that changes nothing writes nothing.
    let rows = walk(&root);
    alpine(&place, &["install", "--root", "root", "busybox"]).success();
    let found = walk(&root);
    assert_eq!(found.get("lib/apk/db/installed"), rows.get("lib/apk/db/installed"));
}

#[test]
fn what_cannot_be_changed_is_left_alone() {
    let place = Place::new();
    make(&place, &["root"]);
    let root = place.path("root");
    let before = walk(&root);
    let fails = |arguments: &[&str], code: i32, text: &str| {
        let outcome = alpine(&place, arguments);
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(text), "{}", outcome.stderr);
    };
    fails(&["install", "--root", "root", "nonsense"], 3, "nonsense");
    fails(&["install", "--root", "none", "hello"], 2, "none: cannot open it");
    fs::create_dir(place.path("empty")).unwrap();
    fails(&["install", "--root", "empty", "hello"], 1, "database");
    {
        let lock = fs::File::open(root.join("lib/apk/db/lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        fails(&["install", "--root", "root", "hello"], 1, "another process is changing it");
    }
    let mut package = fs::read(place.path("mirror/v3.20/community/x86_64/hello-2.0-r1.apk")).unwrap();
    let end = package.len() - 20;
    package[end] ^= 1;
    fs::write(place.path("mirror/v3.20/community/x86_64/hello-2.0-r1.apk"), package).unwrap();
    fails(&["install", "--root", "root", "hello"], 4, "hello-2.0-r1.apk is not used");
    assert_eq!(walk(&root), before);
}

#[test]
fn a_root_knows_its_own_repositories_and_keys() {
    let place = Place::new();
    make(&place, &["root"]);
    let root = place.path("root");
    fs::copy(place.path("mirror/keys/rootstrap-fixtures.rsa.pub"), root.join("etc/apk/keys/rootstrap-fixtures.rsa.pub")).unwrap();
    let mirror = place.path("mirror");
    let line = |repository: &str| format!("{}/v3.20/{repository}\n", mirror.display());
    fs::write(root.join("etc/apk/repositories"), line("main") + &line("community") + &line("missing")).unwrap();
    let run = |arguments: &[&str]| place.run(&[arguments, &["--cache-dir", "cache"]].concat()).success();
    let done = run(&["install", "--root", "root", "hello"]);
    assert!(done.stdout.contains("Installing hello (2.0-r1)"), "{}", done.stdout);
    assert!(done.stderr.contains("missing: going on without it"), "{}", done.stderr);
    run(&["remove", "--root", "root", "hello"]);
    assert_eq!(run(&["list", "--upgradable", "root"]).stdout, "0 packages upgradable\n");
    fs::remove_file(root.join("etc/apk/keys/rootstrap-fixtures.rsa.pub")).unwrap();
    let refused = place.run(&["install", "--root", "root", "--cache-dir", "other", "hello"]);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
}

#[test]
fn a_package_file_is_asked_for_by_its_path() {
    let place = Place::new();
    make(&place, &["root"]);
    let packages = place.path("mirror/v3.20/community/x86_64");
    fs::copy(packages.join("hello-2.0-r1.apk"), place.path("mine.apk")).unwrap();
    let done = alpine(&place, &["install", "--root", "root", "./mine.apk", "--format", "json"]).success();
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let hello = report["install"].as_array().unwrap().iter().find(|package| package["name"] == "hello").unwrap();
    assert_eq!((&hello["repo"], &hello["reason"]), (&Value::from("@commandline"), &Value::from("requested")));
    let world = fs::read_to_string(place.path("root/etc/apk/world")).unwrap();
    assert!(world.contains("\nhello><Q1"), "{world}");
    alpine(&place, &["remove", "--root", "root", "hello"]).success();
    alpine(&place, &["install", "--root", "root", "-t", ".mine", "mine.apk"]).success();
    let installed = fs::read_to_string(place.path("root/lib/apk/db/installed")).unwrap();
    assert!(installed.contains("\nD:hello><Q1"), "{installed}");
    alpine(&place, &["remove", "--root", "root", ".mine"]).success();

    let before = walk(&place.path("root"));
    let mut damaged = fs::read(place.path("mine.apk")).unwrap();
    let end = damaged.len() - 20;
    damaged[end] ^= 1;
    fs::write(place.path("damaged.apk"), damaged).unwrap();
    fs::write(place.path("text.apk"), "no package").unwrap();
    for (name, code, text) in [("damaged.apk", 4, "damaged.apk"), ("text.apk", 1, "text.apk"), ("none.apk", 1, "No such file")] {
        let outcome = alpine(&place, &["install", "--root", "root", name]);
        assert_eq!(outcome.code, Some(code), "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(text), "{}", outcome.stderr);
    }
    assert_eq!(walk(&place.path("root")), before);
}

#[test]
fn a_root_of_rpm_packages_is_left_alone() {
    let place = Place::new();
    place.bootstrap(&["root"]).success();
    let before = walk(&place.path("root"));
    let ask = Place::usual(&["--root", "root", "bash"]);
    let outcome = place.run(&[&["remove"], &ask.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("RPM") && outcome.stderr.contains("--simulate"), "{}", outcome.stderr);
    assert_eq!(walk(&place.path("root")), before);
}

#[test]
fn an_ordinary_user_changes_his_own() {
    if !is_root() {
        println!("skipped: only root can be both");
        return;
    }
    let place = Place::new();
    make(&place, &["--with", "hello", "expected"]);
    let (_, program) = place.for_somebody_else();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        let (verb, rest) = split(arguments);
        let mut all = [verb, &ALPINE, rest].concat();
        let cache = all.iter().position(|&argument| argument == "cache").unwrap();
        all[cache] = "home/cache";
        place.set(&mut command, &all);
        place.outcome(command.uid(USER).gid(USER)).success()
    };
    run(&["--variant", "minirootfs", "home/root"]);
    run(&["install", "--root", "home/root", "hello"]);
    let read = |path: &str| fs::read(place.path(path)).unwrap();
    assert_eq!(read("home/root/lib/apk/db/installed"), read("expected/lib/apk/db/installed"), "owners as root has them");
    assert_eq!(read("home/root/etc/apk/world"), read("expected/etc/apk/world"));
}
