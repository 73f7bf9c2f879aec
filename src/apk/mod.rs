//! Alpine packages: versions, dependencies, indexes, package files, the resolver, the installer and
//! the installed database. All follow apk-tools.
//!
//! In: bytes of repositories, packages and roots. Out: packages of the pool, change sets, entries
//! of the tree. Nothing here downloads files.

pub mod archive;
pub mod checksum;
mod choosing;
pub mod database;
pub mod dependency;
mod ecosystem;
pub mod index;
pub mod install;
pub mod installed;
mod named;
pub mod package;
pub mod promised;
pub mod selection;
pub mod signature;
mod sources;
pub mod universe;
mod verification;
pub mod version;

pub use choosing::ChoosingError;
pub use ecosystem::Apk;
pub use named::NamedFileError;
