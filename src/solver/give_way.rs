//! Resolution of contradictions at level one, before any choice was made.
//!
//! The solver gives up a rule that only states a preference, or one that keeps an installed package
//! that may be erased, and restarts the search. If there is no such rule, there is no solution.

use super::decisions::Why;
use super::engine::Solver;
use super::rules::RuleId;

impl Solver<'_> {
    /// Handles a rule that cannot be fulfilled (`analyze_unsolvable`). Returns the level of a
    /// restart, or [`Solver::STUCK`].
    pub(super) fn give_way(&mut self, conflict: RuleId) -> i32 {
        self.conflict = Some(conflict);
        let classes = self.rules.classes;
        if self.upkeep.active {
            let proof = self.proof_as_found();
            let is_choice = |id: &RuleId| (classes.choices..classes.learnt).contains(id);
            if let Some(last) = proof.iter().copied().filter(is_choice).max() {
                self.give_up_choices(last);
                self.rules.set_disabled(last, true);
                self.begin_again();
                return Self::RESTART;
            }
            if self.let_go(&proof) {
                self.begin_again();
                return Self::RESTART;
            }
        }
        Self::STUCK
    }

    /// Handles a rule with one literal that contradicts a decision (`makeruledecisions`). Returns
    /// the level of a restart, or [`Solver::STUCK`].
    pub(super) fn give_way_to_assertion(&mut self, conflict: RuleId) -> i32 {
        self.conflict = Some(conflict);
        if self.upkeep.active {
            let classes = self.rules.classes;
            let literal = self.rules.get(conflict).first;
            let against = self.decisions.queue.iter().position(|&decided| decided == -literal);
            let is_package_rule = against.is_none_or(|place| match self.decisions.why[place] {
                Why::Rule(id) => id < classes.features,
                Why::Choice(_) => true,
            });
            let problem: Vec<RuleId> = if is_package_rule {
                vec![conflict]
            } else {
                let about = |id: &RuleId| {
                    let rule = self.rules.get(*id);
                    !rule.disabled && rule.is_assertion() && (rule.first == literal || rule.first == -literal)
                };
                (classes.features..classes.learnt).filter(about).collect()
            };
            if self.let_go(&problem) {
                self.begin_again();
                return Self::RESTART;
            }
        }
        Self::STUCK
    }

    /// Gives up the rule that keeps one of the installed packages of a problem, if one may be
    /// erased (`autouninstall`). Prefers packages for which the policy left out candidates, and
    /// among those the last.
    fn let_go(&mut self, problem: &[RuleId]) -> bool {
        if !self.upkeep.erasable_all && !self.upkeep.erasable.any {
            return false;
        }
        let classes = self.rules.classes;
        let (mut last_strict, mut last_plain) = (None, None);
        for &id in problem.iter().filter(|id| (classes.updates..classes.jobs).contains(id)) {
            let place = (id - classes.updates) as usize;
            if !self.upkeep.may_go(place) {
                continue;
            }
            if !self.rules.get(self.feature_rule(place)).is_none() {
                last_strict = last_strict.max(Some(place));
            } else if self.rules.get(id).is_assertion() {
                // No package could replace it.
                (last_strict, last_plain) = (None, Some(place));
                break;
            } else {
                last_plain = last_plain.max(Some(place));
            }
        }
        let Some(place) = last_strict.or(last_plain) else { return false };
        let id = self.upkeep.packages[place];
        self.rules.set_disabled(self.update_rule(place), true);
        let jobs = || problem.iter().filter_map(|&id| self.rules.job(id));
        let only_clean = jobs().next().is_some() && jobs().all(|job| self.upkeep.is_clean_job(job));
        if only_clean && self.upkeep.unneeded.is_some() && self.upkeep.add_changed(id) {
            self.find_unneeded();
            self.release();
        }
        true
    }

    /// Undoes all decisions. Disables the learned rules that follow from disabled rules and enables
    /// the others (`solver_reset`).
    pub(super) fn begin_again(&mut self) {
        self.decisions.clear();
        self.wishes.clear();
        self.branches.clear();
        self.branch_candidates.clear();
        self.conflict = None;
        let first = self.rules.classes.learnt;
        for id in first..self.rules.len() as RuleId {
            let reasons = self.learnt.reasons((id - first) as usize);
            let disabled = reasons.iter().any(|&reason| self.rules.get(reason).disabled);
            self.rules.set_disabled(id, disabled);
        }
    }

    /// Returns the rules that the conflict follows from, back to the assertions, sorted by id.
    /// Learned rules are replaced by the rules that they follow from.
    pub(super) fn proof(&self) -> Vec<RuleId> {
        let mut proof = self.proof_as_found();
        proof.sort_unstable();
        proof
    }

    /// Returns the same rules in the order in which the analysis finds them.
    fn proof_as_found(&self) -> Vec<RuleId> {
        let Some(conflict) = self.conflict else { return Vec::new() };
        let mut involved = vec![false; self.variables()];
        let mut known = vec![false; self.rules.len()];
        let mut proof = Vec::new();
        let mut pending = vec![conflict];
        let mut index = self.decisions.len();
        loop {
            while let Some(id) = pending.pop() {
                self.rules.literals(id).for_each(|literal| involved[literal.variable()] = true);
                self.expand(id, &mut known, &mut proof);
            }
            let Some(before) = index.checked_sub(1) else { break };
            index = before;
            if let (true, Why::Rule(id)) = (involved[self.decisions.queue[index].variable()], self.decisions.why[index]) {
                pending.push(id);
            }
        }
        proof
    }

    fn expand(&self, id: RuleId, known: &mut [bool], proof: &mut Vec<RuleId>) {
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if std::mem::replace(&mut known[id as usize], true) {
                continue;
            }
            match id.checked_sub(self.rules.classes.learnt) {
                Some(number) => pending.extend(self.learnt.reasons(number as usize).iter().rev()),
                None => proof.push(id),
            }
        }
    }
}
