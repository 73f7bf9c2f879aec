//! Installs packages into the tree: files, scriptlets and triggers, in rpm's order and by rpm's
//! rules.
//!
//! In: verified and unpacked packages. Out: their files in the tree, the database, and the outcome
//! of each scriptlet.

mod disposition;
mod merge;
mod places;
mod scriptlets;
mod selection;
mod unpacked;

use crate::cancel::Cancel;
use crate::catalog::{self, DatabaseBackend};
use crate::ecosystem::{InstallError, InstallOptions, Installed};
use crate::reporter::{self, Reporter};
use crate::rpm::database::{self, DatabaseFile, FileState, InstalledPackage, transaction_color};
use crate::rpm::scriptlet::Phase;
use crate::tree::{Metadata, Tree};

use merge::Merger;
use scriptlets::Runner;
pub use unpacked::{UnpackError, Unpacked};

/// Installs packages, given in the order of the transaction.
///
/// The steps are rpm's (lib/transaction.c):
///
/// 1. Run all `%pretrans`.
/// 2. Decide the disposition of every file.
/// 3. For each package: run `%pre`, place the files, run `%post` and the triggers that it fires.
/// 4. Run all `%posttrans` and the triggers on the files of the whole transaction.
pub fn install(
    tree: &mut Tree,
    packages: &[Unpacked],
    options: &InstallOptions,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Installed, InstallError> {
    let color = transaction_color(&options.arch.name);
    let mut states: Vec<Vec<FileState>> = packages.iter().map(|package| package.states.clone()).collect();
    let mut runner = Runner::new(packages, options);
    for index in 0..packages.len() {
        runner.run(tree, index, Phase::PreTrans)?;
    }
    let dispositions = disposition::decide(tree, packages, &mut states, color)?;
    let mut merger = Merger::new(packages, dispositions);
    for index in 0..packages.len() {
        if cancel.is_raised() {
            return Err(InstallError::Interrupted);
        }
        runner.run(tree, index, Phase::Pre)?;
        merger.merge(tree, index, &states[index])?;
        runner.run(tree, index, Phase::Post)?;
        runner.triggers(tree, index, &states)?;
        reporter.advance(reporter::Phase::Install, 1, 0);
    }
    let wanted = options.database.as_ref().map(|database| configured(tree, database, options)).transpose()?;
    // The database depends only on headers and states, so it is created while the last scriptlets
    // run.
    let (database, installed) = rayon::join(
        || {
            wanted
                .as_ref()
                .map(|wanted| Ok::<_, InstallError>((wanted, database_files(packages, &states, wanted, options)?)))
                .transpose()
        },
        || {
            for index in 0..packages.len() {
                runner.run(tree, index, Phase::PostTrans)?;
            }
            runner.transaction_file_triggers(tree, &states)?;
            runner.finish(tree)
        },
    );
    let mut installed = installed?;
    installed.warnings.extend(merger.into_warnings());
    if let Some((wanted, files)) = database? {
        put_database(tree, wanted, files)?;
    }
    Ok(installed)
}

/// Returns the database with the directory and format that the macros in the tree name, as far as
/// neither the user nor the catalog decides them.
fn configured(tree: &Tree, database: &catalog::Database, options: &InstallOptions) -> Result<catalog::Database, InstallError> {
    let mut database = database.clone();
    if database.assumed.is_nothing() {
        return Ok(database);
    }
    let found = database::configured(tree, Some(&options.arch.name)).map_err(|error| InstallError::Database(error.into()))?;
    if let Some(directory) = found.directory.filter(|_| database.assumed.path) {
        database.path = directory;
    }
    match found.backend.filter(|_| database.assumed.backend) {
        Some(database::Backend::Sqlite) => database.backend = DatabaseBackend::Sqlite,
        Some(database::Backend::Bdb) => database.backend = DatabaseBackend::Bdb,
        // ndb is read only here, and rpm recognizes another backend's files by their names
        // (`dbDetectBackend`).
        Some(database::Backend::Ndb) | None => {}
    }
    Ok(database)
}

/// Returns the files of the database.
fn database_files(
    packages: &[Unpacked],
    states: &[Vec<FileState>],
    wanted: &catalog::Database,
    options: &InstallOptions,
) -> Result<Vec<DatabaseFile>, InstallError> {
    let time = options.epoch as u32;
    let records: Vec<InstalledPackage<'_>> = packages
        .iter()
        .zip(states)
        .map(|(package, states)| InstalledPackage {
            header: package.package.header(),
            signature: package.package.signature(),
            file_states: states,
            install_time: time,
            install_tid: time,
            install_color: transaction_color(&options.arch.name),
        })
        .collect();
    let backend = database::Backend::try_from(wanted.backend);
    backend
        .and_then(|backend| database::write(backend, &records, options.arch.byte_order))
        .map_err(|error| InstallError::Database(error.into()))
}

/// Writes the database to the path that the release's own rpm uses.
fn put_database(tree: &mut Tree, wanted: &catalog::Database, files: Vec<DatabaseFile>) -> Result<(), InstallError> {
    for file in files {
        let path = format!("/{}/{}", wanted.path, file.name);
        let written = tree.write(path.as_bytes(), file.content, file.mode);
        let node = tree.node_mut(written.map_err(|error| InstallError::Database(error.into()))?);
        // If a package owns the path (as a ghost or an empty file), the node is now the database
        // and has no owner.
        node.metadata = Metadata::root(file.mode);
        node.package = None;
    }
    Ok(())
}
