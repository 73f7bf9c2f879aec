//! apk's constraints `[!]name[@tag][op version]`, as in requests, the world file, indexes and the
//! database.
//!
//! In: text. Out: the parts of the constraint, its text, dependencies of the pool.

#[cfg(test)]
mod tests;

use std::fmt;

use super::version;
use crate::pool::{DependencyId, Op, PoolBuilder};

/// A constraint that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a constraint as apk has them, name[@tag][<>~=version]: {what}")]
pub struct ConstraintError {
    /// The text of the constraint.
    pub text: String,
    /// The error.
    pub what: &'static str,
}

/// A constraint: `[!]name[@tag][op version]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// True if the constraint is a conflict, which is satisfied if no chosen package matches it.
    pub conflict: bool,
    /// The name of a package, or a name that packages provide.
    pub name: String,
    /// The tag of the repositories that packages may come from, in addition to untagged
    /// repositories.
    pub tag: Option<String>,
    /// The comparison operator; [`Op::ANY`] without a version. `><` ([`CHECKSUM`]) selects one
    /// package by its checksum.
    pub op: Op,
    /// The version; empty without one.
    pub version: String,
}

/// The operator `><`: the version is the checksum of a package.
pub const CHECKSUM: Op = Op::LESS.or(Op::GREATER);

impl Constraint {
    /// Parses a constraint.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let fail = |what| ConstraintError { text: text.to_owned(), what };
        let parts = Parts::read(text).ok_or_else(|| fail("it has no name, or no operator that there is"))?;
        if text.contains(char::is_whitespace) {
            return Err(fail("there is a blank in it"));
        }
        if !parts.is_valid() {
            return Err(fail("its version is none"));
        }
        let (name, tag) = match parts.name.split_once('@') {
            Some((name, tag)) if !tag.is_empty() => (name, Some(tag.to_owned())),
            Some(_) => return Err(fail("its tag is empty")),
            None => (parts.name, None),
        };
        if name.is_empty() {
            return Err(fail("it has no name"));
        }
        Ok(Self { conflict: parts.conflict, name: name.to_owned(), tag, op: parts.op, version: parts.version.to_owned() })
    }

    /// Creates a constraint that any version of a name satisfies.
    pub fn any(name: &str) -> Self {
        Self { conflict: false, name: name.to_owned(), tag: None, op: Op::ANY, version: String::new() }
    }

    /// Reports whether the constraint selects one package by its checksum.
    pub fn is_checksum(&self) -> bool {
        self.op == CHECKSUM
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conflict, name, tag, op, version } = self;
        write!(f, "{}{name}", if *conflict { "!" } else { "" })?;
        if let Some(tag) = tag {
            write!(f, "@{tag}")?;
        }
        write!(f, "{}{version}", op.text())
    }
}

/// Parses a world file: constraints separated by white space.
pub fn read_world(text: &str) -> Result<Vec<Constraint>, ConstraintError> {
    text.split_ascii_whitespace().map(Constraint::parse).collect()
}

/// Formats a world file.
pub fn write_world(world: &[Constraint]) -> String {
    let mut text = String::new();
    for constraint in world {
        text.push_str(&constraint.to_string());
        text.push('\n');
    }
    text
}

/// The parts of a constraint as they are written. The version is not validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) conflict: bool,
    pub(super) name: &'a str,
    pub(super) op: Op,
    pub(super) version: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (conflict, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let is_operator = |c: char| matches!(c, '<' | '>' | '=' | '~');
        let Some(start) = rest.find(is_operator) else {
            return (!rest.is_empty()).then_some(Self { conflict, name: rest, op: Op::ANY, version: "" });
        };
        let (name, rest) = rest.split_at(start);
        let end = rest.find(|c| !is_operator(c))?;
        let (signs, version) = rest.split_at(end);
        let op = signs.bytes().fold(Op::ANY, |op, sign| match sign {
            b'<' => op | Op::LESS,
            b'>' => op | Op::GREATER,
            b'=' => op | Op::EQUAL,
            _ => op | Op::FUZZY | Op::EQUAL,
        });
        // `<` and `>` together are only valid alone, as the operator for checksums.
        let is_known = !op.contains(CHECKSUM) || op == CHECKSUM;
        (!name.is_empty() && is_known).then_some(Self { conflict, name, op, version })
    }

    /// Reports whether the version is valid, if the operator needs one. `><` takes a checksum
    /// instead of a version.
    pub(super) fn is_valid(&self) -> bool {
        self.op.is_any() || self.op == CHECKSUM || version::is_valid(self.version)
    }

    /// Interns the dependency in the pool. A conflict becomes the dependency that it negates.
    pub(super) fn intern(&self, builder: &mut PoolBuilder) -> DependencyId {
        let name = builder.intern(self.name);
        self.intern_as(builder, name, self.op)
    }

    pub(super) fn intern_as(&self, builder: &mut PoolBuilder, name: crate::pool::StringId, op: Op) -> DependencyId {
        let version = builder.intern(self.version);
        builder.dependency_of(name, op, version)
    }
}
