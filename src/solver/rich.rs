//! Rich dependencies as clauses: conjunctive (or disjunctive) normal form over packages, as in
//! libsolv's `cplxdeps.c`.

use super::literal::Lit;
use crate::pool::{Dependency, DependencyId, Pool, RichOp, SolvableId};

/// A dependency in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Normal {
    /// No package can meet it.
    Never,
    /// It is met whatever is installed.
    Always,
    /// Blocks of literals, each block sorted: a conjunction of disjunctions (CNF) or a disjunction
    /// of conjunctions (DNF).
    Blocks(Vec<Vec<Lit>>),
}

/// The kind of normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// CNF: all blocks must hold, each by any of its literals.
    Conjunctive,
    /// DNF: any block must hold, by all of its literals.
    Disjunctive,
}

impl Form {
    fn other(self) -> Self {
        match self {
            Self::Conjunctive => Self::Disjunctive,
            Self::Disjunctive => Self::Conjunctive,
        }
    }
}

/// Maximum number of literals in a normal form. A dependency that exceeds it is treated as never
/// met: it is nested to exhaust memory.
const MAX_LITERALS: usize = 1 << 22;

/// Returns the clauses of a requirement: all of them must hold.
pub(super) fn clauses(pool: &Pool, dependency: DependencyId) -> Normal {
    normalize(pool, dependency, Form::Conjunctive)
}

/// Returns the clauses of a conflict: the dependency must not hold.
pub(super) fn negated_clauses(pool: &Pool, dependency: DependencyId) -> Normal {
    invert(normalize(pool, dependency, Form::Disjunctive))
}

fn normalize(pool: &Pool, dependency: DependencyId, form: Form) -> Normal {
    let alternative = |right| match pool.dependency(right) {
        Dependency::Rich { op: RichOp::Else, left, right } => Some((left, right)),
        _ => None,
    };
    let plain = |id, form| normalize(pool, id, form);
    let negated = |id, form: Form| invert(normalize(pool, id, form.other()));
    match pool.dependency(dependency) {
        Dependency::Rich { op, left, right } if pool.is_complex(dependency) => match (op, alternative(right)) {
            (RichOp::And, _) => and(plain(left, form), plain(right, form), form),
            (RichOp::Or, _) => or(plain(left, form), plain(right, form), form),
            // a if b: a or not b; with an alternative c: (a or not b) and (c or b)
            (RichOp::If, None) => or(plain(left, form), negated(right, form), form),
            (RichOp::If, Some((condition, other))) => and(
                or(plain(left, form), negated(condition, form), form),
                or(plain(condition, form), plain(other, form), form),
                form,
            ),
            // a unless b: a and not b; with an alternative c: (a and not b) or (c and b)
            (RichOp::Unless, None) => and(plain(left, form), negated(right, form), form),
            (RichOp::Unless, Some((condition, other))) => or(
                and(plain(left, form), negated(condition, form), form),
                and(plain(condition, form), plain(other, form), form),
                form,
            ),
            _ => Normal::Never,
        },
        _ => candidates(pool, dependency, form),
    }
}

fn candidates(pool: &Pool, dependency: DependencyId, form: Form) -> Normal {
    if pool.met_by_system(dependency) {
        return Normal::Always;
    }
    let found = pool.candidates(dependency);
    let literals = found.iter().map(|&id| Lit::of(id));
    match form {
        _ if found.is_empty() => Normal::Never,
        Form::Conjunctive => Normal::Blocks(vec![literals.collect()]),
        Form::Disjunctive => Normal::Blocks(literals.map(|literal| vec![literal]).collect()),
    }
}

/// Negates a normal form. CNF becomes DNF and the reverse.
fn invert(normal: Normal) -> Normal {
    match normal {
        Normal::Never => Normal::Always,
        Normal::Always => Normal::Never,
        Normal::Blocks(blocks) => {
            Normal::Blocks(blocks.into_iter().map(|block| block.into_iter().rev().map(|literal| -literal).collect()).collect())
        }
    }
}

fn and(left: Normal, right: Normal, form: Form) -> Normal {
    match (left, right) {
        (Normal::Never, _) | (_, Normal::Never) => Normal::Never,
        (Normal::Always, other) | (other, Normal::Always) => other,
        (Normal::Blocks(left), Normal::Blocks(right)) => match form {
            Form::Conjunctive => Normal::Blocks([left, right].concat()),
            Form::Disjunctive => distribute(&left, &right, Normal::Never),
        },
    }
}

fn or(left: Normal, right: Normal, form: Form) -> Normal {
    match (left, right) {
        (Normal::Always, _) | (_, Normal::Always) => Normal::Always,
        (Normal::Never, other) | (other, Normal::Never) => other,
        (Normal::Blocks(left), Normal::Blocks(right)) => match form {
            Form::Conjunctive => distribute(&left, &right, Normal::Always),
            Form::Disjunctive => Normal::Blocks([left, right].concat()),
        },
    }
}

/// Joins each block of one side with each block of the other. Drops blocks that contain a literal
/// and its negation.
fn distribute(left: &[Vec<Lit>], right: &[Vec<Lit>], none_left: Normal) -> Normal {
    let total = |blocks: &[Vec<Lit>]| blocks.iter().map(Vec::len).sum::<usize>();
    let size = total(left).saturating_mul(right.len()).saturating_add(total(right).saturating_mul(left.len()));
    if size > MAX_LITERALS {
        return Normal::Never;
    }
    let mut blocks = Vec::with_capacity(left.len() * right.len());
    for a in left {
        for b in right {
            let mut block = [a.as_slice(), b.as_slice()].concat();
            block.sort_unstable();
            block.dedup();
            if !block.iter().take_while(|literal| literal.is_negative()).any(|&literal| block.binary_search(&-literal).is_ok()) {
                blocks.push(block);
            }
        }
    }
    if blocks.is_empty() { none_left } else { Normal::Blocks(blocks) }
}

/// Calls `found` with each package that may meet the dependency, or a part of it.
pub(super) fn positive_candidates(pool: &Pool, dependency: DependencyId, negated: bool, found: &mut impl FnMut(Lit)) {
    if let Dependency::Rich { op: op @ (RichOp::And | RichOp::Or | RichOp::If | RichOp::Unless), left, right } =
        pool.dependency(dependency)
    {
        positive_candidates(pool, left, negated, found);
        let conditional = matches!(op, RichOp::If | RichOp::Unless);
        match pool.dependency(right) {
            Dependency::Rich { op: RichOp::Else, left: condition, right: other } if conditional => {
                positive_candidates(pool, condition, negated, found);
                positive_candidates(pool, other, negated, found);
                positive_candidates(pool, condition, !negated, found);
            }
            _ => positive_candidates(pool, right, negated != conditional, found),
        }
    } else if !negated {
        pool.candidates(dependency).iter().for_each(|&id| found(Lit::of(id)));
    }
}

/// The state of a dependency: whether it holds, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Met {
    /// The dependency does not hold.
    Not,
    /// It holds by packages that were installed before, or by the absence of packages.
    Already,
    /// It holds by a new package.
    Anew,
}

impl Met {
    fn is_met(self) -> bool {
        self != Self::Not
    }

    /// Combines two states by "and": new if either is.
    fn and(self, other: Self) -> Self {
        if self.is_met() && other.is_met() { self.max(other) } else { Self::Not }
    }

    /// Returns this state, marked as new if the condition is.
    fn under(self, condition: Self) -> Self {
        if self.is_met() && condition == Self::Anew { Self::Anew } else { self }
    }
}

/// Returns the state of a dependency, given the state of each package (libsolv's
/// `solver_dep_fulfilled_alreadyinstalled`). If the condition of `if` does not hold, the dependency
/// holds, but not as new.
pub(super) fn met(pool: &Pool, dependency: DependencyId, is_new: &impl Fn(Lit) -> Met) -> Met {
    let met = |id| met(pool, id, is_new);
    let alternative = |right| match pool.dependency(right) {
        Dependency::Rich { op: RichOp::Else, left, right } => Some((left, right)),
        _ => None,
    };
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::And, left, right } => met(left).and(met(right)),
        Dependency::Rich { op: RichOp::Or, left, right } => met(left).max(met(right)),
        Dependency::Rich { op: RichOp::If, left, right } => match alternative(right) {
            Some((condition, other)) => match met(condition) {
                Met::Not => met(other),
                condition => met(left).under(condition),
            },
            None => match (met(left), met(right)) {
                (Met::Not, right) if right.is_met() => Met::Not,
                (left, _) => left.max(Met::Already),
            },
        },
        Dependency::Rich { op: RichOp::Unless, left, right } => match alternative(right) {
            Some((condition, other)) => match met(condition) {
                Met::Not => met(left),
                condition => met(other).under(condition),
            },
            None if met(right).is_met() => Met::Not,
            None => met(left),
        },
        _ => pool.candidates(dependency).iter().map(|&id| is_new(Lit::of(id))).max().unwrap_or(Met::Not),
    }
}

/// Reports whether a dependency, plain or rich, holds for the given set of installed packages.
pub fn holds(pool: &Pool, dependency: DependencyId, installed: &impl Fn(SolvableId) -> bool) -> bool {
    is_fulfilled(pool, dependency, &|literal: Lit| installed(literal.id()))
}

/// Reports the same for literals.
pub(super) fn is_fulfilled(pool: &Pool, dependency: DependencyId, installed: &impl Fn(Lit) -> bool) -> bool {
    met(pool, dependency, &|literal| if installed(literal) { Met::Anew } else { Met::Not }).is_met()
}

/// Returns packages of which at least one must be installed for the dependency to hold. The set is
/// small, but not always the smallest. Returns `None` if the dependency could hold without any
/// package.
pub(super) fn needed(pool: &Pool, dependency: DependencyId) -> Option<Vec<SolvableId>> {
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::If | RichOp::Unless, .. } => None,
        Dependency::Rich { op: RichOp::And, left, right } => match (needed(pool, left), needed(pool, right)) {
            (Some(left), Some(right)) => Some(if left.len() <= right.len() { left } else { right }),
            (one, other) => one.or(other),
        },
        Dependency::Rich { op: RichOp::Or, left, right } => Some([needed(pool, left)?, needed(pool, right)?].concat()),
        _ => Some(pool.candidates(dependency).to_vec()),
    }
}

/// Reports whether a dependency could hold if some of the given packages were installed.
pub(super) fn is_possible(pool: &Pool, dependency: DependencyId, reachable: &impl Fn(Lit) -> bool) -> bool {
    match pool.dependency(dependency) {
        Dependency::Rich { op: RichOp::If | RichOp::Unless, .. } => true,
        Dependency::Rich { op: RichOp::And, left, right } => {
            is_possible(pool, left, reachable) && is_possible(pool, right, reachable)
        }
        Dependency::Rich { op: RichOp::Or, left, right } => {
            is_possible(pool, left, reachable) || is_possible(pool, right, reachable)
        }
        _ => pool.candidates(dependency).iter().any(|&id| reachable(Lit::of(id))),
    }
}
