//! The database of installed packages, at the path that the release's own rpm uses.
//!
//! In: the headers of the installed packages, in the order of the transaction, and the states of
//! their files. Out: the bytes of the database file, to be stored in the tree. The module also
//! reads the headers in the database of an existing root, which may be hostile. It never writes to
//! a file system.
//!
//! EL9 and later use `rpmdb.sqlite` ([`Backend::Sqlite`]), EL8 uses Berkeley DB's `Packages`
//! ([`Backend::Bdb`]). SUSE uses ndb's `Packages.db` ([`Backend::Ndb`]), which is read-only here.
//! The headers are the packages' own, byte for byte, with the tags that rpm adds at installation.

mod bdb;
mod index;
mod installed_header;
mod ndb;
mod place;
mod reader;
mod rich;
mod sqlite;
#[cfg(test)]
mod tests;

pub use crate::catalog::ByteOrder;
use crate::catalog::DatabaseBackend;
pub use bdb::BdbError;
pub use installed_header::{FileState, InstalledPackage, transaction_color};
pub use ndb::NdbError;
pub use place::{Configured, configured};
pub use reader::{Installed, read, read_bytes, read_of};

use std::borrow::Borrow;

use rayon::prelude::*;

use super::header::{Header, HeaderError, Place};
use super::tag::Tag;
use crate::package::Content;
use index::Keys;

/// The storage formats of rpm that this module supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `rpmdb.sqlite` (rpm 4.16 and later).
    Sqlite,
    /// Berkeley DB, `Packages` (rpm before 4.16).
    Bdb,
    /// ndb, `Packages.db` (SUSE's rpm), read-only.
    Ndb,
}

impl TryFrom<DatabaseBackend> for Backend {
    type Error = DatabaseError;

    fn try_from(wanted: DatabaseBackend) -> Result<Self, DatabaseError> {
        match wanted {
            DatabaseBackend::Sqlite => Ok(Self::Sqlite),
            DatabaseBackend::Bdb => Ok(Self::Bdb),
            other => Err(DatabaseError::Foreign(other)),
        }
    }
}

impl Backend {
    /// Returns the name of the file that has the headers, within the database's directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Sqlite => "rpmdb.sqlite",
            Self::Bdb => "Packages",
            Self::Ndb => "Packages.db",
        }
    }
}

/// Headers always have network byte order; numeric keys have the byte order of the target machine.
impl ByteOrder {
    fn u32_bytes(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32_from(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// An error in a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Header numbers are not ascending, are repeated, or include 0.
    #[error("header number {number} is not above the one before it")]
    Number {
        /// The invalid number.
        number: u32,
    },
    /// The database exceeds the size limit of its format.
    #[error("a database of {size} bytes is more than its format can hold")]
    TooLarge {
        /// Size of the database, in bytes.
        size: u64,
    },
    /// The `SQLite` file is damaged, or does not have rpm's tables.
    #[error("{path}: {problem}")]
    Malformed {
        /// Path of the file within the root.
        path: String,
        /// Description of the problem.
        problem: String,
    },
    /// The Berkeley DB file is damaged.
    #[error("{path}: {problem}")]
    Bdb {
        /// Path of the file within the root.
        path: String,
        /// The error in the file.
        problem: BdbError,
    },
    /// A header in the database is damaged.
    #[error("{path}: header {number}: {problem}")]
    Header {
        /// Path of the file within the root.
        path: String,
        /// Number of the header.
        number: u32,
        /// The error in the header.
        problem: HeaderError,
    },
    /// A package's header exceeds the limits of headers after rpm's tags are added.
    #[error("{package}: {problem}")]
    TooLargeHeader {
        /// Name of the package.
        package: String,
        /// The error in the header.
        problem: HeaderError,
    },
    /// An entry of the signature header has a type or length that rpm does not accept, or the
    /// package's header has the same tag.
    #[error("{package}: bad signature entry {tag}")]
    Signature {
        /// Name of the package.
        package: String,
        /// Tag of the entry in an installed header.
        tag: Tag,
    },
    /// The number of file states differs from the number of files.
    #[error("{package}: {states} file states for {files} files")]
    FileStates {
        /// Name of the package.
        package: String,
        /// Number of files in the header.
        files: usize,
        /// Number of file states.
        states: usize,
    },
    /// The file cannot be read.
    #[error("{path}: {problem}")]
    Unreadable {
        /// Path of the file within the root.
        path: String,
        /// The error of the operating system.
        problem: std::io::Error,
    },
    /// The ndb file is damaged.
    #[error("{path}: {problem}")]
    Ndb {
        /// Path of the file within the root.
        path: String,
        /// The error in the file.
        problem: NdbError,
    },
    /// The database format is supported for reading only.
    #[error("rpm databases of the kind `{0}` are not written")]
    ReadOnly(&'static str),
    /// The requested database belongs to another package manager.
    #[error("rpm keeps no database of the kind {0:?}")]
    Foreign(DatabaseBackend),
    /// No database exists at any of the usual paths.
    #[error("no rpm database in {0}")]
    Absent(String),
}

/// A header, as a storage format stores it.
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    /// Number of the header, from 1.
    number: u32,
    /// The header without its magic.
    blob: &'a [u8],
}

/// A file of the database.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    /// Name within the database's directory.
    pub name: &'static str,
    /// Permission bits.
    pub mode: u16,
    /// Content.
    pub content: Content,
}

/// Permission bits of the database's directory, if no package contains it.
pub const DIRECTORY_MODE: u16 = 0o755;

/// Returns the files of a database with these packages, numbered from 1 in their order.
pub fn write(backend: Backend, packages: &[InstalledPackage<'_>], order: ByteOrder) -> Result<Vec<DatabaseFile>, DatabaseError> {
    let header = |(place, package): (usize, &InstalledPackage<'_>)| {
        let blob = package.installed_header()?;
        let header = Header::parse(blob, Place::Installed);
        let header = header.map_err(|problem| DatabaseError::TooLargeHeader { package: package.name(), problem })?;
        Ok((place as u32 + 1, header))
    };
    let headers = packages.par_iter().enumerate().map(header).collect::<Result<Vec<(u32, Header)>, DatabaseError>>()?;
    write_headers(backend, &headers, order)
}

/// Returns the files of a database with these installed headers and their numbers.
pub fn write_headers<H: Borrow<Header> + Sync>(
    backend: Backend,
    headers: &[(u32, H)],
    order: ByteOrder,
) -> Result<Vec<DatabaseFile>, DatabaseError> {
    let records: Vec<Record<'_>> =
        headers.iter().map(|(number, header)| Record { number: *number, blob: header.borrow().blob() }).collect();
    let bytes = match backend {
        Backend::Sqlite => {
            let keys: Vec<Keys<'_>> = headers.par_iter().map(|(_, header)| Keys::new(header.borrow(), order)).collect();
            sqlite::write(&records, &keys)?
        }
        Backend::Bdb => bdb::write(&records, order)?,
        Backend::Ndb => return Err(DatabaseError::ReadOnly("ndb")),
    };
    Ok(vec![
        // rpm locks this file while it reads or writes the other one, and never removes it
        // (rpmlock.c).
        DatabaseFile { name: ".rpm.lock", mode: 0o644, content: Content::empty() },
        DatabaseFile { name: backend.file_name(), mode: 0o644, content: bytes.into() },
    ])
}
