//! Installing: the files, scriptlets and triggers of packages, in the order and by the rules of rpm, into the tree.
//!
//! In: packages that were verified and unpacked. Out: their files in the tree, the database, and what became of each scriptlet.

mod merge;
mod scriptlets;
mod selection;
mod unpacked;

use crate::cancel::Cancel;
use crate::catalog;
use crate::ecosystem::{InstallError, InstallOptions, Installed};
use crate::reporter::{self, Reporter};
use crate::rpm::database::{self, FileState, InstalledPackage, transaction_color};
use crate::rpm::scriptlet::Phase;
use crate::tree::{Metadata, Tree};

use merge::Merger;
use scriptlets::Runner;
pub use unpacked::{UnpackError, Unpacked};

/// Installs packages, given in the order of the transaction.
///
/// As rpm does (lib/transaction.c): all `%pretrans` first; then of each package `%pre`, the files, `%post` and the triggers that it sets off;
/// then all `%posttrans` and the triggers on the files of the whole transaction.
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
    // Of 32- and 64-bit files at one path rpm prefers the latter wherever both can run (`%_prefer_color`).
    let preferred = if color == 3 { 2 } else { 0 };
    let mut merger = Merger::new(packages, &states, preferred, tree);
    for index in 0..packages.len() {
        if cancel.is_raised() {
            return Err(InstallError::Interrupted);
        }
        runner.run(tree, index, Phase::Pre)?;
        merger.merge(tree, index, &mut states)?;
        runner.run(tree, index, Phase::Post)?;
        runner.triggers(tree, index, &states)?;
        reporter.advance(reporter::Phase::Install, 1, 0);
    }
    for index in 0..packages.len() {
        runner.run(tree, index, Phase::PostTrans)?;
    }
    runner.transaction_file_triggers(tree, &states)?;
    let installed = runner.finish(tree)?;
    if let Some(wanted) = &options.database {
        write_database(tree, packages, &states, wanted, options)?;
    }
    Ok(installed)
}

/// Puts the database where the release's own rpm looks for it.
fn write_database(
    tree: &mut Tree,
    packages: &[Unpacked],
    states: &[Vec<FileState>],
    wanted: &catalog::Database,
    options: &InstallOptions,
) -> Result<(), InstallError> {
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
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| InstallError::Database(error);
    for file in database::write(wanted.backend, &records, options.arch.byte_order).map_err(|error| failed(error.into()))? {
        let path = format!("/{}/{}", wanted.path, file.name);
        let id = tree.write(path.as_bytes(), file.content, file.mode).map_err(|error| failed(error.into()))?;
        let node = tree.node_mut(id);
        node.metadata = Metadata::root(file.mode);
        // What a package had there (a ghost, an empty file) is the database now, and nobody's content.
        node.digest = None;
    }
    Ok(())
}
