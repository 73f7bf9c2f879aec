//! The difference between two locks of one architecture.

use serde::Serialize;

use super::{LockedArchitecture, LockedPackage};

/// The difference between two locks of one architecture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The architecture.
    pub arch: String,
    /// The differing packages, sorted by name.
    pub packages: Vec<PackageDifference>,
    /// True if the installation order, the world, or the settings for documentation and languages
    /// differ.
    pub order: bool,
    /// The decisions of the catalog that differ: the configuration of the image, the finishing
    /// steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<&'static str>,
    /// The repositories whose metadata differ.
    pub repositories: Vec<RepositoryDifference>,
}

impl Difference {
    /// Reports whether the image differs. A change of repository revisions alone does not count.
    pub fn is_of_the_image(&self) -> bool {
        !self.packages.is_empty() || self.order || !self.image.is_empty()
    }

    /// Reports whether there are no differences.
    pub fn is_empty(&self) -> bool {
        !self.is_of_the_image() && self.repositories.is_empty()
    }
}

/// A package that is in one lock only, or that differs between the locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageDifference {
    /// The name of the package.
    pub name: String,
    /// The architecture of the package.
    pub arch: String,
    /// The builds in the first lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Told>,
    /// The builds in the second lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Told>,
}

/// The facts that distinguish one build of a package from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The id of the package.
    pub id: String,
    /// The full version.
    pub version: String,
    /// The repository of the package.
    pub repository: String,
    /// The checksum in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

impl Told {
    fn of(package: &LockedPackage) -> Self {
        Self {
            id: package.id.clone(),
            version: package.version.clone(),
            repository: package.repository.clone(),
            checksum: package.promised().map(ToString::to_string),
        }
    }
}

/// A repository that is in one lock only, or whose revision differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepositoryDifference {
    /// The name of the repository.
    pub name: String,
    /// The revision of the repository in the first lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The revision of the repository in the second lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Returns the differences between two locks of one architecture.
pub fn differences(old: &LockedArchitecture, new: &LockedArchitecture) -> Difference {
    let mut names: Vec<(&str, &str)> =
        old.packages.iter().chain(&new.packages).map(|package| (package.name.as_str(), package.arch.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let mut packages = Vec::new();
    for (name, arch) in names {
        let of = |lock: &LockedArchitecture| -> Vec<LockedPackage> {
            lock.packages.iter().filter(|package| package.name == name && package.arch == arch).cloned().collect()
        };
        let (mut before, mut after) = (of(old), of(new));
        let is_same = |a: &LockedPackage, b: &LockedPackage| {
            (&a.id, &a.repository, &a.location, a.size, a.promised(), a.reason, a.docs, &a.langs)
                == (&b.id, &b.repository, &b.location, b.size, b.promised(), b.reason, b.docs, &b.langs)
        };
        let kept = before.clone();
        before.retain(|package| !after.iter().any(|other| is_same(package, other)));
        after.retain(|package| !kept.iter().any(|other| is_same(package, other)));
        for place in 0..before.len().max(after.len()) {
            let told = |side: &[LockedPackage]| side.get(place).map(Told::of);
            let (name, arch) = (name.to_owned(), arch.to_owned());
            packages.push(PackageDifference { name, arch, from: told(&before), to: told(&after) });
        }
    }
    let order = (&old.order, &old.world, old.docs, &old.langs) != (&new.order, &new.world, new.docs, &new.langs);
    // A lock of version 1 does not contain this.
    let image = old.image.as_ref().zip(new.image.as_ref()).map(|(old, new)| old.differences(new)).unwrap_or_default();
    Difference { arch: new.name.clone(), packages, order, image, repositories: repositories(old, new) }
}

fn repositories(old: &LockedArchitecture, new: &LockedArchitecture) -> Vec<RepositoryDifference> {
    let mut names: Vec<&str> =
        old.repositories.iter().chain(&new.repositories).map(|repository| repository.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let state = |lock: &LockedArchitecture, name: &str| {
        let found = lock.repositories.iter().find(|repository| repository.name == name)?;
        let said = found.revision.clone().unwrap_or_else(|| found.metadata.to_string());
        Some((found.metadata.clone(), said))
    };
    let moved = names.into_iter().map(|name| (name, state(old, name), state(new, name)));
    moved
        .filter(|(_, from, to)| from.as_ref().map(|state| &state.0) != to.as_ref().map(|state| &state.0))
        .map(|(name, from, to)| RepositoryDifference {
            name: name.to_owned(),
            from: from.map(|state| state.1),
            to: to.map(|state| state.1),
        })
        .collect()
}
