//! The changes that a rebuild would make, and the advisories that it would resolve.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::advisory::{Advisory, whole_version};
use super::examine::about;
use super::finding::Finding;
use super::release::Release;
use super::severity::Severity;
use crate::ecosystem::Ecosystem;
use crate::package::PackageFacts;

/// A package that a rebuild would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Name.
    pub name: String,
    /// Current version; absent if the package would be added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Version after a rebuild; absent if the package would be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The difference between a set and a rebuild of it.
#[derive(Clone, Debug, Serialize)]
pub struct Outdated {
    /// Changes, by name.
    pub changes: Vec<Step>,
    /// Advisories that apply to the current set, but not to the rebuilt one.
    pub fixes: Vec<Finding>,
}

impl Outdated {
    /// Reports whether a rebuild is due: if anything would change or, with a level, if it would
    /// resolve an advisory of at least that severity.
    pub fn is_due(&self, level: Option<Severity>) -> bool {
        match level {
            None => !self.changes.is_empty(),
            Some(level) => self.fixes.iter().any(|finding| finding.severity >= level),
        }
    }
}

/// The current and the rebuilt packages of one name and architecture.
type Sides<'a> = (Vec<&'a PackageFacts>, Vec<&'a PackageFacts>);

/// Compares the current packages with the rebuilt ones.
pub fn compare<E: Ecosystem>(
    ecosystem: &E,
    release: Option<&Release>,
    old: &[PackageFacts],
    new: &[PackageFacts],
    advisories: &[Advisory],
) -> Outdated {
    let mut names: BTreeMap<(&str, Option<&str>), Sides<'_>> = BTreeMap::new();
    // Some databases list imported keys as packages. Keys have no architecture.
    for package in old.iter().filter(|package| package.arch.is_some()) {
        names.entry((&package.name, package.arch.as_deref())).or_default().0.push(package);
    }
    for package in new.iter().filter(|package| package.arch.is_some()) {
        names.entry((&package.name, package.arch.as_deref())).or_default().1.push(package);
    }
    let mut changes = Vec::new();
    for ((name, _), (old, new)) in names {
        let only = |these: &[&PackageFacts], those: &[&PackageFacts]| -> Vec<String> {
            let others: FxHashSet<&str> = those.iter().map(|package| package.id.as_str()).collect();
            these.iter().filter(|package| !others.contains(package.id.as_str())).map(|package| whole_version(package)).collect()
        };
        let (went, came) = (only(&old, &new), only(&new, &old));
        for place in 0..went.len().max(came.len()) {
            changes.push(Step { name: name.to_owned(), from: went.get(place).cloned(), to: came.get(place).cloned() });
        }
    }
    let left: FxHashSet<(Option<String>, Option<String>)> =
        about(ecosystem, release, new, advisories).into_iter().map(|finding| (finding.id, finding.package)).collect();
    let mut fixes = about(ecosystem, release, old, advisories);
    fixes.retain(|finding| !left.contains(&(finding.id.clone(), finding.package.clone())));
    fixes.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| (&a.id, &a.package).cmp(&(&b.id, &b.package))));
    Outdated { changes, fixes }
}
