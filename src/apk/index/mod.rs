//! The index `APKINDEX` of an apk v2 repository, read into the pool.
//!
//! In: the bytes of `APKINDEX.tar.gz`: a signature (verified by `apk::signature`), then a tar
//! archive of `DESCRIPTION` and `APKINDEX`. Out: packages in a [`PoolBuilder`]. The module
//! downloads nothing and does not validate versions.
//!
//! A malformed dependency only makes its package uninstallable, as in package.c of apk-tools. Any
//! other malformed field is an error with the line number.

pub(in crate::apk) mod fields;
#[cfg(test)]
mod tests;
mod verification;

use std::io::{self, BufRead, BufReader, Read};

pub(super) use fields::Fields;

pub use verification::{VerifyError, verify};

use super::archive::{self, MemberKind};
use crate::apk::checksum;
use crate::compression;
use crate::metadata::{Age, IndexError, MetadataFile, MetadataFormat, MetadataKind, Texts};
use crate::pool::{Checksum, PoolBuilder, RepoId};

/// The metadata format of apk v2 repositories. The root document of a repository is the index
/// itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApkIndex;

/// The name of the index in a repository, and of the member in its tar archive.
const DOCUMENT: &str = "APKINDEX.tar.gz";
const MEMBER: &[u8] = b"APKINDEX";
/// The member that names the revision of the repository.
const DESCRIPTION: &[u8] = b"DESCRIPTION";
const LONGEST_DESCRIPTION: u64 = 1024;

/// The maximum length of a line in bytes. The longest real list of provided names has some hundred
/// kilobytes.
const LINE_LIMIT: u64 = 16 << 20;

impl MetadataFormat for ApkIndex {
    fn has_advisories(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "apk"
    }

    fn root_document(&self) -> &'static str {
        DOCUMENT
    }

    /// Returns the text of `DESCRIPTION`: in Alpine's own repositories the output of `git
    /// describe`.
    fn revision(&self, root: &[u8]) -> Option<String> {
        beginning(root).1
    }

    /// Returns the signed modification time of the index in its archive, and the numbers of `git
    /// describe` (`v3.20.3-12-g0123abc`).
    fn age(&self, root: &[u8]) -> Age {
        let (made, revision) = beginning(root);
        Age { made, revision: revision.map(|text| numbers(&text)).unwrap_or_default() }
    }

    fn files(&self, _root: &[u8]) -> Result<Vec<MetadataFile>, IndexError> {
        Ok(vec![MetadataFile {
            kind: MetadataKind::Packages,
            name: DOCUMENT.to_owned(),
            location: None,
            digest: None,
            size: None,
            open_digest: None,
            open_size: None,
        }])
    }

    fn read_packages(&self, input: &mut (dyn Read + Send), builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        read_index(input, |content| read_records(content, builder, repo))
    }

    fn read_texts(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError> {
        read_index(input, |content| {
            let mut texts = Texts::default();
            let mut digest = None;
            for_each_line(content, |_, line| {
                let text = || String::from_utf8_lossy(line.get(2..).unwrap_or_default()).into_owned();
                match line.first() {
                    Some(b'C') => digest = checksum::parse(&text()),
                    Some(b'T') => texts.summary = text(),
                    Some(b'U') => texts.url = text(),
                    Some(_) => {}
                    None => {
                        if let Some(digest) = digest.take() {
                            found(Checksum { kind: digest.algorithm(), bytes: digest.bytes() }, std::mem::take(&mut texts));
                        }
                    }
                }
                Ok(())
            })
        })
    }
}

/// Returns modification time and description of the index. `apk index` writes the description
/// first, so the packages, nearly all of the archive, are not decompressed.
fn beginning(root: &[u8]) -> (i64, Option<String>) {
    let (mut made, mut revision) = (0, None);
    let Ok((_, mut input)) = compression::decompress(root) else { return (made, revision) };
    let _ = archive::read_tar(&mut input, |member, content| {
        if member.path == DESCRIPTION {
            let mut text = String::new();
            content.take(LONGEST_DESCRIPTION).read_to_string(&mut text)?;
            revision = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        if member.path != MEMBER {
            return Ok(());
        }
        made = i64::try_from(member.mtime).unwrap_or(0);
        Err(io::Error::other("read far enough"))
    });
    (made, revision)
}

/// Returns the numbers of a revision before the commit hash, which is unrelated to its age.
fn numbers(revision: &str) -> Vec<u64> {
    let before = revision.rsplit_once("-g").map_or(revision, |(before, _)| before);
    before.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Finds the index in its tar archive.
fn read_index(input: &mut dyn Read, mut read: impl FnMut(&mut dyn Read) -> Result<(), IndexError>) -> Result<(), IndexError> {
    let mut found = false;
    archive::read_tar(input, |member, content| {
        if member.path == MEMBER && member.kind == MemberKind::File && !found {
            found = true;
            read(content)?;
        }
        Ok::<_, Fault>(())
    })
    .map_err(|fault| match fault {
        Fault::Index(error) => error,
        Fault::Read(error) => IndexError::Read { offset: 0, error },
    })?;
    let missing = || IndexError::Malformed { offset: 0, what: "there is no APKINDEX in the archive".to_owned() };
    if found { Ok(()) } else { Err(missing()) }
}

/// An error that ends the reading of a tar archive.
enum Fault {
    Index(IndexError),
    Read(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<IndexError> for Fault {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

/// Parses the records of an index: lines `letter:value`, with an empty line after each package.
pub fn read_records(input: &mut dyn Read, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
    let mut fields = Fields::default();
    for_each_line(input, |place, line| {
        let malformed =
            |what: String| IndexError::Malformed { offset: place.offset, what: format!("line {}: {what}", place.line) };
        if line.is_empty() {
            if fields.is_begun() {
                fields.finish(builder, repo).map_err(malformed)?;
            }
            return Ok(());
        }
        let (letter, value) = split(line).map_err(malformed)?;
        fields.take(letter, value, builder).map_err(malformed)
    })?;
    if fields.is_begun() {
        let malformed = |what| IndexError::Malformed { offset: 0, what: format!("last record: {what}") };
        fields.finish(builder, repo).map_err(malformed)?;
    }
    Ok(())
}

/// The position of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The line number, counted from 1.
    pub(super) line: u64,
    /// The offset of the line in bytes.
    pub(super) offset: u64,
}

/// Calls `each` for every line, without its line feed.
pub(super) fn for_each_line(
    input: &mut dyn Read,
    mut each: impl FnMut(Place, &[u8]) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut place = Place { line: 0, offset: 0 };
    let mut next = 0;
    let mut carried = Vec::new();
    loop {
        let failed = |error| IndexError::Read { offset: next, error };
        let buffer = input.fill_buf().map_err(failed)?;
        if buffer.is_empty() {
            break;
        }
        // Complete lines are passed on from the buffer. An incomplete line is copied and completed
        // later.
        let mut rest = buffer;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line = &rest[..end];
            place = Place { line: place.line + 1, offset: next };
            next += end as u64 + 1;
            if carried.is_empty() {
                each(place, line)?;
            } else {
                place.offset -= carried.len() as u64;
                carried.extend_from_slice(line);
                each(place, &carried)?;
                carried.clear();
            }
            rest = &rest[end + 1..];
        }
        carried.extend_from_slice(rest);
        next += rest.len() as u64;
        let taken = buffer.len();
        input.consume(taken);
        if carried.len() as u64 > LINE_LIMIT {
            return Err(IndexError::Malformed { offset: next, what: format!("line {} has no end", place.line + 1) });
        }
    }
    if carried.is_empty() { Ok(()) } else { each(Place { line: place.line + 1, offset: next - carried.len() as u64 }, &carried) }
}

/// Splits `letter:value`.
pub(super) fn split(line: &[u8]) -> Result<(u8, &[u8]), String> {
    match line {
        [letter, b':', value @ ..] => Ok((*letter, value)),
        _ => Err(format!("expected a letter and a colon, found {:?}", String::from_utf8_lossy(&line[..line.len().min(40)]))),
    }
}
