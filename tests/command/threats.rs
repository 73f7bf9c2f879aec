//! Tests of attacks by repositories on their users (the list of TUF): each is refused, and nothing
//! remains.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use crate::mirror::{Mirror, copy};
use crate::place::{MICRO, Outcome, Place};
use crate::server::{FileServer, file_of};

const KEY: &str = "mirror/keys/rootstrap-fixtures.asc";
const PACKAGE: &str = "libcap-2.48-9.el9.aarch64.rpm";

#[track_caller]
fn refused(place: &Place, outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    for words in words {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    assert!(!place.path("out").exists());
}

/// A package signed by a trusted key, under the name, the version or the provides of another
/// package, as an unsigned index could list it.
#[test]
fn a_wrong_package_under_a_right_name() {
    let record = "<version epoch=\"0\" ver=\"2.48\" rel=\"9.el9\"/>";
    let cases: [(&str, &str, &str); 6] = [
        (record, "<version epoch=\"0\" ver=\"2.49\" rel=\"9.el9\"/>", "its version should be `2.49`, found `2.48`"),
        (record, "<version epoch=\"0\" ver=\"2.48\" rel=\"10.el9\"/>", "its release should be `10.el9`, found `9.el9`"),
        (record, "<version epoch=\"3\" ver=\"2.48\" rel=\"9.el9\"/>", "its epoch should be `3`, found `0`"),
        (
            "<rpm:entry name=\"libcap.so.2()(64bit)\"/>\n    </rpm:provides>",
            "<rpm:entry name=\"libcap.so.2()(64bit)\"/><rpm:entry name=\"webserver\"/>\n    </rpm:provides>",
            "its provides should be `webserver`, found `nothing of the kind`",
        ),
        (
            "<rpm:entry name=\"libcap(aarch-64)\" flags=\"EQ\" epoch=\"0\" ver=\"2.48\" rel=\"9.el9\"/>",
            "",
            "its provides should be `nothing of the kind`, found `libcap(aarch-64) = 2.48-9.el9`",
        ),
        (
            "<name>libcap</name>\n  <arch>aarch64</arch>",
            "<name>libcap</name>\n  <arch>noarch</arch>",
            "its architecture should be",
        ),
    ];
    for (real, claimed, told) in cases {
        let place = Place::new();
        place.mirror().edit(|text| {
            let (before, after) = text.split_once("<name>libcap</name>").map_or((text, ""), |_| {
                let at = text.find("<name>libcap</name>").unwrap();
                text.split_at(at)
            });
            format!("{before}{}", after.replacen(real, claimed, 1))
        });
        let outcome = place.bootstrap(&["--no-best", "out"]);
        refused(&place, &outcome, &[PACKAGE, "the package is not the one that the index promises", told]);
    }
    // A completely different package with a valid signature, and its digest in the index.
    let place = Place::new();
    let other = fs::read(place.mirror().package("libgcc-11.4.1-2.1.el9.aarch64.rpm")).unwrap();
    place.mirror().replace_package(PACKAGE, |_| other.clone());
    refused(&place, &place.bootstrap(&["out"]), &[PACKAGE, "its name should be `libcap`, found `libgcc`"]);
}

/// The same for Alpine: an unsigned index contradicts a package's `.PKGINFO`.
#[test]
fn a_wrong_alpine_package_under_a_right_name() {
    let cases = [
        (
            "D:alpine-baselayout-data=3.6.5-r0 /bin/sh",
            "D:/bin/sh",
            "its depends should be `nothing of the kind`, found `alpine-baselayout-data=",
        ),
        (
            "D:alpine-baselayout-data=3.6.5-r0 /bin/sh",
            "D:alpine-baselayout-data=3.6.5-r0 /bin/sh\np:webserver",
            "its provides should be `webserver`",
        ),
    ];
    for (real, claimed, told) in cases {
        let place = Place::new();
        let index = place.path("mirror/v3.20/main/x86_64/APKINDEX.tar.gz");
        let mut archive =
            tar::Archive::new(flate2::bufread::MultiGzDecoder::new(std::io::Cursor::new(fs::read(&index).unwrap())));
        archive.set_ignore_zeros(true);
        let mut text = String::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.path().unwrap() == Path::new("APKINDEX") {
                std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
            }
        }
        let (before, after) = text.split_at(text.find("P:alpine-baselayout\n").unwrap());
        let text = format!("{before}{}", after.replacen(real, claimed, 1));
        let mut made = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        made.append_data(&mut header, "APKINDEX", text.as_bytes()).unwrap();
        fs::write(&index, made.into_inner().unwrap().finish().unwrap()).unwrap();
        let words = [
            "--distro=alpine",
            "--release=3.20",
            "--variant=scratch",
            "--with=alpine-baselayout",
            "--mirror=mirror",
            "--arch=x86_64",
        ];
        let trust = ["--key=mirror/keys/rootstrap-fixtures.rsa.pub", "--allow-unsigned", "--cache-dir=c", "out"];
        let outcome = place.run(&[&words[..], &trust].concat());
        refused(&place, &outcome, &["the package is not the one", told]);
    }
}

/// Files of one state with the root document of another.
#[test]
fn metadata_of_different_states() {
    let place = Place::new();
    let earlier = place.path("earlier");
    copy(&place.path("mirror"), &earlier);
    place.mirror().edit(|text| text.replace("<summary>Capabilities</summary>", "<summary>Capabilities!</summary>"));
    // The newer repomd.xml, with the older list of packages under its name; then with the older
    // list of files.
    for kind in ["primary", "filelists"] {
        let (new, old) = (place.mirror().metadata(kind), Mirror::new(&earlier).metadata(kind));
        let kept = fs::read(&new).unwrap();
        fs::copy(old, &new).unwrap();
        // A path that no list of packages contains makes the list of files necessary.
        let outcome = place.bootstrap(&["--with", "/usr/share/nobody-has-this", "out"]);
        if kind == "primary" {
            refused(&place, &outcome, &["is not what the repository promised", "primary.xml.gz"]);
        } else if fs::read(&new).unwrap() != kept {
            refused(&place, &outcome, &["is not what the repository promised", "filelists.xml.gz"]);
        }
        fs::write(&new, kept).unwrap();
    }
    // The older repomd.xml with the newer files: the files that it lists do not exist.
    fs::copy(Mirror::new(&earlier).repomd(), place.mirror().repomd()).unwrap();
    let outcome = place.bootstrap(&["--cache-dir", "another", "out"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cannot be had") && !place.path("out").exists(), "{}", outcome.stderr);
}

/// Metadata older than those of an earlier run, from the same source, over HTTP and in a directory.
#[test]
fn older_metadata_than_what_was_seen() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let earlier = place.path("earlier");
    copy(&place.path("mirror/9"), &earlier);
    let back = || {
        fs::remove_dir_all(place.path("mirror/9")).unwrap();
        copy(&earlier, &place.path("mirror/9"));
    };
    for mirror in [server.url(), "mirror".to_owned()] {
        let resolve_with = |cache: &str, more: &[&str]| {
            let usual = ["--mirror", &mirror, "--key", KEY, "--cache-dir", cache];
            place.run(&[&["resolve"], &MICRO[..], &usual, more].concat())
        };
        let resolve = |more: &[&str]| resolve_with("cache", more);
        resolve(&[]).success();
        place.mirror().edit(str::to_owned);
        resolve(&[]).success();
        back();
        let outcome = resolve(&[]);
        let told = "repodata/repomd.xml is older than what was seen before: made 2024-01-01 00:00:00 (revision 1704067200), seen 2024-01-01 00:00:01";
        refused(&place, &outcome, &[told, "--allow-downgrade-metadata"]);
        // Cleaning the cache does not remove the record; another cache does not have it.
        place.run(&["cache", "clean", "--cache-dir", "cache"]).success();
        refused(&place, &resolve(&[]), &[told]);
        resolve_with("other", &[]).success();
        resolve(&["--allow-downgrade-metadata"]).success();
        resolve(&[]).success();
        back();
    }
}

/// One of two mirrors has older or unsigned metadata: the other one is used.
#[test]
fn one_mirror_of_two_that_lies() {
    let place = Place::new();
    copy(&place.path("mirror"), &place.path("second"));
    let build = |out: &str, more: &[&str]| {
        let usual = ["--mirror=mirror", "--mirror=second", "--key", KEY, "--cache-dir", "cache", out];
        place.run(&[&MICRO[..], &usual, more].concat())
    };
    build("first", &[]).success();
    place.mirror().date(1_600_000_000);
    build("old", &[]).success();
    fs::write(place.mirror().repomd(), "<html>log in</html>").unwrap();
    build("page", &[]).success();
    Mirror::new(&place.path("second")).date(1_600_000_000);
    refused(&place, &build("out", &[]), &[]);

    // Alpine's index: signed, then not.
    let index = place.path("mirror/v3.20/main/aarch64/APKINDEX.tar.gz");
    let resolve = || {
        let words =
            ["resolve", "musl", "--distro=alpine", "--release=3.20", "--arch=aarch64", "--mirror=mirror", "--mirror=second"];
        place.run(&[&words[..], &["--key=mirror/keys/rootstrap-fixtures.rsa.pub", "--cache-dir=c"]].concat())
    };
    let text = resolve().success().stdout;
    let mut bytes = fs::read(&index).unwrap();
    let end = bytes.len() - 12;
    bytes[end] ^= 1;
    fs::write(&index, bytes).unwrap();
    assert_eq!(resolve().success().stdout, text);
}

#[test]
fn an_older_alpine_index() {
    let place = Place::new();
    let index = place.path("mirror/v3.20/main/aarch64/APKINDEX.tar.gz");
    let (old, new) = (place.path("old"), place.path("new"));
    fs::copy(&index, &old).unwrap();
    // The same index a day later: a time in the headers of the archive.
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&fs::read(&old).unwrap()[..]), &mut archive).unwrap();
    let mut made = tar::Builder::new(Vec::new());
    let mut entries = tar::Archive::new(&archive[..]);
    entries.set_ignore_zeros(true);
    for entry in entries.entries().unwrap() {
        let entry = entry.unwrap();
        let mut header = entry.header().clone();
        if entry.path().unwrap().starts_with(".SIGN.RSA.rootstrap-fixtures.rsa.pub") {
            continue;
        }
        header.set_mtime(header.mtime().unwrap() + 86_400);
        header.set_cksum();
        made.append(&header, entry).unwrap();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&made.into_inner().unwrap()).unwrap();
    fs::write(&new, packed.finish().unwrap()).unwrap();

    let resolve = |more: &[&str]| {
        let words =
            ["resolve", "musl", "--distro=alpine", "--release=3.20", "--arch=aarch64", "--mirror=mirror", "--cache-dir=c"];
        place.run(&[&words[..], &["--key=mirror/keys/rootstrap-fixtures.rsa.pub", "--allow-unsigned"], more].concat())
    };
    resolve(&[]).success();
    fs::copy(&new, &index).unwrap();
    resolve(&[]).success();
    fs::copy(&old, &index).unwrap();
    refused(&place, &resolve(&[]), &["repository main: APKINDEX.tar.gz is older than what was seen before: made 2024-01-01"]);
    resolve(&["--allow-downgrade-metadata"]).success();
}

/// A mirror that is no longer updated: reported if the distribution would not keep a repository
/// that old, and refused if it exceeds the user's limit.
#[test]
fn metadata_that_stand_still() {
    let place = Place::new();
    let server = FileServer::new(&place.path("mirror"));
    let resolve = |mirror: &str, more: &[&str]| {
        let usual = ["--mirror", mirror, "--key", KEY, "--cache-dir", "cache"];
        place.run(&[&["resolve"], &MICRO[..], &usual, more].concat())
    };
    let outcome = resolve(&server.url(), &[]).success();
    assert!(outcome.stderr.contains("the metadata of baseos are"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("does the mirror still follow it?"), "{}", outcome.stderr);
    // For a directory, there is no such warning: its owner controls its age.
    assert!(!resolve("mirror", &[]).success().stderr.contains("the metadata of"));
    refused(
        &place,
        &resolve("mirror", &["--max-age", "30d"]),
        &["repomd.xml is", "days old, and may be 30 days old", "--max-age"],
    );
    resolve("mirror", &["--max-age", "5000w"]).success();
    assert_eq!(resolve("mirror", &["--max-age", "soon"]).code, Some(2));
    // The current time.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for repository in [place.mirror(), Mirror::appstream(&place.path("mirror"))] {
        let text = fs::read_to_string(repository.repomd()).unwrap().replace("1704067200", &now.to_string());
        fs::write(repository.repomd(), text).unwrap();
    }
    let outcome = resolve(&server.url(), &["--max-age", "1d"]).success();
    assert!(!outcome.stderr.contains("the metadata of"), "{}", outcome.stderr);
}

/// Starts a server whose answer to the file `hit` never ends; other files come from a directory.
fn endless(directory: &Path, hit: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let directory = directory.to_owned();
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let directory = directory.clone();
            thread::spawn(move || -> Option<()> {
                let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
                let request = lines.next()?.ok()?;
                while !lines.next()?.ok()?.is_empty() {}
                let path = request.split(' ').nth(1)?.to_owned();
                if path.contains(hit) {
                    write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").ok()?;
                    loop {
                        connection.write_all(&[b'x'; 1 << 14]).ok()?;
                    }
                }
                let body = fs::read(file_of(&directory, &path)).unwrap_or_default();
                let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
                write!(connection, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
                connection.write_all(&body).ok()
            });
        }
    });
    format!("http://{address}")
}

/// Endless data are read only up to the expected size, or up to the limit for such files.
#[test]
fn data_without_end() {
    let place = Place::new();
    for (hit, code, told) in [
        ("BaseOS/aarch64/os/repodata/repomd.xml", 1, "it is larger than 67108864 bytes"),
        ("primary.xml.gz", 4, "expected 2362 bytes, found"),
        ("libcap-2.48", 4, "expected 2549 bytes, found"),
    ] {
        let url = endless(&place.path("mirror"), hit);
        let outcome = place.run(&[&MICRO[..], &["--mirror", &url, "--key", KEY, "--cache-dir", "cache", "out"]].concat());
        assert_eq!(outcome.code, Some(code), "{hit}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{hit}: {}", outcome.stderr);
        assert!(!place.path("out").exists());
        let kept: u64 = fs::read_dir(place.path("cache/unfinished"))
            .map_or(0, |entries| entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum());
        assert_eq!(kept, 0, "{hit}");
    }
}
