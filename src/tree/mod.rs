//! The model of the root: every node with its mode, owner, times, attributes and content, before anything is on disk.
//!
//! In: entries of packages, merged by the rules of their ecosystem; changes by scriptlets and finishing steps. Out: a tree that
//! `output/` writes. It never touches a file system, and no path in it leads outside it.

mod node;
mod path;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use node::{Directory, Metadata, Node, NodeId, NodeKind, PackageIndex};
pub use path::{Place, display};

use crate::package::Content;

/// What cannot be done with a path in the tree; each holds the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A directory on the way does not exist, or the node itself.
    #[error("{0}: no such file or directory")]
    NotFound(String),
    /// A name on the way is not a directory.
    #[error("{0}: not a directory")]
    NotADirectory(String),
    /// A directory where none is expected.
    #[error("{0}: is a directory")]
    IsADirectory(String),
    /// Something is there already.
    #[error("{0}: exists already")]
    Exists(String),
    /// A directory that is to be removed holds something.
    #[error("{0}: directory not empty")]
    NotEmpty(String),
    /// More than 40 symbolic links on the way.
    #[error("{0}: too many levels of symbolic links")]
    TooManyLinks(String),
    /// A name or path that no file system takes: NUL, a name over 255 bytes, a path over 4,095.
    #[error("{0}: not a possible path")]
    BadPath(String),
    /// A symbolic link to nothing at all, with a NUL in its target, or with one that is longer than a path.
    #[error("{0}: not a possible target of a symbolic link")]
    BadTarget(String),
    /// The content could not be read back from the spool.
    #[error("{0}: {1}")]
    Unreadable(String, String),
}

/// A root file system that is nowhere yet.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// An empty root: one directory, 0755.
    pub fn new() -> Self {
        Self { nodes: vec![Node::directory(0o755)] }
    }

    /// The root directory.
    pub const ROOT: NodeId = NodeId(0);

    /// A node by its id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// A node to be changed. Its kind may change too, but never from or to a directory.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The directory that holds this directory; the root's is the root.
    pub fn parent(&self, directory: NodeId) -> NodeId {
        match &self.node(directory).kind {
            NodeKind::Directory(d) => d.parent,
            _ => Self::ROOT,
        }
    }

    /// The node of a name in a directory.
    pub fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        match &self.node(directory).kind {
            NodeKind::Directory(d) => d.entries.get(name).copied(),
            _ => None,
        }
    }

    /// The path of a directory from the root, absolute; the root is `/`.
    pub fn directory_path(&self, mut directory: NodeId) -> Vec<u8> {
        let mut names: Vec<&[u8]> = Vec::new();
        while directory != Self::ROOT {
            let parent = self.parent(directory);
            if let NodeKind::Directory(d) = &self.node(parent).kind
                && let Some((name, _)) = d.entries().find(|&(_, id)| id == directory)
            {
                names.push(name);
            }
            directory = parent;
        }
        if names.is_empty() {
            return b"/".to_vec();
        }
        names.iter().rev().flat_map(|name| b"/".iter().chain(name.iter())).copied().collect()
    }

    /// Puts a new node under a name that is free in `directory`.
    pub fn insert(&mut self, directory: NodeId, name: &[u8], mut node: Node) -> Result<NodeId, TreeError> {
        let id = NodeId(u32::try_from(self.nodes.len()).map_err(|_| TreeError::BadPath(display(name)))?);
        if let NodeKind::Symlink(target) = &node.kind {
            path::check_target(target)?;
        }
        let length = self.bind(directory, name, id)?;
        if let NodeKind::Directory(d) = &mut node.kind {
            (d.parent, d.length) = (directory, length);
        }
        self.nodes.push(node);
        Ok(id)
    }

    /// Gives a node that is not a directory one more name: a hard link.
    pub fn link(&mut self, directory: NodeId, name: &[u8], id: NodeId) -> Result<(), TreeError> {
        if self.node(id).is_directory() {
            return Err(TreeError::IsADirectory(display(name)));
        }
        self.bind(directory, name, id).map(drop)
    }

    /// The length of the path that the name gives the node. No path is longer than one may be, by whatever links its directory was reached: so
    /// the tree is never deep, and every one of its paths has a name in every form of output.
    fn bind(&mut self, directory: NodeId, name: &[u8], id: NodeId) -> Result<u16, TreeError> {
        path::check_path(name)?;
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
            return Err(TreeError::BadPath(display(name)));
        }
        let NodeKind::Directory(d) = &mut self.nodes[directory.0 as usize].kind else {
            return Err(TreeError::NotADirectory(display(name)));
        };
        if d.entries.contains_key(name) {
            return Err(TreeError::Exists(display(name)));
        }
        let length = path::longer(d.length, name)?;
        d.entries.insert(Arc::from(name), id);
        Ok(length)
    }

    /// Takes a name out of a directory, with all below it, and returns its node's id (the node itself stays, for other names).
    pub fn unbind(&mut self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        match &mut self.nodes[directory.0 as usize].kind {
            NodeKind::Directory(d) => d.entries.remove(name),
            _ => None,
        }
    }

    /// The content of the regular file at `path`, following links.
    pub fn read(&self, path: &[u8]) -> Result<&Content, TreeError> {
        let id = self.resolve(path).ok_or_else(|| TreeError::NotFound(display(path)))?;
        self.node(id).content().ok_or_else(|| TreeError::IsADirectory(display(path)))
    }

    /// The text of the file at `path` (lossily decoded), or nothing where there is no such file.
    pub fn read_text(&self, path: &[u8]) -> String {
        let bytes = self.read(path).ok().and_then(|content| content.bytes().ok());
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Makes `path` a regular file with this content, following links. An existing file keeps its mode, owner and package, a new
    /// one gets `mode`; directories on the way are made.
    pub fn write(&mut self, path: &[u8], content: Content, mode: u16) -> Result<NodeId, TreeError> {
        let (directory, name) = split(path);
        self.create_directories(directory)?;
        let place = self.locate_following(path)?;
        match place.node {
            Some(id) => {
                let node = self.node_mut(id);
                if node.is_directory() {
                    return Err(TreeError::IsADirectory(display(name)));
                }
                node.kind = NodeKind::File(content);
                node.metadata.mtime = Metadata::NOW;
                node.digest = None;
                Ok(id)
            }
            None => self.insert(place.parent, &place.name, Node::file(content, mode)),
        }
    }

    /// Removes what is at `path` with all below it, not following a link at the end. `false` when nothing was there.
    pub fn remove(&mut self, path: &[u8]) -> bool {
        match self.locate(path) {
            Ok(Place { parent, name, node: Some(_) }) if !name.is_empty() => self.unbind(parent, &name).is_some(),
            _ => false,
        }
    }

    /// Calls `visit` for every name but the root, in the order of the paths' bytes within each directory, parents first. Paths have
    /// no leading slash.
    pub fn walk(&self, mut visit: impl FnMut(&[u8], NodeId)) {
        fn below(tree: &Tree, directory: NodeId, path: &mut Vec<u8>, visit: &mut impl FnMut(&[u8], NodeId)) {
            let NodeKind::Directory(d) = &tree.node(directory).kind else { return };
            for (name, id) in d.entries() {
                let length = path.len();
                if length > 0 {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                visit(path, id);
                below(tree, id, path, visit);
                path.truncate(length);
            }
        }
        below(self, Self::ROOT, &mut Vec::new(), &mut visit);
    }
}

/// A path's directory and last name. `/a` is in `/`; a path without a slash is in the root.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&c| c == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"/", path),
    }
}

/// `path` as seen from `directory`: itself when it is absolute.
pub fn join(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    [directory, b"/", path].concat()
}
