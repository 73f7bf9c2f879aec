//! Reads a database file from an untrusted source.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// Maximum length of a value, in bytes. No header is larger (header.c, `HEADER_DATA_MAX`).
const LONGEST_VALUE: i32 = 0x1000_0000;

/// Bytes 18 and 19 of a file are the write and read versions; 2 means a write-ahead log.
const VERSIONS: std::ops::Range<usize> = 18..20;
const ROLLBACK_JOURNAL: u8 = 1;

/// An error in a database file.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum SqliteError {
    /// `SQLite` cannot read the file.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The temporary copy cannot be created.
    #[error("no temporary copy: {0}")]
    Copy(#[from] std::io::Error),
    /// There is no table `Packages`.
    #[error("no table `Packages`")]
    NoTable,
    /// A row is not a number with a header.
    #[error("row {0} of `Packages` is not a header")]
    Row(i64),
}

/// Returns the records, sorted by number. `log` is the write-ahead log beside the file, if there is
/// one; its contents are newer than the file.
pub(in super::super) fn read(mut bytes: Vec<u8>, log: Option<&[u8]>) -> Result<Vec<(u32, Vec<u8>)>, SqliteError> {
    if let Some(log) = log.filter(|log| !log.is_empty()) {
        // Only SQLite can read the log, and it requires files.
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("rpmdb.sqlite");
        std::fs::write(&path, &bytes)?;
        std::fs::write(directory.path().join("rpmdb.sqlite-wal"), log)?;
        return read_records(&open_copy(&path)?);
    }
    // SQLite supports no log for a database in memory, and refuses a file that declares one.
    if let Some(versions) = bytes.get_mut(VERSIONS) {
        versions.fill(ROLLBACK_JOURNAL);
    }
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), true)?;
    read_records(&connection)
}

fn open_copy(path: &Path) -> Result<Connection, rusqlite::Error> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn read_records(connection: &Connection) -> Result<Vec<(u32, Vec<u8>)>, SqliteError> {
    // The schema comes from the file, so its functions and views must not run
    // (sqlite.org/security.html).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")?;
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'Packages' AND type = 'table' AND rootpage > 0";
    if connection.query_row(table, [], |row| row.get::<_, i64>(0))? != 1 {
        return Err(SqliteError::NoTable);
    }
    let mut select = connection.prepare("SELECT hnum, blob FROM Packages ORDER BY hnum")?;
    let mut rows = select.query([])?;
    let mut records: Vec<(u32, Vec<u8>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        // If pages refer to each other in a cycle, the same rows repeat endlessly.
        let ascending = records.last().is_none_or(|&(last, _)| number > i64::from(last));
        match (u32::try_from(number), row.get_ref(1)?) {
            (Ok(short @ 1..), ValueRef::Blob(blob)) if ascending => records.push((short, blob.to_vec())),
            _ => return Err(SqliteError::Row(number)),
        }
    }
    Ok(records)
}
