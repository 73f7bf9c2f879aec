//! What is different between two sets of packages.
//!
//! In: two [`Subject`]s of one ecosystem. Out: packages, capabilities, files and what of them concerns safety, as data. What a subject does not
//! tell (a lock has no files) is not compared, and said to be so.

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

/// All that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The packages.
    pub packages: Packages,
    /// What packages provide; `None` where a subject does not tell.
    pub capabilities: Option<Names>,
    /// The files; `None` where a subject has none.
    pub files: Option<Files>,
    /// Bytes and numbers.
    pub sizes: Sizes,
    /// What is said of the versions of both sets; `None` where nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Advisories>,
}

/// Advisories that apply to one of the sets only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Advisories {
    /// They applied to the first set, and do not to the second.
    pub fixed: Vec<Finding>,
    /// They apply to the second set, and did not to the first.
    pub introduced: Vec<Finding>,
}

impl Advisories {
    /// Of what applies to the first set and what applies to the second.
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

/// What became of the packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// Those that only the second set has.
    pub added: Vec<Listed>,
    /// Those that only the first set has.
    pub removed: Vec<Listed>,
    /// Those of which the second set has a newer version.
    pub upgraded: Vec<Moved>,
    /// Those of which the second set has an older version.
    pub downgraded: Vec<Moved>,
    /// Those of one version that are not the same build, by id.
    pub rebuilt: Vec<String>,
}

/// A package of one set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What tells it from all others.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its whole version.
    pub version: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// Bytes that its files take.
    pub installed_size: u64,
}

/// A package that both sets have, in other versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// The version of the first set.
    pub from: String,
    /// The version of the second.
    pub to: String,
    /// The id in the first set.
    pub from_id: String,
    /// The id in the second.
    pub to_id: String,
    /// How many bytes more its files take.
    pub growth: i64,
}

/// Names that appeared or went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// Only the second set has them.
    pub added: Vec<String>,
    /// Only the first set has them.
    pub removed: Vec<String>,
}

/// A number in both sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both {
    /// In the first.
    pub from: u64,
    /// In the second.
    pub to: u64,
}

/// How large both sets are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// How many packages there are.
    pub packages: Both,
    /// What they say that their files take.
    pub installed: Both,
    /// Bytes of the package files, where both know them.
    pub download: Option<Both>,
    /// Bytes of all regular files, where both have them.
    pub files: Option<Both>,
}

impl Diff {
    /// What is different from one subject to another.
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

    /// Whether nothing is.
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
            // What both have is not looked at again; of several versions of a name the rest are held against each other in their order.
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

/// Whether two packages of one id are not the same build, by what both tell of it.
fn is_other_build((from, a): (&Subject, &PackageFacts), (to, b): (&Subject, &PackageFacts)) -> bool {
    let checksum =
        |subject: &Subject, package: &PackageFacts| subject.origins.get(&package.id).and_then(|origin| origin.checksum.clone());
    let other_time = a.build_time.zip(b.build_time).is_some_and(|(a, b)| a != b);
    let other_file = checksum(from, a).zip(checksum(to, b)).is_some_and(|(a, b)| a.algorithm() == b.algorithm() && a != b);
    other_time || other_file
}

/// The names that packages provide (in whatever version), in one set only.
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
