//! Users and groups from the `passwd` and `group` files of the tree.

use crate::tree::Tree;

/// A line of `passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A line of `group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
}

/// A user or group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Id(u32),
    Name(String),
}

/// Returns the user with a name or number. Root exists even without a `passwd` file.
pub(super) fn user(tree: &Tree, account: &Account) -> Option<User> {
    let text = tree.read_text(b"/etc/passwd");
    let root = || User {
        name: "root".into(),
        password: "x".into(),
        uid: 0,
        gid: 0,
        comment: "root".into(),
        home: "/root".into(),
        shell: "/bin/bash".into(),
    };
    let found = text.lines().filter_map(parse_user).find(|user| match account {
        Account::Id(id) => user.uid == *id,
        Account::Name(name) => user.name == *name,
    });
    found.or_else(|| is_root(account).then(root))
}

/// Returns the group with a name or number. Root's group exists even without a `group` file.
pub(super) fn group(tree: &Tree, account: &Account) -> Option<Group> {
    let text = tree.read_text(b"/etc/group");
    let found = text.lines().filter_map(parse_group).find(|group| match account {
        Account::Id(id) => group.gid == *id,
        Account::Name(name) => group.name == *name,
    });
    found.or_else(|| is_root(account).then(|| Group { name: "root".into(), gid: 0, members: Vec::new() }))
}

fn is_root(account: &Account) -> bool {
    match account {
        Account::Id(id) => *id == 0,
        Account::Name(name) => name == "root",
    }
}

fn parse_user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, password, uid, gid, comment, home, shell] = fields[..] else { return None };
    Some(User {
        name: name.into(),
        password: password.into(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment: comment.into(),
        home: home.into(),
        shell: shell.into(),
    })
}

fn parse_group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields[..] else { return None };
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name: name.into(), gid: gid.parse().ok()?, members })
}
