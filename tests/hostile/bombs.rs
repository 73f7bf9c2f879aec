//! Tests of decompression bombs and other small inputs with large effects: the command must stop
//! before memory and disk are exhausted.
//!
//! `cargo test --test hostile bombs -- --ignored --nocapture` tries all and prints where each was
//! stopped.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::header::HeaderBuilder;
use rootstrap::rpm::tag::Tag;

use crate::case::Package;
use crate::item::Item;
use crate::measure::{Measured, run};
use crate::pack::{Packed, pack};
use crate::{apk, repository, rpm};

/// Maximum memory and disk use for any bomb, as docs/trust.md states.
const MEMORY: u64 = 1 << 30;
const DISK: u64 = 1 << 30;

/// A bomb: its name, and the command that reads it.
struct Bomb {
    name: &'static str,
    /// Size of the input in bytes.
    from: u64,
    arguments: Vec<String>,
    /// True if it must be refused; other bombs may also have no effect.
    refused: bool,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

const RESOLVE: &str = "resolve --type rpm --arch x86_64 --repo r=repo hostile";

const INSTALL_APK: &str = "--type apk --arch x86_64 --repo r=repo --with hostile --key rootstrap-fixtures.rsa.pub out";

fn install(place: &Path, file: &[u8]) -> Vec<String> {
    repository::of_packages(&place.join("repo"), &[("hostile", file.to_vec())]);
    fs::write(place.join("key.asc"), rpm::certificate()).unwrap();
    words("--type rpm --arch x86_64 --repo r=repo --with hostile --key key.asc out")
}

/// Returns a payload of one file of zeros.
fn payload(place: &Path, form: &'static str, pieces: usize) -> Bomb {
    let (name, compressor) = match form {
        "gz" => ("payload, gzip", "gzip"),
        "xz" => ("payload, xz", "xz"),
        "bz2" => ("payload, bzip2", "bzip2"),
        _ => ("payload, zstd", "zstd"),
    };
    let size = (pieces as u64) << 26;
    let mut item = Item::file("/large", b"");
    item.size = Some(size);
    let package = Package { name: "hostile", items: vec![item], ..Package::default() };
    let mut head = Vec::new();
    rpm::member(&mut head, b"./large", 0o100_644, b"", Some((19, size as u32)));
    let mut end = Vec::new();
    rpm::member(&mut end, b"TRAILER!!!", 0, b"", None);
    let packed = Packed::new(form, &[&head, &end], pieces);
    let zeros = |header: &mut HeaderBuilder| {
        header.string(Tag::PAYLOAD_COMPRESSOR, compressor).strings(Tag::FILE_DIGESTS, [""]);
        // The archive's own sizes have 32 bits.
        header.u64s(Tag::LONG_FILE_SIZES, [size & 0xffff_ffff]);
    };
    let file = rpm::of_archive(&package, &packed.bytes, &zeros);
    Bomb { name, from: file.len() as u64, arguments: install(place, &file), refused: true }
}

/// Returns the header of a file with this number of pieces.
fn large(mut header: tar::Header, pieces: usize) -> tar::Header {
    header.set_path("large").unwrap();
    header.set_mode(0o644);
    header.set_size((pieces as u64) << 26);
    header.set_cksum();
    header
}

fn apk_data(place: &Path, pieces: usize) -> Bomb {
    let header = large(tar::Header::new_gnu(), pieces);
    let data = Packed::new("gz", &[header.as_bytes(), &[0; 1024]], pieces);
    let file = apk::of_data("hostile", "", &data.bytes);
    let from = file.len() as u64;
    apk_repository(place, file);
    Bomb { name: "apk's data, gzip", from, arguments: words(INSTALL_APK), refused: true }
}

fn apk_repository(place: &Path, file: Vec<u8>) {
    fs::write(place.join(apk::KEY_NAME), apk::KEY).unwrap();
    repository::of_apks(&place.join("repo"), &[("hostile", file)]);
}

fn apk_index(place: &Path, pieces: usize) -> Bomb {
    let mut header = tar::Header::new_gnu();
    header.set_path("APKINDEX").unwrap();
    header.set_mode(0o644);
    header.set_size((pieces as u64) << 26);
    header.set_cksum();
    let packed = Packed::filled("gz", &[header.as_bytes(), &[0; 1024]], b"\n", pieces);
    let repo = place.join("repo");
    fs::create_dir_all(&repo).unwrap();
    fs::write(place.join(apk::KEY_NAME), apk::KEY).unwrap();
    let file = [&apk::signature(&packed.bytes)[..], &packed.bytes].concat();
    fs::write(repo.join("APKINDEX.tar.gz"), &file).unwrap();
    let arguments = words("resolve --type apk --arch x86_64 --repo r=repo --key rootstrap-fixtures.rsa.pub hostile");
    Bomb { name: "APKINDEX, gzip", from: file.len() as u64, arguments, refused: true }
}

/// Returns metadata of meaningless elements.
fn metadata(place: &Path, form: &'static str, pieces: usize) -> Bomb {
    let name = match form {
        "gz" => "primary.xml, gzip",
        "xz" => "primary.xml, xz",
        "bz2" => "primary.xml, bzip2",
        _ => "primary.xml, zstd",
    };
    let text = repository::primary("|");
    let (head, end) = text.split_once('|').unwrap();
    let packed = Packed::filled(form, &[head.as_bytes(), end.as_bytes()], b"<a/><b/>", pieces);
    let from = packed.bytes.len() as u64;
    repository::write(&place.join("repo"), &[("primary", &format!("xml.{form}"), packed)]);
    Bomb { name, from, arguments: words(RESOLVE), refused: true }
}

/// Returns a document beside an index of one ordinary package.
fn document(place: &Path, name: &'static str, kind: &str, text: &str, refused: bool) -> Bomb {
    let index = repository::primary(&repository::package("hostile", b"", ""));
    let packed = Packed::new("gz", &[text.as_bytes()], 0);
    let from = packed.bytes.len() as u64;
    let documents = match kind {
        "primary" => vec![("primary", "xml.gz", packed)],
        "modules" => vec![("primary", "xml.gz", Packed::new("gz", &[index.as_bytes()], 0)), ("modules", "yaml.gz", packed)],
        _ => vec![("primary", "xml.gz", Packed::new("gz", &[index.as_bytes()], 0)), ("group", "xml.gz", packed)],
    };
    repository::write(&place.join("repo"), &documents);
    let arguments = if kind == "group" { RESOLVE.replace(" hostile", " @core") } else { RESOLVE.to_owned() };
    Bomb { name, from, arguments: words(&arguments), refused }
}

fn entities(place: &Path) -> Bomb {
    let mut text = "<?xml version=\"1.0\"?><!DOCTYPE metadata [<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        write!(text, "<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)).unwrap();
    }
    text += "]>";
    text += &repository::primary("<package type=\"rpm\"><name>&a29;</name></package>");
    document(place, "XML entities", "primary", &text, true)
}

fn nested(place: &Path, depth: usize) -> Bomb {
    document(place, "nested XML", "primary", &repository::primary(&"<a>".repeat(depth)), true)
}

fn nested_yaml(place: &Path, depth: usize) -> Bomb {
    document(place, "nested YAML", "modules", &format!("---\ndocument: modulemd\nx: {}", "[".repeat(depth)), false)
}

fn many_groups(place: &Path, count: usize) -> Bomb {
    let mut text = "<comps>".to_owned();
    for number in 0..count {
        write!(text, "<group><id>g{number}</id><packagelist><packagereq>p</packagereq></packagelist></group>").unwrap();
    }
    document(place, "names of groups", "group", &(text + "</comps>"), true)
}

/// Returns packages that each require many versions of what all provide.
fn entangled(place: &Path, count: usize) -> Bomb {
    let mut packages = String::new();
    for number in 0..count {
        let relations = format!(
            "<rpm:requires><rpm:entry name=\"x\" flags=\"GE\" ver=\"{number}\"/></rpm:requires><rpm:conflicts><rpm:entry name=\"x\" flags=\"GE\" ver=\"0.{number}\"/></rpm:conflicts>\
             <rpm:provides><rpm:entry name=\"x\" flags=\"EQ\" ver=\"{count}\"/></rpm:provides>"
        );
        packages += &repository::package(&format!("p{number}"), b"", &relations);
    }
    document(place, "dependencies on what all provide", "primary", &repository::primary(&packages), true)
}

/// Returns a header that contains only names.
fn many_names(place: &Path, name: &'static str, count: usize, directory: usize) -> Bomb {
    let mut header = rpm::identity("hostile");
    let payload = rpm::gzip(b"");
    header
        .strings(Tag::PAYLOAD_DIGEST, [Digest::of(Algorithm::Sha256, &payload).hex()])
        .u32(Tag::PAYLOAD_DIGEST_ALGO, 8)
        .strings(Tag::BASENAMES, std::iter::repeat_n("a", count))
        .strings(Tag::DIRNAMES, ["/".repeat(directory)])
        .u32s(Tag::DIR_INDEXES, std::iter::repeat_n(0, count));
    let file = rpm::sealed(&header.build(rootstrap::rpm::header::Place::Package).unwrap(), &payload);
    Bomb { name, from: file.len() as u64, arguments: install(place, &file), refused: true }
}

fn many_members(place: &Path, count: usize) -> Bomb {
    let mut data = Vec::new();
    for number in 0..count {
        let mut header = tar::Header::new_ustar();
        header.set_path(format!("f{number}")).unwrap();
        header.set_mode(0o644);
        header.set_size(0);
        header.set_cksum();
        data.extend_from_slice(header.as_bytes());
    }
    let file = apk::of_data("hostile", "", &pack("gz", &data));
    let from = file.len() as u64;
    apk_repository(place, file);
    Bomb { name: "files of an apk package", from, arguments: words(INSTALL_APK), refused: true }
}

fn layer(place: &Path, pieces: usize) -> Bomb {
    let header = large(tar::Header::new_ustar(), pieces);
    let packed = Packed::new("zst", &[header.as_bytes(), &[0; 1024]], pieces);
    fs::write(place.join("root.tar.zst"), &packed.bytes).unwrap();
    Bomb {
        name: "archive of a root, zstd",
        from: packed.bytes.len() as u64,
        arguments: words("sbom root.tar.zst"),
        refused: true,
    }
}

fn advisories(place: &Path, pieces: usize) -> Bomb {
    let packed = Packed::filled("zst", &[b"{\"id\": \"X\"", b"}"], b" ", pieces);
    fs::write(place.join("advisories.json"), &packed.bytes).unwrap();
    let database = place.join("root/lib/apk/db");
    fs::create_dir_all(&database).unwrap();
    fs::write(database.join("installed"), "C:Q1eVpkasfqZAukAXFYbgwt4xAMZWU=\nP:a\nV:1-r0\nA:x86_64\nS:1\nI:1\n\n").unwrap();
    let arguments = words("audit root --advisories advisories.json");
    Bomb { name: "advisories, zstd", from: packed.bytes.len() as u64, arguments, refused: true }
}

/// `RPMTAG_PREIN` and `RPMTAG_PREINPROG`.
const PRE_IN: Tag = Tag(1023);
const PRE_IN_PROG: Tag = Tag(1085);

/// Returns a scriptlet that runs before the files are installed.
fn scriptlet(place: &Path, name: &'static str, text: &str) -> Bomb {
    let package = Package { name: "hostile", items: vec![Item::file("/file", b"x")], ..Package::default() };
    let lua = |header: &mut HeaderBuilder| {
        header.string(PRE_IN, text).strings(PRE_IN_PROG, ["<lua>"]);
    };
    let file = rpm::of_archive(&package, &rpm::gzip(&rpm::archive(&package)), &lua);
    Bomb { name, from: file.len() as u64, arguments: install(place, &file), refused: false }
}

const SCRIPTLETS: [(&str, &str); 9] = [
    ("Lua: a loop without end", "while true do end"),
    ("Lua: memory", "local t = {} while true do t[#t + 1] = string.rep('x', 1000) .. #t end"),
    ("Lua: string.rep", "local s = string.rep('x', 1 << 30) print(#s)"),
    ("Lua: recursion", "local function f(n) return 1 + f(n + 1) end print(pcall(f, 1)) while true do pcall(f, 1) end"),
    ("Lua: patterns", "print(string.find(string.rep('a', 5000), string.rep('a*', 40) .. 'b'))"),
    ("Lua: forks", "while true do posix.fork() end"),
    (
        "Lua: exec",
        "posix.exec('/bin/sh', '-c', 'echo out > ../canary') posix.execp('sh', '-c', 'true') os.execute('touch ../canary')",
    ),
    (
        "Lua: files",
        "local n = 0 while true do n = n + 1 local f = io.open('/f' .. n, 'w') f:write(string.rep('x', 100000)) f:close() end",
    ),
    ("Lua: output", "while true do print(string.rep('x', 1000)) end"),
];

/// Makes a bomb in a directory of its own, runs the command, and checks the limits.
fn tried(make: &dyn Fn(&Path) -> Bomb) -> String {
    let place = tempfile::tempdir().unwrap();
    let canary = crate::canary::Canary::new(place.path());
    let work = place.path().join("work");
    fs::create_dir(&work).unwrap();
    let bomb = make(&work);
    let arguments: Vec<&str> = bomb.arguments.iter().map(String::as_str).collect();
    let Measured { code, message, time, memory, disk } = run(&work, &arguments);
    let mib = |bytes: u64| match bytes {
        0..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    };
    let line = format!(
        "| {} | {} | {} | {:.2} s | {} | {} | {} |",
        bomb.name,
        mib(bomb.from),
        code.map_or("killed".to_owned(), |code| code.to_string()),
        time.as_secs_f64(),
        mib(memory),
        mib(disk),
        message.replace(place.path().to_str().unwrap(), "PLACE")
    );
    println!("{line}");
    assert!(code.is_some_and(|code| code < 100), "it did not end by itself: {line}");
    assert!(!bomb.refused || code != Some(0), "it was taken: {line}");
    assert!(memory <= MEMORY && disk <= DISK, "it was stopped too late: {line}");
    assert_eq!(canary.harm(), None, "{line}");
    assert!(!bomb.refused || !work.join("out").exists(), "OUT is there: {line}");
    line
}

/// The quick bombs: they are detected before much is decompressed.
#[test]
fn bombs_that_are_seen_at_once() {
    let makes: [&dyn Fn(&Path) -> Bomb; 7] = [
        &|place| metadata(place, "bz2", 160),
        &entities,
        &|place| nested(place, 1000),
        &|place| nested_yaml(place, 100_000),
        &|place| many_groups(place, 11_000),
        &|place| many_names(place, "names in a header", 2_000_000, 1),
        &|place| many_names(place, "long directory, many names", 60_000, 60_000),
    ];
    for make in makes {
        tried(make);
    }
}

#[test]
fn scriptlets_that_do_not_end_are_stopped() {
    for (name, text) in
        SCRIPTLETS.iter().filter(|(name, _)| name.ends_with("exec") || name.ends_with("rep") || name.ends_with("output"))
    {
        tried(&|place| scriptlet(place, name, text));
    }
}

/// A function that makes a bomb in a directory.
type Make = Box<dyn Fn(&Path) -> Bomb>;

/// All bombs, ten gigabytes each: this takes minutes without optimization.
#[test]
#[ignore = "ten gigabytes each"]
fn bombs_of_every_kind() {
    const PIECES: usize = 160;
    let mut makes: Vec<Make> = Vec::new();
    for form in ["gz", "xz", "zst", "bz2"] {
        makes.push(Box::new(move |place| payload(place, form, PIECES)));
        makes.push(Box::new(move |place| metadata(place, form, PIECES)));
    }
    makes.push(Box::new(|place| apk_data(place, PIECES)));
    makes.push(Box::new(|place| apk_index(place, PIECES)));
    makes.push(Box::new(|place| layer(place, PIECES)));
    makes.push(Box::new(|place| advisories(place, PIECES)));
    makes.push(Box::new(|place| many_members(place, 1_200_000)));
    makes.push(Box::new(|place| many_names(place, "names in a header", 10_000_000, 1)));
    makes.push(Box::new(|place| many_names(place, "long directory, many names", 60_000, 60_000)));
    makes.push(Box::new(entities));
    makes.push(Box::new(|place| nested(place, 5_000_000)));
    makes.push(Box::new(|place| nested_yaml(place, 16_000_000)));
    makes.push(Box::new(|place| many_groups(place, 300_000)));
    makes.push(Box::new(|place| entangled(place, 30_000)));
    for (name, text) in SCRIPTLETS {
        makes.push(Box::new(move |place| scriptlet(place, name, text)));
    }
    println!("| bomb | from | exit | time | peak memory | disk | message |");
    let mut late = Vec::new();
    for make in &makes {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tried(make.as_ref())));
        late.extend(outcome.err().map(|_| ()));
    }
    assert!(late.is_empty(), "{} bombs were not stopped in time", late.len());
}
