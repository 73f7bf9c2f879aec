//! Packages that the active module streams hide.
//!
//! Packages of inactive streams are hidden. So are all other packages that have or provide the name
//! of a package in an active stream (libdnf's `setModuleExcludes`). Packages of active streams are
//! never hidden.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Active, Build, Modules};
use crate::pool::{Pool, Solvable, SolvableId, StringId};

/// The packages that modules hide.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// The hidden packages, sorted by id.
    packages: Vec<SolvableId>,
    /// The packages of the active streams.
    shown: FxHashSet<SolvableId>,
    by: FxHashMap<SolvableId, Hider>,
}

/// The reason why a package is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hider {
    /// The package belongs to an inactive stream (`nodejs:18`).
    NotActive(String),
    /// An active stream has a package whose name this package has or provides.
    Masked(String),
    /// The package is filtered from its repository.
    Repository,
}

impl Hidden {
    /// Returns the hidden packages, sorted by id.
    pub fn packages(&self) -> &[SolvableId] {
        &self.packages
    }

    /// Reports whether a package belongs to an active stream.
    pub fn shows(&self, package: SolvableId) -> bool {
        self.shown.contains(&package)
    }

    /// Returns the reason why a package is hidden, if it is.
    pub fn by(&self, package: SolvableId) -> Option<&Hider> {
        self.by.get(&package)
    }
}

impl Build {
    /// Returns the packages of the pool that belong to the build.
    pub fn packages<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = SolvableId> + 'a {
        self.artifacts.iter().flat_map(|artifact| packages(pool, artifact))
    }
}

impl Modules {
    /// Returns the packages that are hidden by these active streams. Installed packages and those
    /// for which `is_spared` returns true are never hidden.
    pub fn hidden(&self, active: &Active, pool: &Pool, is_spared: impl Fn(Solvable<'_>) -> bool) -> Hidden {
        let of =
            |wanted: bool| self.builds.iter().zip(&active.builds).filter(move |&(_, &is)| is == wanted).map(|(build, _)| build);
        let shown: FxHashSet<SolvableId> = of(true).flat_map(|build| build.packages(pool)).collect();
        let may_hide =
            |id: &SolvableId| !shown.contains(id) && !pool.solvable(*id).is_installed() && !is_spared(pool.solvable(*id));
        let mut by = FxHashMap::default();
        for build in of(false) {
            for id in build.packages(pool).filter(may_hide) {
                by.entry(id).or_insert_with(|| Hider::NotActive(build.name_stream()));
            }
        }
        for build in of(true) {
            let demodularized = self.demodularized(build);
            for name in build.artifacts.iter().filter_map(|artifact| binary_name(artifact)) {
                if demodularized.iter().any(|other| other == name) {
                    continue;
                }
                let Some(name) = pool.find(name) else { continue };
                for id in named(pool, name).filter(may_hide) {
                    by.entry(id).or_insert_with(|| Hider::Masked(build.name_stream()));
                }
            }
        }
        let mut packages: Vec<SolvableId> = by.keys().copied().collect();
        packages.sort_unstable();
        Hidden { packages, shown, by }
    }

    /// Returns the names that no longer belong to a stream, according to its newest version.
    fn demodularized(&self, build: &Build) -> &[String] {
        let same = self
            .builds
            .iter()
            .filter(|other| other.name == build.name && other.stream == build.stream && other.arch == build.arch);
        same.max_by_key(|build| build.version).map_or(&[], |newest| &newest.demodularized)
    }
}

/// Returns the packages that have or provide a name.
fn named(pool: &Pool, name: StringId) -> impl Iterator<Item = SolvableId> {
    let providers = pool.providers(name).filter(|(_, by)| by.is_some()).map(|(id, _)| id);
    pool.named(name).iter().copied().chain(providers)
}

/// Returns the packages of the pool that match an artifact.
fn packages<'p>(pool: &'p Pool, artifact: &str) -> impl Iterator<Item = SolvableId> + use<'p> {
    let found = parse(artifact).and_then(|(name, version, arch)| Some((pool.find(name)?, pool.find(version)?, pool.find(arch)?)));
    let named = found.map(|found| (found, pool.named(found.0)));
    named.into_iter().flat_map(move |((_, version, arch), named)| {
        named.iter().copied().filter(move |&id| {
            let package = pool.solvable(id);
            package.version_id() == version && package.arch_id() == arch
        })
    })
}

/// Returns the name of an artifact. Returns `None` for source packages: they provide nothing and
/// hide no binary package.
fn binary_name(artifact: &str) -> Option<&str> {
    parse(artifact).filter(|(.., arch)| !matches!(*arch, "src" | "nosrc")).map(|(name, ..)| name)
}

/// Splits `name-[epoch:]version-release.arch` into the name, the version as in the pool, and the
/// architecture.
fn parse(artifact: &str) -> Option<(&str, &str, &str)> {
    let (rest, arch) = artifact.rsplit_once('.')?;
    let release = rest.rfind('-')?;
    let version = rest[..release].rfind('-')?;
    let (name, version) = (&rest[..version], &rest[version + 1..]);
    Some((name, version.strip_prefix("0:").unwrap_or(version), arch))
}
