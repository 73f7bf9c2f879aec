//! The start tag of an element: its name and its attributes.

use std::borrow::Cow;

use memchr::memchr;

use super::Problem;

/// The start tag of an element.
pub struct Element<'a> {
    /// The whole tag.
    text: &'a str,
    name: &'a str,
    attributes: &'a [Attribute],
}

/// Offsets of an attribute's parts in its tag.
pub(super) struct Attribute {
    name: (u32, u32),
    value: (u32, u32),
}

/// A scanned tag.
pub(super) struct Tag {
    /// Length in bytes, including both angle brackets.
    pub(super) length: usize,
    /// Offset of the name's end.
    pub(super) name_end: usize,
    /// True for an empty-element tag.
    pub(super) is_empty: bool,
}

/// Scans a tag, which begins with `<`. Returns `None` if the tag is incomplete.
pub(super) fn scan(bytes: &[u8], attributes: &mut Vec<Attribute>) -> Result<Option<Tag>, Problem> {
    attributes.clear();
    let mut at = 1;
    let until = |mut at: usize, ends: fn(u8) -> bool| -> Option<usize> {
        while !ends(*bytes.get(at)?) {
            at += 1;
        }
        Some(at)
    };
    let ends_name = |byte: u8| matches!(byte, b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r');
    let Some(name_end) = until(at, ends_name) else { return Ok(None) };
    at = name_end;
    loop {
        let Some(start) = until(at, |byte| !byte.is_ascii_whitespace()) else { return Ok(None) };
        match bytes[start] {
            b'>' => return Ok(Some(Tag { length: start + 1, name_end, is_empty: false })),
            b'/' => match bytes.get(start + 1) {
                None => return Ok(None),
                Some(b'>') => return Ok(Some(Tag { length: start + 2, name_end, is_empty: true })),
                Some(_) => return Err("a tag has a slash within".into()),
            },
            _ => {}
        }
        let ends_key = |byte: u8| matches!(byte, b'=' | b'>' | b'<' | b' ' | b'\t' | b'\n' | b'\r');
        let Some(end) = until(start, ends_key) else { return Ok(None) };
        let Some(equals) = until(end, |byte| !byte.is_ascii_whitespace()) else { return Ok(None) };
        if bytes[equals] != b'=' {
            return Err("an attribute has no value".into());
        }
        let Some(quote) = until(equals + 1, |byte| !byte.is_ascii_whitespace()) else { return Ok(None) };
        if !matches!(bytes[quote], b'"' | b'\'') {
            return Err("the value of an attribute is not in quotes".into());
        }
        let value = quote + 1;
        let Some(length) = memchr(bytes[quote], &bytes[value..]) else { return Ok(None) };
        attributes.push(Attribute { name: (start as u32, end as u32), value: (value as u32, (value + length) as u32) });
        at = value + length + 1;
    }
}

/// Returns a name without its prefix.
fn local(name: &str) -> &str {
    memchr(b':', name.as_bytes()).map_or(name, |colon| &name[colon + 1..])
}

impl<'a> Element<'a> {
    pub(super) fn new(text: &'a str, name: &'a str, attributes: &'a [Attribute]) -> Self {
        Self { text, name: local(name), attributes }
    }

    /// Returns the name without its prefix.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Returns the whole tag as written.
    pub fn text(&self) -> &str {
        self.text
    }

    /// Calls `each` with the name (without its prefix) and the value of every attribute. A
    /// duplicate name is harmless: the last value is used.
    pub fn attributes(&self, mut each: impl FnMut(&str, &str)) -> Result<(), Problem> {
        let text = |(start, end): (u32, u32)| &self.text[start as usize..end as usize];
        for attribute in self.attributes {
            each(local(text(attribute.name)), &unescape(text(attribute.value))?);
        }
        Ok(())
    }

    /// Returns the value of an attribute.
    pub fn attribute(&self, wanted: &str) -> Result<Option<String>, Problem> {
        let mut found = None;
        self.attributes(|name, value| {
            if name == wanted {
                found = Some(value.to_owned());
            }
        })?;
        Ok(found)
    }
}

/// Resolves the entities in a value.
fn unescape(value: &str) -> Result<Cow<'_, str>, Problem> {
    if memchr(b'&', value.as_bytes()).is_none() {
        return Ok(value.into());
    }
    let mut whole = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(next) = memchr(b'&', rest.as_bytes()) {
        whole.push_str(&rest[..next]);
        rest = &rest[next + 1..];
        let Some(end) = memchr(b';', rest.as_bytes()) else { return Err("an entity does not end".into()) };
        whole.push(reference(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    whole.push_str(rest);
    Ok(whole.into())
}

/// Returns the character of an entity: one of the five predefined ones, or a character reference.
/// Entities that a document declares are never expanded.
pub(super) fn reference(name: &str) -> Result<char, Problem> {
    let unknown = || Problem::from(format!("the entity `&{name};` is not known"));
    Ok(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#').ok_or_else(unknown)?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
            let code = if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() };
            code.filter(|&code| code != 0).and_then(char::from_u32).ok_or_else(unknown)?
        }
    })
}
