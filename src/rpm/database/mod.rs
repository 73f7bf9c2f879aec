//! The database of installed packages, where the release's own rpm looks for it.
//!
//! In: the headers of the packages that were installed, in the order of the transaction, and what happened to their files. Out: the
//! bytes of the database file, to be put into the tree; or, of an existing root, the headers in its database. It never writes to a
//! file system, and what it reads may be hostile.
//!
//! EL9 and later keep `rpmdb.sqlite` ([`Backend::Sqlite`]), EL8 keeps Berkeley DB's `Packages` ([`Backend::Bdb`]), SUSE ndb's
//! `Packages.db` ([`Backend::Ndb`]), which is read only. The headers are the
//! packages' own, byte for byte, with the tags that rpm adds when it installs.

mod bdb;
mod index;
mod installed_header;
mod ndb;
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
pub use reader::{Installed, read, read_bytes, read_of};

use std::borrow::Borrow;

use rayon::prelude::*;

use super::header::{Header, HeaderError, Place};
use super::tag::Tag;
use crate::package::Content;
use index::Keys;

/// The storages of rpm that are written and read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `rpmdb.sqlite` (rpm 4.16 and later).
    Sqlite,
    /// Berkeley DB, `Packages` (rpm before 4.16).
    Bdb,
    /// ndb, `Packages.db` (SUSE's rpm): read only.
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
    /// The name of the file that holds the headers, within the database's directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Sqlite => "rpmdb.sqlite",
            Self::Bdb => "Packages",
            Self::Ndb => "Packages.db",
        }
    }
}

/// Headers have one byte order everywhere; keys that are numbers have the machine's.
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

/// What can go wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Two headers were given one number, or not in the order of their numbers, or a header the number 0.
    #[error("header number {number} is not above the one before it")]
    Number {
        /// The number.
        number: u32,
    },
    /// More than the format can hold.
    #[error("a database of {size} bytes is more than its format can hold")]
    TooLarge {
        /// Bytes that it would have.
        size: u64,
    },
    /// The `SQLite` file is broken, or does not hold what rpm puts there.
    #[error("{path}: {problem}")]
    Malformed {
        /// The file within the root.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The Berkeley DB file is broken.
    #[error("{path}: {problem}")]
    Bdb {
        /// The file within the root.
        path: String,
        /// What is wrong.
        problem: BdbError,
    },
    /// A header in the database is broken.
    #[error("{path}: header {number}: {problem}")]
    Header {
        /// The file within the root.
        path: String,
        /// The header's number.
        number: u32,
        /// What is wrong.
        problem: HeaderError,
    },
    /// With what rpm adds to it, a package's header becomes more than a header can be.
    #[error("{package}: {problem}")]
    TooLargeHeader {
        /// The package's name.
        package: String,
        /// What is wrong.
        problem: HeaderError,
    },
    /// An entry of the package's signature header has another type or length than rpm takes, or the package's header has it too.
    #[error("{package}: bad signature entry {tag}")]
    Signature {
        /// The package's name.
        package: String,
        /// The entry's tag in an installed header.
        tag: Tag,
    },
    /// As many states as files are needed.
    #[error("{package}: {states} file states for {files} files")]
    FileStates {
        /// The package's name.
        package: String,
        /// How many files the header has.
        files: usize,
        /// How many states were given.
        states: usize,
    },
    /// The file could not be read.
    #[error("{path}: {problem}")]
    Unreadable {
        /// The file within the root.
        path: String,
        /// What the system says.
        problem: std::io::Error,
    },
    /// The ndb file is broken.
    #[error("{path}: {problem}")]
    Ndb {
        /// The file within the root.
        path: String,
        /// What is wrong.
        problem: NdbError,
    },
    /// A kind of database that is read but not written.
    #[error("rpm databases of the kind `{0}` are not written")]
    ReadOnly(&'static str),
    /// A database of another package manager is asked for.
    #[error("rpm keeps no database of the kind {0:?}")]
    Foreign(DatabaseBackend),
    /// There is no database at any of the usual places.
    #[error("no rpm database in {0}")]
    Absent(String),
}

/// A header as the storage sees it.
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    /// The header's number, from 1.
    number: u32,
    /// The header without its magic.
    blob: &'a [u8],
}

/// A file of the database.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    /// Its name within the database's directory.
    pub name: &'static str,
    /// Its permission bits.
    pub mode: u16,
    /// Its content.
    pub content: Content,
}

/// The permission bits of the database's directory, where no package brings it.
pub const DIRECTORY_MODE: u16 = 0o755;

/// The files of a database with these packages, numbered from 1 in their order.
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

/// The files of a database with these installed headers under these numbers.
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
        // rpm locks this one while it reads or writes the other (rpmlock.c); it stays.
        DatabaseFile { name: ".rpm.lock", mode: 0o644, content: Content::empty() },
        DatabaseFile { name: backend.file_name(), mode: 0o644, content: bytes.into() },
    ])
}
