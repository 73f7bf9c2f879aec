//! `cache list|clean|verify`, and many processes that share one cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::place::{Place, names};
use crate::server::FileServer;

/// `resolve` of the fixtures' variant from a server, with the cache in `cache`.
fn resolve(url: &str) -> Vec<String> {
    let mut all: Vec<String> = ["resolve".to_owned()].into_iter().chain(crate::place::MICRO.map(str::to_owned)).collect();
    all.extend(
        ["--mirror", url, "--key=mirror/keys/rootstrap-fixtures.asc", "--cache-dir=cache", "--format=json"].map(str::to_owned),
    );
    all
}

fn run(place: &Place, words: &[&str]) -> (Option<i32>, Value) {
    let outcome = place.run(&[&["cache"], words, &["--cache-dir", "cache", "--format", "json"]].concat());
    let value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    (outcome.code, value)
}

/// The files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(directory) {
        let path = directory.join(name);
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn what_is_kept_is_told_removed_and_judged() {
    let place = Place::new();
    let empty = place.run(&["cache", "list", "--cache-dir", "cache"]).success();
    assert_eq!(
        empty.stdout,
        "cache\nfiles             0         0 B\ndocuments         0         0 B\npools             0         0 B\nunfinished        0         0 B\ntotal             0         0 B\n"
    );
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = place.run(&arguments).success().stdout;
    let (_, list) = run(&place, &["list"]);
    for (kind, count) in [("files", 2), ("documents", 2), ("pools", 1), ("unfinished", 0), ("total", 5)] {
        assert!(list[kind]["count"].as_u64().unwrap() >= count && list[kind]["bytes"].is_u64(), "{kind}: {list}");
    }
    assert_eq!(run(&place, &["verify"]).1["whole"], list["total"]);

    // A byte in the middle of a file and of a pool.
    for path in [files(&place.path("cache/store")).remove(0), files(&place.path("cache/pools")).remove(0)] {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let (code, verified) = run(&place, &["verify"]);
    assert_eq!((code, verified["damaged"].as_array().unwrap().len()), (Some(4), 2), "{verified}");
    assert_eq!(run(&place, &["verify"]).0, Some(0), "what was damaged is gone");
    assert_eq!(place.run(&arguments).success().stdout, answer);
    fs::write(files(&place.path("cache/store")).remove(0), "x").unwrap();
    let told = place.run(&["cache", "verify", "--cache-dir", "cache"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(4), ""));
    assert!(told.stderr.starts_with("error: 1 file of the cache was damaged and is removed\n  store/sha256/"), "{}", told.stderr);

    let (_, cleaned) = run(&place, &["clean", "--pools"]);
    assert_eq!((cleaned["removed"]["count"].as_u64(), names(&place.path("cache/pools")).len()), (Some(1), 0));
    let (_, cleaned) = run(&place, &["clean", "--max-size", "1K"]);
    assert!(cleaned["left"]["bytes"].as_u64().unwrap() <= 1024 && cleaned["removed"]["count"].as_u64().unwrap() > 0);
    run(&place, &["clean"]);
    assert_eq!(run(&place, &["list"]).1["total"]["count"], 0);
    assert_eq!(place.run(&arguments).success().stdout, answer);
}

#[test]
fn ten_processes_share_a_cold_cache() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Some make the whole tree, so that packages are fetched at the same time too.
    let running: Vec<_> = (0..10)
        .map(|number| {
            let out = format!("out{number}");
            let mut words = arguments.clone();
            if number % 2 == 1 {
                words[0] = &out;
            }
            let mut command = place.command(&words);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<_> = running.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    for answer in &answers {
        let errors = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success() && !errors.contains("cache unreadable"), "{errors}");
    }
    assert!(answers.iter().step_by(2).all(|answer| answer.stdout == answers[0].stdout));
    let (code, verified) = run(&place, &["verify"]);
    assert_eq!((code, verified["damaged"].as_array().unwrap().len()), (Some(0), 0), "{verified}");
    let (_, list) = run(&place, &["list"]);
    assert_eq!((list["pools"]["count"].as_u64(), list["unfinished"]["count"].as_u64()), (Some(1), Some(0)), "{list}");
    let warm = place.run(&[&arguments[..], &["--offline"]].concat()).success();
    assert_eq!(warm.stdout.as_bytes(), answers[0].stdout);
}
