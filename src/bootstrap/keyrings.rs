//! Trusted keys of a request, as an ecosystem has parsed them, separately for each repository.

use rustc_hash::FxHashMap;

use super::resolve::Request;
use crate::catalog::Key;
use crate::digest::{Algorithm, Digest};
use crate::ecosystem::{Ecosystem, KeyError, PackageError, Trust};
use crate::fetch::{Fetcher, Wanted};
use crate::repo::{Repository, Root};
use crate::reporter::{Phase, Reporter};

/// Maximum size of a key file in bytes.
const KEY_LIMIT: u64 = 1 << 20;

/// The keyrings of a request. A key is trusted only for content from the repositories that it
/// belongs to.
#[derive(Debug)]
pub struct Keyrings<K> {
    /// Keyring for repositories without keys of their own, and for packages without a repository.
    usual: K,
    own: FxHashMap<String, K>,
    allow_unsigned: bool,
}

impl<K> Keyrings<K> {
    /// Reads the keys of a request, and reports unusable keys in files that also contain usable
    /// ones. Downloads the keys that repositories name on servers if the request accepts them.
    pub fn new<E: Ecosystem<Keyring = K>>(
        ecosystem: &E,
        request: &Request,
        fetcher: &Fetcher,
        reporter: &dyn Reporter,
    ) -> Result<Self, KeyError> {
        request.notes.iter().for_each(|note| reporter.warn(note));
        let read = |keys: &[_]| -> Result<K, KeyError> {
            let keyring = ecosystem.keyring(keys, &request.signatures)?;
            ecosystem.unusable_keys(&keyring).iter().for_each(|key| reporter.warn(&key.to_string()));
            Ok(keyring)
        };
        let mut own = FxHashMap::default();
        for repository in &request.repositories {
            let more = accepted(repository, request.accept_repo_keys, fetcher, reporter)?;
            if !more.is_empty() {
                let known = repository.keys.as_ref().unwrap_or(&request.keys);
                own.insert(repository.name.clone(), read(&[known.as_slice(), &more].concat())?);
            // Usually all repositories have the same keys; then they share the usual keyring.
            } else if let Some(keys) = repository.keys.as_ref().filter(|keys| **keys != request.keys) {
                own.insert(repository.name.clone(), read(keys)?);
            }
        }
        Ok(Self { usual: read(&request.keys)?, own, allow_unsigned: request.allow_unsigned })
    }

    /// Returns the keys whose signatures are accepted for packages and metadata of a repository.
    pub fn of(&self, repository: &str) -> Trust<'_, K> {
        let keyring = self.own.get(repository).unwrap_or(&self.usual);
        if self.allow_unsigned { Trust::Unsigned(keyring) } else { Trust::Keys(keyring) }
    }

    /// Verifies the root document of a repository with its keys.
    pub(super) fn verify_root<E: Ecosystem<Keyring = K>>(
        &self,
        ecosystem: &E,
        repository: &Repository,
        root: &Root<'_>,
    ) -> Result<(), PackageError> {
        ecosystem.verify_root(root.document, root.signature, repository.signed, self.of(&repository.name))
    }
}

/// Downloads the keys that a repository names on servers, if the user accepts them. Reports each
/// key to the user in either case.
fn accepted(repository: &Repository, accept: bool, fetcher: &Fetcher, reporter: &dyn Reporter) -> Result<Vec<Key>, KeyError> {
    let mut keys = Vec::new();
    for location in &repository.key_locations {
        let name = &repository.name;
        if !accept {
            reporter.warn(&format!(
                "the key {location} of {name} is not trusted: --accept-repo-keys trusts it, or --key {name}=FILE another one"
            ));
            continue;
        }
        let wrong = |problem: String| KeyError { name: location.to_string(), problem };
        let wanted = Wanted {
            name: format!("the key of {name}"),
            locations: vec![location.clone()],
            fallbacks: Vec::new(),
            digest: None,
            size: None,
            limit: KEY_LIMIT,
            phase: Phase::Metadata,
            route: repository.route.clone(),
        };
        let got = fetcher.fetch(&wanted).map_err(|error| wrong(error.to_string()))?;
        let data = got.content.bytes().map_err(|error| wrong(error.to_string()))?;
        let digest = Digest::of(Algorithm::Sha256, &data).hex();
        reporter.warn(&format!("the key {location} is trusted for {name}, because of --accept-repo-keys (sha256 {digest})"));
        keys.push(Key { name: location.to_string(), data: data.into_owned().into() });
    }
    Ok(keys)
}
