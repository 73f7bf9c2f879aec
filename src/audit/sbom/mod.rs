//! Software bills of materials (SBOMs): the content of a set of packages as SPDX and CycloneDX
//! documents.
//!
//! Input: a [`Bill`], the facts of the packages and of the whole set ([`Bill::of`] creates one from
//! a subject). Output: [`spdx`] or [`cyclonedx`], a document that serializes to JSON. The same bill
//! gives the same bytes: the document does not depend on the clock, random numbers or the host.
//! Nothing is guessed. Unknown values are left out, or marked as unknown if the format requires a
//! value.
//!
//! The document types are our own, for these reasons:
//!
//! - `serde-cyclonedx` (0.10) generates its types from the JSON schemas and turns "one of" into
//!   untyped JSON, for example for licenses.
//! - `cyclonedx-bom` (0.8) supports no version after 1.5.
//! - `spdx-rs` (0.5.5, of 2023) depends on chrono, uuid and a second parser of licenses.
//!
//! The `spdx` crate handles license expressions, the `packageurl` crate handles package URLs.

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

/// The content of a document.
#[derive(Clone, Debug)]
pub struct Bill<'a> {
    /// Name of the whole set: the reference of an image, the name of a root.
    pub name: &'a str,
    /// Kind of the whole set.
    pub whole: Whole,
    /// Distribution, if known.
    pub distribution: Option<Distribution<'a>>,
    /// Type of the packages in package URLs: `rpm`, `apk`.
    pub kind: &'a str,
    /// Packages, in the order of the document.
    pub packages: Vec<Item<'a>>,
    /// Places of the requested packages, if known. Otherwise the whole set depends on all packages.
    pub requested: Option<Vec<usize>>,
    /// Files, if the document lists them.
    pub files: Option<Vec<FileItem<'a>>>,
    /// Creation time of the document, in seconds since 1970.
    pub time: i64,
}

/// The kind of the whole set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A container image.
    Image,
    /// A root file system, or the packages of a planned one.
    Root,
}

/// A distribution, as in `os-release`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution<'a> {
    /// `ID`: `almalinux`.
    pub id: &'a str,
    /// `VERSION_ID`: `9.3`.
    pub version: Option<&'a str>,
    /// `PRETTY_NAME`: `AlmaLinux 9.3 (Shamrock Pampas Cat)`.
    pub name: Option<&'a str>,
}

/// A package of the bill.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The facts of the package.
    pub facts: Cow<'a, PackageFacts>,
    /// The packages that this one needs, and the requirements that they meet.
    pub needs: &'a [Need],
    /// Expected digest of the package file, if known.
    pub checksum: Option<Digest>,
    /// URL or path of the package file, if known.
    pub download: Option<Cow<'a, str>>,
}

/// A regular file of the bill.
#[derive(Clone, Debug)]
pub struct FileItem<'a> {
    /// Absolute path.
    pub path: Cow<'a, str>,
    /// The package that owns the file, by its place in [`Bill::packages`].
    pub package: Option<usize>,
    /// SHA-1 digest, which SPDX requires.
    pub sha1: Digest,
    /// SHA-256 digest, which is safe for verification.
    pub sha256: Digest,
}

/// Formats a time for both formats.
fn timestamp(seconds: i64) -> String {
    let format = DateFormat::try_from("%FT%TZ".to_owned());
    format.map(|format| format.render(u64::try_from(seconds).unwrap_or(0))).unwrap_or_default()
}

/// Returns an identifier that depends on the content of a document only: a UUID of version 8 (RFC
/// 9562) from the bits of a SHA-256.
fn content_uuid(document: &impl serde::Serialize) -> String {
    let mut hasher = Hasher::new(crate::digest::Algorithm::Sha256);
    // Writing to a hasher cannot fail, nor can the serialization of texts and lists of texts.
    let _ = serde_json::to_writer(&mut hasher, document);
    let hex = hasher.finish().hex();
    // The digit with the variant bits is 8, 9, a or b.
    let variant = ["8", "9", "a", "b"][usize::from(hex.as_bytes()[16] & 3)];
    format!("{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Returns a URL that a reader can open. Other text in the field is dropped.
fn web_address(url: Option<&str>) -> Option<&str> {
    let url = url?.trim();
    let rest = ["https://", "http://", "ftp://"].into_iter().find_map(|scheme| url.strip_prefix(scheme))?;
    let host_begins = rest.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[');
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    (host_begins && url.chars().all(plain)).then_some(url)
}

/// The supplier of a package. apk names a person (`Name <address>`), rpm an organization.
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

/// Returns the full version without the epoch.
fn version(facts: &PackageFacts) -> String {
    match &facts.release {
        Some(release) => format!("{}-{release}", facts.version),
        None => facts.version.clone(),
    }
}
