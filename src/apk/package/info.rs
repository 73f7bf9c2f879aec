//! The metadata file `.PKGINFO` of a package.
//!
//! In: the text of the file. Out: a [`PackageInfo`]. Unknown keys are ignored, as in apk
//! (package.c, `read_info_line`).

use crate::digest::{Algorithm, Digest};
use crate::package::PackageFacts;

/// The fields of `.PKGINFO` that apk uses. Dependencies stay as written, one word each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageInfo {
    /// The name of the package.
    pub name: String,
    /// The version, including the release.
    pub version: String,
    /// The architecture; may be `noarch`.
    pub arch: String,
    /// A one-line description.
    pub description: String,
    /// The homepage.
    pub url: String,
    /// The license.
    pub license: String,
    /// The name of the package whose recipe builds this package.
    pub origin: String,
    /// The maintainer.
    pub maintainer: String,
    /// The commit of the recipe.
    pub commit: String,
    /// The build time in seconds since 1970; 0 if there is none.
    pub build_time: u64,
    /// The size of the installed files in bytes.
    pub installed_size: u64,
    /// The preference among several providers of a name without version; the highest wins.
    pub provider_priority: u32,
    /// The requirements, and with `!` the conflicts.
    pub depends: Vec<String>,
    /// The provided names besides its own.
    pub provides: Vec<String>,
    /// The conditions that together cause automatic installation.
    pub install_if: Vec<String>,
    /// The packages whose files this package may take over.
    pub replaces: Vec<String>,
    /// The priority where two packages replace each other; the highest wins.
    pub replaces_priority: u32,
    /// The directories (patterns) that the trigger script watches.
    pub triggers: Vec<String>,
    /// SHA-256 of the data stream.
    pub data_hash: Option<Digest>,
}

/// An error in a `.PKGINFO`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// A line has an invalid value for its key.
    #[error(".PKGINFO, line {number}: `{line}`: {problem}")]
    Line {
        /// The line number, counted from 1.
        number: usize,
        /// The line.
        line: String,
        /// The error.
        problem: &'static str,
    },
    /// The file is not UTF-8.
    #[error(".PKGINFO is not UTF-8")]
    NotText,
    /// A mandatory key is missing.
    #[error(".PKGINFO has no `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
    },
}

impl PackageInfo {
    /// Parses the text.
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        let text = std::str::from_utf8(bytes).map_err(|_| InfoError::NotText)?;
        let mut info = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once(" = ") else { continue };
            let failed = |problem| InfoError::Line { number: index + 1, line: line.to_owned(), problem };
            info.set(key, value).map_err(failed)?;
        }
        for (key, value) in [("pkgname", &info.name), ("pkgver", &info.version)] {
            if value.is_empty() {
                return Err(InfoError::Missing { key });
            }
        }
        Ok(info)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let number = || value.trim().parse::<u64>().map_err(|_| "not a number");
        let small = || value.trim().parse::<u32>().map_err(|_| "not a number that fits");
        let words = || value.split_ascii_whitespace().map(str::to_owned);
        match key {
            "pkgname" => value.clone_into(&mut self.name),
            "pkgver" => value.clone_into(&mut self.version),
            "arch" => value.clone_into(&mut self.arch),
            "pkgdesc" => value.clone_into(&mut self.description),
            "url" => value.clone_into(&mut self.url),
            "license" => value.clone_into(&mut self.license),
            "origin" => value.clone_into(&mut self.origin),
            "maintainer" => value.clone_into(&mut self.maintainer),
            "commit" => value.clone_into(&mut self.commit),
            "builddate" => self.build_time = number()?,
            "size" => self.installed_size = number()?,
            "provider_priority" => self.provider_priority = small()?,
            "replaces_priority" => self.replaces_priority = small()?,
            "depend" => self.depends.extend(words()),
            "provides" => self.provides.extend(words()),
            "install_if" => self.install_if.extend(words()),
            "replaces" => self.replaces.extend(words()),
            "triggers" => self.triggers = words().collect(),
            "datahash" => self.data_hash = Some(Digest::from_hex(Algorithm::Sha256, value.trim()).ok_or("not a SHA-256 digest")?),
            _ => {}
        }
        Ok(())
    }

    /// Returns `name-version`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Returns the metadata in the terms that all ecosystems share, without files and signatures.
    pub fn facts(&self) -> PackageFacts {
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        PackageFacts {
            id: self.id(),
            name: self.name.clone(),
            epoch: None,
            version: self.version.clone(),
            release: None,
            arch: text(&self.arch),
            summary: text(&self.description),
            description: None,
            license: text(&self.license),
            vendor: text(&self.maintainer),
            url: text(&self.url),
            source: text(&self.origin),
            module: None,
            build_time: i64::try_from(self.build_time).ok().filter(|&time| time > 0),
            install_time: None,
            installed_size: self.installed_size,
            signatures: Vec::new(),
            files: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read() {
        let text = "# Generated by abuild\n\npkgname = a\npkgver = 1-r0\npkgdesc = has = in it\nsize = 12\nbuilddate = 7\ndepend = b>1\n\
                    depend = !c so:x\nprovides = cmd:a=1-r0\nreplaces = d<2\nreplaces_priority = 3\ninstall_if = e f=1\n\
                    provider_priority = 100\ntriggers = /bin /usr/*\nsomething = new\nno sense\n\
                    datahash = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
        let info = PackageInfo::parse(text.as_bytes()).unwrap();
        assert_eq!((info.id().as_str(), info.description.as_str(), info.installed_size), ("a-1-r0", "has = in it", 12));
        assert_eq!(info.depends, ["b>1", "!c", "so:x"]);
        assert_eq!((info.install_if.len(), info.triggers.len(), info.replaces.as_slice()), (2, 2, &["d<2".to_owned()][..]));
        assert_eq!((info.replaces_priority, info.provider_priority, info.build_time), (3, 100, 7));
        assert_eq!(info.data_hash, Some(Digest::of(Algorithm::Sha256, b"")));
    }

    #[test]
    fn nonsense_is_told_with_its_line() {
        let line = |text: &str| PackageInfo::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(line("pkgname = a\nsize = big\n"), ".PKGINFO, line 2: `size = big`: not a number");
        assert_eq!(line("datahash = 00"), ".PKGINFO, line 1: `datahash = 00`: not a SHA-256 digest");
        assert_eq!(line("pkgname = a"), ".PKGINFO has no `pkgver`");
        assert_eq!(PackageInfo::parse(b"\xff"), Err(InfoError::NotText));
    }
}
