//! Propagation over two watched literals.
//!
//! The rules that watch a literal form a chain, newest first, and propagation follows it in that order: which
//! consequence is drawn first decides what is learnt, and so, in the end, which of several solutions is found.

use super::decisions::{Decisions, Why};
use super::literal::Lit;
use super::rules::{RuleId, Rules};

/// Chains of the rules that watch each literal, in one array: first a head for each literal, then two links a rule.
#[derive(Debug, Default)]
pub(super) struct Watches {
    links: Vec<RuleId>,
    heads: usize,
}

impl Watches {
    pub(super) fn new(variables: usize) -> Self {
        Self { links: vec![0; variables * 2], heads: variables * 2 }
    }

    /// Unhooks all rules.
    pub(super) fn clear(&mut self, rules: &Rules) {
        for rule in &rules.all {
            for literal in rule.watched {
                self.links[literal.slot()] = 0;
            }
        }
        self.links.truncate(self.heads);
    }

    /// Hooks all rules, so that each chain is in their order.
    pub(super) fn hook_all(&mut self, rules: &Rules) {
        self.links.resize(self.heads + rules.len() * 2, 0);
        for id in (1..rules.len() as RuleId).rev() {
            self.hook(rules, id);
        }
    }

    /// Hooks a rule that was just added.
    pub(super) fn hook_new(&mut self, rules: &Rules, id: RuleId) {
        self.links.resize(self.heads + rules.len() * 2, 0);
        self.hook(rules, id);
    }

    fn hook(&mut self, rules: &Rules, id: RuleId) {
        let rule = rules.get(id);
        if rule.is_assertion() {
            return;
        }
        for (side, literal) in rule.watched.into_iter().enumerate() {
            let link = self.link(id, side);
            self.links[link] = std::mem::replace(&mut self.links[literal.slot()], id);
        }
    }

    fn link(&self, id: RuleId, side: usize) -> usize {
        self.heads + id as usize * 2 + side
    }

    /// Draws all consequences of the decisions made; returns a rule that cannot be fulfilled any more.
    pub(super) fn propagate(&mut self, rules: &mut Rules, decisions: &mut Decisions, level: i32) -> Option<RuleId> {
        while let Some(&decided) = decisions.queue.get(decisions.propagated) {
            decisions.propagated += 1;
            let falsified = -decided;
            let mut here = falsified.slot();
            loop {
                let id = self.links[here];
                if id == 0 {
                    break;
                }
                let rule = rules.get(id);
                let side = usize::from(rule.watched[0] != falsified);
                let next = self.link(id, side);
                let other = rule.watched[1 - side];
                if rule.disabled || decisions.is_true(other) {
                    here = next;
                    continue;
                }
                if !rule.is_short()
                    && let Some(found) = replacement(rules, id, other, decisions)
                {
                    rules.all[id as usize].watched[side] = found;
                    self.links[here] = self.links[next];
                    self.links[next] = std::mem::replace(&mut self.links[found.slot()], id);
                    continue;
                }
                if decisions.is_false(other) {
                    return Some(id);
                }
                decisions.decide(other, level, Why::Rule(id));
                here = next;
            }
        }
        None
    }
}

/// A literal of the rule that is not false and not the other watched one.
fn replacement(rules: &Rules, id: RuleId, other: Lit, decisions: &Decisions) -> Option<Lit> {
    let rule = rules.get(id);
    let fits = |literal: Lit| literal != other && !decisions.is_false(literal);
    if fits(rule.first) {
        return Some(rule.first);
    }
    rules.tail(rule.tail).iter().copied().find(|&literal| fits(literal))
}
