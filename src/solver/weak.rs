//! Weak dependencies: tracks recommendations and suggestions of installed packages, and installs
//! recommended packages.

use rustc_hash::FxHashSet;

use super::decisions::Why;
use super::engine::Solver;
use super::literal::Lit;
use super::policy::{self, Mode};
use super::rich::{self, Met, Normal};
use crate::pool::{DependencyId, Kind, SolvableId};

/// The recommendations and suggestions of packages to be installed. They are updated from the
/// decisions.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    recommended: Vec<bool>,
    suggested: Vec<bool>,
    set: Vec<Lit>,
    /// Number of decisions that were processed.
    seen: usize,
    /// Rich recommendations (`true`) and suggestions (`false`). They depend on what else is
    /// installed.
    rich: Vec<(DependencyId, bool)>,
}

impl Wishes {
    pub(super) fn new(variables: usize) -> Self {
        Self { recommended: vec![false; variables], suggested: vec![false; variables], ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        for literal in self.set.drain(..) {
            self.recommended[literal.variable()] = false;
            self.suggested[literal.variable()] = false;
        }
        self.rich.clear();
        self.seen = 0;
    }

    /// Clears the state if decisions that were already processed have been undone. `decisions` is
    /// the number that is left.
    pub(super) fn reverted(&mut self, decisions: usize) {
        if self.seen > decisions {
            self.clear();
        }
    }

    fn wish(&mut self, literal: Lit, recommended: bool) {
        let wishes = if recommended { &mut self.recommended } else { &mut self.suggested };
        wishes[literal.variable()] = true;
        self.set.push(literal);
    }
}

/// Calls `found` with the positive literals of each clause of a rich dependency whose conditions
/// hold.
fn open_clauses(solver: &Solver<'_>, dependency: DependencyId, mut found: impl FnMut(&[Lit])) {
    let Normal::Blocks(blocks) = rich::clauses(solver.pool, dependency) else { return };
    for block in &blocks {
        let conditions = block.iter().take_while(|literal| literal.is_negative()).count();
        if block[..conditions].iter().all(|&condition| solver.decisions.is_false(condition)) {
            found(&block[conditions..]);
        }
    }
}

impl Solver<'_> {
    /// Processes the decisions made since the last call.
    pub(super) fn update_wishes(&mut self) {
        let pool = self.pool;
        if self.wishes.seen == self.decisions.len() {
            return;
        }
        while let Some(&literal) = self.decisions.queue.get(self.wishes.seen) {
            self.wishes.seen += 1;
            let Some(id) = literal.package().filter(|_| literal.is_positive()) else { continue };
            for (kind, recommended) in [(Kind::Recommends, true), (Kind::Suggests, false)] {
                for &dependency in pool.solvable(id).dependencies(kind) {
                    if pool.is_complex(dependency) {
                        self.wishes.rich.push((dependency, recommended));
                    } else {
                        pool.candidates(dependency).iter().for_each(|&id| self.wishes.wish(Lit::of(id), recommended));
                    }
                }
            }
        }
        for place in 0..self.wishes.rich.len() {
            let (dependency, recommended) = self.wishes.rich[place];
            let mut opened = Vec::new();
            open_clauses(self, dependency, |clause| opened.extend_from_slice(clause));
            for literal in opened {
                self.wishes.wish(literal, recommended);
            }
        }
    }

    fn any_holds(&self, literal: Lit, kind: Kind) -> bool {
        let installed = |literal: Lit| self.decisions.is_true(literal);
        let package = self.pool.solvable(literal.id());
        package.dependencies(kind).iter().any(|&dependency| rich::is_fulfilled(self.pool, dependency, &installed))
    }

    /// Returns true if a literal's package supplements a package that is newly installed, not one
    /// that was installed before or the absence of a package.
    fn supplements_new(&self, literal: Lit) -> bool {
        let is_new = |literal: Lit| match self.decisions.is_true(literal) {
            true if self.is_installed(literal) => Met::Already,
            true => Met::Anew,
            false => Met::Not,
        };
        let package = self.pool.solvable(literal.id());
        let mut supplements = package.dependencies(Kind::Supplements).iter();
        supplements.any(|&dependency| rich::met(self.pool, dependency, &is_new) == Met::Anew)
    }

    /// Reports whether a package to be installed recommends it, or whether it supplements one.
    /// [`Solver::update_wishes`] must have run.
    pub(super) fn is_recommended(&self, literal: Lit) -> bool {
        self.wishes.recommended[literal.variable()] || self.any_holds(literal, Kind::Supplements)
    }

    /// Reports the same for suggestions and enhancements.
    pub(super) fn is_suggested(&self, literal: Lit) -> bool {
        self.wishes.suggested[literal.variable()] || self.any_holds(literal, Kind::Enhances)
    }

    /// Keeps only recommended candidates, if there are any, and installed ones.
    pub(super) fn keep_recommended(&mut self, candidates: &mut Vec<Lit>) {
        if candidates.iter().filter(|&&literal| !self.is_installed(literal)).count() < 2 {
            return;
        }
        self.update_wishes();
        let is_new_wish = |&literal: &Lit| !self.is_installed(literal) && self.is_recommended(literal);
        if candidates.iter().any(is_new_wish) {
            candidates.retain(|literal| self.is_installed(*literal) || self.is_recommended(*literal));
        }
    }

    /// Reports whether a literal's package is already installed.
    pub(super) fn is_installed(&self, literal: Lit) -> bool {
        self.pool.solvable(literal.id()).is_installed()
    }

    /// Reports whether a literal's package is disfavored.
    pub(super) fn is_disfavored(&self, literal: Lit) -> bool {
        self.favor.get(&literal.id()).is_some_and(|&favor| favor < 0)
    }

    /// Collects the candidates of a recommendation that could still be installed; none if it is
    /// met. For several clauses, collects those of all unmet ones.
    fn open_candidates(&self, dependency: DependencyId, among: Option<&[bool]>, found: &mut Vec<Lit>) {
        let fits = |literal: Lit| match among {
            Some(among) => among[literal.variable()] && self.decisions.is_undecided(literal),
            None => self.decisions.is_undecided(literal),
        };
        if self.pool.is_complex(dependency) {
            open_clauses(self, dependency, |clause| {
                if !clause.iter().any(|&literal| self.decisions.is_true(literal)) {
                    found.extend(clause.iter().copied().filter(|&literal| fits(literal)));
                }
            });
            return;
        }
        let before = found.len();
        for literal in self.pool.candidates(dependency).iter().map(|&id| Lit::of(id)) {
            if self.decisions.is_true(literal) {
                found.truncate(before);
                return;
            }
            if fits(literal) {
                found.push(literal);
            }
        }
    }

    /// Installs recommended and supplementing packages, one round (libsolv's `resolve_weak`).
    /// Returns the new level, or `None` if there was nothing to install.
    pub(super) fn resolve_weak(&mut self, level: i32) -> Option<i32> {
        let pool = self.pool;
        let mut supplements: Vec<Lit> = Vec::new();
        for &id in pool.supplementing() {
            let literal = Lit::of(id);
            let open = self.decisions.is_undecided(literal) && !self.reach.is_excluded(id);
            if open && self.supplements_new(literal) && !self.is_disfavored(literal) {
                supplements.push(literal);
            }
        }
        let mut wanted: Vec<Lit> = Vec::new();
        let mut installed: Vec<Lit> = self.decisions.queue.iter().copied().filter(|literal| literal.is_positive()).collect();
        installed.sort_unstable();
        for literal in installed {
            let Some(id) = literal.package().filter(|&id| !pool.solvable(id).is_installed()) else { continue };
            for &dependency in pool.solvable(id).dependencies(Kind::Recommends) {
                self.open_candidates(dependency, None, &mut wanted);
            }
        }
        wanted.retain(|&literal| !self.is_disfavored(literal));
        self.drop_unwanted(&mut wanted, &mut supplements);
        wanted.extend(&supplements);
        let mut known = vec![false; self.variables()];
        wanted.retain(|literal| !std::mem::replace(&mut known[literal.variable()], true));
        match wanted.as_slice() {
            [] => return None,
            &[only] => return Some(self.decide_and_propagate(level, only, Why::Choice(0))),
            _ => {}
        }
        policy::filter(self, &mut wanted, Mode::Recommend);
        known.fill(false);
        for literal in &wanted {
            known[literal.variable()] = true;
        }
        supplements.retain(|literal| known[literal.variable()]);
        if supplements.len() > 1 {
            super::order::sort(self, &mut supplements);
        }
        Some(self.install_wanted(level, &supplements, &known))
    }

    /// Drops packages that a kept package obsoletes. Also drops supplements of which another
    /// version, or one for another architecture, is already selected.
    fn drop_unwanted(&self, wanted: &mut Vec<Lit>, supplements: &mut Vec<Lit>) {
        let pool = self.pool;
        if wanted.is_empty() && supplements.is_empty() {
            return;
        }
        let kept = self.upkeep.packages.iter().filter(|&&id| self.decisions.is_true(Lit::of(id)));
        let obsoletes = kept.flat_map(|&id| pool.solvable(id).dependencies(Kind::Obsoletes));
        let unwanted: FxHashSet<SolvableId> = obsoletes.flat_map(|&dependency| pool.obsoleted(dependency)).copied().collect();
        for list in [wanted, &mut *supplements] {
            list.retain(|literal| !unwanted.contains(&literal.id()));
        }
        let coloured = !self.reach.second_colour.is_empty();
        if coloured || self.reach.has_install_only() {
            let named = |literal: &Lit| pool.named(pool.solvable(literal.id()).name_id()).iter().map(|&id| Lit::of(id));
            supplements.retain(|literal| {
                !(coloured || self.is_install_only(literal.id())) || !named(literal).any(|other| self.decisions.is_true(other))
            });
        }
    }

    /// Installs the supplements, then the best candidates of each recommendation, in the order of
    /// the decisions.
    fn install_wanted(&mut self, mut level: i32, supplements: &[Lit], among: &[bool]) -> i32 {
        let pool = self.pool;
        let count = self.decisions.len();
        for &literal in supplements {
            if !self.decisions.is_undecided(literal) {
                continue;
            }
            let before = level;
            level = self.decide_and_propagate(level, literal, Why::Choice(0));
            if level <= before {
                return level;
            }
        }
        if self.decisions.len() < count {
            return level;
        }
        for place in 0..count {
            let literal = self.decisions.queue[place];
            let Some(id) = literal.package().filter(|_| literal.is_positive()) else { continue };
            if pool.solvable(id).is_installed() {
                continue;
            }
            for &dependency in pool.solvable(id).dependencies(Kind::Recommends) {
                let mut candidates = Vec::new();
                self.open_candidates(dependency, Some(among), &mut candidates);
                let mut known = FxHashSet::default();
                candidates.retain(|&literal| known.insert(literal));
                if candidates.is_empty() {
                    continue;
                }
                policy::filter(self, &mut candidates, Mode::Choose);
                if candidates.len() > 1 {
                    self.branch(level, &candidates, 0);
                }
                let before = level;
                level = self.decide_and_propagate(level, candidates[0], Why::Choice(0));
                if level <= before || self.decisions.len() < count {
                    return level;
                }
            }
        }
        level
    }
}
