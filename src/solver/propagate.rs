//! Unit propagation with two watched literals.
//!
//! The rules that watch a literal form a chain, newest first, and propagation visits them in that
//! order. The order decides which consequence is derived first, so what is learned, and finally
//! which of several solutions is found.

use super::decisions::{Decisions, Why};
use super::literal::Lit;
use super::rules::{RuleId, Rules};

/// The chains of rules that watch each literal, in one array: a head for each literal, then two
/// links for each rule.
#[derive(Debug, Default)]
pub(super) struct Watches {
    links: Vec<RuleId>,
    heads: usize,
}

impl Watches {
    pub(super) fn new(variables: usize) -> Self {
        Self { links: vec![0; variables * 2], heads: variables * 2 }
    }

    /// Removes all rules from the chains.
    pub(super) fn clear(&mut self, rules: &Rules) {
        for rule in &rules.all {
            for literal in rule.watched {
                self.links[literal.slot()] = 0;
            }
        }
        self.links.truncate(self.heads);
    }

    /// Adds all rules, so that each chain is in the order of rule ids.
    pub(super) fn hook_all(&mut self, rules: &Rules) {
        self.links.resize(self.heads + rules.len() * 2, 0);
        for id in (1..rules.len() as RuleId).rev() {
            self.hook(rules, id);
        }
    }

    /// Adds a rule that was just created.
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

    /// Derives all consequences of the decisions made. Returns a rule that cannot be fulfilled any
    /// more, if there is one.
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

/// Returns a literal of the rule that is not false and is not the other watched one.
fn replacement(rules: &Rules, id: RuleId, other: Lit, decisions: &Decisions) -> Option<Lit> {
    let rule = rules.get(id);
    let fits = |literal: Lit| literal != other && !decisions.is_false(literal);
    if fits(rule.first) {
        return Some(rule.first);
    }
    rules.tail(rule.tail).iter().copied().find(|&literal| fits(literal))
}
