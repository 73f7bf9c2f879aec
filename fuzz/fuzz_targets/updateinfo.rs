//! `updateinfo.xml`: the result does not depend on the pieces in which it is read.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::{Advisory, MetadataFormat};
use rootstrap::rpm::index::RpmMd;
use rootstrap_fuzz::{Pieces, piece};

fn advisories(input: &mut dyn Read) -> Option<Vec<Advisory>> {
    let mut found = Vec::new();
    RpmMd.read_advisories(input, &mut |advisory| found.push(advisory)).ok().map(|()| found)
}

fuzz_target!(|data: &[u8]| {
    assert_eq!(advisories(&mut &*data), advisories(&mut Pieces::new(data, piece(data))));
});
