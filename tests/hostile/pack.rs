//! Highly compressible data: parts of a file, separated by a piece that is compressed once and
//! repeated.

use std::io::Write;

/// Compressed data, and their decompressed size.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) open: u64,
}

/// Number of bytes that are compressed once and repeated.
const PIECE: usize = 64 << 20;

impl Packed {
    /// Creates data from the first part, this number of pieces of 64 MiB of zeros, and the other
    /// parts.
    pub(crate) fn new(form: &str, parts: &[&[u8]], pieces: usize) -> Self {
        Self::filled(form, parts, b"\0", pieces)
    }

    /// Creates data with another filling than zeros; its length must divide 64 MiB.
    pub(crate) fn filled(form: &str, parts: &[&[u8]], filling: &[u8], pieces: usize) -> Self {
        let (first, rest) = parts.split_first().unwrap();
        let mut bytes = pack(form, first);
        if pieces > 0 {
            bytes.extend(pack(form, &filling.repeat(PIECE / filling.len())).repeat(pieces));
        }
        for part in rest {
            bytes.extend(pack(form, part));
        }
        Self { bytes, open: parts.iter().map(|part| part.len() as u64).sum::<u64>() + (pieces * PIECE) as u64 }
    }
}

/// Compresses data as a member, stream or frame of its own.
pub(crate) fn pack(form: &str, data: &[u8]) -> Vec<u8> {
    match form {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        "zst" => zstd::bulk::compress(data, 3).unwrap(),
        _ => data.to_vec(),
    }
}
