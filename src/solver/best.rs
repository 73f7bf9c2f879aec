//! Three classes of rules about installed packages:
//! - packages are updated to the best candidate (`solver_addbestrules`);
//! - all parts of a split package are installed together (`solver_addyumobsrules`);
//! - installed packages are preferred over new ones (`solver_addchoicerules`).

use super::engine::{BestOf, Solver};
use super::literal::Lit;
use super::policy::{self, Mode};
use super::request::Pinned;
use super::rules::RuleId;
use super::upkeep::is_forbidden;
use crate::pool::{DependencyId, Kind, SolvableId};

/// Appends those literals of `more` that `candidates` does not contain yet.
pub(super) fn add_missing(candidates: &mut Vec<Lit>, more: Vec<Lit>) {
    for literal in more {
        if !candidates.contains(&literal) {
            candidates.push(literal);
        }
    }
}

impl Solver<'_> {
    pub(super) fn add_best_update_rules(&mut self) {
        if !self.upkeep.best_all && !self.upkeep.best.any {
            return;
        }
        for place in 0..self.upkeep.packages.len() {
            let is_best = self.upkeep.best_all || self.upkeep.best.has(place);
            if !is_best || !self.upkeep.is_to_update(place) {
                continue;
            }
            // As with `SOLVER_FLAG_BEST_OBEY_POLICY`, only candidates of the update rule or the
            // feature rule count.
            let id = self.upkeep.packages[place];
            let update = self.update_rule(place);
            let mut best: Vec<Lit> = if self.upkeep.beside[place].is_empty() {
                self.rules.literals(update).filter(|literal| literal.is_positive()).collect()
            } else {
                let own = Some(Lit::of(id)).filter(|&own| self.rules.get(update).first == own);
                own.into_iter().chain(self.upkeep.beside[place].iter().map(|&id| Lit::of(id))).collect()
            };
            let staying = self.drop_locked(&mut best);
            self.keep_best(place, &mut best);
            if best.is_empty() {
                continue;
            }
            let feature = self.feature_rule(place);
            if !self.rules.get(feature).is_none() {
                let mut wider: Vec<Lit> = self.rules.literals(feature).filter(|literal| literal.is_positive()).collect();
                self.drop_locked(&mut wider);
                self.keep_best(place, &mut wider);
                add_missing(&mut best, wider);
            }
            add_missing(&mut best, staying);
            self.rules.add_all(&best);
            self.best_of.push(BestOf::Update(id));
        }
    }

    /// Drops locked candidates that are not installed, as the solver may not install them. Returns
    /// the locked candidates that are installed; they count as good as the best.
    pub(super) fn drop_locked(&self, candidates: &mut Vec<Lit>) -> Vec<Lit> {
        let is_installed = |literal: &Lit| self.pool.solvable(literal.id()).is_installed();
        let locked: Vec<Lit> = candidates.iter().copied().filter(|literal| self.is_locked(literal.id())).collect();
        candidates.retain(|literal| is_installed(literal) || !locked.contains(literal));
        locked.into_iter().filter(is_installed).collect()
    }

    fn keep_best(&mut self, place: usize, candidates: &mut Vec<Lit>) {
        self.upkeep.keep_targets(place, candidates);
        if !self.sync.takes_all && self.sync.involves(self.upkeep.packages[place]) {
            candidates.retain(|literal| self.sync.is_good(literal.id()));
        }
        policy::filter(self, candidates, Mode::Recommend);
    }

    /// Adds the rules for split packages. An installed package counts as split if packages of
    /// several names obsolete it by the same dependency. If one of these packages is
    /// installed, a package of each other name must be too.
    pub(super) fn add_split_rules(&mut self) {
        let pool = self.pool;
        let mut obsoletes: Vec<DependencyId> = Vec::new();
        for place in 0..self.upkeep.packages.len() {
            for &id in self.upkeep.obsoleters(place).iter().filter(|&&id| !self.reach.is_excluded(id)) {
                for &dependency in pool.solvable(id).dependencies(Kind::Obsoletes) {
                    let of_installed = pool.obsoleted(dependency).iter().any(|&id| self.upkeep.place(id).is_some());
                    if of_installed && !obsoletes.contains(&dependency) {
                        obsoletes.push(dependency);
                    }
                }
            }
        }
        for dependency in obsoletes {
            let groups = self.groups_that_obsolete(dependency);
            for (number, group) in groups.iter().enumerate() {
                for &id in group.iter().filter(|&&id| !pool.solvable(id).is_installed()) {
                    for (_, other) in groups.iter().enumerate().filter(|&(other, _)| other != number) {
                        let literals: Vec<Lit> =
                            std::iter::once(-Lit::of(id)).chain(other.iter().map(|&id| Lit::of(id))).collect();
                        self.rules.add_all(&literals);
                    }
                }
            }
        }
    }

    /// Returns the packages that obsolete installed ones by this dependency, grouped by name. The
    /// result is empty if they all have the same name (`find_obsolete_group`).
    fn groups_that_obsolete(&self, dependency: DependencyId) -> Vec<Vec<SolvableId>> {
        let pool = self.pool;
        let mut all: Vec<SolvableId> = Vec::new();
        for &old in pool.obsoleted(dependency) {
            let Some(place) = self.upkeep.place(old) else { continue };
            let named = pool.named(pool.solvable(old).name_id()).iter().filter(|&&id| pool.solvable(id).takes_part());
            for &id in self.upkeep.obsoleters(place).iter().chain(named) {
                let states = pool.solvable(id).dependencies(Kind::Obsoletes).contains(&dependency);
                if states && !self.reach.is_excluded(id) && !all.contains(&id) {
                    all.push(id);
                }
            }
        }
        let mut names: Vec<Lit> = all.iter().map(|&id| Lit::of(id)).collect();
        policy::keep_best_versions(pool, &mut names);
        if names.len() < 2 {
            return Vec::new();
        }
        let name_of = |id: SolvableId| pool.solvable(id).name_id();
        (names.iter().map(|literal| all.iter().copied().filter(|&id| name_of(id) == name_of(literal.id())).collect())).collect()
    }

    /// Adds the choice rules. If installed packages (or packages that replace them) and other
    /// packages meet the same requirement, the solver takes one of the former. The solver gives the
    /// rule up if it causes a conflict.
    pub(super) fn add_choice_rules(&mut self) {
        if self.upkeep.is_empty() {
            return;
        }
        let classes = self.rules.classes;
        let mut forbidden = vec![false; self.variables()];
        for id in classes.architecture..classes.best {
            let rule = self.rules.get(id);
            if rule.first.is_negative() && rule.is_assertion() {
                forbidden[rule.first.variable()] = true;
            }
        }
        let mut meant = vec![false; self.variables()];
        let mut last: Vec<Lit> = Vec::new();
        for id in 1..classes.features {
            let rule = self.rules.get(id);
            if !rule.first.is_negative() || rule.is_short() && !rule.watched[1].is_positive() {
                continue;
            }
            let literals: Vec<Lit> = self.rules.literals(id).collect();
            let Some(mut chosen) = self.choice(&literals, &forbidden, &mut meant) else { continue };
            let negative = literals.iter().take_while(|literal| literal.is_negative()).copied();
            chosen.splice(..0, negative);
            if chosen != last {
                self.rules.add_all(&chosen);
                self.choice_of.push(id);
                last = chosen;
            }
        }
    }

    /// Returns the candidates of a requirement that are installed or replace an installed package.
    /// Returns `None` if all candidates are such, or if none is.
    fn choice(&mut self, literals: &[Lit], forbidden: &[bool], meant: &mut [bool]) -> Option<Vec<Lit>> {
        let pool = self.pool;
        // Each candidate with the index of the installed package that it is or replaces.
        let (mut replacing, mut is_free) = (Vec::new(), false);
        for &literal in literals.iter().filter(|literal| literal.is_positive()) {
            let id = literal.id();
            let Some((place, old)) = self.installed_of(id) else {
                is_free = true;
                continue;
            };
            let may = || !is_forbidden(pool, old, id, self.allowed_for(old), Pinned::NOTHING);
            if old == id || !forbidden[literal.variable()] && may() {
                replacing.push((place, literal));
            }
        }
        if !is_free || replacing.is_empty() {
            return None;
        }
        let stays = |literal: &Lit| {
            let place = self.upkeep.place(literal.id()).filter(|_| literal.is_negative());
            place.is_some_and(|place| !self.upkeep.is_to_update(place))
        };
        let stays = literals.iter().any(stays);
        let positive = || literals.iter().filter(|literal| literal.is_positive());
        positive().for_each(|literal| meant[literal.variable()] = true);
        if !stays {
            replacing.retain(|&(place, _)| !self.upkeep.is_to_update(place) || self.keeps_providing(place, meant));
        }
        let is_needed = replacing.iter().any(|&(place, _)| {
            let rule = self.narrowest_rule(place);
            rule.is_some_and(|rule| self.rules.literals(rule).any(|literal| !meant[literal.variable()]))
        });
        positive().for_each(|literal| meant[literal.variable()] = false);
        is_needed.then(|| replacing.into_iter().map(|(_, literal)| literal).collect())
    }

    /// Returns the installed package that `id` is or would replace, with its index.
    fn installed_of(&self, id: SolvableId) -> Option<(usize, SolvableId)> {
        let pool = self.pool;
        let package = pool.solvable(id);
        let placed = |&id: &SolvableId| self.upkeep.place(id).map(|place| (place, id));
        let mut obsoleted = package.dependencies(Kind::Obsoletes).iter().flat_map(|&dependency| pool.obsoleted(dependency));
        let named = || pool.named(package.name_id()).iter().find_map(placed);
        placed(&id).or_else(named).or_else(|| obsoleted.find_map(placed))
    }

    /// Returns true if an update of the installed package is among the `meant` packages
    /// (`solver_choicerulecheck`).
    fn keeps_providing(&mut self, place: usize, meant: &[bool]) -> bool {
        let Some(rule) = self.narrowest_rule(place) else { return true };
        let mut updates: Vec<Lit> = self.rules.literals(rule).filter(|literal| literal.is_positive()).collect();
        if updates.len() > 1 && !updates.iter().all(|literal| meant[literal.variable()]) {
            policy::filter(self, &mut updates, Mode::Choose);
        }
        updates.iter().any(|literal| meant[literal.variable()])
    }

    /// Gives up each choice rule that excluded a package that is installed anyway. Returns true if
    /// it gave up any (`solver_check_unneeded_choicerules`).
    pub(super) fn give_up_unneeded_choices(&mut self) -> bool {
        let classes = self.rules.classes;
        let mut any = false;
        for id in classes.choices..classes.learnt {
            if self.rules.get(id).disabled {
                continue;
            }
            let of = self.choice_of[(id - classes.choices) as usize];
            let left_out = |literal: &Lit| {
                literal.is_positive()
                    && self.decisions.is_true(*literal)
                    && !self.rules.literals(id).any(|taken| taken == *literal)
            };
            if self.rules.literals(of).any(|literal| left_out(&literal)) {
                self.give_up_choices(id);
                any = true;
            }
        }
        any
    }

    /// Disables all choice rules that share an excluded candidate with the rule `id`, which was
    /// given up (`solver_disablechoicerules`).
    pub(super) fn give_up_choices(&mut self, id: RuleId) {
        let classes = self.rules.classes;
        let whole = |solver: &Self, id: RuleId| -> Vec<Lit> {
            let of = solver.choice_of[(id - classes.choices) as usize];
            solver.rules.literals(of).filter(|literal| literal.is_positive()).collect()
        };
        let taken: Vec<Lit> = self.rules.literals(id).collect();
        let left_out: Vec<Lit> = whole(self, id).into_iter().filter(|literal| !taken.contains(literal)).collect();
        for other in classes.choices..classes.learnt {
            if whole(self, other).iter().any(|literal| left_out.contains(literal)) {
                self.rules.set_disabled(other, true);
            }
        }
    }
}
