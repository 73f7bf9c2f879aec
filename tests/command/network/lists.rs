//! Tests of mirror lists and repository lists: metalink, mirrorlist, `.repo`, `repositories` of
//! apk.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};

use super::test_server::{Answer, Request, TestServer};
use crate::place::{Outcome, Place};
use crate::server::file_of;

const REPOSITORY: &str = "9/BaseOS/aarch64/os";

/// Starts a mirror of the directory; `repomd` replaces its root document.
fn mirror(place: &Place, repomd: Option<Vec<u8>>) -> TestServer {
    let directory = place.path("mirror");
    TestServer::answering(move |request: &Request| match &repomd {
        Some(data) if request.path.ends_with("repomd.xml") => Answer::File(data.clone()),
        _ => fs::read(file_of(&directory, &request.path)).map_or(Answer::Status(404), Answer::File),
    })
}

/// Starts a server of one document.
fn list(text: String) -> TestServer {
    TestServer::answering(move |_: &Request| Answer::File(text.clone().into_bytes()))
}

fn metalink(mirrors: &[&TestServer], states: &[&[u8]]) -> String {
    let state = |data: &[u8]| {
        let digest = Digest::of(Algorithm::Sha256, data).hex();
        format!("<size>{}</size><verification><hash type=\"sha256\">{digest}</hash></verification>", data.len())
    };
    let mut alternates = String::new();
    for data in &states[1..] {
        write!(alternates, "<mm0:alternate>{}</mm0:alternate>", state(data)).unwrap();
    }
    let mut urls = String::new();
    for (mirror, preference) in mirrors.iter().zip((0..100).rev()) {
        let base = mirror.url(&format!("/{REPOSITORY}"));
        write!(urls, "<url preference=\"{preference}\">{base}/repodata/repomd.xml</url>").unwrap();
    }
    format!(
        "<metalink xmlns:mm0=\"x\"><files><file name=\"repomd.xml\">{}<mm0:alternates>{alternates}</mm0:alternates><resources>{urls}</resources></file></files></metalink>",
        state(states[0])
    )
}

fn resolve(place: &Place, repo: &[&str], more: &[&str]) -> Outcome {
    let mut words = vec!["resolve", "--arch", "aarch64", "--key", "mirror/keys/rootstrap-fixtures.asc", "--retries", "0"];
    for text in repo {
        words.extend(["--repo", text]);
    }
    words.extend(more);
    words.push("bash");
    place.run(&words)
}

#[test]
fn the_checksum_of_a_metalink_holds_and_a_mirror_that_has_it_is_found() {
    let place = Place::new();
    let current = fs::read(place.mirror().repomd()).unwrap();
    // Another state, which is valid but different.
    let old = [&current[..], b"<!-- older -->\n"].concat();
    let (stale, good) = (mirror(&place, Some(old.clone())), mirror(&place, None));
    let expected = resolve(&place, &[&format!("base=mirror/{REPOSITORY}")], &[]).success().stdout;
    let cached = |name: &str, mirrors: &[&TestServer], states: &[&[u8]], form: &str| {
        let server = list(metalink(mirrors, states));
        resolve(&place, &[&format!("base={form}{}", server.url("/metalink?repo=base&arch=aarch64"))], &["--cache-dir", name])
    };
    assert_eq!(cached("one", &[&stale, &good], &[&current], "metalink:").success().stdout, expected);
    assert!(
        stale.asked().iter().any(|path| path.ends_with("repomd.xml"))
            && good.asked().iter().any(|path| path.ends_with("repomd.xml"))
    );

    // No mirror has the state of the metalink.
    let lacking = cached("two", &[&stale], &[&current], "metalink:");
    assert_eq!(lacking.code, Some(4), "{}", lacking.stderr);
    assert!(lacking.stderr.contains(&stale.url("/")), "{}", lacking.stderr);
    // A state that the metalink lists as older is accepted if no mirror has the newest.
    assert_eq!(cached("three", &[&stale], &[&current, &old], ",mirrors=").success().stdout, expected);
    // Documents that are not metalinks are reported.
    let server = list("<html>sorry</html>".to_owned());
    let wrong = resolve(&place, &[&format!("base=metalink:{}", server.url("/"))], &["--cache-dir", "four"]);
    assert!(wrong.code == Some(1) && wrong.stderr.contains("expected <metalink>"), "{}", wrong.stderr);
}

#[test]
fn a_list_of_mirrors_and_several_bases_serve_packages_too() {
    let place = Place::new();
    let (empty, good) = (TestServer::answering(|_: &Request| Answer::Status(404)), mirror(&place, None));
    let lines = list(format!("# mirrors\n{}\n\n{}\n", empty.url("/os"), good.url(&format!("/{REPOSITORY}"))));
    let lists = format!("base=mirrorlist:{}", lines.url("/list"));
    let bases = format!("base={},base={}", empty.url("/os"), good.url(&format!("/{REPOSITORY}")));
    for (out, repo) in [("by-list", &lists), ("by-bases", &bases)] {
        let key = ["--key", "mirror/keys/rootstrap-fixtures.asc", "--arch", "aarch64", "--cache-dir", out, "--retries", "0"];
        let out = format!("out-{out}");
        place.run(&[&["--repo", repo, "--with", "setup"], &key[..], &[&out]].concat()).success();
        assert!(place.path(&out).join("etc/passwd").exists());
    }
    assert!(good.asked().iter().any(|path| path.contains("/Packages/")));
}

#[test]
fn a_repo_file_names_repositories_their_mirrors_and_their_keys() {
    let place = Place::new();
    let good = mirror(&place, None);
    let expected = resolve(&place, &[&format!("base=mirror/{REPOSITORY}")], &[]).success().stdout;
    let key = place.path("mirror/keys/rootstrap-fixtures.asc");
    fs::create_dir(place.path("yum.repos.d")).unwrap();
    let text = format!(
        "[base]\nname=Base $releasever\nbaseurl=http://127.0.0.1:1/nothing {}/$releasever/$channel/$basearch/os/\ngpgkey=file://{}\npriority=7\n[off]\nenabled=0\nbaseurl=http://127.0.0.1:1/\n",
        good.url(""),
        key.display()
    );
    fs::write(place.path("yum.repos.d/base.repo"), &text).unwrap();
    fs::write(place.path("yum.repos.d/README"), "no repository").unwrap();
    let run = |repo: &str, more: &[&str]| {
        let words = [
            "resolve",
            "--arch",
            "aarch64",
            "--repo",
            repo,
            "--repo-var",
            "releasever=9",
            "--retries",
            "0",
            "--cache-dir",
            "cache-of-files",
        ];
        place.run(&[&words[..], more, &["bash"]].concat())
    };
    for repo in ["yum.repos.d", "yum.repos.d/base.repo"] {
        assert_eq!(run(repo, &["--repo-var", "channel=BaseOS"]).success().stdout, expected);
    }
    let nameless = run("yum.repos.d", &[]);
    assert!(nameless.code == Some(2) && nameless.stderr.contains("$channel has no value"), "{}", nameless.stderr);
    let limited = |to: &str| {
        fs::write(place.path("yum.repos.d/base.repo"), text.replace("priority=7", to)).unwrap();
        run("yum.repos.d", &["--repo-var", "channel=BaseOS"])
    };
    assert_eq!(limited("excludepkgs=vim*, bash-doc").success().stdout, expected);
    assert_eq!(limited("includepkgs=*").success().stdout, expected);
    for to in ["excludepkgs=nano b?sh*", "includepkgs=*.noarch", "includepkgs=*\nexclude=bash"] {
        let without = limited(to);
        let why = "is left out of base (excludepkgs, includepkgs)";
        assert!(without.code == Some(3) && without.stderr.contains(why), "{to}: {}", without.stderr);
    }
    // Another repository may have it.
    fs::write(place.path("yum.repos.d/base.repo"), text.replace("priority=7", "excludepkgs=bash")).unwrap();
    let other = format!("other=mirror/{REPOSITORY}");
    let from_other = run("yum.repos.d", &["--repo-var", "channel=BaseOS", "--repo", &other]).success().stdout;
    let repository_of = |name: &str| from_other.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().nth(1);
    assert_eq!((repository_of("bash-"), repository_of("filesystem-")), (Some("other"), Some("base")));
    fs::write(place.path("yum.repos.d/base.repo"), "[base]\nwords\n").unwrap();
    let broken = run("yum.repos.d", &[]);
    assert!(broken.code == Some(1) && broken.stderr.contains("base.repo, line 2: "), "{}", broken.stderr);
}

#[test]
fn a_file_of_apk_names_repositories_and_tags() {
    let place = Place::new();
    let Some(branch) = ["v3.22", "v3.20", "edge"].into_iter().find(|branch| place.path("mirror").join(branch).is_dir()) else {
        return;
    };
    let base = place.path("mirror").join(branch).join("main");
    let arch = fs::read_dir(&base).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let url = |repo: &str| {
        let words = ["search", "--type", "apk", "--arch", &arch, "--repo", repo, "--allow-unsigned", "--cache-dir", "cache", "*"];
        place.run(&words).success().stdout
    };
    let server = mirror(&place, None);
    fs::write(
        place.path("repositories"),
        format!("# mine\n{}\n@more {}\n", server.url(&format!("/{branch}/main")), base.display()),
    )
    .unwrap();
    let said = url("repositories");
    assert!(!said.is_empty());
    assert_eq!(said, url(&format!("main={}", Path::new(&base).join(&arch).display())));
}
