//! Package files that the user requests by path: `./bash-5.1.8-6.el9.x86_64.rpm`.
//!
//! Input: specs that end like file names of packages. Output: their packages in a [`PoolBuilder`],
//! in a repository of their own. The contents of a file are verified only when it is opened for
//! installation.

use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::json;

use super::installed::{self, HeaderProblem};
use super::package::{Package, PackageError};
use crate::digest::{Algorithm, HashingReader};
use crate::ecosystem::{self, Cause, Explanation, Refusal};
use crate::package::Content;
use crate::pool::{self, Checksum, Pool, PoolBuilder, RepoId, SolvableId};

/// Name of the repository of package files, as in dnf.
pub const REPOSITORY: &str = crate::ecosystem::COMMAND_LINE;

/// The default priority of a repository.
const PRIORITY: i32 = 99;

/// An unusable package file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FileError {
    /// The path of the file.
    pub path: String,
    /// The error.
    pub problem: FileProblem,
}

/// The error of a package file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The file is not a package, or is damaged.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The header is not that of a package.
    #[error(transparent)]
    Header(#[from] HeaderProblem),
}

/// Reports whether a spec is a package file.
pub fn is_file(spec: &str) -> bool {
    !spec.starts_with('@') && Path::new(spec).extension().is_some_and(|extension| extension == "rpm")
}

/// Adds the packages of all package files in the specs.
pub fn add<'s>(specs: impl Iterator<Item = &'s str>, builder: &mut PoolBuilder) -> Result<(), FileError> {
    let mut paths: Vec<&str> = specs.filter(|spec| is_file(spec)).collect();
    paths.sort_unstable();
    paths.dedup();
    if paths.is_empty() {
        return Ok(());
    }
    let repo = builder.add_repo(REPOSITORY, PRIORITY, None);
    for path in paths {
        let failed = |problem| FileError { path: path.to_owned(), problem };
        let content = File::open(path).and_then(Content::from_file).map_err(|error| failed(error.into()))?;
        add_one(&content, path, repo, builder).map_err(failed)?;
    }
    Ok(())
}

/// Adds the package of a file, which is at `location` in a repository.
pub fn add_one(content: &Content, location: &str, repo: RepoId, builder: &mut PoolBuilder) -> Result<(), FileProblem> {
    let mut hashing = HashingReader::new(content.reader(), Algorithm::Sha256);
    io::copy(&mut hashing, &mut io::sink())?;
    let (digest, size) = hashing.finish();
    let package = Package::inspect(content)?;
    let checksum = Some(Checksum { kind: digest.algorithm(), bytes: digest.bytes() });
    let file = pool::Package { location: builder.intern(location), checksum, size, ..pool::Package::default() };
    installed::add_file(package.header(), repo, builder, file)?;
    Ok(())
}

/// Returns the package of a file that was added.
pub fn find(pool: &Pool, path: &str) -> Option<SolvableId> {
    let is_it = |package: &pool::Solvable<'_>| package.location() == path && package.repo_name() == REPOSITORY;
    pool.solvables().find(is_it).map(pool::Solvable::id)
}

impl Refusal for FileError {
    fn tell(&self, _pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let text = format!("{}: {}", asked_by(&self.path), self.problem);
        let data = json!({"kind": "package-file", "spec": self.path, "text": self.problem.to_string()});
        let fact = ecosystem::Fact { text, remarks: Vec::new(), data };
        let is_package = |error: &PackageError| !matches!(error, PackageError::NotAnRpm { .. } | PackageError::Read(_));
        let cause = match &self.problem {
            FileProblem::Package(error) if is_package(error) => Cause::Unverified,
            _ => Cause::Input,
        };
        let problems = vec![ecosystem::Problem { facts: vec![fact] }];
        Explanation { headline: self.to_string(), problems, hints: Vec::new(), cause }
    }
}
