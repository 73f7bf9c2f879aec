//! The differences between two sets of packages.
//!
//! Input: two [`Subject`]s of one ecosystem. Output: changes of packages, capabilities, files and
//! security risks, as data. Data that a subject lacks (a lock has no files) are not compared, and
//! the result says so.

mod files;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

pub use files::{Change, ChangedFile, Files, ListedFile, Risk, RiskyFile};

use super::advisory::whole_version;
use super::finding::Finding;
use super::subject::Subject;
use crate::ecosystem::Ecosystem;
use crate::package::PackageFacts;
use crate::pool::{Dependency, Kind};

/// All differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Changes of the packages.
    pub packages: Packages,
    /// Changes of the provided capabilities; `None` if a subject lacks them.
    pub capabilities: Option<Names>,
    /// Changes of the files; `None` if a subject lacks them.
    pub files: Option<Files>,
    /// Sizes and counts.
    pub sizes: Sizes,
    /// Changes of the advisories that apply; `None` if no advisories were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Advisories>,
}

/// Advisories that apply to one of the sets only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Advisories {
    /// Advisories that apply to the first set only.
    pub fixed: Vec<Finding>,
    /// Advisories that apply to the second set only.
    pub introduced: Vec<Finding>,
}

impl Advisories {
    /// Compares the advisories that apply to the first set with those that apply to the second.
    pub fn of(from: Vec<Finding>, to: Vec<Finding>) -> Self {
        let key = |finding: &Finding| (finding.id.clone(), finding.package.clone());
        let keys = |findings: &[Finding]| findings.iter().map(key).collect::<FxHashSet<_>>();
        let (old, new) = (keys(&from), keys(&to));
        let only = |findings: Vec<Finding>, other: &FxHashSet<_>| {
            findings.into_iter().filter(|finding| !other.contains(&key(finding))).collect()
        };
        Self { fixed: only(from, &new), introduced: only(to, &old) }
    }
}

/// Changes of the packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// Packages in the second set only.
    pub added: Vec<Listed>,
    /// Packages in the first set only.
    pub removed: Vec<Listed>,
    /// Packages with a newer version in the second set.
    pub upgraded: Vec<Moved>,
    /// Packages with an older version in the second set.
    pub downgraded: Vec<Moved>,
    /// Ids of packages with the same version, but another build.
    pub rebuilt: Vec<String>,
}

/// A package of one set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Unique identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Full version.
    pub version: String,
    /// Architecture.
    pub arch: Option<String>,
    /// Size of the installed files in bytes.
    pub installed_size: u64,
}

/// A package with different versions in the two sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Name.
    pub name: String,
    /// Architecture.
    pub arch: Option<String>,
    /// Version in the first set.
    pub from: String,
    /// Version in the second set.
    pub to: String,
    /// Id in the first set.
    pub from_id: String,
    /// Id in the second set.
    pub to_id: String,
    /// Growth of the installed size in bytes.
    pub growth: i64,
}

/// Names that were added or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// Names in the second set only.
    pub added: Vec<String>,
    /// Names in the first set only.
    pub removed: Vec<String>,
}

/// A number for both sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both {
    /// Value in the first set.
    pub from: u64,
    /// Value in the second set.
    pub to: u64,
}

/// Sizes of both sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Number of packages.
    pub packages: Both,
    /// Installed size in bytes, as stated by the packages.
    pub installed: Both,
    /// Size of the package files in bytes, if known for both sets.
    pub download: Option<Both>,
    /// Size of all regular files in bytes, if both sets have files.
    pub files: Option<Both>,
}

impl Diff {
    /// Compares two subjects.
    pub fn of<E: Ecosystem>(ecosystem: &E, from: &Subject, to: &Subject) -> io::Result<Self> {
        let files = match (&from.tree, &to.tree) {
            (Some(a), Some(b)) => Some(Files::of((from, a), (to, b))?),
            _ => None,
        };
        let sum = |of: &Subject| of.packages.iter().map(|package| package.installed_size).sum();
        let download = |of: &Subject| of.origins.values().map(|origin| origin.size).sum();
        let knows = |of: &Subject| !of.origins.is_empty();
        let sizes = Sizes {
            packages: Both { from: from.packages.len() as u64, to: to.packages.len() as u64 },
            installed: Both { from: sum(from), to: sum(to) },
            download: (knows(from) && knows(to)).then(|| Both { from: download(from), to: download(to) }),
            files: from.tree.as_ref().zip(to.tree.as_ref()).map(|(a, b)| Both { from: files::bytes(a), to: files::bytes(b) }),
        };
        Ok(Self {
            packages: Packages::of(ecosystem, from, to),
            capabilities: capabilities(from, to),
            files,
            sizes,
            advisories: None,
        })
    }

    /// Reports whether there is no difference.
    pub fn is_empty(&self) -> bool {
        let names = |names: &Names| names.added.is_empty() && names.removed.is_empty();
        self.packages == Packages::default()
            && self.capabilities.as_ref().is_none_or(names)
            && self.files.as_ref().is_none_or(Files::is_empty)
    }
}

fn listed(package: &PackageFacts) -> Listed {
    Listed {
        id: package.id.clone(),
        name: package.name.clone(),
        version: whole_version(package),
        arch: package.arch.clone(),
        installed_size: package.installed_size,
    }
}

impl Packages {
    fn of<E: Ecosystem>(ecosystem: &E, from: &Subject, to: &Subject) -> Self {
        let mut found = Self::default();
        let mut by_name: FxHashMap<(&str, Option<&str>), [Vec<&PackageFacts>; 2]> = FxHashMap::default();
        for (side, subject) in [from, to].into_iter().enumerate() {
            for package in &subject.packages {
                by_name.entry((&package.name, package.arch.as_deref())).or_default()[side].push(package);
            }
        }
        for [mut old, mut new] in by_name.into_values() {
            // Packages in both sets are skipped. If several versions of a name remain, they are
            // compared in version order.
            let same = |a: &PackageFacts, b: &PackageFacts| a.id == b.id;
            for package in &old {
                let other = new.iter().find(|other| same(package, other));
                if other.is_some_and(|other| is_other_build((from, package), (to, other))) {
                    found.rebuilt.push(package.id.clone());
                }
            }
            let (all_old, all_new) = (old.clone(), new.clone());
            old.retain(|package| !all_new.iter().any(|other| same(package, other)));
            new.retain(|package| !all_old.iter().any(|other| same(package, other)));
            let compare = |a: &&PackageFacts, b: &&PackageFacts| {
                ecosystem.version_scheme().compare(&whole_version(a), &whole_version(b)).then_with(|| a.id.cmp(&b.id))
            };
            old.sort_by(compare);
            new.sort_by(compare);
            for (a, b) in old.iter().zip(&new) {
                let moved = Moved {
                    name: a.name.clone(),
                    arch: a.arch.clone(),
                    from: whole_version(a),
                    to: whole_version(b),
                    from_id: a.id.clone(),
                    to_id: b.id.clone(),
                    growth: b.installed_size as i64 - a.installed_size as i64,
                };
                match ecosystem.version_scheme().compare(&moved.from, &moved.to) {
                    Ordering::Greater => found.downgraded.push(moved),
                    _ => found.upgraded.push(moved),
                }
            }
            found.removed.extend(old.iter().skip(new.len()).map(|package| listed(package)));
            found.added.extend(new.iter().skip(old.len()).map(|package| listed(package)));
        }
        found.added.sort_by(|a, b| a.id.cmp(&b.id));
        found.removed.sort_by(|a, b| a.id.cmp(&b.id));
        found.upgraded.sort_by(|a, b| a.from_id.cmp(&b.from_id));
        found.downgraded.sort_by(|a, b| a.from_id.cmp(&b.from_id));
        found.rebuilt.sort_unstable();
        found
    }
}

/// Reports whether two packages with the same id are different builds, by the facts that both
/// subjects have.
fn is_other_build((from, a): (&Subject, &PackageFacts), (to, b): (&Subject, &PackageFacts)) -> bool {
    let checksum =
        |subject: &Subject, package: &PackageFacts| subject.origins.get(&package.id).and_then(|origin| origin.checksum.clone());
    let other_time = a.build_time.zip(b.build_time).is_some_and(|(a, b)| a != b);
    let other_file = checksum(from, a).zip(checksum(to, b)).is_some_and(|(a, b)| a.algorithm() == b.algorithm() && a != b);
    other_time || other_file
}

/// Returns the names, regardless of version, that packages of only one set provide.
fn capabilities(from: &Subject, to: &Subject) -> Option<Names> {
    let of = |subject: &Subject| -> Option<BTreeSet<String>> {
        let set = subject.set.as_ref()?;
        let provides = set.members.iter().flatten().flat_map(|&id| set.pool.solvable(id).dependencies(Kind::Provides));
        let name = |&dependency| match set.pool.dependency(dependency) {
            Dependency::Plain { name, .. } => Some(set.pool.text(name).to_owned()),
            Dependency::Rich { .. } => None,
        };
        Some(provides.filter_map(name).collect())
    };
    let (old, new) = (of(from)?, of(to)?);
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
    Some(Names { added: only(&new, &old), removed: only(&old, &new) })
}
