//! An archive in the format of `docker save` and `docker load`: a configuration, one uncompressed
//! archive per layer, and a list of both.
//!
//! The length of a layer comes before its content. So each layer is produced twice: once to hash
//! and count it, once to write it.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::config::{canonical, configuration};
use super::{Image, WrittenImage, WrittenLayer};
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::output::archive::ArchiveFile;
use crate::output::error::OutputError;
use crate::output::file::OutputFile;
use crate::output::packing::Packing;
use crate::reporter::{Phase, Reporter};

/// A checked destination for such an archive. If it is dropped before completion, it leaves nothing
/// behind.
pub struct DockerArchive {
    file: ArchiveFile,
    packing: Packing,
}

impl DockerArchive {
    /// Prepares an archive at `path`. Its layers are uncompressed; `packing` applies to the whole
    /// archive.
    pub fn prepare(path: &Path, packing: Packing) -> Result<Self, OutputError> {
        Ok(Self { file: ArchiveFile::prepare(path)?, packing })
    }

    /// Returns an archive that is written to an already prepared file.
    pub fn of_file(file: OutputFile, packing: Packing) -> Self {
        Self { file: file.into(), packing }
    }

    /// Writes an image with some names (`almalinux:9`), and publishes the file.
    pub fn write(
        self,
        image: &Image<'_>,
        names: &[String],
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<WrittenImage, OutputError> {
        let layers = image.cut()?;
        reporter.begin(Phase::Write, Some(layers.len() as u64), None);
        let mut written = Vec::with_capacity(layers.len());
        let mut missed = Vec::new();
        for layer in &layers {
            let counter = Counter { hasher: Hasher::new(Algorithm::Sha256), length: 0 };
            let (counter, not_applied) = image.archive(layer, counter, cancel)?;
            missed.extend(not_applied);
            let diff_id = counter.hasher.finish();
            let (what, digest, length) = (layer.what.clone(), diff_id.clone(), counter.length);
            written.push(WrittenLayer { what, digest, size: length, diff_id, unpacked: length });
        }
        let config = canonical(&configuration(image, &written)?)?;
        let id = Digest::of(Algorithm::Sha256, &config);
        let config_name = format!("{}.json", id.hex());
        let names_of_layers: Vec<String> = written.iter().map(|layer| format!("{}.tar", layer.diff_id.hex())).collect();
        let list = json!([{"Config": config_name, "RepoTags": names, "Layers": names_of_layers}]);
        let list = canonical(&list)?;
        let epoch = u64::try_from(image.times.epoch).unwrap_or(0);
        self.file.fill(self.packing, reporter, cancel, |out| {
            let failed = |name: &str| {
                let path = name.to_owned();
                move |error| OutputError::Archive { path, error }
            };
            let mut archive = Builder::new(out);
            archive.append(&header(&config_name, config.len() as u64, epoch), &config[..]).map_err(failed(&config_name))?;
            for ((layer, name), facts) in layers.iter().zip(&names_of_layers).zip(&written) {
                let put = archive.get_mut().write_all(header(name, facts.unpacked, epoch).as_bytes());
                put.map_err(failed(name))?;
                // The archive consists of whole blocks, so it needs no padding.
                image.archive(layer, archive.get_mut(), cancel)?;
                reporter.advance(Phase::Write, 1, 0);
            }
            let name = "manifest.json";
            archive.append(&header(name, list.len() as u64, epoch), &list[..]).map_err(failed(name))?;
            Ok((archive.into_inner().map_err(failed("the end"))?, ()))
        })?;
        reporter.finish(Phase::Write, &format!("{} layers", written.len()));
        Ok(WrittenImage {
            platform: image.platform.clone(),
            manifest: Digest::of(Algorithm::Sha256, &list),
            config: id,
            layers: written,
            written: image.written(missed)?,
        })
    }
}

/// Returns the header of a file that belongs to root. Its name is a digest, and so never too long.
fn header(name: &str, length: u64, epoch: u64) -> Header {
    let mut header = Header::new_ustar();
    if let Some(ustar) = header.as_ustar_mut() {
        let length = name.len().min(ustar.name.len());
        ustar.name[..length].copy_from_slice(&name.as_bytes()[..length]);
    }
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(epoch);
    header.set_size(length);
    header.set_cksum();
    header
}

/// A writer that counts and hashes its input.
struct Counter {
    hasher: Hasher,
    length: u64,
}

impl Write for Counter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.hasher.update(data);
        self.length += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
