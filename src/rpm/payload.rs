//! The payload: decompresses the contents of a package's files and verifies them against the
//! header.
//!
//! In: the compressed payload and the files of the header. Out: the content of each wanted file, as
//! a slice of one spooled buffer. Reading stops at the first difference: a missing, extra or
//! repeated file, another size, or another digest.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};

use rustc_hash::FxHashMap;

use super::cpio::{Archive, CpioError, Member};
use super::files::{File, FileKind, hard_link_sets};
use super::header::Header;
use super::tag::Tag;
use crate::compression::{Bounded, Format};
use crate::digest::{Digest, Hasher};
use crate::package::{Content, InflatedWriter, Spool, SpoolWriter};
use crate::tree::display;

/// Size of the input buffers, in bytes.
const BUFFER: usize = 128 << 10;

/// Maximum number of zero bytes after the archive, which allows for cpio's block padding.
const PADDING_MAX: u64 = 64 << 10;

/// Maximum length of a symbolic link's target, in bytes (`PATH_MAX`).
const TARGET_MAX: u64 = 4096;

/// An error that prevents unpacking. Errors about a file name it.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The payload cannot be decompressed, or it is truncated.
    #[error("the payload cannot be inflated: {0}")]
    Inflate(#[source] io::Error),
    /// The spool cannot be written.
    #[error("cannot keep the payload: {0}")]
    Spool(#[source] io::Error),
    /// The compression or the archive format is not supported.
    #[error("the payload is `{found}`, which is not known")]
    Format {
        /// Name of the format in the header.
        found: String,
    },
    /// The archive is damaged.
    #[error(transparent)]
    Archive(CpioError),
    /// The payload has a file that the header does not list.
    #[error("the payload holds {path}, which the header does not")]
    Unexpected {
        /// The file.
        path: String,
    },
    /// The payload has a file twice.
    #[error("the payload holds {path} twice")]
    Twice {
        /// The file.
        path: String,
    },
    /// The payload lacks a file of the header, or the file's content.
    #[error("the payload does not hold {path}")]
    Missing {
        /// The file.
        path: String,
    },
    /// The size of a file differs from the header's.
    #[error("{path} is {found} bytes in the payload, the header promises {expected}")]
    Size {
        /// The file.
        path: String,
        /// Size in the header, in bytes.
        expected: u64,
        /// Size in the payload, in bytes.
        found: u64,
    },
    /// The digest of a file differs from the header's.
    #[error("{path} is not what the header promises: expected {expected}, found {found}")]
    Digest {
        /// The file.
        path: String,
        /// Digest in the header.
        expected: Digest,
        /// Digest of the content in the payload.
        found: Digest,
    },
    /// The digest of the decompressed payload differs from the header's.
    #[error("the inflated payload is not what the header promises: expected {expected}, found {found}")]
    Whole {
        /// Digest in the header.
        expected: Digest,
        /// Digest of the decompressed payload.
        found: Digest,
    },
    /// Other data than zero padding follow the archive.
    #[error("the payload does not end where its archive ends")]
    Trailing,
}

impl From<CpioError> for PayloadError {
    fn from(error: CpioError) -> Self {
        match error {
            CpioError::Read(error) => Self::Inflate(error),
            error => Self::Archive(error),
        }
    }
}

impl From<io::Error> for PayloadError {
    fn from(error: io::Error) -> Self {
        Self::Inflate(error)
    }
}

/// Reads the compression format from the header. `None` means that it is detected from the data.
fn format(header: &Header) -> Result<Option<Format>, PayloadError> {
    let text = |tag| header.string(tag).map(String::from_utf8_lossy);
    if let Some(found) = text(Tag::PAYLOAD_FORMAT).filter(|format| format != "cpio") {
        return Err(PayloadError::Format { found: found.into_owned() });
    }
    match text(Tag::PAYLOAD_COMPRESSOR).as_deref() {
        // rpm reads payloads with gzip or without a compressor through zlib, which also accepts
        // uncompressed data (rpmio.c: gzdio).
        None | Some("gzip") => Ok(None),
        Some(name) => Format::from_name(name).map(Some).ok_or_else(|| PayloadError::Format { found: name.into() }),
    }
}

/// The payload digest that the header contains.
#[derive(Clone, Debug)]
pub enum PayloadDigest {
    /// Digest of the compressed payload, already verified.
    Packed(Digest),
    /// Digest of the decompressed payload, still to be verified.
    Inflated(Digest),
}

/// Decompresses `payload` and returns the content of each regular file of `files` that `wanted`
/// selects.
///
/// The result has an element for each of `files`, in their order. Hard links share one content.
/// Files that are not wanted are skipped without verification. If the spool's store has the
/// decompressed payload, it is not decompressed again, but its files are verified against the
/// header.
pub fn unpack(
    header: &Header,
    files: &[File],
    payload: &Content,
    digest: Option<&PayloadDigest>,
    spool: &Spool,
    wanted: impl Fn(&File) -> bool,
) -> Result<Vec<Option<Content>>, PayloadError> {
    let format = format(header)?;
    let (packed, whole) = match digest {
        Some(PayloadDigest::Packed(digest)) => (Some(digest), None),
        Some(PayloadDigest::Inflated(digest)) => (None, Some(digest)),
        None => (None, None),
    };
    // The cached copy is not trusted: if it does not match the header, the payload itself is used.
    let kept = packed.and_then(|digest| spool.inflated(digest, payload.len()));
    if let Some(contents) = kept.and_then(|inflated| unpack_inflated(files, &inflated, spool, &wanted).ok()) {
        return Ok(contents);
    }
    let input: Box<dyn BufRead + Send> = match payload.memory() {
        Some(bytes) => Box::new(bytes),
        None => Box::new(BufReader::with_capacity(BUFFER, payload.reader())),
    };
    let (format, inflated) = match format {
        Some(format) => format.reader(input).map(|reader| (format, reader)),
        None => crate::compression::decompress(input),
    }
    .map_err(PayloadError::Inflate)?;
    // The sizes of files in the header are not trustworthy, so the decompressed size has a limit.
    let inflated = Bounded::new(inflated, spool.most(payload.len()));
    let hasher = whole.map(|digest| Hasher::new(digest.algorithm()));
    let kept = packed.filter(|_| format.is_slow()).and_then(|digest| spool.keep_inflated(digest));
    let archive = Archive::new(BufReader::with_capacity(BUFFER, Tap { inner: inflated, hasher, kept }));

    let mut unpacker = Unpacker::new(files, None, spool, &wanted);
    let mut rest = unpacker.archive(archive)?;
    read_padding(&mut rest)?;
    let Tap { hasher, kept, .. } = rest.into_inner();
    if let (Some(expected), Some(hasher)) = (whole, hasher) {
        let found = hasher.finish();
        if found != *expected {
            return Err(PayloadError::Whole { expected: expected.clone(), found });
        }
    }
    let contents = unpacker.finish()?;
    if let Some(kept) = kept {
        kept.finish();
    }
    Ok(contents)
}

/// Returns the contents of files from a payload that is already decompressed.
fn unpack_inflated(
    files: &[File],
    inflated: &Content,
    spool: &Spool,
    wanted: impl Fn(&File) -> bool,
) -> Result<Vec<Option<Content>>, PayloadError> {
    let bytes = inflated.bytes()?;
    let mut unpacker = Unpacker::new(files, Some(inflated.clone()), spool, wanted);
    read_padding(&mut unpacker.archive(Archive::new(&*bytes))?)?;
    unpacker.finish()
}

/// Reads to the end, so that the decompressor verifies its trailer. Fails if other bytes than zeros
/// follow.
fn read_padding(rest: &mut impl Read) -> Result<(), PayloadError> {
    let mut padding = Vec::new();
    rest.take(PADDING_MAX + 1).read_to_end(&mut padding)?;
    if padding.len() as u64 > PADDING_MAX || padding.iter().any(|&byte| byte != 0) {
        return Err(PayloadError::Trailing);
    }
    Ok(())
}

/// A reader that hashes the data that passes, if there is a digest to compare with, and copies it
/// to the cache, if there is one.
struct Tap<'a, R> {
    inner: R,
    hasher: Option<Hasher>,
    kept: Option<Box<dyn InflatedWriter + 'a>>,
}

impl<R: Read> Read for Tap<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        if let Some(kept) = &mut self.kept {
            kept.add(&buffer[..n]);
        }
        Ok(n)
    }
}

/// The storage of files' contents.
enum Contents {
    /// Contents one after another in a spool, and their total size in bytes.
    Spooled(SpoolWriter, u64),
    /// Contents in place in the decompressed payload.
    Inflated(Content),
}

/// State of unpacking an archive.
struct Unpacker<'a> {
    files: &'a [File],
    /// For each file, the index of the first file in its set of hard links.
    sets: Vec<usize>,
    /// By the first file of a set: true if any name of the set is wanted.
    wanted: Vec<bool>,
    /// By the first file of a set: the number of names, and the index of the last one.
    names: Vec<(u32, usize)>,
    seen: Vec<bool>,
    /// By the first file of a set: the offset and length of its content, once it was read.
    places: Vec<Option<(u64, u64)>>,
    by_path: Option<FxHashMap<&'a [u8], usize>>,
    /// Index of the file to expect next. Payloads are in the header's order, except for hard links.
    next: usize,
    contents: Contents,
}

/// Returns a path without a leading `./` or `/`.
fn bare(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    path.strip_prefix(b"/").unwrap_or(path)
}

impl<'a> Unpacker<'a> {
    /// Creates an unpacker. Contents refer to `inflated` if it is given; otherwise they are written
    /// to `spool`.
    fn new(files: &'a [File], inflated: Option<Content>, spool: &Spool, wanted: impl Fn(&File) -> bool) -> Self {
        let sets = hard_link_sets(files);
        let mut of_set = vec![false; files.len()];
        let mut names = vec![(0, 0); files.len()];
        for (i, (file, &set)) in files.iter().zip(&sets).enumerate() {
            if file.kind == FileKind::Regular && file.in_payload() {
                of_set[set] |= wanted(file);
                names[set] = (names[set].0 + 1, i);
            }
        }
        let total =
            files.iter().zip(&of_set).filter(|(_, wanted)| **wanted).fold(0, |sum: u64, (file, _)| sum.saturating_add(file.size));
        Self {
            files,
            sets,
            wanted: of_set,
            names,
            seen: vec![false; files.len()],
            places: vec![None; files.len()],
            by_path: None,
            next: 0,
            contents: inflated.map_or_else(|| Contents::Spooled(spool.writer(total), 0), Contents::Inflated),
        }
    }

    /// Processes all members and returns the reader, positioned after them.
    fn archive<R: BufRead>(&mut self, mut archive: Archive<R>) -> Result<R, PayloadError> {
        while let Some(member) = archive.next_member()? {
            self.member(&member, &mut archive)?;
        }
        Ok(archive.into_inner())
    }

    fn member<R: BufRead>(&mut self, member: &Member, archive: &mut Archive<R>) -> Result<(), PayloadError> {
        let i = self.find(member)?;
        let file = &self.files[i];
        self.next = i + 1;
        if std::mem::replace(&mut self.seen[i], true) {
            return Err(PayloadError::Twice { path: file.display_path() });
        }
        let size = match member {
            Member::Named { size, .. } => *size,
            Member::Numbered(_) => self.size_of_numbered(i),
        };
        let wrong = |expected| Err(PayloadError::Size { path: file.display_path(), expected, found: size });
        match file.kind {
            FileKind::Regular => {
                let set = self.sets[i];
                if size != file.size && !(size == 0 && self.names[set].0 > 1) {
                    return wrong(file.size);
                }
                if size != file.size {
                    return Ok(());
                }
                self.content(i, set, archive)
            }
            // The target comes from the header. The data of this member are skipped, as rpm does.
            FileKind::Symlink if size <= TARGET_MAX => Ok(archive.data(size, |_| Ok::<_, io::Error>(()))?),
            FileKind::Symlink => wrong(file.link_target.len() as u64),
            _ if size == 0 => Ok(()),
            _ => wrong(0),
        }
    }

    /// Returns the index of the file that a member of the archive belongs to.
    fn find(&mut self, member: &Member) -> Result<usize, PayloadError> {
        let (found, name) = match member {
            Member::Numbered(index) => (Some(*index as usize), Cow::Owned(format!("file number {index}").into_bytes())),
            Member::Named { name, .. } => {
                let wanted = bare(name);
                let expected = self.files.get(self.next).filter(|file| bare(&file.path) == wanted);
                let found = expected.map(|_| self.next).or_else(|| {
                    let files = self.files;
                    let by_path =
                        self.by_path.get_or_insert_with(|| files.iter().map(|file| bare(&file.path)).zip(0..).collect());
                    by_path.get(wanted).copied()
                });
                (found, Cow::Borrowed(name.as_slice()))
            }
        };
        found
            .filter(|&i| self.files.get(i).is_some_and(File::in_payload))
            .ok_or_else(|| PayloadError::Unexpected { path: display(&name) })
    }

    /// Returns the size of a member in rpm's short form, which has no sizes of its own. Only the
    /// last name of a set of hard links has data (rpmfi.c: `rpmfiArchiveRead…`).
    fn size_of_numbered(&self, i: usize) -> u64 {
        let file = &self.files[i];
        match file.kind {
            FileKind::Regular if self.names[self.sets[i]].1 == i => file.size,
            FileKind::Symlink => file.link_target.len() as u64,
            _ => 0,
        }
    }

    /// Reads the data of a regular file.
    fn content<R: BufRead>(&mut self, i: usize, set: usize, archive: &mut Archive<R>) -> Result<(), PayloadError> {
        let file = &self.files[i];
        // Some packers store the data with each hard link. The first copy is enough.
        if !self.wanted[set] || self.places[set].is_some() {
            return Ok(archive.data(file.size, |_| Ok::<_, io::Error>(()))?);
        }
        let mut hasher = file.digest.as_ref().map(|digest| Hasher::new(digest.algorithm()));
        let begin = archive.offset();
        let contents = &mut self.contents;
        archive.data(file.size, |piece| {
            if let Some(hasher) = &mut hasher {
                hasher.update(piece);
            }
            match contents {
                Contents::Spooled(spool, _) => spool.write_all(piece).map_err(PayloadError::Spool),
                Contents::Inflated(_) => Ok(()),
            }
        })?;
        if let (Some(expected), Some(found)) = (&file.digest, hasher.map(Hasher::finish))
            && *expected != found
        {
            return Err(PayloadError::Digest { path: file.display_path(), expected: expected.clone(), found });
        }
        let place = match &mut self.contents {
            Contents::Spooled(_, written) => std::mem::replace(written, *written + file.size),
            Contents::Inflated(_) => begin,
        };
        self.places[set] = Some((place, file.size));
        Ok(())
    }

    fn finish(self) -> Result<Vec<Option<Content>>, PayloadError> {
        let missing = |file: &File| PayloadError::Missing { path: file.display_path() };
        let buffer = match self.contents {
            Contents::Spooled(spool, _) => spool.finish(),
            Contents::Inflated(inflated) => inflated,
        };
        let mut contents = Vec::with_capacity(self.files.len());
        for (i, (file, &set)) in self.files.iter().zip(&self.sets).enumerate() {
            if file.in_payload() && !self.seen[i] {
                return Err(missing(file));
            }
            let wanted = file.kind == FileKind::Regular && file.in_payload() && self.wanted[set];
            let content = match self.places[set] {
                _ if !wanted => None,
                Some((offset, size)) => Some(buffer.slice(offset, size).ok_or_else(|| missing(file))?),
                None => return Err(missing(file)),
            };
            contents.push(content);
        }
        Ok(contents)
    }
}
