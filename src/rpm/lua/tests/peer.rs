//! Runs the same chunks in the real rpm's Lua, in a directory of the host, and in this one, in a
//! directory of the tree.

use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process;

use super::*;

/// Functions that each chunk may use.
const COMMON: &str = include_str!("chunks/common.lua");

macro_rules! chunks {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("chunks/", $name, ".lua")))),*]
    };
}

/// The chunks. Each starts in a directory with a file, a link, a directory, a dangling link and a
/// loop.
const CHUNKS: &[(&str, &str)] = chunks![
    "names",
    "links_and_renames",
    "modes",
    "status",
    "reading",
    "writing",
    "directories",
    "environment",
    "arguments",
    "versions",
    "base64_and_words",
    "macros",
    "forks",
    "libraries",
];

/// Reports whether a program of rpm exists and the user is root, like rpm's scriptlets. Otherwise
/// prints a message, or fails if peers are required.
fn have(program: &str) -> bool {
    if !process::Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()) {
        assert_ne!(std::env::var("ROOTSTRAP_PEERS").as_deref(), Ok("required"), "{program} is required");
        println!("skipped: no {program}");
        return false;
    }
    let root = process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        println!("skipped: not root");
    }
    root
}

/// Creates the initial files of both runs.
fn prepare(directory: &Path) {
    std::fs::create_dir_all(directory.join("dir/sub")).unwrap();
    std::fs::write(directory.join("file"), "one\ntwo\n").unwrap();
    for (target, name) in [("dir", "link"), ("gone", "dangling"), ("loop", "loop")] {
        std::os::unix::fs::symlink(target, directory.join(name)).unwrap();
    }
    std::fs::set_permissions(directory.join("file"), PermissionsExt::from_mode(0o644)).unwrap();
}

fn prepared_tree(base: &str) -> Tree {
    let mut tree = tree();
    tree.create_directories(format!("{base}/dir/sub").as_bytes()).unwrap();
    tree.write(format!("{base}/file").as_bytes(), Content::from(&b"one\ntwo\n"[..]), 0o644).unwrap();
    let directory = tree.resolve(base.as_bytes()).unwrap();
    for (target, name) in [("dir", "link"), ("gone", "dangling"), ("loop", "loop")] {
        tree.insert(directory, name.as_bytes(), Node::symlink(target.as_bytes())).unwrap();
    }
    for program in ["touch", "false"] {
        tree.write(format!("/usr/bin/{program}").as_bytes(), Content::empty(), 0o755).unwrap();
    }
    tree
}

/// Lists a directory, one line per name: type, mode and content.
fn listing_of_host(directory: &Path, prefix: &str, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let status = entry.path().symlink_metadata().unwrap();
        let kind = status.file_type();
        let mut line = format!("{name} {:o}", status.mode() & 0o7777);
        if kind.is_symlink() {
            line = format!("{name} -> {}", std::fs::read_link(entry.path()).unwrap().display());
        } else if kind.is_dir() {
            listing_of_host(&entry.path(), &format!("{name}/"), lines);
        } else if kind.is_file() {
            write!(line, " {:?}", String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap())).unwrap();
        }
        lines.push(line);
    }
}

fn listing_of_tree(tree: &Tree, base: &str) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(|path, id| {
        let path = format!("/{}", String::from_utf8_lossy(path));
        let Some(name) = path.strip_prefix(&format!("{base}/")) else { return };
        let node = tree.node(id);
        let mut line = format!("{name} {:o}", node.metadata.mode);
        match &node.kind {
            NodeKind::Symlink(target) => line = format!("{name} -> {}", String::from_utf8_lossy(target)),
            NodeKind::File(content) => write!(line, " {:?}", String::from_utf8_lossy(&content.bytes().unwrap())).unwrap(),
            _ => {}
        }
        lines.push(line);
    });
    lines.sort();
    lines
}

/// Does the work of `touch` and `false`, also through a shell.
fn pretend(tree: &mut Tree, command: &Command, directory: &str) -> CommandResult {
    let words = command.words();
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["touch", name] => {
            // A command runs in the script's directory, which follows from the chunks here.
            let base = if name == "inside" { format!("{directory}/by-child") } else { directory.to_owned() };
            let mode = if name == "inside" { 0o600 } else { 0o644 };
            let done = tree.write(format!("{base}/{name}").as_bytes(), Content::empty(), mode).is_ok();
            CommandResult::Done { status: u8::from(!done), output: Vec::new() }
        }
        ["exit", "3"] => CommandResult::Done { status: 3, output: Vec::new() },
        ["false"] => CommandResult::Done { status: 1, output: Vec::new() },
        _ => panic!("{words:?}"),
    }
}

#[test]
fn chunks_do_what_they_do_in_the_real_rpm() {
    if !have("rpm") {
        return;
    }
    let mut different = String::new();
    for (name, chunk) in CHUNKS {
        let host = tempfile::tempdir().unwrap();
        let host = host.path().canonicalize().unwrap();
        let base = host.join("base");
        prepare(&base);
        let base_text = base.to_str().unwrap();
        let chunk = format!("{COMMON}\nlocal BASE = '{base_text}'\nposix.chdir(BASE)\n{chunk}");
        let file = host.join("chunk.lua");
        std::fs::write(&file, &chunk).unwrap();
        let eval = format!("%{{lua: posix.umask('rwxr-xr-x') assert(loadfile('{}'))(opt, arg) }}", file.display());
        // Warnings about deprecated functions go to standard error.
        let output = process::Command::new("rpm").args(["--eval", &eval]).env("LC_ALL", "C").env("TZ", "UTC").output().unwrap();
        let expected = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();

        let mut tree = prepared_tree(base_text);
        let script = Script { arguments: Vec::new(), ..script(&chunk) };
        let mut handler = |tree: &mut Tree, command: &Command| pretend(tree, command, base_text);
        let found = match run(&mut tree, &script, &environment(), &mut handler) {
            Ok(outcome) => String::from_utf8_lossy(&outcome.output).trim_end().to_owned(),
            Err(error) => panic!("{name}: {error}\n{}", String::from_utf8_lossy(&error.outcome.output)),
        };
        for pair in
            expected.lines().map(Some).chain(std::iter::repeat(None)).zip(found.lines().map(Some).chain(std::iter::repeat(None)))
        {
            match pair {
                (None, None) => break,
                (a, b) if a != b => writeln!(different, "{name}:\n  rpm  {a:?}\n  ours {b:?}").unwrap(),
                _ => {}
            }
        }
        let mut on_host = Vec::new();
        listing_of_host(&base, "", &mut on_host);
        on_host.sort();
        let in_tree = listing_of_tree(&tree, base_text);
        for line in on_host.iter().filter(|line| !in_tree.contains(line)) {
            writeln!(different, "{name}: only rpm has {line}").unwrap();
        }
        for line in in_tree.iter().filter(|line| !on_host.contains(line)) {
            writeln!(different, "{name}: only ours has {line}").unwrap();
        }
        if !output.status.success() {
            writeln!(different, "{name}: {}", String::from_utf8_lossy(&output.stderr)).unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
}

/// A package that tests the arguments of scriptlets and the results of failing ones.
const SPEC: &str = r#"
Name: lua-peer
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%pretrans -p <lua>
posix.mkdir("/etc")
f = io.open("/etc/log", "a") f:write("pretrans ", type(arg), " ", #arg, " ", tostring(arg[1]), " ", tostring(arg[2]), " ", posix.getcwd(), " ", posix.umask(), "\n") f:close()
%pre -p <lua>
f = io.open("/etc/log", "a") f:write("pre ", #arg, " ", arg[1], " ", tostring(arg[2]), " ", math.type(arg[2]) or "?", "\n") f:close()
posix.mkdir("/made") posix.symlink("made", "/link") posix.umask("rwx------") posix.chdir("/made")
%post -p <lua>
f = io.open("/etc/log", "a") f:write("post ", arg[2], " ", posix.getcwd(), " ", posix.umask(), "\n") f:close()
posix.chmod("/made", 700) posix.chown("/made", 1, 2)
posix.mkfifo("/fifo") posix.link("/etc/log", "/also")
os.rename("/link", "/moved")
return 5
%posttrans -p <lua>
f = io.open("/etc/log", "a") f:write("posttrans ", #arg, "\n") f:close()
error("failed")
%files
"#;

#[test]
fn scriptlets_of_a_package_do_what_they_do_when_rpm_installs_it() {
    if !have("rpm") || !have("rpmbuild") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let spec = directory.path().join("lua-peer.spec");
    std::fs::write(&spec, SPEC).unwrap();
    let built = process::Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--define"])
        .arg(format!("_topdir {}", directory.path().display()))
        .arg(&spec)
        .output()
        .unwrap();
    let package = directory.path().join("RPMS/noarch/lua-peer-1-1.noarch.rpm");
    assert!(package.exists(), "{}", String::from_utf8_lossy(&built.stderr));
    let host = directory.path().join("root");
    std::fs::create_dir(&host).unwrap();
    let install =
        process::Command::new("rpm").args(["-i", "--nodeps", "--nosignature", "--root"]).arg(&host).arg(&package).output();
    let told = String::from_utf8_lossy(&install.unwrap().stderr).into_owned();

    let mut tree = Tree::new();
    let opened = crate::rpm::package::Package::inspect(&Content::from(std::fs::read(&package).unwrap())).unwrap();
    for scriptlet in crate::rpm::scriptlet::scriptlets(opened.header()) {
        let name = scriptlet.phase.name();
        // rpm passes all scriptlets the number of instances of the package after the transaction,
        // including those before and after the transaction.
        let script = Script { name: name.into(), text: scriptlet.script.text, arguments: vec![1], ..Script::default() };
        let result = run(&mut tree, &script, &environment(), &mut |_, _| CommandResult::NotRun);
        match result {
            Ok(_) => assert!(!told.contains(&format!("{name}(")), "{told}"),
            Err(error) => assert!(
                told.contains(&error.problem.to_string().replace("%posttrans", "%posttrans(lua-peer-1-1.noarch)")),
                "{error}\n{told}"
            ),
        }
    }
    let mut on_host = Vec::new();
    listing_of_host(&host, "", &mut on_host);
    on_host.retain(|line| !line.starts_with("var") && !line.starts_with("root"));
    on_host.sort();
    assert_eq!(listing_of_tree(&tree, ""), on_host);
    let made = host.join("made").metadata().unwrap();
    let node = &tree.node(tree.lookup(b"/made").unwrap()).metadata;
    assert_eq!((made.uid(), made.gid()), (1, 2));
    assert_eq!((&node.user, &node.group), (&crate::package::Owner::Id(1), &crate::package::Owner::Id(2)));
}
