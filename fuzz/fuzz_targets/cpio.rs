//! The archive in an rpm payload: the result does not depend on the pieces in which it is read.
//! Writing it and reading it again gives the same members.
#![no_main]

use std::io::{self, BufReader, Read};

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::cpio::{Archive, Member};
use rootstrap_fuzz::{Pieces, piece};

/// The size of members in the short form, which has no sizes; a header would supply them.
const NUMBERED: u64 = 5;

fn members(input: impl Read, buffer: usize) -> Option<Vec<(Member, Vec<u8>)>> {
    let mut archive = Archive::new(BufReader::with_capacity(buffer, input));
    let mut members = Vec::new();
    while let Some(member) = archive.next_member().ok()? {
        let size = match &member {
            Member::Named { size, .. } => *size,
            Member::Numbered(_) => NUMBERED,
        };
        let mut data = Vec::new();
        let read = archive.data(size, |piece| {
            data.extend_from_slice(piece);
            Ok::<_, io::Error>(())
        });
        read.ok()?;
        assert_eq!(data.len() as u64, size);
        members.push((member, data));
    }
    Some(members)
}

fn write(members: &[(Member, Vec<u8>)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    let align = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
    let named = |bytes: &mut Vec<u8>, name: &[u8], size: usize| {
        let numbers = [0, 0o100_644, 0, 0, 1, 0, size, 0, 0, 0, 0, name.len() + 1, 0];
        bytes.extend(b"070701");
        numbers.iter().for_each(|number| bytes.extend(format!("{number:08x}").bytes()));
        bytes.extend(name);
        bytes.push(0);
    };
    for (member, data) in members {
        match member {
            Member::Named { name, .. } => named(&mut bytes, name, data.len()),
            Member::Numbered(index) => bytes.extend(format!("07070X{index:08x}").bytes()),
        }
        align(&mut bytes);
        bytes.extend(data);
        align(&mut bytes);
    }
    named(&mut bytes, b"TRAILER!!!", 0);
    align(&mut bytes);
    bytes
}

fuzz_target!(|data: &[u8]| {
    let whole = members(data, 4096);
    assert_eq!(whole, members(Pieces::new(data, piece(data)), piece(data)));
    let Some(found) = whole else { return };
    for (member, _) in &found {
        if let Member::Named { name, .. } = member {
            assert!(name.len() <= 4096 && !name.contains(&0));
        }
    }
    assert_eq!(members(&write(&found)[..], 4096), Some(found));
});
