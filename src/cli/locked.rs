//! Conversion between the request in a lock file and the options of the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::arguments::{DEFAULT_LOCK, Kind, RequestArguments, choice};
use super::configured::configured;

use super::failure::{Code, Failure};
use super::keys::GivenKey;
use super::lock_place::LockPlace;
use super::packaging::{kind_of, names_a_file, packaging};
use super::request::{Prepared, machine, prepare};
use super::subject::is_lock;
use crate::catalog::Key;
use crate::fetch::Location;
use crate::lock::{Lock, LockError, LockedArchitecture, LockedKey, LockedRequest};
use crate::repo::Repository;

/// A lock file, and the options that are equivalent to its request.
pub(super) struct Locked {
    path: PathBuf,
    place: LockPlace,
    pub lock: Lock,
    /// The options of the command line together with options for the lock's whole request.
    pub arguments: RequestArguments,
    /// Repositories that the user gave: additional locations for those of the lock.
    places: Vec<Repository>,
}

/// Reads a lock file.
pub(super) fn read(path: &Path) -> Result<Lock, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        let failure = Failure::failed(format!("cannot read the lock file {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failure.hint(format!("`{} --distro … --release … --variant …` writes one", lock_command(path)))
            }
            _ => failure,
        }
    })?;
    let lock = Lock::parse(&text).map_err(|error| {
        let failure = Failure::failed(format!("the lock file {} cannot be used", path.display())).detail(error.to_string());
        // The request in the lock cannot be read either, so a bare `rootstrap lock` would fail in
        // the same way.
        let anew = format!("`{}` with all the options of the request", lock_command(path));
        match &error {
            LockError::Version { .. } => failure.hint(format!("the rootstrap that wrote it reads it; or write it anew: {anew}")),
            _ if is_lock(text.as_bytes()) => {
                failure.hint(format!("take it from your version control again, or write it anew: {anew}"))
            }
            _ => failure.hint("--lock takes what `rootstrap lock` wrote"),
        }
    })?;
    if lock.request.distro.is_none() && lock.request.repositories.is_empty() {
        return Err(Failure::failed(format!("the lock file {} cannot be used", path.display()))
            .detail("its request names neither a distribution nor a repository")
            .hint(format!("write it anew: `{}` with all the options of the request", lock_command(path))));
    }
    Ok(lock)
}

/// Returns the command that writes a lock file.
pub(super) fn lock_command(path: &Path) -> String {
    if path == Path::new(DEFAULT_LOCK) { "rootstrap lock".to_owned() } else { format!("rootstrap lock -o {}", path.display()) }
}

/// Converts an error about a lock that contradicts itself or the request to a failure.
pub(super) fn lock_failure(error: &LockError) -> Failure {
    let failure = Failure::from_error(Code::Failed, error);
    match error {
        LockError::NotAsked { .. } => failure.hint(
            "give what it was written with (--repo, --catalog); or lock what its request has now: `rootstrap lock -o FILE`",
        ),
        _ => failure.hint("take the lock file from your version control again, or write it anew: `rootstrap lock -o FILE`"),
    }
}

impl Locked {
    /// Reads a lock file. Fails if other options are given that contradict its request; options
    /// that say where to find the packages are allowed.
    pub(super) fn open(path: &Path, given: &RequestArguments) -> Result<Self, Failure> {
        Self::of(path, read(path)?, given)
    }

    /// Does the same as `open` for a lock that was already read.
    pub(super) fn of(path: &Path, lock: Lock, given: &RequestArguments) -> Result<Self, Failure> {
        let given = &*configured(given)?;
        let place = LockPlace::of(path);
        let asked = &place.read_request(lock.version, &lock.request);
        agree(path, asked, given)?;
        let places = given.repo.iter().map(|text| Repository::parse(text).map_err(|error| Failure::usage(error.to_string())));
        let places = places.collect::<Result<Vec<_>, _>>()?;
        let mut arguments = given.clone();
        arguments.distro.clone_from(&asked.distro);
        arguments.release.clone_from(&asked.release);
        arguments.variant.clone_from(&asked.variant);
        if let Some(kind) = &asked.kind {
            let known = Kind::from_str(kind, true);
            arguments.kind = Some(known.map_err(|_| Failure::failed(format!("{}: there is no type `{kind}`", path.display())))?);
        }
        if arguments.mirror.is_empty() {
            arguments.mirror.clone_from(&asked.mirrors);
        }
        arguments.repo.clone_from(&asked.repositories);
        if arguments.catalog.is_empty() {
            arguments.catalog = asked.catalogs.iter().map(PathBuf::from).collect();
        }
        arguments.with.clone_from(&asked.with);
        arguments.without.clone_from(&asked.without);
        arguments.exclude.clone_from(&asked.exclude);
        let both = |value: Option<bool>| (value == Some(true), value == Some(false));
        (arguments.best, arguments.no_best) = both(asked.best);
        (arguments.weak_deps, arguments.no_weak_deps) = both(asked.weak_deps);
        (arguments.docs, arguments.no_docs) = both(asked.docs);
        (arguments.modules, arguments.no_modules) = both(asked.modules);
        arguments.langs.clone_from(&asked.langs);
        arguments.enable_module.clone_from(&asked.enable_modules);
        arguments.module_platform.clone_from(&asked.module_platform);
        arguments.allow_unsigned |= asked.allow_unsigned;
        arguments.allow_weak_checksums |= asked.allow_weak_checksums;
        if arguments.arch.is_none() {
            let names: Vec<&str> = lock.architectures.iter().map(|architecture| architecture.name.as_str()).collect();
            arguments.arch = match names[..] {
                [one] => Some(one.to_owned()),
                _ if names.contains(&machine().as_str()) => None,
                _ => {
                    return Err(Failure::usage(format!(
                        "{} is for several architectures: say which with --arch",
                        path.display()
                    ))
                    .detail(format!("there are: {}", names.join(", "))));
                }
            };
        }
        Ok(Self { path: path.to_owned(), place, lock, arguments, places })
    }

    /// Adds the keys and locations of the lock to a request that was prepared from the lock's
    /// options.
    pub(super) fn furnish(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        let keys = self.lock.request.key.iter();
        prepared.trust(keys.map(|key| GivenKey {
            repository: key.repository.clone(),
            key: Key { name: key.name.clone(), data: key.data.clone().into() },
        }))?;
        for place in &self.places {
            let known = prepared.request.repositories.iter_mut().find(|repository| repository.name == place.name);
            let Some(known) = known else {
                return Err(Failure::usage(format!("{} asks for no repository {}", self.path.display(), place.name))
                    .hint("with a lock file --repo names another place of one of its repositories"));
            };
            if place.login.is_some() || place.route.is_some() {
                known.login.clone_from(&place.login);
                known.route.clone_from(&place.route);
            }
            if !place.mirrors.lists.is_empty() {
                known.mirrors = place.mirrors.clone();
            }
            let own = std::mem::replace(&mut known.bases, place.bases.clone());
            known.directories.extend(place.bases.iter().filter_map(|base| base.path().map(Path::to_owned)));
            known.spare_bases = own.into_iter().filter(|base| !place.bases.contains(base)).collect();
        }
        Ok(())
    }

    /// Makes the prepared request build from the lock.
    pub(super) fn lend(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        self.furnish(prepared)?;
        let Some(architecture) = self.lock.architecture(&prepared.request.arch) else {
            let names: Vec<&str> = self.lock.architectures.iter().map(|architecture| architecture.name.as_str()).collect();
            return Err(Failure::usage(format!("{} has nothing for {}", self.path.display(), prepared.request.arch))
                .detail(format!("there are: {}", names.join(", ")))
                .hint(format!("`{} --arch {}` locks it too", lock_command(&self.path), prepared.request.arch)));
        };
        self.look_in_the_vault(architecture, prepared);
        if let Some(image) = &architecture.image {
            let differences = image.differences(&prepared.decided());
            if !differences.is_empty() {
                prepared.notes.push(format!(
                    "the catalog has another image for {} than {} in {}: the lock's is made (`{}` takes the catalog's)",
                    prepared.title,
                    self.path.display(),
                    differences.join(", "),
                    lock_command(&self.path)
                ));
            }
            prepared.decide(image);
        }
        let architecture = self.place.read_architecture(self.lock.version, architecture.clone());
        prepared.request.locked = Some(Arc::new(architecture));
        Ok(())
    }

    /// Adds the vault as a location of the packages. A mirror carries only the latest state of a
    /// release; the vault carries each minor release. The package that identifies the release of a
    /// root tells which minor release was locked.
    fn look_in_the_vault(&self, architecture: &LockedArchitecture, prepared: &mut Prepared) {
        let (Some(distro), Some(release), true) =
            (&self.arguments.distro, &self.arguments.release, self.arguments.mirror.is_empty())
        else {
            return;
        };
        let name = format!("{distro}-release");
        let told = architecture.packages.iter().find(|package| package.name == name);
        let minor = told.and_then(|package| package.version.split('-').next());
        let Some(minor) = minor.filter(|minor| minor.strip_prefix(release.as_str()).is_some_and(|rest| rest.starts_with('.')))
        else {
            return;
        };
        let arguments =
            RequestArguments { release: Some(minor.to_owned()), repo: Vec::new(), key: Vec::new(), ..self.arguments.clone() };
        // Without a catalog entry there is no vault to add.
        let Ok(vault) = prepare(&arguments, &[]) else { return };
        for repository in &mut prepared.request.repositories {
            let other = vault.request.repositories.iter().find(|other| other.name == repository.name);
            let bases = other.map(|other| other.bases.as_slice()).unwrap_or_default();
            let is_new = |base: &&Location| !repository.bases.contains(base) && !repository.spare_bases.contains(base);
            let new: Vec<_> = bases.iter().filter(is_new).cloned().collect();
            repository.spare_bases.extend(new);
        }
    }
}

/// Converts the options to the request of a lock file.
pub(super) fn request_of(arguments: &RequestArguments) -> Result<LockedRequest, Failure> {
    let arguments = configured(arguments)?;
    let arguments = &*arguments;
    let key = |text: &String| {
        let GivenKey { repository, key } = GivenKey::read(text)?;
        Ok(LockedKey { repository, name: key.name, data: key.data.to_vec() })
    };
    let kind = arguments.distro.is_none().then(|| kind_of(packaging(arguments)));
    Ok(LockedRequest {
        distro: arguments.distro.clone(),
        release: arguments.release.clone(),
        variant: arguments.variant.clone(),
        kind: kind.and_then(|kind| kind.to_possible_value()).map(|value| value.get_name().to_owned()),
        mirrors: arguments.mirror.iter().map(|mirror| without_password(mirror)).collect(),
        repositories: arguments.repo.iter().map(|repository| without_password(repository)).collect(),
        catalogs: arguments.catalog.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        with: arguments.with.clone(),
        without: arguments.without.clone(),
        exclude: arguments.exclude.clone(),
        best: choice(arguments.best, arguments.no_best),
        weak_deps: choice(arguments.weak_deps, arguments.no_weak_deps),
        docs: choice(arguments.docs, arguments.no_docs),
        langs: arguments.langs.clone(),
        modules: choice(arguments.modules, arguments.no_modules),
        enable_modules: arguments.enable_module.clone(),
        module_platform: arguments.module_platform.clone(),
        allow_unsigned: arguments.allow_unsigned,
        allow_weak_checksums: arguments.allow_weak_checksums,
        key: arguments.key.iter().map(key).collect::<Result<_, Failure>>()?,
    })
}

/// Fails if the user gave an option that differs from the lock's request.
fn agree(path: &Path, locked: &LockedRequest, given: &RequestArguments) -> Result<(), Failure> {
    let text = |text: &Option<String>| text.clone().into_iter().collect::<Vec<_>>();
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).into_iter().collect::<Vec<_>>();
    let absolute = |specs: &[String]| -> Vec<String> {
        let path = |spec: &String| std::path::absolute(spec).map(|path| path.to_string_lossy().into_owned());
        let one = |spec: &String| if names_a_file(spec) { path(spec).unwrap_or_else(|_| spec.clone()) } else { spec.clone() };
        specs.iter().map(one).collect()
    };
    let pairs: [(&str, Vec<String>, Vec<String>); 12] = [
        ("--distro", text(&given.distro), text(&locked.distro)),
        ("--release", text(&given.release), text(&locked.release)),
        ("--variant", text(&given.variant), text(&locked.variant)),
        ("--with", absolute(&given.with), absolute(&locked.with)),
        ("--without", given.without.clone(), locked.without.clone()),
        ("--exclude", given.exclude.clone(), locked.exclude.clone()),
        ("--best", flag(choice(given.best, given.no_best)), flag(locked.best)),
        ("--weak-deps", flag(choice(given.weak_deps, given.no_weak_deps)), flag(locked.weak_deps)),
        ("--docs", flag(choice(given.docs, given.no_docs)), flag(locked.docs)),
        ("--langs", text(&given.langs), text(&locked.langs)),
        ("--modules", flag(choice(given.modules, given.no_modules)), flag(locked.modules)),
        ("--enable-module", given.enable_module.clone(), locked.enable_modules.clone()),
    ];
    for (option, given, locked) in pairs {
        if !given.is_empty() && given != locked {
            let said = |values: &[String]| if values.is_empty() { "nothing".to_owned() } else { values.join(", ") };
            return Err(Failure::usage(format!("{option} is not what {} was written for", path.display()))
                .detail(format!("you say {}, the lock says {}", said(&given), said(&locked)))
                .hint(format!("leave the option out, or lock what you want: `{}` with all options", lock_command(path))));
        }
    }
    Ok(())
}

/// Returns a location, or a repository with its options, without user names and passwords, because
/// many people may read a lock file.
fn without_password(place: &str) -> String {
    let is_secret = |part: &&str| ["username=", "password="].iter().any(|key| part.starts_with(key));
    let parts = place.split(',').filter(|part| !is_secret(part)).map(|part| {
        let Some((scheme, rest)) = part.split_once("://") else { return part.to_owned() };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
        format!("{scheme}://{}", &rest[host..])
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_holds_no_password() {
        assert_eq!(without_password("https://me:secret@host:8080/os?a=b@c"), "https://host:8080/os?a=b@c");
        assert_eq!(without_password("base=https://token@host,priority=1"), "base=https://host,priority=1");
        assert_eq!(without_password("https://host/a@b"), "https://host/a@b");
        assert_eq!(without_password("some/dir@x"), "some/dir@x");
        let all = "a=https://me:x@one/os,base=https://you:y@two/,username=me,password=a%2Cb,proxy=http://p:q@proxy:3128/,cost=7";
        assert_eq!(without_password(all), "a=https://one/os,base=https://two/,proxy=http://proxy:3128/,cost=7");
    }
}
