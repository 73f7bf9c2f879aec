//! `comps.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::groups::Groups;
use rootstrap::rpm::index::read_groups;

fuzz_target!(|data: &[u8]| {
    let mut groups = Groups::default();
    if read_groups(&mut &*data, &mut groups).is_ok() {
        let ids: Vec<String> = groups.ids().map(str::to_owned).collect();
        for id in ids {
            let _ = groups.members(&id, "x86_64");
        }
    }
});
