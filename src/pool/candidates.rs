//! Which packages each dependency is met by, found once when the pool is built.

use super::provides::{BY_FILE, Provides};
use super::{Constraint, Dependency, DependencyId, Kind, Op, PoolBuilder, RichOp, SolvableId, StringId, VersionScheme};

/// For each dependency a run of packages, by id. Runs of equal content may be shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    runs: Vec<(u32, u32)>,
    solvables: Vec<SolvableId>,
    /// Of each dependency, whether the package manager itself meets it.
    by_system: Vec<bool>,
    /// For each dependency that some package obsoletes: the packages whose own name and version it matches.
    obsoleted: Vec<(u32, u32)>,
}

impl Candidates {
    pub(super) fn new(builder: &PoolBuilder, provides: &Provides, scheme: &dyn VersionScheme) -> Self {
        let mut all = Self::default();
        let mut found = Vec::new();
        let unasked = unasked(builder);
        for (id, dependency) in builder.dependencies.iter() {
            found.clear();
            let mut by_system = false;
            match dependency {
                _ if unasked[id.index()] => {}
                Dependency::Plain { name, .. } => {
                    find_plain(builder, provides, scheme, dependency, &mut found);
                    by_system = found.is_empty() && scheme.provided_by_system(builder.strings.get(name));
                }
                Dependency::Rich { op, left, right } => all.find_rich(builder, op, left, right, &mut found),
            }
            let start = all.solvables.len() as u32;
            all.solvables.extend_from_slice(&found);
            all.runs.push((start, all.solvables.len() as u32));
            all.by_system.push(by_system);
        }
        all.find_obsoleted(builder, scheme);
        all
    }

    pub(super) fn obsoleted(&self, dependency: DependencyId) -> &[SolvableId] {
        let (start, end) = self.obsoleted[dependency.index()];
        &self.solvables[start as usize..end as usize]
    }

    /// RPM's obsoletes match names of packages, not what they provide.
    fn find_obsoleted(&mut self, builder: &PoolBuilder, scheme: &dyn VersionScheme) {
        let (columns, strings) = (&builder.columns, &builder.strings);
        self.obsoleted = vec![(0, 0); self.runs.len()];
        let mut done = vec![false; self.runs.len()];
        for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Obsoletes, Kind::Obsoletes)) {
            if std::mem::replace(&mut done[dependency.index()], true) {
                continue;
            }
            let Dependency::Plain { name, op, version } = builder.dependencies.get(*dependency) else { continue };
            let required = Constraint { op, version: strings.get(version) };
            let (start, end) = self.runs[dependency.index()];
            let first = self.solvables.len() as u32;
            for place in start..end {
                let id = self.solvables[place as usize];
                let own = Constraint { op: Op::EQUAL, version: strings.get(columns.version(id)) };
                if columns.name(id) == name && (op.is_any() || scheme.overlap(own, required)) {
                    self.solvables.push(id);
                }
            }
            self.obsoleted[dependency.index()] = (first, self.solvables.len() as u32);
        }
    }

    pub(super) fn of(&self, dependency: DependencyId) -> &[SolvableId] {
        let (start, end) = self.runs[dependency.index()];
        &self.solvables[start as usize..end as usize]
    }

    pub(super) fn by_system(&self, dependency: DependencyId) -> bool {
        self.by_system[dependency.index()]
    }

    /// What can meet a rich dependency at best (libsolv's `pool_addrelproviders`): both sides of `and` and `or`, the left and the
    /// alternative of `if` and `unless`; exact for `with` and `without`. The solver looks into the sides itself.
    fn find_rich(&self, builder: &PoolBuilder, op: RichOp, left: DependencyId, right: DependencyId, found: &mut Vec<SolvableId>) {
        // The sides were interned, and so expanded, before.
        let (left, other) = (self.of(left), self.of(right));
        match op {
            RichOp::With => found.extend(left.iter().filter(|id| other.binary_search(id).is_ok())),
            RichOp::Without => found.extend(left.iter().filter(|id| other.binary_search(id).is_err())),
            RichOp::And | RichOp::Or => merge(left, other, found),
            RichOp::If | RichOp::Unless => match builder.dependencies.get(right) {
                Dependency::Rich { op: RichOp::Else, right: alternative, .. } => merge(left, self.of(alternative), found),
                _ => found.extend_from_slice(left),
            },
            RichOp::Else => {}
        }
    }
}

/// Of each dependency, whether packages only provide it, with a version: nobody asks who meets it.
fn unasked(builder: &PoolBuilder) -> Vec<bool> {
    let columns = &builder.columns;
    let mut unasked = vec![false; builder.dependencies.len()];
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Provides, Kind::Provides)) {
        unasked[dependency.index()] = true;
    }
    for dependency in columns.ids().flat_map(|id| columns.run(id, Kind::Requires, Kind::Replaces)) {
        unasked[dependency.index()] = false;
    }
    for (id, dependency) in builder.dependencies.iter() {
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
    builder: &PoolBuilder,
    provides: &Provides,
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
    // Packages of several architectures provide the same, one after another.
    let mut last = None;
    for provide in provides.of(name) {
        if found.last() == Some(&provide.solvable) {
            continue;
        }
        let met = match last {
            Some((dependency, met)) if dependency == provide.dependency => met,
            _ => op.is_any() || meets(builder, scheme, provide.dependency, required),
        };
        last = Some((provide.dependency, met));
        if met {
            found.push(provide.solvable);
        }
    }
}

/// Whether the provided dependency (or file) meets a constraint on its name.
fn meets(builder: &PoolBuilder, scheme: &dyn VersionScheme, provided: DependencyId, required: (Op, StringId)) -> bool {
    if provided == BY_FILE {
        // libsolv does not look at files for a dependency with a version.
        return false;
    }
    match builder.dependencies.get(provided) {
        Dependency::Plain { op, .. } if op.is_any() => scheme.unversioned_provides_any(),
        Dependency::Plain { op, version, .. } => {
            let same = version == required.1 && op.contains(Op::EQUAL) && required.0.contains(Op::EQUAL);
            let constraint = |op, version| Constraint { op, version: builder.strings.get(version) };
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
