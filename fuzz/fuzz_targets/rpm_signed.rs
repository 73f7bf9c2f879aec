//! A signed package after a change. If it can still be opened, header, payload and signer are
//! unchanged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::package::Content;
use rootstrap::rpm::package::{Package, Trust};
use rootstrap::rpm::signature::Keyring;
use rootstrap_fuzz::{damaged, spool};

const PACKAGE: &[u8] = include_bytes!("../../repo-fixtures/9/BaseOS/aarch64/os/Packages/libcap-2.48-9.el9.aarch64.rpm");
const KEY: &[u8] = include_bytes!("../../repo-fixtures/keys/rootstrap-fixtures.asc");

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    keyring.add(KEY).expect("a key");
    keyring
});

fuzz_target!(|data: &[u8]| {
    static SOUND: LazyLock<Package> =
        LazyLock::new(|| Package::open(&Content::from(PACKAGE), Trust::Keys(&KEYRING)).expect("a sound package"));
    let file = damaged(PACKAGE, data);
    if let Ok(package) = Package::open(&Content::from(&file[..]), Trust::Keys(&KEYRING)) {
        assert_eq!(package.header().blob(), SOUND.header().blob());
        assert_eq!(package.payload().bytes().ok(), SOUND.payload().bytes().ok());
        assert_eq!(package.signer(), SOUND.signer());
    }
    // Code that normally runs after verification must not panic either.
    if let Ok(package) = Package::inspect(&Content::from(&file[..]))
        && let Ok(files) = package.files()
    {
        let _ = package.unpack(&files, &spool(), |_| true);
    }
});
