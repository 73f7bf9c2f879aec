//! The errors of opening a package file.

use std::fmt;
use std::io;

use crate::digest::Digest;
use crate::rpm::header::HeaderError;
use crate::rpm::signature::SignatureError;

/// A part of a package file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first 96 bytes.
    Lead,
    /// The signature header.
    Signature,
    /// The header.
    Header,
    /// The compressed archive.
    Payload,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lead => "lead",
            Self::Signature => "signature header",
            Self::Header => "header",
            Self::Payload => "payload",
        })
    }
}

/// The part of a package that a digest or a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// The header.
    Header,
    /// The compressed payload.
    Payload,
    /// Header and payload together.
    HeaderAndPayload,
}

impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::HeaderAndPayload => "header and payload",
        })
    }
}

/// The error of opening a package file. Every variant but [`Self::Read`] means that the file is not
/// a valid or trusted package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file cannot be read.
    #[error("cannot read the package: {0}")]
    Read(#[source] io::Error),
    /// The file does not begin with the magic of RPM packages.
    #[error("not an RPM package: it begins with {found:02x?}")]
    NotAnRpm {
        /// The first four bytes of the file.
        found: [u8; 4],
    },
    /// The lead is not one that rpm since version 3 writes.
    #[error("unusable lead of the package: {what}")]
    Lead {
        /// Description of the problem.
        what: &'static str,
    },
    /// The file is truncated.
    #[error("the package is cut off in its {part}: expected {expected} bytes or more, found {found}")]
    Truncated {
        /// The part in which the file ends.
        part: Part,
        /// Minimum number of bytes that the file must have.
        expected: u64,
        /// Number of bytes that the file has.
        found: u64,
    },
    /// The file is longer than its signature header says.
    #[error("header and payload are {found} bytes, the package says {expected}")]
    Size {
        /// Size in the signature header, in bytes.
        expected: u64,
        /// Actual size, in bytes.
        found: u64,
    },
    /// The signature header or the header is damaged.
    #[error("damaged {part}: {source}")]
    Header {
        /// The damaged part.
        part: Part,
        /// The error in it.
        source: HeaderError,
    },
    /// The header lacks an entry that every package has.
    #[error("the header has no usable {what}")]
    Incomplete {
        /// Name of the missing entry.
        what: &'static str,
    },
    /// A digest in the package is malformed.
    #[error("unusable digest of the {covered}: `{found}`")]
    MalformedDigest {
        /// The part that the digest covers.
        covered: Covered,
        /// The malformed text.
        found: String,
    },
    /// A digest does not match.
    #[error("the {covered} is not what the package promises: expected {expected}, found {found}")]
    Digest {
        /// The part that the digest covers.
        covered: Covered,
        /// Expected digest, from the package.
        expected: Digest,
        /// Actual digest.
        found: Digest,
    },
    /// The package has no digest of a part.
    #[error("the package has no digest of its {part}")]
    NoDigest {
        /// The part.
        part: Part,
    },
    /// A part has no signature.
    #[error("the {part} of the package is not signed")]
    Unsigned {
        /// The part.
        part: Part,
    },
    /// The package is signed, but by no trusted key.
    #[error("the package is signed by {}, trusted are {}", .signers.join(", "), list(.trusted))]
    UnknownKey {
        /// The keys that signed it, by fingerprint or id.
        signers: Vec<String>,
        /// The certificates that are trusted, by fingerprint.
        trusted: Vec<String>,
    },
    /// A signature is invalid.
    #[error("signature of the {covered}: {source}")]
    Signature {
        /// The part that the signature covers.
        covered: Covered,
        /// The error of the signature.
        source: SignatureError,
    },
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "no keys".into() } else { keys.join(", ") }
}
