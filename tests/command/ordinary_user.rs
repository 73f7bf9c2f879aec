//! Tests without root: the tree is the same but owned by the user, with a record of what could not
//! be applied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::Value;

use crate::disk::{differences, walk, without_inodes, xattr};
use crate::place::{Place, USER, is_root};

#[test]
fn the_same_tree_but_for_owners() {
    if !is_root() {
        println!("skipped: only root can be both");
        return;
    }
    let place = Place::new();
    place.bootstrap(&["expected"]).success();
    let (home, program) = place.for_somebody_else();

    let mut command = Command::new(program);
    let arguments = Place::usual(&["--format", "json", "--cache-dir", "home/cache", "home/out"]);
    place.set(&mut command, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = place.outcome(command.uid(USER).gid(USER)).success();
    let out = home.join("out");

    let mut expected = without_inodes(walk(&place.path("expected")));
    let found = without_inodes(walk(&out));
    assert!(found.values().all(|row| (row.uid, row.gid) == (USER, USER)));
    let others: Vec<(String, u32, u32)> = expected
        .iter()
        .filter(|(_, row)| (row.uid, row.gid) != (0, 0))
        .map(|(path, row)| (path.clone(), row.uid, row.gid))
        .collect();
    for row in expected.values_mut() {
        (row.uid, row.gid) = (USER, USER);
    }
    // Set-user-id would apply to the user; it is checked separately.
    assert_eq!(differences(&expected, &found), <[String; 0]>::default());

    assert_eq!(others, [("var/mail".to_owned(), 0, 12)], "the fixtures have one path that is not root's");
    // uid 0 is written as -1, "unchanged"; gid 12.
    let record = xattr(&out.join("var/mail"), "user.rootlesscontainers").expect("a record of the owner");
    assert_eq!(record, [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 12]);
    assert_eq!(xattr(&out.join("usr/bin/bash"), "user.rootlesscontainers"), None);

    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["stands_for_root"], serde_json::json!([USER, USER]));
    let not_applied: Vec<(&str, &str)> = report["not_applied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| (record["path"].as_str().unwrap(), record["wanted"].as_str().unwrap()))
        .collect();
    let path = |path: &str| not_applied.iter().find(|(of, _)| of.trim_start_matches('/') == path).map(|&(_, wanted)| wanted);
    assert_eq!(path("var/mail"), Some("owner 0:12"));
    assert_eq!(path("usr/sbin/capping"), Some("attribute security.capability"));
    assert_eq!(not_applied.len(), 2, "{not_applied:?}");
    assert!(outcome.stderr.contains("2 attributes not applied"), "{}", outcome.stderr);
}

#[test]
fn a_root_of_an_ordinary_user_is_what_its_lock_makes() {
    if !is_root() {
        println!("skipped: only root can be both");
        return;
    }
    let place = Place::new();
    let (home, program) = place.for_somebody_else();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        place.set(&mut command, &[arguments, &["--cache-dir", "home/cache"]].concat());
        place.outcome(command.uid(USER).gid(USER))
    };
    let asked = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "aarch64", "--mirror", "mirror"];
    run(&[&["lock", "-o", "home/a.lock", "--key", "mirror/keys/rootstrap-fixtures.asc"], &asked[..]].concat()).success();
    run(&["--lock", "home/a.lock", "home/out"]).success();
    fs::set_permissions(home.join("out/usr/bin/bash"), fs::Permissions::from_mode(0o000)).unwrap();
    let changed = run(&["verify", "home/out", "--lock", "home/a.lock"]);
    assert_eq!((changed.code, changed.stdout.as_str()), (Some(4), "changed  /usr/bin/bash  mode 0755 -> 0000\n"));
    fs::set_permissions(home.join("out/usr/bin/bash"), fs::Permissions::from_mode(0o755)).unwrap();
    let same = run(&["verify", "home/out", "--lock", "home/a.lock"]).success();
    assert!(same.stdout.contains("without what only root may apply"), "{}", same.stdout);
}

#[test]
fn owners_that_a_user_namespace_lacks_are_warned_of_in_the_report_of_a_quiet_run_too() {
    if !is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let place = Place::new();
    let (home, program) = place.for_somebody_else();
    for quiet in [&[][..], &["-q"]] {
        let mut command = Command::new(&program);
        let usual = ["--userns", "--report", "home/report.json", "--cache-dir", "home/cache", "home/out"];
        let arguments = Place::usual(&[quiet, &usual].concat());
        place.set(&mut command, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        // Without newuidmap, the namespace has only one user.
        let outcome = place.outcome(command.uid(USER).gid(USER).env("PATH", &home));
        if outcome.code != Some(0) && outcome.stderr.contains("user namespace") {
            println!("skipped: {}", outcome.stderr);
            return;
        }
        let outcome = outcome.success();
        assert_eq!(outcome.stderr.contains("warning: "), quiet.is_empty(), "{}", outcome.stderr);
        let report: Value = serde_json::from_slice(&fs::read(home.join("report.json")).unwrap()).unwrap();
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains("other owners are recorded"), "{warnings}");
        fs::remove_dir_all(home.join("out")).unwrap();
    }
}
