//! A root archive, an image layout or a `docker save` archive from an untrusted source. No path of
//! the tree leads outside. Reading, writing as an archive and reading again gives the same tree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::output::oci::read_found;
use rootstrap_fuzz::{check_tree, file, spool};

fuzz_target!(|data: &[u8]| {
    if let Ok(found) = read_found(&file("archive.tar", data), None, None, &spool()) {
        check_tree(&found.tree);
    }
});
