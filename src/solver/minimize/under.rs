//! A search under assumptions: reports whether all of them can hold, and if not, which of them
//! contradict each other.

use crate::solver::decisions::Why;
use crate::solver::engine::Solver;
use crate::solver::literal::Lit;
use crate::solver::rules::RuleId;

/// The outcome of a search under assumptions.
pub(super) enum Answer {
    /// All assumptions can hold; the decisions are a solution.
    Possible,
    /// Assumptions that cannot all hold.
    Contradiction(Vec<Lit>),
    /// The time was over before the search ended.
    Over,
}

impl Solver<'_> {
    /// Searches for a solution in which all assumptions hold. Packages that no rule requires are
    /// not installed.
    pub(super) fn solve_under(&mut self, assumptions: &[Lit], is_over: &dyn Fn() -> bool) -> Answer {
        self.revert(1);
        let (mut next_rule, mut candidates) = (1, Vec::new());
        let mut level = 1;
        loop {
            match self.settle(level) {
                Some(reached) => level = reached,
                None => return Answer::Contradiction(Vec::new()),
            }
            // Each assumption has a decision level of its own, even if it is already decided.
            let open = assumptions.get(level as usize - 1..).unwrap_or_default();
            let held = open.iter().take_while(|&&literal| self.decisions.is_true(literal)).count();
            level += held as i32;
            let (literal, why) = if let Some(&assumed) = open.get(held) {
                if self.decisions.is_false(assumed) {
                    return Answer::Contradiction(self.core(assumed));
                }
                (assumed, Why::Choice(0))
            } else if let Some(rule) = self.rule_to_fulfil(&mut next_rule, &mut candidates) {
                if is_over() {
                    return Answer::Over;
                }
                (self.preferred(&candidates), Why::Choice(rule))
            } else {
                return Answer::Possible;
            };
            level += 1;
            self.decisions.decide(literal, level, why);
        }
    }

    /// Propagates at a level, learning from each conflict. Returns the level that is reached, or
    /// `None` if the rules themselves contradict each other.
    pub(super) fn settle(&mut self, mut level: i32) -> Option<i32> {
        while let Some(conflict) = self.watches.propagate(&mut self.rules, &mut self.decisions, level) {
            if level == 1 {
                return None;
            }
            level = self.learn(level, conflict);
        }
        Some(level)
    }

    /// Returns assumptions that cannot all hold; `failed` is the one found to be false.
    fn core(&mut self, failed: Lit) -> Vec<Lit> {
        let mut core = vec![failed];
        self.seen[failed.variable()] = true;
        for place in (0..self.decisions.len()).rev() {
            let literal = self.decisions.queue[place];
            if !std::mem::replace(&mut self.seen[literal.variable()], false) || self.decisions.level(literal).abs() == 1 {
                continue;
            }
            match self.decisions.why[place] {
                Why::Choice(_) => core.push(literal),
                Why::Rule(id) => {
                    for other in self.rules.literals(id).filter(|&other| other != literal) {
                        self.seen[other.variable()] = true;
                    }
                }
            }
        }
        core
    }

    /// Returns the next rule of the request that is not fulfilled yet, with its candidates. Visits
    /// each rule at most once.
    fn rule_to_fulfil(&self, next: &mut RuleId, candidates: &mut Vec<Lit>) -> Option<RuleId> {
        let (end, mut passed) = (self.rules.classes.learnt, 0);
        while passed < end {
            if *next >= end {
                *next = 1;
            }
            let (id, rule) = (*next, self.rules.get(*next));
            // Most rules are of packages that are not installed.
            let is_idle = rule.first.is_negative() && !self.decisions.is_false(rule.first);
            let step = if is_idle { RuleId::from(rule.more) + 1 } else { 1 };
            if !is_idle && self.open_literals(id, candidates) && !candidates.is_empty() {
                return Some(id);
            }
            *next += step;
            passed += step;
        }
        None
    }

    /// Returns the newest candidate for the best architecture.
    fn preferred(&self, candidates: &[Lit]) -> Lit {
        let key = |literal: &Lit| {
            let package = self.pool.solvable(literal.id());
            (package.repo().priority, package.arch_rank(), std::cmp::Reverse(package.version_rank()), literal.id())
        };
        candidates.iter().copied().min_by_key(key).unwrap_or(Lit::NONE)
    }
}
