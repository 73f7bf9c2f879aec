//! `.repo` files: repositories as dnf's configuration names them.
//!
//! In: a file's text and the values of variables. Out: [`ConfiguredRepository`]s. The rules are those of dnf.conf(5) and libdnf's `ConfigParser`: sections in brackets,
//! `key=value` lines that may go on indented, comments where a line begins with `#` or `;`, lists separated by white space or commas.

use std::collections::BTreeMap;

use crate::ecosystem::{ConfigurationError, ConfiguredRepository};

/// The repositories of a file that are enabled.
pub(super) fn read(text: &str, variables: &BTreeMap<String, String>) -> Result<Vec<ConfiguredRepository>, ConfigurationError> {
    let mut found = Vec::new();
    for section in sections(text)? {
        // What stands in [main] is dnf's own.
        if section.name == "main" {
            continue;
        }
        found.extend(repository(&section, variables)?);
    }
    Ok(found)
}

/// A section: each option with its line.
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

fn repository(
    section: &Section,
    variables: &BTreeMap<String, String>,
) -> Result<Option<ConfiguredRepository>, ConfigurationError> {
    let name = expand(&section.name, variables);
    if name.is_empty() {
        return Err(ConfigurationError { line: section.line, what: "a repository has no name".to_owned() });
    }
    let mut repository = ConfiguredRepository { name, ..ConfiguredRepository::default() };
    let mut enabled = true;
    for (line, key, value) in &section.options {
        let value = expand(value, variables);
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
            "module_hotfixes" => repository.module_hotfixes = switch()?,
            "skip_if_unavailable" => repository.optional = switch()?,
            "repo_gpgcheck" => repository.signed = switch()?,
            "gpgkey" => repository.keys = list(&value),
            "excludepkgs" | "exclude" => repository.exclude.extend(list(&value)),
            "includepkgs" => repository.only.extend(list(&value)),
            // How to fetch, what to call it and whether packages need a signature is said elsewhere.
            _ => {}
        }
    }
    if enabled && repository.bases.is_empty() && repository.mirrors.is_empty() {
        let what = format!("{} has neither baseurl nor mirrorlist nor metalink", repository.name);
        return Err(ConfigurationError { line: section.line, what });
    }
    Ok(enabled.then_some(repository))
}

fn list(value: &str) -> Vec<String> {
    value.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A value with its variables: `$name`, `${name}`, `${name:-otherwise}`, `${name:+instead}`. What has no value stays as it is.
pub(super) fn expand(value: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (word, tail) = braced.unwrap_or_else(|| after.split_at(after.find(|c| !is_letter(c)).unwrap_or(after.len())));
        let (name, otherwise) = word.split_once(':').map_or((word, None), |(name, otherwise)| (name, Some(otherwise)));
        // dnf's variables are told in small letters, whatever is written.
        let known = variables.get(name).or_else(|| variables.get(&name.to_ascii_lowercase())).filter(|value| !value.is_empty());
        let text =
            match (known, otherwise.and_then(|text| text.strip_prefix('-')), otherwise.and_then(|text| text.strip_prefix('+'))) {
                (Some(_), _, Some(instead)) => Some(instead),
                (None, _, Some(_)) => Some(""),
                (Some(value), ..) => Some(value.as_str()),
                (None, otherwise, None) => otherwise,
            };
        if let Some(text) = text {
            result.push_str(text);
        } else {
            result.push('$');
            result.push_str(&after[..after.len() - tail.len()]);
        }
        rest = tail;
    }
    result + rest
}

/// The name by which mirrors call the architectures that one serves (dnf's `$basearch`, `rpm/__init__.py`).
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

    fn variables() -> BTreeMap<String, String> {
        [("releasever", "9"), ("basearch", "x86_64"), ("empty", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
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
    fn variables_stand_for_their_values() {
        let said = |text| expand(text, &variables());
        assert_eq!(said("$releasever-$basearch.$unknown"), "9-x86_64.$unknown");
        assert_eq!(said("${releasever}x${RELEASEVER}$"), "9x9$");
        assert_eq!(said("${unknown:-8}${empty:-7}${releasever:-6}"), "879");
        assert_eq!(said("${releasever:+a}${unknown:+b}${unknown}${open"), "a${unknown}${open");
        assert_eq!(
            ["i686", "armv7hl", "x86_64_v2", "aarch64"].map(base_architecture),
            ["i386", "armhfp", "x86_64_v2", "aarch64"]
        );
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
        assert_eq!(said("[a]\nwords\n"), "line 2: neither a section nor KEY=VALUE");
    }
}
