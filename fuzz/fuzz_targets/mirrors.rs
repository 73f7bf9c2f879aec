//! Mirror lists, plain and metalink: every mirror is an HTTP or HTTPS URL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::rpm::index::RpmMd;

fuzz_target!(|data: &[u8]| {
    let Ok(list) = RpmMd.mirrors(data) else { return };
    assert!(list.bases.iter().all(|base| base.starts_with("http://") || base.starts_with("https://")), "{:?}", list.bases);
});
