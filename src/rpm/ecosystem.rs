//! Implementation of the ecosystem trait for RPM.

use std::io::Read;
use std::path::Path;

use super::architecture;
use super::configuration;
use super::database::DatabaseError;
use super::features;
use super::index::{self, RpmMd};
use super::install::{self, UnpackError, Unpacked};
use super::installed::{self, State};
use super::inventory;
use super::modules;
use super::package::{self, PackageError};
use super::package_files::{self, FileProblem};
use super::promised;
use super::selection::{Selection, Settled};
use super::signature::{Certificate, Keyring, SignatureError};
use super::tag::Tag;
use super::verification;
use super::version::{Evr, RpmVersions};
use crate::cancel::Cancel;
use crate::catalog::{Key, SignaturePolicy};
use crate::digest::Digest;
use crate::ecosystem::{
    self, Ask, ChangedFile, Chooser, ConfigurationError, ConfiguredRepository, Ecosystem, FileOptions, FilePlace, Identity,
    InstallError, InstallOptions, Installed, InstalledError, InventoryError, KeyError, PackageError as EcosystemPackageError,
    Refusal, RootChanges, RootFiles, Variables,
};
use crate::metadata::{IndexError, MetadataFormat, MetadataKind};
use crate::package::{Content, Entry, PackageFacts, Spool};
use crate::pool::{Architectures, Pool, PoolBuilder, Solvable, VersionScheme};
use crate::reporter::Reporter;
use crate::tree::Tree;

/// Error message for commands that would change a root.
const NOT_CHANGED: &str = "roots of RPM packages are not changed yet";

/// The RPM ecosystem: RPM packages and rpm-md repositories.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rpm;

impl Ecosystem for Rpm {
    type Package = Unpacked;
    type Keyring = Keyring;
    type State = State;

    fn metadata(&self) -> &dyn MetadataFormat {
        &RpmMd
    }

    fn version_scheme(&self) -> &dyn VersionScheme {
        &RpmVersions
    }

    fn architectures(&self, arch: &str) -> Architectures {
        architecture::compatible(arch)
    }

    fn identity(&self, solvable: Solvable<'_>) -> Identity {
        identity(solvable)
    }

    fn inventory(&self, root: &dyn RootFiles) -> Result<Option<Vec<PackageFacts>>, InventoryError> {
        match inventory::installed(root) {
            Ok(facts) => Ok(Some(facts)),
            Err(inventory::InventoryError::Database(DatabaseError::Absent(_))) => Ok(None),
            Err(error) => Err(InventoryError::Broken(error.into())),
        }
    }

    fn facts(&self, content: &Content) -> Result<Option<PackageFacts>, InventoryError> {
        match inventory::of_package(content) {
            Ok(facts) => Ok(Some(facts)),
            Err(inventory::InventoryError::Package(error)) => match error {
                PackageError::NotAnRpm { .. } => Ok(None),
                PackageError::Read(error) => Err(InventoryError::Read(error)),
                PackageError::Digest { covered, expected, found } => {
                    Err(InventoryError::Changed { covered: covered.to_string(), expected, found })
                }
                error => Err(InventoryError::Damaged(error.into())),
            },
            Err(error) => Err(InventoryError::Broken(error.into())),
        }
    }

    fn read_installed(&self, place: &Path, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
        installed::read(place, builder)
    }

    fn read_installed_of(&self, root: &dyn RootFiles, place: &str, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
        installed::read_of(root, place, builder)
    }

    fn configures(&self, file_name: &str) -> bool {
        Path::new(file_name).extension().is_some_and(|extension| extension == "repo")
    }

    fn configured(&self, text: &str, variables: &Variables) -> Result<Vec<ConfiguredRepository>, ConfigurationError> {
        configuration::read(text, variables)
    }

    fn complete_variables(&self, variables: &mut Variables) {
        if let (Some(arch), None) = (variables.get("arch").map(str::to_owned), variables.get("basearch")) {
            variables.set("basearch", configuration::base_architecture(&arch));
        }
    }

    fn add_packages(&self, ask: &Ask, builder: &mut PoolBuilder) -> Result<(), Box<dyn Refusal>> {
        package_files::add(ask.specs(), builder).map_err(|error| -> Box<dyn Refusal> { Box::new(error) })
    }

    fn is_file(&self, spec: &str) -> bool {
        package_files::is_file(spec)
    }

    fn add_file(&self, content: &Content, place: FilePlace<'_>, builder: &mut PoolBuilder) -> Result<(), EcosystemPackageError> {
        package_files::add_one(content, place.location, place.repo, builder).map_err(|problem| match problem {
            FileProblem::Read(error) => EcosystemPackageError::Io(error),
            problem => EcosystemPackageError::Unverified(problem.into()),
        })
    }

    fn standing_metadata(&self, ask: &Ask) -> Vec<MetadataKind> {
        if ask.modules.ignore { Vec::new() } else { vec![MetadataKind::Modules] }
    }

    fn keep(&self, state: &State) -> Vec<u8> {
        postcard::to_stdvec(&state.modules).unwrap_or_default()
    }

    fn restore(&self, kept: &[u8], state: &mut State) -> bool {
        postcard::from_bytes(kept).map(|modules| state.modules = modules).is_ok()
    }

    fn further_metadata(&self, ask: &Ask) -> Vec<MetadataKind> {
        let mut kinds = Vec::new();
        // Without specs, later requests may ask for anything.
        let mut specs = ask.specs().peekable();
        if specs.peek().is_none() || specs.any(|spec| spec.starts_with('@')) {
            kinds.push(MetadataKind::Groups);
        }
        kinds
    }

    fn read_further(
        &self,
        kind: MetadataKind,
        repository: &str,
        input: &mut dyn Read,
        state: &mut State,
    ) -> Result<(), IndexError> {
        match kind {
            MetadataKind::Modules => state.modules.read(repository, input),
            MetadataKind::Groups => index::read_groups(input, &mut state.groups),
            _ => Ok(()),
        }
    }

    fn settle(&self, ask: &Ask, arch: &str, pool: &Pool, state: &mut State) -> Result<(), Box<dyn Refusal>> {
        state.architectures = architecture::compatible(arch);
        arch.clone_into(&mut state.arch);
        state.settled = Settled::new(state, &ask.modules, &[], pool).map_err(|error| -> Box<dyn Refusal> { Box::new(error) })?;
        Ok(())
    }

    fn source_name<'p>(&self, package: Solvable<'p>) -> &'p str {
        source_name(package.source())
    }

    fn source_of<'f>(&self, facts: &'f PackageFacts) -> &'f str {
        source_name(facts.source.as_deref().unwrap_or_default())
    }

    // The tag that `%dist` puts into the release consists of letters and a number; the last such
    // word counts.
    fn built_for<'v>(&self, version: &'v str) -> Option<&'v str> {
        let is_tag = |word: &&str| {
            let digits = word.trim_start_matches(|c: char| c.is_ascii_lowercase());
            let letters = word.len() - digits.len();
            (2..=6).contains(&letters) && !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
        };
        version.split(|c: char| !c.is_ascii_alphanumeric()).rfind(is_tag)
    }

    // The tag that module builds put into the release (`%dist`): `.module_el9.2.0+10+abc`, Red
    // Hat's `.module+el8.9.0+123+abc`.
    fn is_modular(&self, version: &str) -> bool {
        version.contains(".module_") || version.contains(".module+")
    }

    fn verify_files(&self, root: &Tree) -> Result<Option<Vec<ChangedFile>>, InventoryError> {
        let packages = self.inventory(root)?;
        packages.map(|packages| verification::verify(&packages, root)).transpose().map_err(InventoryError::Read)
    }

    fn keeps_signatures(&self) -> bool {
        true
    }

    fn key_names(&self, keyring: &Keyring) -> Vec<String> {
        keyring.certificates().iter().flat_map(Certificate::fingerprints).collect()
    }

    fn chooser<'p>(&'p self, pool: &'p Pool, state: &'p State) -> Box<dyn Chooser + 'p> {
        Box::new(Selection::new(pool, state))
    }

    fn file_digest(&self, solvable: Solvable<'_>) -> Option<Digest> {
        let checksum = solvable.checksum()?;
        Digest::new(checksum.kind, checksum.bytes)
    }

    fn keyring(&self, keys: &[Key], policy: &SignaturePolicy) -> Result<Keyring, KeyError> {
        let mut keyring = Keyring::with_policy(*policy);
        for key in keys {
            let added = keyring.add_file(&key.name, &key.data);
            added.map_err(|error| KeyError { name: key.name.clone(), problem: error.to_string() })?;
        }
        Ok(keyring)
    }

    fn unusable_keys<'k>(&self, keyring: &'k Keyring) -> &'k [KeyError] {
        keyring.unusable()
    }

    fn verify_root(
        &self,
        root: &[u8],
        beside: Option<&[u8]>,
        must: bool,
        trust: ecosystem::Trust<'_, Keyring>,
    ) -> Result<(), EcosystemPackageError> {
        let (ecosystem::Trust::Keys(keys) | ecosystem::Trust::Unsigned(keys)) = trust;
        let lenient = !must || matches!(trust, ecosystem::Trust::Unsigned(_));
        let Some(signature) = beside else {
            let unsigned = || EcosystemPackageError::Unsigned(SignatureError::None.into());
            return if lenient { Ok(()) } else { Err(unsigned()) };
        };
        match keys.verify_file(signature, root) {
            Ok(_) => Ok(()),
            Err(SignatureError::UnknownKey { .. } | SignatureError::Distrusted { .. }) if lenient => Ok(()),
            Err(error @ SignatureError::UnknownKey { .. }) => Err(EcosystemPackageError::Untrusted(error.into())),
            Err(error) => Err(EcosystemPackageError::Unverified(error.into())),
        }
    }

    fn open(
        &self,
        content: &Content,
        promised: Option<Solvable<'_>>,
        trust: ecosystem::Trust<'_, Keyring>,
        options: &FileOptions,
        spool: &Spool,
    ) -> Result<Unpacked, EcosystemPackageError> {
        let trust = match trust {
            ecosystem::Trust::Keys(keys) => package::Trust::Keys(keys),
            ecosystem::Trust::Unsigned(keys) => package::Trust::Unsigned(keys),
        };
        let opened = Unpacked::open(content, trust, options, spool).map_err(|error| match error.into_io() {
            Ok(error) => EcosystemPackageError::Io(error),
            Err(error @ UnpackError::Package(PackageError::Unsigned { .. })) => EcosystemPackageError::Unsigned(error.into()),
            Err(error @ UnpackError::Package(PackageError::UnknownKey { .. })) => EcosystemPackageError::Untrusted(error.into()),
            Err(error) => EcosystemPackageError::Unverified(error.into()),
        })?;
        if let Some(promised) = promised {
            let kept = promised::check(opened.package.identity(), opened.package.header(), promised);
            kept.map_err(|broken| EcosystemPackageError::Unverified(broken.into()))?;
        }
        Ok(opened)
    }

    fn admit(&self, package: &Unpacked, unlisted: bool) -> Result<(), EcosystemPackageError> {
        let header = package.package.header();
        features::check(header)
            .map_err(|missing| EcosystemPackageError::NotInstallable { hint: missing.hint(), problem: missing.into() })?;
        // dnf's fail-safe (`_test_fail_safe`): a package whose header names a module must be listed
        // in the module's metadata.
        match header.text(Tag::MODULARITY_LABEL).filter(|label| unlisted && !label.is_empty()) {
            None => Ok(()),
            Some(label) => Err(EcosystemPackageError::NotInstallable {
                problem: modules::Unlisted { label: label.to_owned() }.into(),
                hint: modules::Unlisted::HINT,
            }),
        }
    }

    fn entries(&self, package: &Unpacked) -> Vec<Entry> {
        package.entries()
    }

    fn id(&self, package: &Unpacked) -> String {
        package.id().to_owned()
    }

    fn signer(&self, package: &Unpacked) -> Option<String> {
        package.package.signer().map(|signer| signer.key.clone())
    }

    fn build_time(&self, package: &Unpacked) -> i64 {
        package.build_time()
    }

    fn leaves_roots_alone(&self) -> Option<&'static str> {
        Some(NOT_CHANGED)
    }

    fn change(
        &self,
        _tree: &mut Tree,
        _changes: &RootChanges<'_, Unpacked>,
        _options: &InstallOptions,
        _reporter: &dyn Reporter,
        _cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        Err(InstallError::Unsupported(NOT_CHANGED))
    }

    fn install(
        &self,
        tree: &mut Tree,
        packages: &[Unpacked],
        _world: &[String],
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError> {
        install::install(tree, packages, options, reporter, cancel)
    }
}

/// Returns the identity of a package, with the parts of its version.
pub(super) fn identity(solvable: Solvable<'_>) -> Identity {
    let evr = Evr::parse(solvable.version());
    let (epoch, release) = (evr.epoch_number(), evr.release.unwrap_or_default());
    Identity {
        id: format!("{}-{epoch}:{}-{release}.{}", solvable.name(), evr.version, solvable.arch()),
        epoch: Some(epoch),
        version: evr.version.to_owned(),
        release: Some(release.to_owned()),
    }
}

/// Returns the name in a source package's file name, which rpm-md specifies:
/// `bash-5.1.8-6.el9_1.src.rpm`.
fn source_name(file: &str) -> &str {
    // rpm, and so `createrepo_c`, writes this for no source package.
    if file == "(none)" {
        return "";
    }
    let Some(stem) = file.strip_suffix(".rpm") else { return file };
    // The last two dashes precede version and release, neither of which may contain dashes.
    stem.rsplitn(3, '-').nth(2).unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::source_name;

    #[test]
    fn the_name_of_a_source_package() {
        for (file, name) in [
            ("bash-5.1.8-6.el9_1.src.rpm", "bash"),
            ("openssl-fips-provider-3.0.7-2.el9.src.rpm", "openssl-fips-provider"),
            ("busybox", "busybox"),
            ("a-b-c", "a-b-c"),
            ("odd.rpm", "odd"),
            ("(none)", ""),
            ("", ""),
        ] {
            assert_eq!(source_name(file), name);
        }
    }
}
