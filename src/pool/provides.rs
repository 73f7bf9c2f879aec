//! Who provides what: from a name (or a path) to the packages and the dependency by which each provides it.

use super::ranks::{Ranks, group};
use super::{Dependency, DependencyId, Kind, PoolBuilder, SolvableId, StringId};

/// That a package provides a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Provide {
    pub(super) solvable: SolvableId,
    /// The provided dependency, or [`BY_FILE`].
    pub(super) dependency: DependencyId,
}

/// Marks a provide that is a file of the package.
pub(super) const BY_FILE: DependencyId = DependencyId(u32::MAX);

/// The index: for each string its run of provides, by package.
#[derive(Clone, Debug, Default)]
pub(super) struct Provides {
    starts: Vec<u32>,
    provides: Vec<Provide>,
}

impl Provides {
    /// Indexes all packages that fit the machine or are installed.
    pub(super) fn new(builder: &PoolBuilder, ranks: &Ranks) -> Self {
        let (columns, dependencies) = (&builder.columns, &builder.dependencies);
        let required = required_paths(builder);
        let takes_part = |id: &SolvableId| ranks.arch(*id).is_some() || builder.installed == Some(columns.repo(*id));
        let pairs = (columns.ids()).filter(takes_part).flat_map(|solvable| {
            let told = columns.run(solvable, Kind::Provides, Kind::Provides).iter().filter_map(move |&dependency| {
                match dependencies.get(dependency) {
                    Dependency::Plain { name, .. } => Some((name, Provide { solvable, dependency })),
                    Dependency::Rich { .. } => None,
                }
            });
            let files = (columns.files(solvable).iter().filter(|path| required[path.index()]))
                .map(move |&path| (path, Provide { solvable, dependency: BY_FILE }));
            told.chain(files)
        });
        let (starts, provides) = group(builder.strings.len(), pairs);
        Self { starts, provides }
    }

    pub(super) fn of(&self, name: StringId) -> &[Provide] {
        match self.starts.get(name.index()..name.index() + 2) {
            Some(run) => &self.provides[run[0] as usize..run[1] as usize],
            None => &[],
        }
    }
}

/// Of each string, whether it is a path that some dependency names.
fn required_paths(builder: &PoolBuilder) -> Vec<bool> {
    let mut required = vec![false; builder.strings.len()];
    for (_, dependency) in builder.dependencies.iter() {
        if let Dependency::Plain { name, .. } = dependency
            && builder.strings.get(name).starts_with('/')
        {
            required[name.index()] = true;
        }
    }
    required
}

/// The paths that some dependency names and no package is known to have.
pub(super) fn unmet_paths(builder: &PoolBuilder) -> Vec<StringId> {
    let mut unmet = required_paths(builder);
    for id in builder.columns.ids() {
        for path in builder.columns.files(id) {
            unmet[path.index()] = false;
        }
        for &dependency in builder.columns.run(id, Kind::Provides, Kind::Provides) {
            if let Dependency::Plain { name, .. } = builder.dependencies.get(dependency) {
                unmet[name.index()] = false;
            }
        }
    }
    for (_, path) in &builder.late_files {
        unmet[path.index()] = false;
    }
    (0..unmet.len()).filter(|&place| unmet[place]).map(StringId::from_index).collect()
}
