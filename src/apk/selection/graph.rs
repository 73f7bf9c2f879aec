//! The packages of a pool as apk sees them: one for each checksum, listed under each name that it
//! has or provides.
//!
//! apk's internal order affects its selection. Packages are in this order: installed, virtual, then
//! one repository after another. Names are in the order of apk's hash table (hash.c, blob.c).

use rustc_hash::FxHashMap;

use super::SelectionError;
use super::request::{RepositoryKind, Request, Rules};
use crate::apk::checksum;
use crate::apk::dependency::CHECKSUM;
use crate::apk::version;
use crate::pool::{Checksum, Dependency, Kind, Op, Pool, Solvable, SolvableId, StringId};

/// The index of a name in [`Graph::names`].
pub(super) type NameId = u32;
/// The index of a package in [`Graph::packages`].
pub(super) type PackageId = u32;

/// A dependency of a package or of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dep<'a> {
    pub(super) name: NameId,
    pub(super) op: Op,
    pub(super) version: &'a str,
}

impl Dep<'_> {
    pub(super) fn is_conflict(&self) -> bool {
        self.op.contains(Op::NOT)
    }
}

/// A package that has or provides a name. An empty version means none. Several chosen packages may
/// provide such a name at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Provider<'a> {
    pub(super) package: PackageId,
    pub(super) version: &'a str,
}

impl Provider<'_> {
    pub(super) fn is_virtual(&self) -> bool {
        self.version.is_empty()
    }
}

/// A package, whether in the root, in repositories or in both.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) name: NameId,
    pub(super) version: &'a str,
    /// The first solvable; its metadata counts.
    pub(super) facts: SolvableId,
    /// The solvable in the root.
    pub(super) installed: Option<SolvableId>,
    /// The first solvable outside the root that is not hidden: of a repository, a file, or virtual.
    pub(super) source: Option<SolvableId>,
    /// The repositories that have the package, as a bit set.
    pub(super) repos: u64,
    /// True if the package is a file that the user named.
    pub(super) is_file: bool,
    /// True if the package is available without a repository: virtual or cached.
    pub(super) is_cached: bool,
    /// True if the package may not be chosen ([`Request::hidden`]).
    pub(super) is_hidden: bool,
    pub(super) uninstallable: bool,
    pub(super) installed_size: u64,
    pub(super) priority: u32,
    /// The tag that the installed package is pinned to.
    pub(super) tag: u8,
    pub(super) provides: Vec<(NameId, &'a str)>,
    pub(super) depends: Vec<Dep<'a>>,
    pub(super) install_if: Vec<Dep<'a>>,
    opened: bool,
}

/// The packages and names of a request.
pub(super) struct Graph<'a> {
    pub(super) pool: &'a Pool,
    pub(super) rules: Rules,
    pub(super) names: Vec<&'a str>,
    pub(super) packages: Vec<Node<'a>>,
    /// The packages of the root, in the order of its database.
    pub(super) installed: Vec<PackageId>,
    /// The tags, each with the bit set of its repositories. The first one is the empty tag.
    pub(super) tags: Vec<(&'a str, u64)>,
    /// The reachable repositories, as a bit set.
    pub(super) available: u64,
    provider_starts: Vec<u32>,
    providers: Vec<Provider<'a>>,
    by_string: Vec<NameId>,
    extra: FxHashMap<&'a str, NameId>,
    install_if: FxHashMap<NameId, Vec<NameId>>,
    /// True if packages that are not installed may be chosen by their `install_if`.
    follows_install_if: bool,
}

const NO_NAME: NameId = NameId::MAX;
const REPOSITORY_LIMIT: usize = 64;
const TAG_LIMIT: usize = 64;

impl<'a> Graph<'a> {
    pub(super) fn new(pool: &'a Pool, request: &'a Request) -> Result<Self, SelectionError> {
        let mut graph = Self {
            pool,
            rules: request.rules.unwrap_or_else(|| Rules::of(pool)),
            names: Vec::new(),
            packages: Vec::with_capacity(pool.len()),
            installed: Vec::new(),
            tags: vec![("", 0)],
            available: 0,
            provider_starts: Vec::new(),
            providers: Vec::new(),
            by_string: vec![NO_NAME; pool.string_count()],
            extra: FxHashMap::default(),
            install_if: FxHashMap::default(),
            follows_install_if: !request.no_install_if,
        };
        for constraint in request.constraints() {
            graph.add_name(&constraint.name);
            graph.tag(constraint.tag.as_deref())?;
        }
        for tag in request.installed_tags.values() {
            graph.tag(Some(tag))?;
        }
        let kinds = graph.repositories(request)?;
        graph.add_packages(request, &kinds);
        graph.index();
        Ok(graph)
    }

    /// Returns the kind of each repository and its bit.
    fn repositories(&mut self, request: &Request) -> Result<Vec<(RepositoryKind, u64)>, SelectionError> {
        let mut kinds = Vec::new();
        let mut count = 0;
        for (id, repo) in self.pool.repos() {
            if self.pool.installed() == Some(id) {
                kinds.push((RepositoryKind::Local, 0));
                continue;
            }
            let kind = request.kind(id);
            if matches!(kind, RepositoryKind::Files | RepositoryKind::Virtual) {
                kinds.push((kind, 0));
                continue;
            }
            if count == REPOSITORY_LIMIT {
                return Err(SelectionError::TooMany { what: "repositories", limit: REPOSITORY_LIMIT });
            }
            let bit = 1 << count;
            count += 1;
            let tag = self.tag(repo.tag.map(|tag| self.pool.text(tag)))?;
            self.tags[tag as usize].1 |= bit;
            if kind != RepositoryKind::Unreachable {
                self.available |= bit;
            }
            kinds.push((kind, bit));
        }
        Ok(kinds)
    }

    fn tag(&mut self, tag: Option<&'a str>) -> Result<u8, SelectionError> {
        let tag = tag.unwrap_or_default();
        if let Some(place) = self.find_tag(tag) {
            return Ok(place);
        }
        if self.tags.len() == TAG_LIMIT {
            return Err(SelectionError::TooMany { what: "tags", limit: TAG_LIMIT });
        }
        self.tags.push((tag, 0));
        Ok(self.tags.len() as u8 - 1)
    }

    pub(super) fn find_tag(&self, tag: &str) -> Option<u8> {
        self.tags.iter().position(|known| known.0 == tag).map(|place| place as u8)
    }

    /// Returns the repositories of a set of tags.
    pub(super) fn allowed(&self, tags: u64) -> u64 {
        self.tags.iter().enumerate().filter(|(place, _)| tags >> place & 1 == 1).fold(0, |repos, (_, tag)| repos | tag.1)
    }

    /// Returns the repositories of a package. The pin of an installed package counts too.
    pub(super) fn repos_of(&self, package: PackageId) -> u64 {
        let node = &self.packages[package as usize];
        node.repos | if node.installed.is_some() { self.tags[node.tag as usize].1 } else { 0 }
    }

    pub(super) fn is_available(&self, package: PackageId) -> bool {
        let node = &self.packages[package as usize];
        node.is_file || node.repos & self.available != 0
    }

    fn add_packages(&mut self, request: &Request, kinds: &[(RepositoryKind, u64)]) {
        let mut by_checksum: FxHashMap<[u8; 20], PackageId> = FxHashMap::default();
        let root = self.pool.installed();
        let is_root = |solvable: &Solvable<'_>| Some(solvable.repo_id()) == root;
        let parts = (self.pool.solvables().filter(is_root)).chain(self.pool.solvables().filter(|solvable| !is_root(solvable)));
        for solvable in parts {
            let known = identity(solvable).map(|identity| {
                let next = self.packages.len() as PackageId;
                *by_checksum.entry(identity).or_insert(next)
            });
            let package = match known {
                Some(known) if (known as usize) < self.packages.len() => known,
                _ => self.add_package(solvable),
            };
            if is_root(&solvable) {
                let tag = request.installed_tags.get(solvable.name());
                let tag = tag.and_then(|tag| self.find_tag(tag)).unwrap_or(0);
                let node = &mut self.packages[package as usize];
                node.tag = tag;
                if node.installed.is_none() {
                    node.installed = Some(solvable.id());
                    self.installed.push(package);
                }
                continue;
            }
            let node = &mut self.packages[package as usize];
            if request.hidden.binary_search(&solvable.id()).is_ok() {
                node.is_hidden = true;
                continue;
            }
            let (kind, bit) = kinds[solvable.repo_id().index()];
            node.repos |= bit;
            node.is_file |= kind == RepositoryKind::Files;
            node.is_cached |= kind == RepositoryKind::Virtual || request.kept.binary_search(&solvable.id()).is_ok();
            node.source.get_or_insert(solvable.id());
        }
        for node in &mut self.packages {
            // A package hidden in one repository may still come from another one, or stay in the
            // root.
            node.is_hidden &= node.source.is_none() && node.installed.is_none();
            node.uninstallable |= node.is_hidden;
        }
    }

    fn add_package(&mut self, solvable: Solvable<'a>) -> PackageId {
        let name = self.name_of(solvable.name_id());
        let mut provides: Vec<(NameId, &'a str)> = Vec::new();
        let run = solvable.dependencies(Kind::Provides);
        let is_own = |dependency| {
            matches!(dependency, Dependency::Plain { name, op: Op::EQUAL, version }
                if name == solvable.name_id() && version == solvable.version_id())
        };
        let own = run.iter().rposition(|&id| is_own(self.pool.dependency(id)));
        for (place, &id) in run.iter().enumerate() {
            if let Dependency::Plain { name, version, .. } = self.pool.dependency(id)
                && Some(place) != own
            {
                let name = self.name_of(name);
                provides.push((name, self.pool.text(version)));
            }
        }
        let requires = solvable.requires();
        let is_invalid = |&id| matches!(self.pool.dependency(id), Dependency::Plain { op, .. } if op.contains(Op::INVALID));
        let invalid = requires.iter().chain(solvable.dependencies(Kind::Conflicts)).any(is_invalid);
        self.packages.push(Node {
            name,
            version: solvable.version(),
            facts: solvable.id(),
            installed: None,
            source: None,
            repos: 0,
            is_file: false,
            is_cached: false,
            uninstallable: invalid || solvable.arch_rank().is_none(),
            is_hidden: false,
            installed_size: solvable.installed_size(),
            priority: solvable.provider_priority(),
            tag: 0,
            provides,
            depends: Vec::new(),
            install_if: Vec::new(),
            opened: false,
        });
        self.packages.len() as PackageId - 1
    }

    /// Reads the dependencies of a package, once.
    pub(super) fn open(&mut self, package: PackageId) {
        if std::mem::replace(&mut self.packages[package as usize].opened, true) {
            return;
        }
        let solvable = self.pool.solvable(self.packages[package as usize].facts);
        let ordered = solvable.dependencies(Kind::Ordered);
        let depends = if ordered.is_empty() {
            let conflicts = self.deps(solvable.dependencies(Kind::Conflicts), Op::NOT);
            conflicts.into_iter().chain(self.deps(solvable.requires(), Op::ANY)).collect()
        } else {
            self.deps(ordered, Op::ANY)
        };
        let follows = self.follows_install_if || self.packages[package as usize].installed.is_some();
        let install_if = if follows { solvable.dependencies(Kind::InstallIf) } else { &[] };
        let install_if = self.deps(install_if, Op::ANY);
        let node = &mut self.packages[package as usize];
        (node.depends, node.install_if) = (depends, install_if);
    }

    fn deps(&mut self, run: &[crate::pool::DependencyId], with: Op) -> Vec<Dep<'a>> {
        let mut deps = Vec::with_capacity(run.len());
        for &id in run {
            if let Dependency::Plain { name, op, version } = self.pool.dependency(id) {
                let name = self.name_of(name);
                deps.push(Dep { name, op: op | with, version: self.pool.text(version) });
            }
        }
        deps
    }

    fn name_of(&mut self, string: StringId) -> NameId {
        let known = self.by_string[string.index()];
        if known != NO_NAME {
            return known;
        }
        let text = self.pool.text(string);
        let next = self.names.len() as NameId;
        self.by_string[string.index()] = next;
        self.names.push(text);
        next
    }

    fn add_name(&mut self, text: &'a str) -> NameId {
        match self.pool.find(text) {
            Some(string) => self.name_of(string),
            None => *self.extra.entry(text).or_insert_with(|| {
                self.names.push(text);
                self.names.len() as NameId - 1
            }),
        }
    }

    /// Returns the id of a name that some package or constraint mentions.
    pub(super) fn find_name(&self, text: &str) -> Option<NameId> {
        let known = self.pool.find(text).map(|string| self.by_string[string.index()]).filter(|&name| name != NO_NAME);
        known.or_else(|| self.extra.get(text).copied())
    }

    fn index(&mut self) {
        for package in 0..self.packages.len() as PackageId {
            let solvable = self.pool.solvable(self.packages[package as usize].facts);
            if !solvable.dependencies(Kind::InstallIf).is_empty() || self.packages[package as usize].installed.is_some() {
                self.open(package);
            }
        }
        let names = self.names.len();
        self.provider_starts = vec![0; names + 1];
        for node in &self.packages {
            for name in std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0)) {
                self.provider_starts[name as usize + 1] += 1;
            }
        }
        for place in 1..=names {
            self.provider_starts[place] += self.provider_starts[place - 1];
        }
        let mut next = self.provider_starts.clone();
        self.providers = vec![Provider::default(); self.provider_starts[names] as usize];
        for (package, node) in self.packages.iter().enumerate() {
            let package = package as PackageId;
            for (name, version) in std::iter::once((node.name, node.version)).chain(node.provides.iter().copied()) {
                self.providers[next[name as usize] as usize] = Provider { package, version };
                next[name as usize] += 1;
            }
        }
        let conditional = (self.packages.iter()).filter(|node| !node.install_if.is_empty());
        let mut pairs: Vec<(u32, std::cmp::Reverse<NameId>, NameId)> = Vec::new();
        for node in conditional {
            for name in std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0)) {
                let bucket = bucket(self.names[name as usize]);
                pairs.extend(node.install_if.iter().map(|dep| (bucket, std::cmp::Reverse(name), dep.name)));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        for (_, std::cmp::Reverse(name), condition) in pairs {
            self.install_if.entry(condition).or_default().push(name);
        }
    }

    /// Returns the packages that have or provide a name.
    pub(super) fn providers(&self, name: NameId) -> &[Provider<'a>] {
        match self.provider_starts.get(name as usize..name as usize + 2) {
            Some(run) => &self.providers[run[0] as usize..run[1] as usize],
            // A name that was added after the index was built has no providers.
            None => &[],
        }
    }

    /// Returns the names of packages whose `install_if` mentions this name.
    pub(super) fn reverse_install_if(&self, name: NameId) -> &[NameId] {
        self.install_if.get(&name).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn node(&self, package: PackageId) -> &Node<'a> {
        &self.packages[package as usize]
    }

    /// Returns the dependants of each name, in the order of apk's hash table. Names of installed
    /// packages are included, and those that `wanted` selects. A name depends on the dependencies
    /// of all its packages.
    pub(super) fn reverse_depends(&mut self, wanted: impl Fn(NameId) -> bool) -> Vec<Vec<NameId>> {
        let mut takes_part: Vec<bool> = (0..self.names.len() as NameId).map(wanted).collect();
        for &package in &self.installed {
            let node = self.node(package);
            for name in std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0)) {
                takes_part[name as usize] = true;
            }
        }
        let mut order: Vec<NameId> = (0..takes_part.len() as NameId).filter(|&name| takes_part[name as usize]).collect();
        order.sort_by_cached_key(|&name| self.table_order(name));
        for &name in &order {
            for place in 0..self.providers(name).len() {
                let package = self.providers(name)[place].package;
                self.open(package);
            }
        }
        // Opening packages adds names that no package provides.
        let mut reverse: Vec<Vec<NameId>> = vec![Vec::new(); self.names.len()];
        for name in order {
            for provider in self.providers(name) {
                for dep in &self.node(provider.package).depends {
                    let dependants = &mut reverse[dep.name as usize];
                    if dependants.last() != Some(&name) {
                        dependants.push(name);
                    }
                }
            }
        }
        reverse
    }

    /// Returns the installed package of this name.
    pub(super) fn installed_of(&self, name: NameId) -> Option<PackageId> {
        let own = |provider: &&Provider<'_>| {
            let node = self.node(provider.package);
            node.name == name && node.installed.is_some()
        };
        self.providers(name).iter().find(own).map(|provider| provider.package)
    }

    /// Returns `name-version`.
    pub(super) fn id_text(&self, package: PackageId) -> String {
        let node = self.node(package);
        format!("{}-{}", self.names[node.name as usize], node.version)
    }

    /// Reports whether a provider (`None`: no provider) satisfies `dep` of `by`
    /// (`apk_dep_is_provided`).
    pub(super) fn is_provided(&self, by: Option<PackageId>, dep: &Dep<'_>, provider: Option<Provider<'_>>) -> bool {
        let Some(provider) = provider else { return dep.is_conflict() };
        let is_two = self.rules == Rules::Apk2;
        if dep.is_conflict() && by == Some(provider.package) && !is_two {
            return true;
        }
        if dep.op == CHECKSUM {
            return self.has_checksum(provider.package, dep.version);
        }
        if is_two && provider.is_virtual() && !dep.version.is_empty() {
            // Version 3 treats a missing version as lower than any other instead.
            return dep.is_conflict();
        }
        version::matches(provider.version, dep.op, dep.version)
    }

    fn has_checksum(&self, package: PackageId, text: &str) -> bool {
        let Some((kind, bytes)) = checksum::decode(text.as_bytes()) else { return false };
        let wanted = Checksum { kind, bytes: &bytes[..kind.length()] };
        self.pool.solvable(self.node(package).facts).checksum() == Some(wanted)
    }

    /// Returns whether `package` satisfies `dep`, or `None` if it does not have that name
    /// (`apk_dep_analyze`).
    pub(super) fn analyze(&self, by: Option<PackageId>, dep: &Dep<'_>, package: PackageId) -> Option<bool> {
        let node = self.node(package);
        if dep.name == node.name {
            // A conflict of a package with itself counts here, as in `apk_dep_is_materialized`.
            return Some(self.is_provided(None, dep, Some(Provider { package, version: node.version })));
        }
        let (_, version) = node.provides.iter().find(|provide| provide.0 == dep.name)?;
        Some(self.is_provided(by, dep, Some(Provider { package, version })))
    }

    /// Returns the sort key of a name for the order of apk's hash table.
    pub(super) fn table_order(&self, name: NameId) -> (u32, std::cmp::Reverse<NameId>) {
        (bucket(self.names[name as usize]), std::cmp::Reverse(name))
    }
}

/// Returns the identity of a package: the first 20 bytes of its checksum.
fn identity(solvable: Solvable<'_>) -> Option<[u8; 20]> {
    solvable.checksum()?.bytes.first_chunk::<20>().copied()
}

/// Returns the bucket of a name in apk's hash table: murmur3 with apk's seed and table size.
fn bucket(name: &str) -> u32 {
    const BUCKETS: u32 = 20_000;
    let mut hash: u32 = 5381;
    let mut chunks = name.as_bytes().chunks_exact(4);
    let scramble = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
        hash = (hash ^ scramble(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash ^= scramble(rest.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)));
    }
    hash ^= name.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    (hash ^ hash >> 16) % BUCKETS
}
