//! Builds with an output other than a directory: an archive, or an image.

use std::path::Path;

use serde::Serialize;

use super::change::{ChangeOptions, Changed, changed};
use super::{BootstrapError, BuildOptions, Report, Request, Root, Tools, make};
use crate::catalog::{Architecture, ImageConfig, Naming};
use crate::ecosystem::{Ecosystem, InstallError};
use crate::output::oci::{BaseImage, DockerArchive, Image, Layout, WrittenImage};
use crate::output::{ArchiveFile, Directory, Ownership, Packing, Times, WriteOptions};
use crate::reporter::Silent;
use crate::tree::{Metadata, Tree};

/// Builds the root file system of a request as a tar archive. With `clamp`, nothing in it is newer
/// than the build.
pub fn archive<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    file: ArchiveFile,
    (packing, clamp): (Packing, bool),
    tools: &Tools<'_>,
) -> Result<Report, BootstrapError> {
    let root: Root = make(ecosystem, request, build, tools)?;
    let times = Times { epoch: root.epoch, clamp };
    let written = file.write(&root.tree, times, packing, tools.reporter, tools.cancel)?;
    Ok(root.report(&written))
}

/// Properties of an image besides its tree.
#[derive(Debug)]
pub struct ImageOptions {
    /// Runtime configuration of the image.
    pub config: ImageConfig,
    /// Tags and labels of the image.
    pub naming: Naming,
    /// Maximum number of layers.
    pub layers: usize,
    /// Compression of the layers.
    pub packing: Packing,
    /// True if nothing in the image may be newer than the build.
    pub clamp: bool,
    /// The base image.
    pub base: Option<BaseImage>,
}

/// The image that was built for one architecture.
#[derive(Debug, Serialize)]
pub struct ImageReport {
    /// The platform of the image.
    pub platform: String,
    /// The version of the distribution according to the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of the image's manifest.
    pub manifest: String,
    /// The digest of the image's configuration.
    pub config: String,
    /// The layers, the lowest first.
    pub layers: Vec<LayerReport>,
    /// Report on the content of the image.
    #[serde(flatten)]
    pub report: Report,
}

/// A layer of an image.
#[derive(Debug, Serialize)]
pub struct LayerReport {
    /// Description of the layer's content.
    pub holds: String,
    /// The digest of the layer's blob.
    pub digest: String,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The digest of the uncompressed archive.
    pub diff_id: String,
    /// The size of the uncompressed archive in bytes.
    pub unpacked: u64,
}

/// Builds the root file system of a request as an image and adds it to a layout.
pub fn add_image<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    options: &ImageOptions,
    layout: &mut Layout,
    tools: &Tools<'_>,
) -> Result<ImageReport, BootstrapError> {
    let root = make(ecosystem, request, build, tools)?;
    let version = version(&root.tree);
    let labels = options.naming.labels(version.as_deref(), root.epoch);
    let written = layout.add(&image(&root, &build.arch, options, &labels), tools.reporter, tools.cancel)?;
    Ok(report(root, version, &written))
}

/// Changes the installed packages of the image that `options` name as the base, and adds the result
/// to a layout with one more layer. `root` is a copy of that image's root; the package database is
/// read from it.
pub fn add_changed_image<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    change: &ChangeOptions,
    options: &ImageOptions,
    layout: &mut Layout,
    tools: &Tools<'_>,
) -> Result<ImageReport, BootstrapError> {
    if let Some(reason) = ecosystem.leaves_roots_alone() {
        return Err(InstallError::Unsupported(reason).into());
    }
    let read = || Ok(options.base.as_ref().map_or_else(Tree::new, |base| base.tree.clone()));
    let Changed { tree, mut plan, warnings, scriptlets, unsigned, epoch, .. } = changed(ecosystem, request, change, read, tools)?;
    // The change of a root prints these warnings with its steps.
    plan.warnings.iter().for_each(|warning| tools.reporter.warn(warning));
    plan.warnings.extend(warnings);
    let root = Root { tree, packages: Vec::new(), epoch, plan, scriptlets, unsigned };
    let labels = std::collections::BTreeMap::new();
    let written = layout.add(&image(&root, &change.arch, options, &labels), tools.reporter, tools.cancel)?;
    let version = version(&root.tree);
    Ok(report(root, version, &written))
}

/// Copies a tree to the directory `out` so that its database can be read there. All files belong to
/// the calling user.
pub fn copy_for_reading(tree: &Tree, out: &Path, tools: &Tools<'_>) -> Result<(), BootstrapError> {
    let mut copy = tree.clone();
    let mut all = vec![Tree::ROOT];
    copy.walk(|_, id| all.push(id));
    for id in all {
        let node = copy.node_mut(id);
        let mode = if node.is_directory() { 0o755 } else { 0o644 };
        node.metadata = Metadata { mtime: 0, ..Metadata::root(mode) };
    }
    let options = WriteOptions { ownership: Ownership::Record, epoch: 0, jobs: None, sync: false };
    Directory::prepare(out)?.write(&copy, &options, &Silent, tools.cancel)?;
    Ok(())
}

/// Builds the root file system of a request as an archive for `docker load`. `names` receives the
/// tags.
pub fn docker_archive<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    options: &ImageOptions,
    (file, names): (DockerArchive, &dyn Fn(Vec<String>) -> Vec<String>),
    tools: &Tools<'_>,
) -> Result<ImageReport, BootstrapError> {
    let root = make(ecosystem, request, build, tools)?;
    let version = version(&root.tree);
    let labels = options.naming.labels(version.as_deref(), root.epoch);
    let names = names(options.naming.tags(version.as_deref(), root.epoch));
    let written = file.write(&image(&root, &build.arch, options, &labels), &names, tools.reporter, tools.cancel)?;
    Ok(report(root, version, &written))
}

fn image<'a>(
    root: &'a Root,
    arch: &'a Architecture,
    options: &'a ImageOptions,
    labels: &'a std::collections::BTreeMap<String, String>,
) -> Image<'a> {
    Image {
        tree: &root.tree,
        origins: &root.packages,
        times: Times { epoch: root.epoch, clamp: options.clamp },
        platform: &arch.platform,
        config: &options.config,
        labels,
        layers: options.layers,
        packing: options.packing,
        base: options.base.as_ref(),
    }
}

fn report(root: Root, version: Option<String>, written: &WrittenImage) -> ImageReport {
    let layers = written.layers.iter().map(|layer| LayerReport {
        holds: layer.what.clone(),
        digest: layer.digest.to_string(),
        size: layer.size,
        diff_id: layer.diff_id.to_string(),
        unpacked: layer.unpacked,
    });
    ImageReport {
        platform: written.platform.to_string(),
        version,
        manifest: written.manifest.to_string(),
        config: written.config.to_string(),
        layers: layers.collect(),
        report: root.report(&written.written),
    }
}

/// Returns the `VERSION_ID` in the `os-release` file of a tree: `9.4`, `3.20.10`.
fn version(tree: &Tree) -> Option<String> {
    let text = [&b"/etc/os-release"[..], b"/usr/lib/os-release"].map(|path| tree.read_text(path));
    let line = text.iter().flat_map(|text| text.lines()).find_map(|line| line.strip_prefix("VERSION_ID="));
    // The value may have shell quotes (os-release(5)).
    let value = line?.trim().trim_matches(|c| c == '"' || c == '\'').to_owned();
    Some(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Content;
    use crate::tree::Node;

    #[test]
    fn the_version_is_what_the_release_package_says() {
        let mut tree = Tree::new();
        assert_eq!(version(&tree), None);
        let text = "NAME=\"AlmaLinux\"\nVERSION_ID=\"9.3\"\nPLATFORM_ID=\"platform:el9\"\n";
        tree.write(b"/usr/lib/os-release", Content::from(text.as_bytes()), 0o644).unwrap();
        assert_eq!(version(&tree).unwrap(), "9.3");
        let etc = tree.create_directories(b"/etc").unwrap();
        tree.insert(etc, b"os-release", Node::symlink(b"../usr/lib/os-release")).unwrap();
        assert_eq!(version(&tree).unwrap(), "9.3");
        tree.write(b"/etc/os-release", Content::from(&b"VERSION_ID=3.20.10\n"[..]), 0o644).unwrap();
        assert_eq!(version(&tree).unwrap(), "3.20.10");
    }
}
