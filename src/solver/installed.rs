//! The steps of the search that decide about installed packages.

use super::decisions::Why;
use super::engine::Solver;
use super::literal::Lit;
use super::order;
use super::policy::{self, Mode};

/// The outcome of deciding about a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The package is decided, or needs no decision.
    Done,
    /// A conflict undid the decision.
    Again,
}

impl Solver<'_> {
    /// Keeps installed packages or installs their updates (`resolve_installed`). Handles packages
    /// that are to be updated first.
    pub(super) fn resolve_installed(&mut self, start: i32) -> i32 {
        let mut level = start;
        let first_pass = usize::from(!self.upkeep.update.any);
        let mut pass = first_pass;
        let mut first = self.upkeep.start_at;
        while pass < 2 {
            let pass_level = level;
            let count = self.upkeep.packages.len();
            // Starts where the last search stopped.
            let (mut place, mut done) = (first, 0);
            while done < count {
                if place >= count {
                    place = 0;
                }
                let before = level;
                match self.resolve_one_installed(place, pass, &mut level) {
                    Step::Done => {
                        place += 1;
                        done += 1;
                    }
                    Step::Again if level < pass_level => break,
                    // The solver learned a rule: retry this package, and all others too if
                    // decisions were undone.
                    Step::Again if level < before => done = 0,
                    Step::Again => {}
                }
            }
            if done < count {
                first = place;
                if level < start {
                    break;
                }
                pass = first_pass;
                continue;
            }
            first = 0;
            pass += 1;
        }
        self.upkeep.start_at = first;
        level
    }

    fn resolve_one_installed(&mut self, place: usize, pass: usize, level: &mut i32) -> Step {
        let id = self.upkeep.packages[place];
        let this = Lit::of(id);
        if self.decisions.is_true(this) && self.upkeep.beside[place].is_empty() {
            return Step::Done;
        }
        if pass == 0 && !self.upkeep.update.has(place) {
            return Step::Done;
        }
        let update = self.update_rule(place);
        let mut rule = update;
        if self.rules.get(rule).is_none() || self.rules.get(rule).disabled {
            rule = self.feature_rule(place);
        }
        if self.rules.get(rule).is_none() {
            rule = update;
        }
        if self.rules.get(rule).is_none() {
            return Step::Done;
        }
        let is_updated = self.decisions.is_false(this) || self.upkeep.is_to_update(place);
        if is_updated && !self.upkeep.released.has(place) {
            let mut candidates = Vec::new();
            if self.upkeep.beside[place].is_empty() {
                self.open_updates(rule, &mut candidates);
                self.upkeep.keep_targets(place, &mut candidates);
            } else {
                rule = self.newest_beside(place, rule, &mut candidates);
            }
            if !candidates.is_empty() {
                let before = *level;
                *level = self.select_and_install(before, &mut candidates, rule);
                if *level <= before {
                    return Step::Again;
                }
            }
        }
        if self.decisions.is_undecided(this) && !self.upkeep.is_unneeded(id) {
            let before = *level;
            *level = self.decide_and_propagate(before, this, Why::Choice(update));
            if *level <= before {
                return Step::Again;
            }
        }
        Step::Done
    }

    /// Collects the undecided packages of a rule; none if the rule is fulfilled.
    fn open_updates(&self, rule: u32, candidates: &mut Vec<Lit>) {
        for literal in self.rules.literals(rule) {
            if self.decisions.is_true(literal) {
                candidates.clear();
                return;
            }
            if self.decisions.is_undecided(literal) {
                candidates.push(literal);
            }
        }
    }

    /// Finds the best of the packages to be installed beside an installed one, if it is undecided.
    /// Returns the rule that requires it.
    fn newest_beside(&mut self, place: usize, rule: u32, candidates: &mut Vec<Lit>) -> u32 {
        let this = Lit::of(self.upkeep.packages[place]);
        let possible = |literal: &Lit| !self.decisions.is_false(*literal);
        let own = Some(this).filter(|own| self.rules.get(rule).first == *own && possible(own));
        candidates.extend(own);
        candidates.extend(self.upkeep.beside[place].iter().map(|&id| Lit::of(id)).filter(possible));
        self.upkeep.keep_targets(place, candidates);
        if candidates.is_empty() {
            return rule;
        }
        policy::filter(self, candidates, Mode::Choose);
        let best = candidates[0];
        candidates.clear();
        if best != this && self.decisions.is_undecided(best) {
            candidates.push(best);
        }
        self.widest_rule(place).unwrap_or(rule)
    }

    /// Keeps only the installed candidates of a job, if there are any and none of them is to be
    /// updated.
    pub(super) fn keep_installed(&self, candidates: &mut Vec<Lit>) {
        if self.upkeep.update_all {
            return;
        }
        let places = || candidates.iter().filter_map(|literal| self.upkeep.place(literal.id()));
        if places().next().is_some() && !places().any(|place| self.upkeep.update.has(place)) {
            candidates.retain(|literal| self.is_installed(*literal));
        }
    }

    /// Moves candidates to the front that would be suggested or recommended if all undecided
    /// installed packages stayed. The search decides about jobs before it decides about installed
    /// packages (`reorder_dq_for_future_installed`).
    pub(super) fn sort_for_what_stays(&mut self, level: i32, candidates: &mut [Lit]) {
        let before = self.decisions.len();
        for place in 0..self.upkeep.packages.len() {
            let literal = Lit::of(self.upkeep.packages[place]);
            if !self.upkeep.released.has(place) && self.decisions.is_undecided(literal) {
                self.decisions.decide(literal, level + 1, Why::Choice(0));
            }
        }
        if self.decisions.len() == before {
            return;
        }
        self.update_wishes();
        let mut sorted = candidates.to_vec();
        order::to_back(&mut sorted, |literal| !self.is_installed(literal) && !self.is_suggested(literal));
        order::to_back(&mut sorted, |literal| !self.is_installed(literal) && !self.is_recommended(literal));
        candidates.copy_from_slice(&sorted);
        self.decisions.take_back(before);
        self.wishes.clear();
        order::prefer_favored(self, candidates);
    }

    /// Keeps orphaned packages, and erases all packages that are still undecided. Returns false if
    /// the search must continue.
    pub(super) fn resolve_leftovers(&mut self, level: &mut i32) -> bool {
        let mut kept_one = false;
        for number in 0..self.upkeep.orphaned.len() {
            let literal = Lit::of(self.upkeep.orphaned[number]);
            if !self.decisions.is_undecided(literal) {
                continue;
            }
            let before = *level;
            *level = self.decide_and_propagate(*level, literal, Why::Choice(0));
            kept_one = true;
            if *level < before {
                break;
            }
        }
        !kept_one && self.drop_undecided(level, |_, _| true)
    }

    /// Erases packages that only served packages that are erased. Returns false if the search must
    /// continue.
    pub(super) fn resolve_unneeded(&mut self, level: &mut i32) -> bool {
        self.drop_undecided(level, |solver, place| solver.upkeep.is_unneeded(solver.upkeep.packages[place]))
    }

    fn drop_undecided(&mut self, level: &mut i32, goes: impl Fn(&Self, usize) -> bool) -> bool {
        for place in 0..self.upkeep.packages.len() {
            let literal = Lit::of(self.upkeep.packages[place]);
            if !self.decisions.is_undecided(literal) || !goes(self, place) {
                continue;
            }
            let before = *level;
            *level = self.decide_and_propagate(*level, -literal, Why::Choice(0));
            if *level < before {
                return false;
            }
        }
        true
    }

    /// Corrects packages that were wrongly marked as unneeded: those that a kept package requires,
    /// or that are recommended. Returns true if there were any (`solver_check_cleandeps_mistakes`).
    pub(super) fn mend_unneeded(&mut self) -> bool {
        if self.upkeep.unneeded.is_none() {
            return false;
        }
        let pool = self.pool;
        self.update_wishes();
        let mut mistakes = Vec::new();
        for place in 0..self.upkeep.packages.len() {
            let id = self.upkeep.packages[place];
            if self.decisions.is_true(Lit::of(id)) {
                for &dependency in pool.solvable(id).requires() {
                    let gone = |other: &&crate::pool::SolvableId| {
                        **other != id
                            && self.upkeep.is_unneeded(**other)
                            && !mistakes.contains(*other)
                            && !self.decisions.is_true(Lit::of(**other))
                    };
                    let found: Vec<_> = pool.candidates(dependency).iter().filter(gone).copied().collect();
                    mistakes.extend(found);
                }
            }
            if self.upkeep.is_unneeded(id) && !mistakes.contains(&id) && self.is_mistake(place) {
                mistakes.push(id);
            }
        }
        for &id in &mistakes {
            self.upkeep.mistakes.push(id);
            let Some(place) = self.upkeep.place(id) else { continue };
            if let Some(unneeded) = &mut self.upkeep.unneeded {
                unneeded.set(place, false);
            }
            if !self.releases.contains(&id) {
                self.upkeep.released.set(place, false);
                self.set_kept(place, true);
            }
        }
        !mistakes.is_empty()
    }

    /// Returns true if an unneeded package was erased although it is recommended, or was replaced
    /// by something other than an update.
    fn is_mistake(&self, place: usize) -> bool {
        let Some(widest) = self.widest_rule(place) else { return false };
        let holds = |rule: u32| self.rules.literals(rule).any(|literal| literal.is_positive() && self.decisions.is_true(literal));
        if !holds(widest) {
            return self.is_recommended(Lit::of(self.upkeep.packages[place]));
        }
        let update = self.update_rule(place);
        if !self.rules.get(update).is_none() && update != widest && !holds(update) {
            return true;
        }
        let of = super::engine::BestOf::Update(self.upkeep.packages[place]);
        let best = (self.best_of.iter().enumerate()).filter(|(_, about)| **about == of);
        best.map(|(number, _)| self.rules.classes.best + number as u32).any(|rule| !holds(rule))
    }
}
