//! Generation of the package rules, only for packages that the request can reach (libsolv's
//! `solver_addpkgrulesforsolvable`).
//!
//! The rules of a package are the same in every request. They are generated when the package is
//! first reached, in their order, and cached; later requests copy them.
//!
//! Dependencies of installed packages that are already broken generate no rules.

use std::ops::Range;

use super::literal::Lit;
use super::request::{Request, colours_differ};
use super::rich::{self, Normal};
use super::rules::{Rule, Rules};
use crate::pool::{DependencyId, Kind, Pool, SolvableId, StringId};

/// Cached data of a package that was reached.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The range of its rules in [`Reach::rules`].
    rules: (u32, u32),
    /// True if some of its rules begin with another package's literal, as rich dependencies can
    /// generate. Such rules are sorted among that package's rules.
    has_loose: bool,
    /// True if the pool has a package of the same name for a better architecture.
    has_better_arch: bool,
    /// The range in [`Reach::brings`] of the packages that it may pull in.
    brings: (u32, u32),
}

/// The packages that a request can reach, and the cached rules of all packages reached so far.
#[derive(Debug)]
pub(super) struct Reach {
    reached: Vec<bool>,
    /// The reached packages.
    pub(super) packages: Vec<SolvableId>,
    /// True for packages that must not be installed.
    excluded: Vec<bool>,
    excluded_list: Vec<SolvableId>,
    /// True for packages of which several versions may be installed; empty if there are none. The
    /// cached rules depend on it.
    install_only: Vec<bool>,
    install_only_list: Vec<SolvableId>,
    /// The architectures of the second color. The cached rules depend on them.
    pub(super) second_colour: Vec<StringId>,
    /// Index of each package's entry in `entries`, plus one; 0 if the package was never reached.
    known: Vec<u32>,
    entries: Vec<Known>,
    rules: Vec<Rule>,
    brings: Vec<SolvableId>,
    queue: Vec<SolvableId>,
    loose: Vec<Rule>,
    /// Packages that supplement or enhance others by complex dependencies. Each has a range of
    /// `awaited`, or `None` if it does not depend on other packages being reached. The list is
    /// `None` until first used.
    waiting: Option<Vec<(SolvableId, Option<Range<usize>>)>>,
    /// Packages of which one must be reached before the package in `waiting` can be.
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

    /// Excludes packages. Installed packages cannot be excluded.
    pub(super) fn exclude(&mut self, pool: &Pool, excluded: &[SolvableId]) {
        for &id in excluded.iter().filter(|&&id| !pool.solvable(id).is_installed()) {
            self.excluded[id.index()] = true;
            self.excluded_list.push(id);
        }
    }

    /// Sets the packages of which several versions may be installed, and the second color. Clears
    /// the cached rules if either changed.
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

    /// Reports whether any package may be installed in several versions.
    pub(super) fn has_install_only(&self) -> bool {
        !self.install_only_list.is_empty()
    }

    pub(super) fn is_excluded(&self, id: SolvableId) -> bool {
        self.excluded[id.index()]
    }

    pub(super) fn contains(&self, id: SolvableId) -> bool {
        self.reached[id.index()]
    }

    /// Reaches a package and all packages that it may pull in.
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
            // Packages that supplement or enhance it are reached too (`solver_addpkgrulesforweak`).
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
            // An excluded package pulls in nothing.
            if !self.excluded[id.index()] {
                self.queue.push(id);
            }
        }
    }

    /// Reaches packages that supplement or enhance reached packages by complex dependencies, until
    /// there are no more.
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

    /// Appends the rules of all reached packages in the order in which the search visits them: by
    /// package, highest id first, then by literals (libsolv's `solver_unifyrules`).
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

    /// Returns true if a reached package is certain to have the best architecture of its name: it
    /// is not installed, and the pool has no better one.
    pub(super) fn is_for_the_best(&self, pool: &Pool, id: SolvableId) -> bool {
        !pool.solvable(id).is_installed()
            && !self.excluded[id.index()]
            && self.known(id).is_some_and(|known| !known.has_better_arch)
    }

    /// Generates and caches the rules of a package.
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
        // Only one version of each name.
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

    /// Pulls in the packages that must accompany a package: the same version for a better
    /// architecture ("lock-step candidates").
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

    /// Returns true if a package would replace another of its name.
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
        // A package may meet its own requirement.
        if candidates.binary_search(&this.id()).is_err() {
            let tail = rules.candidates(pool, dependency);
            rules.add(-this, tail);
            self.brings.extend_from_slice(candidates);
        }
    }
}

/// Returns true if the pool has a package of the same name for a better architecture.
fn has_better_architecture(pool: &Pool, id: SolvableId) -> bool {
    let package = pool.solvable(id);
    let rank = |id| pool.solvable(id).arch_rank().filter(|&rank| rank != 0);
    let is_better = |&other: &SolvableId| rank(other).is_some_and(|other| rank(id).is_none_or(|own| other < own));
    pool.named(package.name_id()).iter().any(is_better)
}

/// Returns the dependencies by which a package supplements or enhances others.
fn weak_dependencies(pool: &Pool, id: SolvableId) -> impl Iterator<Item = DependencyId> {
    let package = pool.solvable(id);
    [Kind::Supplements, Kind::Enhances].into_iter().flat_map(move |kind| package.dependencies(kind)).copied()
}

/// Removes duplicates from the sorted part of a list from `start` on. Returns the new length.
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

/// Adds a rule for each clause of a rich dependency (libsolv's `add_complex_deprules`). For
/// installed packages, adds only the clauses that installed packages meet.
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
            // A package's conflict with itself is ignored.
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
