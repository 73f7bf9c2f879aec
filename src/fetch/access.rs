//! Access to servers: the proxy, the certificate authorities, the client certificate, and user
//! names and passwords.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use reqwest::blocking::ClientBuilder;
use reqwest::{Certificate, Identity, NoProxy, Proxy, Url};

use super::http::chain;
use super::netrc::{self, Login, Netrc};

/// Settings for access to servers and for client authentication. Secrets in it are never displayed.
#[derive(Clone, Default)]
pub struct Access {
    /// The proxy. It replaces the proxies from the environment (`no_proxy` still applies).
    pub proxy: Option<String>,
    /// Certificates of authorities, in PEM, which replace those of the system.
    pub roots: Option<Vec<u8>>,
    /// The client certificate and its key, in PEM.
    pub identity: Option<Vec<u8>>,
    /// The netrc file with names and passwords. The default is `$NETRC`, or `~/.netrc`.
    pub netrc: Option<PathBuf>,
    /// The local address that connections are bound to. The unspecified address of an IP version
    /// restricts connections to that version.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, in place of this program's name.
    pub user_agent: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// An error in the settings for access to servers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The proxy is invalid.
    #[error("the proxy is not a URL: {reason}")]
    Proxy {
        /// The reason.
        reason: String,
    },
    /// There are no usable certificates of authorities.
    #[error("no certificates of authorities: {reason}")]
    Roots {
        /// The reason.
        reason: String,
    },
    /// There is no usable client certificate with its key.
    #[error("no client certificate and key: {reason}")]
    Identity {
        /// The reason.
        reason: String,
    },
}

impl Access {
    /// Fails if the settings cannot be used. No server is contacted.
    pub fn check(&self) -> Result<(), AccessError> {
        self.proxies()?;
        self.certificates()?;
        self.own_certificate().map(drop)
    }

    fn proxies(&self) -> Result<Option<Proxy>, AccessError> {
        let Some(text) = &self.proxy else { return Ok(None) };
        // curl also treats `host:port` as an http proxy.
        let url = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        let proxy = Proxy::all(url).map_err(|error| AccessError::Proxy { reason: chain(&error) })?;
        Ok(Some(proxy.no_proxy(NoProxy::from_env())))
    }

    fn certificates(&self) -> Result<Option<Vec<Certificate>>, AccessError> {
        let Some(pem) = &self.roots else { return Ok(None) };
        let found = Certificate::from_pem_bundle(pem).map_err(|error| AccessError::Roots { reason: chain(&error) })?;
        if found.is_empty() {
            return Err(AccessError::Roots { reason: "the file holds none (PEM)".to_owned() });
        }
        Ok(Some(found))
    }

    fn own_certificate(&self) -> Result<Option<Identity>, AccessError> {
        let Some(pem) = &self.identity else { return Ok(None) };
        Identity::from_pem(pem).map(Some).map_err(|error| AccessError::Identity { reason: chain(&error) })
    }

    /// Reports whether plain `http:` requests go through a proxy that is reached over TLS.
    pub(super) fn is_proxied_securely(&self) -> bool {
        let secure = |proxy: &str| proxy.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        match &self.proxy {
            Some(proxy) => secure(proxy),
            None => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
                .iter()
                .any(|name| std::env::var(name).is_ok_and(|proxy| secure(&proxy))),
        }
    }

    /// Applies these settings to a client builder; `secure` says whether the client speaks TLS with
    /// any server.
    pub(super) fn apply(&self, mut builder: ClientBuilder, secure: bool) -> Result<ClientBuilder, AccessError> {
        if let Some(proxy) = self.proxies()? {
            builder = builder.proxy(proxy);
        }
        if let Some(address) = self.address {
            builder = builder.local_address(address);
        }
        if let Some(name) = &self.user_agent {
            builder = builder.user_agent(name);
        }
        if !secure {
            return Ok(builder.tls_certs_only([]));
        }
        if let Some(roots) = self.certificates()? {
            builder = builder.tls_certs_only(roots);
        }
        if let Some(identity) = self.own_certificate()? {
            builder = builder.identity(identity);
        }
        Ok(builder)
    }
}

/// Names and passwords for servers. The file is read at the first request.
pub(super) struct Logins {
    path: Option<PathBuf>,
    read: OnceLock<Netrc>,
}

impl Logins {
    pub(super) fn new(access: &Access) -> Self {
        Self { path: access.netrc.clone(), read: OnceLock::new() }
    }

    /// Returns the login for the server of `url`, reached by redirects from a request for `first`.
    ///
    /// Logins are never shared between servers. A redirect target receives only a login that is
    /// stored under its own host name. It receives none if the redirect leads from TLS to a
    /// connection without TLS.
    pub(super) fn of(&self, url: &Url, first: &Url) -> Option<Login> {
        // The client uses a name that the URL itself contains.
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let is_same = url.origin() == first.origin();
        if is_same && (!first.username().is_empty() || first.password().is_some()) {
            return Some(Login { name: decoded(first.username()), password: decoded(first.password().unwrap_or_default()) });
        }
        let host = url.host_str()?;
        let netrc = self.read.get_or_init(|| {
            let path = self.path.clone().or_else(netrc::usual_path);
            path.and_then(|path| Netrc::read(&path).ok()).unwrap_or_default()
        });
        if is_same {
            netrc.machine_or_default(host).cloned()
        } else if url.scheme() == "https" || first.scheme() == "http" {
            netrc.machine(host).cloned()
        } else {
            None
        }
    }
}

/// Returns a part of a URL with percent-encoded bytes decoded.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let code = match (*first, after) {
            (b'%', [high, low, ..]) => {
                (char::from(*high).to_digit(16)).zip(char::from(*low).to_digit(16)).map(|(high, low)| (high * 16 + low) as u8)
            }
            _ => None,
        };
        if code.is_some() {
            rest = &after[2..];
        }
        bytes.push(code.unwrap_or(*first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_server_is_told_no_other_is() {
        let directory = tempfile::tempdir().unwrap();
        let netrc = directory.path().join("netrc");
        std::fs::write(
            &netrc,
            "machine one login me password secret\nmachine two login you password other\ndefault login any password all\n",
        )
        .unwrap();
        let logins = Logins::new(&Access { netrc: Some(netrc), ..Access::default() });
        let told = |url: &str, first: &str| {
            logins
                .of(&Url::parse(url).unwrap(), &Url::parse(first).unwrap())
                .map(|login| format!("{}:{}", login.name, login.password))
        };
        assert_eq!(told("https://one/a", "https://one/a").as_deref(), Some("me:secret"));
        assert_eq!(told("https://three/a", "https://three/a").as_deref(), Some("any:all"));
        assert_eq!(told("https://two/a", "https://one/a").as_deref(), Some("you:other"), "its own");
        assert_eq!(told("https://three/a", "https://one/a"), None, "the default is not for whoever a server names");
        assert_eq!(told("http://two/a", "https://one/a"), None, "nothing is said in the open that was to be said in TLS");
        assert_eq!(told("http://one/a", "https://one/a"), None);
        assert_eq!(told("https://one:444/a", "https://me:x%40y@one/a").as_deref(), Some("me:secret"));
        assert_eq!(told("https://one/b", "https://me:x%40y@one/a").as_deref(), Some("me:x@y"));
        assert_eq!(told("https://me:x@one/a", "https://me:x@one/a"), None, "the client takes it from the URL");
    }

    #[test]
    fn what_cannot_be_used_is_told_before_anybody_is_asked() {
        let access = |change: &dyn Fn(&mut Access)| {
            let mut access = Access::default();
            change(&mut access);
            access.check()
        };
        assert_eq!(access(&|_| {}), Ok(()));
        assert_eq!(access(&|access| access.proxy = Some("localhost:3128".to_owned())), Ok(()));
        assert!(matches!(access(&|access| access.proxy = Some("http://".to_owned())), Err(AccessError::Proxy { .. })));
        assert!(matches!(access(&|access| access.roots = Some(b"no certificate".to_vec())), Err(AccessError::Roots { .. })));
        assert!(matches!(access(&|access| access.identity = Some(b"none".to_vec())), Err(AccessError::Identity { .. })));
    }
}
