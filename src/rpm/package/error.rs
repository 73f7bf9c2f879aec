//! Why a package file is refused.

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

/// What a digest or a signature is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// The header.
    Header,
    /// The compressed payload.
    Payload,
    /// Both.
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

/// Why a package file is refused. Every kind but [`Self::Read`] means that the file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file cannot be read.
    #[error("cannot read the package: {0}")]
    Read(#[source] io::Error),
    /// The file begins with something else.
    #[error("not an RPM package: it begins with {found:02x?}")]
    NotAnRpm {
        /// Its first bytes.
        found: [u8; 4],
    },
    /// The lead is one that no rpm since version 3 writes.
    #[error("unusable lead of the package: {what}")]
    Lead {
        /// What is wrong.
        what: &'static str,
    },
    /// The file ends too early.
    #[error("the package is cut off in its {part}: expected {expected} bytes or more, found {found}")]
    Truncated {
        /// Where it ends.
        part: Part,
        /// As many bytes as it must have at least.
        expected: u64,
        /// As many as it has.
        found: u64,
    },
    /// The file is longer than it says.
    #[error("header and payload are {found} bytes, the package says {expected}")]
    Size {
        /// As the package says.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// One of the two headers is damaged.
    #[error("damaged {part}: {source}")]
    Header {
        /// Which one.
        part: Part,
        /// What is wrong.
        source: HeaderError,
    },
    /// The header lacks what every package has.
    #[error("the header has no usable {what}")]
    Incomplete {
        /// What it lacks.
        what: &'static str,
    },
    /// A digest in the package is none.
    #[error("unusable digest of the {covered}: `{found}`")]
    MalformedDigest {
        /// What it is over.
        covered: Covered,
        /// What is there.
        found: String,
    },
    /// A digest does not match.
    #[error("the {covered} is not what the package promises: expected {expected}, found {found}")]
    Digest {
        /// What it is over.
        covered: Covered,
        /// As the package says.
        expected: Digest,
        /// As it is.
        found: Digest,
    },
    /// Nothing in the package tells whether this part is whole.
    #[error("the package has no digest of its {part}")]
    NoDigest {
        /// The part.
        part: Part,
    },
    /// Nobody signed this part.
    #[error("the {part} of the package is not signed")]
    Unsigned {
        /// The part.
        part: Part,
    },
    /// None of those who signed is trusted.
    #[error("the package is signed by {}, trusted are {}", .signers.join(", "), list(.trusted))]
    UnknownKey {
        /// The keys that signed it, by fingerprint or id.
        signers: Vec<String>,
        /// The certificates that are trusted, by fingerprint.
        trusted: Vec<String>,
    },
    /// A signature is wrong.
    #[error("signature of the {covered}: {source}")]
    Signature {
        /// What it is over.
        covered: Covered,
        /// What is wrong.
        source: SignatureError,
    },
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "no keys".into() } else { keys.join(", ") }
}
