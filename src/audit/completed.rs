//! The facts of packages, completed from the pool. A lock or a plan contains few facts; the pool of
//! its repositories contains more.

use std::borrow::Cow;

use super::Subject;
use crate::package::PackageFacts;

/// Returns the facts of the package at a place of the subject. Missing facts are taken from the
/// pool; facts from the package itself do not change.
pub(super) fn completed(subject: &Subject, place: usize) -> Cow<'_, PackageFacts> {
    let facts = &subject.packages[place];
    let Some(set) = subject.set.as_ref().filter(|_| subject.origins.contains_key(&facts.id)) else {
        return Cow::Borrowed(facts);
    };
    let Some(id) = subject.member(place) else { return Cow::Borrowed(facts) };
    let solvable = set.pool.solvable(id);
    let told =
        |known: &Option<String>, column: &str| known.clone().or_else(|| Some(column.to_owned()).filter(|text| !text.is_empty()));
    Cow::Owned(PackageFacts {
        license: told(&facts.license, solvable.license()),
        vendor: told(&facts.vendor, solvable.vendor()),
        source: told(&facts.source, solvable.source()),
        build_time: facts.build_time.or(Some(solvable.build_time()).filter(|&time| time > 0)),
        ..facts.clone()
    })
}

/// Returns the completed facts of all packages, in their order.
pub fn all_completed(subject: &Subject) -> Cow<'_, [PackageFacts]> {
    if subject.set.is_none() || subject.origins.is_empty() {
        return Cow::Borrowed(&subject.packages);
    }
    (0..subject.packages.len()).map(|place| completed(subject, place).into_owned()).collect()
}
