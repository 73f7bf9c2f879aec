//! The descriptive texts in `primary.xml`: summary, description and URL of each package, by its
//! checksum.

use std::io::Read;

use super::primary::decode_hex;
use super::xml::{self, Element, Handler, Problem};
use crate::digest::Algorithm;
use crate::metadata::{IndexError, Texts};
use crate::pool::Checksum;

/// Reads the whole document.
pub(super) fn read(input: impl Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError> {
    let mut primary =
        Primary { found, depth: 0, leaf: None, text: String::new(), kind: None, checksum: Vec::new(), texts: Texts::default() };
    xml::read(input, &mut primary)
}

#[derive(Clone, Copy)]
enum Leaf {
    Checksum,
    Summary,
    Description,
    Url,
}

struct Primary<'a> {
    found: &'a mut dyn FnMut(Checksum<'_>, Texts),
    depth: usize,
    leaf: Option<Leaf>,
    text: String,
    kind: Option<Algorithm>,
    checksum: Vec<u8>,
    texts: Texts,
}

impl Handler for Primary<'_> {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.depth += 1;
        self.leaf = None;
        if self.depth == 2 {
            self.kind = None;
            self.texts = Texts::default();
        } else if self.depth == 3 {
            self.leaf = match element.name() {
                "checksum" => {
                    let kind = &mut self.kind;
                    element.attributes(|name, value| {
                        if name == "type" {
                            *kind = Algorithm::from_name(value);
                        }
                    })?;
                    Some(Leaf::Checksum)
                }
                "summary" => Some(Leaf::Summary),
                "description" => Some(Leaf::Description),
                "url" => Some(Leaf::Url),
                _ => None,
            };
            self.text.clear();
        }
        Ok(())
    }

    fn wants_text(&self) -> bool {
        self.leaf.is_some()
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        let text = || self.text.trim().to_owned();
        match self.leaf.take() {
            Some(Leaf::Checksum) => {
                let whole = |kind: &Algorithm| decode_hex(self.text.trim(), kind.length(), &mut self.checksum);
                self.kind = self.kind.take().filter(whole);
            }
            Some(Leaf::Summary) => self.texts.summary = text(),
            Some(Leaf::Description) => self.texts.description = text(),
            Some(Leaf::Url) => self.texts.url = text(),
            None => {}
        }
        if self.depth == 2
            && let Some(kind) = self.kind
        {
            (self.found)(Checksum { kind, bytes: &self.checksum }, std::mem::take(&mut self.texts));
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
}
