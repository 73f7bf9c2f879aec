//! rpm-md: reads the XML files of `createrepo_c` into the pool.
//!
//! In: `repomd.xml`, and the decompressed bytes of `primary.xml` and `filelists.xml`, or of the
//! databases that replace them. Out: the list of a repository's metadata files, and its packages in
//! a [`PoolBuilder`]. No document is held in memory: events go straight from the decompressed bytes
//! to the pool. This module does not download files or compare versions.

mod blocks;
mod comps;
mod filelists;
mod metalink;
mod primary;
mod recent;
mod repomd;
mod sqlite;
#[cfg(test)]
mod tests;
mod texts;
mod together;
mod updateinfo;
pub mod xml;

use std::io::{Chain, Cursor, Read};

use crate::metadata::{self, Advisory, Age, IndexError, MetadataFile, MetadataFormat, MirrorList, Texts};
use crate::pool::{Checksum, PoolBuilder, RepoId};

pub use comps::read as read_groups;

/// The metadata format of RPM repositories.
#[derive(Clone, Copy, Debug, Default)]
pub struct RpmMd;

impl MetadataFormat for RpmMd {
    fn name(&self) -> &'static str {
        "rpm-md"
    }

    fn root_document(&self) -> &'static str {
        "repodata/repomd.xml"
    }

    fn root_signature(&self) -> Option<&'static str> {
        Some("repodata/repomd.xml.asc")
    }

    fn revision(&self, root: &[u8]) -> Option<String> {
        repomd::revision(root)
    }

    fn age(&self, root: &[u8]) -> Age {
        repomd::age(root)
    }

    fn mirrors(&self, list: &[u8]) -> Result<MirrorList, IndexError> {
        if list.trim_ascii_start().starts_with(b"<") { metalink::read(list) } else { metadata::plain_list(list) }
    }

    fn files(&self, root: &[u8]) -> Result<Vec<MetadataFile>, IndexError> {
        repomd::read(root)
    }

    fn read_packages(&self, input: &mut (dyn Read + Send), builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        match form_of(input)? {
            Form::Xml(input) => together::read(input, builder, repo),
            Form::Database(input) => sqlite::packages::read(input, builder, repo),
        }
    }

    fn reads_with_all_threads(&self) -> bool {
        true
    }

    fn read_files(
        &self,
        input: &mut dyn Read,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut dyn FnMut(Checksum<'_>, &str),
    ) -> Result<(), IndexError> {
        match form_of(input)? {
            Form::Xml(input) => filelists::read(input, filelists::Which::All, wanted, found),
            Form::Database(input) => sqlite::read_files(input, filelists::Which::All, wanted, found),
        }
    }

    fn read_contents(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, &str)) -> Result<(), IndexError> {
        match form_of(input)? {
            Form::Xml(input) => filelists::read(input, filelists::Which::WithContents, &|_| true, found),
            Form::Database(input) => sqlite::read_files(input, filelists::Which::WithContents, &|_| true, found),
        }
    }

    fn read_texts(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError> {
        match form_of(input)? {
            Form::Xml(input) => texts::read(input, found),
            Form::Database(input) => sqlite::read_texts(input, found),
        }
    }

    fn read_advisories(&self, input: &mut dyn Read, found: &mut dyn FnMut(Advisory)) -> Result<(), IndexError> {
        updateinfo::read(input, found)
    }
}

/// The format of a file with packages.
enum Form<R> {
    Xml(R),
    Database(R),
}

/// A reader that puts the bytes already read in front of the rest.
type Whole<'a, R> = Chain<Cursor<Vec<u8>>, &'a mut R>;

/// Detects the format of a file from its first bytes.
fn form_of<R: Read + ?Sized>(input: &mut R) -> Result<Form<Whole<'_, R>>, IndexError> {
    let mut start = Vec::new();
    let read = (&mut *input).take(sqlite::MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|error| IndexError::Read { offset: 0, error })?;
    let is_database = start == sqlite::MAGIC;
    let whole = Cursor::new(start).chain(input);
    Ok(if is_database { Form::Database(whole) } else { Form::Xml(whole) })
}
