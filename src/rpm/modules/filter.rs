//! Which packages may not be chosen, given the streams that are active.
//!
//! Packages of streams that are not active are hidden; so are, of all others, those that have or provide a name of a package of an
//! active stream (libdnf's `setModuleExcludes`). A package that belongs to an active stream never is.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Active, Build, Modules};
use crate::pool::{Pool, Solvable, SolvableId, StringId};

/// The packages that modules hide.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// By id.
    packages: Vec<SolvableId>,
    /// The packages of the active streams.
    shown: FxHashSet<SolvableId>,
    by: FxHashMap<SolvableId, Hider>,
}

/// What hides a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hider {
    /// It belongs to a stream (`nodejs:18`) that is not active.
    NotActive(String),
    /// A stream that is active has a package of a name that it has or provides.
    Masked(String),
    /// Its repository is used without it.
    Repository,
}

impl Hidden {
    /// The packages, by id.
    pub fn packages(&self) -> &[SolvableId] {
        &self.packages
    }

    /// Whether a package belongs to an active stream.
    pub fn shows(&self, package: SolvableId) -> bool {
        self.shown.contains(&package)
    }

    /// What hides a package, if anything does.
    pub fn by(&self, package: SolvableId) -> Option<&Hider> {
        self.by.get(&package)
    }
}

impl Build {
    /// The packages of the pool that belong to it.
    pub fn packages<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = SolvableId> + 'a {
        self.artifacts.iter().flat_map(|artifact| packages(pool, artifact))
    }
}

impl Modules {
    /// The packages that are hidden while these streams are active. What is installed is never, nor what `is_spared`.
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

    /// The names that no longer belong to a stream: its newest version tells.
    fn demodularized(&self, build: &Build) -> &[String] {
        let same = self
            .builds
            .iter()
            .filter(|other| other.name == build.name && other.stream == build.stream && other.arch == build.arch);
        same.max_by_key(|build| build.version).map_or(&[], |newest| &newest.demodularized)
    }
}

/// The packages that have or provide a name.
fn named(pool: &Pool, name: StringId) -> impl Iterator<Item = SolvableId> {
    let providers = pool.providers(name).filter(|(_, by)| by.is_some()).map(|(id, _)| id);
    pool.named(name).iter().copied().chain(providers)
}

/// The packages of the pool that an artifact is.
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

/// The name of an artifact that is not a source package: those provide nothing, and hide no binary package.
fn binary_name(artifact: &str) -> Option<&str> {
    parse(artifact).filter(|(.., arch)| !matches!(*arch, "src" | "nosrc")).map(|(name, ..)| name)
}

/// `name-[epoch:]version-release.arch`: the name, the version as the pool has it, the architecture.
fn parse(artifact: &str) -> Option<(&str, &str, &str)> {
    let (rest, arch) = artifact.rsplit_once('.')?;
    let release = rest.rfind('-')?;
    let version = rest[..release].rfind('-')?;
    let (name, version) = (&rest[..version], &rest[version + 1..]);
    Some((name, version.strip_prefix("0:").unwrap_or(version), arch))
}
