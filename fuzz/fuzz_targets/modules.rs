//! `modules.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::modules::Modules;

fuzz_target!(|data: &[u8]| {
    let _ = Modules::default().read("fuzz", &mut &*data);
});
