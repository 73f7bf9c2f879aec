//! A package that is not the one that an index promised.

/// In what a package is not the one of the index, which it has to be by more than its name: whoever offers an index that nobody signed could
/// otherwise have any signed package installed in the place of any other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the package is not the one that the index promises: its {what} should be `{promised}`, found `{found}`")]
pub struct BrokenPromise {
    /// Which fact: name, version, architecture, what it provides or requires.
    pub what: &'static str,
    /// As the index says.
    pub promised: String,
    /// As the package says.
    pub found: String,
}
