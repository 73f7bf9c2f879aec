//! The retry policy for servers: time limits, the number of tries, and the waits between them.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The retry policy for servers.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Time limit for establishing a connection.
    pub connect: Duration,
    /// The longest silence of a server, and the interval over which its speed is measured.
    pub stall: Duration,
    /// The minimum rate in bytes per second. Zero means no minimum.
    pub slowest: u64,
    /// Time limit for a file from one location, at any speed.
    pub total: Option<Duration>,
    /// The maximum number of tries at a location with transient failures.
    pub tries: u32,
    /// The approximate wait before the second try. It doubles before each further try.
    pub backoff: Duration,
    /// The longest wait before another try. A server that asks for a longer one is not tried again.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            // dnf's `minrate`.
            slowest: 1000,
            total: None,
            tries: 3,
            backoff: Duration::from_millis(250),
            longest_wait: Duration::from_mins(1),
        }
    }
}

impl Patience {
    /// Returns the wait after this number of tries.
    ///
    /// The wait doubles with each try. The result is a random time between half of that and all of
    /// it, so that many refused clients do not return at the same moment.
    pub(super) fn wait_after(&self, tries: u32) -> Duration {
        let doubled = self.backoff.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest_wait);
        let chance = RandomState::new().hash_one(tries) >> 32;
        whole / 2 + (whole / 2).mul_f64(chance as f64 / f64::from(u32::MAX))
    }
}

/// Parses `Retry-After`: seconds, or a date in the format that RFC 9110 requires of servers.
pub(super) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = UNIX_EPOCH + Duration::from_secs(date(text)?);
    Some(at.duration_since(now).unwrap_or_default())
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns the seconds since 1970 of a date like `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn date(text: &str) -> Option<u64> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|&name| name == month)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|&n| n <= 60));
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next()? != "GMT" || words.next().is_some() || clock.next().is_some() {
        return None;
    }
    // Days from the civil date. Years begin in March, so that the leap day is the last day of its
    // year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(u64::try_from(days).ok()? * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_about_twice_the_one_before_and_none_is_longer_than_the_longest() {
        let patience = Patience { backoff: Duration::from_secs(1), ..Patience::default() };
        for (tries, whole) in [(1, 1), (2, 2), (3, 4), (7, 60), (32, 60), (200, 60)] {
            let wait = patience.wait_after(tries);
            assert!(wait >= Duration::from_secs(whole) / 2 && wait <= Duration::from_secs(whole), "{tries}: {wait:?}");
        }
        let some: Vec<_> = (0..8).map(|_| patience.wait_after(5)).collect();
        assert!(some.iter().any(|wait| *wait != some[0]), "all wait the same: {some:?}");
    }

    #[test]
    fn servers_say_how_long_to_wait_in_seconds_or_as_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:00 GMT"), Some(23));
        assert_eq!(after("Mon, 05 Nov 1990 08:50:00 GMT"), Some(0));
        assert_eq!(date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        for text in
            ["", "-1", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT"]
        {
            assert_eq!(after(text), None, "{text}");
        }
    }
}
