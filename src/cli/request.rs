//! Conversion of the options to a request for the library: repositories, steps, keys, build
//! options.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::arguments::{RequestArguments, choice};
use super::configured::{configured, variables};
use super::failure::{Alternatives, Code, Failure};
use super::keys::{GivenKey, KeySources};
use super::load_catalog;
use super::packaging::{packaging, root_arch, sources};
use super::run::now;
use crate::bootstrap::{InstalledPackages, Request};
use crate::catalog::{
    Architecture, Assumed, ByteOrder, Catalog, Database, DatabaseBackend, DateFormat, Image, ImageConfig, InstallAction,
    InstallStep, Key, Langs, Multilib, Naming, Options, Packaging, Platform, SignaturePolicy, Step,
};
use crate::ecosystem::{Ask, ChangeFlags, Changing, ModuleOptions, Operation, RepositoryFilter, RootSources, Verb};
use crate::fetch::Location;
use crate::lock::LockedImage;
use crate::repo::Repository;

/// The request of the options, ready for the library.
pub(super) struct Prepared {
    /// The name of the request in messages: `almalinux 9 micro aarch64`.
    pub title: String,
    /// The distribution and its release, if one was named.
    pub distribution: Option<(String, String)>,
    pub packaging: Packaging,
    pub request: Request,
    pub keys: KeySources,
    /// The options for specs of the user, in addition to the variant's list.
    pub options: Options,
    pub arch: Architecture,
    pub finishing: Vec<Step>,
    pub database: Option<Database>,
    /// The directory that the user names for the package database, relative to the root.
    pub dbpath: Option<String>,
    /// Runtime configuration of an image of this request.
    pub config: ImageConfig,
    /// The tags and labels of an image of this request.
    pub naming: Naming,
    /// Packages that the variant itself requests, for messages.
    pub variant_packages: Vec<String>,
    /// Warnings for the user before anything is built.
    pub notes: Vec<String>,
}

impl Prepared {
    /// Returns the settings of the image from the catalog, besides its packages.
    pub(super) fn decided(&self) -> LockedImage {
        LockedImage {
            config: self.config.clone(),
            naming: self.naming.clone(),
            finishing: self.finishing.clone(),
            database: self.database.clone(),
        }
    }

    /// Replaces the settings of the catalog with those of a lock.
    pub(super) fn decide(&mut self, image: &LockedImage) {
        let LockedImage { config, naming, finishing, database } = image.clone();
        (self.config, self.naming, self.finishing, self.database) = (config, naming, finishing, database);
        self.place_database();
    }

    /// Moves the database to the location that the user names, if any.
    fn place_database(&mut self) {
        if let (Some(path), Some(database)) = (&self.dbpath, &mut self.database) {
            database.path.clone_from(path);
            database.assumed.path = false;
        }
    }

    /// Returns a request for a single spec, with the options for specs of the user.
    pub(super) fn ask_for(&self, spec: &str) -> Ask {
        let step = InstallStep {
            action: InstallAction::Install,
            packages: vec![spec.to_owned()],
            options: self.options.clone(),
            repositories: Vec::new(),
        };
        Ask {
            operation: Operation::Fill(vec![step]),
            exclude: self.request.ask.exclude.clone(),
            filters: self.request.ask.filters.clone(),
            pins: BTreeMap::new(),
            modules: self.request.ask.modules.clone(),
        }
    }

    /// Turns the request into a change of the packages in `installed`.
    pub(super) fn change(&mut self, verb: Verb, specs: Vec<String>, flags: ChangeFlags, time: i64, installed: InstalledPackages) {
        let options = self.options.clone();
        self.request.ask.operation = Operation::Change(Changing { verb, specs, options, flags, time });
        self.request.installed = Some(installed);
    }

    /// Returns the options that replace a part of a repository's data.
    pub(super) fn alternatives(&self, repository: &str) -> Alternatives {
        let place = self.request.repositories.iter().position(|known| known.name == repository);
        let is_own = self.distribution.is_some() && place.is_none_or(|place| place < self.keys.own_repositories);
        // For an unknown repository, the name would not help.
        let name = place.map_or("NAME", |_| repository);
        let scoped = is_own && !self.keys.mirrored;
        Alternatives {
            noun: if is_own { "mirror" } else { "place of the repository" },
            place: if is_own { "--mirror".to_owned() } else { format!("--repo {name}=") },
            key: if scoped {
                format!("--key {name}=FILE (a bare --key FILE is for repositories of --repo and other mirrors)")
            } else {
                "--key FILE".to_owned()
            },
        }
    }

    /// Does the same for the repository that a file belongs to.
    pub(super) fn alternatives_at(&self, place: Option<&Location>) -> Alternatives {
        let at = place.map(ToString::to_string).unwrap_or_default();
        let is_below = |base: &&Location| !at.is_empty() && at.starts_with(&base.to_string());
        let has = |repository: &&Repository| repository.bases.iter().chain(&repository.spare_bases).any(|base| is_below(&base));
        let found = self.request.repositories.iter().find(has).or(self.request.repositories.first());
        self.alternatives(found.map_or("", |repository| &repository.name))
    }

    /// Returns a sentence that names the origin of a spec.
    pub(super) fn asked_by(&self, spec: &str) -> String {
        if self.variant_packages.iter().any(|package| package == spec) {
            format!("{} asks for {spec}", self.title)
        } else {
            format!("you ask for {spec}")
        }
    }
}

/// Reads the options of a command that fills an empty root. `specs` are the packages that the
/// command takes in addition to `--with`.
pub(super) fn prepare(arguments: &RequestArguments, specs: &[String]) -> Result<Prepared, Failure> {
    if arguments.distro.is_none() && arguments.repo.is_empty() {
        return Err(Failure::usage("nothing says what to install, and from where").hint(
            "--distro NAME --release RELEASE --variant VARIANT (`rootstrap variants` lists them), or --repo NAME=URL|DIR",
        ));
    }
    let (mut prepared, mut steps) = base(arguments, None)?;
    for step in &mut steps {
        apply(arguments, &mut step.options)?;
        step.packages.retain(|package| !arguments.without.contains(package));
    }
    if let Some(missing) = arguments.without.iter().find(|name| !prepared.variant_packages.contains(name)) {
        return Err(Failure::usage(format!("{} does not ask for `{missing}`, so it cannot be left out", prepared.title))
            .detail(format!("it asks for: {}", prepared.variant_packages.join(", ")))
            .hint(format!("--exclude {missing} keeps a package out that others require")));
    }
    let added: Vec<String> = arguments.with.iter().chain(specs).cloned().collect();
    if !added.is_empty() {
        match steps.iter_mut().rfind(|step| step.action == InstallAction::Install) {
            Some(step) => step.packages.extend(added),
            None => steps.push(InstallStep {
                action: InstallAction::Install,
                packages: added,
                options: prepared.options.clone(),
                repositories: Vec::new(),
            }),
        }
    }
    prepared.request.ask.operation = Operation::Fill(steps);
    Ok(prepared)
}

/// Does the same as `prepare` for a command whose answer is the requested set. Fails if nothing is
/// requested, because an empty set would be no answer.
pub(super) fn prepare_asked(arguments: &RequestArguments, specs: &[String]) -> Result<Prepared, Failure> {
    let prepared = prepare(arguments, specs)?;
    if arguments.variant.is_none() && prepared.request.ask.specs().next().is_none() {
        return Err(Failure::usage("repositories are named, and nothing of them is asked for")
            .hint("name packages with --with SPEC, or a distribution's variant with --variant")
            .hint("`rootstrap list --available` lists what repositories have"));
    }
    Ok(prepared)
}

/// Returns the options, completed with the architecture of the packages installed in `root`.
pub(super) fn in_arch_of<'a>(arguments: &'a RequestArguments, root: Option<&Path>) -> Cow<'a, RequestArguments> {
    let root = root.filter(|_| arguments.arch.is_none());
    match root.and_then(|root| root_arch(root, arguments.kind)) {
        Some(arch) => Cow::Owned(RequestArguments { arch: Some(arch), ..arguments.clone() }),
        None => Cow::Borrowed(arguments),
    }
}

/// Reads the options except the operation, and returns the install steps of the variant with them.
/// Missing options are read from `root`: the architecture; the trusted keys if no distribution is
/// named; and the repositories if no repository is named either.
pub(super) fn base(arguments: &RequestArguments, root: Option<&Path>) -> Result<(Prepared, Vec<InstallStep>), Failure> {
    let arguments = in_arch_of(arguments, root);
    let arguments = configured(&arguments)?;
    let arguments = &*arguments;
    let (mut prepared, steps) = match &arguments.distro {
        Some(distro) => of_distro(arguments, distro)?,
        None => (of_repositories(arguments, root)?, Vec::new()),
    };
    apply(arguments, &mut prepared.options)?;
    if let Some(path) = &arguments.dbpath {
        prepared.dbpath = Some(database_directory(path, prepared.packaging)?);
        prepared.place_database();
    }
    for text in &arguments.repo {
        prepared.request.repositories.push(Repository::parse(text).map_err(|error| Failure::usage(error.to_string()))?);
    }
    let hotfixes = prepared.request.repositories.iter().filter(|repository| repository.module_hotfixes);
    prepared.request.ask.modules.hotfixes = hotfixes.map(|repository| repository.name.clone()).collect();
    prepared.request.ask.filters = prepared.request.repositories.iter().filter_map(filter).collect();
    let values = Arc::new(variables(arguments, prepared.packaging, &prepared.request.arch)?);
    for repository in &mut prepared.request.repositories {
        repository.variables = Arc::clone(&values);
        repository.weak_checksums = arguments.allow_weak_checksums;
        repository.allow_older = arguments.allow_downgrade_metadata;
        repository.max_age = arguments.max_age;
    }
    let given = arguments.key.iter().map(|key| GivenKey::read(key)).collect::<Result<Vec<_>, _>>()?;
    prepared.trust(given)?;
    Ok((prepared, steps))
}

/// Returns the filter of a repository's packages, if it has one.
fn filter(repository: &Repository) -> Option<RepositoryFilter> {
    let Repository { name, exclude, only, .. } = repository;
    let is_any = !exclude.is_empty() || !only.is_empty();
    is_any.then(|| RepositoryFilter { repository: name.clone(), exclude: exclude.clone(), only: only.clone() })
}

/// Returns an empty request within the limits of the options.
fn empty_ask(arguments: &RequestArguments, platform: Option<String>) -> Ask {
    let modules = ModuleOptions {
        ignore: choice(arguments.modules, arguments.no_modules) == Some(false),
        enable: arguments.enable_module.clone(),
        platform: arguments.module_platform.clone().or(platform),
        hotfixes: Vec::new(),
    };
    let exclude = arguments.exclude.clone();
    Ask { operation: Operation::Fill(Vec::new()), exclude, filters: Vec::new(), pins: BTreeMap::new(), modules }
}

/// The options if no distribution defines its own.
const PLAIN: Options =
    Options { weak_deps: true, docs: true, langs: Langs::All, best: false, allow_erasing: false, multilib: Multilib::Best };

fn of_distro(arguments: &RequestArguments, distro: &str) -> Result<(Prepared, Vec<InstallStep>), Failure> {
    let catalog = load_catalog(&arguments.catalog)?;
    let image = find(&catalog, arguments, distro)?;
    let mirrors = arguments.mirror.iter().map(String::as_str);
    // A release gets no updates after its end of life. The dates compare as text.
    let today = DateFormat::try_from("%F".to_owned()).map(|format| format.render(u64::try_from(now()).unwrap_or(0)));
    let end = catalog.distro(distro).and_then(|distro| Ok(distro.release(&image.release)?.end_of_life())).ok().flatten();
    let is_over = end.zip(today.ok()).is_some_and(|(end, today)| end < today.as_str());
    let repositories = image
        .repositories
        .iter()
        .map(|repository| {
            let mut bases: Vec<String> = mirrors.clone().map(|mirror| repository.below(mirror)).collect();
            if bases.is_empty() {
                bases.push(repository.url());
            }
            let bases = bases.iter().map(|base| location(base)).collect::<Result<Vec<_>, _>>()?;
            let directories = mirrors.clone().map(location).collect::<Result<Vec<_>, _>>()?;
            let plain = Repository::new(repository.id.clone(), Location::Path(PathBuf::new()));
            Ok(Repository {
                bases,
                directories: directories.iter().filter_map(|place| place.path().map(Path::to_owned)).collect(),
                optional: repository.optional,
                signed: repository.signed,
                promised_age: repository.fresh_days.filter(|_| !is_over).map(|days| Duration::from_hours(24 * u64::from(days))),
                ..plain
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let variant_packages = image.install.iter().flat_map(|step| step.packages.clone()).collect();
    let prepared = Prepared {
        title: image.to_string(),
        distribution: Some((image.distro, image.release)),
        packaging: image.packaging,
        keys: KeySources {
            own: image.keys,
            own_repositories: repositories.len(),
            mirrored: !arguments.mirror.is_empty(),
            given: Vec::new(),
        },
        request: Request {
            arch: image.arch.name.clone(),
            repositories,
            keys: Vec::new(),
            signatures: image.signatures,
            allow_unsigned: arguments.allow_unsigned,
            accept_repo_keys: arguments.accept_repo_keys,
            notes: arguments.notes.clone(),
            installed: None,
            ask: empty_ask(arguments, image.module_platform),
            paths: Vec::new(),
            texts: false,
            locked: None,
            keep: Vec::new(),
        },
        options: image.options,
        arch: image.arch,
        finishing: image.finishing,
        database: Some(image.database),
        dbpath: None,
        config: image.config,
        naming: image.naming,
        variant_packages,
        notes: Vec::new(),
    };
    Ok((prepared, image.install))
}

/// Returns the image of the catalog. Without `--variant`, it has the repositories and options of
/// the release and no packages.
fn find(catalog: &Catalog, arguments: &RequestArguments, distro: &str) -> Result<Image, Failure> {
    let found = catalog.distro(distro)?;
    let Some(release) = &arguments.release else {
        let known: Vec<String> = found.releases().iter().map(|release| release.name().to_owned()).collect();
        return Err(Failure::usage(format!("{distro} has several releases: say which with --release"))
            .detail(format!("there are: {}", known.join(", "))));
    };
    let arch = arguments.arch.clone().unwrap_or_else(machine);
    if let Some(variant) = &arguments.variant {
        return Ok(catalog.find(distro, release, variant, &arch)?);
    }
    let release = found.release(release)?;
    let Some(first) = release.variants().into_iter().next() else {
        return Err(Failure::usage(format!("{distro} {} has no variants", release.name())));
    };
    let mut image = first.image(&arch)?;
    image.install.clear();
    image.finishing.clear();
    "without a variant".clone_into(&mut image.variant);
    Ok(image)
}

fn of_repositories(arguments: &RequestArguments, root: Option<&Path>) -> Result<Prepared, Failure> {
    if !arguments.mirror.is_empty() {
        return Err(Failure::usage("--mirror stands for a distribution's mirror: it needs --distro; --repo names a repository"));
    }
    let sources = root.map_or(Ok(None), |root| sources(root, arguments.kind));
    let sources = sources.map_err(|error| Failure::from_error(Code::Failed, &error))?;
    let (packaging, sources) = match sources {
        Some((packaging, sources)) => (packaging, sources),
        None => (packaging(arguments), RootSources::default()),
    };
    let name = arguments.arch.clone().or(sources.arch).unwrap_or_else(machine);
    let own = sources.repositories.iter().filter(|_| arguments.repo.is_empty()).map(|own| {
        let plain = Repository::new(own.name.clone(), location(&own.location)?);
        // The root's own package manager would continue without this repository.
        Ok(Repository { tag: own.tag.clone(), optional: true, ..plain })
    });
    let repositories = own.collect::<Result<Vec<_>, Failure>>()?;
    let big = matches!(name.as_str(), "s390" | "s390x" | "ppc" | "ppc64");
    let platform = Platform::from_str(&name).unwrap_or(Platform { architecture: name.clone(), variant: None });
    Ok(Prepared {
        title: "the request".to_owned(),
        distribution: None,
        packaging,
        // A root's own package manager has one keyring for all repositories.
        keys: KeySources { own: sources.keys, own_repositories: usize::MAX, mirrored: true, given: Vec::new() },
        request: Request {
            arch: name.clone(),
            repositories,
            keys: Vec::new(),
            signatures: SignaturePolicy::default(),
            allow_unsigned: arguments.allow_unsigned,
            accept_repo_keys: arguments.accept_repo_keys,
            notes: arguments.notes.clone(),
            installed: None,
            ask: empty_ask(arguments, None),
            paths: Vec::new(),
            texts: false,
            locked: None,
            keep: Vec::new(),
        },
        options: PLAIN,
        arch: Architecture { name, platform, byte_order: if big { ByteOrder::Big } else { ByteOrder::Little } },
        finishing: Vec::new(),
        database: Some(match packaging {
            // The default location of rpm, unless a distribution changes it (`%_dbpath`).
            Packaging::Rpm => {
                Database { assumed: Assumed { path: true, backend: true }, ..database(DatabaseBackend::Sqlite, "var/lib/rpm") }
            }
            Packaging::Apk => database(DatabaseBackend::Apk214, "lib/apk/db"),
        }),
        dbpath: None,
        config: ImageConfig::default(),
        naming: Naming::default(),
        variant_packages: Vec::new(),
        notes: Vec::new(),
    })
}

fn database(backend: DatabaseBackend, path: &str) -> Database {
    Database { backend, path: path.to_owned(), dropped_by_distro: false, assumed: Assumed::default() }
}

/// Returns the directory that `--dbpath` names, relative to the root.
fn database_directory(path: &str, packaging: Packaging) -> Result<String, Failure> {
    if packaging == Packaging::Apk {
        return Err(Failure::usage("--dbpath is for rpm's database: apk's is always in /lib/apk/db"));
    }
    Database::directory_of(path).ok_or_else(|| {
        Failure::usage(format!("--dbpath {path}: expected an absolute path within the root, without `..`"))
            .hint("for example --dbpath /usr/lib/sysimage/rpm")
    })
}

/// Applies the user's options, which take precedence over those of the variant.
fn apply(arguments: &RequestArguments, options: &mut Options) -> Result<(), Failure> {
    if let Some(best) = choice(arguments.best, arguments.no_best) {
        options.best = best;
    }
    if let Some(weak) = choice(arguments.weak_deps, arguments.no_weak_deps) {
        options.weak_deps = weak;
    }
    if let Some(docs) = choice(arguments.docs, arguments.no_docs) {
        options.docs = docs;
    }
    if let Some(langs) = &arguments.langs {
        let list: Vec<String> = langs.split([':', ',']).filter(|lang| !lang.is_empty()).map(str::to_owned).collect();
        if list.is_empty() {
            return Err(Failure::usage("--langs: name languages (`C.utf8:de`), or `all`"));
        }
        options.langs = if list.iter().any(|lang| lang == "all") { Langs::All } else { Langs::Only(list) };
    }
    Ok(())
}

fn location(text: &str) -> Result<Location, Failure> {
    Location::parse(text).map_err(|error| Failure::usage(error.to_string()))
}

pub(super) fn read_key(path: &Path) -> Result<Key, Failure> {
    let data =
        fs::read(path).map_err(|error| Failure::new(Code::Failed, format!("cannot read the key {}: {error}", path.display())))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Key { name, data: data.into() })
}

/// Returns this machine's architecture, as distributions name it.
pub(super) fn machine() -> String {
    match std::env::consts::ARCH {
        "x86" => "i686",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        other => other,
    }
    .to_owned()
}
