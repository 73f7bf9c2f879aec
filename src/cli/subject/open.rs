//! Opens the subject of an audit: any supported place, or the request of the options if no place is
//! named. `audit::Subject` describes how to use the result.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{EXPECTED_ROOT, name, of_package_files, reason};
use crate::audit::{self, Release, Subject, SubjectError, SubjectKind};
use crate::bootstrap::{self, InstalledPackages, Keyrings};
use crate::catalog::{Packaging, Platform};
use crate::cli::arguments::RequestArguments;
use crate::cli::failure::{Code, Failure};
use crate::cli::locked::Locked;
use crate::cli::packaging::{ALL, Job, kind_of, of_plan, run_with};
use crate::cli::progress::count;
use crate::cli::request::{Prepared, base, prepare, prepare_asked};
use crate::cli::resolve::resolve_failure;
use crate::cli::run::Run;
use crate::ecosystem::{Ecosystem, RootDirectory};
use crate::output::oci::{FoundKind, Reference, is_archive, read_found, read_layout};
use crate::output::{OutputError, Ownership, look_at};
use crate::package::Spool;
use crate::pool::{Solvable, SolvableId};
use crate::reporter::Reporter;
use crate::transaction::plan::Plan;
use crate::tree::Tree;

/// Information that a caller needs about a subject besides its packages.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Wanted {
    /// True if the caller needs the files of a root on the disk, not only its database.
    pub tree: bool,
    /// True if the caller needs the requirements and provides of the packages.
    pub dependencies: bool,
}

/// Opens the subject at a place: a root directory, an archive, an image layout (`DIR:TAG`,
/// `FILE:TAG`), an archive of `docker save`, a lock file, or a report or plan in JSON. Without a
/// place, the subject is the request of the options.
pub(in crate::cli) fn open(
    place: Option<&Path>,
    arguments: &RequestArguments,
    run: &Run,
    wanted: Wanted,
) -> Result<Subject, Failure> {
    let opening = Opening { arguments, run, wanted };
    let Some(place) = place else { return opening.request() };
    let reference: Reference = place.to_string_lossy().parse().map_err(Failure::usage)?;
    let file = if place.exists() { place } else { &reference.directory };
    if reference.directory.join("oci-layout").is_file() {
        return opening.image(place, |platform, spool| read_layout(&reference, platform, spool));
    }
    if place.is_dir() {
        return opening.root(place);
    }
    if is_archive(file) {
        let tag = reference.tag.as_deref().filter(|_| file != place);
        return opening.image(place, |platform, spool| read_found(file, tag, platform, spool));
    }
    opening.document(place)
}

struct Opening<'a> {
    arguments: &'a RequestArguments,
    run: &'a Run,
    wanted: Wanted,
}

impl Opening<'_> {
    /// Reports whether repositories are named.
    fn has_repositories(&self) -> bool {
        self.arguments.distro.is_some() || !self.arguments.repo.is_empty()
    }

    fn root(&self, place: &Path) -> Result<Subject, Failure> {
        if self.wanted.tree {
            let tree = look_at(place, Ownership::detect()).map_err(|error| Failure::from_error(Code::Failed, &error))?;
            return self.of_tree(place, &(FoundKind::Archive, Arc::new(tree)), SubjectKind::Root);
        }
        let directory = RootDirectory::open(place)
            .map_err(|error| Failure::failed(format!("cannot read {}: {}", name(place), reason(&error))))?;
        let subject =
            self.first(place, |packaging| run_with(packaging, OfRoot { packaging, place, root: &directory, opening: self }))?;
        self.with_repositories(subject, || InstalledPackages::Root(place.to_owned()))
    }

    fn image(
        &self,
        place: &Path,
        read: impl FnOnce(Option<&Platform>, &Spool) -> Result<crate::output::oci::Found, OutputError>,
    ) -> Result<Subject, Failure> {
        let platform: Option<Platform> = self.arguments.arch.as_deref().and_then(|arch| arch.parse().ok());
        let spool = self.run.spool(&std::env::temp_dir());
        let found = read(platform.as_ref(), &spool).map_err(|error| {
            let code = if matches!(error, OutputError::DamagedBlob { .. }) { Code::Verification } else { Code::Failed };
            Failure::from_error(code, &error)
        })?;
        let kind = match found.kind {
            FoundKind::Archive => SubjectKind::Archive,
            FoundKind::Image => SubjectKind::Image,
            FoundKind::Docker => SubjectKind::Docker,
        };
        self.of_tree(place, &found.into(), kind)
    }

    fn of_tree(&self, place: &Path, found: &(FoundKind, Arc<Tree>), kind: SubjectKind) -> Result<Subject, Failure> {
        let mut subject =
            self.first(place, |packaging| run_with(packaging, OfImage { packaging, place, found, opening: self }))?;
        subject.kind = kind;
        self.with_repositories(subject, || InstalledPackages::Tree(Arc::clone(&found.1)))
    }

    /// Returns the subject of the first ecosystem with a database at this place.
    fn first(&self, place: &Path, read: impl Fn(Packaging) -> Result<Option<Subject>, SubjectError>) -> Result<Subject, Failure> {
        let kinds = ALL.into_iter().filter(|&packaging| self.arguments.kind.is_none_or(|kind| kind_of(packaging) == kind));
        for packaging in kinds {
            let found = read(packaging).map_err(|error| {
                Failure::failed(format!("cannot read the package database of {}", name(place))).detail(error.to_string())
            })?;
            if let Some(subject) = found {
                return Ok(subject);
            }
        }
        Err(Failure::failed(format!("no package database in {}", name(place))).detail(EXPECTED_ROOT))
    }

    /// Adds the content of the repositories to the installed packages, if repositories are named.
    fn with_repositories(&self, mut subject: Subject, installed: impl FnOnce() -> InstalledPackages) -> Result<Subject, Failure> {
        if !self.wanted.dependencies || !self.has_repositories() {
            return Ok(subject);
        }
        let arguments = self.arguments_for(&subject);
        let (mut prepared, _) = base(&arguments, None)?;
        prepared.request.installed = Some(installed());
        run_with(prepared.packaging, Universe { prepared: &prepared, run: self.run, subject: &mut subject })?;
        Ok(subject)
    }

    /// Returns the options, completed with the architecture of the subject.
    fn arguments_for(&self, subject: &Subject) -> RequestArguments {
        let mut arguments = self.arguments.clone();
        if arguments.arch.is_none() {
            arguments.arch.clone_from(&subject.arch);
        }
        arguments
    }

    /// Opens a lock file, or a report or plan in JSON.
    fn document(&self, place: &Path) -> Result<Subject, Failure> {
        let text = fs::read(place)
            .map_err(|error| Failure::failed(format!("cannot read {}: {}", name(place), reason(&error))).detail(EXPECTED))?;
        if is_json(&text) {
            let plan: Plan = serde_json::from_slice(&text).map_err(|error| {
                Failure::failed(format!("cannot read {}: {error}", name(place)))
                    .detail("expected  what --report or `resolve --format json` wrote")
            })?;
            return self.plan(place, &plan);
        }
        if is_lock(&text) {
            return self.lock(place);
        }
        let failure = Failure::failed(format!("{} holds no set of packages", name(place))).detail(EXPECTED);
        Err(of_package_files(failure, place))
    }

    fn plan(&self, place: &Path, plan: &Plan) -> Result<Subject, Failure> {
        let mut subject = audit::of_plan(of_plan(plan), SubjectKind::Report, &place.to_string_lossy(), plan);
        if self.wanted.dependencies && self.has_repositories() {
            let (prepared, _) = base(&self.arguments_for(&subject), None)?;
            run_with(prepared.packaging, Universe { prepared: &prepared, run: self.run, subject: &mut subject })?;
        }
        Ok(subject)
    }

    fn lock(&self, place: &Path) -> Result<Subject, Failure> {
        let locked = Locked::open(place, self.arguments)?;
        let mut prepared = prepare(&locked.arguments, &[])?;
        locked.lend(&mut prepared)?;
        let title = place.to_string_lossy().into_owned();
        let job = OfRequest { prepared: &prepared, run: self.run, kind: SubjectKind::Lock, name: &title, dependencies: false };
        let mut subject = run_with(prepared.packaging, job)?;
        let architecture = locked.lock.architecture(&prepared.request.arch);
        for package in architecture.iter().flat_map(|architecture| &architecture.packages) {
            if let Ok(at) = subject.packages.binary_search_by(|known| known.id.as_str().cmp(&package.id)) {
                subject.packages[at].source = Some(package.source.clone()).filter(|source| !source.is_empty());
            }
        }
        if self.wanted.dependencies {
            prepared.request.locked = None;
            run_with(prepared.packaging, Universe { prepared: &prepared, run: self.run, subject: &mut subject })?;
        }
        Ok(subject)
    }

    fn request(&self) -> Result<Subject, Failure> {
        let prepared = prepare_asked(self.arguments, &[])?;
        let (kind, name) = (SubjectKind::Request, prepared.title.as_str());
        let job = OfRequest { prepared: &prepared, run: self.run, kind, name, dependencies: true };
        run_with(prepared.packaging, job)
    }
}

fn is_json(text: &[u8]) -> bool {
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Reports whether a text is a lock file: it contains the table of the request.
pub(in crate::cli) fn is_lock(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').any(|line| line.trim_ascii() == b"[request]")
}

/// Reports whether a file is a lock, or may be a plan in JSON.
pub(super) fn is_document(path: &Path) -> bool {
    // Limit in bytes; neither kind of file is this large.
    const LARGEST: u64 = 1 << 30;
    let is_small = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() < LARGEST);
    is_small && fs::read(path).is_ok_and(|text| is_json(&text) || is_lock(&text))
}

const EXPECTED: &str = "expected  a root file system, an archive of one, an image layout, an archive of `docker save`, a lock file, or what \
                        --report or `resolve --format json` wrote";

struct OfRoot<'a> {
    packaging: Packaging,
    place: &'a Path,
    root: &'a RootDirectory,
    opening: &'a Opening<'a>,
}

impl Job for OfRoot<'_> {
    type Output = Result<Option<Subject>, SubjectError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let name = self.place.to_string_lossy();
        audit::of_root(ecosystem, self.packaging, &name, self.root, self.opening.wanted.dependencies)
    }
}

struct OfImage<'a> {
    packaging: Packaging,
    place: &'a Path,
    found: &'a (FoundKind, Arc<Tree>),
    opening: &'a Opening<'a>,
}

impl Job for OfImage<'_> {
    type Output = Result<Option<Subject>, SubjectError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        audit::of_image(ecosystem, self.packaging, self.place, self.found, self.opening.wanted.dependencies)
    }
}

/// The operation that resolves a request, or takes the packages of a lock.
struct OfRequest<'a> {
    prepared: &'a Prepared,
    run: &'a Run,
    kind: SubjectKind,
    name: &'a str,
    dependencies: bool,
}

impl Job for OfRequest<'_> {
    type Output = Result<Subject, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, run, kind, name, dependencies } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let resolved = bootstrap::resolve(ecosystem, request, &keyring, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        let mut subject = audit::of_plan(prepared.packaging, kind, name, &resolved.plan);
        let named = prepared.distribution.as_ref();
        subject.release = named.map(|(distro, release)| Release::of_packages(distro, release, &subject.packages));
        if dependencies {
            let chosen: Vec<SolvableId> = resolved.choice.incoming().map(|(id, _)| id).collect();
            subject.set_of(ecosystem, resolved.pool, chosen);
        }
        Ok(subject)
    }
}

/// The operation that gives a subject a pool with all packages of the repositories, and the
/// installed packages if the request includes them.
struct Universe<'a> {
    prepared: &'a Prepared,
    run: &'a Run,
    subject: &'a mut Subject,
}

impl Job for Universe<'_> {
    type Output = Result<(), Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, run, subject } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let loaded = bootstrap::load(ecosystem, request, &keyring, &run.fetcher, &*run.progress);
        let pool = loaded.map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?.pool;
        let is_installed = pool.installed().is_some();
        // If several repositories have equal packages, the first one is used.
        let members: Vec<SolvableId> =
            pool.solvables().rev().filter(|package| !is_installed || package.is_installed()).map(Solvable::id).collect();
        subject.set_of(ecosystem, pool, members);
        let missing = subject.set.iter().flat_map(|set| &set.members).filter(|member| member.is_none()).count();
        if missing > 0 && !is_installed {
            let some = if missing == 1 { "1 package is".to_owned() } else { format!("{} packages are", count(missing as u64)) };
            run.progress.warn(&format!("{some} in no repository any more: what they require and provide is not known"));
        }
        Ok(())
    }
}
