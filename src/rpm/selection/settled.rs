//! What is settled before any package is chosen: which streams of modules are active, and what they hide.

use crate::ecosystem::{self, Explanation, ModuleOptions, Refusal};
use crate::pool::Pool;
use crate::rpm::installed::State;
use crate::rpm::modules::{Active, Hidden, ModuleError};
use serde_json::json;

/// The active streams of the modules, and the packages that they hide.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The active streams.
    pub active: Active,
    /// The packages that may not be chosen.
    pub hidden: Hidden,
}

impl Settled {
    /// Activates what is enabled by the options and by `more`, beside the default streams.
    pub fn new(state: &State, options: &ModuleOptions, more: &[String], pool: &Pool) -> Result<Self, ModuleError> {
        // Where no repository has modules, nothing can be enabled.
        let nothing = options.enable.is_empty() && more.is_empty();
        if options.ignore || (state.modules.is_empty() && nothing) {
            return Ok(Self::default());
        }
        let platform = options.platform.clone().or_else(|| platform(pool));
        let enable = [options.enable.as_slice(), more].concat();
        let mut active = state.modules.activate(&enable, platform.as_deref(), &state.architectures)?;
        if platform.is_none() {
            active.warnings.push("nothing tells the platform that modules are for: --module-platform does".to_owned());
        }
        let hidden = state.modules.hidden(&active, pool);
        Ok(Self { active, hidden })
    }
}

/// The platform that the packages tell, if they tell one: `base-module(platform:el9)` is provided by a distribution's release package.
fn platform(pool: &Pool) -> Option<String> {
    let mut told = pool.strings().filter_map(|(id, text)| {
        let platform = text.strip_prefix("base-module(")?.strip_suffix(')')?;
        (platform.contains(':') && pool.providers(id).next().is_some()).then(|| platform.to_owned())
    });
    told.next().filter(|_| told.next().is_none())
}

impl Refusal for ModuleError {
    fn tell(&self, _pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let (kind, facts, hints) = match self {
            Self::Unknown { spec, known } => {
                ("no-module", vec![asked_by(spec)], known.iter().map(|known| format!("there is {known}")).collect())
            }
            Self::Several { streams, .. } => (
                "module-without-stream",
                vec![self.to_string()],
                streams.iter().map(|stream| format!("--enable-module {stream}")).collect(),
            ),
            Self::TwoStreams { .. } => ("two-streams", vec![self.to_string()], vec!["enable only one of them".to_owned()]),
            Self::Unsolvable { reasons, .. } => ("modules", reasons.clone(), Vec::new()),
            Self::Pool(_) => ("modules", vec![self.to_string()], Vec::new()),
        };
        let fact = |text| ecosystem::Fact { data: json!({"kind": kind, "text": text}), text, remarks: Vec::new() };
        Explanation {
            headline: self.to_string(),
            problems: vec![ecosystem::Problem { facts: facts.into_iter().map(fact).collect() }],
            hints,
        }
    }
}
