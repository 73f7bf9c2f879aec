//! The packages' own rules, made only for what the request can reach (libsolv's `solver_addpkgrulesforsolvable`).
//!
//! A package's rules are the same in every request. So they are made when it is first reached, in their order, and kept: a
//! later request only copies them.
//!
//! A package that is installed may have dependencies that are broken already: those are let be.

use std::ops::Range;

use super::literal::Lit;
use super::request::{Request, colours_differ};
use super::rich::{self, Normal};
use super::rules::{Rule, Rules};
use crate::pool::{DependencyId, Kind, Pool, SolvableId, StringId};

/// What is kept of a package once it was reached.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Its rules: a run of [`Reach::rules`].
    rules: (u32, u32),
    /// Whether some of its rules begin with another package (rich dependencies make such): they have their place among that one's.
    has_loose: bool,
    /// Whether the pool has a package of its name for a better architecture.
    has_better_arch: bool,
    /// The packages that it may bring: a run of [`Reach::brings`].
    brings: (u32, u32),
}

/// Which packages a request can reach, and what is kept between requests to make their rules.
#[derive(Debug)]
pub(super) struct Reach {
    reached: Vec<bool>,
    /// The reached packages.
    pub(super) packages: Vec<SolvableId>,
    /// Packages that must not be installed.
    excluded: Vec<bool>,
    excluded_list: Vec<SolvableId>,
    /// Packages of which several versions may be installed; none: of no package. The known rules depend on it.
    install_only: Vec<bool>,
    install_only_list: Vec<SolvableId>,
    /// The architectures of the second colour. The known rules depend on them.
    pub(super) second_colour: Vec<StringId>,
    /// Of each package the place of its entry in `entries`, and one more; nought before it was reached.
    known: Vec<u32>,
    entries: Vec<Known>,
    rules: Vec<Rule>,
    brings: Vec<SolvableId>,
    queue: Vec<SolvableId>,
    loose: Vec<Rule>,
    /// Of each package that supplements or enhances others by complex dependencies, if it has to wait for any: a run of `awaited`. None before they
    /// were needed.
    waiting: Option<Vec<(SolvableId, Option<Range<usize>>)>>,
    /// Packages of which one has to be reached before those that wait can be.
    awaited: Vec<SolvableId>,
}

impl Reach {
    pub(super) fn new(pool: &Pool) -> Self {
        Self {
            reached: vec![false; pool.len()],
            packages: Vec::new(),
            excluded: vec![false; pool.len()],
            excluded_list: Vec::new(),
            install_only: Vec::new(),
            install_only_list: Vec::new(),
            second_colour: Vec::new(),
            known: vec![0; pool.len()],
            entries: Vec::new(),
            rules: Vec::new(),
            brings: Vec::new(),
            queue: Vec::new(),
            loose: Vec::new(),
            waiting: None,
            awaited: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        for id in self.packages.drain(..) {
            self.reached[id.index()] = false;
        }
        for id in self.excluded_list.drain(..) {
            self.excluded[id.index()] = false;
        }
    }

    /// Excludes packages. What is installed is there, excluded or not.
    pub(super) fn exclude(&mut self, pool: &Pool, excluded: &[SolvableId]) {
        for &id in excluded.iter().filter(|&&id| !pool.solvable(id).is_installed()) {
            self.excluded[id.index()] = true;
            self.excluded_list.push(id);
        }
    }

    /// Says of which packages several may stand side by side; what is known of packages' rules is forgotten if that changed.
    pub(super) fn set_side_by_side(&mut self, pool: &Pool, request: &Request) {
        let packages = &request.install_only;
        if self.install_only_list == *packages && self.second_colour == request.second_colour {
            return;
        }
        self.second_colour.clone_from(&request.second_colour);
        self.install_only_list.clone_from(packages);
        self.install_only.clear();
        self.install_only.resize(pool.len(), false);
        for id in packages {
            self.install_only[id.index()] = true;
        }
        self.known.fill(0);
        self.entries.clear();
        self.rules.clear();
        self.brings.clear();
    }

    pub(super) fn is_install_only(&self, id: SolvableId) -> bool {
        self.install_only.get(id.index()).is_some_and(|&is| is)
    }

    /// Whether any package may be installed in several versions.
    pub(super) fn has_install_only(&self) -> bool {
        !self.install_only_list.is_empty()
    }

    pub(super) fn is_excluded(&self, id: SolvableId) -> bool {
        self.excluded[id.index()]
    }

    pub(super) fn contains(&self, id: SolvableId) -> bool {
        self.reached[id.index()]
    }

    /// Reaches a package and all that it may bring.
    pub(super) fn add(&mut self, pool: &Pool, rules: &mut Rules, start: SolvableId) {
        self.enqueue(start);
        while let Some(id) = self.queue.pop() {
            let known = match self.known(id) {
                Some(known) => known,
                None => self.learn(pool, rules, id),
            };
            for place in known.brings.0..known.brings.1 {
                self.enqueue(self.brings[place as usize]);
            }
            // What supplements or enhances it comes into question as well (`solver_addpkgrulesforweak`).
            for &weak in pool.supplemented_by(id) {
                if !self.is_excluded(weak) {
                    self.enqueue(weak);
                }
            }
        }
    }

    fn known(&self, id: SolvableId) -> Option<Known> {
        Some(self.entries[(self.known[id.index()] as usize).checked_sub(1)?])
    }

    fn enqueue(&mut self, id: SolvableId) {
        if !std::mem::replace(&mut self.reached[id.index()], true) {
            self.packages.push(id);
            // An excluded package brings nothing.
            if !self.excluded[id.index()] {
                self.queue.push(id);
            }
        }
    }

    /// Reaches what supplements or enhances the reached packages by complex dependencies, until nothing more does.
    pub(super) fn add_complex_supplements(&mut self, pool: &Pool, rules: &mut Rules) {
        let waiting = self.waiting.take().unwrap_or_else(|| self.find_awaited(pool));
        loop {
            let before = self.packages.len();
            for (id, awaited) in &waiting {
                let reached = |literal: Lit| self.contains(literal.id());
                let comes = |&id: &SolvableId| self.reached[id.index()];
                if awaited.clone().is_some_and(|awaited| !self.awaited[awaited].iter().any(comes)) {
                    continue;
                }
                if self.contains(*id) || self.is_excluded(*id) {
                    continue;
                }
                if weak_dependencies(pool, *id).any(|dependency| rich::is_possible(pool, dependency, &reached)) {
                    self.add(pool, rules, *id);
                }
            }
            if self.packages.len() == before {
                break;
            }
        }
        self.waiting = Some(waiting);
    }

    fn find_awaited(&mut self, pool: &Pool) -> Vec<(SolvableId, Option<Range<usize>>)> {
        let mut waiting = Vec::with_capacity(pool.complex_supplements().len());
        for &id in pool.complex_supplements() {
            let start = self.awaited.len();
            let found: Option<Vec<Vec<SolvableId>>> =
                weak_dependencies(pool, id).map(|dependency| rich::needed(pool, dependency)).collect();
            waiting.push((
                id,
                found.map(|found| {
                    self.awaited.extend(found.into_iter().flatten());
                    start..self.awaited.len()
                }),
            ));
        }
        waiting
    }

    /// Hands the rules of all reached packages over, in the order in which dependencies are looked at: by package, the highest id
    /// first, then by their literals (libsolv's `solver_unifyrules`).
    pub(super) fn hand_over(&mut self, rules: &mut Rules) {
        self.packages.sort_unstable_by(|a, b| b.cmp(a));
        self.loose.clear();
        for &id in &self.packages {
            let this = Lit::of(id);
            if self.excluded[id.index()] {
                rules.add_short(-this, Lit::NONE);
            } else if let Some(known) = self.known(id) {
                let run = &self.rules[known.rules.0 as usize..known.rules.1 as usize];
                if known.has_loose {
                    rules.all.extend(run.iter().filter(|rule| rule.first == -this));
                    self.loose.extend(run.iter().filter(|rule| rule.first != -this));
                } else {
                    rules.all.extend_from_slice(run);
                }
            }
        }
        if !self.loose.is_empty() {
            rules.merge(1, &mut self.loose);
            rules.mark_blocks(1);
        }
    }

    /// Whether a reached package is surely for the best architecture among those of its name: a new one, beside which the pool has no better.
    pub(super) fn is_for_the_best(&self, pool: &Pool, id: SolvableId) -> bool {
        !pool.solvable(id).is_installed()
            && !self.excluded[id.index()]
            && self.known(id).is_some_and(|known| !known.has_better_arch)
    }

    /// Makes the rules of a package.
    fn learn(&mut self, pool: &Pool, rules: &mut Rules, id: SolvableId) -> Known {
        let first_brought = self.brings.len();
        let first = rules.all.len();
        let (package, this) = (pool.solvable(id), Lit::of(id));
        let is_kept = package.is_installed();
        if !package.takes_part() {
            rules.add_kept(-this, &[]);
        }
        for &dependency in package.requires() {
            self.add_requirement(pool, rules, this, dependency);
        }
        for &dependency in package.dependencies(Kind::Conflicts).iter().filter(|&&dependency| pool.is_complex(dependency)) {
            add_normal(pool, rules, &mut self.brings, this, &rich::negated_clauses(pool, dependency), true);
        }
        for &other in pool.rivals(id).iter().filter(|&&other| !(is_kept && pool.solvable(other).is_installed())) {
            rules.add_kept(-this, &[-Lit::of(other)]);
        }
        // One version a name.
        for &other in pool.named(package.name_id()).iter().take_while(|&&other| other < id) {
            if pool.solvable(other).takes_part() && (self.replaces(pool, id, other) || self.replaces(pool, other, id)) {
                rules.add_kept(-this, &[-Lit::of(other)]);
            }
        }
        if !self.second_colour.is_empty() && package.arch_rank() != Some(0) {
            self.bring_better_architectures(pool, id);
        }
        for kind in [Kind::Recommends, Kind::Suggests] {
            for &dependency in package.dependencies(kind) {
                rich::positive_candidates(pool, dependency, false, &mut |found| self.brings.push(found.id()));
            }
        }
        self.brings[first_brought..].sort_unstable();
        let brought = dedup_from(&mut self.brings, first_brought);
        rules.unify(first);
        rules.mark_blocks(first);
        let has_loose = rules.all[first..].iter().any(|rule| rule.first != -this);
        let start = self.rules.len();
        self.rules.extend(rules.all.drain(first..));
        let known = Known {
            rules: (start as u32, self.rules.len() as u32),
            has_loose,
            has_better_arch: package.is_multiarch() && has_better_architecture(pool, id),
            brings: (first_brought as u32, brought as u32),
        };
        self.entries.push(known);
        self.known[id.index()] = self.entries.len() as u32;
        known
    }

    /// What must stand beside a package: the same version for a better architecture ("lock-step candidates").
    fn bring_better_architectures(&mut self, pool: &Pool, id: SolvableId) {
        let package = pool.solvable(id);
        let is_better = |&&other: &&SolvableId| {
            let other = pool.solvable(other);
            let rank = other.arch_rank().filter(|&rank| rank != 0);
            other.version_id() == package.version_id()
                && rank.is_some_and(|rank| package.arch_rank().is_none_or(|own| rank < own))
        };
        self.brings.extend(pool.named(package.name_id()).iter().filter(is_better));
    }

    /// Whether a package would replace another of its name.
    fn replaces(&self, pool: &Pool, id: SolvableId, other: SolvableId) -> bool {
        let (package, other) = (pool.solvable(id), pool.solvable(other));
        if package.is_installed() || colours_differ(&self.second_colour, package, other) {
            return false;
        }
        let same = package.version_id() == other.version_id() && package.arch_id() == other.arch_id();
        !self.is_install_only(id) || same || other.is_installed() && !self.is_install_only(other.id())
    }

    fn add_requirement(&mut self, pool: &Pool, rules: &mut Rules, this: Lit, dependency: DependencyId) {
        if pool.met_by_system(dependency) {
            return;
        }
        if pool.is_complex(dependency) {
            add_normal(pool, rules, &mut self.brings, this, &rich::clauses(pool, dependency), false);
            return;
        }
        let candidates = pool.candidates(dependency);
        let is_kept = pool.solvable(this.id()).is_installed();
        if is_kept && !candidates.iter().any(|&id| pool.solvable(id).is_installed()) {
            return;
        }
        if candidates.is_empty() {
            rules.add_kept(-this, &[]);
            return;
        }
        // What it provides itself it need not find.
        if candidates.binary_search(&this.id()).is_err() {
            let tail = rules.candidates(pool, dependency);
            rules.add(-this, tail);
            self.brings.extend_from_slice(candidates);
        }
    }
}

/// Whether the pool has a package of the name for an architecture that is better than this one's.
fn has_better_architecture(pool: &Pool, id: SolvableId) -> bool {
    let package = pool.solvable(id);
    let rank = |id| pool.solvable(id).arch_rank().filter(|&rank| rank != 0);
    let is_better = |&other: &SolvableId| rank(other).is_some_and(|other| rank(id).is_none_or(|own| other < own));
    pool.named(package.name_id()).iter().any(is_better)
}

/// By what a package supplements or enhances others.
fn weak_dependencies(pool: &Pool, id: SolvableId) -> impl Iterator<Item = DependencyId> {
    let package = pool.solvable(id);
    [Kind::Supplements, Kind::Enhances].into_iter().flat_map(move |kind| package.dependencies(kind)).copied()
}

/// Drops repeated entries of a sorted end; returns the new length.
fn dedup_from(list: &mut Vec<SolvableId>, start: usize) -> usize {
    let mut end = start;
    for place in start..list.len() {
        if end == start || list[end - 1] != list[place] {
            list[end] = list[place];
            end += 1;
        }
    }
    list.truncate(end);
    end
}

/// A rule for each block of a rich dependency's clauses (libsolv's `add_complex_deprules`); of an installed package's those that are
/// met by what is installed.
fn add_normal(pool: &Pool, rules: &mut Rules, brings: &mut Vec<SolvableId>, this: Lit, normal: &Normal, is_conflict: bool) {
    let is_installed = |literal: Lit| pool.solvable(literal.id()).is_installed();
    let is_kept = is_installed(this);
    let blocks = match normal {
        Normal::Always => return,
        Normal::Never => {
            if !is_kept {
                rules.add_kept(-this, &[]);
            }
            return;
        }
        Normal::Blocks(blocks) => blocks,
    };
    for block in blocks {
        if block.contains(&this) || is_kept && !block.iter().any(|&literal| literal.is_positive() == is_installed(literal)) {
            continue;
        }
        if block.as_slice() == [-this] {
            // A package's conflict with itself does not count.
            if !is_conflict {
                rules.add_kept(-this, &[]);
            }
            continue;
        }
        let mut whole = block.clone();
        if let Err(place) = whole.binary_search(&-this) {
            whole.insert(place, -this);
        }
        rules.add_kept(whole[0], &whole[1..]);
        brings.extend(block.iter().filter(|literal| literal.is_positive()).map(|literal| literal.id()));
    }
}
