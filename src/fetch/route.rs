//! Routes: access settings of one repository's servers that differ from those of the run.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::access::{Access, AccessError};
use super::http::Http;
use super::patience::Patience;

/// Access settings of a repository's servers: dnf's options of the same names. Unset ones default
/// to the settings of the run.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RouteSettings {
    /// The proxy. An empty text means the proxy from the environment.
    pub proxy: Option<String>,
    /// The file of certificate authorities (PEM) for server certificates.
    pub ca_file: Option<PathBuf>,
    /// The file of the client certificate (PEM).
    pub certificate_file: Option<PathBuf>,
    /// The file of its key (PEM), if it is a separate file.
    pub key_file: Option<PathBuf>,
    /// Time limit for establishing a connection, and for a silence of the server.
    pub timeout: Option<Duration>,
    /// The minimum rate in bytes per second.
    pub minimum_rate: Option<u64>,
    /// The number of further tries at a location with transient failures.
    pub retries: Option<u32>,
    /// The time for which cached documents are used without a request; `Duration::MAX` means
    /// forever.
    pub expire: Option<Duration>,
    /// The version of the Internet Protocol, 4 or 6.
    pub ip_version: Option<u8>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

impl fmt::Debug for RouteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy may contain a password.
        f.debug_struct("RouteSettings").finish_non_exhaustive()
    }
}

/// An error in the access settings of a repository's servers.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// There is a key without its certificate.
    #[error("{} is the key of no certificate: sslclientcert is missing", .path.display())]
    NoCertificate {
        /// The key's file.
        path: PathBuf,
    },
    /// The contents of the settings or files are unusable.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// The route to the servers of a repository. Clones share their connections.
pub struct Route {
    settings: RouteSettings,
    /// The settings read from files.
    roots: Option<Vec<u8>>,
    identity: Option<Vec<u8>>,
    http: OnceLock<Http>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Route {}

impl Route {
    /// Reads the files that the settings name. No server is contacted.
    pub fn open(settings: RouteSettings) -> Result<Self, RouteError> {
        let read = |path: &Path| fs::read(path).map_err(|error| RouteError::Read { path: path.to_owned(), error });
        let roots = settings.ca_file.as_deref().map(read).transpose()?;
        let identity = match (&settings.certificate_file, &settings.key_file) {
            (Some(certificate), Some(key)) => Some([read(certificate)?, b"\n".to_vec(), read(key)?].concat()),
            (Some(both), None) => Some(read(both)?),
            (None, Some(path)) => return Err(RouteError::NoCertificate { path: path.clone() }),
            (None, None) => None,
        };
        let route = Self { settings, roots, identity, http: OnceLock::new() };
        route.access(&Access::default()).check()?;
        Ok(route)
    }

    /// Returns the access settings of this route; `usual` holds the defaults.
    fn access(&self, usual: &Access) -> Access {
        let Self { settings, roots, identity, .. } = self;
        let address = settings.ip_version.map(|version| match version {
            4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        });
        Access {
            proxy: match &settings.proxy {
                Some(proxy) => Some(proxy.clone()).filter(|proxy| !proxy.is_empty()),
                None => usual.proxy.clone(),
            },
            roots: roots.clone().or_else(|| usual.roots.clone()),
            identity: identity.clone().or_else(|| usual.identity.clone()),
            netrc: usual.netrc.clone(),
            address: address.or(usual.address),
            user_agent: settings.user_agent.clone().or_else(|| usual.user_agent.clone()),
        }
    }

    /// Returns the retry policy of this route.
    pub(super) fn patience(&self, usual: Patience) -> Patience {
        let settings = &self.settings;
        Patience {
            connect: settings.timeout.unwrap_or(usual.connect),
            stall: settings.timeout.unwrap_or(usual.stall),
            slowest: settings.minimum_rate.unwrap_or(usual.slowest),
            tries: settings.retries.map_or(usual.tries, |retries| retries.saturating_add(1)),
            ..usual
        }
    }

    /// Returns the time for which cached documents are used without a request.
    pub(super) fn expire(&self) -> Option<Duration> {
        self.settings.expire
    }

    /// Returns the HTTP client of this route.
    pub(super) fn http(&self, usual: &Access, patience: Patience) -> &Http {
        self.http.get_or_init(|| Http::new(self.patience(patience), self.access(usual)))
    }
}
