//! The provides index: from a name or path to the packages that provide it, and the dependency by
//! which each does.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::builder::Told;
use super::image::{ImageError, check, sections};
use super::ranks::{FOREIGN, group};
use super::{Dependency, DependencyId, Kind, SolvableId, StringId};

/// An entry of the index: a package provides a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct Provide {
    pub(super) solvable: SolvableId,
    /// The provided dependency, or [`BY_FILE`].
    pub(super) dependency: DependencyId,
}

/// Marker for a provide that is a file of the package.
pub(super) const BY_FILE: DependencyId = DependencyId(u32::MAX);

sections! {
    /// The index: for each string, the range of its provides in order of packages.
    ProvideTable, Provides {
        starts: u32,
        provides: Provide,
    }
}

impl ProvideTable {
    /// Indexes all packages that fit the machine or are installed. `arch` is the result of
    /// [`arch_ranks`](super::ranks::arch_ranks).
    pub(super) fn new(told: &Told<'_>, arch: &[u16]) -> Self {
        let (columns, dependencies) = (&told.columns, told.dependencies);
        let required = required_paths(told);
        let takes_part = |id: &SolvableId| arch[id.index()] != FOREIGN || told.installed == Some(columns.repo(*id));
        let pairs = (columns.ids()).filter(takes_part).flat_map(|solvable| {
            let named = columns.run(solvable, Kind::Provides, Kind::Provides).iter().filter_map(move |&dependency| {
                match dependencies.get(dependency) {
                    Dependency::Plain { name, .. } => Some((name, Provide { solvable, dependency })),
                    Dependency::Rich { .. } => None,
                }
            });
            let files = (columns.files(solvable).iter().filter(|path| required[path.index()]))
                .map(move |&path| (path, Provide { solvable, dependency: BY_FILE }));
            named.chain(files)
        });
        let (starts, provides) = group(told.strings.len(), pairs);
        Self { starts, provides }
    }
}

impl<'a> Provides<'a> {
    pub(super) fn of(self, name: StringId) -> &'a [Provide] {
        match self.starts.get(name.index()..name.index() + 2) {
            Some(run) => &self.provides[run[0] as usize..run[1] as usize],
            None => &[],
        }
    }

    /// Fails if an id or index is out of bounds.
    pub(super) fn check(self, strings: usize, dependencies: usize, solvables: usize) -> Result<(), ImageError> {
        const WHAT: &str = "provides";
        check::runs(WHAT, self.starts, strings, self.provides.len())?;
        let fits = |provide: &Provide| {
            provide.solvable.index() < solvables && (provide.dependency.index() < dependencies || provide.dependency == BY_FILE)
        };
        check::ensure(WHAT, self.provides.iter().all(fits))
    }
}

/// Returns for each string whether it is a path that a dependency names (libsolv's
/// `pool_addfileprovides`). Paths that packages only provide do not count.
fn required_paths(told: &Told<'_>) -> Vec<bool> {
    let (columns, dependencies) = (&told.columns, told.dependencies);
    let mut asked = vec![true; dependencies.len()];
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Provides, Kind::Provides)) {
        asked[dependency.index()] = false;
    }
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Requires, Kind::Replaces)) {
        asked[dependency.index()] = true;
    }
    for (_, dependency) in dependencies.iter() {
        if let Dependency::Rich { left, right, .. } = dependency {
            asked[left.index()] = true;
            asked[right.index()] = true;
        }
    }
    let mut required = vec![false; told.strings.len()];
    for (id, dependency) in dependencies.iter() {
        if let Dependency::Plain { name, .. } = dependency
            && asked[id.index()]
            && told.strings.get(name).starts_with('/')
        {
            required[name.index()] = true;
        }
    }
    required
}
