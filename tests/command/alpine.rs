//! Tests of Alpine: the tree must equal the one that Alpine shipped, the database must equal apk's,
//! and bad input is refused.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::almalinux::manifest;
use crate::disk::{differences, walk};
use crate::place::{Outcome, Place, is_root, real_data};
use crate::server::FileServer;

const MINIROOTFS: [&str; 7] = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--arch"];
const FIXTURES: [&str; 4] = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];
const INDEX: &str = "mirror/v3.20/main/x86_64/APKINDEX.tar.gz";

fn bootstrap(place: &Place, arch: &str, arguments: &[&str]) -> Outcome {
    place.run(&[&MINIROOTFS[..], &[arch], arguments, &["out"]].concat())
}

/// Files of a package that the test data lack.
const NOT_THERE: [&str; 5] = ["etc/alpine-release", "etc/issue", "etc/os-release", "etc/secfixes.d", "etc/secfixes.d/alpine"];

#[test]
fn the_tree_and_the_database_are_the_shipped_ones() {
    let Some(data) = real_data("alpine") else { return };
    for arch in ["x86_64", "aarch64"] {
        let place = Place::new();
        let (mirror, key) = (data.to_str().unwrap(), data.join("keys/rootstrap-test.rsa.pub"));
        bootstrap(&place, arch, &["--mirror", mirror, "--key", key.to_str().unwrap()]).success();
        let expected_database = data.join(format!("expected/3.20-{arch}.apk-db"));
        let same = |path: &str, name: &str| {
            assert_eq!(
                fs::read(place.path("out").join(path)).unwrap(),
                fs::read(expected_database.join(name)).unwrap(),
                "{path}"
            );
        };
        for name in ["installed", "triggers", "scripts.tar"] {
            same(&format!("lib/apk/db/{name}"), name);
        }
        same("etc/apk/world", "world");
        let mut found = walk(&place.path("out"));
        let mut expected = manifest(&data.join(format!("expected/3.20-{arch}.manifest.tsv")));
        assert!(expected.len() > 500);
        for rows in [&mut found, &mut expected] {
            rows.retain(|path, _| !path.starts_with("lib/apk/db/") && !NOT_THERE.contains(&path.as_str()));
            for row in rows.values_mut() {
                (row.mtime, row.inode) = (0, 0);
                if !is_root() {
                    (row.uid, row.gid) = (0, 0);
                }
            }
        }
        let differences = differences(&expected, &found);
        assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    }
}

#[test]
fn from_the_fixtures() {
    for arch in ["x86_64", "arm64"] {
        let place = Place::new();
        let outcome = bootstrap(&place, arch, &FIXTURES).success();
        assert!(outcome.stderr.contains("Finished"), "{}", outcome.stderr);
        let read = |path: &str| fs::read_to_string(place.path("out").join(path)).unwrap();
        assert_eq!(read("etc/alpine-release"), "3.20.3\n");
        assert!(read("etc/apk/world").contains("apk-tools\n"));
        let listed = place.run(&["list", "out"]).success().stdout;
        assert!(listed.contains("musl-1.2.5-r0") && listed.contains("busybox-binsh-1.36.1-r29"), "{listed}");
        assert!(fs::read_link(place.path("out/bin/ls")).is_ok_and(|target| target == Path::new("/bin/busybox")));
    }
}

#[track_caller]
fn refused(place: &Place, code: i32, says: &str, arguments: &[&str]) {
    let outcome = bootstrap(place, "x86_64", arguments);
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    assert!(!place.path("out").exists(), "nothing is left");
}

fn flip(place: &Place, file: &str, at: impl Fn(usize) -> usize) {
    let path = place.path(file);
    let mut bytes = fs::read(&path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn who_signed_counts() {
    let place = Place::new();
    refused(&place, 4, "rootstrap-fixtures.rsa.pub", &["--mirror", "mirror"]);
    refused(&place, 4, "rootstrap-fixtures.rsa.pub", &["--mirror", "mirror", "--key", "mirror/keys/somebody-else.rsa.pub"]);
    // A foreign key under the right name.
    fs::copy(place.path("mirror/keys/somebody-else.rsa.pub"), place.path("rootstrap-fixtures.rsa.pub")).unwrap();
    refused(&place, 4, "signature", &["--mirror", "mirror", "--key", "rootstrap-fixtures.rsa.pub"]);
    bootstrap(&place, "x86_64", &["--mirror", "mirror", "--allow-unsigned"]).success();
}

#[test]
fn damage_is_found() {
    for at in [|length: usize| length / 2, |length: usize| length - 3] {
        let place = Place::new();
        flip(&place, "mirror/v3.20/main/x86_64/musl-1.2.5-r0.apk", at);
        refused(&place, 4, "musl-1.2.5-r0.apk", &FIXTURES);
    }
    let place = Place::new();
    flip(&place, INDEX, |length| length / 2);
    refused(&place, 4, "APKINDEX.tar.gz", &FIXTURES);
    let place = Place::new();
    let package = place.path("mirror/v3.20/main/x86_64/musl-1.2.5-r0.apk");
    let bytes = fs::read(&package).unwrap();
    fs::write(&package, &bytes[..bytes.len() - 20]).unwrap();
    refused(&place, 4, "musl-1.2.5-r0.apk", &FIXTURES);
    // Another package of the repository under this name: its signature is valid, but it does not
    // match the index.
    fs::copy(place.path("mirror/v3.20/main/x86_64/dash-0.5.12-r2.apk"), &package).unwrap();
    refused(&place, 4, "musl-1.2.5-r0.apk", &FIXTURES);
    fs::remove_file(&package).unwrap();
    refused(&place, 1, "musl-1.2.5-r0.apk", &FIXTURES);
}

#[test]
fn what_cannot_be_had() {
    let place = Place::new();
    refused(&place, 3, "did you mean busybox?", &[&FIXTURES[..], &["--with", "busybx"]].concat());
    refused(&place, 3, "musl", &[&FIXTURES[..], &["--with", "!musl"]].concat());
    refused(&place, 3, "musl>2", &[&FIXTURES[..], &["--with", "musl>2"]].concat());
}

#[test]
fn twice_is_the_same() {
    let place = Place::new();
    bootstrap(&place, "x86_64", &[&FIXTURES[..], &["--jobs", "1"]].concat()).success();
    let first = crate::disk::without_inodes(walk(&place.path("out")));
    fs::remove_dir_all(place.path("out")).unwrap();
    bootstrap(&place, "x86_64", &[&FIXTURES[..], &["--jobs", "4"]].concat()).success();
    assert_eq!(first, crate::disk::without_inodes(walk(&place.path("out"))));
}

#[test]
fn without_the_network_what_is_kept_is_chosen() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let url = format!("community={}/v3.20/community/x86_64", server.url());
    let main = format!("main={}/v3.20/main/x86_64", server.url());
    let run = |arguments: &[&str]| {
        let how = ["--type", "apk", "--arch", "x86_64", "--repo", &main, "--repo", &url, "--cache-dir", "cache"];
        let key = ["--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];
        place.run(&[arguments, &how, &key].concat())
    };
    let resolve = |arguments: &[&str]| run(&[&["resolve", "--format", "json"], arguments].concat());
    // The indexes are cached, but no packages.
    resolve(&["hello"]).success();
    let refused = resolve(&["hello", "--no-network"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("--no-network"), "{}", refused.stderr);
    // Packages that one root needed are cached for the other.
    for root in ["first", "second"] {
        place.run(&[&MINIROOTFS[..], &["x86_64"], &FIXTURES, &[root]].concat()).success();
    }
    let install = |root, arguments: &[&str]| run(&[&["install", "--root", root], arguments].concat());
    assert_eq!(install("second", &["hello", "--no-network"]).code, Some(3));
    install("first", &["hello"]).success();
    install("second", &["hello", "--no-network"]).success();
    assert_eq!(install("second", &["dash", "--no-network"]).code, Some(3));
}

#[test]
fn what_is_excluded_is_not_chosen() {
    let place = Place::new();
    let resolve = |more: &[&str]| {
        let words: Vec<&str> = more.iter().flat_map(|words| words.split(' ')).collect();
        place.run(
            &[&["resolve"], &MINIROOTFS[..], &["x86_64"], &FIXTURES, &["--cache-dir", "cache", "--format", "json"], &words]
                .concat(),
        )
    };
    let names = |outcome: Outcome| -> Vec<String> {
        let plan: Value = serde_json::from_str(&outcome.success().stdout).unwrap();
        let text = |package: &Value, key: &str| package[key].as_str().unwrap().to_owned();
        let packages = plan["install"].as_array().unwrap().iter();
        packages.map(|package| format!("{} {}", text(package, "id"), text(package, "repo"))).collect()
    };
    let all = names(resolve(&[]));
    let without = |more: &str, gone: &[&str]| {
        let expected: Vec<String> = all.iter().filter(|line| !gone.iter().any(|name| line.starts_with(name))).cloned().collect();
        assert_eq!(names(resolve(&[more])), expected, "{more}");
    };
    // Packages that are installed automatically can be excluded.
    without("--exclude ssl_client", &["ssl_client"]);
    without("--exclude ssl*", &["ssl_client"]);
    without("--no-weak-deps", &["ssl_client"]);
    without("--exclude dash", &[]);
    for (command, format) in [("resolve", "human"), ("resolve", "json"), ("out", "human")] {
        let words =
            [&[command], &MINIROOTFS[..], &["x86_64"], &FIXTURES, &["--cache-dir", "cache", "--format", format, "--no-docs"]];
        let told = place.run(&words.concat()).success();
        let told = if format == "json" { told.stdout } else { told.stderr };
        assert!(told.contains("leave nothing out"), "{command} {format}: {told}");
    }
    assert!(!resolve(&[]).success().stdout.contains("leave nothing out"));
    // A needed package cannot be left out, but another provider can replace it.
    let chosen = |more: &str, wanted: &str| {
        let found = names(resolve(&["--with hello", more]));
        assert!(found.iter().any(|line| line == wanted), "{more}: {found:?}");
    };
    chosen("--exclude greeting-en", "greeting-eo-1.4-r0 community");
    chosen("--exclude greeting-eo", "greeting-en-1.2-r0 community");
    chosen("--exclude greeting-eo-1.4*", "greeting-en-1.2-r0 community");
    for (more, named) in
        [("--exclude libssl3", "libssl3-3.3.2-r0"), ("--exclude greeting-*", "greeting-e"), ("--exclude hello", "hello-2.0-r1")]
    {
        let refused = resolve(&["--with hello", more]);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains(named) && refused.stderr.contains("excluded"), "{more}: {}", refused.stderr);
    }
    // From only one repository.
    let limited = |to: &str| {
        let more = format!("more=mirror/v3.20/community/x86_64,{to}");
        let words = ["resolve", "--type", "apk", "--arch", "x86_64", "--repo", &more, "--repo", "main=mirror/v3.20/main/x86_64"];
        place.run(&[&words[..], &FIXTURES[2..], &["--cache-dir", "cache", "--format", "json", "hello"]].concat())
    };
    for to in ["excludepkgs=greeting-eo", "includepkgs=greeting-en,includepkgs=hello", "excludepkgs=*,priority=1"] {
        let outcome = limited(to);
        if to.contains("eo") || to.contains("en") {
            assert!(names(outcome).contains(&"greeting-en-1.2-r0 more".to_owned()), "{to}");
        } else {
            assert!(outcome.code == Some(3) && outcome.stderr.contains("hello-2.0-r1 is excluded"), "{to}: {}", outcome.stderr);
        }
    }
}
