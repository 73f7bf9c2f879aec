//! What a variant *is*: distribution, release, variant and architecture, and all that makes an image of them.
//!
//! In: names, and catalog files (one TOML file a distribution, those of the crate and those given with `--catalog`).
//! Out: an [`Image`]: repositories, keys, packages, options, finishing steps, image configuration; or which name is
//! unknown and which was meant. It never touches the network or a tree, and reads no file but a catalog's own.
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

/// Every distribution known, by name.
#[derive(Debug, Clone)]
pub struct Catalog {
    distros: BTreeMap<String, Entry>,
}

impl Catalog {
    /// The distributions that the crate brings.
    pub fn builtin() -> Self {
        let entry = |&(name, text): &(&str, _)| (name.to_owned(), Entry::builtin(text));
        Self { distros: loading::BUILTIN.iter().map(entry).collect() }
    }

    /// The distributions that the crate brings, and over them what the catalog file at `path` says.
    pub fn with_file(path: &Path) -> Result<Self, CatalogError> {
        let mut catalog = Self::builtin();
        catalog.extend(path)?;
        Ok(catalog)
    }

    /// Lays the catalog file at `path` over what is known: it may add a distribution, or a release, a variant, an
    /// architecture to one, or change any value. On an error the catalog stays as it was.
    pub fn extend(&mut self, path: &Path) -> Result<(), CatalogError> {
        let text = std::fs::read_to_string(path).map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
        self.add(path, &text)
    }

    /// The image of these names. `release` may be a minor one (`9.4`) or an alias, `arch` the distribution's own name or
    /// a platform (`linux/amd64`, `arm64`).
    pub fn find(&self, distro: &str, release: &str, variant: &str, arch: &str) -> Result<Image, CatalogError> {
        self.distro(distro)?.release(release)?.variant(variant)?.image(arch)
    }

    /// The distribution of this name.
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

    /// Every distribution, by name. Fails only if the crate itself is broken.
    pub fn distros(&self) -> Result<Vec<Distro<'_>>, CatalogError> {
        self.distros.values().map(|entry| entry.loaded().map(Distro::new)).collect()
    }
}
