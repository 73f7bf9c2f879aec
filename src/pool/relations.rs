//! Relations between packages that follow from their dependencies and that solving asks for in the other direction: made once.

use super::candidates::Candidates;
use super::ranks::Ranks;
use super::{Dependency, DependencyId, Kind, PoolBuilder, RichOp, SolvableId};

/// For each package runs of others.
#[derive(Clone, Debug, Default)]
pub(super) struct Relations {
    rivals: Runs,
    supplemented_by: Runs,
    /// Packages that fit and supplement or enhance by a complex dependency.
    complex_supplements: Vec<SolvableId>,
    /// Of each dependency, whether it needs more than a list of candidates.
    complex: Vec<bool>,
}

/// A run of packages for each package.
#[derive(Clone, Debug, Default)]
struct Runs {
    starts: Vec<u32>,
    packages: Vec<SolvableId>,
}

impl Runs {
    fn new(packages: usize, mut pairs: Vec<(SolvableId, SolvableId)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0; packages + 1];
        for (of, _) in &pairs {
            starts[of.index() + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        Self { starts, packages: pairs.into_iter().map(|(_, package)| package).collect() }
    }

    fn of(&self, id: SolvableId) -> &[SolvableId] {
        &self.packages[self.starts[id.index()] as usize..self.starts[id.index() + 1] as usize]
    }
}

impl Relations {
    pub(super) fn new(builder: &PoolBuilder, candidates: &Candidates, ranks: &Ranks) -> Self {
        let (columns, count) = (&builder.columns, builder.len());
        let complex = complex(builder);
        let (mut rivals, mut supplemented) = (Vec::new(), Vec::new());
        let mut complex_supplements = Vec::new();
        for id in columns.ids() {
            let mut keep_apart = |other: SolvableId| {
                if other != id {
                    rivals.push((id.max(other), id.min(other)));
                }
            };
            for &dependency in columns.run(id, Kind::Conflicts, Kind::Conflicts) {
                if !complex[dependency.index()] {
                    candidates.of(dependency).iter().for_each(|&other| keep_apart(other));
                }
            }
            for &dependency in columns.run(id, Kind::Obsoletes, Kind::Obsoletes) {
                candidates.obsoleted(dependency).iter().for_each(|&other| keep_apart(other));
            }
            if ranks.arch(id).is_none() {
                continue;
            }
            let weak = [Kind::Supplements, Kind::Enhances].into_iter().flat_map(|kind| columns.run(id, kind, kind));
            for dependency in weak {
                if complex[dependency.index()] {
                    complex_supplements.push(id);
                } else {
                    supplemented.extend(candidates.of(*dependency).iter().map(|&other| (other, id)));
                }
            }
        }
        complex_supplements.dedup();
        let (rivals, supplemented_by) = (Runs::new(count, rivals), Runs::new(count, supplemented));
        Self { rivals, supplemented_by, complex_supplements, complex }
    }

    pub(super) fn is_complex(&self, dependency: DependencyId) -> bool {
        self.complex[dependency.index()]
    }

    pub(super) fn rivals(&self, id: SolvableId) -> &[SolvableId] {
        self.rivals.of(id)
    }

    pub(super) fn supplemented_by(&self, id: SolvableId) -> &[SolvableId] {
        self.supplemented_by.of(id)
    }

    pub(super) fn complex_supplements(&self) -> &[SolvableId] {
        &self.complex_supplements
    }
}

/// Of each dependency, whether it is `and`, `if` or `unless`, or an `or` over such a one.
fn complex(builder: &PoolBuilder) -> Vec<bool> {
    let mut complex = Vec::with_capacity(builder.dependencies.len());
    for (_, dependency) in builder.dependencies.iter() {
        // The sides were interned before.
        let is_complex = match dependency {
            Dependency::Rich { op: RichOp::And | RichOp::If | RichOp::Unless, .. } => true,
            Dependency::Rich { op: RichOp::Or, left, right } => complex[left.index()] || complex[right.index()],
            _ => false,
        };
        complex.push(is_complex);
    }
    complex
}
