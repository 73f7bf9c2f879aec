//! An archive of a root, a layout or an archive of `docker save` by somebody else: nothing in the tree is outside of it, and what is read, written as
//! an archive and read again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::output::oci::read_found;
use rootstrap_fuzz::{check_tree, file, spool};

fuzz_target!(|data: &[u8]| {
    if let Ok(found) = read_found(&file("archive.tar", data), None, None, &spool()) {
        check_tree(&found.tree);
    }
});
