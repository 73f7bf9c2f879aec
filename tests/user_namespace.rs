//! Test of writing a tree in a user namespace. This needs a process with one thread, unlike usual
//! test programs, so it is a program of its own (`harness = false`). As root it runs itself as an
//! ordinary user, who then enters a namespace.

#![allow(clippy::print_stdout, reason = "a test program tells what it skips")]

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rootstrap::cancel::Cancel;
use rootstrap::output::user_namespace::{Entered, Mapping, UserNamespaceError, enter};
use rootstrap::output::{Directory, Ownership, Reason, WriteOptions, Written};
use rootstrap::package::{Content, Owner};
use rootstrap::reporter::Silent;
use rootstrap::tree::Tree;

/// Names the directory to write in, for the process that is an ordinary user.
const PLACE: &str = "ROOTSTRAP_TEST_PLACE";
const USER: u32 = 65534;

fn main() -> ExitCode {
    if let Some(place) = std::env::var_os(PLACE) {
        return as_user(Path::new(&place));
    }
    // `cargo test` asks every test program for its list, and passes filters on.
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    if rustix::process::geteuid().is_root() {
        let program = place.path().join("program");
        std::fs::copy("/proc/self/exe", &program).expect("a copy of this program");
        std::os::unix::fs::chown(place.path(), Some(USER), Some(USER)).expect("a directory of the user");
        command = Command::new(program);
        command.uid(USER).gid(USER);
    }
    let status = command.env(PLACE, place.path()).status().expect("this program again");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_user(place: &Path) -> ExitCode {
    match enter() {
        Ok(Entered::Inside(mapping)) => inside(place, &mapping),
        Ok(Entered::Done(status)) => ExitCode::from(status.code().map_or(99, |code| code as u8)),
        Err(UserNamespaceError::Forbidden(error)) => {
            println!("skipped: {error}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn inside(place: &Path, mapping: &Mapping) -> ExitCode {
    println!("inside a user namespace: {mapping:?}");
    assert!(rustix::process::geteuid().is_root());
    assert_eq!(Ownership::detect(), Ownership::UserNamespace);
    let mut tree = Tree::new();
    let mail = tree.create_directories(b"/var/mail").expect("a directory");
    tree.node_mut(mail).metadata.group = Owner::Id(12);
    tree.write(b"/etc/hostname", Content::from(&b"x\n"[..]), 0o644).expect("a file");
    let options = WriteOptions { ownership: Ownership::detect(), epoch: 0, jobs: None, sync: false };
    let out = place.join("out");
    let written: Written = Directory::prepare(&out)
        .and_then(|directory| directory.write(&tree, &options, &Silent, &Cancel::new()))
        .expect("the tree is written");
    let owner = |path: &str| std::fs::metadata(out.join(path)).map(|found| (found.uid(), found.gid())).expect("a path");
    assert_eq!(owner("etc/hostname"), (0, 0));
    if mapping.groups > 12 {
        assert_eq!(mapping.problem, None);
        assert_eq!(owner("var/mail"), (0, 12));
        assert_eq!(written.not_applied, []);
    } else {
        assert!(mapping.problem.is_some(), "the user is told why");
        assert_eq!((mapping.users, mapping.groups), (1, 1));
        assert_eq!(written.not_applied.len(), 1);
        assert_eq!((written.not_applied[0].reason, written.not_applied[0].recorded), (Reason::NotMapped, true));
        assert_eq!(owner("var/mail"), (0, 0));
    }
    ExitCode::SUCCESS
}
