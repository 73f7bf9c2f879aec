//! Durations in the notation of the command line.

use std::time::Duration;

/// Parses a number with a unit: `90s`, `15m`, `12h`, `30d`, `8w`. Without a unit, the number is in
/// seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time: give a number with s, m, h, d or w, as 12h or 30d");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds: u64 = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("1w", 604_800)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "-1d", "1.5h", "3 d", "1y", "99999999999999999999", "9999999999999999999w", "1d2h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
