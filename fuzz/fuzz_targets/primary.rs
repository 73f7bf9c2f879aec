//! `primary.xml`, as packages and as texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::pool::PoolBuilder;
use rootstrap::rpm::architecture;
use rootstrap::rpm::index::RpmMd;
use rootstrap::rpm::version::RpmVersions;

fuzz_target!(|data: &[u8]| {
    // Databases are SQLite's to read, and have a target of their own.
    if data.starts_with(b"SQLite") {
        return;
    }
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    let packages = RpmMd.read_packages(&mut &*data, &mut builder, repo);
    if packages.is_ok() {
        let _ = builder.build(&RpmVersions, &architecture::compatible("x86_64"));
    }
    let _ = RpmMd.read_texts(&mut &*data, &mut |_, _| {});
});
