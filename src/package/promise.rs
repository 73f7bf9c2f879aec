//! An error for a package that does not match the index.

/// A difference between a package and its entry in the index. Matching names are not enough: an
/// attacker with an unsigned index could otherwise replace any signed package by another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the package is not the one that the index promises: its {what} should be `{promised}`, found `{found}`")]
pub struct BrokenPromise {
    /// The fact that differs: name, version, architecture, a provided or a required capability.
    pub what: &'static str,
    /// The value in the index.
    pub promised: String,
    /// The value in the package.
    pub found: String,
}
