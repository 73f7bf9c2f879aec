//! Modules: named sets of packages that come in several streams, of which one at most may be active.
//!
//! In: `modules.yaml` of the repositories, what is asked to be enabled, the machine's platform. Out: which streams are active, and which
//! packages of the pool may not be chosen because of that. It chooses no packages itself.
//!
//! The rules are libdnf's (`ModulePackageContainer.cpp`, `ModulePackage.cpp`, `setModuleExcludes` in `dnf-sack.cpp`).

mod active;
mod document;
mod filter;
mod spec;
#[cfg(test)]
mod tests;

pub use active::{Active, ModuleError};
pub use filter::{Hidden, Hider};
pub use spec::ModuleSpec;

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::metadata::IndexError;

/// All modules that the repositories tell of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Modules {
    /// Every build of every stream, in the order of the repositories.
    pub builds: Vec<Build>,
    /// What is the default, by the module's name.
    pub defaults: BTreeMap<String, Defaults>,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

/// One build of a module's stream: what modulemd calls a stream's version and context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The module's name.
    pub name: String,
    /// The stream.
    pub stream: String,
    /// The version: of builds with one context, the higher, the newer.
    pub version: u64,
    /// The context: of what it was built against. Builds of several may be there side by side.
    pub context: String,
    /// Whether the context is given by hand and means the same from version to version.
    pub static_context: bool,
    /// What its versions have in common: the context where that is static, else what is required. Of one configuration all versions are
    /// active, or none.
    pub configuration: String,
    /// The architecture, where it is told.
    pub arch: Option<String>,
    /// The modules that it requires, and of each the streams that will do; one that begins with `-` will not. None: any stream.
    pub requires: Vec<(String, Vec<String>)>,
    /// Its profiles: lists of packages to install, under a name.
    pub profiles: Vec<(String, Vec<String>)>,
    /// The packages that belong to it: `name-epoch:version-release.arch`.
    pub artifacts: Vec<String>,
    /// Names of packages that belonged to it and are ordinary ones again.
    pub demodularized: Vec<String>,
}

/// What of a module is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// When this was said: the later word counts.
    pub modified: u64,
    /// The stream that is active where nobody says otherwise.
    pub stream: Option<String>,
    /// Of each stream the profiles that are installed where none is named.
    pub profiles: BTreeMap<String, Vec<String>>,
}

/// A package that belongs to a module, as it says itself, and that no active module lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it belongs to the module {label}, and the metadata of no active module list it")]
pub struct Unlisted {
    /// `name:stream:version:context`
    pub label: String,
}

impl Unlisted {
    /// What the user can do.
    pub const HINT: &'static str = "add the repository that has the module's metadata; if the package is to replace a module's, set module_hotfixes=1 for its \
                                    repository; --no-modules installs it whatever modules there are";
}

impl Build {
    /// `name:stream`
    pub fn name_stream(&self) -> String {
        format!("{}:{}", self.name, self.stream)
    }
}

impl Modules {
    /// Whether no repository has modules.
    pub fn is_empty(&self) -> bool {
        self.builds.is_empty()
    }

    /// Reads a `modules.yaml` (inflated already) of a repository.
    pub fn read(&mut self, repository: &str, input: &mut dyn Read) -> Result<(), IndexError> {
        document::read(self, repository, input)
    }

    /// The stream that is the default of a module.
    pub fn default_stream(&self, module: &str) -> Option<&str> {
        self.defaults.get(module)?.stream.as_deref()
    }

    /// The profiles that are the default of a stream.
    pub fn default_profiles(&self, module: &str, stream: &str) -> &[String] {
        self.defaults.get(module).and_then(|defaults| defaults.profiles.get(stream)).map_or(&[], Vec::as_slice)
    }
}
