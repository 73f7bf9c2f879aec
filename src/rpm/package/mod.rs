//! A package file: lead, signature header, header, payload. It is opened only if all parts pass
//! verification.
//!
//! In: the bytes of a file and the trusted keys. Out: a [`Package`]. Its header is signed or at
//! least matches a digest, and its payload matches this header. Data of an unverified file are not
//! accessible.

mod error;
mod identity;
#[cfg(test)]
mod tests;
mod verify;

use std::io;

pub use error::{Covered, PackageError, Part};
pub use identity::Identity;

use super::files::{self, File, FilesError};
use super::header::{self, Header, INTRO_LENGTH, Kind, Place};
use super::payload::{self, PayloadDigest, PayloadError};
use super::signature::{Keyring, Signer};
use super::tag::Tag;
use crate::package::{Content, Spool};

/// Length of the lead, in bytes. Only its magic and its signature type are used.
const LEAD_LENGTH: u64 = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// The only signature type since rpm 3: a header.
const SIGNATURE_IS_HEADER: [u8; 2] = [0, 5];

/// The policy for accepting packages.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Accepts packages that one of these keys signed.
    Keys(&'a Keyring),
    /// Also accepts unsigned packages and packages that unknown keys signed. An invalid signature
    /// by one of these keys is an error here too.
    Unsigned(&'a Keyring),
}

impl<'a> Trust<'a> {
    fn keyring(self) -> &'a Keyring {
        match self {
            Self::Keys(keyring) | Self::Unsigned(keyring) => keyring,
        }
    }
}

/// A verified package.
#[derive(Clone, Debug)]
pub struct Package {
    identity: Identity,
    signature: Header,
    header: Header,
    payload: Content,
    signer: Option<Signer>,
    payload_digest: Option<PayloadDigest>,
}

impl Package {
    /// Opens a package and verifies all of it.
    ///
    /// The header is verified by its digests and signatures. The payload is verified by the digest
    /// in the header, or by the digests and signatures of old packages.
    pub fn open(content: &Content, trust: Trust<'_>) -> Result<Self, PackageError> {
        let mut package = Self::split(content)?;
        verify::sizes(&package)?;
        verify::header_digests(&package)?;
        let signer = verify::header_signatures(&package, trust.keyring())?;
        let payload = verify::payload_digests(&package)?;
        package.signer = verify::authenticate(&package, signer, &payload, trust)?;
        package.payload_digest = payload.digest();
        Ok(package)
    }

    /// Reads a package for its metadata. The digests of the header are verified, its signatures and
    /// the payload are not.
    pub fn inspect(content: &Content) -> Result<Self, PackageError> {
        let package = Self::split(content)?;
        verify::header_digests(&package)?;
        Ok(package)
    }

    /// Splits the file into its parts.
    fn split(content: &Content) -> Result<Self, PackageError> {
        let lead = read(content, 0, LEAD_LENGTH, Part::Lead)?;
        let found: [u8; 4] = *lead.first_chunk().ok_or(PackageError::NotAnRpm { found: [0; 4] })?;
        if found != LEAD_MAGIC {
            return Err(PackageError::NotAnRpm { found });
        }
        if lead.get(78..80) != Some(&SIGNATURE_IS_HEADER) {
            return Err(PackageError::Lead { what: "its signature is not a header" });
        }
        let (signature, end) = read_header(content, LEAD_LENGTH, Place::Signature)?;
        let (header, end) = read_header(content, end.next_multiple_of(8), Place::Package)?;
        let payload = content.slice(end, content.len() - end).ok_or_else(|| truncated(content, Part::Payload, end))?;
        let identity = Identity::of(&header)?;
        Ok(Self { identity, signature, header, payload, signer: None, payload_digest: None })
    }

    /// Returns name, version and architecture.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the header, as it was signed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the signature header. It is not signed itself: the digests and signatures in its
    /// region were verified, all else is untrusted.
    pub fn signature(&self) -> &Header {
        &self.signature
    }

    /// Returns the key that signed the package. `None` if it is unsigned and that is accepted, or
    /// if it was only inspected.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// Returns the compressed payload.
    pub fn payload(&self) -> &Content {
        &self.payload
    }

    /// Drops the compressed payload, which may be large, after it is unpacked.
    pub fn release_payload(&mut self) {
        self.payload = Content::empty();
    }

    /// Returns the files, in the header's order.
    pub fn files(&self) -> Result<Vec<File>, FilesError> {
        files::files(&self.header)
    }

    /// Returns the verified contents of the wanted files, in the order of `files`, which must be
    /// the result of [`Self::files`].
    pub fn unpack(
        &self,
        files: &[File],
        spool: &Spool,
        wanted: impl Fn(&File) -> bool,
    ) -> Result<Vec<Option<Content>>, PayloadError> {
        payload::unpack(&self.header, files, &self.payload, self.payload_digest.as_ref(), spool, wanted)
    }
}

fn truncated(content: &Content, part: Part, expected: u64) -> PackageError {
    PackageError::Truncated { part, expected, found: content.len() }
}

/// Reads a range of the file.
fn read(content: &Content, offset: u64, length: u64, part: Part) -> Result<Vec<u8>, PackageError> {
    let slice = content.slice(offset, length).ok_or_else(|| truncated(content, part, offset.saturating_add(length)))?;
    slice.bytes().map(std::borrow::Cow::into_owned).map_err(PackageError::Read)
}

/// Reads the header at an offset. Returns it and the offset of its end.
fn read_header(content: &Content, offset: u64, place: Place) -> Result<(Header, u64), PackageError> {
    let part = if place == Place::Signature { Part::Signature } else { Part::Header };
    let bad = |source| PackageError::Header { part, source };
    let intro = read(content, offset, INTRO_LENGTH as u64, part)?;
    let intro = intro.first_chunk().ok_or_else(|| truncated(content, part, offset))?;
    let length = header::length_from_intro(intro).map_err(bad)? as u64;
    let start = offset + header::MAGIC.len() as u64;
    let header = Header::parse(read(content, start, length, part)?, place).map_err(bad)?;
    Ok((header, start + length))
}

/// Returns the size of header and payload together, as the signature header states it, in bytes.
fn promised_size(signature: &Header) -> Option<u64> {
    signature.size(Tag::SIGTAG_SIZE, Tag::LONG_SIG_SIZE)
}

/// Reads the header in the form that is hashed and signed, with its magic.
fn header_bytes(header: &Header) -> impl io::Read + '_ {
    io::Read::chain(&header::MAGIC[..], header.blob())
}

/// Reports whether an entry has one signature as bytes, not several as text.
fn is_binary(header: &Header, tag: Tag) -> bool {
    header.entry(tag).is_some_and(|entry| entry.kind == Kind::Binary)
}
