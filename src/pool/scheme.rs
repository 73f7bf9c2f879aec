//! The interface by which an ecosystem defines its version syntax.

use std::cmp::Ordering;

use super::Op;

/// The constraint of a dependency: `op version`, as in `>= 1.2-3`. Without a version, `op` is
/// [`Op::ANY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint<'a> {
    /// The comparison operator.
    pub op: Op,
    /// The version as written, in the ecosystem's own syntax.
    pub version: &'a str,
}

/// The version syntax of an ecosystem. The pool only uses it while it is built; afterwards versions
/// are integers.
pub trait VersionScheme: Sync {
    /// Compares two package versions.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// Reports whether a provided range and a required range have a version in common. Both have a
    /// version; the pool itself handles the other cases.
    fn overlap(&self, provided: Constraint<'_>, required: Constraint<'_>) -> bool;

    /// Reports whether the package manager itself provides a capability (`rpmlib(…)`) in the
    /// required version, so that no package needs to.
    fn provided_by_system(&self, _name: &str, _required: Constraint<'_>) -> bool {
        false
    }

    /// Reports whether the index of every repository names all packages that own a path. For any
    /// other path, a separate list of all files may name more owners.
    fn indexes_path(&self, _path: &str) -> bool {
        true
    }

    /// Reports whether a provide without a version meets a requirement with one. In RPM it does, in
    /// apk it does not.
    fn unversioned_provides_any(&self) -> bool {
        true
    }
}
