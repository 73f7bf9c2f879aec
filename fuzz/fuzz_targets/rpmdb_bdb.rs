//! `Packages` of Berkeley DB: arbitrary bytes, and damaged valid files of both byte orders. The
//! headers of a readable file survive writing and reading.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::database::{Backend, ByteOrder};
use rootstrap_fuzz::{check_database, damaged, database};

fuzz_target!(|data: &[u8]| {
    static SOUND: LazyLock<[Vec<u8>; 2]> =
        LazyLock::new(|| [ByteOrder::Little, ByteOrder::Big].map(|order| database(Backend::Bdb, order)));
    let Some((&which, rest)) = data.split_first() else { return };
    let bytes = match which % 3 {
        2 => rest.to_vec(),
        order => damaged(&SOUND[usize::from(order)], rest),
    };
    check_database(Backend::Bdb, bytes);
    check_database(Backend::Bdb, data.to_vec());
});
