//! Tests of fetching from directories and from a faulty server.

use std::fs;

use super::test_server::{Answer, TestServer};
use super::*;
use crate::digest::Algorithm;

const DATA: &[u8] = b"the bytes of a package";

/// Returns the retry policy for a server that answers at once or never.
pub(super) fn patience() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(1),
        backoff: Duration::from_millis(1),
        ..Patience::default()
    }
}

fn fetcher(cache: &Path, offline: bool) -> Fetcher {
    Fetcher::new(FetchOptions { offline, patience: patience(), ..FetchOptions::new(cache) })
}

pub(super) fn wanted<S: AsRef<str>>(data: &[u8], locations: impl AsRef<[S]>) -> Wanted {
    Wanted {
        route: None,
        name: "a.rpm".to_owned(),
        locations: locations.as_ref().iter().map(|location| Location::parse(location.as_ref()).unwrap()).collect(),
        fallbacks: Vec::new(),
        digest: Some(Digest::of(Algorithm::Sha256, data)),
        size: Some(data.len() as u64),
        limit: 1 << 20,
        phase: Phase::Fetch,
    }
}

pub(super) fn document<S: AsRef<str>>(locations: impl AsRef<[S]>) -> Wanted {
    Wanted { digest: None, size: None, ..wanted(b"", locations) }
}

pub(super) fn bytes(fetched: Result<Fetched, FetchError>) -> Vec<u8> {
    fetched.unwrap().content.bytes().unwrap().into_owned()
}

pub(super) fn reasons(fetched: Result<Fetched, FetchError>) -> Vec<Reason> {
    match fetched.unwrap_err() {
        FetchError::Failed { attempts, .. } => attempts.into_iter().map(|attempt| attempt.reason).collect(),
        error => panic!("{error}"),
    }
}

/// Counts the files below a directory.
fn files_below(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn files_of_this_machine_are_read_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.rpm");
    fs::write(&file, DATA).unwrap();
    let cache = directory.path().join("cache");
    let fetcher = fetcher(&cache, true);
    assert_eq!(bytes(fetcher.fetch(&wanted(DATA, [file.to_str().unwrap()]))), DATA);
    assert_eq!(fetcher.traffic(), Traffic { local: DATA.len() as u64, ..Traffic::default() });
    assert!(!cache.exists(), "nothing is copied");

    fs::write(&file, [DATA, b"x"].concat()).unwrap();
    let found = FoundSize::Exactly(DATA.len() as u64 + 1);
    let result = reasons(fetcher.fetch(&wanted(DATA, [file.to_str().unwrap()])));
    assert!(matches!(result[..], [Reason::Size { expected: 22, found: size }] if size == found), "{result:?}");

    let mut flipped = DATA.to_vec();
    flipped[3] ^= 1;
    fs::write(&file, &flipped).unwrap();
    let error = fetcher.fetch(&wanted(DATA, [file.to_str().unwrap()])).unwrap_err();
    assert!(error.is_verification() && !error.is_not_found());
    assert!(error.to_string().contains(&Digest::of(Algorithm::Sha256, &flipped).to_string()), "{error}");

    let gone = fetcher.fetch(&wanted(DATA, ["/nonexistent/a.rpm", directory.path().to_str().unwrap()])).unwrap_err();
    assert!(gone.is_not_found() && !gone.is_verification());
}

#[test]
fn large_files_stay_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let data = vec![7; IN_MEMORY as usize + 1];
    let file = directory.path().join("large");
    fs::write(&file, &data).unwrap();
    let server = TestServer::start([("/large", Answer::File(data.clone()))]);
    let fetcher = fetcher(directory.path(), false);
    for location in [file.to_str().unwrap(), &server.url("/large")] {
        let got = fetcher.fetch(&wanted(&data, [location])).unwrap();
        assert!(got.content.memory().is_none());
        assert_eq!(got.content.bytes().unwrap(), data);
    }
    fs::write(&file, [&data[1..], b"x"].concat()).unwrap();
    assert!(matches!(reasons(fetcher.fetch(&wanted(&data, [file.to_str().unwrap()])))[..], [Reason::Checksum { .. }]));
}

#[test]
fn what_was_downloaded_once_is_in_the_store() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([
        ("/os/a.rpm", Answer::Redirect("/mirror/a.rpm".to_owned())),
        ("/mirror/a.rpm", Answer::Unbounded(DATA.to_vec())),
    ]);
    let wanted = wanted(DATA, [&server.url("/os/a.rpm")]);
    let first = fetcher(cache.path(), false);
    assert_eq!(bytes(first.fetch(&wanted)), DATA);
    assert_eq!(first.traffic().downloaded, DATA.len() as u64);
    for offline in [false, true] {
        let later = fetcher(cache.path(), offline);
        assert_eq!(bytes(later.fetch(&wanted)), DATA);
        assert_eq!(later.traffic(), Traffic { stored: DATA.len() as u64, ..Traffic::default() });
    }
    assert_eq!(server.asked(), ["/os/a.rpm", "/mirror/a.rpm"]);
}

#[test]
fn a_damaged_store_heals_itself() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([("/a", Answer::File(DATA.to_vec()))]);
    let wanted = wanted(DATA, [&server.url("/a")]);
    let online = fetcher(cache.path(), false);
    online.fetch(&wanted).unwrap();
    let path = online.store().path(wanted.digest.as_ref().unwrap());
    for damage in [&DATA[1..], b"THE BYTES OF A PACKAGE", b""] {
        fs::write(&path, damage).unwrap();
        assert_eq!(bytes(online.fetch(&wanted)), DATA);
        assert_eq!(fs::read(&path).unwrap(), DATA);
    }
    fs::write(&path, b"damage").unwrap();
    let offline = reasons(fetcher(cache.path(), true).fetch(&wanted));
    assert!(matches!(offline[..], [Reason::Size { .. }, Reason::Offline]), "{offline:?}");
}

#[test]
fn every_mirror_is_tried_until_one_is_good() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([
        ("/lies/a", Answer::File(b"not bytes of a package".to_vec())),
        ("/short/a", Answer::File(DATA[1..].to_vec())),
        ("/cut/a", Answer::Truncated(DATA.to_vec(), 5)),
        ("/endless/a", Answer::Endless),
        ("/busy/a", Answer::Status(503)),
        ("/forbidden/a", Answer::Status(403)),
        ("/loop/a", Answer::Redirect("/loop/a".to_owned())),
        ("/stall/a", Answer::Stall),
        ("/good/a", Answer::File(DATA.to_vec())),
    ]);
    let bad = ["/lies/a", "/short/a", "/cut/a", "/endless/a", "/busy/a", "/forbidden/a", "/loop/a", "/none/a", "/stall/a"];
    let mut locations: Vec<Location> = bad.iter().map(|path| Location::parse(&server.url(path)).unwrap()).collect();
    // No server listens there.
    locations.push(Location::parse("http://127.0.0.1:1/a").unwrap());
    let none_good = Wanted { locations: locations.clone(), ..wanted::<&str>(DATA, []) };
    let fetcher = fetcher(cache.path(), false);
    let error = fetcher.fetch(&none_good).unwrap_err();
    assert!(error.is_verification());
    let FetchError::Failed { attempts, .. } = error else { panic!("{error}") };
    let reason = |path: &str| {
        let url = server.url(path);
        &attempts.iter().find(|attempt| attempt.location.to_string() == url).unwrap().reason
    };
    assert_eq!(attempts.len(), 10);
    assert!(matches!(reason("/lies/a"), Reason::Checksum { size: 22, .. }));
    assert!(matches!(reason("/short/a"), Reason::Size { found: FoundSize::Exactly(21), .. }));
    assert!(matches!(reason("/cut/a"), Reason::Transport { .. }));
    assert!(matches!(reason("/endless/a"), Reason::Size { found: FoundSize::AtLeast(_), .. }));
    assert!(matches!(reason("/busy/a"), Reason::Status { status: 503, .. }));
    assert!(matches!(reason("/forbidden/a"), Reason::Status { status: 403, .. }));
    assert!(matches!(reason("/loop/a"), Reason::Redirects), "{}", reason("/loop/a"));
    assert!(matches!(reason("/none/a"), Reason::NotFound));
    assert!(matches!(reason("/stall/a"), Reason::Transport { message } if message.contains("timed out")));
    let refused = &attempts.iter().find(|attempt| attempt.location.to_string().contains(":1/")).unwrap().reason;
    assert!(matches!(refused, Reason::Transport { message } if message.contains("refused")), "{refused}");
    assert_eq!(files_below(cache.path()), 0, "what is not good is not kept");

    let asked = server.asked();
    let times = |path: &str| asked.iter().filter(|asked| *asked == path).count();
    assert_eq!([times("/lies/a"), times("/none/a"), times("/busy/a"), times("/cut/a")], [1, 1, 3, 3]);

    locations.push(Location::parse(&server.url("/good/a")).unwrap());
    let got = fetcher.fetch(&Wanted { locations, ..none_good }).unwrap();
    assert_eq!(got.content.bytes().unwrap(), DATA);
    assert_eq!(got.location.to_string(), server.url("/good/a"));
    assert_eq!(files_below(cache.path()), 1);
}

#[test]
fn what_can_pass_is_tried_again() {
    let cache = tempfile::tempdir().unwrap();
    let turns = vec![Answer::Truncated(DATA.to_vec(), 9), Answer::Status(500), Answer::File(DATA.to_vec())];
    let server = TestServer::start([("/a", Answer::InTurn(turns))]);
    assert_eq!(bytes(fetcher(cache.path(), false).fetch(&wanted(DATA, [&server.url("/a")]))), DATA);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn documents_are_got_anew_and_remembered_for_offline_use() {
    let cache = tempfile::tempdir().unwrap();
    let turns = vec![Answer::File(b"one".to_vec()), Answer::File(b"two".to_vec()), Answer::Status(404)];
    let server = TestServer::start([("/repomd.xml", Answer::InTurn(turns)), ("/endless", Answer::Endless)]);
    let wanted = document([&server.url("/repomd.xml")]);
    let (online, offline) = (fetcher(cache.path(), false), fetcher(cache.path(), true));
    assert!(matches!(reasons(offline.fetch(&wanted))[..], [Reason::Offline]));
    assert_eq!(bytes(online.fetch(&wanted)), b"one");
    assert_eq!(bytes(offline.fetch(&wanted)), b"one");
    assert_eq!(bytes(online.fetch(&wanted)), b"two");
    assert_eq!(bytes(offline.fetch(&wanted)), b"two");
    assert!(online.fetch(&wanted).unwrap_err().is_not_found());
    let endless = reasons(online.fetch(&document([&server.url("/endless")])));
    assert!(matches!(endless[..], [Reason::TooLarge { limit: 1_048_576 }]), "{endless:?}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    fs::write(&cache, b"a file, not a directory").unwrap();
    let server = TestServer::start([("/a", Answer::File(DATA.to_vec()))]);
    let error = fetcher(&cache, false).fetch(&wanted(DATA, [&server.url("/a")])).unwrap_err();
    assert!(matches!(&error, FetchError::Store { path, .. } if path.starts_with(&cache)), "{error}");
}

#[test]
fn many_threads_share_one_cold_cache() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([("/a", Answer::File(DATA.to_vec()))]);
    let wanted = wanted(DATA, [&server.url("/a")]);
    let shared = fetcher(cache.path(), false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(bytes(shared.fetch(&wanted)), DATA));
            scope.spawn(|| assert_eq!(bytes(fetcher(cache.path(), false).fetch(&wanted)), DATA));
        }
    });
    assert_eq!(files_below(cache.path()), 1);
}

#[test]
fn a_dead_server_costs_no_more_than_its_patience() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([("/a", Answer::Stall)]);
    let begin = Instant::now();
    assert!(matches!(
        reasons(fetcher(cache.path(), false).fetch(&wanted(DATA, [&server.url("/a")])))[..],
        [Reason::Transport { .. }]
    ));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_redirect_to_https_is_spoken_to_in_tls() {
    let cache = tempfile::tempdir().unwrap();
    let plain = TestServer::start([]);
    let to = plain.url("/a").replace("http:", "https:");
    let server = TestServer::start([("/a", Answer::Redirect(to))]);
    let said = reasons(fetcher(cache.path(), false).fetch(&wanted(DATA, [&server.url("/a")])));
    // A plain server answers a TLS greeting with bytes that are not TLS. On a system without
    // certificates, the client fails even earlier.
    assert!(matches!(&said[..], [Reason::Transport { message }] if !message.contains("redirect")), "{said:?}");
    assert!(!plain.asked().contains(&"/a".to_owned()));
}

#[test]
fn who_is_asked_to_stop_stops() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::start([("/busy", Answer::Status(503)), ("/endless", Answer::Endless), ("/silent", Answer::Stall)]);
    let patience = Patience { backoff: Duration::from_mins(1), stall: Duration::from_mins(1), ..Patience::default() };
    for path in ["/busy", "/endless", "/silent"] {
        let cancel = Cancel::new();
        let options = FetchOptions { patience, cancel: cancel.clone(), ..FetchOptions::new(cache.path()) };
        let stopped = thread::scope(|scope| {
            let fetching = scope.spawn(|| {
                let wanted = Wanted { limit: u64::MAX, ..document([&server.url(path)]) };
                Fetcher::new(options).fetch(&wanted)
            });
            thread::sleep(Duration::from_millis(100));
            cancel.raise();
            fetching.join().unwrap()
        });
        assert!(matches!(stopped, Err(FetchError::Interrupted)), "{stopped:?}");
    }
    assert_eq!(files_below(cache.path()), 0);
}
