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

/// The subject of a best rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BestOf {
    /// The job with this index.
    Job(u32),
    /// The update of this installed package.
    Update(SolvableId),
}

/// A choice among several candidates. The search may try the other candidates later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// Index of its first candidate in [`Solver::branch_candidates`]; the candidates end where
    /// those of the next branch begin.
    pub(super) start: usize,
    /// Decision level below the choice.
    pub(super) level: i32,
    /// The rule that the choice fulfills.
    pub(super) rule: RuleId,
}

/// A solver that solves requests against a pool, one after another, and reuses its memory.
///
/// Threads that solve against the same pool each need a solver of their own.
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
    /// Packages that stay as they are, sorted by id.
    locked: Vec<SolvableId>,
    /// The rules with one literal, in the order of their ids.
    pub(super) assertions: Vec<RuleId>,
    /// The subject of each best rule.
    pub(super) best_of: Vec<BestOf>,
    /// The package rule from which each choice rule was made.
    pub(super) choice_of: Vec<RuleId>,
    /// Installed packages that jobs erase or replace; no rule keeps them installed.
    pub(super) releases: Vec<SolvableId>,
    /// The rule that cannot be fulfilled, once the search is stuck.
    pub(super) conflict: Option<RuleId>,
    pub(super) branches: Vec<Branch>,
    /// Candidates of the branches; the literals of candidates that were tried are negative.
    pub(super) branch_candidates: Vec<Lit>,
    pub(super) seen: Vec<bool>,
    pub(super) seen_list: Vec<Lit>,
    pub(super) scratch: Vec<Lit>,
    /// Variables that are not packages. Only the search for a smallest set uses such variables.
    pub(super) extra: Range<usize>,
    lacked: BTreeSet<StringId>,
}

impl<'a> Solver<'a> {
    /// Level of a search that has no solution.
    pub(super) const STUCK: i32 = -1;
    /// Level of a search that starts or restarts.
    pub(super) const RESTART: i32 = 0;

    /// Creates a solver for a pool.
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

    /// Solves a request. Fails with an explanation if no set of packages satisfies it.
    pub fn solve(&mut self, request: &Request) -> Result<Solution, Unsolvable> {
        let attempt = self.attempt(request);
        self.lacked.extend(self.pool.lacked_paths(|id| self.reach.contains(id) && !self.reach.is_excluded(id)));
        match attempt {
            Ok(()) => Ok(self.solution(request)),
            Err(conflict) => Err(self.explain(request, &conflict)),
        }
    }

    /// Returns the paths that affected the requests since the last call and whose owners the pool
    /// may not all know. With the missing owners the answer may differ.
    pub fn take_lacked_paths(&mut self) -> BTreeSet<StringId> {
        std::mem::take(&mut self.lacked)
    }

    /// Generates the rules of a request and searches for a solution. Returns the rules of the proof
    /// if there is none.
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

    /// Prepares the rules for a search.
    pub(super) fn start(&mut self) {
        self.assertions.extend((1..self.rules.len() as RuleId).filter(|&id| self.rules.get(id).is_assertion()));
        self.watches.hook_all(&self.rules);
    }

    /// Clears the state of the last request.
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

    /// Reports whether a package is locked: it stays installed, or stays uninstalled.
    pub(super) fn is_locked(&self, id: SolvableId) -> bool {
        self.locked.binary_search(&id).is_ok()
    }

    pub(super) fn variables(&self) -> usize {
        self.seen.len()
    }

    /// Undoes all decisions above a level, and the branches opened at that level or above.
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

    /// Records a choice among several candidates.
    pub(super) fn branch(&mut self, level: i32, candidates: &[Lit], rule: RuleId) {
        self.branches.push(Branch { start: self.branch_candidates.len(), level, rule });
        self.branch_candidates.push(-candidates[0]);
        self.branch_candidates.extend(&candidates[1..]);
    }

    /// Decides a literal on a new level and propagates it, learning from each conflict. Returns:
    /// - the new level if there was no conflict;
    /// - a lower level if decisions had to be undone;
    /// - [`Solver::RESTART`] if a rule was given up and all decisions were undone;
    /// - [`Solver::STUCK`] if there is no solution.
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
