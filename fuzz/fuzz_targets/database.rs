//! `primary.sqlite` and `filelists.sqlite`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::pool::PoolBuilder;
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    let data = [&b"SQLite format 3\0"[..], data.get(16..).unwrap_or_default()].concat();
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    let _ = RpmMd.read_packages(&mut &*data, &mut builder, repo);
    let _ = RpmMd.read_files(&mut &*data, &|_| true, &mut |_, _| {});
});
