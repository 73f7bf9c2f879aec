//! Changes to an existing root: packages are installed, removed and moved to other repositories,
//! and the database is written again.

use super::scripts::Scripts;
use super::{Installation, put, write_database};
use crate::apk::database::{self, Database};
use crate::apk::dependency::Constraint;
use crate::apk::package::Package;
use crate::cancel::Cancel;
use crate::catalog::{self, DatabaseBackend};
use crate::ecosystem::{Action, InstallError, InstallOptions, Installed, Scriptlets};
use crate::package::Content;
use crate::reporter::{self, Reporter};
use crate::tree::{PackageIndex, Tree};

/// The directories that may hold the database. apk 3 uses `/usr/lib` where `/usr` is merged.
const PLACES: [&str; 2] = ["lib/apk/db", "usr/lib/apk/db"];

/// A change of one package.
#[derive(Clone, Debug)]
pub struct Changing<'a> {
    /// The kind of change.
    pub action: Action,
    /// The name of the installed package, if there is one.
    pub old: Option<String>,
    /// The package to install, if there is one.
    pub new: Option<&'a Package>,
    /// The tag of the repositories that the package is pinned to after the change.
    pub tag: Option<String>,
}

/// Changes a root, given in `tree` with its database. The steps are in apk's order (commit.c,
/// `run_commit`).
///
/// `world` becomes the world file. By default native code replaces the scripts that rootstrap
/// recognizes, because apk would run them.
pub fn change(
    tree: &mut Tree,
    changes: &[Changing<'_>],
    world: &[Constraint],
    options: &InstallOptions,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Installed, InstallError> {
    let (database, place) = read(tree, options.database.as_ref())?;
    let mut installation = Installation::new(tree, database);
    let mut scripts = Scripts::new(options.scriptlets.unwrap_or(Scriptlets::Native), options.epoch);
    let mut came: Vec<&str> = Vec::new();
    for (index, changing) in changes.iter().enumerate() {
        if cancel.is_raised() {
            return Err(InstallError::Interrupted);
        }
        let number = PackageIndex(u32::try_from(index).unwrap_or(u32::MAX));
        let tag = changing.tag.clone();
        match (changing.action, changing.new, changing.old.as_deref()) {
            (Action::Repin, _, Some(name)) => installation.repin(name, tag),
            (_, Some(package), None) => {
                scripts.before_install(tree, package)?;
                installation.install(tree, package, number, tag)?;
                scripts.after_install(tree, package)?;
            }
            (_, Some(package), Some(_)) => {
                scripts.before_upgrade(tree, package)?;
                installation.install(tree, package, number, tag)?;
                scripts.after_upgrade(tree, package)?;
            }
            (_, None, Some(name)) => {
                let record = installation.record(name).cloned();
                if let Some(record) = &record {
                    scripts.before_removal(tree, record)?;
                }
                installation.remove(tree, name);
                if let Some(record) = &record {
                    scripts.after_removal(tree, record)?;
                }
            }
            (_, None, None) => {}
        }
        came.extend(changing.new.map(|package| package.info().name.as_str()));
        reporter.advance(reporter::Phase::Install, 1, 0);
    }
    installation.settle_directories(tree);
    scripts.triggers(tree, &installation, |record| came.contains(&record.info.name.as_str()))?;
    write_database(tree, &installation.database(), &place)?;
    put(tree, database::WORLD, database::world(world).into(), 0o644)?;
    Ok(scripts.finish())
}

/// Reads the database of a root, and determines the directory and format that the root's apk uses.
fn read(tree: &Tree, usual: Option<&catalog::Database>) -> Result<(Database, catalog::Database), InstallError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| InstallError::Database(error);
    let of = |place: &str, name: &str| tree.read(format!("/{place}/{name}").as_bytes()).ok();
    let path = PLACES.into_iter().find(|place| of(place, "installed").is_some());
    let path =
        path.ok_or_else(|| failed("the root has none: neither lib/apk/db/installed nor usr/lib/apk/db/installed".into()))?;
    let bytes = |name: &str| -> Result<Vec<u8>, InstallError> {
        of(path, name).map_or(Ok(Vec::new()), |content: &Content| {
            content.bytes().map(std::borrow::Cow::into_owned).map_err(|error| failed(error.into()))
        })
    };
    let compressed = of(path, "scripts.tar.gz").is_some();
    let scripts = bytes(if compressed { "scripts.tar.gz" } else { "scripts.tar" })?;
    let database = Database::read(&bytes("installed")?, &scripts, &bytes("triggers")?).map_err(|error| failed(error.into()))?;
    // The apk in the root reads the database next. If the root has no apk, the apk of the release
    // does.
    let own = database.records.iter().find(|record| record.info.name == "apk-tools").map(|record| record.info.version.as_str());
    let backend = match (own, usual) {
        _ if compressed => DatabaseBackend::Apk3,
        (Some(version), _) => backend_of(version),
        (None, Some(usual)) if usual.backend != DatabaseBackend::Apk3 => usual.backend,
        (None, _) => DatabaseBackend::Apk214,
    };
    Ok((
        database,
        catalog::Database { backend, path: path.to_owned(), dropped_by_distro: false, assumed: catalog::Assumed::default() },
    ))
}

/// Returns the database format of this version of apk.
fn backend_of(version: &str) -> DatabaseBackend {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    match (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) {
        (3.., _) => DatabaseBackend::Apk3,
        (2, 14..) => DatabaseBackend::Apk214,
        _ => DatabaseBackend::Apk212,
    }
}
