//! Building a pool: interning, one package after another, repositories read apart and joined.

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

/// How many dependencies are looked for ahead.
const AHEAD: usize = 32;

/// Up to how many packages it takes longer to start the threads than to do without.
const FEW: usize = 1000;

/// Why no pool can be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The metadata holds more than 32-bit ids can name.
    #[error("the metadata is too large: more than 4 GiB of names or four thousand million entries")]
    TooLarge,
    /// Dependencies and packages multiply each other to more than a pool holds.
    #[error(
        "the packages of the metadata meet each other's dependencies in more than {MOST_MET} ways: no distribution is like that"
    )]
    TooEntangled,
    /// What was built cannot be read.
    #[error("the pool that was made of the metadata cannot be read: {0}")]
    Image(#[from] ImageError),
}

/// What is told of a package beside its dependencies and files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Package<'a> {
    /// Its name.
    pub name: StringId,
    /// Its whole version in the ecosystem's own form: `[epoch:]version-release` for RPM, `1.2.5-r0` for apk.
    pub version: StringId,
    /// Its architecture.
    pub arch: StringId,
    /// Where its file is, relative to the repository.
    pub location: StringId,
    /// Digest of the package file, if the repository tells one.
    pub checksum: Option<Checksum<'a>>,
    /// Bytes of the package file.
    pub size: u64,
    /// Bytes it takes when installed.
    pub installed_size: u64,
    /// Seconds since 1970 when it was built.
    pub build_time: i64,
    /// Who made it.
    pub vendor: StringId,
    /// The source package that it was built from.
    pub source: StringId,
    /// Its licence.
    pub license: StringId,
    /// How much it is wanted among several that provide the same (apk's `provider_priority`).
    pub provider_priority: u32,
}

/// Takes in packages and makes a [`Pool`] of them.
///
/// For each package: [`add_dependency`](Self::add_dependency) and [`add_file`](Self::add_file) as they come, in any
/// order, then [`finish_package`](Self::finish_package). Parts built by several threads are joined by
/// [`append`](Self::append).
#[derive(Clone, Debug, Default)]
pub struct PoolBuilder {
    strings: StringTable,
    dependencies: DependencyTable,
    repos: Vec<Repo>,
    columns: ColumnTable,
    /// Of the package that is being taken in.
    pending: Vec<(Kind, DependencyId)>,
    pending_files: Vec<StringId>,
    /// The repository of what is installed, if there is one.
    installed: Option<RepoId>,
    /// Files told of finished packages (from filelists).
    pub(super) late_files: Vec<(SolvableId, StringId)>,
    /// The paths whose owners are all known (from filelists).
    settled: SettledPaths,
    annex: Vec<u8>,
}

/// The paths of which no list of files names further owners.
#[derive(Clone, Debug, Default)]
pub(super) struct SettledPaths {
    /// Every path.
    all: bool,
    /// These.
    paths: BTreeSet<String>,
}

impl SettledPaths {
    /// Whether a path is among them.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.all || self.paths.contains(path)
    }
}

/// What was told of all packages, as everything that follows from it is found.
pub(super) struct Told<'a> {
    pub(super) strings: Strings<'a>,
    pub(super) dependencies: Dependencies<'a>,
    pub(super) columns: Columns<'a>,
    pub(super) installed: Option<RepoId>,
    pub(super) settled: &'a SettledPaths,
}

impl PoolBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a repository. Of two with the same package, the lower `priority` is preferred (as in dnf, whose default
    /// is 99); `tag` is apk's.
    pub fn add_repo(&mut self, name: &str, priority: i32, tag: Option<&str>) -> RepoId {
        let (name, tag) = (self.intern(name), tag.map(|tag| self.intern(tag)));
        self.repos.push(Repo { name, priority, tag });
        RepoId::from_index(self.repos.len() - 1)
    }

    /// Adds the repository of the packages that are installed. A pool has one at most; its packages need not fit the machine, and their
    /// ids should be the lowest: candidates that are alike otherwise are tried by id.
    pub fn add_installed_repo(&mut self, name: &str) -> RepoId {
        let repo = self.add_repo(name, 0, None);
        self.set_installed(repo);
        repo
    }

    /// The repository of this name.
    pub fn find_repo(&self, name: &str) -> Option<RepoId> {
        self.repos.iter().position(|repo| self.text(repo.name) == name).map(RepoId::from_index)
    }

    /// Says that the packages of a repository are those that are installed.
    pub fn set_installed(&mut self, repo: RepoId) {
        self.installed = Some(repo);
    }

    /// The repository of what is installed, if there is one.
    pub fn installed(&self) -> Option<RepoId> {
        self.installed
    }

    /// The id of a string.
    pub fn intern(&mut self, text: &str) -> StringId {
        self.strings.intern(text)
    }

    /// Interns many strings at once, and adds their ids to `ids`.
    pub(super) fn intern_all<'t>(&mut self, texts: impl Iterator<Item = &'t str>, ids: &mut Vec<StringId>) {
        self.strings.intern_all(texts, ids);
    }

    /// Interns many dependencies at once, and adds their ids to `ids`.
    pub(super) fn intern_dependencies(&mut self, all: &[Dependency], ids: &mut Vec<DependencyId>) {
        for group in all.chunks(AHEAD) {
            self.dependencies.look_ahead(group.iter().copied());
            ids.extend(group.iter().map(|&dependency| self.dependencies.intern(dependency)));
        }
    }

    /// The string of an id.
    pub fn text(&self, id: StringId) -> &str {
        self.strings.view().get(id)
    }

    /// The id of the dependency `name op version`; with [`Op::ANY`] the version is not looked at.
    pub fn dependency(&mut self, name: &str, op: Op, version: &str) -> DependencyId {
        let (name, version) = (self.intern(name), if op.is_any() { StringId::EMPTY } else { self.intern(version) });
        self.dependency_of(name, op, version)
    }

    /// The same from strings that are interned already.
    pub fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId {
        self.dependencies.intern(Dependency::Plain { name, op, version })
    }

    /// The id of the rich dependency `(left op right)`.
    pub fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId {
        self.dependencies.intern(Dependency::Rich { op, left, right })
    }

    /// Adds a dependency to the package that is being taken in.
    pub fn add_dependency(&mut self, kind: Kind, dependency: DependencyId) {
        self.pending.push((kind, dependency));
    }

    /// Adds a file (its absolute path) to the package that is being taken in.
    pub fn add_file(&mut self, path: StringId) {
        self.pending_files.push(path);
    }

    /// Ends the package whose dependencies and files were added since the last. It provides its own name and version.
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

    /// Forgets the dependencies and files that were added since the last package.
    pub fn discard_package(&mut self) {
        self.pending.clear();
        self.pending_files.clear();
    }

    /// How many packages were taken in.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether no package was taken in.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The digest of a package that was taken in: how filelists name their packages.
    pub fn checksum(&self, solvable: SolvableId) -> Option<Checksum<'_>> {
        self.columns.view().checksum(solvable)
    }

    /// Adds a file to a package that is finished already (from filelists).
    pub fn attach_file(&mut self, solvable: SolvableId, path: StringId) {
        self.late_files.push((solvable, path));
    }

    /// Records that the lists of all files were read for a path: the pool then knows every package that owns it.
    pub fn settle_path(&mut self, path: &str) {
        self.settled.paths.insert(path.to_owned());
    }

    /// Records that no repository has a list of all files: the pool then knows as much of every path as there is to know.
    pub fn settle_all_paths(&mut self) {
        self.settled.all = true;
    }

    /// The packages of a repository that were taken in.
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

    /// Takes in all that another builder holds, after what is here already. A repository of the same name is the same.
    ///
    /// The ids that `other` gave out are not those of the joined builder; its packages keep their order.
    pub fn append(&mut self, other: &Self) {
        let mut strings: Vec<StringId> = Vec::with_capacity(other.strings.view().len());
        self.strings.intern_all(other.strings.view().iter(), &mut strings);
        let mut dependencies: Vec<DependencyId> = Vec::with_capacity(other.dependencies.view().len());
        for (_, dependency) in other.dependencies.view().iter() {
            // The sides of a rich dependency were interned before it.
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

    /// The same, of a builder that is no longer needed: an empty one takes it over as it is.
    pub fn join(&mut self, other: Self) {
        if self.is_empty() && self.repos.is_empty() {
            *self = other;
        } else {
            self.append(&other);
        }
    }

    /// The pool of all that was taken in, for the machine that `architectures` tells.
    pub fn build(self, scheme: &dyn VersionScheme, architectures: &Architectures) -> Result<Pool, PoolError> {
        self.complete(scheme, architectures)?.into_pool()
    }

    /// The same, before it is put into one piece.
    pub fn complete(mut self, scheme: &dyn VersionScheme, architectures: &Architectures) -> Result<CompletePool, PoolError> {
        self.settle()?;
        let (found, ()) = Found::new(&self.told(), scheme, architectures, || ())?;
        Ok(CompletePool { told: self, found })
    }

    /// The same, while the pool's [`Image`](super::Image) is written as far as it is known already.
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

    /// Ends the telling.
    fn settle(&mut self) -> Result<(), PoolError> {
        if self.strings.is_full() || self.columns.is_full() || self.dependencies.view().len() >= u32::MAX as usize / 2 {
            return Err(PoolError::TooLarge);
        }
        self.columns.add_late_files(&mut self.late_files);
        Ok(())
    }

    /// Writes what was told: the first sections of an image.
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let repo = |repo: &Repo| [repo.name.0, repo.priority as u32, repo.tag.map_or(NONE, |tag| tag.0)];
        writer.section(&self.repos.iter().map(repo).collect::<Vec<_>>())?;
        writer.section(&[self.installed.map_or(NONE, |repo| repo.0)])?;
        self.strings.view().write(writer)?;
        self.dependencies.view().write(writer)?;
        self.columns.view().write(writer)
    }
}

/// What follows from what was told.
pub(super) struct Found {
    ranks: RankTable,
    provides: ProvideTable,
    candidates: CandidateTable,
    relations: RelationTable,
}

impl Found {
    /// Finds all that follows, while `meanwhile` runs.
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

    /// Writes the sections that come after those of what was told.
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        self.ranks.view().write(writer)?;
        self.provides.view().write(writer)?;
        self.candidates.view().write(writer)?;
        self.relations.view().write(writer)
    }
}

/// An image of which what was told is written.
pub struct BegunImage<W> {
    writer: Writer<W>,
    written: io::Result<()>,
}

/// A pool of which all is known, in many pieces yet. It becomes one in memory, or in a file.
pub struct CompletePool {
    told: PoolBuilder,
    found: Found,
}

impl CompletePool {
    /// Adds what else was read with the packages, in a form that only whoever adds it knows; the pool keeps it.
    pub fn set_annex(&mut self, annex: Vec<u8>) {
        self.told.annex = annex;
    }

    /// Ends the pool's own image that was begun, and gives back what it was written to.
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

    /// The pool in memory.
    pub fn into_pool(self) -> Result<Pool, PoolError> {
        let write = |writer: &mut Writer<&mut dyn Write>| self.told.write(writer).and_then(|()| self.write_found(writer));
        // Writing into memory of the right size does not fail.
        let image = Image::of(write).map_err(|_| PoolError::TooLarge)?;
        Ok(Pool::from_checked_image(image)?)
    }

    /// The pool in its image, which was just written and which nobody else could change since: it is not checked again.
    pub fn written(self, image: Image) -> Result<Pool, PoolError> {
        drop(self);
        Ok(Pool::from_checked_image(image)?)
    }
}
