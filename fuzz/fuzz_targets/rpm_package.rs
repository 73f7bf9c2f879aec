//! An RPM package file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::package::Content;
use rootstrap::rpm::inventory;
use rootstrap::rpm::package::Package;

fuzz_target!(|data: &[u8]| {
    let content = Content::from(data.to_vec());
    if let Ok(package) = Package::inspect(&content) {
        let _ = package.files();
    }
    let _ = inventory::of_package(&content);
});
