//! A valid package with an arbitrary archive as payload, plain and with gzip. Each file has the
//! recorded size, there are no other files, and cached decompressed data give the same result.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::package::Content;
use rootstrap::rpm::files::FileKind;
use rootstrap::rpm::header::{HeaderBuilder, MAGIC, Place};
use rootstrap::rpm::package::{Package, Trust};
use rootstrap::rpm::signature::Keyring;
use rootstrap::rpm::tag::Tag;
use rootstrap_fuzz::{Kept, gzip, spool};

/// Names, modes, sizes and inodes. Two of them are hard links to each other.
const FILES: [(&str, u16, u32, u32); 7] = [
    ("a", 0o100_644, 3, 1),
    ("b", 0o100_755, 0, 2),
    ("c", 0o40_755, 0, 3),
    ("d", 0o120_777, 1, 4),
    ("e", 0o100_644, 5, 5),
    ("f", 0o100_644, 5, 5),
    ("g", 0o10_644, 0, 6),
];

fn package(payload: &[u8]) -> Vec<u8> {
    let mut header = HeaderBuilder::new();
    let count = FILES.len();
    header
        .string(Tag::NAME, "fuzz")
        .string(Tag::VERSION, "1")
        .string(Tag::RELEASE, "1")
        .string(Tag::ARCH, "noarch")
        .string(Tag::SOURCE_RPM, "fuzz-1-1.src.rpm")
        .string(Tag::PAYLOAD_FORMAT, "cpio")
        .string(Tag::PAYLOAD_COMPRESSOR, "gzip")
        .strings(Tag::PAYLOAD_DIGEST, [Digest::of(Algorithm::Sha256, payload).hex()])
        .u32(Tag::PAYLOAD_DIGEST_ALGO, 8)
        .strings(Tag::BASENAMES, FILES.map(|file| file.0))
        .strings(Tag::DIRNAMES, ["/"])
        .u32s(Tag::DIR_INDEXES, vec![0; count])
        .u16s(Tag::FILE_MODES, FILES.map(|file| file.1))
        .u32s(Tag::FILE_SIZES, FILES.map(|file| file.2))
        .u32s(Tag::FILE_INODES, FILES.map(|file| file.3))
        .u32s(Tag::FILE_DEVICES, vec![1; count])
        .strings(Tag::FILE_LINKTOS, FILES.map(|file| if file.0 == "d" { "a" } else { "" }));
    let header = [&MAGIC[..], &header.build(Place::Package).expect("small")].concat();
    let mut signature = HeaderBuilder::new();
    signature.string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &header).hex());
    let mut file = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 0];
    file.resize(78, 0);
    file.extend([0, 5]);
    file.resize(96, 0);
    file.extend(MAGIC);
    file.extend(signature.build(Place::Signature).expect("small"));
    file.resize(file.len().next_multiple_of(8), 0);
    [file, header, payload.to_vec()].concat()
}

fn check(payload: &[u8]) {
    let content = Content::from(package(payload));
    let package = Package::open(&content, Trust::Unsigned(&Keyring::new())).expect("all digests are right");
    let files = package.files().expect("a sound header");
    let spool = spool().with_inflated(Arc::new(Kept::default()));
    let unpack = || package.unpack(&files, &spool, |_| true);
    let Ok(contents) = unpack() else { return };
    assert_eq!(contents.len(), files.len());
    let again = unpack().expect("as before");
    for ((file, content), again) in files.iter().zip(contents).zip(again) {
        assert_eq!(content.is_some(), file.kind == FileKind::Regular);
        if let Some(content) = content {
            assert_eq!(content.len(), file.size, "{}", file.display_path());
            let bytes = content.bytes().expect("spooled");
            assert_eq!(bytes.len() as u64, file.size);
            assert_eq!(again.expect("as before").bytes().expect("kept"), bytes);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&gzip(data));
});
