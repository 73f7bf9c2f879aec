//! Tests that "nothing found" is printed only if something was checked. Otherwise the answer says
//! what was not checked, and the exit code is not 0.

use std::fs;

use serde_json::Value;

use crate::change::ALPINE;
use crate::place::{MICRO, Outcome, Place};

const KEY: [&str; 2] = ["--key", "mirror/keys/rootstrap-fixtures.asc"];
const CACHE: [&str; 2] = ["--cache-dir", "cache"];
const RPM: &str = "r=mirror/9/BaseOS/aarch64/os";

/// Returns a place with an AlmaLinux root `out` without repositories.
fn rpm() -> Place {
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "out"]).success();
    place
}

/// Returns a place with an Alpine root `root` without repositories.
fn alpine() -> Place {
    let place = Place::new();
    place.run(&[&ALPINE[..], &["--variant", "minirootfs", "root"]].concat()).success();
    let _ = fs::remove_file(place.path("root/etc/apk/repositories"));
    place
}

/// Fails unless a run reports that something was not checked: on standard error, and with JSON also
/// on standard output.
#[track_caller]
fn is_not_looked_at(place: &Place, words: &[&str], said: &str) {
    let outcome = place.run(&[words, &CACHE].concat());
    assert_eq!(outcome.code, Some(1), "{words:?}: {}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains(said), "{words:?}: {}", outcome.stderr);
    assert_eq!(outcome.stdout, "", "{words:?}");
    let outcome = place.run(&[words, &CACHE, &["--format", "json"]].concat());
    assert_eq!(outcome.code, Some(1), "{words:?}: {}", outcome.stderr);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(value["problems"][0]["facts"][0]["kind"], "not-looked-at", "{words:?}: {value}");
}

/// Fails unless a run is refused as wrong usage with a message about what is missing.
#[track_caller]
fn is_usage(outcome: &Outcome, said: &str) {
    assert_eq!(outcome.code, Some(2), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_root_without_repositories_has_no_answer_about_them() {
    let said = "no repository was looked in";
    let (almalinux, alpine) = (rpm(), alpine());
    for words in [&["list", "--upgradable"][..], &["list", "--advisories"]] {
        is_not_looked_at(&almalinux, &[words, &["out"]].concat(), said);
        is_not_looked_at(&alpine, &[words, &["root"]].concat(), said);
    }
    for verb in ["upgrade", "distro-sync", "reinstall"] {
        is_not_looked_at(&alpine, &[verb, "--root", "root", "--simulate"], said);
        is_not_looked_at(&almalinux, &[verb, "--root", "out", "--simulate"], said);
    }
    is_not_looked_at(&almalinux, &["downgrade", "--root", "out", "--simulate"], said);
    // The results of completed checks are printed anyway.
    let outcome = alpine.run(&["install", "--root", "root", "--simulate", "nosuch", "--cache-dir", "cache"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    alpine.run(&["install", "--root", "root", "--simulate", "busybox", "--cache-dir", "cache"]).success();
}

#[test]
fn a_directory_without_a_database_has_no_answer_about_packages() {
    let place = rpm();
    fs::create_dir(place.path("empty")).unwrap();
    let repository = ["--repo", RPM, "--allow-unsigned"];
    for words in [
        &["list", "empty", "--upgradable"][..],
        &["upgrade", "--root", "empty", "--simulate"],
        &["distro-sync", "--root", "empty", "--simulate"],
        &["autoremove", "--root", "empty", "--simulate"],
        &["remove", "--root", "empty", "--simulate", "bash"],
    ] {
        is_not_looked_at(&place, &[words, &repository].concat(), "no package database in empty");
    }
}

#[test]
fn repositories_of_which_nothing_is_asked_are_no_empty_set() {
    let place = rpm();
    let named = ["--repo", RPM, "--arch", "aarch64", "--allow-unsigned", "--cache-dir", "cache"];
    let distribution = [&MICRO[..4], &["--arch", "aarch64", "--mirror", "mirror", "--cache-dir", "cache"], &KEY].concat();
    for words in [&["list"][..], &["audit"], &["sbom"], &["diff", "out"], &["resolve"]] {
        is_usage(&place.run(&[words, &named].concat()), "nothing of them is asked for");
        is_usage(&place.run(&[words, &distribution].concat()), "nothing of them is asked for");
    }
    is_usage(&place.run(&[&["lock"][..], &named].concat()), "nothing of them is asked for");
    is_usage(&place.run(&[&["new"][..], &named].concat()), "nothing of them is asked for");
    assert!(!place.path("new").exists() && !place.path("rootstrap.lock").exists());
    is_usage(&place.run(&[&["resolve", "--each"][..], &named].concat()), "--each");
    let listed = place.run(&[&["list", "--available"][..], &named].concat()).success();
    assert!(!listed.stdout.starts_with("0 packages"), "{}", listed.stdout);
}

#[test]
fn an_index_without_files_has_no_answer_about_paths() {
    let place = alpine();
    let words = [&["provides", "/usr/bin/no-such-program"], &ALPINE[..]].concat();
    let outcome = place.run(&words);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("files were not looked for"), "{}", outcome.stderr);
    let outcome = place.run(&[&words[..], &["--format", "json"]].concat());
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((outcome.code, &value["problems"][0]["facts"][0]["kind"]), (Some(1), &"not-looked-at".into()));
    // The data that the index contains were checked.
    let outcome = place.run(&[&["provides", "cmd:no-such-program"], &ALPINE[..]].concat());
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
}

#[test]
fn repositories_without_advisories_have_no_answer_about_them() {
    let place = alpine();
    for words in [&["list", "--advisories", "root"][..], &["list", "--advisories", "--available"]] {
        let outcome = place.run(&[words, &ALPINE].concat());
        assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains("no advisories were looked at"), "{}", outcome.stderr);
    }
    let outcome = place.run(&[&["outdated", "root", "--severity", "low"], &ALPINE[..]].concat());
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("no advisories about root were read"), "{}", outcome.stderr);
}

#[test]
fn advisories_of_another_release_are_not_looked_at() {
    let place = rpm();
    let record = |release: &str, name: &str| {
        format!(
            r#"{{"id":"ALSA-2024:1","affected":[{{"package":{{"ecosystem":"AlmaLinux:{release}","name":"{name}"}},
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"0.1-1"}}]}}]}}]}}"#
        )
    };
    fs::create_dir_all(place.path("out/etc")).unwrap();
    let _ = fs::remove_file(place.path("out/etc/os-release"));
    fs::write(place.path("out/etc/os-release"), "ID=almalinux\nVERSION_ID=9.3\n").unwrap();
    let run = |only: &[&str]| {
        place.run(&[&["audit", "out", "--advisories", "a.json", "--only", "advisory", "--cache-dir", "cache"], only].concat())
    };
    for name in ["bash", "no-such-package"] {
        fs::write(place.path("a.json"), record("8", name)).unwrap();
        let outcome = run(&[]);
        assert_eq!(outcome.code, Some(1), "{name}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains("not looked for in out: advisory"), "{}", outcome.stderr);
        let value: Value = serde_json::from_str(&run(&["--format", "json"]).stdout).unwrap();
        assert!(value["summary"]["not_looked_for"].as_array().unwrap().contains(&"advisory".into()), "{value}");
        let compared = place.run(&["diff", "out", "out", "--advisories", "a.json", "--cache-dir", "cache"]);
        assert_eq!(compared.code, Some(1), "{}{}", compared.stdout, compared.stderr);
        // A document about this release was checked, whatever package it names.
        fs::write(place.path("a.json"), record("9", name)).unwrap();
        run(&[]).success();
    }
    let outcome = place.run(&["audit", "out", "--only", "advisory", "--cache-dir", "cache"]);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    let outcome = place.run(&["audit", "out", "--only", "size,update", "--cache-dir", "cache"]);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("update, size") || outcome.stderr.contains("size, update"), "{}", outcome.stderr);
}

#[test]
fn sets_that_do_not_tell_have_no_answer() {
    let place = rpm();
    let usual = Place::usual(&["--cache-dir", "cache", "--format", "json"]);
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    let plan = place.run(&[&["resolve"], &usual[..]].concat()).success().stdout;
    fs::write(place.path("plan.json"), plan).unwrap();
    is_not_looked_at(&place, &["files", "plan.json"], "does not list the files");
    is_not_looked_at(&place, &["info", "plan.json", "/bin/sh"], "does not list the files");
    is_not_looked_at(&place, &["why", "out", "--unneeded"], "nothing tells which packages");
    is_usage(&place.run(&["why", "out", "bash", "--alternatives", "--cache-dir", "cache"]), "--alternatives");
    let other = [&["closure", "--arch", "riscv64", "--repo", RPM, "--allow-unsigned"][..], &CACHE].concat();
    let outcome = place.run(&other);
    assert!(outcome.code == Some(1) || !outcome.stdout.starts_with("0 packages"), "{}{}", outcome.stdout, outcome.stderr);
}
