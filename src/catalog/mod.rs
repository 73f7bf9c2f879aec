//! The definition of variants: a distribution, release, variant and architecture, and the data that
//! defines an image.
//!
//! In: names, and catalog files (one TOML file per distribution, built-in or given with
//! `--catalog`). Out: an [`Image`] with repositories, keys, packages, options, finishing steps and
//! image configuration; or an error with the unknown name and the most similar known one. The
//! module never uses the network or a tree, and reads no files except catalog files and their keys.
//!
//! ```
//! # fn main() -> Result<(), rootstrap::catalog::CatalogError> {
//! let catalog = rootstrap::catalog::Catalog::builtin();
//! let image = catalog.find("almalinux", "9", "micro", "linux/arm64")?;
//! assert_eq!(image.arch.name, "aarch64");
//! assert_eq!(image.repositories[0].below("/mirror"), "/mirror/9/BaseOS/aarch64/os/");
//! # Ok(())
//! # }
//! ```

mod architecture;
mod date;
mod error;
mod finishing;
mod form;
mod image;
mod listing;
mod loading;
mod naming;
mod nearest;
mod resolve;
mod signatures;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use architecture::{Architecture, ByteOrder, NotAPlatform, Platform};
pub use date::{DateFormat, UnknownConversion};
pub use error::{CatalogError, ContentProblem};
pub(crate) use finishing::check_path;
pub use finishing::{
    BusyboxLinks, Content, Copy, Directory, EnableRepositories, Existing, FilesFrom, Group, Link, Replace, Step, StepProblem,
    User, Write,
};
pub use image::{
    Assumed, Database, DatabaseBackend, Image, ImageConfig, InstallAction, InstallStep, Key, Langs, Multilib, Options, Packaging,
    Repository,
};
pub use listing::{Distro, Release, Variant};
pub use naming::{LIBRARY, Naming, NamingForm, TagScheme};
pub use nearest::nearest;
pub use signatures::SignaturePolicy;

use loading::Entry;

/// All known distributions, by name.
#[derive(Debug, Clone)]
pub struct Catalog {
    distros: BTreeMap<String, Entry>,
}

impl Catalog {
    /// Returns the built-in distributions.
    pub fn builtin() -> Self {
        let entry = |&(name, text): &(&str, _)| (name.to_owned(), Entry::builtin(text));
        Self { distros: loading::BUILTIN.iter().map(entry).collect() }
    }

    /// Returns the built-in distributions, with the catalog file at `path` applied over them.
    pub fn with_file(path: &Path) -> Result<Self, CatalogError> {
        let mut catalog = Self::builtin();
        catalog.extend(path)?;
        Ok(catalog)
    }

    /// Applies the catalog file at `path` over the existing definitions. The file may add a
    /// distribution, may add a release, a variant or an architecture to an existing one, and may
    /// change any value. On an error the catalog stays unchanged.
    pub fn extend(&mut self, path: &Path) -> Result<(), CatalogError> {
        let text = std::fs::read_to_string(path).map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
        self.add(path, &text)
    }

    /// Returns the image with these names. `release` may be a minor release (`9.4`) or an alias.
    /// `arch` is the distribution's own name or a platform (`linux/amd64`, `arm64`).
    pub fn find(&self, distro: &str, release: &str, variant: &str, arch: &str) -> Result<Image, CatalogError> {
        self.distro(distro)?.release(release)?.variant(variant)?.image(arch)
    }

    /// Finds a distribution by name.
    pub fn distro(&self, name: &str) -> Result<Distro<'_>, CatalogError> {
        let entry = self.distros.get(name).ok_or_else(|| {
            let known = || self.distros.keys().map(String::as_str);
            CatalogError::UnknownDistro {
                name: name.to_owned(),
                known: known().map(str::to_owned).collect(),
                suggestion: nearest(name, known()).map(str::to_owned),
            }
        })?;
        entry.loaded().map(Distro::new)
    }

    /// Returns all distributions, sorted by name. Fails only if a built-in definition is invalid.
    pub fn distros(&self) -> Result<Vec<Distro<'_>>, CatalogError> {
        self.distros.values().map(|entry| entry.loaded().map(Distro::new)).collect()
    }
}
