//! Users and groups of sysusers.d, as `systemd-sysusers` creates them (sysusers.d(5), sysusers.c of
//! systemd 252).
//!
//! In: the tree's `sysusers.d` files and its `passwd` and `group`. Out: the missing lines, with the
//! numbers that systemd would assign, and the warnings that it would print.

use std::collections::HashMap;

use super::accounts::{self, GROUP, GSHADOW, NewGroup, NewUser, PASSWD, SHADOW};
use super::systemd::{configuration_files, next_field, specifiers};
use crate::package::{Content, Owner};
use crate::tree::{Tree, TreeError};

/// The default range of numbers, assigned from the highest downwards. A line or `login.defs` can
/// set another range.
const SYSTEM_RANGE: (u32, u32) = (1, 999);
const NO_LOGIN: &str = "/usr/sbin/nologin";
/// A password field that no password matches.
const LOCKED: &str = "!*";

/// A requested user or group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Item {
    name: String,
    uid: Option<u32>,
    gid: Option<u32>,
    /// The user's group, by name (`-:users`).
    group: Option<String>,
    /// True if the group's number is given separately from the user's. The group must then exist.
    strict: bool,
    gecos: String,
    home: Option<String>,
    shell: Option<String>,
}

#[derive(Default)]
struct Request {
    users: Vec<Item>,
    groups: Vec<Item>,
    /// Pairs of group and member.
    members: Vec<(String, String)>,
    ranges: Vec<(u32, u32)>,
    complaints: Vec<String>,
}

/// Creates the users and groups of the tree's `sysusers.d` that do not exist yet. `epoch` is the
/// build time; `shadow` contains its day. Returns the warnings that systemd would print.
pub fn run(tree: &mut Tree, epoch: i64) -> Result<Vec<String>, TreeError> {
    let mut request = read(tree);
    add_implied(&mut request);
    if request.ranges.is_empty() {
        request.ranges.push(system_range(tree));
    }
    let backups: Vec<(&str, Option<Content>)> =
        [PASSWD, GROUP, SHADOW, GSHADOW].map(|path| (path, tree.read(path.as_bytes()).ok().cloned())).into();
    let mut numbers = Numbers::new(tree, std::mem::take(&mut request.ranges));
    for group in &request.groups {
        match numbers.group(group) {
            Some((gid, true)) => add_group(tree, &group.name, gid)?,
            Some(_) => {}
            None => request.complaints.push(format!("no number is free for group {}", group.name)),
        }
    }
    for user in &request.users {
        if let Err(complaint) = make_user(tree, &mut numbers, user, epoch)? {
            request.complaints.push(complaint);
        }
    }
    for (group, member) in &request.members {
        accounts::add_member(tree, group, member)?;
    }
    for (path, before) in backups {
        keep_backup(tree, path, before)?;
    }
    Ok(request.complaints)
}

/// Saves the previous file next to the changed one (`passwd-`), with the same mode.
fn keep_backup(tree: &mut Tree, path: &str, before: Option<Content>) -> Result<(), TreeError> {
    let (Some(before), Some(id)) = (before, tree.resolve(path.as_bytes())) else { return Ok(()) };
    let bytes = |content: &Content| content.bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let node = tree.node(id);
    if node.content().is_some_and(|after| bytes(after) == bytes(&before)) {
        return Ok(());
    }
    let mode = node.metadata.mode;
    let id = tree.write(format!("{path}-").as_bytes(), before, mode)?;
    tree.node_mut(id).metadata.mode = mode;
    Ok(())
}

/// Creates the password file if it does not exist.
fn shadow(tree: &mut Tree, path: &str) -> Result<(), TreeError> {
    if tree.resolve(path.as_bytes()).is_none() {
        tree.write(path.as_bytes(), Content::empty(), 0)?;
    }
    Ok(())
}

fn add_group(tree: &mut Tree, name: &str, gid: u32) -> Result<(), TreeError> {
    shadow(tree, GSHADOW)?;
    accounts::add_group(tree, NewGroup { name, gid, password: LOCKED }).map(drop)
}

/// Creates a user and its group. The inner error is the message that systemd would print.
fn make_user(tree: &mut Tree, numbers: &mut Numbers, user: &Item, epoch: i64) -> Result<Result<(), String>, TreeError> {
    let gid = if let Some(group) = &user.group {
        match numbers.groups.get(group) {
            Some(&gid) => gid,
            None => return Ok(Err(format!("user {}: there is no group {group}", user.name))),
        }
    } else if let (true, Some(gid)) = (user.strict, user.gid) {
        if !numbers.groups.values().any(|&known| known == gid) {
            return Ok(Err(format!("user {}: there is no group {gid}", user.name)));
        }
        gid
    } else {
        match numbers.group(user) {
            Some((gid, true)) => {
                add_group(tree, &user.name, gid)?;
                gid
            }
            Some((gid, false)) => gid,
            None => return Ok(Err(format!("no number is free for group {}", user.name))),
        }
    };
    if numbers.users.contains_key(&user.name) {
        return Ok(Ok(()));
    }
    let Some(uid) = numbers.user(user, gid) else { return Ok(Err(format!("no number is free for user {}", user.name))) };
    shadow(tree, SHADOW)?;
    let new = NewUser {
        name: &user.name,
        uid,
        gid,
        gecos: &user.gecos,
        home: user.home.as_deref().unwrap_or("/"),
        shell: user.shell.as_deref().unwrap_or(if uid == 0 { "/bin/sh" } else { NO_LOGIN }),
        password: LOCKED,
    };
    accounts::add_user(tree, new, epoch)?;
    Ok(Ok(()))
}

/// The numbers in use, and the names that use them.
struct Numbers {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
    ranges: Vec<(u32, u32)>,
    /// The last number that was tried. The search never goes back.
    last: Option<u32>,
}

impl Numbers {
    fn new(tree: &Tree, ranges: Vec<(u32, u32)>) -> Self {
        let names = |path| accounts::numbers(tree, path).into_iter().map(|(name, number)| (name.to_string(), number)).collect();
        Self { users: names(PASSWD), groups: names(GROUP), ranges, last: None }
    }

    /// Returns the group's number, and whether the group is new.
    fn group(&mut self, item: &Item) -> Option<(u32, bool)> {
        if let Some(&gid) = self.groups.get(&item.name) {
            return Some((gid, false));
        }
        let alone = |numbers: &Self, gid: u32| !numbers.groups.values().any(|&known| known == gid);
        let of_no_other = |numbers: &Self, gid: u32| numbers.users.iter().all(|(name, &uid)| uid != gid || *name == item.name);
        let wanted = item.gid.filter(|&gid| alone(self, gid) && (item.strict || of_no_other(self, gid)));
        let wanted = wanted.or_else(|| item.uid.filter(|&uid| alone(self, uid) && of_no_other(self, uid)));
        let gid = match wanted {
            Some(gid) => gid,
            None => self.search(|numbers, gid| alone(numbers, gid) && of_no_other(numbers, gid))?,
        };
        self.groups.insert(item.name.clone(), gid);
        Some((gid, true))
    }

    fn user(&mut self, item: &Item, gid: u32) -> Option<u32> {
        let alone = |numbers: &Self, uid: u32| !numbers.users.values().any(|&known| known == uid);
        let of_no_other = |numbers: &Self, uid: u32| numbers.groups.iter().all(|(name, &gid)| gid != uid || *name == item.name);
        let wanted = item.uid.filter(|&uid| alone(self, uid) && (item.strict || of_no_other(self, uid)));
        let wanted = wanted.or_else(|| Some(gid).filter(|&gid| alone(self, gid) && of_no_other(self, gid)));
        let uid = match wanted {
            Some(uid) => uid,
            None => self.search(|numbers, uid| alone(numbers, uid) && of_no_other(numbers, uid))?,
        };
        self.users.insert(item.name.clone(), uid);
        Some(uid)
    }

    /// Returns the next lower free number of the ranges.
    fn search(&mut self, free: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        loop {
            let below = self.last.unwrap_or(u32::MAX);
            let next = self.ranges.iter().filter(|&&(first, _)| first < below).map(|&(_, last)| last.min(below - 1)).max()?;
            self.last = Some(next);
            if free(self, next) {
                return Some(next);
            }
        }
    }
}

/// Returns `SYS_UID_MIN` and `SYS_UID_MAX` of the target.
fn system_range(tree: &Tree) -> (u32, u32) {
    let text = tree.read_text(b"/etc/login.defs");
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(key)).then(|| words.next()?.parse().ok()).flatten()
        })
    };
    (value("SYS_UID_MIN").unwrap_or(SYSTEM_RANGE.0), value("SYS_UID_MAX").unwrap_or(SYSTEM_RANGE.1))
}

/// Adds the users and groups that occur only in membership lines.
fn add_implied(request: &mut Request) {
    for (group, member) in &request.members {
        if !request.users.iter().any(|user| user.name == *member) {
            request.users.push(Item { name: member.clone(), ..Item::default() });
        }
        if !request.users.iter().chain(&request.groups).any(|item| item.name == *group) {
            request.groups.push(Item { name: group.clone(), ..Item::default() });
        }
    }
}

fn read(tree: &Tree) -> Request {
    let mut request = Request::default();
    for file in configuration_files(tree, "sysusers.d") {
        for (i, line) in tree.read_text(file.as_bytes()).lines().enumerate() {
            if let Err(reason) = read_line(tree, line.trim(), &mut request) {
                request.complaints.push(format!("{file}, line {}: {reason}", i + 1));
            }
        }
    }
    request
}

fn read_line(tree: &Tree, line: &str, request: &mut Request) -> Result<(), String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let mut rest = line;
    let mut field = || -> Result<Option<String>, String> {
        let text = next_field(&mut rest)?.filter(|text| text != "-" && !text.is_empty());
        text.map(|text| specifiers(&text)).transpose()
    };
    let kind = field()?.unwrap_or_default();
    let (name, id, gecos, home, shell) = (field()?, field()?, field()?, field()?, field()?);
    if gecos.iter().chain(&home).chain(&shell).any(|text| text.contains([':', '\n'])) {
        return Err("a field has a colon".into());
    }
    if kind == "r" {
        let id = id.ok_or("a range has no numbers")?;
        let (first, last) = id.split_once('-').unwrap_or((&id, &id));
        let number = |text: &str| text.trim().parse().map_err(|_| format!("`{id}` is no range"));
        request.ranges.push((number(first)?, number(last)?));
        return Ok(());
    }
    let name = name.filter(|name| is_name(name)).ok_or("no name, or not a possible one")?;
    match kind.as_str() {
        "u" | "u!" => {
            let mut user = Item { name, gecos: gecos.unwrap_or_default(), home, shell, ..Item::default() };
            numbers_of(tree, id.as_deref(), &mut user)?;
            put(&mut request.users, user, &mut request.complaints);
        }
        "g" => {
            let mut group = Item { name, ..Item::default() };
            if let Some(id) = id {
                group.gid = Some(id.parse().map_err(|_| format!("`{id}` is no number"))?);
            }
            put(&mut request.groups, group, &mut request.complaints);
        }
        "m" => {
            let group = id.filter(|group| is_name(group)).ok_or("no group")?;
            if !request.members.contains(&(group.clone(), name.clone())) {
                request.members.push((group, name));
            }
        }
        other => return Err(format!("`{other}` is not known")),
    }
    Ok(())
}

/// Parses a user's numbers: `81`, `59:59`, `-:users`, or the path of a file whose owner and group
/// are used.
fn numbers_of(tree: &Tree, id: Option<&str>, user: &mut Item) -> Result<(), String> {
    let Some(id) = id else { return Ok(()) };
    if id.starts_with('/') {
        let number = |owner: &Owner| if let Owner::Id(id) = owner { Some(*id) } else { None };
        if let Some(metadata) = tree.resolve(id.as_bytes()).map(|node| &tree.node(node).metadata) {
            (user.uid, user.gid) = (number(&metadata.user), number(&metadata.group));
        }
        return Ok(());
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{id}` is no number"));
    let Some((uid, group)) = id.split_once(':') else {
        user.uid = Some(number(id)?);
        user.gid = user.uid;
        return Ok(());
    };
    if uid != "-" {
        user.uid = Some(number(uid)?);
    }
    user.strict = true;
    match group.parse() {
        Ok(gid) => user.gid = Some(gid),
        Err(_) if is_name(group) => user.group = Some(group.to_owned()),
        Err(_) => return Err(format!("`{group}` is no group")),
    }
    Ok(())
}

/// Adds an item. If two items have the same name, the first one counts.
fn put(items: &mut Vec<Item>, new: Item, complaints: &mut Vec<String>) {
    match items.iter().find(|item| item.name == new.name) {
        Some(known) if *known == new => {}
        Some(_) => complaints.push(format!("{}: asked for twice, differently: the first counts", new.name)),
        None => items.push(new),
    }
}

/// Reports whether systemd accepts the name.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_')
        && bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
        && name.len() <= 31
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;
    use crate::finish::testing::without_peer;

    /// Compares the results of both programs for a root with these files.
    fn compare(files: &[(&str, &str)]) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let is_root = std::fs::metadata(root).unwrap().uid() == 0;
        if !is_root || Command::new("systemd-sysusers").arg("--version").output().is_err() {
            return without_peer("systemd-sysusers as root");
        }
        let mut tree = Tree::new();
        std::fs::create_dir(root.join("etc")).unwrap();
        for (path, text) in files {
            let real = root.join(&path[1..]);
            std::fs::create_dir_all(real.parent().unwrap()).unwrap();
            std::fs::write(real, text).unwrap();
            tree.write(path.as_bytes(), Content::from(text.as_bytes()), 0o644).unwrap();
        }
        let output = Command::new("systemd-sysusers")
            .arg(format!("--root={}", root.display()))
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .output()
            .unwrap();
        println!("{}", String::from_utf8_lossy(&output.stderr));
        let complaints = run(&mut tree, 1_700_000_000).unwrap();
        println!("{complaints:?}");
        for path in [PASSWD, GROUP, SHADOW, GSHADOW, "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"] {
            let theirs = std::fs::read_to_string(root.join(&path[1..])).unwrap_or_default();
            assert_eq!(tree.read_text(path.as_bytes()), theirs, "{path}");
        }
    }

    const PASSWORDS: &str =
        "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\nftp:x:14:50:FTP:/var/ftp:/sbin/nologin\n";
    const GROUPS: &str = "root:x:0:\nbin:x:1:\naudio:x:63:\nusers:x:100:\nfree:x:505:\nnobody:x:65534:\n";
    const SHADOWS: &str = "root:*:19453:0:99999:7:::\nbin:*:19453:0:99999:7:::\nftp:*:19453:0:99999:7:::\n";
    const GSHADOWS: &str = "root:::\nbin:::\naudio:::\nusers:::\nfree:::\n";

    fn with(lines: &str) {
        let accounts = [(PASSWD, PASSWORDS), (GROUP, GROUPS), (SHADOW, SHADOWS), (GSHADOW, GSHADOWS)];
        compare(&[&accounts[..], &[("/usr/lib/sysusers.d/a.conf", lines)]].concat());
    }

    #[test]
    fn numbers_and_lines_as_systemd_gives_them() {
        with(
            "#Type Name ID GECOS Home Shell\n\
             u dbus 81 \"System Message Bus\" - -\n\
             g input - -\n\
             u tss 59:59 \"Account used for TPM access\" / /usr/sbin/nologin\n\
             u chrony - 'chrony user' /var/lib/chrony\n\
             m chrony audio\n\
             m chrony input\n\
             g sgx - -\n\
             u systemd-oom - \"systemd Userspace OOM Killer\"\n\
             u foo -:users \"foo user\"\n\
             u foo2 77:users \"foo user\"\n\
             u nogroup -:missing\n\
             u taken 14 \"number of ftp\"\n\
             u free - \"group is there\"\n\
             g taken2 63\n\
             u both 90\n\
             g both 91\n\
             u bin 1\n\
             r - 500-510\n\
             r - 300\n\
             bad line\n",
        );
    }

    #[test]
    fn without_ranges_shadow_or_anything() {
        let lines = "u a -\nu b 5\ng c\nm implied implied-group\nu root 0 \"Super User\"\n";
        compare(&[("/usr/lib/sysusers.d/a.conf", lines)]);
        let hidden = ("/etc/sysusers.d/a.conf", "u other 7\n");
        let range = ("/etc/login.defs", "# x\nSYS_UID_MIN 201\nSYS_UID_MAX\t\t300\n");
        compare(&[(PASSWD, PASSWORDS), (GROUP, GROUPS), ("/usr/lib/sysusers.d/a.conf", lines), hidden, range]);
    }
}
