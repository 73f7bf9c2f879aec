//! Single commands and their effect on a root under construction, in which no service runs and no
//! security module is active.

use super::Job;
use crate::finish::iconvconfig::Request;

/// The effect of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Success or failure; `None` if it depends on the tree.
    pub(super) status: Option<bool>,
    /// The jobs that the command requests.
    pub(super) jobs: Vec<Job>,
    /// True if the command ends the scriptlet.
    pub(super) exits: bool,
}

impl Effect {
    /// Returns an effect without jobs, with this status.
    pub(super) fn nothing(status: Option<bool>) -> Self {
        Self { status, ..Self::default() }
    }

    fn job(job: Job) -> Self {
        Self { status: Some(true), jobs: vec![job], exits: false }
    }
}

/// Returns the effect of a command, or `None` if it is unknown.
pub(super) fn command(words: &[String]) -> Option<Effect> {
    let (program, arguments) = words.split_first()?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = Some(Effect::nothing(Some(true)));
    let asks = Some(Effect::nothing(None));
    match (name_of(program)?, arguments.as_slice()) {
        // These commands always succeed, so the shell's behavior after a failure (`set`) does not
        // matter. Output goes to the log; the parser rejects redirections to files. Without a
        // security module there is nothing to label.
        (":" | "true" | "set" | "echo" | "printf" | "restorecon" | "fixfiles", _)
        | ("udevadm", ["control" | "trigger" | "settle", ..]) => done,
        ("false" | "selinuxenabled", _) => Some(Effect::nothing(Some(false))),
        ("exit", [] | ["0"]) => Some(Effect { status: Some(true), exits: true, jobs: Vec::new() }),
        ("[", [inside @ .., "]"]) | ("test", inside) => Some(Effect::nothing(condition(inside))),
        ("command", ["-v" | "-V", ..]) | ("type" | "which" | "getent" | "id" | "grep", _) => asks,
        ("ldconfig", []) => Some(Effect::job(Job::Ldconfig)),
        ("iconvconfig", arguments) => Some(Effect::job(Job::Iconvconfig(iconvconfig(arguments)?))),
        // Requests to running services. systemctl ignores them in a root without services ("Running
        // in chroot, ignoring").
        ("systemctl", arguments) => systemctl(arguments).then(|| Effect::nothing(Some(true))),
        _ => None,
    }
}

/// Returns the name of a program in the standard directories. Programs elsewhere are unknown.
fn name_of(program: &str) -> Option<&str> {
    match program.rsplit_once('/') {
        None => Some(program),
        Some(("/bin" | "/sbin" | "/usr/bin" | "/usr/sbin", name)) => Some(name),
        Some(_) => None,
    }
}

fn iconvconfig(arguments: &[&str]) -> Option<Request> {
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        if argument == "--nostdlib" {
            request.no_standard = true;
        } else if argument == "-o" || argument == "--output" {
            request.output = Some(arguments.next()?.as_bytes().to_vec());
        } else if let Some(output) = argument.strip_prefix("--output=") {
            request.output = Some(output.as_bytes().to_vec());
        } else if argument.starts_with('-') {
            return None;
        } else {
            request.directories.push(argument.as_bytes().to_vec());
        }
    }
    Some(request)
}

/// Reports whether this call only sends requests to a running systemd. Enabling, masking and
/// presets change files.
fn systemctl(arguments: &[&str]) -> bool {
    let mut words = arguments.iter().filter(|argument| !matches!(**argument, "-q" | "--quiet" | "--no-block" | "--system"));
    let verbs = [
        "daemon-reload",
        "daemon-reexec",
        "try-restart",
        "condrestart",
        "restart",
        "reload",
        "reload-or-restart",
        "start",
        "stop",
    ];
    words.next().is_some_and(|verb| verbs.contains(verb)) && words.all(|word| !word.starts_with('-'))
}

/// Returns the result of a test, or `None` if it depends on the tree.
fn condition(words: &[&str]) -> Option<bool> {
    let numbers = |left: &str, right: &str| Some((left.parse::<i64>().ok()?, right.parse::<i64>().ok()?));
    match *words {
        // An empty test, or a test whether systemd runs. systemd never runs in a root under
        // construction.
        [] | ["-d" | "-e", "/run/systemd/system"] => Some(false),
        ["!", ref rest @ ..] => condition(rest).map(|status| !status),
        ["-n", text] | [text] if !text.starts_with('-') => Some(!text.is_empty()),
        ["-z", text] => Some(text.is_empty()),
        [left, "=" | "==", right] => Some(left == right),
        [left, "!=", right] => Some(left != right),
        [left, operator, right] => {
            let (left, right) = numbers(left, right)?;
            match operator {
                "-eq" => Some(left == right),
                "-ne" => Some(left != right),
                "-lt" => Some(left < right),
                "-le" => Some(left <= right),
                "-gt" => Some(left > right),
                "-ge" => Some(left >= right),
                _ => None,
            }
        }
        _ => None,
    }
}
