//! Whose word counts for what: the keys of a request as an ecosystem has read them, those of each repository apart.

use rustc_hash::FxHashMap;

use super::resolve::Request;
use crate::ecosystem::{Ecosystem, KeyError, PackageError, Trust};
use crate::repo::{Repository, Root};
use crate::reporter::Reporter;

/// The keyrings of a request. A key vouches for what comes from the repositories that it belongs to, and for nothing else.
#[derive(Debug)]
pub struct Keyrings<K> {
    /// For repositories without keys of their own, and for what comes from none.
    usual: K,
    own: FxHashMap<String, K>,
    allow_unsigned: bool,
}

impl<K> Keyrings<K> {
    /// Reads the keys of a request, and reports keys that are not usable beside others of the same file.
    pub fn new<E: Ecosystem<Keyring = K>>(ecosystem: &E, request: &Request, reporter: &dyn Reporter) -> Result<Self, KeyError> {
        let read = |keys: &[_]| -> Result<K, KeyError> {
            let keyring = ecosystem.keyring(keys, &request.signatures)?;
            ecosystem.unusable_keys(&keyring).iter().for_each(|key| reporter.warn(&key.to_string()));
            Ok(keyring)
        };
        let mut own = FxHashMap::default();
        for repository in &request.repositories {
            // Most often all have the same: then the usual one serves them.
            if let Some(keys) = repository.keys.as_ref().filter(|keys| **keys != request.keys) {
                own.insert(repository.name.clone(), read(keys)?);
            }
        }
        Ok(Self { usual: read(&request.keys)?, own, allow_unsigned: request.allow_unsigned })
    }

    /// Whose packages and metadata of a repository are accepted.
    pub fn of(&self, repository: &str) -> Trust<'_, K> {
        let keyring = self.own.get(repository).unwrap_or(&self.usual);
        if self.allow_unsigned { Trust::Unsigned(keyring) } else { Trust::Keys(keyring) }
    }

    /// Holds the root document of a repository against its keys.
    pub(super) fn verify_root<E: Ecosystem<Keyring = K>>(
        &self,
        ecosystem: &E,
        repository: &Repository,
        root: &Root<'_>,
    ) -> Result<(), PackageError> {
        ecosystem.verify_root(root.document, root.signature, repository.signed, self.of(&repository.name))
    }
}
