//! `comps.xml`: the result does not depend on the pieces in which it is read, and every listed
//! group can be found by its id.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::groups::Groups;
use rootstrap::rpm::index::read_groups;
use rootstrap_fuzz::{Pieces, piece};

fn groups(input: &mut dyn Read) -> Option<Groups> {
    let mut groups = Groups::default();
    read_groups(input, &mut groups).ok().map(|()| groups)
}

fuzz_target!(|data: &[u8]| {
    let whole = groups(&mut &*data);
    assert_eq!(format!("{whole:?}"), format!("{:?}", groups(&mut Pieces::new(data, piece(data)))));
    let Some(groups) = whole else { return };
    let ids: Vec<&str> = groups.ids().collect();
    for id in ids {
        let members = groups.members(id, "x86_64");
        // An id with a slash, a caret or a wildcard has another meaning as a spec.
        assert!(members.is_some() || id.contains(['/', '^', '*', '?', '[', '\\']), "{id}");
    }
});
