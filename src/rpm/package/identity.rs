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
        // Builders other than rpmbuild may leave out the source package's name (rpm's
        // `applyRetrofits` and `headerIsSourceHeuristic`).
        let is_flat = || header.strings(Tag::DIRNAMES).eq([b""]);
        let source = header.has(Tag::SOURCE_PACKAGE) || !header.has(Tag::SOURCE_RPM) && is_flat();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::header::{HeaderBuilder, Place};

    fn arch(change: impl FnOnce(&mut HeaderBuilder)) -> String {
        let mut builder = HeaderBuilder::new();
        builder.string(Tag::NAME, "a").string(Tag::VERSION, "1").string(Tag::RELEASE, "1").string(Tag::ARCH, "noarch");
        change(&mut builder);
        Identity::of(&Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap()).unwrap().arch
    }

    #[test]
    fn a_header_without_the_name_of_a_source_package_is_one_of_a_source_package_only_where_its_files_have_no_directory() {
        assert_eq!(arch(|_| ()), "noarch");
        let directories = |names: &'static [&str]| {
            arch(move |header| {
                header.strings(Tag::DIRNAMES, names);
            })
        };
        assert_eq!(directories(&["/opt/"]), "noarch");
        assert_eq!(directories(&["", "/opt/"]), "noarch");
        assert_eq!(directories(&[""]), "src");
        let named = arch(|header| {
            header.string(Tag::SOURCE_RPM, "a-1-1.src.rpm").strings(Tag::DIRNAMES, [""]);
        });
        assert_eq!(named, "noarch");
        let marked = arch(|header| {
            header.u32(Tag::SOURCE_PACKAGE, 1);
        });
        assert_eq!(marked, "src");
    }
}
