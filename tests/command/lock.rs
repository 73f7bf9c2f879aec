//! Tests of lock files: writing, checking, building and fetching; and of lock files that are
//! refused.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::disk::{differences, walk, without_inodes};
use crate::mirror::flip;
use crate::place::{MICRO, Outcome, Place, real_data};
use crate::server::FileServer;

const KEY: [&str; 2] = ["--key", "mirror/keys/rootstrap-fixtures.asc"];
const ASKED: [&str; 6] = ["--distro", "almalinux", "--release", "9", "--variant", "micro"];
const MIRROR: [&str; 2] = ["--mirror", "mirror"];
const BOTH: [&str; 2] = ["--arch", "x86_64,aarch64"];

fn lock(place: &Place, arguments: &[&str]) -> Outcome {
    place.run(&[&["lock"], &ASKED[..], &MIRROR, &KEY, arguments].concat())
}

fn text(place: &Place) -> String {
    fs::read_to_string(place.path("rootstrap.lock")).unwrap()
}

/// Removes all metadata from the place's mirror.
fn without_metadata(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.ends_with("repodata") {
            fs::remove_dir_all(path).unwrap();
        } else if path.is_dir() {
            without_metadata(&path);
        } else if path.file_name().unwrap().to_str().unwrap().starts_with("APKINDEX") {
            fs::remove_file(path).unwrap();
        }
    }
}

#[track_caller]
fn same(place: &Place, one: &str, two: &str) {
    let (one, two) = (without_inodes(walk(&place.path(one))), without_inodes(walk(&place.path(two))));
    assert!(one.len() > 40);
    assert_eq!(differences(&one, &two), <[String; 0]>::default());
}

#[test]
fn the_tree_of_a_lock_is_the_tree_without_one() {
    let place = Place::new();
    lock(&place, &BOTH).success();
    for arch in ["aarch64", "x86_64"] {
        place.run(&[&ASKED[..], &MIRROR, &KEY, &["--arch", arch, &format!("plain-{arch}")]].concat()).success();
    }
    without_metadata(&place.path("mirror"));
    for arch in ["aarch64", "x86_64"] {
        place.run(&["--lock", "rootstrap.lock", "--arch", arch, &format!("locked-{arch}")]).success();
        same(&place, &format!("plain-{arch}"), &format!("locked-{arch}"));
        assert!(walk(&place.path(&format!("locked-{arch}"))).contains_key("var/lib/rpm/rpmdb.sqlite"));
    }
    // Options may repeat the lock's request, if they are the same.
    place.run(&[&MICRO[..], &MIRROR, &KEY, &["--lock", "rootstrap.lock", "again"]].concat()).success();
    same(&place, "plain-aarch64", "again");
}

#[test]
fn alpine_is_locked_to_the_whole_file() {
    let place = Place::new();
    let asked = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--mirror", "mirror"];
    let key = ["--key", "mirror/keys/rootstrap-fixtures.rsa.pub"];
    place.run(&[&["lock"], &asked[..], &key, &BOTH].concat()).success();
    place.run(&[&asked[..], &key, &["--arch", "aarch64", "plain"]].concat()).success();
    assert!(text(&place).contains("key = \"rootstrap-fixtures.rsa.pub\""));
    without_metadata(&place.path("mirror"));
    place.run(&["--lock", "rootstrap.lock", "--arch", "linux/arm64", "locked"]).success();
    let (plain, locked) = (without_inodes(walk(&place.path("plain"))), without_inodes(walk(&place.path("locked"))));
    assert_eq!(differences(&plain, &locked), <[String; 0]>::default());
    assert!(plain.contains_key("lib/apk/db/installed"));
}

#[test]
fn over_http_and_then_without_it() {
    let place = Place::new();
    place.bootstrap(&["plain"]).success();
    let server = FileServer::new(&place.path("mirror"));
    let url = server.url();
    let remote = ["--mirror", url.as_str(), "--cache-dir", "cache"];
    place.run(&[&["lock", "--no-fetch"], &ASKED[..], &remote, &KEY, &["--arch", "aarch64"]].concat()).success();
    without_metadata(&place.path("mirror"));
    fs::remove_dir_all(place.path("cache")).unwrap();
    let build = |arguments: &[&str]| place.run(&[&["--lock", "rootstrap.lock", "--cache-dir", "cache"], arguments].concat());
    assert_eq!(build(&["--offline", "too-early"]).code, Some(1));
    let before = server.requests();
    build(&["remote"]).success();
    assert_eq!(server.requests() - before, 11, "the packages, and the one that files are taken from");
    build(&["--offline", "offline"]).success();
    assert_eq!(server.requests() - before, 11);
    same(&place, "plain", "remote");
    same(&place, "plain", "offline");
}

#[test]
fn a_directory_for_those_without_a_network() {
    let place = Place::new();
    place.bootstrap(&["plain"]).success();
    lock(&place, &BOTH).success();
    let outcome = place.run(&["fetch", "--lock", "rootstrap.lock", "--output", "hermetic", "--format", "json"]).success();
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((told["fetched"]["packages"].as_u64(), told["fetched"]["written"].as_u64()), (Some(22), Some(22)));
    let again = place.run(&["fetch", "--lock", "rootstrap.lock", "--output", "hermetic", "--format", "json"]).success();
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap()["fetched"]["written"], 0);
    place.run(&["fetch", "--lock", "rootstrap.lock", "--arch", "aarch64", "--cache-dir", "cache"]).success();
    fs::remove_dir_all(place.path("mirror")).unwrap();
    place.run(&["--lock", "rootstrap.lock", "--arch", "aarch64", "--mirror", "hermetic", "from-directory"]).success();
    same(&place, "plain", "from-directory");
    place.run(&["--lock", "rootstrap.lock", "--arch", "aarch64", "--cache-dir", "cache", "--offline", "from-store"]).success();
    same(&place, "plain", "from-store");
}

/// Returns a list of packages without bash of this release.
fn without_bash(text: &str, release: &str) -> String {
    let is_it = |package: &str| package.contains("bash") && package.contains(&format!("rel=\"{release}\""));
    let mut rest = text;
    let mut kept = String::new();
    while let Some(end) = rest.find("</package>") {
        let end = end + "</package>".len();
        let start = rest.find("<package ").unwrap();
        kept += &rest[..start];
        kept += if is_it(&rest[start..end]) { "" } else { &rest[start..end] };
        rest = &rest[end..];
    }
    kept + rest
}

/// Removes the newer bash from the mirror's index.
fn before_the_update(place: &Place) {
    place.mirror().edit(|text| without_bash(text, "6.el9"));
    place.mirror().date(1_700_000_000);
}

#[test]
fn an_update_changes_its_own_lines_alone() {
    let place = Place::new();
    let newer = place.mirror();
    let (repomd, primary, filelists) =
        (fs::read(newer.repomd()).unwrap(), newer.metadata("primary"), newer.metadata("filelists"));
    let kept = [&primary, &filelists].map(|path| (path.clone(), fs::read(path).unwrap()));
    before_the_update(&place);
    lock(&place, &BOTH).success();
    let old = text(&place);
    let check = place.run(&["lock", "--check"]);
    assert_eq!((check.code, check.stdout.as_str()), (Some(0), "rootstrap.lock is up to date\n"));

    fs::write(newer.repomd(), repomd).unwrap();
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    let check = place.run(&["lock", "--check"]);
    assert_eq!(check.code, Some(6), "{}", check.stderr);
    insta::assert_snapshot!("lock_check", format!("{}---\n{}", check.stdout, check.stderr));
    let check = place.run(&["lock", "--check", "--format", "json"]);
    let told: Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!(
        (check.code, &told["up_to_date"], &told["architectures"][0]["packages"][0]["name"]),
        (Some(6), &false.into(), &"bash".into())
    );
    assert_eq!(text(&place), old, "--check writes nothing");

    let moved = place.run(&["lock"]).success();
    assert!(moved.stdout.contains("~ bash 5.1.8-2.el9 -> 5.1.8-6.el9"), "{}", moved.stdout);
    let new = text(&place);
    assert_eq!(old.lines().count(), new.lines().count());
    let changed: Vec<&str> = old.lines().zip(new.lines()).filter(|(old, new)| old != new).map(|(_, new)| new).collect();
    let keys: Vec<&str> = changed.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let package = ["id", "version", "source", "repository", "location", "size", "installed_size", "checksum"];
    let unexpected = keys.iter().filter(|key| !package.contains(key) && !["revision", "metadata"].contains(key)).count();
    assert_eq!(unexpected, 0, "{changed:?}");
    assert!(keys.iter().filter(|&&key| key == "id").count() == 1 && keys.len() <= 10, "{changed:?}");
    assert_eq!(place.run(&["lock", "--check"]).code, Some(0));
    // Locking again writes the same text.
    place.run(&["lock"]).success();
    assert_eq!(text(&place), new);
}

#[test]
fn a_changed_package_is_refused() {
    let place = Place::new();
    lock(&place, &["--arch", "aarch64"]).success();
    flip(&place.mirror().package("libcap-2.48-9.el9.aarch64.rpm"), -20);
    let outcome = place.run(&["--lock", "rootstrap.lock", "out"]);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    insta::assert_snapshot!("lock_changed_package", outcome.stderr);
    assert!(!place.path("out").exists());
    assert_eq!(place.run(&["fetch", "--lock", "rootstrap.lock", "--output", "hermetic"]).code, Some(4));
    // Another mirror may have the right file.
    let good = crate::mirror::fixtures();
    place.run(&["--lock", "rootstrap.lock", "--mirror", "mirror", "--mirror", good.to_str().unwrap(), "out"]).success();
}

#[test]
fn locks_that_cannot_be_used() {
    let place = Place::new();
    lock(&place, &["--arch", "aarch64"]).success();
    let good = text(&place);
    let mut messages = String::new();
    let mut refused = |name: &str, code: i32, from: &str, to: &str, arguments: &[&str]| {
        assert!(good.contains(from), "{from}");
        fs::write(place.path("bad.lock"), good.replacen(from, to, 1)).unwrap();
        let outcome = place.run(&[&["--lock", "bad.lock", "--offline"], arguments, &["out"]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""), "{name}: {}", outcome.stderr);
        assert!(!place.path("out").exists());
        messages += &format!("--- {name}\n{}\n", outcome.stderr);
    };
    refused("cut in the middle", 1, &good[good.len() / 2..], "", &[]);
    refused("not a lock", 1, &good, "name = \"x\"\n", &[]);
    refused("another version", 1, "version = 2\n", "version = 3\n", &[]);
    refused("a package twice", 1, "id = \"libgcc-0:11.4.1-2.1.el9.aarch64\"", "id = \"bash-0:5.1.8-6.el9.aarch64\"", &[]);
    refused("another package's id", 1, "version = \"5.1.8-6.el9\"", "version = \"5.1.8-7.el9\"", &[]);
    refused("a location that leads out", 1, "location = \"Packages/bash", "location = \"../../../../../Packages/bash", &[]);
    refused("a location on this machine", 1, "location = \"Packages/bash", "location = \"file:///Packages/bash", &[]);
    refused("a repository that was not asked for", 1, "name = \"appstream\"", "name = \"elsewhere\"", &[]);
    refused("no architecture", 2, "version = 2\n", "version = 2\n", &["--arch", "s390x"]);
    refused("an architecture that there is not", 2, "version = 2\n", "version = 2\n", &["--arch", "vax"]);
    refused("another request", 2, "version = 2\n", "version = 2\n", &["--with", "bash"]);
    refused("another release", 2, "version = 2\n", "version = 2\n", &["--distro", "almalinux", "--release", "8"]);
    refused(
        "a wrong checksum",
        4,
        "checksum = \"sha256:",
        "checksum = \"sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &[],
    );
    let outcome = place.run(&["--lock", "absent.lock", "out"]);
    assert_eq!(outcome.code, Some(1));
    messages += &format!("--- no file\n{}\n", outcome.stderr);
    insta::assert_snapshot!("locks_refused", messages);
}

#[test]
fn the_real_micro() {
    let Some(data) = real_data("almalinux") else { return };
    let place = Place::new();
    let mirror = data.to_str().unwrap();
    let key = data.join("keys/rootstrap-test.asc");
    let asked = [&ASKED[..], &["--mirror", mirror, "--key", key.to_str().unwrap(), "--arch", "aarch64"]].concat();
    place.run(&[&["lock"], &asked[..]].concat()).success();
    place.run(&[&asked[..], &["plain"]].concat()).success();
    place.run(&["--lock", "rootstrap.lock", "locked"]).success();
    same(&place, "plain", "locked");
}

/// Locks while the index lacks the newer bash, then adds it to the index.
fn with_an_older_bash(place: &Place) {
    let state = place.path("newer");
    crate::mirror::copy(&place.path("mirror"), &state);
    before_the_update(place);
    lock(place, &["--arch", "aarch64"]).success();
    fs::remove_dir_all(place.path("mirror")).unwrap();
    fs::rename(state, place.path("mirror")).unwrap();
    assert!(text(place).contains("version = \"5.1.8-2.el9\""));
}

#[test]
fn only_what_is_named_moves() {
    let place = Place::new();
    with_an_older_bash(&place);
    let old = text(&place);
    let other = place.run(&["lock", "--upgrade", "libcap", "glibc*"]).success();
    assert!(!other.stdout.contains("bash"), "{}", other.stdout);
    let changed = |new: &str| {
        let pairs = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
        pairs.map(|(_, new)| new.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changed(&text(&place)), ["revision", "metadata"]);
    let unknown = place.run(&["lock", "--upgrade", "bahs"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean bash?"), "{}", unknown.stderr);
    let moved = place.run(&["lock", "--upgrade", "bash"]).success();
    assert!(moved.stdout.contains("~ bash 5.1.8-2.el9 -> 5.1.8-6.el9"), "{}", moved.stdout);
    fs::write(place.path("rootstrap.lock"), &old).unwrap();
    let moved = place.run(&["lock", "--upgrade"]).success();
    assert!(moved.stdout.contains("~ bash 5.1.8-2.el9 -> 5.1.8-6.el9"), "{}", moved.stdout);
}

#[test]
fn what_no_index_has_any_more_stays_as_long_as_its_file_is_there() {
    let place = Place::new();
    with_an_older_bash(&place);
    let old = text(&place);
    let appstream = crate::mirror::Mirror::appstream(&place.path("mirror"));
    appstream.edit(|text| without_bash(text, "2.el9"));
    let kept = place.run(&["lock", "--upgrade", "libcap"]).success();
    assert!(!kept.stdout.contains("bash"), "{}", kept.stdout);
    let changed = old.lines().zip(text(&place).lines().map(str::to_owned)).filter(|(old, new)| old != new).count();
    assert_eq!((old.lines().count(), changed), (text(&place).lines().count(), 4), "two revisions and two digests");
    place.run(&["--lock", "rootstrap.lock", "kept"]).success();

    fs::remove_file(appstream.package("bash-5.1.8-2.el9.aarch64.rpm")).unwrap();
    let moved = place.run(&["lock", "--upgrade", "libcap"]).success();
    assert!(moved.stderr.contains("bash moves too"), "{}", moved.stderr);
    assert!(moved.stdout.contains("~ bash 5.1.8-2.el9 -> 5.1.8-6.el9"), "{}", moved.stdout);
}

#[test]
fn what_a_root_or_a_report_has_is_locked() {
    let place = Place::new();
    let state = place.path("newer");
    crate::mirror::copy(&place.path("mirror"), &state);
    before_the_update(&place);
    place.bootstrap(&["--report", "report.json", "old"]).success();
    fs::remove_dir_all(place.path("mirror")).unwrap();
    fs::rename(state, place.path("mirror")).unwrap();
    for from in ["old", "report.json"] {
        lock(&place, &["--arch", "aarch64", "--from", from, "-o", "from.lock"]).success();
        assert!(fs::read_to_string(place.path("from.lock")).unwrap().contains("version = \"5.1.8-2.el9\""));
        place.run(&["--lock", "from.lock", "again"]).success();
        same(&place, "old", "again");
        fs::remove_dir_all(place.path("again")).unwrap();
    }
    // Packages that the variant does not request must be requested.
    place.bootstrap(&["--with", "rootfiles", "more"]).success();
    let refused = lock(&place, &["--arch", "aarch64", "--from", "more", "-o", "from.lock"]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    insta::assert_snapshot!("lock_from_more", refused.stderr);
    lock(&place, &["--arch", "aarch64", "--from", "more", "--with", "rootfiles", "-o", "from.lock"]).success();
    assert_eq!(lock(&place, &["--from", "mirror"]).code, Some(1));
}

#[test]
fn a_root_is_held_against_its_lock() {
    let place = Place::new();
    lock(&place, &["--arch", "aarch64"]).success();
    place.run(&["--lock", "rootstrap.lock", "out"]).success();
    let verify = |arguments: &[&str]| place.run(&[&["verify", "out", "--lock", "rootstrap.lock"], arguments].concat());
    let same = verify(&[]).success();
    assert!(same.stdout.starts_with("out is what rootstrap.lock makes for aarch64: "), "{}", same.stdout);
    // A build without the lock gives the same tree.
    fs::rename(place.path("out"), place.path("locked")).unwrap();
    place.bootstrap(&["out"]).success();
    verify(&[]).success();

    let out = place.path("out");
    fs::write(out.join("usr/bin/bash"), "#!/bin/evil").unwrap();
    fs::write(out.join("extra"), "").unwrap();
    fs::remove_file(out.join("etc/shells")).unwrap();
    fs::remove_file(out.join("usr/bin/ls")).unwrap();
    fs::copy(out.join("usr/bin/cat"), out.join("usr/bin/ls")).unwrap();
    let different = verify(&["--format", "json"]);
    assert_eq!(different.code, Some(4), "{}", different.stderr);
    let told: Value = serde_json::from_str(&different.stdout).unwrap();
    let mut lines = String::new();
    for difference in told["architectures"][0]["differences"].as_array().unwrap() {
        let empty = Vec::new();
        let aspects = difference["aspects"].as_array().unwrap_or(&empty);
        // The times of new files, and of the directories that contain them.
        let aspects: Vec<&str> =
            aspects.iter().map(|aspect| aspect["name"].as_str().unwrap()).filter(|&name| name != "mtime").collect();
        if difference["what"] != "changed" || !aspects.is_empty() {
            lines += &format!("{} {} {}\n", difference["what"], difference["path"], aspects.join(" "));
        }
    }
    insta::assert_snapshot!("verify_differences", lines);
    let human = verify(&[]);
    assert!(human.stdout.contains("extra    /extra\n") && human.stdout.contains("missing  /etc/shells\n"), "{}", human.stdout);
    assert_eq!(place.run(&["verify", "absent", "--lock", "rootstrap.lock"]).code, Some(2));
}

#[test]
fn what_the_mirror_has_no_more_is_in_the_vault() {
    let place = Place::new();
    crate::mirror::copy(&place.path("mirror/9"), &place.path("vault/9.3"));
    let (mirror, vault) = (FileServer::new(&place.path("mirror")), FileServer::new(&place.path("vault")));
    let catalog = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/almalinux.toml")).unwrap();
    let catalog = catalog
        .replace("base = \"https://repo.almalinux.org/almalinux\"", &format!("base = \"{}\"", mirror.url()))
        .replace("base = \"https://vault.almalinux.org\"", &format!("base = \"{}\"", vault.url()));
    fs::write(place.path("my.toml"), catalog).unwrap();
    // The distribution's own servers: its repositories have names, to which the keys refer.
    let keys = ["--key=baseos=mirror/keys/rootstrap-fixtures.asc", "--key=appstream=mirror/keys/rootstrap-fixtures.asc"];
    let asked = [&ASKED[..], &keys, &["--catalog", "my.toml", "--arch", "aarch64"]].concat();
    place.run(&[&["lock"], &asked[..]].concat()).success();
    place.bootstrap(&["plain"]).success();
    without_metadata(&place.path("mirror"));
    without_metadata(&place.path("vault"));
    fs::remove_file(place.mirror().package("bash-5.1.8-6.el9.aarch64.rpm")).unwrap();
    place.run(&["--lock", "rootstrap.lock", "--cache-dir", "another", "locked"]).success();
    same(&place, "plain", "locked");
    assert_eq!(vault.requests(), 1);
}

/// Removes the record of a package from an Alpine index, which also removes the signature.
fn forget(index: &Path, name: &str) {
    let packed = fs::read(index).unwrap();
    let mut archive = tar::Archive::new(flate2::bufread::MultiGzDecoder::new(&packed[..]));
    archive.set_ignore_zeros(true);
    let mut text = String::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap() == Path::new("APKINDEX") {
            entry.read_to_string(&mut text).unwrap();
        }
    }
    let records: Vec<&str> = text.trim_end().split("\n\n").collect();
    let kept: Vec<&str> =
        records.iter().copied().filter(|record| !record.lines().any(|line| line == format!("P:{name}"))).collect();
    assert_eq!(kept.len() + 1, records.len());
    let text = kept.join("\n\n") + "\n\n";
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    // Newer than the index that it replaces.
    header.set_mtime(1_704_067_201);
    builder.append_data(&mut header, "APKINDEX", text.as_bytes()).unwrap();
    fs::write(index, builder.into_inner().unwrap().finish().unwrap()).unwrap();
}

#[test]
fn alpine_keeps_what_its_index_forgot() {
    let place = Place::new();
    let asked = ["--distro", "alpine", "--release", "3.20", "--variant", "minirootfs", "--mirror", "mirror"];
    let more = ["--key", "mirror/keys/rootstrap-fixtures.rsa.pub", "--allow-unsigned", "--arch", "x86_64"];
    place.run(&[&["lock"], &asked[..], &more].concat()).success();
    let old = text(&place);
    forget(&place.path("mirror/v3.20/main/x86_64/APKINDEX.tar.gz"), "musl");
    // Packages that need it cannot be resolved again, and stay as they are.
    assert_eq!(place.run(&["lock", "--check"]).code, Some(3));
    place.run(&["lock", "--upgrade", "busybox"]).success();
    let packages = |lock: &str| {
        let of_repository = |line: &&str| line.starts_with("metadata = ") || line.starts_with("revision = ");
        lock.lines().filter(|line| !of_repository(line)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(packages(&old), packages(&text(&place)));
    place.run(&["--lock", "rootstrap.lock", "out"]).success();
}

#[test]
fn an_archive_and_an_image_are_held_against_their_lock() {
    let place = Place::new();
    lock(&place, &BOTH).success();
    place.run(&["--lock", "rootstrap.lock", "--arch", "aarch64", "--tar", "out.tar.gz"]).success();
    place.run(&["--lock", "rootstrap.lock", "--oci", "image:nine", "--layers", "4"]).success();
    // Names and bytes equal those of an image that is built without the lock.
    place.run(&["--lock", "rootstrap.lock", "--arch", "aarch64", "--docker-archive", "locked.tar"]).success();
    place.bootstrap(&["--docker-archive", "plain.tar"]).success();
    assert!(fs::read(place.path("locked.tar")).unwrap() == fs::read(place.path("plain.tar")).unwrap());
    let verify =
        |subject: &str, arguments: &[&str]| place.run(&[&["verify", subject, "--lock", "rootstrap.lock"], arguments].concat());
    verify("out.tar.gz", &["--arch", "aarch64"]).success();
    let both = verify("image:nine", &[]).success();
    assert_eq!(both.stdout.lines().count(), 2, "{}", both.stdout);
    // For the other architecture, all packages with code differ.
    let other = verify("out.tar.gz", &["--arch", "x86_64"]);
    assert_eq!(other.code, Some(4), "{}", other.stderr);
    assert!(
        other.stdout.contains("/usr/lib64/libc.so.6  content") && other.stderr.contains("paths are different"),
        "{}",
        other.stdout
    );
    assert_eq!(verify("image:ten", &[]).code, Some(2));
    // An archive of `docker save` states its architecture.
    for subject in ["locked.tar", "plain.tar"] {
        let docker = verify(subject, &[]).success();
        assert_eq!(docker.stdout.lines().count(), 1, "{}", docker.stdout);
        assert!(docker.stdout.contains("for aarch64"), "{}", docker.stdout);
        let other = verify(subject, &["--arch", "x86_64"]);
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("its image is for linux/arm64"), "{}", other.stderr);
    }
    place.run(&["--lock", "rootstrap.lock", "--arch", "aarch64", "--docker-archive", "other.tar", "--drop-database"]).success();
    let changed = verify("other.tar", &[]);
    assert_eq!(changed.code, Some(4), "{}", changed.stderr);
    assert!(changed.stdout.contains("rpmdb.sqlite"), "{}", changed.stdout);
    // A layout may also be in an archive.
    assert!(
        Command::new("tar").args(["-C", "image", "-cf", "image.tar", "."]).current_dir(place.root()).status().unwrap().success()
    );
    let both = verify("image.tar", &[]).success();
    assert_eq!(both.stdout.lines().count(), 2, "{}", both.stdout);
    verify("image.tar:nine", &[]).success();
}
