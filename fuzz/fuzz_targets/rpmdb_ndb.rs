//! `Packages.db` of ndb: arbitrary bytes, and a damaged valid file. The headers of a readable file
//! survive writing with another backend and reading.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::database::Backend;
use rootstrap_fuzz::{check_database, damaged, ndb};

fuzz_target!(|data: &[u8]| {
    static SOUND: LazyLock<Vec<u8>> = LazyLock::new(ndb);
    check_database(Backend::Ndb, damaged(&SOUND, data));
    check_database(Backend::Ndb, data.to_vec());
});
