//! Literals: that a package is installed, or that it is not.

use std::ops::Neg;

use crate::pool::SolvableId;

/// A package that is installed (positive) or not (negative). Ordered as libsolv orders them, on which its choices rest:
/// by number, and a package's number grows with its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lit(i32);

/// How many variables come before the first package: none, and [`Lit::SYSTEM`].
const FIRST: u32 = 2;

impl Lit {
    /// No literal.
    pub(super) const NONE: Self = Self(0);
    /// What is always there: its negation is the impossible.
    pub(super) const SYSTEM: Self = Self(1);

    /// That a package is installed.
    pub(super) fn of(id: SolvableId) -> Self {
        Self((id.0 + FIRST) as i32)
    }

    /// How many variables a pool of so many packages has.
    pub(super) fn count(packages: usize) -> usize {
        packages + FIRST as usize
    }

    /// That the variable of a number is true.
    pub(super) fn nth(variable: usize) -> Self {
        Self(variable as i32)
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The place of its package in arrays of [`Lit::count`].
    pub(super) fn variable(self) -> usize {
        self.0.unsigned_abs() as usize
    }

    /// The place of the literal in arrays of twice [`Lit::count`].
    pub(super) fn slot(self) -> usize {
        self.variable() * 2 + usize::from(self.0 < 0)
    }

    /// The package, unless it is the system.
    pub(super) fn package(self) -> Option<SolvableId> {
        self.0.unsigned_abs().checked_sub(FIRST).map(SolvableId)
    }

    /// The package of a literal that is known to be one.
    pub(super) fn id(self) -> SolvableId {
        SolvableId(self.0.unsigned_abs().saturating_sub(FIRST))
    }

    /// The literal as an unsigned number in the same order.
    pub(super) fn sort_key(self) -> u32 {
        (self.0 as u32) ^ (1 << 31)
    }
}

impl Neg for Lit {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}
