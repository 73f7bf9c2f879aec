//! Tests of `list`, `info` and `files`: the real binary, on package files of the fixtures and on a
//! root with a database.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use rootstrap::package::Content;
use rootstrap::rpm::database::{self, Backend, ByteOrder, FileState, InstalledPackage};
use rootstrap::rpm::files::{self, Flags};
use rootstrap::rpm::header::{Header, HeaderBuilder, Place};
use rootstrap::rpm::package::Package;
use rootstrap::rpm::tag::Tag;

const BASH: &str = "bash-5.1.8-6.el9.aarch64.rpm";
const LIBCAP: &str = "libcap-2.48-9.el9.aarch64.rpm";
const SETUP: &str = "setup-2.13.7-9.el9.noarch.rpm";
const COREUTILS: &str = "coreutils-single-8.32-34.el9.aarch64.rpm";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures/9/BaseOS/aarch64/os/Packages")
}

/// Returns the exit code and the output of the command, for comparison with a snapshot.
fn told<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> String {
    let output = Command::cargo_bin("rootstrap").unwrap().current_dir(directory).args(arguments).output().unwrap();
    let mut text = format!("exit code {}\n", output.status.code().unwrap());
    for (name, stream) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        if !stream.is_empty() {
            let _ = write!(text, "--- {name}\n{}", String::from_utf8(stream).unwrap());
        }
    }
    text
}

/// Returns the standard output of a command that succeeds.
fn printed<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
    let output = Command::cargo_bin("rootstrap").unwrap().current_dir(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Returns a package with hostile metadata: control sequences for terminals, and paths that are not
/// UTF-8.
fn odd() -> (Header, Header) {
    let mut builder = HeaderBuilder::new();
    builder.string(Tag::NAME, "odd").string(Tag::VERSION, "1").string(Tag::RELEASE, "1").u32(Tag::EPOCH, 7);
    builder.string(Tag::ARCH, "noarch").string(Tag::SOURCE_RPM, "odd-1-1.src.rpm");
    builder.i18n(Tag::SUMMARY, ["clears \x1b[2J the screen"]).i18n(Tag::DESCRIPTION, ["first\n\nlast \u{202e}word"]);
    builder.strings(Tag::BASENAMES, [&b"\xff\t\n"[..], b"plain"]).strings(Tag::DIRNAMES, ["/opt/"]);
    builder.u32s(Tag::DIR_INDEXES, [0, 0]).u16s(Tag::FILE_MODES, [0o102_755, 0o120_777]).u32s(Tag::FILE_SIZES, [1_234_567, 2]);
    builder
        .u32s(Tag::FILE_MTIMES, [1, 2])
        .strings(Tag::FILE_USERNAME, ["root", "daemon"])
        .strings(Tag::FILE_GROUPNAME, ["wheel", "root"]);
    builder.strings(Tag::FILE_LINKTOS, [&b""[..], b"\xff\t\n"]);
    let header = Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap();
    let nothing = HeaderBuilder::new().build(Place::Signature).unwrap();
    (header, Header::parse(nothing, Place::Signature).unwrap())
}

/// Creates a directory with `root`, in which four packages are installed without documentation.
fn root() -> tempfile::TempDir {
    let opened: Vec<(Header, Header)> = [SETUP, BASH, COREUTILS]
        .iter()
        .map(|name| {
            let content = Content::from_file(fs::File::open(fixtures().join(name)).unwrap()).unwrap();
            let package = Package::inspect(&content).unwrap();
            (package.header().clone(), package.signature().clone())
        })
        .chain([odd()])
        .collect();
    let states: Vec<Vec<FileState>> = opened
        .iter()
        .map(|(header, _)| {
            let state = |doc| if doc { FileState::NotInstalled } else { FileState::Normal };
            files::files(header).unwrap().iter().map(|file| state(file.flags.contains(Flags::DOC))).collect()
        })
        .collect();
    let packages: Vec<InstalledPackage<'_>> = opened
        .iter()
        .zip(&states)
        .map(|((header, signature), file_states)| InstalledPackage {
            header,
            signature,
            file_states,
            install_time: 1_700_000_000,
            install_tid: 1_700_000_000,
            install_color: 0,
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("root/var/lib/rpm");
    fs::create_dir_all(&place).unwrap();
    for file in database::write(Backend::Sqlite, &packages, ByteOrder::Little).unwrap() {
        fs::write(place.join(file.name), file.content.bytes().unwrap()).unwrap();
    }
    directory
}

#[test]
fn a_root_is_listed() {
    let root = root();
    insta::assert_snapshot!("list", told(root.path(), ["list", "root"]));
    insta::assert_snapshot!("list_json", told(root.path(), ["list", "root", "--format", "json"]));
}

#[test]
fn packages_are_described() {
    let root = root();
    insta::assert_snapshot!("info_root", told(root.path(), ["info", "root", "bash.aarch64", "/opt/plain"]));
    insta::assert_snapshot!("info_file", told(&fixtures(), ["info", LIBCAP, BASH]));
    insta::assert_snapshot!("info_file_json", told(&fixtures(), ["info", BASH, "--format", "json"]));
    let all = String::from_utf8(printed(root.path(), ["info", "root"])).unwrap();
    assert_eq!(all.matches("Name  ").count(), 4);
}

#[test]
fn files_are_listed() {
    let root = root();
    insta::assert_snapshot!("files_root", told(root.path(), ["files", "root"]));
    insta::assert_snapshot!("files_root_package", told(root.path(), ["files", "root", "odd-7:1-1", "s[a-f]*"]));
    insta::assert_snapshot!("files_packages", told(&fixtures(), ["files", LIBCAP, COREUTILS]));
    insta::assert_snapshot!("files_json", told(root.path(), ["files", "root", "odd", "--format", "json"]));
    insta::assert_snapshot!("files_tsv", told(&fixtures(), ["files", LIBCAP, SETUP, "--format", "tsv"]));
}

#[test]
fn bytes_of_paths_are_kept_in_the_listing() {
    let root = root();
    let listing = printed(root.path(), ["files", "root", "odd", "--format", "tsv"]);
    let expected = b"# odd-7:1-1.noarch\n/opt/\xff\t\n\t102755\troot\twheel\t1\t1234567\t\t\t(none)\t\n\
        /opt/plain\t120777\tdaemon\troot\t2\t2\t\t\xff\t\n\t(none)\t\n";
    assert_eq!(listing.escape_ascii().to_string(), expected.escape_ascii().to_string());
    // The name of a package file need not be UTF-8 either.
    let name = OsStr::from_bytes(b"\xfe.rpm");
    fs::copy(fixtures().join(BASH), root.path().join(name)).unwrap();
    let listing = printed(root.path(), ["files".as_ref(), "--format".as_ref(), "tsv".as_ref(), name]);
    assert!(listing.starts_with(b"# \xfe.rpm\n/"));
}

#[test]
fn what_is_neither_root_nor_package_is_told() {
    let directory = root();
    let path = directory.path();
    fs::write(path.join("notes.txt"), "x".repeat(200)).unwrap();
    fs::write(path.join("empty"), "").unwrap();
    fs::create_dir(path.join("dir")).unwrap();
    let package = fs::read(fixtures().join(BASH)).unwrap();
    fs::write(path.join("cut.rpm"), &package[..1000]).unwrap();
    let mut flipped = package.clone();
    let at = flipped.windows(5).rposition(|text| text == b"MIT O").unwrap();
    flipped[at] ^= 1;
    fs::write(path.join("flipped.rpm"), &flipped).unwrap();
    fs::write(path.join("root/var/lib/rpm/other"), "").unwrap();
    fs::create_dir_all(path.join("broken/var/lib/rpm")).unwrap();
    fs::write(path.join("broken/var/lib/rpm/rpmdb.sqlite"), "SQLite?").unwrap();
    let mut text = String::new();
    for arguments in [
        &["info", "nowhere"][..],
        &["info", "notes.txt"],
        &["info", "empty"],
        &["info", "cut.rpm"],
        &["files", "flipped.rpm"],
        &["files", "dir"],
        &["files", "flipped.rpm", "dir"],
        &["list", "notes.txt"],
        &["list", "broken"],
        &["info", "root", "bsah"],
        &["files", "root", "coreutils", "nothing-like-it", "/bin/nothing"],
        &["info", "root", "bsah", "--format", "json"],
        &["list"],
    ] {
        let _ = writeln!(text, "$ rootstrap {}\n{}", arguments.join(" "), told(path, arguments));
    }
    insta::assert_snapshot!("errors", text);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let root = root();
    let script = format!("{} files root --format json | true", assert_cmd::cargo::cargo_bin("rootstrap").display());
    let output =
        std::process::Command::new("bash").args(["-o", "pipefail", "-c", &script]).current_dir(root.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lists packages of many distributions and of rpm 4.9 to 6.0 in one call, and compares each file
/// with the output of the real rpm.
#[test]
fn the_listing_is_the_one_that_rpm_makes() {
    let data =
        std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let directory = data.join("rpms");
    if !directory.is_dir() {
        println!("skipped: no real data");
        return;
    }
    let expected = fs::read(directory.join("expected-files.tsv")).unwrap();
    let names: Vec<String> = expected
        .split(|&c| c == b'\n')
        .filter_map(|line| Some(String::from_utf8_lossy(line.strip_prefix(b"# ")?).into_owned()))
        .collect();
    assert!(names.len() > 10);
    let arguments = ["files", "--format", "tsv"].into_iter().chain(names.iter().map(String::as_str));
    let listing = printed(&directory, arguments);
    assert_eq!(String::from_utf8_lossy(&listing), String::from_utf8_lossy(&expected));
    assert!(listing == expected, "bytes that are no text differ");
}
