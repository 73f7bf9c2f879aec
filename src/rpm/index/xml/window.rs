//! The part of a document that is in memory, as text.

use std::io::{self, Read};

use memchr::memmem;

use crate::metadata::IndexError;

/// Number of bytes to read at a time.
const STEP: usize = 128 << 10;

/// Number of bytes at the beginning of a document in which it declares its encoding.
const HEAD: usize = 200;

/// Byte order mark that some editors write at the beginning of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A document that is read piece by piece. The text is converted to UTF-8 from any encoding.
pub(super) struct Window<R> {
    input: R,
    encoding: Encoding,
    text: String,
    /// An incomplete character at the end of the input so far.
    cut: Vec<u8>,
    /// Offset of the window in the document, in bytes.
    offset: u64,
    is_last: bool,
}

/// Supported encodings of documents. Current tools write UTF-8; old tools and manual edits use
/// Latin-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Result<Self, IndexError> {
        let mut window =
            Self { input, encoding: Encoding::Utf8, text: String::new(), cut: Vec::new(), offset: 0, is_last: false };
        let mut bytes = window.read(Vec::with_capacity(2 * STEP))?;
        if bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
            window.offset = BYTE_ORDER_MARK.len() as u64;
        }
        window.encoding = encoding(&bytes).map_err(|what| IndexError::Malformed { offset: 0, what })?;
        window.take(bytes, 0)?;
        Ok(window)
    }

    /// Creates a window on the rest of a UTF-8 document, from `offset` on.
    pub(super) fn from(input: R, offset: u64) -> Result<Self, IndexError> {
        let mut window = Self { input, encoding: Encoding::Utf8, text: String::new(), cut: Vec::new(), offset, is_last: false };
        window.fill()?;
        Ok(window)
    }

    /// Returns the text in the window.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reports whether the window reaches the end of the document.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Returns the offset of the window in the document, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves the beginning of the window forward by `length` bytes.
    pub(super) fn consume(&mut self, length: usize) {
        self.text.drain(..length);
        self.offset += length as u64;
    }

    /// Reads more of the document into the window.
    pub(super) fn fill(&mut self) -> Result<(), IndexError> {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        let before = bytes.len();
        bytes.append(&mut self.cut);
        let bytes = self.read(bytes)?;
        self.take(bytes, before)
    }

    /// Reads more bytes and appends them to `bytes`.
    fn read(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, IndexError> {
        let mut end = bytes.len();
        // Long tokens are read in larger steps, so that they are not scanned again and again.
        bytes.resize(end + STEP.max(end), 0);
        while end < bytes.len() {
            match self.input.read(&mut bytes[end..]) {
                Ok(0) => {
                    self.is_last = true;
                    break;
                }
                Ok(count) => end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(IndexError::Read { offset: self.offset + end as u64, error }),
            }
        }
        bytes.truncate(end);
        Ok(bytes)
    }

    /// Converts bytes to text. Bytes after the first `known` are new.
    fn take(&mut self, mut bytes: Vec<u8>, known: usize) -> Result<(), IndexError> {
        if self.encoding == Encoding::Latin1 {
            let wide: String = bytes[known..].iter().map(|&byte| char::from(byte)).collect();
            bytes.truncate(known);
            bytes.extend_from_slice(wide.as_bytes());
        } else if !self.is_last {
            self.cut = bytes.split_off(bytes.len() - cut_off(&bytes));
        }
        self.text = String::from_utf8(bytes).map_err(|error| IndexError::Malformed {
            offset: self.offset + error.utf8_error().valid_up_to() as u64,
            what: "it is not UTF-8".to_owned(),
        })?;
        Ok(())
    }
}

/// Reports whether a document with this beginning is UTF-8 without a byte order mark.
pub(in crate::rpm::index) fn is_plain(bytes: &[u8]) -> bool {
    !bytes.starts_with(BYTE_ORDER_MARK) && encoding(bytes) == Ok(Encoding::Utf8)
}

/// Returns the number of bytes at the end that belong to an incomplete character.
fn cut_off(bytes: &[u8]) -> usize {
    let length = |lead: u8| match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    let last = bytes.iter().rev().take(3).position(|byte| byte & 0xc0 != 0x80);
    last.map(|place| place + 1).filter(|&back| length(bytes[bytes.len() - back]) > back).unwrap_or(0)
}

/// Returns the encoding that a document declares. The default is UTF-8.
fn encoding(bytes: &[u8]) -> Result<Encoding, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("it is written in UTF-16, which no repository uses".to_owned());
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let declaration = head.strip_prefix(b"<?xml").and_then(|rest| Some(&rest[..memmem::find(rest, b"?>")?]));
    let declared = declaration.and_then(|text| {
        let after = text[memmem::find(text, b"encoding")? + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (quote, name) = after.split_first()?;
        name.split(|byte| byte == quote).next()
    });
    let name = String::from_utf8_lossy(declared.unwrap_or(b"utf-8")).to_ascii_lowercase();
    match name.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok(Encoding::Utf8),
        "iso-8859-1" | "latin1" | "latin-1" => Ok(Encoding::Latin1),
        _ => Err(format!("it is written in `{name}`; known are UTF-8 and ISO-8859-1")),
    }
}
