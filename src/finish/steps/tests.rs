use super::*;
use crate::catalog::Catalog;
use crate::tree::display;

const EPOCH: i64 = 1_700_823_240;

/// The tested steps, in the format of a catalog file.
#[derive(serde::Deserialize)]
struct Steps {
    steps: Vec<Step>,
}

fn steps(toml: &str) -> Vec<Step> {
    toml::from_str::<Steps>(toml).unwrap().steps
}

fn rootfiles(package: &str) -> Option<Vec<Entry>> {
    let entry = |path: &str, kind| Entry {
        path: path.as_bytes().into(),
        kind,
        mode: 0o755,
        mtime: 5,
        user: Owner::named("bin"),
        group: Owner::ROOT,
        xattrs: crate::package::Xattrs::new(),
        digest: None,
    };
    let file = |path: &str| entry(path, EntryKind::File(Content::from(path.as_bytes())));
    (package == "rootfiles").then(|| {
        vec![
            file("/root/.bashrc"),
            entry("/usr/share/rootfiles", EntryKind::Directory),
            file("/usr/share/rootfiles/.bashrc"),
            file("/usr/share/rootfiles/.tcshrc"),
            file("/usr/share/rootfiles/visible"),
        ]
    })
}

fn run(tree: &mut Tree, toml: &str) -> Vec<Nothing> {
    apply(tree, &steps(toml), EPOCH, &rootfiles).unwrap()
}

fn file(tree: &mut Tree, path: &str, text: &str, mode: u16) {
    tree.write(path.as_bytes(), Content::from(text.as_bytes()), mode).unwrap();
}

/// Returns every path with its mode and content.
fn listing(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    tree.walk(|path, id| {
        let node = tree.node(id);
        let what = match &node.kind {
            NodeKind::File(content) => format!("{:?}", String::from_utf8_lossy(&content.bytes().unwrap())),
            NodeKind::Symlink(target) => format!("-> {}", display(target)),
            _ => "/".to_owned(),
        };
        lines.push(format!("{} {:o} {what}", display(path), node.metadata.mode));
    });
    lines
}

#[test]
fn a_link_is_made_where_its_condition_holds() {
    let link = |if_dir: Option<&str>, unless_dir: Option<&str>, path: &str| {
        let (if_dir, unless_dir) = (if_dir.map(str::to_owned), unless_dir.map(str::to_owned));
        Step::Link(Link { path: path.to_owned(), target: "/x".to_owned(), if_dir, unless_dir })
    };
    let steps = [
        link(Some("etc/systemd/system"), None, "etc/systemd/system/default.target"),
        link(None, Some("etc/systemd/system"), "etc/default.target"),
    ];
    for has_systemd in [true, false] {
        let mut tree = Tree::new();
        tree.write(b"etc/file", Content::from(&b""[..]), 0o644).unwrap();
        if has_systemd {
            tree.write(b"etc/systemd/system/x", Content::from(&b""[..]), 0o644).unwrap();
        }
        apply(&mut tree, &steps, 0, &|_| None).unwrap();
        assert_eq!(tree.lookup(b"etc/systemd/system/default.target").is_some(), has_systemd);
        assert_eq!(tree.lookup(b"etc/default.target").is_some(), !has_systemd);
    }
}

#[test]
fn files_are_written_as_the_shell_would() {
    let mut tree = Tree::new();
    file(&mut tree, "/etc/kept", "old\n", 0o600);
    file(&mut tree, "/etc/added", "old\n", 0o640);
    file(&mut tree, "/etc/over", "old\n", 0o600);
    let nothing = run(
        &mut tree,
        r#"steps = [
            { write = { path = "etc/BUILDTIME", date = "%Y%m%d_%H%M" } },
            { write = { path = "etc/kept", existing = "keep", mode = 0o444 } },
            { write = { path = "etc/new", existing = "keep", content = "x" } },
            { write = { path = "etc/added", existing = "append", content = "new\n" } },
            { write = { path = "etc/over", content = "new\n" } },
            { write = { path = "etc/rpm/macros", content = "x", if_dir = "etc/rpm" } },
            { write = { path = "etc/.pwd.lock", existing = "keep", mode = 0o600 } },
            { write = { path = "etc/made/for/it", if_dir = "etc" } },
        ]"#,
    );
    assert_eq!(nothing, []);
    assert_eq!(
        listing(&tree),
        [
            "etc 755 /",
            "etc/.pwd.lock 600 \"\"",
            "etc/BUILDTIME 644 \"20231124_1054\\n\"",
            "etc/added 640 \"old\\nnew\\n\"",
            "etc/kept 444 \"old\\n\"",
            "etc/made 755 /",
            "etc/made/for 755 /",
            "etc/made/for/it 644 \"\"",
            "etc/new 644 \"x\"",
            "etc/over 600 \"new\\n\"",
        ]
    );
}

#[test]
fn names_are_removed_linked_copied_and_replaced() {
    let mut tree = Tree::new();
    for path in ["/var/log/dnf.log", "/var/log/.hidden", "/var/log/other", "/boot/x/y", "/root/kept", "/etc/localtime"] {
        file(&mut tree, path, "text text\n", 0o640);
    }
    insert(&mut tree, b"/bin", Node::symlink(b"root")).unwrap();
    run(
        &mut tree,
        r#"steps = [
            { remove = ["var/log/dnf*", "boot", "nowhere/*", "bin/k*"] },
            { link = { path = "etc/localtime", target = "../usr/share/zoneinfo/UTC" } },
            { copy = { from = "var/log/other", to = "var/log/again" } },
            { copy = { from = "var/log/missing", to = "var/log/never" } },
            { replace = { files = "var/log/o*", from = "text", to = "tex" } },
            { directory = { path = "run/lock" } },
            { directory = { path = "var/log", mode = 0o700, owner = "mail" } },
            { mask_units = ["getty.target"] },
            { default_target = "multi-user.target" },
        ]"#,
    );
    assert_eq!(
        listing(&tree),
        [
            "bin 777 -> root",
            "etc 755 /",
            "etc/localtime 777 -> ../usr/share/zoneinfo/UTC",
            "etc/systemd 755 /",
            "etc/systemd/system 755 /",
            "etc/systemd/system/default.target 777 -> /usr/lib/systemd/system/multi-user.target",
            "etc/systemd/system/getty.target 777 -> /dev/null",
            "root 755 /",
            "run 755 /",
            "run/lock 755 /",
            "var 755 /",
            "var/log 700 /",
            "var/log/.hidden 640 \"text text\\n\"",
            "var/log/again 640 \"text text\\n\"",
            "var/log/other 640 \"tex tex\\n\"",
        ]
    );
    let log = tree.lookup(b"/var/log").unwrap();
    assert_eq!(tree.node(log).metadata.user, Owner::named("mail"));
    let error = apply(&mut tree, &steps(r#"steps = [{ link = { path = "var/log", target = "x" } }]"#), EPOCH, &rootfiles);
    assert!(matches!(error, Err(StepError::Tree { path, source: TreeError::IsADirectory(_) }) if path == "var/log"));
}

#[test]
fn accounts_are_added_once_and_in_the_shadow_tools_form() {
    let accounts = r#"steps = [
        { group = { name = "sgx", gid = 996, password = "!*" } },
        { group = { name = "mail", gid = 1 } },
        { user = { name = "oom", uid = 995, gid = 995, gecos = "OOM Killer", home = "/", shell = "/usr/sbin/nologin", password = "!!" } },
    ]"#;
    let mut tree = Tree::new();
    for (path, text) in [
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n+::::::\n"),
        ("/etc/group", "root:x:0:\nmail:x:12:"),
        ("/etc/shadow", "root:*:1::::::\n"),
        ("/etc/gshadow", "root:::\n"),
    ] {
        file(&mut tree, path, text, 0);
    }
    run(&mut tree, accounts);
    run(&mut tree, accounts);
    let text = |path: &str| tree.read_text(path.as_bytes());
    assert_eq!(text("/etc/passwd"), "root:x:0:0::/root:/bin/sh\noom:x:995:995:OOM Killer:/:/usr/sbin/nologin\n+::::::\n");
    assert_eq!(text("/etc/group"), "root:x:0:\nmail:x:12:\nsgx:x:996:\n");
    assert_eq!(text("/etc/shadow"), "root:*:1::::::\noom:!!:19685::::::\n");
    assert_eq!(text("/etc/gshadow"), "root:::\nsgx:!*::\n");
    assert_eq!(tree.node(tree.lookup(b"/etc/shadow").unwrap()).metadata.mode, 0, "the mode stays");
    // Without shadow files, the password goes into `passwd` and `group` themselves.
    let mut tree = Tree::new();
    run(&mut tree, accounts);
    assert_eq!(tree.read_text(b"/etc/group"), "sgx:!*:996:\nmail:!:1:\n");
    assert_eq!(tree.read_text(b"/etc/passwd"), "oom:!!:995:995:OOM Killer:/:/usr/sbin/nologin\n");
    assert!(tree.lookup(b"/etc/shadow").is_none());
}

#[test]
fn files_of_packages_that_are_not_installed() {
    let mut tree = Tree::new();
    file(&mut tree, "/root/.tcshrc", "old", 0o600);
    let take = |package: &str| {
        format!(
            r#"steps = [{{ files_from = {{ package = "{package}", files = ["usr/share/rootfiles/.*", "root/.*"], into = "root", mode = 0o644 }} }}]"#
        )
    };
    assert_eq!(run(&mut tree, &take("rootfiles")), []);
    assert_eq!(
        listing(&tree),
        ["root 755 /", "root/.bashrc 644 \"/usr/share/rootfiles/.bashrc\"", "root/.tcshrc 644 \"/usr/share/rootfiles/.tcshrc\""]
    );
    assert_eq!(run(&mut tree, &take("absent")), [Nothing::Package("absent".into())]);
    let none = r#"steps = [{ files_from = { package = "rootfiles", files = ["etc/*"], into = "root", mode = 0o644 } }]"#;
    assert!(matches!(run(&mut tree, none).as_slice(), [Nothing::Files { .. }]));
}

#[test]
fn files_of_packages_where_they_are_in_the_package() {
    let mut tree = Tree::new();
    file(&mut tree, "/usr/share/rootfiles/visible", "old", 0o600);
    let take =
        r#"steps = [{ files_from = { package = "rootfiles", files = ["root/.*", "usr/share/*", "usr/share/rootfiles/v*"] } }]"#;
    assert_eq!(run(&mut tree, take), []);
    assert_eq!(
        listing(&tree),
        [
            "root 755 /",
            "root/.bashrc 755 \"/root/.bashrc\"",
            "usr 755 /",
            "usr/share 755 /",
            "usr/share/rootfiles 755 /",
            "usr/share/rootfiles/visible 755 \"/usr/share/rootfiles/visible\"",
        ]
    );
    let metadata = &tree.node(tree.lookup(b"/root/.bashrc").unwrap()).metadata;
    assert_eq!((&metadata.user, metadata.mtime), (&Owner::named("bin"), 5));
    let none = r#"steps = [{ files_from = { package = "rootfiles", files = ["etc/*"] } }]"#;
    assert!(matches!(run(&mut tree, none).as_slice(), [Nothing::Files { .. }]));
}

#[test]
fn accounts_without_a_password_are_locked() {
    let mut tree = Tree::new();
    let lock = r#"steps = [{ lock_passwords = ["root", "absent", "set"] }]"#;
    assert_eq!(run(&mut tree, lock), []);
    assert_eq!(listing(&tree), Vec::<String>::new());
    file(&mut tree, "/etc/shadow", "chroot::1:::::\nroot::0:::::\nset:$6$x:0:::::\nopen::0:::::\n", 0o640);
    assert_eq!(run(&mut tree, lock), []);
    let text = "chroot::1:::::\nroot:*:0:::::\nset:$6$x:0:::::\nopen::0:::::\n";
    assert_eq!(listing(&tree), ["etc 755 /", &format!("etc/shadow 640 {text:?}")]);
}

#[test]
fn a_busybox_without_names_is_told() {
    let mut tree = Tree::new();
    let links = r#"steps = [{ busybox_links = { program = "bin/busybox", lists = "etc/busybox-paths.d" } }]"#;
    assert_eq!(run(&mut tree, links), []);
    file(&mut tree, "/bin/busybox", "?", 0o755);
    assert_eq!(run(&mut tree, links), [Nothing::BusyboxNames("bin/busybox".into())]);
    file(&mut tree, "/etc/busybox-paths.d/busybox", "usr/bin/[\n", 0o644);
    assert_eq!(run(&mut tree, links), []);
    assert!(listing(&tree).contains(&"usr/bin/[ 777 -> /bin/busybox".to_owned()));
}

#[test]
fn every_image_of_the_catalog_can_be_finished() {
    let catalog = Catalog::builtin();
    let mut images = 0;
    for distro in catalog.distros().unwrap() {
        for release in distro.releases() {
            for variant in release.variants() {
                for arch in variant.architectures() {
                    let image = catalog.find(distro.name(), release.name(), variant.name(), &arch.name).unwrap();
                    let mut tree = Tree::new();
                    apply(&mut tree, &image.finishing, EPOCH, &rootfiles).unwrap();
                    images += 1;
                }
            }
        }
    }
    assert!(images > 0);
}
