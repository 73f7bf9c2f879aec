//! Signatures of OpenPGP version 6 with post-quantum algorithms, alone and beside those of version
//! 4.

use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder};
use pgp::types::{KeyDetails as _, KeyVersion};
use rootstrap::catalog::SignaturePolicy;
use rootstrap::package::Content;
use rootstrap::rpm::package::{Package, PackageError, Trust};
use rootstrap::rpm::signature::{Keyring, SignatureError};
use rootstrap::rpm::tag::Tag;
use rsa::rand_core::{CryptoRng, RngCore};

use crate::builder::{Key, Parts, TestFile, archive, base64};

const EDDSA: &str = include_str!("keys/ed25519-v4.secret.asc");

/// A reproducible generator of numbers for test keys.
struct Numbers(u64);

impl RngCore for Numbers {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    // SplitMix64.
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next_u32() as u8;
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Numbers {}

fn key(kind: KeyType, seed: u64) -> Key {
    let mut parameters = SecretKeyParamsBuilder::default();
    parameters
        .version(KeyVersion::V6)
        .key_type(kind)
        .created_at(pgp::types::Timestamp::from_secs(1_600_000_000))
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("post-quantum <pqc@example.invalid>".into());
    Key::from(parameters.build().unwrap().generate(Numbers(seed)).unwrap())
}

/// Returns a package with these signatures in the tag of rpm 6, and one of version 4 in that of rpm
/// 4.
fn package(new: &[&[u8]], old: Option<&[u8]>) -> Parts {
    let mut parts = unsigned();
    if !new.is_empty() {
        parts.signature.strings(Tag::OPENPGP, new.iter().map(|signature| base64(signature)));
    }
    if let Some(old) = old {
        parts.signature.bytes(Tag::DSA_HEADER, old);
    }
    parts
}

fn unsigned() -> Parts {
    let files = [TestFile::regular("/a", 1, b"content")];
    Parts::new(&files, &archive(&files), "gzip").with_digests()
}

fn keyring(policy: SignaturePolicy, keys: &[&Key]) -> Keyring {
    let mut keyring = Keyring::with_policy(policy);
    for key in keys {
        let text = key.certificate().to_armored_string(ArmorOptions::default()).unwrap();
        assert_eq!(keyring.add(text.as_bytes()), Ok(1));
    }
    keyring
}

fn fingerprint(key: &Key) -> String {
    format!("{:X}", key.certificate().fingerprint())
}

fn open(parts: &Parts, keyring: &Keyring) -> Result<Package, PackageError> {
    Package::open(&Content::from(parts.file()), Trust::Keys(keyring))
}

#[test]
fn a_post_quantum_signature_is_verified_and_its_algorithm_has_a_name() {
    for (kind, name) in [(KeyType::MlDsa65Ed25519, "ML-DSA-65+Ed25519"), (KeyType::MlDsa87Ed448, "ML-DSA-87+Ed448")] {
        let (good, other) = (key(kind.clone(), 1), key(kind, 2));
        let header = unsigned().header_bytes();
        let signature = good.sign(&header, false);
        let ring = keyring(SignaturePolicy::default(), &[&good]);
        for parts in [package(&[&signature], None), package(&[], Some(&signature))] {
            let package = open(&parts, &ring).unwrap();
            let signer = package.signer().unwrap();
            assert_eq!((signer.algorithm.as_str(), &signer.key), (name, &fingerprint(&good)));
            let strangers = keyring(SignaturePolicy::default(), &[&other]);
            let Err(PackageError::UnknownKey { signers, .. }) = open(&parts, &strangers) else { panic!("{name}: another key") };
            assert_eq!(signers, [fingerprint(&good)]);
        }
        // Of another header; and each half of it damaged: the classical signature comes first, then
        // that of ML-DSA.
        let wrong = good.sign(b"another header", false);
        let damaged = |at: usize| {
            let mut signature = signature.clone();
            signature[at] ^= 1;
            signature
        };
        for signature in
            [wrong, damaged(signature.len() - 1), damaged(signature.len() - 3000), damaged(signature.len() - 3309 - 20)]
        {
            let error = open(&package(&[&signature], None), &ring).unwrap_err();
            assert!(matches!(&error, PackageError::Signature { source: SignatureError::Bad { .. }, .. }), "{name}: {error}");
        }
    }
}

#[test]
fn the_policy_says_whether_a_signature_of_version_6_makes_older_ones_not_count() {
    let (new, old) = (key(KeyType::MlDsa87Ed448, 1), Key::read(EDDSA));
    let header = unsigned().header_bytes();
    let (by_new, by_old, wrong) = (new.sign(&header, false), old.sign(&header, false), old.sign(b"another header", false));
    let beside = SignaturePolicy { v6_over_v4: false, ..SignaturePolicy::default() };
    let alone = SignaturePolicy { v6_over_v4: true, ..SignaturePolicy::default() };
    for parts in [package(&[&by_new], Some(&by_old)), package(&[&by_new, &by_old], None), package(&[&by_old, &by_new], None)] {
        for policy in [beside, alone] {
            let package = open(&parts, &keyring(policy, &[&new])).unwrap();
            assert_eq!(package.signer().unwrap().key, fingerprint(&new));
            assert!(open(&parts, &keyring(policy, &[&new, &old])).is_ok());
        }
        let package = open(&parts, &keyring(beside, &[&old])).unwrap();
        assert_eq!(package.signer().unwrap().key, fingerprint(&old));
        let Err(PackageError::UnknownKey { signers, .. }) = open(&parts, &keyring(alone, &[&old])) else {
            panic!("the signature of version 4 counts")
        };
        assert_eq!(signers, [fingerprint(&new)]);
    }
    // A wrong one of version 4 is not looked at where it does not count.
    let parts = package(&[&by_new], Some(&wrong));
    assert!(open(&parts, &keyring(alone, &[&new, &old])).is_ok());
    assert!(matches!(open(&parts, &keyring(beside, &[&new, &old])), Err(PackageError::Signature { .. })));
    // Without one of version 6 those of version 4 are all that there is.
    for policy in [beside, alone] {
        assert!(open(&package(&[], Some(&by_old)), &keyring(policy, &[&old])).is_ok());
        assert!(open(&package(&[&by_old], None), &keyring(policy, &[&old])).is_ok());
    }
}
