//! Package files that a request names: `apk add ./hello-2.0-r1.apk`.
//!
//! In: paths. Out: what the files say of themselves, as packages of the pool and as constraints of the world. It is believed only as far as
//! to choose by it: what is chosen is verified as a whole when it is opened.

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

/// A named file is not used.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not used: {problem}")]
pub struct NamedFileError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub problem: Box<dyn std::error::Error + Send + Sync>,
}

impl NamedFileError {
    /// The kind of failure: a file that is no package or that nobody can read, or one that is damaged.
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

/// Whether a spec names a file; apk's own test (`app_add.c`).
pub(super) fn is_file(spec: &str) -> bool {
    Path::new(spec).extension().is_some_and(|extension| extension == "apk")
}

/// The files that a request names.
pub(super) fn of(ask: &Ask) -> impl Iterator<Item = &str> {
    let specs: Vec<&String> = match &ask.operation {
        Operation::Fill(steps) => steps.iter().flat_map(|step| &step.packages).collect(),
        Operation::Change(changing) => changing.specs.iter().collect(),
    };
    specs.into_iter().map(String::as_str).filter(|spec| is_file(spec))
}

/// What the world asks for by a file: the one package with this identity (`apk_dep_from_pkg`).
pub(super) fn constraint(spec: &str) -> Result<Constraint, NamedFileError> {
    let (record, _) = read(spec)?;
    Ok(Constraint { op: CHECKSUM, version: checksum::text(&record.checksum), ..Constraint::any(&record.info.name) })
}

/// Puts a file's package into a repository of the pool that is being built. It lies where the file does.
pub(super) fn add(spec: &str, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), NamedFileError> {
    let (record, path) = read(spec)?;
    let failed = |error: IndexError| NamedFileError { path: path.clone(), problem: error.into() };
    intern(&record, Some(&path.to_string_lossy()), builder, repo).map(drop).map_err(failed)
}

/// Puts what a package file says of itself into a repository of the pool that is being built, as an index would.
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
