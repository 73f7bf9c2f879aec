//! Literals of the solver: a package is installed, or is not installed.

use std::ops::Neg;

use crate::pool::SolvableId;

/// A literal: positive if the package is installed, negative if it is not. The order is that of
/// libsolv, whose choices depend on it: by number, and a package's number grows with its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lit(i32);

/// Number of variables before the first package: none, and [`Lit::SYSTEM`].
const FIRST: u32 = 2;

impl Lit {
    /// No literal.
    pub(super) const NONE: Self = Self(0);
    /// The system, which is always installed. Its negation is a contradiction.
    pub(super) const SYSTEM: Self = Self(1);

    /// Creates the literal for a package that is installed.
    pub(super) fn of(id: SolvableId) -> Self {
        Self((id.0 + FIRST) as i32)
    }

    /// Returns the number of variables for a pool of `packages` packages.
    pub(super) fn count(packages: usize) -> usize {
        packages + FIRST as usize
    }

    /// Creates the positive literal of a variable.
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

    /// Returns the index of the variable in arrays of [`Lit::count`] elements.
    pub(super) fn variable(self) -> usize {
        self.0.unsigned_abs() as usize
    }

    /// Returns the index of the literal in arrays of twice [`Lit::count`] elements.
    pub(super) fn slot(self) -> usize {
        self.variable() * 2 + usize::from(self.0 < 0)
    }

    /// Returns the package; `None` for the system.
    pub(super) fn package(self) -> Option<SolvableId> {
        self.0.unsigned_abs().checked_sub(FIRST).map(SolvableId)
    }

    /// Returns the package of a literal that is known to be for a package.
    pub(super) fn id(self) -> SolvableId {
        SolvableId(self.0.unsigned_abs().saturating_sub(FIRST))
    }

    /// Returns an unsigned number with the same order as the literal.
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
