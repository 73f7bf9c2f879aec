//! What is settled before any package is chosen: which streams of modules are active, and what they hide.

use std::collections::BTreeSet;

use crate::ecosystem::{self, Cause, Explanation, ModuleOptions, Refusal};
use crate::pool::{Dependency, Kind, Pool, Solvable, SolvableId, StringId};
use crate::rpm::architecture;
use crate::rpm::installed::State;
use crate::rpm::modules::{Active, Hidden, ModuleError};
use crate::rpm::package_files;
use crate::rpm::spec::Obsoleters;
use serde_json::json;

/// The active streams of the modules, the packages that they hide, and what else dnf heeds on a distribution of its own: one whose
/// platform is known.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// For what it is settled.
    pub options: ModuleOptions,
    /// The active streams.
    pub active: Active,
    /// The packages that may not be chosen.
    pub hidden: Hidden,
    /// Packages of these architectures stand beside those of their name for others.
    pub second_colour: Vec<StringId>,
    /// What may be taken for a package that is asked for by its name.
    pub obsoleters: Option<Obsoleters>,
}

impl Settled {
    /// Activates what is enabled by the options and by `more`, beside the default streams.
    pub fn new(state: &State, options: &ModuleOptions, more: &[String], pool: &Pool) -> Result<Self, ModuleError> {
        // Where no repository has modules, nothing can be enabled.
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

    /// Returns those of the packages that may be installed only if they belong to no module; see [`crate::ecosystem::Choice::unlisted`].
    pub fn unlisted(&self, packages: impl Iterator<Item = SolvableId>, pool: &Pool) -> BTreeSet<SolvableId> {
        let is_free =
            |&id: &SolvableId| self.options.ignore || self.hidden.shows(id) || is_spared(&self.options, pool.solvable(id));
        packages.filter(|id| !is_free(id)).collect()
    }
}

/// Whether modules mean nothing to a package: it was given as a file, or its repository is one of hotfixes.
fn is_spared(options: &ModuleOptions, package: Solvable<'_>) -> bool {
    let repository = package.repo_name();
    repository == package_files::REPOSITORY || options.hotfixes.iter().any(|name| name == repository)
}

/// The platform that the packages tell, if they tell one: the release package of a distribution (it provides `system-release`) provides
/// `base-module(platform:el9)`. libdnf looks for it in the same place (`ModulePackageContainer`).
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
