//! Tests that scriptlets behave as in rpm: with written expectations, with real packages, in
//! comparison with the real rpm, and with hostile scripts.

mod forks;
mod hostile;
mod libraries;
mod patterns;
mod peer;
mod real;

use super::*;
use crate::package::Content;
use crate::tree::{Metadata, Node, NodeKind};

const EPOCH: i64 = 1_700_000_000;

fn script(text: &str) -> Script {
    Script { name: "%post(test-1-1.noarch)".into(), text: text.into(), arguments: vec![1], ..Script::default() }
}

/// Creates a small tree: a shell, accounts, a link, an executable and a plain file.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for directory in ["/usr/bin", "/usr/sbin", "/usr/lib64", "/etc", "/tmp", "/dev"] {
        tree.create_directories(directory.as_bytes()).unwrap();
    }
    for (name, target) in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib64", "usr/lib64")] {
        tree.insert(Tree::ROOT, name.as_bytes(), Node::symlink(target.as_bytes())).unwrap();
    }
    for program in ["/usr/bin/sh", "/usr/sbin/ldconfig", "/usr/bin/prog"] {
        tree.write(program.as_bytes(), Content::from(&b"\x7fELF"[..]), 0o755).unwrap();
    }
    let passwd =
        "root:x:0:0:Super User:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\nnobody:x:65534:65534::/:/sbin/nologin\n";
    tree.write(b"/etc/passwd", Content::from(passwd.as_bytes()), 0o644).unwrap();
    tree.write(b"/etc/group", Content::from(&b"root:x:0:\nbin:x:1:\nwheel:x:10:alice,bob\n"[..]), 0o644).unwrap();
    tree.write(b"/etc/plain", Content::from(&b"one\ntwo\n\nlast"[..]), 0o644).unwrap();
    tree
}

fn environment() -> Environment {
    Environment::new("aarch64", EPOCH)
}

fn run_on(tree: &mut Tree, text: &str) -> Result<Outcome, LuaError> {
    run(tree, &script(text), &environment(), &mut |_, _| CommandResult::NotRun)
}

/// Returns the output of a script on the small tree.
fn printed(text: &str) -> String {
    let outcome = run_on(&mut tree(), text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    String::from_utf8_lossy(&outcome.output).into_owned()
}

/// Returns the error of a script on the small tree.
fn failure(text: &str) -> Problem {
    run_on(&mut tree(), text).expect_err(text).problem
}

fn read(tree: &Tree, path: &str) -> String {
    assert!(tree.resolve(path.as_bytes()).is_some(), "{path} is missing");
    tree.read_text(path.as_bytes())
}

/// Returns the executed commands, and whether their work was done.
fn commands(outcome: &Outcome) -> Vec<(String, bool)> {
    outcome.commands.iter().map(|e| (e.command.display(), e.result != CommandResult::NotRun)).collect()
}
