//! Filling the tables, one after the other, each before its index is made.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use crate::rpm::database::index::{Index, Key, KeyKind, Keys};
use crate::rpm::database::{DatabaseError, Record};

/// The bytes of `rpmdb.sqlite` with these records, where `keys[i]` are the index keys of `records[i]`.
pub(in super::super) fn write<'a>(records: &'a [Record<'a>], keys: &'a [Keys<'a>]) -> Result<Vec<u8>, DatabaseError> {
    let mut connection = Connection::open_in_memory()?;
    // The database is private and in memory: nothing to lock, to log or to check. 4,096 is rpm's page size on every host.
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
         PRAGMA locking_mode = EXCLUSIVE; BEGIN",
    )?;
    write_packages(&connection, records)?;
    for (place, index) in Index::ALL.into_iter().enumerate() {
        write_index(&connection, index, records.iter().zip(keys.iter().map(|keys| keys.of(place))))?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(connection.serialize("main")?.to_vec())
}

fn write_packages(connection: &Connection, records: &[Record<'_>]) -> Result<(), DatabaseError> {
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")?;
    let mut insert = connection.prepare("INSERT INTO 'Packages' VALUES(?, ?)")?;
    for record in records {
        insert.execute(params![record.number, record.blob])?;
    }
    Ok(())
}

fn write_index<'a>(
    connection: &Connection,
    index: Index,
    rows: impl Iterator<Item = (&'a Record<'a>, &'a [Key<'a>])>,
) -> Result<(), DatabaseError> {
    let name = index.name();
    let kind = match index.kind() {
        KeyKind::Text => "TEXT",
        KeyKind::Blob => "BLOB",
    };
    // The text of the statements is kept in the file, so it is rpm's own to the letter.
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS '{name}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, \
         FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
    ))?;
    let mut insert = connection.prepare(&format!("INSERT INTO '{name}' VALUES(?, ?, ?)"))?;
    for (record, keys) in rows {
        for key in keys {
            let value = match index.kind() {
                KeyKind::Text => ValueRef::Text(&key.bytes),
                KeyKind::Blob => ValueRef::Blob(&key.bytes),
            };
            insert.execute(params![ToSqlOutput::Borrowed(value), record.number, key.item])?;
        }
    }
    if index.kind() == KeyKind::Text {
        connection.execute_batch(&format!("CREATE INDEX '{name}_key_idx' ON '{name}'(key ASC)"))?;
        if index.is_list() {
            connection.execute_batch(&format!("CREATE INDEX '{name}_hnum_idx' ON '{name}'(hnum ASC)"))?;
        }
    }
    Ok(())
}
