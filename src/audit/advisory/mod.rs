//! Advisories: statements about versions of packages, and their matches in a set of packages.
//!
//! Input: documents in the formats that distributions publish (OSV, `updateinfo.xml`, Alpine's
//! secdb), and packages. Output: [`Match`]es. The ecosystem compares versions and recognizes the
//! versions of module packages.

mod osv;
mod read;
mod secdb;
#[cfg(test)]
mod tests;

pub use read::{AdvisoryError, Documents, read};

use std::cmp::Ordering;

use super::release::Release;
use super::severity::Severity;
use crate::ecosystem::Ecosystem;
use crate::metadata::{self, AdvisoryPackage};
use crate::package::PackageFacts;

/// An advisory, independent of the format of its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisory {
    /// Identifier: `ALSA-2024:3339`.
    pub id: String,
    /// Kind: `security`, `bugfix`, …; empty if the document states none.
    pub kind: String,
    /// Severity; `None` if the document states none.
    pub severity: Option<Severity>,
    /// Title, in one line.
    pub title: String,
    /// The CVEs that the advisory is about, sorted.
    pub cves: Vec<String>,
    /// URL of the advisory.
    pub url: Option<String>,
    /// The affected versions, by package.
    pub affected: Vec<Affected>,
}

/// The affected versions of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The distribution and release that the entry applies to; `None` if the document states none.
    pub scope: Option<Scope>,
    /// Name of the package.
    pub name: String,
    /// True if the name may also be the name of a source package. The entry then applies to all
    /// packages that are built from it.
    pub of_source: bool,
    /// Architecture of the packages; `None` for all.
    pub arch: Option<String>,
    /// The module stream that the entry applies to: `php:8.0`.
    pub module: Option<String>,
    /// Affected ranges of versions.
    pub ranges: Vec<Range>,
    /// Affected single versions.
    pub versions: Vec<String>,
}

/// A range of affected versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first affected version; `None` for all versions before `end`.
    pub introduced: Option<String>,
    /// The end of the range.
    pub end: End,
}

/// The end of a range of affected versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The range has no end.
    #[default]
    Open,
    /// The range ends before this version, which is the first that is not affected.
    Fixed(String),
    /// The range ends after this version, which is the last that is affected.
    Last(String),
}

/// A distribution and its release, in the spelling of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Distribution: `AlmaLinux`, `Alpine`.
    pub distribution: String,
    /// Release: `9`, `v3.20`; `None` for all releases.
    pub release: Option<String>,
}

/// A package that an advisory applies to.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The advisory.
    pub advisory: &'a Advisory,
    /// The package.
    pub package: &'a PackageFacts,
    /// The first version that is not affected any more, if there is one.
    pub fixed: Option<&'a str>,
}

impl Scope {
    /// Reports whether the scope contains this release. Documents use full names (`Rocky Linux`)
    /// where `os-release` uses short ones (`rocky`). They name a release completely or by its first
    /// number.
    pub fn is_of(&self, release: &Release) -> bool {
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let (named, own) = (letters(&self.distribution), letters(&release.id));
        let same = named == own
            || named.strip_suffix("linux").is_some_and(|named| named == own)
            || own.strip_suffix("linux").is_some_and(|own| named == own)
            || (named == "redhat" && own == "rhel")
            || (named == "suse" && own.starts_with("sle"))
            || (named == "opensuse" && own.starts_with("opensuse"));
        same && match (&self.release, &release.version) {
            (Some(named), Some(own)) => covers(named, own),
            _ => true,
        }
    }
}

/// Reports whether the release in a document equals or contains this release: `9` contains `9.3`,
/// `v3.20` contains `3.20.1`.
fn covers(named: &str, own: &str) -> bool {
    // Documents put text around the release number: `enterprise_linux:9::baseos`, `Leap 15.5`,
    // `v3.20`.
    let numbers = |text: &str| {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let rest = &text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        Some(rest[..end].trim_end_matches('.').to_owned())
    };
    if named == "edge" {
        return own.contains("_alpha");
    }
    let (Some(named), Some(own)) = (numbers(named), numbers(own)) else { return named == own };
    own == named || own.strip_prefix(&named).is_some_and(|rest| rest.starts_with('.'))
}

/// Returns the full version of a package, in the form of the ecosystem.
pub fn whole_version(package: &PackageFacts) -> String {
    let epoch = package.epoch.filter(|&epoch| epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = package.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
    format!("{epoch}{}{release}", package.version)
}

/// Returns the match if an advisory applies to a package. If several entries apply, the first one
/// counts.
pub fn applies<'a, E: Ecosystem>(
    ecosystem: &E,
    release: Option<&Release>,
    advisory: &'a Advisory,
    package: &'a PackageFacts,
) -> Option<Match<'a>> {
    let version = whole_version(package);
    advisory.affected.iter().find_map(|affected| {
        let is_named = affected.name == package.name || (affected.of_source && affected.name == ecosystem.source_of(package));
        let fits = is_named
            && affected.arch.as_ref().is_none_or(|arch| package.arch.as_ref() == Some(arch))
            && affected.scope.as_ref().zip(release).is_none_or(|(scope, release)| scope.is_of(release))
            && is_of_module(ecosystem, affected, package, &version);
        let end = affected.holds(ecosystem, &version).filter(|_| fits)?;
        let fixed = if let End::Fixed(fixed) = end { Some(fixed.as_str()) } else { None };
        Some(Match { advisory, package, fixed })
    })
}

/// Reports whether an entry and a package are both outside modules or belong to the same module
/// stream. Versions inside and outside modules cannot be compared, nor can those of two streams.
fn is_of_module<E: Ecosystem>(ecosystem: &E, affected: &Affected, package: &PackageFacts, version: &str) -> bool {
    let is_modular = |version: &String| ecosystem.is_modular(version);
    let ends = affected.ranges.iter().filter_map(|range| match &range.end {
        End::Fixed(version) | End::Last(version) => Some(version),
        End::Open => None,
    });
    let said = ends.chain(&affected.versions).any(is_modular);
    let own = package.module.is_some() || ecosystem.is_modular(version);
    said == own && (!said || affected.module.as_ref().zip(package.module.as_ref()).is_none_or(|(said, own)| said == own))
}

impl Affected {
    /// Returns the end of the affected range that contains a version, or `None` if no range
    /// contains it.
    fn holds<E: Ecosystem>(&self, ecosystem: &E, version: &str) -> Option<&End> {
        let compare = |other: &str| ecosystem.version_scheme().compare(version, other);
        let in_range = self.ranges.iter().find_map(|range| {
            if range.introduced.as_deref().is_some_and(|first| compare(first) == Ordering::Less) {
                return None;
            }
            let is_before = match &range.end {
                End::Open => true,
                End::Fixed(fixed) => compare(fixed) == Ordering::Less,
                End::Last(last) => compare(last) != Ordering::Greater,
            };
            is_before.then_some(&range.end)
        });
        in_range.or_else(|| self.versions.iter().any(|one| compare(one) == Ordering::Equal).then_some(&End::Open))
    }
}

fn is(kind: &str, reference: &metadata::Reference) -> bool {
    reference.kind.eq_ignore_ascii_case(kind)
}

impl Advisory {
    /// Converts an update from the metadata of a repository.
    pub fn of_update(update: metadata::Advisory) -> Self {
        let mut cves: Vec<String> =
            update.references.iter().filter(|reference| is("cve", reference)).map(|reference| reference.id.clone()).collect();
        cves.sort_unstable();
        cves.dedup();
        let url = update.references.iter().find(|reference| is("self", reference)).or_else(|| update.references.first());
        Self {
            severity: Severity::of_word(&update.severity),
            url: url.map(|reference| reference.href.clone()).filter(|href| !href.is_empty()),
            id: update.id,
            kind: update.kind,
            title: update.title,
            cves,
            affected: update.packages.into_iter().map(Affected::of_update).collect(),
        }
    }
}

impl Affected {
    fn of_update(package: AdvisoryPackage) -> Self {
        Self {
            scope: None,
            name: package.name,
            of_source: false,
            arch: Some(package.arch),
            module: package.module,
            ranges: vec![Range { introduced: None, end: End::Fixed(package.version) }],
            versions: Vec::new(),
        }
    }
}
