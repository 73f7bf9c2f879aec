//! Facts about the installed packages of a root and about package files.
//!
//! In: a root, whose database may be broken or hostile, or a package file. Out: [`PackageFacts`].
//! This module changes nothing. For a package file it verifies only the digests of the header;
//! signatures are reported but not verified.

mod signature;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::database::{self, DatabaseError, FileState};
use super::files::{self, File, FileKind, FilesError, Flags};
use super::header::Header;
use super::package::{Identity, Package, PackageError};
use super::tag::Tag;
use crate::ecosystem::RootFiles;
use crate::package::{Content, Fate, FileAspect, FileFacts, FileFlag, PackageFacts, SignatureFacts};

/// An error while reading facts.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The root's database cannot be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The package file cannot be read.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A header in the root's database is not a package's header.
    #[error("{path}: header {number}: {problem}")]
    Installed {
        /// Path of the database within the root.
        path: String,
        /// The header's number.
        number: u32,
        /// The error in the header.
        problem: PackageError,
    },
    /// The list of files of a package is inconsistent.
    #[error("{package}: {problem}")]
    Files {
        /// The package.
        package: String,
        /// The error in the list.
        problem: FilesError,
    },
}

/// Returns the packages of a root in the order of its database, which is the order of installation.
pub fn installed(root: &dyn RootFiles) -> Result<Vec<PackageFacts>, InventoryError> {
    let database::Installed { path, headers, .. } = database::read_of(root, "the root")?;
    let facts_of = |(number, header): &(u32, Header)| {
        let identity = Identity::of(header);
        let identity = identity.map_err(|problem| InventoryError::Installed { path: path.clone(), number: *number, problem })?;
        let signatures = signature::signatures(header, signature::INSTALLED);
        let mut facts = facts(header, identity, signatures)?;
        facts.install_time = header.u32(Tag::INSTALL_TIME).map(i64::from);
        let states = header.entry(Tag::FILE_STATES).map(|entry| entry.data).unwrap_or_default();
        for (file, &state) in facts.files.iter_mut().zip(states) {
            file.fate = fate(state);
        }
        Ok(facts)
    };
    // Collects all results before reporting the first error, so that the error does not depend on
    // threads.
    let facts: Vec<Result<PackageFacts, InventoryError>> = headers.par_iter().map(facts_of).collect();
    facts.into_iter().collect()
}

/// Returns the facts in a package file. The digests of the header are verified; signatures and
/// payload are not.
pub fn of_package(content: &Content) -> Result<PackageFacts, InventoryError> {
    let package = Package::inspect(content)?;
    let signatures = signature::signatures(package.signature(), signature::IN_PACKAGE);
    facts(package.header(), package.identity().clone(), signatures)
}

fn facts(header: &Header, identity: Identity, signatures: Vec<SignatureFacts>) -> Result<PackageFacts, InventoryError> {
    // Keys imported by rpm are also headers, without an architecture.
    let has_arch = header.has(Tag::ARCH);
    let id = identity.id();
    let id = if has_arch { id } else { id.strip_suffix(&format!(".{}", identity.arch)).unwrap_or(&id).to_owned() };
    // rpm writes `(none)` as the source of such a key.
    let told = |text: &String| !text.is_empty() && text != "(none)";
    let text = |tag| header.string(tag).map(|text| String::from_utf8_lossy(text).into_owned()).filter(told);
    let files = files::files(header).map_err(|problem| InventoryError::Files { package: id.clone(), problem })?;
    Ok(PackageFacts {
        id,
        name: identity.name,
        epoch: Some(identity.epoch.unwrap_or(0)),
        version: identity.version,
        release: Some(identity.release),
        arch: has_arch.then_some(identity.arch),
        summary: text(Tag::SUMMARY),
        description: text(Tag::DESCRIPTION),
        license: text(Tag::LICENSE),
        vendor: text(Tag::VENDOR),
        url: text(Tag::URL),
        source: text(Tag::SOURCE_RPM),
        module: text(Tag::MODULARITY_LABEL).map(|label| label.splitn(3, ':').take(2).collect::<Vec<_>>().join(":")),
        build_time: header.u32(Tag::BUILD_TIME).map(i64::from),
        install_time: None,
        installed_size: header.size(Tag::SIZE, Tag::LONG_SIZE).unwrap_or(0),
        signatures,
        files: files.into_iter().map(file_facts).collect(),
    })
}

fn file_facts(file: File) -> FileFacts {
    FileFacts {
        path: file.path,
        mode: file.mode,
        user: file.user,
        group: file.group,
        mtime: Some(i64::from(file.mtime)),
        size: Some(file.size),
        digest: file.digest,
        link_target: file.link_target,
        capabilities: file.capabilities,
        flags: FLAGS.iter().filter(|(flag, _)| file.flags.contains(*flag)).map(|&(_, flag)| flag).collect(),
        fate: None,
        device: matches!(file.kind, FileKind::CharacterDevice | FileKind::BlockDevice).then_some(u32::from(file.rdev)),
        unverified: UNVERIFIED.iter().filter(|(bit, _)| file.verify & bit == 0).map(|&(_, aspect)| aspect).collect(),
    }
}

/// Attributes that `%verify` selects (rpmvf.h: `RPMVERIFY_*`).
const UNVERIFIED: [(u32, FileAspect); 9] = [
    (1, FileAspect::Content),
    (1 << 1, FileAspect::Size),
    (1 << 2, FileAspect::Target),
    (1 << 3, FileAspect::User),
    (1 << 4, FileAspect::Group),
    (1 << 5, FileAspect::Mtime),
    (1 << 6, FileAspect::Mode),
    (1 << 7, FileAspect::Device),
    (1 << 8, FileAspect::Capabilities),
];

const FLAGS: [(Flags, FileFlag); 9] = [
    (Flags::DOC, FileFlag::Doc),
    (Flags::CONFIG, FileFlag::Config),
    (Flags::SPEC, FileFlag::Spec),
    (Flags::MISSING_OK, FileFlag::MissingOk),
    (Flags::NO_REPLACE, FileFlag::NoReplace),
    (Flags::GHOST, FileFlag::Ghost),
    (Flags::LICENSE, FileFlag::License),
    (Flags::README, FileFlag::Readme),
    (Flags::ARTIFACT, FileFlag::Artifact),
];

/// Converts a file's state to the terms of all ecosystems. `None` for a state that rpm does not
/// know.
fn fate(state: u8) -> Option<Fate> {
    const NORMAL: u8 = FileState::Normal as u8;
    const REPLACED: u8 = FileState::Replaced as u8;
    const NOT_INSTALLED: u8 = FileState::NotInstalled as u8;
    const NET_SHARED: u8 = FileState::NetShared as u8;
    const WRONG_COLOR: u8 = FileState::WrongColor as u8;
    match state {
        NORMAL => Some(Fate::Installed),
        REPLACED => Some(Fate::Replaced),
        NOT_INSTALLED | NET_SHARED | WRONG_COLOR => Some(Fate::LeftOut),
        _ => None,
    }
}
