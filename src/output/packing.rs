//! Compression on all cores. The input is cut into blocks of one length. Each block becomes a gzip
//! member, a Zstandard frame, or an xz or bzip2 stream of its own; together they are one valid file
//! of the format. So the bytes depend on the input and the level only, not on the number of
//! threads.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use libdeflater::{CompressionLvl, Compressor};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::compression::Format;
use crate::digest::{Algorithm, Digest, Hasher};

/// Extensions that may precede a compression extension and mean that the file is not a tar archive.
const OTHER_FORMATS: [&str; 19] = [
    "cpio", "zip", "7z", "ar", "rpm", "deb", "apk", "squashfs", "erofs", "ext4", "img", "iso", "qcow2", "raw", "gz", "bz2", "xz",
    "zst", "lz4",
];

/// The compression of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    format: Format,
    level: i32,
}

impl Packing {
    /// No compression.
    pub const NONE: Self = Self { format: Format::Plain, level: 0 };
    /// gzip with the default level of gzip(1).
    pub const GZIP: Self = Self { format: Format::Gzip, level: 6 };
    /// Zstandard with the default level of zstd(1).
    pub const ZSTD: Self = Self { format: Format::Zstd, level: 3 };
    /// xz with the default level of xz(1).
    pub const XZ: Self = Self { format: Format::Xz, level: 6 };

    /// bzip2 with the default level of bzip2(1).
    pub const BZIP2: Self = Self { format: Format::Bzip2, level: 9 };

    /// The extensions of tar archives.
    pub const ENDINGS: &str = ".tar, .tar.gz (.tgz), .tar.bz2 (.tbz2), .tar.xz (.txz), .tar.zst (.tzst)";

    /// Returns the compression that the extension of a tar archive's name selects, as GNU tar's
    /// `--auto-compress` does. A name without an extension, or one that ends in a version, is not
    /// compressed. Returns `None` if the name has the extension of another format.
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let Some((stem, ending)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else { return Some(Self::NONE) };
        let packing = match ending {
            "tar" => return Some(Self::NONE),
            "tgz" | "taz" => return Some(Self::GZIP),
            "tbz" | "tbz2" | "tb2" | "tz2" => return Some(Self::BZIP2),
            "txz" => return Some(Self::XZ),
            "tzst" => return Some(Self::ZSTD),
            "gz" => Self::GZIP,
            "bz2" => Self::BZIP2,
            "xz" => Self::XZ,
            "zst" => Self::ZSTD,
            _ => return ending.bytes().all(|byte| byte.is_ascii_digit()).then_some(Self::NONE),
        };
        let inner = stem.rsplit_once('.').map(|(_, inner)| inner);
        inner.is_none_or(|inner| !OTHER_FORMATS.contains(&inner)).then_some(packing)
    }

    /// Returns the format.
    pub fn format(self) -> Format {
        self.format
    }

    /// Returns the size of a block in bytes. Larger blocks compress a little better, smaller ones
    /// keep more threads at work.
    fn block(self) -> usize {
        match self.format {
            Format::Xz => 8 << 20,
            Format::Zstd => 4 << 20,
            // Four blocks of bzip2 itself.
            Format::Bzip2 => 3_600_000,
            _ => 1 << 20,
        }
    }

    /// Returns a complete file with the content `data`.
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
            Format::Bzip2 => {
                let level = bzip2::Compression::new(self.level.unsigned_abs());
                let mut encoder = bzip2::write::BzEncoder::new(Vec::with_capacity(data.len() / 2), level);
                encoder.write_all(data)?;
                encoder.finish()
            }
            _ => Ok(data.to_vec()),
        }
    }
}

/// Parses `gzip`, `bzip2`, `zstd`, `xz` or `none`, with an optional level after a colon.
impl FromStr for Packing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
        let (packing, levels) = match name {
            "gzip" | "gz" => (Self::GZIP, 1..=12),
            "zstd" | "zst" => (Self::ZSTD, 1..=19),
            "xz" => (Self::XZ, 0..=9),
            "bzip2" | "bz2" => (Self::BZIP2, 1..=9),
            "none" if level.is_none() => return Ok(Self::NONE),
            _ => {
                return Err(
                    "expected gzip, bzip2, zstd, xz or none, and a level after a colon where one is wanted (zstd:19)".to_owned()
                );
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

/// The digest and length of the input, before compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The SHA-256 digest.
    pub digest: Digest,
    /// The length in bytes.
    pub length: u64,
}

/// A writer that compresses its input into another writer. While some blocks are compressed, the
/// blocks before them are written.
pub struct Packer<W: Write + Send> {
    out: W,
    packing: Packing,
    /// The input, in blocks of which only the last is not full.
    blocks: Vec<Vec<u8>>,
    /// The number of blocks in use.
    used: usize,
    /// The compressed blocks that are not written yet.
    packed: Vec<Vec<u8>>,
    hasher: Hasher,
    length: u64,
}

impl<W: Write + Send> Packer<W> {
    /// Returns a packer that compresses into `out`.
    pub fn new(out: W, packing: Packing) -> Self {
        let at_once = 2 * rayon::current_num_threads().max(1);
        let blocks = vec![Vec::new(); at_once];
        Self { out, packing, blocks, used: 0, packed: Vec::new(), hasher: Hasher::new(Algorithm::Sha256), length: 0 }
    }

    /// Compresses the current blocks, hashes them, and writes the previous ones, all at the same
    /// time.
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

    /// Writes the remaining blocks. Returns the inner writer, and the digest and length of the
    /// input. An empty input becomes a valid file with empty content.
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

    /// Does nothing: no block is complete before [`Packer::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::compression::decompress;

    const ALL: [Packing; 5] = [Packing::NONE, Packing::GZIP, Packing::ZSTD, Packing::XZ, Packing::BZIP2];

    /// Returns text that can be compressed but does not repeat.
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
        for packing in [Packing::NONE, Packing::GZIP, Packing::ZSTD, "xz:0".parse().unwrap(), "bzip2:1".parse().unwrap()] {
            // Some blocks, several turns, and a last block that is not full.
            let lengths = match packing.format() {
                Format::Xz => vec![0, 5, (8 << 20) + 1],
                Format::Bzip2 => vec![0, 5, 3_600_001],
                _ => vec![0, 1, 1 << 20, (9 << 20) + 3],
            };
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
        for wrong in ["", "lz4", "bzip2:0", "bzip2:10", "zstd:", "zstd:20", "gzip:0", "xz:-1", "none:1"] {
            assert!(wrong.parse::<Packing>().is_err(), "{wrong}");
        }
        let of = |name: &str| Packing::of_name(Path::new(name)).map(|packing| packing.to_string());
        for (name, expected) in [
            ("a.tar", "none"),
            ("a.tar.gz", "gzip"),
            ("a.TAR.GZ", "gzip"),
            ("dir.lz4/a.tgz", "gzip"),
            ("a.tar.bz2", "bzip2"),
            ("a.tbz2", "bzip2"),
            ("a.tar.zst", "zstd"),
            ("a.tzst", "zstd"),
            ("a.tar.xz", "xz"),
            ("alma-9.4.xz", "xz"),
            ("-", "none"),
            ("root", "none"),
            (".root", "none"),
            ("alma-9.4", "none"),
        ] {
            assert_eq!(of(name).as_deref(), Some(expected), "{name}");
        }
        for name in ["a.cpio", "a.cpio.gz", "a.tar.lz4", "a.tar.lz", "a.tar.Z", "a.zip", "a.7z", "a.tar.br", "a.rpm", "a.lzma"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
