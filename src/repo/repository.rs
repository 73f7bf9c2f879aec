//! A configured repository: its name, its locations, and its priority.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::Mirrors;
use crate::catalog::Key;
use crate::ecosystem::Variables;
use crate::fetch::{Location, LocationError, Login, Route, RouteError, RouteSettings, decoded};

/// The default priority of a repository, as in dnf.
pub const DEFAULT_PRIORITY: i32 = 99;

/// The default cost of a repository, as in dnf.
pub(super) const DEFAULT_COST: i32 = 1000;

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The unique name: `baseos`.
    pub name: String,
    /// The bases of the repository: one base and its mirrors, the best first.
    pub bases: Vec<Location>,
    /// Lists of mirrors, which come after the bases.
    pub mirrors: Mirrors,
    /// Further bases, used only for files that no base delivers.
    pub spare_bases: Vec<Location>,
    /// Directories that the user named and that contain bases. A name in metadata may lead up to
    /// such a directory (`..`), but not above it.
    pub directories: Vec<PathBuf>,
    /// The priority. A lower number is preferred.
    pub priority: i32,
    /// The tag of apk, without the `@`.
    pub tag: Option<String>,
    /// True if the repository is skipped when no mirror has it.
    pub optional: bool,
    /// True if modules hide none of its packages (dnf's `module_hotfixes`).
    pub module_hotfixes: bool,
    /// The keys whose packages and metadata are accepted; `None` accepts the keys of the request.
    pub keys: Option<Vec<Key>>,
    /// True if the root document must be signed (dnf's `repo_gpgcheck`).
    pub signed: bool,
    /// Patterns of hidden packages (dnf's `excludepkgs`).
    pub exclude: Vec<String>,
    /// Patterns of visible packages (dnf's `includepkgs`). Without any, all packages are visible.
    pub only: Vec<String>,
    /// True if metadata older than those of an earlier run are accepted.
    pub allow_older: bool,
    /// The maximum age of metadata.
    pub max_age: Option<Duration>,
    /// The distribution's interval for new metadata. Older ones are accepted with a warning.
    pub promised_age: Option<Duration>,
    /// True if metadata with weak or missing checksums are accepted.
    pub weak_checksums: bool,
    /// The cost (dnf's `cost`). Among repositories of the same priority with the same package, the
    /// lowest cost is preferred.
    pub cost: i32,
    /// True if its groups are visible (dnf's `enablegroups`).
    pub groups: bool,
    /// The values of variables in its lists of mirrors.
    pub variables: Arc<Variables>,
    /// The login for its bases and mirrors. It is not sent to other servers that the metadata name.
    pub login: Option<Login>,
    /// The access settings of its servers, if they differ from those of the run.
    pub route: Option<Arc<Route>>,
    /// The locations of its keys, which are not trusted yet.
    pub key_locations: Vec<Location>,
}

/// An error in a repository's description.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no name before the equals sign.
    #[error("`{given}` has no name: give NAME=URL or NAME=DIRECTORY")]
    NoName {
        /// The given text.
        given: String,
    },
    /// A name contains invalid characters.
    #[error("`{name}` cannot be a repository's name: it may hold letters, digits and `-_.:+`")]
    Name {
        /// The name.
        name: String,
    },
    /// An unknown option.
    #[error(
        "repository {name}: `{option}` is not an option; there are base=URL, mirrors=URL, priority=NUMBER, tag=NAME, module_hotfixes=1, repo_gpgcheck=1, skip_if_unavailable=1, excludepkgs=GLOB, includepkgs=GLOB, cost=NUMBER, enablegroups=0, gpgkey=URL, username=NAME, password=WORD, proxy=URL, sslcacert=FILE, sslclientcert=FILE, sslclientkey=FILE, timeout=SECONDS, minrate=BYTES, retries=NUMBER, metadata_expire=SECONDS, ip_resolve=4 and user_agent=TEXT"
    )]
    Option {
        /// The repository.
        name: String,
        /// The option.
        option: String,
    },
    /// A priority that is not a number.
    #[error("repository {name}: the priority `{priority}` is not a number")]
    Priority {
        /// The repository.
        name: String,
        /// The priority.
        priority: String,
    },
    /// A value that is not a number, or that the option does not allow.
    #[error("repository {name}: `{option}` has no such value")]
    Value {
        /// The repository.
        name: String,
        /// The option with its value.
        option: String,
    },
    /// The access settings are unusable.
    #[error("repository {name}: {error}")]
    Route {
        /// The repository.
        name: String,
        /// The error.
        error: Arc<RouteError>,
    },
    /// A switch that is neither on nor off.
    #[error("repository {name}: `{value}` is neither 1 nor 0")]
    Switch {
        /// The repository.
        name: String,
        /// The value.
        value: String,
    },
    /// A tag without a name.
    #[error("repository {name}: the tag has no name")]
    Tag {
        /// The repository.
        name: String,
    },
    /// The location is invalid.
    #[error("repository {name}: {error}")]
    Location {
        /// The repository.
        name: String,
        /// The error.
        error: LocationError,
    },
}

/// Parses the value of an option of a repository.
fn number<N: FromStr>(name: &str, option: &str, value: &str) -> Result<N, RepositoryError> {
    value.parse().map_err(|_| RepositoryError::Value { name: name.to_owned(), option: option.to_owned() })
}

impl Repository {
    /// Returns a repository with one base, the default priority, and no tag.
    pub fn new(name: impl Into<String>, base: Location) -> Self {
        Self {
            name: name.into(),
            bases: vec![base],
            mirrors: Mirrors::default(),
            spare_bases: Vec::new(),
            directories: Vec::new(),
            priority: DEFAULT_PRIORITY,
            tag: None,
            optional: false,
            module_hotfixes: false,
            keys: None,
            signed: false,
            exclude: Vec::new(),
            only: Vec::new(),
            allow_older: false,
            max_age: None,
            promised_age: None,
            weak_checksums: false,
            cost: DEFAULT_COST,
            groups: true,
            variables: Arc::default(),
            login: None,
            route: None,
            key_locations: Vec::new(),
        }
    }

    /// Parses a repository in this form:
    ///
    /// ```text
    /// NAME=URL|DIRECTORY[,base=URL]…[,mirrors=URL]…[,priority=NUMBER][,tag=TAG]
    /// [,module_hotfixes=1][,repo_gpgcheck=1][,skip_if_unavailable=1]
    /// [,excludepkgs=GLOB]…[,includepkgs=GLOB]…
    /// ```
    ///
    /// [`RepositoryError::Option`] lists further options. In place of the first URL, `metalink:URL`
    /// and `mirrorlist:URL` name a list of mirrors.
    pub fn parse(given: &str) -> Result<Self, RepositoryError> {
        let Some((name, mut place)) = given.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(RepositoryError::NoName { given: given.to_owned() });
        };
        if !name.chars().all(|c| c.is_alphanumeric() || "-_.:+".contains(c)) {
            return Err(RepositoryError::Name { name: name.to_owned() });
        }
        let (mut priority, mut tag, mut module_hotfixes, mut signed) = (DEFAULT_PRIORITY, None, false, false);
        let (mut more, mut lists, mut optional) = (Vec::new(), Vec::new(), false);
        let (mut exclude, mut only) = (Vec::new(), Vec::new());
        let (mut cost, mut groups, mut key_locations) = (DEFAULT_COST, true, Vec::new());
        let (mut login, mut settings) = (Login { name: String::new(), password: String::new() }, RouteSettings::default());
        let location =
            |place: &str| Location::parse(place).map_err(|error| RepositoryError::Location { name: name.to_owned(), error });
        let switch = |value: &str| match value {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" => Ok(false),
            _ => Err(RepositoryError::Switch { name: name.to_owned(), value: value.to_owned() }),
        };
        // Options are parsed from the end, because a path may contain commas. A text that looks
        // like an option is one.
        while let Some((before, option)) = place.rsplit_once(',') {
            let Some((key, value)) =
                option.split_once('=').filter(|(key, _)| key.chars().all(|c| c.is_ascii_alphabetic() || c == '_'))
            else {
                break;
            };
            match key {
                "priority" => {
                    let wrong = |_| RepositoryError::Priority { name: name.to_owned(), priority: value.to_owned() };
                    priority = value.parse().map_err(wrong)?;
                }
                "module_hotfixes" => module_hotfixes = switch(value)?,
                "repo_gpgcheck" => signed = switch(value)?,
                "skip_if_unavailable" => optional = switch(value)?,
                // The options are read from the end.
                "base" => more.insert(0, location(value)?),
                "mirrors" => lists.insert(0, location(value)?),
                "excludepkgs" => exclude.insert(0, value.to_owned()),
                "includepkgs" => only.insert(0, value.to_owned()),
                "tag" => match value.strip_prefix('@').unwrap_or(value) {
                    "" => return Err(RepositoryError::Tag { name: name.to_owned() }),
                    value => tag = Some(value.to_owned()),
                },
                "cost" => cost = number(name, option, value)?,
                "enablegroups" => groups = switch(value)?,
                "gpgkey" => key_locations.insert(0, location(value)?),
                "username" => login.name = decoded(value),
                "password" => login.password = decoded(value),
                "proxy" => settings.proxy = Some(value.to_owned()),
                "sslcacert" => settings.ca_file = Some(decoded(value).into()),
                "sslclientcert" => settings.certificate_file = Some(decoded(value).into()),
                "sslclientkey" => settings.key_file = Some(decoded(value).into()),
                "timeout" => settings.timeout = Some(Duration::from_secs(number(name, option, value)?)),
                "minrate" => settings.minimum_rate = Some(number(name, option, value)?),
                "retries" => settings.retries = Some(number(name, option, value)?),
                "metadata_expire" => {
                    let never = matches!(value, "-1" | "never");
                    settings.expire = Some(if never { Duration::MAX } else { Duration::from_secs(number(name, option, value)?) });
                }
                "ip_resolve" => settings.ip_version = Some(number(name, option, value)?),
                "user_agent" => settings.user_agent = Some(decoded(value)),
                _ => return Err(RepositoryError::Option { name: name.to_owned(), option: option.to_owned() }),
            }
            place = before;
        }
        let mut bases = Vec::new();
        match place.strip_prefix("metalink:").or_else(|| place.strip_prefix("mirrorlist:")) {
            Some(list) => lists.insert(0, location(list)?),
            // A repository with lists of mirrors needs no base.
            None if place.is_empty() && !lists.is_empty() => {}
            None => bases.push(location(place)?),
        }
        bases.append(&mut more);
        let login = Some(login).filter(|login| !login.name.is_empty());
        let for_us = |places: Vec<Location>| places.into_iter().map(|place| place.with_login(login.as_ref())).collect();
        let (bases, mirrors) = (for_us(bases), Mirrors::of(for_us(lists)));
        let route = (settings != RouteSettings::default()).then(|| Route::open(settings)).transpose();
        let route = route.map_err(|error| RepositoryError::Route { name: name.to_owned(), error: Arc::new(error) })?;
        let plain = Self::new(name, Location::Path(place.into()));
        let route = route.map(Arc::new);
        let plain = Self { cost, groups, login, route, key_locations, ..plain };
        Ok(Self { bases, mirrors, priority, tag, optional, module_hotfixes, signed, exclude, only, ..plain })
    }

    /// Returns the bases and the mirrors that were found.
    pub fn all_bases(&self) -> impl Iterator<Item = &Location> {
        self.bases.iter().chain(self.mirrors.bases())
    }

    /// Reports whether the repository needs the network.
    pub fn is_remote(&self) -> bool {
        !self.mirrors.lists.is_empty() || self.bases.iter().any(Location::is_remote)
    }

    /// Returns the identity of the repository across runs: its name and its first location.
    pub fn identity(&self) -> String {
        let place = self.bases.first().or(self.mirrors.lists.first()).map(|base| match base {
            // A relative path means another location in another working directory.
            Location::Path(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            // The identity does not depend on the login.
            Location::Url(url) if self.login.is_some() => without_login(url),
            Location::Url(url) => url.to_string(),
        });
        format!("{}={}", self.name, place.unwrap_or_default().trim_end_matches('/'))
    }

    /// Returns the locations of a file that the metadata name: one below each base.
    pub fn locations(&self, reference: &str) -> Result<Vec<Location>, LocationError> {
        self.below(self.all_bases(), reference)
    }

    /// Returns the fallback locations of a file: one below each spare base.
    pub fn fallbacks(&self, reference: &str) -> Result<Vec<Location>, LocationError> {
        self.below(self.spare_bases.iter(), reference)
    }

    fn below<'b>(&self, bases: impl Iterator<Item = &'b Location>, reference: &str) -> Result<Vec<Location>, LocationError> {
        let mut locations = Vec::with_capacity(bases.size_hint().0);
        for base in bases {
            let location = base.resolve_within(reference, &self.directories)?;
            // A whole URL is the same for each base.
            if !locations.contains(&location) {
                locations.push(location);
            }
        }
        Ok(locations)
    }
}

/// Returns the text of a repository, as [`Repository::parse`] reads it, with all its locations
/// mapped.
pub fn map_places(given: &str, map: &dyn Fn(&str) -> String) -> String {
    let Some((name, mut place)) = given.split_once('=') else { return given.to_owned() };
    let mut options = Vec::new();
    while let Some((before, option)) = place.rsplit_once(',') {
        let Some((key, value)) =
            option.split_once('=').filter(|(key, _)| key.chars().all(|c| c.is_ascii_alphabetic() || c == '_'))
        else {
            break;
        };
        options.push(match key {
            "base" | "mirrors" => format!(",{key}={}", map(value)),
            _ => format!(",{option}"),
        });
        place = before;
    }
    let list = ["metalink:", "mirrorlist:"].into_iter().find_map(|kind| Some((kind, place.strip_prefix(kind)?)));
    let place = match list {
        Some((kind, list)) => format!("{kind}{}", map(list)),
        None if place.is_empty() => String::new(),
        None => map(place),
    };
    options.reverse();
    format!("{name}={place}{}", options.concat())
}

fn without_login(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    // These calls fail only for URLs that cannot have such parts.
    let _ = (url.set_username(""), url.set_password(None));
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(given: &str) -> String {
        match Repository::parse(given) {
            Ok(Repository { name, bases, priority, tag, .. }) => format!("{name} {bases:?} {priority} {tag:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_name_a_place_and_options() {
        assert_eq!(shown("base=/srv/base"), "base [/srv/base] 99 None");
        assert_eq!(shown("edge=http://host/a=b,priority=-5,tag=@edge"), "edge [http://host/a=b] -5 Some(\"edge\")");
        assert_eq!(shown("a=dir,with,commas,tag=t"), "a [dir,with,commas] 99 Some(\"t\")");
        assert_eq!(shown("a=file:///srv/x%20y"), "a [/srv/x y] 99 None");
        assert_eq!(
            shown("a=http://one/,base=http://two/x,base=/three,priority=1"),
            "a [http://one/, http://two/x, /three] 1 None"
        );
        let lists = |given: &str| {
            Repository::parse(given).map(|repository| format!("{:?} {:?}", repository.bases, repository.mirrors.lists))
        };
        assert_eq!(lists("a=metalink:https://m/?repo=a&arch=b,mirrors=/list").unwrap(), "[] [https://m/?***, /list]");
        assert_eq!(lists("a=http://one,mirrors=http://m").unwrap(), "[http://one/] [http://m/]");
        assert_eq!(lists("a=,mirrors=http://m").unwrap(), "[] [http://m/]");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(shown("/srv/base"), "`/srv/base` has no name: give NAME=URL or NAME=DIRECTORY");
        assert!(shown("=x").contains("has no name"));
        assert!(shown("a/b=x").contains("`a/b` cannot be a repository's name"));
        assert!(shown("a=x,prio=3").contains("`prio=3` is not an option"));
        assert!(shown("a=x,priority=high").contains("`high` is not a number"));
        assert!(shown("a=x,tag=").contains("the tag has no name"));
        assert!(shown("a=").contains("the location is empty"));
        assert!(shown("a=ftp://host").contains("`ftp:` is not supported"));
    }

    #[test]
    fn files_may_be_below_every_base() {
        let mirrors = ["http://one/os", "http://two/os/"].map(|base| Location::parse(base).unwrap());
        let repository = Repository { bases: mirrors.to_vec(), ..Repository::new("a", mirrors[0].clone()) };
        let locations = |reference: &str| repository.locations(reference).map(|all| format!("{all:?}"));
        assert_eq!(locations("p/a.rpm").unwrap(), "[http://one/os/p/a.rpm, http://two/os/p/a.rpm]");
        assert_eq!(locations("http://three/a.rpm").unwrap(), "[http://three/a.rpm]");
        assert_eq!(locations("../a.rpm").unwrap(), "[http://one/a.rpm, http://two/a.rpm]");
        let local = Repository::new("a", Location::parse("/srv/9/os").unwrap());
        assert!(local.locations("../a.rpm").is_err());
        let mirror = Repository { directories: vec!["/srv".into()], ..local };
        assert_eq!(mirror.locations("../../a.rpm").unwrap(), [Location::Path("/srv/a.rpm".into())]);
        assert!(mirror.locations("../../../a.rpm").is_err());
    }
}
