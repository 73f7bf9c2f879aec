//! Where the nodes of a tree come from: what of a package decides in which layer of an image its files lie.

use crate::pool::Solvable;

/// A package of a tree, at the place that a node's [`PackageIndex`](crate::tree::PackageIndex) names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// Its version; the whole of it where there is no release apart.
    pub version: String,
    /// The name of the source package that it was built from; its own where none is known.
    pub source: String,
}

impl Origin {
    /// What a repository says of a package, and the name of its source package; empty where none is known.
    pub fn of(package: Solvable<'_>, source: &str) -> Self {
        let source = if source.is_empty() { package.name() } else { source };
        Self { name: package.name().to_owned(), version: package.version().to_owned(), source: source.to_owned() }
    }
}
