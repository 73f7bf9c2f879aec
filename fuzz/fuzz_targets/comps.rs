//! `comps.xml`: the pieces in which it comes mean nothing; reading it twice adds nothing; every group that it names has members.
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
        // What stands after a slash, or a caret, is not the id's.
        assert!(members.is_some() || id.contains(['/', '^', '*', '?', '[', '\\']), "{id}");
    }
});
