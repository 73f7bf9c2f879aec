//! An apk package: arbitrary bytes as a file, and a valid package with an arbitrary tar archive.
//! All paths are unique and below the root. A package from cached decompressed data is the same.
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::package::{Indexed, Package, Trust, facts};
use rootstrap::apk::signature::Keyring;
use rootstrap::digest::{Algorithm, Digest};
use rootstrap::package::{Content, Entry, EntryKind};
use rootstrap_fuzz::{Kept, gzip, is_below_root, spool};

/// Returns a package whose data stream holds this tar archive.
fn of_tar(tar: &[u8]) -> Vec<u8> {
    let data = gzip(tar);
    let info =
        format!("pkgname = fuzz\npkgver = 1-r0\narch = noarch\ndatahash = {}\n", Digest::of(Algorithm::Sha256, &data).hex());
    let mut control = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(info.len() as u64);
    header.set_mode(0o644);
    control.append_data(&mut header, ".PKGINFO", info.as_bytes()).expect("memory");
    [gzip(&control.into_inner().expect("memory")), data].concat()
}

fn all(package: &Package) -> Vec<(String, Vec<u8>)> {
    let content = |entry: &Entry| match &entry.kind {
        EntryKind::File(content) => content.bytes().expect("memory").into_owned(),
        _ => Vec::new(),
    };
    package.entries().iter().map(|entry| (format!("{entry:?}"), content(entry))).collect()
}

fn check(content: &Content) {
    let spool = spool().with_inflated(Arc::new(Kept::default()));
    let open = || Package::open(content, Trust::Unsigned(&Keyring::new()), &Indexed::default(), &spool);
    let Ok(package) = open() else { return };
    assert_eq!(all(&open().expect("as before")), all(&package));
    let mut paths = BTreeSet::new();
    for entry in package.entries() {
        assert!(is_below_root(&entry.path), "{:?}", entry.path);
        if let EntryKind::HardLink(target) = &entry.kind {
            assert!(paths.contains(target), "{:?} links to what does not come before it", entry.path);
        }
        assert!(entry.mode <= 0o7777 && paths.insert(entry.path.clone()), "{:?}", entry.path);
    }
}

fuzz_target!(|data: &[u8]| {
    let content = Content::from(data.to_vec());
    let _ = Package::read_info(&content);
    let _ = facts(&content);
    check(&content);
    check(&Content::from(of_tar(data)));
});
