//! Reading a file that somebody else wrote, which may be broken or hostile.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// No header is larger (header.c, `HEADER_DATA_MAX`), so no value need be.
const LONGEST_VALUE: i32 = 0x1000_0000;

/// Bytes 18 and 19 of a file tell who may read and write it: 2 means by way of a write-ahead log.
const VERSIONS: std::ops::Range<usize> = 18..20;
const ROLLBACK_JOURNAL: u8 = 1;

/// Why a file holds no headers.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum SqliteError {
    /// `SQLite` cannot read it.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A temporary copy could not be made.
    #[error("no temporary copy: {0}")]
    Copy(#[from] std::io::Error),
    /// `Packages` is no table.
    #[error("no table `Packages`")]
    NoTable,
    /// A row is not a number and a header.
    #[error("row {0} of `Packages` is not a header")]
    Row(i64),
}

/// The records in the order of their numbers. `log` is the write-ahead log that lies beside the file, when there is one: what it
/// holds is newer than the file.
pub(in super::super) fn read(mut bytes: Vec<u8>, log: Option<&[u8]>) -> Result<Vec<(u32, Vec<u8>)>, SqliteError> {
    if let Some(log) = log.filter(|log| !log.is_empty()) {
        // Only SQLite itself knows how to read the log, and it wants files.
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("rpmdb.sqlite");
        std::fs::write(&path, &bytes)?;
        std::fs::write(directory.path().join("rpmdb.sqlite-wal"), log)?;
        return read_records(&open_copy(&path)?);
    }
    // SQLite keeps no log of a database in memory, and refuses one that says it has one.
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
    // The schema is data of the file: no function or view of its may run (sqlite.org/security.html).
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
        // A file whose pages point to each other gives the same rows again and again.
        let ascending = records.last().is_none_or(|&(last, _)| number > i64::from(last));
        match (u32::try_from(number), row.get_ref(1)?) {
            (Ok(short @ 1..), ValueRef::Blob(blob)) if ascending => records.push((short, blob.to_vec())),
            _ => return Err(SqliteError::Row(number)),
        }
    }
    Ok(records)
}
