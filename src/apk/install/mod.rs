//! The installer: it puts the files, scripts and database records of packages into the tree, in the
//! order and by the rules of apk.
//!
//! In: verified, decompressed packages, and the world that requires them. Out: their files in the
//! tree, the database, and the outcome of each script. [`Installation`] is the part that also
//! changes an existing root.

mod change;
mod owners;
mod place;
mod protect;
mod replaces;
mod scripts;
pub(super) mod skeleton;
mod state;
#[cfg(test)]
mod tests;

pub use change::{Changing, change};
pub use protect::ProtectedPaths;
pub use scripts::Scripts;
pub use state::Installation;

use super::database::{self, Database};
use super::dependency::Constraint;
use super::package::Package;
use crate::cancel::Cancel;
use crate::catalog;
use crate::ecosystem::{InstallError, InstallOptions, Installed, Scriptlets};
use crate::package::Content;
use crate::reporter::{self, Reporter};
use crate::tree::{Metadata, PackageIndex, Tree};

/// A package to install and its pin.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    /// The package.
    pub package: &'a Package,
    /// The tag (without `@`) of the repositories that the package is pinned to.
    pub tag: Option<&'a str>,
}

/// Installs packages, given in the order of the transaction, into a root that has no packages yet.
///
/// `world` becomes the world file. Scripts have no effect unless the options enable them, because
/// Alpine builds its own images with `apk --no-scripts`.
pub fn install(
    tree: &mut Tree,
    packages: &[Selected<'_>],
    world: &[Constraint],
    options: &InstallOptions,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Installed, InstallError> {
    let failed = |error: crate::tree::TreeError| InstallError::Database(error.into());
    if let Some(database) = &options.database {
        skeleton::create(tree, &database.path, database.backend).map_err(failed)?;
    }
    let mut installation = Installation::new(tree, Database::default());
    let mut scripts = Scripts::new(options.scriptlets.unwrap_or(Scriptlets::Off), options.epoch);
    for (index, Selected { package, tag }) in packages.iter().enumerate() {
        if cancel.is_raised() {
            return Err(InstallError::Interrupted);
        }
        let number = PackageIndex(u32::try_from(index).unwrap_or(u32::MAX));
        scripts.before_install(tree, package)?;
        installation.install(tree, package, number, tag.map(str::to_owned))?;
        scripts.after_install(tree, package)?;
        reporter.advance(reporter::Phase::Install, 1, 0);
    }
    installation.settle_directories(tree);
    for Selected { package, .. } in packages {
        scripts.trigger(tree, package, &installation)?;
    }
    if let Some(database) = &options.database {
        write_database(tree, &installation.database(), database)?;
        let arch = format!("{}\n", options.arch.name);
        put(tree, database::ARCH, arch.into_bytes().into(), 0o644)?;
        put(tree, database::WORLD, database::world(world).into(), 0o644)?;
    }
    Ok(scripts.finish())
}

/// Writes the files of the database to the place where the release's apk looks for them.
pub fn write_database(tree: &mut Tree, database: &Database, wanted: &catalog::Database) -> Result<(), InstallError> {
    let files = database.files(wanted.backend).map_err(|error| InstallError::Database(error.into()))?;
    for file in files {
        put(tree, &format!("{}/{}", wanted.path, file.name), file.content, file.mode)?;
    }
    Ok(())
}

/// Writes a file if its content changes. An existing lock file always stays: all waiting processes
/// must lock the same file.
fn put(tree: &mut Tree, path: &str, content: Content, mode: u16) -> Result<(), InstallError> {
    let full = format!("/{path}");
    if let Ok(there) = tree.read(full.as_bytes()) {
        let same =
            there.len() == content.len() && matches!((there.bytes(), content.bytes()), (Ok(there), Ok(new)) if there == new);
        if same || path.ends_with("/lock") {
            return Ok(());
        }
    }
    let written = tree.write(full.as_bytes(), content, mode);
    let id = written.map_err(|error| InstallError::Database(error.into()))?;
    let node = tree.node_mut(id);
    node.metadata = Metadata::root(mode);
    node.package = None;
    Ok(())
}
