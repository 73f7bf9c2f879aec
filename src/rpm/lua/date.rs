//! Dates for `os.date` and `os.time`, in UTC and the C locale.

/// A point in time, split into calendar fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// 1 to 366.
    pub(super) day_of_year: i64,
    /// 0 is Sunday.
    pub(super) day_of_week: i64,
    seconds: i64,
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Returns the days from 1970-01-01 to a day of the Gregorian calendar. The calculation counts
/// years from March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Returns the seconds since 1970. Fields outside their range carry over, as in `mktime`.
pub(super) fn seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    const LIMIT: i64 = i32::MAX as i64;
    if [year, month, day, hour, minute, second].iter().any(|field| field.abs() > LIMIT) {
        return None;
    }
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    Some(((days(year, month, 1) + day - 1) * 24 + hour) * 3600 + minute * 60 + second)
}

impl Date {
    /// Returns the date of a time in seconds since 1970, or `None` if its year exceeds C's `int`.
    pub(super) fn of(seconds: i64) -> Option<Self> {
        let day_number = seconds.div_euclid(86_400);
        let of_day = seconds.rem_euclid(86_400);
        let shifted = day_number + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        i32::try_from(year).ok()?;
        Some(Self {
            year,
            month,
            day: of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            day_of_year: day_number - days(year, 1, 1) + 1,
            day_of_week: (day_number + 4).rem_euclid(7),
            seconds,
        })
    }

    /// Formats the date as `strftime` does. The error is a conversion that C99 does not have.
    pub(super) fn format(&self, format: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        let mut text = Vec::new();
        let mut bytes = format.iter().copied();
        while let Some(c) = bytes.next() {
            if c != b'%' {
                text.push(c);
                continue;
            }
            let mut conversion = bytes.next().ok_or_else(Vec::new)?;
            if let b'E' | b'O' = conversion {
                let modifier = conversion;
                conversion = bytes.next().ok_or_else(|| vec![modifier])?;
                let allowed: &[u8] = if modifier == b'E' { b"cCxXyY" } else { b"deHImMSuUVwWy" };
                if !allowed.contains(&conversion) {
                    return Err(vec![modifier, conversion]);
                }
            }
            text.extend_from_slice(self.field(conversion).ok_or_else(|| vec![conversion])?.as_bytes());
        }
        Ok(text)
    }

    fn field(&self, conversion: u8) -> Option<String> {
        let day = DAYS[self.day_of_week.rem_euclid(7) as usize];
        let month = MONTHS[(self.month - 1).rem_euclid(12) as usize];
        let twelve = (self.hour + 11) % 12 + 1;
        let (iso_year, iso_week) = self.iso_week();
        let several = |formats: &[u8]| self.format(formats).ok().map(|text| String::from_utf8_lossy(&text).into_owned());
        Some(match conversion {
            b'a' => day[..3].to_owned(),
            b'A' => day.to_owned(),
            b'b' | b'h' => month[..3].to_owned(),
            b'B' => month.to_owned(),
            b'c' => return several(b"%a %b %e %H:%M:%S %Y"),
            b'C' => format!("{:02}", self.year.div_euclid(100)),
            b'd' => format!("{:02}", self.day),
            b'D' | b'x' => return several(b"%m/%d/%y"),
            b'e' => format!("{:2}", self.day),
            b'F' => return several(b"%Y-%m-%d"),
            b'g' => format!("{:02}", iso_year.rem_euclid(100)),
            b'G' => iso_year.to_string(),
            b'H' => format!("{:02}", self.hour),
            b'I' => format!("{twelve:02}"),
            b'j' => format!("{:03}", self.day_of_year),
            b'm' => format!("{:02}", self.month),
            b'M' => format!("{:02}", self.minute),
            b'n' => "\n".to_owned(),
            b'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            b'r' => return several(b"%I:%M:%S %p"),
            b'R' => return several(b"%H:%M"),
            b'S' => format!("{:02}", self.second),
            b't' => "\t".to_owned(),
            b'T' | b'X' => return several(b"%H:%M:%S"),
            b'u' => ((self.day_of_week + 6) % 7 + 1).to_string(),
            b'U' => format!("{:02}", (self.day_of_year - 1 + 7 - self.day_of_week) / 7),
            b'V' => format!("{iso_week:02}"),
            b'w' => self.day_of_week.to_string(),
            b'W' => format!("{:02}", (self.day_of_year - 1 + 7 - (self.day_of_week + 6) % 7) / 7),
            b'y' => format!("{:02}", self.year.rem_euclid(100)),
            b'Y' => self.year.to_string(),
            b'z' => "+0000".to_owned(),
            b'Z' => "UTC".to_owned(),
            b'%' => "%".to_owned(),
            _ => return None,
        })
    }

    /// Returns the year and week of ISO 8601. A week belongs to the year of its Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.seconds.div_euclid(86_400) - (self.day_of_week + 6) % 7 + 3;
        let year = [self.year - 1, self.year, self.year + 1].into_iter().rfind(|&year| days(year, 1, 1) <= thursday);
        let year = year.unwrap_or(self.year);
        (year, (thursday - days(year, 1, 1)) / 7 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64, format: &str) -> String {
        String::from_utf8(Date::of(seconds).unwrap().format(format.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(text(0, "%c|%j|%u|%w"), "Thu Jan  1 00:00:00 1970|001|4|4");
        assert_eq!(text(1_700_000_000, "%Y-%m-%d %H:%M:%S %p %I"), "2023-11-14 22:13:20 PM 10");
        assert_eq!(text(-1, "%F %T"), "1969-12-31 23:59:59");
        assert_eq!(text(951_782_400, "%D %a %U %W"), "02/29/00 Tue 09 09");
        assert_eq!(text(1_609_459_200, "%G-%V %g"), "2020-53 20");
        for time in [0, 86_399, 951_782_400, 4_102_444_800, -62_135_596_800] {
            let date = Date::of(time).unwrap();
            assert_eq!(seconds(date.year, date.month, date.day, date.hour, date.minute, date.second), Some(time));
        }
        assert_eq!(seconds(2023, 14, 0, 25, 61, -1), Some(1_706_752_859));
        assert_eq!(Date::of(0).unwrap().format(b"%Q"), Err(b"Q".to_vec()));
        assert!(Date::of(i64::MAX).is_none());
    }
}
