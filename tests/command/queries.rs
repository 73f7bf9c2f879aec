//! Tests of `search`, `provides`, `list` and `info` on repositories, and of plans for roots, with
//! the fixtures of both ecosystems.

use serde_json::Value;

use crate::place::Place;

const ALPINE: [&str; 9] = [
    "--distro",
    "alpine",
    "--release",
    "3.20",
    "--arch",
    "x86_64",
    "--mirror",
    "mirror",
    "--key=mirror/keys/rootstrap-fixtures.rsa.pub",
];
const ALMALINUX: [&str; 9] = [
    "--distro",
    "almalinux",
    "--release",
    "9",
    "--arch",
    "aarch64",
    "--mirror",
    "mirror",
    "--key=mirror/keys/rootstrap-fixtures.asc",
];

fn told(place: &Place, words: &[&str], repositories: &[&str]) -> String {
    place.run(&[words, repositories, &["--progress", "none"]].concat()).success().stdout
}

#[track_caller]
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn of_repositories_for_people() {
    let place = Place::new();
    let mut text = String::new();
    for (name, repositories, searched, provided, package) in
        [("alpine", &ALPINE, "busy", "/bin/sh", "musl"), ("almalinux", &ALMALINUX, "glibc", "/usr/bin/bash", "bash")]
    {
        for words in [
            &["search", "-v", searched][..],
            &["search", "--exact", package],
            &["provides", provided],
            &["list", "--available", "--only", &format!("{package}*")],
            &["info", package, "--rdepends"],
        ] {
            text += &format!("== {name}: {}\n{}", words.join(" "), told(&place, words, repositories));
        }
    }
    snapshot("queries", &text);
}

#[test]
fn of_repositories_for_programs() {
    let place = Place::new();
    for (repositories, package) in [(&ALPINE, "musl"), (&ALMALINUX, "bash")] {
        for words in [&["search", package][..], &["list", "--available"], &["info", package]] {
            let text = told(&place, words, &[&repositories[..], &["--format", "json"]].concat());
            let answer: Value = serde_json::from_str(&text).unwrap();
            let packages = answer["packages"].as_array().unwrap();
            assert!(packages.iter().any(|found| found["name"] == package && found["size"].as_u64().unwrap() > 0), "{text}");
        }
    }
    let unknown = place.run(&[&["info", "musll"], &ALPINE[..]].concat());
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.stderr.contains("did you mean musl?"), "{}", unknown.stderr);
}

#[test]
fn a_root_and_what_would_be_done_to_it() {
    let place = Place::new();
    let make = |arguments: &[&str]| place.run(arguments).success();
    make(&[&ALPINE[..], &["--variant", "minirootfs", "alpine"]].concat());
    make(&[&ALMALINUX[..], &["--variant", "micro", "almalinux"]].concat());
    let mut text = String::new();
    for (root, repositories, commands) in [
        (
            "alpine",
            &ALPINE,
            &[&["install", "dash"][..], &["remove", "apk-tools"], &["upgrade"], &["install", "-t", ".made=1", "dash"]][..],
        ),
        (
            "almalinux",
            &ALMALINUX,
            &[&["install", "findutils"][..], &["remove", "bash"], &["upgrade"], &["reinstall", "bash"], &["autoremove"]],
        ),
    ] {
        text += &format!("== {root}: upgradable\n{}", told(&place, &["list", root, "--upgradable"], repositories));
        for command in commands {
            let words = [command, &["--simulate", "--root", root][..]].concat();
            let outcome = place.run(&[&words[..], repositories, &["--progress", "none"]].concat());
            text += &format!("== {root}: {} ({:?})\n{}{}", command.join(" "), outcome.code, outcome.stdout, outcome.stderr);
        }
    }
    snapshot("plans", &text);
}

#[test]
fn whose_a_path_is() {
    let place = Place::new();
    place.run(&[&ALPINE[..], &["--variant", "minirootfs", "alpine"]].concat()).success();
    let ask = |more: &[&str]| place.run(&[&["info", "alpine"], more].concat());
    let told = ask(&["-W", "/bin/busybox", "--who-owns", "bin/cat"]).success().stdout;
    assert_eq!(
        told,
        "/bin/busybox is owned by busybox-1.36.1-r29\n/bin/cat (by way of /bin/busybox) is owned by busybox-1.36.1-r29\n"
    );
    let answer: Value = serde_json::from_str(&ask(&["-W", "/bin/busybox", "--format", "json"]).success().stdout).unwrap();
    assert_eq!(answer["owners"][0]["packages"], serde_json::json!(["busybox-1.36.1-r29"]));
    let unknown = ask(&["-W", "/none"]);
    assert_eq!((unknown.code, unknown.stderr.as_str()), (Some(3), "error: no installed package has /none\n"));
}
