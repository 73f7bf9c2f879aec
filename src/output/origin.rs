//! The packages from which the nodes of a tree come. The source of a package determines the image
//! layer of its files.

use crate::pool::Solvable;

/// A package of a tree, at the index that a node's [`PackageIndex`](crate::tree::PackageIndex)
/// states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name of the package.
    pub name: String,
    /// The version; the full version if the ecosystem has no separate release.
    pub version: String,
    /// The name of the source package; the package's own name if the source is unknown.
    pub source: String,
}

impl Origin {
    /// Returns the origin for a package of a repository and the name of its source package (empty
    /// if unknown).
    pub fn of(package: Solvable<'_>, source: &str) -> Self {
        let source = if source.is_empty() { package.name() } else { source };
        Self { name: package.name().to_owned(), version: package.version().to_owned(), source: source.to_owned() }
    }
}
