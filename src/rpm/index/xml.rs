//! XML as the index readers want it: elements by their local names, one after another, in bounded memory.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use crate::metadata::IndexError;

/// Inflated bytes that are taken at a time.
const BUFFER: usize = 128 << 10;

/// The longest tag or text: descriptions come to some kilobytes, nothing comes near.
const LONGEST: usize = 16 << 20;

/// How deep elements may be nested: rpm-md needs five.
const DEEPEST: usize = 100;

/// What is wrong with a document, in words; where is added by [`read`].
pub(super) type Problem = Cow<'static, str>;

/// Hears of a document's elements. Names come without their prefixes: who writes rpm-md chooses those freely.
pub(super) trait Handler {
    /// An element begins. Empty elements end right after.
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem>;

    /// Whether the text that comes is wanted. Asked before each piece.
    fn wants_text(&self) -> bool;

    /// Text of the element that began last, without entities; it may come in several pieces.
    fn text(&mut self, text: &str);

    /// The element that began last ends.
    fn end(&mut self) -> Result<(), Problem>;
}

/// The beginning of an element.
pub(super) struct Element<'a>(&'a BytesStart<'a>);

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Calls `each` with the name (without its prefix) and the value of every attribute.
    pub(super) fn attributes(&self, mut each: impl FnMut(&str, &str)) -> Result<(), Problem> {
        // A name that is there twice is no danger: the last one counts.
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = attribute.key.local_name().into_inner();
            if attribute.value.contains('&') {
                each(name, &unescape(&attribute.value).map_err(|error| error.to_string())?);
            } else {
                each(name, &attribute.value);
            }
        }
        Ok(())
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, wanted: &str) -> Result<Option<String>, Problem> {
        let mut found = None;
        self.attributes(|name, value| {
            if name == wanted {
                found = Some(value.to_owned());
            }
        })?;
        Ok(found)
    }
}

/// Reads a document to its end.
pub(super) fn read(input: impl Read, handler: &mut impl Handler) -> Result<(), IndexError> {
    let mut reader = Reader::from_reader(Bounded { inner: BufReader::with_capacity(BUFFER, input), left: LONGEST });
    let mut buffer = Vec::with_capacity(4096);
    let mut depth = 0usize;
    let mut seen = false;
    loop {
        buffer.clear();
        reader.get_mut().left = LONGEST;
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(error) => return Err(failure(error, reader.error_position(), reader.buffer_position())),
        };
        let done: Result<(), Problem> = match event {
            Event::Start(start) => {
                seen = true;
                depth += 1;
                if depth > DEEPEST { Err("elements are nested too deeply".into()) } else { handler.start(&Element(&start)) }
            }
            Event::Empty(start) => {
                seen = true;
                handler.start(&Element(&start)).and_then(|()| handler.end())
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                handler.end()
            }
            Event::Text(text) if handler.wants_text() => {
                handler.text(&text);
                Ok(())
            }
            Event::CData(text) if handler.wants_text() => {
                handler.text(&text);
                Ok(())
            }
            Event::GeneralRef(reference) if handler.wants_text() => match reference.resolve_char_ref() {
                Ok(Some(character)) => {
                    handler.text(character.encode_utf8(&mut [0; 4]));
                    Ok(())
                }
                Ok(None) => match resolve_predefined_entity(&reference) {
                    Some(text) => {
                        handler.text(text);
                        Ok(())
                    }
                    // Entities that the document declares are never expanded.
                    None => Err(format!("the entity `&{};` is not known", &*reference).into()),
                },
                Err(error) => Err(error.to_string().into()),
            },
            Event::Eof if depth > 0 => Err("the document ends inside an element".into()),
            Event::Eof if !seen => Err("the document is empty".into()),
            Event::Eof => return Ok(()),
            _ => Ok(()),
        };
        if let Err(what) = done {
            return Err(IndexError::Malformed { offset: reader.buffer_position(), what: what.into_owned() });
        }
    }
}

fn failure(error: Error, at: u64, read: u64) -> IndexError {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            IndexError::Malformed { offset: read, what: error.to_string() }
        }
        Error::Io(error) => IndexError::Read { offset: read, error: io::Error::new(error.kind(), error.to_string()) },
        Error::Encoding(error) => IndexError::Malformed { offset: read, what: error.to_string() },
        error => IndexError::Malformed { offset: at, what: error.to_string() },
    }
}

/// A reader that gives only so many bytes for one event, so that no event can fill the memory.
struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a tag or a text is longer than 16 MiB"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}
