//! The database of a root that exists: found where rpm keeps it, read and never written, not even a lock beside it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{Backend, DatabaseError, bdb, sqlite};
use crate::rpm::header::{Header, Place};

/// Where releases keep it: EL10, Fedora and SUSE, then EL9 and before.
const DIRECTORIES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
/// SUSE's own kind.
const NDB_FILE: &str = "Packages.db";

/// A database that was read.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Its file, from the root, without a slash before it.
    pub path: String,
    /// How it is kept.
    pub backend: Backend,
    /// The headers by their numbers, in the order of these.
    pub headers: Vec<(u32, Header)>,
}

/// Reads the database of the root at `root`.
pub fn read(root: &Path) -> Result<Installed, DatabaseError> {
    let handle = File::open(root).map_err(|problem| DatabaseError::Unreadable { path: root.display().to_string(), problem })?;
    for directory in DIRECTORIES {
        for backend in [Backend::Sqlite, Backend::Bdb] {
            let path = format!("{directory}/{}", backend.file_name());
            let Some(bytes) = read_file(&handle, &path)? else { continue };
            let log = match backend {
                Backend::Sqlite => read_file(&handle, &format!("{path}-wal"))?,
                Backend::Bdb => None,
            };
            let headers = read_bytes(backend, &path, bytes, log.as_deref())?;
            return Ok(Installed { path, backend, headers });
        }
        let path = format!("{directory}/{NDB_FILE}");
        if read_file(&handle, &path)?.is_some() {
            return Err(DatabaseError::Unsupported { path, kind: "ndb" });
        }
    }
    Err(DatabaseError::Absent(root.display().to_string()))
}

/// Reads the headers in the bytes of a database file; `path` is what errors call it. `log` is the content of `rpmdb.sqlite-wal`, when
/// that lies beside the file.
pub fn read_bytes(backend: Backend, path: &str, bytes: Vec<u8>, log: Option<&[u8]>) -> Result<Vec<(u32, Header)>, DatabaseError> {
    let records = match backend {
        Backend::Sqlite => sqlite::read(bytes, log)
            .map_err(|problem| DatabaseError::Malformed { path: path.to_owned(), problem: problem.to_string() })?,
        Backend::Bdb => bdb::read(&bytes).map_err(|problem| DatabaseError::Bdb { path: path.to_owned(), problem })?,
    };
    let parse = |(number, blob): (u32, Vec<u8>)| match Header::parse(blob, Place::Installed) {
        Ok(header) => Ok((number, header)),
        Err(problem) => Err(DatabaseError::Header { path: path.to_owned(), number, problem }),
    };
    records.into_iter().map(parse).collect()
}

/// A pipe in the file's place must not block.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens a file where links mean what they mean inside the root: EL10's `/var/lib/rpm` is one.
fn open_in_root(root: &File, path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(root, path, FLAGS, Mode::empty(), ResolveFlags::IN_ROOT)
}

/// The same on kernels before 5.6 and where a container's filter knows no `openat2`: no link is followed at all.
fn open_without_links(root: &File, path: &str) -> Result<OwnedFd, Errno> {
    let mut directory = rustix::fs::openat(root, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (parents, name) = path.rsplit_once('/').unwrap_or((".", path));
    for parent in parents.split('/') {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        directory = rustix::fs::openat(&directory, parent, flags, Mode::empty())?;
    }
    rustix::fs::openat(&directory, name, FLAGS | OFlags::NOFOLLOW, Mode::empty())
}

/// The bytes of a regular file of the root; nothing when there is none.
fn read_file(root: &File, path: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
    let read = || -> io::Result<Option<Vec<u8>>> {
        let opened = match open_in_root(root, path) {
            Err(Errno::NOSYS | Errno::PERM) => open_without_links(root, path),
            opened => opened,
        };
        let mut file = match opened {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    read().map_err(|problem| DatabaseError::Unreadable { path: path.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_openat2_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join("a/b/file"), "x").unwrap();
        symlink("b", directory.path().join("a/link")).unwrap();
        symlink("file", directory.path().join("a/b/link")).unwrap();
        let root = File::open(directory.path()).unwrap();
        for open in [open_in_root, open_without_links] {
            assert!(open(&root, "a/b/file").is_ok());
            assert_eq!(open(&root, "a/nothing/file").unwrap_err(), Errno::NOENT);
        }
        assert!(open_in_root(&root, "a/link/file").is_ok());
        assert_eq!(open_without_links(&root, "a/link/file").unwrap_err(), Errno::NOTDIR);
        assert_eq!(open_without_links(&root, "a/b/link").unwrap_err(), Errno::LOOP);
    }
}
