//! `repomd.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    let _ = RpmMd.files(data);
});
