//! What a package says of itself and what became of it, in the terms that all ecosystems share.
//!
//! In: nothing; the inventories of `rpm` and `apk` fill these. Out: [`PackageFacts`] for reports, and the listing of files that
//! scripts read.

use std::io::{self, Write};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::digest::Digest;

/// A package: a file of its ecosystem, or what the database of a root says of it. What is not told is `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PackageFacts {
    /// What tells it from all others.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The epoch, where the ecosystem has such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The version; the whole of it where there is no release apart.
    pub version: String,
    /// The release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// What it is, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What it is, at length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Who distributes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The source package that it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The stream of a module that it was built for: `php:8.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// When it was built, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time: Option<i64>,
    /// When it was installed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_time: Option<i64>,
    /// Bytes that its files take.
    pub installed_size: u64,
    /// The signatures that it bears. Nobody has checked them.
    pub signatures: Vec<SignatureFacts>,
    /// Its files, in its own order.
    #[serde(skip)]
    pub files: Vec<FileFacts>,
}

/// A signature, as it says of itself. What cannot be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignatureFacts {
    /// The key that made it: fingerprint, id or name.
    pub key: Option<String>,
    /// The public key algorithm: `RSA`.
    pub algorithm: Option<String>,
    /// The hash algorithm: `SHA256`.
    pub hash: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
}

/// A path of a package.
#[derive(Clone, Debug)]
pub struct FileFacts {
    /// The path as the package says it: bytes, not text.
    pub path: Box<[u8]>,
    /// Type and permissions, as in `st_mode`.
    pub mode: u16,
    /// Owner.
    pub user: Arc<str>,
    /// Group.
    pub group: Arc<str>,
    /// Seconds since 1970.
    pub mtime: Option<i64>,
    /// Bytes.
    pub size: Option<u64>,
    /// Digest of the content.
    pub digest: Option<Digest>,
    /// Target of a symbolic link, otherwise empty.
    pub link_target: Box<[u8]>,
    /// File capabilities as text, which may be empty; absent where the package tells of none at all.
    pub capabilities: Option<Box<[u8]>>,
    /// What it is to its package, in the order of [`FileFlag`].
    pub flags: Vec<FileFlag>,
    /// What became of it when the package was installed.
    pub fate: Option<Fate>,
    /// Of a device its numbers, as `st_rdev` has them.
    pub device: Option<u32>,
    /// What of it the package does not promise to stay as it is.
    pub unverified: Vec<FileAspect>,
}

/// A thing that may change about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAspect {
    /// Bytes.
    Size,
    /// Type and permissions.
    Mode,
    /// The digest of its content.
    Content,
    /// The numbers of a device.
    Device,
    /// The target of a symbolic link.
    Target,
    /// Owner.
    User,
    /// Group.
    Group,
    /// When it was changed last.
    Mtime,
    /// Capabilities.
    Capabilities,
}

/// What a file is to its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFlag {
    /// Documentation.
    Doc,
    /// Configuration: a user's changes outlive an upgrade.
    Config,
    /// The recipe that a source package is built by.
    Spec,
    /// It may be missing.
    MissingOk,
    /// A user's version stays where it is, the package's is put beside it.
    NoReplace,
    /// It belongs to the package but is not in it.
    Ghost,
    /// A licence's text.
    License,
    /// What to read first.
    Readme,
    /// A side effect of packaging.
    Artifact,
}

impl FileFlag {
    /// Its letter in listings.
    pub fn letter(self) -> char {
        match self {
            Self::Doc => 'd',
            Self::Config => 'c',
            Self::Spec => 's',
            Self::MissingOk => 'm',
            Self::NoReplace => 'n',
            Self::Ghost => 'g',
            Self::License => 'l',
            Self::Readme => 'r',
            Self::Artifact => 'a',
        }
    }
}

/// What became of a file when its package was installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was put there.
    Installed,
    /// Another package's file has taken its place.
    Replaced,
    /// It was left out: documentation, or for another language or architecture.
    LeftOut,
}

/// Writes a line for each file, tab separated: path, octal mode, user, group, mtime, size, digest, link target, capabilities, flags.
/// Paths are written as they are, whatever is in them.
pub fn write_listing(files: &[FileFacts], out: &mut impl Write) -> io::Result<()> {
    for file in files {
        out.write_all(&file.path)?;
        write!(out, "\t{:o}\t{}\t{}\t", file.mode, file.user, file.group)?;
        write!(out, "{}\t", file.mtime.map(|mtime| mtime.to_string()).unwrap_or_default())?;
        write!(out, "{}\t", file.size.map(|size| size.to_string()).unwrap_or_default())?;
        write!(out, "{}\t", file.digest.as_ref().map(Digest::hex).unwrap_or_default())?;
        out.write_all(&file.link_target)?;
        out.write_all(b"\t")?;
        out.write_all(file.capabilities.as_deref().unwrap_or(b"(none)"))?;
        writeln!(out, "\t{}", file.flags.iter().map(|flag| flag.letter()).collect::<String>())?;
    }
    Ok(())
}

/// Returns the architecture that most packages have, but for those that are of all.
pub fn main_arch(packages: &[PackageFacts]) -> Option<String> {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    for arch in packages.iter().filter_map(|package| package.arch.as_deref()).filter(|arch| *arch != "noarch") {
        *counts.entry(arch).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(arch, count)| (count, std::cmp::Reverse(arch))).map(|(arch, _)| arch.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_keeps_bytes_and_tells_nothing_from_empty() {
        let file = FileFacts {
            path: b"/\xff".as_slice().into(),
            mode: 0o120_777,
            user: "root".into(),
            group: "wheel".into(),
            mtime: Some(-1),
            size: Some(3),
            digest: None,
            link_target: b"\xfe".as_slice().into(),
            capabilities: Some(b"".as_slice().into()),
            flags: vec![FileFlag::Config, FileFlag::NoReplace, FileFlag::Ghost],
            fate: None,
            device: None,
            unverified: Vec::new(),
        };
        let bare = FileFacts { mtime: None, size: None, capabilities: None, flags: Vec::new(), ..file.clone() };
        let mut out = Vec::new();
        write_listing(&[file, bare], &mut out).unwrap();
        let lines: Vec<&[u8]> = out.split(|&c| c == b'\n').collect();
        assert_eq!(lines[0], b"/\xff\t120777\troot\twheel\t-1\t3\t\t\xfe\t\tcng");
        assert_eq!(lines[1], b"/\xff\t120777\troot\twheel\t\t\t\t\xfe\t(none)\t");
    }
}
