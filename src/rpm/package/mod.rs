//! A package file: lead, signature header, header, payload; opened only when all of it is what it says it is.
//!
//! In: the bytes of a file and the keys that are trusted. Out: a [`Package`], whose header was signed or at least hashed, and
//! whose payload is the one that this header means. Nothing of an unverified file can be reached.

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

/// What begins a package file, of which only the magic, the version, the kind and the signature's type mean anything.
const LEAD_LENGTH: u64 = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// The only type of signature since rpm 3: a header.
const SIGNATURE_IS_HEADER: [u8; 2] = [0, 5];

/// Which packages to accept.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those that one of these keys signed.
    Keys(&'a Keyring),
    /// Unsigned ones too, and those that unknown keys signed; a bad signature by one of these keys is refused all the same.
    Unsigned(&'a Keyring),
}

impl<'a> Trust<'a> {
    fn keyring(self) -> &'a Keyring {
        match self {
            Self::Keys(keyring) | Self::Unsigned(keyring) => keyring,
        }
    }
}

/// A package that was verified.
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
    /// Opens a package and verifies all of it: the header by its digests and signatures, the payload by the digest in the header or
    /// by digests and signatures of old.
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

    /// Reads a package for what its header says: the header's own digests are checked, signatures and payload are not.
    pub fn inspect(content: &Content) -> Result<Self, PackageError> {
        let package = Self::split(content)?;
        verify::header_digests(&package)?;
        Ok(package)
    }

    /// Finds the parts.
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

    /// Name, version and architecture.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The header, as it was signed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The signature header. Nothing signs it: the digests and signatures in its region were checked, the rest may be anything.
    pub fn signature(&self) -> &Header {
        &self.signature
    }

    /// The key that signed it; nothing if unsigned ones are accepted, or if it was only inspected.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// The compressed payload.
    pub fn payload(&self) -> &Content {
        &self.payload
    }

    /// Lets go of the compressed payload, which may be large, once it is unpacked.
    pub fn release_payload(&mut self) {
        self.payload = Content::empty();
    }

    /// The files, in the header's order.
    pub fn files(&self) -> Result<Vec<File>, FilesError> {
        files::files(&self.header)
    }

    /// The contents of those of `files` (all that [`Self::files`] gave) that are wanted, checked, in the same order.
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

/// Some bytes of the file.
fn read(content: &Content, offset: u64, length: u64, part: Part) -> Result<Vec<u8>, PackageError> {
    let slice = content.slice(offset, length).ok_or_else(|| truncated(content, part, offset.saturating_add(length)))?;
    slice.bytes().map(std::borrow::Cow::into_owned).map_err(PackageError::Read)
}

/// The header at an offset, and where it ends.
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

/// The size that a signature header tells of header and payload together.
fn promised_size(signature: &Header) -> Option<u64> {
    signature.size(Tag::SIGTAG_SIZE, Tag::LONG_SIG_SIZE)
}

/// Reads the header as it is hashed and signed, with its magic.
fn header_bytes(header: &Header) -> impl io::Read + '_ {
    io::Read::chain(&header::MAGIC[..], header.blob())
}

/// The signatures in an entry: one as bytes, or several as text.
fn is_binary(header: &Header, tag: Tag) -> bool {
    header.entry(tag).is_some_and(|entry| entry.kind == Kind::Binary)
}
