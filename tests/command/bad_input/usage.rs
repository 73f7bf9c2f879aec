//! Tests of wrong usage: exit code 2, before anything is read or written.

use std::fs;

use super::TRUSTED;
use crate::place::{Outcome, Place};

fn with(place: &Place, distro: [&str; 4]) -> Outcome {
    let [distro, release, variant, arch] = distro;
    let image = ["--distro", distro, "--release", release, "--variant", variant, "--arch", arch];
    place.run(&[&image[..], &TRUSTED, &["out"]].concat())
}

#[track_caller]
fn told(place: &Place, outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    for word in words {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    assert!(!place.path("out").exists() && place.names().iter().all(|name| name == "mirror" || !name.contains("out")));
}

#[test]
fn names_that_the_catalog_does_not_have() {
    let place = Place::new();
    let cases = [
        (["almalinus", "9", "micro", "aarch64"], vec!["almalinus", "did you mean almalinux?"]),
        (["almalinux", "11", "micro", "aarch64"], vec!["11", "there are: ", "9"]),
        (["almalinux", "9", "mikro", "aarch64"], vec!["mikro", "did you mean micro?", "minimal"]),
        (["almalinux", "9", "micro", "aarch46"], vec!["aarch46", "did you mean aarch64?", "x86_64"]),
        (["almalinux", "9", "micro", "sparc"], vec!["sparc", "there are: ", "aarch64"]),
    ];
    for (image, words) in cases {
        told(&place, &with(&place, image), &words);
    }
}

#[test]
fn an_out_that_is_not_empty() {
    let place = Place::new();
    let out = place.path("full");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("precious"), "content").unwrap();
    let outcome = place.bootstrap(&["full"]);
    told(&place, &outcome, &["full: not empty", "precious", "choose another directory"]);
    assert_eq!(crate::place::names(&out), ["precious"]);
    assert_eq!(fs::read(out.join("precious")).unwrap(), b"content");
    assert_eq!(place.names(), ["full", "mirror"]);
}

#[test]
fn an_out_that_is_a_file() {
    let place = Place::new();
    fs::write(place.path("file"), "content").unwrap();
    told(&place, &place.bootstrap(&["file"]), &["file: exists and is not a directory", "choose another name"]);
    assert_eq!(fs::read(place.path("file")).unwrap(), b"content");
    assert_eq!(place.names(), ["file", "mirror"]);
}

#[test]
fn an_out_in_a_directory_that_is_not_there() {
    let place = Place::new();
    told(&place, &place.bootstrap(&["no/such/out"]), &["no/such does not exist", "mkdir -p no/such"]);
    assert_eq!(place.names(), ["mirror"]);
}

#[test]
fn options_that_make_no_sense() {
    let place = Place::new();
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--varient", "micro", "out"], &["--varient", "--variant"]),
        (&["--langs", "", "out"], &["--langs", "C.utf8:de"]),
        (&["--jobs", "0", "out"], &["--jobs"]),
        (&["--jobs", "many", "out"], &["--jobs"]),
        (&["--format", "yaml", "out"], &["--format", "human", "json"]),
        (&["--without", "vim", "out"], &["vim", "it asks for", "coreutils-single", "--exclude vim"]),
        (&["--quiet", "--verbose", "out"], &["--quiet", "--verbose"]),
        (&[], &["OUT"]),
    ];
    for (arguments, words) in cases {
        told(&place, &place.bootstrap(arguments), words);
    }
}

#[test]
fn a_distribution_without_a_variant() {
    let place = Place::new();
    let outcome = place.run(&["--distro", "almalinux", "--release", "9", "out"]);
    told(&place, &outcome, &["--variant", "rootstrap variants"]);
}

#[test]
fn a_command_with_a_slip() {
    let place = Place::new();
    told(&place, &place.run(&["reslove"]), &["did you mean the command `resolve`?"]);
}

#[test]
fn a_time_that_is_none() {
    let place = Place::new();
    for time in ["abc", "-1", "99999999999", "1.5"] {
        let arguments = Place::usual(&["out"]);
        let mut command = place.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let outcome = place.outcome(command.env("SOURCE_DATE_EPOCH", time));
        told(&place, &outcome, &["SOURCE_DATE_EPOCH", time, "seconds since 1970"]);
    }
}
