//! OpenPGP certificates and signatures, and keys of apk: no signature verifies unless a trusted key
//! made it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk;
use rootstrap::rpm::signature::Keyring;

const KEY: &[u8] = include_bytes!("../../repo-fixtures/keys/rootstrap-fixtures.asc");

fuzz_target!(|data: &[u8]| {
    let mut keyring = Keyring::new();
    if let Ok(count) = keyring.add(data) {
        assert!(count > 0 && keyring.certificates().len() <= count);
        for certificate in keyring.certificates() {
            let _ = (certificate.fingerprint(), certificate.fingerprints(), certificate.user(), certificate.to_bytes());
        }
    }
    let mut trusted = Keyring::new();
    trusted.add(KEY).expect("a key");
    // The secret key never signed this text.
    assert!(trusted.verify(data, || &b"what nobody ever signed"[..]).is_err());
    let _ = apk::signature::Keyring::new().add("key", data);
});
