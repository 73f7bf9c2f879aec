//! Compression on all cores: what is written is cut into blocks of one length, each of which becomes a gzip member, a Zstandard frame or
//! an xz stream of its own, and all of them together are one file of their format. So the bytes depend on the input and the level
//! alone, not on how many threads there are.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use libdeflater::{CompressionLvl, Compressor};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::compression::Format;
use crate::digest::{Algorithm, Digest, Hasher};

/// How something that is written is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    format: Format,
    level: i32,
}

impl Packing {
    /// Not at all.
    pub const NONE: Self = Self { format: Format::Plain, level: 0 };
    /// gzip as gzip(1) does it by default.
    pub const GZIP: Self = Self { format: Format::Gzip, level: 6 };
    /// Zstandard as zstd(1) does it by default.
    pub const ZSTD: Self = Self { format: Format::Zstd, level: 3 };
    /// xz as xz(1) does it by default.
    pub const XZ: Self = Self { format: Format::Xz, level: 6 };

    /// What a file's name asks for by its ending: `.gz`, `.tgz`, `.zst`, `.tzst`, `.xz`, `.txz`; nothing else is compressed.
    pub fn of_name(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("gz" | "tgz") => Self::GZIP,
            Some("zst" | "tzst") => Self::ZSTD,
            Some("xz" | "txz") => Self::XZ,
            _ => Self::NONE,
        }
    }

    /// The format.
    pub fn format(self) -> Format {
        self.format
    }

    /// The bytes of a block. Larger ones compress a little better, smaller ones keep more threads at work.
    fn block(self) -> usize {
        match self.format {
            Format::Xz => 8 << 20,
            Format::Zstd => 4 << 20,
            _ => 1 << 20,
        }
    }

    /// A whole file that holds `data`.
    fn pack(self, data: &[u8]) -> io::Result<Vec<u8>> {
        match self.format {
            Format::Gzip => {
                let level = CompressionLvl::new(self.level).unwrap_or_default();
                let mut compressor = Compressor::new(level);
                let mut packed = vec![0; compressor.gzip_compress_bound(data.len())];
                let length = compressor.gzip_compress(data, &mut packed).map_err(io::Error::other)?;
                packed.truncate(length);
                Ok(packed)
            }
            Format::Zstd => {
                // With its length in the header and a checksum at its end, as zstd(1) writes it.
                let mut encoder = zstd::bulk::Compressor::new(self.level)?;
                encoder.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                encoder.compress(data)
            }
            Format::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::with_capacity(data.len() / 2), self.level.unsigned_abs());
                encoder.write_all(data)?;
                encoder.finish()
            }
            _ => Ok(data.to_vec()),
        }
    }
}

/// `gzip`, `zstd`, `xz` or `none`, with a level after a colon where another than the default is wanted.
impl FromStr for Packing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
        let (packing, levels) = match name {
            "gzip" | "gz" => (Self::GZIP, 1..=12),
            "zstd" | "zst" => (Self::ZSTD, 1..=19),
            "xz" => (Self::XZ, 0..=9),
            "none" if level.is_none() => return Ok(Self::NONE),
            _ => {
                return Err("expected gzip, zstd, xz or none, and a level after a colon where one is wanted (zstd:19)".to_owned());
            }
        };
        let Some(level) = level else { return Ok(packing) };
        match level.parse() {
            Ok(level) if levels.contains(&level) => Ok(Self { level, ..packing }),
            _ => Err(format!("{name} has the levels {} to {}", levels.start(), levels.end())),
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.format == Format::Plain { "none" } else { self.format.name() })
    }
}

/// What was packed: its digest and length before it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// SHA-256 of it.
    pub digest: Digest,
    /// Its bytes.
    pub length: u64,
}

/// A writer that compresses what it is given into another. While some blocks are compressed, those before them are written.
pub struct Packer<W: Write + Send> {
    out: W,
    packing: Packing,
    /// What was written, in blocks of which only the last is not full.
    blocks: Vec<Vec<u8>>,
    /// How many blocks are in use.
    used: usize,
    /// What was compressed and not written yet.
    packed: Vec<Vec<u8>>,
    hasher: Hasher,
    length: u64,
}

impl<W: Write + Send> Packer<W> {
    /// Compresses into `out`.
    pub fn new(out: W, packing: Packing) -> Self {
        let at_once = 2 * rayon::current_num_threads().max(1);
        let blocks = vec![Vec::new(); at_once];
        Self { out, packing, blocks, used: 0, packed: Vec::new(), hasher: Hasher::new(Algorithm::Sha256), length: 0 }
    }

    /// Compresses the blocks that are there, hashes them, and writes those before them, all at the same time.
    fn turn(&mut self) -> io::Result<()> {
        let (out, hasher, packing) = (&mut self.out, &mut self.hasher, self.packing);
        let (blocks, before) = (&self.blocks[..self.used], &self.packed);
        if packing.format == Format::Plain {
            let write = || blocks.iter().try_for_each(|block| out.write_all(block));
            let ((), written) = rayon::join(|| blocks.iter().for_each(|block| hasher.update(block)), write);
            written?;
        } else {
            let (packed, ((), written)) = rayon::join(
                || blocks.par_iter().with_max_len(1).map(|block| packing.pack(block)).collect::<io::Result<Vec<_>>>(),
                || {
                    rayon::join(
                        || blocks.iter().for_each(|block| hasher.update(block)),
                        || before.iter().try_for_each(|packed| out.write_all(packed)),
                    )
                },
            );
            written?;
            self.packed = packed?;
        }
        self.length += self.blocks[..self.used].iter().map(|block| block.len() as u64).sum::<u64>();
        self.blocks[..self.used].iter_mut().for_each(Vec::clear);
        self.used = 0;
        Ok(())
    }

    /// Writes what is left; the writer below, and what was packed. Nothing at all becomes a file that holds nothing.
    pub fn finish(mut self) -> io::Result<(W, Unpacked)> {
        if self.used > 0 {
            self.turn()?;
        }
        if self.length == 0 && self.packing.format != Format::Plain {
            self.packed = vec![self.packing.pack(b"")?];
        }
        for packed in &self.packed {
            self.out.write_all(packed)?;
        }
        self.out.flush()?;
        Ok((self.out, Unpacked { digest: self.hasher.finish(), length: self.length }))
    }
}

impl<W: Write + Send> Write for Packer<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let size = self.packing.block();
        if self.used == 0 || self.blocks[self.used - 1].len() == size {
            if self.used == self.blocks.len() {
                self.turn()?;
            }
            self.used += 1;
        }
        let block = &mut self.blocks[self.used - 1];
        let taken = data.len().min(size - block.len());
        block.extend_from_slice(&data[..taken]);
        Ok(taken)
    }

    /// Nothing is complete before [`Packer::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::compression::decompress;

    const ALL: [Packing; 4] = [Packing::NONE, Packing::GZIP, Packing::ZSTD, Packing::XZ];

    /// Text that compresses, but is nowhere the same.
    fn text(length: usize) -> Vec<u8> {
        let mut seed = 7u32;
        let next = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"rootstrap"[(seed >> 24) as usize % 9]
        };
        (0..length).map(next).collect()
    }

    fn pack(packing: Packing, data: &[u8], threads: usize, piece: usize) -> (Vec<u8>, Unpacked) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut packer = Packer::new(Vec::new(), packing);
            for piece in data.chunks(piece) {
                packer.write_all(piece).unwrap();
            }
            packer.finish().unwrap()
        })
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_pieces() {
        for packing in [Packing::NONE, Packing::GZIP, Packing::ZSTD, "xz:0".parse().unwrap()] {
            // Some blocks, several turns, and a last block that is not full.
            let lengths =
                if packing.format() == Format::Xz { vec![0, 5, (8 << 20) + 1] } else { vec![0, 1, 1 << 20, (9 << 20) + 3] };
            for length in lengths {
                let data = text(length);
                let (one, unpacked) = pack(packing, &data, 1, 4096);
                assert_eq!(unpacked, Unpacked { digest: Digest::of(Algorithm::Sha256, &data), length: length as u64 });
                assert_eq!(pack(packing, &data, 3, 1 << 22).0, one, "{packing} {length}");
                let (format, mut reader) = decompress(&one[..]).unwrap();
                let mut back = Vec::new();
                reader.read_to_end(&mut back).unwrap();
                assert!(back == data, "{packing} {length}");
                assert_eq!(format, packing.format(), "{length}");
                assert!(length < 100 || packing == Packing::NONE || one.len() < length / 2);
            }
        }
    }

    #[test]
    fn a_writer_that_fails_is_heard() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for packing in ALL {
            let mut packer = Packer::new(Full, packing);
            let result = packer.write_all(b"something").and_then(|()| packer.finish().map(drop));
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull, "{packing}");
        }
    }

    #[test]
    fn names_and_levels() {
        assert_eq!("gzip".parse(), Ok(Packing::GZIP));
        assert_eq!("zstd:19".parse(), Ok(Packing { format: Format::Zstd, level: 19 }));
        assert_eq!("none".parse(), Ok(Packing::NONE));
        for wrong in ["", "bzip2", "zstd:", "zstd:20", "gzip:0", "xz:-1", "none:1"] {
            assert!(wrong.parse::<Packing>().is_err(), "{wrong}");
        }
        let of = |name| Packing::of_name(name).to_string();
        assert_eq!(
            ["a.tar", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.xz", "-"].map(of),
            ["none", "gzip", "gzip", "zstd", "xz", "none"]
        );
    }
}
