//! Modules: named sets of packages with several streams, of which at most one may be active.
//!
//! Input: `modules.yaml` of the repositories, the modules to enable, and the machine's platform.
//! Output: the active streams, and the packages of the pool that they hide. This module does not
//! choose packages.
//!
//! The rules are those of libdnf (`ModulePackageContainer.cpp`, `ModulePackage.cpp`,
//! `setModuleExcludes` in `dnf-sack.cpp`).

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

/// All modules of the repositories.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Modules {
    /// Every build of every stream, in the order of the repositories.
    pub builds: Vec<Build>,
    /// The defaults of each module, by name.
    pub defaults: BTreeMap<String, Defaults>,
    /// Warnings about ignored documents.
    pub warnings: Vec<String>,
}

/// A build of a module's stream; modulemd calls it version and context of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The name of the module.
    pub name: String,
    /// The name of the stream.
    pub stream: String,
    /// The version. Of builds with the same context, a higher version is newer.
    pub version: u64,
    /// The context identifies the dependencies of the build. Builds of several contexts may
    /// coexist.
    pub context: String,
    /// True if the context was set by hand and has the same meaning in every version.
    pub static_context: bool,
    /// The property that versions have in common: a static context, or else the requirements.
    /// Either all versions of a configuration are active, or none.
    pub configuration: String,
    /// The architecture, if specified.
    pub arch: Option<String>,
    /// The required modules, each with the accepted streams. Streams that begin with `-` are not
    /// accepted; an empty list accepts any stream.
    pub requires: Vec<(String, Vec<String>)>,
    /// The profiles: named lists of packages to install.
    pub profiles: Vec<(String, Vec<String>)>,
    /// The packages of the build, as `name-epoch:version-release.arch`.
    pub artifacts: Vec<String>,
    /// Names of packages that once belonged to it and are now ordinary packages.
    pub demodularized: Vec<String>,
}

/// The defaults of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// Time of modification; later defaults override earlier ones.
    pub modified: u64,
    /// The stream that is active unless another one is enabled.
    pub stream: Option<String>,
    /// The default profiles of each stream.
    pub profiles: BTreeMap<String, Vec<String>>,
}

/// A package whose header names a module, while the metadata of no active module list it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it belongs to the module {label}, and the metadata of no active module list it")]
pub struct Unlisted {
    /// The label of the module: `name:stream:version:context`.
    pub label: String,
}

impl Unlisted {
    /// Advice to the user.
    pub const HINT: &'static str = "add the repository that has the module's metadata; if the package is to replace a module's, set module_hotfixes=1 for its \
                                    repository; --no-modules installs it whatever modules there are";
}

impl Build {
    /// Returns `name:stream`.
    pub fn name_stream(&self) -> String {
        format!("{}:{}", self.name, self.stream)
    }
}

impl Modules {
    /// Reports whether no repository has modules.
    pub fn is_empty(&self) -> bool {
        self.builds.is_empty()
    }

    /// Reads the decompressed `modules.yaml` of a repository.
    pub fn read(&mut self, repository: &str, input: &mut dyn Read) -> Result<(), IndexError> {
        document::read(self, repository, input)
    }

    /// Returns the default stream of a module.
    pub fn default_stream(&self, module: &str) -> Option<&str> {
        self.defaults.get(module)?.stream.as_deref()
    }

    /// Returns the default profiles of a stream.
    pub fn default_profiles(&self, module: &str, stream: &str) -> &[String] {
        self.defaults.get(module).and_then(|defaults| defaults.profiles.get(stream)).map_or(&[], Vec::as_slice)
    }
}
