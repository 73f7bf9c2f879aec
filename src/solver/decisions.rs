//! What was decided: for each package at which level, in which order, and why.

use super::literal::Lit;
use super::rules::RuleId;

/// Why a literal was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The only literal of a rule that could still be true.
    Rule(RuleId),
    /// Chosen freely to fulfil a rule; nought for a weak dependency.
    Choice(RuleId),
}

/// The decisions of a run, which can be undone down to a level.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// Of each variable its level, negative if it is not to be installed; nought if undecided.
    levels: Vec<i32>,
    pub(super) queue: Vec<Lit>,
    pub(super) why: Vec<Why>,
    /// How far the queue is propagated.
    pub(super) propagated: usize,
}

impl Decisions {
    pub(super) fn new(variables: usize) -> Self {
        Self { levels: vec![0; variables], ..Self::default() }
    }

    /// Makes room for so many variables; what goes must not be decided.
    pub(super) fn resize(&mut self, variables: usize) {
        self.levels.resize(variables, 0);
    }

    /// Undoes everything.
    pub(super) fn clear(&mut self) {
        for literal in &self.queue {
            self.levels[literal.variable()] = 0;
        }
        self.queue.clear();
        self.why.clear();
        self.propagated = 0;
    }

    pub(super) fn decide(&mut self, literal: Lit, level: i32, why: Why) {
        self.levels[literal.variable()] = if literal.is_positive() { level } else { -level };
        self.queue.push(literal);
        self.why.push(why);
    }

    /// Undoes all decisions above a level.
    pub(super) fn revert(&mut self, level: i32) {
        while let Some(&last) = self.queue.last() {
            let at = &mut self.levels[last.variable()];
            if at.abs() <= level {
                break;
            }
            *at = 0;
            self.queue.pop();
            self.why.pop();
            self.propagated = self.queue.len();
        }
    }

    /// Undoes the last decisions, which nothing was drawn from, until so many are left.
    pub(super) fn take_back(&mut self, left: usize) {
        for literal in self.queue.drain(left..) {
            self.levels[literal.variable()] = 0;
        }
        self.why.truncate(left);
    }

    pub(super) fn is_undecided(&self, literal: Lit) -> bool {
        self.levels[literal.variable()] == 0
    }

    pub(super) fn is_true(&self, literal: Lit) -> bool {
        let level = self.levels[literal.variable()];
        if literal.is_positive() { level > 0 } else { level < 0 }
    }

    pub(super) fn is_false(&self, literal: Lit) -> bool {
        self.is_true(-literal)
    }

    /// The level at which the literal's package was decided; negative if it was decided against.
    pub(super) fn level(&self, literal: Lit) -> i32 {
        self.levels[literal.variable()]
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
