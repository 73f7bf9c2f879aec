//! Common parts of the configuration files of systemd's tools (tmpfiles.d, sysusers.d): quoted
//! fields, specifiers, and priority among directories.

use std::collections::BTreeMap;

use crate::tree::{NodeKind, Tree, display};

/// Returns the configuration files of a kind (`sysusers.d`), sorted by name. A file in `/etc` hides
/// one with the same name in `/usr/lib`.
pub(super) fn configuration_files(tree: &Tree, kind: &str) -> Vec<String> {
    let mut files: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for directory in ["/etc", "/run", "/usr/local/lib", "/usr/lib"] {
        let directory = format!("{directory}/{kind}");
        let Some(NodeKind::Directory(names)) = tree.resolve(directory.as_bytes()).map(|id| &tree.node(id).kind) else { continue };
        for (name, _) in names.entries().filter(|(name, _)| name.ends_with(b".conf")) {
            files.entry(name.to_vec()).or_insert_with(|| format!("{directory}/{}", display(name)));
        }
    }
    files.into_values().collect()
}

/// Returns the next word. Quotes protect spaces.
pub(super) fn next_field(rest: &mut &str) -> Result<Option<String>, String> {
    let text = rest.trim_start();
    let Some(first) = text.chars().next() else {
        *rest = text;
        return Ok(None);
    };
    if first == '"' || first == '\'' {
        let (inside, after) = text[1..].split_once(first).ok_or("a quote is not closed")?;
        *rest = after;
        return Ok(Some(inside.to_owned()));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    *rest = &text[end..];
    Ok(Some(text[..end].to_owned()))
}

/// Expands `%t` and similar specifiers, if their values are the same on every system.
pub(super) fn specifiers(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        out.push_str(match chars.next() {
            Some('%') => "%",
            Some('t') => "/run",
            Some('S') => "/var/lib",
            Some('C') => "/var/cache",
            Some('L') => "/var/log",
            Some('T') => "/tmp",
            Some('V') => "/var/tmp",
            Some('h') => "/root",
            Some('u' | 'g') => "root",
            Some('U' | 'G') => "0",
            other => {
                return Err(format!("specifier `%{}` is not known at build time", other.map(String::from).unwrap_or_default()));
            }
        });
    }
    Ok(out)
}
