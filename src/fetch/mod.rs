//! Fetching: from the expected properties of a file (locations, digest, size) to its verified
//! content.
//!
//! In: a [`Wanted`] file. Out: its [`Content`], which has the expected size and digest, or a
//! [`FetchError`] with the error at each location. Local files are read in place. Other files are
//! downloaded into the [`Store`], where later runs find them. This module never parses a file and
//! never trusts one without an expected digest.

mod access;
mod documents;
mod download;
mod error;
mod hosts;
mod http;
mod location;
mod netrc;
#[cfg(test)]
mod network_tests;
mod patience;
mod promise;
mod route;
mod store;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use std::{env, thread};

pub use access::{Access, AccessError, decoded};
pub use error::{Attempt, FetchError, FoundSize, Reason};
pub use location::{Location, LocationError, below_base};
pub use netrc::Login;
pub use patience::Patience;
pub use route::{Route, RouteError, RouteSettings};
pub use store::{Store, StoreWriter, is_abandoned};

use crate::cancel::Cancel;
use crate::digest::Digest;
use crate::package::{Buffer, Content};
use crate::reporter::{Phase, Reporter, Silent};
use download::Partial;
use hosts::{Hosts, Turn};
use http::Http;
use promise::Promise;

/// Files up to this size (in bytes) are held in memory while they are used; larger ones stay in
/// their file.
const IN_MEMORY: u64 = 16 << 20;

/// The default maximum number of concurrent requests to one server.
pub const CONNECTIONS: usize = 8;

/// The number of servers that are used at full load at the same time.
const SERVERS: usize = 2;

/// A file to fetch, with its expected properties.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The name in messages: `primary.xml.gz of baseos`.
    pub name: String,
    /// The possible locations, the best first. Of several servers, fast ones are preferred.
    pub locations: Vec<Location>,
    /// Further locations, tried only after all of `locations` failed.
    pub fallbacks: Vec<Location>,
    /// The expected digest. A file without one is a document that may change: it is requested in
    /// each run, and cached for offline use.
    pub digest: Option<Digest>,
    /// The expected size in bytes.
    pub size: Option<u64>,
    /// The maximum size in bytes of a file without an expected size.
    pub limit: u64,
    /// The phase of the run that the file belongs to.
    pub phase: Phase,
    /// The access settings of its servers, if they differ from those of the run.
    pub route: Option<Arc<Route>>,
}

impl Wanted {
    /// Returns all locations, fallbacks last.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        self.locations.iter().chain(&self.fallbacks)
    }
}

/// A fetched file, complete and verified.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The bytes.
    pub content: Content,
    /// The source of the bytes: one of the wanted locations, or the file in the store.
    pub location: Location,
}

/// Options for fetching.
pub struct FetchOptions {
    /// The directory for downloaded files.
    pub cache_directory: PathBuf,
    /// A read-only store that is searched for files that the first store lacks.
    pub store_below: Option<PathBuf>,
    /// True if the network is disabled.
    pub offline: bool,
    /// The retry policy.
    pub patience: Patience,
    /// The access settings: proxy, certificates, logins.
    pub access: Access,
    /// The maximum number of concurrent requests to one server.
    pub connections: usize,
    /// Documents validated within this time are used without a request. Zero means that each run
    /// sends a request.
    pub expire: Duration,
    /// True if documents are requested regardless of their age in the cache.
    pub refresh: bool,
    /// Receives the progress of all transfers.
    pub reporter: Arc<dyn Reporter>,
    /// Cancels downloads.
    pub cancel: Cancel,
}

impl FetchOptions {
    /// Returns the default options, with `cache_directory` for downloaded files.
    pub fn new(cache_directory: impl Into<PathBuf>) -> Self {
        Self {
            cache_directory: cache_directory.into(),
            store_below: None,
            offline: false,
            patience: Patience::default(),
            access: Access::default(),
            connections: CONNECTIONS,
            expire: Duration::ZERO,
            refresh: false,
            reporter: Arc::new(Silent),
            cancel: Cancel::new(),
        }
    }
}

/// Transferred bytes by source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes downloaded in this run.
    pub downloaded: u64,
    /// Bytes found in the store.
    pub stored: u64,
    /// Bytes read from local directories.
    pub local: u64,
}

/// Fetches files. Any number of threads may use it at the same time.
pub struct Fetcher {
    store: Store,
    http: Http,
    access: Access,
    hosts: Hosts,
    connections: usize,
    offline: AtomicBool,
    expire: Duration,
    refresh: bool,
    patience: Patience,
    reporter: Arc<dyn Reporter>,
    cancel: Cancel,
    swept: Once,
    downloaded: AtomicU64,
    stored: AtomicU64,
    local: AtomicU64,
}

/// The failure of a download: an error of the location, after which the next one is tried, or an
/// error that ends the fetch.
enum Failure {
    Place(Reason),
    Ours(FetchError),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Place(reason)
    }
}

impl Fetcher {
    /// Returns a fetcher. It accesses neither the network nor the disk before the first fetch.
    pub fn new(options: FetchOptions) -> Self {
        Self {
            store: Store::new(&options.cache_directory).above(options.store_below),
            http: Http::new(options.patience, options.access.clone()),
            access: options.access,
            hosts: Hosts::new(options.connections),
            connections: options.connections.max(1),
            offline: AtomicBool::new(options.offline),
            expire: options.expire,
            refresh: options.refresh,
            patience: options.patience,
            reporter: options.reporter,
            cancel: options.cancel,
            swept: Once::new(),
            downloaded: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            local: AtomicU64::new(0),
        }
    }

    /// Returns the store for downloads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the number of files that are worth fetching concurrently.
    pub fn at_once(&self) -> usize {
        self.connections.saturating_mul(SERVERS)
    }

    /// Reports whether the network is disabled.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// Disables or enables the network from now on.
    pub fn set_offline(&self, offline: bool) {
        self.offline.store(offline, Ordering::Relaxed);
    }

    /// Reports whether a file is in the store: by its digest, or else as the document of one of the
    /// locations.
    pub fn has(&self, locations: &[Location], digest: Option<&Digest>) -> bool {
        match digest {
            Some(digest) => self.store.find(digest).is_some(),
            None => locations
                .iter()
                .any(|place| matches!(place, Location::Url(url) if self.store.find_document(url.as_str()).is_some())),
        }
    }

    /// Returns the number of bytes transferred so far, by source.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            downloaded: self.downloaded.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            local: self.local.load(Ordering::Relaxed),
        }
    }

    /// Fetches a file from a location that has it with the expected digest and size. Of several
    /// servers a fast one is tried first, then the others. Locations with a transient failure are
    /// tried again after all others.
    pub fn fetch(&self, wanted: &Wanted) -> Result<Fetched, FetchError> {
        let promise = Promise { digest: wanted.digest.clone(), size: wanted.size, limit: wanted.limit };
        let mut attempts = Vec::new();
        if let Some(digest) = &promise.digest
            && wanted.places().any(Location::is_remote)
        {
            let path = self.store.path(digest);
            match self.read_stored(&path, &promise, wanted.phase) {
                Ok(content) => return Ok(Fetched { content, location: Location::Path(path) }),
                Err(Reason::NotFound) => {}
                // A damaged file is useless, so it is removed. Offline, its error is the best
                // explanation.
                Err(reason) => {
                    if reason.is_verification() {
                        let _ = fs::remove_file(&path);
                    }
                    if self.is_offline() {
                        attempts.push(Attempt { location: Location::Path(path), reason, tries: 1 });
                    }
                }
            }
            if let Some(fetched) = self.fetch_below(digest, &promise, wanted.phase) {
                return Ok(fetched);
            }
        } else if promise.digest.is_none()
            && let Some(fetched) = self.fresh_document(wanted, &promise)
        {
            return Ok(fetched);
        }
        self.try_all(wanted, &promise, attempts)
    }

    /// Tries the locations, and tries those with a transient failure again.
    fn try_all(&self, wanted: &Wanted, promise: &Promise, mut attempts: Vec<Attempt>) -> Result<Fetched, FetchError> {
        let is_document = promise.digest.is_none();
        let mut groups = [&wanted.locations, &wanted.fallbacks].map(|places| places.iter().collect::<Vec<_>>());
        let mut partial = None;
        let route = wanted.route.as_deref();
        let patience = route.map_or(self.patience, |route| route.patience(self.patience));
        let most = patience.tries.max(1);
        for tries in 1..=most {
            for places in &mut groups {
                let mut again = Vec::new();
                while let Some((at, turn)) = self.hosts.choose(places, wanted.size, is_document, || self.stop_if_asked())? {
                    let place = places.remove(at);
                    self.wait(self.hosts.wait_for(place).min(self.patience.longest_wait))?;
                    let reason = match self.fetch_from(place, route, promise, wanted.phase, &mut partial, &turn) {
                        Ok(content) => {
                            turn.succeeded();
                            return Ok(Fetched { content, location: place.clone() });
                        }
                        Err(Failure::Ours(error)) => return Err(error),
                        Err(Failure::Place(reason)) => reason,
                    };
                    if reason.is_fault() {
                        turn.failed();
                    }
                    let asked_to_wait = reason.asked_to_wait();
                    if let Some(wait) = asked_to_wait {
                        turn.told_to_wait(wait.min(self.patience.longest_wait));
                    }
                    let is_patient = asked_to_wait.is_none_or(|wait| wait <= self.patience.longest_wait);
                    if tries < most && reason.is_transient() && is_patient {
                        again.push(place);
                    } else {
                        attempts.push(Attempt { location: place.clone(), reason, tries });
                    }
                }
                *places = again;
            }
            if groups.iter().all(Vec::is_empty) {
                break;
            }
            self.wait(self.patience.wait_after(tries))?;
        }
        // The order in which the locations were named.
        attempts.sort_by_key(|attempt| wanted.places().position(|place| *place == attempt.location));
        Err(FetchError::Failed { name: wanted.name.clone(), attempts })
    }

    /// Reads a file from the store below, if it is there with the expected digest and size. A
    /// damaged file there is not removed, because that store is read-only.
    fn fetch_below(&self, digest: &Digest, promise: &Promise, phase: Phase) -> Option<Fetched> {
        let path = self.store.below()?.path(digest);
        let content = self.read_stored(&path, promise, phase).ok()?;
        Some(Fetched { content, location: Location::Path(path) })
    }

    /// Stores a file from another source under its digest, unless it is already stored.
    pub fn keep(&self, digest: &Digest, content: &Content) -> Result<(), FetchError> {
        let is_whole = |path: PathBuf| fs::metadata(path).is_ok_and(|facts| facts.len() == content.len());
        if self.store.find(digest).is_some_and(is_whole) {
            return Ok(());
        }
        let path = self.store.path(digest);
        let failed = |error| FetchError::Store { path: path.clone(), error };
        let mut file = self.store.begin().map_err(failed)?;
        content.write_to(&mut file).map_err(failed)?;
        file.finish(&path).map(drop).map_err(failed)
    }

    /// Waits before another try.
    fn wait(&self, time: Duration) -> Result<(), FetchError> {
        let end = Instant::now() + time;
        loop {
            self.stop_if_asked()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Returns the HTTP client for a route.
    fn http<'a>(&'a self, route: Option<&'a Route>) -> &'a Http {
        route.map_or(&self.http, |route| route.http(&self.access, self.patience))
    }

    fn stop_if_asked(&self) -> Result<(), FetchError> {
        if self.cancel.is_raised() { Err(FetchError::Interrupted) } else { Ok(()) }
    }

    fn fetch_from<'p>(
        &self,
        place: &Location,
        route: Option<&Route>,
        promise: &'p Promise,
        phase: Phase,
        partial: &mut Option<Box<Partial<'p>>>,
        turn: &Turn<'_>,
    ) -> Result<Content, Failure> {
        match place {
            Location::Path(path) => Ok(self.read_file(path, promise, phase, &self.local)?),
            Location::Url(url) if self.is_offline() => {
                if promise.digest.is_some() {
                    return Err(Reason::Offline.into());
                }
                let kept = self.store.find_document(url.as_str()).unwrap_or_else(|| self.store.document_path(url.as_str()));
                match self.read_stored(&kept, promise, phase) {
                    Err(Reason::NotFound) => Err(Reason::Offline.into()),
                    read => Ok(read?),
                }
            }
            Location::Url(url) if promise.digest.is_none() => self.download_document(url, route, promise, phase, turn),
            Location::Url(url) => self.download(url, route, promise, phase, partial, turn),
        }
    }

    /// Reads a file of the store and updates its time of last use.
    fn read_stored(&self, path: &Path, promise: &Promise, phase: Phase) -> Result<Content, Reason> {
        let content = self.read_file(path, promise, phase, &self.stored)?;
        self.store.touch(path);
        Ok(content)
    }

    /// Reads a file and checks it against the expected digest and size.
    fn read_file(&self, path: &Path, promise: &Promise, phase: Phase, counter: &AtomicU64) -> Result<Content, Reason> {
        let mut file = File::open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(Reason::NotFound);
        }
        promise.check_length(facts.len())?;
        let mut check = promise.check();
        let content = if facts.len() <= IN_MEMORY {
            let mut bytes = Buffer::zeroed(facts.len() as usize);
            file.read_exact(&mut bytes)?;
            check.take(&bytes)?;
            // The file may have grown since its size was read; one more byte detects that.
            let mut more = [0];
            let grown = file.read(&mut more)?;
            check.take(&more[..grown])?;
            Content::from(bytes)
        } else {
            let mut buffer = vec![0; 256 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    n => check.take(&buffer[..n])?,
                }
            }
            Content::from_file(file)?
        };
        check.finish()?;
        counter.fetch_add(content.len(), Ordering::Relaxed);
        self.reporter.advance(phase, 0, content.len());
        Ok(content)
    }
}

/// Returns the default cache directory: `$XDG_CACHE_HOME/rootstrap`, or `~/.cache/rootstrap`.
pub fn default_cache_directory() -> Option<PathBuf> {
    // The XDG base directory specification requires that relative paths are ignored.
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    caches.map(|caches| caches.join("rootstrap"))
}
