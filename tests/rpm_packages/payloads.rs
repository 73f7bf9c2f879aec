//! Payloads: every compression, both forms of the archive, hard links in every order, and archives
//! that are not what the header promises.

use std::path::Path;
use std::sync::Arc;

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::fetch::Store;
use rootstrap::package::{Content, EntryKind, InflatedStore, Spool};
use rootstrap::repo::Inflated;
use rootstrap::rpm::files::{File, hard_link_sets};
use rootstrap::rpm::package::{Package, PackageError, Trust};
use rootstrap::rpm::payload::PayloadError;
use rootstrap::rpm::signature::Keyring;
use rootstrap::rpm::tag::Tag;

use crate::builder::{Parts, TestFile, archive, member, short_member, trailer};

fn open(parts: Parts) -> Package {
    Package::open(&parts.with_digests().content(), Trust::Unsigned(&Keyring::new())).unwrap()
}

/// The contents of regular files; `None` for others.
type Contents = Vec<Option<Vec<u8>>>;

fn unpack(package: &Package, wanted: impl Fn(&File) -> bool) -> Result<Contents, PayloadError> {
    let directory = tempfile::tempdir().unwrap();
    unpack_into(package, &Spool::new(1 << 20, directory.path()), wanted)
}

fn unpack_into(package: &Package, spool: &Spool, wanted: impl Fn(&File) -> bool) -> Result<Contents, PayloadError> {
    let contents = package.unpack(&package.files().unwrap(), spool, wanted)?;
    Ok(contents.into_iter().map(|content| content.map(|content| content.bytes().unwrap().into_owned())).collect())
}

fn long_path() -> String {
    format!("/{}file", "directory/".repeat(400))
}

fn sample() -> Vec<TestFile> {
    vec![
        TestFile::directory("/etc", 1),
        TestFile::regular("/etc/one", 2, b"one\n"),
        TestFile::regular("/etc/empty", 3, b""),
        TestFile::ghost("/etc/ghost", 4),
        TestFile::symlink("/etc/link", 5, "one"),
        // Larger than any buffer on the way, so that it comes in pieces.
        TestFile::regular("/etc/large", 6, &(0..400_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()),
        TestFile::regular(&long_path(), 7, b"long"),
    ]
}

fn sample_contents() -> Vec<Option<Vec<u8>>> {
    let regular = |file: &TestFile| file.mode >> 12 == 0o10 && file.flags == 0;
    sample().iter().map(|file| regular(file).then(|| file.content.clone())).collect()
}

#[test]
fn every_compression_gives_the_same() {
    for compressor in ["gzip", "bzip2", "xz", "lzma", "zstd", ""] {
        let package = open(Parts::new(&sample(), &archive(&sample()), compressor));
        assert_eq!(unpack(&package, |_| true).unwrap(), sample_contents(), "{compressor}");
    }
    // rpm writes gzip where nothing is said, and reads what is plain though gzip is said.
    let mut parts = Parts::new(&sample(), &archive(&sample()), "gzip");
    parts.header.remove(Tag::PAYLOAD_COMPRESSOR);
    assert_eq!(unpack(&open(parts), |_| true).unwrap(), sample_contents());
}

/// Returns a spool that caches decompressed payloads in a directory, and the digest of the cached
/// payload.
fn keeping(directory: &Path, package: &Package) -> (Spool, Arc<Inflated>, Digest) {
    let store = Arc::new(Inflated::new(Store::new(directory)).with_room(0));
    let packed = Digest::of(Algorithm::Sha256, &package.payload().bytes().unwrap());
    (Spool::new(1 << 20, directory).with_inflated(store.clone()), store, packed)
}

#[test]
fn what_is_slow_to_inflate_is_kept_and_gives_the_same() {
    for (compressor, is_kept) in [("gzip", true), ("bzip2", true), ("xz", true), ("lzma", true), ("zstd", false), ("", false)] {
        let directory = tempfile::tempdir().unwrap();
        let package = open(Parts::new(&sample(), &archive(&sample()), compressor));
        let (spool, store, packed) = keeping(directory.path(), &package);
        // What is not wanted now may be wanted next time.
        let first = unpack_into(&package, &spool, |file| *file.path == *b"/etc/one").unwrap();
        assert_eq!(first.iter().flatten().collect::<Vec<_>>(), [b"one\n"]);
        let kept = store.find(&packed).map(|content| content.bytes().unwrap().into_owned());
        assert_eq!(kept, is_kept.then(|| archive(&sample())), "{compressor}");
        assert_eq!(unpack_into(&package, &spool, |_| true).unwrap(), sample_contents(), "{compressor}");
        assert_eq!(spool.used(), 0);
    }
}

#[test]
fn what_is_kept_is_held_against_the_header() {
    let directory = tempfile::tempdir().unwrap();
    let package = open(Parts::new(&sample(), &archive(&sample()), "xz"));
    let (spool, store, packed) = keeping(directory.path(), &package);
    let mut forged = sample();
    forged[1].content = b"two\n".to_vec();
    for kept in
        [archive(&forged), archive(&sample()[..5]), b"no archive".to_vec(), [archive(&sample()), b"more".to_vec()].concat()]
    {
        let mut writer = store.begin(&packed).unwrap();
        writer.add(&kept);
        writer.finish();
        assert_eq!(unpack_into(&package, &spool, |_| true).unwrap(), sample_contents());
        let now = store.find(&packed).unwrap();
        assert_eq!(*now.bytes().unwrap(), archive(&sample()), "it is kept anew");
    }
}

#[test]
fn what_cannot_be_unpacked_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = sample();
    wrong[1].content = b"two\n".to_vec();
    for archive in [archive(&wrong), archive(&sample()[..5]), archive(&sample())[..5000].to_vec()] {
        let package = open(Parts::new(&sample(), &archive, "gzip"));
        let (spool, store, packed) = keeping(directory.path(), &package);
        assert!(unpack_into(&package, &spool, |_| true).is_err());
        assert!(store.find(&packed).is_none());
    }
}

#[test]
fn an_unknown_compression_is_named() {
    let mut parts = Parts::new(&sample(), &archive(&sample()), "");
    parts.header.string(Tag::PAYLOAD_COMPRESSOR, "brotli");
    assert!(matches!(unpack(&open(parts), |_| true), Err(PayloadError::Format { found }) if found == "brotli"));
    let mut parts = Parts::new(&sample(), &archive(&sample()), "");
    parts.header.string(Tag::PAYLOAD_FORMAT, "drpm");
    assert!(matches!(unpack(&open(parts), |_| true), Err(PayloadError::Format { found }) if found == "drpm"));
}

#[test]
fn the_short_form_for_large_files() {
    let files = sample();
    let members = files.iter().enumerate().filter(|(_, file)| file.flags == 0).map(|(i, file)| {
        let data = if file.link.is_empty() { &file.content } else { file.link.as_bytes() };
        short_member(i, data)
    });
    let archive = members.chain([trailer()]).collect::<Vec<_>>().concat();
    assert_eq!(unpack(&open(Parts::new(&files, &archive, "zstd")), |_| true).unwrap(), sample_contents());
    // Of hard links the last has the data.
    let links = links();
    let archive =
        [short_member(0, b""), short_member(1, b""), short_member(2, b"linked"), short_member(3, b"own"), trailer()].concat();
    assert_eq!(unpack(&open(Parts::new(&links, &archive, "zstd")), |_| true).unwrap(), link_contents());
}

fn links() -> Vec<TestFile> {
    vec![
        TestFile::regular("/a", 9, b"linked"),
        TestFile::regular("/b", 9, b"linked"),
        TestFile::regular("/c", 9, b"linked"),
        TestFile::regular("/d", 10, b"own"),
    ]
}

fn link_contents() -> Vec<Option<Vec<u8>>> {
    [b"linked".as_slice(), b"linked", b"linked", b"own"].map(|content| Some(content.to_vec())).into()
}

#[test]
fn hard_links_have_one_content_wherever_it_stands() {
    let own = || member("./d", b"own");
    for order in [
        [member("./a", b""), member("./b", b""), member("./c", b"linked"), own()],
        [member("./a", b"linked"), member("./b", b""), member("./c", b""), own()],
        [own(), member("./c", b""), member("./a", b"linked"), member("./b", b"")],
        [member("./a", b"linked"), member("./b", b"linked"), own(), member("./c", b"linked")],
    ] {
        let archive = order.concat().into_iter().chain(trailer()).collect::<Vec<_>>();
        let package = open(Parts::new(&links(), &archive, "zstd"));
        assert_eq!(unpack(&package, |_| true).unwrap(), link_contents());
        // One name that is wanted is enough for the content.
        let some = unpack(&package, |file| *file.path == *b"/b").unwrap();
        assert_eq!((some[1].as_deref(), &some[3]), (Some(&b"linked"[..]), &None));
    }
    let package = open(Parts::new(&links(), &trailer(), "zstd"));
    let files = package.files().unwrap();
    let sets = hard_link_sets(&files);
    assert_eq!(sets, [0, 0, 0, 3]);
    let entry = files[2].entry(Content::empty(), Some(&files[sets[2]])).unwrap();
    assert!(matches!(entry.kind, EntryKind::HardLink(path) if *path == *b"/a"));
}

#[test]
fn names_with_or_without_their_dot() {
    let files =
        [TestFile::regular("/usr/a", 1, b"1"), TestFile::regular("/usr/b", 2, b"2"), TestFile::regular("/usr/c", 3, b"3")];
    // In another order than the header's, too.
    let archive = [member("usr/c", b"3"), member("/usr/a", b"1"), member("./usr/b", b"2"), trailer()].concat();
    let contents = unpack(&open(Parts::new(&files, &archive, "gzip")), |_| true).unwrap();
    assert_eq!(contents, [Some(b"1".to_vec()), Some(b"2".to_vec()), Some(b"3".to_vec())]);
}

/// Returns the error for an archive of `/a` (`one`) and `/b` (`two`).
fn refused(archive: &[Vec<u8>]) -> PayloadError {
    let files = [TestFile::regular("/a", 1, b"one"), TestFile::regular("/b", 2, b"two")];
    unpack(&open(Parts::new(&files, &archive.concat(), "zstd")), |_| true).unwrap_err()
}

#[test]
fn archives_that_are_not_what_the_header_promises() {
    let (a, b) = (|| member("./a", b"one"), || member("./b", b"two"));
    assert!(matches!(refused(&[a(), member("./b", b"owt"), trailer()]), PayloadError::Digest { path, .. } if path == "/b"));
    assert!(matches!(refused(&[a(), trailer()]), PayloadError::Missing { path } if path == "/b"));
    assert!(matches!(refused(&[a(), b(), member("./c", b""), trailer()]), PayloadError::Unexpected { path } if path == "./c"));
    assert!(matches!(refused(&[a(), a(), b(), trailer()]), PayloadError::Twice { path } if path == "/a"));
    assert!(matches!(refused(&[a(), b()]), PayloadError::Inflate(_)));
    assert!(matches!(refused(&[a(), b"070709".to_vec(), trailer()]), PayloadError::Archive(_)));
    assert!(matches!(refused(&[short_member(7, b"")]), PayloadError::Unexpected { .. }));
    assert!(matches!(refused(&[a(), b(), trailer(), b"more".to_vec()]), PayloadError::Trailing));
    assert!(matches!(refused(&[a(), b(), trailer(), vec![0; 1 << 20]]), PayloadError::Trailing));
    // A file larger than expected is not read: here, 64 MiB in a few kilobytes.
    let bomb = refused(&[a(), member("./b", &vec![0; 64 << 20]), trailer()]);
    assert!(matches!(bomb, PayloadError::Size { expected: 3, found, .. } if found == 64 << 20));
}

#[test]
fn what_is_not_wanted_is_not_looked_at() {
    let files = [TestFile::regular("/a", 1, b"one"), TestFile::regular("/b", 2, b"two")];
    let package = open(Parts::new(&files, &[member("./a", b"000"), member("./b", b"two"), trailer()].concat(), "zstd"));
    assert!(unpack(&package, |_| true).is_err());
    assert_eq!(unpack(&package, |file| *file.path == *b"/b").unwrap(), [None, Some(b"two".to_vec())]);
}

#[test]
fn the_digest_of_the_inflated_payload_counts_where_it_is_the_only_one() {
    let files = [TestFile::regular("/a", 1, b"one")];
    let archive = [member("./a", b"one"), trailer()].concat();
    let mut parts = Parts::new(&files, &archive, "zstd");
    parts.header.remove(Tag::PAYLOAD_DIGEST);
    assert!(unpack(&open(parts), |_| true).is_ok());
    let mut parts = Parts::new(&files, &archive, "zstd");
    parts.header.remove(Tag::PAYLOAD_DIGEST).strings(Tag::PAYLOAD_DIGEST_ALT, ["0".repeat(64)]);
    assert!(matches!(unpack(&open(parts), |_| true), Err(PayloadError::Whole { .. })));
}

#[test]
fn a_package_without_any_digest_is_refused() {
    let parts = Parts::new(&sample(), &archive(&sample()), "zstd");
    let keyring = Keyring::new();
    assert!(matches!(Package::open(&parts.content(), Trust::Unsigned(&keyring)), Err(PackageError::NoDigest { .. })));
    let mut parts = Parts::new(&sample(), &archive(&sample()), "zstd");
    parts.header.remove(Tag::PAYLOAD_DIGEST).remove(Tag::PAYLOAD_DIGEST_ALT);
    assert!(matches!(
        Package::open(&parts.with_digests().content(), Trust::Unsigned(&keyring)),
        Err(PackageError::NoDigest { .. })
    ));
}
