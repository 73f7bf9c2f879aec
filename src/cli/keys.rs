//! Trusted keys and the repositories that they belong to: keys of the catalog, of `--key`, and of a
//! lock.

use std::path::Path;

use super::failure::Failure;
use super::request::{Prepared, read_key};
use crate::catalog::Key;

/// A key that the user gave, for one repository or for all others.
#[derive(Clone)]
pub(super) struct GivenKey {
    /// The only repository that the key is trusted for.
    pub repository: Option<String>,
    pub key: Key,
}

impl GivenKey {
    /// Parses `[REPOSITORY=]FILE`. A file with an equals sign in its name is given with its
    /// directory: `./a=b`.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.:+".contains(c));
        let (repository, file) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, file)) => (Some(name.to_owned()), file),
            None => (None, text),
        };
        Ok(Self { repository, key: read_key(Path::new(file))? })
    }
}

/// The keys of a request before they are assigned to its repositories.
#[derive(Clone, Default)]
pub(super) struct KeySources {
    /// The keys of the distribution, or those that a root itself trusts.
    pub own: Vec<Key>,
    /// Number of leading repositories that these keys always apply to, whatever else is given.
    pub own_repositories: usize,
    /// True if another location replaces the distribution's servers. Then keys that the user gives
    /// also apply to that location.
    pub mirrored: bool,
    /// Keys that the command line or a lock gives.
    pub given: Vec<GivenKey>,
}

impl Prepared {
    /// Adds keys, and assigns each repository its own.
    ///
    /// `--key` never adds trusted keys for a distribution's own repositories, unless another
    /// location replaces them (`--mirror`), or the option names one (`--key baseos=FILE`). A
    /// repository of `--repo` takes the keys that name it. Without such keys, it takes the keys
    /// that name no repository, and without these, the distribution's. Thus a user who adds another
    /// repository of the distribution need not give its keys again.
    pub(super) fn trust(&mut self, more: impl IntoIterator<Item = GivenKey>) -> Result<(), Failure> {
        self.keys.given.extend(more);
        let KeySources { own, own_repositories, mirrored, given } = &self.keys;
        let names: Vec<&str> = self.request.repositories.iter().map(|repository| repository.name.as_str()).collect();
        let stray = given.iter().filter_map(|given| given.repository.as_deref()).find(|name| !names.contains(name));
        if let Some(name) = stray {
            return Err(Failure::usage(format!("--key {name}=…: there is no repository {name}"))
                .detail(format!("there are: {}", names.join(", ")))
                .hint("a file whose name has an equals sign is given with its directory: ./NAME"));
        }
        let of = |repository: Option<&str>| {
            let keys = given.iter().filter(|given| given.repository.as_deref() == repository).map(|given| given.key.clone());
            keys.collect::<Vec<Key>>()
        };
        let usual = of(None);
        for (place, repository) in self.request.repositories.iter_mut().enumerate() {
            let scoped = of(Some(&repository.name));
            let keys = if place < *own_repositories {
                let usual = usual.iter().filter(|_| *mirrored).cloned();
                own.iter().cloned().chain(usual).chain(scoped).collect()
            } else if !scoped.is_empty() {
                scoped
            } else if !usual.is_empty() {
                usual.clone()
            } else {
                own.clone()
            };
            repository.keys = Some(keys);
        }
        self.request.keys = own.iter().cloned().chain(usual).collect();
        Ok(())
    }
}
