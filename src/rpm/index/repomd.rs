//! `repomd.xml`: the list of a repository's metadata files.

use super::xml::{self, Element, Handler, Problem};
use crate::digest::{Algorithm, Digest};
use crate::fetch::below_base;
use crate::metadata::{Age, IndexError, MetadataFile, MetadataKind};

/// Returns the repository's revision, from `<revision>`: the time of createrepo, or any text that
/// its maintainer chose.
pub(super) fn revision(document: &[u8]) -> Option<String> {
    let mut repomd = Repomd::default();
    xml::read(document, &mut repomd).ok()?;
    repomd.revision
}

/// Returns the age of the document: the newest time of its files (which librepo compares), and its
/// revision if that is a number. createrepo writes the time as the revision.
pub(super) fn age(document: &[u8]) -> Age {
    let mut repomd = Repomd::default();
    if xml::read(document, &mut repomd).is_err() {
        return Age::default();
    }
    let revision = repomd.revision.and_then(|text| text.parse::<u64>().ok());
    let is_time = |&number: &i64| (SINCE_RPM_MD..i64::from(u32::MAX)).contains(&number);
    let by_revision = || revision.and_then(|number| i64::try_from(number).ok()).filter(is_time);
    Age { made: repomd.newest.or_else(by_revision).unwrap_or(0), revision: revision.into_iter().collect() }
}

/// Seconds since 1970 before which no such repository existed (2001). A smaller number in a
/// revision is not a time.
const SINCE_RPM_MD: i64 = 1_000_000_000;

/// Reads the whole document.
pub(super) fn read(document: &[u8]) -> Result<Vec<MetadataFile>, IndexError> {
    let mut repomd = Repomd::default();
    xml::read(document, &mut repomd)?;
    let mut files = repomd.files;
    // If a file exists in several forms, use only the best one.
    let best =
        |kind, files: &[MetadataFile]| files.iter().filter(|file| file.kind == kind).map(|file| form_of(&file.name).1).min();
    let forms: Vec<_> = files.iter().map(|file| best(file.kind, &files)).collect();
    for (file, form) in files.iter_mut().zip(forms) {
        if Some(form_of(&file.name).1) != form {
            file.kind = MetadataKind::Other;
        }
    }
    Ok(files)
}

/// Forms of a file, best first. zchunk compresses less and has two sets of checksums. A database
/// must be unpacked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Xml,
    Zchunk,
    Database,
}

/// Splits a file's type into its content, without the form, and the form.
fn form_of(name: &str) -> (&str, Form) {
    match (name.strip_suffix("_zck"), name.strip_suffix("_db")) {
        (Some(name), _) => (name, Form::Zchunk),
        (None, Some(name @ ("primary" | "filelists"))) => (name, Form::Database),
        _ => (name, Form::Xml),
    }
}

/// An element with a text to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Checksum,
    OpenChecksum,
    Size,
    OpenSize,
    Timestamp,
}

#[derive(Default)]
struct Repomd {
    /// The newest time of the files, in seconds since 1970.
    newest: Option<i64>,
    revision: Option<String>,
    /// True within `<revision>`.
    in_revision: bool,
    files: Vec<MetadataFile>,
    depth: usize,
    /// True within `<data>`.
    data: bool,
    field: Option<Field>,
    algorithm: Option<Algorithm>,
    text: String,
}

impl Handler for Repomd {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.depth += 1;
        self.field = None;
        match (self.depth, element.name()) {
            (1, "repomd") => {}
            (1, name) => return Err(format!("expected <repomd>, found <{name}>").into()),
            (2, "revision") => {
                self.in_revision = true;
                self.text.clear();
            }
            (2, "data") => {
                self.data = true;
                let name = element.attribute("type")?.unwrap_or_default();
                self.files.push(MetadataFile {
                    kind: kind_of(&name),
                    name,
                    location: None,
                    digest: None,
                    size: None,
                    open_digest: None,
                    open_size: None,
                });
            }
            (3, name) if self.data => {
                self.field = match name {
                    "checksum" => Some(Field::Checksum),
                    "open-checksum" => Some(Field::OpenChecksum),
                    "size" => Some(Field::Size),
                    "open-size" => Some(Field::OpenSize),
                    "timestamp" => Some(Field::Timestamp),
                    "location" => {
                        self.location(element)?;
                        None
                    }
                    _ => None,
                };
                if matches!(self.field, Some(Field::Checksum | Field::OpenChecksum)) {
                    self.algorithm = element.attribute("type")?.as_deref().and_then(Algorithm::from_name);
                }
                self.text.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_text(&self) -> bool {
        self.field.is_some() || self.in_revision
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 1 {
            self.data = false;
            if std::mem::take(&mut self.in_revision) {
                self.revision = Some(self.text.trim().to_owned()).filter(|text| !text.is_empty());
            }
        }
        let (Some(field), Some(file)) = (self.field.take(), self.files.last_mut()) else { return Ok(()) };
        let text = self.text.trim();
        // Like in librepo, a size that is not positive is unknown. The checksum is still used.
        let size = || match text {
            "" => Ok(None),
            text => match text.parse::<i64>() {
                Ok(number) => Ok(u64::try_from(number).ok().filter(|&size| size > 0)),
                Err(_) => Err(Problem::from(format!("`{text}` is not a size"))),
            },
        };
        let digest = || match self.algorithm {
            // A checksum with an unknown algorithm cannot be verified, so it is treated as missing.
            None => Ok(None),
            Some(algorithm) => match Digest::from_hex(algorithm, text) {
                Some(digest) => Ok(Some(digest)),
                None => Err(Problem::from(format!("`{text}` is not a {} checksum", algorithm.name()))),
            },
        };
        match field {
            Field::Checksum => file.digest = digest()?,
            Field::OpenChecksum => file.open_digest = digest()?,
            Field::Size => file.size = size()?,
            Field::OpenSize => file.open_size = size()?,
            // Some repositories write fractions of seconds. A text that is not a number is ignored.
            Field::Timestamp => {
                let whole = text.split('.').next().unwrap_or(text).parse::<u32>().ok().map(i64::from);
                self.newest = self.newest.max(whole);
            }
        }
        Ok(())
    }
}

impl Repomd {
    fn location(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let mut href = String::new();
        let mut base = String::new();
        element.attributes(|name, value| match name {
            "href" => value.clone_into(&mut href),
            "base" => value.clone_into(&mut base),
            _ => {}
        })?;
        if let Some(file) = self.files.last_mut().filter(|_| !href.is_empty()) {
            file.location = Some(below_base(&base, &href));
        }
        Ok(())
    }
}

fn kind_of(name: &str) -> MetadataKind {
    match form_of(name).0 {
        "primary" => MetadataKind::Packages,
        "filelists" => MetadataKind::Files,
        "group" | "group_gz" | "group_xz" | "group_zst" => MetadataKind::Groups,
        "modules" => MetadataKind::Modules,
        "updateinfo" => MetadataKind::Advisories,
        _ => MetadataKind::Other,
    }
}
