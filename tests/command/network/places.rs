//! Tests of file locations in metadata: file names that are paths, on a server or in a directory,
//! and file sizes.

use std::fs;
use std::path::Path;

use super::test_server::{Answer, Request, TestServer};
use crate::place::{Outcome, Place};
use crate::server::file_of;

const REPOSITORY: &str = "9/BaseOS/aarch64/os";
const SETUP: &str = "Packages/setup-2.13.7-9.el9.noarch.rpm";
/// Contains every kind of character with a special meaning in URLs.
const ODD: &str = "pool/a+b^c%2Bd%#e?f\\g|h';i:j[k]l&m n~é.rpm";
const ODD_ON_THE_WIRE: &str = "pool/a%2Bb%5Ec%252Bd%25%23e%3Ff%5Cg%7Ch%27%3Bi%3Aj%5Bk%5Dl%26m%20n~%C3%A9.rpm";

fn server(directory: &Path) -> TestServer {
    let directory = directory.to_owned();
    TestServer::answering(move |request: &Request| {
        fs::read(file_of(&directory, &request.path)).map_or(Answer::Status(404), Answer::File)
    })
}

/// Moves the package `setup` to another place below the repository, and sets its location in the
/// metadata to `element`.
fn moved(place: &Place, to: &str, element: &str) {
    let repository = place.path("mirror").join(REPOSITORY);
    let target = repository.join(to);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::rename(repository.join(SETUP), target).unwrap();
    place.mirror().edit(|text| text.replace(&format!("<location href=\"{SETUP}\"/>"), element));
}

fn href(name: &str) -> String {
    format!("<location href=\"{}\"/>", name.replace('&', "&amp;"))
}

fn build(place: &Place, from: &[&str], out: &str) -> Outcome {
    let words = ["--arch", "aarch64", "--key", "mirror/keys/rootstrap-fixtures.asc", "--with", "setup", "--retries", "0"];
    place.run(&[from, &words, &["--cache-dir", &format!("cache-{out}"), out]].concat())
}

fn is_built(place: &Place, from: &[&str], out: &str) {
    build(place, from, out).success();
    assert!(place.path(out).join("etc/passwd").exists());
}

#[test]
fn a_name_of_odd_characters_is_escaped_on_the_wire_and_taken_as_it_is_in_a_directory() {
    let place = Place::new();
    moved(&place, ODD, &href(ODD));
    let web = server(&place.path("mirror"));
    let remote = format!("base={}", web.url(&format!("/{REPOSITORY}")));
    is_built(&place, &["--repo", &remote], "by-url");
    let wanted = format!("/{REPOSITORY}/{ODD_ON_THE_WIRE}");
    assert!(web.asked().contains(&wanted), "{:?}", web.asked());
    let local = format!("base=mirror/{REPOSITORY}");
    is_built(&place, &["--repo", &local], "by-directory");

    // A lock records the name, and a mirror that is made of it has the file under that name.
    let key = "mirror/keys/rootstrap-fixtures.asc";
    let words = ["lock", "--repo", &remote, "--arch", "aarch64", "--key", key, "--with", "setup", "--cache-dir", "cache-lock"];
    place.run(&words).success();
    place.run(&["--lock", "rootstrap.lock", "--cache-dir", "cache-locked", "locked"]).success();
    place.run(&["fetch", "--lock", "rootstrap.lock", "--output", "carried"]).success();
    assert!(place.path("carried/base").join(ODD).exists());
    place
        .run(&["--lock", "rootstrap.lock", "--repo", "base=carried/base", "--offline", "--cache-dir", "none", "again"])
        .success();
}

#[test]
fn a_name_below_an_xml_base_on_another_server_is_escaped_too() {
    let place = Place::new();
    let odd = "a+b%20c#.rpm";
    fs::create_dir(place.path("other")).unwrap();
    let other = server(&place.path("other"));
    moved(&place, odd, &format!("<location xml:base=\"{}\" href=\"{odd}\"/>", other.url("/x%20y/")));
    fs::create_dir(place.path("other/x y")).unwrap();
    fs::rename(place.path("mirror").join(REPOSITORY).join(odd), place.path("other/x y").join(odd)).unwrap();
    let web = server(&place.path("mirror"));
    is_built(&place, &["--repo", &format!("base={}", web.url(&format!("/{REPOSITORY}")))], "by-url");
    assert_eq!(other.asked(), ["/x%20y/a%2Bb%2520c%23.rpm"]);
    is_built(&place, &["--repo", &format!("base=mirror/{REPOSITORY}")], "by-directory");
}

#[test]
fn a_leading_slash_joins_below_the_base_in_every_document() {
    let place = Place::new();
    moved(&place, "pool/x.rpm", &href("/pool/x.rpm"));
    let repomd = place.mirror().repomd();
    let text = fs::read_to_string(&repomd).unwrap();
    fs::write(&repomd, text.replace("href=\"repodata/", "href=\"/repodata/")).unwrap();
    let web = server(&place.path("mirror"));
    is_built(&place, &["--repo", &format!("base={}", web.url(&format!("/{REPOSITORY}")))], "by-url");
    is_built(&place, &["--repo", &format!("base=mirror/{REPOSITORY}")], "by-directory");
}

#[test]
fn two_dots_are_followed_on_a_server_and_within_the_directory_that_was_named() {
    let place = Place::new();
    let up = "../../../../blobs/x+y.rpm";
    moved(&place, up, &href(up));
    let web = server(&place.path("mirror"));
    let (local, remote) = (format!("base=mirror/{REPOSITORY}"), format!("base={}", web.url(&format!("/{REPOSITORY}"))));
    is_built(&place, &["--repo", &remote], "by-url");
    assert!(web.asked().contains(&"/blobs/x%2By.rpm".to_owned()), "{:?}", web.asked());

    let distribution = ["--distro", "almalinux", "--release", "9", "--variant", "micro"];
    is_built(&place, &[&distribution[..], &["--mirror", "mirror"]].concat(), "by-mirror");

    let refused = build(&place, &["--repo", &local], "by-directory");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let why = format!("`{up}` leads out of the directory mirror/{REPOSITORY}");
    assert!(refused.stderr.contains(&why), "{}", refused.stderr);
    assert!(!place.path("by-directory").exists());

    let place = Place::new();
    let above = "../../../../../x.rpm";
    moved(&place, above, &href(above));
    let refused = build(&place, &[&distribution[..], &["--mirror", "mirror"]].concat(), "by-mirror");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("leads out of the directory mirror"), "{}", refused.stderr);
}

#[test]
fn a_server_may_not_name_files_of_this_machine() {
    let place = Place::new();
    let file = place.path("mirror").join(REPOSITORY).join(SETUP);
    place.mirror().edit(|text| {
        text.replace(&format!("<location href=\"{SETUP}\"/>"), &format!("<location href=\"file://{}\"/>", file.display()))
    });
    let web = server(&place.path("mirror"));
    let refused = build(&place, &["--repo", &format!("base={}", web.url(&format!("/{REPOSITORY}")))], "by-url");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("is a file of this machine"), "{}", refused.stderr);
}

/// Sets the sizes in the root document; `None` removes them.
fn sizes(place: &Place, number: Option<&str>) {
    let repomd = place.mirror().repomd();
    let mut text = fs::read_to_string(&repomd).unwrap();
    for name in ["size", "open-size"] {
        while let Some((before, rest)) = text.split_once(&format!("<{name}>")).map(|(a, b)| (a.to_owned(), b.to_owned())) {
            let after = rest.split_once('>').unwrap().1;
            let new = number.map(|number| format!("<{name} >{number}</{name}>")).unwrap_or_default();
            text = format!("{before}{new}{after}");
        }
    }
    fs::write(&repomd, text).unwrap();
}

#[test]
fn sizes_of_zero_and_absent_ones_are_unknown_and_checksums_count_all_the_same() {
    let place = Place::new();
    place.mirror().edit(str::to_owned);
    let web = server(&place.path("mirror"));
    let local = format!("base=mirror/{REPOSITORY}");
    let remote = format!("base={}", web.url(&format!("/{REPOSITORY}")));
    for (name, number) in [("zero", Some("0")), ("negative", Some("-1")), ("empty", Some("")), ("absent", None)] {
        sizes(&place, number);
        is_built(&place, &["--repo", &local], name);
        is_built(&place, &["--repo", &remote], &format!("{name}-by-url"));
    }
    crate::mirror::flip(&place.mirror().metadata("primary"), -12);
    for (repo, out) in [(&local, "damaged"), (&remote, "damaged-by-url")] {
        let damaged = build(&place, &["--repo", repo], out);
        assert_eq!(damaged.code, Some(4), "{}", damaged.stderr);
    }
    // The stated size counts.
    let place = Place::new();
    place.mirror().edit(str::to_owned);
    sizes(&place, Some("17"));
    assert_eq!(build(&place, &["--repo", &local], "wrong").code, Some(4));
}
