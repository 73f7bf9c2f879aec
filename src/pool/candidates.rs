//! The packages that meet each dependency, computed once when the pool is built.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::builder::Told;
use super::image::{ImageError, check, sections};
use super::provides::{BY_FILE, Provides};
use super::{Constraint, Dependency, DependencyId, Kind, Op, RichOp, SolvableId, StringId, VersionScheme};

sections! {
    /// For each dependency, a range of packages sorted by id.
    CandidateTable, Candidates {
        starts: u32,
        solvables: SolvableId,
        /// For each dependency, 1 if the package manager itself meets it.
        by_system: u8,
        /// The dependencies by which packages obsolete others, sorted by id. `obsoleted_starts` is
        /// the start index of each range (and the end of the last) in `obsoleted`, the packages
        /// whose own names and versions match.
        obsoletes: DependencyId,
        obsoleted_starts: u32,
        obsoleted: SolvableId,
    }
}

/// Maximum number of candidates of all dependencies together: a hundred times as many as in a
/// distribution. A thousand dependencies on a thousand packages are a million pairs, so small
/// metadata can expand to a large pool.
pub(super) const MOST_MET: usize = 1 << 26;
/// Number of lookups that a thread counts on its own before it adds them to the shared counter.
const FEW_LOOKS: usize = 1 << 16;
/// Maximum number of provided dependencies that may be compared.
const MOST_LOOKS: usize = 1 << 30;

impl CandidateTable {
    /// Computes the candidates. Returns `None` if there are too many.
    pub(super) fn new(told: &Told<'_>, provides: Provides<'_>, scheme: &dyn VersionScheme) -> Option<Self> {
        let count = told.dependencies.len();
        let mut all = Self {
            starts: Vec::with_capacity(count + 1),
            solvables: Vec::new(),
            by_system: vec![0; count],
            obsoletes: Vec::new(),
            obsoleted_starts: Vec::new(),
            obsoleted: Vec::new(),
        };
        all.starts.push(0);
        let unasked = unasked(told);
        let spent = Spent::default();
        let part = |first: usize| PlainPart::new(told, provides, scheme, (&unasked, &spent), first..count.min(first + PART));
        let firsts: Vec<usize> = (0..count).step_by(PART).collect();
        let plain: Option<Vec<PlainPart>> = match firsts[..] {
            // One part needs no threads; starting them would take longer.
            [] | [_] => firsts.into_iter().map(part).collect(),
            _ => firsts.into_par_iter().map(part).collect(),
        };
        let plain = plain?;
        let mut found = Vec::new();
        for (id, dependency) in told.dependencies.iter() {
            match dependency {
                Dependency::Plain { .. } => {
                    let (candidates, by_system) = plain[id.index() / PART].of(id);
                    all.solvables.extend_from_slice(candidates);
                    all.by_system[id.index()] = u8::from(by_system);
                }
                Dependency::Rich { op, left, right } => {
                    found.clear();
                    find_rich(told, all.view(), op, left, right, &mut found);
                    all.solvables.extend_from_slice(&found);
                }
            }
            if all.solvables.len() > MOST_MET {
                return None;
            }
            all.starts.push(all.solvables.len() as u32);
        }
        all.find_obsoleted(told, scheme);
        (all.obsoleted.len() <= MOST_MET).then_some(all)
    }

    /// Finds the packages that each obsoletes matches. RPM's obsoletes match package names, not
    /// provides.
    fn find_obsoleted(&mut self, told: &Told<'_>, scheme: &dyn VersionScheme) {
        let (columns, strings) = (&told.columns, told.strings);
        self.obsoletes = columns.ids().flat_map(|id| columns.run(id, Kind::Obsoletes, Kind::Obsoletes)).copied().collect();
        self.obsoletes.sort_unstable();
        self.obsoletes.dedup();
        self.obsoleted_starts.push(0);
        for &id in &self.obsoletes {
            if let Dependency::Plain { name, op, version } = told.dependencies.get(id) {
                let required = Constraint { op, version: strings.get(version) };
                let run = self.starts[id.index()] as usize..self.starts[id.index() + 1] as usize;
                let fits = |&id: &SolvableId| {
                    let own = Constraint { op: Op::EQUAL, version: strings.get(columns.version(id)) };
                    columns.name(id) == name && (op.is_any() || scheme.overlap(own, required))
                };
                self.obsoleted.extend(self.solvables[run].iter().copied().filter(fits));
            }
            self.obsoleted_starts.push(self.obsoleted.len() as u32);
        }
    }
}

/// Work of all threads so far.
#[derive(Default)]
struct Spent {
    met: AtomicUsize,
    looks: AtomicUsize,
}

impl Spent {
    /// Adds to the counters. Returns true if both are within their limits.
    fn add(&self, met: usize, looks: usize) -> bool {
        self.met.fetch_add(met, Ordering::Relaxed) <= MOST_MET && self.looks.fetch_add(looks, Ordering::Relaxed) <= MOST_LOOKS
    }
}

/// Number of dependencies that a thread handles at once.
const PART: usize = 1 << 13;

/// The candidates of a range of dependencies. Only plain ones are handled, as they do not depend on
/// one another.
struct PlainPart {
    first: usize,
    /// For each, the end of its candidates, and whether the package manager itself meets it.
    ends: Vec<(u32, bool)>,
    solvables: Vec<SolvableId>,
}

impl PlainPart {
    fn new(
        told: &Told<'_>,
        provides: Provides<'_>,
        scheme: &dyn VersionScheme,
        (unasked, spent): (&[bool], &Spent),
        ids: std::ops::Range<usize>,
    ) -> Option<Self> {
        let (mut met, mut looks) = (0, 0);
        let mut part = Self { first: ids.start, ends: Vec::with_capacity(ids.len()), solvables: Vec::new() };
        for id in ids {
            let before = part.solvables.len();
            let mut by_system = false;
            let dependency = told.dependencies.get(DependencyId::from_index(id));
            if let Dependency::Plain { name, op, version } = dependency
                && !unasked[id]
            {
                find_plain(told, provides, scheme, dependency, &mut part.solvables);
                // Update the shared counter only now and then: writes from all threads are slow.
                met += part.solvables.len() - before;
                looks += provides.of(name).len();
                if met.max(looks) > FEW_LOOKS && !spent.add(std::mem::take(&mut met), std::mem::take(&mut looks)) {
                    return None;
                }
                let required = || Constraint { op, version: told.strings.get(version) };
                by_system = part.solvables.len() == before && scheme.provided_by_system(told.strings.get(name), required());
            }
            part.ends.push((part.solvables.len() as u32, by_system));
        }
        spent.add(met, looks).then_some(part)
    }

    fn of(&self, id: DependencyId) -> (&[SolvableId], bool) {
        let place = id.index() - self.first;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before].0 as usize);
        let (end, by_system) = self.ends[place];
        (&self.solvables[start..end as usize], by_system)
    }
}

impl<'a> Candidates<'a> {
    pub(super) fn of(self, dependency: DependencyId) -> &'a [SolvableId] {
        &self.solvables[self.starts[dependency.index()] as usize..self.starts[dependency.index() + 1] as usize]
    }

    pub(super) fn by_system(self, dependency: DependencyId) -> bool {
        self.by_system[dependency.index()] != 0
    }

    pub(super) fn obsoleted(self, dependency: DependencyId) -> &'a [SolvableId] {
        let Ok(place) = self.obsoletes.binary_search(&dependency) else { return &[] };
        &self.obsoleted[self.obsoleted_starts[place] as usize..self.obsoleted_starts[place + 1] as usize]
    }

    /// Fails if an id or index is out of bounds.
    pub(super) fn check(self, dependencies: usize, solvables: usize) -> Result<(), ImageError> {
        const WHAT: &str = "candidates";
        check::runs(WHAT, self.starts, dependencies, self.solvables.len())?;
        check::below(WHAT, self.solvables, solvables)?;
        check::length(WHAT, self.by_system.len(), dependencies)?;
        check::below(WHAT, self.obsoletes, dependencies)?;
        check::runs(WHAT, self.obsoleted_starts, self.obsoletes.len(), self.obsoleted.len())?;
        check::below(WHAT, self.obsoleted, solvables)
    }
}

/// Finds the packages that may meet a rich dependency (libsolv's `pool_addrelproviders`): both
/// sides of `and` and `or`, the left side and the alternative of `if` and `unless`. The result is
/// exact for `with` and `without`. The solver evaluates the sides itself.
fn find_rich(
    told: &Told<'_>,
    before: Candidates<'_>,
    op: RichOp,
    left: DependencyId,
    right: DependencyId,
    found: &mut Vec<SolvableId>,
) {
    // The sides have lower ids, so their candidates are known.
    let (left, other) = (before.of(left), before.of(right));
    match op {
        RichOp::With => found.extend(left.iter().filter(|id| other.binary_search(id).is_ok())),
        RichOp::Without => found.extend(left.iter().filter(|id| other.binary_search(id).is_err())),
        RichOp::And | RichOp::Or => merge(left, other, found),
        RichOp::If | RichOp::Unless => match told.dependencies.get(right) {
            Dependency::Rich { op: RichOp::Else, right: alternative, .. } => merge(left, before.of(alternative), found),
            _ => found.extend_from_slice(left),
        },
        RichOp::Else => {}
    }
}

/// Returns for each dependency whether packages only provide it with a version, so that its
/// candidates are not needed.
fn unasked(told: &Told<'_>) -> Vec<bool> {
    let columns = &told.columns;
    let mut unasked = vec![false; told.dependencies.len()];
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Provides, Kind::Provides)) {
        unasked[dependency.index()] = true;
    }
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Requires, Kind::Replaces)) {
        unasked[dependency.index()] = false;
    }
    for (id, dependency) in told.dependencies.iter() {
        match dependency {
            Dependency::Plain { op, .. } => unasked[id.index()] &= !op.is_any(),
            Dependency::Rich { left, right, .. } => {
                for side in [id, left, right] {
                    unasked[side.index()] = false;
                }
            }
        }
    }
    unasked
}

fn find_plain(
    told: &Told<'_>,
    provides: Provides<'_>,
    scheme: &dyn VersionScheme,
    wanted: Dependency,
    found: &mut Vec<SolvableId>,
) {
    let Dependency::Plain { name, op, version } = wanted else {
        return;
    };
    if op.contains(Op::NOT) || op.contains(Op::INVALID) {
        return;
    }
    let required = (op, version);
    let before = found.len();
    // Consecutive packages, of several architectures, often have the same provide.
    let mut last = None;
    for provide in provides.of(name) {
        if found[before..].last() == Some(&provide.solvable) {
            continue;
        }
        let met = match last {
            Some((dependency, met)) if dependency == provide.dependency => met,
            _ => op.is_any() || meets(told, scheme, provide.dependency, required),
        };
        last = Some((provide.dependency, met));
        if met {
            found.push(provide.solvable);
        }
    }
}

/// Returns true if a provided dependency or a file meets a constraint on its name.
fn meets(told: &Told<'_>, scheme: &dyn VersionScheme, provided: DependencyId, required: (Op, StringId)) -> bool {
    if provided == BY_FILE {
        // As in libsolv, files do not meet dependencies with a version.
        return false;
    }
    match told.dependencies.get(provided) {
        Dependency::Plain { op, .. } if op.is_any() => scheme.unversioned_provides_any(),
        Dependency::Plain { op, version, .. } => {
            let same = version == required.1 && op.contains(Op::EQUAL) && required.0.contains(Op::EQUAL);
            let constraint = |op, version| Constraint { op, version: told.strings.get(version) };
            same || scheme.overlap(constraint(op, version), constraint(required.0, required.1))
        }
        Dependency::Rich { .. } => false,
    }
}

fn merge(a: &[SolvableId], b: &[SolvableId], into: &mut Vec<SolvableId>) {
    into.extend_from_slice(a);
    into.extend_from_slice(b);
    into.sort_unstable();
    into.dedup();
}
