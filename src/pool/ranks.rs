//! Ranks: versions and architectures as integers. Also lists the packages of each name.

use rustc_hash::FxHashMap;

use super::builder::Told;
use super::image::{ImageError, check, sections};
use super::{Architectures, Constraint, Dependency, DependencyId, Kind, Op, SolvableId, StringId, VersionScheme};

/// Rank of an incompatible architecture.
pub(super) const FOREIGN: u16 = u16::MAX;

sections! {
    /// The order of versions and architectures.
    RankTable, Ranks {
        /// Version rank of each package among those of its name: equal for equal versions, higher
        /// for newer ones.
        version: u32,
        /// Architecture rank of each package: 0 for neutral, 1 for the best, or [`FOREIGN`].
        arch: u16,
        /// All packages grouped by name; in a group, sorted by id.
        by_name: SolvableId,
        /// Start index of each name's group in `by_name`; one more than there are strings.
        names: u32,
        /// Rank of each provided dependency with a version among those of its name: higher for
        /// newer versions. It is 0 if only packages of one name provide it.
        provided: u32,
        /// Packages of a compatible architecture that supplement or enhance others, sorted by id.
        supplementing: SolvableId,
        /// For each package, 1 if packages of its name exist for several compatible architectures.
        mixed: u8,
    }
}

impl RankTable {
    /// Computes the ranks. `arch` is the result of [`arch_ranks`].
    pub(super) fn new(told: &Told<'_>, scheme: &dyn VersionScheme, arch: Vec<u16>) -> Self {
        let (columns, strings) = (&told.columns, told.strings);
        let (names, by_name) = group(strings.len(), columns.ids().map(|id| (columns.name(id), id)));
        let mut version = vec![0; columns.len()];
        let mut sorted = Vec::new();
        for run in names.windows(2).map(|run| run[0] as usize..run[1] as usize).filter(|run| run.len() > 1) {
            sorted.clear();
            sorted.extend(by_name[run].iter().map(|&id| (columns.version(id), id)));
            let text = |of: &(StringId, SolvableId)| strings.get(of.0);
            sorted.sort_by(|a, b| if a.0 == b.0 { a.1.cmp(&b.1) } else { scheme.compare(text(a), text(b)) });
            let mut rank = 0;
            for pair in 1..sorted.len() {
                let (before, this) = (&sorted[pair - 1], &sorted[pair]);
                rank += u32::from(before.0 != this.0 && scheme.compare(text(before), text(this)).is_lt());
                version[this.1.index()] = rank;
            }
        }
        let supplementing = (columns.ids())
            .filter(|&id| arch[id.index()] != FOREIGN)
            .filter(|&id| !columns.run(id, Kind::Supplements, Kind::Enhances).is_empty())
            .collect();
        let mut mixed = vec![0; columns.len()];
        for run in names.windows(2).map(|run| &by_name[run[0] as usize..run[1] as usize]).filter(|run| run.len() > 1) {
            let mut ranks = run.iter().map(|id| arch[id.index()]).filter(|&rank| rank != 0 && rank != FOREIGN);
            let first = ranks.next();
            if ranks.any(|rank| Some(rank) != first) {
                for id in run {
                    mixed[id.index()] = 1;
                }
            }
        }
        let provided = rank_provided(told, scheme);
        Self { version, arch, by_name, names, provided, supplementing, mixed }
    }
}

impl<'a> Ranks<'a> {
    pub(super) fn provided(self, dependency: DependencyId) -> u32 {
        self.provided[dependency.index()]
    }

    pub(super) fn supplementing(self) -> &'a [SolvableId] {
        self.supplementing
    }

    pub(super) fn mixed(self, id: SolvableId) -> bool {
        self.mixed[id.index()] != 0
    }

    pub(super) fn version(self, id: SolvableId) -> u32 {
        self.version[id.index()]
    }

    pub(super) fn arch(self, id: SolvableId) -> Option<u16> {
        Some(self.arch[id.index()]).filter(|&rank| rank != FOREIGN)
    }

    pub(super) fn named(self, name: StringId) -> &'a [SolvableId] {
        match self.names.get(name.index()..name.index() + 2) {
            Some(run) => &self.by_name[run[0] as usize..run[1] as usize],
            None => &[],
        }
    }

    /// Fails if an id or index is out of bounds.
    pub(super) fn check(self, strings: usize, dependencies: usize, solvables: usize) -> Result<(), ImageError> {
        const WHAT: &str = "ranks";
        for length in [self.version.len(), self.arch.len(), self.mixed.len()] {
            check::length(WHAT, length, solvables)?;
        }
        check::length(WHAT, self.provided.len(), dependencies)?;
        check::runs(WHAT, self.names, strings, self.by_name.len())?;
        check::below(WHAT, self.by_name, solvables)?;
        check::below(WHAT, self.supplementing, solvables)
    }
}

/// Returns the architecture rank of each package.
pub(super) fn arch_ranks(told: &Told<'_>, architectures: &Architectures) -> Vec<u16> {
    let (columns, strings) = (&told.columns, told.strings);
    let mut known: FxHashMap<StringId, u16> = FxHashMap::default();
    let mut rank = |arch| *known.entry(arch).or_insert_with(|| architectures.rank(strings.get(arch)).unwrap_or(FOREIGN));
    columns.ids().map(|id| rank(columns.arch(id))).collect()
}

/// Ranks the versions of names that packages of different names provide. Versions that match each
/// other, as when one lacks the release, have equal ranks.
fn rank_provided(told: &Told<'_>, scheme: &dyn VersionScheme) -> Vec<u32> {
    let (columns, dependencies, strings) = (&told.columns, told.dependencies, told.strings);
    let mut is_provided = vec![false; dependencies.len()];
    // The first package name that provides each name, and whether there are others. Versions are
    // compared only in that case.
    let mut provider: Vec<Option<StringId>> = vec![None; strings.len()];
    let mut shared = vec![false; strings.len()];
    for id in columns.ids() {
        for &dependency in columns.run(id, Kind::Provides, Kind::Provides) {
            is_provided[dependency.index()] = true;
            if let Dependency::Plain { name, .. } = dependencies.get(dependency) {
                let first = *provider[name.index()].get_or_insert(columns.name(id));
                shared[name.index()] |= first != columns.name(id);
            }
        }
    }
    let pairs = dependencies.iter().filter_map(|(id, dependency)| match dependency {
        Dependency::Plain { name, op, version } if !op.is_any() && is_provided[id.index()] && shared[name.index()] => {
            Some((name, (id, version)))
        }
        _ => None,
    });
    let mut sorted: Vec<(StringId, (DependencyId, StringId))> = pairs.collect();
    sorted.sort_by_key(|&(name, (id, _))| (name, id));
    let mut ranks = vec![0; dependencies.len()];
    let text = |of: &(StringId, (DependencyId, StringId))| strings.get(of.1.1);
    for run in sorted.chunk_by_mut(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        run.sort_by(|a, b| scheme.compare(text(a), text(b)));
        let mut rank = 0;
        for place in 1..run.len() {
            let (before, this) = (Constraint { op: Op::EQUAL, version: text(&run[place - 1]) }, text(&run[place]));
            let overlap = before.version == this || scheme.overlap(before, Constraint { op: Op::EQUAL, version: this });
            rank += u32::from(!overlap);
            ranks[run[place].1.0.index()] = rank;
        }
    }
    ranks
}

/// Groups values by a string, in the given order. Returns the start index of each string's group
/// (and the end of the last), and the values.
pub(super) fn group<T: Copy + Default>(strings: usize, pairs: impl Iterator<Item = (StringId, T)> + Clone) -> (Vec<u32>, Vec<T>) {
    let mut starts = vec![0_u32; strings + 1];
    for (key, _) in pairs.clone() {
        starts[key.index() + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let mut values = vec![T::default(); starts.last().map_or(0, |&end| end as usize)];
    let mut next = starts.clone();
    for (key, value) in pairs {
        values[next[key.index()] as usize] = value;
        next[key.index()] += 1;
    }
    (starts, values)
}
