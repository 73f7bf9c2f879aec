//! Routes: how the servers of one repository are reached, where that is another way than the run's.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::access::{Access, AccessError};
use super::http::Http;
use super::patience::Patience;

/// How a repository wants its servers to be reached: dnf's options of the same names. What it does not say is as in the rest of the run.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RouteSettings {
    /// The proxy; an empty text stands for the one that the environment names.
    pub proxy: Option<String>,
    /// The file of authorities (PEM) that servers are held against.
    pub ca_file: Option<PathBuf>,
    /// The file of our own certificate (PEM).
    pub certificate_file: Option<PathBuf>,
    /// The file of its key (PEM), where it is another one.
    pub key_file: Option<PathBuf>,
    /// How long a connection may take to be made, and a server may say nothing.
    pub timeout: Option<Duration>,
    /// How many bytes a second a server has to give.
    pub minimum_rate: Option<u64>,
    /// How many times a place that failed in a way that can pass is tried again.
    pub retries: Option<u32>,
    /// For how long documents are used as they were; `Duration::MAX` is for ever.
    pub expire: Option<Duration>,
    /// The version of the Internet Protocol, 4 or 6.
    pub ip_version: Option<u8>,
    /// What servers are told that we are.
    pub user_agent: Option<String>,
}

impl fmt::Debug for RouteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy may have a password.
        f.debug_struct("RouteSettings").finish_non_exhaustive()
    }
}

/// Why a repository's servers cannot be reached as it wants.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A key without its certificate.
    #[error("{} is the key of no certificate: sslclientcert is missing", .path.display())]
    NoCertificate {
        /// The key's file.
        path: PathBuf,
    },
    /// What the settings or files hold is of no use.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// How the servers of a repository are reached. Copies share their connections.
pub struct Route {
    settings: RouteSettings,
    /// What of the settings was read from files.
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
    /// Reads the files that the settings name. No server is asked.
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

    /// Returns who we are on this route, where `usual` holds otherwise.
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

    /// Returns how patient to be on this route.
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

    /// Returns for how long documents are used as they were.
    pub(super) fn expire(&self) -> Option<Duration> {
        self.settings.expire
    }

    /// Returns the clients of this route.
    pub(super) fn http(&self, usual: &Access, patience: Patience) -> &Http {
        self.http.get_or_init(|| Http::new(self.patience(patience), self.access(usual)))
    }
}
