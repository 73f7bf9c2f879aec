//! All forms of compression, zchunk among them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{BufReader, Read};

use rootstrap::compression::decompress;

fuzz_target!(|data: &[u8]| {
    if let Ok((_, reader)) = decompress(BufReader::with_capacity(64, data)) {
        // A bomb is for the caller to bound, as it does.
        let _ = std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink());
    }
});
