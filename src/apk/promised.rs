//! Comparison of a package's metadata with its index entry.
//!
//! The identity (`C:`, SHA-1 of the control stream) alone does not prove that the index describes
//! the package correctly.
//!
//! In: the `.PKGINFO` of a verified package, and the chosen package of the index. Out: nothing, or
//! the first difference.

use std::collections::BTreeSet;

use super::dependency::Parts;
use super::package::PackageInfo;
use crate::package::BrokenPromise;
use crate::pool::{Kind, Op, Solvable};

/// Compares `.PKGINFO` with the index entry: `pkgname`, `pkgver`, `arch`, `provides`, `depend`.
///
/// An entry without any `provides` and `depends`, such as one from a lock file, is compared by
/// name, version and architecture only.
pub fn check(info: &PackageInfo, promised: Solvable<'_>) -> Result<(), BrokenPromise> {
    let broken = |what, promised: &str, found: &str| Err(BrokenPromise { what, promised: promised.into(), found: found.into() });
    for (what, promised, found) in
        [("name", promised.name(), info.name.as_str()), ("version", promised.version(), info.version.as_str())]
    {
        if promised != found {
            return broken(what, promised, found);
        }
    }
    // Indexes give a `noarch` package the architecture of the index. A package without an
    // architecture fits every machine.
    if promised.arch() != info.arch && !matches!(info.arch.as_str(), "" | "noarch") {
        return broken("architecture", promised.arch(), &info.arch);
    }
    let own = (false, promised.name(), Op::EQUAL, promised.version());
    let of =
        |kind: Kind| promised.capabilities(kind).map(move |(name, op, version)| (kind == Kind::Conflicts, name, op, version));
    let provides: BTreeSet<_> = of(Kind::Provides).filter(|provided| *provided != own).collect();
    let depends: BTreeSet<_> = of(Kind::Requires).chain(of(Kind::Conflicts)).collect();
    let tells_nothing = provides.is_empty() && depends.is_empty();
    let given_provides: BTreeSet<_> =
        info.provides.iter().filter_map(|text| provided(text)).filter(|provided| *provided != own).collect();
    let given_depends: BTreeSet<_> = info.depends.iter().map(|text| required(text)).collect();
    for (what, index, given) in [("provides", provides, given_provides), ("depends", depends, given_depends)] {
        if let Some(more) = index.difference(&given).next() {
            return broken(what, &text(*more), "nothing of the kind");
        }
        if let Some(more) = given.difference(&index).next()
            && !tells_nothing
        {
            return broken(what, "nothing of the kind", &text(*more));
        }
    }
    Ok(())
}

/// A capability: whether it is a conflict, name, operator, version.
type Capability<'a> = (bool, &'a str, Op, &'a str);

/// Parses a `provides` entry of `.PKGINFO` into the form that the pool has for an index entry.
fn provided(constraint: &str) -> Option<Capability<'_>> {
    Parts::read(constraint).map(|Parts { name, op, version, .. }| (false, name, op, version))
}

/// Parses a `depend` entry of `.PKGINFO` in the same way.
fn required(constraint: &str) -> Capability<'_> {
    match Parts::read(constraint).filter(|parts| !parts.name.contains('@')) {
        Some(parts) => {
            let op = if parts.is_valid() { parts.op } else { parts.op | Op::INVALID };
            (parts.conflict, parts.name, op, parts.version)
        }
        None => (false, constraint, Op::INVALID, ""),
    }
}

fn text((conflict, name, op, version): Capability<'_>) -> String {
    let sign = if conflict { "!" } else { "" };
    if version.is_empty() { format!("{sign}{name}") } else { format!("{sign}{name}{}{version}", op.text()) }
}
