//! Tests of mirrors that fail in every way. With one good mirror of three the tree is right; with
//! none, the message lists the attempts.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::test_server::{Answer, Request, TestServer};
use crate::disk::{differences, walk, without_inodes};
use crate::place::Place;
use crate::server::file_of;

/// Short timeouts, as the test waits for each of them.
const IMPATIENT: [&str; 10] =
    ["--connect-timeout", "2", "--timeout", "1", "--retries", "1", "--max-wait", "2", "--progress", "none"];

/// The answer of a mirror for a file that it has.
type Fault = fn(Vec<u8>, &Request) -> Answer;

/// Each fault: its name, a word of the message if every mirror has it, the exit code in that case,
/// and the answer.
const FAULTS: [(&str, &str, i32, Fault); 17] = [
    ("stall", "timed out", 1, |_, _| Answer::Stall),
    ("reset", "", 1, |data, _| {
        let half = data.len() / 2;
        Answer::Reset(data, half)
    }),
    ("truncation", "", 1, |data, _| {
        let half = data.len() / 2;
        Answer::Truncated(data, half)
    }),
    ("said to be longer", "", 4, |data, _| {
        let length = data.len() + 10;
        Answer::WrongLength(data, length)
    }),
    ("said to be shorter", "", 4, |data, _| {
        let length = data.len() - 10;
        Answer::WrongLength(data, length)
    }),
    ("wrong range", "the server gave others", 1, |data, _| Answer::WrongRange("bytes 0-1/2".to_owned(), data)),
    ("wrong range that looks right", "", 1, |data, request| {
        let from: usize = request.header("range").map_or(0, |range| range[6..range.len() - 1].parse().unwrap());
        let last = data.len() - 1;
        // The first half is sent, and then the first half again in place of the second.
        Answer::WrongRange(format!("bytes {from}-{last}/{}", data.len()), data)
    }),
    ("404", "not found", 1, |_, _| Answer::Status(404)),
    ("403", "403, forbidden", 1, |_, _| Answer::Status(403)),
    ("429", "429, too many requests, asking to wait 9 seconds", 1, |_, _| Answer::Told(429, "retry-after: 9".to_owned())),
    ("500", "status 500", 1, |_, _| Answer::Status(500)),
    ("503 for a second", "asking to wait 1 seconds", 1, |_, _| Answer::Told(503, "retry-after: 1".to_owned())),
    ("redirect loop", "redirected too often", 1, |_, request| Answer::Redirect(request.path.clone())),
    ("slow drip", "too slow", 1, |data, _| Answer::Drip(data)),
    ("no HTTP", "", 1, |_, _| Answer::Garbage),
    ("a flipped byte", "expected sha256:", 4, |mut data, _| {
        let middle = data.len() / 2;
        data[middle] ^= 4;
        Answer::File(data)
    }),
    ("endless data", "", 4, |_, _| Answer::Endless),
];

/// Reports whether a file is a document without an expected digest.
fn is_document(request: &Request) -> bool {
    request.path.ends_with("repomd.xml")
}

/// Starts a mirror of a directory with this fault: for all files, or only for those with an
/// expected digest.
fn mirror(directory: &Path, fault: Fault, documents_too: bool) -> TestServer {
    let directory = directory.to_owned();
    TestServer::answering(move |request| match fs::read(file_of(&directory, &request.path)) {
        Ok(data) if documents_too || !is_document(request) => fault(data, request),
        Ok(data) => Answer::File(data),
        Err(_) => Answer::Status(404),
    })
}

fn good(directory: &Path) -> TestServer {
    mirror(directory, |data, _| Answer::Stated(data, "\"good\"".to_owned()), true)
}

fn run(place: &Place, mirrors: &[&TestServer], out: &str) -> crate::place::Outcome {
    let cache = format!("cache-{out}");
    let mut arguments: Vec<String> = crate::place::MICRO.map(str::to_owned).to_vec();
    arguments.extend(["--key".to_owned(), "mirror/keys/rootstrap-fixtures.asc".to_owned()]);
    arguments.extend(["--cache-dir".to_owned(), cache]);
    arguments.extend(IMPATIENT.map(str::to_owned));
    for server in mirrors {
        arguments.extend(["--mirror".to_owned(), server.url("")]);
    }
    arguments.push(out.to_owned());
    place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Tries each fault, several at once, as most of the time is spent waiting.
fn each_fault(attempt: impl Fn(usize, (&str, &str, i32, Fault)) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((number, fault)) = FAULTS.into_iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    attempt(number, fault);
                }
            });
        }
    });
}

#[test]
fn one_good_mirror_of_three_is_enough() {
    let place = Place::new();
    let directory = place.path("mirror");
    place.bootstrap(&["good"]).success();
    let expected = without_inodes(walk(&place.path("good")));
    let good = good(&directory);
    each_fault(|number, (name, _, _, fault)| {
        let begin = Instant::now();
        // A document has no expected digest, so these faults are detected only by the files that it
        // lists.
        let documents_too = !matches!(name, "a flipped byte" | "said to be shorter");
        let bad = [0, 1].map(|_| mirror(&directory, fault, documents_too));
        let out = format!("out-{number}");
        let outcome = run(&place, &[&bad[0], &bad[1], &good], &out);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
        let found = without_inodes(walk(&place.path(&out)));
        assert_eq!(differences(&expected, &found), <[String; 0]>::default(), "{name}");
        let asked: usize = bad.iter().map(|bad| bad.requests().len()).sum();
        println!("{name}: {:.1} s, bad mirrors asked {asked} times", begin.elapsed().as_secs_f64());
    });
}

#[test]
fn with_no_good_mirror_the_message_lists_what_was_tried() {
    let place = Place::new();
    let directory = place.path("mirror");
    each_fault(|number, (name, word, code, fault)| {
        let bad = [0, 1, 2].map(|_| mirror(&directory, fault, false));
        let out = format!("out-{number}");
        let outcome = run(&place, &bad.each_ref(), &out);
        assert_eq!(outcome.code, Some(code), "{name}: {}", outcome.stderr);
        for server in &bad {
            assert!(outcome.stderr.contains(&server.url("/")), "{name}: {}", outcome.stderr);
        }
        assert!(outcome.stderr.contains(word), "{name}: {}", outcome.stderr);
        assert!(!place.path(&out).exists(), "{name}");
    });
}

#[test]
fn each_mirror_may_fail_in_its_own_way() {
    let place = Place::new();
    let directory = place.path("mirror");
    let fault = |name| FAULTS.iter().find(|fault| fault.0 == name).unwrap().3;
    let servers = ["500", "stall", "redirect loop"].map(|name| mirror(&directory, fault(name), true));
    let outcome = run(&place, &servers.each_ref(), "out");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let line = |server: &TestServer| outcome.stderr.lines().find(|line| line.contains(&server.url("/"))).unwrap().to_owned();
    assert!(line(&servers[0]).contains("status 500 (tried 2 times)"), "{}", outcome.stderr);
    assert!(line(&servers[1]).contains("timed out"), "{}", outcome.stderr);
    assert!(line(&servers[2]).ends_with("redirected too often"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

#[test]
fn what_broke_off_is_gone_on_with_and_documents_are_asked_after_only() {
    let place = Place::new();
    let directory = place.path("mirror");
    place.bootstrap(&["good"]).success();
    // Every answer ends after a few thousand bytes; the received part of a document need not be
    // sent again.
    let broken = mirror(
        &directory,
        |data, request| if is_document(request) { Answer::Stated(data, "\"a\"".to_owned()) } else { Answer::Broken(data, 4096) },
        true,
    );
    let arguments = |out: &str| {
        let mut all = Place::usual(&["--retries", "100", "--cache-dir", "cache", "--progress", "none", out]);
        let at = all.iter().position(|word| word == "mirror").unwrap();
        all[at] = broken.url("");
        all
    };
    let go = |out: &str| place.run(&arguments(out).iter().map(String::as_str).collect::<Vec<_>>()).success();
    go("one");
    assert_eq!(
        differences(&without_inodes(walk(&place.path("good"))), &without_inodes(walk(&place.path("one")))),
        <[String; 0]>::default()
    );
    assert!(broken.requests().iter().any(|request| request.header("range").is_some()));
    let before = broken.requests().len();
    go("two");
    let later = &broken.requests()[before..];
    assert!(!later.is_empty() && later.iter().all(|request| request.header("if-none-match") == Some("\"a\"")), "{later:?}");
    let before = broken.requests().len();
    let mut lately = arguments("three");
    lately.splice(0..0, ["--metadata-expire".to_owned(), "1h".to_owned()]);
    place.run(&lately.iter().map(String::as_str).collect::<Vec<_>>()).success();
    assert_eq!(broken.requests().len(), before, "nobody is asked");
    lately.splice(0..2, ["--refresh".to_owned()]);
    *lately.last_mut().unwrap() = "four".to_owned();
    place.run(&lately.iter().map(String::as_str).collect::<Vec<_>>()).success();
    assert!(broken.requests()[before..].iter().all(|request| request.header("if-none-match").is_none()));
}
