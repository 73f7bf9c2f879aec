//! Reader of `.repo` files, which configure repositories for dnf.
//!
//! Input: the text of a file and the values of variables. Output: [`ConfiguredRepository`]s. The
//! rules are those of dnf.conf(5) and libdnf's `ConfigParser`: sections in brackets, `key=value`
//! lines that indented lines may continue, comments on lines that begin with `#` or `;`, lists
//! separated by white space or commas.

use super::network_options::{NetworkOptions, Problem};
use crate::ecosystem::{ConfigurationError, ConfiguredRepository, Variables};

/// Reads the enabled repositories of a file.
pub(super) fn read(text: &str, variables: &Variables) -> Result<Vec<ConfiguredRepository>, ConfigurationError> {
    let mut found = Vec::new();
    for section in sections(text)? {
        // The section [main] is for dnf itself.
        if section.name == "main" {
            continue;
        }
        found.extend(repository(&section, variables)?);
    }
    Ok(found)
}

/// A section: each option with its line number.
struct Section {
    name: String,
    line: usize,
    options: Vec<(usize, String, String)>,
}

fn sections(text: &str) -> Result<Vec<Section>, ConfigurationError> {
    let mut found: Vec<Section> = Vec::new();
    for (line, content) in text.lines().enumerate().map(|(at, content)| (at + 1, content)) {
        let wrong = |what: &str| ConfigurationError { line, what: what.to_owned() };
        if content.trim().is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if content.starts_with([' ', '\t']) {
            let option = found.last_mut().and_then(|section| section.options.last_mut());
            let (_, _, value) = option.ok_or_else(|| wrong("the line goes on with nothing"))?;
            value.push('\n');
            value.push_str(content.trim());
        } else if let Some(rest) = content.strip_prefix('[') {
            let (name, _) = rest.split_once(']').ok_or_else(|| wrong("a section's name has no end"))?;
            found.push(Section { name: name.trim().to_owned(), line, options: Vec::new() });
        } else {
            let (key, value) = content.split_once('=').ok_or_else(|| wrong("neither a section nor KEY=VALUE"))?;
            let section = found.last_mut().ok_or_else(|| wrong("an option outside all sections"))?;
            section.options.push((line, key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

fn repository(section: &Section, variables: &Variables) -> Result<Option<ConfiguredRepository>, ConfigurationError> {
    let name = variables.expand(&section.name).text;
    if name.is_empty() {
        return Err(ConfigurationError { line: section.line, what: "a repository has no name".to_owned() });
    }
    let mut repository = ConfiguredRepository { name, ..ConfiguredRepository::default() };
    let mut enabled = true;
    let mut network = NetworkOptions::default();
    // The error only matters if the repository is used.
    let mut refused = None;
    for (line, key, value) in &section.options {
        let expanded = variables.expand(value);
        let value = expanded.text;
        let wrong = |what: String| ConfigurationError { line: *line, what };
        let switch = || switch(&value).ok_or_else(|| wrong(format!("{key}: `{value}` is neither 1 nor 0")));
        match key.as_str() {
            "enabled" => enabled = switch()?,
            "baseurl" => repository.bases = list(&value),
            "metalink" | "mirrorlist" => repository.mirrors.extend(Some(value.clone()).filter(|value| !value.is_empty())),
            "priority" => {
                let number = value.parse().map_err(|_| wrong(format!("the priority `{value}` is not a number")))?;
                repository.priority = Some(number);
            }
            "cost" => repository.cost = Some(value.parse().map_err(|_| wrong(format!("the cost `{value}` is not a number")))?),
            "module_hotfixes" => repository.module_hotfixes = switch()?,
            "skip_if_unavailable" => repository.optional = switch()?,
            "repo_gpgcheck" => repository.signed = switch()?,
            "gpgkey" => repository.keys = list(&value),
            "excludepkgs" | "exclude" => repository.exclude.extend(list(&value)),
            "includepkgs" => repository.only.extend(list(&value)),
            "enablegroups" => repository.no_groups = !switch()?,
            // Unsigned packages always need --allow-unsigned, whatever a file says.
            "gpgcheck" => drop(switch()?),
            "type" => {
                if !matches!(value.as_str(), "" | "rpm-md" | "rpm" | "repomd" | "rpmmd" | "yum" | "YUM") {
                    refused.get_or_insert(wrong(format!("type={value} is not supported: there is rpm-md")));
                }
            }
            key if DISPLAY_ONLY.contains(&key) => {}
            key if WITHOUT_EFFECT.contains(&key) => {
                if !matches!(value.as_str(), "" | "0") {
                    repository.warnings.push(format!("{key}={value} has no effect here"));
                }
            }
            key => match network.set(key, &value) {
                Ok(true) => {}
                Ok(false) => repository.warnings.push(format!("unknown option: {key}")),
                Err(Problem::Invalid(what)) => return Err(wrong(what)),
                Err(Problem::Refused(what)) => drop(refused.get_or_insert(wrong(what))),
            },
        }
        if matches!(key.as_str(), "baseurl" | "metalink" | "mirrorlist") {
            repository.unknown.extend(expanded.unknown);
        }
    }
    if !enabled {
        return Ok(None);
    }
    if let Some(refused) = refused {
        return Err(refused);
    }
    if repository.bases.is_empty() && repository.mirrors.is_empty() {
        let what = format!("{} has neither baseurl nor mirrorlist nor metalink", repository.name);
        return Err(ConfigurationError { line: section.line, what });
    }
    let finished = network.finish(&mut repository);
    finished.map_err(|what| ConfigurationError { line: section.line, what: format!("{}: {what}", repository.name) })?;
    Ok(Some(repository))
}

/// Options of dnf.conf(5) for dnf's own display, caching or speed. `enabled_metadata` names more
/// kinds of metadata to cache; rootstrap reads each kind when it needs it.
const DISPLAY_ONLY: [&str; 10] = [
    "name",
    "mediaid",
    "cachedir",
    "countme",
    "deltarpm",
    "deltarpm_percentage",
    "enabled_metadata",
    "fastestmirror",
    "max_downloads_per_mirror",
    "max_parallel_downloads",
];

/// Unsupported options that affect neither the servers nor the trusted keys.
const WITHOUT_EFFECT: [&str; 3] = ["bandwidth", "throttle", "protected_packages"];

fn list(value: &str) -> Vec<String> {
    value.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub(super) fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// Returns the architecture name in mirror paths (dnf's `$basearch`, `rpm/__init__.py`).
pub(super) fn base_architecture(arch: &str) -> &str {
    match arch {
        "i386" | "i486" | "i586" | "i686" | "athlon" | "geode" => "i386",
        "amd64" | "ia32e" => "x86_64",
        "armv7hl" | "armv7hnl" | "armv8hl" => "armhfp",
        "armv5tel" | "armv5tejl" | "armv6l" | "armv7l" => "arm",
        "ppc64p7" | "ppc64pseries" | "ppc64iseries" => "ppc64",
        "sh4a" => "sh4",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::from_iter([("releasever", "9"), ("basearch", "x86_64")])
    }

    #[test]
    fn a_file_tells_where_repositories_are_and_how_they_are_judged() {
        let text = "# mine\n[main]\nfastestmirror=1\n\n[base]\nname=Base $releasever - $basearch\nbaseurl = http://a/$releasever/$basearch/os/,\n\
                    \thttp://b/${releasever}/os\n    # no comment\nmetalink=https://m/?repo=base-$releasever&arch=$basearch\ngpgcheck=1\nrepo_gpgcheck=yes\n\
                    gpgkey=file:///etc/pki/a file:///etc/pki/b\npriority=10\nexclude=kernel* vim\nexcludepkgs=nano\nmodule_hotfixes=True\nskip_if_unavailable=on\n\
                    [off]\nenabled=0\n[my-$releasever]\nmirrorlist=http://m/list\ngpgcheck=0\n";
        let found = read(&text.replace("    # no comment\n", ""), &variables()).unwrap();
        let strings = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let base = ConfiguredRepository {
            name: "base".to_owned(),
            bases: strings(&["http://a/9/x86_64/os/", "http://b/9/os"]),
            mirrors: strings(&["https://m/?repo=base-9&arch=x86_64"]),
            priority: Some(10),
            module_hotfixes: true,
            optional: true,
            signed: true,
            keys: strings(&["file:///etc/pki/a", "file:///etc/pki/b"]),
            exclude: strings(&["kernel*", "vim", "nano"]),
            ..ConfiguredRepository::default()
        };
        let mine = ConfiguredRepository {
            name: "my-9".to_owned(),
            mirrors: strings(&["http://m/list"]),
            ..ConfiguredRepository::default()
        };
        assert_eq!(found, [base, mine]);
    }

    #[test]
    fn the_base_architecture_is_dnfs() {
        assert_eq!(
            ["i686", "armv7hl", "x86_64_v2", "aarch64"].map(base_architecture),
            ["i386", "armhfp", "x86_64_v2", "aarch64"]
        );
    }

    #[test]
    fn options_without_effect_and_unknown_ones_are_warned_of() {
        let text = "[a]\nbaseurl=http://a/$x\nname=A\nthrottle=50%\nbandwidth=0\nbogus=1\nCost=3\nenabled_metadata=updateinfo\nmediaid=7\ntype=rpm-md\nenablegroups=0\ncost=7\n";
        let [read] = &read(text, &variables()).unwrap()[..] else { panic!() };
        assert_eq!(read.warnings, ["throttle=50% has no effect here", "unknown option: bogus", "unknown option: Cost"]);
        assert_eq!((read.cost, read.no_groups, &read.unknown[..]), (Some(7), true, &["x".to_owned()][..]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let said = |text: &str| read(text, &variables()).unwrap_err().to_string();
        assert_eq!(said("[a]\nbaseurl=http://a\nenabled=maybe\n"), "line 3: enabled: `maybe` is neither 1 nor 0");
        assert_eq!(said("baseurl=x"), "line 1: an option outside all sections");
        assert_eq!(said("[a\n"), "line 1: a section's name has no end");
        assert_eq!(said("\n[a]\nname=x\n"), "line 2: a has neither baseurl nor mirrorlist nor metalink");
        assert_eq!(said("[a]\n  x\n"), "line 2: the line goes on with nothing");
        assert_eq!(said("[a]\npriority=high\n"), "line 2: the priority `high` is not a number");
        assert_eq!(said("[a]\nbaseurl=x\ncost=dear\n"), "line 3: the cost `dear` is not a number");
        assert_eq!(said("[a]\nbaseurl=x\ntype=apt-rpm\n"), "line 3: type=apt-rpm is not supported: there is rpm-md");
        assert!(read("[a]\nenabled=0\ntype=apt-rpm\nsslverify=0\n", &variables()).unwrap().is_empty());
        assert_eq!(said("[a]\nwords\n"), "line 2: neither a section nor KEY=VALUE");
    }
}
