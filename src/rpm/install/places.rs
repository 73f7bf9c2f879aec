//! Places: finds paths of a transaction's packages that lead to the same directory.
//!
//! In: the tree and the packages. Out: a number for each directory, the same for all paths that
//! lead to it. Paths are resolved through the links of the tree and of the transaction
//! (`lib/fprint.c`: `fpCachePopulate`, `fpLookupSubdir`).

use rustc_hash::FxHashMap;

use super::Unpacked;
use crate::rpm::database::FileState;
use crate::rpm::files::FileKind;
use crate::tree::{NodeKind, Tree, split};

/// Maximum number of links to follow in one path, as in Linux.
const MOST_LINKS: u32 = 40;
/// Maximum number of rounds that resolve the paths of links. Each round resolves one more level of
/// links that are reached through other links.
const MOST_ROUNDS: u32 = 16;

/// The directories that paths of a transaction lead to.
pub(super) struct Places<'a> {
    tree: &'a Tree,
    /// The target of each link of the transaction, by the link's real path.
    links: FxHashMap<Vec<u8>, &'a [u8]>,
    /// The number of each real directory.
    numbers: FxHashMap<Vec<u8>, u32>,
    /// The number of the directory that a path of a package leads to.
    known: FxHashMap<&'a [u8], u32>,
}

impl<'a> Places<'a> {
    /// Collects the links among the files to be installed. Like rpm, it includes `%ghost` links.
    pub(super) fn new(tree: &'a Tree, packages: &'a [Unpacked], states: &[Vec<FileState>]) -> Self {
        let files = packages.iter().zip(states).flat_map(|(package, states)| package.files.iter().zip(states));
        let links: Vec<(&[u8], &[u8])> = files
            .filter(|(file, state)| {
                **state == FileState::Normal && file.kind == FileKind::Symlink && !file.link_target.is_empty()
            })
            .map(|(file, _)| (&*file.path, &*file.link_target))
            .collect();
        let mut places = Self { tree, links: FxHashMap::default(), numbers: FxHashMap::default(), known: FxHashMap::default() };
        for _ in 0..MOST_ROUNDS {
            let count = places.links.len();
            places.add_links(&links);
            if places.links.len() == count {
                break;
            }
        }
        places
    }

    /// Returns the number of the directory that `path` leads to.
    pub(super) fn directory(&mut self, path: &'a [u8]) -> u32 {
        if let Some(&number) = self.known.get(path) {
            return number;
        }
        let next = self.numbers.len() as u32;
        let number = *self.numbers.entry(self.real_path(path)).or_insert(next);
        self.known.insert(path, number);
        number
    }

    fn add_links(&mut self, links: &[(&'a [u8], &'a [u8])]) {
        let mut last: Option<(&[u8], Vec<u8>)> = None;
        for &(path, target) in links {
            let (directory, name) = split(path);
            let real = match last.take() {
                Some((of, real)) if of == directory => real,
                _ => self.real_path(directory),
            };
            let link = [&real, &b"/"[..], name].concat();
            self.links.entry(link).or_insert(target);
            last = Some((directory, real));
        }
    }

    /// Returns the link-free path of the directory that `path` leads to; the root is empty. After
    /// [`MOST_LINKS`] links, further links stay in the path unresolved, so cycles end.
    fn real_path(&self, path: &[u8]) -> Vec<u8> {
        let mut real: Vec<u8> = Vec::with_capacity(path.len());
        let mut nodes = vec![Some(Tree::ROOT)];
        let mut followed = 0;
        let mut pending: Vec<&[u8]> = Vec::new();
        push_names(&mut pending, path);
        while let Some(name) = pending.pop() {
            if name == b".." {
                nodes.truncate((nodes.len() - 1).max(1));
                real.truncate(real.iter().rposition(|&c| c == b'/').unwrap_or(0));
                continue;
            }
            let length = real.len();
            real.push(b'/');
            real.extend_from_slice(name);
            let node = nodes.last().copied().flatten().and_then(|directory| self.tree.child(directory, name));
            let target = match node.map(|id| &self.tree.node(id).kind) {
                Some(NodeKind::Symlink(target)) => Some(&**target),
                Some(_) => None,
                None => self.links.get(&real).copied(),
            };
            match target {
                Some(target) if followed < MOST_LINKS => {
                    followed += 1;
                    real.truncate(length);
                    if target.starts_with(b"/") {
                        real.clear();
                        nodes.truncate(1);
                    }
                    push_names(&mut pending, target);
                }
                _ => nodes.push(node),
            }
        }
        real
    }
}

/// Pushes the names of `path` so that the first is on top.
fn push_names<'p>(pending: &mut Vec<&'p [u8]>, path: &'p [u8]) {
    pending.extend(path.rsplit(|&c| c == b'/').filter(|name| !name.is_empty() && *name != b"."));
}
