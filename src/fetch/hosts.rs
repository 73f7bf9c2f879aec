//! Server statistics of this run (speed, active requests, faults), and the selection of the server
//! for the next request.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Location;

/// Interval between cancellation checks while waiting for a connection slot.
const LOOK: Duration = Duration::from_millis(50);

/// The number of servers without statistics that are tried at once. A list may name a hundred
/// servers.
const NEWCOMERS: usize = 3;

/// The factor by which a busy server must be faster than a free one to be worth waiting for.
const WORTH_WAITING: f64 = 4.0;

/// The assumed size of a file whose size is unknown, in bytes.
pub(super) const USUAL_SIZE: u64 = 256 << 10;

/// The servers of a run.
pub(super) struct Hosts {
    /// The maximum number of concurrent requests to one server.
    bound: usize,
    known: Mutex<HashMap<String, Host>>,
    freed: Condvar,
}

/// The statistics of a server.
#[derive(Clone, Debug, Default)]
struct Host {
    /// The number of active requests.
    active: usize,
    /// Seconds until a response begins; `None` before the first response.
    latency: Option<f64>,
    /// Rate of one download in bytes per second; `None` before the first download that was large
    /// enough to measure.
    rate: Option<f64>,
    /// The number of faults since the last valid file.
    faults: u32,
    /// A limit on concurrent requests below `bound`, set after the server reported too many
    /// requests.
    fewer: Option<usize>,
    /// The time before which the server asks for no further requests.
    not_before: Option<Instant>,
}

impl Host {
    /// Returns the expected seconds for a file of this size; `None` without statistics.
    fn cost(&self, size: u64) -> Option<f64> {
        let latency = self.latency?;
        Some(latency + self.rate.map_or(0.0, |rate| size as f64 / rate.max(1.0)))
    }

    fn bound(&self, usual: usize) -> usize {
        self.fewer.unwrap_or(usual).max(1)
    }
}

/// Returns the moving average of a measure. Newer values have more weight.
fn blend(old: Option<f64>, new: f64) -> f64 {
    old.map_or(new, |old| old * 0.7 + new * 0.3)
}

fn key(place: &Location) -> Option<String> {
    match place {
        Location::Path(_) => None,
        Location::Url(url) => Some(url.origin().ascii_serialization()),
    }
}

/// The rank of a server, in this order: faults, whether it asks clients to wait, expected seconds.
/// The smallest is the best.
type Rank = (u32, bool, f64);

impl Hosts {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound: bound.max(1), known: Mutex::default(), freed: Condvar::new() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Selects one of several locations, listed by preference, and takes a slot of its server.
    /// Waits until a slot is free.
    ///
    /// A local location is selected at once if it is the first. `steady` keeps the given order,
    /// except that servers with faults come later. While no slot is free, `stop` is polled for
    /// cancellation.
    pub(super) fn choose<E>(
        &self,
        places: &[&Location],
        size: Option<u64>,
        steady: bool,
        stop: impl Fn() -> Result<(), E>,
    ) -> Result<Option<(usize, Turn<'_>)>, E> {
        if places.first().is_none_or(|place| !place.is_remote()) {
            return Ok((!places.is_empty()).then_some((0, Turn { hosts: self, key: None })));
        }
        let candidates: Vec<(usize, String)> =
            places.iter().enumerate().filter_map(|(at, place)| Some((at, key(place)?))).collect();
        let mut known = self.known();
        loop {
            let ranks = self.ranks(&known, &candidates, size.unwrap_or(USUAL_SIZE), steady);
            let is_free = |key: &str| known.get(key).is_none_or(|host| host.active < host.bound(self.bound));
            let best = ranks.iter().min_by(|a, b| compare(a.1, b.1));
            let free = ranks.iter().filter(|(at, _)| is_free(&candidates[*at].1)).min_by(|a, b| compare(a.1, b.1));
            if let (Some(&(_, best)), Some(&(at, rank))) = (best, free)
                && (rank.0, rank.1) == (best.0, best.1)
                && (rank.2 <= best.2 * WORTH_WAITING || rank.2 <= 0.0)
            {
                let (place, key) = &candidates[at];
                known.entry(key.clone()).or_default().active += 1;
                return Ok(Some((*place, Turn { hosts: self, key: Some(key.clone()) })));
            }
            drop(known);
            stop()?;
            let guard = self.known();
            known = self.freed.wait_timeout(guard, LOOK).map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
    }

    fn ranks(
        &self,
        known: &HashMap<String, Host>,
        candidates: &[(usize, String)],
        size: u64,
        steady: bool,
    ) -> Vec<(usize, Rank)> {
        let now = Instant::now();
        let blank = Host::default();
        let of = |key: &String| known.get(key).unwrap_or(&blank);
        let costs: Vec<f64> = candidates.iter().filter_map(|(_, key)| of(key).cost(size)).collect();
        let (quickest, slowest) =
            (costs.iter().copied().fold(f64::INFINITY, f64::min), costs.iter().copied().fold(0.0, f64::max));
        let mut newcomers = 0;
        let rank = |(at, (_, key)): (usize, &(usize, String))| {
            let host = of(key);
            let waits = host.not_before.is_some_and(|time| time > now);
            let cost = if steady {
                at as f64
            } else {
                let is_newcomer = host.latency.is_none();
                newcomers += usize::from(is_newcomer);
                match (host.cost(size), newcomers <= NEWCOMERS && host.faults == 0, host.active) {
                    // The measured rate of one download is assumed to be shared by all downloads of
                    // the server.
                    (Some(cost), ..) => cost * (1.0 + host.active as f64 / self.bound as f64),
                    // One download measures the server.
                    (None, true, 0) => 0.0,
                    (None, true, active) if quickest.is_infinite() => (active as f64).mul_add(1e-3, 1e-6),
                    (None, true, _) => slowest.max(quickest * 2.0),
                    // Later entries of the list rank lower.
                    (None, false, _) => 1e6 + at as f64,
                }
            };
            (at, (host.faults, waits, cost))
        };
        candidates.iter().enumerate().map(rank).collect()
    }

    /// Returns the remaining time that the server of a location asks clients to wait.
    pub(super) fn wait_for(&self, place: &Location) -> Duration {
        let until = key(place).and_then(|key| self.known().get(&key)?.not_before);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

fn compare(a: Rank, b: Rank) -> std::cmp::Ordering {
    (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
}

/// A slot for an active request. It is released on drop.
pub(super) struct Turn<'h> {
    hosts: &'h Hosts,
    /// The key of the server; `None` for a local location.
    key: Option<String>,
}

impl Turn<'_> {
    fn note(&self, change: impl FnOnce(&mut Host)) {
        if let Some(key) = &self.key {
            change(self.hosts.known().entry(key.clone()).or_default());
        }
    }

    /// Records the latency of a response, and the bytes and time of its body.
    pub(super) fn measured(&self, latency: Duration, bytes: u64, time: Duration) {
        self.note(|host| {
            host.latency = Some(blend(host.latency, latency.as_secs_f64()));
            // A small body measures buffers, not the network.
            if bytes >= 32 << 10 {
                host.rate = Some(blend(host.rate, bytes as f64 / time.as_secs_f64().max(1e-4)));
            }
        });
    }

    /// Records a valid file.
    pub(super) fn succeeded(&self) {
        self.note(|host| host.faults = 0);
    }

    /// Records a fault of the server.
    pub(super) fn failed(&self) {
        self.note(|host| host.faults = host.faults.saturating_add(1));
    }

    /// Records that the server asks clients to wait, and halves its limit of concurrent requests.
    pub(super) fn told_to_wait(&self, wait: Duration) {
        let bound = self.hosts.bound;
        self.note(|host| {
            host.not_before = Instant::now().checked_add(wait);
            host.fewer = Some((host.bound(bound) / 2).max(1));
        });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.note(|host| host.active = host.active.saturating_sub(1));
        self.hosts.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(names: &[&str]) -> Vec<Location> {
        names.iter().map(|name| Location::parse(name).unwrap()).collect()
    }

    /// Returns the index of the selected location, and its slot.
    fn next<'h>(hosts: &'h Hosts, places: &[Location]) -> (usize, Turn<'h>) {
        let places: Vec<&Location> = places.iter().collect();
        hosts.choose(&places, Some(1 << 20), false, || Ok::<_, ()>(())).unwrap().unwrap()
    }

    fn measured(hosts: &Hosts, places: &[Location], rates: &[(u64, u64)]) {
        for (place, &(latency, bytes)) in places.iter().zip(rates) {
            let (_, turn) = next(hosts, std::slice::from_ref(place));
            turn.measured(Duration::from_millis(latency), bytes, Duration::from_secs(1));
        }
    }

    #[test]
    fn the_first_few_are_tried_at_once_and_then_the_quickest_is_taken() {
        let hosts = Hosts::new(8);
        let places = places(&["http://a/x", "http://b/x", "http://c/x", "http://d/x"]);
        let turns: Vec<_> = (0..4).map(|_| next(&hosts, &places)).collect();
        assert_eq!(
            turns.iter().map(|turn| turn.0).collect::<Vec<_>>(),
            [0, 1, 2, 0],
            "the fourth waits until one of these fails"
        );
        drop(turns);
        measured(&hosts, &places, &[(300, 1 << 20), (20, 8 << 20), (20, 3 << 20)]);
        assert_eq!(next(&hosts, &places[..3]).0, 1);
        // Once the fast server is busy enough, the others are as good.
        let busy: Vec<_> = (0..16).map(|_| next(&hosts, &places[..3])).collect();
        let count = |place| busy.iter().filter(|turn| turn.0 == place).count();
        assert!(count(1) == 8 && count(2) > 0, "{:?}", busy.iter().map(|turn| turn.0).collect::<Vec<_>>());
    }

    #[test]
    fn who_was_at_fault_comes_last_until_it_gives_something() {
        let hosts = Hosts::new(2);
        let places = places(&["http://a/x", "http://b/x"]);
        next(&hosts, &places[..1]).1.failed();
        for _ in 0..3 {
            let (chosen, turn) = next(&hosts, &places);
            turn.measured(Duration::from_millis(900), 1 << 20, Duration::from_secs(9));
            assert_eq!(chosen, 1);
        }
        next(&hosts, &places[..1]).1.succeeded();
        assert_eq!(next(&hosts, &places).0, 0);
    }

    #[test]
    fn no_server_is_asked_more_at_once_than_the_bound_and_less_if_it_says_so() {
        let hosts = Hosts::new(2);
        let places = places(&["http://a/x"]);
        let both = [next(&hosts, &places), next(&hosts, &places)];
        let asked: Vec<&Location> = places.iter().collect();
        assert!(hosts.choose(&asked, None, false, || Err(())).is_err(), "it would have to wait");
        both[0].1.told_to_wait(Duration::from_mins(1));
        let [first, second] = both;
        drop(first);
        assert!(hosts.choose(&asked, None, false, || Err(())).is_err(), "one at a time now");
        drop(second);
        assert_eq!(next(&hosts, &places).0, 0);
        assert!(hosts.wait_for(&places[0]) > Duration::from_secs(50));
        assert_eq!(hosts.wait_for(&Location::Path("/x".into())), Duration::ZERO);
    }

    #[test]
    fn a_directory_that_stands_first_goes_first_and_documents_keep_their_order() {
        let hosts = Hosts::new(2);
        let mixed = places(&["/srv/x", "http://a/x"]);
        assert_eq!(next(&hosts, &mixed).0, 0);
        let places = places(&["http://a/x", "http://b/x"]);
        measured(&hosts, &places, &[(300, 1 << 20), (20, 8 << 20)]);
        let asked: Vec<&Location> = places.iter().collect();
        let steady = |hosts: &Hosts| hosts.choose(&asked, None, true, || Ok::<_, ()>(())).unwrap().map(|(at, _)| at);
        assert_eq!(steady(&hosts), Some(0));
        next(&hosts, &places[..1]).1.failed();
        assert_eq!(steady(&hosts), Some(1));
        assert!(hosts.choose(&[], None, true, || Ok::<_, ()>(())).unwrap().is_none());
    }
}
