//! Ownership of a file that two packages contain: `replaces` and its priority.

use crate::apk::dependency::Constraint;
use crate::apk::package::PackageInfo;
use crate::apk::version;

/// The result for a file that two packages contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The new package takes over the file.
    Takes,
    /// The file stays with the installed package.
    Stays,
    /// Neither package replaces the other.
    Conflict,
}

/// Decides between the owner of a file and a new package that contains it (database.c,
/// `apk_db_install_file`).
pub(super) fn verdict(there: &PackageInfo, comes: &PackageInfo) -> Verdict {
    let same_origin = !comes.origin.is_empty() && there.origin == comes.origin;
    if there.name == comes.name || same_origin {
        return Verdict::Takes;
    }
    // A package without a matching `replaces` has `None`, which is less than any priority.
    let claim = |who: &PackageInfo, on: &PackageInfo| replaces(who, on).then_some(who.replaces_priority);
    let (theirs, mine) = (claim(there, comes), claim(comes, there));
    if theirs > mine {
        Verdict::Stays
    } else if mine.is_some() {
        Verdict::Takes
    } else {
        Verdict::Conflict
    }
}

/// Reports whether a package's `replaces` match another package: by its own name, not by a provided
/// one (`apk_dep_is_materialized`).
fn replaces(who: &PackageInfo, on: &PackageInfo) -> bool {
    who.replaces.iter().filter_map(|text| Constraint::parse(text).ok()).any(|constraint| {
        constraint.name == on.name
            && constraint.conflict
                != (constraint.op.is_any() || version::matches(&on.version, constraint.op, &constraint.version))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> PackageInfo {
        PackageInfo::parse(text.replace("; ", "\n").as_bytes()).unwrap()
    }

    #[test]
    fn claims_and_their_priorities_decide() {
        let plain = info("pkgname = a; pkgver = 1-r0");
        let over = info("pkgname = b; pkgver = 1-r0; replaces = a");
        let over_old = info("pkgname = c; pkgver = 1-r0; replaces = x a<1");
        let strong = info("pkgname = a; pkgver = 1-r0; replaces = b; replaces_priority = 7");
        let equal = info("pkgname = a; pkgver = 1-r0; replaces = b");
        assert_eq!(verdict(&plain, &plain), Verdict::Takes, "another version of itself");
        assert_eq!(verdict(&plain, &over), Verdict::Takes);
        assert_eq!(verdict(&over, &plain), Verdict::Stays);
        assert_eq!(verdict(&plain, &over_old), Verdict::Conflict);
        assert_eq!(verdict(&strong, &over), Verdict::Stays);
        assert_eq!(verdict(&over, &strong), Verdict::Takes);
        assert_eq!(verdict(&equal, &over), Verdict::Takes, "of equals the one that comes");
        assert_eq!(verdict(&over, &equal), Verdict::Takes);
        let (one, two) = (info("pkgname = one; pkgver = 1; origin = o"), info("pkgname = two; pkgver = 1; origin = o"));
        assert_eq!(verdict(&one, &two), Verdict::Takes, "of one origin");
    }
}
