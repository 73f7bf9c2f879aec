//! The scriptlets of the distribution's own packages.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::*;
use crate::rpm::package::Package;
use crate::rpm::scriptlet::{Phase, scriptlets};

/// Returns the directory of real packages, or `None` if there is none.
fn packages() -> Option<PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into());
    let packages = Path::new(&data).join("almalinux/9/BaseOS/aarch64/os/Packages");
    if packages.is_dir() {
        return Some(packages);
    }
    println!("skipped: no real data");
    None
}

/// Returns a scriptlet of a package, by the beginning of its file name. `None` if there is no data.
fn scriptlet(package: &str, phase: Phase) -> Option<Script> {
    let mut files = std::fs::read_dir(packages()?).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(package)).unwrap();
    let package = Package::inspect(&Content::from_file(File::open(file).unwrap()).unwrap()).unwrap();
    let found = scriptlets(package.header()).into_iter().find(|scriptlet| scriptlet.phase == phase).unwrap();
    assert!(found.script.is_lua());
    let name = format!("{}({})", phase.name(), package.identity().id());
    Some(Script { name, text: found.script.text, arguments: vec![1], ..Script::default() })
}

fn run_scriptlet(tree: &mut Tree, script: &Script) -> Outcome {
    run(tree, script, &environment(), &mut |_, _| CommandResult::SUCCESS).unwrap()
}

#[test]
fn filesystem_makes_the_links_of_the_root() {
    let Some(script) = scriptlet("filesystem-3", Phase::PreTrans) else { return };
    let mut tree = Tree::new();
    run_scriptlet(&mut tree, &script);
    let target = |path: &str| match &tree.node(tree.lookup(path.as_bytes()).unwrap()).kind {
        NodeKind::Symlink(target) => String::from_utf8_lossy(target).into_owned(),
        other => panic!("{path} is {other:?}"),
    };
    assert_eq!(
        ["/bin", "/sbin", "/lib", "/lib64", "/var/run", "/var/lock"].map(target),
        ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "../run", "../run/lock"]
    );
    let mode = |path: &str| tree.node(tree.lookup(path.as_bytes()).unwrap()).metadata.mode;
    assert_eq!(["/proc", "/sys", "/usr/bin", "/run"].map(mode), [0o555, 0o555, 0o755, 0o755]);
    let mut names = 0;
    tree.walk(|_, _| names += 1);
    assert_eq!(names, 26);
}

#[test]
fn bash_adds_itself_to_the_shells_and_takes_itself_out() {
    let Some(script) = scriptlet("bash-5", Phase::Post) else { return };
    for (before, after) in [
        (None, "/bin/sh\n/bin/bash\n"),
        (Some("/bin/sh\n/bin/zsh\n"), "/bin/sh\n/bin/zsh\n/bin/bash\n"),
        (Some("/bin/sh\n/bin/bash\n"), "/bin/sh\n/bin/bash\n"),
    ] {
        let mut tree = tree();
        if let Some(before) = before {
            tree.write(b"/etc/shells", Content::from(before.as_bytes()), 0o644).unwrap();
        }
        run_scriptlet(&mut tree, &script);
        assert_eq!(read(&tree, "/etc/shells"), after);
    }
    let Some(removal) = scriptlet("bash-5", Phase::PostUn) else { return };
    let mut tree = tree();
    tree.write(b"/etc/shells", Content::from(&b"/bin/sh\n/bin/zsh\n/bin/bash\n"[..]), 0o644).unwrap();
    run_scriptlet(&mut tree, &Script { arguments: vec![1], ..removal.clone() });
    assert_eq!(read(&tree, "/etc/shells"), "/bin/sh\n/bin/zsh\n/bin/bash\n", "an upgrade leaves them");
    run_scriptlet(&mut tree, &Script { arguments: vec![0], ..removal });
    assert_eq!(read(&tree, "/etc/shells"), "/bin/zsh\n");
}

#[test]
fn setup_removes_what_is_new_of_its_configuration() {
    let Some(script) = scriptlet("setup-2", Phase::Post) else { return };
    let mut tree = tree();
    tree.write(b"/etc/passwd.rpmnew", Content::empty(), 0o644).unwrap();
    assert!(run_scriptlet(&mut tree, &script).commands.is_empty(), "there is no newaliases");
    assert!(tree.lookup(b"/etc/passwd.rpmnew").is_none());
    tree.write(b"/usr/bin/newaliases", Content::empty(), 0o755).unwrap();
    let outcome = run_scriptlet(&mut tree, &script);
    assert_eq!(commands(&outcome), [("/usr/bin/newaliases >/dev/null".into(), true)]);
}

#[test]
fn libgcc_runs_ldconfig_where_it_is() {
    let Some(script) = scriptlet("libgcc-11", Phase::Post) else { return };
    let outcome = run_scriptlet(&mut tree(), &script);
    assert_eq!(commands(&outcome), [("/sbin/ldconfig".into(), true)]);
    assert!(run_scriptlet(&mut Tree::new(), &script).commands.is_empty());
}

#[test]
fn glibc_cleans_up_and_refreshes_its_caches() {
    let (Some(before), Some(after)) = (scriptlet("glibc-2", Phase::Pre), scriptlet("glibc-2", Phase::Post)) else { return };
    let mut tree = tree();
    for path in ["/usr/lib64/power9/libc-2.28.so", "/usr/lib64/power9/other.so", "/usr/lib64/glibc-hwcaps/power10/libm.so.6"] {
        let directory = crate::tree::split(path.as_bytes()).0.to_vec();
        tree.create_directories(&directory).unwrap();
        tree.write(path.as_bytes(), Content::empty(), 0o755).unwrap();
    }
    run_scriptlet(&mut tree, &before);
    assert!(tree.lookup(b"/usr/lib64/power9/libc-2.28.so").is_none());
    assert!(tree.lookup(b"/usr/lib64/glibc-hwcaps/power10/libm.so.6").is_none());
    assert!(tree.lookup(b"/usr/lib64/power9/other.so").is_some());
    let old = Environment { kernel: "2.6.32".into(), ..environment() };
    let error = run(&mut tree, &before, &old, &mut |_, _| CommandResult::NotRun).unwrap_err();
    assert_eq!(error.to_string(), "%pre(glibc-0:2.34-83.el9_3.7.aarch64): FATAL: kernel too old");

    tree.write(b"/etc/ld.so.conf", Content::from(&b"/opt/lib\n"[..]), 0o644).unwrap();
    tree.create_directories(b"/usr/lib64/gconv").unwrap();
    for name in ["gconv-modules", "gconv-modules.cache"] {
        tree.write(format!("/usr/lib64/gconv/{name}").as_bytes(), Content::empty(), 0o644).unwrap();
    }
    tree.write(b"/usr/sbin/iconvconfig", Content::empty(), 0o755).unwrap();
    let outcome = run_scriptlet(&mut tree, &after);
    assert_eq!(read(&tree, "/etc/ld.so.conf"), "include ld.so.conf.d/*.conf\n/opt/lib\n");
    assert!(tree.lookup(b"/etc/glibc_post_upgrade.ld.so.conf").is_none());
    let iconvconfig = "/usr/sbin/iconvconfig -o /usr/lib64/gconv/gconv-modules.cache --nostdlib /usr/lib64/gconv";
    assert_eq!(commands(&outcome), [("/usr/sbin/ldconfig".into(), true), (iconvconfig.into(), true)]);
    assert!(outcome.warnings.is_empty() && outcome.output.is_empty(), "{outcome:?}");
    let outcome = run_scriptlet(&mut tree, &after);
    assert_eq!(read(&tree, "/etc/ld.so.conf"), "include ld.so.conf.d/*.conf\n/opt/lib\n");
    assert_eq!(outcome.commands.len(), 2);
}
