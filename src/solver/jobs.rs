//! The rules that a request generates: its jobs, the installed packages that stay, the best
//! candidates, and the ban on worse architectures.

use super::best::add_missing;
use super::engine::{BestOf, Solver};
use super::literal::Lit;
use super::policy::{self, Mode};
use super::request::{Action, Job, Pinned, Request};
use super::rules::RuleId;
use super::upkeep::is_forbidden;
use crate::pool::{Pool, SolvableId};

impl Solver<'_> {
    /// Generates all rules of a request, class by class.
    pub(super) fn make_rules(&mut self, request: &Request) {
        let reach = &self.reach;
        self.upkeep.prepare(self.pool, request, &|id| reach.is_excluded(id));
        self.reach_installed();
        for &id in request.jobs.iter().filter(|job| job.action == Action::Install).flat_map(|job| &job.candidates) {
            self.reach.add(self.pool, &mut self.rules, id);
        }
        self.reach.add_complex_supplements(self.pool, &mut self.rules);
        self.reach.hand_over(&mut self.rules);
        self.prepare_sync(request);
        self.rules.classes.features = self.rules.len() as RuleId;
        self.rules.classes.updates = self.rules.classes.features;
        self.add_keep_rules();
        self.rules.classes.jobs = self.rules.len() as RuleId;
        self.add_job_rules(request);
        self.prepare_favor(request);
        self.rules.classes.architecture = self.rules.len() as RuleId;
        self.forbid_worse_architectures();
        self.rules.classes.sync = self.rules.len() as RuleId;
        self.add_sync_rules();
        self.rules.classes.best = self.rules.len() as RuleId;
        self.add_best_job_rules(request);
        self.add_best_update_rules();
        self.rules.classes.splits = self.rules.len() as RuleId;
        self.add_split_rules();
        self.rules.classes.choices = self.rules.len() as RuleId;
        self.add_choice_rules();
        self.rules.classes.learnt = self.rules.len() as RuleId;
        self.release_for_jobs(request);
    }

    fn add_job_rules(&mut self, request: &Request) {
        for (number, job) in request.jobs.iter().enumerate() {
            match job.action {
                Action::Install => {
                    self.scratch.clear();
                    self.scratch.extend(job.candidates.iter().map(|&id| Lit::of(id)));
                    if self.scratch.is_empty() {
                        self.scratch.push(-Lit::SYSTEM);
                    }
                    let literals = std::mem::take(&mut self.scratch);
                    self.add_job_rule(&literals, number);
                    self.scratch = literals;
                }
                Action::Erase => self.add_erase_rules(request, number),
                Action::Update | Action::Sync => {}
            }
        }
        // Lock numbers follow the job numbers.
        for (number, &id) in request.locked.iter().enumerate() {
            let literal = Lit::of(id);
            let literal = if self.pool.solvable(id).is_installed() { literal } else { -literal };
            self.add_job_rule(&[literal], request.jobs.len() + number);
        }
    }

    fn add_job_rule(&mut self, literals: &[Lit], number: usize) {
        self.rules.add_all(literals);
        self.rules.job_of.push(number as u32);
    }

    fn add_erase_rules(&mut self, request: &Request, number: usize) {
        let (pool, job) = (self.pool, &request.jobs[number]);
        for &id in &job.candidates {
            self.add_job_rule(&[-Lit::of(id)], number);
        }
        let mut installed = job.candidates.iter().filter(|&&id| self.upkeep.place(id).is_some());
        if let (true, Some(&only), None) = (job.pinned.contains(Pinned::EXACT), installed.next(), installed.next()) {
            // No other version may replace it.
            for &id in pool.named(pool.solvable(only).name_id()) {
                let asked = |job: &Job| job.action == Action::Install && job.candidates.contains(&id);
                let other = !job.candidates.contains(&id) && !pool.solvable(id).is_installed();
                if other && pool.solvable(id).takes_part() && !request.jobs.iter().any(asked) {
                    self.add_job_rule(&[-Lit::of(id)], number);
                }
            }
        }
    }

    fn prepare_favor(&mut self, request: &Request) {
        for (number, &id) in request.favored.iter().enumerate() {
            self.favor.insert(id, number as i32 + 1);
        }
        for (number, &id) in request.disfavored.iter().enumerate() {
            self.favor.insert(id, -(number as i32) - 1);
        }
    }

    fn add_best_job_rules(&mut self, request: &Request) {
        for (number, job) in request.jobs.iter().enumerate().filter(|(_, job)| job.best && job.action == Action::Install) {
            self.scratch.clear();
            self.scratch.extend(job.candidates.iter().filter(|&&id| !self.reach.is_excluded(id)).map(|&id| Lit::of(id)));
            let mut best = std::mem::take(&mut self.scratch);
            let staying = self.drop_locked(&mut best);
            let all = best.len();
            policy::filter(self, &mut best, Mode::Recommend);
            // If the machine runs none of the candidates, the job itself fails, with a clearer
            // message.
            let runs = best.iter().any(|literal| self.pool.solvable(literal.id()).arch_rank().is_some());
            if runs && (1..all).contains(&best.len()) {
                add_missing(&mut best, staying);
                self.rules.add_all(&best);
                self.best_of.push(BestOf::Job(number as u32));
            }
            self.scratch = best;
        }
    }

    /// Forbids packages of a worse architecture (`solver_addinfarchrules`). Of the reached packages
    /// of a name, only these may be installed: the best architecture, `noarch`, and any
    /// architecture that is already installed. With colors, a package of a worse architecture may
    /// be installed beside the same version for the best one.
    fn forbid_worse_architectures(&mut self) {
        let (pool, reach) = (self.pool, &self.reach);
        let coloured = !reach.second_colour.is_empty();
        let rank = |id| pool.solvable(id).arch_rank().filter(|&rank| rank != 0);
        let mut worse: Vec<(SolvableId, u16)> = Vec::new();
        let is_candidate = |id| pool.solvable(id).is_multiarch() && !reach.is_for_the_best(pool, id);
        for &id in reach.packages.iter().filter(|&&id| is_candidate(id)) {
            let reached = || {
                let named = pool.named(pool.solvable(id).name_id()).iter().copied();
                named.filter(|&other| reach.contains(other))
            };
            let is_new = |other| !pool.solvable(other).is_installed();
            let (Some(own), Some(best)) = (rank(id), reached().filter(|&other| is_new(other)).filter_map(rank).min()) else {
                continue;
            };
            // An installed package with a better one of its version beside it does not allow other
            // packages of its architecture.
            let may_stay = |other| !coloured || self.beside(other, best).next().is_none();
            let kept = |other| !is_new(other) && rank(other) == Some(own) && !self.sync.involves(other) && may_stay(other);
            let has_partner = || self.beside(id, best).any(|other| !is_new(other));
            if own != best && if is_new(id) { !reached().any(kept) } else { coloured && has_partner() } {
                worse.push((id, best));
            }
        }
        worse.sort_unstable();
        for (id, best) in worse {
            let mut literals = vec![-Lit::of(id)];
            if coloured {
                literals.extend(self.beside(id, best).map(Lit::of));
            }
            self.rules.add_all(&literals);
        }
    }

    /// Returns the packages of the same name and version that are `noarch` or of the best
    /// architecture.
    fn beside(&self, id: SolvableId, best: u16) -> impl Iterator<Item = SolvableId> + '_ {
        let (pool, package) = (self.pool, self.pool.solvable(id));
        let fits = move |&other: &SolvableId| {
            let other = pool.solvable(other);
            let rank = other.arch_rank().filter(|&rank| rank == 0 || rank == best);
            rank.is_some() && other.version_id() == package.version_id() && other.arch_id() != package.arch_id()
        };
        pool.named(package.name_id()).iter().copied().filter(fits).filter(|&other| !self.reach.is_excluded(other))
    }

    /// Disables the rules that the jobs contradict (`solver_disablepolicyrules`): those of packages
    /// that jobs erase or replace, and those against an architecture or repository that a job pins.
    fn release_for_jobs(&mut self, request: &Request) {
        let classes = self.rules.classes;
        for job in &request.jobs {
            match job.action {
                Action::Install => {
                    if job.pinned.contains(Pinned::ARCH) {
                        self.disable_by_name(classes.architecture..classes.sync, &job.candidates);
                    }
                    if job.pinned.contains(Pinned::REPO) {
                        self.disable_by_name(classes.sync..classes.best, &job.candidates);
                    }
                    self.release_for_install(job);
                }
                Action::Erase => self.releases.extend(job.candidates.iter().filter(|&&id| self.upkeep.place(id).is_some())),
                Action::Update | Action::Sync => {}
            }
        }
        self.prepare_clean(request);
        self.release();
    }

    fn disable_by_name(&mut self, rules: std::ops::Range<RuleId>, candidates: &[SolvableId]) {
        for id in rules {
            let name = self.pool.solvable(self.rules.get(id).first.id()).name_id();
            if candidates.iter().any(|&candidate| self.pool.solvable(candidate).name_id() == name) {
                self.rules.set_disabled(id, true);
            }
        }
    }

    /// Releases the installed packages that every candidate would replace, and may replace.
    fn release_for_install(&mut self, job: &Job) {
        let pool: &Pool = self.pool;
        let candidates: Vec<SolvableId> = job.candidates.iter().copied().filter(|&id| !self.reach.is_excluded(id)).collect();
        if job.pinned == Pinned::NOTHING || candidates.iter().any(|&id| pool.solvable(id).is_installed()) {
            return;
        }
        let mut released = self.replaced_by_all(&candidates);
        if !job.pinned.contains(Pinned::VERSION | Pinned::ARCH | Pinned::VENDOR) {
            released.retain(|&old| {
                let allowed = self.allowed_for(old);
                !candidates.iter().any(|&new| is_forbidden(pool, old, new, allowed, job.pinned))
            });
        }
        self.releases.extend(released);
    }

    /// Returns the installed packages that every candidate would replace.
    pub(super) fn replaced_by_all(&self, candidates: &[SolvableId]) -> Vec<SolvableId> {
        let mut common: Option<Vec<SolvableId>> = None;
        for &id in candidates {
            let mut replaced = Vec::new();
            self.upkeep.replaced_by(self.pool, &self.reach, id, &mut replaced);
            match &mut common {
                None => common = Some(replaced),
                Some(common) => common.retain(|old| replaced.contains(old)),
            }
        }
        common.unwrap_or_default()
    }

    /// Returns the kinds of packages that may replace an installed one.
    pub(super) fn allowed_for(&self, old: SolvableId) -> super::upkeep::Allowed {
        if self.sync.involves(old) { super::upkeep::Allowed::ANY } else { self.upkeep.allowed }
    }

    /// Disables the rules that keep released and unneeded packages.
    pub(super) fn release(&mut self) {
        for place in 0..self.upkeep.packages.len() {
            let id = self.upkeep.packages[place];
            let released =
                self.releases.contains(&id) || self.upkeep.unneeded.as_ref().is_some_and(|unneeded| unneeded.has(place));
            self.upkeep.released.set(place, released);
            if released {
                self.set_kept(place, false);
            }
        }
    }

    /// Enables (`kept`) or disables the rules that keep an installed package.
    pub(super) fn set_kept(&mut self, place: usize, kept: bool) {
        let (id, update, feature) = (self.upkeep.packages[place], self.update_rule(place), self.feature_rule(place));
        self.rules.set_disabled(update, !kept);
        if !kept || self.rules.get(update).is_none() {
            self.rules.set_disabled(feature, !kept);
        }
        for number in 0..self.best_of.len() {
            if self.best_of[number] == BestOf::Update(id) {
                self.rules.set_disabled(self.rules.classes.best + number as RuleId, !kept);
            }
        }
    }
}
