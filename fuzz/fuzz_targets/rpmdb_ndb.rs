//! `Packages.db` of ndb: any bytes, and a sound file that is damaged. What is read can be written as another kind, and is then read the same.
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
