//! apk's own writing of a digest: `Q1` and SHA-1, or `Q2` and SHA-256, in base 64.
//!
//! In: bytes that were hashed, or the text of an index. Out: a [`Digest`], or the text of a database.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::digest::{Algorithm, Digest};

/// Bits beyond the digest are not looked at, as in apk.
const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The digest of a text such as `Q1…=`, or in hexadecimal; `None` when it is none (blob.c, `apk_blob_pull_csum`).
pub fn parse(text: &str) -> Option<Digest> {
    match decode(text.as_bytes()) {
        Some((algorithm, bytes)) => Digest::new(algorithm, &bytes[..algorithm.length()]),
        None => Digest::from_hex(Algorithm::Sha1, text).or_else(|| Digest::from_hex(Algorithm::Sha256, text)),
    }
}

/// The digest of a text such as `Q1…=`, as many bytes as its algorithm has; the others are nought.
pub fn decode(text: &[u8]) -> Option<(Algorithm, [u8; 32])> {
    let (algorithm, encoded) = match text {
        [b'Q', b'1', rest @ ..] => (Algorithm::Sha1, rest),
        [b'Q', b'2', rest @ ..] => (Algorithm::Sha256, rest),
        _ => return None,
    };
    let mut bytes = [0; 32];
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    (length == algorithm.length()).then_some((algorithm, bytes))
}

/// The text of a digest. What is neither SHA-1 nor SHA-256 is written in hexadecimal.
pub fn text(digest: &Digest) -> String {
    let prefix = match digest.algorithm() {
        Algorithm::Sha1 => "Q1",
        Algorithm::Sha256 => "Q2",
        _ => return digest.hex(),
    };
    format!("{prefix}{}", STANDARD.encode(digest.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let digest = parse("Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=").unwrap();
        assert_eq!(digest.hex(), "64eabb1c35b27b540aa66cd027adc806ed868341");
        assert_eq!(text(&digest), "Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=");
        assert_eq!(parse(&digest.hex()), Some(digest));
        assert_eq!(parse("Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0H="), parse("Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E="));
        let long = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(parse(&text(&long)), Some(long));
        for wrong in ["", "Q", "Q1", "Q1ZOq7", "Q3ZOq7HDWye1QKpmzQJ63IBu2Gg0E=", "Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E", "64ea", "Q1é"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
