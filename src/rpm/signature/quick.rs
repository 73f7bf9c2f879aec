//! RSA verification by `ring`, which is already a dependency for TLS. It is several times as fast
//! as the `rsa` crate, and each package of a set has one signature. The `pgp` crate handles
//! everything else.

use std::io::{self, Read};

use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::Signature;
use pgp::ser::Serialize as _;
use pgp::types::{Fingerprint, KeyDetails, KeyId, KeyVersion, PublicParams, SignatureBytes, Timestamp, VerifyingKey};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Maximum length in bytes of a message for `ring`, which needs it in one piece. For longer ones (a
/// header with its payload), hashing takes most of the time.
const LONGEST: u64 = 1 << 20;

/// Verifies a signature over data, as [`Signature::verify`] does.
pub(super) fn verify<K: VerifyingKey>(key: &K, signature: &Signature, mut data: impl Read) -> pgp::errors::Result<()> {
    let mut message = Vec::new();
    data.by_ref().take(LONGEST).read_to_end(&mut message)?;
    if message.len() as u64 == LONGEST || !matches!(key.public_params(), PublicParams::RSA(_)) {
        return signature.verify(key, (&message[..]).chain(data));
    }
    let length = message.len();
    match hashed_part(signature) {
        Some(part) => message.extend(part),
        None => return signature.verify(key, &message[..]),
    }
    let key = Quick { key, message: &message };
    signature.verify(&key, io::Cursor::new(&message[..length]))
}

/// Returns the part of a signature that is signed with the data: its hashed part and the trailer
/// (RFC 9580, 5.2.4). Supports version 4 only.
fn hashed_part(signature: &Signature) -> Option<Vec<u8>> {
    let packet = signature.to_bytes().ok()?;
    let (&4, length) = (packet.first()?, packet.get(4..6)?) else { return None };
    let end = 6 + usize::from(u16::from_be_bytes(length.try_into().ok()?));
    let mut part = packet.get(..end)?.to_vec();
    part.extend([4, 0xff]);
    part.extend((end as u32).to_be_bytes());
    Some(part)
}

/// A key that tries `ring` first.
#[derive(Debug)]
struct Quick<'a, K> {
    key: &'a K,
    /// The signed bytes, in one piece.
    message: &'a [u8],
}

impl<K: VerifyingKey> Quick<'_, K> {
    /// Reports whether `ring` accepts the signature and `hashed` is the hash of the message.
    fn holds(&self, hash: HashAlgorithm, hashed: &[u8], signature: &SignatureBytes) -> bool {
        let (PublicParams::RSA(params), SignatureBytes::Mpis(numbers)) = (self.key.public_params(), signature) else {
            return false;
        };
        let [number] = &numbers[..] else { return false };
        let (parameters, is_same) = match hash {
            HashAlgorithm::Sha256 => (&RSA_PKCS1_2048_8192_SHA256, Sha256::digest(self.message)[..] == *hashed),
            HashAlgorithm::Sha384 => (&RSA_PKCS1_2048_8192_SHA384, Sha384::digest(self.message)[..] == *hashed),
            HashAlgorithm::Sha512 => (&RSA_PKCS1_2048_8192_SHA512, Sha512::digest(self.message)[..] == *hashed),
            _ => return false,
        };
        let key = RsaPublicKeyComponents { n: params.key.n().to_bytes_be(), e: params.key.e().to_bytes_be() };
        // OpenPGP omits leading zeros; ring expects as many bytes as the modulus has.
        let Some(missing) = key.n.len().checked_sub(number.as_ref().len()) else { return false };
        let padded = [&vec![0; missing][..], number.as_ref()].concat();
        is_same && key.verify(parameters, self.message, &padded).is_ok()
    }
}

impl<K: VerifyingKey> VerifyingKey for Quick<'_, K> {
    fn verify(&self, hash: HashAlgorithm, hashed: &[u8], signature: &SignatureBytes) -> pgp::errors::Result<()> {
        // ring may not support this kind of signature; the other implementation decides.
        if self.holds(hash, hashed, signature) { Ok(()) } else { self.key.verify(hash, hashed, signature) }
    }
}

impl<K: KeyDetails> KeyDetails for Quick<'_, K> {
    fn version(&self) -> KeyVersion {
        self.key.version()
    }

    fn legacy_key_id(&self) -> KeyId {
        self.key.legacy_key_id()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    fn algorithm(&self) -> PublicKeyAlgorithm {
        self.key.algorithm()
    }

    fn created_at(&self) -> Timestamp {
        self.key.created_at()
    }

    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        self.key.legacy_v3_expiration_days()
    }

    fn public_params(&self) -> &PublicParams {
        self.key.public_params()
    }
}
