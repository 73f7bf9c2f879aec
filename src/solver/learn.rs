//! Learning from a conflict: finds the first unique implication point, as libsolv's `analyze` does.

use super::decisions::Why;
use super::engine::Solver;
use super::literal::Lit;
use super::rules::{RuleId, Tail};

/// The reasons of the learned rules: for each, a range of the rules from which it was learned.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    from: Vec<RuleId>,
    starts: Vec<u32>,
}

impl Learnt {
    pub(super) fn clear(&mut self) {
        self.from.clear();
        self.starts.clear();
    }

    /// Returns the rules from which a learned rule follows. `number` counts learned rules only.
    pub(super) fn reasons(&self, number: usize) -> &[RuleId] {
        let end = self.starts.get(number + 1).map_or(self.from.len(), |&end| end as usize);
        &self.from[self.starts[number] as usize..end]
    }
}

impl Solver<'_> {
    /// Learns a rule from a conflict above level one. Then undoes decisions down to the level where
    /// the rule has one literal left, and decides that literal. Returns the new level.
    pub(super) fn learn(&mut self, level: i32, conflict: RuleId) -> i32 {
        self.learnt.starts.push(self.learnt.from.len() as u32);
        self.scratch.clear();
        let mut back = 1;
        // Number of literals of this level, and of level one, that are still to be visited.
        let (mut here, mut at_root) = (0_u32, 0_u32);
        let mut index = self.decisions.len();
        let mut asserting = Lit::NONE;
        let mut rule = Some(conflict);
        loop {
            if let Some(id) = rule {
                self.learnt.from.push(id);
                for literal in self.rules.literals(id) {
                    if self.decisions.is_true(literal) || self.seen[literal.variable()] {
                        continue;
                    }
                    self.seen[literal.variable()] = true;
                    self.seen_list.push(literal);
                    match self.decisions.level(literal).abs() {
                        1 => at_root += 1,
                        at if at == level => here += 1,
                        at => {
                            self.scratch.push(literal);
                            back = back.max(at);
                        }
                    }
                }
            }
            if here == 0 {
                at_root = at_root.saturating_sub(1);
                if at_root == 0 {
                    break;
                }
            }
            let decided = loop {
                index -= 1;
                let literal = self.decisions.queue[index];
                if self.seen[literal.variable()] {
                    break literal;
                }
            };
            self.seen[decided.variable()] = false;
            if here > 0 {
                here -= 1;
                if here == 0 {
                    asserting = -decided;
                    if at_root == 0 {
                        break;
                    }
                    // Only literals of level one are left: they add reasons, but no literals.
                    for literal in &self.scratch {
                        self.seen[literal.variable()] = false;
                    }
                    at_root += 1;
                    rule = None;
                    continue;
                }
            }
            rule = match self.decisions.why[index] {
                Why::Rule(id) => Some(id),
                Why::Choice(_) => None,
            };
        }
        for literal in self.seen_list.drain(..) {
            self.seen[literal.variable()] = false;
        }
        self.revert(back);
        self.add_learnt(asserting, back);
        back
    }

    fn add_learnt(&mut self, asserting: Lit, level: i32) {
        let others = std::mem::take(&mut self.scratch);
        let tail = if others.is_empty() { Tail::default() } else { self.rules.keep(&others) };
        let id = self.rules.add(asserting, tail);
        if others.is_empty() {
            self.assertions.push(id);
        } else {
            if others.len() > 1 {
                // The second watch must be among the last decisions to be undone.
                let mut highest = 0;
                for &literal in &others {
                    let at = self.decisions.level(literal).abs();
                    if at > highest {
                        (self.rules.all[id as usize].watched[1], highest) = (literal, at);
                    }
                }
            }
            self.watches.hook_new(&self.rules, id);
        }
        self.scratch = others;
        self.decisions.decide(asserting, level, Why::Rule(id));
    }
}
