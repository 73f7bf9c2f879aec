//! `rpmdb.sqlite` of a root: arbitrary bytes after SQLite's magic number, and a damaged valid
//! database. The headers of a readable file survive writing and reading.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::database::{Backend, ByteOrder};
use rootstrap_fuzz::{check_database, damaged, database};

const MAGIC: &[u8] = b"SQLite format 3\0";

fuzz_target!(|data: &[u8]| {
    static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| database(Backend::Sqlite, ByteOrder::Little));
    let bytes = match data.split_first() {
        Some((0, rest)) => [MAGIC, rest.get(MAGIC.len()..).unwrap_or_default()].concat(),
        _ if data.starts_with(MAGIC) => data.to_vec(),
        _ => damaged(&SOUND, data),
    };
    check_database(Backend::Sqlite, bytes);
});
