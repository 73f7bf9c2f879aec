//! The builder of a pool: interns strings and dependencies, adds packages, and joins repositories
//! that were read separately.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::candidates::{CandidateTable, MOST_MET};
use super::columns::{Checksum, ColumnTable, Columns};
use super::dependency::{Dependencies, DependencyTable};
use super::image::{Image, ImageError, Writer};
use super::provides::ProvideTable;
use super::ranks::{RankTable, arch_ranks};
use super::relations::RelationTable;
use super::strings::{StringTable, Strings};
use super::universe::NONE;
use super::{Architectures, Dependency, DependencyId, Kind, Op, Pool, Repo, RepoId, RichOp, SolvableId, StringId, VersionScheme};

/// Number of dependencies for which memory is prefetched at once.
const AHEAD: usize = 32;

/// Number of packages up to which one thread is faster than several.
const FEW: usize = 1000;

/// An error while building a pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The metadata exceeds the range of 32-bit ids.
    #[error("the metadata is too large: more than 4 GiB of names or four thousand million entries")]
    TooLarge,
    /// The number of pairs of a dependency and a package that meets it exceeds the limit.
    #[error(
        "the packages of the metadata meet each other's dependencies in more than {MOST_MET} ways: no distribution is like that"
    )]
    TooEntangled,
    /// The image that was built cannot be read.
    #[error("the pool that was made of the metadata cannot be read: {0}")]
    Image(#[from] ImageError),
}

/// The data of a package except its dependencies and files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Package<'a> {
    /// The name.
    pub name: StringId,
    /// The full version in the ecosystem's own form: `[epoch:]version-release` for RPM, `1.2.5-r0`
    /// for apk.
    pub version: StringId,
    /// The architecture.
    pub arch: StringId,
    /// Location of the package file, relative to the repository.
    pub location: StringId,
    /// Digest of the package file, if the repository specifies one.
    pub checksum: Option<Checksum<'a>>,
    /// Size of the package file in bytes.
    pub size: u64,
    /// Size of the installed package in bytes.
    pub installed_size: u64,
    /// Build time in seconds since 1970.
    pub build_time: i64,
    /// The vendor.
    pub vendor: StringId,
    /// The source package from which it was built.
    pub source: StringId,
    /// The license.
    pub license: StringId,
    /// Preference among packages that provide the same capability (apk's `provider_priority`).
    pub provider_priority: u32,
}

/// A builder that adds packages and makes a [`Pool`] of them.
///
/// For each package, call [`add_dependency`](Self::add_dependency) and [`add_file`](Self::add_file)
/// in any order, then [`finish_package`](Self::finish_package). [`append`](Self::append) joins
/// parts that several threads built.
#[derive(Clone, Debug, Default)]
pub struct PoolBuilder {
    strings: StringTable,
    dependencies: DependencyTable,
    repos: Vec<Repo>,
    columns: ColumnTable,
    /// Dependencies of the current package.
    pending: Vec<(Kind, DependencyId)>,
    pending_files: Vec<StringId>,
    /// The repository of installed packages, if there is one.
    installed: Option<RepoId>,
    /// Files of finished packages (from filelists).
    pub(super) late_files: Vec<(SolvableId, StringId)>,
    /// The paths whose owners are all known (from filelists).
    settled: SettledPaths,
    annex: Vec<u8>,
}

/// The paths for which no list of files names more owners.
#[derive(Clone, Debug, Default)]
pub(super) struct SettledPaths {
    /// True if all paths are settled.
    all: bool,
    /// The settled paths.
    paths: BTreeSet<String>,
}

impl SettledPaths {
    /// Reports whether a path is settled.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.all || self.paths.contains(path)
    }
}

/// The added data of all packages, from which the rest of the pool is derived.
pub(super) struct Told<'a> {
    pub(super) strings: Strings<'a>,
    pub(super) dependencies: Dependencies<'a>,
    pub(super) columns: Columns<'a>,
    pub(super) installed: Option<RepoId>,
    pub(super) settled: &'a SettledPaths,
}

impl PoolBuilder {
    /// Creates an empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a repository. If two contain the same package, the one with the lower `priority` is
    /// preferred (as in dnf, whose default is 99). Only apk uses `tag`.
    pub fn add_repo(&mut self, name: &str, priority: i32, tag: Option<&str>) -> RepoId {
        let (name, tag) = (self.intern(name), tag.map(|tag| self.intern(tag)));
        self.repos.push(Repo { name, priority, tag });
        RepoId::from_index(self.repos.len() - 1)
    }

    /// Adds the repository of installed packages; a pool has at most one. Its packages need not fit
    /// the machine. They should be added first: among otherwise equal candidates, the solver tries
    /// lower ids first.
    pub fn add_installed_repo(&mut self, name: &str) -> RepoId {
        let repo = self.add_repo(name, 0, None);
        self.set_installed(repo);
        repo
    }

    /// Returns the repository with this name.
    pub fn find_repo(&self, name: &str) -> Option<RepoId> {
        self.repos.iter().position(|repo| self.text(repo.name) == name).map(RepoId::from_index)
    }

    /// Marks the packages of a repository as installed.
    pub fn set_installed(&mut self, repo: RepoId) {
        self.installed = Some(repo);
    }

    /// Returns the repository of installed packages, if there is one.
    pub fn installed(&self) -> Option<RepoId> {
        self.installed
    }

    /// Returns the id of a string.
    pub fn intern(&mut self, text: &str) -> StringId {
        self.strings.intern(text)
    }

    /// Interns many strings at once, and appends their ids to `ids`.
    pub(super) fn intern_all<'t>(&mut self, texts: impl Iterator<Item = &'t str>, ids: &mut Vec<StringId>) {
        self.strings.intern_all(texts, ids);
    }

    /// Interns many dependencies at once, and appends their ids to `ids`.
    pub(super) fn intern_dependencies(&mut self, all: &[Dependency], ids: &mut Vec<DependencyId>) {
        for group in all.chunks(AHEAD) {
            self.dependencies.look_ahead(group.iter().copied());
            ids.extend(group.iter().map(|&dependency| self.dependencies.intern(dependency)));
        }
    }

    /// Returns the string of an id.
    pub fn text(&self, id: StringId) -> &str {
        self.strings.view().get(id)
    }

    /// Returns the id of the dependency `name op version`; with [`Op::ANY`], ignores the version.
    pub fn dependency(&mut self, name: &str, op: Op, version: &str) -> DependencyId {
        let (name, version) = (self.intern(name), if op.is_any() { StringId::EMPTY } else { self.intern(version) });
        self.dependency_of(name, op, version)
    }

    /// Returns the id of a dependency whose strings are interned already.
    pub fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId {
        self.dependencies.intern(Dependency::Plain { name, op, version })
    }

    /// Returns the id of the rich dependency `(left op right)`.
    pub fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId {
        self.dependencies.intern(Dependency::Rich { op, left, right })
    }

    /// Adds a dependency to the current package.
    pub fn add_dependency(&mut self, kind: Kind, dependency: DependencyId) {
        self.pending.push((kind, dependency));
    }

    /// Adds a file, as an absolute path, to the current package.
    pub fn add_file(&mut self, path: StringId) {
        self.pending_files.push(path);
    }

    /// Finishes the current package with the dependencies and files added so far. It provides its
    /// own name and version.
    pub fn finish_package(&mut self, repo: RepoId, package: Package<'_>) -> SolvableId {
        let own = self.dependency_of(package.name, Op::EQUAL, package.version);
        if !self.pending.contains(&(Kind::Provides, own)) {
            self.pending.push((Kind::Provides, own));
        }
        self.pending.sort_by_key(|&(kind, _)| kind);
        let id = self.columns.push(repo, &package, &self.pending, &self.pending_files);
        self.discard_package();
        id
    }

    /// Discards the dependencies and files of the current package.
    pub fn discard_package(&mut self) {
        self.pending.clear();
        self.pending_files.clear();
    }

    /// Returns the number of packages.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Reports whether there are no packages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the digest of a package. Filelists identify packages by it.
    pub fn checksum(&self, solvable: SolvableId) -> Option<Checksum<'_>> {
        self.columns.view().checksum(solvable)
    }

    /// Adds a file to a finished package (from filelists).
    pub fn attach_file(&mut self, solvable: SolvableId, path: StringId) {
        self.late_files.push((solvable, path));
    }

    /// Records that the lists of all files were read for a path: the pool then knows every package
    /// that owns it.
    pub fn settle_path(&mut self, path: &str) {
        self.settled.paths.insert(path.to_owned());
    }

    /// Records that no repository has a list of all files: the pool then knows all that is known
    /// about paths.
    pub fn settle_all_paths(&mut self) {
        self.settled.all = true;
    }

    /// Returns the packages of a repository.
    pub fn packages_of(&self, repo: RepoId) -> impl Iterator<Item = SolvableId> {
        let columns = self.columns.view();
        let ids = columns.ids();
        ids.filter(move |&id| columns.repo(id) == repo)
    }

    pub(super) fn told(&self) -> Told<'_> {
        Told {
            strings: self.strings.view(),
            dependencies: self.dependencies.view(),
            columns: self.columns.view(),
            installed: self.installed,
            settled: &self.settled,
        }
    }

    /// Appends all packages of another builder. Repositories of the same name are merged.
    ///
    /// The ids of `other` are not valid in the joined builder; packages keep their order.
    pub fn append(&mut self, other: &Self) {
        let mut strings: Vec<StringId> = Vec::with_capacity(other.strings.view().len());
        self.strings.intern_all(other.strings.view().iter(), &mut strings);
        let mut dependencies: Vec<DependencyId> = Vec::with_capacity(other.dependencies.view().len());
        for (_, dependency) in other.dependencies.view().iter() {
            // The sides of a rich dependency have lower ids.
            let moved = match dependency {
                Dependency::Plain { name, op, version } => {
                    Dependency::Plain { name: strings[name.index()], op, version: strings[version.index()] }
                }
                Dependency::Rich { op, left, right } => {
                    Dependency::Rich { op, left: dependencies[left.index()], right: dependencies[right.index()] }
                }
            };
            dependencies.push(self.dependencies.intern(moved));
        }
        let first = self.len();
        let mut repos = Vec::with_capacity(other.repos.len());
        for repo in &other.repos {
            let name = strings[repo.name.index()];
            let place = self.repos.iter().position(|known| known.name == name).unwrap_or_else(|| {
                self.repos.push(Repo { name, priority: repo.priority, tag: repo.tag.map(|tag| strings[tag.index()]) });
                self.repos.len() - 1
            });
            repos.push(RepoId::from_index(place));
        }
        self.installed = self.installed.or(other.installed.map(|repo| repos[repo.index()]));
        self.columns.append(&other.columns.view(), &strings, &dependencies, &repos);
        self.late_files.extend(
            other.late_files.iter().map(|&(id, path)| (SolvableId::from_index(id.index() + first), strings[path.index()])),
        );
    }

    /// Appends another builder like [`append`](Self::append), but consumes it: an empty builder
    /// takes over its contents without copying.
    pub fn join(&mut self, other: Self) {
        if self.is_empty() && self.repos.is_empty() {
            *self = other;
        } else {
            self.append(&other);
        }
    }

    /// Builds the pool for a machine with these architectures. Fails if the metadata is too large.
    pub fn build(self, scheme: &dyn VersionScheme, architectures: &Architectures) -> Result<Pool, PoolError> {
        self.complete(scheme, architectures)?.into_pool()
    }

    /// Computes all contents of the pool without making an [`Image`](super::Image) of them.
    pub fn complete(mut self, scheme: &dyn VersionScheme, architectures: &Architectures) -> Result<CompletePool, PoolError> {
        self.settle()?;
        let (found, ()) = Found::new(&self.told(), scheme, architectures, || ())?;
        Ok(CompletePool { told: self, found })
    }

    /// Computes all contents of the pool, and meanwhile writes those parts of its
    /// [`Image`](super::Image) that are already known.
    pub fn complete_writing<W: Write + Send>(
        mut self,
        scheme: &dyn VersionScheme,
        architectures: &Architectures,
        into: W,
    ) -> Result<(CompletePool, BegunImage<W>), PoolError> {
        self.settle()?;
        let mut writer = Writer::new(into);
        let (found, written) = Found::new(&self.told(), scheme, architectures, || self.write(&mut writer))?;
        Ok((CompletePool { told: self, found }, BegunImage { writer, written }))
    }

    /// Checks the limits and merges the late files.
    fn settle(&mut self) -> Result<(), PoolError> {
        if self.strings.is_full() || self.columns.is_full() || self.dependencies.view().len() >= u32::MAX as usize / 2 {
            return Err(PoolError::TooLarge);
        }
        self.columns.add_late_files(&mut self.late_files);
        Ok(())
    }

    /// Writes the added data: the first sections of an image.
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let repo = |repo: &Repo| [repo.name.0, repo.priority as u32, repo.tag.map_or(NONE, |tag| tag.0)];
        writer.section(&self.repos.iter().map(repo).collect::<Vec<_>>())?;
        writer.section(&[self.installed.map_or(NONE, |repo| repo.0)])?;
        self.strings.view().write(writer)?;
        self.dependencies.view().write(writer)?;
        self.columns.view().write(writer)
    }
}

/// The data derived from the added data.
pub(super) struct Found {
    ranks: RankTable,
    provides: ProvideTable,
    candidates: CandidateTable,
    relations: RelationTable,
}

impl Found {
    /// Derives the data, while `meanwhile` runs.
    fn new<T: Send>(
        told: &Told<'_>,
        scheme: &dyn VersionScheme,
        architectures: &Architectures,
        meanwhile: impl FnOnce() -> T + Send,
    ) -> Result<(Self, T), PoolError> {
        let arch = arch_ranks(told, architectures);
        let meets = || {
            let provides = ProvideTable::new(told, &arch);
            let candidates = CandidateTable::new(told, provides.view(), scheme)?;
            let relations = RelationTable::new(told, candidates.view(), &arch, scheme)?;
            Some((provides, candidates, relations))
        };
        let rest = || (RankTable::new(told, scheme, arch.clone()), meanwhile());
        let (meets, (ranks, meanwhile)) = if told.columns.len() > FEW { rayon::join(meets, rest) } else { (meets(), rest()) };
        let (provides, candidates, relations) = meets.ok_or(PoolError::TooEntangled)?;
        Ok((Self { ranks, provides, candidates, relations }, meanwhile))
    }

    /// Writes the derived data: the sections after the added data.
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        self.ranks.view().write(writer)?;
        self.provides.view().write(writer)?;
        self.candidates.view().write(writer)?;
        self.relations.view().write(writer)
    }
}

/// An image to which the added data has been written.
pub struct BegunImage<W> {
    writer: Writer<W>,
    written: io::Result<()>,
}

/// A pool whose contents are all known but not yet in one piece. It becomes one in memory, or in a
/// file.
pub struct CompletePool {
    told: PoolBuilder,
    found: Found,
}

impl CompletePool {
    /// Sets other data that was read with the packages. The pool stores the bytes and does not
    /// interpret them.
    pub fn set_annex(&mut self, annex: Vec<u8>) {
        self.told.annex = annex;
    }

    /// Finishes an image of this pool that was begun, and returns the underlying writer.
    pub fn finish_image<W: Write>(&self, begun: BegunImage<W>) -> io::Result<W> {
        let BegunImage { mut writer, written } = begun;
        written?;
        self.write_found(&mut writer)?;
        writer.finish()
    }

    fn write_found<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        self.found.write(writer)?;
        writer.section(&self.told.annex)
    }

    /// Returns the pool in memory.
    pub fn into_pool(self) -> Result<Pool, PoolError> {
        let write = |writer: &mut Writer<&mut dyn Write>| self.told.write(writer).and_then(|()| self.write_found(writer));
        // Writing into memory of the right size does not fail.
        let image = Image::of(write).map_err(|_| PoolError::TooLarge)?;
        Ok(Pool::from_checked_image(image)?)
    }

    /// Returns the pool in an image that was just written. The image is not checked again, so
    /// nobody else may have changed it.
    pub fn written(self, image: Image) -> Result<Pool, PoolError> {
        drop(self);
        Ok(Pool::from_checked_image(image)?)
    }
}
