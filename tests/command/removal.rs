//! Tests of `remove` if it removes nothing, or not everything: it prints the reason, and needs no
//! network.

use std::fs;

use serde_json::Value;

use crate::change::ALPINE;
use crate::place::Place;

const KEY: [&str; 4] = ["--key", "mirror/keys/rootstrap-fixtures.rsa.pub", "--cache-dir", "cache"];

/// Returns a place with an Alpine root `root` whose repositories are on an unreachable server.
fn alpine() -> Place {
    let place = Place::new();
    place.run(&[&ALPINE[..], &["--variant", "minirootfs", "root"]].concat()).success();
    fs::write(place.path("root/etc/apk/repositories"), "http://127.0.0.1:9/main\n").unwrap();
    place
}

#[test]
fn a_package_that_others_need_stays_and_those_are_named() {
    let place = alpine();
    for how in [&["--simulate"][..], &[]] {
        let words = [&["remove", "--root", "root", "musl"], how, &KEY].concat();
        let outcome = place.run(&words).success();
        let line = outcome.stdout.lines().find(|line| line.contains("musl is not removed")).unwrap_or_default();
        assert!(line.contains("required by") && line.contains("busybox"), "{}", outcome.stdout);
        // As in apk: the entries of the world file that lead to it.
        assert!(line.contains("the world asks for") && line.contains("alpine-baselayout"), "{}", outcome.stdout);
        assert!(!outcome.stdout.contains("Removing"), "{}", outcome.stdout);
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        let json = place.run(&[&words[..], &["--format", "json"]].concat()).success();
        let value: Value = serde_json::from_str(&json.stdout).unwrap();
        let warnings = value["warnings"].to_string();
        assert!(warnings.contains("musl is not removed"), "{value}");
    }
}

#[test]
fn what_was_asked_for_and_is_needed_is_asked_for_no_more() {
    let place = alpine();
    let outcome = place.run(&[&["remove", "--root", "root", "busybox"][..], &KEY].concat()).success();
    assert!(outcome.stdout.contains("busybox is not removed: required by"), "{}", outcome.stdout);
    let world = fs::read_to_string(place.path("root/etc/apk/world")).unwrap();
    assert!(!world.lines().any(|line| line == "busybox"), "{world}");
}

#[test]
fn what_is_not_installed_is_told() {
    let place = alpine();
    // A name that another source knows, and an unknown one.
    place.run(&[&["remove", "--root", "root", "--simulate", "no-such-package"][..], &KEY].concat());
    let outcome = place.run(&[&["remove", "--root", "root", "--simulate", "hello"][..], &ALPINE].concat()).success();
    assert!(outcome.stdout.contains("hello is not installed"), "{}{}", outcome.stdout, outcome.stderr);
    let outcome = place.run(&[&["remove", "--root", "root", "no-such-package"][..], &KEY].concat());
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no-such-package"), "{}", outcome.stderr);
}

#[test]
fn rpm_packages_go_without_the_network() {
    let place = Place::new();
    place.bootstrap(&["--cache-dir", "cache", "out"]).success();
    let unreachable = ["--repo", "r=http://127.0.0.1:9/repo", "--cache-dir", "other", "--arch", "aarch64", "--simulate"];
    let outcome = place.run(&[&["remove", "--root", "out", "bash"][..], &unreachable].concat()).success();
    assert!(outcome.stdout.contains("Removing bash"), "{}", outcome.stdout);
    let outcome = place.run(&[&["remove", "--root", "out", "no-such-package"][..], &unreachable].concat());
    assert_ne!(outcome.code, Some(0), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("no-such-package"), "{}", outcome.stderr);
    place.run(&[&["autoremove", "--root", "out"][..], &unreachable].concat()).success();
}
