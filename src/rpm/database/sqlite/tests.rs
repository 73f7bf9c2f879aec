use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::rpm::database::Record;
use crate::rpm::database::index::Keys;

fn file(values: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let records: Vec<Record<'_>> = values.iter().map(|(number, blob)| Record { number: *number, blob }).collect();
    let keys: Vec<Keys<'_>> = values.iter().map(|_| Keys::none()).collect();
    write(&records, &keys).unwrap()
}

/// A file made by the statements of somebody who means no good.
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
    fn a_broken_file_is_an_error_and_no_panic(
        breaks in vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        length in any::<prop::sample::Index>(),
    ) {
        let values: Vec<_> = (1..60u32).map(|n| (n, vec![n as u8; n as usize * 40])).collect();
        let mut bytes = file(&values);
        // The numbers of the format lie at the beginnings of pages: break these.
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
