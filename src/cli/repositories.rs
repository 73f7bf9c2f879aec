//! Content of repositories for the commands that only read: `search`, `provides`, `list` and
//! `info`.

use std::path::PathBuf;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::arguments::{RequestArguments, RunArguments};
use super::failure::{Code, Failure};
use super::packaging::{Job, run_with};
use super::request::{Prepared, base};
use super::resolve::resolve_failure;
use super::run::Run;
use crate::bootstrap::{self, InstalledPackages, Keyrings, Loaded};
use crate::catalog::nearest;
use crate::ecosystem::{Ecosystem, Identity};
use crate::finish::glob;
use crate::metadata::Texts;
use crate::pool::{Pool, Solvable, SolvableId};

/// The packages of repositories, and of a root if one is given.
pub(super) struct Known {
    pub pool: Pool,
    /// Texts of the repositories about their packages, if requested.
    texts: FxHashMap<SolvableId, Texts>,
    /// The identities of the packages, indexed by package id.
    identities: Vec<Identity>,
    /// The repositories without file lists.
    without_file_lists: Vec<String>,
}

/// The information to read.
#[derive(Default)]
pub(super) struct Wanted {
    /// The root whose packages are read too.
    pub root: Option<PathBuf>,
    /// Paths to look up owners for.
    pub paths: Vec<String>,
    /// True if the texts of the repositories about their packages are read.
    pub texts: bool,
}

struct Load<'a> {
    prepared: &'a Prepared,
    run: &'a Run,
}

impl Job for Load<'_> {
    type Output = Result<Known, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, run } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let loaded = bootstrap::load(ecosystem, request, &keyring, &run.fetcher, &*run.progress);
        let Loaded { pool, texts, without_file_lists } =
            loaded.map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        let identities = pool.solvables().map(|package| ecosystem.identity(package)).collect();
        Ok(Known { pool, texts, identities, without_file_lists })
    }
}

/// Reads the repositories that the options name.
pub(super) fn known(arguments: &RequestArguments, output: &RunArguments, wanted: Wanted) -> Result<Known, Failure> {
    known_by(&Run::new(output)?, arguments, wanted)
}

/// Reads the repositories that the options name in an existing run.
pub(super) fn known_by(run: &Run, arguments: &RequestArguments, wanted: Wanted) -> Result<Known, Failure> {
    if arguments.distro.is_none() && arguments.repo.is_empty() && wanted.root.is_none() {
        return Err(Failure::usage("nothing says which repositories")
            .hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR"));
    }
    let (mut prepared, _) = base(arguments, wanted.root.as_deref())?;
    prepared.request.installed = wanted.root.map(InstalledPackages::Root);
    prepared.request.paths = wanted.paths;
    prepared.request.texts = wanted.texts;
    run_with(prepared.packaging, Load { prepared: &prepared, run })
}

impl Known {
    pub(super) fn identity(&self, id: SolvableId) -> &Identity {
        &self.identities[id.index()]
    }

    pub(super) fn texts(&self, id: SolvableId) -> Option<&Texts> {
        self.texts.get(&id)
    }

    /// Returns the failure of a query that matches no package. If the metadata list no files, it
    /// says that paths were not searched.
    pub(super) fn nothing_has(&self, asked: &[String]) -> Failure {
        let unlisted = self.without_file_lists.as_slice();
        let are_paths = asked.iter().any(|what| what.contains('/'));
        let what = asked.join(" or ");
        if unlisted.is_empty() || !are_paths {
            return Failure::new(Code::NoSolution, format!("no package provides {what}"));
        }
        let detail = format!("the metadata of {} list no files of packages", unlisted.join(", "));
        let hint = "`rootstrap files ROOT` and `rootstrap info ROOT --who-owns PATH` tell of what is installed";
        if unlisted.len() == self.pool.repos().filter(|(id, _)| self.pool.installed() != Some(*id)).count() {
            return Failure::not_looked_at(format!("files were not looked for, so nothing can be said of {what}"))
                .detail(detail)
                .hint(hint);
        }
        Failure::new(Code::NoSolution, format!("no package whose files are listed provides {what}")).detail(detail).hint(hint)
    }

    /// Returns the packages of the repositories that the request's architecture can run.
    pub(super) fn available(&self) -> impl Iterator<Item = Solvable<'_>> {
        self.pool.solvables().filter(|package| !package.is_installed() && package.arch_rank().is_some())
    }

    /// Returns only the newest package for each name and architecture, sorted by name.
    pub(super) fn newest(&self, mut packages: Vec<SolvableId>) -> Vec<SolvableId> {
        let of = |id: SolvableId| self.pool.solvable(id);
        let key = |id: SolvableId| (of(id).name(), of(id).arch());
        packages.sort_by_key(|&id| (key(id), std::cmp::Reverse((of(id).version_rank(), std::cmp::Reverse(id)))));
        packages.dedup_by_key(|&mut id| key(id));
        packages
    }

    /// Returns the packages that the words match, by name or id, with or without wildcards. Fails
    /// if a word matches no package.
    pub(super) fn meant(&self, words: &[String]) -> Result<Vec<SolvableId>, Failure> {
        let mut found = Vec::new();
        for word in words {
            let before = found.len();
            let fits = |package: &Solvable<'_>| matches(word, package.name()) || matches(word, &self.identity(package.id()).id);
            found.extend(self.available().filter(fits).map(Solvable::id));
            if found.len() == before {
                let failure = Failure::new(Code::NoSolution, format!("no repository has a package `{word}`"));
                let near = nearest(word, self.available().map(Solvable::name));
                return Err(near.into_iter().fold(failure, |failure, near| failure.hint(format!("did you mean {near}?"))));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Returns a package as data.
    pub(super) fn json(&self, id: SolvableId) -> Value {
        let (package, identity) = (self.pool.solvable(id), self.identity(id));
        let mut value = Map::new();
        value.insert("id".into(), json!(identity.id));
        value.insert("name".into(), json!(package.name()));
        if let Some(epoch) = identity.epoch {
            value.insert("epoch".into(), json!(epoch));
        }
        value.insert("version".into(), json!(identity.version));
        if let Some(release) = &identity.release {
            value.insert("release".into(), json!(release));
        }
        value.insert("arch".into(), json!(package.arch()));
        value.insert("repo".into(), json!(package.repo_name()));
        value.insert("size".into(), json!(package.size()));
        value.insert("installed_size".into(), json!(package.installed_size()));
        for (key, text) in [("license", package.license()), ("source", package.source()), ("vendor", package.vendor())] {
            if !text.is_empty() {
                value.insert(key.into(), json!(text));
            }
        }
        if let Some(texts) = self.texts(id) {
            for (key, text) in [("summary", &texts.summary), ("description", &texts.description), ("url", &texts.url)] {
                if !text.is_empty() {
                    value.insert(key.into(), json!(text));
                }
            }
        }
        Value::Object(value)
    }
}

/// Reports whether a word equals a text, or is a pattern that matches it.
pub(super) fn matches(word: &str, text: &str) -> bool {
    word == text || (glob::is_pattern(word.as_bytes()) && glob::matches(word.as_bytes(), text.as_bytes()))
}
