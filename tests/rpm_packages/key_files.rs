//! Tests of key files that are unusable in part: the rest is used, and errors repeat no bytes of
//! the file.

use pgp::composed::{ArmorOptions, SignedPublicKey};
use pgp::ser::Serialize as _;
use pgp::types::KeyDetails as _;
use rootstrap::ecosystem::Ecosystem as _;
use rootstrap::rpm::signature::{KeyError, Keyring};

use crate::builder::Key;

const FIXTURES: &str = include_str!("../../repo-fixtures/keys/rootstrap-fixtures.secret.asc");
const EDDSA: &str = include_str!("keys/ed25519-v4.secret.asc");
const V6: &str = include_str!("keys/ed25519-v6.secret.asc");

fn armored(key: &str) -> String {
    Key::read(key).certificate().to_armored_string(ArmorOptions::default()).unwrap()
}

fn binary(key: &str) -> Vec<u8> {
    Key::read(key).certificate().to_bytes().unwrap()
}

/// Returns the bytes in armor, whatever they are.
fn armor(bytes: &[u8]) -> String {
    struct Bytes<'a>(&'a [u8]);
    impl pgp::ser::Serialize for Bytes<'_> {
        fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
            Ok(writer.write_all(self.0)?)
        }

        fn write_len(&self) -> usize {
            self.0.len()
        }
    }
    let mut text = Vec::new();
    pgp::armor::write(&Bytes(bytes), pgp::armor::BlockType::PublicKey, &mut text, None, true).unwrap();
    String::from_utf8(text).unwrap()
}

/// Returns a certificate with one byte changed in the body of its first packet: 0 is the version, 5
/// the algorithm.
fn with_byte(key: &str, at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = binary(key);
    let header = if bytes[0] & 0x40 != 0 && bytes[1] >= 192 || bytes[0] & 0x43 == 1 { 3 } else { 2 };
    bytes[header + at] = byte;
    bytes
}

/// Returns a certificate with invalid signatures.
fn unbound(key: &str) -> Vec<u8> {
    let mut certificate: SignedPublicKey = Key::read(key).certificate();
    certificate.details = Key::read(V6).certificate().details;
    certificate.details.users = Key::read(FIXTURES).certificate().details.users;
    certificate.public_subkeys.clear();
    certificate.to_bytes().unwrap()
}

/// Returns the fingerprints that are used, and a line for each unusable certificate.
fn told(file: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let key = rootstrap::catalog::Key { name: "keys.asc".into(), data: file.to_vec().into() };
    let keyring = rootstrap::rpm::Rpm.keyring(&[key], &rootstrap::catalog::SignaturePolicy::default());
    let keyring = keyring.map_err(|error| error.to_string())?;
    let unusable = rootstrap::rpm::Rpm.unusable_keys(&keyring).iter().map(ToString::to_string).collect();
    Ok((keyring.certificates().iter().map(rootstrap::rpm::signature::Certificate::fingerprint).collect(), unusable))
}

fn fingerprint(key: &str) -> String {
    format!("{:X}", Key::read(key).certificate().fingerprint())
}

/// Fails if a text repeats a part of the file: of its base64, its bytes as hexadecimal, or its
/// bytes as numbers.
#[track_caller]
fn repeats_nothing(text: &str, block: &[u8]) {
    let lines = String::from_utf8_lossy(block);
    for line in lines.lines().filter(|line| line.len() > 20 && !line.contains(' ')) {
        assert!(!text.contains(&line[..12]), "{text}");
    }
    assert!(!text.contains('[') && !text.contains("0x") && text.len() < 600, "{text}");
}

/// Returns the kinds of broken blocks, each with a word of the reason.
fn broken() -> Vec<(&'static str, String)> {
    let good = armored(EDDSA);
    let middle = good.len() / 2;
    let cut: String = good.split_inclusive('\n').take(6).collect();
    let mut letters = good.clone();
    letters.replace_range(middle..=middle, "!");
    vec![
        ("damaged", cut),
        ("damaged", letters),
        ("damaged", armor(&binary(EDDSA)[..60])),
        ("version 5", armor(&with_byte(EDDSA, 0, 5))),
        ("version 7", armor(&with_byte(EDDSA, 0, 7))),
        ("algorithm of its key (99)", armor(&with_byte(EDDSA, 5, 99))),
        ("no signature of its own key", armor(&unbound(EDDSA))),
        ("no public key block", EDDSA.to_owned()),
        ("damaged", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n".to_owned()),
    ]
}

#[test]
fn a_broken_block_beside_good_ones_is_told_and_passed_over() {
    for (reason, block) in broken() {
        let good = [armored(FIXTURES), armored(V6)];
        for place in 0..=2 {
            let mut blocks: Vec<&str> = good.iter().map(String::as_str).collect();
            blocks.insert(place, &block);
            let file = format!("# a comment\n{}\n", blocks.join("\n# a comment\n"));
            let (used, unusable) = told(file.as_bytes()).unwrap();
            assert_eq!(used, [fingerprint(FIXTURES), fingerprint(V6)], "{reason}");
            let [line] = &unusable[..] else { panic!("{reason}: {unusable:?}") };
            assert!(line.starts_with(&format!("keys.asc, block {} is not a usable key: ", place + 1)), "{line}");
            assert!(line.contains(reason), "{reason}: {line}");
            repeats_nothing(line, block.as_bytes());
        }
    }
}

#[test]
fn a_file_without_a_usable_certificate_is_an_error_that_gives_each_reason() {
    let mut all = String::new();
    for (reason, block) in broken() {
        let error = told(block.as_bytes()).unwrap_err();
        assert!(error.contains("keys.asc is not a usable key") && error.contains(reason), "{error}");
        repeats_nothing(&error, block.as_bytes());
        all += &block;
    }
    let mut keyring = Keyring::new();
    let Err(KeyError::Malformed(reasons)) = keyring.add(all.as_bytes()) else { panic!("none is usable") };
    assert_eq!(reasons.split("; ").count(), broken().len(), "{reasons}");
    assert!(keyring.is_empty() && keyring.unusable().is_empty());
}

#[test]
fn a_broken_certificate_in_a_binary_keyring_or_in_one_block_is_passed_over() {
    for (reason, certificate) in [
        ("version 5", with_byte(EDDSA, 0, 5)),
        ("algorithm of its key (99)", with_byte(EDDSA, 5, 99)),
        ("no signature of its own key", unbound(EDDSA)),
    ] {
        for place in 0..=2 {
            let mut certificates = vec![binary(FIXTURES), binary(V6)];
            certificates.insert(place, certificate.clone());
            let keyring = certificates.concat();
            for (file, name) in [(keyring.clone(), ""), (armor(&keyring).into_bytes(), " of block 1")] {
                let (used, unusable) = told(&file).unwrap();
                assert_eq!(used, [fingerprint(FIXTURES), fingerprint(V6)], "{reason}");
                let [line] = &unusable[..] else { panic!("{reason}: {unusable:?}") };
                assert!(line.starts_with(&format!("keys.asc, certificate {}{name} is not a usable key", place + 1)), "{line}");
                assert!(line.contains(reason), "{line}");
            }
        }
    }
    // Nothing can be found behind a packet without a valid length.
    let mut cut = [binary(FIXTURES), binary(V6)].concat();
    cut.truncate(cut.len() - 5);
    let (used, unusable) = told(&cut).unwrap();
    assert_eq!(used, [fingerprint(FIXTURES)]);
    assert!(unusable[0].starts_with("keys.asc, certificate 2 is not a usable key: it is damaged"), "{unusable:?}");
}
