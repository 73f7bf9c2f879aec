//! apk's notation for digests: `Q1` and SHA-1, or `Q2` and SHA-256, in base 64.
//!
//! In: digests, or their text in an index. Out: a [`Digest`], or the text for a database.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::digest::{Algorithm, Digest};

/// A base64 decoder that ignores surplus bits after the digest, as apk does.
const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Parses a digest such as `Q1…=`, or a hexadecimal one (blob.c, `apk_blob_pull_csum`). Returns
/// `None` if the text is neither.
pub fn parse(text: &str) -> Option<Digest> {
    match decode(text.as_bytes()) {
        Some((algorithm, bytes)) => Digest::new(algorithm, &bytes[..algorithm.length()]),
        None => Digest::from_hex(Algorithm::Sha1, text).or_else(|| Digest::from_hex(Algorithm::Sha256, text)),
    }
}

/// Decodes a digest such as `Q1…=`. The digest fills the first bytes of the array, up to the
/// length of its algorithm; the others are 0.
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

/// Formats a digest in apk's notation. A digest that is neither SHA-1 nor SHA-256 becomes
/// hexadecimal.
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
