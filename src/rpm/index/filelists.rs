//! `filelists.xml`: all files of all packages. Only the requested ones are reported.

use std::io::Read;

use super::primary::decode_hex;
use super::xml::{self, Element, Handler, Problem};
use crate::digest::Algorithm;
use crate::metadata::IndexError;
use crate::pool::Checksum;

/// Selects the paths of a package to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All.
    All,
    /// Files with contents: neither directories nor ghosts.
    WithContents,
}

/// Reads the whole document.
pub(super) fn read(
    input: impl Read,
    which: Which,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(Checksum<'_>, &str),
) -> Result<(), IndexError> {
    let mut filelists =
        Filelists { which, wanted, found, depth: 0, package: None, checksum: Vec::new(), file: false, text: String::new() };
    xml::read(input, &mut filelists)
}

struct Filelists<'a> {
    which: Which,
    wanted: &'a dyn Fn(&str) -> bool,
    found: &'a mut dyn FnMut(Checksum<'_>, &str),
    depth: usize,
    /// The algorithm of the current package's checksum.
    package: Option<Algorithm>,
    checksum: Vec<u8>,
    file: bool,
    text: String,
}

impl Handler for Filelists<'_> {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.depth += 1;
        self.file = false;
        match (self.depth, element.name()) {
            (1, "filelists") => {}
            (1, name) => return Err(format!("expected <filelists>, found <{name}>").into()),
            (2, "package") => {
                self.package = None;
                let (package, checksum) = (&mut self.package, &mut self.checksum);
                element.attributes(|name, value| {
                    if name == "pkgid" {
                        *package = kind_of_id(value, checksum);
                    }
                })?;
            }
            (3, "file") => {
                self.file = self.package.is_some()
                    && (self.which == Which::All || !matches!(element.attribute("type")?.as_deref(), Some("dir" | "ghost")));
                self.text.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_text(&self) -> bool {
        self.file
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.depth = self.depth.saturating_sub(1);
        if std::mem::take(&mut self.file)
            && let Some(kind) = self.package
            && (self.wanted)(&self.text)
        {
            (self.found)(Checksum { kind, bytes: &self.checksum }, &self.text);
        }
        Ok(())
    }
}

/// Returns the algorithm of the checksum that identifies a package, and decodes the checksum into
/// `checksum`. The document does not state the algorithm, so it follows from the length.
pub(super) fn kind_of_id(id: &str, checksum: &mut Vec<u8>) -> Option<Algorithm> {
    KINDS.into_iter().find(|kind| decode_hex(id, kind.length(), checksum))
}

const KINDS: [Algorithm; 6] =
    [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha224, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
