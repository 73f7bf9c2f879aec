//! RPM's versions `[epoch:]version[-release]`: their order, and whether two ranges overlap.

use std::cmp::Ordering;

use super::{features, paths};
use crate::pool::{Constraint, Op, VersionScheme};

/// The parts of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evr<'a> {
    /// Decimal digits; `None` is equivalent to `0`.
    pub epoch: Option<&'a str>,
    /// The version of the upstream project.
    pub version: &'a str,
    /// The release of the package; `None` in a dependency means any.
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits `[epoch:]version[-release]`. Every text is a valid version.
    pub fn parse(text: &'a str) -> Self {
        // As in rpm, an epoch consists only of digits before the colon (rpmver.c, parseEVR).
        let (epoch, rest) = match text.split_once(':') {
            Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => (Some(digits), rest),
            _ => (None, text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        Self { epoch: epoch.filter(|epoch| !epoch.is_empty()), version, release }
    }

    /// Returns the digits of the epoch without leading zeros; empty for 0.
    fn epoch_digits(self) -> &'a str {
        self.epoch.unwrap_or_default().trim_start_matches('0')
    }

    /// Returns the epoch as a number, or the maximum if it is too large.
    pub fn epoch_number(self) -> u32 {
        let digits = self.epoch_digits();
        if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u32::MAX) }
    }

    /// Compares epoch and version only.
    fn compare_version(self, other: Self) -> Ordering {
        let (a, b) = (self.epoch_digits(), other.epoch_digits());
        (a.len().cmp(&b.len()).then_with(|| a.cmp(b))).then_with(|| rpmvercmp(self.version, other.version))
    }

    /// Compares the versions of two packages. A missing release precedes any other.
    pub fn compare(self, other: Self) -> Ordering {
        self.compare_version(other).then_with(|| match (self.release, other.release) {
            (Some(a), Some(b)) => rpmvercmp(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
    }
}

/// Compares two versions (or two releases) like rpm (rpmvercmp.c).
///
/// Segments of digits compare as numbers, segments of letters as text. A number is newer than
/// letters, and more segments are newer than fewer. `~` sorts before everything, even the end; `^`
/// sorts after the end and before everything else.
pub fn rpmvercmp(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (skip_separators(a), skip_separators(b));
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => (a, b) = (&a[1..], &b[1..]),
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (Some(x), Some(y)) => match (x.is_ascii_digit(), y.is_ascii_digit()) {
                (true, false) => return Ordering::Greater,
                (false, true) => return Ordering::Less,
                (digits, _) => {
                    let (x, y);
                    (x, a) = split_segment(a, digits);
                    (y, b) = split_segment(b, digits);
                    let order = if digits { compare_numbers(x, y) } else { x.cmp(y) };
                    if order.is_ne() {
                        return order;
                    }
                }
            },
        }
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^'));
    &text[start.unwrap_or(text.len())..]
}

fn split_segment(text: &[u8], digits: bool) -> (&[u8], &[u8]) {
    let inside = if digits { u8::is_ascii_digit } else { u8::is_ascii_alphabetic };
    text.split_at(text.iter().position(|byte| !inside(byte)).unwrap_or(text.len()))
}

fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// RPM's version syntax, for the pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct RpmVersions;

impl VersionScheme for RpmVersions {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        if a == b { Ordering::Equal } else { Evr::parse(a).compare(Evr::parse(b)) }
    }

    fn overlap(&self, provided: Constraint<'_>, required: Constraint<'_>) -> bool {
        ranges_overlap(provided, required)
    }

    fn provided_by_system(&self, name: &str, required: Constraint<'_>) -> bool {
        features::is_implemented(name, required)
    }

    fn indexes_path(&self, path: &str) -> bool {
        paths::lists_in_primary(path)
    }
}

/// Reports whether two ranges overlap (rpmds.c, `rpmdsCompare`), as `>= 1` and `= 2-3` do.
pub fn ranges_overlap(a: Constraint<'_>, b: Constraint<'_>) -> bool {
    let both = |op| a.op.contains(op) && b.op.contains(op);
    if both(Op::LESS) || both(Op::GREATER) {
        return true;
    }
    // A range without a release overlaps all releases of its version, if it includes that version.
    let nonempty = |release: &&str| !release.is_empty();
    let (left, right) = (Evr::parse(a.version), Evr::parse(b.version));
    let order = left.compare_version(right).then_with(|| match (left.release.filter(nonempty), right.release.filter(nonempty)) {
        (Some(x), Some(y)) => rpmvercmp(x, y),
        _ => Ordering::Equal,
    });
    match order {
        Ordering::Less => a.op.contains(Op::GREATER) || b.op.contains(Op::LESS),
        Ordering::Greater => a.op.contains(Op::LESS) || b.op.contains(Op::GREATER),
        Ordering::Equal => match (left.release.filter(nonempty), right.release.filter(nonempty)) {
            (None, Some(_)) => a.op.contains(Op::EQUAL),
            (Some(_), None) => b.op.contains(Op::EQUAL),
            _ => both(Op::EQUAL),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cases from rpm's own test suite (tests/rpmvercmp.at).
    #[test]
    fn order_of_versions_is_rpms() {
        for (a, b, order) in [
            ("1.0", "1.0", 0),
            ("1.0", "2.0", -1),
            ("2.0.1", "2.0.1a", -1),
            ("5.5p1", "5.5p2", -1),
            ("5.5p10", "5.5p1", 1),
            ("10xyz", "10.1xyz", -1),
            ("xyz10", "xyz10.1", -1),
            ("xyz.4", "8", -1),
            ("xyz.4", "2", -1),
            ("5.5p2", "5.6p1", -1),
            ("6.0.rc1", "6.0", 1),
            ("10b2", "10a1", 1),
            ("1.0aa", "1.0a", 1),
            ("10.0001", "10.1", 0),
            ("10.0001", "10.0039", -1),
            ("4.999.9", "5.0", -1),
            ("20101121", "20101122", -1),
            ("2_0", "2.0", 0),
            ("a", "a", 0),
            ("a+", "a+", 0),
            ("a+", "a_", 0),
            ("+a", "_a", 0),
            ("+", "_", 0),
            ("1.0~rc1", "1.0", -1),
            ("1.0~rc1", "1.0~rc2", -1),
            ("1.0~rc1~git123", "1.0~rc1", -1),
            ("1.0^", "1.0", 1),
            ("1.0^git1", "1.0", 1),
            ("1.0^git1", "1.0^git2", -1),
            ("1.0^git1", "1.01", -1),
            ("1.0^20160101", "1.0.1", -1),
            ("1.0^20160101^git1", "1.0^20160102", -1),
            ("1.0~rc1^git1", "1.0~rc1", 1),
            ("1.0^git1~pre", "1.0^git1", -1),
            ("1b.fc17", "1.fc17", -1),
            ("1g.fc17", "1.fc17", 1),
            ("1.1.α", "1.1.β", 0),
            ("", "1", -1),
        ] {
            assert_eq!(rpmvercmp(a, b) as i32, order, "{a} {b}");
            assert_eq!(rpmvercmp(b, a) as i32, -order, "{b} {a}");
        }
    }

    #[test]
    fn epochs_and_releases() {
        let compare = |a, b| RpmVersions.compare(a, b) as i32;
        assert_eq!(compare("1:1-1", "2-1"), 1);
        assert_eq!(compare("0:2-1", "2-1"), 0);
        assert_eq!(compare("00:2-1", "2-1"), 0);
        assert_eq!(compare("2", "2-1"), -1);
        assert_eq!(compare("10:1-1", "9:1-1"), 1);
        assert_eq!(Evr::parse("1:2-3-4"), Evr { epoch: Some("1"), version: "2-3", release: Some("4") });
        assert_eq!(Evr::parse("a:2").epoch, None);
        assert_eq!(Evr::parse("99999999999:1").epoch_number(), u32::MAX);
    }

    #[test]
    fn ranges_meet_as_in_rpm() {
        let overlap = |a_op, a, b_op, b| {
            let (a, b) = (Constraint { op: a_op, version: a }, Constraint { op: b_op, version: b });
            let found = ranges_overlap(a, b);
            assert_eq!(found, ranges_overlap(b, a), "{a:?} {b:?}");
            found
        };
        assert!(overlap(Op::EQUAL, "1-1", Op::EQUAL, "1"));
        assert!(overlap(Op::EQUAL, "1-1", Op::GREATER_EQUAL, "1"));
        assert!(overlap(Op::EQUAL, "1-1", Op::LESS_EQUAL, "1"));
        assert!(!overlap(Op::EQUAL, "1-1", Op::GREATER, "1"));
        assert!(!overlap(Op::EQUAL, "1-1", Op::LESS, "1"));
        assert!(overlap(Op::EQUAL, "1", Op::GREATER, "1-1"));
        assert!(!overlap(Op::EQUAL, "1-1", Op::EQUAL, "1-2"));
        assert!(overlap(Op::LESS, "2", Op::GREATER, "1"));
        assert!(!overlap(Op::LESS, "1", Op::GREATER, "2"));
        assert!(!overlap(Op::LESS, "1", Op::GREATER, "1"));
        assert!(!overlap(Op::LESS, "1", Op::GREATER_EQUAL, "1"));
        assert!(overlap(Op::LESS_EQUAL, "1", Op::GREATER_EQUAL, "1"));
        assert!(!overlap(Op::EQUAL, "1:1-1", Op::EQUAL, "1-1"));
        assert!(overlap(Op::EQUAL, "0:1-1", Op::EQUAL, "1-1"));
        assert!(!overlap(Op::EQUAL, "1.0~rc1-1", Op::GREATER_EQUAL, "1.0"));
    }

    proptest! {
        #[test]
        fn versions_are_totally_ordered(texts in proptest::collection::vec("[0-9a-c~^.:-]{0,6}", 3)) {
            let compare = |a: usize, b: usize| RpmVersions.compare(&texts[a], &texts[b]);
            prop_assert_eq!(compare(0, 1), compare(1, 0).reverse());
            prop_assert_eq!(compare(0, 0), Ordering::Equal);
            if compare(0, 1).is_le() && compare(1, 2).is_le() {
                prop_assert!(compare(0, 2).is_le());
            }
        }
    }
}
