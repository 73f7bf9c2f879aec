//! The search: assertions, jobs, dependencies, weak dependencies, fewer packages, in libsolv's order (`solver_run_sat`).

use super::decisions::Why;
use super::engine::{Branch, Solver};
use super::literal::Lit;
use super::policy::{self, Mode};
use super::rules::RuleId;

impl Solver<'_> {
    /// Searches a solution; on failure returns the rules of the proof.
    pub(super) fn search(&mut self, weak: bool) -> Result<(), Vec<RuleId>> {
        let mut level = Self::RESTART;
        // The level below which the jobs, and what is installed, have to be looked at again.
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

    /// Makes the rules of one literal into decisions and draws the consequences; returns level one, or less if that fails.
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
                    // Its reasons are decided the other way for another reason.
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

    /// Chooses among the candidates and installs the choice.
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

    /// Fulfils the jobs, in their order.
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

    /// Collects the undecided literals of a rule; false if the rule is fulfilled, or a condition of it does not hold.
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

    /// Fulfils all rules. First those whose candidates come down to one; where a choice remains it is put off, and made only
    /// when nothing else is left (libsolv's `resolve_dependencies`).
    fn resolve_dependencies(&mut self, start: i32) -> i32 {
        let (mut level, mut candidates) = (start, Vec::new());
        // The first rule with a choice that was put off; from then on choices are made at once.
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
            // Most rules are those of packages that are not installed.
            if rule.first.is_negative() && !self.decisions.is_false(rule.first) {
                unchanged += usize::from(rule.more) + 1;
                id += RuleId::from(rule.more) + 1;
                continue;
            }
            if self.needs_choice(id, &mut candidates) {
                if self.upkeep.unneeded.is_some()
                    && let Some(&literal) = candidates.iter().find(|literal| self.upkeep.is_unneeded(literal.id()))
                {
                    // What would go is the first to be kept.
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

    /// Whether a rule is not fulfilled yet and leaves several candidates.
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

    /// A candidate that was passed over in favour of another and came in all the same (or is recommended where the choice was
    /// not): taken instead, it may save a package. The branch that was opened first is served first.
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

    /// Goes back to a choice and makes it otherwise.
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
