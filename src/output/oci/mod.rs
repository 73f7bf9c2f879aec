//! A tree as a container image: layers, a configuration, a manifest, and the layout or archive that
//! holds them.
//!
//! In: finished trees, one for each architecture, and the configuration of their images. Out: an
//! OCI image layout ([`Layout`]) or an archive for `docker load` ([`DockerArchive`]). The same
//! trees give the same bytes: the output does not depend on the host, the date or the number of
//! threads.

mod attachment;
mod base;
mod blobs;
mod config;
mod difference;
mod docker;
mod found;
mod layers;
mod layout;
mod members;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use attachment::Attachment;
pub use base::BaseImage;
pub use blobs::read_archive;
pub use docker::DockerArchive;
pub use found::{Found, FoundKind, is_archive, read_found, read_layout};
pub use layout::Layout;
pub use reference::{Reference, is_tag};

use super::archive::{Archive, Times};
use super::directory::Written;
use super::error::OutputError;
use super::origin::Origin;
use super::ownership::NotApplied;
use super::packing::Packing;
use super::plan::Plan;
use crate::cancel::Cancel;
use crate::catalog::{ImageConfig, Platform};
use crate::digest::Digest;
use crate::tree::Tree;
use layers::{Layer, Member};
use members::WHITEOUT;

/// The maximal number of layers of overlayfs, and so of Docker (`layer_store.go`, `maxLayerDepth`).
pub const MOST_LAYERS: usize = 125;

/// An image of one architecture, before it is written.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// The root of the image.
    pub tree: &'a Tree,
    /// The packages to which the nodes of the tree refer.
    pub origins: &'a [Origin],
    /// The treatment of times in the layers.
    pub times: Times,
    /// The platform that the image runs on.
    pub platform: &'a Platform,
    /// The configuration with which the image runs.
    pub config: &'a ImageConfig,
    /// Additional labels. The labels of the configuration override them.
    pub labels: &'a BTreeMap<String, String>,
    /// The maximal number of layers.
    pub layers: usize,
    /// The compression of the layers.
    pub packing: Packing,
    /// The base image. With it, the image gets one layer with the difference.
    pub base: Option<&'a BaseImage>,
}

/// A layer that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenLayer {
    /// A description of the content.
    pub what: String,
    /// The digest of its blob.
    pub digest: Digest,
    /// The size of its blob, in bytes.
    pub size: u64,
    /// The digest of its archive.
    pub diff_id: Digest,
    /// The size of its archive, in bytes.
    pub unpacked: u64,
}

/// An image that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenImage {
    /// The platform that the image runs on.
    pub platform: Platform,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digest of its configuration, which is its id.
    pub config: Digest,
    /// The layers, the lowest first.
    pub layers: Vec<WrittenLayer>,
    /// The statistics of the tree, with the parts that no layer holds.
    pub written: Written,
}

impl Image<'_> {
    /// Returns all labels.
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.extend(self.config.labels.clone());
        labels
    }

    /// Divides the tree into layers, and returns them, the lowest first.
    fn cut(&self) -> Result<Vec<Layer>, OutputError> {
        match self.base {
            Some(base) => Ok(vec![difference::difference(&base.tree, self.tree)?]),
            None => Ok(layers::cut(self.tree, self.origins, self.layers.clamp(1, MOST_LAYERS))),
        }
    }

    /// Returns the statistics of the tree. `not_applied` are the parts that its layers do not hold.
    fn written(&self, not_applied: Vec<NotApplied>) -> Result<Written, OutputError> {
        let Plan { files, directories, bytes, .. } = Plan::of(self.tree)?;
        let mut not_applied = not_applied;
        not_applied.sort_unstable();
        not_applied.dedup();
        Ok(Written { files, directories, bytes, stands_for_root: None, not_applied })
    }

    /// Writes the archive of a layer.
    fn archive<W: std::io::Write>(&self, layer: &Layer, out: W, cancel: &Cancel) -> Result<(W, Vec<NotApplied>), OutputError> {
        let mut archive = Archive::new(out, self.times);
        for Member { path, id, time } in &layer.members {
            if cancel.is_raised() {
                return Err(OutputError::Cancelled);
            }
            let Some(id) = id else {
                archive.add_mark(path)?;
                continue;
            };
            let name = path.rsplit(|&c| c == b'/').next().unwrap_or_default();
            let node = self.tree.node(*id);
            if name.starts_with(WHITEOUT) {
                let origin = node.package.and_then(|package| self.origins.get(package.0 as usize));
                let of = origin.map(|origin| format!(", and {} brings it", origin.name)).unwrap_or_default();
                let what = format!("in a layer a name that begins with `.wh.` means that another is removed{of}");
                return Err(OutputError::Archive { path: crate::tree::display(path), error: std::io::Error::other(what) });
            }
            let time = time.unwrap_or_else(|| archive.time(&node.metadata));
            archive.add_at(path, *id, node, time)?;
        }
        archive.finish()
    }
}
