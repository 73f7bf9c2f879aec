//! Tests of the main job with the fixtures: the contents of the tree, and that it is reproducible.

use std::fs;
use std::path::Path;
use std::process::Command;

use rootstrap::rpm::capabilities;
use serde_json::Value;

use crate::disk::{self, differences, listing, walk, without_inodes, xattr};
use crate::place::{Place, is_root, names};
use crate::server::FileServer;

/// Returns the rows of a tree except the databases, which other tests compare.
fn rows(out: &Path) -> disk::Rows {
    let mut rows = walk(out);
    rows.retain(|path, _| !path.starts_with("var/lib/rpm/"));
    rows
}

#[track_caller]
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_tree() {
    if !is_root() {
        println!("skipped: owners are applied by root only");
        return;
    }
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    snapshot("tree_aarch64", &listing(&rows(&place.path("out"))));
    let arguments = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "linux/amd64"];
    let trusted = ["--mirror", "mirror", "--key", "mirror/keys/rootstrap-fixtures.asc"];
    place.run(&[&arguments[..], &trusted, &["x86_64"]].concat()).success();
    snapshot("tree_x86_64", &listing(&rows(&place.path("x86_64"))));
    assert_eq!(place.names(), [".cache", "mirror", "out", "x86_64"], "nothing else is written");
}

#[test]
fn what_the_packages_ask_for() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    let out = place.path("out");
    let rows = rows(&out);

    let links = ["usr/bin/coreutils", "usr/bin/cat", "usr/bin/ls", "usr/bin/true"].map(|path| &rows[path]);
    assert!(links.iter().all(|link| link.inode == links[0].inode && link.size > 0), "hard links are one file");
    assert_ne!(rows["usr/bin/bash"].inode, links[0].inode);
    assert_eq!(rows["usr/bin/su-like"].mode, 0o4755);
    if is_root() {
        let wanted = capabilities::xattr("cap_net_raw=ep").unwrap().unwrap();
        assert_eq!(xattr(&out.join("usr/sbin/capping"), "security.capability").unwrap(), &wanted[..]);
    }

    // The variant has no documentation and no other languages, but licenses.
    assert!(!rows.keys().any(|path| path.starts_with("usr/share/doc/") || path.starts_with("usr/share/locale/de")));
    assert!(rows.contains_key("usr/share/licenses/libgcc/COPYING"));
    // `%ghost` files belong to a package but are not installed; other files may exist at their
    // paths.
    assert!(!rows.contains_key("run/motd"));
    // Decoys: an older bash, another shell, another coreutils.
    assert!(!rows.contains_key("usr/sbin/busybox") && !rows.contains_key("sbin/busybox"));
    assert_eq!(rows["usr/bin/cat"].content, rows["usr/bin/coreutils"].content);
    // Lua scriptlets ran: %pretrans before there were files, %post after.
    assert_eq!((rows["lib64"].kind, rows["lib64"].content.as_str()), ('l', "usr/lib64"));
    assert_eq!(fs::read_to_string(out.join("etc/shells")).unwrap(), "/sbin/nologin\n/bin/sh\n/bin/bash\n");
    // The native implementation of ldconfig ran.
    let cache = fs::read(out.join("etc/ld.so.cache")).unwrap();
    let has = |text: &[u8]| cache.windows(text.len()).any(|window| window == text);
    assert!(has(b"glibc-ld.so.cache1.1") && has(b"/lib64/libc.so.6\0") && has(b"libcap.so.2\0"));
}

#[test]
fn documentation_and_languages_when_asked_for() {
    let place = Place::new();
    place.bootstrap(&["--docs", "--langs", "all", "out"]).success();
    let rows = rows(&place.path("out"));
    for path in ["usr/share/doc/setup/README", "usr/share/locale/de/LC_MESSAGES/bash.mo"] {
        assert!(rows.contains_key(path), "{path}");
    }
    place.bootstrap(&["--langs", "fr:de", "german"]).success();
    assert!(place.path("german/usr/share/locale/de/LC_MESSAGES/bash.mo").exists());
    assert!(!place.path("german/usr/share/doc/setup").exists());
}

/// Runs the main job with an epoch.
fn at(place: &Place, epoch: &str, arguments: &[&str]) {
    let arguments = Place::usual(arguments);
    let mut command: Command = place.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    place.outcome(command.env("SOURCE_DATE_EPOCH", epoch)).success();
}

#[test]
fn the_same_bytes_each_time() {
    let place = Place::new();
    at(&place, "1704153600", &["--jobs", "1", "one"]);
    at(&place, "1704153600", &["--jobs", "4", "four"]);
    let (one, four) = (without_inodes(walk(&place.path("one"))), without_inodes(walk(&place.path("four"))));
    assert_eq!(differences(&one, &four), <[String; 0]>::default());
    assert!(one.contains_key("var/lib/rpm/rpmdb.sqlite"));
    for path in one.keys() {
        let attribute =
            |tree: &str| ["security.capability", "user.rootlesscontainers"].map(|name| xattr(&place.path(tree).join(path), name));
        assert_eq!(attribute("one"), attribute("four"), "{path}");
    }
    // Files of packages keep their own times; generated files have the epoch.
    assert_eq!(one["usr/bin/bash"].mtime, 1_704_067_200);
    assert_eq!(one["etc/BUILDTIME"].mtime, 1_704_153_600);

    at(&place, "1735689600", &["later"]);
    let later = without_inodes(walk(&place.path("later")));
    assert_eq!(later["usr/bin/bash"], one["usr/bin/bash"]);
    assert_eq!(later["etc/BUILDTIME"].mtime, 1_735_689_600);
    // Without an epoch: the newest build time in the set, whatever the clock says.
    place.bootstrap(&["plain"]).success();
    place.bootstrap(&["again"]).success();
    let (plain, again) = (without_inodes(walk(&place.path("plain"))), without_inodes(walk(&place.path("again"))));
    assert_eq!(differences(&plain, &again), <[String; 0]>::default());
    assert_eq!(plain["etc/BUILDTIME"].mtime, 1_704_067_200);
}

#[test]
fn the_report() {
    let place = Place::new();
    let outcome = place.bootstrap(&["--format", "json", "--report", "report.json", "--stats", "stats.json", "out"]).success();
    assert_eq!(outcome.stdout, fs::read_to_string(place.path("report.json")).unwrap());
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let rows = walk(&place.path("out"));
    let directories = rows.values().filter(|row| row.kind == 'd').count();
    assert_eq!(report["schema"], 1);
    // The root itself counts.
    assert_eq!(report["directories"], directories + 1);
    assert_eq!(report["files"], rows.len() - directories);
    let mut inodes = std::collections::BTreeSet::new();
    let bytes: u64 = rows.values().filter(|row| inodes.insert(row.inode)).map(|row| row.size).sum();
    assert_eq!(report["bytes"], bytes);
    assert_eq!(report["epoch"], 1_704_067_200);
    let scriptlets = report["scriptlets"].as_array().unwrap();
    let of = |package: &str| scriptlets.iter().filter(|record| record.to_string().contains(package)).count();
    for package in ["filesystem", "setup", "libgcc", "glibc", "bash"] {
        assert!(of(package) > 0, "{package}: {scriptlets:?}");
    }
    if is_root() {
        assert_eq!(report["not_applied"], serde_json::json!([]));
        assert!(report.get("stands_for_root").is_none());
    }

    let stats: Value = serde_json::from_slice(&fs::read(place.path("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["schema"], 1);
    for phase in ["metadata", "solve", "fetch", "install", "write"] {
        assert!(stats[phase]["ms"].as_f64().unwrap() > 0.0, "{phase}");
    }
    assert_eq!(stats["packages"], report["install"].as_array().unwrap().len());
    assert!(stats["traffic"]["local"].as_u64().unwrap() > report["download_size"].as_u64().unwrap());
    assert!(stats["peak_memory"].as_u64().unwrap() > 1 << 20 && stats["wall_ms"].as_f64().unwrap() > 0.0);
    assert!(outcome.stderr.contains("Finished  out: "), "{}", outcome.stderr);
}

#[test]
fn quiet_says_nothing() {
    let place = Place::new();
    let outcome = place.bootstrap(&["--quiet", "out"]).success();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[test]
fn a_second_run_into_the_same_directory_is_refused() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    let before = walk(&place.path("out"));
    let outcome = place.bootstrap(&["out"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert_eq!(walk(&place.path("out")), before, "inodes and times too");
}

#[test]
fn an_empty_directory_and_the_current_one() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    place.bootstrap(&["empty"]).success();
    let expected = without_inodes(walk(&place.path("empty")));
    let here = place.path("here");
    fs::create_dir(&here).unwrap();
    let mut command = place.command(&crate::place::MICRO);
    command.args(["--mirror", "../mirror", "--key", "../mirror/keys/rootstrap-fixtures.asc", "."]).current_dir(&here);
    place.outcome(&mut command).success();
    assert_eq!(differences(&expected, &without_inodes(walk(&here))), <[String; 0]>::default());
}

#[test]
fn over_http_and_then_without_it() {
    let place = Place::new();
    place.bootstrap(&["local"]).success();
    let server = FileServer::new(&place.path("mirror"));
    let key = ["--key", "mirror/keys/rootstrap-fixtures.asc", "--cache-dir", "cache"];
    let run = |arguments: &[&str]| place.run(&[&crate::place::MICRO[..], &key, &["--mirror", &server.url()], arguments].concat());
    let outcome = run(&["--offline", "too-early"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("offline") && outcome.stderr.contains("once without --offline"), "{}", outcome.stderr);
    assert_eq!(server.requests(), 0);

    run(&["remote"]).success();
    let expected = without_inodes(walk(&place.path("local")));
    assert_eq!(differences(&expected, &without_inodes(walk(&place.path("remote")))), <[String; 0]>::default());
    let requests = server.requests();
    assert!(requests > 10);

    run(&["--offline", "offline"]).success();
    assert_eq!(differences(&expected, &without_inodes(walk(&place.path("offline")))), <[String; 0]>::default());
    assert_eq!(server.requests(), requests, "offline is offline");

    // Online again, only documents that may have changed are requested.
    run(&["again"]).success();
    assert_eq!(server.requests() - requests, 2, "the two repomd.xml");

    // Damage to the store is detected, and damaged files are downloaded again.
    let mut damaged = 0;
    for file in files(&place.path("cache")) {
        if fs::metadata(&file).unwrap().len() == 2549 {
            crate::mirror::flip(&file, -20);
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1, "libcap's package is in the cache once");
    run(&["mended"]).success();
    assert_eq!(differences(&expected, &without_inodes(walk(&place.path("mended")))), <[String; 0]>::default());
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for name in names(directory) {
        let path = directory.join(name);
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn without_a_database() {
    let place = Place::new();
    place.bootstrap(&["--drop-database", "out"]).success();
    assert!(!walk(&place.path("out")).keys().any(|path| path.starts_with("var/lib/rpm/")));
}
