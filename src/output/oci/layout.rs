//! An image layout: a directory with blobs named by digest, and an index of the tagged images.
//!
//! A layout is written completely beside its destination and replaces it by one rename. If a layout
//! already exists there, its other images are carried over: their blobs are hard-linked or copied.
//! Blobs that no image refers to are dropped. Concurrent builds take turns at the end: the existing
//! index is read under a lock, which is held until the new index is in place.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType, OciLayout, OciLayoutBuilder};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, linkat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use serde_json::Value;

use super::attachment::{Attachment, EMPTY, is_orphan};
use super::blobs::settled;
use super::config::{canonical, configuration, descriptor, index, layer_type, manifest, platform};
use super::layers::Layer;
use super::{Image, WrittenImage, WrittenLayer};
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::output::destination::Destination;
use crate::output::directory::umask;
use crate::output::error::OutputError;
use crate::output::ownership::NotApplied;
use crate::output::packing::Packer;
use crate::output::remove::list;
use crate::package::Content;
use crate::reporter::{Phase, Reporter};

/// The annotation that holds the tag of an entry of the index.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The maximal size of a document, in bytes. Larger documents are not read.
const DOCUMENT_LIMIT: u64 = 4 << 20;
pub(super) const BLOBS: &str = "blobs/sha256";

/// An image layout under construction. If it is dropped before it is finished, it leaves nothing
/// behind and the existing layout stays.
pub struct Layout {
    path: PathBuf,
    destination: Destination,
    blobs: OwnedFd,
    /// The images that were added.
    new: Vec<Descriptor>,
    attachments: Vec<Attachment>,
    parts: AtomicU64,
}

impl Layout {
    /// Checks that a layout can be created: the path is absent, an empty directory, or a layout.
    pub fn prepare(path: &Path) -> Result<Self, OutputError> {
        let destination = loop {
            let is_filled = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
            match settled(path, || read_index(path)) {
                Err(problem) if is_filled && !is_unfinished(path) => return Err(problem),
                Err(_) if !is_filled => match Destination::prepare(path) {
                    // Another build finished just now.
                    Err(OutputError::NotEmpty { .. }) => {}
                    result => break result?,
                },
                _ => break Destination::replace(path)?,
            }
        };
        let failed = |action| move |error: Errno| OutputError::Place { out: path.to_owned(), action, error: error.into() };
        let permissions = Mode::from_raw_mode(0o777);
        let root = destination.root();
        let made = ["blobs", BLOBS].iter().try_for_each(|name| mkdirat(root, *name, permissions));
        let blobs = made.and_then(|()| open_blobs(root));
        let blobs = blobs.map_err(failed("create a directory in it"))?;
        Ok(Self { path: path.to_owned(), destination, blobs, new: Vec::new(), attachments: Vec::new(), parts: AtomicU64::new(0) })
    }

    /// Adds the image of an architecture.
    pub fn add(&mut self, image: &Image<'_>, reporter: &dyn Reporter, cancel: &Cancel) -> Result<WrittenImage, OutputError> {
        let layers = image.cut()?;
        reporter.begin(Phase::Write, Some(layers.len() as u64), None);
        let missed = Mutex::new(Vec::new());
        let written: Vec<WrittenLayer> = layers
            .par_iter()
            .map(|layer| {
                let (layer, not_applied) = self.layer(image, layer, cancel)?;
                missed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(not_applied);
                reporter.advance(Phase::Write, 1, layer.unpacked);
                Ok(layer)
            })
            .collect::<Result<_, OutputError>>()?;
        let (digest, size) = self.blob(&canonical(&configuration(image, &written)?)?)?;
        let config = descriptor(MediaType::ImageConfig, &digest, size)?;
        let config_digest = digest;
        let mut blobs = Vec::new();
        let mut annotations = image.labels.clone();
        if let Some(base) = image.base {
            for (layer, content) in base.layers.iter().zip(&base.contents) {
                self.take_over(&base.directory, layer, content)?;
                blobs.push(layer.clone());
            }
            annotations.extend(base.annotations());
        }
        for layer in &written {
            blobs.push(descriptor(layer_type(image.packing), &layer.digest, layer.size)?);
        }
        let document = manifest(config, blobs, &annotations)?;
        let (digest, size) = self.blob(&canonical(&document)?)?;
        let mut entry = descriptor(MediaType::ImageManifest, &digest, size)?;
        let own = platform(image.platform)?;
        if self.new.iter().any(|other| other.platform().as_ref() == Some(&own)) {
            return Err(OutputError::SamePlatform(image.platform.to_string()));
        }
        entry.set_platform(Some(own));
        self.new.push(entry);
        let missed = missed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let counted = image.written(missed)?;
        reporter.finish(Phase::Write, &format!("{} layers", written.len()));
        Ok(WrittenImage {
            platform: image.platform.clone(),
            manifest: digest,
            config: config_digest,
            layers: written,
            written: counted,
        })
    }

    /// Attaches a file to the manifest or index that the tags will name.
    pub fn attach(&mut self, attachment: Attachment) {
        self.attachments.push(attachment);
    }

    /// Tags the images that were added, and publishes the layout. Waits for other builds that
    /// finish in the same place. Returns the digest that the tags name: the manifest of a single
    /// image, or an index over several.
    pub fn finish(
        mut self,
        tags: &[String],
        annotations: &BTreeMap<String, String>,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Digest, OutputError> {
        let mut images = std::mem::take(&mut self.new);
        let named = match &mut images[..] {
            [only] => only.clone(),
            several => {
                // The order does not depend on the order in the request.
                several.sort_by_key(|image| {
                    image.platform().as_ref().map(|platform| (platform.architecture().to_string(), platform.variant().clone()))
                });
                let (digest, size) = self.blob(&canonical(&index(several.to_vec(), annotations)?)?)?;
                descriptor(MediaType::ImageIndex, &digest, size)?
            }
        };
        let mut entries = Vec::new();
        let is_replaced = |old: &Descriptor| match old.annotations().as_ref().and_then(|annotations| annotations.get(REF_NAME)) {
            Some(tag) => tags.contains(tag),
            None => old.digest() == named.digest(),
        };
        let attached = self.attached(&named)?;
        let mut wait = || reporter.warn(&format!("waiting for another build to finish with {}", self.path.display()));
        let lock = self.destination.lock(&mut wait, cancel)?;
        let is_filled = self.destination.look_again()?;
        let old = if is_filled && !is_unfinished(&self.path) { read_index(&self.path)?.manifests().clone() } else { Vec::new() };
        let mut kept: BTreeSet<String> = BTreeSet::from([named.digest().to_string()]);
        kept.extend(old.iter().filter(|old| !is_replaced(old)).map(|old| old.digest().to_string()));
        for old in old {
            let again = attached.iter().any(|new| new.digest() == old.digest());
            if !again && !is_replaced(&old) && !is_orphan(self.read_old(&old).as_ref(), &kept) {
                self.carry_over(&self.path, &old)?;
                entries.push(old);
            }
        }
        for tag in tags {
            let mut entry = named.clone();
            entry.set_annotations(Some([(REF_NAME.to_owned(), tag.clone())].into()));
            entries.push(entry);
        }
        if tags.is_empty() && !entries.iter().any(|entry| entry.digest() == named.digest()) {
            entries.push(named.clone());
        }
        entries.extend(attached);
        let marker = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
        let marker = marker.map_err(|error| OutputError::Document(error.to_string()))?;
        self.file("oci-layout", &canonical(&marker)?)?;
        self.file("index.json", &canonical(&index(entries, &BTreeMap::new())?)?)?;
        let mode = Mode::from_raw_mode(u32::from(0o777 & !umask()));
        fchmod(self.destination.root(), mode).map_err(|error| self.failed("set its mode", error))?;
        if cancel.is_raised() {
            return Err(OutputError::Cancelled);
        }
        match self.destination.staying() {
            Some(out) => self.move_up(out).map_err(|error| self.failed("move the finished layout into it", error))?,
            None => self.destination.commit()?,
        }
        drop(lock);
        Digest::from_hex(Algorithm::Sha256, named.digest().digest())
            .ok_or_else(|| OutputError::Document("a digest of another kind".to_owned()))
    }

    /// Moves the layout into a directory that stays, the index last. The layout there is consistent
    /// at any moment: until the last move, the old index is valid.
    fn move_up(&self, out: BorrowedFd<'_>) -> rustix::io::Result<()> {
        let mode = Mode::from_raw_mode(0o777);
        for name in ["blobs", BLOBS] {
            match mkdirat(out, name, mode) {
                Err(Errno::EXIST) => {}
                result => result?,
            }
        }
        let blobs = open_blobs(out)?;
        let new = list(open_blobs(self.destination.root())?.as_fd())?;
        new.iter().try_for_each(|name| renameat(&self.blobs, &**name, &blobs, &**name))?;
        for name in ["oci-layout", "index.json"] {
            renameat(self.destination.root(), name, out, name)?;
        }
        let is_needed = |name: &CString| new.contains(name) || !name.to_str().is_ok_and(is_hex);
        for name in list(blobs.as_fd())?.iter().filter(|name| !is_needed(name)) {
            unlinkat(&blobs, &**name, AtFlags::empty())?;
        }
        Ok(())
    }

    /// Writes the attachments and returns their entries in the index.
    fn attached(&self, named: &Descriptor) -> Result<Vec<Descriptor>, OutputError> {
        let one = |attachment: &Attachment| {
            let (digest, size) = self.blob(EMPTY)?;
            let config = descriptor(MediaType::EmptyJSON, &digest, size)?;
            let media_type = MediaType::Other(attachment.media_type().to_owned());
            let (digest, size) = self.blob(&attachment.data)?;
            let blob = descriptor(media_type.clone(), &digest, size)?;
            let (digest, size) = self.blob(&canonical(&attachment.manifest(blob, config, named)?)?)?;
            let mut entry = descriptor(MediaType::ImageManifest, &digest, size)?;
            entry.set_artifact_type(Some(media_type));
            Ok(entry)
        };
        self.attachments.iter().map(one).collect()
    }

    /// Reads the manifest of an existing entry without a tag.
    fn read_old(&self, entry: &Descriptor) -> Option<ImageManifest> {
        let is_tagged = entry.annotations().as_ref().is_some_and(|annotations| annotations.contains_key(REF_NAME));
        let hex = entry.digest().digest();
        let path = self.path.join(BLOBS).join(hex);
        let document = (!is_tagged && is_hex(hex)).then(|| File::open(path).ok()).flatten()?;
        serde_json::from_reader(document.take(DOCUMENT_LIMIT)).ok()
    }

    fn layer(&self, image: &Image<'_>, layer: &Layer, cancel: &Cancel) -> Result<(WrittenLayer, Vec<NotApplied>), OutputError> {
        let packer = Packer::new(self.part()?, image.packing);
        let (packer, not_applied) = image.archive(layer, packer, cancel)?;
        let failed = |error: io::Error| OutputError::Place { out: self.path.clone(), action: "write a layer", error };
        let (part, unpacked) = packer.finish().map_err(failed)?;
        let (digest, size) = self.keep(part)?;
        let what = layer.what.clone();
        Ok((WrittenLayer { what, digest, size, diff_id: unpacked.digest, unpacked: unpacked.length }, not_applied))
    }

    /// Writes a blob that is in memory.
    fn blob(&self, data: &[u8]) -> Result<(Digest, u64), OutputError> {
        let mut part = self.part()?;
        let written = part.write_all(data);
        written.map_err(|error| OutputError::Place { out: self.path.clone(), action: "write a document", error })?;
        self.keep(part)
    }

    /// Starts a blob whose digest is not known yet.
    fn part(&self) -> Result<Part, OutputError> {
        let name = format!(".part-{}", self.parts.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.blobs, &*name, flags, Mode::from_raw_mode(0o666));
        let file = File::from(file.map_err(|error| self.failed("create a file in it", error))?);
        Ok(Part { file, name, hasher: Hasher::new(Algorithm::Sha256), length: 0 })
    }

    /// Renames a finished blob to its digest.
    fn keep(&self, part: Part) -> Result<(Digest, u64), OutputError> {
        let digest = part.hasher.finish();
        let renamed = renameat(&self.blobs, &*part.name, &self.blobs, &*digest.hex());
        renamed.map_err(|error| self.failed("rename a file in it", error))?;
        Ok((digest, part.length))
    }

    fn file(&self, name: &str, data: &[u8]) -> Result<(), OutputError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(self.destination.root(), name, flags, Mode::from_raw_mode(0o666));
        let mut file = File::from(file.map_err(|error| self.failed("create a file in it", error))?);
        file.write_all(data).map_err(|error| OutputError::Place { out: self.path.clone(), action: "write a document", error })
    }

    /// Carries over a blob of an existing layout, and all blobs that it refers to.
    fn carry_over(&self, directory: &Path, image: &Descriptor) -> Result<(), OutputError> {
        let mut pending = vec![image.digest().to_string()];
        let mut seen = BTreeSet::new();
        while let Some(digest) = pending.pop() {
            // Only SHA-256 blobs are handled; the file names of other algorithms are unknown.
            let Some(hex) = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex)) else {
                return Err(self.not_a_layout(format!("the digest {digest} is of a kind that is not known")));
            };
            if !seen.insert(digest.clone()) {
                continue;
            }
            let from = directory.join(BLOBS).join(hex);
            match linkat(rustix::fs::CWD, &from, &self.blobs, hex, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => {}
                // A layout may lack blobs that are elsewhere.
                Err(Errno::NOENT) => continue,
                Err(_) => {
                    let mut file = File::open(&from).map_err(|error| OutputError::Blob { path: from.clone(), error })?;
                    self.copy(&mut file, hex)?;
                }
            }
            pending.extend(named_digests(&from));
        }
        Ok(())
    }

    /// Takes a blob of a layout that was read: the file, or the bytes in memory if another build
    /// removed the file.
    fn take_over(&self, directory: &Path, blob: &Descriptor, content: &Content) -> Result<(), OutputError> {
        let hex = blob.digest().digest();
        match linkat(rustix::fs::CWD, directory.join(BLOBS).join(hex), &self.blobs, hex, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(_) => self.copy(&mut content.reader(), hex),
        }
    }

    fn copy(&self, from: &mut dyn Read, hex: &str) -> Result<(), OutputError> {
        let failed = |error| OutputError::Place { out: self.path.clone(), action: "copy a blob of it", error };
        let mut part = self.part()?;
        io::copy(from, &mut part).map_err(failed)?;
        let (digest, _) = self.keep(part)?;
        if digest.hex() != hex {
            return Err(self.not_a_layout(format!("the blob {hex} is damaged")));
        }
        Ok(())
    }

    fn not_a_layout(&self, problem: String) -> OutputError {
        OutputError::NotALayout { out: self.path.clone(), problem }
    }

    fn failed(&self, action: &'static str, error: Errno) -> OutputError {
        OutputError::Place { out: self.path.clone(), action, error: error.into() }
    }
}

/// A blob under construction. It is hashed while it is written.
struct Part {
    file: File,
    name: String,
    hasher: Hasher,
    length: u64,
}

impl Write for Part {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let n = self.file.write(data)?;
        self.hasher.update(&data[..n]);
        self.length += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open_blobs(root: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    openat(root, BLOBS, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Reports whether a directory holds only the remains of a killed build in a directory that stays:
/// blobs without an index.
fn is_unfinished(path: &Path) -> bool {
    let all = |path: PathBuf, is_left: fn(&str) -> bool| {
        let names = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.into_iter().all(|name| name.to_str().is_some_and(is_left))
    };
    all(path.to_owned(), |name| matches!(name, "blobs" | "oci-layout" | "lost+found") || name.starts_with(".rootstrap-"))
        && all(path.join("blobs"), |name| name == "sha256")
        && all(path.join(BLOBS), is_hex)
}

pub(super) fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Reads the index of a layout. Fails for a directory that is not a layout.
pub(super) fn read_index(path: &Path) -> Result<ImageIndex, OutputError> {
    read_index_by(path, |name| File::open(path.join(name)).and_then(Content::from_file))
}

/// Does the same if the files are not in a directory.
pub(super) fn read_index_by(path: &Path, open: impl Fn(&str) -> io::Result<Content>) -> Result<ImageIndex, OutputError> {
    let none = |problem: String| OutputError::NotALayout { out: path.to_owned(), problem };
    let read = |name: &str| -> Result<Vec<u8>, OutputError> {
        let mut data = Vec::new();
        let content = open(name).map_err(|error| none(format!("{name}: {error}")))?;
        content.reader().take(DOCUMENT_LIMIT).read_to_end(&mut data).map_err(|error| none(format!("{name}: {error}")))?;
        Ok(data)
    };
    let marker: OciLayout = serde_json::from_slice(&read("oci-layout")?).map_err(|error| none(format!("oci-layout: {error}")))?;
    if !marker.image_layout_version().starts_with("1.") {
        return Err(none(format!("it is of version {}", marker.image_layout_version())));
    }
    serde_json::from_slice(&read("index.json")?).map_err(|error| none(format!("index.json: {error}")))
}

/// Returns the digests that a document names; none if the blob is not a document.
fn named_digests(path: &Path) -> Vec<String> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let content = Content::from_file(file).ok().filter(|content| content.len() <= DOCUMENT_LIMIT);
    let Some(bytes) = content.as_ref().and_then(|content| content.bytes().ok()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut pending: Vec<Value> = serde_json::from_slice(&bytes).into_iter().collect();
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(map) => {
                if let (Some(Value::String(digest)), true) = (map.get("digest"), map.contains_key("mediaType")) {
                    found.push(digest.clone());
                }
                pending.extend(map.into_iter().map(|(_, value)| value));
            }
            Value::Array(list) => pending.extend(list),
            _ => {}
        }
    }
    found
}
