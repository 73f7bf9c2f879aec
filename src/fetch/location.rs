//! Locations of files: a local path or an http(s) URL, and the names of files below it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use reqwest::Url;

use super::netrc::Login;

/// An error that makes a text no valid location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The text is empty.
    #[error("the location is empty")]
    Empty,
    /// The scheme is neither `http`, `https` nor `file`.
    #[error("`{location}`: `{scheme}:` is not supported; give a directory, file://, http:// or https://")]
    Scheme {
        /// The given text.
        location: String,
        /// The scheme.
        scheme: String,
    },
    /// The text is not a URL.
    #[error("`{location}` is not a URL: {reason}")]
    Url {
        /// The given text.
        location: String,
        /// The reason.
        reason: String,
    },
    /// A name in metadata leads out of the directory that the user named.
    #[error("`{}` leads out of the directory {}", .reference.escape_debug(), .directory.display())]
    Escapes {
        /// The directory.
        directory: PathBuf,
        /// The name.
        reference: String,
    },
    /// Metadata from a server name a local file.
    #[error("`{}` is a file of this machine, which {base} may not name", .reference.escape_debug())]
    Local {
        /// The repository.
        base: Box<Location>,
        /// The name.
        reference: String,
    },
    /// No file can have this name.
    #[error("`{}` is not the name of a file", .reference.escape_debug())]
    NoFile {
        /// The name.
        reference: String,
    },
}

/// A file or a directory: a local path or a URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A local path.
    Path(PathBuf),
    /// An http or https URL.
    Url(Url),
}

impl Location {
    /// Parses a location from the user or a configuration file: a URL, or else a path.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let Some(scheme) = scheme(text) else {
            return if text.is_empty() { Err(LocationError::Empty) } else { Ok(Self::Path(text.into())) };
        };
        let wrong = |reason: String| LocationError::Url { location: without_secrets(text), reason };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Url::parse(text).map(Self::Url).map_err(|error| wrong(error.to_string())),
            "file" => {
                let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
                // `to_file_path` decodes percent-encoded bytes and refuses URLs with another
                // machine's name.
                let path = url.to_file_path().map_err(|()| wrong("it names no path of this machine".to_owned()))?;
                Ok(Self::Path(path))
            }
            scheme => Err(LocationError::Scheme { location: without_secrets(text), scheme: scheme.to_owned() }),
        }
    }

    /// Returns the file that `name`, a path below this directory, refers to.
    ///
    /// A name is a path, not a URL. Below a URL its bytes are percent-encoded, including `%`; in a
    /// local directory they are used unchanged. A leading `/` refers to this directory (librepo's
    /// `lr_pathconcat`). `..` may go up to the server's root in a URL, but never above this
    /// directory in a local path.
    pub fn join(&self, name: &str) -> Result<Self, LocationError> {
        self.join_within(name, &[])
    }

    /// Joins a name like [`join`](Self::join). In a local path, `..` may go up within those of
    /// `directories` that contain this directory.
    fn join_within(&self, name: &str, directories: &[PathBuf]) -> Result<Self, LocationError> {
        let is_file = |name: &str| !name.contains('\0') && !matches!(name.rsplit('/').next(), Some("" | "." | "..") | None);
        let relative = name.trim_matches('/');
        if !is_file(relative) {
            return Err(LocationError::NoFile { reference: name.to_owned() });
        }
        match self {
            Self::Path(base) => {
                let path = normalized(&base.join(relative));
                let base = normalized(base);
                let mut allowed = directories.iter().map(|directory| normalized(directory));
                let widest = allowed.find(|directory| is_below(&base, directory)).unwrap_or(base);
                if path != widest && is_below(&path, &widest) {
                    Ok(Self::Path(path))
                } else {
                    Err(LocationError::Escapes { directory: widest, reference: name.to_owned() })
                }
            }
            Self::Url(base) => {
                // The query of a base (for example a token) belongs to each file below it, as in
                // librepo's `lr_pathconcat`.
                let mut url = base.clone();
                // `set_path` resolves `..` (RFC 3986, 5.2.4), so that each server receives the same
                // path.
                url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), escaped(relative)));
                Ok(Self::Url(url))
            }
        }
    }

    /// Returns the file that a repository's metadata refer to by `reference`: a name below this
    /// directory, or a whole URL (as `xml:base` makes it). Fails if a repository behind a URL names
    /// a local file.
    pub fn resolve(&self, reference: &str) -> Result<Self, LocationError> {
        self.resolve_within(reference, &[])
    }

    /// Resolves a name like [`resolve`](Self::resolve). In a local path, `..` may go up within
    /// those of `directories` that contain this directory.
    pub fn resolve_within(&self, reference: &str, directories: &[PathBuf]) -> Result<Self, LocationError> {
        if scheme(reference).is_none() {
            return self.join_within(reference, directories);
        }
        match (Self::parse(reference)?, self) {
            (Self::Path(_), Self::Url(_)) => {
                Err(LocationError::Local { base: Box::new(self.clone()), reference: reference.to_owned() })
            }
            (location, _) => Ok(location),
        }
    }

    /// Returns the same location with the login in the URL. A local path and a URL that already
    /// contains a login stay unchanged.
    #[must_use]
    pub fn with_login(self, login: Option<&Login>) -> Self {
        match (self, login) {
            (Self::Url(mut url), Some(login)) if url.username().is_empty() && url.password().is_none() => {
                // These calls fail only for URLs that cannot have such parts. A percent sign in a
                // login is literal, so it is escaped.
                let escaped = |text: &str| text.replace('%', "%25");
                let _ = url.set_username(&escaped(&login.name));
                let password = Some(escaped(&login.password)).filter(|password| !password.is_empty());
                let _ = url.set_password(password.as_deref());
                Self::Url(url)
            }
            (place, _) => place,
        }
    }

    /// Reports whether the file must be downloaded.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Url(_))
    }

    /// Returns the path of a local location.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Url(_) => None,
        }
    }

    /// Returns the name of the server for messages: the host and port, or the path.
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

/// Displays the location without secrets of a URL: a password, a name without a password (often a
/// token), and a query.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => {
                let mut shown = url.clone();
                // These calls fail only for URLs that cannot have such parts.
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

/// Returns an invalid URL without the parts that may contain secrets.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority.to_owned(), |(_, host)| format!("***@{host}"));
    let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?***"));
    if scheme.is_empty() { text.to_owned() } else { format!("{scheme}://{host}{path}") }
}

/// Returns the scheme of a text that has one: letters, then `://` (or `file:/`). A drive letter or
/// a name with a colon has no scheme.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    (is_scheme && (rest.starts_with("//") || (scheme.eq_ignore_ascii_case("file") && rest.starts_with('/')))).then_some(scheme)
}

/// Returns the reference to the file `name` below `base`, an `xml:base`: a URL, or a directory
/// below the repository.
pub fn below_base(base: &str, name: &str) -> String {
    match scheme(base) {
        _ if base.is_empty() => name.to_owned(),
        Some(_) => format!("{}/{}", base.trim_end_matches('/'), escaped(name.trim_start_matches('/'))),
        None => format!("{}/{}", base.trim_end_matches('/'), name.trim_start_matches('/')),
    }
}

/// Percent-encodes every byte of a path for a URL, except the unreserved ones (RFC 3986, 2.3) and
/// `/`.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Returns whether a normalized path is a directory or lies below it.
fn is_below(path: &Path, directory: &Path) -> bool {
    // The remainder below a relative directory must not begin with `..`, which leads out of it.
    path.strip_prefix(directory).is_ok_and(|rest| !rest.starts_with(".."))
}

/// Returns a path without `.`, and without each `..` that follows a name. Symbolic links are not
/// resolved.
fn normalized(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(result.components().next_back(), Some(Component::Normal(_))) => {
                result.pop();
            }
            Component::ParentDir if result.has_root() => {}
            part => result.push(part),
        }
    }
    result
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
        assert_eq!(
            shown("http://host/os", "Packages/libstdc++-1~rc1^2.rpm"),
            "http://host/os/Packages/libstdc%2B%2B-1~rc1%5E2.rpm"
        );
        assert_eq!(shown("http://host/a+b%20c", "a b+c.rpm"), "http://host/a+b%20c/a%20b%2Bc.rpm", "a base is a URL");
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
    fn a_name_is_a_path_and_not_a_url() {
        let name = "p/+^%#?\\|';:[]&= @!$(),*\"<>`{}é%2e%2E.rpm";
        let escaped =
            "p/%2B%5E%25%23%3F%5C%7C%27%3B%3A%5B%5D%26%3D%20%40%21%24%28%29%2C%2A%22%3C%3E%60%7B%7D%C3%A9%252e%252E.rpm";
        assert_eq!(shown("http://host/os", name), format!("http://host/os/{escaped}"));
        assert_eq!(shown("/srv/os", name), format!("/srv/os/{name}"));
        assert_eq!(shown("http://host/os", "a//b"), "http://host/os/a//b", "an object store tells them apart");
        let base = |base: &str, name: &str| Location::parse("http://host/os").unwrap().resolve(&below_base(base, name)).unwrap();
        assert_eq!(base("https://other/a%20b/", name).to_string(), format!("https://other/a%20b/{escaped}"));
        assert_eq!(base("https://other/a", "/x+y").to_string(), "https://other/a/x%2By");
        assert_eq!(base("https://other/a", "../b/x").to_string(), "https://other/b/x");
        assert_eq!(base("more/", "x+y").to_string(), "http://host/os/more/x%2By");
        let local = Location::parse("/srv").unwrap();
        assert_eq!(local.resolve(&below_base("file:///media/a%20b", name)).unwrap().to_string(), format!("/media/a b/{name}"));
    }

    #[test]
    fn a_leading_slash_joins_below_the_base() {
        for base in ["/srv/repo", "http://host/repo"] {
            for name in ["/pool/x", "//pool/x", "pool/x", "./pool/x"] {
                assert_eq!(shown(base, name), format!("{base}/pool/x"));
            }
        }
    }

    #[test]
    fn names_go_up_to_the_root_of_a_server_and_within_the_directory_that_was_named() {
        assert_eq!(shown("https://host:8443/core/m/x86_64?t", "../../blobs/a+b"), "https://host:8443/core/blobs/a%2Bb?***");
        assert_eq!(shown("https://host/core", "../../../../blobs/x"), "https://host/blobs/x");
        assert_eq!(shown("/srv/repo", "a/../b"), "/srv/repo/b");
        let repository = Location::parse("/srv/mirror/9/os").unwrap();
        let said = |name: &str| repository.join(name).unwrap_err().to_string();
        assert_eq!(said("../b"), "`../b` leads out of the directory /srv/mirror/9/os");
        assert_eq!(said("../os/../../x"), "`../os/../../x` leads out of the directory /srv/mirror/9/os");
        let mirror = [PathBuf::from("/elsewhere"), PathBuf::from("/srv/./mirror")];
        let within = |name: &str| repository.resolve_within(name, &mirror).map(|found| found.to_string());
        assert_eq!(within("../../blobs/x").unwrap(), "/srv/mirror/blobs/x");
        assert!(
            matches!(within("../../../x"), Err(LocationError::Escapes { directory, .. }) if directory == Path::new("/srv/mirror"))
        );
        let relative = Location::parse("../repo").unwrap();
        assert_eq!(relative.join("x").unwrap().to_string(), "../repo/x");
        assert!(relative.join("../x").is_err());
        for base in [".", "..", "../.."] {
            assert!(Location::parse(base).unwrap().join("../x").is_err(), "{base}");
        }
        for name in ["", "/", ".", "..", "a/..", "a/.", "a\0b"] {
            assert!(matches!(repository.join(name), Err(LocationError::NoFile { .. })), "{name}");
        }
    }

    #[test]
    fn whole_urls_are_taken_but_for_files_of_this_machine() {
        let remote = Location::parse("http://host/os").unwrap();
        let local = Location::parse("/srv").unwrap();
        assert_eq!(remote.resolve("https://other/x.rpm").unwrap().to_string(), "https://other/x.rpm");
        assert_eq!(local.resolve("https://other/x.rpm").unwrap().to_string(), "https://other/x.rpm");
        assert_eq!(local.resolve("file:///media/x.rpm").unwrap().to_string(), "/media/x.rpm");
        assert!(matches!(remote.resolve("file:///etc/passwd"), Err(LocationError::Local { .. })));
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
                        prop_assert_eq!(url.origin().ascii_serialization(), "http://host");
                        prop_assert!(url.path().split('/').all(|part| part != ".."), "{}", url);
                        prop_assert!(url.query().is_none() && url.fragment().is_none());
                    }
                    Err(error) => {
                        let refused = matches!(error, LocationError::Escapes { .. } | LocationError::NoFile { .. });
                        prop_assert!(refused);
                    }
                }
            }
        }
    }
}
