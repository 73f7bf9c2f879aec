//! `filelists.xml`: the result does not depend on the pieces in which it is read. A filter returns
//! the matching paths, and the contents are a subset of all paths.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use rootstrap::metadata::MetadataFormat;
use rootstrap::rpm::index::RpmMd;
use rootstrap_fuzz::{Pieces, piece};

fn paths(input: &mut dyn Read, wanted: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let read = RpmMd.read_files(input, wanted, &mut |checksum, path| found.push(format!("{checksum:?}\n{path}")));
    read.ok().map(|()| found)
}

fn path(line: &str) -> &str {
    line.split_once('\n').map_or("", |(_, path)| path)
}

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"SQLite") {
        return;
    }
    let all = paths(&mut &*data, &|_| true);
    assert_eq!(all, paths(&mut Pieces::new(data, piece(data)), &|_| true));
    let Some(all) = all else { return };
    let is_even = |path: &str| path.len() % 2 == 0;
    let even: Vec<String> = all.iter().filter(|line| is_even(path(line))).cloned().collect();
    assert_eq!(paths(&mut &*data, &is_even), Some(even));
    let mut contents = Vec::new();
    let read = RpmMd.read_contents(&mut &*data, &mut |checksum, path| contents.push(format!("{checksum:?}\n{path}")));
    // Only one of the two readers may resolve an entity in a text, and fail if it is unknown.
    if read.is_err() {
        return;
    }
    let mut left = all.iter();
    assert!(contents.iter().all(|line| left.any(|other| other == line)), "{contents:?} among {all:?}");
});
