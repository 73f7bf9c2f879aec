//! A place of a test's own: a mirror to damage, a cache, an OUT, and the command run there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::mirror::{self, Mirror};

/// What every run here asks for, unless it says otherwise.
pub(crate) const MICRO: [&str; 8] = ["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "aarch64"];

/// An ordinary user: nobody.
pub(crate) const USER: u32 = 65534;

/// A temporary directory with a copy of the fixtures in it.
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

    /// The command in this place, with a cache of its own and nothing from the environment that could change the result.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rootstrap"));
        self.set(&mut command, arguments);
        command
    }

    /// What [`Place::command`] is given; for another copy of the binary.
    pub(crate) fn set(&self, command: &mut Command, arguments: &[&str]) {
        for variable in ["SOURCE_DATE_EPOCH", "XDG_CACHE_HOME", "HOME", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"] {
            command.env_remove(variable);
        }
        command.current_dir(self.root()).env("HOME", self.root()).args(arguments);
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.outcome(&mut self.command(arguments))
    }

    /// The main job for micro on aarch64 with the fixtures' key; `arguments` are added, OUT among them.
    pub(crate) fn bootstrap(&self, arguments: &[&str]) -> Outcome {
        self.run(&Self::usual(arguments).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The arguments of [`Place::bootstrap`].
    pub(crate) fn usual(arguments: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = MICRO.map(str::to_owned).to_vec();
        all.extend(["--mirror".into(), "mirror".into(), "--key".into(), "mirror/keys/rootstrap-fixtures.asc".into()]);
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        all
    }

    /// A home (`home`) for an ordinary user, who may read all of this place, and a copy of the binary that he can run.
    pub(crate) fn for_somebody_else(&self) -> (PathBuf, PathBuf) {
        fs::set_permissions(self.root(), fs::Permissions::from_mode(0o755)).unwrap();
        let (home, program) = (self.path("home"), self.path("rootstrap"));
        fs::create_dir(&home).unwrap();
        chown(&home, Some(USER), Some(USER)).unwrap();
        // Not by this process: while a thread of it has a program open for writing, another one's child has too, and it cannot be run.
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_rootstrap")).arg(&program).status().unwrap().success());
        (home, program)
    }

    pub(crate) fn outcome(&self, command: &mut Command) -> Outcome {
        Outcome::new(command.output().unwrap(), self.root())
    }

    /// The names in this place, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.root())
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// With `PLACE` for the place's own path and `<digest>` for digests, so that it is the same each time.
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

/// Real data of this project, or `None` with a word on it.
pub(crate) fn real_data(below: &str) -> Option<PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let found = data.join(below).canonicalize().ok();
    if found.is_none() {
        println!("skipped: no real data");
    }
    found
}

/// Whether a program of others is here; it must be where `ROOTSTRAP_PEERS=required`.
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
