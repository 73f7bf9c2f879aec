//! `filelists.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    if !data.starts_with(b"SQLite") {
        let _ = RpmMd.read_files(&mut &*data, &|path| path.len() % 2 == 0, &mut |_, _| {});
    }
});
