//! The model of the root file system: every node with its mode, owner, times, attributes and
//! content, in memory.
//!
//! Input: entries of packages, merged by the rules of their ecosystem; changes by scriptlets and
//! finishing steps. Output: a tree that `output/` writes. The model never touches a file system,
//! and no path in it leads outside it.

mod node;
mod path;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use node::{Directory, Metadata, Node, NodeId, NodeKind, PackageIndex};
pub use path::{Place, display};

use crate::package::Content;

/// An error of an operation on a path in the tree. Each variant contains the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The node, or a directory of its path, does not exist.
    #[error("{0}: no such file or directory")]
    NotFound(String),
    /// A name in the path is not a directory.
    #[error("{0}: not a directory")]
    NotADirectory(String),
    /// The node is a directory, and the operation allows none.
    #[error("{0}: is a directory")]
    IsADirectory(String),
    /// The name already exists.
    #[error("{0}: exists already")]
    Exists(String),
    /// A directory that is to be removed is not empty.
    #[error("{0}: directory not empty")]
    NotEmpty(String),
    /// The path has more than 40 symbolic links.
    #[error("{0}: too many levels of symbolic links")]
    TooManyLinks(String),
    /// A name or path that no file system accepts: with NUL, with a name over 255 bytes, or over
    /// 4,095 bytes in total.
    #[error("{0}: not a possible path")]
    BadPath(String),
    /// A symbolic link whose target is empty, contains a NUL or is longer than a path may be.
    #[error("{0}: not a possible target of a symbolic link")]
    BadTarget(String),
    /// The content could not be read back from the spool.
    #[error("{0}: {1}")]
    Unreadable(String, String),
}

/// A root file system in memory.
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
    /// Creates an empty root: one directory with mode 0755.
    pub fn new() -> Self {
        Self { nodes: vec![Node::directory(0o755)] }
    }

    /// The root directory.
    pub const ROOT: NodeId = NodeId(0);

    /// Returns the node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Returns the node with this id for changes. Its kind may change too, but never from or to a
    /// directory.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// Returns the parent of a directory; the root is its own parent.
    pub fn parent(&self, directory: NodeId) -> NodeId {
        match &self.node(directory).kind {
            NodeKind::Directory(d) => d.parent,
            _ => Self::ROOT,
        }
    }

    /// Returns the node with this name in a directory.
    pub fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        match &self.node(directory).kind {
            NodeKind::Directory(d) => d.entries.get(name).copied(),
            _ => None,
        }
    }

    /// Returns the absolute path of a directory; the root is `/`.
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

    /// Inserts a new node under an unused name in `directory`.
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

    /// Adds a name (a hard link) for a node that is not a directory.
    pub fn link(&mut self, directory: NodeId, name: &[u8], id: NodeId) -> Result<(), TreeError> {
        if self.node(id).is_directory() {
            return Err(TreeError::IsADirectory(display(name)));
        }
        self.bind(directory, name, id).map(drop)
    }

    /// Adds a name to a directory and returns the length of the resulting path. The length of every
    /// path is limited, whatever links lead to its directory. So the depth of the tree is limited,
    /// and every path fits every output format.
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

    /// Removes a name from a directory, with everything below it, and returns the id of its node.
    /// The node itself remains, for its other names.
    pub fn unbind(&mut self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        match &mut self.nodes[directory.0 as usize].kind {
            NodeKind::Directory(d) => d.entries.remove(name),
            _ => None,
        }
    }

    /// Returns the content of the regular file at `path`, following links.
    pub fn read(&self, path: &[u8]) -> Result<&Content, TreeError> {
        let id = self.resolve(path).ok_or_else(|| TreeError::NotFound(display(path)))?;
        self.node(id).content().ok_or_else(|| TreeError::IsADirectory(display(path)))
    }

    /// Returns the text of the file at `path` (lossily decoded), or an empty string if there is no
    /// such file.
    pub fn read_text(&self, path: &[u8]) -> String {
        let bytes = self.read(path).ok().and_then(|content| content.bytes().ok());
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Makes `path` a regular file with this content, following links. An existing file keeps its
    /// mode, owner and package; a new one gets `mode`. Missing parent directories are created.
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

    /// Removes the node at `path` and everything below it, without following a link at the end.
    /// Returns false if nothing was there.
    pub fn remove(&mut self, path: &[u8]) -> bool {
        match self.locate(path) {
            Ok(Place { parent, name, node: Some(_) }) if !name.is_empty() => self.unbind(parent, &name).is_some(),
            _ => false,
        }
    }

    /// Calls `visit` for every name except the root: parents first, and in byte order within each
    /// directory. Paths have no leading slash.
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

/// Splits a path into its directory and its last name. `/a` is in `/`; a path without a slash is in
/// the root.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&c| c == b'/') {
        Some(0) => (b"/", &path[1..]),
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"/", path),
    }
}

/// Resolves `path` relative to `directory`; an absolute path is returned unchanged.
pub fn join(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    [directory, b"/", path].concat()
}
