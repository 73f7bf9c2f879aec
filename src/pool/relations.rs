//! Inverse relations between packages, derived from their dependencies once for the solver.

use super::builder::Told;
use super::candidates::{Candidates, MOST_MET};
use super::image::{ImageError, check, sections};
use super::ranks::FOREIGN;
use super::{Dependency, DependencyId, Kind, RichOp, SolvableId, StringId, VersionScheme};

sections! {
    /// For each package, ranges of related packages.
    RelationTable, Relations {
        rival_starts: u32,
        rivals: SolvableId,
        supplement_starts: u32,
        supplemented_by: SolvableId,
        /// Packages of a compatible architecture that supplement or enhance others by a complex
        /// dependency.
        complex_supplements: SolvableId,
        /// For each dependency, 1 if a list of candidates cannot express it.
        complex: u8,
        /// Packages that require, recommend, suggest or conflict with a path whose owners the pool
        /// may not all know, and in `lacked` that path.
        lacking: SolvableId,
        lacked: StringId,
        /// Such paths that packages supplement or enhance.
        lacked_by_supplements: StringId,
    }
}

/// Converts pairs to ranges. Returns the start index of each package's range (and the end of the
/// last), and the values.
fn runs(packages: usize, mut pairs: Vec<(SolvableId, SolvableId)>) -> (Vec<u32>, Vec<SolvableId>) {
    pairs.sort_unstable();
    pairs.dedup();
    let mut starts = vec![0; packages + 1];
    for (of, _) in &pairs {
        starts[of.index() + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    (starts, pairs.into_iter().map(|(_, package)| package).collect())
}

impl RelationTable {
    /// Derives the relations. `arch` is the result of [`arch_ranks`](super::ranks::arch_ranks).
    /// Returns `None` if there are too many.
    pub(super) fn new(told: &Told<'_>, candidates: Candidates<'_>, arch: &[u16], scheme: &dyn VersionScheme) -> Option<Self> {
        let (columns, count) = (&told.columns, told.columns.len());
        let complex = complex(told);
        let (mut rivals, mut supplemented) = (Vec::new(), Vec::new());
        let mut complex_supplements = Vec::new();
        for id in columns.ids() {
            if rivals.len().max(supplemented.len()) > MOST_MET {
                return None;
            }
            let mut keep_apart = |other: SolvableId| {
                if other != id {
                    rivals.push((id.max(other), id.min(other)));
                }
            };
            for &dependency in columns.run(id, Kind::Conflicts, Kind::Conflicts) {
                if complex[dependency.index()] == 0 {
                    candidates.of(dependency).iter().for_each(|&other| keep_apart(other));
                }
            }
            for &dependency in columns.run(id, Kind::Obsoletes, Kind::Obsoletes) {
                candidates.obsoleted(dependency).iter().for_each(|&other| keep_apart(other));
            }
            if arch[id.index()] == FOREIGN {
                continue;
            }
            let weak = [Kind::Supplements, Kind::Enhances].into_iter().flat_map(|kind| columns.run(id, kind, kind));
            for dependency in weak {
                if complex[dependency.index()] != 0 {
                    complex_supplements.push(id);
                } else {
                    supplemented.extend(candidates.of(*dependency).iter().map(|&other| (other, id)));
                }
            }
        }
        complex_supplements.dedup();
        let (rival_starts, rivals) = runs(count, rivals);
        let (supplement_starts, supplemented_by) = runs(count, supplemented);
        let open = open_paths(told, candidates, scheme);
        let (lacking, lacked) = naming(told, &open, Kind::Requires, Kind::Suggests).into_iter().unzip();
        let mut lacked_by_supplements: Vec<StringId> =
            naming(told, &open, Kind::Supplements, Kind::Enhances).into_iter().map(|(_, path)| path).collect();
        lacked_by_supplements.sort_unstable();
        lacked_by_supplements.dedup();
        Some(Self {
            rival_starts,
            rivals,
            supplement_starts,
            supplemented_by,
            complex_supplements,
            complex,
            lacking,
            lacked,
            lacked_by_supplements,
        })
    }
}

impl<'a> Relations<'a> {
    pub(super) fn is_complex(self, dependency: DependencyId) -> bool {
        self.complex[dependency.index()] != 0
    }

    pub(super) fn rivals(self, id: SolvableId) -> &'a [SolvableId] {
        &self.rivals[self.rival_starts[id.index()] as usize..self.rival_starts[id.index() + 1] as usize]
    }

    pub(super) fn supplemented_by(self, id: SolvableId) -> &'a [SolvableId] {
        &self.supplemented_by[self.supplement_starts[id.index()] as usize..self.supplement_starts[id.index() + 1] as usize]
    }

    pub(super) fn complex_supplements(self) -> &'a [SolvableId] {
        self.complex_supplements
    }

    /// Fails if an id or index is out of bounds.
    pub(super) fn check(self, strings: usize, dependencies: usize, solvables: usize) -> Result<(), ImageError> {
        const WHAT: &str = "relations";
        check::runs(WHAT, self.rival_starts, solvables, self.rivals.len())?;
        check::runs(WHAT, self.supplement_starts, solvables, self.supplemented_by.len())?;
        for packages in [self.rivals, self.supplemented_by, self.complex_supplements] {
            check::below(WHAT, packages, solvables)?;
        }
        check::length(WHAT, self.complex.len(), dependencies)?;
        check::length(WHAT, self.lacked.len(), self.lacking.len())?;
        check::below(WHAT, self.lacking, solvables)?;
        check::below(WHAT, self.lacked, strings)?;
        check::below(WHAT, self.lacked_by_supplements, strings)
    }

    /// Returns the paths, sorted by id, whose owners the pool may not all know and that affect
    /// packages for which `comes_into_question` returns true.
    pub(super) fn lacked(self, comes_into_question: impl Fn(SolvableId) -> bool) -> Vec<StringId> {
        let pairs = self.lacking.iter().zip(self.lacked).filter(|&(&package, _)| comes_into_question(package));
        let mut paths: Vec<StringId> = pairs.map(|(_, &path)| path).chain(self.lacked_by_supplements.iter().copied()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// Returns for each dependency whether it is complex: `and`, `if`, `unless`, or an `or` with a
/// complex side.
fn complex(told: &Told<'_>) -> Vec<u8> {
    let mut complex: Vec<u8> = Vec::with_capacity(told.dependencies.len());
    for (_, dependency) in told.dependencies.iter() {
        // The sides have lower ids.
        let is_complex = match dependency {
            Dependency::Rich { op: RichOp::And | RichOp::If | RichOp::Unless, .. } => true,
            Dependency::Rich { op: RichOp::Or, left, right } => complex[left.index()] | complex[right.index()] != 0,
            _ => false,
        };
        complex.push(u8::from(is_complex));
    }
    complex
}

/// Returns for each dependency whether it is a path whose owners the pool may not all know. A list
/// of all files may name more owners in two cases: the index does not cover the path, or it covers
/// the path but names no owner.
fn open_paths(told: &Told<'_>, candidates: Candidates<'_>, scheme: &dyn VersionScheme) -> Vec<bool> {
    let is_open = |(id, dependency): (DependencyId, Dependency)| match dependency {
        Dependency::Plain { name, op, .. } if op.is_any() => {
            let path = told.strings.get(name);
            path.starts_with('/')
                && !candidates.by_system(id)
                && (candidates.of(id).is_empty() || !scheme.indexes_path(path))
                && !told.settled.contains(path)
        }
        _ => false,
    };
    told.dependencies.iter().map(is_open).collect()
}

/// Returns pairs of a package and an open path that its dependencies of the kinds from `first` to
/// `last` name.
fn naming(told: &Told<'_>, open: &[bool], first: Kind, last: Kind) -> Vec<(SolvableId, StringId)> {
    let mut found = Vec::new();
    let mut sides = Vec::new();
    for package in told.columns.ids() {
        sides.extend_from_slice(told.columns.run(package, first, last));
        while let Some(dependency) = sides.pop() {
            match told.dependencies.get(dependency) {
                Dependency::Plain { name, .. } if open[dependency.index()] => found.push((package, name)),
                Dependency::Plain { .. } => {}
                Dependency::Rich { left, right, .. } => sides.extend([left, right]),
            }
        }
    }
    found
}
