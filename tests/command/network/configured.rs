//! Tests of `.repo` files: variables, and the options for servers, proxies and credentials.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::test_server::{Answer, Request, TestServer};
use crate::place::{Outcome, Place};
use crate::server::file_of;

const REPOSITORY: &str = "9/BaseOS/aarch64/os";
const KEY: &str = "mirror/keys/rootstrap-fixtures.asc";

/// Serves the mirror for requests that `allows` accepts.
fn server(place: &Place, allows: impl Fn(&Request) -> bool + Send + Sync + 'static) -> TestServer {
    let directory = place.path("mirror");
    TestServer::answering(move |request: &Request| {
        if !allows(request) {
            return Answer::Status(401);
        }
        fs::read(file_of(&directory, &request.path)).map_or(Answer::Status(404), Answer::File)
    })
}

fn list(text: String) -> TestServer {
    TestServer::answering(move |_: &Request| Answer::File(text.clone().into_bytes()))
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

/// Resolves `setup` with a `.repo` file of this text and a cache of this name.
fn resolve(place: &Place, text: &str, cache: &str, more: &[&str]) -> Outcome {
    fs::write(place.path("my.repo"), text).unwrap();
    resolve_of(place, "my.repo", cache, more)
}

fn resolve_of(place: &Place, repo: &str, cache: &str, more: &[&str]) -> Outcome {
    let words = ["resolve", "--type", "rpm", "--arch", "aarch64", "--repo", repo, "--cache-dir", cache, "--retries", "0"];
    place.run(&[&words[..], more, &["setup"]].concat())
}

#[test]
fn variables_in_lines_of_lists_have_the_values_of_repo_files() {
    let place = Place::new();
    let web = server(&place, |_| true);
    let lines = [
        "9/BaseOS/$basearch/os",
        "9/BaseOS/${basearch}/os/",
        "$releasever_major/BaseOS/$arch/os",
        "${releasever_major}/BaseOS/${unknown:-$basearch}/os",
        "${unknown:-${releasever_major}}/${releasever_minor:+BaseOS}/${arch}/os",
        "9/${channel}/$basearch/os",
    ];
    let variables = ["--release", "9.4", "--repo-var", "channel=BaseOS", "--key", KEY];
    for (at, line) in lines.iter().enumerate() {
        let mirrors = list(format!("# mirrors\n{}\n", web.url(&format!("/{line}"))));
        let repomd = fs::read(place.mirror().repomd()).unwrap();
        let digest = rootstrap::digest::Digest::of(rootstrap::digest::Algorithm::Sha256, &repomd).hex();
        let metalink = list(format!(
            "<metalink><files><file name=\"repomd.xml\"><verification><hash type=\"sha256\">{digest}</hash></verification><resources>\
             <url>{}/repodata/repomd.xml</url></resources></file></files></metalink>",
            web.url(&format!("/{}", line.trim_end_matches('/')))
        ));
        for (form, server) in [("mirrorlist", &mirrors), ("metalink", &metalink)] {
            let text = format!("[base]\n{form}={}\n", server.url("/list"));
            resolve(&place, &text, &format!("{form}-{at}"), &variables).success();
            let option = format!("base={form}:{}", server.url("/list"));
            resolve_of(&place, &option, &format!("{form}-{at}-option"), &variables).success();
        }
        resolve(&place, &format!("[base]\nbaseurl={}\n", web.url(&format!("/{line}"))), &format!("base-{at}"), &variables)
            .success();
    }
    // An unknown variable stays in the text, and the message shows it.
    let mirrors = list(web.url("/9/$nothing/os"));
    let unknown = resolve_of(&place, &format!("base=mirrorlist:{}", mirrors.url("/")), "unknown", &["--key", KEY]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("/9/$nothing/os/repodata/repomd.xml"), "{}", unknown.stderr);
    let nameless = resolve(&place, "[base]\nbaseurl=http://127.0.0.1:1/$releasever/\n", "none", &[]);
    assert!(nameless.code == Some(2) && nameless.stderr.contains("--release RELEASE"), "{}", nameless.stderr);
}

#[test]
fn a_name_and_a_password_are_told_to_the_servers_of_the_repository_alone_and_never_shown() {
    let place = Place::new();
    let right = basic("me:s@c/r,t%41");
    let closed = server(&place, move |request| request.header("authorization") == Some(&right));
    let open = server(&place, |_| true);
    let login = "username=me\npassword=s@c/r,t%41\n";
    let lines = list(closed.url(&format!("/{REPOSITORY}")));
    let base = format!("baseurl={}\n", closed.url(&format!("/{REPOSITORY}")));
    resolve(&place, &format!("[base]\n{base}{login}"), "by-base", &["--key", KEY]).success();
    resolve(&place, &format!("[base]\nmirrorlist={}\n{login}", lines.url("/")), "by-list", &["--key", KEY]).success();
    // Servers of another repository get no credentials.
    let other = format!("[base]\n{base}{login}[other]\nbaseurl={}\n", open.url(&format!("/{REPOSITORY}")));
    resolve(&place, &other, "two", &["--key", KEY]).success();
    assert!(open.requests().iter().all(|request| request.header("authorization").is_none()));
    let wrong = resolve(&place, &format!("[base]\n{base}username=me\npassword=secret\n"), "wrong", &["--key", KEY]);
    assert!(wrong.code == Some(1) && !wrong.stderr.contains("secret"), "{}", wrong.stderr);

    fs::write(place.path("my.repo"), format!("[base]\n{base}{login}")).unwrap();
    let asked =
        ["--type", "rpm", "--arch", "aarch64", "--repo", "my.repo", "--key", KEY, "--with", "setup", "--cache-dir", "lock"];
    place.run(&[&["lock"], &asked[..]].concat()).success();
    let lock = fs::read_to_string(place.path("rootstrap.lock")).unwrap();
    assert!(!lock.contains("s@c") && !lock.contains("password"), "{lock}");
    // A build from the lock gets its credentials from the same file.
    assert_eq!(place.run(&["--lock", "rootstrap.lock", "--cache-dir", "fresh", "refused"]).code, Some(1));
    place.run(&["--lock", "rootstrap.lock", "--repo", "my.repo", "--cache-dir", "fresh", "out"]).success();
}

#[test]
fn a_repository_is_reached_by_its_own_proxy() {
    let place = Place::new();
    let directory = place.path("mirror");
    let proxy = TestServer::answering(move |request: &Request| match request.path.strip_prefix("http://repo.invalid") {
        Some(path) if request.header("proxy-authorization") == Some(&basic("you:p@ss")) => {
            fs::read(file_of(&directory, path)).map_or(Answer::Status(404), Answer::File)
        }
        _ => Answer::Status(407),
    });
    let text = format!("[base]\nbaseurl=http://repo.invalid/{REPOSITORY}\nproxy={}\n", proxy.url(""));
    let login = "proxy_username=you\nproxy_password=p@ss\n";
    resolve(&place, &format!("{text}{login}"), "by-proxy", &["--key", KEY]).success();
    let refused = resolve(&place, &text, "unknown", &["--key", KEY]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    // Another repository uses the run's settings, and `_none_` disables the proxy of the command
    // line.
    let open = server(&place, |_| true);
    let direct = format!("[open]\nproxy=_none_\nbaseurl={}\n", open.url(&format!("/{REPOSITORY}")));
    resolve(&place, &direct, "none", &["--key", KEY, "--proxy", "http://127.0.0.1:1"]).success();
    let both = format!("{text}{login}[open]\nbaseurl={}\n", open.url(&format!("/{REPOSITORY}")));
    resolve(&place, &both, "both", &["--key", KEY]).success();
    assert!(proxy.requests().iter().all(|request| request.path.starts_with("http://repo.invalid/")));
}

#[test]
fn options_that_change_who_is_believed_are_refused_and_unknown_ones_told() {
    let place = Place::new();
    let base = format!("[base]\nbaseurl=mirror/{REPOSITORY}\n");
    for option in ["sslverify=0", "proxy_sslverify=false", "sslverifystatus=1", "proxy_auth_method=ntlm", "type=apt-rpm"] {
        let refused = resolve(&place, &format!("{base}{option}\n"), "refused", &["--key", KEY]);
        let why = format!("my.repo, line 3: {option} is not supported");
        assert!(refused.code == Some(1) && refused.stderr.contains(&why), "{option}: {}", refused.stderr);
        let off = format!("{base}[off]\nenabled=0\n{option}\n");
        resolve(&place, &off, "off", &["--key", KEY]).success();
    }
    let told =
        resolve(&place, &format!("[main]\nsslverify=0\n{base}bogus=1\nthrottle=1k\nname=A\n"), "told", &["--key", KEY]).success();
    for words in ["my.repo, [base]: unknown option: bogus", "throttle=1k has no effect here"] {
        assert!(told.stderr.contains(words), "{}", told.stderr);
    }
    let missing = resolve(&place, &format!("{base}sslcacert=/nowhere/ca.pem\n"), "missing", &["--key", KEY]);
    assert!(missing.code == Some(2) && missing.stderr.contains("/nowhere/ca.pem"), "{}", missing.stderr);
}

#[test]
fn metadata_that_have_not_expired_are_not_asked_for() {
    let place = Place::new();
    for (option, again) in [
        ("", 1),
        ("metadata_expire=0\n", 1),
        ("metadata_expire=48h\n", 0),
        ("metadata_expire=-1\n", 0),
        ("metadata_expire=never\n", 0),
    ] {
        let web = server(&place, |_| true);
        let text = format!("[base]\nbaseurl={}\n{option}", web.url(&format!("/{REPOSITORY}")));
        let documents = || web.asked().iter().filter(|path| path.ends_with("repomd.xml")).count();
        let cache = format!("cache-{}", option.trim_end().replace('=', "-"));
        resolve(&place, &text, &cache, &["--key", KEY]).success();
        assert_eq!(documents(), 1);
        resolve(&place, &text, &cache, &["--key", KEY]).success();
        assert_eq!(documents(), 1 + again, "{option}");
        resolve(&place, &text, &cache, &["--key", KEY, "--refresh"]).success();
        assert_eq!(documents(), 2 + again, "{option}");
    }
}

#[test]
fn cost_orders_repositories_of_one_priority() {
    let place = Place::new();
    let chosen = |a: &str, b: &str| {
        let base = format!("baseurl=mirror/{REPOSITORY}\n");
        let told = resolve(&place, &format!("[a]\n{base}{a}[b]\n{base}{b}"), "cache", &["--key", KEY]).success().stdout;
        told.lines().find(|line| line.starts_with("setup-")).unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    // Each case as in dnf 4.14.
    assert_eq!(chosen("", ""), "a");
    assert_eq!(chosen("cost=2000\n", ""), "b");
    assert_eq!(chosen("", "cost=999\n"), "b");
    assert_eq!(chosen("cost=500\npriority=100\n", ""), "b", "priority comes first");
}

#[test]
fn a_key_from_a_server_is_trusted_only_where_the_user_says_so() {
    let place = Place::new();
    let web = server(&place, |_| true);
    fs::write(place.path("mirror/keys/none.asc"), fs::read(place.path(KEY)).unwrap()).unwrap();
    let (good, local) = (web.url("/keys/rootstrap-fixtures.asc"), place.path("absent.asc"));
    let text = format!(
        "[base]\nbaseurl={}\nrepo_gpgcheck=0\ngpgkey={good}\n\tfile://{} {}\n",
        web.url(&format!("/{REPOSITORY}")),
        local.display(),
        web.url("/keys/none.asc")
    );
    fs::write(place.path("my.repo"), text).unwrap();
    let build = |more: &[&str], out: &str| {
        let words =
            ["--type", "rpm", "--arch", "aarch64", "--repo", "my.repo", "--with", "setup", "--retries", "0", "--cache-dir", out];
        place.run(&[&words[..], more, &[&format!("out-{out}")]].concat())
    };
    let refused = build(&[], "without");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("the key {good} of base is not trusted")), "{}", refused.stderr);
    assert!(!web.asked().iter().any(|path| path.starts_with("/keys/")), "it is not even asked for");
    let accepted = build(&["--accept-repo-keys"], "with").success();
    assert!(accepted.stderr.contains(&format!("the key {good} is trusted for base")), "{}", accepted.stderr);
    assert!(accepted.stderr.contains("absent.asc of base is not there"), "{}", accepted.stderr);
}
