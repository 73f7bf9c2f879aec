//! Tests of server behavior: ranges, validators, waits, several servers, names and passwords.

use std::sync::Mutex;

use super::test_server::{Answer, Request, TestServer};
use super::tests::{bytes, document, patience, reasons, wanted};
use super::*;

/// Returns bytes that encode their own position.
fn data() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).take(600_000).collect()
}

fn fetcher(cache: &Path, change: impl FnOnce(&mut FetchOptions)) -> Fetcher {
    let mut options = FetchOptions { patience: patience(), ..FetchOptions::new(cache) };
    change(&mut options);
    Fetcher::new(options)
}

fn ranges(server: &TestServer) -> Vec<Option<String>> {
    server.requests().iter().map(|request| request.header("range").map(str::to_owned)).collect()
}

#[test]
fn what_broke_off_is_gone_on_with() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    // Three responses of this size complete the file.
    let server = TestServer::start([("/a", Answer::Broken(data.clone(), 200_000))]);
    let fetcher = fetcher(cache.path(), |_| {});
    assert_eq!(bytes(fetcher.fetch(&wanted(&data, &[server.url("/a")]))), data);
    assert_eq!(ranges(&server), [None, Some("bytes=200000-".to_owned()), Some("bytes=400000-".to_owned())]);
    assert_eq!(server.requests()[2].header("if-range"), Some("\"broken\""));
    assert_eq!(fetcher.traffic().downloaded, data.len() as u64, "no byte twice");
}

#[test]
fn another_server_goes_on_where_one_broke_off() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    let first = TestServer::start([("/a", Answer::Reset(data.clone(), 250_000))]);
    let second = TestServer::start([("/a", Answer::Stated(data.clone(), "\"one\"".to_owned()))]);
    let fetcher = fetcher(cache.path(), |_| {});
    assert_eq!(bytes(fetcher.fetch(&wanted(&data, &[first.url("/a"), second.url("/a")]))), data);
    let asked = ranges(&second);
    // The system decides how many bytes of a reset connection arrive.
    assert!(asked.len() == 1 && second.requests()[0].header("if-range").is_none(), "{asked:?}");
    assert!(fetcher.traffic().downloaded <= data.len() as u64);
}

#[test]
fn pieces_of_different_files_are_not_put_together() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    let mut other = data.clone();
    other[7] ^= 1;
    let first = TestServer::start([("/a", Answer::Truncated(other, 250_000))]);
    let second = TestServer::start([("/a", Answer::Stated(data.clone(), "\"one\"".to_owned()))]);
    let fetcher = fetcher(cache.path(), |_| {});
    assert_eq!(bytes(fetcher.fetch(&wanted(&data, &[first.url("/a"), second.url("/a")]))), data);
    assert_eq!(ranges(&second), [Some("bytes=250000-".to_owned()), None], "the good server is asked for the whole");
}

#[test]
fn who_ignores_the_range_or_has_another_state_gives_the_whole() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    let stated = |tag: &str| Answer::Stated(data.clone(), tag.to_owned());
    for good in [Answer::File(data.clone()), Answer::Unbounded(data.clone()), stated("\"other\"")] {
        let turns = vec![Answer::Broken(data.clone(), 100_000), good];
        let server = TestServer::start([("/a", Answer::InTurn(turns))]);
        let place = cache.path().join(server.url("").replace('/', "_"));
        assert_eq!(bytes(fetcher(&place, |_| {}).fetch(&wanted(&data, &[server.url("/a")]))), data);
        assert_eq!(ranges(&server), [None, Some("bytes=100000-".to_owned())]);
    }
}

#[test]
fn a_wrong_part_is_refused_and_the_whole_is_asked_for() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    for told in [
        "bytes 0-299999/600000",
        "bytes 300000-599998/600000",
        "bytes 300000-599999/700000",
        "bytes 300001-599999/600000",
        "lines 3-4",
        "",
    ] {
        let wrong = Answer::WrongRange(told.to_owned(), data.clone());
        let server = TestServer::start([("/a", wrong.clone())]);
        let never = reasons(fetcher(cache.path(), |_| {}).fetch(&wanted(&data, &[server.url("/a")])));
        assert!(!never[0].is_verification(), "{told}: {never:?}");
        let turns = vec![wrong.clone(), wrong, Answer::File(data.clone())];
        let server = TestServer::start([("/a", Answer::InTurn(turns))]);
        let place = cache.path().join(server.url("").replace('/', "_"));
        assert_eq!(bytes(fetcher(&place, |_| {}).fetch(&wanted(&data, &[server.url("/a")]))), data, "{told}");
        assert_eq!(ranges(&server), [None, Some("bytes=300000-".to_owned()), None], "{told}");
    }
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    let told = |status, wait: &str| Answer::Told(status, format!("retry-after: {wait}"));
    let turns = vec![told(429, "1"), told(503, "Sun, 06 Nov 1994 08:49:37 GMT"), Answer::File(data.clone())];
    let server = TestServer::start([("/a", Answer::InTurn(turns))]);
    let begin = Instant::now();
    assert_eq!(bytes(fetcher(cache.path(), |_| {}).fetch(&wanted(&data, &[server.url("/a")]))), data);
    assert!(begin.elapsed() >= Duration::from_millis(990) && server.requests().len() == 3);

    // A wait above the maximum counts as a failure.
    let server = TestServer::start([("/a", told(503, "3600"))]);
    let begin = Instant::now();
    let late = reasons(fetcher(&cache.path().join("late"), |_| {}).fetch(&wanted(&data, &[server.url("/a")])));
    assert!(matches!(&late[..], [Reason::Status { status: 503, retry_after: Some(_) }]), "{late:?}");
    assert!(late[0].to_string().contains("asking to wait 3600 seconds"));
    assert!(begin.elapsed() < Duration::from_secs(5) && server.requests().len() == 1);
}

#[test]
fn who_is_too_slow_is_left_for_another() {
    let (cache, data) = (tempfile::tempdir().unwrap(), data());
    let slow = TestServer::start([("/a", Answer::Drip(data.clone()))]);
    let good = TestServer::start([("/a", Answer::File(data.clone()))]);
    let patience = Patience { stall: Duration::from_millis(200), tries: 1, ..patience() };
    let both = wanted(&data, &[slow.url("/a"), good.url("/a")]);
    let impatient = fetcher(cache.path(), |options| options.patience = patience);
    assert_eq!(impatient.fetch(&both).unwrap().location.to_string(), good.url("/a"));
    let alone = wanted(&data, &[slow.url("/a")]);
    let limited = |change: &dyn Fn(&mut Patience)| {
        let mut patience = patience;
        change(&mut patience);
        reasons(fetcher(&cache.path().join("alone"), |options| options.patience = patience).fetch(&alone))
    };
    assert!(matches!(limited(&|_| {})[..], [Reason::TooSlow { least: 1000, found }] if found < 100));
    let total = Some(Duration::from_millis(300));
    assert!(matches!(limited(&|patience| (patience.slowest, patience.total) = (0, total))[..], [Reason::TooLong { .. }]));
}

#[test]
fn a_document_is_got_again_only_when_it_is_another() {
    let cache = tempfile::tempdir().unwrap();
    let stated = |data: &[u8], tag: &str| Answer::Stated(data.to_vec(), tag.to_owned());
    let now = Arc::new(Mutex::new(stated(b"one", "\"1\"")));
    let rule = Arc::clone(&now);
    let server = TestServer::answering(move |_: &Request| rule.lock().unwrap().clone());
    let wanted = document(&[server.url("/repomd.xml")]);
    let usual = fetcher(cache.path(), |_| {});
    assert_eq!(bytes(usual.fetch(&wanted)), b"one");
    assert_eq!(bytes(usual.fetch(&wanted)), b"one");
    assert_eq!(server.requests()[1].header("if-none-match"), Some("\"1\""));
    assert_eq!(usual.traffic().downloaded, 3, "the second time nothing came");
    *now.lock().unwrap() = stated(b"two", "\"2\"");
    assert_eq!(bytes(usual.fetch(&wanted)), b"two");

    // A recently validated document needs no request, unless a refresh is requested.
    *now.lock().unwrap() = stated(b"three", "\"3\"");
    let expiring = |seconds: u64| fetcher(cache.path(), |options| options.expire = Duration::from_secs(seconds));
    let asked = server.requests().len();
    assert_eq!(bytes(expiring(600).fetch(&wanted)), b"two");
    assert_eq!(server.requests().len(), asked);
    let refreshing = fetcher(cache.path(), |options| (options.expire, options.refresh) = (Duration::from_mins(10), true));
    assert_eq!(bytes(refreshing.fetch(&wanted)), b"three");
    assert!(server.requests().last().unwrap().header("if-none-match").is_none());

    // A damaged local copy is not the document that the server calls unchanged.
    fs::write(usual.store().document_path(&server.url("/repomd.xml")), b"thrEe").unwrap();
    assert_eq!(bytes(expiring(600).fetch(&wanted)), b"three");
}

#[test]
fn several_servers_share_the_work_and_none_is_asked_too_much_at_once() {
    let cache = tempfile::tempdir().unwrap();
    let files: Vec<Vec<u8>> = (0..60_u32).map(|n| n.to_le_bytes().repeat(10_000)).collect();
    let give = |files: &[Vec<u8>]| {
        let files = files.to_vec();
        move |request: &Request| {
            thread::sleep(Duration::from_millis(5));
            Answer::File(files[request.path[1..].parse::<usize>().unwrap()].clone())
        }
    };
    let servers = [
        TestServer::answering(give(&files)),
        TestServer::answering(give(&files)),
        TestServer::answering(|_| Answer::Status(500)),
    ];
    let shared = fetcher(cache.path(), |options| options.connections = 4);
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while let Some((n, file)) = files.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let places: Vec<String> = servers.iter().map(|server| server.url(&format!("/{n}"))).collect();
                    assert_eq!(bytes(shared.fetch(&wanted(file, &places))), *file);
                }
            });
        }
    });
    let asked = servers.each_ref().map(|server| server.requests().len());
    assert!(asked[0] >= 10 && asked[1] >= 10, "{asked:?}");
    assert!(asked[2] <= 12, "who only fails is soon left alone: {asked:?}");
    assert!(servers.iter().all(|server| server.most_at_once() <= 4));
}

#[test]
fn names_and_passwords_go_to_their_own_server_only() {
    let directory = tempfile::tempdir().unwrap();
    let netrc = directory.path().join("netrc");
    fs::write(&netrc, "default login me password secret\n").unwrap();
    let other = TestServer::start([("/a", Answer::File(b"data".to_vec()))]);
    let server = TestServer::start([
        ("/a", Answer::File(b"data".to_vec())),
        ("/away", Answer::Redirect(other.url("/a"))),
        ("/here", Answer::Redirect("/a".to_owned())),
        ("/lost", Answer::Status(401)),
    ]);
    let fetcher = fetcher(directory.path(), |options| options.access.netrc = Some(netrc));
    for path in ["/a", "/away", "/here"] {
        assert_eq!(bytes(fetcher.fetch(&document(&[server.url(path)]))), b"data");
    }
    let with_name = server.url("/here").replace("http://", "http://you:hidden@");
    assert_eq!(bytes(fetcher.fetch(&document(&[with_name]))), b"data");
    let told = |server: &TestServer| -> Vec<Option<String>> {
        server.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
    };
    let (me, you) = (Some("Basic bWU6c2VjcmV0".to_owned()), Some("Basic eW91OmhpZGRlbg==".to_owned()));
    assert_eq!(told(&server), [&me, &me, &me, &me, &you, &you].map(Clone::clone));
    assert_eq!(told(&other), [None]);
    let refused = server.url("/lost").replace("http://", "http://you:hidden@");
    let said = fetcher.fetch(&document(&[refused])).unwrap_err().to_string();
    assert!(said.contains("401") && !said.contains("hidden") && !said.contains("secret"), "{said}");
}

#[test]
fn what_is_no_http_and_who_has_no_certificate_is_told() {
    let cache = tempfile::tempdir().unwrap();
    let server = TestServer::answering(|_| Answer::Garbage);
    let fetcher = fetcher(cache.path(), |_| {});
    assert!(matches!(reasons(fetcher.fetch(&document(&[server.url("/a")])))[..], [Reason::Transport { .. }]));
    let secure = server.url("/a").replace("http:", "https:");
    let said = reasons(fetcher.fetch(&document(&[secure])));
    assert!(matches!(said[..], [Reason::Tls { .. } | Reason::Transport { .. } | Reason::Setup { .. }]), "{said:?}");
}
