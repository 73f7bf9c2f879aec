//! The identity of a package.

use std::fmt;

use super::PackageError;
use crate::rpm::header::Header;
use crate::rpm::tag::Tag;

/// Name, epoch, version, release and architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Epoch; absent means 0.
    pub epoch: Option<u32>,
    /// Version.
    pub version: String,
    /// Release.
    pub release: String,
    /// Architecture; `src` for source packages.
    pub arch: String,
}

impl Identity {
    /// Returns the identity of the package with this header.
    pub fn of(header: &Header) -> Result<Self, PackageError> {
        let text = |tag, what| match header.text(tag) {
            // These values become parts of file names and of lines in reports.
            Some(text) if !text.is_empty() && !text.contains(|c: char| c.is_control() || c == '/') => Ok(text.to_owned()),
            _ => Err(PackageError::Incomplete { what }),
        };
        // A header without a source package belongs to a source package itself (rpm's
        // `headerIsSource`).
        let source = header.has(Tag::SOURCE_PACKAGE) || !header.has(Tag::SOURCE_RPM);
        let arch = if header.has(Tag::ARCH) { text(Tag::ARCH, "architecture")? } else { "none".into() };
        Ok(Self {
            name: text(Tag::NAME, "name")?,
            epoch: header.u32(Tag::EPOCH),
            version: text(Tag::VERSION, "version")?,
            release: text(Tag::RELEASE, "release")?,
            arch: if source { "src".into() } else { arch },
        })
    }

    /// Returns the form of reports, which always has the epoch: `bash-0:5.1.8-6.el9_1.aarch64`.
    pub fn id(&self) -> String {
        format!("{}-{}:{}-{}.{}", self.name, self.epoch.unwrap_or(0), self.version, self.release, self.arch)
    }
}

/// Formats as `bash-5.1.8-6.el9_1.aarch64`, the form of file names and of rpm.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}.{}", self.name, self.version, self.release, self.arch)
    }
}
