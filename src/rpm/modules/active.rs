//! Selection of the active module streams: enabled streams, default streams, and the streams that
//! these require.
//!
//! Streams are packages to the solver, as they are to libsolv in libdnf. For example, `nodejs:20`
//! provides `module(nodejs)` and `module(nodejs:20)`, conflicts with the other streams of its
//! module, and requires `module(platform:el9)`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Build, ModuleSpec, Modules};
use crate::catalog::nearest;
use crate::pool::{Architectures, Kind, Op, Package, Pool, PoolBuilder, PoolError, RichOp, SolvableId};
use crate::rpm::version::RpmVersions;
use crate::solver::{Fact, Job, Problem, Request, Solution, Solver, Unsolvable};

/// The active streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// For each build in [`Modules::builds`], true if it is active.
    pub builds: Vec<bool>,
    /// Warnings to the user.
    pub warnings: Vec<String>,
}

/// The reason why the requested streams cannot be enabled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// The module or stream does not exist.
    #[error("there is no module `{spec}`")]
    Unknown {
        /// The spec as the user wrote it.
        spec: String,
        /// The existing streams of the module, or a module with a similar name.
        known: Vec<String>,
    },
    /// The spec matches several streams.
    #[error("the module {module} has several streams, and none is the default")]
    Several {
        /// The module.
        module: String,
        /// The streams, each as `module:stream`.
        streams: Vec<String>,
    },
    /// The user requested two streams of one module.
    #[error("{first} and {second} are streams of one module: only one can be enabled")]
    TwoStreams {
        /// The first stream.
        first: String,
        /// The second stream.
        second: String,
    },
    /// The requested streams contradict each other, or a requirement is missing.
    #[error("the modules {} cannot be enabled together", .modules.join(", "))]
    Unsolvable {
        /// The requested streams, each as `module:stream`.
        modules: Vec<String>,
        /// The reasons.
        reasons: Vec<String>,
    },
    /// There are more modules than a pool can contain.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// A requested stream, and the builds that match.
#[derive(Debug, Default)]
struct Enabled {
    stream: String,
    builds: BTreeSet<usize>,
}

impl Modules {
    /// Returns the active streams for a machine with these architectures and this platform
    /// (`platform:el9`), with the streams in `enable` requested. Fails if they cannot be enabled.
    pub fn activate(
        &self,
        enable: &[String],
        platform: Option<&str>,
        architectures: &Architectures,
    ) -> Result<Active, ModuleError> {
        let enabled = self.enabled(enable)?;
        let universe = Universe::new(self, platform, architectures)?;
        let default = |module: &str| self.default_stream(module).filter(|_| !enabled.contains_key(module));
        let mut required: Vec<Job> = universe.platform.iter().map(|&id| Job::install("platform", vec![id])).collect();
        for (module, Enabled { stream, builds }) in &enabled {
            required.push(Job::install(
                format!("{module}:{stream}"),
                builds.iter().map(|&build| universe.solvables[build]).collect(),
            ));
        }
        let mut optional: BTreeMap<String, Vec<SolvableId>> = BTreeMap::new();
        for (build, &id) in self.builds.iter().zip(&universe.solvables) {
            if default(&build.name) == Some(&build.stream) {
                optional.entry(build.name_stream()).or_default().push(id);
            }
        }
        let optional: Vec<Job> = optional.into_iter().map(|(stream, builds)| Job::install(stream, builds)).collect();
        let (solution, warnings) = universe.solve(&required, &optional).map_err(|reasons| ModuleError::Unsolvable {
            modules: enabled.iter().map(|(module, Enabled { stream, .. })| format!("{module}:{stream}")).collect(),
            reasons,
        })?;
        // All versions of a configuration are active if the solver chose one.
        let chosen = universe.solvables.iter().zip(&self.builds).filter(|&(&id, _)| solution.contains(id));
        let active: BTreeSet<(&str, &str, &str)> = chosen.map(|(_, build)| configuration(build)).collect();
        Ok(Active { builds: self.builds.iter().map(|build| active.contains(&configuration(build))).collect(), warnings })
    }

    /// Returns the streams to enable, by module.
    fn enabled(&self, specs: &[String]) -> Result<BTreeMap<String, Enabled>, ModuleError> {
        let mut enabled: BTreeMap<String, Enabled> = BTreeMap::new();
        for spec in specs {
            let parsed = ModuleSpec::parse(spec);
            let mut meant: BTreeMap<&str, BTreeMap<&str, BTreeSet<usize>>> = BTreeMap::new();
            for (index, build) in self.builds.iter().enumerate().filter(|(_, build)| parsed.means(build)) {
                meant.entry(&build.name).or_default().entry(&build.stream).or_default().insert(index);
            }
            if meant.is_empty() {
                return Err(ModuleError::Unknown { spec: spec.clone(), known: self.alternatives(parsed.name) });
            }
            for (module, mut streams) in meant {
                let before = enabled.get(module).map(|enabled| enabled.stream.as_str());
                let chosen = match streams.len() {
                    1 => streams.pop_first(),
                    _ => before.or(self.default_stream(module)).and_then(|stream| streams.remove_entry(stream)),
                };
                let Some((stream, builds)) = chosen else {
                    let streams = streams.keys().map(|stream| format!("{module}:{stream}")).collect();
                    return Err(ModuleError::Several { module: module.to_owned(), streams });
                };
                if let Some(before) = before.filter(|&before| before != stream) {
                    let [first, second] = [before, stream].map(|stream| format!("{module}:{stream}"));
                    return Err(ModuleError::TwoStreams { first, second });
                }
                let known = enabled.entry(module.to_owned()).or_default();
                stream.clone_into(&mut known.stream);
                known.builds.extend(builds);
            }
        }
        Ok(enabled)
    }

    /// Returns the streams of a module. If there is no such module, returns the one with the most
    /// similar name.
    fn alternatives(&self, module: &str) -> Vec<String> {
        let streams: BTreeSet<String> = self.builds.iter().filter(|build| build.name == module).map(Build::name_stream).collect();
        if !streams.is_empty() {
            return streams.into_iter().collect();
        }
        nearest(module, self.builds.iter().map(|build| build.name.as_str())).map(str::to_owned).into_iter().collect()
    }
}

fn configuration(build: &Build) -> (&str, &str, &str) {
    (&build.name, &build.stream, &build.configuration)
}

/// The streams as packages of a pool.
struct Universe {
    pool: Pool,
    /// The package of each build.
    solvables: Vec<SolvableId>,
    platform: Option<SolvableId>,
}

impl Universe {
    fn new(modules: &Modules, platform: Option<&str>, architectures: &Architectures) -> Result<Self, PoolError> {
        let mut builder = PoolBuilder::new();
        let repo = builder.add_repo("modules", 99, None);
        let mut streams: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for build in &modules.builds {
            streams.entry(&build.name).or_default().insert(&build.stream);
        }
        let add = |builder: &mut PoolBuilder, name: &str, stream: &str, configuration: &str, version: u64, arch: &str| {
            for provided in [format!("module({name})"), format!("module({name}:{stream})")] {
                let provided = builder.dependency(&provided, Op::ANY, "");
                builder.add_dependency(Kind::Provides, provided);
            }
            let package = Package {
                name: builder.intern(&format!("{name}:{stream}:{configuration}")),
                version: builder.intern(&version.to_string()),
                arch: builder.intern(arch),
                ..Package::default()
            };
            builder.finish_package(repo, package)
        };
        let solvables = (modules.builds.iter())
            .map(|build| {
                for (module, streams) in &build.requires {
                    require(&mut builder, module, streams);
                }
                for other in streams.get(build.name.as_str()).into_iter().flatten().filter(|&&other| other != build.stream) {
                    let other = builder.dependency(&format!("module({}:{other})", build.name), Op::ANY, "");
                    builder.add_dependency(Kind::Conflicts, other);
                }
                let arch = build.arch.as_deref().unwrap_or("noarch");
                add(&mut builder, &build.name, &build.stream, &build.configuration, build.version, arch)
            })
            .collect();
        let platform = platform.and_then(|platform| platform.split_once(':'));
        let platform = platform.map(|(name, stream)| add(&mut builder, name, stream, "", 0, "noarch"));
        Ok(Self { pool: builder.build(&RpmVersions, architectures)?, solvables, platform })
    }

    /// Solves in libdnf's steps: first with the newest of all streams, then with as many defaults
    /// as possible, then without requiring the newest. Also returns a warning if the first step was
    /// not enough.
    fn solve(&self, required: &[Job], optional: &[Job]) -> Result<(Solution, Vec<String>), Vec<String>> {
        let mut solver = Solver::new(&self.pool);
        let best = |jobs: &[Job]| jobs.iter().map(|job| job.clone().best(true)).collect::<Vec<_>>();
        let strict = match solver.solve(&Request::new([best(required), best(optional)].concat())) {
            Ok(solution) => return Ok((solution, Vec::new())),
            Err(unsolvable) => unsolvable,
        };
        for required in [best(required), required.to_vec()] {
            let mut jobs = [&required, optional].concat();
            loop {
                let unsolvable = match solver.solve(&Request::new(jobs.iter().cloned())) {
                    Ok(solution) => {
                        let reasons = self.reasons(&strict).join("; ");
                        return Ok((solution, vec![format!("not every default stream of the modules can be active: {reasons}")]));
                    }
                    Err(unsolvable) => unsolvable,
                };
                // libsolv gives up the last optional job.
                let given_up = unsolvable.problems.iter().flat_map(Problem::jobs).filter(|&job| job >= required.len()).max();
                let Some(job) = given_up else { break };
                jobs.remove(job);
            }
        }
        Err(self.reasons(&strict))
    }

    fn reasons(&self, unsolvable: &Unsolvable) -> Vec<String> {
        let stream = |id: SolvableId| {
            let name = self.pool.solvable(id).name();
            name.match_indices(':').nth(1).map_or(name, |(end, _)| &name[..end])
        };
        let mut reasons: Vec<String> = Vec::new();
        for &fact in unsolvable.problems.iter().flat_map(|problem| &problem.facts) {
            let reason = match fact {
                Fact::Requires { package, dependency } => {
                    format!("{} requires {}", stream(package), self.pool.display(dependency))
                }
                Fact::NothingProvides { package, dependency } => {
                    format!("{} requires {}, which there is not", stream(package), self.pool.display(dependency))
                }
                Fact::Conflicts { package, dependency, .. } => {
                    format!("{} conflicts with {}", stream(package), self.pool.display(dependency))
                }
                Fact::ForeignArchitecture { package } => format!("{} is for another architecture", stream(package)),
                _ => continue,
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

/// Adds a requirement of the current package: one of the streams, and none of those that begin with
/// `-`.
fn require(builder: &mut PoolBuilder, module: &str, streams: &[String]) {
    let mut wanted = None;
    for stream in streams {
        if let Some(unwanted) = stream.strip_prefix('-') {
            let unwanted = builder.dependency(&format!("module({module}:{unwanted})"), Op::ANY, "");
            builder.add_dependency(Kind::Conflicts, unwanted);
            continue;
        }
        let stream = builder.dependency(&format!("module({module}:{stream})"), Op::ANY, "");
        wanted = Some(match wanted {
            None => stream,
            Some(before) => builder.rich_dependency(before, RichOp::Or, stream),
        });
    }
    let wanted = wanted.unwrap_or_else(|| builder.dependency(&format!("module({module})"), Op::ANY, ""));
    builder.add_dependency(Kind::Requires, wanted);
}
