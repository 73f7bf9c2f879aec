//! The blobs of a layout: in a directory, or in an archive that was read as a tree. The digest of
//! every blob is verified before the blob is used.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, ImageIndex, MediaType};
use serde::de::DeserializeOwned;

use super::config::platform as oci_platform;
use super::layout::{BLOBS, REF_NAME, is_hex, read_index_by};
use super::members::{self, What};
use crate::catalog::Platform;
use crate::compression::{Bounded, decompress};
use crate::digest::{Algorithm, Hasher};
use crate::output::error::OutputError;
use crate::package::{Content, Spool};
use crate::tree::{NodeId, NodeKind, Tree, TreeError, split};

/// The maximal size of a document, in bytes. Larger documents are not read.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// The blobs of a layout.
pub(super) struct Blobs<'a> {
    place: &'a Path,
    /// The content of the archive, if the place is an archive; `None` for a directory.
    archive: Option<&'a Tree>,
}

impl<'a> Blobs<'a> {
    /// Returns the blobs of a directory.
    pub(super) fn directory(place: &'a Path) -> Self {
        Self { place, archive: None }
    }

    /// Returns the blobs of an archive, whose members form a tree.
    pub(super) fn archive(place: &'a Path, members: &'a Tree) -> Self {
        Self { place, archive: Some(members) }
    }

    /// Reads the top-level index of the layout.
    pub(super) fn index(&self) -> Result<ImageIndex, OutputError> {
        read_index_by(self.place, |name| self.file(name))
    }

    fn file(&self, name: &str) -> io::Result<Content> {
        match self.archive {
            None => File::open(self.place.join(name)).and_then(Content::from_file),
            Some(tree) => tree.read(name.as_bytes()).cloned().map_err(|error| io::Error::new(io::ErrorKind::NotFound, error)),
        }
    }

    pub(super) fn problem(&self, problem: String) -> OutputError {
        OutputError::NotALayout { out: self.place.to_owned(), problem }
    }

    /// Returns the entry with the tag, or the only entry.
    pub(super) fn named(&self, index: &ImageIndex, tag: Option<&str>) -> Result<Descriptor, OutputError> {
        let tag_of = |entry: &Descriptor| entry.annotations().as_ref().and_then(|annotations| annotations.get(REF_NAME).cloned());
        let entries = index.manifests();
        let found = match tag {
            Some(tag) => entries.iter().find(|entry| tag_of(entry).as_deref() == Some(tag)),
            // Several tags of one image are one.
            None => entries.first().filter(|first| entries.iter().all(|entry| entry.digest() == first.digest())),
        };
        found.cloned().ok_or_else(|| {
            let tags: Vec<String> = entries.iter().filter_map(tag_of).collect();
            let has = if tags.is_empty() { "it has none".to_owned() } else { format!("it has {}", tags.join(", ")) };
            self.problem(
                tag.map_or_else(|| format!("say which tag of it: {has}"), |tag| format!("no image has the tag {tag}; {has}")),
            )
        })
    }

    /// Returns the manifest of a platform. Searches nested indexes at any depth.
    pub(super) fn of_platform(&self, entry: Descriptor, platform: &Platform) -> Result<Descriptor, OutputError> {
        let own = oci_platform(platform)?;
        let mut pending = vec![(entry, 0)];
        while let Some((entry, depth)) = pending.pop() {
            match entry.media_type() {
                MediaType::ImageManifest => return Ok(entry),
                MediaType::ImageIndex if depth < 4 => {
                    let index: ImageIndex = self.document(&entry)?;
                    let fits = |entry: &&Descriptor| {
                        entry.platform().as_ref().is_none_or(|other| {
                            (other.os(), other.architecture(), other.variant()) == (own.os(), own.architecture(), own.variant())
                        })
                    };
                    pending.extend(index.manifests().iter().filter(fits).map(|entry| (entry.clone(), depth + 1)));
                }
                _ => {}
            }
        }
        Err(self.problem(format!("it has no image for {platform}")))
    }

    /// Returns the manifests of an entry: itself, or those of its index, at any depth.
    pub(super) fn manifests(&self, entry: Descriptor) -> Result<Vec<Descriptor>, OutputError> {
        let mut found = Vec::new();
        let mut pending = vec![(entry, 0)];
        while let Some((entry, depth)) = pending.pop() {
            match entry.media_type() {
                MediaType::ImageManifest => found.push(entry),
                MediaType::ImageIndex if depth < 4 => {
                    let index: ImageIndex = self.document(&entry)?;
                    // An attestation of an image has no platform (buildkit's attestation
                    // manifests).
                    let is_image = |entry: &&Descriptor| {
                        entry.platform().as_ref().is_none_or(|platform| platform.architecture().to_string() != "unknown")
                    };
                    pending.extend(index.manifests().iter().rev().filter(is_image).map(|entry| (entry.clone(), depth + 1)));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Opens a blob after its digest is verified.
    fn open(&self, blob: &Descriptor) -> Result<Content, OutputError> {
        let digest = blob.digest().to_string();
        let Some(hex) = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex)) else {
            return Err(self.problem(format!("the digest {digest} is of a kind that is not known")));
        };
        let name = format!("{BLOBS}/{hex}");
        let path: PathBuf = self.place.join(&name);
        let failed = |error| OutputError::Blob { path: path.clone(), error };
        let content = self.file(&name).map_err(failed)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        content.write_to(&mut hasher).map_err(failed)?;
        let (found, length) = (hasher.finish(), content.len());
        if found.hex() != hex || length != blob.size() {
            let (expected, found) = (format!("{digest}, {} bytes", blob.size()), format!("{found}, {length} bytes"));
            return Err(OutputError::DamagedBlob { path, expected, found });
        }
        Ok(content)
    }

    pub(super) fn document<T: DeserializeOwned>(&self, blob: &Descriptor) -> Result<T, OutputError> {
        let content = self.open(blob)?;
        let mut data = Vec::new();
        let read = content.reader().take(DOCUMENT_LIMIT).read_to_end(&mut data);
        let wrong = |problem: String| self.problem(format!("{}: {problem}", blob.digest()));
        read.map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&data).map_err(|error| wrong(error.to_string()))
    }

    /// Applies a layer to the tree. Returns the blob, which stays readable if its file is removed.
    pub(super) fn lay_over(&self, tree: &mut Tree, blob: &Descriptor, spool: &Spool) -> Result<Content, OutputError> {
        let content = self.open(blob)?;
        let wrong = |error: &dyn std::fmt::Display| self.problem(format!("the layer {}: {error}", blob.digest()));
        let (_, reader) = decompress(BufReader::with_capacity(1 << 16, content.reader())).map_err(|error| wrong(&error))?;
        lay_over(tree, Bounded::new(reader, spool.most(content.len())), spool).map_err(|error| wrong(&error))?;
        Ok(content)
    }
}

/// Reads from a layout. Reads again if another build finished in it meanwhile and removed blobs.
pub(super) fn settled<T>(place: &Path, read: impl Fn() -> Result<T, OutputError>) -> Result<T, OutputError> {
    let state = || [place.to_owned(), place.join("index.json")].map(|path| inode(&path));
    loop {
        let before = state();
        match read() {
            Err(_) if before != state() => {}
            result => return result,
        }
    }
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Applies the archive of a layer to the tree of the layers below. A layer removes only names of
/// lower layers, so its whiteouts are applied first.
pub(super) fn lay_over(tree: &mut Tree, layer: impl Read, spool: &Spool) -> io::Result<()> {
    let members = members::read(layer, spool)?;
    for member in &members {
        match member.what {
            What::Removed => drop(tree.remove(&member.path)),
            What::Emptied => empty(tree, &member.path),
            What::Node(_) | What::HardLink(_) => {}
        }
    }
    for member in members {
        put(tree, &member.path, member.what).map_err(io::Error::other)?;
    }
    Ok(())
}

fn empty(tree: &mut Tree, path: &[u8]) {
    let id = if path.is_empty() { Some(Tree::ROOT) } else { tree.lookup(path) };
    let Some(id) = id else { return };
    let NodeKind::Directory(directory) = &tree.node(id).kind else { return };
    let names: Vec<Vec<u8>> = directory.entries().map(|(name, _)| name.to_vec()).collect();
    for name in names {
        tree.unbind(id, &name);
    }
}

/// Reads a tar archive, compressed or not, as a tree.
pub fn read_archive(path: &Path, spool: &Spool) -> Result<Tree, OutputError> {
    let failed = |error| OutputError::Blob { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let (_, reader) = decompress(BufReader::with_capacity(1 << 16, file)).map_err(failed)?;
    let reader = Bounded::new(reader, spool.most(length));
    let mut tree = Tree::new();
    for member in members::read(reader, spool).map_err(failed)? {
        put(&mut tree, &member.path, member.what).map_err(|error| failed(io::Error::other(error)))?;
    }
    Ok(tree)
}

/// Puts a member into the tree and replaces the existing node. A directory that replaces a
/// directory leaves the content.
fn put(tree: &mut Tree, path: &[u8], what: What) -> Result<(), TreeError> {
    let (directory, name) = split(path);
    match what {
        What::Removed | What::Emptied => Ok(()),
        What::Node(node) if path.is_empty() => {
            tree.node_mut(Tree::ROOT).metadata = node.metadata;
            Ok(())
        }
        What::Node(node) => {
            let parent = tree.create_directories(directory)?;
            if let Some(there) = tree.child(parent, name)
                && node.is_directory()
                && tree.node(there).is_directory()
            {
                tree.node_mut(there).metadata = node.metadata;
                return Ok(());
            }
            tree.unbind(parent, name);
            tree.insert(parent, name, *node).map(drop)
        }
        What::HardLink(target) => {
            let id: NodeId = tree.lookup(&target).ok_or_else(|| TreeError::NotFound(crate::tree::display(&target)))?;
            let parent = tree.create_directories(directory)?;
            if tree.child(parent, name) != Some(id) {
                tree.unbind(parent, name);
                tree.link(parent, name, id)?;
            }
            Ok(())
        }
    }
}
