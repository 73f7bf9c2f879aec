//! The account files (`passwd`, `group`, `shadow`, `gshadow`): name lookup, and adding lines like
//! the shadow tools.

use std::collections::HashMap;
use std::sync::Arc;

use crate::package::Content;
use crate::tree::{Tree, TreeError};

/// The path of `passwd` in the tree.
pub(super) const PASSWD: &str = "/etc/passwd";
/// The path of `group` in the tree.
pub(super) const GROUP: &str = "/etc/group";
/// The path of `shadow` in the tree.
pub(super) const SHADOW: &str = "/etc/shadow";
/// The path of `gshadow` in the tree.
pub(super) const GSHADOW: &str = "/etc/gshadow";

/// A group to add.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewGroup<'a> {
    pub(super) name: &'a str,
    pub(super) gid: u32,
    pub(super) password: &'a str,
}

/// A user to add.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewUser<'a> {
    pub(super) name: &'a str,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) gecos: &'a str,
    pub(super) home: &'a str,
    pub(super) shell: &'a str,
    pub(super) password: &'a str,
}

/// Returns the numbers of the names in `passwd` or `group`. If two lines have the same name, the
/// first one counts.
pub(super) fn numbers(tree: &Tree, path: &str) -> HashMap<Arc<str>, u32> {
    let mut numbers = HashMap::new();
    for line in tree.read_text(path.as_bytes()).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next().map(str::parse)) {
            numbers.entry(Arc::from(name)).or_insert(number);
        }
    }
    numbers
}

/// Reports whether a line of this file begins with the name.
pub(super) fn has(tree: &Tree, path: &str, name: &str) -> bool {
    tree.read_text(path.as_bytes()).lines().any(|line| line.split(':').next() == Some(name))
}

/// Adds a group. Returns `false` if one with that name exists. If the tree has `gshadow`, the
/// password goes there.
pub(super) fn add_group(tree: &mut Tree, group: NewGroup<'_>) -> Result<bool, TreeError> {
    let NewGroup { name, gid, password } = group;
    if has(tree, GROUP, name) {
        return Ok(false);
    }
    let shadowed = tree.resolve(GSHADOW.as_bytes()).is_some();
    add_line(tree, GROUP, &format!("{name}:{}:{gid}:", if shadowed { "x" } else { password }))?;
    if shadowed && !has(tree, GSHADOW, name) {
        add_line(tree, GSHADOW, &format!("{name}:{password}::"))?;
    }
    Ok(true)
}

/// Adds a user. Returns `false` if one with that name exists. If the tree has `shadow`, the
/// password goes there, with the day of `epoch` as its last change.
pub(super) fn add_user(tree: &mut Tree, user: NewUser<'_>, epoch: i64) -> Result<bool, TreeError> {
    let NewUser { name, uid, gid, gecos, home, shell, password } = user;
    if has(tree, PASSWD, name) {
        return Ok(false);
    }
    let shadowed = tree.resolve(SHADOW.as_bytes()).is_some();
    let field = if shadowed { "x" } else { password };
    add_line(tree, PASSWD, &format!("{name}:{field}:{uid}:{gid}:{gecos}:{home}:{shell}"))?;
    if shadowed && !has(tree, SHADOW, name) {
        add_line(tree, SHADOW, &format!("{name}:{password}:{}::::::", epoch.div_euclid(86_400)))?;
    }
    Ok(true)
}

/// Adds `member` to the group, in `group` and `gshadow`. Does nothing if the group does not exist
/// or already has the member.
pub(super) fn add_member(tree: &mut Tree, group: &str, member: &str) -> Result<(), TreeError> {
    for path in [GROUP, GSHADOW] {
        let text = tree.read_text(path.as_bytes());
        let mut changed = false;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let of_group = line.split(':').next() == Some(group);
                match line.rsplit_once(':').filter(|_| of_group) {
                    Some((_, members)) if !members.split(',').any(|known| known == member) => {
                        changed = true;
                        format!("{line}{}{member}", if members.is_empty() { "" } else { "," })
                    }
                    _ => line.to_owned(),
                }
            })
            .collect();
        if changed {
            write(tree, path, &lines)?;
        }
    }
    Ok(())
}

/// Locks an account in `shadow` whose password field is empty. Accounts that have a password or do
/// not exist stay unchanged.
pub(super) fn lock_password(tree: &mut Tree, user: &str) -> Result<(), TreeError> {
    let text = tree.read_text(SHADOW.as_bytes());
    let open = format!("{user}::");
    if !text.lines().any(|line| line.starts_with(&open)) {
        return Ok(());
    }
    let lock = |line: &str| line.strip_prefix(&open).map_or_else(|| line.to_owned(), |rest| format!("{user}:*:{rest}"));
    write(tree, SHADOW, &text.lines().map(lock).collect::<Vec<_>>())
}

/// Adds a line at the end, but before lines that refer to another source (`+`, NIS).
pub(super) fn add_line(tree: &mut Tree, path: &str, line: &str) -> Result<(), TreeError> {
    let text = tree.read_text(path.as_bytes());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines.iter().rposition(|line| !line.starts_with(['+', '-'])).map_or(0, |i| i + 1);
    lines.insert(at, line.to_owned());
    write(tree, path, &lines)
}

fn write(tree: &mut Tree, path: &str, lines: &[String]) -> Result<(), TreeError> {
    let mut text = lines.join("\n");
    text.push('\n');
    // A new file is readable for everybody, except the files with passwords.
    let mode = if path == SHADOW || path == GSHADOW { 0 } else { 0o644 };
    tree.write(path.as_bytes(), Content::from(text.into_bytes()), mode).map(drop)
}
