//! The packages' own rules, made only for what the request can reach (libsolv's `solver_addpkgrulesforsolvable`).

use rustc_hash::FxHashMap;

use super::literal::Lit;
use super::rich::{self, Normal};
use super::rules::Rules;
use crate::pool::{DependencyId, Kind, Pool, SolvableId};

/// Which packages a request can reach, and what is kept between requests to make their rules.
#[derive(Debug)]
pub(super) struct Reach {
    reached: Vec<bool>,
    /// The reached packages, in the order in which their rules were made.
    pub(super) packages: Vec<SolvableId>,
    /// Packages that must not be installed.
    excluded: Vec<bool>,
    excluded_list: Vec<SolvableId>,
    /// Normal forms of rich requirements and conflicts.
    requirements: FxHashMap<DependencyId, Normal>,
    conflicts: FxHashMap<DependencyId, Normal>,
    queue: Vec<Lit>,
}

impl Reach {
    pub(super) fn new(pool: &Pool) -> Self {
        Self {
            reached: vec![false; Lit::count(pool.len())],
            packages: Vec::new(),
            excluded: vec![false; pool.len()],
            excluded_list: Vec::new(),
            requirements: FxHashMap::default(),
            conflicts: FxHashMap::default(),
            queue: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        for id in self.packages.drain(..) {
            self.reached[Lit::of(id).variable()] = false;
        }
        for id in self.excluded_list.drain(..) {
            self.excluded[id.index()] = false;
        }
    }

    pub(super) fn exclude(&mut self, excluded: &[SolvableId]) {
        for &id in excluded {
            self.excluded[id.index()] = true;
            self.excluded_list.push(id);
        }
    }

    pub(super) fn is_excluded(&self, id: SolvableId) -> bool {
        self.excluded[id.index()]
    }

    pub(super) fn contains(&self, literal: Lit) -> bool {
        self.reached[literal.variable()]
    }

    /// Makes the rules of a package and of all that it may bring.
    pub(super) fn add(&mut self, pool: &Pool, rules: &mut Rules, start: SolvableId) {
        self.queue.push(Lit::of(start));
        while let Some(literal) = self.queue.pop() {
            if std::mem::replace(&mut self.reached[literal.variable()], true) {
                continue;
            }
            let id = literal.id();
            self.packages.push(id);
            self.add_package(pool, rules, id);
        }
    }

    /// Reaches what supplements or enhances the reached packages, until nothing more does (`solver_addpkgrulesforweak`).
    pub(super) fn add_supplementing(&mut self, pool: &Pool, rules: &mut Rules) {
        loop {
            let before = self.packages.len();
            for &id in pool.supplementing() {
                if self.contains(Lit::of(id)) || self.is_excluded(id) {
                    continue;
                }
                let package = pool.solvable(id);
                let reached = |literal: Lit| self.reached[literal.variable()];
                let mut weak = [Kind::Supplements, Kind::Enhances].into_iter().flat_map(|kind| package.dependencies(kind));
                if weak.any(|&dependency| rich::is_possible(pool, dependency, &reached)) {
                    self.add(pool, rules, id);
                }
            }
            if self.packages.len() == before {
                return;
            }
        }
    }

    fn add_package(&mut self, pool: &Pool, rules: &mut Rules, id: SolvableId) {
        let (package, this) = (pool.solvable(id), Lit::of(id));
        if self.is_excluded(id) || package.arch_rank().is_none() {
            rules.add_short(-this, Lit::NONE);
        }
        for &dependency in package.requires() {
            self.add_requirement(pool, rules, this, dependency);
        }
        for &dependency in package.dependencies(Kind::Conflicts) {
            self.add_conflicts(pool, rules, this, dependency);
        }
        for &dependency in package.dependencies(Kind::Obsoletes) {
            for &other in pool.obsoleted(dependency).iter().filter(|&&other| other != id) {
                rules.add_conflict(-this, -Lit::of(other));
            }
        }
        // One version a name. A reached package of the name has made this rule already.
        for &other in pool.named(package.name_id()) {
            if other != id && !self.contains(Lit::of(other)) && pool.solvable(other).arch_rank().is_some() {
                rules.add_conflict(-this, -Lit::of(other));
            }
        }
        for kind in [Kind::Recommends, Kind::Suggests] {
            for &dependency in package.dependencies(kind) {
                let (queue, reached) = (&mut self.queue, &self.reached);
                rich::positive_candidates(pool, dependency, false, &mut |found| {
                    if !reached[found.variable()] {
                        queue.push(found);
                    }
                });
            }
        }
    }

    fn add_requirement(&mut self, pool: &Pool, rules: &mut Rules, this: Lit, dependency: DependencyId) {
        if pool.met_by_system(dependency) {
            return;
        }
        if rich::is_complex(pool, dependency) {
            let normal = self.requirements.entry(dependency).or_insert_with(|| rich::clauses(pool, dependency));
            add_normal(rules, &mut self.queue, &self.reached, this, normal, false);
            return;
        }
        let candidates = pool.candidates(dependency);
        if candidates.is_empty() {
            rules.add_short(-this, Lit::NONE);
            return;
        }
        if candidates.binary_search(&this.id()).is_ok() {
            return;
        }
        let tail = rules.candidates(pool, dependency);
        rules.add(-this, tail);
        let unreached = candidates.iter().map(|&id| Lit::of(id)).filter(|candidate| !self.reached[candidate.variable()]);
        self.queue.extend(unreached);
    }

    fn add_conflicts(&mut self, pool: &Pool, rules: &mut Rules, this: Lit, dependency: DependencyId) {
        if rich::is_complex(pool, dependency) {
            let normal = self.conflicts.entry(dependency).or_insert_with(|| rich::negated_clauses(pool, dependency));
            add_normal(rules, &mut self.queue, &self.reached, this, normal, true);
            return;
        }
        // What conflicts with something that it provides itself may be installed all the same.
        for &other in pool.candidates(dependency) {
            if Lit::of(other) != this {
                rules.add_conflict(-this, -Lit::of(other));
            }
        }
    }
}

/// A rule for each block of a rich dependency's clauses (libsolv's `add_complex_deprules`).
fn add_normal(rules: &mut Rules, queue: &mut Vec<Lit>, reached: &[bool], this: Lit, normal: &Normal, is_conflict: bool) {
    let blocks = match normal {
        Normal::Always => return,
        Normal::Never => {
            rules.add_short(-this, Lit::NONE);
            return;
        }
        Normal::Blocks(blocks) => blocks,
    };
    for block in blocks {
        if block.contains(&this) {
            continue;
        }
        match *block.as_slice() {
            [only] if only == -this => {
                if !is_conflict {
                    rules.add_short(-this, Lit::NONE);
                }
                continue;
            }
            [only] => rules.add_conflict(-this, only),
            _ => {
                let mut whole = block.clone();
                if let Err(place) = whole.binary_search(&-this) {
                    whole.insert(place, -this);
                }
                let tail = rules.keep(&whole[1..]);
                rules.add(whole[0], tail);
            }
        }
        queue.extend(block.iter().filter(|literal| literal.is_positive() && !reached[literal.variable()]));
    }
}
