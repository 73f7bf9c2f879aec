//! Much that packs to little: parts of a file, and between them the same again and again, packed once and repeated.

use std::io::Write;

/// What is packed, and how much it is inflated.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) open: u64,
}

/// Bytes that are packed at a time and repeated.
const PIECE: usize = 64 << 20;

impl Packed {
    /// The first part, then so many pieces of 64 MiB of zeros, then the other parts.
    pub(crate) fn new(form: &str, parts: &[&[u8]], pieces: usize) -> Self {
        Self::filled(form, parts, b"\0", pieces)
    }

    /// The same with something else than zeros, whose length divides 64 MiB.
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

/// As a member, stream or frame of its own.
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
