//! Verification of signatures by trusted keys.
//!
//! Input: OpenPGP certificates, detached signatures, and a release's policy. Output: the [`Signer`]
//! or an error. A signature is accepted if it is correct, its key was allowed to sign when it was
//! made, and it is as strong as the policy requires.

mod certificate;
mod quick;
mod validity;

use std::io::{BufReader, Read};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use pgp::composed::{Deserializable, DetachedSignature};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, VerifyingKey};

pub use certificate::{Certificate, KeyError};
pub use validity::Distrust;

use crate::catalog::SignaturePolicy;
use crate::ecosystem;
use certificate::KeyFile;
use validity::Standing;

/// The line that begins an armored signature.
const ARMORED_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// An error in a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature cannot be parsed, or its type is not for files.
    #[error("unreadable signature: {0}")]
    Malformed(String),
    /// There is no signature.
    #[error("nobody signed it")]
    None,
    /// No trusted key made the signature.
    #[error("signed by {key}, which is not among the trusted keys")]
    UnknownKey {
        /// The fingerprint or id of the key that the signature names.
        key: String,
    },
    /// The signature names a trusted key, but that key did not sign these bytes.
    #[error("bad signature by {key}: {what}")]
    Bad {
        /// The key that the signature names.
        key: String,
        /// The error of the cryptography library.
        what: String,
    },
    /// The signature is correct and by a trusted key, but is not accepted.
    #[error("the signature by {key} does not count: {why}")]
    Distrusted {
        /// The key that the signature names.
        key: String,
        /// The reason.
        why: Distrust,
    },
    /// The signed bytes could not be read.
    #[error("cannot read what is signed: {0}")]
    Unreadable(String),
}

/// The signer and the algorithms of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Fingerprint of the certificate, upper-case hexadecimal.
    pub certificate: String,
    /// Fingerprint of the key that signed: the certificate's own, or that of a subkey.
    pub key: String,
    /// The first user id of the certificate.
    pub user: String,
    /// Time of the signature, in seconds since 1970.
    pub created: Option<u32>,
    /// The hash algorithm, as OpenPGP names it.
    pub hash: String,
    /// The public key algorithm, as OpenPGP names it.
    pub algorithm: String,
}

/// The trusted certificates.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    certificates: Vec<Certificate>,
    unusable: Vec<ecosystem::KeyError>,
    policy: SignaturePolicy,
}

impl Keyring {
    /// Creates a keyring without certificates, by which no signature is accepted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a keyring that accepts signatures according to a policy.
    pub fn with_policy(policy: SignaturePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Adds the usable certificates of a key file and returns their number. The file is text
    /// (several blocks, with anything between them) or binary. Fails if none is usable.
    /// [`Keyring::unusable`] returns the others.
    pub fn add(&mut self, file: &[u8]) -> Result<usize, KeyError> {
        self.add_file("the key file", file)
    }

    /// Does the same as [`Keyring::add`]; errors name the file by `name`.
    pub fn add_file(&mut self, name: &str, file: &[u8]) -> Result<usize, KeyError> {
        let read = KeyFile::read(file);
        let count = read.certificates.len();
        if count == 0 {
            return Err(read.error());
        }
        self.certificates.extend(read.certificates);
        self.unusable.extend(read.unusable.into_iter().map(|unusable| ecosystem::KeyError {
            name: format!("{name}, {}", unusable.place),
            problem: format!("{}; the other keys of the file are used", unusable.problem),
        }));
        Ok(count)
    }

    /// Returns the unusable certificates of key files that also contain usable ones.
    pub fn unusable(&self) -> &[ecosystem::KeyError] {
        &self.unusable
    }

    /// Returns the certificates in the order in which they were added.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Reports whether there are no trusted certificates.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// Returns true if the policy accepts only those of the signatures that are of version 6,
    /// because there is one.
    pub(super) fn takes_new_only(&self, signatures: &[Vec<u8>]) -> bool {
        self.policy.v6_over_v4 && signatures.iter().any(|signature| holds_new(signature))
    }

    /// Verifies a detached `signature` (binary packets) and returns the signer. `data` returns the
    /// signed bytes; it is called once for each key to be tried. If there are several signatures,
    /// all must be readable, all accepted ones of trusted keys must be correct, and there must be
    /// at least one.
    pub fn verify<R: Read>(&self, signature: &[u8], data: impl Fn() -> R) -> Result<Signer, SignatureError> {
        let bad = |error: pgp::errors::Error| SignatureError::Malformed(error.to_string());
        let mut signer = None;
        let (mut unknown, mut distrusted) = (None, None);
        let packets = DetachedSignature::from_bytes_many(BufReader::new(signature)).map_err(bad)?;
        let mut signatures: Vec<DetachedSignature> = packets.collect::<Result<_, _>>().map_err(bad)?;
        if self.policy.v6_over_v4 && signatures.iter().any(|signature| is_new(&signature.signature)) {
            signatures.retain(|signature| is_new(&signature.signature));
        }
        for signature in signatures {
            match self.verify_one(&signature.signature, &data) {
                Ok(by) => signer = signer.or(Some(by)),
                Err(error @ SignatureError::UnknownKey { .. }) => unknown = unknown.or(Some(error)),
                Err(error @ SignatureError::Distrusted { .. }) => distrusted = distrusted.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        signer.ok_or_else(|| distrusted.or(unknown).unwrap_or_else(|| SignatureError::Malformed("no signature in it".into())))
    }

    /// Verifies a signature file (`repomd.xml.asc`), which is text or binary.
    pub fn verify_file(&self, signature: &[u8], data: &[u8]) -> Result<Signer, SignatureError> {
        let bad = |error: pgp::errors::Error| SignatureError::Malformed(error.to_string());
        let Some(text) = std::str::from_utf8(signature).ok().filter(|text| text.contains(ARMORED_SIGNATURE)) else {
            return self.verify(signature, || data);
        };
        let mut packets = Vec::new();
        for (start, _) in text.match_indices(ARMORED_SIGNATURE) {
            let (signatures, _) = DetachedSignature::from_string_many(&text[start..]).map_err(bad)?;
            for signature in signatures {
                signature.map_err(bad)?.to_writer(&mut packets).map_err(bad)?;
            }
        }
        self.verify(&packets, || data)
    }

    fn verify_one<R: Read>(&self, signature: &Signature, data: impl Fn() -> R) -> Result<Signer, SignatureError> {
        // Text signatures cover normalized line ends, and other types cover keys: neither covers
        // these bytes.
        if signature.typ() != Some(SignatureType::Binary) {
            return Err(SignatureError::Malformed(format!("type {:?} in version {:?}", signature.typ(), signature.version())));
        }
        let key = issuer(signature);
        let mut failure = SignatureError::UnknownKey { key: key.clone() };
        for certificate in &self.certificates {
            let primary = std::iter::once((&certificate.key.primary_key as &dyn Candidate, &certificate.standing));
            let subkeys = certificate.signing.iter().map(|(subkey, standing)| (&subkey.key as &dyn Candidate, standing));
            for (candidate, standing) in primary.chain(subkeys).filter(|(candidate, _)| is_named(signature, *candidate)) {
                match candidate.check(signature, &mut data()) {
                    Ok(()) => match self.judge(certificate, candidate, standing, signature) {
                        Ok(()) => return Ok(signer(certificate, candidate, signature)),
                        Err(why) => failure = SignatureError::Distrusted { key: key.clone(), why },
                    },
                    Err(error) => failure = SignatureError::Bad { key: key.clone(), what: error.to_string() },
                }
            }
        }
        Err(failure)
    }

    /// Fails if the policy or the certificate does not accept a correct signature.
    fn judge(
        &self,
        certificate: &Certificate,
        key: &dyn Candidate,
        standing: &Standing,
        signature: &Signature,
    ) -> Result<(), Distrust> {
        validity::check_strength(signature, key.params(), &self.policy)?;
        // For a signature without a time, assume the latest possible time, as the signer could have
        // chosen any.
        let made = signature.created().map_or(u32::MAX, pgp::types::Timestamp::as_secs);
        validity::check_lapse(signature, made, now())?;
        certificate.standing.check_alive(made)?;
        standing.check_alive(made)?;
        standing.check_signs(made)
    }
}

/// A key that may have made a signature: the certificate's own or a subkey.
trait Candidate {
    fn details(&self) -> &dyn KeyDetails;
    fn params(&self) -> &PublicParams;
    fn check(&self, signature: &Signature, data: &mut dyn Read) -> pgp::errors::Result<()>;
}

impl<K: VerifyingKey> Candidate for K {
    fn details(&self) -> &dyn KeyDetails {
        self
    }

    fn params(&self) -> &PublicParams {
        self.public_params()
    }

    fn check(&self, signature: &Signature, data: &mut dyn Read) -> pgp::errors::Result<()> {
        quick::verify(self, signature, data)
    }
}

/// Reports whether the signature names this key, or no key at all.
fn is_named(signature: &Signature, key: &dyn Candidate) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    let key = key.details();
    (ids.is_empty() && fingerprints.is_empty())
        || ids.contains(&&key.legacy_key_id())
        || fingerprints.contains(&&key.fingerprint())
}

/// Returns the key that the signature names, in the form in which it does.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let id = || signature.issuer_key_id().first().map(|id| format!("{id}").to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "a key that it does not name".into())
}

fn signer(certificate: &Certificate, key: &dyn Candidate, signature: &Signature) -> Signer {
    Signer {
        certificate: certificate.fingerprint(),
        key: format!("{:X}", key.details().fingerprint()),
        user: certificate.user(),
        created: signature.created().map(pgp::types::Timestamp::as_secs),
        hash: signature.hash_alg().map(|hash| hash.to_string()).unwrap_or_default(),
        algorithm: algorithm_name(key.details().algorithm()),
    }
}

/// Reports whether a signature is of version 6 (RFC 9580), the only version for post-quantum
/// algorithms.
fn is_new(signature: &Signature) -> bool {
    signature.version() == SignatureVersion::V6
}

/// Reports whether one of these signatures (binary packets) is of version 6.
pub(super) fn holds_new(packets: &[u8]) -> bool {
    let signatures = DetachedSignature::from_bytes_many(BufReader::new(packets));
    signatures
        .is_ok_and(|mut signatures| signatures.any(|signature| signature.is_ok_and(|signature| is_new(&signature.signature))))
}

/// Returns the name that rpm prints for a public key algorithm (rpmpgpval.hh, `pgpPubkeyTbl`).
pub(super) fn algorithm_name(algorithm: PublicKeyAlgorithm) -> String {
    use PublicKeyAlgorithm as Key;
    let name = match algorithm {
        Key::EdDSALegacy => "EdDSA",
        Key::MlDsa65Ed25519 => "ML-DSA-65+Ed25519",
        Key::MlDsa87Ed448 => "ML-DSA-87+Ed448",
        Key::SlhDsaShake128s => "SLH-DSA-SHAKE-128s",
        Key::SlhDsaShake128f => "SLH-DSA-SHAKE-128f",
        Key::SlhDsaShake256s => "SLH-DSA-SHAKE-256s",
        Key::Unknown(number) => return format!("algorithm {number}"),
        other => return format!("{other:?}"),
    };
    name.to_owned()
}

/// Returns the seconds since 1970.
fn now() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}

/// The Base64 variant in headers: with or without padding by `=`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Decodes Base64 text (RFC 4648), which may contain line breaks.
pub(super) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|digit| !digit.is_ascii_whitespace()).collect();
    BASE64.decode(digits).ok()
}
