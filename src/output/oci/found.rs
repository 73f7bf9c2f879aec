//! Reads images and roots of any origin: a layout, an archive of a layout, an archive of `docker
//! save`, or a plain archive of a root.
//!
//! In: a directory or a file. Out: the root as a tree, and the platform that the image states.
//! Nothing is unpacked to disk.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};
use serde::Deserialize;

use super::blobs::{Blobs, lay_over, read_archive, settled};
use super::config::platform as oci_platform;
use super::reference::Reference;
use crate::catalog::Platform;
use crate::compression::{Bounded, decompress};
use crate::digest::{Algorithm, HashingReader};
use crate::output::error::OutputError;
use crate::package::{Content, Spool};
use crate::tree::Tree;

/// The kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// An archive of a root.
    Archive,
    /// An OCI image, in a layout or an archive of one.
    Image,
    /// An image as `docker save` writes it.
    Docker,
}

/// A root that was read.
#[derive(Debug)]
pub struct Found {
    /// The kind of the source.
    pub kind: FoundKind,
    /// The whole tree of the root.
    pub tree: Tree,
    /// The platform that the image states.
    pub platform: Option<Platform>,
}

/// An image of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Reads an image of a layout: the image of `platform`. Without `platform`, reads the only image,
/// or else the image for this machine.
pub fn read_layout(reference: &Reference, platform: Option<&Platform>, spool: &Spool) -> Result<Found, OutputError> {
    let read = || image(&Blobs::directory(&reference.directory), reference.tag.as_deref(), platform, spool);
    settled(&reference.directory, read)
}

/// Reads an archive, compressed or not: of a root, of a layout, or of `docker save`. If there are
/// several images, `tag` selects one.
pub fn read_found(path: &Path, tag: Option<&str>, platform: Option<&Platform>, spool: &Spool) -> Result<Found, OutputError> {
    let tree = read_archive(path, spool)?;
    let is_file = |name: &[u8]| tree.lookup(name).is_some_and(|id| tree.node(id).content().is_some());
    if is_file(b"oci-layout") && is_file(b"index.json") {
        return image(&Blobs::archive(path, &tree), tag, platform, spool);
    }
    if is_file(b"manifest.json") {
        return saved(path, &tree, tag, spool);
    }
    Ok(Found { kind: FoundKind::Archive, tree, platform: None })
}

fn image(blobs: &Blobs<'_>, tag: Option<&str>, platform: Option<&Platform>, spool: &Spool) -> Result<Found, OutputError> {
    let entry = blobs.named(&blobs.index()?, tag)?;
    let manifest_entry = match platform {
        Some(platform) => blobs.of_platform(entry, platform)?,
        None => only(blobs, &entry)?,
    };
    let manifest: ImageManifest = blobs.document(&manifest_entry)?;
    let config: ImageConfiguration = blobs.document(manifest.config())?;
    let mut tree = Tree::new();
    for layer in manifest.layers() {
        blobs.lay_over(&mut tree, layer, spool)?;
    }
    Ok(Found { kind: FoundKind::Image, tree, platform: Some(platform_of(&config)) })
}

fn platform_of(config: &ImageConfiguration) -> Platform {
    Platform { architecture: config.architecture().to_string(), variant: config.variant().clone() }
}

/// Returns the only manifest of an entry, or the one for this machine.
fn only(blobs: &Blobs<'_>, entry: &Descriptor) -> Result<Descriptor, OutputError> {
    let manifests = blobs.manifests(entry.clone())?;
    if let [one] = manifests.as_slice() {
        return Ok(one.clone());
    }
    let architecture = |entry: &Descriptor| entry.platform().as_ref().map(|platform| platform.architecture().to_string());
    let own: Option<Platform> = std::env::consts::ARCH.parse().ok();
    let own = own.as_ref().map(oci_platform).transpose()?.map(|own| own.architecture().to_string());
    if let Some(found) = manifests.iter().find(|entry| own.is_some() && architecture(entry) == own) {
        return Ok(found.clone());
    }
    let known: Vec<String> = manifests.iter().filter_map(architecture).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(blobs.problem(format!("say for which architecture: it has {known}")))
}

/// Reads the image of an archive of `docker save`. Verifies its layers against the digests in its
/// configuration.
fn saved(path: &Path, members: &Tree, tag: Option<&str>, spool: &Spool) -> Result<Found, OutputError> {
    let problem = |problem: String| OutputError::NotALayout { out: path.to_owned(), problem };
    let file = |name: &str| -> Result<&Content, OutputError> {
        members.read(name.as_bytes()).map_err(|error| problem(error.to_string()))
    };
    let read = |name: &str| -> Result<Vec<u8>, OutputError> {
        let mut data = Vec::new();
        let read = file(name)?.reader().take(4 << 20).read_to_end(&mut data);
        read.map(|_| data).map_err(|error| problem(format!("{name}: {error}")))
    };
    let list: Vec<Saved> =
        serde_json::from_slice(&read("manifest.json")?).map_err(|error| problem(format!("manifest.json: {error}")))?;
    let has = |image: &&Saved| tag.is_none_or(|tag| image.repo_tags.iter().flatten().any(|one| is_named(one, tag)));
    let fitting: Vec<&Saved> = list.iter().filter(has).collect();
    let [image] = fitting[..] else {
        let tags: Vec<&str> = list.iter().flat_map(|image| image.repo_tags.iter().flatten().map(String::as_str)).collect();
        return Err(problem(format!("say which tag of it: it has {}", tags.join(", "))));
    };
    let config: ImageConfiguration =
        serde_json::from_slice(&read(&image.config)?).map_err(|error| problem(format!("{}: {error}", image.config)))?;
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != image.layers.len() {
        return Err(problem(format!("it has {} layers, and its configuration {}", image.layers.len(), diff_ids.len())));
    }
    let mut tree = Tree::new();
    for (name, expected) in image.layers.iter().zip(diff_ids) {
        let content = file(name)?;
        let wrong = |error: io::Error| problem(format!("the layer {name}: {error}"));
        let (_, reader) = decompress(BufReader::with_capacity(1 << 16, content.reader())).map_err(wrong)?;
        let mut reader = HashingReader::new(Bounded::new(reader, spool.most(content.len())), Algorithm::Sha256);
        lay_over(&mut tree, &mut reader, spool).map_err(wrong)?;
        // Bytes after the end of the archive are hashed too.
        io::copy(&mut reader, &mut io::sink()).map_err(wrong)?;
        let (found, length) = reader.finish();
        if found.to_string() != *expected {
            let found = format!("{found}, {length} bytes");
            return Err(OutputError::DamagedBlob { path: path.join(name), expected: expected.clone(), found });
        }
    }
    Ok(Found { kind: FoundKind::Docker, tree, platform: Some(platform_of(&config)) })
}

/// Reports whether a name such as `almalinux:9` matches: in full, or by its tag.
fn is_named(name: &str, meant: &str) -> bool {
    name == meant || name.rsplit_once(':').is_some_and(|(_, tag)| tag == meant)
}

/// Reports whether a file begins like an archive, compressed or not.
pub fn is_archive(path: &Path) -> bool {
    let start = || -> io::Result<[u8; 512]> {
        let (_, mut reader) = decompress(BufReader::new(File::open(path)?))?;
        let mut start = [0; 512];
        reader.read_exact(&mut start)?;
        Ok(start)
    };
    // POSIX and GNU archives contain `ustar`. Older archives can be recognized only by the
    // checksum.
    start().is_ok_and(|start| tar::Header::from_byte_slice(&start).cksum().is_ok_and(|sum| sum == checksum(&start)))
}

/// Returns the sum of a header's bytes. The checksum field itself counts as blanks.
fn checksum(header: &[u8; 512]) -> u32 {
    let field = 148..156;
    header.iter().enumerate().map(|(at, &byte)| if field.contains(&at) { u32::from(b' ') } else { u32::from(byte) }).sum()
}
