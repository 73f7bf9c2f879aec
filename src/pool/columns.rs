//! The package data, one column for each field.

use super::image::{ImageError, check, sections};
use super::{DependencyId, Kind, Package, RepoId, SolvableId, StringId};
use crate::digest::Algorithm;

/// All algorithms; the columns store the index.
const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha224, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

/// Digest of a package file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum<'a> {
    /// The digest algorithm.
    pub kind: Algorithm,
    /// The digest; its length is that of the algorithm.
    pub bytes: &'a [u8],
}

const NO_CHECKSUM: u8 = u8::MAX;

sections! {
    /// One value for each package, in flat arrays. Dependencies and files are ranges in two more
    /// arrays.
    Arrays, Columns {
        name: StringId,
        version: StringId,
        arch: StringId,
        repo: RepoId,
        location: StringId,
        vendor: StringId,
        source: StringId,
        license: StringId,
        size: u64,
        installed_size: u64,
        build_time: i64,
        provider_priority: u32,
        checksum_kind: u8,
        /// Start index of the digest in `digests`.
        checksum: u32,
        digests: u8,
        /// Start index of the dependencies of each kind, `Kind::COUNT` for each package, and the
        /// end.
        runs: u32,
        dependencies: DependencyId,
        /// Start index of the files of each package, and the end.
        file_runs: u32,
        files: StringId,
    }
}

/// The data of packages that are being added.
#[derive(Clone, Debug)]
pub(super) struct ColumnTable(Arrays);

impl Default for ColumnTable {
    fn default() -> Self {
        Self(Arrays { runs: vec![0], file_runs: vec![0], ..Arrays::default() })
    }
}

/// Returns the index of the next entry of an array. [`ColumnTable::is_full`] reports overflow.
fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl ColumnTable {
    pub(super) fn view(&self) -> Columns<'_> {
        self.0.view()
    }

    pub(super) fn len(&self) -> usize {
        self.0.name.len()
    }

    pub(super) fn is_full(&self) -> bool {
        let longest = self.0.digests.len().max(self.0.dependencies.len()).max(self.0.files.len());
        longest >= u32::MAX as usize || self.len() >= u32::MAX as usize / 2
    }

    /// Adds a package; `dependencies` must be sorted by kind.
    pub(super) fn push(
        &mut self,
        repo: RepoId,
        package: &Package<'_>,
        dependencies: &[(Kind, DependencyId)],
        files: &[StringId],
    ) -> SolvableId {
        let id = SolvableId::from_index(self.len());
        self.0.name.push(package.name);
        self.0.version.push(package.version);
        self.0.arch.push(package.arch);
        self.0.repo.push(repo);
        self.0.location.push(package.location);
        self.0.vendor.push(package.vendor);
        self.0.source.push(package.source);
        self.0.license.push(package.license);
        self.0.size.push(package.size);
        self.0.installed_size.push(package.installed_size);
        self.0.build_time.push(package.build_time);
        self.0.provider_priority.push(package.provider_priority);
        self.0.checksum.push(place(self.0.digests.len()));
        match package.checksum.filter(|checksum| checksum.bytes.len() == checksum.kind.length()) {
            Some(checksum) => {
                self.0.checksum_kind.push(checksum.kind as u8);
                self.0.digests.extend_from_slice(checksum.bytes);
            }
            None => self.0.checksum_kind.push(NO_CHECKSUM),
        }
        let mut rest = dependencies;
        for kind in 0..Kind::COUNT {
            let run = rest.partition_point(|&(of, _)| of as usize <= kind);
            self.0.dependencies.extend(rest[..run].iter().map(|&(_, dependency)| dependency));
            self.0.runs.push(place(self.0.dependencies.len()));
            rest = &rest[run..];
        }
        self.0.files.extend_from_slice(files);
        self.0.file_runs.push(place(self.0.files.len()));
        id
    }

    /// Appends the packages of another table. Converts its ids by the given tables.
    pub(super) fn append(&mut self, other: &Columns<'_>, strings: &[StringId], dependencies: &[DependencyId], repos: &[RepoId]) {
        let text = |into: &mut Vec<StringId>, ids: &[StringId]| into.extend(ids.iter().map(|id| strings[id.index()]));
        text(&mut self.0.name, other.name);
        text(&mut self.0.version, other.version);
        text(&mut self.0.arch, other.arch);
        self.0.repo.extend(other.repo.iter().map(|id| repos[id.index()]));
        text(&mut self.0.location, other.location);
        text(&mut self.0.vendor, other.vendor);
        text(&mut self.0.source, other.source);
        text(&mut self.0.license, other.license);
        self.0.size.extend(other.size);
        self.0.installed_size.extend(other.installed_size);
        self.0.build_time.extend(other.build_time);
        self.0.provider_priority.extend(other.provider_priority);
        self.0.checksum_kind.extend(other.checksum_kind);
        let moved = |into: &mut Vec<u32>, base: usize, places: &[u32]| {
            let base = place(base);
            into.extend(places.iter().map(|place| base.saturating_add(*place)));
        };
        moved(&mut self.0.checksum, self.0.digests.len(), other.checksum);
        self.0.digests.extend(other.digests);
        moved(&mut self.0.runs, self.0.dependencies.len(), &other.runs[1..]);
        self.0.dependencies.extend(other.dependencies.iter().map(|id| dependencies[id.index()]));
        moved(&mut self.0.file_runs, self.0.files.len(), &other.file_runs[1..]);
        text(&mut self.0.files, other.files);
    }

    /// Adds files of finished packages to the packages' own ranges.
    pub(super) fn add_late_files(&mut self, late: &mut Vec<(SolvableId, StringId)>) {
        if late.is_empty() {
            return;
        }
        late.sort_unstable();
        late.dedup();
        let mut files = Vec::with_capacity(self.0.files.len() + late.len());
        let mut runs = Vec::with_capacity(self.0.file_runs.len());
        runs.push(0);
        let mut rest = &late[..];
        for id in self.view().ids() {
            let own = self.view().files(id);
            files.extend_from_slice(own);
            let run = rest.partition_point(|&(of, _)| of <= id);
            files.extend(rest[..run].iter().map(|&(_, path)| path).filter(|path| !own.contains(path)));
            runs.push(place(files.len()));
            rest = &rest[run..];
        }
        self.0.files = files;
        self.0.file_runs = runs;
        late.clear();
    }
}

impl<'a> Columns<'a> {
    pub(super) fn len(&self) -> usize {
        self.name.len()
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = SolvableId> + ExactSizeIterator + Clone + use<> {
        (0..self.len()).map(SolvableId::from_index)
    }

    pub(super) fn run(&self, id: SolvableId, first: Kind, last: Kind) -> &'a [DependencyId] {
        let base = id.index() * Kind::COUNT;
        &self.dependencies[self.runs[base + first as usize] as usize..self.runs[base + last as usize + 1] as usize]
    }

    pub(super) fn files(&self, id: SolvableId) -> &'a [StringId] {
        &self.files[self.file_runs[id.index()] as usize..self.file_runs[id.index() + 1] as usize]
    }

    pub(super) fn checksum(&self, id: SolvableId) -> Option<Checksum<'a>> {
        let kind = *ALGORITHMS.get(usize::from(self.checksum_kind[id.index()]))?;
        let start = self.checksum[id.index()] as usize;
        Some(Checksum { kind, bytes: self.digests.get(start..start + kind.length())? })
    }

    /// Fails if an id or index is out of bounds.
    pub(super) fn check(&self, strings: usize, dependencies: usize, repos: usize) -> Result<(), ImageError> {
        const WHAT: &str = "packages";
        let count = self.len();
        let texts = [self.name, self.version, self.arch, self.location, self.vendor, self.source, self.license];
        for texts in texts {
            check::length(WHAT, texts.len(), count)?;
            check::below(WHAT, texts, strings)?;
        }
        check::below(WHAT, self.repo, repos)?;
        let numbers = [self.repo.len(), self.size.len(), self.installed_size.len(), self.build_time.len()];
        let others = [self.provider_priority.len(), self.checksum_kind.len(), self.checksum.len()];
        for length in numbers.into_iter().chain(others) {
            check::length(WHAT, length, count)?;
        }
        check::runs(WHAT, self.runs, count * Kind::COUNT, self.dependencies.len())?;
        check::below(WHAT, self.dependencies, dependencies)?;
        check::runs(WHAT, self.file_runs, count, self.files.len())?;
        check::below(WHAT, self.files, strings)
    }
}

/// Defines the accessors of plain columns.
macro_rules! columns {
    ($($column:ident: $kind:ty),* $(,)?) => {
        impl Columns<'_> {
            $(pub(super) fn $column(&self, id: SolvableId) -> $kind {
                self.$column[id.index()]
            })*
        }
    };
}

columns! {
    name: StringId,
    version: StringId,
    arch: StringId,
    repo: RepoId,
    location: StringId,
    vendor: StringId,
    source: StringId,
    license: StringId,
    size: u64,
    installed_size: u64,
    build_time: i64,
    provider_priority: u32,
}
