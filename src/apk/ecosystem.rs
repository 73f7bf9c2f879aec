//! apk behind the `Ecosystem` trait that the other modules use.

use std::path::Path;

use super::choosing::{Choosing, ChoosingError, VIRTUAL, virtual_package};
use super::database::Record;
use super::dependency::Constraint;
use super::index::{self, ApkIndex, VerifyError};
use super::install::{self, Selected};
use super::installed::Installed as State;
use super::named;
use super::package::{self, Indexed, Package};
use super::promised;
use super::signature::{Keyring, SignatureError};
use super::sources;
use super::verification;
use super::version::ApkVersions;
use crate::cancel::Cancel;
use crate::catalog::{Key, SignaturePolicy};
use crate::digest::Digest;
use crate::ecosystem::{
    Ask, COMMAND_LINE, ChangedFile, Chooser, ConfigurationError, ConfiguredRepository, Ecosystem, FileOptions, FilePlace,
    Identity, InstallError, InstallOptions, Installed, InstalledError, InventoryError, KeyError, PackageError, Reach, Refusal,
    RootChanges, RootFiles, RootSources, Trust, Variables,
};
use crate::metadata::{IndexError, MetadataFormat};
use crate::package::{Content, Entry, PackageFacts, Spool, main_arch};
use crate::pool::{Architectures, Pool, PoolBuilder, Solvable, SolvableId, VersionScheme};
use crate::reporter::Reporter;
use crate::tree::Tree;

/// The name that apk gives to the repository of the installed packages.
const INSTALLED: &str = "installed";

/// Alpine's packages and indexes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apk;

/// An opened package, and the tag of its repository.
#[derive(Clone, Debug)]
pub struct Opened {
    package: Package,
    tag: Option<String>,
}

impl Ecosystem for Apk {
    type Package = Opened;
    type Keyring = Keyring;
    type State = State;

    fn metadata(&self) -> &dyn MetadataFormat {
        &ApkIndex
    }

    fn version_scheme(&self) -> &dyn VersionScheme {
        &ApkVersions
    }

    fn architectures(&self, arch: &str) -> Architectures {
        Architectures::new([arch], Some("noarch"))
    }

    fn identity(&self, solvable: Solvable<'_>) -> Identity {
        Identity {
            id: format!("{}-{}", solvable.name(), solvable.version()),
            epoch: None,
            version: solvable.version().to_owned(),
            release: None,
        }
    }

    fn inventory(&self, root: &dyn RootFiles) -> Result<Option<Vec<PackageFacts>>, InventoryError> {
        let installed = State::database_of(root, Path::new("")).map_err(|error| InventoryError::Broken(error.into()))?;
        Ok(installed.map(|installed| installed.packages.iter().map(Record::facts).collect()))
    }

    fn facts(&self, content: &Content) -> Result<Option<PackageFacts>, InventoryError> {
        package::facts(content)
    }

    fn read_installed(&self, place: &Path, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
        let failed = |problem| InstalledError { place: place.display().to_string(), problem };
        let state = State::open(place).map_err(|error| failed(error.into()))?;
        take(state, builder).map_err(|error| failed(error.into()))
    }

    fn read_installed_of(&self, root: &dyn RootFiles, place: &str, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
        let failed = |problem| InstalledError { place: place.to_owned(), problem };
        let state = State::of(root, Path::new(place)).map_err(|error| failed(error.into()))?;
        take(state, builder).map_err(|error| failed(error.into()))
    }

    fn verify_files(&self, root: &Tree) -> Result<Option<Vec<ChangedFile>>, InventoryError> {
        let installed = State::database_of(root, Path::new("")).map_err(|error| InventoryError::Broken(error.into()))?;
        let packages = installed.map(|installed| installed.packages);
        packages.map(|packages| verification::verify(&packages, root)).transpose().map_err(InventoryError::Read)
    }

    fn requested(&self, state: &State, pool: &Pool) -> Option<Vec<SolvableId>> {
        let is_met = |constraint: &&Constraint| !constraint.conflict;
        let mut ids = Vec::new();
        for constraint in state.world.iter().filter(is_met) {
            let Some(name) = pool.find(&constraint.name) else { continue };
            let installed = |id: &SolvableId| pool.solvable(*id).is_installed();
            // Packages with this name take precedence over packages that provide it.
            let named: Vec<SolvableId> = pool.named(name).iter().copied().filter(installed).collect();
            if named.is_empty() {
                ids.extend(pool.providers(name).map(|(id, _)| id).filter(installed));
            } else {
                ids.extend(named);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    fn sources(&self, root: &Path) -> Result<Option<RootSources>, InventoryError> {
        if !State::is_in(root) {
            return Ok(None);
        }
        sources::read(root).map(Some).map_err(InventoryError::Read)
    }

    fn root_arch(&self, root: &dyn RootFiles) -> Result<Option<String>, InventoryError> {
        let Some(packages) = self.inventory(root)? else { return Ok(None) };
        let told = root.read_text("etc/apk/arch").map_err(InventoryError::Read)?;
        let told = told.trim();
        Ok(if told.is_empty() { main_arch(&packages) } else { Some(told.to_owned()) })
    }

    fn configures(&self, file_name: &str) -> bool {
        file_name == "repositories" || Path::new(file_name).extension().is_some_and(|extension| extension == "list")
    }

    fn configured(&self, text: &str, variables: &Variables) -> Result<Vec<ConfiguredRepository>, ConfigurationError> {
        Ok(sources::configured(text, variables.get("arch")))
    }

    fn add_packages(&self, ask: &Ask, builder: &mut PoolBuilder) -> Result<(), Box<dyn Refusal>> {
        if let Some(made) = virtual_package(ask)? {
            let repo = builder.add_repo(VIRTUAL, 0, None);
            made.intern(builder, repo);
        }
        let mut files = named::of(ask).peekable();
        if files.peek().is_some() {
            let repo = builder.add_repo(COMMAND_LINE, 0, None);
            for spec in files {
                named::add(spec, builder, repo).map_err(|error| -> Box<dyn Refusal> { Box::new(ChoosingError::from(error)) })?;
            }
        }
        Ok(())
    }

    fn is_file(&self, spec: &str) -> bool {
        named::is_file(spec)
    }

    fn add_file(&self, content: &Content, place: FilePlace<'_>, builder: &mut PoolBuilder) -> Result<(), PackageError> {
        named::add_one(content, place, builder).map_err(refused)
    }

    fn heed_reach(&self, reach: Reach, state: &mut State) {
        state.reach = reach;
    }

    fn chooser<'p>(&'p self, pool: &'p Pool, state: &'p State) -> Box<dyn Chooser + 'p> {
        Box::new(Choosing { pool, state })
    }

    /// Builds the keyring. apk has no signature policy: the keys are RSA, and signatures use SHA-1
    /// (`.SIGN.RSA.`) or a stronger digest.
    fn keyring(&self, keys: &[Key], _policy: &SignaturePolicy) -> Result<Keyring, KeyError> {
        let mut keyring = Keyring::new();
        for key in keys {
            let added = keyring.add(&key.name, &key.data);
            added.map_err(|error| KeyError { name: key.name.clone(), problem: error.to_string() })?;
        }
        Ok(keyring)
    }

    fn verify_root(
        &self,
        root: &[u8],
        _beside: Option<&[u8]>,
        _must: bool,
        trust: Trust<'_, Keyring>,
    ) -> Result<(), PackageError> {
        let (Trust::Keys(keys) | Trust::Unsigned(keys)) = trust;
        match (index::verify(root, keys), trust) {
            (Ok(_), _) => Ok(()),
            (Err(VerifyError::Signature(SignatureError::Unsigned | SignatureError::UnknownKey { .. })), Trust::Unsigned(_)) => {
                Ok(())
            }
            (Err(VerifyError::Signature(error)), _) => Err(unsigned(error)),
            (Err(error), _) => Err(PackageError::Unverified(error.into())),
        }
    }

    /// Returns no digest: `C:` covers only the control stream. [`Package::open`] verifies the
    /// package against it.
    fn file_digest(&self, _solvable: Solvable<'_>) -> Option<Digest> {
        None
    }

    fn open(
        &self,
        content: &Content,
        promised: Option<Solvable<'_>>,
        trust: Trust<'_, Keyring>,
        _options: &FileOptions,
        spool: &Spool,
    ) -> Result<Opened, PackageError> {
        let trust = match trust {
            Trust::Keys(keys) => package::Trust::Keys(keys),
            Trust::Unsigned(keys) => package::Trust::Unsigned(keys),
        };
        let indexed = promised.map(indexed).unwrap_or_default();
        let package = Package::open(content, trust, &indexed, spool).map_err(refused)?;
        if let Some(promised) = promised {
            promised::check(package.info(), promised).map_err(|broken| PackageError::Unverified(broken.into()))?;
        }
        let tag = promised.and_then(Solvable::repo_tag).map(str::to_owned);
        Ok(Opened { package, tag })
    }

    fn entries(&self, opened: &Opened) -> Vec<Entry> {
        opened.package.entries()
    }

    fn id(&self, opened: &Opened) -> String {
        opened.package.id()
    }

    fn signer(&self, opened: &Opened) -> Option<String> {
        opened.package.signer().map(str::to_owned)
    }

    fn build_time(&self, opened: &Opened) -> i64 {
        opened.package.build_time()
    }

    fn made_up(&self, ask: &Ask, solvable: Solvable<'_>) -> Option<Opened> {
        let made = virtual_package(ask).ok()??;
        let is_it = solvable.repo_name() == VIRTUAL && solvable.name() == made.name;
        is_it.then(|| Opened { package: Package::made_up(made.info(), made.identity()), tag: None })
    }

    fn lock_files(&self) -> &'static [&'static str] {
        &["lib/apk/db/lock", "usr/lib/apk/db/lock"]
    }

    /// apk's own solver tests (`basic20`, `installif12`) upgrade a database that has no operating
    /// system around it.
    fn upgrades_without_repositories(&self, root: &Path) -> bool {
        !["etc/os-release", "usr/lib/os-release"].iter().any(|name| root.join(name).symlink_metadata().is_ok())
    }

    fn change(
        &self,
        tree: &mut Tree,
        changes: &RootChanges<'_, Opened>,
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        let packages = changes.packages.iter().map(|change| install::Changing {
            action: change.action,
            old: change.old.map(str::to_owned),
            new: change.new.map(|opened| &opened.package),
            tag: change.tag.map(str::to_owned),
        });
        let packages: Vec<_> = packages.collect();
        install::change(tree, &packages, &world(changes.world)?, options, reporter, cancel)
    }

    fn install(
        &self,
        tree: &mut Tree,
        packages: &[Opened],
        world: &[String],
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        let selected: Vec<Selected<'_>> =
            packages.iter().map(|opened| Selected { package: &opened.package, tag: opened.tag.as_deref() }).collect();
        install::install(tree, &selected, &self::world(world)?, options, reporter, cancel)
    }
}

/// Adds the installed packages to a repository of the pool under construction.
fn take(state: State, builder: &mut PoolBuilder) -> Result<State, IndexError> {
    let repo = builder.add_installed_repo(INSTALLED);
    state.intern(builder, repo).map(|()| state)
}

fn world(texts: &[String]) -> Result<Vec<Constraint>, InstallError> {
    let world = texts.iter().map(|text| Constraint::parse(text)).collect::<Result<_, _>>();
    world.map_err(|error| InstallError::Database(error.into()))
}

/// Maps a signature error to the errors that all ecosystems share.
fn unsigned(error: SignatureError) -> PackageError {
    match error {
        SignatureError::Unsigned => PackageError::Unsigned(error.into()),
        SignatureError::UnknownKey { .. } => PackageError::Untrusted(error.into()),
        SignatureError::Bad { .. } => PackageError::Unverified(error.into()),
    }
}

fn refused(error: package::PackageError) -> PackageError {
    match error {
        package::PackageError::Io(error) => PackageError::Io(error),
        package::PackageError::Signature(error) => unsigned(error),
        error => PackageError::Unverified(error.into()),
    }
}

/// Returns what the index asserts about a package and `Package::open` verifies.
fn indexed(promised: Solvable<'_>) -> Indexed {
    let digest = promised.checksum().and_then(|checksum| Digest::new(checksum.kind, checksum.bytes));
    Indexed { checksum: digest, arch: Some(promised.arch().to_owned()) }
}
