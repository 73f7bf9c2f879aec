//! The rules that keep installed packages or packages that may replace them
//! (`solver_addfeaturerule`, `solver_addupdaterule`).

use super::engine::Solver;
use super::literal::Lit;
use super::rules::RuleId;
use super::upkeep::Allowed;
use crate::pool::SolvableId;

impl Solver<'_> {
    /// Collects the packages that may replace an installed one (`policy_findupdatepackages`): those
    /// of the same name, and those that both provide its name and obsolete it. If there are none of
    /// the latter, collects all that obsolete it.
    pub(super) fn updaters(&self, place: usize, allowed: Allowed, found: &mut Vec<SolvableId>) {
        let pool = self.pool;
        let old = pool.solvable(self.upkeep.packages[place]);
        let fits = |new: SolvableId| {
            (allowed.arch_change || !super::upkeep::is_arch_change(pool, old.id(), new))
                && (allowed.vendor_change || old.vendor() == pool.solvable(new).vendor())
        };
        let mut has_successor = false;
        let mut last = None;
        for (id, _) in pool.providers(old.name_id()) {
            if id == old.id() || last.replace(id) == Some(id) || self.reach.is_excluded(id) {
                continue;
            }
            let new = pool.solvable(id);
            if new.name_id() == old.name_id() {
                if !allowed.downgrade && old.version_rank() > new.version_rank() {
                    continue;
                }
            } else if self.upkeep.obsoleters(place).binary_search(&id).is_ok() {
                has_successor = true;
            } else {
                continue;
            }
            if fits(id) {
                found.push(id);
            }
        }
        if !has_successor {
            let obsoleters = self.upkeep.obsoleters(place).iter().copied();
            found.extend(obsoleters.filter(|&id| fits(id) && !self.reach.is_excluded(id)));
        }
    }

    /// Reaches the installed packages, and all packages that could replace them.
    pub(super) fn reach_installed(&mut self) {
        let pool = self.pool;
        for place in 0..self.upkeep.packages.len() {
            let id = self.upkeep.packages[place];
            self.reach.add(pool, &mut self.rules, id);
        }
        let mut found = Vec::new();
        for place in 0..self.upkeep.packages.len() {
            found.clear();
            self.updaters(place, Allowed::ANY, &mut found);
            for &id in &found {
                self.reach.add(pool, &mut self.rules, id);
            }
        }
    }

    /// Adds the feature rules and the update rules.
    pub(super) fn add_keep_rules(&mut self) {
        for place in 0..self.upkeep.packages.len() {
            self.add_feature_rule(place);
        }
        self.rules.classes.updates = self.rules.len() as RuleId;
        for place in 0..self.upkeep.packages.len() {
            self.add_update_rule(place);
            let (feature, update) = (self.feature_rule(place), self.update_rule(place));
            if self.rules.get(update).is_none() {
                self.rules.drop_rule(feature);
                continue;
            }
            let id = self.upkeep.packages[place];
            if !self.sync.takes_all && self.rules.get(feature).is_assertion() && self.rules.get(feature).first == Lit::of(id) {
                self.upkeep.orphaned.push(id);
            }
            if self.rules.literals(feature).eq(self.rules.literals(update)) {
                self.rules.drop_rule(feature);
            } else {
                self.rules.set_disabled(feature, true);
            }
        }
    }

    /// Returns the feature rule: an installed package stays, or any package replaces it.
    pub(super) fn feature_rule(&self, place: usize) -> RuleId {
        self.rules.classes.features + place as RuleId
    }

    /// Returns the update rule: an installed package stays, or a package replaces it that the
    /// policy allows.
    pub(super) fn update_rule(&self, place: usize) -> RuleId {
        self.rules.classes.updates + place as RuleId
    }

    /// Returns the feature rule, or the update rule if both are the same; `None` if there is
    /// neither.
    pub(super) fn widest_rule(&self, place: usize) -> Option<RuleId> {
        [self.feature_rule(place), self.update_rule(place)].into_iter().find(|&id| !self.rules.get(id).is_none())
    }

    /// Returns the update rule, or else the feature rule.
    pub(super) fn narrowest_rule(&self, place: usize) -> Option<RuleId> {
        [self.update_rule(place), self.feature_rule(place)].into_iter().find(|&id| !self.rules.get(id).is_none())
    }

    fn add_feature_rule(&mut self, place: usize) {
        let id = self.upkeep.packages[place];
        let mut found = Vec::new();
        self.updaters(place, Allowed::ANY, &mut found);
        if self.sync.involves(id) && !self.may_stay(id) {
            let pool = self.pool;
            let any_good = found.iter().any(|&new| !pool.solvable(new).is_installed() || self.may_stay(new));
            if !any_good {
                // No package in the repositories replaces it.
                self.rules.add_none();
                return;
            }
        }
        self.add_keep_rule(id, &found);
    }

    fn add_update_rule(&mut self, place: usize) {
        let id = self.upkeep.packages[place];
        if self.rules.get(self.feature_rule(place)).is_none() {
            self.upkeep.orphaned.push(id);
            // dnf keeps packages that no repository contains (`SOLVER_FLAG_KEEP_ORPHANS`).
            self.add_keep_rule(id, &[]);
            return;
        }
        let involved = self.sync.involves(id);
        let allowed = if involved { Allowed::ANY } else { self.upkeep.allowed };
        let mut found = Vec::new();
        self.updaters(place, allowed, &mut found);
        if found.iter().any(|&new| self.is_install_only(new)) {
            let all = found.clone();
            let pool = self.pool;
            let old = pool.solvable(id);
            found.retain(|&new| {
                let new = pool.solvable(new);
                let same =
                    new.name_id() == old.name_id() && new.version_id() == old.version_id() && new.arch_id() == old.arch_id();
                !self.is_install_only(new.id()) || new.name_id() != old.name_id() || same
            });
            if found.is_empty() && involved && !self.may_stay(id) {
                self.upkeep.orphaned.push(id);
                self.upkeep.beside[place] = all;
                self.add_keep_rule(id, &[]);
                return;
            }
            if found.len() < all.len() && (involved || self.upkeep.is_to_update(place)) {
                self.upkeep.beside[place] = all;
            }
        }
        self.add_keep_rule(id, &found);
    }

    fn add_keep_rule(&mut self, id: SolvableId, others: &[SolvableId]) {
        let literals: Vec<Lit> = std::iter::once(id).chain(others.iter().copied()).map(Lit::of).collect();
        self.rules.add_all(&literals);
    }

    /// Reports whether several versions of a package may be installed.
    pub(super) fn is_install_only(&self, id: SolvableId) -> bool {
        self.reach.is_install_only(id)
    }
}
