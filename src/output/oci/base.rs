//! A base image that another image is built upon. It is read from its layout, and its layers are
//! applied in order to form one tree.
//!
//! In: a layout, a tag, a platform. Out: the tree, and what a manifest states about the layers
//! below. The digest of every blob is verified before the blob is used. No path of a layer leads
//! out of the tree.

use std::collections::BTreeMap;
use std::path::PathBuf;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};

use super::blobs::{Blobs, settled};
use super::config::platform as oci_platform;
use super::reference::Reference;
use crate::catalog::Platform;
use crate::output::error::OutputError;
use crate::package::{Content, Spool};
use crate::tree::Tree;

/// A base image.
#[derive(Debug)]
pub struct BaseImage {
    /// The whole tree of the image.
    pub tree: Tree,
    /// The directory of the blobs.
    pub(super) directory: PathBuf,
    pub(super) layers: Vec<Descriptor>,
    /// The blobs of the layers.
    pub(super) contents: Vec<Content>,
    pub(super) config: ImageConfiguration,
    /// The digest of its manifest.
    pub(super) digest: String,
    /// The tag of the image.
    pub(super) name: Option<String>,
}

impl BaseImage {
    /// Reads the image of a platform.
    pub fn read(reference: &Reference, platform: &Platform, spool: &Spool) -> Result<Self, OutputError> {
        settled(&reference.directory, || Self::read_once(reference, platform, spool))
    }

    fn read_once(reference: &Reference, platform: &Platform, spool: &Spool) -> Result<Self, OutputError> {
        let layout = Blobs::directory(&reference.directory);
        let entry = layout.named(&layout.index()?, reference.tag.as_deref())?;
        let manifest_entry = layout.of_platform(entry, platform)?;
        let manifest: ImageManifest = layout.document(&manifest_entry)?;
        let config: ImageConfiguration = layout.document(manifest.config())?;
        let own = oci_platform(platform)?;
        if config.architecture() != own.architecture() {
            return Err(layout.problem(format!("its image is for {}, not {platform}", config.architecture())));
        }
        let mut tree = Tree::new();
        let lay_over = |layer| layout.lay_over(&mut tree, layer, spool);
        let contents = manifest.layers().iter().map(lay_over).collect::<Result<_, _>>()?;
        Ok(Self {
            tree,
            directory: reference.directory.clone(),
            layers: manifest.layers().clone(),
            contents,
            config,
            digest: manifest_entry.digest().to_string(),
            name: reference.tag.clone(),
        })
    }

    /// Returns the annotations that name the base image (image-spec, annotations.md).
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([("org.opencontainers.image.base.digest".to_owned(), self.digest.clone())]);
        if let Some(name) = &self.name {
            annotations.insert("org.opencontainers.image.base.name".to_owned(), name.clone());
        }
        annotations
    }
}
