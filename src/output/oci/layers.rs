//! Assignment of a tree's names to layers. Files that change together share a layer, and unchanged
//! layers keep their digests.
//!
//! The files of packages of one source change together. The largest sources get a layer each. The
//! other sources share some layers by a digest of their names. The last layer has everything that
//! no package contains in this form (databases, caches, changed configuration), because it changes
//! with every build. The layer of a source depends on three things: its name, the largest power of
//! two that is not above its size, and which sources are larger. So a package may grow a little, be
//! added or be removed while all other layers stay the same.

use rustc_hash::FxHashMap;

use crate::digest::{Algorithm, Digest};
use crate::output::origin::Origin;
use crate::package::Content;
use crate::tree::{Metadata, Node, NodeId, NodeKind, Tree};

/// The time of a directory in layers that share it. The last of these layers has the real time, so
/// that the others do not change with it.
const SHARED: i64 = 0;

/// The size of a name in an archive beside its content, in bytes.
const HEADER: u64 = 512;

/// A layer before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// A description of the content.
    pub(super) what: String,
    /// The names in the layer, sorted, directories before their content.
    pub(super) members: Vec<Member>,
}

/// A name of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    /// The node; `None` for a mark, which is an empty file.
    pub(super) id: Option<NodeId>,
    /// A time that replaces the node's own.
    pub(super) time: Option<i64>,
}

/// Divides a tree into at most `count` layers. The layer that changes most often is the last.
pub(super) fn cut(tree: &Tree, origins: &[Origin], count: usize) -> Vec<Layer> {
    let mut paths = vec![(Vec::new(), Tree::ROOT)];
    tree.walk(|path, id| paths.push((path.to_vec(), id)));
    if count <= 1 {
        let members = paths.into_iter().map(|(path, id)| Member { path, id: Some(id), time: None }).collect();
        return vec![Layer { what: "everything".to_owned(), members }];
    }
    let sources = Sources::of(tree, origins, &paths);
    let (of_source, mut titles) = sources.share_out(count - 1);
    titles.push("what is made of them: databases, caches, configuration".to_owned());
    let last = titles.len() - 1;

    // The layers that each name is in, one bit per layer: its own layer, and for a directory the
    // layers of everything below it.
    let own = |id: NodeId| sources.of_node(tree.node(id)).and_then(|source| of_source.get(source)).copied().unwrap_or(last);
    let mut layers_of: Vec<u128> = paths.iter().map(|&(_, id)| 1 << own(id)).collect();
    let place: FxHashMap<&[u8], usize> = paths.iter().enumerate().map(|(i, (path, _))| (path.as_slice(), i)).collect();
    for i in (1..paths.len()).rev() {
        let path = &paths[i].0;
        let parent = path.iter().rposition(|&c| c == b'/').map_or(&b""[..], |at| &path[..at]);
        if let Some(&parent) = place.get(parent) {
            layers_of[parent] |= layers_of[i];
        }
    }
    // The root exists in every layer implicitly; only the last layer sets its attributes.
    if let Some(root) = layers_of.first_mut() {
        *root = 1 << last;
    }
    let mut layers: Vec<Layer> = titles.into_iter().map(|what| Layer { what, members: Vec::new() }).collect();
    for ((path, id), layers_of) in paths.iter().zip(layers_of) {
        let is_shared = layers_of.count_ones() > 1;
        let layers_of = if is_shared { layers_of | 1 << last } else { layers_of };
        for (i, layer) in layers.iter_mut().enumerate().filter(|(i, _)| layers_of >> i & 1 == 1) {
            let time = (is_shared && i != last).then_some(SHARED);
            layer.members.push(Member { path: path.clone(), id: Some(*id), time });
        }
    }
    layers.retain(|layer| !layer.members.is_empty());
    layers
}

/// The sources of a tree's packages.
struct Sources<'a> {
    /// Names, sorted.
    names: Vec<&'a str>,
    /// The source of each package.
    of_package: Vec<usize>,
    /// The size of each source, in bytes.
    sizes: Vec<u64>,
}

impl<'a> Sources<'a> {
    fn of(tree: &Tree, origins: &'a [Origin], paths: &[(Vec<u8>, NodeId)]) -> Self {
        let mut names: Vec<&str> = origins.iter().map(|origin| origin.source.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let of_package = origins.iter().map(|origin| names.binary_search(&origin.source.as_str()).unwrap_or(0)).collect();
        let mut sources = Self { sizes: vec![0; names.len()], names, of_package };
        let mut seen = rustc_hash::FxHashSet::default();
        for &(_, id) in paths {
            let node = tree.node(id);
            if let Some(source) = sources.of_node(node) {
                let content = if seen.insert(id) { node.content().map_or(0, Content::len) } else { 0 };
                sources.sizes[source] += HEADER + content;
            }
        }
        sources
    }

    /// Returns the source whose layer a node belongs to; `None` if the node differs from its
    /// package's.
    fn of_node(&self, node: &Node) -> Option<usize> {
        let is_changed = node.metadata.mtime == Metadata::NOW
            // Code that changes a content clears its digest. An empty file has the same content
            // whether or not a package states a digest.
            || matches!(&node.kind, NodeKind::File(content) if node.digest.is_none() && !content.is_empty());
        node.package.filter(|_| !is_changed).and_then(|package| self.of_package.get(package.0 as usize).copied())
    }

    /// Returns the layer of each source, of at most `count` layers, and a description of each
    /// layer.
    fn share_out(&self, count: usize) -> (Vec<usize>, Vec<String>) {
        let mut order: Vec<usize> = (0..self.names.len()).filter(|&source| self.sizes[source] > 0).collect();
        // Names are sorted, so equal sizes stay in the order of names.
        order.sort_by_key(|&source| std::cmp::Reverse(self.sizes[source].ilog2()));
        // Half of the layers are shared. That suits both a few large sources among small ones and
        // many sources of similar size.
        let shared = if order.len() <= count { 0 } else { count.div_ceil(2) };
        let alone = order.len().min(count - shared);
        let mut of_source = vec![usize::MAX; self.names.len()];
        let mut members: Vec<Vec<&str>> = vec![Vec::new(); alone + shared];
        for (rank, &source) in order.iter().enumerate() {
            let layer = if rank < alone { rank } else { alone + bucket(self.names[source], shared) };
            of_source[source] = layer;
            members[layer].push(self.names[source]);
        }
        // Layers that nothing fell into are left out.
        let mut numbers = Vec::with_capacity(members.len());
        let mut titles = Vec::new();
        for names in &mut members {
            numbers.push(titles.len());
            if !names.is_empty() {
                names.sort_unstable();
                titles.push(names.join(" "));
            }
        }
        for layer in &mut of_source {
            *layer = numbers.get(*layer).copied().unwrap_or(usize::MAX);
        }
        (of_source, titles)
    }
}

/// Returns one of `count` buckets, always the same one for a name.
fn bucket(name: &str, count: usize) -> usize {
    let digest = Digest::of(Algorithm::Sha256, name.as_bytes());
    let start = digest.bytes().iter().take(4).fold(0usize, |number, &byte| number << 8 | usize::from(byte));
    start % count.max(1)
}
