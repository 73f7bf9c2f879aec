//! Advisories: what somebody says of versions of packages, and to which packages of a set it applies.
//!
//! In: documents in the forms that distributions publish (OSV, `updateinfo.xml`, Alpine's secdb), and packages. Out: [`Match`]es. How versions
//! compare, and what a module's version looks like, the ecosystem says.

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

/// What is said, whatever the document was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisory {
    /// What it is called: `ALSA-2024:3339`.
    pub id: String,
    /// What it is for: `security`, `bugfix`, …; empty where the document does not say.
    pub kind: String,
    /// How bad it is to be without; `None` where nobody says.
    pub severity: Option<Severity>,
    /// What it is about, in a line.
    pub title: String,
    /// The CVEs that it is about, sorted.
    pub cves: Vec<String>,
    /// Where more is said.
    pub url: Option<String>,
    /// Which versions of which packages it is about.
    pub affected: Vec<Affected>,
}

/// Versions of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The release of a distribution that it is about; `None` where the document does not say.
    pub scope: Option<Scope>,
    /// The package.
    pub name: String,
    /// Whether the name is that of source packages, too, so that it is about all that are built from them.
    pub of_source: bool,
    /// The architecture of the packages; `None` for all.
    pub arch: Option<String>,
    /// The stream of a module that it is about: `php:8.0`.
    pub module: Option<String>,
    /// The versions, as ranges.
    pub ranges: Vec<Range>,
    /// The versions, one by one.
    pub versions: Vec<String>,
}

/// A run of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first that is affected; `None` for all before `end`.
    pub introduced: Option<String>,
    /// Where it ends.
    pub end: End,
}

/// Where a run of affected versions ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It does not.
    #[default]
    Open,
    /// Before the first that is not affected any more.
    Fixed(String),
    /// After the last that is affected.
    Last(String),
}

/// A release of a distribution, as documents name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The distribution: `AlmaLinux`, `Alpine`.
    pub distribution: String,
    /// The release: `9`, `v3.20`; `None` for all of them.
    pub release: Option<String>,
}

/// That an advisory applies to a package.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The advisory.
    pub advisory: &'a Advisory,
    /// The package.
    pub package: &'a PackageFacts,
    /// The first version to which it does not apply any more, where there is one.
    pub fixed: Option<&'a str>,
}

impl Scope {
    /// Whether it is about this release. Documents write names out (`Rocky Linux`) that `os-release` shortens (`rocky`), and name a
    /// release whole or by its first number.
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

/// Whether a release that a document names is this one or one that this is a part of: `9` is of `9.3`, `v3.20` of `3.20.1`.
fn covers(named: &str, own: &str) -> bool {
    // The release stands somewhere in what documents write: `enterprise_linux:9::baseos`, `Leap 15.5`, `v3.20`.
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

/// The whole version of a package, as its ecosystem writes it.
pub fn whole_version(package: &PackageFacts) -> String {
    let epoch = package.epoch.filter(|&epoch| epoch > 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = package.release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
    format!("{epoch}{}{release}", package.version)
}

/// What of an advisory applies to a package; of several runs of versions the first that does.
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

/// Packages of modules have other versions than those outside of them, which say nothing of each other; nor do those of two streams.
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
    /// The end of the run of affected versions that a version is in, if it is in one.
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
    /// What a repository says of an update.
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
