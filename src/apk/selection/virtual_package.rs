//! Virtual packages: `apk add --virtual NAME` creates a package that depends on its constraints.

use crate::apk::dependency::{Constraint, ConstraintError};
use crate::apk::index::fields::read_dependency;
use crate::apk::package::PackageInfo;
use crate::digest::{Algorithm, Digest};
use crate::pool::{Checksum, Kind, Op, Package, PoolBuilder, RepoId, SolvableId};

/// An invalid virtual package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VirtualPackageError {
    /// The spec is not a name with an optional version.
    #[error("'{text}' is no name for a virtual package, which is name[=version]")]
    Name {
        /// The text of the spec.
        text: String,
    },
    /// A dependency is malformed, or has a tag.
    #[error(transparent)]
    Dependency(#[from] ConstraintError),
}

/// A package without files that depends on others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualPackage {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The dependencies.
    pub depends: Vec<Constraint>,
}

impl VirtualPackage {
    /// Creates a package from `name[=version]` and constraints. The default version is `now`, in
    /// apk's format: `20240131.235959`.
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

    /// Returns the metadata for the database (`create_virtual_package` in apk's `app_add.c`).
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

    /// Returns the constraint for the world: `name=version`.
    pub fn constraint(&self) -> Constraint {
        Constraint { op: Op::EQUAL, version: self.version.clone(), ..Constraint::any(&self.name) }
    }

    /// Returns the identity of the package: a SHA-1 digest of name and version.
    pub fn identity(&self) -> Digest {
        Digest::of(Algorithm::Sha1, format!("virtual\0{}\0{}", self.name, self.version).as_bytes())
    }

    /// Adds the package to the pool under construction, in a repository of
    /// [`super::RepositoryKind::Virtual`].
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
