//! `updateinfo.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    let _ = RpmMd.read_advisories(&mut &*data, &mut |_| {});
});
