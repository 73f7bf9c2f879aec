//! A signed index and a signed package after a change. If the signature still verifies, the signed
//! bytes are unchanged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::archive::GzipStreams;
use rootstrap::apk::index::verify;
use rootstrap::apk::package::{Indexed, Package, Trust};
use rootstrap::apk::signature::Keyring;
use rootstrap::package::Content;
use rootstrap_fuzz::{damaged, spool};

const INDEX: &[u8] = include_bytes!("../../repo-fixtures/v3.20/community/x86_64/APKINDEX.tar.gz");
const PACKAGE: &[u8] = include_bytes!("../../repo-fixtures/v3.20/community/x86_64/hello-2.0-r1.apk");
const KEY: &[u8] = include_bytes!("../../repo-fixtures/keys/rootstrap-fixtures.rsa.pub");

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    keyring.add("rootstrap-fixtures.rsa.pub", KEY).expect("a key");
    keyring
});

/// Returns the bytes after the signature stream.
fn signed(file: &[u8]) -> &[u8] {
    let mut streams = GzipStreams::new(file);
    let first = streams.next(|_| Ok::<_, std::io::Error>(())).expect("a stream").expect("a stream");
    &file[first.0.end as usize..]
}

fn open(file: &[u8]) -> Option<String> {
    let package = Package::open(&Content::from(file), Trust::Keys(&KEYRING), &Indexed::default(), &spool()).ok()?;
    Some(format!("{:?} {:?} {:?}", package.info(), package.scripts(), package.entries()))
}

fuzz_target!(|data: &[u8]| {
    static SOUND: LazyLock<String> = LazyLock::new(|| open(PACKAGE).expect("a sound package"));
    let Some((&which, data)) = data.split_first() else { return };
    if which % 2 == 0 {
        let index = damaged(INDEX, data);
        if verify(&index, &KEYRING).is_ok() {
            assert_eq!(signed(&index), signed(INDEX));
        }
    } else if let Some(found) = open(&damaged(PACKAGE, data)) {
        assert_eq!(found, *SOUND);
    }
});
