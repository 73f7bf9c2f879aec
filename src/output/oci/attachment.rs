//! Attachments of an image: its lock file, a bill of materials, a report. Each has a manifest of
//! its own that names the image as its subject (image-spec, manifest.md). So an attachment does not
//! change the digest of the image.

use std::collections::{BTreeSet, HashMap};

use oci_spec::image::{Descriptor, ImageManifest, ImageManifestBuilder, MediaType};

use crate::output::error::OutputError;

/// The annotation that gives a blob its file name.
const TITLE: &str = "org.opencontainers.image.title";
/// The configuration of an artifact without one, and its type.
pub(super) const EMPTY: &[u8] = b"{}";

/// A file that is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The name of the file.
    pub name: String,
    /// The content.
    pub data: Vec<u8>,
}

impl Attachment {
    /// Returns the media type of the file, by its name.
    pub(super) fn media_type(&self) -> &'static str {
        let known = [
            (".lock", "application/vnd.rootstrap.lock.v1+toml"),
            (".spdx.json", "application/spdx+json"),
            (".cdx.json", "application/vnd.cyclonedx+json"),
            (".intoto.jsonl", "application/vnd.in-toto+json"),
            (".json", "application/json"),
            (".toml", "application/toml"),
            (".txt", "text/plain"),
        ];
        known
            .iter()
            .find(|(ending, _)| self.name.ends_with(ending))
            .map_or("application/octet-stream", |(_, media_type)| media_type)
    }

    /// Returns the manifest of the attachment, which refers to `subject`. The attachment's blob and
    /// the empty configuration must be written first.
    pub(super) fn manifest(
        &self,
        mut blob: Descriptor,
        config: Descriptor,
        subject: &Descriptor,
    ) -> Result<ImageManifest, OutputError> {
        blob.set_annotations(Some(HashMap::from([(TITLE.to_owned(), self.name.clone())])));
        let mut plain = subject.clone();
        plain.set_annotations(None);
        plain.set_platform(None);
        let builder = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .artifact_type(MediaType::Other(self.media_type().to_owned()))
            .config(config)
            .layers(vec![blob])
            .subject(plain);
        builder.build().map_err(|error| OutputError::Document(error.to_string()))
    }
}

/// Reports whether an untagged entry refers to an image that is not among `kept`.
pub(super) fn is_orphan(manifest: Option<&ImageManifest>, kept: &BTreeSet<String>) -> bool {
    let subject = manifest.and_then(|manifest| manifest.subject().as_ref());
    subject.is_some_and(|subject| !kept.contains(&subject.digest().to_string()))
}
