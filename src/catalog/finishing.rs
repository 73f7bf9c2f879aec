//! The finishing steps, as data: the changes that an image build makes to the tree after the
//! packages.
//!
//! The catalog only describes the steps. `finish` applies them to the model of the tree, in the
//! given order. Every path is relative to the root and contains neither `.` nor `..`; loading a
//! catalog checks this. Paths resolve inside the tree, as after `chroot`. A missing parent
//! directory is created with mode 0755 and owner root.

use serde::{Deserialize, Serialize};

use super::date::DateFormat;

/// One change of the tree. In TOML each step is a table with one key: `{ write = { path =
/// "etc/hostname" } }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Write a file.
    Write(Write),
    /// Remove everything that these patterns match, directories with their content. A pattern is a
    /// shell pattern (`*`, `?`, `[…]`, none of which matches `/` or a leading dot). A pattern
    /// without a match is no error.
    Remove(Vec<String>),
    /// Create a symbolic link. The link replaces any existing node except a directory.
    Link(Link),
    /// Create a directory.
    Directory(Directory),
    /// Copy a file within the tree, with mode and owner, and replace the target. If the file does
    /// not exist, the step does nothing.
    Copy(Copy),
    /// Add a group unless `etc/group` of the tree has one with that name.
    Group(Group),
    /// Add a user unless `etc/passwd` of the tree has one with that name.
    User(User),
    /// Mask these systemd units: link each of them in `etc/systemd/system` to `/dev/null`, like
    /// `systemctl mask`.
    MaskUnits(Vec<String>),
    /// Link `etc/systemd/system/default.target` to this target in `/usr/lib/systemd/system`, like
    /// `systemctl set-default`.
    DefaultTarget(String),
    /// Extract files from a package that is not installed.
    FilesFrom(FilesFrom),
    /// Replace text in files.
    Replace(Replace),
    /// Enable repositories in the root's own package manager configuration, like `dnf
    /// config-manager --enable`.
    EnableRepositories(EnableRepositories),
    /// Lock accounts in `etc/shadow` whose password field is empty: the field becomes `*`, which no
    /// password matches. Accounts with a password stay unchanged.
    LockPasswords(Vec<String>),
    /// Create the links for the applet names of busybox.
    BusyboxLinks(BusyboxLinks),
    /// Apply one tmpfiles.d configuration file of the tree, like `systemd-tmpfiles --create`. If
    /// the tree does not contain the file, the step does nothing.
    Tmpfiles(String),
}

/// A file to write, owned by root.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "WriteForm", into = "WriteForm")]
pub struct Write {
    /// The path of the file.
    pub path: String,
    /// The content of the file.
    pub content: Content,
    /// The mode. Without a mode, a new file gets 0644 and an existing file keeps its mode.
    pub mode: Option<u32>,
    /// The treatment of an existing file.
    pub existing: Existing,
    /// Write only if this directory exists.
    pub if_dir: Option<String>,
}

/// The treatment of an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Replace the content (the shell's `>`).
    #[default]
    Replace,
    /// Append to the content (`>>`).
    Append,
    /// Keep the content; only set the mode if one is given (`touch`, `chmod`).
    Keep,
}

/// The content of a written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Text(String),
    /// The build time in this format, and a newline.
    Date(DateFormat),
    /// Text with variables. In an image it is already expanded to [`Content::Text`].
    Template(String),
}

impl Content {
    /// Returns the bytes for a build at the time `epoch` (seconds since 1970, in UTC).
    pub fn render(&self, epoch: u64) -> Vec<u8> {
        match self {
            Self::Text(text) | Self::Template(text) => text.clone().into_bytes(),
            Self::Date(format) => format!("{}\n", format.render(epoch)).into_bytes(),
        }
    }
}

/// The TOML form of [`Write`]: `content`, `template` or `date`; none of them for an empty file.
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
    /// The path of the link.
    pub path: String,
    /// The target, as stored in the link.
    pub target: String,
    /// Create the link only if this directory exists.
    pub if_dir: Option<String>,
    /// Create the link only if this directory does not exist.
    pub unless_dir: Option<String>,
}

/// A directory. If it exists, only the attributes that are given here change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The path of the directory.
    pub path: String,
    /// The mode. A new directory gets 0755 by default.
    pub mode: Option<u32>,
    /// The owner by name. A new directory belongs to root by default.
    pub owner: Option<String>,
    /// The group by name. A new directory belongs to root by default.
    pub group: Option<String>,
}

/// A file of the tree and the path of its copy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The path of the file.
    pub from: String,
    /// The path of the copy.
    pub to: String,
}

/// A group: a line of `etc/group` and, if the tree has the file, a line of `etc/gshadow`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// The password field. It goes into `gshadow` (`group` then has `x`) or, without `gshadow`,
    /// into `group`.
    #[serde(default = "locked")]
    pub password: String,
}

/// A user: a line of `etc/passwd` and, if the tree has the file, a line of `etc/shadow`. As for a
/// system account, the date of the last change in `shadow` is the build date and the aging fields
/// are empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the primary group.
    pub gid: u32,
    /// The description.
    #[serde(default)]
    pub gecos: String,
    /// The home directory. The step does not create it.
    pub home: String,
    /// The login shell.
    pub shell: String,
    /// The password field. It goes into `shadow` (`passwd` then has `x`) or, without `shadow`, into
    /// `passwd`.
    #[serde(default = "locked")]
    pub password: String,
}

/// Returns the default password field, which no password matches.
fn locked() -> String {
    "!".to_owned()
}

/// Symbolic links to a busybox, one for each applet name whose path is free, like `busybox
/// --install -s`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BusyboxLinks {
    /// The path of the busybox. If the tree does not contain it, the step does nothing.
    pub program: String,
    /// A directory of files that list all applet paths, one path a line. If the tree has no such
    /// file, the names are read from the program.
    pub lists: Option<String>,
}

/// Files from a package that is fetched and verified, but not installed.
///
/// - With `into`, each matching regular file goes into that directory under its last path
///   component, owned by root. If two files have the same name, the file that matches the earlier
///   pattern is taken.
/// - Without `into`, everything that matches is unpacked at its path in the package with its
///   attributes. Existing directories stay unchanged.
///
/// Ghost files are skipped because they have no content. If no repository has the package, the step
/// does nothing and the report says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FilesFrom {
    /// The package's name.
    pub package: String,
    /// Shell patterns of the files, as for [`Step::Remove`]. They are matched against the package's
    /// paths without the leading `/`.
    pub files: Vec<String>,
    /// The target directory.
    pub into: Option<String>,
    /// The mode of the files if it differs from the package's.
    pub mode: Option<u32>,
}

/// A literal replacement of every occurrence in every matching file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// A shell pattern of paths, as for [`Step::Remove`]. Only regular files match.
    pub files: String,
    /// The text to search for. It is not a pattern.
    pub from: String,
    /// The replacement text.
    pub to: String,
}

/// Sections of configuration files to enable (`enabled=1`). Sections that no file has are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnableRepositories {
    /// A shell pattern of the files, as for [`Step::Remove`].
    pub files: String,
    /// The names of the sections.
    pub ids: Vec<String>,
}

/// An error in a step that does not depend on the tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepProblem {
    /// A path whose text alone does not place it below the root.
    #[error("`{path}` is not a path below the root (relative, without empty, `.` or `..` parts)")]
    Path {
        /// The path.
        path: String,
    },
    /// A mode larger than 07777.
    #[error("`{path}`: mode {mode:o} has bits that are not permissions")]
    Mode {
        /// The path.
        path: String,
        /// The mode.
        mode: u32,
    },
    /// A name or field that is not valid in the file it goes into: a colon or line end in an
    /// account's line, a slash in a unit name, or an empty value for a required field.
    #[error("`{value}` cannot be {what}")]
    Field {
        /// The kind of the field.
        what: &'static str,
        /// The value.
        value: String,
    },
}

impl Step {
    /// Fails if the step is invalid for every tree. Loading a catalog calls this for each step.
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

/// Fails if the text of a path alone does not place it below the root.
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
