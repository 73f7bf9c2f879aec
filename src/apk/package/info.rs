//! `.PKGINFO`: what a package says of itself.
//!
//! In: the file's text. Out: a [`PackageInfo`]. Keys that apk does not know are passed over, as apk does (package.c, `read_info_line`).

use crate::digest::{Algorithm, Digest};
use crate::package::PackageFacts;

/// Everything that `.PKGINFO` says and apk uses. Dependencies are kept as written, a word each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageInfo {
    /// Its name.
    pub name: String,
    /// Its version, with the release.
    pub version: String,
    /// The architecture; `noarch` too.
    pub arch: String,
    /// What it is, in a line.
    pub description: String,
    /// Where it comes from.
    pub url: String,
    /// Its licence.
    pub license: String,
    /// The name of the package whose recipe builds it.
    pub origin: String,
    /// Who looks after it.
    pub maintainer: String,
    /// The commit of the recipe.
    pub commit: String,
    /// When it was built, in seconds since 1970; 0 when it does not tell.
    pub build_time: u64,
    /// Bytes that its files take.
    pub installed_size: u64,
    /// Which of several providers of a name without version is preferred.
    pub provider_priority: u32,
    /// What it needs, and with `!` what it cannot be with.
    pub depends: Vec<String>,
    /// What it gives beside its own name.
    pub provides: Vec<String>,
    /// With all of these it is installed by itself.
    pub install_if: Vec<String>,
    /// The packages whose files it may take over.
    pub replaces: Vec<String>,
    /// Who wins where two packages replace each other.
    pub replaces_priority: u32,
    /// The directories (patterns) whose changes its trigger script wants to hear of.
    pub triggers: Vec<String>,
    /// SHA-256 of the data stream.
    pub data_hash: Option<Digest>,
}

/// What is wrong with a `.PKGINFO`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// A line does not hold what its key asks for.
    #[error(".PKGINFO, line {number}: `{line}`: {problem}")]
    Line {
        /// Which one, from 1.
        number: usize,
        /// The line.
        line: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// It is not UTF-8.
    #[error(".PKGINFO is not UTF-8")]
    NotText,
    /// A key that every package has is missing.
    #[error(".PKGINFO has no `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
    },
}

impl PackageInfo {
    /// Reads the text.
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

    /// `name-version`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// What it says of the package, in the terms that all ecosystems share; not its files, and not who signed it.
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
