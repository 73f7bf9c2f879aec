//! The facts that a package states about itself, and the fate of its files, in terms that all
//! ecosystems share.
//!
//! Input: none; the inventories of `rpm` and `apk` fill these types. Output: [`PackageFacts`] for
//! reports, and the file listing that scripts read.

use std::io::{self, Write};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::digest::Digest;

/// The facts of a package, from its file or from the database of a root. Facts that are not stated
/// are `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PackageFacts {
    /// Unique identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Epoch, if the ecosystem has epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// Version; the full version if the ecosystem has no separate release.
    pub version: String,
    /// Release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Summary, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// License.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Distributor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The source package that this package was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The module stream that the package was built for: `php:8.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Build time, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_time: Option<i64>,
    /// Installation time, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_time: Option<i64>,
    /// Size of the installed files in bytes.
    pub installed_size: u64,
    /// Signatures. They are not verified.
    pub signatures: Vec<SignatureFacts>,
    /// Files, in the order of the package.
    #[serde(skip)]
    pub files: Vec<FileFacts>,
}

/// The facts that a signature states about itself. Facts that cannot be read are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignatureFacts {
    /// The signing key: fingerprint, id or name.
    pub key: Option<String>,
    /// Public key algorithm: `RSA`.
    pub algorithm: Option<String>,
    /// Hash algorithm: `SHA256`.
    pub hash: Option<String>,
    /// Creation time, in seconds since 1970.
    pub created: Option<i64>,
}

/// A path of a package.
#[derive(Clone, Debug)]
pub struct FileFacts {
    /// The path as written in the package: bytes, not text.
    pub path: Box<[u8]>,
    /// Type and permissions, as in `st_mode`.
    pub mode: u16,
    /// Owner.
    pub user: Arc<str>,
    /// Group.
    pub group: Arc<str>,
    /// Modification time, in seconds since 1970.
    pub mtime: Option<i64>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Digest of the content.
    pub digest: Option<Digest>,
    /// Target of a symbolic link, otherwise empty.
    pub link_target: Box<[u8]>,
    /// File capabilities as text, which may be empty; `None` if the package states no capabilities
    /// at all.
    pub capabilities: Option<Box<[u8]>>,
    /// Flags, in the order of [`FileFlag`].
    pub flags: Vec<FileFlag>,
    /// The fate of the file when the package was installed.
    pub fate: Option<Fate>,
    /// Device number, as in `st_rdev`.
    pub device: Option<u32>,
    /// The aspects of the file that verification must ignore.
    pub unverified: Vec<FileAspect>,
}

/// An aspect of a file that may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAspect {
    /// Size in bytes.
    Size,
    /// Type and permissions.
    Mode,
    /// Digest of the content.
    Content,
    /// Device number.
    Device,
    /// Target of a symbolic link.
    Target,
    /// Owner.
    User,
    /// Group.
    Group,
    /// Modification time.
    Mtime,
    /// Capabilities.
    Capabilities,
}

/// The role of a file in its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFlag {
    /// Documentation.
    Doc,
    /// Configuration: the user's changes survive an upgrade.
    Config,
    /// The spec file that a source package is built from.
    Spec,
    /// The file may be missing.
    MissingOk,
    /// The user's version stays in place, and the new version is written beside it.
    NoReplace,
    /// The file belongs to the package, but its content is not in the package.
    Ghost,
    /// The text of a license.
    License,
    /// A README file.
    Readme,
    /// A side effect of the packaging process.
    Artifact,
}

impl FileFlag {
    /// Returns the letter of the flag in listings.
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

/// The fate of a file when its package was installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The file was installed.
    Installed,
    /// The file of another package replaced it.
    Replaced,
    /// The file was left out: documentation, or a file for another language or architecture.
    LeftOut,
}

/// Writes one line per file, separated by tabs: path, octal mode, user, group, mtime, size, digest,
/// link target, capabilities, flags. Paths are written unescaped.
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

/// Returns the most frequent architecture of the packages, ignoring `noarch`.
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
