//! Reads the database of an existing root, at the paths that rpm uses. Nothing is written, not even
//! a lock file.

use std::path::Path;

use super::place::configured;
use super::{Backend, DatabaseError, bdb, ndb, sqlite};
use crate::ecosystem::{RootDirectory, RootFiles};
use crate::rpm::header::{Header, Place};

/// Directories of the database unless the root's macros name another one: EL10, Fedora and SUSE use
/// the first, EL9 and older the second.
const DIRECTORIES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// The contents of a database.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Path of the database file from the root, without a leading slash.
    pub path: String,
    /// Storage format.
    pub backend: Backend,
    /// The headers with their numbers, sorted by number.
    pub headers: Vec<(u32, Header)>,
}

/// Reads the database of the root at `root`.
pub fn read(root: &Path) -> Result<Installed, DatabaseError> {
    let name = || root.display().to_string();
    let handle = RootDirectory::open(root).map_err(|problem| DatabaseError::Unreadable { path: name(), problem })?;
    read_of(&handle, &name())
}

/// Reads the database of a root through its file interface. Errors refer to the root as `name`.
pub fn read_of(root: &dyn RootFiles, name: &str) -> Result<Installed, DatabaseError> {
    let read_file = |path: &str| root.read(path).map_err(|problem| DatabaseError::Unreadable { path: path.to_owned(), problem });
    let own = configured(root, None).map_err(|problem| DatabaseError::Unreadable { path: name.to_owned(), problem })?.directory;
    for directory in own.iter().map(String::as_str).chain(DIRECTORIES) {
        for backend in [Backend::Sqlite, Backend::Ndb, Backend::Bdb] {
            let path = format!("{directory}/{}", backend.file_name());
            let Some(bytes) = read_file(&path)? else { continue };
            let log = match backend {
                Backend::Sqlite => read_file(&format!("{path}-wal"))?,
                Backend::Bdb | Backend::Ndb => None,
            };
            let headers = read_bytes(backend, &path, bytes, log.as_deref())?;
            return Ok(Installed { path, backend, headers });
        }
    }
    Err(DatabaseError::Absent(name.to_owned()))
}

/// Reads the headers in the bytes of a database file. Errors refer to the file as `path`. `log` is
/// the content of `rpmdb.sqlite-wal`, if that exists beside the file.
pub fn read_bytes(backend: Backend, path: &str, bytes: Vec<u8>, log: Option<&[u8]>) -> Result<Vec<(u32, Header)>, DatabaseError> {
    let records = match backend {
        Backend::Sqlite => sqlite::read(bytes, log)
            .map_err(|problem| DatabaseError::Malformed { path: path.to_owned(), problem: problem.to_string() })?,
        Backend::Bdb => bdb::read(&bytes).map_err(|problem| DatabaseError::Bdb { path: path.to_owned(), problem })?,
        Backend::Ndb => ndb::read(&bytes).map_err(|problem| DatabaseError::Ndb { path: path.to_owned(), problem })?,
    };
    let parse = |(number, blob): (u32, Vec<u8>)| match Header::parse(blob, Place::Installed) {
        Ok(header) => Ok((number, header)),
        Err(problem) => Err(DatabaseError::Header { path: path.to_owned(), number, problem }),
    };
    records.into_iter().map(parse).collect()
}
