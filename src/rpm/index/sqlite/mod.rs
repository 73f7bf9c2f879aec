//! `primary.sqlite` and `filelists.sqlite`: the contents of the XML files as databases for yum.
//!
//! The databases are not trusted: only tables are read, no code in the schema runs, and rows must
//! be in ascending order.

pub(super) mod packages;
mod rows;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::filelists::{Which, kind_of_id};
use super::primary::decode_hex;
use crate::digest::Algorithm;
use crate::metadata::{IndexError, Texts};
use crate::pool::Checksum;
use rows::Cursor;

/// The first bytes of a database.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Maximum length of a text, in bytes. Descriptions have some kilobytes.
const LONGEST_VALUE: i32 = 16 << 20;

/// Offset of the write and read versions in a file, and their value for a rollback journal instead
/// of a write-ahead log.
const VERSIONS: u64 = 18;
const ROLLBACK_JOURNAL: u8 = 1;

/// A database in a temporary directory, which is deleted with it.
struct Database {
    connection: Connection,
    _directory: TempDir,
}

/// Converts an error of SQLite.
fn broken(error: &rusqlite::Error) -> IndexError {
    malformed(format!("the database cannot be read: {error}"))
}

fn malformed(what: String) -> IndexError {
    IndexError::Malformed { offset: 0, what }
}

impl Database {
    /// Copies the database to a temporary file and opens it. SQLite requires a file, and a
    /// distribution's metadata are too large to stay in memory.
    fn new(mut input: impl Read) -> Result<Self, IndexError> {
        let failed = |error| IndexError::Read { offset: 0, error };
        let directory = tempfile::tempdir().map_err(failed)?;
        let path = directory.path().join("metadata.sqlite");
        let mut file = File::create_new(&path).map_err(failed)?;
        let length = io::copy(&mut input, &mut file).map_err(failed)?;
        if length > VERSIONS + 1 {
            // Repositories contain no log, and without one the file is complete.
            file.write_all_at(&[ROLLBACK_JOURNAL; 2], VERSIONS).map_err(failed)?;
        }
        drop(file);
        let connection = open(&path).map_err(|error| broken(&error))?;
        Ok(Self { connection, _directory: directory })
    }

    /// Reports whether a table exists. Views and virtual tables do not count.
    fn has_table(&self, name: &str) -> Result<bool, IndexError> {
        let query = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table' AND rootpage > 0";
        self.connection.query_row(query, [name], |row| Ok(row.get::<_, i64>(0)? == 1)).map_err(|error| broken(&error))
    }

    fn need_table(&self, name: &str) -> Result<(), IndexError> {
        if self.has_table(name)? { Ok(()) } else { Err(malformed(format!("the database has no table `{name}`"))) }
    }

    fn has_column(&self, table: &str, name: &str) -> Result<bool, IndexError> {
        let query = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
        self.connection.query_row(query, [table, name], |row| Ok(row.get::<_, i64>(0)? == 1)).map_err(|error| broken(&error))
    }
}

fn open(path: &std::path::Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // The schema comes from the file, so its functions and views must not run
    // (sqlite.org/security.html).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")?;
    Ok(connection)
}

/// Reads `filelists.sqlite`. It stores the names in each directory as one text.
pub(super) fn read_files(
    input: impl Read,
    which: Which,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(Checksum<'_>, &str),
) -> Result<(), IndexError> {
    let database = Database::new(input)?;
    database.need_table("packages")?;
    database.need_table("filelist")?;
    let mut packages = database.statement("SELECT pkgKey, 0, pkgId FROM packages ORDER BY pkgKey")?;
    let mut lists =
        database.statement("SELECT pkgKey, rowid, dirname, filenames, filetypes FROM filelist ORDER BY pkgKey, rowid")?;
    let (mut packages, mut lists) = (Cursor::new(&mut packages)?, Cursor::new(&mut lists)?);
    let (mut checksum, mut path) = (Vec::new(), String::new());
    while packages.is_at_row() {
        let kind = kind_of_id(packages.text(0), &mut checksum);
        while lists.is_at(packages.key())? {
            // One letter for each name: `f`, `d` or `g`.
            let types = lists.text(2).as_bytes();
            for (place, name) in lists.text(1).split('/').enumerate() {
                if which == Which::WithContents && types.get(place).is_some_and(|letter| *letter != b'f') {
                    continue;
                }
                path.clear();
                path.push_str(lists.text(0).trim_end_matches('/'));
                path.push('/');
                path.push_str(name);
                if let Some(kind) = kind
                    && wanted(&path)
                {
                    found(Checksum { kind, bytes: &checksum }, &path);
                }
            }
            lists.advance()?;
        }
        packages.advance()?;
    }
    Ok(())
}

/// Reads the descriptive texts in `primary.sqlite`.
pub(super) fn read_texts(input: impl Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError> {
    let database = Database::new(input)?;
    database.need_table("packages")?;
    let mut select =
        database.statement("SELECT pkgKey, 0, pkgId, checksum_type, summary, description, url FROM packages ORDER BY pkgKey")?;
    let mut packages = Cursor::new(&mut select)?;
    let mut checksum = Vec::new();
    while packages.is_at_row() {
        let kind = Algorithm::from_name(packages.text(1));
        if let Some(kind) = kind.filter(|kind| decode_hex(packages.text(0), kind.length(), &mut checksum)) {
            let text = |column| packages.text(column).trim().to_owned();
            let texts = Texts { summary: text(2), description: text(3), url: text(4) };
            found(Checksum { kind, bytes: &checksum }, texts);
        }
        packages.advance()?;
    }
    Ok(())
}
