//! The pool and its packages, read-only.

use self_cell::self_cell;

use super::candidates::Candidates;
use super::columns::{Checksum, Columns};
use super::dependency::Dependencies;
use super::image::{FINGERPRINT, Image, ImageError, Reader};
use super::provides::Provides;
use super::ranks::Ranks;
use super::relations::Relations;
use super::strings::Strings;
use super::{Dependency, DependencyId, Kind, Op, RepoId, RichOp, SolvableId, StringId};

/// A repository of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repo {
    /// The name of the repository.
    pub name: StringId,
    /// Priority; repositories with lower values are preferred.
    pub priority: i32,
    /// The tag in apk: packages of a tagged repository are installed only if requested by the tag.
    pub tag: Option<StringId>,
}

/// The contents of a pool, as slices of an image.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) strings: Strings<'a>,
    pub(super) dependencies: Dependencies<'a>,
    pub(super) repos: Vec<Repo>,
    pub(super) installed: Option<RepoId>,
    pub(super) columns: Columns<'a>,
    pub(super) ranks: Ranks<'a>,
    pub(super) provides: Provides<'a>,
    pub(super) candidates: Candidates<'a>,
    pub(super) relations: Relations<'a>,
    pub(super) annex: &'a [u8],
}

/// Marker for "none" in place of an id.
pub(super) const NONE: u32 = u32::MAX;

impl<'a> View<'a> {
    /// Reads the sections that [`PoolBuilder::write`](super::PoolBuilder) and
    /// [`Found::write`](super::builder::Found) write.
    fn read(image: &'a Image) -> Result<Self, ImageError> {
        let mut reader = Reader::new(image)?;
        let repos: &[[u32; 3]] = reader.section()?;
        let installed: &[u32] = reader.section()?;
        let strings = Strings::read(&mut reader)?;
        let (texts, known) = (strings.len(), |id: u32| Some(id).filter(|&id| id != NONE));
        let repo = |&[name, priority, tag]: &[u32; 3]| {
            let repo = Repo { name: StringId(name), priority: priority as i32, tag: known(tag).map(StringId) };
            (repo.name.index() < texts && repo.tag.is_none_or(|tag| tag.index() < texts)).then_some(repo)
        };
        let repos: Vec<Repo> = repos.iter().map(repo).collect::<Option<_>>().ok_or(ImageError::Section("repositories"))?;
        let view = Self {
            strings,
            dependencies: Dependencies::read(&mut reader)?,
            repos,
            installed: installed.first().copied().and_then(known).map(RepoId),
            columns: Columns::read(&mut reader)?,
            ranks: Ranks::read(&mut reader)?,
            provides: Provides::read(&mut reader)?,
            candidates: Candidates::read(&mut reader)?,
            relations: Relations::read(&mut reader)?,
            annex: reader.section()?,
        };
        Ok(view)
    }

    /// Fails if an id is out of bounds, as later use of it would panic.
    fn check(&self) -> Result<(), ImageError> {
        let (strings, dependencies, solvables) = (self.strings.len(), self.dependencies.len(), self.columns.len());
        let texts = || self.strings.check().and_then(|()| self.dependencies.check(strings));
        let packages = || self.columns.check(strings, dependencies, self.repos.len());
        let derived = || {
            self.ranks.check(strings, dependencies, solvables)?;
            self.provides.check(strings, dependencies, solvables)?;
            self.candidates.check(dependencies, solvables)?;
            self.relations.check(strings, dependencies, solvables)
        };
        let (texts, (packages, derived)) = rayon::join(texts, || rayon::join(packages, derived));
        texts.and(packages).and(derived)
    }
}

self_cell!(
    /// An image and the view of its contents.
    struct Seen {
        owner: Image,
        #[covariant]
        dependent: View,
    }
    impl {Debug}
);

/// The immutable pool: all packages, provides, and the packages that meet each dependency. Threads
/// can share it.
///
/// The pool reads its [`Image`] in place, in memory or from a mapped file.
#[derive(Debug)]
pub struct Pool(Seen);

impl Pool {
    /// Version of the image format. Other builds of the program may write other data for the same
    /// packages.
    pub const FORMAT: u64 = FINGERPRINT;

    /// Reads the pool of an image that was written before. Fails if its checksum is wrong or it is
    /// invalid.
    pub fn from_image(image: Image) -> Result<Self, ImageError> {
        Seen::try_new(image, |image| {
            let view = View::read(image)?;
            // A wrong checksum takes precedence over the errors that it causes.
            let (verified, checked) = rayon::join(|| image.verify(), || view.check());
            verified.and(checked).map(|()| view)
        })
        .map(Self)
    }

    /// Reads the pool of an image that was checked by [`from_image`](Self::from_image) or was just
    /// created. In an unchecked image, an id may be out of bounds; using it panics.
    pub fn from_checked_image(image: Image) -> Result<Self, ImageError> {
        Seen::try_new(image, |image| View::read(image)).map(Self)
    }

    /// Returns the bytes that [`CompletePool::set_annex`](super::CompletePool::set_annex) stored.
    pub fn annex(&self) -> &[u8] {
        self.view().annex
    }

    /// Returns the image of the pool, which can be cached.
    pub fn image(&self) -> &Image {
        self.0.borrow_owner()
    }

    fn view(&self) -> &View<'_> {
        self.0.borrow_dependent()
    }

    /// Returns the number of packages.
    pub fn len(&self) -> usize {
        self.view().columns.len()
    }

    /// Reports whether the pool has no packages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all packages, in the order in which they were added.
    pub fn solvables(&self) -> impl DoubleEndedIterator<Item = Solvable<'_>> + ExactSizeIterator {
        self.view().columns.ids().map(|id| self.solvable(id))
    }

    /// Returns a package.
    pub fn solvable(&self, id: SolvableId) -> Solvable<'_> {
        Solvable { pool: self.view(), id }
    }

    /// Returns all repositories.
    pub fn repos(&self) -> impl ExactSizeIterator<Item = (RepoId, &Repo)> {
        self.view().repos.iter().enumerate().map(|(index, repo)| (RepoId::from_index(index), repo))
    }

    /// Returns a repository.
    pub fn repo(&self, id: RepoId) -> &Repo {
        &self.view().repos[id.index()]
    }

    /// Returns the repository of installed packages, if there is one.
    pub fn installed(&self) -> Option<RepoId> {
        self.view().installed
    }

    /// Returns the installed packages, sorted by id.
    pub fn installed_solvables(&self) -> impl Iterator<Item = Solvable<'_>> {
        self.view().installed.into_iter().flat_map(|repo| self.solvables().filter(move |package| package.repo_id() == repo))
    }

    /// Returns the string of an id.
    pub fn text(&self, id: StringId) -> &str {
        self.view().strings.get(id)
    }

    /// Returns the id of a string, if the pool contains it.
    pub fn find(&self, text: &str) -> Option<StringId> {
        self.view().strings.find(text)
    }

    /// Returns all strings of the pool.
    pub fn strings(&self) -> impl Iterator<Item = (StringId, &str)> {
        self.view().strings.iter().enumerate().map(|(index, text)| (StringId::from_index(index), text))
    }

    /// Returns the number of strings: one more than the highest [`StringId`].
    pub fn string_count(&self) -> usize {
        self.view().strings.len()
    }

    /// Returns a dependency.
    pub fn dependency(&self, id: DependencyId) -> Dependency {
        self.view().dependencies.get(id)
    }

    /// Returns the number of dependencies: one more than the highest [`DependencyId`].
    pub fn dependency_count(&self) -> usize {
        self.view().dependencies.len()
    }

    /// Returns the id of `name op version`, if some package of the pool has that dependency. The
    /// search is linear in the number of dependencies.
    pub fn find_dependency(&self, name: &str, op: Op, version: &str) -> Option<DependencyId> {
        let (name, version) = (self.find(name)?, if op.is_any() { StringId::EMPTY } else { self.find(version)? });
        self.view().dependencies.find(Dependency::Plain { name, op, version })
    }

    /// Returns the packages that meet a dependency, sorted by id; for a rich dependency, those that
    /// may meet it.
    ///
    /// Contains only packages that fit the machine or are installed. A versioned dependency that
    /// packages provide but none uses has no candidates; [`Pool::providers`] works for any name.
    pub fn candidates(&self, dependency: DependencyId) -> &[SolvableId] {
        self.view().candidates.of(dependency)
    }

    /// Returns the packages that an obsoletes dependency matches by their own names and versions,
    /// sorted by id. Empty if no package has this obsoletes.
    pub fn obsoleted(&self, dependency: DependencyId) -> &[SolvableId] {
        self.view().candidates.obsoleted(dependency)
    }

    /// Returns the rank of a provided dependency with a version among those of its name. Newer
    /// versions have higher ranks.
    pub fn provided_rank(&self, dependency: DependencyId) -> u32 {
        self.view().ranks.provided(dependency)
    }

    /// Returns the packages that fit the machine and supplement or enhance others, sorted by id.
    pub fn supplementing(&self) -> &[SolvableId] {
        self.view().ranks.supplementing()
    }

    /// Reports whether a dependency is complex, so that a list of candidates cannot express it:
    /// `and`, `if`, `unless`, or an `or` with a complex side.
    pub fn is_complex(&self, dependency: DependencyId) -> bool {
        self.view().relations.is_complex(dependency)
    }

    /// Returns the packages with lower ids that conflict with this one or obsolete it, in either
    /// direction, sorted by id. Excludes complex conflicts and packages of the same name.
    pub fn rivals(&self, id: SolvableId) -> &[SolvableId] {
        self.view().relations.rivals(id)
    }

    /// Returns the packages that supplement or enhance this one by plain dependencies, sorted by
    /// id.
    pub fn supplemented_by(&self, id: SolvableId) -> &[SolvableId] {
        self.view().relations.supplemented_by(id)
    }

    /// Returns the packages that supplement or enhance others by complex dependencies, sorted by
    /// id.
    pub fn complex_supplements(&self) -> &[SolvableId] {
        self.view().relations.complex_supplements()
    }

    /// Returns paths whose owners the pool may not all know. Only paths count that a package for
    /// which `comes_into_question` returns true requires, recommends, suggests or conflicts with,
    /// or that any package supplements or enhances. The repositories' lists of all files name all
    /// owners.
    pub fn lacked_paths(&self, comes_into_question: impl Fn(SolvableId) -> bool) -> Vec<StringId> {
        self.view().relations.lacked(comes_into_question)
    }

    /// Reports whether the package manager itself meets this dependency and no package does.
    pub fn met_by_system(&self, dependency: DependencyId) -> bool {
        self.view().candidates.by_system(dependency)
    }

    /// Returns the packages that provide a name, sorted by id, each with the dependency that
    /// provides it (`None` if a file does).
    pub fn providers(&self, name: StringId) -> impl Iterator<Item = (SolvableId, Option<DependencyId>)> {
        (self.view().provides.of(name).iter())
            .map(|provide| (provide.solvable, Some(provide.dependency).filter(|&by| by != super::provides::BY_FILE)))
    }

    /// Returns all packages of a name, of any architecture, sorted by id.
    pub fn named(&self, name: StringId) -> &[SolvableId] {
        self.view().ranks.named(name)
    }

    /// Formats a dependency as it is written: `libfoo.so.1()(64bit)`, `bash >= 5.1`, `(a if b else
    /// c)`.
    pub fn display(&self, dependency: DependencyId) -> String {
        let mut text = String::new();
        self.write_dependency(dependency, 0, &mut text);
        text
    }

    fn write_dependency(&self, dependency: DependencyId, depth: usize, out: &mut String) {
        match self.dependency(dependency) {
            Dependency::Plain { name, op, version } => {
                out.push_str(if op.contains(Op::NOT) { "!" } else { "" });
                out.push_str(self.text(name));
                if !version.is_empty() {
                    out.extend([" ", op.text(), " ", self.text(version)]);
                }
            }
            // No parser allows this depth; the limit protects the stack from a hostile universe.
            Dependency::Rich { .. } if depth > 200 => out.push('…'),
            Dependency::Rich { op: RichOp::Else, left, right } => {
                self.write_dependency(left, depth + 1, out);
                out.push_str(" else ");
                self.write_dependency(right, depth + 1, out);
            }
            Dependency::Rich { op, left, right } => {
                out.push('(');
                self.write_dependency(left, depth + 1, out);
                out.push_str(match op {
                    RichOp::And => " and ",
                    RichOp::Or => " or ",
                    RichOp::If => " if ",
                    RichOp::Unless => " unless ",
                    RichOp::Else => " else ",
                    RichOp::With => " with ",
                    RichOp::Without => " without ",
                });
                self.write_dependency(right, depth + 1, out);
                out.push(')');
            }
        }
    }
}

/// A package of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Solvable<'a> {
    pool: &'a View<'a>,
    id: SolvableId,
}

impl<'a> Solvable<'a> {
    /// Returns the id of the package.
    pub fn id(self) -> SolvableId {
        self.id
    }

    /// Returns the name.
    pub fn name(self) -> &'a str {
        self.pool.strings.get(self.name_id())
    }

    /// Returns the id of the name.
    pub fn name_id(self) -> StringId {
        self.pool.columns.name(self.id)
    }

    /// Returns the full version: `[epoch:]version-release` for RPM.
    pub fn version(self) -> &'a str {
        self.pool.strings.get(self.version_id())
    }

    /// Returns the id of the version.
    pub fn version_id(self) -> StringId {
        self.pool.columns.version(self.id)
    }

    /// Returns the version rank among packages of the same name: newer versions have higher ranks,
    /// equal versions have equal ranks.
    pub fn version_rank(self) -> u32 {
        self.pool.ranks.version(self.id)
    }

    /// Returns the architecture.
    pub fn arch(self) -> &'a str {
        self.pool.strings.get(self.arch_id())
    }

    /// Returns the id of the architecture.
    pub fn arch_id(self) -> StringId {
        self.pool.columns.arch(self.id)
    }

    /// Returns the rank of the architecture: 0 if it fits every machine, 1 if it is the machine's
    /// own, more for worse ones; `None` if it is incompatible.
    pub fn arch_rank(self) -> Option<u16> {
        self.pool.ranks.arch(self.id)
    }

    /// Reports whether the package may be installed: it fits the machine, or is installed already.
    pub fn takes_part(self) -> bool {
        self.arch_rank().is_some() || self.is_installed()
    }

    /// Reports whether packages of this name exist for several compatible architectures.
    pub fn is_multiarch(self) -> bool {
        self.pool.ranks.mixed(self.id)
    }

    /// Returns the repository.
    pub fn repo(self) -> &'a Repo {
        &self.pool.repos[self.repo_id().index()]
    }

    /// Reports whether the package is installed.
    pub fn is_installed(self) -> bool {
        self.pool.installed == Some(self.repo_id())
    }

    /// Returns the tag of the repository without the `@`, if it has one.
    pub fn repo_tag(self) -> Option<&'a str> {
        self.repo().tag.map(|tag| self.pool.strings.get(tag))
    }

    /// Returns the id of the repository.
    pub fn repo_id(self) -> RepoId {
        self.pool.columns.repo(self.id)
    }

    /// Returns the name of the repository.
    pub fn repo_name(self) -> &'a str {
        self.pool.strings.get(self.repo().name)
    }

    /// Returns the location of the package file, relative to the repository.
    pub fn location(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.location(self.id))
    }

    /// Returns the digest of the package file.
    pub fn checksum(self) -> Option<Checksum<'a>> {
        self.pool.columns.checksum(self.id)
    }

    /// Returns the size of the package file in bytes.
    pub fn size(self) -> u64 {
        self.pool.columns.size(self.id)
    }

    /// Returns the size of the installed package in bytes.
    pub fn installed_size(self) -> u64 {
        self.pool.columns.installed_size(self.id)
    }

    /// Returns the build time in seconds since 1970.
    pub fn build_time(self) -> i64 {
        self.pool.columns.build_time(self.id)
    }

    /// Returns the vendor.
    pub fn vendor(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.vendor(self.id))
    }

    /// Returns the source package from which it was built.
    pub fn source(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.source(self.id))
    }

    /// Returns the license.
    pub fn license(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.license(self.id))
    }

    /// Returns apk's `provider_priority`.
    pub fn provider_priority(self) -> u32 {
        self.pool.columns.provider_priority(self.id)
    }

    /// Returns the dependencies of a kind, as written.
    pub fn dependencies(self, kind: Kind) -> &'a [DependencyId] {
        self.pool.columns.run(self.id, kind, kind)
    }

    /// Returns the dependencies of a kind as name, operator and version. Omits rich dependencies.
    pub fn capabilities(self, kind: Kind) -> impl Iterator<Item = (&'a str, Op, &'a str)> {
        self.dependencies(kind).iter().filter_map(move |&id| match self.pool.dependencies.get(id) {
            Dependency::Plain { name, op, version } => Some((self.pool.strings.get(name), op, self.pool.strings.get(version))),
            Dependency::Rich { .. } => None,
        })
    }

    /// Returns all requirements, both before and after the installation.
    pub fn requires(self) -> &'a [DependencyId] {
        self.pool.columns.run(self.id, Kind::Requires, Kind::PreRequires)
    }

    /// Returns the paths of the files that the pool knows.
    pub fn files(self) -> &'a [StringId] {
        self.pool.columns.files(self.id)
    }
}
