//! The solver and its memory.

use std::collections::BTreeSet;
use std::ops::Range;

use super::decisions::{Decisions, Why};
use super::explain::Unsolvable;
use super::generate::Reach;
use super::learn::Learnt;
use super::literal::Lit;
use super::propagate::Watches;
use super::request::Request;
use super::rules::{RuleId, Rules};
use super::solution::Solution;
use super::sync::Sync;
use super::upkeep::Upkeep;
use super::weak::Wishes;
use rustc_hash::FxHashMap;

use crate::pool::{Pool, SolvableId, StringId};

/// What a best rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BestOf {
    /// The job of this number.
    Job(u32),
    /// The update of this installed package.
    Update(SolvableId),
}

/// Several candidates were left where one was chosen: the others may be tried later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// Where its candidates begin in [`Solver::branch_candidates`]; they end where those of the next begin.
    pub(super) start: usize,
    /// The level below the choice.
    pub(super) level: i32,
    /// The rule that the choice fulfils.
    pub(super) rule: RuleId,
}

/// Solves requests against a pool, one after another, with memory that it keeps.
///
/// Threads that solve against the same pool have a solver each.
#[derive(Debug)]
pub struct Solver<'a> {
    pub(super) pool: &'a Pool,
    pub(super) reach: Reach,
    pub(super) rules: Rules,
    pub(super) watches: Watches,
    pub(super) decisions: Decisions,
    pub(super) learnt: Learnt,
    pub(super) wishes: Wishes,
    pub(super) upkeep: Upkeep,
    pub(super) sync: Sync,
    pub(super) favor: FxHashMap<SolvableId, i32>,
    /// The packages that stay as they are, by id.
    locked: Vec<SolvableId>,
    /// The rules of one literal, in their order.
    pub(super) assertions: Vec<RuleId>,
    /// What each best rule is about.
    pub(super) best_of: Vec<BestOf>,
    /// Which package's rule each choice rule is made from.
    pub(super) choice_of: Vec<RuleId>,
    /// The installed packages that jobs erase or replace: nothing keeps them.
    pub(super) releases: Vec<SolvableId>,
    /// The rule that cannot be fulfilled, once the search is stuck.
    pub(super) conflict: Option<RuleId>,
    pub(super) branches: Vec<Branch>,
    /// Candidates of the branches; those that were taken are negative.
    pub(super) branch_candidates: Vec<Lit>,
    pub(super) seen: Vec<bool>,
    pub(super) seen_list: Vec<Lit>,
    pub(super) scratch: Vec<Lit>,
    /// The variables that are no packages: none but while a smallest set is searched.
    pub(super) extra: Range<usize>,
    lacked: BTreeSet<StringId>,
}

impl<'a> Solver<'a> {
    /// The level of a search that has no way out.
    pub(super) const STUCK: i32 = -1;
    /// The level of a search that begins, or begins again.
    pub(super) const RESTART: i32 = 0;

    /// A solver for a pool.
    pub fn new(pool: &'a Pool) -> Self {
        let variables = Lit::count(pool.len());
        Self {
            pool,
            reach: Reach::new(pool),
            rules: Rules::new(pool),
            watches: Watches::new(variables),
            decisions: Decisions::new(variables),
            learnt: Learnt::default(),
            wishes: Wishes::new(variables),
            upkeep: Upkeep::new(pool),
            sync: Sync::default(),
            favor: FxHashMap::default(),
            locked: Vec::new(),
            assertions: Vec::new(),
            best_of: Vec::new(),
            choice_of: Vec::new(),
            releases: Vec::new(),
            conflict: None,
            branches: Vec::new(),
            branch_candidates: Vec::new(),
            seen: vec![false; variables],
            seen_list: Vec::new(),
            scratch: Vec::new(),
            extra: variables..variables,
            lacked: BTreeSet::new(),
        }
    }

    /// Solves a request.
    pub fn solve(&mut self, request: &Request) -> Result<Solution, Unsolvable> {
        let attempt = self.attempt(request);
        self.lacked.extend(self.pool.lacked_paths(|id| self.reach.contains(id) && !self.reach.is_excluded(id)));
        match attempt {
            Ok(()) => Ok(self.solution(request)),
            Err(conflict) => Err(self.explain(request, &conflict)),
        }
    }

    /// The paths that counted in the requests since the last call and that may have more owners than the pool knows: with them the answer
    /// may be another.
    pub fn take_lacked_paths(&mut self) -> BTreeSet<StringId> {
        std::mem::take(&mut self.lacked)
    }

    /// Makes the rules of a request and searches; the rules of the proof if there is no solution.
    pub(super) fn attempt(&mut self, request: &Request) -> Result<(), Vec<RuleId>> {
        self.clear();
        self.reach.set_side_by_side(self.pool, request);
        self.reach.exclude(self.pool, &request.excluded);
        self.locked.extend_from_slice(&request.locked);
        self.locked.sort_unstable();
        self.make_rules(request);
        self.start();
        self.search(request.weak_dependencies)
    }

    /// Makes the rules ready for a search.
    pub(super) fn start(&mut self) {
        self.assertions.extend((1..self.rules.len() as RuleId).filter(|&id| self.rules.get(id).is_assertion()));
        self.watches.hook_all(&self.rules);
    }

    /// Forgets the last request.
    pub(super) fn clear(&mut self) {
        self.watches.clear(&self.rules);
        self.rules.clear();
        self.reach.clear();
        self.decisions.clear();
        self.learnt.clear();
        self.wishes.clear();
        self.assertions.clear();
        self.upkeep.clear();
        self.sync.clear();
        self.favor.clear();
        self.locked.clear();
        self.best_of.clear();
        self.choice_of.clear();
        self.releases.clear();
        self.conflict = None;
        self.branches.clear();
        self.branch_candidates.clear();
    }

    /// Whether a package is to stay as it is.
    pub(super) fn is_locked(&self, id: SolvableId) -> bool {
        self.locked.binary_search(&id).is_ok()
    }

    pub(super) fn variables(&self) -> usize {
        self.seen.len()
    }

    /// Undoes all decisions above a level, and the branches that were opened at it or above.
    pub(super) fn revert(&mut self, level: i32) {
        self.decisions.revert(level);
        let kept = self.branches.iter().rposition(|branch| branch.level < level).map_or(0, |last| last + 1);
        self.drop_branches(kept);
        self.wishes.reverted(self.decisions.len());
    }

    pub(super) fn drop_branches(&mut self, kept: usize) {
        if let Some(first) = self.branches.get(kept) {
            self.branch_candidates.truncate(first.start);
            self.branches.truncate(kept);
        }
    }

    /// Remembers that there was a choice.
    pub(super) fn branch(&mut self, level: i32, candidates: &[Lit], rule: RuleId) {
        self.branches.push(Branch { start: self.branch_candidates.len(), level, rule });
        self.branch_candidates.push(-candidates[0]);
        self.branch_candidates.extend(&candidates[1..]);
    }

    /// Decides a literal on a new level and draws the consequences, learning from each conflict. Returns the level reached: the
    /// new one if all went well, a lower one if decisions had to be undone, [`Solver::RESTART`] if a rule was given up and all of
    /// them were, [`Solver::STUCK`] if there is no way out.
    pub(super) fn decide_and_propagate(&mut self, level: i32, literal: Lit, why: Why) -> i32 {
        self.decisions.decide(literal, level + 1, why);
        let mut level = level + 1;
        while let Some(conflict) = self.watches.propagate(&mut self.rules, &mut self.decisions, level) {
            if level == 1 {
                return self.give_way(conflict);
            }
            level = self.learn(level, conflict);
        }
        level
    }
}
