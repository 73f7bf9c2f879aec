//! `APKINDEX`, as it is in its archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::index::read_records;
use rootstrap::pool::PoolBuilder;

fuzz_target!(|data: &[u8]| {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    let _ = read_records(&mut &*data, &mut builder, repo);
});
