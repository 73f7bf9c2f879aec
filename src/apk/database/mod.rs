//! apk's database of installed packages: packages, scripts, triggers, world.
//!
//! In: [`Record`]s of installed packages. Out: the bytes of `installed`, `scripts.tar`, `triggers`
//! and `world`, exactly as apk writes them. The module also parses such bytes into records. Nothing
//! here touches a tree.

mod facts;
mod installed;
mod record;
mod scripts;
#[cfg(test)]
mod tests;
mod triggers;

pub use installed::read as read_installed;
pub use record::{Acl, DirectoryRecord, FileRecord, Record};
pub use scripts::read as read_scripts;

use super::checksum;
use super::dependency::{Constraint, write_world};
pub use crate::catalog::DatabaseBackend as Backend;
use crate::digest::Digest;
use crate::package::Content;

/// Path of the world file within a root.
pub const WORLD: &str = "etc/apk/world";
/// Path of the file with the architecture within a root.
pub const ARCH: &str = "etc/apk/arch";

/// The database of a root.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// The packages in the order in which they were installed.
    pub records: Vec<Record>,
    /// The identities of the packages with triggers, in the order of the file.
    pub triggers: Vec<Digest>,
}

/// A file of the database.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    /// The name within the directory of the database.
    pub name: &'static str,
    /// The permission bits.
    pub mode: u16,
    /// The content.
    pub content: Content,
}

/// An error in a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A line of `installed` or `triggers` is malformed.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The name of the file.
        file: &'static str,
        /// The line number, counted from 1.
        line: usize,
        /// The error.
        problem: String,
    },
    /// `scripts.tar` is damaged.
    #[error("scripts.tar: {0}")]
    Scripts(#[from] std::io::Error),
    /// The requested backend belongs to another package manager.
    #[error("apk keeps no database of the kind {0:?}")]
    Foreign(Backend),
}

impl Database {
    /// Parses the files of a database. Pass an empty slice for a missing file.
    pub fn read(installed: &[u8], scripts: &[u8], triggers: &[u8]) -> Result<Self, DatabaseError> {
        let mut records = installed::read(installed)?;
        scripts::read(scripts, &mut records)?;
        let triggers = triggers::read(triggers, &mut records)?;
        Ok(Self { records, triggers })
    }

    /// Returns the files as the apk version of this backend writes them, including `lock`.
    pub fn files(&self, backend: Backend) -> Result<Vec<DatabaseFile>, DatabaseError> {
        let mut by_name: Vec<&Record> = self.records.iter().collect();
        by_name.sort_by(|a, b| (&a.info.name, &a.info.version).cmp(&(&b.info.name, &b.info.version)));
        let by_age: Vec<&Record> = self.records.iter().collect();
        let of = |digest: &Digest| self.records.iter().find(|record| record.checksum == *digest);
        let with_triggers: Vec<&Record> = self.triggers.iter().filter_map(of).collect();
        let file = |name, content: Vec<u8>| DatabaseFile { name, mode: 0o644, content: content.into() };
        let mut files = match backend {
            Backend::Apk212 => vec![
                file("installed", installed::write(&by_age)),
                file("scripts.tar", scripts::write(&by_age, scripts::Times::Zero, checksum::text)),
                file("triggers", triggers::write(&with_triggers)),
            ],
            Backend::Apk214 => vec![
                file("installed", installed::write(&by_name)),
                file("scripts.tar", scripts::write(&by_age, scripts::Times::Build, checksum::text)),
                file("triggers", triggers::write(&with_triggers)),
            ],
            Backend::Apk3 => vec![
                file("installed", installed::write(&by_name)),
                file("scripts.tar.gz", scripts::gzip(&scripts::write(&by_name, scripts::Times::Build, Digest::hex))?),
                file("triggers", triggers::write(&by_name)),
            ],
            Backend::Sqlite | Backend::Bdb => return Err(DatabaseError::Foreign(backend)),
        };
        files.push(DatabaseFile { name: "lock", mode: 0o600, content: Content::empty() });
        Ok(files)
    }
}

/// Formats the world. apk sorts the world by name before it solves (solver.c) and writes it in that
/// order.
pub fn world(constraints: &[Constraint]) -> Vec<u8> {
    let mut sorted = constraints.to_vec();
    sorted.sort_by_key(|constraint| constraint.name.to_ascii_lowercase());
    if sorted.is_empty() {
        return b"\n".to_vec();
    }
    write_world(&sorted).into_bytes()
}
