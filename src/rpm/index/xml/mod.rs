//! An XML reader for the index formats: elements by their local names, one after another, in
//! bounded memory.
//!
//! It replaces quick-xml because every run first waits for metadata. It halved the processor time
//! of a whole run on CS9's repositories without a cache (0.45 s to 0.22 s). It reads the same
//! documents as quick-xml (the tests compare the two): no DTDs, no entities except the predefined
//! ones, names with any prefix.

mod element;
#[cfg(test)]
mod heard;
#[cfg(test)]
mod tests;
mod window;

use std::borrow::Cow;
use std::io::Read;

use memchr::{memchr, memchr2, memmem};

pub use element::Element;
pub(super) use window::is_plain;

use crate::metadata::IndexError;
use element::{Attribute, reference};
use window::Window;

/// Maximum length of a tag or text, in bytes. Descriptions have some kilobytes.
const LONGEST: usize = 16 << 20;

/// Maximum depth of nested elements. rpm-md needs five.
const DEEPEST: usize = 100;

/// Description of an error in a document. [`read`] adds the offset.
pub type Problem = Cow<'static, str>;

/// A handler of a document's events. Names have no prefixes, because each producer of rpm-md
/// chooses its own.
pub trait Handler {
    /// Handles a tag by its text alone. Returns the length of the tag if `text` begins with an
    /// empty-element tag that the handler knows, after handling the element.
    fn recognize(&mut self, _text: &str) -> Option<usize> {
        None
    }

    /// Handles the start of an element. For empty elements, `end` follows immediately.
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem>;

    /// Reports whether the following text is wanted. Called before each piece of text.
    fn wants_text(&self) -> bool;

    /// Handles text of the current element, with entities resolved. A text may come in several
    /// pieces.
    fn text(&mut self, text: &str);

    /// Handles the end of the current element.
    fn end(&mut self) -> Result<(), Problem>;
}

/// Reads a document to its end.
pub fn read(input: impl Read, handler: &mut impl Handler) -> Result<(), IndexError> {
    read_window(Window::new(input)?, Scan::new(handler, ""))
}

/// Reads the rest of a UTF-8 document from `offset` on. Only the element `root` is open there.
pub(super) fn read_on(input: impl Read, offset: u64, root: &str, handler: &mut impl Handler) -> Result<(), IndexError> {
    read_window(Window::from(input, offset)?, Scan::new(handler, root))
}

/// Reads a part of a document. At its beginning only the element `root` is open, or none if `root`
/// is empty.
///
/// Returns the element that is open at the end of the part. Returns `None` if the part is not the
/// last one and ends within a token, or if not exactly one element is open. An error comes with its
/// offset in `text`.
pub(super) fn read_part(
    text: &str,
    root: &str,
    is_last: bool,
    handler: &mut impl Handler,
) -> Result<Option<String>, (usize, Problem)> {
    let mut scan = Scan::new(handler, root);
    let mut at = 0;
    scan.tokens(text, is_last, &mut at).map_err(|what| (at, what))?;
    let all_read = at == text.len();
    if is_last {
        return scan.missing(all_read).map_or(Ok(Some(scan.names)), |what| Err((text.len(), what.into())));
    }
    Ok((all_read && scan.open.len() == 1).then_some(scan.names))
}

fn read_window(mut window: Window<impl Read>, mut scan: Scan<'_, impl Handler>) -> Result<(), IndexError> {
    loop {
        let mut at = 0;
        let step = scan.tokens(window.text(), window.is_last(), &mut at);
        window.consume(at);
        if let Err(what) = step {
            return Err(IndexError::Malformed { offset: window.offset(), what: what.into_owned() });
        }
        if window.is_last() {
            let end = window.offset() + window.text().len() as u64;
            let missing = scan.missing(window.text().is_empty());
            return missing.map_or(Ok(()), |what| Err(IndexError::Malformed { offset: end, what: what.into() }));
        }
        if window.text().len() > LONGEST {
            return Err(IndexError::Malformed { offset: window.offset(), what: TOO_LONG.into() });
        }
        window.fill()?;
    }
}

/// Number of blanks that are counted one by one.
const FEW: usize = 16;

const TOO_LONG: &str = "a tag or a text is longer than 16 MiB";

/// State between two tokens.
struct Scan<'h, H> {
    handler: &'h mut H,
    /// Attributes of the current tag.
    attributes: Vec<Attribute>,
    /// Offset in `names` of each open element's name.
    open: Vec<usize>,
    names: String,
    /// Length in bytes of the current text, which is passed on piece by piece.
    text_length: usize,
    /// True if the document has an element.
    seen: bool,
}

impl<'h, H: Handler> Scan<'h, H> {
    fn new(handler: &'h mut H, root: &str) -> Self {
        let open = if root.is_empty() { Vec::new() } else { vec![0] };
        Scan { handler, attributes: Vec::new(), seen: !open.is_empty(), open, names: root.to_owned(), text_length: 0 }
    }

    /// Reads all complete tokens and advances `at` past them. After an error, `at` is the offset of
    /// the wrong token.
    fn tokens(&mut self, text: &str, is_last: bool, at: &mut usize) -> Result<(), Problem> {
        let bytes = text.as_bytes();
        while *at < bytes.len() {
            let length = if bytes[*at] == b'<' {
                let length = self.markup(&text[*at..], is_last)?;
                self.text_length = 0;
                length
            } else {
                self.characters(&text[*at..], is_last)?
            };
            match length {
                Some(length) => *at += length,
                None => break,
            }
        }
        Ok(())
    }

    /// Reads an entity, or text up to the next tag or entity. Returns its length, or `None` if it
    /// is incomplete.
    fn characters(&mut self, text: &str, is_last: bool) -> Result<Option<usize>, Problem> {
        let bytes = text.as_bytes();
        if !self.handler.wants_text() {
            // The handler does not want the text, so unknown entities are skipped too. The text
            // usually is a line break and some blanks. Counting these is faster than starting a
            // search.
            let blanks = bytes.iter().take(FEW).take_while(|byte| byte.is_ascii_whitespace()).count();
            let length = match bytes.get(blanks) {
                Some(b'<') => blanks,
                _ => memchr(b'<', bytes).unwrap_or(bytes.len()),
            };
            return self.told(length).map(Some);
        }
        if bytes[0] == b'&' {
            let Some(end) = memchr2(b';', b'<', bytes).filter(|&end| bytes[end] == b';') else {
                return if is_last || memchr(b'<', bytes).is_some() { Err("an entity does not end".into()) } else { Ok(None) };
            };
            let character = reference(&text[1..end])?;
            self.handler.text(character.encode_utf8(&mut [0; 4]));
            return self.told(end + 1).map(Some);
        }
        let length = memchr2(b'<', b'&', bytes).unwrap_or(bytes.len());
        self.handler.text(&text[..length]);
        self.told(length).map(Some)
    }

    fn told(&mut self, length: usize) -> Result<usize, Problem> {
        self.text_length += length;
        if self.text_length > LONGEST { Err(TOO_LONG.into()) } else { Ok(length) }
    }

    /// Reads a tag, comment, or other markup. Returns its length, or `None` if it is incomplete.
    fn markup(&mut self, text: &str, is_last: bool) -> Result<Option<usize>, Problem> {
        let bytes = text.as_bytes();
        match bytes.get(1) {
            None => Ok(None),
            Some(b'/') => self.end_tag(text),
            Some(b'?') => Ok(memmem::find(bytes, b"?>").map(|end| end + 2)),
            Some(b'!') if bytes.starts_with(b"<!--") => Ok(memmem::find(&bytes[4..], b"-->").map(|end| end + 7)),
            Some(b'!') if bytes.starts_with(b"<![CDATA[") => {
                let Some(end) = memmem::find(bytes, b"]]>") else { return Ok(None) };
                if self.handler.wants_text() {
                    self.handler.text(&text[9..end]);
                }
                Ok(Some(end + 3))
            }
            Some(b'!') if !is_last && bytes.len() < 9 => Ok(None),
            Some(b'!') => Ok(declaration(bytes)),
            Some(_) => self.start_tag(text),
        }
    }

    fn start_tag(&mut self, text: &str) -> Result<Option<usize>, Problem> {
        if let Some(length) = self.handler.recognize(text) {
            return Ok(Some(length));
        }
        let Some(tag) = element::scan(text.as_bytes(), &mut self.attributes)? else { return Ok(None) };
        self.seen = true;
        let name = &text[1..tag.name_end];
        if name.is_empty() {
            return Err("a tag has no name".into());
        }
        if self.open.len() >= DEEPEST {
            return Err("elements are nested too deeply".into());
        }
        self.handler.start(&Element::new(&text[..tag.length], name, &self.attributes))?;
        if tag.is_empty {
            self.handler.end()?;
        } else {
            self.open.push(self.names.len());
            self.names.push_str(name);
        }
        Ok(Some(tag.length))
    }

    fn end_tag(&mut self, text: &str) -> Result<Option<usize>, Problem> {
        let bytes = text.as_bytes();
        let expected = self.open.last().map(|&start| &self.names[start..]);
        let length = match expected.map(|name| name.len() + 2) {
            // The form that all programs write, without a blank before `>`.
            Some(length) if bytes.get(length) == Some(&b'>') => length,
            _ => match memchr(b'>', bytes) {
                Some(length) => length,
                None => return Ok(None),
            },
        };
        let name = text[2..length].trim_ascii_end();
        let Some(expected) = expected else { return Err(format!("</{name}> ends what never began").into()) };
        if name != expected {
            return Err(format!("expected </{expected}>, found </{name}>").into());
        }
        self.names.truncate(self.names.len() - expected.len());
        self.open.pop();
        self.handler.end()?;
        Ok(Some(length + 1))
    }

    /// Returns the error if the document is incomplete.
    fn missing(&self, all_read: bool) -> Option<&'static str> {
        if !self.open.is_empty() {
            Some("the document ends inside an element")
        } else if !all_read {
            Some("the document ends inside a tag")
        } else if !self.seen {
            Some("the document is empty")
        } else {
            None
        }
    }
}

/// Returns the length of `<!DOCTYPE …>`, including the declarations in brackets.
fn declaration(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (place, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'<') => depth += 1,
            (None, b'>') => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
    }
    None
}
