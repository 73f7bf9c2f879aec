//! Facts in the signatures of a header. This module does not verify signatures.

use std::io::BufReader;

use pgp::composed::{Deserializable, DetachedSignature};
use pgp::packet::Signature;

use crate::package::SignatureFacts;
use crate::rpm::header::{Entry, Header, Kind};
use crate::rpm::signature::{algorithm_name, decode_base64};
use crate::rpm::tag::Tag;

/// Tags of signatures in a package file: first those over the header, then those over header and
/// payload.
pub(super) const IN_PACKAGE: [Tag; 5] = [Tag::OPENPGP, Tag::RSA_HEADER, Tag::DSA_HEADER, Tag::SIGTAG_PGP, Tag::SIGTAG_GPG];

/// Tags of signatures in an installed header.
pub(super) const INSTALLED: [Tag; 5] = [Tag::OPENPGP, Tag::RSA_HEADER, Tag::DSA_HEADER, Tag::SIG_PGP, Tag::SIG_GPG];

/// Returns the signatures in these tags. If one key signs both the header and header plus payload,
/// it is listed once.
pub(super) fn signatures(header: &Header, tags: [Tag; 5]) -> Vec<SignatureFacts> {
    let mut told: Vec<SignatureFacts> = Vec::new();
    for signature in tags.iter().filter_map(|&tag| header.entry(tag)).flat_map(|entry| packets(&entry)) {
        for facts in facts(&signature) {
            let same = |other: &SignatureFacts| SignatureFacts { created: facts.created, ..other.clone() } == facts;
            if !told.iter().any(same) {
                told.push(facts);
            }
        }
    }
    told
}

/// Returns the packets in an entry: one sequence as bytes, or (since rpm 6) several as base64 text.
/// Malformed base64 gives an empty sequence.
fn packets(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    if entry.kind == Kind::Binary {
        return vec![entry.data.to_vec()];
    }
    entry.strings().map(|text| decode_base64(text).unwrap_or_default()).collect()
}

fn facts(packets: &[u8]) -> Vec<SignatureFacts> {
    let Ok(signatures) = DetachedSignature::from_bytes_many(BufReader::new(packets)) else {
        return vec![SignatureFacts::default()];
    };
    let mut found: Vec<SignatureFacts> =
        signatures.map(|signature| signature.map(|signature| describe(&signature.signature)).unwrap_or_default()).collect();
    if found.is_empty() {
        // The entry has data, but no readable signature.
        found.push(SignatureFacts::default());
    }
    found
}

fn describe(signature: &Signature) -> SignatureFacts {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    SignatureFacts {
        key: fingerprint.or_else(id),
        algorithm: signature.config().map(|config| algorithm_name(config.pub_alg)),
        hash: signature.hash_alg().map(|hash| hash.to_string()),
        created: signature.created().map(|created| i64::from(created.as_secs())),
    }
}
