//! Reads the text of a lock file, and reports every error in it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{
    Lock, LockedArchitecture, LockedImage, LockedKey, LockedPackage, LockedReason, LockedRepository, LockedRequest, VERSION,
};
use crate::catalog::{Database, ImageConfig, Langs, Naming, NamingForm, Step, check_path};
use crate::digest::{Algorithm, Digest};
use crate::ecosystem::COMMAND_LINE;
use crate::fetch::{Location, LocationError};

/// The reason why a text is not a valid lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is not TOML, or does not have the format of a lock.
    #[error("it is not a lock file, or damaged: {0}")]
    Form(String),
    /// It has another version of the format.
    #[error("it is of version {found}; this program knows versions 1 to {VERSION}")]
    Version {
        /// The version in the file.
        found: i64,
    },
    /// An entry is duplicated.
    #[error("{what} {name} stands there twice")]
    Twice {
        /// The kind of entry: `the package`.
        what: &'static str,
        /// The name of the entry.
        name: String,
    },
    /// A name is empty or has invalid characters.
    #[error("{what} cannot be called `{}`", .name.escape_debug())]
    Name {
        /// The kind of entry: `a package`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A package belongs to a repository that the lock does not contain.
    #[error("{id} is of the repository {repository}, which the lock does not have")]
    Repository {
        /// The package.
        id: String,
        /// The repository.
        repository: String,
    },
    /// A location is outside the repository.
    #[error("{id}: `{}` is not a place in a repository", .location.escape_debug())]
    Location {
        /// The package.
        id: String,
        /// The location in the lock.
        location: String,
        /// The reason why the location is invalid.
        problem: LocationError,
    },
    /// A package has no strong checksum.
    #[error("{id}: there is no checksum that proves anything")]
    NoChecksum {
        /// The package.
        id: String,
    },
    /// A package is implausibly large.
    #[error("{id}: no package is as large as {size} bytes")]
    Size {
        /// The package.
        id: String,
        /// The size in the lock.
        size: u64,
    },
    /// The order and the packages do not match.
    #[error("the order of {arch} and its packages do not fit: {name} {problem}")]
    Order {
        /// The architecture.
        arch: String,
        /// The name in the order, or the package.
        name: String,
        /// The problem.
        problem: &'static str,
    },
    /// A package's id does not match its name and version.
    #[error("the package {written} is called {found} by its name, version and architecture")]
    Identity {
        /// The id in the lock.
        written: String,
        /// The id for its name, version and architecture.
        found: String,
    },
    /// The configuration of the image is invalid.
    #[error("the image for {arch}: {problem}")]
    Image {
        /// The architecture.
        arch: String,
        /// The problem.
        problem: String,
    },
    /// The lock has a repository that is not in the request.
    #[error("the lock has packages of the repository {repository}, which what it asks for does not have")]
    NotAsked {
        /// The repository.
        repository: String,
    },
}

/// The limit above which a size is invalid, in bytes. Sums of valid sizes cannot overflow.
const LARGEST: u64 = 1 << 40;

/// The format of the whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// The version, which was checked first.
    #[serde(rename = "version")]
    _version: i64,
    request: LockedRequest,
    #[serde(default)]
    architecture: Vec<ArchitectureForm>,
}

/// The fields of a lock file of any version.
#[derive(Deserialize)]
struct VersionForm {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchitectureForm {
    name: String,
    docs: bool,
    langs: Langs,
    #[serde(default)]
    world: Vec<String>,
    #[serde(default)]
    order: Vec<String>,
    image: Option<ImageForm>,
    #[serde(default)]
    repository: Vec<LockedRepository>,
    #[serde(default)]
    package: Vec<PackageForm>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ImageForm {
    cmd: Vec<String>,
    entrypoint: Vec<String>,
    env: Vec<String>,
    stop_signal: Option<String>,
    database: Option<Database>,
    finishing: Vec<Step>,
    labels: BTreeMap<String, String>,
    naming: NamingForm,
}

impl ImageForm {
    /// Reads the image and checks it like a catalog: no step leads out of the root.
    fn read(self) -> Result<LockedImage, String> {
        let Self { cmd, entrypoint, env, stop_signal, database, finishing, labels, naming } = self;
        if let Some(value) = env.iter().find(|value| !value.contains('=')) {
            return Err(format!("`{}` is not NAME=value", value.escape_debug()));
        }
        for (number, step) in finishing.iter().enumerate() {
            step.check().map_err(|problem| format!("finishing step {}: {problem}", number + 1))?;
        }
        if let Some(database) = &database {
            check_path(&database.path).map_err(|problem| problem.to_string())?;
        }
        let config = ImageConfig { cmd, entrypoint, env, stop_signal, labels };
        let naming = Naming::try_from(naming).map_err(|problem| problem.to_string())?;
        Ok(LockedImage { config, naming, finishing, database })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageForm {
    id: String,
    name: String,
    version: String,
    arch: String,
    #[serde(default)]
    source: String,
    repository: String,
    location: String,
    size: u64,
    installed_size: u64,
    checksum: Option<DigestText>,
    index_checksum: Option<DigestText>,
    key: Option<String>,
    reason: LockedReason,
    docs: Option<bool>,
    langs: Option<Langs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyForm {
    repository: Option<String>,
    name: String,
    text: Option<String>,
    base64: Option<String>,
}

impl TryFrom<KeyForm> for LockedKey {
    type Error = &'static str;

    fn try_from(form: KeyForm) -> Result<Self, Self::Error> {
        let data = match (form.text, form.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => STANDARD.decode(text).map_err(|_| "the key's data is not base 64")?,
            _ => return Err("a key has `text` or `base64`"),
        };
        Ok(Self { repository: form.repository, name: form.name, data })
    }
}

/// `sha256:0f…`.
#[derive(Deserialize)]
struct DigestText(#[serde(with = "digest_text")] Digest);

pub(super) mod digest_text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    use super::{Algorithm, Digest};

    pub(in crate::lock) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest = text.split_once(':').and_then(|(name, hex)| Digest::from_hex(Algorithm::from_name(name)?, hex));
        digest.ok_or_else(|| D::Error::custom(format!("`{}` is not a checksum as sha256:…", text.escape_debug())))
    }
}

impl Lock {
    /// Parses the text of a lock file.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let damaged = |error: toml::de::Error| LockError::Form(error.to_string().trim_end().to_owned());
        let VersionForm { version } = toml::from_str(text).map_err(damaged)?;
        let told = version;
        let version = u32::try_from(version).ok().filter(|version| (1..=VERSION).contains(version));
        let Some(version) = version else { return Err(LockError::Version { found: told }) };
        let form: Form = toml::from_str(text).map_err(damaged)?;
        let mut architectures: Vec<LockedArchitecture> =
            form.architecture.into_iter().map(architecture).collect::<Result<_, _>>()?;
        architectures.sort_by(|a, b| a.name.cmp(&b.name));
        once("the architecture", architectures.iter().map(|architecture| architecture.name.as_str()))?;
        Ok(Self { version, request: form.request, architectures })
    }
}

fn architecture(form: ArchitectureForm) -> Result<LockedArchitecture, LockError> {
    named("an architecture", &form.name)?;
    for repository in &form.repository {
        named("a repository", &repository.name)?;
    }
    once("the repository", form.repository.iter().map(|repository| repository.name.as_str()))?;
    let mut packages: Vec<LockedPackage> =
        form.package.into_iter().map(|package| locked_package(package, &form.repository)).collect::<Result<_, _>>()?;
    once("the package", packages.iter().map(|package| package.id.as_str()))?;
    packages.sort_by(|a, b| (&a.name, &a.arch, &a.id).cmp(&(&b.name, &b.arch, &b.id)));
    let image = form.image.map(ImageForm::read).transpose();
    let image = image.map_err(|problem| LockError::Image { arch: form.name.clone(), problem })?;
    let architecture = LockedArchitecture {
        image,
        name: form.name,
        docs: form.docs,
        langs: form.langs,
        world: form.world,
        order: form.order,
        repositories: form.repository,
        packages,
    };
    architecture.ordered()?;
    Ok(architecture)
}

fn locked_package(form: PackageForm, repositories: &[LockedRepository]) -> Result<LockedPackage, LockError> {
    let package = LockedPackage {
        id: form.id,
        name: form.name,
        version: form.version,
        arch: form.arch,
        source: form.source,
        repository: form.repository,
        location: form.location,
        size: form.size,
        installed_size: form.installed_size,
        checksum: form.checksum.map(|DigestText(digest)| digest),
        index_checksum: form.index_checksum.map(|DigestText(digest)| digest),
        key: form.key,
        reason: form.reason,
        docs: form.docs,
        langs: form.langs,
    };
    for text in [&package.id, &package.name, &package.version, &package.arch] {
        named("a package", text)?;
    }
    let id = || package.id.clone();
    if package.repository == COMMAND_LINE {
        // A file that was named itself: wherever that is.
        named("a file", &package.location)?;
    } else if repositories.iter().any(|repository| repository.name == package.repository) {
        check_location(&package.location).map_err(|problem| LockError::Location {
            id: id(),
            location: package.location.clone(),
            problem,
        })?;
    } else {
        return Err(LockError::Repository { id: id(), repository: package.repository.clone() });
    }
    if let Some(size) = [package.size, package.installed_size].into_iter().find(|&size| size > LARGEST) {
        return Err(LockError::Size { id: id(), size });
    }
    // apk's indexes use SHA-1 for the part of a package that contains the digests of the rest.
    let proves = |digest: &Digest| !matches!(digest.algorithm(), Algorithm::Md5 | Algorithm::Sha1);
    if !package.checksum.as_ref().map_or(package.index_checksum.is_some(), proves) {
        return Err(LockError::NoChecksum { id: id() });
    }
    Ok(package)
}

/// Fails unless a location is a path within a repository or a full URL.
fn check_location(location: &str) -> Result<(), LocationError> {
    Location::parse("https://repository.invalid")?.resolve(location).map(drop)
}

fn named(what: &'static str, name: &str) -> Result<(), LockError> {
    let wrong = name.is_empty() || name.len() > 4096 || name.chars().any(char::is_control);
    if wrong { Err(LockError::Name { what, name: name.to_owned() }) } else { Ok(()) }
}

fn once<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), LockError> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(LockError::Twice { what, name: pair[0].to_owned() }),
        None => Ok(()),
    }
}

impl LockedArchitecture {
    /// Returns the installed packages in installation order. Fails unless the order names each of
    /// them exactly once.
    pub fn ordered(&self) -> Result<Vec<&LockedPackage>, LockError> {
        let wrong = |name: &str, problem| LockError::Order { arch: self.name.clone(), name: name.to_owned(), problem };
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, package) in self.packages.iter().enumerate() {
            by_name.entry(&package.name).or_default().push(place);
            if package.id != package.name {
                by_name.entry(&package.id).or_default().push(place);
            }
        }
        let mut seen = vec![false; self.packages.len()];
        let mut ordered = Vec::with_capacity(self.order.len());
        for name in &self.order {
            let place = match by_name.get(name.as_str()).map(Vec::as_slice) {
                Some(&[place]) => place,
                None => return Err(wrong(name, "is not among them")),
                Some(_) => return Err(wrong(name, "is the name of several")),
            };
            if self.packages[place].reason == LockedReason::Files {
                return Err(wrong(name, "is not installed"));
            }
            if std::mem::replace(&mut seen[place], true) {
                return Err(wrong(name, "stands there twice"));
            }
            ordered.push(&self.packages[place]);
        }
        let missing = self.packages.iter().zip(seen).find(|(package, seen)| !seen && package.reason != LockedReason::Files);
        missing.map_or(Ok(ordered), |(package, _)| Err(wrong(&package.id, "has no place in it")))
    }
}

/// Returns the name of a package in the installation order. This is its plain name, which stays the
/// same in a new version, or its id if several packages have that name.
pub fn name_in_order<'p>(package: &'p LockedPackage, all: &[LockedPackage]) -> &'p str {
    let meant = |other: &&LockedPackage| other.name == package.name || other.id == package.name;
    if all.iter().filter(meant).count() > 1 { &package.id } else { &package.name }
}
