//! A temporary directory for a test: a mirror to damage, a cache, an OUT, and the command run
//! there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::mirror::{self, Mirror};

/// The default request of all runs.
pub(crate) const MICRO: [&str; 8] = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "aarch64"];

/// An ordinary user: nobody.
pub(crate) const USER: u32 = 65534;

/// A temporary directory with a copy of the fixtures.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        mirror::copy(&mirror::fixtures(), &place.path("mirror"));
        place
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn mirror(&self) -> Mirror {
        Mirror::new(&self.path("mirror"))
    }

    /// Returns the command in this place, with its own cache and without environment variables that
    /// could affect the result.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rootstrap"));
        self.set(&mut command, arguments);
        command
    }

    /// Sets up a command like [`Place::command`], for another copy of the binary.
    pub(crate) fn set(&self, command: &mut Command, arguments: &[&str]) {
        for variable in ["SOURCE_DATE_EPOCH", "XDG_CACHE_HOME", "HOME", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"] {
            command.env_remove(variable);
        }
        command.current_dir(self.root()).env("HOME", self.root()).args(arguments);
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.outcome(&mut self.command(arguments))
    }

    /// Runs the main job for micro on aarch64 with the fixtures' key; `arguments` are added,
    /// including OUT.
    pub(crate) fn bootstrap(&self, arguments: &[&str]) -> Outcome {
        self.run(&Self::usual(arguments).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Returns the arguments of [`Place::bootstrap`].
    pub(crate) fn usual(arguments: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = MICRO.map(str::to_owned).to_vec();
        all.extend(["--mirror".into(), "mirror".into(), "--key".into(), "mirror/keys/rootstrap-fixtures.asc".into()]);
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        all
    }

    /// Returns a home directory (`home`) for an ordinary user who may read this place, and a copy
    /// of the binary that this user can run.
    pub(crate) fn for_somebody_else(&self) -> (PathBuf, PathBuf) {
        fs::set_permissions(self.root(), fs::Permissions::from_mode(0o755)).unwrap();
        let (home, program) = (self.path("home"), self.path("rootstrap"));
        fs::create_dir(&home).unwrap();
        chown(&home, Some(USER), Some(USER)).unwrap();
        // Use another process: while a thread of this one has a program open for writing, so do
        // children forked by other threads, and the program cannot be run.
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_rootstrap")).arg(&program).status().unwrap().success());
        (home, program)
    }

    pub(crate) fn outcome(&self, command: &mut Command) -> Outcome {
        Outcome::new(command.output().unwrap(), self.root())
    }

    /// Returns the names in this place, including hidden ones.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.root())
    }
}

/// Returns the names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// Standard error, with `PLACE` for the place's own path and `<digest>` for digests, so that it
    /// is reproducible.
    pub(crate) stderr: String,
}

impl Outcome {
    fn new(output: Output, place: &Path) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let stderr = text(output.stderr).replace(place.to_str().unwrap(), "PLACE");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: without_digests(&stderr) }
    }

    /// Fails unless the run succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

fn without_digests(text: &str) -> String {
    let mut result = String::new();
    let mut run = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        result += if run.len() >= 32 { "<digest>" } else { &run };
        run.clear();
        result.push(character);
    }
    result.pop();
    result
}

/// Returns a path of the project's real data; prints a notice and returns `None` if it is missing.
pub(crate) fn real_data(below: &str) -> Option<PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let found = data.join(below).canonicalize().ok();
    if found.is_none() {
        println!("skipped: no real data");
    }
    found
}

/// Reports whether another program is installed. Fails if it is not while
/// `ROOTSTRAP_PEERS=required`.
pub(crate) fn peer(program: &str) -> bool {
    let found = Command::new(program).arg("-v").output().is_ok();
    assert!(found || std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"), "{program} is required");
    if !found {
        println!("skipped: no {program}");
    }
    found
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
