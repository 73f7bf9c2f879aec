//! Version comparison of apk.
//!
//! The syntax is `digits{.digits}[letter]{_suffix[digits]}[~hash][-rdigits]`. The rules are those
//! of version.c in apk-tools. Invalid versions are compared up to the first invalid part, as in
//! apk.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use crate::pool::{Constraint, Op, VersionScheme};

/// apk's version scheme for a pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApkVersions;

impl VersionScheme for ApkVersions {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        compare(a, b)
    }

    fn overlap(&self, provided: Constraint<'_>, required: Constraint<'_>) -> bool {
        matches(provided.version, required.op, required.version)
    }

    fn unversioned_provides_any(&self) -> bool {
        false
    }
}

/// Reports whether a version has valid syntax.
pub fn is_valid(version: &str) -> bool {
    let mut reader = Reader::new(version);
    while reader.part < Part::End {
        reader.advance();
    }
    reader.part == Part::End
}

/// Compares two versions. The empty version is lower than any other.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b { Ordering::Equal } else { walk(a, b, false) }
}

/// Reports whether `version` satisfies `op wanted`. A fuzzy operator treats versions that begin
/// with `wanted` as equal to it. The empty version, which a provided name without a version has, is
/// lower than any other.
pub fn matches(version: &str, op: Op, wanted: &str) -> bool {
    let all = Op::LESS_EQUAL | Op::GREATER;
    if op.contains(Op::INVALID) {
        return false;
    }
    let met = op.without(Op::NOT).is_any()
        || op.contains(all)
        || match walk(version, wanted, op.contains(Op::FUZZY)) {
            Ordering::Less => op.contains(Op::LESS),
            Ordering::Equal => op.contains(Op::EQUAL),
            Ordering::Greater => op.contains(Op::GREATER),
        };
    met != op.contains(Op::NOT)
}

/// The kinds of version parts, in the order in which they may follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    FirstNumber,
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
    End,
    Invalid,
}

/// Suffixes in ascending order. Versions with a suffix before index [`RELEASE`] are lower than the
/// version without a suffix.
const SUFFIXES: [&[u8]; 9] = [b"alpha", b"beta", b"pre", b"rc", b"cvs", b"svn", b"git", b"hg", b"p"];
const RELEASE: u64 = 4;

/// A reader that walks through a version part by part.
struct Reader<'a> {
    part: Part,
    /// The value of the part: its number, its letter, or the index of its suffix.
    value: u64,
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(version: &'a str) -> Self {
        let mut reader = Self { part: Part::FirstNumber, value: 0, text: &[], rest: version.as_bytes() };
        reader.number();
        reader
    }

    fn take(&mut self, of: impl Fn(&u8) -> bool) {
        let end = self.rest.iter().position(|byte| !of(byte)).unwrap_or(self.rest.len());
        (self.text, self.rest) = self.rest.split_at(end);
    }

    fn number(&mut self) {
        self.take(u8::is_ascii_digit);
        // A number that is too large wraps around, as in apk.
        self.value = self.text.iter().fold(0, |value: u64, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        if self.text.is_empty() {
            self.part = Part::Invalid;
        }
    }

    fn advance(&mut self) {
        let Some(&first) = self.rest.first() else {
            self.part = Part::End;
            return;
        };
        let before = std::mem::replace(&mut self.part, Part::Invalid);
        let after_number = before <= Part::Number;
        match first {
            b'a'..=b'z' if after_number => {
                (self.text, self.rest) = self.rest.split_at(1);
                self.value = u64::from(first);
                self.part = Part::Letter;
            }
            b'.' if after_number => {
                self.rest = &self.rest[1..];
                self.part = Part::Number;
                self.number();
            }
            b'0'..=b'9' if before == Part::Suffix => {
                self.part = Part::SuffixNumber;
                self.number();
            }
            b'_' if before <= Part::SuffixNumber => {
                self.rest = &self.rest[1..];
                self.take(u8::is_ascii_lowercase);
                if let Some(place) = SUFFIXES.iter().position(|suffix| *suffix == self.text) {
                    self.value = place as u64;
                    self.part = Part::Suffix;
                }
            }
            b'~' if before < Part::Hash => {
                self.rest = &self.rest[1..];
                self.take(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                if !self.text.is_empty() {
                    self.part = Part::Hash;
                }
            }
            b'-' if before < Part::Revision && self.rest.starts_with(b"-r") => {
                self.rest = &self.rest[2..];
                self.part = Part::Revision;
                self.number();
            }
            _ => {}
        }
    }

    fn is_before_release(&self) -> bool {
        self.part == Part::Suffix && self.value < RELEASE
    }

    /// Compares two parts of the same kind.
    fn compare(&self, other: &Self) -> Ordering {
        let is_fraction = self.part == Part::Number && (self.text.starts_with(b"0") || other.text.starts_with(b"0"));
        if is_fraction || self.part == Part::Hash { self.text.cmp(other.text) } else { self.value.cmp(&other.value) }
    }
}

fn walk(a: &str, b: &str, fuzzy: bool) -> Ordering {
    let (mut a, mut b) = (Reader::new(a), Reader::new(b));
    while a.part == b.part && a.part < Part::End {
        let order = a.compare(&b);
        if order.is_ne() {
            return order;
        }
        a.advance();
        b.advance();
    }
    if a.part == b.part || (fuzzy && b.part == Part::End) {
        return Ordering::Equal;
    }
    // The longer version is newer, except if a pre-release suffix follows.
    match (a.is_before_release(), b.is_before_release()) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => b.part.cmp(&a.part),
    }
}
