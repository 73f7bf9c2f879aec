//! All compression formats, including zchunk. The result does not depend on the pieces in which a
//! file is read. Decompressing gzip at once gives the same bytes as streaming.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{BufReader, Read};

use rootstrap::compression::{Format, decompress, gzip_length, inflate_gzip};
use rootstrap_fuzz::{Pieces, piece};

/// The maximum output in bytes. Bounding it is up to the caller.
const MOST: u64 = 1 << 20;

fn inflate(input: impl std::io::BufRead + Send) -> Option<(Format, Vec<u8>)> {
    let (format, reader) = decompress(input).ok()?;
    let mut bytes = Vec::new();
    reader.take(MOST).read_to_end(&mut bytes).ok()?;
    Some((format, bytes))
}

fuzz_target!(|data: &[u8]| {
    let whole = inflate(data);
    assert_eq!(whole, inflate(BufReader::with_capacity(piece(data), Pieces::new(data, piece(data)))));
    if let Some(length) = gzip_length(data).filter(|&length| u64::from(length) < MOST) {
        let mut out = vec![0; length as usize];
        if inflate_gzip(data, &mut out) {
            assert_eq!(whole, Some((Format::Gzip, out)));
        }
    }
});
