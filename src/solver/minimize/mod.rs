//! The smallest set that satisfies a request, and the proof that none is smaller.
//!
//! Every package that may come at all is wished away, by its weight. Where the wishes contradict the rules, the solver names those that
//! cannot all be granted (a core): that much weight is in every solution, and in their place it is wished that no second one of them comes
//! ("PMRES": Narodytska and Bacchus, "Maximum Satisfiability Using Core-Guided `MaxSAT` Resolution", 2014). Once all wishes that are left can be
//! granted, what came is a smallest set. Heavy wishes come first, so that good sets are found long before the proof is.

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

/// A small set of packages that satisfies a request, and what is known of smaller ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// The packages.
    pub solution: Solution,
    /// What they weigh together.
    pub weight: u64,
    /// What every set weighs that satisfies the request, as far as it was proved before the time was over.
    pub at_least: u64,
}

impl Minimum {
    /// Whether no set is smaller.
    pub fn is_proved(&self) -> bool {
        self.at_least == self.weight
    }
}

/// How often a core is made smaller before it is used.
const TRIMS: usize = 4;

/// What is known in the middle of the search.
struct Known {
    /// What must not come, with the weight that it costs if it does.
    wishes: FxHashMap<Lit, u64>,
    /// What every solution weighs at least.
    at_least: u64,
    /// The packages of the smallest set so far, and what they weigh.
    best: Vec<SolvableId>,
    weight: u64,
}

impl Known {
    fn is_proved(&self) -> bool {
        self.at_least >= self.weight
    }
}

impl Solver<'_> {
    /// The set of packages that satisfies a request and weighs least. Nothing that is installed is heeded, and no weak dependency is followed.
    /// Of sets that weigh the same the one is taken that the ordinary choice is nearest to. Once the time is over, the smallest set that was found.
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

    /// The same request, with no packages of other names.
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

    /// Makes of the rules of the last search those of this one: what was learnt is forgotten, nothing is decided but what the rules say.
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

    /// The packages that some solution needs perhaps: those that a rule asks for all of whose conditions may hold. The others may be left out of
    /// any solution.
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

    /// Takes account of wishes that the rules alone decide, and gives up what would cost more than the best set does.
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

    /// Makes a core smaller by asking for it alone, the other way round each time.
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

    /// Of some wishes one at cost cannot be granted: that costs the least of their weights, and in their place it is wished that only one of them
    /// is not.
    fn replace(&mut self, core: &[Lit], known: &mut Known) {
        self.revert(1);
        if core.is_empty() || self.settle(1).is_none() {
            known.at_least = known.weight;
            return;
        }
        if core.iter().any(|&literal| !self.decisions.is_undecided(literal)) {
            // What was learnt meanwhile decides it for good, which is taken account of first: new rules are about what is open.
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
        // That any of those comes which were looked at.
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

    /// Adds a rule of which at most the first literal is decided; of one literal it is decided now.
    fn add_rule(&mut self, literals: &[Lit]) {
        let id: RuleId = self.rules.add_all(literals);
        self.watches.hook_new(&self.rules, id);
        if let [only] = *literals
            && self.decisions.is_undecided(only)
        {
            self.decisions.decide(only, 1, Why::Rule(id));
        }
    }

    /// A variable that is no package.
    fn new_variable(&mut self) -> Lit {
        let variable = self.extra.end;
        self.extra.end += 1;
        if variable >= self.variables() {
            self.set_variables(variable * 2);
            self.watches.hook_all(&self.rules);
        }
        Lit::nth(variable)
    }

    /// Makes room for so many variables. No rule is hooked afterwards.
    fn set_variables(&mut self, count: usize) {
        self.seen.resize(count, false);
        self.decisions.resize(count);
        self.watches = Watches::new(count);
    }

    /// Leaves nothing behind that another request would find.
    fn forget_minimum(&mut self) {
        self.clear();
        let packages = Lit::count(self.pool.len());
        self.extra = packages..packages;
        if self.variables() != packages {
            self.set_variables(packages);
        }
    }

    /// The packages that are decided for, by id.
    fn packages_decided(&self) -> Vec<SolvableId> {
        let Decisions { queue, .. } = &self.decisions;
        let positive = queue.iter().filter(|literal| literal.is_positive() && literal.variable() < self.extra.start);
        let mut packages: Vec<SolvableId> = positive.filter_map(|literal| literal.package()).collect();
        packages.sort_unstable();
        packages
    }
}
