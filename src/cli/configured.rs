//! Configuration files of package managers in place of `--repo NAME=URL`. They are translated to
//! the equivalent `--repo` and `--key` options.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::arguments::RequestArguments;
use super::failure::Failure;
use super::packaging::{self, Completed, Configured, configures, run_with};
use super::request::machine;
use crate::catalog::Packaging;
use crate::ecosystem::{ConfiguredRepository, Variables};
use crate::fetch::RouteSettings;

/// Reports whether a value of `--repo` names a file.
fn is_file(text: &str) -> bool {
    !text.contains('=') && Path::new(text).exists()
}

/// Reports whether a value of `--repo` is a file that configures repositories of a packaging, or a
/// directory of such files.
pub(super) fn is_of(packaging: Packaging, text: &str) -> bool {
    is_file(text) && files(Path::new(text), packaging).is_ok_and(|files| files.iter().all(|file| configures(packaging, file)))
}

/// Returns the arguments with configuration files replaced by their content.
pub(super) fn configured(arguments: &RequestArguments) -> Result<Cow<'_, RequestArguments>, Failure> {
    if !arguments.repo.iter().any(|text| is_file(text)) {
        return Ok(Cow::Borrowed(arguments));
    }
    let kind = packaging::packaging(arguments);
    let variables = variables(arguments, kind, &arguments.arch.clone().unwrap_or_else(machine))?;
    let mut all = RequestArguments { repo: Vec::new(), ..arguments.clone() };
    for text in &arguments.repo {
        if !is_file(text) {
            all.repo.push(text.clone());
            continue;
        }
        for path in files(Path::new(text), kind)? {
            let file = path.display();
            let content = fs::read_to_string(&path).map_err(|error| Failure::failed(format!("cannot read {file}: {error}")))?;
            let found = run_with(kind, Configured { text: &content, variables: &variables });
            for repository in found.map_err(|error| Failure::failed(format!("{file}, {error}")))? {
                let name = name_of(&repository.name, &all.repo);
                all.key.extend(keys(&repository, &name, &mut all.notes));
                all.notes.extend(repository.warnings.iter().map(|warning| format!("{file}, [{}]: {warning}", repository.name)));
                all.repo.push(option(&repository, &name).map_err(|failure| failure.detail(format!("in {file}")))?);
            }
        }
    }
    Ok(Cow::Owned(all))
}

/// Returns the values of variables: the architecture, the release, the environment variables that
/// dnf also reads, and the values given by the user.
pub(super) fn variables(arguments: &RequestArguments, kind: Packaging, arch: &str) -> Result<Variables, Failure> {
    let mut variables = Variables::default();
    for (name, value) in std::env::vars() {
        let is_word = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match name.strip_prefix("DNF_VAR_") {
            Some(name) if is_word(name) => variables.set(name, value),
            // The numbered variables of older versions (`DNF0` to `DNF9`).
            None if name.len() == 4 && name.starts_with("DNF") && name.ends_with(|c: char| c.is_ascii_digit()) => {
                variables.set(name, value);
            }
            _ => {}
        }
    }
    variables.set("arch", arch);
    if let Some(release) = &arguments.release {
        variables.set("releasever", release);
    }
    for text in &arguments.repo_var {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("--repo-var {text}: give NAME=VALUE")));
        };
        variables.set(name, value);
    }
    Ok(run_with(kind, Completed(variables)))
}

/// Returns the file, or the files of a directory that configure repositories, sorted by name.
fn files(path: &Path, packaging: Packaging) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| configures(packaging, path));
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("`{}` has no name, and no file in it names repositories", path.display()))
            .hint("a repository is NAME=URL or NAME=DIRECTORY"));
    }
    Ok(found)
}

/// Returns a valid name for a repository. apk's repositories have no names, so their location is
/// used.
fn name_of(name: &str, others: &[String]) -> String {
    let place = name.split_once("://").map_or(name, |(_, rest)| rest);
    let allowed = |c: char| if c.is_alphanumeric() || "-_.:+".contains(c) { c } else { '-' };
    let name: String = place.trim_matches('/').chars().map(allowed).collect();
    let is_taken = |name: &str| others.iter().any(|other| other.split('=').next() == Some(name));
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
}

/// Returns the keys that are local files, each limited to the repository. Adds a note for each
/// missing key.
fn keys(repository: &ConfiguredRepository, name: &str, notes: &mut Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    for key in repository.keys.iter().filter(|key| !is_url(key)) {
        let path = key.strip_prefix("file://").unwrap_or(key);
        if Path::new(path).is_file() {
            found.push(format!("{name}={path}"));
        } else {
            notes.push(format!("the key {key} of {name} is not there"));
        }
    }
    found
}

fn is_url(place: &str) -> bool {
    let start = place.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    start.is_some_and(|scheme| scheme != "file")
}

/// Formats a repository as a value of `--repo`.
fn option(repository: &ConfiguredRepository, name: &str) -> Result<String, Failure> {
    if let Some(variable) = repository.unknown.first() {
        return Err(Failure::usage(format!("{name}: ${variable} has no value")).hint(match variable.as_str() {
            "releasever" => "--release RELEASE".to_owned(),
            _ => format!("--repo-var {variable}=VALUE"),
        }));
    }
    let mut bases = repository.bases.iter().map(|base| written(base));
    let mut text = format!("{name}={}", bases.next().unwrap_or_default());
    for base in bases {
        text += &format!(",base={base}");
    }
    for list in &repository.mirrors {
        text += &format!(",mirrors={}", written(list));
    }
    if let Some(priority) = repository.priority {
        text += &format!(",priority={priority}");
    }
    if let Some(tag) = &repository.tag {
        text += &format!(",tag={tag}");
    }
    let switches = [
        ("module_hotfixes", repository.module_hotfixes),
        ("repo_gpgcheck", repository.signed),
        ("skip_if_unavailable", repository.optional),
    ];
    for (key, _) in switches.into_iter().filter(|(_, on)| *on) {
        text += &format!(",{key}=1");
    }
    for (key, patterns) in [("excludepkgs", &repository.exclude), ("includepkgs", &repository.only)] {
        for pattern in patterns {
            text += &format!(",{key}={pattern}");
        }
    }
    if let Some(cost) = repository.cost {
        text += &format!(",cost={cost}");
    }
    if repository.no_groups {
        text += ",enablegroups=0";
    }
    for key in repository.keys.iter().filter(|key| is_url(key)) {
        text += &format!(",gpgkey={}", written(key));
    }
    if let Some(login) = &repository.login {
        text += &format!(",username={},password={}", escaped(&login.name), escaped(&login.password));
    }
    text += &network_options(&repository.route);
    Ok(text)
}

/// Formats the network settings of a repository as options of `--repo`.
fn network_options(route: &RouteSettings) -> String {
    let path = |path: &PathBuf| escaped(&path.to_string_lossy());
    let seconds = |time: Duration| if time == Duration::MAX { "never".to_owned() } else { time.as_secs().to_string() };
    let options = [
        ("proxy", route.proxy.as_ref().map(|proxy| proxy.replace(',', "%2C"))),
        ("sslcacert", route.ca_file.as_ref().map(path)),
        ("sslclientcert", route.certificate_file.as_ref().map(path)),
        ("sslclientkey", route.key_file.as_ref().map(path)),
        ("timeout", route.timeout.map(|time| time.as_secs().max(1).to_string())),
        ("minrate", route.minimum_rate.map(|rate| rate.to_string())),
        ("retries", route.retries.map(|number| number.to_string())),
        ("metadata_expire", route.expire.map(seconds)),
        ("ip_resolve", route.ip_version.map(|version| version.to_string())),
        ("user_agent", route.user_agent.as_deref().map(escaped)),
    ];
    options.iter().filter_map(|(key, value)| Some(format!(",{key}={}", value.as_ref()?))).collect()
}

/// Escapes the commas and percent signs of a value for `--repo`.
fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace(',', "%2C")
}

/// Formats a location for `--repo`. A comma may begin an option there, so a location with a comma
/// is written as a URL without one.
fn written(place: &str) -> Cow<'_, str> {
    if !place.contains(',') {
        return Cow::Borrowed(place);
    }
    let url = if place.contains("://") {
        place.to_owned()
    } else {
        format!("file://{}", place.replace('%', "%25").replace('#', "%23").replace('?', "%3F"))
    };
    Cow::Owned(url.replace(',', "%2C"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::Repository;

    #[test]
    fn commas_of_a_place_are_no_options() {
        let mirrors = ["https://m/?repo=a&protocol=https,priority=1".to_owned(), "/a b,tag=x#%2C".to_owned()];
        let asked = ConfiguredRepository { mirrors: mirrors.into(), priority: Some(7), ..ConfiguredRepository::default() };
        let read = Repository::parse(&option(&asked, "a").unwrap()).unwrap();
        assert_eq!((read.priority, read.tag.as_deref()), (7, None));
        let lists: Vec<_> = read.mirrors.lists.iter().map(|list| list.path().map(Path::to_path_buf)).collect();
        assert_eq!(lists, [None, Some(PathBuf::from("/a b,tag=x#%2C"))]);
        let bases = vec!["/srv/a,b".to_owned(), "http://b/c,d".to_owned()];
        let asked = ConfiguredRepository { bases, ..ConfiguredRepository::default() };
        let read = Repository::parse(&option(&asked, "a").unwrap()).unwrap();
        assert_eq!(read.bases.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/srv/a,b", "http://b/c%2Cd"]);
    }
}
