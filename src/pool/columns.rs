//! The facts of all packages, a column a fact.

use super::{DependencyId, Kind, Package, RepoId, SolvableId, StringId};
use crate::digest::Algorithm;

/// Every algorithm, by the number that stands for it in the columns.
const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha224, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

/// A digest of a package file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum<'a> {
    /// The algorithm.
    pub kind: Algorithm,
    /// The digest; as many bytes as the kind has.
    pub bytes: &'a [u8],
}

const NO_CHECKSUM: u8 = u8::MAX;

/// One value a package, in flat arrays; dependency lists and files are runs of two more.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    name: Vec<StringId>,
    version: Vec<StringId>,
    arch: Vec<StringId>,
    repo: Vec<RepoId>,
    location: Vec<StringId>,
    vendor: Vec<StringId>,
    source: Vec<StringId>,
    license: Vec<StringId>,
    size: Vec<u64>,
    installed_size: Vec<u64>,
    build_time: Vec<i64>,
    provider_priority: Vec<u32>,
    checksum_kind: Vec<u8>,
    /// Where the digest begins in `digests`.
    checksum: Vec<u32>,
    digests: Vec<u8>,
    /// Where each run of a kind begins: `Kind::COUNT` a package. It ends where the next begins.
    runs: Vec<u32>,
    dependencies: Vec<DependencyId>,
    file_runs: Vec<u32>,
    files: Vec<StringId>,
    full: bool,
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.name.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full || self.len() >= u32::MAX as usize / 2
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = SolvableId> + ExactSizeIterator + Clone + use<> {
        (0..self.len()).map(SolvableId::from_index)
    }

    /// The place that the next entry of an array has; remembers when it no longer fits.
    fn place(&mut self, length: usize) -> u32 {
        u32::try_from(length).unwrap_or_else(|_| {
            self.full = true;
            u32::MAX
        })
    }

    /// Adds a package; `dependencies` are sorted by kind.
    pub(super) fn push(
        &mut self,
        repo: RepoId,
        package: &Package<'_>,
        dependencies: &[(Kind, DependencyId)],
        files: &[StringId],
    ) -> SolvableId {
        let id = SolvableId::from_index(self.len());
        self.name.push(package.name);
        self.version.push(package.version);
        self.arch.push(package.arch);
        self.repo.push(repo);
        self.location.push(package.location);
        self.vendor.push(package.vendor);
        self.source.push(package.source);
        self.license.push(package.license);
        self.size.push(package.size);
        self.installed_size.push(package.installed_size);
        self.build_time.push(package.build_time);
        self.provider_priority.push(package.provider_priority);
        let place = self.place(self.digests.len());
        self.checksum.push(place);
        match package.checksum.filter(|checksum| checksum.bytes.len() == checksum.kind.length()) {
            Some(checksum) => {
                self.checksum_kind.push(checksum.kind as u8);
                self.digests.extend_from_slice(checksum.bytes);
            }
            None => self.checksum_kind.push(NO_CHECKSUM),
        }
        let mut rest = dependencies;
        for kind in 0..Kind::COUNT {
            let place = self.place(self.dependencies.len());
            self.runs.push(place);
            let run = rest.partition_point(|&(of, _)| of as usize <= kind);
            self.dependencies.extend(rest[..run].iter().map(|&(_, dependency)| dependency));
            rest = &rest[run..];
        }
        let place = self.place(self.files.len());
        self.file_runs.push(place);
        self.files.extend_from_slice(files);
        id
    }

    /// Adds another's packages; its ids are looked up in the tables given.
    pub(super) fn append(&mut self, other: &Self, strings: &[StringId], dependencies: &[DependencyId], repos: &[RepoId]) {
        let text = |ids: &[StringId]| ids.iter().map(|id| strings[id.index()]).collect::<Vec<_>>();
        self.name.extend(text(&other.name));
        self.version.extend(text(&other.version));
        self.arch.extend(text(&other.arch));
        self.repo.extend(other.repo.iter().map(|id| repos[id.index()]));
        self.location.extend(text(&other.location));
        self.vendor.extend(text(&other.vendor));
        self.source.extend(text(&other.source));
        self.license.extend(text(&other.license));
        self.size.extend(&other.size);
        self.installed_size.extend(&other.installed_size);
        self.build_time.extend(&other.build_time);
        self.provider_priority.extend(&other.provider_priority);
        self.checksum_kind.extend(&other.checksum_kind);
        let moved = |base: u32, places: &[u32]| places.iter().map(|place| base.saturating_add(*place)).collect::<Vec<_>>();
        let base = self.place(self.digests.len());
        self.checksum.extend(moved(base, &other.checksum));
        self.digests.extend(&other.digests);
        let base = self.place(self.dependencies.len());
        self.runs.extend(moved(base, &other.runs));
        self.dependencies.extend(other.dependencies.iter().map(|id| dependencies[id.index()]));
        let base = self.place(self.files.len());
        self.file_runs.extend(moved(base, &other.file_runs));
        self.files.extend(text(&other.files));
        self.full |= other.full || u32::try_from(self.digests.len().max(self.dependencies.len()).max(self.files.len())).is_err();
    }

    /// Puts files that were told later into the packages' own runs.
    pub(super) fn add_late_files(&mut self, late: &mut Vec<(SolvableId, StringId)>) {
        if late.is_empty() {
            return;
        }
        late.sort_unstable();
        late.dedup();
        let mut files = Vec::with_capacity(self.files.len() + late.len());
        let mut runs = Vec::with_capacity(self.len());
        let mut rest = &late[..];
        for id in self.ids() {
            runs.push(self.place(files.len()));
            let own = self.files(id);
            files.extend_from_slice(own);
            let run = rest.partition_point(|&(of, _)| of <= id);
            files.extend(rest[..run].iter().map(|&(_, path)| path).filter(|path| !own.contains(path)));
            rest = &rest[run..];
        }
        self.files = files;
        self.file_runs = runs;
        late.clear();
    }

    pub(super) fn run(&self, id: SolvableId, first: Kind, last: Kind) -> &[DependencyId] {
        let base = id.index() * Kind::COUNT;
        let end = self.runs.get(base + last as usize + 1).map_or(self.dependencies.len(), |&end| end as usize);
        &self.dependencies[self.runs[base + first as usize] as usize..end]
    }

    pub(super) fn files(&self, id: SolvableId) -> &[StringId] {
        let end = self.file_runs.get(id.index() + 1).map_or(self.files.len(), |&end| end as usize);
        &self.files[self.file_runs[id.index()] as usize..end]
    }

    pub(super) fn checksum(&self, id: SolvableId) -> Option<Checksum<'_>> {
        let kind = *ALGORITHMS.get(usize::from(self.checksum_kind[id.index()]))?;
        let start = self.checksum[id.index()] as usize;
        Some(Checksum { kind, bytes: self.digests.get(start..start + kind.length())? })
    }
}

/// Defines the reading of plain columns.
macro_rules! columns {
    ($($column:ident: $kind:ty),* $(,)?) => {
        impl Columns {
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
