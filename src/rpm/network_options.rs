//! Network options of `.repo` files, as in dnf.conf(5): timeouts, proxies and credentials.

use std::time::Duration;

use reqwest::Url;

use super::configuration::switch;
use crate::ecosystem::ConfiguredRepository;
use crate::fetch::{Login, RouteSettings};

/// An error in the value of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The value is invalid.
    Invalid(String),
    /// The value is not supported and would affect the servers or the trusted keys.
    Refused(String),
}

/// The network options of a repository while they are being read.
#[derive(Default)]
pub(super) struct NetworkOptions {
    username: String,
    password: String,
    proxy_username: String,
    proxy_password: String,
    /// True if the proxy gets no credentials (`proxy_auth_method=none`).
    anonymous: bool,
    route: RouteSettings,
}

impl NetworkOptions {
    /// Sets an option. Returns false if there is no such option.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<bool, Problem> {
        let invalid = |what: &str| Problem::Invalid(format!("{key}: `{value}` is {what}"));
        let refused = |why: &str| Problem::Refused(format!("{key}={value} is not supported: {why}"));
        let on = || switch(value).ok_or_else(|| invalid("neither 1 nor 0"));
        let file =
            || Some(value).filter(|value| !value.is_empty()).map(|value| value.strip_prefix("file://").unwrap_or(value).into());
        match key {
            "username" => value.clone_into(&mut self.username),
            "password" => value.clone_into(&mut self.password),
            "proxy_username" => value.clone_into(&mut self.proxy_username),
            "proxy_password" => value.clone_into(&mut self.proxy_password),
            "proxy" if value.eq_ignore_ascii_case("_none_") => self.route.proxy = Some(String::new()),
            "proxy" => self.route.proxy = Some(value.to_owned()),
            "proxy_auth_method" => match value.to_ascii_lowercase().as_str() {
                "any" | "basic" => self.anonymous = false,
                "none" => self.anonymous = true,
                "digest" | "negotiate" | "ntlm" | "digest_ie" | "ntlm_wb" => return Err(refused("there are basic and none")),
                _ => return Err(invalid("not a method: there are basic, any and none")),
            },
            "sslcacert" => self.route.ca_file = file(),
            "sslclientcert" => self.route.certificate_file = file(),
            "sslclientkey" => self.route.key_file = file(),
            "sslverify" | "proxy_sslverify" if !on()? => {
                return Err(refused("certificates are always verified; sslcacert=FILE names an authority of your own"));
            }
            "sslverifystatus" if on()? => return Err(refused("no server is asked for the status of its certificate")),
            "sslverify" | "proxy_sslverify" | "sslverifystatus" => {}
            "proxy_sslcacert" | "proxy_sslclientcert" | "proxy_sslclientkey" if value.is_empty() => {}
            "proxy_sslcacert" | "proxy_sslclientcert" | "proxy_sslclientkey" => {
                return Err(refused("a proxy is held against the authorities of the servers"));
            }
            "timeout" => self.route.timeout = seconds(value).ok_or_else(|| invalid("not a time"))?,
            "metadata_expire" => {
                let time = seconds(value).ok_or_else(|| invalid("not a time: give seconds, 30m, 48h, 7d or never"))?;
                self.route.expire = Some(time.unwrap_or(Duration::MAX));
            }
            "minrate" => self.route.minimum_rate = Some(size(value).ok_or_else(|| invalid("not a size"))?),
            "retries" => {
                let number: u32 = value.parse().map_err(|_| invalid("not a number"))?;
                // In dnf, 0 means unlimited attempts.
                self.route.retries = Some(if number == 0 { u32::MAX } else { number });
            }
            "ip_resolve" => {
                self.route.ip_version = match value.to_ascii_lowercase().as_str() {
                    "" | "whatever" => None,
                    "4" | "ipv4" => Some(4),
                    "6" | "ipv6" => Some(6),
                    _ => return Err(invalid("neither 4 nor 6")),
                }
            }
            "user_agent" => self.route.user_agent = Some(value.to_owned()).filter(|value| !value.is_empty()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Applies the options to a repository. Fails if options contradict each other.
    pub(super) fn finish(self, repository: &mut ConfiguredRepository) -> Result<(), String> {
        let Self { username, password, proxy_username, proxy_password, anonymous, mut route } = self;
        if !username.is_empty() {
            repository.login = Some(Login { name: username, password });
        } else if !password.is_empty() {
            // As in dnf.
            repository.warnings.push("password has no effect without username".to_owned());
        }
        if let Some(proxy) = route.proxy.as_mut().filter(|proxy| !proxy.is_empty()) {
            let text = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
            let mut url = Url::parse(&text).map_err(|error| format!("proxy is not a URL: {error}"))?;
            if anonymous || !proxy_username.is_empty() {
                // Escape percent signs, as they would be decoded in the URL.
                let escaped = |text: &str| if anonymous { String::new() } else { text.replace('%', "%25") };
                let password = Some(escaped(&proxy_password)).filter(|password| !password.is_empty());
                let set = url.set_username(&escaped(&proxy_username)).and_then(|()| url.set_password(password.as_deref()));
                set.map_err(|()| "proxy cannot be told a name".to_owned())?;
            }
            *proxy = url.into();
        }
        repository.route = route;
        Ok(())
    }
}

/// Parses a time like libdnf's `OptionSeconds`: a number and a unit. `Some(None)` means no limit.
#[expect(clippy::option_option, reason = "no limit is a value, and not the lack of one")]
fn seconds(value: &str) -> Option<Option<Duration>> {
    if matches!(value, "-1" | "never") {
        return Some(None);
    }
    let (number, factor) = match value.as_bytes().last()?.to_ascii_lowercase() {
        b's' => (&value[..value.len() - 1], 1.0),
        b'm' => (&value[..value.len() - 1], 60.0),
        b'h' => (&value[..value.len() - 1], 3600.0),
        b'd' => (&value[..value.len() - 1], 86_400.0),
        _ => (value, 1.0),
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * factor).ok().map(Some)
}

/// Parses a size like libdnf's `strToBytes`: a number, and `k`, `M` or `G` (powers of 1024).
fn size(value: &str) -> Option<u64> {
    let (number, factor) = match value.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&value[..value.len() - 1], 1_u64 << 10),
        b'm' => (&value[..value.len() - 1], 1 << 20),
        b'g' => (&value[..value.len() - 1], 1 << 30),
        _ => (value, 1),
    };
    let number: f64 = number.trim().parse().ok()?;
    (number >= 0.0 && number.is_finite()).then_some((number * factor as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<ConfiguredRepository, Problem> {
        let mut network = NetworkOptions::default();
        for (key, value) in options {
            assert!(network.set(key, value)?, "{key}");
        }
        let mut repository = ConfiguredRepository::default();
        network.finish(&mut repository).unwrap();
        Ok(repository)
    }

    #[test]
    fn names_and_passwords_belong_to_the_servers_and_to_the_proxy() {
        let read = read(&[
            ("username", "me"),
            ("password", "s@:/cret,"),
            ("proxy", "http://proxy:3128"),
            ("proxy_username", "you"),
            ("proxy_password", "p@s%41"),
        ])
        .unwrap();
        assert!(read.login == Some(Login { name: "me".to_owned(), password: "s@:/cret,".to_owned() }));
        assert_eq!(read.route.proxy.as_deref(), Some("http://you:p%40s%2541@proxy:3128/"));
        assert!(!format!("{read:?}").contains("cret"));
        let proxy = |options: &[(&str, &str)]| self::read(options).unwrap().route.proxy;
        assert_eq!(proxy(&[("proxy", "_NONE_")]).as_deref(), Some(""));
        assert_eq!(proxy(&[("proxy", "")]).as_deref(), Some(""));
        assert_eq!(proxy(&[("proxy", "host:3128")]).as_deref(), Some("http://host:3128/"));
        let anonymous = [("proxy", "http://a:b@host:3128"), ("proxy_username", "x"), ("proxy_auth_method", "none")];
        assert_eq!(proxy(&anonymous).as_deref(), Some("http://host:3128/"));
        let alone = self::read(&[("password", "secret")]).unwrap();
        assert!(alone.login.is_none() && alone.warnings == ["password has no effect without username"]);
    }

    #[test]
    fn times_and_sizes_are_dnfs() {
        let time = |text| seconds(text).map(|time| time.map(|time| time.as_secs()));
        assert_eq!(
            ["-1", "never", "90", "1.5h", "48H", "7d", "30m", "5s"].map(time),
            [None, None, Some(90), Some(5400), Some(172_800), Some(604_800), Some(1800), Some(5)].map(Some)
        );
        assert_eq!(["", "-2", "48x", "d", "1w", "nan"].map(time), [None; 6]);
        assert_eq!(["0", "1000", "10k", "2M", "x", ""].map(size), [Some(0), Some(1000), Some(10_240), Some(2 << 20), None, None]);
    }

    #[test]
    fn options_that_would_change_who_is_believed_are_refused_by_name() {
        for (key, value) in [
            ("sslverify", "0"),
            ("sslverify", "False"),
            ("proxy_sslverify", "no"),
            ("sslverifystatus", "1"),
            ("proxy_sslcacert", "/x"),
            ("proxy_sslclientcert", "/x"),
            ("proxy_auth_method", "ntlm"),
        ] {
            let Err(Problem::Refused(what)) = read(&[(key, value)]) else { panic!("{key}={value}") };
            assert!(what.starts_with(&format!("{key}={value} is not supported: ")), "{what}");
        }
        for (key, value) in [("sslverify", "1"), ("sslverifystatus", "0"), ("proxy_auth_method", "any"), ("proxy_sslcacert", "")]
        {
            read(&[(key, value)]).unwrap();
        }
        for (key, value) in
            [("sslverify", "maybe"), ("timeout", "1w"), ("ip_resolve", "5"), ("retries", "x"), ("proxy_auth_method", "x")]
        {
            assert!(matches!(read(&[(key, value)]), Err(Problem::Invalid(_))), "{key}={value}");
        }
    }
}
