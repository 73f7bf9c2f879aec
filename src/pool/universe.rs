//! The pool as it is read.

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
    /// Its name.
    pub name: StringId,
    /// The lower, the more it is preferred.
    pub priority: i32,
    /// apk's tag: packages of a tagged repository are taken only where asked for by it.
    pub tag: Option<StringId>,
}

/// All that a pool holds, as it lies in an image.
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

/// Stands for "none" where an id is written.
pub(super) const NONE: u32 = u32::MAX;

impl<'a> View<'a> {
    /// Reads what [`PoolBuilder::write`](super::PoolBuilder) and [`Found::write`](super::builder::Found) write.
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

    /// Whether all ids that it holds name what is there, so that nothing that reads it can go astray.
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
    /// An image and what is read from it.
    struct Seen {
        owner: Image,
        #[covariant]
        dependent: View,
    }
    impl {Debug}
);

/// All packages, who provides what, and which packages meet each dependency. Immutable; threads share it freely.
///
/// It is read from its [`Image`], where it lies: one that was built from one in memory, one that was kept from a mapped file.
#[derive(Debug)]
pub struct Pool(Seen);

impl Pool {
    /// What the program writes into images: another one may write other things for the same packages.
    pub const FORMAT: u64 = FINGERPRINT;

    /// The pool of an image that was written before.
    pub fn from_image(image: Image) -> Result<Self, ImageError> {
        Seen::try_new(image, |image| {
            let view = View::read(image)?;
            // What is wrong is the checksum, whatever else that leads to.
            let (verified, checked) = rayon::join(|| image.verify(), || view.check());
            verified.and(checked).map(|()| view)
        })
        .map(Self)
    }

    /// The pool of an image that was checked before: by [`from_image`](Self::from_image), or because it was just made. In one that was not, an id may
    /// lead nowhere, which is a panic where it is followed.
    pub fn from_checked_image(image: Image) -> Result<Self, ImageError> {
        Seen::try_new(image, |image| View::read(image)).map(Self)
    }

    /// What [`CompletePool::set_annex`](super::CompletePool::set_annex) was given.
    pub fn annex(&self) -> &[u8] {
        self.view().annex
    }

    /// Its image, as it can be kept for later.
    pub fn image(&self) -> &Image {
        self.0.borrow_owner()
    }

    fn view(&self) -> &View<'_> {
        self.0.borrow_dependent()
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.view().columns.len()
    }

    /// Whether there is no package.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All packages, in the order in which they were added.
    pub fn solvables(&self) -> impl DoubleEndedIterator<Item = Solvable<'_>> + ExactSizeIterator {
        self.view().columns.ids().map(|id| self.solvable(id))
    }

    /// A package.
    pub fn solvable(&self, id: SolvableId) -> Solvable<'_> {
        Solvable { pool: self.view(), id }
    }

    /// All repositories.
    pub fn repos(&self) -> impl ExactSizeIterator<Item = (RepoId, &Repo)> {
        self.view().repos.iter().enumerate().map(|(index, repo)| (RepoId::from_index(index), repo))
    }

    /// A repository.
    pub fn repo(&self, id: RepoId) -> &Repo {
        &self.view().repos[id.index()]
    }

    /// The repository of what is installed, if there is one.
    pub fn installed(&self) -> Option<RepoId> {
        self.view().installed
    }

    /// The packages that are installed, by id.
    pub fn installed_solvables(&self) -> impl Iterator<Item = Solvable<'_>> {
        self.view().installed.into_iter().flat_map(|repo| self.solvables().filter(move |package| package.repo_id() == repo))
    }

    /// The string of an id.
    pub fn text(&self, id: StringId) -> &str {
        self.view().strings.get(id)
    }

    /// The id of a string, if the pool holds it.
    pub fn find(&self, text: &str) -> Option<StringId> {
        self.view().strings.find(text)
    }

    /// All strings of the pool.
    pub fn strings(&self) -> impl Iterator<Item = (StringId, &str)> {
        self.view().strings.iter().enumerate().map(|(index, text)| (StringId::from_index(index), text))
    }

    /// How many strings there are: one more than the highest [`StringId`].
    pub fn string_count(&self) -> usize {
        self.view().strings.len()
    }

    /// A dependency.
    pub fn dependency(&self, id: DependencyId) -> Dependency {
        self.view().dependencies.get(id)
    }

    /// How many dependencies there are: one more than the highest [`DependencyId`].
    pub fn dependency_count(&self) -> usize {
        self.view().dependencies.len()
    }

    /// The id of `name op version`, if some package of the pool has that dependency. All dependencies are looked at.
    pub fn find_dependency(&self, name: &str, op: Op, version: &str) -> Option<DependencyId> {
        let (name, version) = (self.find(name)?, if op.is_any() { StringId::EMPTY } else { self.find(version)? });
        self.view().dependencies.find(Dependency::Plain { name, op, version })
    }

    /// The packages that meet a dependency, by id; of a rich dependency, those that could.
    ///
    /// Only packages that fit the machine are among them. There are none for a dependency with a version that packages
    /// provide and none asks for: [`Pool::providers`] answers for any name.
    pub fn candidates(&self, dependency: DependencyId) -> &[SolvableId] {
        self.view().candidates.of(dependency)
    }

    /// The packages that an obsoletes means, by their own names and versions, by id. Empty for what no package obsoletes.
    pub fn obsoleted(&self, dependency: DependencyId) -> &[SolvableId] {
        self.view().candidates.obsoleted(dependency)
    }

    /// Of a provided dependency with a version, its place among those of its name: the higher, the newer.
    pub fn provided_rank(&self, dependency: DependencyId) -> u32 {
        self.view().ranks.provided(dependency)
    }

    /// The packages that fit the machine and supplement or enhance others, by id.
    pub fn supplementing(&self) -> &[SolvableId] {
        self.view().ranks.supplementing()
    }

    /// Whether a dependency needs more than a list of candidates: `and`, `if`, `unless`, or `or` over such a one.
    pub fn is_complex(&self, dependency: DependencyId) -> bool {
        self.view().relations.is_complex(dependency)
    }

    /// The packages with lower ids that cannot be installed beside this one, because either conflicts with the other or obsoletes
    /// it (but for complex conflicts, and for packages of the same name), by id.
    pub fn rivals(&self, id: SolvableId) -> &[SolvableId] {
        self.view().relations.rivals(id)
    }

    /// The packages that supplement or enhance this one by plain dependencies, by id.
    pub fn supplemented_by(&self, id: SolvableId) -> &[SolvableId] {
        self.view().relations.supplemented_by(id)
    }

    /// The packages that supplement or enhance others by complex dependencies, by id.
    pub fn complex_supplements(&self) -> &[SolvableId] {
        self.view().relations.complex_supplements()
    }

    /// Paths that may have more owners than the pool knows and that count when some packages come into question: these packages require,
    /// recommend, suggest or conflict with them, or any package supplements or enhances them. The lists of all files name all owners.
    pub fn lacked_paths(&self, comes_into_question: impl Fn(SolvableId) -> bool) -> Vec<StringId> {
        self.view().relations.lacked(comes_into_question)
    }

    /// Whether the package manager itself meets this dependency, which no package does.
    pub fn met_by_system(&self, dependency: DependencyId) -> bool {
        self.view().candidates.by_system(dependency)
    }

    /// The packages that provide a name, each with the dependency by which it does (`None`: by a file), by id.
    pub fn providers(&self, name: StringId) -> impl Iterator<Item = (SolvableId, Option<DependencyId>)> {
        (self.view().provides.of(name).iter())
            .map(|provide| (provide.solvable, Some(provide.dependency).filter(|&by| by != super::provides::BY_FILE)))
    }

    /// All packages of a name, whatever their architecture, by id.
    pub fn named(&self, name: StringId) -> &[SolvableId] {
        self.view().ranks.named(name)
    }

    /// A dependency as it is written: `libfoo.so.1()(64bit)`, `bash >= 5.1`, `(a if b else c)`.
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
            // Deeper than any parser goes; the guard keeps a hostile universe from our stack.
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
    /// Its id.
    pub fn id(self) -> SolvableId {
        self.id
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        self.pool.strings.get(self.name_id())
    }

    /// The id of its name.
    pub fn name_id(self) -> StringId {
        self.pool.columns.name(self.id)
    }

    /// Its whole version: `[epoch:]version-release` for RPM.
    pub fn version(self) -> &'a str {
        self.pool.strings.get(self.version_id())
    }

    /// The id of its version.
    pub fn version_id(self) -> StringId {
        self.pool.columns.version(self.id)
    }

    /// Among packages of the same name: the higher, the newer; equal where the versions are.
    pub fn version_rank(self) -> u32 {
        self.pool.ranks.version(self.id)
    }

    /// Its architecture.
    pub fn arch(self) -> &'a str {
        self.pool.strings.get(self.arch_id())
    }

    /// The id of its architecture.
    pub fn arch_id(self) -> StringId {
        self.pool.columns.arch(self.id)
    }

    /// Nought if it fits every machine, one if it is built for this one, more for worse ones; `None` if it does not fit.
    pub fn arch_rank(self) -> Option<u16> {
        self.pool.ranks.arch(self.id)
    }

    /// Whether it counts at all: it fits the machine, or is installed.
    pub fn takes_part(self) -> bool {
        self.arch_rank().is_some() || self.is_installed()
    }

    /// Whether packages of its name are there for several architectures that fit the machine.
    pub fn is_multiarch(self) -> bool {
        self.pool.ranks.mixed(self.id)
    }

    /// Its repository.
    pub fn repo(self) -> &'a Repo {
        &self.pool.repos[self.repo_id().index()]
    }

    /// Whether it is installed.
    pub fn is_installed(self) -> bool {
        self.pool.installed == Some(self.repo_id())
    }

    /// The tag of its repository (without the `@`), if it has one.
    pub fn repo_tag(self) -> Option<&'a str> {
        self.repo().tag.map(|tag| self.pool.strings.get(tag))
    }

    /// The id of its repository.
    pub fn repo_id(self) -> RepoId {
        self.pool.columns.repo(self.id)
    }

    /// The name of its repository.
    pub fn repo_name(self) -> &'a str {
        self.pool.strings.get(self.repo().name)
    }

    /// Where its file is, relative to the repository.
    pub fn location(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.location(self.id))
    }

    /// The digest of its file.
    pub fn checksum(self) -> Option<Checksum<'a>> {
        self.pool.columns.checksum(self.id)
    }

    /// Bytes of its file.
    pub fn size(self) -> u64 {
        self.pool.columns.size(self.id)
    }

    /// Bytes it takes when installed.
    pub fn installed_size(self) -> u64 {
        self.pool.columns.installed_size(self.id)
    }

    /// Seconds since 1970 when it was built.
    pub fn build_time(self) -> i64 {
        self.pool.columns.build_time(self.id)
    }

    /// Who made it.
    pub fn vendor(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.vendor(self.id))
    }

    /// The source package that it was built from.
    pub fn source(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.source(self.id))
    }

    /// Its licence.
    pub fn license(self) -> &'a str {
        self.pool.strings.get(self.pool.columns.license(self.id))
    }

    /// apk's `provider_priority`.
    pub fn provider_priority(self) -> u32 {
        self.pool.columns.provider_priority(self.id)
    }

    /// Its dependencies of a kind, as written.
    pub fn dependencies(self, kind: Kind) -> &'a [DependencyId] {
        self.pool.columns.run(self.id, kind, kind)
    }

    /// The same as names and versions; rich ones, which are neither, are left out.
    pub fn capabilities(self, kind: Kind) -> impl Iterator<Item = (&'a str, Op, &'a str)> {
        self.dependencies(kind).iter().filter_map(move |&id| match self.pool.dependencies.get(id) {
            Dependency::Plain { name, op, version } => Some((self.pool.strings.get(name), op, self.pool.strings.get(version))),
            Dependency::Rich { .. } => None,
        })
    }

    /// All that it requires, before its installation or after.
    pub fn requires(self) -> &'a [DependencyId] {
        self.pool.columns.run(self.id, Kind::Requires, Kind::PreRequires)
    }

    /// The paths of its files, as far as the pool was told.
    pub fn files(self) -> &'a [StringId] {
        self.pool.columns.files(self.id)
    }
}
