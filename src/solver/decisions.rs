//! The decisions of the search: the level of each package, the order of the decisions and their
//! reasons.

use super::literal::Lit;
use super::rules::RuleId;

/// The reason for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// All other literals of this rule are false.
    Rule(RuleId),
    /// A free choice that fulfills this rule; 0 for a weak dependency.
    Choice(RuleId),
}

/// The decisions of a search, which can be undone down to a level.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// Level of each variable: negative if the package is not to be installed, 0 if undecided.
    levels: Vec<i32>,
    pub(super) queue: Vec<Lit>,
    pub(super) why: Vec<Why>,
    /// Number of entries of `queue` that are propagated.
    pub(super) propagated: usize,
}

impl Decisions {
    pub(super) fn new(variables: usize) -> Self {
        Self { levels: vec![0; variables], ..Self::default() }
    }

    /// Resizes to the given number of variables. Variables that are removed must be undecided.
    pub(super) fn resize(&mut self, variables: usize) {
        self.levels.resize(variables, 0);
    }

    /// Undoes all decisions.
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

    /// Undoes the last decisions until `left` are left. They must not have been propagated.
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

    /// Returns the level at which the literal's package was decided; negative if it was decided
    /// against, 0 if it is undecided.
    pub(super) fn level(&self, literal: Lit) -> i32 {
        self.levels[literal.variable()]
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
