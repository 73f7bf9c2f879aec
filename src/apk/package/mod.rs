//! Package files of apk 2: three gzip streams (signature, control, data), verified as a whole and
//! decompressed.
//!
//! In: the bytes of a file, the trusted keys, the identity from the index. Out: a [`Package`] with
//! its files and scripts. The control stream is used only after its signature is verified. The data
//! stream is decompressed only after its digest is verified.

mod error;
mod facts;
mod file;
mod info;
mod script;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

pub use error::PackageError;
pub use facts::facts;
pub use file::{File, FileKind, xattr_checksum};
pub use info::{InfoError, PackageInfo};
pub use script::{Script, ScriptKind};

use super::archive::{GzipStreams, read_tar, read_whole_tar};
use super::signature::{Keyring, MAX_SIGNATURE, Signature, SignatureError};
use crate::compression::{self, Bounded};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::package::{Content, Entry, EntryKind, Owner, Spool};
use file::{Contents, FileReader};

/// The maximum size of a control stream in bytes. Scripts are small.
const MAX_CONTROL: u64 = 16 << 20;
const BUFFER: usize = 64 << 10;

/// A signature policy: the packages to accept.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Accepts packages signed by one of these keys.
    Keys(&'a Keyring),
    /// Accepts unsigned packages too, and those signed by unknown keys. A bad signature by one of
    /// these keys is still an error.
    Unsigned(&'a Keyring),
}

/// The fields of the index that override or complete the package's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The identity, `C:`.
    pub checksum: Option<Digest>,
    /// The architecture, `A:`. Indexes give a `noarch` package the architecture of the index.
    pub arch: Option<String>,
}

/// A verified and decompressed package.
#[derive(Clone, Debug)]
pub struct Package {
    info: PackageInfo,
    checksum: Digest,
    size: u64,
    signer: Option<String>,
    signers: Vec<String>,
    scripts: Vec<Script>,
    files: Vec<File>,
}

impl Package {
    /// Opens a package file, verifies it completely, and decompresses its files into the spool.
    pub fn open(content: &Content, trust: Trust<'_>, indexed: &Indexed, spool: &Spool) -> Result<Self, PackageError> {
        let (signatures, range, control) = read_control(content)?;
        let signer = authenticate(content, &range, &signatures, trust)?;
        let checksum = digest_range(content, &range, Algorithm::Sha1)?;
        if let Some(expected) = &indexed.checksum {
            let found = if expected.algorithm() == Algorithm::Sha1 {
                checksum.clone()
            } else {
                digest_range(content, &range, expected.algorithm())?
            };
            if *expected != found {
                return Err(PackageError::Identity { expected: expected.clone(), found });
            }
        }
        let info = control.info.ok_or(PackageError::NotAPackage { what: "it has no .PKGINFO" })?;
        let mut info = PackageInfo::parse(&info)?;
        if let Some(arch) = &indexed.arch
            && matches!(info.arch.as_str(), "" | "noarch")
        {
            arch.clone_into(&mut info.arch);
        }
        let files = read_data(content, range.end..content.len(), &info, spool)?;
        let signers = signatures.iter().map(|signature| signature.key().to_owned()).collect();
        Ok(Self { info, checksum, size: content.len(), signer, signers, scripts: control.scripts, files })
    }

    /// Returns the metadata and the identity of a package file, without verification.
    pub fn read_info(content: &Content) -> Result<(PackageInfo, Digest), PackageError> {
        let (_, range, control) = read_control(content)?;
        let info = control.info.ok_or(PackageError::NotAPackage { what: "it has no .PKGINFO" })?;
        Ok((PackageInfo::parse(&info)?, digest_range(content, &range, Algorithm::Sha1)?))
    }

    /// Creates a package with this identity that has no file.
    pub fn made_up(info: PackageInfo, identity: Digest) -> Self {
        Self { info, checksum: identity, size: 0, signer: None, signers: Vec::new(), scripts: Vec::new(), files: Vec::new() }
    }

    /// Returns the metadata.
    pub fn info(&self) -> &PackageInfo {
        &self.info
    }

    /// Returns the identity (`C:`): SHA-1 of the control stream.
    pub fn checksum(&self) -> &Digest {
        &self.checksum
    }

    /// Returns the size of the package file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the name of the trusted key that signed the package.
    pub fn signer(&self) -> Option<&str> {
        self.signer.as_deref()
    }

    /// Returns the names of the keys that the signatures refer to. They are not verified.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// Returns the scripts, in apk's order of kinds.
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// Returns the files, in the order of the archive.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Returns `name-version`.
    pub fn id(&self) -> String {
        self.info.id()
    }

    /// Returns the build time, in seconds since 1970.
    pub fn build_time(&self) -> i64 {
        i64::try_from(self.info.build_time).unwrap_or(0)
    }

    /// Returns the files as entries common to all ecosystems. Paths become absolute.
    pub fn entries(&self) -> Vec<Entry> {
        self.files.iter().map(|file| self.entry(file)).collect()
    }

    fn entry(&self, file: &File) -> Entry {
        let absolute = |path: &[u8]| -> Box<[u8]> { [b"/", path].concat().into() };
        let kind = match &file.kind {
            FileKind::Regular(content) => EntryKind::File(content.clone()),
            FileKind::HardLink(of) => EntryKind::HardLink(absolute(&self.files[*of].path)),
            FileKind::Directory => EntryKind::Directory,
            FileKind::Symlink(target) => EntryKind::Symlink(target.clone()),
            FileKind::CharacterDevice { major, minor } => EntryKind::CharacterDevice { major: *major, minor: *minor },
            FileKind::BlockDevice { major, minor } => EntryKind::BlockDevice { major: *major, minor: *minor },
            FileKind::Fifo => EntryKind::Fifo,
        };
        let owner = |name: &Arc<str>, id: u32| if name.is_empty() { Owner::Id(id) } else { Owner::named(name) };
        Entry {
            path: absolute(&file.path),
            kind,
            mode: file.mode,
            mtime: file.mtime,
            user: owner(&file.user, file.uid),
            group: owner(&file.group, file.gid),
            xattrs: file.xattrs.clone(),
            digest: file.checksum.clone(),
        }
    }
}

/// A stream before the data.
enum Leading {
    Signatures(Vec<Signature>),
    Control(Control),
}

#[derive(Default)]
struct Control {
    info: Option<Vec<u8>>,
    scripts: Vec<Script>,
}

/// Reads the signatures of a package file, the byte range of its control stream, and the members of
/// that stream.
fn read_control(content: &Content) -> Result<(Vec<Signature>, Range<u64>, Control), PackageError> {
    let mut streams = GzipStreams::new(BufReader::with_capacity(BUFFER, content.reader()));
    let mut signatures = Vec::new();
    loop {
        let Some((range, stream)) = streams.next(|input| read_leading(input))? else {
            return Err(PackageError::NotAPackage { what: "it has no control stream" });
        };
        match stream {
            Leading::Signatures(found) if signatures.is_empty() => signatures = found,
            Leading::Signatures(_) => return Err(PackageError::NotAPackage { what: "it has two signature streams" }),
            Leading::Control(control) => return Ok((signatures, range, control)),
        }
    }
}

/// Reads a signature stream or a control stream, and returns which of the two it is.
fn read_leading(input: &mut dyn Read) -> Result<Leading, PackageError> {
    let mut signatures = Vec::new();
    let mut control = Control::default();
    let mut limited = input.take(MAX_CONTROL + 1);
    read_tar(&mut limited, |member, content| {
        if member.path.starts_with(b".SIGN.") {
            let mut bytes = Vec::new();
            content.take(MAX_SIGNATURE + 1).read_to_end(&mut bytes)?;
            signatures.extend(Signature::new(&member.path, &bytes));
        } else if member.path == b".PKGINFO" {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            control.info = Some(bytes);
        } else if let Some(kind) = ScriptKind::of_member(&member.path) {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            control.scripts.retain(|script: &Script| script.kind != kind);
            control.scripts.push(Script { kind, text: bytes.into() });
        } else if !member.path.starts_with(b".") {
            // A file before the control data means a package of apk 1, whose files no digest
            // covers.
            return Err(PackageError::NotAPackage { what: "it has no control stream before its files" });
        }
        Ok(())
    })?;
    if limited.limit() == 0 {
        return Err(PackageError::TooLong { limit: MAX_CONTROL });
    }
    if !signatures.is_empty() {
        if control.info.is_some() {
            return Err(PackageError::NotAPackage { what: "its signature lies in the stream that it signs" });
        }
        return Ok(Leading::Signatures(signatures));
    }
    control.scripts.sort_by_key(|script| script.kind);
    Ok(Leading::Control(control))
}

/// Returns the trusted key that signed the control stream.
fn authenticate(
    content: &Content,
    range: &Range<u64>,
    signatures: &[Signature],
    trust: Trust<'_>,
) -> Result<Option<String>, PackageError> {
    let (Trust::Keys(keys) | Trust::Unsigned(keys)) = trust;
    let control = content.slice(range.start, range.end.saturating_sub(range.start)).unwrap_or_else(Content::empty);
    let verified = keys.verify(signatures, &control.bytes().map_err(PackageError::Io)?);
    match (verified, trust) {
        (Ok(signer), _) => Ok(Some(signer)),
        (Err(SignatureError::Unsigned | SignatureError::UnknownKey { .. }), Trust::Unsigned(_)) => Ok(None),
        (Err(error), _) => Err(PackageError::Signature(error)),
    }
}

/// Verifies the data stream and decompresses its files.
fn read_data(content: &Content, range: Range<u64>, info: &PackageInfo, spool: &Spool) -> Result<Vec<File>, PackageError> {
    if range.is_empty() && info.data_hash.is_none() {
        return Ok(Vec::new());
    }
    let expected = info.data_hash.as_ref().ok_or(PackageError::NoDataHash)?;
    let found = digest_range(content, &range, expected.algorithm())?;
    if found != *expected {
        return Err(PackageError::DataHash { expected: expected.clone(), found });
    }
    let data = content.slice(range.start, range.end - range.start).unwrap_or_else(Content::empty);
    if let Some(files) = spool.inflated(expected, data.len()).and_then(|tar| read_kept(&tar).ok()) {
        return Ok(files);
    }
    if let Some(tar) = inflate_at_once(&data, spool) {
        let mut reader = FileReader::new(Contents::Tar(tar.clone()));
        read_tar(&mut tar.reader(), |member, content| reader.take(member, content))?;
        if let (Some(mut kept), Some(bytes)) = (spool.keep_inflated(expected), tar.memory()) {
            kept.add(bytes);
            kept.finish();
        }
        return Ok(reader.finish());
    }
    let mut reader = FileReader::new(Contents::Spooled(spool.writer(info.installed_size)));
    let input = flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, data.reader()));
    let mut input = Bounded::new(input, spool.most(data.len()));
    read_tar(&mut input, |member, content| reader.take(member, content))?;
    Ok(reader.finish())
}

/// Reads the files of a cached tar archive that was verified when it was decompressed.
fn read_kept(tar: &Content) -> Result<Vec<File>, PackageError> {
    let mut reader = FileReader::new(Contents::CheckedTar(tar.clone()));
    read_whole_tar(tar.reader(), |member, content| reader.take(member, content))?;
    Ok(reader.finish())
}

/// Decompresses the tar archive of a data stream into memory. The files are then slices of it.
///
/// Returns `None` if memory does not suffice or the stream is malformed. The caller then reads it
/// as a stream, which reports the error.
fn inflate_at_once(data: &Content, spool: &Spool) -> Option<Content> {
    let compressed = data.memory()?;
    let length = u64::from(compression::gzip_length(compressed)?);
    // gzip compresses by at most 1032:1 (RFC 1951: 2 bits for a length of 258). A larger recorded
    // length is false.
    let possible = length <= spool.most(data.len()) && length / 1032 <= data.len();
    if possible { spool.fill(length, |out| compression::inflate_gzip(compressed, out)) } else { None }
}

fn digest_range(content: &Content, range: &Range<u64>, algorithm: Algorithm) -> Result<Digest, PackageError> {
    let part = content.slice(range.start, range.end.saturating_sub(range.start)).unwrap_or_else(Content::empty);
    let mut hasher = Hasher::new(algorithm);
    part.write_to(&mut hasher).map_err(PackageError::Io)?;
    Ok(hasher.finish())
}
