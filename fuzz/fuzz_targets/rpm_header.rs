//! A header of an RPM package.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::files;
use rootstrap::rpm::header::{Header, Place};

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = Header::parse(data, Place::Package) {
        for entry in header.entries() {
            let tag = entry.tag;
            let _ = (header.string(tag), header.text(tag), header.strings(tag).count(), header.bytes(tag));
            let _ = (header.u16s(tag).count(), header.u32s(tag).count(), header.u64s(tag).count());
        }
        let _ = files::files(&header);
    }
});
