//! The busybox commands in Alpine's package scripts: accounts, links, directories.
//!
//! The rules are busybox's (`addgroup.c`, `adduser.c`, `update_passwd.c`): the choice of numbers,
//! the format of the lines, and the backup of the previous file next to the changed one
//! (`passwd-`).

use std::collections::BTreeSet;
use std::fmt;

use super::commands::Effect;
use super::job::{Job, JobError};
use crate::finish::accounts::{self, GROUP, GSHADOW, PASSWD, SHADOW};
use crate::tree::{Metadata, Node, Tree, TreeError, split};

/// Ranges of numbers for system accounts and for other accounts.
const SYSTEM: std::ops::RangeInclusive<u32> = 100..=999;
const USUAL: std::ops::RangeInclusive<u32> = 1000..=59_999;
/// The group of a system account that has no group of its own.
const NO_GROUP: &str = "nogroup";

/// `addgroup` with a new name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddGroup {
    name: String,
    gid: Option<u32>,
    system: bool,
}

/// `adduser` without creation of a home directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddUser {
    name: String,
    uid: Option<u32>,
    system: bool,
    home: String,
    shell: String,
    group: Option<String>,
    gecos: Option<String>,
}

/// Returns the effect of a command on Alpine, or `None` if it is unknown.
pub(super) fn command(words: &[String]) -> Option<Effect> {
    let (program, rest) = words.split_first()?;
    let name = program.rsplit('/').next()?;
    if name == "busybox" {
        return match rest {
            [install, links] if install == "--install" && links == "-s" => {
                let program = program.strip_prefix('/').filter(|path| !path.is_empty())?;
                Some(done(Job::BusyboxLinks(program.to_owned())))
            }
            [applet, ..] if !applet.starts_with('-') => command(rest),
            _ => None,
        };
    }
    match name {
        // musl's `ldconfig` is a script, and Alpine lacks the other programs, so no native job
        // replaces them.
        "ldconfig" | "iconvconfig" | "systemctl" | "restorecon" | "fixfiles" => None,
        "addgroup" => addgroup(rest),
        "adduser" => adduser(rest),
        "mkdir" => mkdir(rest),
        _ => super::commands::command(words),
    }
}

fn done(job: Job) -> Effect {
    Effect { status: Some(true), jobs: vec![job], exits: false }
}

/// Returns the effect of a job that fails if the account exists.
fn may_fail(job: Job) -> Effect {
    Effect { status: None, jobs: vec![job], exits: false }
}

fn mkdir(arguments: &[String]) -> Option<Effect> {
    let (options, paths): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|argument| argument.starts_with('-'));
    let known = options.iter().all(|option| *option == "-p") && !options.is_empty();
    (known && !paths.is_empty()).then(|| done(Job::Directories(paths.into_iter().cloned().collect())))
}

fn addgroup(arguments: &[String]) -> Option<Effect> {
    let (options, names) = options(arguments, "S", "g")?;
    let system = options.iter().any(|&(option, _)| option == 'S');
    let gid = number(&options, 'g')?;
    match names.as_slice() {
        [name] => is_name(name).then(|| may_fail(Job::AddGroup(AddGroup { name: (*name).to_owned(), gid, system }))),
        [user, group] if options.is_empty() && is_name(user) && is_name(group) => {
            Some(may_fail(Job::AddMember { user: (*user).to_owned(), group: (*group).to_owned() }))
        }
        _ => None,
    }
}

fn adduser(arguments: &[String]) -> Option<Effect> {
    let (options, names) = options(arguments, "SDH", "hsGgu")?;
    let has = |wanted: char| options.iter().any(|&(option, _)| option == wanted);
    let value = |wanted: char| options.iter().rev().find(|&&(option, _)| option == wanted).map(|&(_, value)| value.to_owned());
    let [name] = names.as_slice() else { return None };
    // Without -H, adduser creates and fills a home directory; without -D (or -S), it asks for a
    // password.
    if !has('H') || !(has('D') || has('S')) || !is_name(name) {
        return None;
    }
    let group = value('G');
    let (home, shell) = (value('h'), value('s').unwrap_or_else(|| "/bin/sh".to_owned()));
    let fields = [home.as_deref(), Some(&shell), group.as_deref(), value('g').as_deref()].map(|field| field.map(str::to_owned));
    if fields.iter().flatten().any(|field| field.contains([':', '\n'])) {
        return None;
    }
    Some(may_fail(Job::AddUser(AddUser {
        name: (*name).to_owned(),
        uid: number(&options, 'u')?,
        system: has('S'),
        home: home.unwrap_or_else(|| format!("/home/{name}")),
        shell,
        group,
        gecos: value('g'),
    })))
}

type Options<'a> = (Vec<(char, &'a str)>, Vec<&'a str>);

/// Parses single-letter options, without and with a value, and the other words. Returns `None` for
/// an unknown option.
fn options<'a>(arguments: &'a [String], flags: &str, valued: &str) -> Option<Options<'a>> {
    let (mut options, mut names) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            names.push(argument);
            continue;
        };
        for (at, letter) in letters.char_indices() {
            if flags.contains(letter) {
                options.push((letter, ""));
            } else if valued.contains(letter) {
                let rest = &letters[at + letter.len_utf8()..];
                options.push((letter, if rest.is_empty() { arguments.next()? } else { rest }));
                break;
            } else {
                return None;
            }
        }
    }
    Some((options, names))
}

/// Returns the number given with an option, if the option is present. Returns `None` if the value
/// is not a number.
#[expect(clippy::option_option, reason = "not given, and given wrongly")]
fn number(options: &[(char, &str)], wanted: char) -> Option<Option<u32>> {
    let value = options.iter().rev().find(|&&(option, _)| option == wanted);
    value.map_or(Some(None), |(_, value)| value.parse().ok().map(Some))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b'@'))
}

impl AddGroup {
    pub(super) fn run(&self, tree: &mut Tree) -> Result<(), JobError> {
        if accounts::has(tree, GROUP, &self.name) {
            return Ok(());
        }
        let used = numbers(tree, GROUP);
        let gid = match self.gid {
            Some(gid) => (!used.contains(&gid)).then_some(gid),
            None => free(self.system, |gid| !used.contains(&gid)),
        };
        let Some(gid) = gid else { return Ok(()) };
        append(tree, GROUP, &format!("{}:x:{gid}:", self.name))?;
        if tree.resolve(GSHADOW.as_bytes()).is_some() {
            append(tree, GSHADOW, &format!("{}:!::", self.name))?;
        }
        Ok(())
    }
}

impl AddUser {
    pub(super) fn run(&self, tree: &mut Tree, epoch: i64) -> Result<(), JobError> {
        let Self { name, system, home, shell, .. } = self;
        if accounts::has(tree, PASSWD, name) {
            return Ok(());
        }
        let (users, groups) = (numbers(tree, PASSWD), numbers(tree, GROUP));
        let group = self.group.as_deref().or(system.then_some(NO_GROUP));
        // Without another group, the user gets a group with its own name and number.
        let of_others = group.map(|group| accounts::numbers(tree, GROUP).get(group).copied());
        let uid = match self.uid {
            Some(uid) => (!users.contains(&uid)).then_some(uid),
            None => free(*system, |uid| !users.contains(&uid) && (group.is_some() || !groups.contains(&uid))),
        };
        let (Some(uid), None | Some(Some(_))) = (uid, of_others) else { return Ok(()) };
        let gid = of_others.flatten().unwrap_or(uid);
        let gecos = self.gecos.clone().unwrap_or_else(|| "Linux User,,,".to_owned());
        append(tree, PASSWD, &format!("{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}"))?;
        if tree.resolve(SHADOW.as_bytes()).is_some() {
            append(tree, SHADOW, &format!("{name}:!:{}:0:99999:7:::", epoch.div_euclid(86_400)))?;
        }
        match group {
            Some(group) => add_member(tree, name, group),
            None => AddGroup { name: name.clone(), gid: Some(gid), system: *system }.run(tree),
        }
    }
}

/// Adds a user to a group, if both exist.
pub(super) fn add_member(tree: &mut Tree, user: &str, group: &str) -> Result<(), JobError> {
    if accounts::has(tree, PASSWD, user) && accounts::has(tree, GROUP, group) {
        keep(tree, GROUP)?;
        accounts::add_member(tree, group, user)?;
    }
    Ok(())
}

/// Creates missing directories.
pub(super) fn directories(tree: &mut Tree, paths: &[String]) -> Result<(), JobError> {
    for path in paths {
        tree.create_directories(format!("/{path}").as_bytes())?;
    }
    Ok(())
}

/// Returns the lowest suitable number of the range.
fn free(system: bool, will_do: impl Fn(u32) -> bool) -> Option<u32> {
    let mut range = if system { SYSTEM } else { USUAL };
    range.find(|&number| will_do(number))
}

fn numbers(tree: &Tree, path: &str) -> BTreeSet<u32> {
    tree.read_text(path.as_bytes()).lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
}

/// Adds a line, and saves the previous file as a backup next to it.
fn append(tree: &mut Tree, path: &str, line: &str) -> Result<(), JobError> {
    keep(tree, path)?;
    accounts::add_line(tree, path, line)?;
    Ok(())
}

fn keep(tree: &mut Tree, path: &str) -> Result<(), TreeError> {
    let Some(id) = tree.resolve(path.as_bytes()) else { return Ok(()) };
    let metadata: Metadata = tree.node(id).metadata.clone();
    let Some(content) = tree.node(id).content().cloned() else { return Ok(()) };
    let kept = format!("{path}-");
    tree.remove(kept.as_bytes());
    let (directory, name) = split(kept.as_bytes());
    let parent = tree.create_directories(directory)?;
    let name = name.to_vec();
    let mut node = Node::file(content, metadata.mode);
    node.metadata = metadata;
    tree.insert(parent, &name, node).map(drop)
}

impl fmt::Display for AddGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addgroup {}", self.name)
    }
}

impl fmt::Display for AddUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "adduser {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::scriptlet::{Dialect, Recognised, recognise_in};
    use crate::package::Content;

    fn shell(text: &str) -> Recognised {
        recognise_in(Dialect::Busybox, &["/bin/busybox".to_owned(), "sh".to_owned()], text.as_bytes())
    }

    fn run(tree: &mut Tree, text: &str) {
        let Recognised::Replaced(jobs) = shell(text) else { panic!("{text}") };
        for job in jobs {
            job.run(tree, 86_400 * 20_000).unwrap();
        }
    }

    #[test]
    fn accounts_as_busybox_makes_them() {
        let mut tree = Tree::new();
        let mut file = |path: &str, text: &str| {
            tree.write(path.as_bytes(), Content::from(text.as_bytes()), 0o640).unwrap();
        };
        file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nold:x:100:100::/:/x\n");
        file("/etc/group", "root:x:0:root\nold:x:100:\nnogroup:x:65533:\n");
        file("/etc/shadow", "root:*::0:::::\n");
        run(
            &mut tree,
            "addgroup -S klogd 2>/dev/null\nadduser -S -D -H -h /dev/null -s /sbin/nologin -G klogd -g klogd klogd 2>/dev/null\nexit 0\n",
        );
        run(&mut tree, "addgroup -S -g 42 shadow || true; addgroup -g 42 other; addgroup -S klogd; addgroup klogd old");
        run(&mut tree, "adduser -SDH -h/var/x -s /sbin/nologin x\nadduser -D -H -u 7 seven");
        assert_eq!(
            tree.read_text(b"/etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nold:x:100:100::/:/x\nklogd:x:101:101:klogd:/dev/null:/sbin/nologin\n\
             x:x:102:65533:Linux User,,,:/var/x:/sbin/nologin\nseven:x:7:7:Linux User,,,:/home/seven:/bin/sh\n"
        );
        assert_eq!(
            tree.read_text(b"/etc/group"),
            "root:x:0:root\nold:x:100:klogd\nnogroup:x:65533:x\nklogd:x:101:klogd\nshadow:x:42:\nseven:x:7:\n"
        );
        assert!(tree.read_text(b"/etc/shadow").contains("\nklogd:!:20000:0:99999:7:::\n"));
        assert!(!tree.read_text(b"/etc/shadow-").contains("seven") && tree.read_text(b"/etc/shadow-").contains("x:!:"));
        assert_eq!(tree.node(tree.lookup(b"/etc/passwd-").unwrap()).metadata.mode, 0o640);
    }

    #[test]
    fn only_what_is_known() {
        for text in [
            "adduser x",
            "adduser -D x",
            "adduser -S -H -k /skel x",
            "adduser -S -H -h a:b x",
            "adduser -S -H x y",
            "addgroup",
            "addgroup -g many x",
            "addgroup a b c",
            "addgroup -S 'a:b'",
            "busybox --install",
            "/bin/busybox depmod",
            "mkdir /x",
            "mkdir -m 700 /x",
            "ldconfig",
            "chown root:shadow etc/shadow",
        ] {
            assert_eq!(shell(text), Recognised::Unknown, "{text}");
        }
        assert_eq!(
            shell("/bin/busybox mkdir -p \"/bin\" \"/sbin\"\n/bin/busybox --install -s || exit 1\nexit 0"),
            Recognised::Replaced(vec![
                Job::Directories(vec!["/bin".into(), "/sbin".into()]),
                Job::BusyboxLinks("bin/busybox".into())
            ])
        );
        // In another dialect, the same words call another program.
        assert_eq!(recognise_in(Dialect::Linux, &["/bin/sh".to_owned()], b"addgroup -S x"), Recognised::Unknown);
    }
}
