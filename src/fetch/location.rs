//! Where files are: a path of this machine or an http(s) URL, and what lies below it.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;

/// Why a text names no location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was given.
    #[error("the location is empty")]
    Empty,
    /// A scheme that is neither `http`, `https` nor `file`.
    #[error("`{location}`: `{scheme}:` is not supported; give a directory, file://, http:// or https://")]
    Scheme {
        /// What was given.
        location: String,
        /// Its scheme.
        scheme: String,
    },
    /// Not a URL.
    #[error("`{location}` is not a URL: {reason}")]
    Url {
        /// What was given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name in metadata that would lead out of the repository.
    #[error("`{reference}` leads out of the repository {base}")]
    Escapes {
        /// The repository.
        base: Box<Location>,
        /// The name.
        reference: String,
    },
}

/// A file or a directory: on this machine, or behind a URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A path of this machine.
    Path(PathBuf),
    /// An http or https URL.
    Url(Url),
}

impl Location {
    /// The location that a person or a configuration file means: a URL, or else a path.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let Some(scheme) = scheme(text) else {
            return if text.is_empty() { Err(LocationError::Empty) } else { Ok(Self::Path(text.into())) };
        };
        let wrong = |reason: String| LocationError::Url { location: without_secrets(text), reason };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Url::parse(text).map(Self::Url).map_err(|error| wrong(error.to_string())),
            "file" => {
                let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
                // It decodes the percent signs, and refuses another machine's name.
                let path = url.to_file_path().map_err(|()| wrong("it names no path of this machine".to_owned()))?;
                Ok(Self::Path(path))
            }
            scheme => Err(LocationError::Scheme { location: without_secrets(text), scheme: scheme.to_owned() }),
        }
    }

    /// The file that `reference`, a name relative to this directory, means. It is always below the directory: a name that
    /// is absolute, goes up or has a scheme is refused.
    pub fn join(&self, reference: &str) -> Result<Self, LocationError> {
        let escapes = || LocationError::Escapes { base: Box::new(self.clone()), reference: reference.to_owned() };
        let parts = || reference.split('/').filter(|part| !matches!(*part, "" | "."));
        let hostile = reference.starts_with('/')
            || scheme(reference).is_some()
            || reference.contains(|c: char| c.is_control() || c == '\\')
            || parts().any(|part| part == ".." || is_encoded_parent(part))
            || parts().next().is_none();
        if hostile {
            return Err(escapes());
        }
        match self {
            Self::Path(base) => {
                let mut path = base.clone();
                path.extend(parts());
                Ok(Self::Path(path))
            }
            Self::Url(base) => {
                // A base's query (a token, say) belongs to each file below it, as librepo's lr_pathconcat has it. What the
                // path may not hold is escaped; a name that is escaped already stays as it is.
                let mut url = base.clone();
                let mut path = base.path().trim_end_matches('/').to_owned();
                for part in parts() {
                    path.push('/');
                    path.push_str(part);
                }
                url.set_path(&path);
                Ok(Self::Url(url))
            }
        }
    }

    /// The file that a repository's metadata means by `reference`: a name below this directory, or a whole URL (as
    /// `xml:base` makes it). A repository behind a URL cannot name files of this machine.
    pub fn resolve(&self, reference: &str) -> Result<Self, LocationError> {
        if scheme(reference).is_none() {
            return self.join(reference);
        }
        match (Self::parse(reference)?, self) {
            (Self::Path(_), Self::Url(_)) => {
                Err(LocationError::Escapes { base: Box::new(self.clone()), reference: reference.to_owned() })
            }
            (location, _) => Ok(location),
        }
    }

    /// Whether it must be downloaded.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Url(_))
    }

    /// The path, when it is on this machine.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Url(_) => None,
        }
    }

    /// What to name the other end by in a message: the host, or the path.
    pub fn host(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Url(url) => match (url.host_str(), url.port()) {
                (Some(host), Some(port)) => format!("{host}:{port}"),
                (host, _) => host.unwrap_or_default().to_owned(),
            },
        }
    }
}

/// As a person writes it, without what a URL may hold that lets its holder in: a password, a name that stands alone (a token is given so), a query.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => {
                let mut shown = url.clone();
                // These can only fail for URLs that cannot have such parts.
                if url.password().is_some() {
                    let _ = shown.set_password(Some("***"));
                } else if !url.username().is_empty() {
                    let _ = shown.set_username("***");
                }
                if url.query().is_some() {
                    shown.set_query(Some("***"));
                }
                shown.fmt(f)
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is meant as a URL and is none, without what may let its holder in.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority.to_owned(), |(_, host)| format!("***@{host}"));
    let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?***"));
    if scheme.is_empty() { text.to_owned() } else { format!("{scheme}://{host}{path}") }
}

/// The scheme of a text that has one: letters, then `://` (or `file:/`). A drive or a name with a colon has none.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    (is_scheme && (rest.starts_with("//") || (scheme.eq_ignore_ascii_case("file") && rest.starts_with('/')))).then_some(scheme)
}

/// `%2e%2e` and the like, which URL parsers and servers read as `..`, and slashes that are hidden in the same way.
fn is_encoded_parent(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    lower.contains("%2f") || lower.contains("%5c") || lower.contains("%00") || lower.replace("%2e", ".") == ".."
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(base: &str, reference: &str) -> String {
        Location::parse(base).unwrap().join(reference).unwrap().to_string()
    }

    #[test]
    fn files_lie_below_their_base() {
        assert_eq!(shown("/srv/repo", "repodata/repomd.xml"), "/srv/repo/repodata/repomd.xml");
        assert_eq!(shown("/srv/repo/", "./Packages//a.rpm"), "/srv/repo/Packages/a.rpm");
        assert_eq!(shown("relative", "a"), "relative/a");
        assert_eq!(shown("http://host/os", "Packages/libstdc++-1~rc1^2.rpm"), "http://host/os/Packages/libstdc++-1~rc1^2.rpm");
        assert_eq!(shown("http://host/os/", "a b#?.rpm"), "http://host/os/a%20b%23%3F.rpm");
        assert_eq!(shown("http://host", "a%2Bb"), "http://host/a%2Bb");
        assert_eq!(shown("https://host/os?token=1", "a"), "https://host/os/a?***");
        let Location::Url(url) = Location::parse("https://host/os?token=1").unwrap().join("a").unwrap() else { panic!() };
        assert_eq!(url.as_str(), "https://host/os/a?token=1");
    }

    #[test]
    fn file_urls_are_paths_with_their_percent_signs_decoded() {
        assert_eq!(Location::parse("file:///srv/a%20b").unwrap(), Location::Path("/srv/a b".into()));
        assert_eq!(Location::parse("file:/srv").unwrap(), Location::Path("/srv".into()));
        assert_eq!(Location::parse("file://localhost/srv").unwrap(), Location::Path("/srv".into()));
        assert!(matches!(Location::parse("file://elsewhere/srv"), Err(LocationError::Url { .. })));
    }

    #[test]
    fn other_schemes_and_nothing_are_refused() {
        assert_eq!(Location::parse(""), Err(LocationError::Empty));
        assert!(matches!(Location::parse("ftp://host/os"), Err(LocationError::Scheme { scheme, .. }) if scheme == "ftp"));
        assert!(matches!(Location::parse("http://"), Err(LocationError::Url { .. })));
        assert_eq!(Location::parse("c:dir").unwrap(), Location::Path("c:dir".into()));
    }

    #[test]
    fn a_password_is_not_shown() {
        let location = Location::parse("https://me:secret@host/os").unwrap();
        assert_eq!(location.to_string(), "https://me:***@host/os");
        assert_eq!(location.host(), "host");
        assert_eq!(Location::parse("https://token@host/os?key=secret").unwrap().to_string(), "https://***@host/os?***");
        for text in ["http://me:secret@ho st/", "ftp://me:secret@host/a?secret", "http://me:secret@host:secret99/"] {
            let said = Location::parse(text).unwrap_err().to_string();
            assert!(!said.contains("me:secret") && !said.contains("?secret"), "{said}");
        }
    }

    #[test]
    fn whole_urls_come_from_xml_base_only() {
        let remote = Location::parse("http://host/os").unwrap();
        let local = Location::parse("/srv").unwrap();
        assert_eq!(remote.resolve("https://other/x.rpm").unwrap().to_string(), "https://other/x.rpm");
        assert_eq!(local.resolve("https://other/x.rpm").unwrap().to_string(), "https://other/x.rpm");
        assert_eq!(local.resolve("file:///media/x.rpm").unwrap().to_string(), "/media/x.rpm");
        assert!(matches!(remote.resolve("file:///etc/passwd"), Err(LocationError::Escapes { .. })));
        assert!(matches!(remote.resolve("../x.rpm"), Err(LocationError::Escapes { .. })));
        assert!(matches!(remote.join("https://other/x.rpm"), Err(LocationError::Escapes { .. })));
    }

    proptest! {
        #[test]
        fn no_name_leads_out(parts in proptest::collection::vec(r"\.\.|\.|%2e%2E|\.%2e|a|/|\\|%2f|file:|[ -~]{1,4}", 0..6)) {
            let reference = parts.join("/");
            for base in ["/srv/repo", "http://host/srv/repo"] {
                let base = Location::parse(base).unwrap();
                match base.join(&reference) {
                    Ok(Location::Path(path)) => {
                        prop_assert!(path.starts_with("/srv/repo"));
                        prop_assert!(path.components().all(|part| part != std::path::Component::ParentDir));
                    }
                    Ok(Location::Url(url)) => {
                        prop_assert_eq!(url.host_str(), Some("host"));
                        prop_assert!(url.path().starts_with("/srv/repo/"), "{}", url);
                        prop_assert!(url.query().is_none() && url.fragment().is_none());
                    }
                    Err(error) => {
                        let refused = matches!(error, LocationError::Escapes { .. });
                        prop_assert!(refused);
                    }
                }
            }
        }
    }
}
