//! The distribution and release of a root: `os-release(5)`.

use serde::Serialize;

use crate::package::PackageFacts;

/// A distribution and its release, as named by a root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Release {
    /// Distribution: `almalinux`.
    pub id: String,
    /// Release: `9.3`.
    pub version: Option<String>,
    /// Distribution and release, for display.
    pub pretty: Option<String>,
    /// Related distributions, the closest first.
    pub like: Vec<String>,
    /// Module platform: `platform:el9`.
    pub platform: Option<String>,
    /// End of support: `2032-06-01`.
    pub support_end: Option<String>,
}

impl Release {
    /// Possible paths of the file, within a root; the first that exists is used.
    pub const FILES: [&'static str; 2] = ["etc/os-release", "usr/lib/os-release"];

    /// Parses the file. Returns `None` if it does not name the distribution.
    pub fn parse(text: &str) -> Option<Self> {
        let mut release = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let value = unquoted(value);
            let told = Some(value.clone()).filter(|value| !value.is_empty());
            match key {
                "ID" => release.id = value,
                "VERSION_ID" => release.version = told,
                "PRETTY_NAME" => release.pretty = told,
                "ID_LIKE" => release.like = value.split_ascii_whitespace().map(str::to_owned).collect(),
                "PLATFORM_ID" => release.platform = told,
                "SUPPORT_END" => release.support_end = told,
                _ => {}
            }
        }
        (!release.id.is_empty()).then_some(release)
    }

    /// Returns the release of a set of packages for a requested distribution and release. It is the
    /// minor release if the set contains the package that installs `os-release`.
    pub fn of_packages(distro: &str, release: &str, packages: &[PackageFacts]) -> Self {
        let name = format!("{distro}-release");
        let told = packages.iter().find(|package| package.name == name);
        let minor = told.map(|package| package.version.split('-').next().unwrap_or(&package.version));
        Self { id: distro.to_owned(), version: Some(minor.unwrap_or(release).to_owned()), ..Self::default() }
    }

    /// Returns the release up to its first dot: `9`.
    pub fn major(&self) -> Option<&str> {
        self.version.as_deref().map(|version| version.split('.').next().unwrap_or(version))
    }
}

/// Unquotes a value as a shell does. Quotes are removed. A backslash keeps the next character,
/// except in single quotes.
fn unquoted(value: &str) -> String {
    let (mut text, mut quote, mut escaped) = (String::new(), None, false);
    for c in value.trim().chars() {
        match c {
            c if escaped => {
                escaped = false;
                text.push(c);
            }
            '\\' if quote != Some('\'') => escaped = true,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c if quote == Some(c) => quote = None,
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_as_a_shell_would() {
        let text = "NAME=\"AlmaLinux\"\nVERSION_ID=\"9.3\"\nID='almalinux'\n# ID=x\nID_LIKE=\"rhel centos fedora\"\n\
                    PRETTY_NAME=\"A \\\"B\\\"\"\nPLATFORM_ID=platform:el9\n";
        let release = Release::parse(text).unwrap();
        assert_eq!((release.id.as_str(), release.version.as_deref(), release.major()), ("almalinux", Some("9.3"), Some("9")));
        assert_eq!(release.like, ["rhel", "centos", "fedora"]);
        assert_eq!(release.pretty.as_deref(), Some("A \"B\""));
        assert_eq!(Release::parse("VERSION_ID=1\n"), None);
        assert_eq!(Release::parse("ID=alpine\nVERSION_ID=").unwrap().major(), None);
    }
}
