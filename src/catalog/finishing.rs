//! The finishing steps: what an image build does to the tree after its packages, as data.
//!
//! The catalog only says what is to be done. `finish` does it, on the model of the tree, in the order given.
//! Every path is relative to the root and has neither `.` nor `..` in it (loading a catalog checks this). Paths resolve
//! inside the tree, as they would after `chroot`. A missing parent directory is made: 0755, of root.

use serde::{Deserialize, Serialize};

use super::date::DateFormat;

/// One thing to do to the tree. In TOML each is a table with one key: `{ write = { path = "etc/hostname" } }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Write a file.
    Write(Write),
    /// Remove whatever these names match, directories with all that is in them. A name is a shell pattern (`*`, `?`,
    /// `[…]`, none of which matches `/` or a leading dot); one that matches nothing is no error.
    Remove(Vec<String>),
    /// Make a symbolic link; it takes the place of whatever stands there, unless that is a directory.
    Link(Link),
    /// Make a directory.
    Directory(Directory),
    /// Copy a file within the tree, with mode and owner, over what stands there. No file, nothing to copy.
    Copy(Copy),
    /// Add a group, unless the tree's `etc/group` has one of that name.
    Group(Group),
    /// Add a user, unless the tree's `etc/passwd` has one of that name.
    User(User),
    /// Link each of these systemd units, in `etc/systemd/system`, to `/dev/null`, as `systemctl mask` does.
    MaskUnits(Vec<String>),
    /// Link `etc/systemd/system/default.target` to this target in `/usr/lib/systemd/system`, as
    /// `systemctl set-default` does.
    DefaultTarget(String),
    /// Take files from a package that is not installed.
    FilesFrom(FilesFrom),
    /// Replace text in files.
    Replace(Replace),
    /// Enable repositories in the root's own configuration of its package manager, as `dnf config-manager --enable` does.
    EnableRepositories(EnableRepositories),
    /// Lock accounts of `etc/shadow` that have no password (an empty field): nothing opens them then (`*`). One with a password keeps it.
    LockPasswords(Vec<String>),
    /// Make the links by which busybox is called under its other names.
    BusyboxLinks(BusyboxLinks),
    /// Carry out one tmpfiles.d configuration file of the tree, as `systemd-tmpfiles --create` does. When the tree does
    /// not have it there is nothing to do.
    Tmpfiles(String),
}

/// A file to write, owned by root.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "WriteForm", into = "WriteForm")]
pub struct Write {
    /// Where.
    pub path: String,
    /// What.
    pub content: Content,
    /// Its mode. Without one a new file gets 0644 and an existing one keeps its own.
    pub mode: Option<u32>,
    /// What becomes of a file that is there already.
    pub existing: Existing,
    /// Write only where this directory exists.
    pub if_dir: Option<String>,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Its content is replaced (the shell's `>`).
    #[default]
    Replace,
    /// The content is added to it (`>>`).
    Append,
    /// Its content stays; only the mode, if one is given, is set (`touch`, `chmod`).
    Keep,
}

/// The content of a written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Text(String),
    /// The build's time in this format, and a newline.
    Date(DateFormat),
    /// Text with variables; an image has it as [`Content::Text`].
    Template(String),
}

impl Content {
    /// The bytes, for a build whose time is `epoch` (seconds since 1970, in UTC).
    pub fn render(&self, epoch: u64) -> Vec<u8> {
        match self {
            Self::Text(text) | Self::Template(text) => text.clone().into_bytes(),
            Self::Date(format) => format!("{}\n", format.render(epoch)).into_bytes(),
        }
    }
}

/// [`Write`] as it stands in TOML: `content`, `template` or `date`, none for an empty file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WriteForm {
    path: String,
    content: Option<String>,
    template: Option<String>,
    date: Option<DateFormat>,
    mode: Option<u32>,
    #[serde(default, skip_serializing_if = "Existing::is_replace")]
    existing: Existing,
    if_dir: Option<String>,
}

impl Existing {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_replace(&self) -> bool {
        *self == Self::Replace
    }
}

impl TryFrom<WriteForm> for Write {
    type Error = &'static str;

    fn try_from(form: WriteForm) -> Result<Self, Self::Error> {
        let content = match (form.content, form.template, form.date) {
            (None, None, Some(format)) => Content::Date(format),
            (None, Some(template), None) => Content::Template(template),
            (text, None, None) => Content::Text(text.unwrap_or_default()),
            _ => return Err("`content`, `template` and `date` exclude each other"),
        };
        let WriteForm { path, mode, existing, if_dir, .. } = form;
        Ok(Self { path, content, mode, existing, if_dir })
    }
}

impl From<Write> for WriteForm {
    fn from(write: Write) -> Self {
        let Write { path, content, mode, existing, if_dir } = write;
        let (mut form_content, mut template, mut date) = (None, None, None);
        match content {
            Content::Text(text) => form_content = Some(text).filter(|text| !text.is_empty()),
            Content::Template(text) => template = Some(text),
            Content::Date(format) => date = Some(format),
        }
        Self { path, content: form_content, template, date, mode, existing, if_dir }
    }
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where it is.
    pub path: String,
    /// What it says, as written into the link.
    pub target: String,
    /// Make it only where this directory exists.
    pub if_dir: Option<String>,
    /// Make it only where this directory does not exist.
    pub unless_dir: Option<String>,
}

/// A directory. One that exists stays as it is but for what is given here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Where.
    pub path: String,
    /// Its mode; 0755 when it is new and none is given.
    pub mode: Option<u32>,
    /// Its owner by name; root when it is new and none is given.
    pub owner: Option<String>,
    /// Its group by name; root when it is new and none is given.
    pub group: Option<String>,
}

/// A file of the tree and where a copy of it goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The file.
    pub from: String,
    /// The copy.
    pub to: String,
}

/// A group: a line of `etc/group` and, where the tree has one, of `etc/gshadow`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The password field: in `gshadow` (then `group` says `x`), else in `group` itself.
    #[serde(default = "locked")]
    pub password: String,
}

/// A user: a line of `etc/passwd` and, where the tree has one, of `etc/shadow`, whose date of the last change is the
/// build's and whose ageing fields are empty, as for a system account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its description.
    #[serde(default)]
    pub gecos: String,
    /// Its home directory; not made.
    pub home: String,
    /// Its shell.
    pub shell: String,
    /// The password field: in `shadow` (then `passwd` says `x`), else in `passwd` itself.
    #[serde(default = "locked")]
    pub password: String,
}

/// No password opens it.
fn locked() -> String {
    "!".to_owned()
}

/// Symbolic links to a busybox, one for each of its names whose path is free, as `busybox --install -s` makes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BusyboxLinks {
    /// The busybox, by its path. When the tree does not have it there is nothing to do.
    pub program: String,
    /// A directory of files with a path a line: all names. When the tree has no such file the names are read out of the program.
    pub lists: Option<String>,
}

/// Files out of a package that is fetched, verified, and not installed.
///
/// With a directory to go `into`, each regular file that matches goes there under its own last name, as root's; of two with
/// one name, the one that an earlier pattern matches. Without one, all that matches is unpacked where it is in the package, as it is
/// there; directories that exist stay as they are. Ghosts are not taken: there is nothing in them. When no repository has the
/// package there is nothing to take, which the report says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FilesFrom {
    /// The package's name.
    pub package: String,
    /// Shell patterns of the files to take, as for [`Step::Remove`], matched against the package's paths without the
    /// leading `/`.
    pub files: Vec<String>,
    /// The directory they go into.
    pub into: Option<String>,
    /// Their mode, where it is not the package's.
    pub mode: Option<u32>,
}

/// A literal replacement of every occurrence in every file that matches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// A shell pattern of paths, as for [`Step::Remove`]; regular files only.
    pub files: String,
    /// The text looked for; not a pattern.
    pub from: String,
    /// What takes its place.
    pub to: String,
}

/// Sections of configuration files that are switched on (`enabled=1`). A section that no file has is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnableRepositories {
    /// A shell pattern of the files, as for [`Step::Remove`].
    pub files: String,
    /// The names of the sections.
    pub ids: Vec<String>,
}

/// What is wrong with a step whatever the tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepProblem {
    /// A path that is not below the root by its text alone.
    #[error("`{path}` is not a path below the root (relative, without empty, `.` or `..` parts)")]
    Path {
        /// The path.
        path: String,
    },
    /// A mode beyond 07777.
    #[error("`{path}`: mode {mode:o} has bits that are not permissions")]
    Mode {
        /// The path.
        path: String,
        /// The mode.
        mode: u32,
    },
    /// A name or field that cannot stand in the file it goes into: a colon or line end in an account's line, a slash in
    /// the name of a unit, nothing where something is needed.
    #[error("`{value}` cannot be {what}")]
    Field {
        /// What it is meant to be.
        what: &'static str,
        /// The value.
        value: String,
    },
}

impl Step {
    /// Whether the step can be carried out at all; what loading a catalog asks of each.
    pub(crate) fn check(&self) -> Result<(), StepProblem> {
        match self {
            Self::Write(write) => {
                check_path(&write.path)?;
                check_mode(&write.path, write.mode)?;
                write.if_dir.as_deref().map_or(Ok(()), check_path)
            }
            Self::Remove(paths) => paths.iter().try_for_each(|path| check_path(path)),
            Self::Link(link) => {
                check_path(&link.path)?;
                link.if_dir.iter().chain(&link.unless_dir).try_for_each(|path| check_path(path))?;
                filled("a link's target", &link.target)
            }
            Self::EnableRepositories(enable) => {
                check_path(&enable.files)?;
                enable.ids.iter().try_for_each(|id| filled("a repository's id", id))
            }
            Self::Directory(directory) => check_path(&directory.path).and(check_mode(&directory.path, directory.mode)),
            Self::Copy(copy) => check_path(&copy.from).and(check_path(&copy.to)),
            Self::Group(group) => filled("a group's name", &group.name)
                .and(account_field("a group's name", &group.name))
                .and(account_field("a password field", &group.password)),
            Self::User(user) => filled("a user's name", &user.name)
                .and(account_field("a user's name", &user.name))
                .and(account_field("a user's description", &user.gecos))
                .and(account_field("a home directory", &user.home))
                .and(account_field("a shell", &user.shell))
                .and(account_field("a password field", &user.password)),
            Self::MaskUnits(units) => units.iter().try_for_each(|unit| check_unit(unit)),
            Self::DefaultTarget(target) => check_unit(target),
            Self::FilesFrom(from) => {
                filled("a package's name", &from.package)?;
                from.files.iter().try_for_each(|pattern| check_path(pattern))?;
                from.into.as_deref().map_or(Ok(()), check_path)?;
                check_mode(from.into.as_deref().unwrap_or(&from.package), from.mode)
            }
            Self::Replace(replace) => check_path(&replace.files).and(filled("text to look for", &replace.from)),
            Self::Tmpfiles(path) => check_path(path),
            Self::LockPasswords(users) => {
                users.iter().try_for_each(|user| filled("a user's name", user).and(account_field("a user's name", user)))
            }
            Self::BusyboxLinks(links) => {
                check_path(&links.program)?;
                links.lists.as_deref().map_or(Ok(()), check_path)
            }
        }
    }
}

/// Whether a path is below the root by its text alone.
pub(crate) fn check_path(path: &str) -> Result<(), StepProblem> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if path.split('/').all(plain) { Ok(()) } else { Err(StepProblem::Path { path: path.to_owned() }) }
}

fn check_mode(path: &str, mode: Option<u32>) -> Result<(), StepProblem> {
    match mode {
        Some(mode) if mode > 0o7777 => Err(StepProblem::Mode { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

fn check_unit(unit: &str) -> Result<(), StepProblem> {
    let wrong = unit.contains(['/', '\0']) || matches!(unit, "" | "." | "..");
    if wrong { Err(field("the name of a unit", unit)) } else { Ok(()) }
}

fn account_field(what: &'static str, value: &str) -> Result<(), StepProblem> {
    if value.contains([':', '\n', '\0']) { Err(field(what, value)) } else { Ok(()) }
}

fn filled(what: &'static str, value: &str) -> Result<(), StepProblem> {
    if value.is_empty() { Err(field(what, value)) } else { Ok(()) }
}

fn field(what: &'static str, value: &str) -> StepProblem {
    StepProblem::Field { what, value: value.to_owned() }
}
