//! Tests of every kind of signature that rpm writes, and of signatures that must not be accepted.

use std::path::Path;
use std::process::{Command, Output};

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::package::Content;
use rootstrap::rpm::header::HeaderBuilder;
use rootstrap::rpm::package::{Covered, Package, PackageError, Part, Trust};
use rootstrap::rpm::signature::{KeyError, Keyring, SignatureError};
use rootstrap::rpm::tag::Tag;

use crate::builder::{Key, Parts, TestFile, archive, base64, keyring};

const RSA: &str = include_str!("../../repo-fixtures/keys/rootstrap-fixtures.secret.asc");
const EDDSA: &str = include_str!("keys/ed25519-v4.secret.asc");
const SUBKEY: &str = include_str!("keys/ed25519-v4-subkey.secret.asc");
const V6: &str = include_str!("keys/ed25519-v6.secret.asc");

fn parts() -> Parts {
    let files = [TestFile::regular("/a", 1, b"one")];
    Parts::new(&files, &archive(&files), "zstd").with_digests()
}

/// Returns a package whose header `key` signed, with the signature under `tag`.
fn signed(tag: Tag, key: &Key, subkey: bool) -> Parts {
    let mut parts = parts();
    let signature = key.sign(&parts.header_bytes(), subkey);
    parts.signature.bytes(tag, &signature);
    parts
}

fn open(parts: &Parts, keyring: &Keyring) -> Result<Package, PackageError> {
    Package::open(&parts.content(), Trust::Keys(keyring))
}

#[test]
fn rsa_and_eddsa_by_the_key_itself_or_a_subkey() {
    for (tag, secret, subkey) in [
        (Tag::RSA_HEADER, RSA, false),
        (Tag::DSA_HEADER, EDDSA, false),
        (Tag::DSA_HEADER, SUBKEY, true),
        (Tag::DSA_HEADER, V6, false),
    ] {
        let key = Key::read(secret);
        let ring = keyring(&[key.certificate()]);
        let package = open(&signed(tag, &key, subkey), &ring).unwrap();
        let signer = package.signer().unwrap();
        assert_eq!(signer.certificate, ring.certificates()[0].fingerprint());
        assert_eq!(signer.key != signer.certificate, subkey);
        assert_eq!(signer.created, Some(1_700_000_000));
        assert!(signer.user.ends_with(".invalid>"), "{}", signer.user);
        assert!(Package::open(&signed(tag, &key, subkey).content(), Trust::Unsigned(&ring)).unwrap().signer().is_some());
    }
}

#[test]
fn several_signatures_as_text_as_rpm_6_writes_them() {
    let (rsa, eddsa, other) = (Key::read(RSA), Key::read(EDDSA), Key::read(V6));
    let mut parts = parts();
    let header = parts.header_bytes();
    let text = |key: &Key| base64(&key.sign(&header, false));
    parts.signature.strings(Tag::OPENPGP, [text(&rsa), text(&eddsa)]);
    for key in [&rsa, &eddsa] {
        let package = open(&parts, &keyring(&[key.certificate()])).unwrap();
        assert_eq!(
            package.signer().unwrap().certificate,
            format!("{:X}", pgp::types::KeyDetails::fingerprint(&key.certificate()))
        );
    }
    let Err(PackageError::UnknownKey { signers, trusted }) = open(&parts, &keyring(&[other.certificate()])) else {
        panic!("it is not among the signers");
    };
    assert_eq!((signers.len(), trusted.len()), (2, 1));
    parts.signature.strings(Tag::OPENPGP, ["!"]);
    assert!(matches!(open(&parts, &keyring(&[rsa.certificate()])), Err(PackageError::Signature { .. })));
}

#[test]
fn unsigned_unknown_and_wrong() {
    let (key, other) = (Key::read(EDDSA), Key::read(SUBKEY));
    let ring = keyring(&[key.certificate()]);
    assert!(matches!(open(&parts(), &ring), Err(PackageError::Unsigned { part: Part::Header })));
    assert!(Package::open(&parts().content(), Trust::Unsigned(&ring)).unwrap().signer().is_none());

    let unknown = signed(Tag::DSA_HEADER, &other, false);
    assert!(matches!(open(&unknown, &ring), Err(PackageError::UnknownKey { .. })));
    assert!(matches!(open(&unknown, &Keyring::new()), Err(PackageError::UnknownKey { trusted, .. }) if trusted.is_empty()));
    assert!(Package::open(&unknown.content(), Trust::Unsigned(&ring)).unwrap().signer().is_none());

    // The signature of another package: refused even where unsigned packages are not.
    let mut wrong = parts();
    wrong.signature.bytes(Tag::DSA_HEADER, &key.sign(b"another header", false));
    for trust in [Trust::Keys(&ring), Trust::Unsigned(&ring)] {
        let error = Package::open(&wrong.content(), trust).unwrap_err();
        assert!(
            matches!(error, PackageError::Signature { covered: Covered::Header, source: SignatureError::Bad { .. } }),
            "{error}"
        );
    }
    // A good one beside it does not help.
    let mut both = signed(Tag::RSA_HEADER, &key, false);
    both.signature.bytes(Tag::DSA_HEADER, &key.sign(b"another header", false));
    assert!(matches!(open(&both, &ring), Err(PackageError::Signature { .. })));
    let mut nonsense = parts();
    nonsense.signature.bytes(Tag::RSA_HEADER, b"nonsense");
    assert!(open(&nonsense, &ring).is_err());
}

#[test]
fn what_rpm_did_before_the_header_had_a_digest_of_the_payload() {
    let key = Key::read(EDDSA);
    let ring = keyring(&[key.certificate()]);
    let old = |sign_header: bool, sign_both: bool| {
        let mut parts = parts();
        parts.header.remove(Tag::PAYLOAD_DIGEST).remove(Tag::PAYLOAD_DIGEST_ALT).remove(Tag::PAYLOAD_DIGEST_ALGO);
        parts = parts.with_digests();
        let header = parts.header_bytes();
        let both = [&header[..], &parts.payload].concat();
        parts.signature.bytes(Tag::SIGTAG_MD5, Digest::of(Algorithm::Md5, &both).bytes());
        if sign_header {
            parts.signature.bytes(Tag::DSA_HEADER, &key.sign(&header, false));
        }
        if sign_both {
            parts.signature.bytes(Tag::SIGTAG_GPG, &key.sign(&both, false));
        }
        parts
    };
    assert!(open(&old(true, true), &ring).unwrap().signer().is_some());
    assert!(open(&old(false, true), &ring).unwrap().signer().is_some());
    // MD5 is not enough: anybody can make another payload and its MD5.
    assert!(matches!(open(&old(true, false), &ring), Err(PackageError::Unsigned { part: Part::Payload })));
    assert!(Package::open(&old(false, false).content(), Trust::Unsigned(&ring)).is_ok());

    let mut changed = old(true, true);
    *changed.payload.last_mut().unwrap() ^= 1;
    let error = Package::open(&changed.content(), Trust::Unsigned(&ring)).unwrap_err();
    assert!(matches!(error, PackageError::Digest { covered: Covered::HeaderAndPayload, .. }));
    let both = [&changed.header_bytes()[..], &changed.payload].concat();
    changed.signature.bytes(Tag::SIGTAG_MD5, Digest::of(Algorithm::Md5, &both).bytes());
    let error = open(&changed, &ring).unwrap_err();
    assert!(matches!(error, PackageError::Signature { covered: Covered::HeaderAndPayload, .. }), "{error}");
}

/// The signature header is not signed: only its signatures and digests of the header are used.
#[test]
fn what_the_signature_header_claims_is_not_believed() {
    let key = Key::read(EDDSA);
    let ring = keyring(&[key.certificate()]);
    // A digest of the payload that stands there, and not in the header that is signed.
    let mut parts = parts();
    parts.header.remove(Tag::PAYLOAD_DIGEST).remove(Tag::PAYLOAD_DIGEST_ALT).remove(Tag::PAYLOAD_DIGEST_ALGO);
    parts = parts.with_digests();
    let header = parts.header_bytes();
    parts.signature.bytes(Tag::DSA_HEADER, &key.sign(&header, false));
    let hex = Digest::of(Algorithm::Sha256, &parts.payload).hex();
    parts.signature.strings(Tag::PAYLOAD_DIGEST, [hex]).u32(Tag::PAYLOAD_DIGEST_ALGO, 8);
    let md5 = Digest::of(Algorithm::Md5, &[&header[..], &parts.payload].concat());
    parts.signature.bytes(Tag::SIGTAG_MD5, md5.bytes());
    assert!(matches!(open(&parts, &ring), Err(PackageError::Unsigned { part: Part::Payload })));

    // Another name, and other files, that stand there.
    let mut parts = signed(Tag::DSA_HEADER, &key, false);
    parts.signature.string(Tag::NAME, "another").strings(Tag::BASENAMES, ["evil"]).strings(Tag::DIRNAMES, ["/etc/"]);
    match open(&parts, &ring) {
        Ok(package) => {
            assert_eq!(package.identity().name, "test");
            assert_eq!(package.files().unwrap().len(), 1);
            assert!(package.header().strings(Tag::BASENAMES).eq([b"a"]));
        }
        Err(error) => assert!(matches!(error, PackageError::Header { part: Part::Signature, .. }), "{error}"),
    }
}

/// Tests an entry after the signed region of the header (a dribble), with digests and a signature
/// over all of it. No valid package has such a header (header.c, `hdrblobVerifyRegion`); an older
/// rpm would have signed only the region.
#[test]
fn an_entry_behind_the_signed_region() {
    let key = Key::read(EDDSA);
    let ring = keyring(&[key.certificate()]);
    let parts = signed(Tag::DSA_HEADER, &key, false);
    let good = parts.file();
    let header = parts.header_bytes();
    let start = good.len() - parts.payload.len() - header.len();
    let blob = &header[8..];
    let number = |at: usize| u32::from_be_bytes(blob[at..at + 4].try_into().unwrap());
    let (entries, data) = (number(0) as usize, number(4) as usize);
    let index_end = 8 + 16 * entries;
    let mut dribbled = Vec::new();
    dribbled.extend((entries as u32 + 1).to_be_bytes());
    dribbled.extend((data as u32 + 5).to_be_bytes());
    dribbled.extend(&blob[8..index_end]);
    for word in [Tag::VENDOR.0, 6, data as u32, 1] {
        dribbled.extend(word.to_be_bytes());
    }
    dribbled.extend(&blob[index_end..]);
    dribbled.extend(b"evil\0");
    let header = [&rootstrap::rpm::header::MAGIC[..], &dribbled].concat();
    let mut outer = Parts { signature: rootstrap::rpm::header::HeaderBuilder::new(), ..parts };
    outer
        .signature
        .string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &header).hex())
        .bytes(Tag::DSA_HEADER, &key.sign(&header, false));
    let mut file = good[..96].to_vec();
    file.extend(rootstrap::rpm::header::MAGIC);
    file.extend(outer.signature.build(rootstrap::rpm::header::Place::Signature).unwrap());
    file.resize(file.len().next_multiple_of(8), 0);
    file.extend(&header);
    file.extend(&outer.payload);
    assert!(start > 96);
    let error = Package::open(&Content::from(file), Trust::Keys(&ring)).unwrap_err();
    assert!(error.to_string().contains("it does not cover the whole header"), "{error}");
}

#[test]
fn a_subkey_that_was_put_into_a_certificate_does_not_count() {
    let (victim, attacker) = (Key::read(EDDSA), Key::read(SUBKEY));
    let mut certificate = victim.certificate();
    certificate.public_subkeys = attacker.certificate().public_subkeys;
    let package = signed(Tag::DSA_HEADER, &attacker, true);
    assert!(open(&package, &keyring(&[attacker.certificate()])).is_ok());
    assert!(matches!(open(&package, &keyring(&[certificate])), Err(PackageError::UnknownKey { .. })));
}

#[test]
fn files_with_keys() {
    let armored = |key: &str| Key::read(key).certificate().to_armored_string(pgp::composed::ArmorOptions::default()).unwrap();
    let mut ring = Keyring::new();
    let two = format!("# the first\n{}\nthe second\n{}", armored(EDDSA), armored(V6));
    assert_eq!(ring.add(two.as_bytes()), Ok(2));
    assert_eq!(ring.add(armored(RSA).replace('\n', "\r\n").as_bytes()), Ok(1));
    assert_eq!(ring.certificates().len(), 3);
    assert_eq!(ring.add(b"no key"), Err(KeyError::None));
    assert_eq!(ring.add(b""), Err(KeyError::None));
    assert!(ring.add(&armored(EDDSA).as_bytes()[..200]).is_err());
    assert_eq!(ring.certificates().len(), 3);
    assert!(open(&signed(Tag::RSA_HEADER, &Key::read(RSA), false), &ring).is_ok());
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// gpg and rpmsign make the keys and sign; we must agree.
#[test]
fn what_rpmsign_signs_is_accepted() {
    let found = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let here = found("gpg") && found("rpmsign");
    assert!(here || std::env::var("ROOTSTRAP_PEERS").is_ok_and(|v| v != "required") || std::env::var("ROOTSTRAP_PEERS").is_err());
    if !here {
        println!("skipped: no gpg or no rpmsign");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        run(Command::new("gpg").env("GNUPGHOME", &home).args(["--batch", "--quiet", "--passphrase", ""]).args(arguments))
    };
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures/9/BaseOS/aarch64/os/Packages/libcap-2.48-9.el9.aarch64.rpm");
    for algorithm in ["rsa2048", "ed25519", "dsa2048"] {
        let user = format!("{algorithm} <{algorithm}@example.invalid>");
        gpg(&["--quick-generate-key", &user, algorithm, "sign", "never"]);
        let mut ring = Keyring::new();
        ring.add(&gpg(&["--armor", "--export", &user]).stdout).unwrap();
        for rpmv3 in [false, true] {
            let path = directory.path().join(format!("{algorithm}-{rpmv3}.rpm"));
            std::fs::copy(&fixture, &path).unwrap();
            let mut rpmsign = Command::new("rpmsign");
            rpmsign.env("GNUPGHOME", &home).args(["--define", "__gpg /usr/bin/gpg", "--define", &format!("_gpg_name {user}")]);
            if rpmv3 {
                rpmsign.arg("--rpmv3");
            }
            run(rpmsign.arg("--addsign").arg(&path));
            let content = Content::from(std::fs::read(&path).unwrap());
            let package = Package::open(&content, Trust::Keys(&ring)).unwrap();
            assert_eq!(package.signer().unwrap().user, user);
        }
    }
    let _ = Command::new("gpgconf").env("GNUPGHOME", &home).args(["--kill", "all"]).status();
}

/// Returns the entries that file signing tools add after the region of a signature header.
fn file_signatures() -> HeaderBuilder {
    let mut added = HeaderBuilder::new();
    added.strings(Tag::SIG_FILE_SIGNATURES, ["0302"]).u32(Tag::SIG_FILE_SIGNATURE_LENGTH, 2);
    added
}

#[test]
fn entries_behind_the_region_of_a_signature_header_do_not_damage_a_package() {
    let key = Key::read(RSA);
    let ring = keyring(&[key.certificate()]);
    let signed = signed(Tag::RSA_HEADER, &key, false);
    let mut others = file_signatures();
    // Bad digests and sizes that nothing covers say nothing.
    others
        .string(Tag::SHA1_HEADER, "00")
        .string(Tag::SHA256_HEADER, "00".repeat(32))
        .u32(Tag::SIGTAG_SIZE, 1)
        .u64s(Tag::LONG_SIG_SIZE, [1])
        .bytes(Tag::DSA_HEADER, b"none");
    for added in [file_signatures(), others] {
        let package = Package::open(&Content::from(signed.file_with_added(&added)), Trust::Keys(&ring)).unwrap();
        assert!(package.signer().is_some());
        assert!(!package.signature().has(Tag::SIG_FILE_SIGNATURES));
        assert_eq!(package.signature().added_entry(Tag::SIG_FILE_SIGNATURES).unwrap().strings().next(), Some(&b"0302"[..]));
        assert_eq!(package.signature().added_entry(Tag::RSA_HEADER), None, "this one is in the region");
    }
}

#[test]
fn entries_behind_the_region_of_a_signature_header_are_not_trusted() {
    let key = Key::read(RSA);
    let ring = keyring(&[key.certificate()]);
    let unsigned = parts();
    let mut signature = HeaderBuilder::new();
    signature.bytes(Tag::RSA_HEADER, &key.sign(&unsigned.header_bytes(), false));
    let content = Content::from(unsigned.file_with_added(&signature));
    let refused = Package::open(&content, Trust::Keys(&ring));
    assert!(matches!(refused, Err(PackageError::Unsigned { .. })), "{refused:?}");
    assert!(Package::open(&content, Trust::Unsigned(&ring)).unwrap().signer().is_none());
    // A bad signature in the region is not mended by a right one behind it.
    let mut bad = signed(Tag::RSA_HEADER, &key, false);
    bad.header.string(Tag::SUMMARY, "another");
    let mut bad = bad.with_digests();
    let mut right = HeaderBuilder::new();
    right.bytes(Tag::RSA_HEADER, &key.sign(&bad.header_bytes(), false));
    let refused = Package::open(&Content::from(bad.file_with_added(&right)), Trust::Keys(&ring));
    assert!(matches!(refused, Err(PackageError::Signature { .. })), "{refused:?}");
    // Neither is a digest.
    bad.signature.string(Tag::SHA256_HEADER, "00".repeat(32));
    let mut right = HeaderBuilder::new();
    right.string(Tag::SHA256_HEADER, Digest::of(Algorithm::Sha256, &bad.header_bytes()).hex());
    let refused = Package::open(&Content::from(bad.file_with_added(&right)), Trust::Unsigned(&ring));
    assert!(matches!(refused, Err(PackageError::Digest { .. })), "{refused:?}");
    for tag in [Tag::SHA1_HEADER, Tag::SHA256_HEADER] {
        bad.signature.remove(tag);
    }
    let refused = Package::open(&Content::from(bad.file_with_added(&right)), Trust::Unsigned(&ring));
    assert!(matches!(refused, Err(PackageError::NoDigest { .. })), "{refused:?}");
}

#[test]
fn a_signature_header_with_more_entries_than_rpm_takes_is_refused() {
    let mut added = HeaderBuilder::new();
    for number in 0..32 {
        added.u32(Tag(2000 + number), 1);
    }
    let refused = Package::open(&Content::from(parts().file_with_added(&added)), Trust::Unsigned(&Keyring::new()));
    assert!(matches!(refused, Err(PackageError::Header { part: Part::Signature, .. })), "{refused:?}");
}
