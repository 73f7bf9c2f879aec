//! zchunk: a file of chunks that are compressed separately, each with its own checksum.
//!
//! The format is described in zchunk's `zchunk_format.txt`: a lead, a header with an index of the
//! chunks, a dictionary for all chunks, and the chunks. The header is verified before it is parsed,
//! each chunk while it is read.

use std::io::{self, BufRead, Read};

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Magic number.
pub(super) const MAGIC: &[u8; 5] = b"\0ZCK1";

/// Maximum length of the header, in bytes. An entry of the index takes about 40 bytes, and there is
/// at most one chunk per source package.
const LONGEST_HEADER: u64 = 64 << 20;

/// Maximum length of the dictionary in bytes, compressed or not; zstd's own tool creates
/// dictionaries of 110 KiB.
const LONGEST_DICTIONARY: u64 = 16 << 20;

/// Flags: the file has separate streams, optional elements, checksums of the decompressed chunks.
const STREAMS: u64 = 1;
const ELEMENTS: u64 = 1 << 1;
const OPEN_CHECKSUMS: u64 = 1 << 2;

fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("zchunk: {}", what.into()))
}

/// A reader of the decompressed content of a file.
pub(super) struct Zchunk<R> {
    input: R,
    chunks: std::vec::IntoIter<Chunk>,
    kind: Kind,
    method: Method,
    current: Option<Current>,
}

/// An entry of the index.
struct Chunk {
    checksum: Vec<u8>,
    length: u64,
    inflated: u64,
}

/// The chunk that is currently read.
struct Current {
    chunk: Chunk,
    hasher: Hasher,
    /// Number of compressed bytes that are still unread, and of decompressed bytes that are still
    /// expected.
    left: u64,
    due: u64,
}

enum Method {
    Plain,
    Zstd(Decoder<'static>),
}

impl<R: BufRead> Zchunk<R> {
    /// Reads the header and the dictionary.
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let header = Header::read(&mut input)?;
        let mut chunks = header.chunks.into_iter();
        let kind = header.chunk_kind;
        // The first entry belongs to the dictionary, even if the file has none.
        let dictionary = chunks.next().ok_or_else(|| broken("its index is empty"))?;
        let method = match header.method {
            0 => Method::Plain,
            2 => Method::Zstd(Decoder::new()?),
            other => return Err(broken(format!("its compression {other} is not known"))),
        };
        let mut reader = Self { input, chunks: Vec::new().into_iter(), kind, method, current: None };
        if dictionary.length > LONGEST_DICTIONARY || dictionary.inflated > LONGEST_DICTIONARY {
            return Err(broken("its dictionary is too long"));
        }
        if dictionary.length > 0 {
            reader.chunks = vec![dictionary].into_iter();
            let mut bytes = Vec::new();
            while reader.step(&mut bytes)? {}
            if let Method::Zstd(decoder) = &mut reader.method {
                *decoder = Decoder::with_dictionary(&bytes)?;
            }
        }
        reader.chunks = chunks;
        Ok(reader)
    }

    /// Appends a part of the next chunk to `bytes`. Returns false at the end of the chunks.
    fn step(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let mut piece = [0; 8 << 10];
        let count = self.next(&mut piece)?;
        bytes.extend_from_slice(&piece[..count]);
        Ok(count > 0)
    }

    /// Reads the next decompressed bytes. Returns 0 at the end of the chunks.
    fn next(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            let Some(open) = &mut self.current else {
                let Some(chunk) = self.chunks.next() else { return Ok(0) };
                if let Method::Zstd(decoder) = &mut self.method {
                    decoder.reinit()?;
                }
                let (left, due) = (chunk.length, chunk.inflated);
                self.current = Some(Current { chunk, hasher: Hasher::new(self.kind), left, due });
                continue;
            };
            let available = if open.left == 0 { &[] } else { self.input.fill_buf()? };
            if open.left > 0 && available.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "zchunk: it ends inside a chunk"));
            }
            let piece = &available[..available.len().min(usize::try_from(open.left).unwrap_or(usize::MAX))];
            let (taken, given) = match &mut self.method {
                Method::Plain => {
                    let count = piece.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&piece[..count]);
                    (count, count)
                }
                Method::Zstd(decoder) => {
                    let (mut from, mut to) = (InBuffer::around(piece), OutBuffer::around(&mut *buffer));
                    decoder.run(&mut from, &mut to)?;
                    (from.pos(), to.pos())
                }
            };
            open.hasher.update(&piece[..taken]);
            self.input.consume(taken);
            open.left -= taken as u64;
            open.due = open.due.checked_sub(given as u64).ok_or_else(|| broken("a chunk holds more than was promised"))?;
            if given > 0 {
                return Ok(given);
            }
            if open.left == 0 {
                if open.due > 0 {
                    return Err(broken("a chunk holds less than was promised"));
                }
                let Some(Current { chunk, hasher, .. }) = self.current.take() else { continue };
                if chunk.length > 0 && hasher.finish() != chunk.checksum {
                    return Err(broken("the checksum of a chunk is wrong"));
                }
            } else if taken == 0 {
                return Err(broken("a chunk cannot be inflated"));
            }
        }
        Ok(0)
    }
}

impl<R: BufRead> Read for Zchunk<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.next(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.input.fill_buf()?.is_empty() {
            return Err(broken("there is more than its index tells of"));
        }
        Ok(count)
    }
}

/// The fields of the lead and the header that a reader needs.
struct Header {
    method: u64,
    chunk_kind: Kind,
    chunks: Vec<Chunk>,
}

impl Header {
    fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let mut lead = vec![0; MAGIC.len()];
        input.read_exact(&mut lead)?;
        if lead != MAGIC {
            return Err(broken("it does not begin as such a file"));
        }
        let kind = Kind::of(integer_of(input, &mut lead)?)?;
        let length = integer_of(input, &mut lead)?;
        if length > LONGEST_HEADER {
            return Err(broken("its header is too long"));
        }
        let mut expected = vec![0; kind.length()];
        input.read_exact(&mut expected)?;
        let mut bytes = Vec::new();
        input.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "zchunk: it ends inside its header"));
        }
        let mut hasher = Hasher::new(kind);
        hasher.update(&lead);
        hasher.update(&bytes);
        if hasher.finish() != expected {
            return Err(broken("the checksum of its header is wrong"));
        }
        Self::parse(&mut Fields(&bytes), kind)
    }

    fn parse(fields: &mut Fields<'_>, kind: Kind) -> io::Result<Self> {
        // Skip the checksum of all chunks together: each chunk has its own.
        fields.bytes(kind.length() as u64)?;
        let flags = fields.integer()?;
        if flags & !(ELEMENTS | OPEN_CHECKSUMS) != 0 {
            let what = if flags & STREAMS != 0 { "it has several streams" } else { "it has flags that are not known" };
            return Err(broken(what));
        }
        let method = fields.integer()?;
        if flags & ELEMENTS != 0 {
            for _ in 0..fields.integer()? {
                fields.integer()?;
                let size = fields.integer()?;
                fields.bytes(size)?;
            }
        }
        let size = fields.integer()?;
        let mut index = Fields(fields.bytes(size)?);
        let chunk_kind = Kind::of(index.integer()?)?;
        let count = index.integer()?;
        let mut chunks = Vec::new();
        for _ in 0..count {
            let checksum = index.bytes(chunk_kind.length() as u64)?.to_vec();
            if flags & OPEN_CHECKSUMS != 0 {
                index.bytes(chunk_kind.length() as u64)?;
            }
            chunks.push(Chunk { checksum, length: index.integer()?, inflated: index.integer()? });
        }
        // Signatures may follow; the format defines none so far.
        Ok(Self { method, chunk_kind, chunks })
    }
}

/// A reader of the fields of a header.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: u64) -> io::Result<&'a [u8]> {
        let split = usize::try_from(count).ok().and_then(|count| self.0.split_at_checked(count));
        let (bytes, rest) = split.ok_or_else(|| broken("its header ends too early"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn integer(&mut self) -> io::Result<u64> {
        integer(|| Ok(self.bytes(1)?[0]))
    }
}

/// Reads an integer of the lead and appends its bytes to `lead`.
fn integer_of(input: &mut impl Read, lead: &mut Vec<u8>) -> io::Result<u64> {
    integer(|| {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        lead.push(byte[0]);
        Ok(byte[0])
    })
}

/// Reads an integer of 7 bits per byte, the lowest first. The last byte has the top bit set.
fn integer(mut next: impl FnMut() -> io::Result<u8>) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 != 0 {
            return Ok(value);
        }
    }
    Err(broken("a number is too long"))
}

/// A checksum type.
#[derive(Clone, Copy)]
enum Kind {
    Sha1,
    Sha256,
    Sha512,
    /// The first 128 bits of SHA-512.
    Sha512Short,
}

impl Kind {
    fn of(number: u64) -> io::Result<Self> {
        Ok(match number {
            0 => Self::Sha1,
            1 => Self::Sha256,
            2 => Self::Sha512,
            3 => Self::Sha512Short,
            other => return Err(broken(format!("its checksum type {other} is not known"))),
        })
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
            Self::Sha512Short => 16,
        }
    }
}

enum State {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

struct Hasher {
    kind: Kind,
    state: State,
}

impl Hasher {
    fn new(kind: Kind) -> Self {
        let state = match kind {
            Kind::Sha1 => State::Sha1(Sha1::new()),
            Kind::Sha256 => State::Sha256(Sha256::new()),
            Kind::Sha512 | Kind::Sha512Short => State::Sha512(Sha512::new()),
        };
        Self { kind, state }
    }

    fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha1(hasher) => hasher.update(bytes),
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = match self.state {
            State::Sha1(hasher) => hasher.finalize().to_vec(),
            State::Sha256(hasher) => hasher.finalize().to_vec(),
            State::Sha512(hasher) => hasher.finalize().to_vec(),
        };
        bytes.truncate(self.kind.length());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(number: u64, out: &mut Vec<u8>) {
        let mut left = number;
        while left > 0x7f {
            out.push(left as u8 & 0x7f);
            left >>= 7;
        }
        out.push(left as u8 | 0x80);
    }

    fn sum(kind: u64, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(Kind::of(kind).unwrap());
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns a file with these chunks. `method` is 0 or 2; `kind` is the checksum type of the
    /// chunks.
    fn pack(chunks: &[&[u8]], method: u64, dictionary: &[u8], kind: u64, flags: u64) -> Vec<u8> {
        let compress = |data: &[u8], dictionary: &[u8]| match method {
            0 => data.to_vec(),
            _ => zstd::bulk::Compressor::with_dictionary(3, dictionary).unwrap().compress(data).unwrap(),
        };
        let (mut index, mut body) = (Vec::new(), Vec::new());
        put(kind, &mut index);
        put(chunks.len() as u64 + 1, &mut index);
        for (number, &data) in std::iter::once(&dictionary).chain(chunks).enumerate() {
            let packed = match number {
                0 if data.is_empty() => Vec::new(),
                0 => compress(data, b""),
                _ => compress(data, dictionary),
            };
            index.extend(if packed.is_empty() { vec![0; sum(kind, b"").len()] } else { sum(kind, &packed) });
            if flags & OPEN_CHECKSUMS != 0 {
                index.extend(sum(kind, data));
            }
            put(packed.len() as u64, &mut index);
            put(data.len() as u64, &mut index);
            body.extend(packed);
        }
        let mut header = sum(1, &body);
        put(flags, &mut header);
        put(method, &mut header);
        if flags & ELEMENTS != 0 {
            for number in [2, 0, 3] {
                put(number, &mut header);
            }
            header.extend(b"abc");
            for number in [1, 0] {
                put(number, &mut header);
            }
        }
        put(index.len() as u64, &mut header);
        header.extend(index);
        put(0, &mut header);
        let mut file = MAGIC.to_vec();
        put(1, &mut file);
        put(header.len() as u64, &mut file);
        let checksum = sum(1, &[&file[..], &header].concat());
        [file, checksum, header, body].concat()
    }

    fn unpack(file: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        Zchunk::new(io::BufReader::with_capacity(capacity, file))?.read_to_end(&mut data)?;
        Ok(data)
    }

    #[test]
    fn chunks_with_and_without_a_dictionary_are_one_text() {
        let long = vec![b'x'; 100_000];
        let chunks = [&b"<package>bash</package>"[..], b"", b"<package>glibc</package>", &long];
        let whole = chunks.concat();
        for (method, dictionary) in [(0, &b""[..]), (2, b""), (2, b"<package></package> glibc-common"), (0, b"unused")] {
            for (kind, flags) in [(0, 0), (1, ELEMENTS), (2, OPEN_CHECKSUMS), (3, ELEMENTS | OPEN_CHECKSUMS)] {
                let file = pack(&chunks, method, dictionary, kind, flags);
                assert_eq!(unpack(&file, 7).unwrap(), whole, "{method} {kind} {flags}");
            }
        }
        assert_eq!(unpack(&pack(&[], 2, b"", 3, 0), 64).unwrap(), b"");
    }

    #[test]
    fn what_is_not_as_the_index_says_is_an_error() {
        let error = |file: &[u8]| unpack(file, 64).unwrap_err().to_string();
        let file = pack(&[b"first", b"second"], 0, b"", 3, 0);
        let flipped = |place: usize| {
            let mut file = file.clone();
            file[place] ^= 1;
            file
        };
        assert_eq!(error(&flipped(file.len() - 1)), "zchunk: the checksum of a chunk is wrong");
        assert_eq!(error(&flipped(60)), "zchunk: the checksum of its header is wrong");
        assert_eq!(error(&[&file[..], b"more"].concat()), "zchunk: there is more than its index tells of");
        assert_eq!(error(&file[..file.len() - 1]), "zchunk: it ends inside a chunk");
        assert_eq!(error(&file[..60]), "zchunk: it ends inside its header");
        assert_eq!(error(&pack(&[], 0, b"", 0, STREAMS)), "zchunk: it has several streams");
        assert_eq!(error(&pack(&[], 0, b"", 0, 8)), "zchunk: it has flags that are not known");
        assert_eq!(error(&pack(&[], 7, b"", 0, 0)), "zchunk: its compression 7 is not known");
    }

    proptest! {
        #[test]
        fn damage_never_goes_unseen(place in 0usize..200, value: u8, zstd: bool) {
            let chunks = [&b"a chunk of some length, so that there is something"[..], b"another one"];
            let file = pack(&chunks, if zstd { 2 } else { 0 }, b"", 3, 0);
            let mut damaged = file.clone();
            let place = place % file.len();
            damaged[place] = value;
            match unpack(&damaged, 64) {
                // The only unread part is the end of the header, with the number of signatures; the
                // header checksum covers it.
                Ok(data) => prop_assert!(data == chunks.concat() && damaged == file),
                Err(_) => prop_assert!(damaged != file),
            }
        }
    }
}
