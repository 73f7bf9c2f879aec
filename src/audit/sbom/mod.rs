//! Bills of materials: what is in a set of packages, as SPDX and CycloneDX documents.
//!
//! In: a [`Bill`], the facts of the packages and what is known of the whole ([`Bill::of`] makes one of a subject). Out: [`spdx`] or [`cyclonedx`], a document that serialises as
//! JSON. The same bill makes the same document to the byte: the clock, chance and the host have no part in it. Nothing
//! is guessed: what is not known is left out, or said to be unknown where the format demands a word.
//!
//! The documents are structures of our own. `serde-cyclonedx` (0.10) makes its types from the JSON schemas, and what the schemas call
//! "one of" becomes untyped JSON there, licences among it; `cyclonedx-bom` (0.8) ends with version 1.5; `spdx-rs` (0.5.5, of 2023) brings
//! chrono, uuid and a second parser of licences. Expressions of licences are the `spdx` crate's, package URLs the `packageurl` crate's.

mod cyclonedx;
mod gather;
mod identity;
mod license;
mod purl;
mod spdx;
#[cfg(test)]
mod tests;

pub use cyclonedx::{Document as CycloneDx, document as cyclonedx};
pub use gather::UnreadableFile;
pub use license::{License, Named};
pub use purl::purl;
pub use spdx::{Document as Spdx, document as spdx};

use std::borrow::Cow;

use super::needs::Need;
use crate::catalog::DateFormat;
use crate::digest::{Digest, Hasher};
use crate::package::PackageFacts;

/// What a document tells of.
#[derive(Clone, Debug)]
pub struct Bill<'a> {
    /// What the whole is called: an image's reference, the name of a root.
    pub name: &'a str,
    /// What the whole is.
    pub whole: Whole,
    /// The distribution, if it says which it is.
    pub distribution: Option<Distribution<'a>>,
    /// The type of the packages in package URLs: `rpm`, `apk`.
    pub kind: &'a str,
    /// The packages, in the order in which they shall stand.
    pub packages: Vec<Item<'a>>,
    /// The places of those that were asked for, where anything says so; otherwise the whole needs all.
    pub requested: Option<Vec<usize>>,
    /// The files that were found, if they are told of.
    pub files: Option<Vec<FileItem<'a>>>,
    /// When the document was made, in seconds since 1970.
    pub time: i64,
}

/// What the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// An image of a container.
    Image,
    /// A root file system, or the packages that one would be made of.
    Root,
}

/// A distribution, as `os-release` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution<'a> {
    /// `ID`: `almalinux`.
    pub id: &'a str,
    /// `VERSION_ID`: `9.3`.
    pub version: Option<&'a str>,
    /// `PRETTY_NAME`: `AlmaLinux 9.3 (Shamrock Pampas Cat)`.
    pub name: Option<&'a str>,
}

/// A package of the whole.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// What it says of itself.
    pub facts: Cow<'a, PackageFacts>,
    /// The packages that it needs, and by which requirements.
    pub needs: &'a [Need],
    /// The digest of its file, if one is promised.
    pub checksum: Option<Digest>,
    /// Where its file is, if it is known.
    pub download: Option<Cow<'a, str>>,
}

/// A regular file of the whole.
#[derive(Clone, Debug)]
pub struct FileItem<'a> {
    /// Its path, absolute.
    pub path: Cow<'a, str>,
    /// The package that it came from, by its place in [`Bill::packages`].
    pub package: Option<usize>,
    /// The digest that SPDX demands.
    pub sha1: Digest,
    /// One that may be believed.
    pub sha256: Digest,
}

/// A time as both formats write it.
fn timestamp(seconds: i64) -> String {
    let format = DateFormat::try_from("%FT%TZ".to_owned());
    format.map(|format| format.render(u64::try_from(seconds).unwrap_or(0))).unwrap_or_default()
}

/// The name of a document that is made of its contents: a UUID of version 8 (RFC 9562), whose bits are those of a SHA-256.
fn content_uuid(document: &impl serde::Serialize) -> String {
    let mut hasher = Hasher::new(crate::digest::Algorithm::Sha256);
    // Writing into a hasher cannot fail, and neither can texts and lists of texts.
    let _ = serde_json::to_writer(&mut hasher, document);
    let hex = hasher.finish().hex();
    // The digit of the variant is one of 8, 9, a and b.
    let variant = ["8", "9", "a", "b"][usize::from(hex.as_bytes()[16] & 3)];
    format!("{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// A URL that a reader may follow; what else packages write there is left out.
fn web_address(url: Option<&str>) -> Option<&str> {
    let url = url?.trim();
    let rest = ["https://", "http://", "ftp://"].into_iter().find_map(|scheme| url.strip_prefix(scheme))?;
    let host_begins = rest.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[');
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    (host_begins && url.chars().all(plain)).then_some(url)
}

/// Who is behind a package: apk names a person (`Name <address>`), RPM an organisation.
#[derive(Debug, PartialEq, Eq)]
enum Supplier<'a> {
    Person { name: &'a str, address: &'a str },
    Organization(String),
}

fn supplier(vendor: Option<&str>) -> Option<Supplier<'_>> {
    let vendor = vendor?.trim();
    let person = vendor.strip_suffix('>').and_then(|rest| rest.split_once('<'));
    let person = person.filter(|(name, address)| {
        !name.trim().is_empty() && address.contains('@') && !address.contains(|c: char| c.is_whitespace() || "<>()".contains(c))
    });
    if let Some((name, address)) = person.filter(|(name, _)| !name.contains(['(', ')', '\n'])) {
        return Some(Supplier::Person { name: name.trim(), address });
    }
    let name = vendor.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(Supplier::Organization(name))
}

/// The whole version without the epoch.
fn version(facts: &PackageFacts) -> String {
    match &facts.release {
        Some(release) => format!("{}-{release}", facts.version),
        None => facts.version.clone(),
    }
}
