//! Package files that a request names: `apk add ./hello-2.0-r1.apk`.
//!
//! In: paths. Out: the metadata of the files, as packages of the pool and as constraints of the
//! world. The metadata is only used to resolve; a package is verified as a whole when it is opened.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::checksum;
use super::database::Record;
use super::dependency::{CHECKSUM, Constraint};
use super::installed::intern;
use super::package::{Package, PackageError, PackageInfo};
use crate::digest::Digest;
use crate::ecosystem::{Ask, Cause, FilePlace, Operation};
use crate::metadata::IndexError;
use crate::package::Content;
use crate::pool::{PoolBuilder, RepoId};

/// A package file of a request cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not used: {problem}")]
pub struct NamedFileError {
    /// The path of the file.
    pub path: PathBuf,
    /// The reason.
    pub problem: Box<dyn std::error::Error + Send + Sync>,
}

impl NamedFileError {
    /// Returns the kind of failure: invalid input if the file is not a package or is not readable,
    /// unverified if it is a damaged package.
    pub(super) fn cause(&self) -> Cause {
        let content = File::open(&self.path).and_then(Content::from_file);
        let is_package = content.is_ok_and(|content| !matches!(super::package::facts(&content), Ok(None)));
        match self.problem.downcast_ref::<PackageError>() {
            Some(PackageError::Io(_) | PackageError::NotAPackage { .. }) | None => Cause::Input,
            Some(_) if is_package => Cause::Unverified,
            Some(_) => Cause::Input,
        }
    }
}

/// Reports whether a spec names a file, by the test of apk (`app_add.c`).
pub(super) fn is_file(spec: &str) -> bool {
    Path::new(spec).extension().is_some_and(|extension| extension == "apk")
}

/// Returns the files that a request names.
pub(super) fn of(ask: &Ask) -> impl Iterator<Item = &str> {
    let specs: Vec<&String> = match &ask.operation {
        Operation::Fill(steps) => steps.iter().flat_map(|step| &step.packages).collect(),
        Operation::Change(changing) => changing.specs.iter().collect(),
    };
    specs.into_iter().map(String::as_str).filter(|spec| is_file(spec))
}

/// Returns the world constraint for a package file: exactly the package with this checksum
/// (`apk_dep_from_pkg`).
pub(super) fn constraint(spec: &str) -> Result<Constraint, NamedFileError> {
    let (record, _) = read(spec)?;
    Ok(Constraint { op: CHECKSUM, version: checksum::text(&record.checksum), ..Constraint::any(&record.info.name) })
}

/// Adds the package of a file to a repository of the pool under construction. Its location is the
/// path of the file.
pub(super) fn add(spec: &str, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), NamedFileError> {
    let (record, path) = read(spec)?;
    let failed = |error: IndexError| NamedFileError { path: path.clone(), problem: error.into() };
    intern(&record, Some(&path.to_string_lossy()), builder, repo).map(drop).map_err(failed)
}

/// Adds a package from the metadata in its own file, as an index entry would add it.
pub(super) fn add_one(content: &Content, place: FilePlace<'_>, builder: &mut PoolBuilder) -> Result<(), PackageError> {
    let (mut info, checksum) = Package::read_info(content)?;
    place.arch.clone_into(&mut info.arch);
    let record = record(info, checksum, content.len());
    let interned = intern(&record, Some(place.location), builder, place.repo);
    interned.map(drop).map_err(|_| PackageError::NotAPackage { what: "its .PKGINFO is no package's" })
}

fn record(info: PackageInfo, checksum: Digest, size: u64) -> Record {
    let (directories, scripts) = (Vec::new(), Vec::new());
    Record { info, checksum, size, tag: None, broken: String::new(), directories, scripts }
}

fn read(spec: &str) -> Result<(Record, PathBuf), NamedFileError> {
    let failed = |problem: PackageError| NamedFileError { path: spec.into(), problem: problem.into() };
    let io = |error| failed(PackageError::Io(error));
    let path = std::path::absolute(spec).map_err(io)?;
    let content = File::open(&path).and_then(Content::from_file).map_err(io)?;
    let (info, checksum) = Package::read_info(&content).map_err(failed)?;
    Ok((record(info, checksum, content.len()), path))
}
