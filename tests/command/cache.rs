//! Tests of `cache list|clean|verify`, and of many processes that share a cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::disk::{Rows, walk, without_inodes};
use crate::machine::Mounted;
use crate::place::{Place, names};
use crate::server::FileServer;

/// Returns the words of `resolve` for the fixtures' variant from a server, with the cache in
/// `cache`.
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

/// Returns the files below a directory.
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
        "cache\nfiles             0         0 B\ndocuments         0         0 B\npools             0         0 B\ninflated          0         0 B\nunfinished        0         0 B\ntotal             0         0 B\n"
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

    // Change a byte in the middle of a file and of a pool.
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

/// Returns the words for the fixtures' minirootfs, from the directory of the mirror.
fn minirootfs<'a>(cache: &'a str, out: &'a str) -> Vec<&'a str> {
    let words = "--distro alpine --release 3.20 --variant minirootfs --arch x86_64 --mirror mirror --key mirror/keys/rootstrap-fixtures.rsa.pub";
    words.split(' ').chain(["--cache-dir", cache, out]).collect()
}

/// Builds it again, and returns all rows.
fn make(place: &Place, more: &[&str]) -> Rows {
    let _ = fs::remove_dir_all(place.path("out"));
    place.run(&[&minirootfs("cache", "out"), more].concat()).success();
    without_inodes(walk(&place.path("out")))
}

#[test]
fn nothing_is_kept_that_can_be_inflated_again_where_there_is_little_room() {
    let place = Place::new();
    let Some(small) = Mounted::new(&place, "size=64m") else { return };
    place.run(&minirootfs("small/cache", "out")).success();
    assert_eq!(names(&small.0.join("cache/pools")).len(), 1);
    assert!(!small.0.join("cache/inflated").exists() && names(&small.0.join("cache/unfinished")).is_empty());
}

#[test]
fn what_packages_inflate_to_is_kept_for_the_next_run() {
    let place = Place::new();
    let disk = rustix::fs::statvfs(place.root()).unwrap();
    if disk.f_bavail * disk.f_frsize < 2 << 30 {
        println!("skipped: too little room for temporary files");
        return;
    }
    let first = make(&place, &["--inflate-again"]);
    let kept = || files(&place.path("cache/inflated"));
    assert!(!place.path("cache/inflated").exists(), "nothing is left by it");
    assert_eq!(make(&place, &[]), first);
    let count = kept().len();
    assert!(count > 3, "{count}");
    let (_, list) = run(&place, &["list"]);
    assert_eq!(list["inflated"]["count"], count);
    let written = state(&place.path("cache/inflated"));
    assert_eq!(make(&place, &[]), first);
    assert_eq!(state(&place.path("cache/inflated")), written, "found, not written again");

    // Damage only costs another decompression.
    let made: [Damaging; 3] = [
        ("a bit", |bytes| {
            let mut bytes = bytes.to_vec();
            bytes[100] ^= 1;
            bytes
        }),
        ("cut off", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("empty", |_| Vec::new()),
    ];
    for (what, damage) in made {
        let damage_all = || kept().iter().for_each(|path| fs::write(path, damage(&fs::read(path).unwrap())).unwrap());
        damage_all();
        assert_eq!(make(&place, &[]), first, "{what}");
        let (code, verified) = run(&place, &["verify"]);
        assert_eq!((code, verified["damaged"].as_array().unwrap().len()), (Some(0), 0), "{what}: {verified}");
        damage_all();
        let (code, verified) = run(&place, &["verify"]);
        assert_eq!((code, verified["damaged"].as_array().unwrap().len()), (Some(4), count), "{what}: {verified}");
        assert!(kept().is_empty());
        make(&place, &[]);
    }

    // The mirror is still compared with the signed digests.
    let package = files(&place.path("mirror/v3.20")).into_iter().find(|path| path.to_string_lossy().contains("x86_64/busybox-1"));
    let package = package.unwrap();
    let length = fs::metadata(&package).unwrap().len();
    crate::mirror::flip(&package, -(length as isize) / 4);
    let refused = place.run(&minirootfs("cache", "out2"));
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);

    let (_, cleaned) = run(&place, &["clean", "--inflated"]);
    assert_eq!((cleaned["removed"]["count"].as_u64(), kept().len()), (Some(count as u64), 0));
    assert!(cleaned["left"]["count"].as_u64().unwrap() > 0, "the rest stays");
}

#[test]
fn ten_processes_share_a_cold_cache() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Some build the whole tree, so that packages are downloaded at the same time too.
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

/// The name of a change to a file, and the change.
type Damaging = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Damage that a run detects is repaired: the damaged file is deleted and downloaded again.
#[test]
fn what_is_damaged_is_got_again() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = place.run(&arguments).success().stdout;
    arguments[0] = "out";
    let made: [Damaging; 4] = [
        ("a bit", |bytes| {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
        ("cut off", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("empty", |_| Vec::new()),
        ("longer", |bytes| [bytes, b"more"].concat()),
    ];
    for (what, damage) in made {
        place.run(&[&arguments[..], &["--quiet"]].concat()).success();
        fs::remove_dir_all(place.path("out")).unwrap();
        let stored = files(&place.path("cache/store"));
        assert!(stored.len() > 10);
        for path in stored.iter().chain(&files(&place.path("cache/pools"))) {
            fs::write(path, damage(&fs::read(path).unwrap())).unwrap();
        }
        // Without the network, no damaged file is used.
        assert_eq!(place.run(&[&arguments[..], &["--offline"]].concat()).code, Some(4), "{what}");
        place.run(&arguments).success();
        fs::remove_dir_all(place.path("out")).unwrap();
        let (code, verified) = run(&place, &["verify"]);
        assert_eq!((code, verified["damaged"].as_array().unwrap().len()), (Some(0), 0), "{what}: {verified}");
    }
    arguments[0] = "resolve";
    assert_eq!(place.run(&arguments).success().stdout, answer);
}

/// Returns all files below a directory, with modification time and contents.
fn state(directory: &Path) -> Vec<(PathBuf, std::time::SystemTime, Vec<u8>)> {
    let of = |path: PathBuf| (path.clone(), fs::metadata(&path).unwrap().modified().unwrap(), fs::read(&path).unwrap());
    files(directory).into_iter().map(of).collect()
}

#[test]
fn a_store_below_is_read_and_left_as_it_is() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let below = |words: &[&'static str]| {
        let mut all: Vec<&str> = arguments.iter().copied().filter(|word| *word != "--cache-dir=cache").collect();
        all.extend(["--cache-dir=own", "--store-below=cache"]);
        all.extend(words);
        all
    };
    let answer = place.run(&arguments).success().stdout;
    let mut build = arguments.clone();
    build[0] = "out";
    place.run(&build).success();
    let before = state(&place.path("cache"));

    // The lower cache contains everything: packages, metadata, the pool. Nothing is requested from
    // the server, and nothing is stored twice.
    let asked = server.requests();
    assert_eq!(place.run(&below(&["--offline"])).success().stdout, answer);
    let mut offline = below(&["--offline"]);
    offline[0] = "out2";
    place.run(&offline).success();
    assert_eq!(server.requests(), asked);
    assert_eq!(state(&place.path("cache")), before);
    assert!(!place.path("own/store").exists() || files(&place.path("own/store")).is_empty());
    // With the network, only the documents that may change are requested.
    place.run(&below(&[])).success();
    assert!(server.requests() > asked && server.requests() <= asked + 2);
    assert_eq!(state(&place.path("cache")), before);

    // Damaged files of the lower cache are downloaded again, but not repaired there.
    for path in files(&place.path("cache/store")) {
        fs::write(&path, "damaged").unwrap();
    }
    let before = state(&place.path("cache"));
    let mut online = below(&[]);
    online[0] = "out3";
    place.run(&online).success();
    assert_eq!(state(&place.path("cache")), before);
    assert!(files(&place.path("own/store")).len() > 10);
    assert_eq!(place.run(&["cache", "verify", "--cache-dir", "own"]).code, Some(0));
    // The state recorded in the lower cache counts: an older one is refused.
    place.mirror().date(1_600_000_000);
    let outcome = place.run(&below(&[]));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    fs::remove_dir_all(place.path("own")).unwrap();
    assert_eq!(place.run(&below(&[])).code, Some(4));
}

/// Runs, cleanings and verifications of one cache at once: every run succeeds with the same result,
/// and the cache remains intact.
#[test]
fn runs_share_a_cache_with_those_who_clean_and_verify_it() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let arguments = resolve(&server.url());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let expected = place.run(&arguments).success().stdout;
    let clean: [&[&str]; 4] = [
        &["cache", "clean", "--max-size", "4K", "--cache-dir", "cache"],
        &["cache", "verify", "--cache-dir", "cache"],
        &["cache", "clean", "--cache-dir", "cache"],
        &["cache", "list", "--cache-dir", "cache"],
    ];
    let running: Vec<_> = (0..24)
        .map(|number| {
            let out = format!("out{number}");
            let mut words = if number % 3 == 2 { clean[number / 3 % 4].to_vec() } else { arguments.clone() };
            if number % 3 == 1 {
                words[0] = &out;
            }
            let mut command = place.command(&words);
            (number, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    for (number, process) in running {
        let answer = process.wait_with_output().unwrap();
        assert!(answer.status.success(), "{number}: {}", String::from_utf8_lossy(&answer.stderr));
        assert!(number % 3 != 0 || answer.stdout == expected.as_bytes());
    }
    assert_eq!(run(&place, &["verify"]).0, Some(0));
    assert_eq!(place.run(&arguments).success().stdout, expected);
}
