//! What the pool asks of an ecosystem about versions.

use std::cmp::Ordering;

use super::Op;

/// One side of a dependency: `op version`, as in `>= 1.2-3`. Without a version, `op` is [`Op::ANY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint<'a> {
    /// How the version is meant.
    pub op: Op,
    /// The version as written, in the ecosystem's own syntax.
    pub version: &'a str,
}

/// The version syntax of an ecosystem. The pool asks it while it is built; afterwards versions are integers.
pub trait VersionScheme: Sync {
    /// The order of two package versions.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// Whether a provided range and a required range have a version in common. Neither is without a version: the pool
    /// itself answers those.
    fn overlap(&self, provided: Constraint<'_>, required: Constraint<'_>) -> bool;

    /// Whether the package manager itself provides a capability (`rpmlib(…)`) in a version that is required, so that no package need.
    fn provided_by_system(&self, _name: &str, _required: Constraint<'_>) -> bool {
        false
    }

    /// Whether the index of every repository names all packages that own a path. A separate list of all files may name further owners
    /// of any other path.
    fn indexes_path(&self, _path: &str) -> bool {
        true
    }

    /// Whether a provide without a version meets a requirement with one. In RPM it does, in apk it does not.
    fn unversioned_provides_any(&self) -> bool {
        true
    }
}
