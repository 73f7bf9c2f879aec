//! The compression formats of repositories and packages, detected by their first bytes.
//!
//! Input: a buffered reader. Output: a reader of the decompressed content, which never holds all of
//! it in memory. The caller must limit the size of the output, because only the caller knows the
//! expected size.

mod bounded;
mod zchunk;

use std::io::{self, BufRead, Cursor, Read};

use liblzma::stream::{CONCATENATED, Stream};

pub use bounded::{Bomb, Bounded};

/// Memory limit for xz and lzma streams, in bytes: level 9 needs 65 MiB (xz(1)), and no
/// distribution uses more.
const LZMA_MEMORY: u64 = 192 << 20;

/// Number of bytes that [`Format::sniff`] examines at most.
const MAGIC_LENGTH: usize = 13;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Not compressed.
    Plain,
    /// gzip, RFC 1952; several members form one stream.
    Gzip,
    /// xz; several streams form one.
    Xz,
    /// The older `.lzma` format, without checksums.
    Lzma,
    /// bzip2; several streams form one.
    Bzip2,
    /// Zstandard, RFC 8878; several frames form one stream.
    Zstd,
    /// zchunk, which rpm-md repositories use.
    Zchunk,
}

impl Format {
    /// Returns the format that begins with these bytes, or plain if none does.
    pub fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            // A skippable frame may precede the first frame; pzstd and seekable archives write such
            // frames.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0, b'Z', b'C', b'K', b'1', ..] => Self::Zchunk,
            _ if is_lzma(start) => Self::Lzma,
            _ => Self::Plain,
        }
    }

    /// Returns the format with this name in rpm's payload compressor tag (`gzip`) or this file
    /// extension (`gz`).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" | "gz" => Self::Gzip,
            "xz" => Self::Xz,
            "lzma" => Self::Lzma,
            "bzip2" | "bz2" => Self::Bzip2,
            "zstd" | "zst" => Self::Zstd,
            _ => return None,
        })
    }

    /// Returns the name of the format in rpm's payload compressor tag, or `plain` if there is no
    /// compression.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Zchunk => "zchunk",
        }
    }

    /// Reports whether decompression is so much slower than reading its result again that the
    /// result is worth caching.
    pub fn is_slow(self) -> bool {
        match self {
            Self::Gzip | Self::Xz | Self::Lzma | Self::Bzip2 => true,
            Self::Plain | Self::Zstd | Self::Zchunk => false,
        }
    }

    /// Returns a reader of the decompressed content of `input`, which is in this format. Damaged
    /// input causes an error while reading.
    pub fn reader<'a>(self, input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(input),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Xz => Box::new(liblzma::bufread::XzDecoder::new_stream(
                input,
                Stream::new_stream_decoder(LZMA_MEMORY, CONCATENATED).map_err(io::Error::from)?,
            )),
            Self::Lzma => Box::new(liblzma::bufread::XzDecoder::new_stream(
                input,
                Stream::new_lzma_decoder(LZMA_MEMORY).map_err(io::Error::from)?,
            )),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
            Self::Zchunk => Box::new(zchunk::Zchunk::new(input)?),
        })
    }
}

/// Returns the length of the decompressed content that a gzip file states, modulo 2^32. The length
/// is not verified.
pub fn gzip_length(file: &[u8]) -> Option<u32> {
    let length = file.last_chunk()?;
    (Format::sniff(file) == Format::Gzip).then(|| u32::from_le_bytes(*length))
}

/// Decompresses a whole gzip file in about half the time that a stream takes. `out` is as long as
/// [`gzip_length`] states. Returns true if the file is exactly one member that fills `out`.
/// Otherwise only the stream's reader can decompress the file.
pub fn inflate_gzip(file: &[u8], out: &mut [u8]) -> bool {
    let Some((_, [c0, c1, c2, c3, ..])) = file.split_last_chunk::<8>() else { return false };
    let inflated = libdeflater::Decompressor::new().gzip_decompress(file, out);
    // libdeflate ignores bytes after the member, so the last 8 bytes of the file must be the
    // trailer of this member.
    inflated == Ok(out.len()) && libdeflater::crc32(out) == u32::from_le_bytes([*c0, *c1, *c2, *c3])
}

/// Detects lzma, which has no magic number, by its header. The properties are below 225, and the
/// dictionary size is 2^n or 2^n + 2^(n-1). The content size is unknown or below 256 GiB (liblzma's
/// `alone_decoder.c`). No text and no cpio archive begins this way.
fn is_lzma(start: &[u8]) -> bool {
    let Some(([properties, d0, d1, d2, d3], rest)) = start.split_first_chunk::<5>() else { return false };
    let Some(size) = rest.first_chunk::<8>() else { return false };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let size = u64::from_le_bytes(*size);
    let shape = dictionary >> dictionary.trailing_zeros().min(31);
    *properties < 225
        && dictionary >= 1 << 12
        && (shape == 1 || shape == 3 || dictionary == u32::MAX)
        && (size == u64::MAX || size < 1 << 38)
}

/// Detects the format of `input`. Returns the format and a reader of the decompressed content.
pub fn decompress<'a>(mut input: impl BufRead + Send + 'a) -> io::Result<(Format, Box<dyn Read + Send + 'a>)> {
    let start = input.fill_buf()?;
    if start.len() >= MAGIC_LENGTH {
        let format = Format::sniff(start);
        return Ok((format, format.reader(input)?));
    }
    // The buffer is shorter than the longest magic number: read enough bytes and chain them before
    // the rest.
    let mut start = Vec::with_capacity(MAGIC_LENGTH);
    input.by_ref().take(MAGIC_LENGTH as u64).read_to_end(&mut start)?;
    let format = Format::sniff(&start);
    Ok((format, format.reader(Cursor::new(start).chain(input))?))
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write};

    use proptest::prelude::*;

    use super::*;

    fn compress(format: Format, data: &[u8]) -> Vec<u8> {
        match format {
            Format::Plain => data.to_vec(),
            Format::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Format::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Format::Lzma => {
                let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
                let stream = Stream::new_lzma_encoder(&options).unwrap();
                let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Format::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Format::Zstd => zstd::encode_all(data, 3).unwrap(),
            // The tests of zchunk create their own files.
            Format::Zchunk => unreachable!(),
        }
    }

    const COMPRESSED: [Format; 5] = [Format::Gzip, Format::Xz, Format::Lzma, Format::Bzip2, Format::Zstd];

    fn inflate(input: impl BufRead + Send) -> io::Result<(Format, Vec<u8>)> {
        let (format, mut reader) = decompress(input)?;
        let mut data = Vec::new();
        reader.read_to_end(&mut data)?;
        Ok((format, data))
    }

    #[test]
    fn plain_text_and_nothing_at_all_are_plain() {
        for data in [&b""[..], b"<", b"<?xml version=\"1.0\"?>", b"07070100000000", b"]\0\0"] {
            assert_eq!(inflate(data).unwrap(), (Format::Plain, data.to_vec()));
        }
    }

    #[test]
    fn two_streams_one_after_the_other_are_one() {
        for format in [Format::Gzip, Format::Xz, Format::Bzip2, Format::Zstd] {
            let mut data = compress(format, b"first ");
            data.extend(compress(format, b"second"));
            assert_eq!(inflate(&data[..]).unwrap(), (format, b"first second".to_vec()));
        }
    }

    #[test]
    fn a_truncated_stream_is_an_error() {
        let text = "rootstrap ".repeat(1000);
        for format in COMPRESSED {
            let data = compress(format, text.as_bytes());
            for cut in [data.len() / 2, data.len() - 1] {
                assert!(inflate(&data[..cut]).is_err(), "{format:?} cut to {cut} of {}", data.len());
            }
        }
    }

    fn inflate_at_once(file: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; gzip_length(file)? as usize];
        inflate_gzip(file, &mut out).then_some(out)
    }

    #[test]
    fn only_one_whole_member_is_inflated_at_once() {
        let file = compress(Format::Gzip, b"a member");
        assert_eq!(inflate_at_once(&file).unwrap(), b"a member");
        // The second member has the length of the first, so the length field cannot reveal it.
        let two = [file.clone(), compress(Format::Gzip, b"b member")].concat();
        assert_eq!(inflate_at_once(&two), None);
        assert_eq!(inflate_at_once(&[&file[..], &[0; 8]].concat()), None);
        for cut in 0..file.len() {
            assert_eq!(inflate_at_once(&file[..cut]), None, "{cut}");
        }
        for place in 10..file.len() {
            let mut wrong = file.clone();
            wrong[place] ^= 0x10;
            // The padding bits of the last byte have no meaning.
            if gzip_length(&wrong).is_some_and(|length| length < 1 << 20) {
                assert!(inflate_at_once(&wrong).is_none_or(|data| data == b"a member"), "{place}");
            }
        }
        assert_eq!(gzip_length(b"plain text"), None);
    }

    proptest! {
        #[test]
        fn at_once_and_streamed_are_the_same(data: Vec<u8>) {
            prop_assert_eq!(inflate_at_once(&compress(Format::Gzip, &data)), Some(data));
        }

        #[test]
        fn what_was_compressed_comes_back(data: Vec<u8>, buffer in 1usize..40) {
            for format in COMPRESSED {
                let compressed = compress(format, &data);
                let read = inflate(BufReader::with_capacity(buffer, &compressed[..])).unwrap();
                prop_assert_eq!(read, (format, data.clone()));
            }
        }

        #[test]
        fn noise_never_panics(format in 0usize..5, mut data: Vec<u8>) {
            let mut noisy = compress(COMPRESSED[format], b"");
            noisy.truncate(13);
            noisy.append(&mut data);
            let _ = inflate(&noisy[..]);
        }
    }
}
