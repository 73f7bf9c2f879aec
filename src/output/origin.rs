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
    /// What a repository says of a package.
    pub fn of(package: Solvable<'_>) -> Self {
        let source = source_name(package.source());
        let source = if source.is_empty() { package.name() } else { source };
        Self { name: package.name().to_owned(), version: package.version().to_owned(), source: source.to_owned() }
    }
}

/// The name in a source package's: rpm-md gives the name of its file (`bash-5.1.8-6.el9_1.src.rpm`), Alpine's index the name alone.
fn source_name(source: &str) -> &str {
    let Some(stem) = source.strip_suffix(".rpm") else { return source };
    // The last two dashes are before version and release (rpm forbids dashes in both).
    stem.rsplitn(3, '-').nth(2).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::source_name;

    #[test]
    fn the_name_of_a_source_package() {
        for (text, name) in [
            ("bash-5.1.8-6.el9_1.src.rpm", "bash"),
            ("openssl-fips-provider-3.0.7-2.el9.src.rpm", "openssl-fips-provider"),
            ("busybox", "busybox"),
            ("a-b", "a-b"),
            ("odd.rpm", "odd"),
            ("", ""),
        ] {
            assert_eq!(source_name(text), name);
        }
    }
}
