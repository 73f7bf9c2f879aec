//! Packages that are made up: what `apk add --virtual NAME` puts its constraints into.

use crate::apk::dependency::{Constraint, ConstraintError};
use crate::apk::index::fields::read_dependency;
use crate::apk::package::PackageInfo;
use crate::digest::{Algorithm, Digest};
use crate::pool::{Checksum, Kind, Op, Package, PoolBuilder, RepoId, SolvableId};

/// Why a package cannot be made up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VirtualPackageError {
    /// Its name and version are not such.
    #[error("'{text}' is no name for a virtual package, which is name[=version]")]
    Name {
        /// What was given.
        text: String,
    },
    /// One of its dependencies is not one; tags have no place there.
    #[error(transparent)]
    Dependency(#[from] ConstraintError),
}

/// A package without files that depends on others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it depends on.
    pub depends: Vec<Constraint>,
}

impl VirtualPackage {
    /// From `name[=version]` and constraints. Without a version it bears `now`, as apk writes it: `20240131.235959`.
    pub fn new(spec: &str, depends: &[&str], now: &str) -> Result<Self, VirtualPackageError> {
        let bad = || VirtualPackageError::Name { text: spec.to_owned() };
        let constraint = Constraint::parse(spec).map_err(|_| bad())?;
        let version = match constraint.op {
            Op::ANY => now.to_owned(),
            Op::EQUAL => constraint.version,
            _ => return Err(bad()),
        };
        if constraint.conflict || constraint.tag.is_some() {
            return Err(bad());
        }
        let mut list: Vec<Constraint> = Vec::new();
        for text in depends {
            let constraint = Constraint::parse(text)?;
            if constraint.tag.is_some() {
                return Err(ConstraintError { text: (*text).to_owned(), what: "a virtual package cannot ask for a tag" }.into());
            }
            match list.iter_mut().find(|known| known.name == constraint.name) {
                Some(known) => *known = constraint,
                None => list.push(constraint),
            }
        }
        Ok(Self { name: constraint.name, version, depends: list })
    }

    /// What the database says of it (`create_virtual_package` of apk's `app_add.c`).
    pub fn info(&self) -> PackageInfo {
        PackageInfo {
            name: self.name.clone(),
            version: self.version.clone(),
            arch: "noarch".to_owned(),
            description: "virtual meta package".to_owned(),
            depends: self.depends.iter().map(ToString::to_string).collect(),
            ..PackageInfo::default()
        }
    }

    /// What of the world it is: `name=version`.
    pub fn constraint(&self) -> Constraint {
        Constraint { op: Op::EQUAL, version: self.version.clone(), ..Constraint::any(&self.name) }
    }

    /// What tells it from others: a SHA-1 digest.
    pub fn identity(&self) -> Digest {
        Digest::of(Algorithm::Sha1, format!("virtual\0{}\0{}", self.name, self.version).as_bytes())
    }

    /// Adds it to the pool that is being built, in a repository of [`super::RepositoryKind::Virtual`].
    pub fn intern(&self, builder: &mut PoolBuilder, repo: RepoId) -> SolvableId {
        for constraint in &self.depends {
            let text = constraint.to_string();
            let (kind, op, name, version) = read_dependency(&text, builder);
            let plain = builder.dependency_of(name, op, version);
            builder.add_dependency(kind, plain);
            let op = if kind == Kind::Conflicts { op | Op::NOT } else { op };
            let ordered = builder.dependency_of(name, op, version);
            builder.add_dependency(Kind::Ordered, ordered);
        }
        let identity = self.identity();
        let package = Package {
            name: builder.intern(&self.name),
            version: builder.intern(&self.version),
            arch: builder.intern("noarch"),
            checksum: Some(Checksum { kind: Algorithm::Sha1, bytes: identity.bytes() }),
            ..Package::default()
        };
        builder.finish_package(repo, package)
    }
}
