//! Tests of the command's position and spelling: after options, misspelled, or as in another
//! package manager.

use crate::place::{MICRO, Place};

/// The options of every run, before the command.
const REPOSITORY: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];

#[test]
fn options_before_the_command_are_those_of_the_command() {
    let place = Place::new();
    let after = place.run(&[&["resolve"], &MICRO[..], &REPOSITORY, &["--format", "json"]].concat()).success();
    let before = place.run(&[&MICRO[..], &REPOSITORY, &["--format", "json", "resolve"]].concat()).success();
    let both = place.run(&[&MICRO[..4], &["--format=json", "resolve"], &MICRO[4..], &REPOSITORY].concat()).success();
    assert_eq!((&before.stdout, &both.stdout), (&after.stdout, &after.stdout));
    assert!(!place.path("resolve").exists());
}

#[test]
fn an_option_that_the_command_does_not_have_is_named() {
    let place = Place::new();
    let outcome = place.run(&[&MICRO[..], &["--tar", "x.tar", "resolve", "bash"]].concat());
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("'--tar'") && outcome.stderr.contains("rootstrap resolve"), "{}", outcome.stderr);
    assert_eq!(place.names(), ["mirror"]);
}

#[test]
fn a_word_that_stands_for_a_command_makes_nothing() {
    let place = Place::new();
    let cases = [
        ("resovle", "resolve"),
        ("isntall", "install"),
        ("upgarde", "upgrade"),
        ("lsit", "list"),
        ("update", "upgrade"),
        ("add", "install"),
        ("del", "remove"),
        ("erase", "remove"),
        ("create", "build"),
        ("version", "--version"),
        ("clean", "cache clean"),
        ("makecache", "cache"),
        ("repoquery", "list"),
    ];
    for (word, command) in cases {
        for words in
            [vec![word], [&MICRO[..], &REPOSITORY, &[word]].concat(), vec![word, "--root", "R", "bash"], vec!["--", word]]
        {
            let outcome = place.run(&words);
            assert_eq!(outcome.code, Some(2), "{words:?}: {}", outcome.stderr);
            let is_named = outcome.stderr.contains(&format!("rootstrap {command}"))
                || outcome.stderr.contains(&format!("did you mean the command `{command}`?"));
            assert!(is_named, "{words:?}: {}", outcome.stderr);
            assert_eq!(place.names(), ["mirror"], "{words:?}");
        }
    }
}

#[test]
fn a_directory_may_have_the_name_of_a_command() {
    let place = Place::new();
    let made = |words: &[&str]| place.run(&[words, &MICRO[..], &REPOSITORY, &["--cache-dir", "cache"]].concat()).success();
    made(&["./resolve"]);
    made(&["update/"]);
    made(&["rootfs"]);
    made(&["build", "out"]);
    assert_eq!(place.names(), ["cache", "mirror", "out", "resolve", "rootfs", "update"]);
    let outcome = place.run(&[&MICRO[..], &REPOSITORY, &["--", "resolve"]].concat());
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("./resolve"), "{}", outcome.stderr);
}

#[test]
fn build_makes_an_archive_too() {
    let place = Place::new();
    let words = [&["build"], &MICRO[..], &REPOSITORY, &["--cache-dir", "cache", "--tar"]].concat();
    place.run(&[&words[..], &["one.tar"]].concat()).success();
    place.bootstrap(&["--cache-dir", "cache", "--tar", "two.tar"]).success();
    assert_eq!(std::fs::read(place.path("one.tar")).unwrap(), std::fs::read(place.path("two.tar")).unwrap());
    assert_eq!(place.run(&["build"]).code, Some(2));
}
