//! The checks of a package, in the order of their strength: sizes, digests, signatures.
//!
//! The chain of trust is as short as the package allows: a key signs the header, and the header has
//! the payload's digest. The format of rpm 4.13 and older (MD5 and signatures over header and
//! payload) is used only if this chain has a gap.

use std::io::Read;

use super::{Covered, Package, PackageError, Part, Trust, header_bytes, is_binary, promised_size};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::rpm::files;
use crate::rpm::header;
use crate::rpm::payload::PayloadDigest;
use crate::rpm::signature::{Keyring, SignatureError, Signer, decode_base64, holds_new};
use crate::rpm::tag::Tag;

/// Checks the length of header and payload, if the signature header states it.
pub(super) fn sizes(package: &Package) -> Result<(), PackageError> {
    let found = (header::MAGIC.len() + package.header.blob().len()) as u64 + package.payload.len();
    match promised_size(&package.signature) {
        Some(expected) if found < expected => Err(PackageError::Truncated { part: Part::Payload, expected, found }),
        Some(expected) if found > expected => Err(PackageError::Size { expected, found }),
        _ => Ok(()),
    }
}

/// Verifies the strongest digest of the header alone. Fails if there is none, unless there is one
/// of header and payload.
pub(super) fn header_digests(package: &Package) -> Result<(), PackageError> {
    let covered = Covered::Header;
    for (tag, algorithm) in [(Tag::SHA256_HEADER, Algorithm::Sha256), (Tag::SHA1_HEADER, Algorithm::Sha1)] {
        if let Some(hex) = package.signature.string(tag) {
            let expected = parse(covered, algorithm, hex)?;
            return compare(covered, &expected, header_hasher(package, algorithm).finish());
        }
    }
    if package.signature.has(Tag::SIGTAG_MD5) { Ok(()) } else { Err(PackageError::NoDigest { part: Part::Header }) }
}

/// State of the payload's verification.
pub(super) enum Payload {
    /// The payload matches this digest in the header.
    InHeader(Digest),
    /// The decompressed payload still has to match this digest in the header.
    InHeaderInflated(Digest),
    /// Only the signature header has a digest of the payload, which no signature covers.
    SignatureHeaderOnly,
}

impl Payload {
    /// Returns the digest of the payload in the header.
    pub(super) fn digest(self) -> Option<PayloadDigest> {
        match self {
            Self::InHeader(digest) => Some(PayloadDigest::Packed(digest)),
            Self::InHeaderInflated(digest) => Some(PayloadDigest::Inflated(digest)),
            Self::SignatureHeaderOnly => None,
        }
    }
}

/// Verifies the payload by the digest in the header, or else by the MD5 of header and payload.
pub(super) fn payload_digests(package: &Package) -> Result<Payload, PackageError> {
    let covered = Covered::Payload;
    if let Some(expected) = payload_digest(package, Tag::PAYLOAD_DIGEST, Tag::PAYLOAD_SHA512)? {
        let mut hasher = Hasher::new(expected.algorithm());
        package.payload.write_to(&mut hasher).map_err(PackageError::Read)?;
        compare(covered, &expected, hasher.finish())?;
        return Ok(Payload::InHeader(expected));
    }
    if let Some(digest) = payload_digest(package, Tag::PAYLOAD_DIGEST_ALT, Tag::PAYLOAD_SHA512_ALT)? {
        return Ok(Payload::InHeaderInflated(digest));
    }
    let Some(md5) = package.signature.bytes(Tag::SIGTAG_MD5) else {
        return Err(PackageError::NoDigest { part: Part::Payload });
    };
    let covered = Covered::HeaderAndPayload;
    let malformed = || PackageError::MalformedDigest { covered, found: format!("{md5:02x?}") };
    let expected = Digest::new(Algorithm::Md5, md5).ok_or_else(malformed)?;
    let mut hasher = header_hasher(package, Algorithm::Md5);
    package.payload.write_to(&mut hasher).map_err(PackageError::Read)?;
    compare(covered, &expected, hasher.finish())?;
    Ok(Payload::SignatureHeaderOnly)
}

/// Returns a digest of the payload from the header: the one with a stated algorithm, or the SHA-512
/// of rpm 6.
fn payload_digest(package: &Package, tag: Tag, sha512: Tag) -> Result<Option<Digest>, PackageError> {
    let header = &package.header;
    let covered = Covered::Payload;
    if let Some(hex) = header.string(tag) {
        let number = header.u32(Tag::PAYLOAD_DIGEST_ALGO).unwrap_or(8);
        let unknown = || PackageError::MalformedDigest { covered, found: format!("algorithm {number}") };
        return parse(covered, files::algorithm(number).ok_or_else(unknown)?, hex).map(Some);
    }
    header.string(sha512).map(|hex| parse(covered, Algorithm::Sha512, hex)).transpose()
}

/// Verifies the signatures over the header. All must be readable, and those by trusted keys must be
/// valid.
pub(super) fn header_signatures(package: &Package, keyring: &Keyring) -> Result<Signatures, PackageError> {
    let mut signatures = Signatures::default();
    let covered = Covered::Header;
    let mut all = Vec::new();
    for tag in [Tag::OPENPGP, Tag::RSA_HEADER, Tag::DSA_HEADER] {
        all.extend(signatures_in(package, tag, covered)?);
    }
    let new_only = keyring.takes_new_only(&all);
    signatures.new_only = new_only;
    for signature in all.iter().filter(|signature| !new_only || holds_new(signature)) {
        signatures.add(covered, keyring.verify(signature, || header_bytes(&package.header)))?;
    }
    Ok(signatures)
}

/// Returns the signatures in one tag: one as bytes, or (since rpm 6) several as base64 text.
fn signatures_in(package: &Package, tag: Tag, covered: Covered) -> Result<Vec<Vec<u8>>, PackageError> {
    if is_binary(&package.signature, tag) {
        return Ok(package.signature.bytes(tag).map(<[u8]>::to_vec).into_iter().collect());
    }
    let malformed = || SignatureError::Malformed("not base64".into());
    let decode = |text| decode_base64(text).ok_or_else(|| PackageError::Signature { covered, source: malformed() });
    package.signature.strings(tag).map(decode).collect()
}

/// The signers found so far.
#[derive(Default)]
pub(super) struct Signatures {
    signer: Option<Signer>,
    /// True if only signatures of version 6 count.
    new_only: bool,
    unknown: Vec<String>,
    /// The first valid signature of a trusted key that policy does not accept.
    distrusted: Option<PackageError>,
}

impl Signatures {
    fn add(&mut self, covered: Covered, result: Result<Signer, SignatureError>) -> Result<(), PackageError> {
        match result {
            Ok(signer) => self.signer = self.signer.take().or(Some(signer)),
            Err(SignatureError::UnknownKey { key }) if self.unknown.contains(&key) => {}
            Err(SignatureError::UnknownKey { key }) => self.unknown.push(key),
            // A package may have several signatures, and one accepted signature is enough.
            Err(source @ SignatureError::Distrusted { .. }) => {
                self.distrusted.get_or_insert(PackageError::Signature { covered, source });
            }
            Err(source) => return Err(PackageError::Signature { covered, source }),
        }
        Ok(())
    }
}

/// Returns the key that authenticates the package, or `None` if unsigned packages are accepted.
pub(super) fn authenticate(
    package: &Package,
    header: Signatures,
    payload: &Payload,
    trust: Trust<'_>,
) -> Result<Option<Signer>, PackageError> {
    let payload_known = !matches!(payload, Payload::SignatureHeaderOnly);
    if header.signer.is_some() && payload_known {
        return Ok(header.signer);
    }
    // The chain of trust has a gap, which only a signature over header and payload can close.
    let covered = Covered::HeaderAndPayload;
    let mut both = Signatures::default();
    for tag in [Tag::SIGTAG_PGP, Tag::SIGTAG_GPG] {
        for signature in signatures_in(package, tag, covered)? {
            if header.new_only && !holds_new(&signature) {
                continue;
            }
            let data = || header_bytes(&package.header).chain(package.payload.reader());
            both.add(covered, trust.keyring().verify(&signature, data))?;
        }
    }
    if both.signer.is_some() {
        return Ok(both.signer);
    }
    if let Trust::Unsigned(_) = trust {
        return Ok(None);
    }
    if let Some(distrusted) = header.distrusted.or(both.distrusted) {
        return Err(distrusted);
    }
    let part = if header.signer.is_some() { Part::Payload } else { Part::Header };
    let mut signers = header.unknown;
    signers.extend(both.unknown);
    signers.sort_unstable();
    signers.dedup();
    if signers.is_empty() {
        return Err(PackageError::Unsigned { part });
    }
    let trusted = trust.keyring().certificates().iter().map(super::super::signature::Certificate::fingerprint).collect();
    Err(PackageError::UnknownKey { signers, trusted })
}

fn header_hasher(package: &Package, algorithm: Algorithm) -> Hasher {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(&header::MAGIC);
    hasher.update(package.header.blob());
    hasher
}

fn parse(covered: Covered, algorithm: Algorithm, hex: &[u8]) -> Result<Digest, PackageError> {
    let digest = std::str::from_utf8(hex).ok().and_then(|hex| Digest::from_hex(algorithm, hex));
    digest.ok_or_else(|| PackageError::MalformedDigest { covered, found: String::from_utf8_lossy(hex).into_owned() })
}

fn compare(covered: Covered, expected: &Digest, found: Digest) -> Result<(), PackageError> {
    if *expected == found { Ok(()) } else { Err(PackageError::Digest { covered, expected: expected.clone(), found }) }
}
