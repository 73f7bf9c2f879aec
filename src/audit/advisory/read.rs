//! Reads advisory documents from files, directories and zip archives. The content determines the
//! format of a document, not its name.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use zip::ZipArchive;

use super::osv::Record;
use super::{Advisory, Release, Scope, secdb};
use crate::compression::{Bounded, decompress};
use crate::ecosystem::Ecosystem;
use crate::metadata::IndexError;
use crate::package::PackageFacts;

/// Limits of the decompressed size: 100 times the compressed size, plus 64 MiB. The largest
/// `updateinfo.xml` files have some hundred MB and compress to a tenth.
const RATIO: u64 = 100;
const SMALL: u64 = 64 << 20;
/// Maximum size of a record in an archive, in bytes; no real record is as large.
const RECORD_LIMIT: u64 = 64 << 20;
/// Maximum depth of directories.
const DEEPEST: usize = 16;

/// The reason why documents cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The format is unknown, or the document violates it.
    #[error("{}: {problem}", path.display())]
    Form {
        /// The file; a file in an archive is a path below the archive.
        path: PathBuf,
        /// Description of the error.
        problem: String,
    },
}

/// The documents that were read.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The advisories about the wanted packages.
    pub advisories: Vec<Advisory>,
    /// Number of documents.
    pub count: usize,
    /// The releases that the documents are about, whatever packages they name; `None` stands for a
    /// document that names no release.
    pub scopes: Vec<Option<Scope>>,
    /// The releases that the packages in documents without a release were built for, as far as
    /// their versions state them.
    pub built_for: BTreeSet<String>,
}

impl Documents {
    fn take(&mut self, other: Self) {
        self.advisories.extend(other.advisories);
        self.count += other.count;
        self.built_for.extend(other.built_for);
        for scope in other.scopes {
            self.note(scope);
        }
    }

    /// Records the release of a document.
    fn note(&mut self, scope: Option<Scope>) {
        if !self.scopes.contains(&scope) {
            self.scopes.push(scope);
        }
    }

    /// Reports whether any of the documents may be about packages of a release. Documents about any
    /// release match a set whose release is unknown.
    pub fn is_about<E: Ecosystem>(&self, ecosystem: &E, release: Option<&Release>, packages: &[PackageFacts]) -> bool {
        let own: BTreeSet<String> =
            packages.iter().filter_map(|package| ecosystem.built_for(package.release.as_deref()?).map(str::to_owned)).collect();
        let is_built_so = || own.is_empty() || self.built_for.is_empty() || !own.is_disjoint(&self.built_for);
        self.scopes.iter().any(|scope| match (scope, release) {
            (Some(scope), Some(release)) => scope.is_of(release),
            (Some(_), None) => true,
            (None, _) => is_built_so(),
        })
    }
}

/// Reads a file, or all files below a directory. Drops advisories that are about no `wanted` name.
/// The ecosystem of an `updateinfo.xml` file is not stated in it, so the caller must know it.
pub fn read<E: Ecosystem>(
    ecosystem: &E,
    path: &Path,
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Documents, AdvisoryError> {
    let mut files = Vec::new();
    list(path, 0, &mut files)?;
    let read: Vec<Result<Documents, AdvisoryError>> = files.par_iter().map(|file| of_file(ecosystem, file, wanted)).collect();
    let mut all = Documents::default();
    for documents in read {
        all.take(documents?);
    }
    Ok(all)
}

fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), AdvisoryError> {
    let failed = |error| AdvisoryError::Read { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let names = fs::read_dir(path).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut names: Vec<PathBuf> = names.map_err(failed)?;
    names.sort();
    for name in names.iter().filter(|_| depth < DEEPEST) {
        let is_document = name.file_name().and_then(|name| name.to_str()).is_some_and(is_document);
        if is_document || name.is_dir() {
            list(name, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reports whether a file in a directory is read. Other files may be there too, for example
/// descriptions and signatures.
fn is_document(name: &str) -> bool {
    let bare = [".gz", ".xz", ".zst", ".bz2"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    [".json", ".yaml", ".yml", ".xml", ".zip"].iter().any(|end| bare.ends_with(end)) && !name.starts_with('.')
}

fn of_file<E: Ecosystem>(ecosystem: &E, path: &Path, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Documents, AdvisoryError> {
    let failed = |error| AdvisoryError::Read { path: path.to_owned(), error };
    let bytes = fs::read(path).map_err(failed)?;
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return of_archive(ecosystem, path, &bytes, wanted);
    }
    let mut inflated = Vec::new();
    let most = (bytes.len() as u64).saturating_mul(RATIO).saturating_add(SMALL);
    let read = decompress(bytes.as_slice()).and_then(|(_, reader)| Bounded::new(reader, most).read_to_end(&mut inflated));
    read.map_err(failed)?;
    of_bytes(ecosystem, path, &inflated, wanted)
}

fn of_archive<E: Ecosystem>(
    ecosystem: &E,
    path: &Path,
    bytes: &[u8],
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Documents, AdvisoryError> {
    let broken = |problem: &dyn std::fmt::Display| AdvisoryError::Form { path: path.to_owned(), problem: problem.to_string() };
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let read: Vec<Result<Documents, AdvisoryError>> = (0..archive.len())
        .into_par_iter()
        .map_init(
            || (archive.clone(), Vec::new()),
            |(archive, data), index| {
                let mut member = archive.by_index(index).map_err(|error| broken(&error))?;
                let name = member.name().map_err(|error| broken(&error))?.into_owned();
                if !is_document(name.rsplit('/').next().unwrap_or(&name)) {
                    return Ok(Documents::default());
                }
                data.clear();
                let read = Bounded::new(&mut member, RECORD_LIMIT).read_to_end(data);
                read.map_err(|error| AdvisoryError::Read { path: path.join(&name), error })?;
                of_bytes(ecosystem, &path.join(&name), data, wanted)
            },
        )
        .collect();
    let mut all = Documents::default();
    for documents in read {
        all.take(documents?);
    }
    Ok(all)
}

/// Reads a document of any format; its first bytes determine the format.
fn of_bytes<E: Ecosystem>(
    ecosystem: &E,
    path: &Path,
    bytes: &[u8],
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Documents, AdvisoryError> {
    let broken = |problem: String| AdvisoryError::Form { path: path.to_owned(), problem };
    let text = || std::str::from_utf8(bytes).map_err(|error| broken(error.to_string()));
    let mut found = Documents { count: 1, ..Documents::default() };
    let start = bytes.trim_ascii_start();
    match start.first() {
        Some(b'<') => {
            let (mut read, mut built_for) = (0, BTreeSet::new());
            let result = ecosystem.metadata().read_advisories(&mut &*bytes, &mut |mut update| {
                read += 1;
                let tags = update.packages.iter().filter_map(|package| ecosystem.built_for(&package.version));
                for tag in tags {
                    if !built_for.contains(tag) {
                        built_for.insert(tag.to_owned());
                    }
                }
                update.packages.retain(|package| wanted(&package.name));
                if !update.packages.is_empty() {
                    found.advisories.push(Advisory::of_update(update));
                }
            });
            result.map_err(|error: IndexError| broken(error.to_string()))?;
            found.count = read;
            found.built_for = built_for;
            found.note(None);
        }
        Some(b'{') if is_record(start) => {
            let record: Record = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
            record.scopes().for_each(|scope| found.note(scope));
            found.advisories.extend(record.advisory(wanted));
        }
        Some(b'[') => {
            let records: Vec<Record> = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
            found.count = records.len();
            records.iter().flat_map(Record::scopes).for_each(|scope| found.note(scope));
            found.advisories.extend(records.into_iter().filter_map(|record| record.advisory(wanted)));
        }
        // JSON is YAML.
        Some(_) => {
            let scopes = secdb::read(text()?, wanted, &mut |advisory| found.advisories.push(advisory))
                .map_err(|problem| broken(format!("neither OSV, nor updateinfo, nor Alpine's secdb: {problem}")))?;
            for scope in scopes {
                found.note(scope);
            }
        }
        None => return Err(broken("it is empty".to_owned())),
    }
    Ok(found)
}

/// Reports whether a JSON object is an OSV record: it has an id and no list of packages.
fn is_record(json: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Shape {
        id: Option<serde::de::IgnoredAny>,
        packages: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Shape>(json).is_ok_and(|shape| shape.id.is_some() && shape.packages.is_none())
}
