//! Rules: clauses over packages in flat memory, with two watched literals each.
//!
//! A rule consists of a first literal and its tail, the other literals. As in libsolv, rules of one
//! class are contiguous, so the id of a rule tells its class.

use std::cmp::Ordering;
use std::ops::Range;

use super::literal::Lit;
use crate::pool::{DependencyId, Pool};

/// Index of a rule; 0 is no rule.
pub(super) type RuleId = u32;

/// The tail of a rule: all literals after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Tail {
    /// Start index: in `kept`, which lasts from one request to the next, or with [`OWN`] in `own`,
    /// the literals of this request.
    start: u32,
    len: u32,
}

const OWN: u32 = 1 << 31;

/// A clause: at least one of its literals is true.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) first: Lit,
    pub(super) tail: Tail,
    pub(super) disabled: bool,
    /// Lower bound of the number of following rules that begin with the same literal.
    pub(super) more: u16,
    /// The two watched literals; the second is none for an assertion.
    pub(super) watched: [Lit; 2],
}

impl Rule {
    /// Reports whether it is an empty entry without literals.
    pub(super) fn is_none(&self) -> bool {
        self.first.is_none()
    }

    /// Reports whether it has only one literal.
    pub(super) fn is_assertion(&self) -> bool {
        self.tail.len == 0
    }

    /// Reports whether it has at most two literals.
    pub(super) fn is_short(&self) -> bool {
        self.tail.len < 2
    }
}

/// First rule id of each class. Each class ends where the next begins; before them lie the package
/// rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Classes {
    /// Feature rules, one for each installed package: it stays, or any package replaces it.
    pub(super) features: RuleId,
    /// Update rules, one for each installed package: it stays, or a package replaces it that the
    /// policy allows.
    pub(super) updates: RuleId,
    /// Rules of the request's jobs.
    pub(super) jobs: RuleId,
    /// Rules against packages of a worse architecture than another of the same name.
    pub(super) architecture: RuleId,
    /// Rules against packages that must not remain after a synchronization with the repositories.
    pub(super) sync: RuleId,
    /// Rules that allow only the best candidates of a job, or the best update of a package.
    pub(super) best: RuleId,
    /// Rules that require all packages that together obsolete an installed one.
    pub(super) splits: RuleId,
    /// Choice rules: installed packages meet a requirement rather than new ones. The solver gives
    /// them up if they cause a conflict.
    pub(super) choices: RuleId,
    /// Rules learned from conflicts.
    pub(super) learnt: RuleId,
}

impl Classes {
    /// Lets every class begin at `end`: all rules before are package rules.
    pub(super) fn all_at(end: RuleId) -> Self {
        let (features, updates, jobs, architecture, sync, best) = (end, end, end, end, end, end);
        Self { features, updates, jobs, architecture, sync, best, splits: end, choices: end, learnt: end }
    }
}

/// All rules of a request, and the cached literals of candidates.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) all: Vec<Rule>,
    pub(super) classes: Classes,
    /// Literals of package rules, in the order of their first use. They are cached across requests.
    kept: Vec<Lit>,
    /// Index of each dependency's entry in `tails`, plus one; 0 if never used. Zeroed memory costs
    /// nothing until it is used.
    of_dependency: Vec<u32>,
    /// The range in `kept` of each dependency's candidates.
    tails: Vec<Tail>,
    /// Literals of this request's rules.
    own: Vec<Lit>,
    /// The job of each job rule.
    pub(super) job_of: Vec<u32>,
    /// Buffers for sorting.
    order: Vec<(u64, u32)>,
    sorted: Vec<Rule>,
}

impl Rules {
    pub(super) fn new(pool: &Pool) -> Self {
        Self { of_dependency: vec![0; pool.dependency_count()], ..Self::default() }
    }

    /// Removes all rules. The literals of candidates stay cached.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.own.clear();
        self.job_of.clear();
        self.classes = Classes::default();
        // Rule 0 is no rule.
        self.add_none();
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: RuleId) -> &Rule {
        &self.all[id as usize]
    }

    pub(super) fn tail(&self, tail: Tail) -> &[Lit] {
        let start = (tail.start & !OWN) as usize;
        let from = if tail.start & OWN == 0 { &self.kept } else { &self.own };
        &from[start..start + tail.len as usize]
    }

    /// Returns the literals of a rule.
    pub(super) fn literals(&self, id: RuleId) -> impl Iterator<Item = Lit> + '_ {
        let rule = self.get(id);
        std::iter::once(rule.first).chain(self.tail(rule.tail).iter().copied())
    }

    /// Returns the literals of a dependency's candidates, in the order of their ids.
    pub(super) fn candidates(&mut self, pool: &Pool, dependency: DependencyId) -> Tail {
        if let Some(place) = (self.of_dependency[dependency.index()] as usize).checked_sub(1) {
            return self.tails[place];
        }
        let start = self.kept.len() as u32;
        self.kept.extend(pool.candidates(dependency).iter().map(|&id| Lit::of(id)));
        let tail = Tail { start, len: self.kept.len() as u32 - start };
        self.tails.push(tail);
        self.of_dependency[dependency.index()] = self.tails.len() as u32;
        tail
    }

    /// Stores literals for a rule of this request.
    pub(super) fn keep(&mut self, literals: &[Lit]) -> Tail {
        let start = self.own.len() as u32;
        self.own.extend_from_slice(literals);
        Tail { start: start | OWN, len: literals.len() as u32 }
    }

    /// Adds a rule. Its watches are its first two literals.
    pub(super) fn add(&mut self, first: Lit, tail: Tail) -> RuleId {
        let second = self.tail(tail).first().copied().unwrap_or(Lit::NONE);
        self.all.push(Rule { first, tail, disabled: false, more: 0, watched: [first, second] });
        self.all.len() as RuleId - 1
    }

    /// Adds an empty entry without literals.
    pub(super) fn add_none(&mut self) {
        let tail = Tail::default();
        self.all.push(Rule { first: Lit::NONE, tail, disabled: true, more: 0, watched: [Lit::NONE; 2] });
    }

    /// Adds a rule with these literals; there must be at least one.
    pub(super) fn add_all(&mut self, literals: &[Lit]) -> RuleId {
        let Some((&first, rest)) = literals.split_first() else { return 0 };
        let tail = if rest.is_empty() { Tail::default() } else { self.keep(rest) };
        self.add(first, tail)
    }

    /// Turns a rule into an empty entry. It must not be watched yet.
    pub(super) fn drop_rule(&mut self, id: RuleId) {
        let rule = &mut self.all[id as usize];
        (rule.first, rule.tail, rule.disabled, rule.watched) = (Lit::NONE, Tail::default(), true, [Lit::NONE; 2]);
    }

    /// Disables or enables a rule.
    pub(super) fn set_disabled(&mut self, id: RuleId, disabled: bool) {
        let rule = &mut self.all[id as usize];
        if !rule.is_none() {
            rule.disabled = disabled;
        }
    }

    /// Adds a rule with one or two literals.
    pub(super) fn add_short(&mut self, first: Lit, second: Lit) -> RuleId {
        let tail = if second.is_none() { Tail::default() } else { self.keep(&[second]) };
        self.add(first, tail)
    }

    /// Adds a package rule and caches its other literals across requests.
    pub(super) fn add_kept(&mut self, first: Lit, others: &[Lit]) {
        let start = self.kept.len() as u32;
        self.kept.extend_from_slice(others);
        self.add(first, Tail { start, len: others.len() as u32 });
    }

    /// Sorts the rules from index `from` on by their literals and removes duplicates.
    pub(super) fn unify(&mut self, from: usize) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for (index, rule) in self.all.iter().enumerate().skip(from) {
            let key = (u64::from(rule.first.sort_key()) << 32) | u64::from(rule.watched[1].sort_key());
            order.push((key, index as u32));
        }
        order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| self.compare_rest(a.1, b.1)));
        order.dedup_by(|a, b| a.0 == b.0 && self.compare_rest(a.1, b.1).is_eq());
        self.sorted.clear();
        self.sorted.extend(order.iter().map(|&(_, index)| self.all[index as usize]));
        self.all.truncate(from);
        self.all.extend_from_slice(&self.sorted);
        self.order = order;
    }

    /// Merges other rules into the rules from index `from` on, which are sorted by their literals
    /// and remain so. Duplicates are removed.
    pub(super) fn merge(&mut self, from: usize, others: &mut Vec<Rule>) {
        others.sort_by(|a, b| self.compare(a, b));
        others.dedup_by(|a, b| self.compare(a, b).is_eq());
        let mut merged = std::mem::take(&mut self.sorted);
        merged.clear();
        let mut rest = &self.all[from..];
        for other in others.iter() {
            let before = rest.partition_point(|rule| self.compare(rule, other).is_lt());
            merged.extend_from_slice(&rest[..before]);
            rest = &rest[before..];
            if rest.first().is_none_or(|rule| self.compare(rule, other).is_ne()) {
                merged.push(*other);
            }
        }
        merged.extend_from_slice(rest);
        self.all.truncate(from);
        self.all.extend_from_slice(&merged);
        self.sorted = merged;
    }

    /// Records in each rule from index `from` on how many rules of the same package follow. The
    /// search uses this to skip the rules of packages that are not installed.
    pub(super) fn mark_blocks(&mut self, from: usize) {
        let mut next: Option<(Lit, u16)> = None;
        for rule in self.all[from..].iter_mut().rev() {
            rule.more = next.filter(|next| next.0 == rule.first).map_or(0, |next| next.1.saturating_add(1));
            next = Some((rule.first, rule.more));
        }
    }

    /// Compares two rules by their literals. Their watches must not have changed yet.
    fn compare(&self, a: &Rule, b: &Rule) -> Ordering {
        (a.first, a.watched[1]).cmp(&(b.first, b.watched[1])).then_with(|| self.compare_tails(a.tail, b.tail))
    }

    /// Compares two rules whose first two literals are the same.
    fn compare_rest(&self, a: u32, b: u32) -> Ordering {
        self.compare_tails(self.all[a as usize].tail, self.all[b as usize].tail)
    }

    fn compare_tails(&self, a: Tail, b: Tail) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        self.tail(a).cmp(self.tail(b))
    }

    /// Returns the ids of the job rules.
    pub(super) fn jobs(&self) -> Range<RuleId> {
        self.classes.jobs..self.classes.architecture
    }

    /// Returns the job of a job rule.
    pub(super) fn job(&self, id: RuleId) -> Option<usize> {
        self.jobs().contains(&id).then(|| self.job_of[(id - self.classes.jobs) as usize] as usize)
    }
}
