//! An apk package file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::package::{Package, facts};
use rootstrap::package::Content;

fuzz_target!(|data: &[u8]| {
    let content = Content::from(data.to_vec());
    let _ = Package::read_info(&content);
    let _ = facts(&content);
});
