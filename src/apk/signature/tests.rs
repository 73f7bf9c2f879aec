use super::*;
use crate::apk::package::testing::{Hash, KEY_NAME, keyring, signer};

/// Returns a signature of `data` by the test key, extracted from its stream.
fn signature(data: &[u8], hash: Hash) -> Signature {
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&signer().stream(data, hash)[..]), &mut tar).unwrap();
    let name = tar[..100].split(|&c| c == 0).next().unwrap().to_vec();
    Signature::new(&name, &tar[512..512 + 256]).unwrap()
}

fn verify(signatures: &[Signature], data: &[u8]) -> Result<String, SignatureError> {
    keyring().verify(signatures, data)
}

#[test]
fn a_key_signs_what_it_signs_and_nothing_else() {
    for hash in [Hash::Sha1, Hash::Sha256] {
        let signature = signature(b"data", hash);
        assert_eq!(verify(std::slice::from_ref(&signature), b"data").as_deref(), Ok(KEY_NAME));
        let bad = SignatureError::Bad { key: KEY_NAME.into() };
        assert_eq!(verify(std::slice::from_ref(&signature), b"datb").unwrap_err(), bad);
        let mut short = signature;
        short.bytes.pop();
        assert_eq!(verify(&[short], b"data").unwrap_err(), bad);
    }
    assert_eq!(verify(&[], b"data"), Err(SignatureError::Unsigned));
}

#[test]
fn the_first_signature_of_a_known_key_decides() {
    let right = signature(b"data", Hash::Sha1);
    let stranger = Signature::new(b".SIGN.RSA.stranger.rsa.pub", &right.bytes).unwrap();
    let old = Signature::new(format!(".SIGN.DSA.{KEY_NAME}").as_bytes(), &right.bytes).unwrap();
    let wrong = Signature::new(format!(".SIGN.RSA256.{KEY_NAME}").as_bytes(), &right.bytes).unwrap();
    assert!(verify(&[stranger.clone(), old.clone(), right.clone()], b"data").is_ok());
    assert!(matches!(verify(&[wrong, right], b"data"), Err(SignatureError::Bad { .. })));
    let error = verify(&[stranger, old], b"data").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("it is signed by stranger.rsa.pub, {KEY_NAME} (DSA, which is not accepted), trusted are {KEY_NAME}")
    );
}

#[test]
fn what_is_no_signature_and_no_key() {
    for name in [&b".PKGINFO"[..], b".SIGN.RSA", b".SIGN.", b".SIGN.RSA.\xff"] {
        assert_eq!(Signature::new(name, b""), None);
    }
    let mut keyring = Keyring::new();
    for key in [&b""[..], b"\xff", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(keyring.add("key", key).is_err());
    }
}

/// Alpine's own keys can be parsed.
#[test]
fn real_keys() {
    let Some(data) = crate::apk::package::testing::data() else { return };
    let mut keyring = Keyring::new();
    for file in std::fs::read_dir(data.join("../keys/alpine")).unwrap() {
        let path = file.unwrap().path();
        keyring.add(&path.file_name().unwrap().to_string_lossy(), &std::fs::read(&path).unwrap()).unwrap();
    }
    assert_eq!(keyring.names().count(), 18);
}
