use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::rpm::database::index::Keys;
use crate::rpm::database::{DatabaseError, Record};

fn file(values: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let records: Vec<Record<'_>> = values.iter().map(|(number, blob)| Record { number: *number, blob }).collect();
    let keys: Vec<Keys<'_>> = values.iter().map(|_| Keys::only("", &[])).collect();
    write(&records, &keys).unwrap()
}

/// Opens the written file after `SQLite` verified it: pages, order, and the consistency of tables
/// and indexes.
fn checked(bytes: &[u8]) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.deserialize_read_exact("main", bytes, bytes.len(), false).unwrap();
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
    connection
}

/// Writes headers with these keys in `Basenames`, and compares the results of `SQLite` by table and
/// by both indexes.
fn assert_keys_are_found(keys: &[Vec<(Vec<u8>, u32)>]) {
    let records: Vec<Record<'_>> = (1..=keys.len() as u32).map(|n| Record { number: n * 2, blob: b"header" }).collect();
    let all: Vec<Keys<'_>> = keys.iter().map(|keys| Keys::only("Basenames", keys)).collect();
    let connection = checked(&write(&records, &all).unwrap());
    let expected: Vec<(Vec<u8>, u32, u32)> = records
        .iter()
        .zip(keys)
        .flat_map(|(record, keys)| keys.iter().map(|(key, item)| (key.clone(), record.number, *item)))
        .collect();
    let rows = |query: &str| -> Vec<(Vec<u8>, u32, u32)> {
        let mut select = connection.prepare(query).unwrap();
        let text = |row: &rusqlite::Row<'_>| Ok((row.get_ref(0)?.as_bytes()?.to_vec(), row.get(1)?, row.get(2)?));
        select.query_map([], text).unwrap().map(Result::unwrap).collect()
    };
    assert!(rows("SELECT key, hnum, idx FROM Basenames NOT INDEXED") == expected);
    assert!(rows("SELECT key, hnum, idx FROM Basenames INDEXED BY Basenames_hnum_idx WHERE hnum > 0") == expected);
    let mut sorted = expected;
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(
        rows("SELECT key, hnum, idx FROM Basenames INDEXED BY Basenames_key_idx WHERE key >= '' ORDER BY key, rowid") == sorted
    );
}

#[test]
fn trees_of_every_depth_are_whole() {
    // The last leaf of an index is a special case, which depends on the number of rows.
    for rows in (0..40).chain(100..160).chain(1000..1010).chain([30_000]) {
        let keys: Vec<_> = (0..rows).map(|n: u32| (format!("{:x}", n.wrapping_mul(2_654_435_761)).into_bytes(), n)).collect();
        assert_keys_are_found(&[keys]);
        let long: Vec<_> =
            (0..rows.min(200)).map(|n| (vec![b'a' + (n * 7 % 26) as u8; 700 + n as usize * 13], n << 20)).collect();
        assert_keys_are_found(&[long]);
    }
    assert_keys_are_found(&vec![vec![(b"x".to_vec(), 7)]; 3000]);
}

#[test]
fn sqlite_goes_on_from_the_last_number() {
    let connection = checked(&file(&[(5, vec![1; 5000]), (70_000, vec![2])]));
    let insert = "INSERT INTO Packages VALUES (NULL, x'03'); INSERT INTO Name SELECT 'n' || hnum, hnum, 0 FROM Packages";
    connection.execute_batch(insert).unwrap();
    let last: u32 = connection.query_row("SELECT hnum FROM Name WHERE key = 'n70001'", [], |row| row.get(0)).unwrap();
    assert_eq!(last, 70_001);
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
    checked(&file(&[]));
}

#[test]
fn numbers_must_ascend() {
    let write = |numbers: [u32; 2]| {
        let records = numbers.map(|number| Record { number, blob: b"x" });
        super::write(&records, &[Keys::only("", &[]), Keys::only("", &[])])
    };
    assert!(write([1, 2]).is_ok());
    assert!(matches!(write([0, 2]), Err(DatabaseError::Number { number: 0 })));
    assert!(matches!(write([2, 2]), Err(DatabaseError::Number { number: 2 })));
    assert!(matches!(write([2, 1]), Err(DatabaseError::Number { number: 1 })));
}

/// Creates a file from the SQL statements of an attacker.
fn made_by(statements: &str) -> Vec<u8> {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(statements).unwrap();
    connection.serialize("main").unwrap().to_vec()
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1..600usize, 4000..4200usize, 10_000..300_000usize]
        .prop_flat_map(|length| (Just(length), any::<u8>()))
        .prop_map(|(length, seed)| (0..length).map(|i| (i / 7) as u8 ^ seed).collect())
}

/// A key of any length: entirely on its page, partly, or with overflow pages.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => 0..40usize, 1 => 900..1100usize, 1 => 4000..9000usize]
        .prop_flat_map(|length| (vec(1u8.., length.min(6)), Just(length)))
        .prop_map(|(mut key, length)| {
            key.resize(length, b'k');
            key
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(values in btree_map(1..=i32::MAX as u32, value(), 0..20)) {
        let values: Vec<_> = values.into_iter().collect();
        let bytes = file(&values);
        prop_assert!(bytes == file(&values), "not the same twice");
        prop_assert!(read(bytes, None).unwrap() == values);
    }

    #[test]
    fn keys_are_found(keys in vec(vec((key(), 0..i32::MAX as u32), 0..60), 0..8)) {
        assert_keys_are_found(&keys);
    }

    #[test]
    fn a_broken_file_is_an_error_and_no_panic(
        breaks in vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        length in any::<prop::sample::Index>(),
    ) {
        let values: Vec<_> = (1..60u32).map(|n| (n, vec![n as u8; n as usize * 40])).collect();
        let mut bytes = file(&values);
        // The fields of the format are at the beginning of pages, so the test damages these bytes.
        for (at, byte) in breaks {
            let at = at.index(bytes.len() / 4096 * 64);
            bytes[at / 64 * 4096 + at % 64] = byte;
        }
        let _ = read(bytes.clone(), None);
        let _ = read(bytes.clone(), Some(&[7; 40]));
        bytes.truncate(length.index(bytes.len()));
        let _ = read(bytes, None);
    }
}

#[test]
fn a_file_that_says_it_has_a_log_is_read() {
    let values = vec![(1, b"one".to_vec()), (9, b"nine".to_vec())];
    let mut bytes = file(&values);
    assert_eq!(bytes[18..20], [1, 1], "ours says that it has none");
    bytes[18..20].fill(2);
    assert_eq!(read(bytes, None).unwrap(), values);
}

#[test]
fn a_schema_that_computes_is_refused() {
    let endless = "CREATE VIEW Packages AS WITH RECURSIVE n(hnum) AS (SELECT 1 UNION ALL SELECT hnum + 1 FROM n)
                   SELECT hnum, x'00' AS blob FROM n";
    assert!(read(made_by(endless), None).is_err());
    assert!(read(made_by("CREATE TABLE Packages (hnum, blob); INSERT INTO Packages VALUES ('x', 'y')"), None).is_err());
    assert!(
        read(made_by("CREATE TABLE Packages (hnum, blob); INSERT INTO Packages VALUES (1, x'00'), (1, x'00')"), None).is_err()
    );
    assert!(read(made_by("CREATE TABLE Packages (hnum, blob); INSERT INTO Packages VALUES (0, x'00')"), None).is_err());
    assert!(read(made_by("CREATE TABLE Other (hnum, blob)"), None).is_err());
    assert!(read(b"not a database at all".to_vec(), None).is_err());
    assert!(read(Vec::new(), None).is_err());
}
