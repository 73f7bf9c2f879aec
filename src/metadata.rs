//! The trait that reads repository metadata, whatever the format.
//!
//! Input: the bytes of a repository's files. Output: the files that a root document lists, and
//! packages in a [`PoolBuilder`]. `rpm::index` and `apk::index` implement the trait. `repo/`
//! fetches the bytes and knows neither format.

use std::io::{self, Read};

use crate::digest::Digest;
use crate::pool::{Checksum, PoolBuilder, RepoId};

/// A format of repository metadata. One value serves every repository and thread.
pub trait MetadataFormat: Sync {
    /// Returns the name of the format: `rpm-md`.
    fn name(&self) -> &'static str;

    /// Returns the path of the first document of a repository, relative to its base:
    /// `repodata/repomd.xml`.
    fn root_document(&self) -> &'static str;

    /// Returns the path of the detached signature of the root document. Returns `None` if the
    /// document contains its signature.
    fn root_signature(&self) -> Option<&'static str> {
        None
    }

    /// Returns the revision that the root document states: a number, a time or a commit.
    fn revision(&self, root: &[u8]) -> Option<String> {
        let _ = root;
        None
    }

    /// Returns the age of the state that the root document describes, if the document states it. A
    /// newer state compares greater.
    fn age(&self, root: &[u8]) -> Age;

    /// Reads a list of mirrors: their URLs and, if the list has them, the expected digests of the
    /// root document. The default implementation reads a plain list with one mirror per line.
    fn mirrors(&self, list: &[u8]) -> Result<MirrorList, IndexError> {
        plain_list(list)
    }

    /// Returns the metadata files that the root document lists.
    fn files(&self, root: &[u8]) -> Result<Vec<MetadataFile>, IndexError>;

    /// Reads the packages of a [`MetadataKind::Packages`] file (already decompressed) into the
    /// pool.
    fn read_packages(&self, input: &mut (dyn Read + Send), builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError>;

    /// Reports whether [`read_packages`](Self::read_packages) itself uses all threads.
    fn reads_with_all_threads(&self) -> bool {
        false
    }

    /// Reads a [`MetadataKind::Files`] file (already decompressed). Calls `found` with the checksum
    /// of the package and the path for each path that is `wanted`. Formats that list all files with
    /// the packages need no implementation.
    fn read_files(
        &self,
        input: &mut dyn Read,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut dyn FnMut(Checksum<'_>, &str),
    ) -> Result<(), IndexError> {
        let _ = (input, wanted, found);
        Ok(())
    }

    /// Reads a [`MetadataKind::Files`] file (already decompressed). Calls `found` with the checksum
    /// of the package and the path for each path whose content is in the package. Directories and
    /// ghost files are left out.
    fn read_contents(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, &str)) -> Result<(), IndexError> {
        let _ = (input, found);
        Ok(())
    }

    /// Reads the descriptive texts of a [`MetadataKind::Packages`] file (already decompressed).
    /// Calls `found` with the checksum of each package that has one.
    fn read_texts(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError>;

    /// Reports whether repositories of this format may contain advisories. A repository without
    /// advisories then states that there are none.
    fn has_advisories(&self) -> bool {
        true
    }

    /// Reads a [`MetadataKind::Advisories`] file (already decompressed), one advisory after
    /// another. Not every format has such files.
    fn read_advisories(&self, input: &mut dyn Read, found: &mut dyn FnMut(Advisory)) -> Result<(), IndexError> {
        let _ = (input, found);
        Ok(())
    }
}

/// The age of metadata. Newer metadata compare greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// Time of creation, in seconds since 1970; 0 if unknown.
    pub made: i64,
    /// Numbers of the revision, the most significant first. They order states of the same time.
    pub revision: Vec<u64>,
}

/// The mirrors of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorList {
    /// Base URLs, the best first.
    pub bases: Vec<String>,
    /// Expected root documents, the newest first. An older one is accepted if no mirror has a newer
    /// one. If the list is empty, any root document is accepted.
    pub roots: Vec<RootPromise>,
}

/// The expected digest and size of a root document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPromise {
    /// Expected digest.
    pub digest: Digest,
    /// Expected size in bytes.
    pub size: Option<u64>,
}

/// Reads a list with one mirror per line; comments begin with `#`.
pub fn plain_list(list: &[u8]) -> Result<MirrorList, IndexError> {
    let text = str::from_utf8(list)
        .map_err(|error| IndexError::Malformed { offset: error.valid_up_to() as u64, what: "the list is not text".to_owned() })?;
    // A line may begin with a variable.
    let lines =
        text.lines().map(str::trim).filter(|line| ["http://", "https://", "$"].iter().any(|start| line.starts_with(start)));
    Ok(MirrorList { bases: lines.map(str::to_owned).collect(), roots: Vec::new() })
}

/// An update that a distribution describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisory {
    /// Identifier: `ALSA-2023:0340`.
    pub id: String,
    /// Kind of the update: `security`, `bugfix`, `enhancement`, `newpackage`.
    pub kind: String,
    /// Severity; empty if the distribution states none.
    pub severity: String,
    /// Status, for example `final`.
    pub status: String,
    /// Title, in one line.
    pub title: String,
    /// Date of issue, as written in the metadata.
    pub issued: String,
    /// Date of the last change, as written in the metadata.
    pub updated: String,
    /// True if the machine should be restarted after the update.
    pub reboot: bool,
    /// References: bugs, CVEs.
    pub references: Vec<Reference>,
    /// The packages that contain the update.
    pub packages: Vec<AdvisoryPackage>,
}

/// A reference of an advisory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Kind: `cve`, `bugzilla`.
    pub kind: String,
    /// Identifier at the referenced site.
    pub id: String,
    /// Title.
    pub title: String,
    /// URL.
    pub href: String,
}

/// A package that an advisory names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvisoryPackage {
    /// Full identifier, in the form of the ecosystem.
    pub id: String,
    /// Name.
    pub name: String,
    /// Full version, in the form of the ecosystem.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// The module stream that the package belongs to: `php:8.0`.
    pub module: Option<String>,
}

/// The descriptive texts of a package; the resolver does not use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Summary, in one line.
    pub summary: String,
    /// Description; empty if the format has none.
    pub description: String,
    /// Home page.
    pub url: String,
}

/// The content of a metadata file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataKind {
    /// The packages and their dependencies.
    Packages,
    /// All files of all packages.
    Files,
    /// Groups of packages (comps).
    Groups,
    /// Modules and their streams.
    Modules,
    /// Advisories (updateinfo).
    Advisories,
    /// Any other content; [`MetadataFile::name`] names it.
    Other,
}

/// A metadata file that the root document lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFile {
    /// Kind of content.
    pub kind: MetadataKind,
    /// Name in the format: `primary`.
    pub name: String,
    /// Path relative to the repository, or a full URL; `None` if the file is the root document
    /// itself.
    pub location: Option<String>,
    /// Expected digest; `None` if the algorithm is unknown.
    pub digest: Option<Digest>,
    /// Expected size in bytes.
    pub size: Option<u64>,
    /// Expected digest of the decompressed content.
    pub open_digest: Option<Digest>,
    /// Expected size of the decompressed content, in bytes.
    pub open_size: Option<u64>,
}

/// The reason why metadata cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The metadata violate the format.
    #[error("{what}, at byte {offset}")]
    Malformed {
        /// Position in the decompressed file, in bytes.
        offset: u64,
        /// Description of the error.
        what: String,
    },
    /// The bytes cannot be read or decompressed.
    #[error("{error}, after byte {offset} of what it holds")]
    Read {
        /// Position in the decompressed file, in bytes, up to which reading succeeded.
        offset: u64,
        /// The error of the decompressor or the system.
        error: io::Error,
    },
}
