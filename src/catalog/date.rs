//! Dates as file content: `strftime` formats over seconds since 1970, in UTC.

use serde::{Deserialize, Serialize};

/// A format as in `date +FORMAT`: `%Y %y %m %d %H %M %S %j %s %F %T %%`, all in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DateFormat(String);

impl From<DateFormat> for String {
    fn from(format: DateFormat) -> Self {
        format.0
    }
}

/// A conversion that [`DateFormat`] does not support.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("date format `{format}`: unknown conversion `%{conversion}`")]
pub struct UnknownConversion {
    format: String,
    conversion: String,
}

impl DateFormat {
    /// Returns the format as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Formats the time `epoch`, in seconds since 1970-01-01 00:00 UTC.
    pub fn render(&self, epoch: u64) -> String {
        let moment = Moment::of(epoch);
        let mut text = String::with_capacity(self.0.len() + 8);
        let mut rest = self.0.chars();
        while let Some(character) = rest.next() {
            if character == '%' {
                // The parser accepts only known conversions.
                text.extend(rest.next().and_then(|conversion| moment.convert(conversion)));
            } else {
                text.push(character);
            }
        }
        text
    }
}

impl TryFrom<String> for DateFormat {
    type Error = UnknownConversion;

    fn try_from(format: String) -> Result<Self, UnknownConversion> {
        let moment = Moment::of(0);
        let mut rest = format.chars();
        while let Some(character) = rest.next() {
            if character != '%' {
                continue;
            }
            let conversion = rest.next();
            if conversion.and_then(|conversion| moment.convert(conversion)).is_none() {
                let conversion = conversion.map(String::from).unwrap_or_default();
                return Err(UnknownConversion { format, conversion });
            }
        }
        Ok(Self(format))
    }
}

/// A point in time split into its fields, in UTC.
struct Moment {
    epoch: u64,
    year: u64,
    month: u64,
    day: u64,
    /// Day of the year, from 1.
    ordinal: u64,
}

impl Moment {
    fn of(epoch: u64) -> Self {
        // Days to a civil date by Howard Hinnant's `civil_from_days`: years begin in March, so that
        // a leap day is the last day of its year.
        let since_march_0000 = epoch / 86_400 + 719_468;
        let era = since_march_0000 / 146_097;
        let day_of_era = since_march_0000 % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let leap = u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)));
        let ordinal = if month <= 2 { day_of_year - 305 } else { day_of_year + 60 + leap };
        Self { epoch, year, month, day, ordinal }
    }

    fn convert(&self, conversion: char) -> Option<String> {
        let (hour, minute, second) = (self.epoch / 3600 % 24, self.epoch / 60 % 60, self.epoch % 60);
        Some(match conversion {
            'Y' => format!("{}", self.year),
            'y' => format!("{:02}", self.year % 100),
            'm' => format!("{:02}", self.month),
            'd' => format!("{:02}", self.day),
            'H' => format!("{hour:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'j' => format!("{:03}", self.ordinal),
            's' => format!("{}", self.epoch),
            'F' => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::DateFormat;

    fn render(format: &str, epoch: u64) -> String {
        DateFormat::try_from(format.to_owned()).unwrap().render(epoch)
    }

    /// Compares with the output of GNU `date -u -d @EPOCH +FORMAT`.
    #[test]
    fn renders_as_date_does() {
        assert_eq!(render("%Y%m%d_%H%M", 1_700_823_240), "20231124_1054");
        assert_eq!(render("%F %T day %j of %y, %s%%", 0), "1970-01-01 00:00:00 day 001 of 70, 0%");
        for (epoch, expected) in [
            (951_782_399, "2000-02-28 23:59:59 059"),
            (951_782_400, "2000-02-29 00:00:00 060"),
            (951_868_800, "2000-03-01 00:00:00 061"),
            (978_220_800, "2000-12-31 00:00:00 366"),
            (1_709_164_800, "2024-02-29 00:00:00 060"),
            (1_677_628_800, "2023-03-01 00:00:00 060"),
            (4_107_542_400, "2100-03-01 00:00:00 060"),
            (4_133_894_400, "2100-12-31 00:00:00 365"),
        ] {
            assert_eq!(render("%F %T %j", epoch), expected);
        }
    }

    #[test]
    fn refuses_unknown_conversions() {
        for format in ["%Q", "50%", "%Y-%"] {
            assert!(DateFormat::try_from(format.to_owned()).is_err(), "{format}");
        }
    }
}
