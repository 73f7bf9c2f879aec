//! The search loop in libsolv's order (`solver_run_sat`): assertions, jobs, installed packages,
//! dependencies, weak dependencies, and finally alternatives with fewer packages.

use super::decisions::Why;
use super::engine::{Branch, Solver};
use super::literal::Lit;
use super::policy::{self, Mode};
use super::rules::RuleId;

impl Solver<'_> {
    /// Searches for a solution. Fails with the rules of the proof if there is none.
    pub(super) fn search(&mut self, weak: bool) -> Result<(), Vec<RuleId>> {
        let mut level = Self::RESTART;
        // Below this level, the jobs and the installed packages must be visited again.
        let mut system_level = 0;
        loop {
            if level == Self::STUCK {
                return Err(self.proof());
            }
            if level == Self::RESTART {
                level = self.decide_assertions();
                system_level = level + 1;
                continue;
            }
            let before = level;
            if level < system_level {
                level = self.resolve_jobs(level);
                if level < before {
                    continue;
                }
                system_level = level + 1;
            }
            if level < system_level && self.upkeep.active {
                let before = level;
                level = self.resolve_installed(level);
                if level < before {
                    continue;
                }
                system_level = level;
            }
            system_level = system_level.min(level);
            let before = level;
            level = self.resolve_dependencies(level);
            if level < before {
                continue;
            }
            if self.upkeep.unneeded.is_some() && !self.resolve_unneeded(&mut level) {
                continue;
            }
            if weak && let Some(reached) = self.resolve_weak(level) {
                level = reached;
                continue;
            }
            if self.upkeep.active {
                if !self.resolve_leftovers(&mut level) {
                    continue;
                }
                if self.mend_unneeded() || self.give_up_unneeded_choices() {
                    self.begin_again();
                    level = Self::RESTART;
                    continue;
                }
            }
            match self.unneeded_choice() {
                Some((branch, place)) => level = self.take_branch(branch, place),
                None => return Ok(()),
            }
        }
    }

    /// Decides the literals of assertions and propagates them. Returns level one, or a lower level
    /// on failure.
    fn decide_assertions(&mut self) -> i32 {
        self.decisions.decide(Lit::SYSTEM, 1, Why::Choice(0));
        for place in 0..self.assertions.len() {
            let id = self.assertions[place];
            let rule = self.rules.get(id);
            if rule.disabled || self.decisions.is_true(rule.first) {
                continue;
            }
            if self.decisions.is_false(rule.first) {
                if id >= self.rules.classes.learnt {
                    // A learned assertion: its reasons were decided otherwise.
                    self.rules.set_disabled(id, true);
                    continue;
                }
                return self.give_way_to_assertion(id);
            }
            self.decisions.decide(rule.first, 1, Why::Rule(id));
        }
        match self.watches.propagate(&mut self.rules, &mut self.decisions, 1) {
            Some(conflict) => self.give_way(conflict),
            None => 1,
        }
    }

    /// Chooses one of the candidates by the policy and installs it.
    pub(super) fn select_and_install(&mut self, level: i32, candidates: &mut Vec<Lit>, rule: RuleId) -> i32 {
        if candidates.len() > 1 {
            policy::filter(self, candidates, Mode::Choose);
        }
        if candidates.len() > 1 && self.upkeep.active && self.rules.jobs().contains(&rule) {
            self.sort_for_what_stays(level, candidates);
        }
        if candidates.len() > 1 {
            self.branch(level, candidates, rule);
        }
        self.decide_and_propagate(level, candidates[0], Why::Choice(rule))
    }

    /// Fulfills the jobs in order.
    fn resolve_jobs(&mut self, start: i32) -> i32 {
        let (mut level, mut candidates) = (start, Vec::new());
        let jobs = self.rules.jobs();
        let mut id = jobs.start;
        while id < jobs.end {
            if !self.open_literals(id, &mut candidates) || candidates.is_empty() {
                id += 1;
                continue;
            }
            if candidates.len() > 1 && self.upkeep.active {
                self.keep_installed(&mut candidates);
            }
            let before = level;
            level = self.select_and_install(level, &mut candidates, id);
            if level > before {
                id += 1;
            } else if level < before {
                if level < start {
                    return level;
                }
                id = jobs.start;
            }
        }
        level
    }

    /// Collects the undecided literals of a rule. Returns false if the rule is fulfilled, or if one
    /// of its conditions does not hold.
    pub(super) fn open_literals(&self, id: RuleId, open: &mut Vec<Lit>) -> bool {
        open.clear();
        let rule = self.rules.get(id);
        if rule.disabled {
            return false;
        }
        for literal in self.rules.literals(id) {
            if literal.is_negative() {
                if !self.decisions.is_false(literal) {
                    return false;
                }
            } else if self.decisions.is_undecided(literal) {
                open.push(literal);
            } else if self.decisions.is_true(literal) {
                return false;
            }
        }
        true
    }

    /// Fulfills all rules (libsolv's `resolve_dependencies`). First handles the rules for which the
    /// policy leaves one candidate. Postpones the others until nothing else is left.
    fn resolve_dependencies(&mut self, start: i32) -> i32 {
        let (mut level, mut candidates) = (start, Vec::new());
        // The first postponed rule; from then on the search makes choices at once.
        let (mut postponed, mut choosing) = (None, false);
        let (mut id, mut unchanged): (RuleId, usize) = (1, 1);
        loop {
            if unchanged >= self.rules.len() {
                let Some(first) = postponed.take() else { return level };
                (id, unchanged, choosing) = (first, 1, true);
            }
            if id as usize >= self.rules.len() {
                id = 1;
            }
            let rule = self.rules.get(id);
            // Most rules are of packages that are not installed.
            if rule.first.is_negative() && !self.decisions.is_false(rule.first) {
                unchanged += usize::from(rule.more) + 1;
                id += RuleId::from(rule.more) + 1;
                continue;
            }
            if self.needs_choice(id, &mut candidates) {
                if self.upkeep.unneeded.is_some()
                    && let Some(&literal) = candidates.iter().find(|literal| self.upkeep.is_unneeded(literal.id()))
                {
                    // Prefer keeping an unneeded package to installing another one.
                    candidates.clear();
                    candidates.push(literal);
                }
                if !choosing {
                    policy::filter(self, &mut candidates, Mode::ChooseUnordered);
                }
                if choosing || candidates.len() == 1 {
                    level = self.select_and_install(level, &mut candidates, id);
                    if level < start {
                        return level;
                    }
                    unchanged = 0;
                } else {
                    postponed = postponed.or(Some(id));
                }
            }
            id += 1;
            unchanged += 1;
        }
    }

    /// Returns true if a rule is not fulfilled yet and has several candidates.
    fn needs_choice(&self, id: RuleId, candidates: &mut Vec<Lit>) -> bool {
        let rule = self.rules.get(id);
        if rule.first.is_negative() && rule.is_short() {
            return false;
        }
        if rule.is_short() && !(self.decisions.is_undecided(rule.first) && self.decisions.is_undecided(rule.watched[1])) {
            return false;
        }
        self.open_literals(id, candidates) && candidates.len() > 1
    }

    /// Finds a rejected candidate that was installed later anyway, or that is recommended while the
    /// chosen one is not. Choosing it instead may save a package. Searches the branches in the
    /// order in which they were opened. Returns the index of the branch and of the candidate.
    fn unneeded_choice(&mut self) -> Option<(usize, usize)> {
        if self.branches.is_empty() {
            return None;
        }
        self.update_wishes();
        let mut found = None;
        for (number, branch) in self.branches.iter().enumerate().rev() {
            let end = self.branches.get(number + 1).map_or(self.branch_candidates.len(), |next| next.start);
            let candidates = &self.branch_candidates[branch.start..end];
            let mut recommended = None;
            let mut came_in = None;
            for (place, &literal) in candidates.iter().enumerate().filter(|(_, literal)| literal.is_positive()) {
                if self.decisions.level(literal) > branch.level {
                    came_in = Some(place);
                    break;
                }
                if recommended.is_none() && !self.is_disfavored(literal) && self.is_recommended(literal) {
                    recommended = Some(place);
                }
            }
            let chosen_at = branch.level + 1;
            let is_favored = |literal: Lit| self.favor.get(&literal.id()).is_some_and(|&favor| favor > 0);
            let replaces = |&&taken: &&Lit| {
                taken.is_negative()
                    && self.decisions.level(-taken) == chosen_at
                    && !is_favored(taken)
                    && !self.is_recommended(-taken)
            };
            let better = came_in.or_else(|| recommended.filter(|_| candidates.iter().any(|taken| replaces(&taken))));
            if let Some(place) = better {
                found = Some((number, branch.start + place));
            }
        }
        found
    }

    /// Returns to a branch and makes another choice.
    fn take_branch(&mut self, number: usize, place: usize) -> i32 {
        let Branch { level, rule, .. } = self.branches[number];
        let literal = self.branch_candidates[place];
        self.branch_candidates[place] = -literal;
        self.decisions.revert(level);
        self.drop_branches(number + 1);
        self.wishes.reverted(self.decisions.len());
        self.decide_and_propagate(level, literal, Why::Choice(rule))
    }
}
