use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::rpm::database::Record;
use crate::rpm::database::tests::peer;

fn file(values: &[(u32, Vec<u8>)], order: ByteOrder) -> Vec<u8> {
    let records: Vec<Record<'_>> = values.iter().map(|(number, blob)| Record { number: *number, blob }).collect();
    write(&records, order).unwrap()
}

/// Values of every significant length: empty, on the page, around the size of a page and of big
/// items, and large.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => 1..1100usize,
        2 => 1000..1050usize,
        2 => 4060..4080usize,
        2 => 8130..8150usize,
        1 => 10_000..300_000usize,
    ]
    .prop_flat_map(|length| (Just(length), any::<u64>()))
    .prop_map(|(length, seed)| {
        let mut state = seed | 1;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(values in btree_map(1u32.., value(), 0..40), big in any::<bool>()) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let values: Vec<_> = values.into_iter().collect();
        prop_assert!(read(&file(&values, order)).unwrap() == values);
    }

    #[test]
    fn a_broken_file_is_an_error_and_no_panic(
        values in btree_map(1u32..1000, value(), 1..6),
        breaks in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        length in any::<prop::sample::Index>(),
    ) {
        let values: Vec<_> = values.into_iter().collect();
        let mut bytes = file(&values, ByteOrder::Little);
        // The fields of the format are at the beginning of pages, so the test damages these bytes.
        for (at, byte) in breaks {
            let at = at.index(bytes.len() / 4096 * 128);
            bytes[at / 128 * 4096 + at % 128] = byte;
        }
        let _ = read(&bytes);
        bytes.truncate(length.index(bytes.len()));
        let _ = read(&bytes);
    }
}

#[test]
fn many_records_fill_many_buckets_and_few_chains() {
    let values: Vec<_> = (1..=3000u32).map(|n| (n, n.to_le_bytes().repeat(1 + n as usize % 300))).collect();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        assert!(read(&file(&values, order)).unwrap() == values, "{order:?}");
    }
}

#[test]
fn a_number_given_twice_is_refused() {
    let record = Record { number: 7, blob: b"x" };
    assert!(matches!(write(&[record, record], ByteOrder::Big), Err(crate::rpm::database::DatabaseError::Number { number: 7 })));
    let zero = Record { number: 0, blob: b"x" };
    assert!(matches!(write(&[zero], ByteOrder::Big), Err(crate::rpm::database::DatabaseError::Number { number: 0 })));
}

#[test]
fn circles_and_lies_are_found() {
    let values = vec![(1, vec![7; 20_000])];
    let good = file(&values, ByteOrder::Little);
    // Pages 1 and 2 are buckets; pages 3 to 7 have the value.
    let broken = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        read(&bytes).unwrap_err()
    };
    let put =
        |bytes: &mut Vec<u8>, page: usize, at: usize, value: u32| ByteOrder::Little.put_u32(&mut bytes[page * 4096..], at, value);
    assert!(matches!(broken(&|bytes| put(bytes, 1, page::NEXT, 1)), BdbError::Circle(_)));
    assert_eq!(broken(&|bytes| put(bytes, 4, page::NUMBER, 9)), BdbError::Page(4));
    assert_eq!(broken(&|bytes| put(bytes, 5, page::NEXT, 1)), BdbError::Page(1));
    assert_eq!(broken(&|bytes| bytes.truncate(5 * 4096)), BdbError::Page(5));
    assert_eq!(broken(&|bytes| put(bytes, 0, meta::VERSION, 7)), BdbError::Version(7));
    assert_eq!(broken(&|bytes| put(bytes, 0, meta::PAGE_SIZE, 0)), BdbError::PageSize(0));
    assert_eq!(broken(&|bytes| bytes.truncate(511)), BdbError::Magic);
    assert_eq!(broken(&|bytes| bytes[24] = 1), BdbError::Sealed);
}

/// The hash of Berkeley DB's check string is the one in a file that `db5.3_load` created.
#[test]
fn the_hash_is_berkeley_dbs() {
    assert_eq!(hash(b"%$sniglet^&\0"), 0x5e68_8dd1);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn verify(path: &Path) {
    let verify = Command::new("db5.3_verify").arg(path).output().unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}

/// Returns all records as Berkeley DB reads them, by number, with values in hex.
fn dump(path: &Path, order: ByteOrder) -> BTreeMap<u32, String> {
    let dump = Command::new("db5.3_dump").arg(path).output().unwrap();
    assert!(dump.status.success());
    let dump = String::from_utf8(dump.stdout).unwrap();
    let mut lines = dump.lines().skip_while(|line| *line != "HEADER=END").skip(1).map(str::trim);
    let mut records = BTreeMap::new();
    while let (Some(key), Some(value)) = (lines.next(), lines.next()) {
        let bytes: Vec<u8> = (0..8).step_by(2).map(|i| u8::from_str_radix(&key[i..i + 2], 16).unwrap()).collect();
        records.insert(order.u32_from(*bytes.as_array().unwrap()), value.to_owned());
    }
    records
}

fn expected(values: &[(u32, Vec<u8>)], order: ByteOrder) -> BTreeMap<u32, String> {
    let largest = values.last().map_or(0, |&(number, _)| number);
    let last = (0, hex(&order.u32_bytes(largest)));
    std::iter::once(last).chain(values.iter().map(|(number, value)| (*number, hex(value)))).collect()
}

#[test]
fn berkeley_db_verifies_and_dumps_the_same() {
    if !peer("db5.3_verify") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Packages");
    let small: Vec<_> = (1..=22u32).map(|n| (n, vec![n as u8; 3000 * n as usize])).collect();
    let many: Vec<_> = (1..=2000u32).map(|n| (n * 3, vec![n as u8; 1 + n as usize % 1500])).collect();
    for values in [Vec::new(), small, many] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            fs::write(&path, file(&values, order)).unwrap();
            verify(&path);
            assert!(dump(&path, order) == expected(&values, order), "{order:?}, {} records: db5.3_dump differs", values.len());
        }
    }
}

/// rpm installs into the file later: Berkeley DB splits the buckets, and the reader must accept the
/// result.
#[test]
fn berkeley_db_adds_records() {
    if !peer("db5.3_load") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Packages");
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut values: Vec<_> = (1..=300u32).map(|n| (n, vec![n as u8; 1 + (n as usize * 37) % 5000])).collect();
        fs::write(&path, file(&values, order)).unwrap();
        let added = (301..=1500u32).map(|n| (n, vec![n as u8; 1 + (n as usize * 91) % 9000]));
        values.extend(added);
        let last = [(0, order.u32_bytes(1500).to_vec())];
        let lines = values[300..].iter().chain(&last).flat_map(|(number, value)| [hex(&order.u32_bytes(*number)), hex(value)]);
        let lines: String = lines.flat_map(|line| [" ".to_owned(), line, "\n".to_owned()]).collect();
        let text = ["VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n", &lines, "DATA=END\n"].concat();
        let input = directory.path().join("added");
        fs::write(&input, text).unwrap();
        let load = Command::new("db5.3_load").arg("-f").args([&input, &path]).output().unwrap();
        assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
        verify(&path);
        assert!(dump(&path, order) == expected(&values, order), "{order:?}");
        assert!(read(&fs::read(&path).unwrap()).unwrap() == values, "{order:?}");
    }
}
