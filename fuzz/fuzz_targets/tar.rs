//! The tar archives of apk: the result does not depend on the pieces in which they are read, and
//! the content of a member has the recorded size.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::archive::{GzipStreams, Member, read_tar};
use rootstrap_fuzz::{Pieces, piece};

fn members(input: &mut dyn Read) -> Option<Vec<(Member, Vec<u8>)>> {
    let mut members = Vec::new();
    let read = read_tar(input, |member, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        members.push((member.clone(), bytes));
        Ok::<_, io::Error>(())
    });
    read.ok().map(|()| members)
}

fuzz_target!(|data: &[u8]| {
    let whole = members(&mut &*data);
    assert_eq!(whole, members(&mut Pieces::new(data, piece(data))));
    for (member, content) in whole.iter().flatten() {
        assert!(content.len() as u64 <= member.size && member.mode <= 0o7777);
        if content.len() as u64 == member.size {
            // The content is at the recorded offset.
            let start = member.offset as usize;
            assert_eq!(data.get(start..start + content.len()), Some(&content[..]));
        }
    }
    let mut streams = GzipStreams::new(data);
    let mut end = 0;
    while let Ok(Some((range, ()))) = streams.next(|_| Ok::<_, io::Error>(())) {
        assert!(range.start == end && range.end > end && range.end <= data.len() as u64);
        end = range.end;
    }
});
