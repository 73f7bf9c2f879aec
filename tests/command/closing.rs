//! Tests of the last line of a run, and of the additional output of `--verbose`.

use std::fs::{self, File};

use crate::change::ALPINE;
use crate::place::Place;

/// Returns the output of a run whose standard output and standard error go to one file.
#[track_caller]
fn lines(place: &Place, words: &[&str]) -> Vec<String> {
    let file = File::create(place.path("log")).unwrap();
    let mut command = place.command(words);
    command.stdout(file.try_clone().unwrap()).stderr(file.try_clone().unwrap());
    let status = command.status().unwrap();
    let text = fs::read_to_string(place.path("log")).unwrap();
    assert!(status.success(), "{words:?}: {text}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn finished_comes_after_what_is_printed() {
    let place = Place::new();
    let usual = Place::usual(&["--cache-dir", "cache"]);
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    let alpine = |words: &[&'static str]| -> Vec<&str> { [&words[..1], &ALPINE, &words[1..]].concat() };
    let runs: [Vec<&str>; 7] = [
        [&usual[..], &["out"]].concat(),
        [&usual[..], &["--format", "json", "out2"]].concat(),
        [&usual[..], &["--format", "json", "--oci", "images"]].concat(),
        [&["lock"], &usual[..]].concat(),
        vec!["fetch", "--lock", "rootstrap.lock", "--format", "json", "--cache-dir", "cache", "--mirror", "mirror"],
        [&ALPINE[..], &["--variant", "minirootfs", "root"]].concat(),
        alpine(&["install", "--root", "root", "hello"]),
    ];
    for words in runs {
        let lines = lines(&place, &words);
        let last = lines.last().map(String::as_str).unwrap_or_default();
        assert!(last.trim_start().starts_with("Finished"), "{words:?}: {lines:#?}");
    }
}

#[test]
fn verbose_lists_packages_and_the_scriptlets_that_did_not_run() {
    let place = Place::new();
    let words = [&ALPINE[..], &["--variant", "minirootfs", "-v", "root"]].concat();
    let verbose = place.run(&words).success().stderr;
    assert!(verbose.contains("busybox-1.36.1-r29 (main, requested)"), "{verbose}");
    let not_run = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("Not run")).count();
    let told: usize = verbose.split(" scriptlets not run").next().and_then(|text| text.rsplit('(').next()?.parse().ok()).unwrap();
    assert_eq!(not_run(&verbose), told, "{verbose}");
    assert!(verbose.contains("Not run  busybox"), "{verbose}");
    let plain = place.run(&[&ALPINE[..], &["--variant", "minirootfs", "root2"]].concat()).success().stderr;
    assert!(not_run(&plain) == 0 && !plain.contains("busybox"), "{plain}");
    let words = ["install", "--root", "root", "--scriptlets", "none", "-v", "hello"];
    let changed = place.run(&[&words[..1], &ALPINE, &words[1..]].concat()).success();
    assert!(changed.stdout.contains("Installing hello"), "{}", changed.stdout);
    assert_eq!(not_run(&changed.stderr) > 0, changed.stderr.contains("scriptlets not run"), "{}", changed.stderr);
}
