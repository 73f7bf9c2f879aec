//! State that is fixed before any package is chosen: the active module streams, and the packages
//! that they hide.

use std::collections::BTreeSet;

use crate::ecosystem::{self, Cause, Explanation, ModuleOptions, Refusal};
use crate::pool::{Dependency, Kind, Pool, Solvable, SolvableId, StringId};
use crate::rpm::architecture;
use crate::rpm::installed::State;
use crate::rpm::modules::{Active, Hidden, ModuleError};
use crate::rpm::package_files;
use crate::rpm::spec::Obsoleters;
use serde_json::json;

/// The active streams of the modules, the packages that they hide, and dnf's rules for a
/// distribution with a known platform.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The options for which this state was computed.
    pub options: ModuleOptions,
    /// The active streams.
    pub active: Active,
    /// The packages that may not be chosen.
    pub hidden: Hidden,
    /// Architectures whose packages may be installed beside packages of the same name for other
    /// architectures.
    pub second_colour: Vec<StringId>,
    /// Packages that may replace a package requested by name.
    pub obsoleters: Option<Obsoleters>,
}

impl Settled {
    /// Activates the streams that the options and `more` enable, and the default streams.
    pub fn new(state: &State, options: &ModuleOptions, more: &[String], pool: &Pool) -> Result<Self, ModuleError> {
        // Without modules in any repository, there is nothing to enable.
        let nothing = state.modules.is_empty() && options.enable.is_empty() && more.is_empty();
        let has_modules = !(options.ignore || nothing);
        let platform = options.platform.clone().or_else(|| has_modules.then(|| platform(pool)).flatten());
        let mut settled = Self { options: options.clone(), ..Self::default() };
        if platform.is_some() {
            let second = architecture::second_colour(&state.arch);
            settled.second_colour = second.into_iter().filter_map(|arch| pool.find(arch)).collect();
            settled.obsoleters = Some(Obsoleters::new(pool));
        }
        if has_modules {
            let enable = [options.enable.as_slice(), more].concat();
            settled.active = state.modules.activate(&enable, platform.as_deref(), &state.architectures)?;
            if platform.is_none() {
                let warning = "nothing tells the platform that modules are for: --module-platform does";
                settled.active.warnings.push(warning.to_owned());
            }
            settled.hidden = state.modules.hidden(&settled.active, pool, |package| is_spared(options, package));
        }
        Ok(settled)
    }

    /// Returns the packages that may be installed only if they belong to no module; see
    /// [`crate::ecosystem::Choice::unlisted`].
    pub fn unlisted(&self, packages: impl Iterator<Item = SolvableId>, pool: &Pool) -> BTreeSet<SolvableId> {
        let is_free =
            |&id: &SolvableId| self.options.ignore || self.hidden.shows(id) || is_spared(&self.options, pool.solvable(id));
        packages.filter(|id| !is_free(id)).collect()
    }
}

/// Reports whether modules do not apply to a package: it is a package file, or from a repository
/// with hotfixes.
fn is_spared(options: &ModuleOptions, package: Solvable<'_>) -> bool {
    let repository = package.repo_name();
    repository == package_files::REPOSITORY || options.hotfixes.iter().any(|name| name == repository)
}

/// Returns the platform that the distribution's release package states. That package provides
/// `system-release` and `base-module(platform:el9)`. libdnf uses the same provides
/// (`ModulePackageContainer`).
fn platform(pool: &Pool) -> Option<String> {
    let release = pool.find("system-release")?;
    let provided = pool.providers(release).flat_map(|(id, _)| pool.solvable(id).dependencies(Kind::Provides));
    let mut told: Vec<&str> = provided
        .filter_map(|&provide| match pool.dependency(provide) {
            Dependency::Plain { name, .. } => pool.text(name).strip_prefix("base-module(")?.strip_suffix(')'),
            Dependency::Rich { .. } => None,
        })
        .filter(|platform| platform.contains(':'))
        .collect();
    told.sort_unstable();
    told.dedup();
    match told[..] {
        [platform] => Some(platform.to_owned()),
        _ => None,
    }
}

impl Refusal for ModuleError {
    fn tell(&self, _pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let (kind, facts, hints) = match self {
            Self::Unknown { spec, known } => {
                ("no-module", vec![asked_by(spec)], known.iter().map(|known| format!("there is {known}")).collect())
            }
            Self::Several { .. } => ("module-without-stream", vec![self.to_string()], Vec::new()),
            Self::TwoStreams { .. } => ("two-streams", vec![self.to_string()], vec!["enable only one of them".to_owned()]),
            Self::Unsolvable { reasons, .. } => ("modules", reasons.clone(), Vec::new()),
            Self::Pool(_) => ("modules", vec![self.to_string()], Vec::new()),
        };
        let fact = |text| ecosystem::Fact { data: json!({"kind": kind, "text": text}), text, remarks: Vec::new() };
        Explanation {
            headline: self.to_string(),
            problems: vec![ecosystem::Problem { facts: facts.into_iter().map(fact).collect() }],
            hints,
            cause: Cause::NoSolution,
        }
    }
}
