//! An image that another is built upon: read from its layout, its layers laid over each other as one tree.
//!
//! In: a layout, a tag, a platform. Out: the tree, and what a manifest says of the layers below. Every blob is held against its digest before it is
//! used, and no path of a layer leads out of the tree.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use serde::de::DeserializeOwned;

use super::config::platform as oci_platform;
use super::layout::{BLOBS, REF_NAME, is_hex, read_index};
use super::members::{self, What};
use super::reference::Reference;
use crate::catalog::Platform;
use crate::compression::decompress;
use crate::digest::{Algorithm, Hasher};
use crate::output::error::OutputError;
use crate::package::Spool;
use crate::tree::{NodeId, NodeKind, Tree, TreeError, split};

/// Documents are small; more is not read.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// The image below.
#[derive(Debug)]
pub struct BaseImage {
    /// All that it holds.
    pub tree: Tree,
    /// Where its blobs are.
    pub(super) directory: PathBuf,
    pub(super) layers: Vec<Descriptor>,
    pub(super) config: ImageConfiguration,
    /// The digest of its manifest.
    pub(super) digest: String,
    /// Its tag.
    pub(super) name: Option<String>,
}

impl BaseImage {
    /// Reads the image of a platform.
    pub fn read(reference: &Reference, platform: &Platform, spool: &Spool) -> Result<Self, OutputError> {
        let layout = Blobs { directory: &reference.directory };
        let index = read_index(&reference.directory)?;
        let entry = layout.named(&index, reference.tag.as_deref())?;
        let manifest_entry = layout.of_platform(entry, platform)?;
        let manifest: ImageManifest = layout.document(&manifest_entry)?;
        let config: ImageConfiguration = layout.document(manifest.config())?;
        let own = oci_platform(platform)?;
        if config.architecture() != own.architecture() {
            return Err(layout.problem(format!("its image is for {}, not {platform}", config.architecture())));
        }
        let mut tree = Tree::new();
        for layer in manifest.layers() {
            layout.lay_over(&mut tree, layer, spool)?;
        }
        Ok(Self {
            tree,
            directory: reference.directory.clone(),
            layers: manifest.layers().clone(),
            config,
            digest: manifest_entry.digest().to_string(),
            name: reference.tag.clone(),
        })
    }

    /// What says upon what an image is built (image-spec, annotations.md).
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([("org.opencontainers.image.base.digest".to_owned(), self.digest.clone())]);
        if let Some(name) = &self.name {
            annotations.insert("org.opencontainers.image.base.name".to_owned(), name.clone());
        }
        annotations
    }
}

/// The blobs of a layout.
struct Blobs<'a> {
    directory: &'a Path,
}

impl Blobs<'_> {
    fn problem(&self, problem: String) -> OutputError {
        OutputError::NotALayout { out: self.directory.to_owned(), problem }
    }

    /// The entry that bears a tag, or the only one there is.
    fn named(&self, index: &ImageIndex, tag: Option<&str>) -> Result<Descriptor, OutputError> {
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

    /// The manifest of a platform; of an index its own, however deep.
    fn of_platform(&self, entry: Descriptor, platform: &Platform) -> Result<Descriptor, OutputError> {
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

    /// A blob's file, once its bytes are what its digest says.
    fn open(&self, blob: &Descriptor) -> Result<File, OutputError> {
        let digest = blob.digest().to_string();
        let Some(hex) = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex)) else {
            return Err(self.problem(format!("the digest {digest} is of a kind that is not known")));
        };
        let path = self.directory.join(BLOBS).join(hex);
        let failed = |error| OutputError::Blob { path: path.clone(), error };
        let mut file = File::open(&path).map_err(failed)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let length = io::copy(&mut file, &mut hasher).map_err(failed)?;
        let found = hasher.finish();
        if found.hex() != hex || length != blob.size() {
            let (expected, found) = (format!("{digest}, {} bytes", blob.size()), format!("{found}, {length} bytes"));
            return Err(OutputError::DamagedBlob { path, expected, found });
        }
        File::open(&path).map_err(failed)
    }

    fn document<T: DeserializeOwned>(&self, blob: &Descriptor) -> Result<T, OutputError> {
        let file = self.open(blob)?;
        let mut data = Vec::new();
        let read = file.take(DOCUMENT_LIMIT).read_to_end(&mut data);
        let wrong = |problem: String| self.problem(format!("{}: {problem}", blob.digest()));
        read.map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&data).map_err(|error| wrong(error.to_string()))
    }

    /// Lays a layer over what is below it. What it removes is of the layers below, so that goes first.
    fn lay_over(&self, tree: &mut Tree, blob: &Descriptor, spool: &Spool) -> Result<(), OutputError> {
        let file = self.open(blob)?;
        let wrong = |error: &dyn std::fmt::Display| self.problem(format!("the layer {}: {error}", blob.digest()));
        let (_, reader) = decompress(BufReader::with_capacity(1 << 16, file)).map_err(|error| wrong(&error))?;
        let members = members::read(reader, spool).map_err(|error| wrong(&error))?;
        for member in &members {
            match member.what {
                What::Removed => drop(tree.remove(&member.path)),
                What::Emptied => empty(tree, &member.path),
                What::Node(_) | What::HardLink(_) => {}
            }
        }
        for member in members {
            put(tree, &member.path, member.what).map_err(|error| wrong(&error))?;
        }
        Ok(())
    }
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

/// Reads a tar archive, compressed or not, as the tree that it holds.
pub fn read_archive(path: &Path, spool: &Spool) -> Result<Tree, OutputError> {
    let failed = |error| OutputError::Blob { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let (_, reader) = decompress(BufReader::with_capacity(1 << 16, file)).map_err(failed)?;
    let mut tree = Tree::new();
    for member in members::read(reader, spool).map_err(failed)? {
        put(&mut tree, &member.path, member.what).map_err(|error| failed(io::Error::other(error)))?;
    }
    Ok(tree)
}

/// Puts a member into the tree, in place of what is there; a directory over a directory leaves what is in it.
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
