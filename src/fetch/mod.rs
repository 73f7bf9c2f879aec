//! Bytes: from what a repository promises (places, digest, size) to a verified content.
//!
//! In: a [`Wanted`] file. Out: its [`Content`], which has the promised size and digest, or a [`FetchError`] that tells what
//! was wrong at each place. Files of this machine are read where they are; others are downloaded into the [`Store`] and
//! found there by every later run. It never looks into a file and never trusts one that nobody promised anything about.

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

/// Files up to this size are kept in memory while they are used, larger ones stay in their file.
const IN_MEMORY: u64 = 16 << 20;

/// How many requests may be under way to one server, if nobody says otherwise.
pub const CONNECTIONS: usize = 8;

/// How many servers' worth of requests may be under way at once.
const SERVERS: usize = 2;

/// A file that is wanted, with what was promised of it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What to call it in messages: `primary.xml.gz of baseos`.
    pub name: String,
    /// Where it may be, the best first. Of several servers the quick ones are preferred.
    pub locations: Vec<Location>,
    /// Where it may be besides: asked only when all locations have failed.
    pub fallbacks: Vec<Location>,
    /// Its digest. Without one it is a document that may change: downloaded anew each time, and kept for offline use.
    pub digest: Option<Digest>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// How large it may be when its size is not known.
    pub limit: u64,
    /// The part of the work that it belongs to.
    pub phase: Phase,
    /// How its servers are reached, where that is not as in the rest of the run.
    pub route: Option<Arc<Route>>,
}

impl Wanted {
    /// Everywhere that it may be.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        self.locations.iter().chain(&self.fallbacks)
    }
}

/// A file that was got, whole and as it was promised.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The bytes.
    pub content: Content,
    /// Where they came from: one of the wanted locations, or the file in the store.
    pub location: Location,
}

/// How to fetch.
pub struct FetchOptions {
    /// The directory that keeps what was downloaded.
    pub cache_directory: PathBuf,
    /// A store that is read where that one lacks something, and left as it is.
    pub store_below: Option<PathBuf>,
    /// Do not use the network.
    pub offline: bool,
    /// How patient to be with servers.
    pub patience: Patience,
    /// How servers are reached, and who we are to them.
    pub access: Access,
    /// How many requests may be under way to one server.
    pub connections: usize,
    /// Documents that were asked after no longer ago than this are used as they were; with nought each run asks anew.
    pub expire: Duration,
    /// Get documents anew, whatever is known of them.
    pub refresh: bool,
    /// Hears of every byte.
    pub reporter: Arc<dyn Reporter>,
    /// Asks downloads to stop.
    pub cancel: Cancel,
}

impl FetchOptions {
    /// The usual way of fetching, with what was downloaded kept in `cache_directory`.
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

/// Bytes by where they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Downloaded now.
    pub downloaded: u64,
    /// Found in the store.
    pub stored: u64,
    /// Read from directories of this machine.
    pub local: u64,
}

/// Fetches files; any number of threads may use it at once.
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

/// What ends a download: the place's fault, after which the next is tried, or our own.
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
    /// A fetcher. Neither the network nor the disk is touched before the first file is wanted.
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

    /// The store that downloads go to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How many files are worth fetching at once.
    pub fn at_once(&self) -> usize {
        self.connections.saturating_mul(SERVERS)
    }

    /// Whether the network may not be used.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// Says whether the network may not be used from now on.
    pub fn set_offline(&self, offline: bool) {
        self.offline.store(offline, Ordering::Relaxed);
    }

    /// Whether a file is in the store: by its digest, or else as the document of one of the places.
    pub fn has(&self, locations: &[Location], digest: Option<&Digest>) -> bool {
        match digest {
            Some(digest) => self.store.find(digest).is_some(),
            None => locations
                .iter()
                .any(|place| matches!(place, Location::Url(url) if self.store.find_document(url.as_str()).is_some())),
        }
    }

    /// How many bytes came from where so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            downloaded: self.downloaded.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            local: self.local.load(Ordering::Relaxed),
        }
    }

    /// Gets a file from a place that has it as promised: of several servers the one that is quick, then the others. Places that fail in a way that can pass
    /// are tried again when all others have been.
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
                // A damaged file is of no use to anyone; offline, it is the best explanation there is.
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

    /// Tries the places, and those again that failed in a way that can pass.
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
        // In the order in which they were named.
        attempts.sort_by_key(|attempt| wanted.places().position(|place| *place == attempt.location));
        Err(FetchError::Failed { name: wanted.name.clone(), attempts })
    }

    /// Gets a file from the store below, if it is there as it was promised. What is damaged there is not ours to remove.
    fn fetch_below(&self, digest: &Digest, promise: &Promise, phase: Phase) -> Option<Fetched> {
        let path = self.store.below()?.path(digest);
        let content = self.read_stored(&path, promise, phase).ok()?;
        Some(Fetched { content, location: Location::Path(path) })
    }

    /// Keeps a file that was got otherwise under its digest, unless it is kept already.
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

    /// Returns the clients that files on a route are got by.
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

    /// Reads a file of the store, and remembers that it is of use.
    fn read_stored(&self, path: &Path, promise: &Promise, phase: Phase) -> Result<Content, Reason> {
        let content = self.read_file(path, promise, phase, &self.stored)?;
        self.store.touch(path);
        Ok(content)
    }

    /// Reads a file, holding it against its promise.
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
            // It may have grown since; one byte more is enough to tell.
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

/// Where to keep what was downloaded, when nothing else is said: `$XDG_CACHE_HOME/rootstrap`, or `~/.cache/rootstrap`.
pub fn default_cache_directory() -> Option<PathBuf> {
    // The XDG base directory specification has relative paths ignored.
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    caches.map(|caches| caches.join("rootstrap"))
}
