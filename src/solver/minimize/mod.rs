//! Search for the smallest set that satisfies a request, and proof that no set is smaller.
//!
//! The search assumes that no package is installed: each package that could be is an assumption
//! whose violation costs the package's weight. If assumptions contradict the rules, the solver
//! returns a core: assumptions that cannot all hold. Every solution costs at least the lowest
//! weight in the core. New assumptions then replace this part of the core: no second package of it
//! is installed ("PMRES": Narodytska and Bacchus, "Maximum Satisfiability Using Core-Guided
//! `MaxSAT` Resolution", 2014). Once all remaining assumptions hold, the solution is a smallest
//! set.
//!
//! The search handles heavy assumptions first, so that it finds good sets long before the proof.

mod under;

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use self::under::Answer;
use super::decisions::{Decisions, Why};
use super::engine::Solver;
use super::explain::Unsolvable;
use super::literal::Lit;
use super::propagate::Watches;
use super::request::Request;
use super::rules::RuleId;
use super::solution::Solution;
use crate::pool::SolvableId;

/// A small set of packages that satisfies a request, with a lower bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// The packages.
    pub solution: Solution,
    /// Total weight of the packages.
    pub weight: u64,
    /// Lower bound of the weight of every set that satisfies the request, as far as it was proved
    /// in the available time.
    pub at_least: u64,
}

impl Minimum {
    /// Reports whether it is proved that no set is smaller.
    pub fn is_proved(&self) -> bool {
        self.at_least == self.weight
    }
}

/// Maximum number of attempts to shrink a core.
const TRIMS: usize = 4;

/// The state of the search.
struct Known {
    /// Assumptions that a literal is false, each with the weight that its violation costs.
    wishes: FxHashMap<Lit, u64>,
    /// Lower bound of the weight of every solution.
    at_least: u64,
    /// The packages of the smallest set so far, and their weight.
    best: Vec<SolvableId>,
    weight: u64,
}

impl Known {
    fn is_proved(&self) -> bool {
        self.at_least >= self.weight
    }
}

impl Solver<'_> {
    /// Searches for the set of packages with the lowest weight that satisfies a request, without
    /// weak dependencies. Of sets with the same weight, prefers the one that the ordinary search
    /// chooses. When the time is over (`is_over`), returns the smallest set found so far. Fails if
    /// no set satisfies the request.
    pub fn minimize(
        &mut self,
        request: &Request,
        weight: &dyn Fn(SolvableId) -> u64,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Minimum, Unsolvable> {
        let hard = Request { weak_dependencies: false, ..request.clone() };
        let ordinary = self.solve(&hard)?;
        let total = |packages: &[SolvableId]| packages.iter().fold(0_u64, |sum, &id| sum.saturating_add(weight(id)));
        let known = Known {
            wishes: FxHashMap::default(),
            at_least: 0,
            weight: total(&ordinary.packages),
            best: ordinary.packages.clone(),
        };
        let known = self.search_minimum(known, weight, is_over);
        let mut solution = if known.best == ordinary.packages { ordinary } else { Solution::of(known.best, &hard) };
        if let Ok(nearest) = self.solve(&self.only_names_of(&solution.packages, &hard))
            && total(&nearest.packages) <= known.weight
        {
            solution = nearest;
        }
        let weight = total(&solution.packages);
        Ok(Minimum { at_least: known.at_least.min(weight), solution, weight })
    }

    /// Returns the request with all packages of other names excluded.
    fn only_names_of(&self, packages: &[SolvableId], request: &Request) -> Request {
        let name = |id: SolvableId| self.pool.solvable(id).name_id();
        let names: rustc_hash::FxHashSet<_> = packages.iter().map(|&id| name(id)).collect();
        let others = self.pool.solvables().filter(|package| !names.contains(&package.name_id()));
        let mut request = request.clone();
        request.excluded.extend(others.map(crate::pool::Solvable::id));
        request
    }

    fn search_minimum(&mut self, mut known: Known, weight: &dyn Fn(SolvableId) -> u64, is_over: &dyn Fn() -> bool) -> Known {
        self.keep_base_rules();
        for id in self.may_come() {
            let (literal, weight) = (Lit::of(id), weight(id));
            if weight > 0 {
                known.wishes.insert(literal, weight);
            }
        }
        let mut least = known.wishes.values().copied().max().unwrap_or(0);
        loop {
            self.revert(1);
            if self.settle(1).is_none() {
                known.at_least = known.weight;
                break;
            }
            self.take_what_is_decided(&mut known);
            if known.is_proved() || is_over() {
                break;
            }
            let mut assumptions: Vec<(u64, Lit)> = known
                .wishes
                .iter()
                .filter(|&(_, &weight)| weight >= least)
                .map(|(&literal, &weight)| (weight, -literal))
                .collect();
            assumptions.sort_unstable_by_key(|&(weight, literal)| (Reverse(weight), Reverse(literal)));
            let assumptions: Vec<Lit> = assumptions.into_iter().map(|(_, literal)| literal).collect();
            match self.solve_under(&assumptions, is_over) {
                Answer::Possible => {
                    let packages = self.packages_decided();
                    let found = packages.iter().fold(0_u64, |sum, &id| sum.saturating_add(weight(id)));
                    if found < known.weight {
                        (known.best, known.weight) = (packages, found);
                    }
                    match known.wishes.values().copied().filter(|&weight| weight < least).max() {
                        Some(next) => least = next.div_ceil(2),
                        None => known.at_least = known.weight,
                    }
                }
                Answer::Contradiction(core) => {
                    let core = self.trim(core, is_over);
                    self.replace(&core, &mut known);
                }
                Answer::Over => break,
            }
        }
        self.forget_minimum();
        known
    }

    /// Restores the rules of the last request: drops learned rules and all decisions except those
    /// that assertions make.
    fn keep_base_rules(&mut self) {
        let learnt = self.rules.classes.learnt;
        self.decisions.clear();
        self.learnt.clear();
        self.wishes.clear();
        self.branches.clear();
        self.branch_candidates.clear();
        self.watches.clear(&self.rules);
        self.rules.all.truncate(learnt as usize);
        self.watches.hook_all(&self.rules);
        self.decisions.decide(Lit::SYSTEM, 1, Why::Choice(0));
        for id in 1..learnt {
            let rule = self.rules.get(id);
            if rule.is_assertion() && !rule.disabled && self.decisions.is_undecided(rule.first) {
                self.decisions.decide(rule.first, 1, Why::Rule(id));
            }
        }
    }

    /// Returns the packages that a solution may need: those in a rule whose conditions may all
    /// hold. Other packages may be left out of any solution.
    fn may_come(&self) -> Vec<SolvableId> {
        let mut comes = vec![false; self.variables()];
        let mut found = Vec::new();
        let mut before = usize::MAX;
        while before != found.len() {
            before = found.len();
            for id in 1..self.rules.classes.learnt {
                let holds = |literal: Lit| literal.is_positive() || comes[literal.variable()];
                if self.rules.get(id).disabled || !self.rules.literals(id).all(holds) {
                    continue;
                }
                for literal in self.rules.literals(id).filter(|literal| literal.is_positive()) {
                    if !std::mem::replace(&mut comes[literal.variable()], true) {
                        found.extend(literal.package());
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Removes assumptions that the rules alone decide. Forbids packages that would cost more than
    /// the best set.
    fn take_what_is_decided(&mut self, known: &mut Known) {
        let mut too_much = Vec::new();
        let (mut at_least, decisions) = (known.at_least, &self.decisions);
        known.wishes.retain(|&literal, weight| {
            if decisions.is_true(literal) {
                at_least = at_least.saturating_add(*weight);
            }
            decisions.is_undecided(literal)
        });
        let weight_of_best = known.weight;
        known.wishes.retain(|&literal, weight| {
            let fits = at_least.saturating_add(*weight) < weight_of_best;
            if !fits {
                too_much.push(literal);
            }
            fits
        });
        known.at_least = at_least.min(weight_of_best);
        too_much.sort_unstable();
        for literal in too_much {
            let id = self.rules.add_short(-literal, Lit::NONE);
            self.watches.hook_new(&self.rules, id);
            self.decisions.decide(-literal, 1, Why::Rule(id));
        }
    }

    /// Shrinks a core by solving for the core alone, in reverse order each time.
    fn trim(&mut self, mut core: Vec<Lit>, is_over: &dyn Fn() -> bool) -> Vec<Lit> {
        for _ in 0..TRIMS {
            core.reverse();
            match self.solve_under(&core, is_over) {
                Answer::Contradiction(smaller) if smaller.len() < core.len() => core = smaller,
                _ => break,
            }
        }
        core
    }

    /// Replaces a core. One of its assumptions must be violated, which costs the lowest of their
    /// weights. In their place, the search assumes that only one of them is violated.
    fn replace(&mut self, core: &[Lit], known: &mut Known) {
        self.revert(1);
        if core.is_empty() || self.settle(1).is_none() {
            known.at_least = known.weight;
            return;
        }
        if core.iter().any(|&literal| !self.decisions.is_undecided(literal)) {
            // Rules learned meanwhile decide a literal of the core. Process that first: new rules
            // must be about undecided literals.
            return;
        }
        let packages: Vec<Lit> = core.iter().map(|&literal| -literal).collect();
        let cost = packages.iter().filter_map(|literal| known.wishes.get(literal)).copied().min().unwrap_or(0);
        known.at_least = known.at_least.saturating_add(cost);
        for literal in &packages {
            if let Some(weight) = known.wishes.get_mut(literal) {
                *weight -= cost;
                if *weight == 0 {
                    known.wishes.remove(literal);
                }
            }
        }
        self.add_rule(&packages);
        let Some((&last, others)) = packages.split_last() else { return };
        // True if any of the literals visited so far is true.
        let mut some = last;
        for (place, &literal) in others.iter().enumerate().rev() {
            let second = self.new_variable();
            self.add_rule(&[-literal, -some, second]);
            known.wishes.insert(second, cost);
            if place > 0 {
                let either = self.new_variable();
                self.add_rule(&[-literal, either]);
                self.add_rule(&[-some, either]);
                some = either;
            }
        }
    }

    /// Adds a rule of which at most the first literal is decided. A rule of one literal is decided
    /// at once.
    fn add_rule(&mut self, literals: &[Lit]) {
        let id: RuleId = self.rules.add_all(literals);
        self.watches.hook_new(&self.rules, id);
        if let [only] = *literals
            && self.decisions.is_undecided(only)
        {
            self.decisions.decide(only, 1, Why::Rule(id));
        }
    }

    /// Creates a variable that is not a package.
    fn new_variable(&mut self) -> Lit {
        let variable = self.extra.end;
        self.extra.end += 1;
        if variable >= self.variables() {
            self.set_variables(variable * 2);
            self.watches.hook_all(&self.rules);
        }
        Lit::nth(variable)
    }

    /// Allocates memory for `count` variables and removes all rules from the watch chains.
    fn set_variables(&mut self, count: usize) {
        self.seen.resize(count, false);
        self.decisions.resize(count);
        self.watches = Watches::new(count);
    }

    /// Clears the state, so that it does not affect the next request.
    fn forget_minimum(&mut self) {
        self.clear();
        let packages = Lit::count(self.pool.len());
        self.extra = packages..packages;
        if self.variables() != packages {
            self.set_variables(packages);
        }
    }

    /// Returns the packages that are to be installed, sorted by id.
    fn packages_decided(&self) -> Vec<SolvableId> {
        let Decisions { queue, .. } = &self.decisions;
        let positive = queue.iter().filter(|literal| literal.is_positive() && literal.variable() < self.extra.start);
        let mut packages: Vec<SolvableId> = positive.filter_map(|literal| literal.package()).collect();
        packages.sort_unstable();
        packages
    }
}
