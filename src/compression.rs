//! Compression: the formats in which repositories and packages wrap their bytes, told apart by their first bytes.
//!
//! In: a buffered reader. Out: a reader of what it holds, inflated as it is read, never held whole. How much may come out
//! is for the caller to bound: only the caller knows what was promised.

mod bounded;
mod zchunk;

use std::io::{self, BufRead, Cursor, Read};

use liblzma::stream::{CONCATENATED, Stream};

pub use bounded::{Bomb, Bounded};

/// Memory that an xz or lzma stream may ask for: level 9 needs 65 MiB (xz(1)), and nothing that is shipped needs more.
const LZMA_MEMORY: u64 = 192 << 20;

/// As many bytes as [`Format::sniff`] ever looks at.
const MAGIC_LENGTH: usize = 13;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Not compressed.
    Plain,
    /// gzip, RFC 1952; several members are one stream.
    Gzip,
    /// xz; several streams are one.
    Xz,
    /// The older `.lzma` without checks.
    Lzma,
    /// bzip2; several streams are one.
    Bzip2,
    /// Zstandard, RFC 8878; several frames are one stream.
    Zstd,
    /// zchunk, as repositories of rpm-md have it.
    Zchunk,
}

impl Format {
    /// The format that begins with these bytes; plain when none does.
    pub fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            // A skippable frame, as pzstd and seekable archives write it, may stand before the first one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0, b'Z', b'C', b'K', b'1', ..] => Self::Zchunk,
            _ if is_lzma(start) => Self::Lzma,
            _ => Self::Plain,
        }
    }

    /// The format of a name as rpm's payload compressor tag (`gzip`) or a file's ending (`gz`) gives it.
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

    /// The format's name as rpm's payload compressor tag gives it; `plain` when there is none.
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

    /// Whether inflating takes much longer than reading again what came of it, so that it is worth keeping.
    pub fn is_slow(self) -> bool {
        match self {
            Self::Gzip | Self::Xz | Self::Lzma | Self::Bzip2 => true,
            Self::Plain | Self::Zstd | Self::Zchunk => false,
        }
    }

    /// A reader of what `input`, which is in this format, holds. Damage is an error while reading.
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

/// How many bytes a gzip file says to hold (less 2^32, if there are as many); nobody has checked it.
pub fn gzip_length(file: &[u8]) -> Option<u32> {
    let length = file.last_chunk()?;
    (Format::sniff(file) == Format::Gzip).then(|| u32::from_le_bytes(*length))
}

/// Inflates a gzip file at once, in about half the time that a stream takes; `out` is as long as [`gzip_length`] says. Whether the
/// file is one whole member that fills `out`: if not, only the stream's reader can tell what it is.
pub fn inflate_gzip(file: &[u8], out: &mut [u8]) -> bool {
    let Some((_, [c0, c1, c2, c3, ..])) = file.split_last_chunk::<8>() else { return false };
    let inflated = libdeflater::Decompressor::new().gzip_decompress(file, out);
    // What may follow the member is not looked at by libdeflate: the end of the file has to be the end of this member.
    inflated == Ok(out.len()) && libdeflater::crc32(out) == u32::from_le_bytes([*c0, *c1, *c2, *c3])
}

/// lzma has no magic, only a likely header: properties below 225, a dictionary of 2^n or 2^n + 2^(n-1), and a size that is
/// unknown or below 256 GiB (the rule of liblzma's `alone_decoder.c`). No text and no cpio archive begins so.
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

/// A reader of what `input` holds, in whatever format that is, and the format.
pub fn decompress<'a>(mut input: impl BufRead + Send + 'a) -> io::Result<(Format, Box<dyn Read + Send + 'a>)> {
    let start = input.fill_buf()?;
    if start.len() >= MAGIC_LENGTH {
        let format = Format::sniff(start);
        return Ok((format, format.reader(input)?));
    }
    // The reader gave less than a magic: gather one, and put it back in front.
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
            // Its own tests make such files.
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
        // As long as the first, so that its length says nothing.
        let two = [file.clone(), compress(Format::Gzip, b"b member")].concat();
        assert_eq!(inflate_at_once(&two), None);
        assert_eq!(inflate_at_once(&[&file[..], &[0; 8]].concat()), None);
        for cut in 0..file.len() {
            assert_eq!(inflate_at_once(&file[..cut]), None, "{cut}");
        }
        for place in 10..file.len() {
            let mut wrong = file.clone();
            wrong[place] ^= 0x10;
            // Bits that pad the last byte mean nothing.
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
