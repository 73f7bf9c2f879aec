//! The documents of an image: configuration, manifest, index. `oci-spec` defines their types. This
//! module fills them and writes them with sorted keys.

use std::collections::{BTreeMap, HashMap};

use oci_spec::OciSpecError;
use oci_spec::image::{
    Config, Descriptor, History, HistoryBuilder, ImageConfiguration, ImageConfigurationBuilder, ImageIndex, ImageIndexBuilder,
    ImageManifest, ImageManifestBuilder, MediaType, Platform as OciPlatform, PlatformBuilder, RootFsBuilder, Sha256Digest,
};
use serde::Serialize;
use serde_json::Value;

use super::{Image, WrittenLayer};
use crate::catalog::{DateFormat, Platform};
use crate::compression::Format;
use crate::digest::Digest;
use crate::output::error::OutputError;
use crate::output::packing::Packing;

/// The default that Docker uses too: without PATH, a shell finds few programs.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the bytes of a document: no spaces, keys sorted, so that they are reproducible.
pub(super) fn canonical(document: &impl Serialize) -> Result<Vec<u8>, OutputError> {
    let value = serde_json::to_value(document).map(sorted);
    value.and_then(|value| serde_json::to_vec(&value)).map_err(|error| failed(&error))
}

/// Sorts the keys. Maps may keep the order of insertion, and the order of a hash map varies.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        value => value,
    }
}

fn failed(error: &dyn std::fmt::Display) -> OutputError {
    OutputError::Document(error.to_string())
}

/// Returns the descriptor by which another document refers to a blob.
pub(super) fn descriptor(media_type: MediaType, digest: &Digest, size: u64) -> Result<Descriptor, OutputError> {
    let digest: Sha256Digest = digest.hex().parse().map_err(|error: OciSpecError| failed(&error))?;
    Ok(Descriptor::new(media_type, size, digest))
}

/// Returns the media type of a layer's blob.
pub(super) fn layer_type(packing: Packing) -> MediaType {
    match packing.format() {
        Format::Gzip => MediaType::ImageLayerGzip,
        Format::Zstd => MediaType::ImageLayerZstd,
        _ => MediaType::ImageLayer,
    }
}

/// Returns a time in the format of RFC 3339.
pub(super) fn time(epoch: i64) -> String {
    let format = DateFormat::try_from("%FT%TZ".to_owned());
    format.map(|format| format.render(u64::try_from(epoch).unwrap_or(0))).unwrap_or_default()
}

pub(super) fn platform(platform: &Platform) -> Result<OciPlatform, OutputError> {
    let mut builder = PlatformBuilder::default().os("linux").architecture(platform.architecture.as_str());
    if let Some(variant) = &platform.variant {
        builder = builder.variant(variant.clone());
    }
    builder.build().map_err(|error| failed(&error))
}

/// Returns the configuration of an image whose layers were written.
pub(super) fn configuration(image: &Image<'_>, layers: &[WrittenLayer]) -> Result<ImageConfiguration, OutputError> {
    let created = time(image.times.epoch);
    let below = image.base.map(|base| &base.config);
    let own: Vec<History> = layers
        .iter()
        .map(|layer| {
            let entry = HistoryBuilder::default().created(created.clone()).created_by("rootstrap").comment(layer.what.clone());
            entry.build().map_err(|error| failed(&error))
        })
        .collect::<Result<_, _>>()?;
    let mut history = below.and_then(|config| config.history().clone()).unwrap_or_default();
    history.extend(own);
    let mut diff_ids = below.map(|config| config.rootfs().diff_ids().clone()).unwrap_or_default();
    diff_ids.extend(layers.iter().map(|layer| layer.diff_id.to_string()));
    let rootfs = RootFsBuilder::default().typ("layers").diff_ids(diff_ids).build().map_err(|error| failed(&error))?;
    let mut builder = ImageConfigurationBuilder::default()
        .created(created)
        .os("linux")
        .architecture(image.platform.architecture.as_str())
        .config(run_config(image))
        .rootfs(rootfs)
        .history(history);
    if let Some(variant) = &image.platform.variant {
        builder = builder.variant(variant.clone());
    }
    builder.build().map_err(|error| failed(&error))
}

/// Returns the run configuration: that of the base image, with the settings of this image over it.
fn run_config(image: &Image<'_>) -> Config {
    let config = image.config;
    let below = image.base.and_then(|base| base.config.config().clone());
    let mut run = below.unwrap_or_default();
    if !config.cmd.is_empty() {
        run.set_cmd(Some(config.cmd.clone()));
    }
    if !config.entrypoint.is_empty() {
        run.set_entrypoint(Some(config.entrypoint.clone()));
    }
    let mut env = run.env().clone().unwrap_or_default();
    for variable in &config.env {
        let name = variable.split('=').next().unwrap_or_default();
        env.retain(|other| other.split('=').next() != Some(name));
        env.push(variable.clone());
    }
    if !env.iter().any(|variable| variable.starts_with("PATH=")) {
        env.insert(0, PATH.to_owned());
    }
    run.set_env(Some(env));
    if let Some(signal) = &config.stop_signal {
        run.set_stop_signal(Some(signal.clone()));
    }
    let mut labels = run.labels().clone().unwrap_or_default();
    labels.extend(image.labels());
    run.set_labels(Some(labels).filter(|labels| !labels.is_empty()));
    run
}

/// Returns the manifest of an image.
pub(super) fn manifest(
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: &BTreeMap<String, String>,
) -> Result<ImageManifest, OutputError> {
    let builder =
        ImageManifestBuilder::default().schema_version(2u32).media_type(MediaType::ImageManifest).config(config).layers(layers);
    let builder = if annotations.is_empty() { builder } else { builder.annotations(hashed(annotations)) };
    builder.build().map_err(|error| failed(&error))
}

/// Returns an index of manifests.
pub(super) fn index(manifests: Vec<Descriptor>, annotations: &BTreeMap<String, String>) -> Result<ImageIndex, OutputError> {
    let builder = ImageIndexBuilder::default().schema_version(2u32).media_type(MediaType::ImageIndex).manifests(manifests);
    let builder = if annotations.is_empty() { builder } else { builder.annotations(hashed(annotations)) };
    builder.build().map_err(|error| failed(&error))
}

fn hashed(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.clone().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_whatever_order_they_came_in() {
        let map: HashMap<String, Vec<HashMap<String, u8>>> = (b'a'..=b'z')
            .map(|c| (char::from(c).to_string(), vec![(b'a'..=b'z').map(|c| (char::from(c).to_string(), c)).collect()]))
            .collect();
        let text = String::from_utf8(canonical(&map).unwrap()).unwrap();
        let keys: Vec<char> = text.split("\":[").filter_map(|part| part.chars().last()).take(26).collect();
        assert_eq!(keys.iter().collect::<String>(), "abcdefghijklmnopqrstuvwxyz");
        let inner: Vec<usize> = (b'a'..=b'z').map(|c| text.find(&format!("\"{}\":{c}", char::from(c))).unwrap()).collect();
        assert!(inner.is_sorted());
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time(1_788_307_200), "2026-09-02T00:00:00Z");
        assert_eq!(time(-1), "1970-01-01T00:00:00Z");
    }
}
