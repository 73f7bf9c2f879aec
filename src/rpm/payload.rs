//! The payload: the contents of a package's files, inflated and checked against what the header promises of each.
//!
//! In: the compressed payload and the files of the header. Out: a content for each file that is wanted, all of them parts of one
//! spooled buffer. A payload that holds more, less or something else than promised is stopped where that is seen.

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

/// What is inflated at a time.
const BUFFER: usize = 128 << 10;

/// Zero bytes that may follow the archive: as much as cpio's own blocks.
const PADDING_MAX: u64 = 64 << 10;

/// No link's target is longer (`PATH_MAX`).
const TARGET_MAX: u64 = 4096;

/// Why a payload cannot be unpacked; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It cannot be inflated, or ends too early.
    #[error("the payload cannot be inflated: {0}")]
    Inflate(#[source] io::Error),
    /// The spool cannot be written.
    #[error("cannot keep the payload: {0}")]
    Spool(#[source] io::Error),
    /// It is compressed or packed in a way that is not known.
    #[error("the payload is `{found}`, which is not known")]
    Format {
        /// What the header says.
        found: String,
    },
    /// The archive in it is damaged.
    #[error(transparent)]
    Archive(CpioError),
    /// It holds a file that the header does not know.
    #[error("the payload holds {path}, which the header does not")]
    Unexpected {
        /// The file.
        path: String,
    },
    /// It holds a file twice.
    #[error("the payload holds {path} twice")]
    Twice {
        /// The file.
        path: String,
    },
    /// It does not hold a file of the header, or not its content.
    #[error("the payload does not hold {path}")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file has another size.
    #[error("{path} is {found} bytes in the payload, the header promises {expected}")]
    Size {
        /// The file.
        path: String,
        /// As the header says.
        expected: u64,
        /// As the payload says.
        found: u64,
    },
    /// A file has another content.
    #[error("{path} is not what the header promises: expected {expected}, found {found}")]
    Digest {
        /// The file.
        path: String,
        /// As the header says.
        expected: Digest,
        /// Of what is in the payload.
        found: Digest,
    },
    /// The inflated payload as a whole is another.
    #[error("the inflated payload is not what the header promises: expected {expected}, found {found}")]
    Whole {
        /// As the header says.
        expected: Digest,
        /// Of what is in the payload.
        found: Digest,
    },
    /// Something follows the archive.
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

/// How the header says that the payload is packed.
fn format(header: &Header) -> Result<Option<Format>, PayloadError> {
    let text = |tag| header.string(tag).map(String::from_utf8_lossy);
    if let Some(found) = text(Tag::PAYLOAD_FORMAT).filter(|format| format != "cpio") {
        return Err(PayloadError::Format { found: found.into_owned() });
    }
    match text(Tag::PAYLOAD_COMPRESSOR).as_deref() {
        // rpm reads what has no compressor, or gzip, through zlib's functions, which let plain bytes pass (rpmio.c: gzdio).
        None | Some("gzip") => Ok(None),
        Some(name) => Format::from_name(name).map(Some).ok_or_else(|| PayloadError::Format { found: name.into() }),
    }
}

/// The digest of a payload that the header has.
#[derive(Clone, Debug)]
pub enum PayloadDigest {
    /// Of what is in the file; it was checked.
    Packed(Digest),
    /// Of what that inflates to, which has to be checked.
    Inflated(Digest),
}

/// Inflates `payload` and gives the content of each of `files` for which `wanted` says so and which is a regular file, in their
/// order; hard links share one. What is not wanted is passed over unchecked. What the spool's store has of a payload is not inflated again; its files are held
/// against the header all the same.
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
    // What is kept is nobody's word: where it is not what the header promises, the payload itself decides.
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
    // The header promises the size of each file, and may promise anything.
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

/// The contents of files in a payload that was inflated before.
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

/// Reads to the end, which also checks what the compression has there, and where nothing but zeros may be.
fn read_padding(rest: &mut impl Read) -> Result<(), PayloadError> {
    let mut padding = Vec::new();
    rest.take(PADDING_MAX + 1).read_to_end(&mut padding)?;
    if padding.len() as u64 > PADDING_MAX || padding.iter().any(|&byte| byte != 0) {
        return Err(PayloadError::Trailing);
    }
    Ok(())
}

/// A reader that makes a digest of what passes, if there is one to compare it with, and keeps it where such is kept.
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

/// Where the contents of files are.
enum Contents {
    /// One after another in a spool, and how much that is.
    Spooled(SpoolWriter, u64),
    /// In the inflated payload, where they are.
    Inflated(Content),
}

/// What the files' contents gather in.
struct Unpacker<'a> {
    files: &'a [File],
    /// The first hard link of each file's set.
    sets: Vec<usize>,
    /// By the set's first file: whether any of its names is wanted.
    wanted: Vec<bool>,
    /// By the set's first file: how many names it has, and which is the last.
    names: Vec<(u32, usize)>,
    seen: Vec<bool>,
    /// By the set's first file: where its content lies, once it was there.
    places: Vec<Option<(u64, u64)>>,
    by_path: Option<FxHashMap<&'a [u8], usize>>,
    /// Payloads are packed in the header's order but for hard links: the file to expect.
    next: usize,
    contents: Contents,
}

/// A path without what may stand before its first name.
fn bare(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    path.strip_prefix(b"/").unwrap_or(path)
}

impl<'a> Unpacker<'a> {
    /// Contents lie in what is inflated already, or else go into the spool.
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

    /// Takes all members, and gives what is left behind them.
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
            // The header has the target; what stands here is passed over, as rpm does.
            FileKind::Symlink if size <= TARGET_MAX => Ok(archive.data(size, |_| Ok::<_, io::Error>(()))?),
            FileKind::Symlink => wrong(file.link_target.len() as u64),
            _ if size == 0 => Ok(()),
            _ => wrong(0),
        }
    }

    /// The file that a member of the archive is.
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

    /// The size that the short form leaves to the header: of hard links only the last has data (rpmfi.c: `rpmfiArchiveRead…`).
    fn size_of_numbered(&self, i: usize) -> u64 {
        let file = &self.files[i];
        match file.kind {
            FileKind::Regular if self.names[self.sets[i]].1 == i => file.size,
            FileKind::Symlink => file.link_target.len() as u64,
            _ => 0,
        }
    }

    /// Takes the data of a regular file.
    fn content<R: BufRead>(&mut self, i: usize, set: usize, archive: &mut Archive<R>) -> Result<(), PayloadError> {
        let file = &self.files[i];
        // Some packers give each of the hard links the data: once is enough.
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
