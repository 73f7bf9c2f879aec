//! What a package is called.

use std::fmt;

use super::PackageError;
use crate::rpm::header::Header;
use crate::rpm::tag::Tag;

/// Name, epoch, version, release and architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Epoch, where it is given; absent means 0.
    pub epoch: Option<u32>,
    /// Version.
    pub version: String,
    /// Release.
    pub release: String,
    /// Architecture; `src` for source packages.
    pub arch: String,
}

impl Identity {
    /// What the package of this header is called.
    pub fn of(header: &Header) -> Result<Self, PackageError> {
        let text = |tag, what| match header.text(tag) {
            // These words make up file names and lines of reports.
            Some(text) if !text.is_empty() && !text.contains(|c: char| c.is_control() || c == '/') => Ok(text.to_owned()),
            _ => Err(PackageError::Incomplete { what }),
        };
        // What is no source package has the name of the one it comes from (rpm's `headerIsSource`).
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

    /// `bash-0:5.1.8-6.el9_1.aarch64`, the form of reports, where the epoch is always told.
    pub fn id(&self) -> String {
        format!("{}-{}:{}-{}.{}", self.name, self.epoch.unwrap_or(0), self.version, self.release, self.arch)
    }
}

/// `bash-5.1.8-6.el9_1.aarch64`, the form of file names and of rpm.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}.{}", self.name, self.version, self.release, self.arch)
    }
}
