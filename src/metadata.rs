//! What repositories ask of an ecosystem: the trait through which their metadata is read, whatever its format.
//!
//! In: the bytes of a repository's files. Out: what a root document lists, and packages in a [`PoolBuilder`].
//! `rpm::index` and `apk::index` implement it; `repo/` gets the bytes and knows neither.

use std::io::{self, Read};

use crate::digest::Digest;
use crate::pool::{Checksum, PoolBuilder, RepoId};

/// A format of repository metadata. One value serves every repository and thread.
pub trait MetadataFormat: Sync {
    /// What it is called: `rpm-md`.
    fn name(&self) -> &'static str;

    /// The document that a repository begins with, relative to its base: `repodata/repomd.xml`.
    fn root_document(&self) -> &'static str;

    /// The file beside the root document that holds its signature, where it has none in itself.
    fn root_signature(&self) -> Option<&'static str> {
        None
    }

    /// What the root document says of the state that it is of: a number, a time, a commit.
    fn revision(&self, root: &[u8]) -> Option<String> {
        let _ = root;
        None
    }

    /// How new the state is that the root document is of, as far as it tells; a newer one compares greater.
    fn age(&self, root: &[u8]) -> Age;

    /// Reads a list of mirrors: where they are, and what their root document has to be where the list says so. In its plainest form it has a line a mirror.
    fn mirrors(&self, list: &[u8]) -> Result<MirrorList, IndexError> {
        plain_list(list)
    }

    /// What the root document lists.
    fn files(&self, root: &[u8]) -> Result<Vec<MetadataFile>, IndexError>;

    /// Reads the packages of a [`MetadataKind::Packages`] file (inflated already) into the pool.
    fn read_packages(&self, input: &mut (dyn Read + Send), builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError>;

    /// Whether [`read_packages`](Self::read_packages) keeps all threads busy by itself.
    fn reads_with_all_threads(&self) -> bool {
        false
    }

    /// Reads a [`MetadataKind::Files`] file (inflated already): calls `found` with the checksum of the package and the path
    /// for each path that is `wanted`. For formats that tell all files with the packages there is nothing to do.
    fn read_files(
        &self,
        input: &mut dyn Read,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut dyn FnMut(Checksum<'_>, &str),
    ) -> Result<(), IndexError> {
        let _ = (input, wanted, found);
        Ok(())
    }

    /// Reads a [`MetadataKind::Files`] file (inflated already): calls `found` with the checksum of the package and the path for each path of
    /// each package that is brought with a content: no directories, and nothing that the package only owns.
    fn read_contents(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, &str)) -> Result<(), IndexError> {
        let _ = (input, found);
        Ok(())
    }

    /// Reads a [`MetadataKind::Packages`] file (inflated already) for what it tells people: calls `found` with the checksum of each
    /// package that has one.
    fn read_texts(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError>;

    /// Reads a [`MetadataKind::Advisories`] file (inflated already), one advisory after another. Not every format has such files.
    fn read_advisories(&self, input: &mut dyn Read, found: &mut dyn FnMut(Advisory)) -> Result<(), IndexError> {
        let _ = (input, found);
        Ok(())
    }
}

/// How new metadata are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// When they were made, in seconds since 1970; 0 where nothing tells.
    pub made: i64,
    /// What tells states of one time apart: the numbers of a revision, the first of which counts most.
    pub revision: Vec<u64>,
}

/// Where the mirrors of a repository are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorList {
    /// Their bases, the best first.
    pub bases: Vec<String>,
    /// What the root document has to be, the newest first: an older one is taken where no mirror has a newer one. With none it may be anything.
    pub roots: Vec<RootPromise>,
}

/// What a root document has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPromise {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// A list with a line a mirror; comments begin with `#`.
pub fn plain_list(list: &[u8]) -> Result<MirrorList, IndexError> {
    let text = str::from_utf8(list)
        .map_err(|error| IndexError::Malformed { offset: error.valid_up_to() as u64, what: "the list is not text".to_owned() })?;
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("http://") || line.starts_with("https://"));
    Ok(MirrorList { bases: lines.map(str::to_owned).collect(), roots: Vec::new() })
}

/// What a distribution says of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisory {
    /// What it is called: `ALSA-2023:0340`.
    pub id: String,
    /// What it is for: `security`, `bugfix`, `enhancement`, `newpackage`.
    pub kind: String,
    /// How bad it is without it; empty where nobody says.
    pub severity: String,
    /// Whether it is final.
    pub status: String,
    /// What it is, in a line.
    pub title: String,
    /// When it was made, as it is written.
    pub issued: String,
    /// When it was changed last, as it is written.
    pub updated: String,
    /// Whether a machine should be started again after it.
    pub reboot: bool,
    /// Where more is said: bugs, CVEs.
    pub references: Vec<Reference>,
    /// The packages with which it is done.
    pub packages: Vec<AdvisoryPackage>,
}

/// Where more is said of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// What it is: `cve`, `bugzilla`.
    pub kind: String,
    /// What it is called there.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Where it is.
    pub href: String,
}

/// A package that an advisory names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvisoryPackage {
    /// All of it, as the ecosystem names packages.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its whole version in the ecosystem's own form.
    pub version: String,
    /// Its architecture.
    pub arch: String,
    /// The stream of a module that it is of: `php:8.0`.
    pub module: Option<String>,
}

/// What a repository tells people of a package, beside what decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// What it is, in a line.
    pub summary: String,
    /// What it is, at length; empty where the format has no such thing.
    pub description: String,
    /// Where it comes from.
    pub url: String,
}

/// What a metadata file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataKind {
    /// The packages and what they need and give.
    Packages,
    /// All files of all packages.
    Files,
    /// Groups of packages (comps).
    Groups,
    /// Modules and their streams.
    Modules,
    /// Advisories (updateinfo).
    Advisories,
    /// Something else; [`MetadataFile::name`] says what.
    Other,
}

/// A metadata file as the root document promises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFile {
    /// What it is about.
    pub kind: MetadataKind,
    /// What the format calls it: `primary`.
    pub name: String,
    /// Where it is, relative to the repository (or a whole URL); `None` when it is the root document itself.
    pub location: Option<String>,
    /// Its digest, as far as the algorithm is known.
    pub digest: Option<Digest>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The digest of what it holds, inflated.
    pub open_digest: Option<Digest>,
    /// How many bytes that is.
    pub open_size: Option<u64>,
}

/// Why metadata cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is not what the format says.
    #[error("{what}, at byte {offset}")]
    Malformed {
        /// Where, in the inflated file.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Its bytes cannot be read or inflated.
    #[error("{error}, after byte {offset} of what it holds")]
    Read {
        /// How far reading came, in the inflated file.
        offset: u64,
        /// What the decompressor or the system said.
        error: io::Error,
    },
}
