//! The rules that a request itself makes: its jobs, the best candidates only, no worse architecture.

use super::engine::Solver;
use super::literal::Lit;
use super::policy::{self, Mode};
use super::request::Request;
use super::rules::RuleId;

impl Solver<'_> {
    /// Makes all rules of a request, class by class.
    pub(super) fn make_rules(&mut self, request: &Request) {
        for &id in request.jobs.iter().flat_map(|job| &job.candidates) {
            self.reach.add(self.pool, &mut self.rules, id);
        }
        self.reach.add_complex_supplements(self.pool, &mut self.rules);
        self.reach.hand_over(&mut self.rules);
        self.rules.classes.jobs = self.rules.len() as RuleId;
        for (number, job) in request.jobs.iter().enumerate() {
            self.scratch.clear();
            self.scratch.extend(job.candidates.iter().map(|&id| Lit::of(id)));
            let impossible = [-Lit::SYSTEM];
            let literals = if self.scratch.is_empty() { &impossible[..] } else { &self.scratch[..] };
            let tail = self.rules.keep(&literals[1..]);
            self.rules.add(literals[0], tail);
            self.rules.job_of.push(number as u32);
        }
        self.rules.classes.architecture = self.rules.len() as RuleId;
        self.forbid_worse_architectures();
        self.rules.classes.best = self.rules.len() as RuleId;
        for (number, job) in request.jobs.iter().enumerate().filter(|(_, job)| job.best) {
            self.scratch.clear();
            self.scratch.extend(job.candidates.iter().filter(|&&id| !self.reach.is_excluded(id)).map(|&id| Lit::of(id)));
            if self.scratch.is_empty() {
                continue;
            }
            let all = self.scratch.len();
            let mut best = std::mem::take(&mut self.scratch);
            policy::filter(self, &mut best, Mode::Recommend);
            if best.len() < all {
                let tail = self.rules.keep(&best[1..]);
                self.rules.add(best[0], tail);
                self.best_of.push(number as u32);
            }
            self.scratch = best;
        }
        self.rules.classes.learnt = self.rules.len() as RuleId;
    }

    /// Of the reached packages of a name, only those of the best architecture (and `noarch`) may be installed
    /// (`solver_addinfarchrules`).
    fn forbid_worse_architectures(&mut self) {
        let pool = self.pool;
        self.scratch.clear();
        for &id in self.reach.packages.iter().filter(|&&id| pool.solvable(id).is_multiarch()) {
            let reached = || {
                (pool.named(pool.solvable(id).name_id()).iter())
                    .filter(|&&other| self.reach.contains(other))
                    .filter_map(|&other| pool.solvable(other).arch_rank())
                    .filter(|&rank| rank != 0)
            };
            let (own, best) = (pool.solvable(id).arch_rank().unwrap_or(0), reached().min().unwrap_or(0));
            if own != 0 && own != best {
                self.scratch.push(-Lit::of(id));
            }
        }
        self.scratch.sort_unstable_by(|a, b| b.cmp(a));
        for place in 0..self.scratch.len() {
            self.rules.add_short(self.scratch[place], Lit::NONE);
        }
    }
}
