//! Command line options for network access, timeouts and retries.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::failure::Failure;
use crate::fetch::{Access, CONNECTIONS, FetchOptions, Patience};

/// How servers are reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub(in crate::cli) struct NetworkArguments {
    /// Use only what is in the cache or in directories
    #[arg(long, alias = "no-network")]
    pub offline: bool,
    /// Get the documents that metadata begin with anew, whatever the cache knows of them
    #[arg(long, conflicts_with = "offline")]
    pub refresh: bool,
    /// Use the documents that metadata begin with without asking their servers, if these were asked no longer ago than TIME: 90 (seconds), 30m, 6h, 2d
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0", conflicts_with = "refresh")]
    pub metadata_expire: Duration,
    /// The proxy, in place of `http_proxy`, `https_proxy` and `all_proxy`; `no_proxy` still holds: `http://`, `https://` or `socks5://`
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Certificates of authorities (PEM) that servers are held against, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Our own certificate (PEM) for servers that ask for one
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// The key of --client-cert (PEM), where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
    /// How many requests may be under way to one server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64), default_value_t = CONNECTIONS as u16)]
    pub connections: u16,
    /// How many times a server is asked again that failed in a way that can pass
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..=100), default_value = "2")]
    pub retries: u16,
    /// How long a connection may take to be made
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "15")]
    pub connect_timeout: Duration,
    /// How long a server may say nothing, and over how long its speed is measured
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30")]
    pub timeout: Duration,
    /// How many bytes a second a server has to give; 0 is no limit
    #[arg(long, value_name = "BYTES", default_value = "1000")]
    pub low_speed_limit: u64,
    /// How long a file may take from one server, however fast it comes [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_time: Option<Duration>,
    /// The longest wait before another try; a server that asks for a longer one is given up
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60")]
    pub max_wait: Duration,
}

impl NetworkArguments {
    /// Copies the options to the options of a fetcher.
    pub(in crate::cli) fn apply(&self, options: &mut FetchOptions) -> Result<(), Failure> {
        let read =
            |path: &Path| fs::read(path).map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())));
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some([read(certificate)?, b"\n".to_vec(), read(key)?].concat()),
            (Some(both), None) => Some(read(both)?),
            (None, _) => None,
        };
        options.access = Access {
            proxy: self.proxy.clone(),
            roots: self.cacert.as_deref().map(read).transpose()?,
            identity,
            ..Access::default()
        };
        options.access.check().map_err(|error| Failure::usage(error.to_string()))?;
        options.offline = self.offline;
        options.refresh = self.refresh;
        options.expire = self.metadata_expire;
        options.connections = usize::from(self.connections);
        options.patience = Patience {
            connect: self.connect_timeout,
            stall: self.timeout,
            slowest: self.low_speed_limit,
            total: self.max_time,
            tries: u32::from(self.retries) + 1,
            longest_wait: self.max_wait,
            ..Patience::default()
        };
        Ok(())
    }
}

/// Parses a duration: seconds, or a number with `ms`, `s`, `m`, `h` or `d`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time: give seconds, or a number and ms, s, m, h or d");
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let read = |text| time(text).ok().map(|time| time.as_millis());
        assert_eq!(
            ["0", "90", "250ms", "1.5", "30m", "6h", "2d", "7s"].map(read),
            [0, 90_000, 250, 1500, 1_800_000, 21_600_000, 172_800_000, 7000].map(Some)
        );
        assert_eq!(["", "-1", "h", "1w", "nan", "1e99d", "3 4"].map(read), [None; 7]);
    }
}
