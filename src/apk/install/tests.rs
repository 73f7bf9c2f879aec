use super::*;
use crate::apk::package::testing::{Apk, Member, data, package, real_packages};
use crate::catalog::{Architecture, ByteOrder, DatabaseBackend};
use crate::digest::{Algorithm, Digest};
use crate::finish;
use crate::package::Owner;
use crate::reporter::Silent;
use crate::tree::NodeKind;

/// The order in which apk installs these packages.
const ORDER: [&str; 14] = [
    "alpine-baselayout-data-3.6.5-r0",
    "musl-1.2.5-r0",
    "busybox-1.36.1-r29",
    "busybox-binsh-1.36.1-r29",
    "alpine-baselayout-3.6.5-r0",
    "alpine-keys-2.4-r1",
    "ca-certificates-bundle-20240705-r0",
    "libcrypto3-3.3.2-r0",
    "libssl3-3.3.2-r0",
    "ssl_client-1.36.1-r29",
    "zlib-1.3.1-r1",
    "apk-tools-2.14.4-r0",
    "scanelf-1.3.7-r2",
    "musl-utils-1.2.5-r0",
];

fn options(arch: &str) -> InstallOptions {
    let arch = Architecture { name: arch.to_owned(), platform: "amd64".parse().unwrap(), byte_order: ByteOrder::Little };
    let database = catalog::Database {
        backend: DatabaseBackend::Apk214,
        path: "lib/apk/db".to_owned(),
        dropped_by_distro: false,
        assumed: catalog::Assumed::default(),
    };
    InstallOptions { arch, database: Some(database), epoch: 1_700_000_000, scriptlets: None }
}

fn install_all(packages: &[Package], world: &str, effects: Scriptlets, arch: &str) -> Result<(Tree, Installed), InstallError> {
    let mut tree = Tree::new();
    let world = crate::apk::dependency::read_world(world).unwrap();
    let selected: Vec<Selected<'_>> = packages.iter().map(|package| Selected { package, tag: None }).collect();
    let options = InstallOptions { scriptlets: Some(effects), ..options(arch) };
    let installed = install(&mut tree, &selected, &world, &options, &Silent, &Cancel::default())?;
    Ok((tree, installed))
}

/// Returns the tree in the format of the manifests.
fn manifest(tree: &mut Tree) -> Vec<String> {
    assert!(finish::owners::resolve(tree).is_empty());
    let mut lines = Vec::new();
    tree.walk(|path, id| {
        let node = tree.node(id);
        let number = |owner: &Owner| match owner {
            Owner::Id(id) => *id,
            Owner::Name(name) => panic!("{name}"),
        };
        let m = &node.metadata;
        let (kind, size, digest) = match &node.kind {
            NodeKind::Directory(_) => ('d', 0, "-".to_owned()),
            NodeKind::File(content) => ('f', content.len(), Digest::of(Algorithm::Sha256, &content.bytes().unwrap()).hex()),
            NodeKind::Symlink(target) => ('l', 0, String::from_utf8_lossy(target).into_owned()),
            NodeKind::CharacterDevice { major, minor } => ('c', 0, format!("{major}:{minor}")),
            NodeKind::BlockDevice { major, minor } => ('b', 0, format!("{major}:{minor}")),
            NodeKind::Fifo | NodeKind::Socket => ('p', 0, "-".to_owned()),
        };
        let path = String::from_utf8_lossy(path);
        lines.push(format!("{path}\t{kind}\t{:04o}\t{}\t{}\t{size}\t{digest}", m.mode, number(&m.user), number(&m.group)));
    });
    lines.sort();
    lines
}

/// The real packages give the same tree as apk, path for path, and the same database, byte for
/// byte.
#[test]
fn the_real_minirootfs() {
    for arch in ["x86_64", "aarch64"] {
        let Some(packages) = real_packages(arch, &ORDER) else { return };
        let data = data().unwrap();
        let expected = |name: &str| std::fs::read(data.join(format!("expected/3.20-{arch}.{name}"))).unwrap();
        let world = "musl-utils alpine-baselayout";
        let (mut tree, installed) = install_all(&packages, world, Scriptlets::Off, arch).unwrap();
        let content = |tree: &Tree, path: &str| tree.read(path.as_bytes()).unwrap().bytes().unwrap().into_owned();
        assert_eq!(
            String::from_utf8_lossy(&content(&tree, "/lib/apk/db/installed")),
            String::from_utf8_lossy(&expected("apk-db/installed"))
        );
        assert!(content(&tree, "/lib/apk/db/scripts.tar") == expected("apk-db/scripts.tar"), "scripts.tar");
        assert_eq!(content(&tree, "/lib/apk/db/triggers"), expected("apk-db/triggers"));
        assert_eq!(content(&tree, "/etc/apk/world"), b"alpine-baselayout\nmusl-utils\n");
        let world = String::from_utf8(expected("apk-db/world")).unwrap();
        tree.write(b"/etc/apk/world", database::world(&crate::apk::dependency::read_world(&world).unwrap()).into(), 0).unwrap();
        let manifest = manifest(&mut tree);
        let shipped = String::from_utf8(expected("apk-noscripts.manifest.tsv")).unwrap();
        let mut shipped: Vec<&str> = shipped.lines().collect();
        shipped.sort_unstable();
        let missing: Vec<_> = shipped.iter().filter(|line| !manifest.iter().any(|have| have == *line)).collect();
        let more: Vec<_> = manifest.iter().filter(|line| !shipped.contains(&line.as_str())).collect();
        assert!(missing.is_empty() && more.is_empty(), "{arch}\nmissing {missing:#?}\nmore {more:#?}");
        let scripts: Vec<String> = installed.scriptlets.iter().map(|s| format!("{} {}", s.package, s.scriptlet)).collect();
        assert_eq!(
            scripts,
            [
                "busybox-1.36.1-r29 post-install",
                "alpine-baselayout-3.6.5-r0 pre-install",
                "alpine-baselayout-3.6.5-r0 post-install",
                "busybox-1.36.1-r29 trigger",
            ]
        );
    }
}

/// The catalog's finishing steps give the tree that Alpine ships. The database of the rebuilt
/// packages differs, and so do the files of a package that this repository lacks.
#[test]
fn the_shipped_minirootfs() {
    for arch in ["x86_64", "aarch64"] {
        let Some(packages) = real_packages(arch, &ORDER) else { return };
        let image = catalog::Catalog::builtin().find("alpine", "3.20", "minirootfs", arch).unwrap();
        let mut tree = Tree::new();
        let world = crate::apk::dependency::read_world(&image.install[0].packages.join(" ")).unwrap();
        let selected: Vec<Selected<'_>> = packages.iter().map(|package| Selected { package, tag: None }).collect();
        let options = InstallOptions { arch: image.arch, database: Some(image.database), epoch: 1_700_000_000, scriptlets: None };
        install(&mut tree, &selected, &world, &options, &Silent, &Cancel::default()).unwrap();
        let missing = finish::steps::apply(&mut tree, &image.finishing, 1_700_000_000, &|_| None).unwrap();
        assert_eq!(missing, [finish::steps::Nothing::Package("alpine-release".into())]);
        let manifest = manifest(&mut tree);
        let shipped = std::fs::read_to_string(data().unwrap().join(format!("expected/3.20-{arch}.manifest.tsv"))).unwrap();
        let expected = |line: &&str| {
            let path = line.split('\t').next().unwrap_or_default();
            !path.starts_with("lib/apk/db/")
                && !["etc/alpine-release", "etc/issue", "etc/os-release", "etc/secfixes.d", "etc/secfixes.d/alpine"]
                    .contains(&path)
        };
        let shipped: Vec<&str> = shipped.lines().filter(expected).collect();
        let made: Vec<&str> = manifest.iter().map(String::as_str).filter(expected).collect();
        let missing: Vec<_> = shipped.iter().filter(|line| !made.contains(line)).collect();
        let more: Vec<_> = made.iter().filter(|line| !shipped.contains(line)).collect();
        assert!(missing.is_empty() && more.is_empty(), "{arch}\nmissing {missing:#?}\nmore {more:#?}");
    }
}

/// Native scripts give the accounts, their backups and the links of a real apk run, digest for
/// digest. `shadow` differs because it contains the date.
#[test]
fn the_real_scripts_effects() {
    let Some(packages) = real_packages("x86_64", &ORDER) else { return };
    let (mut tree, installed) = install_all(&packages, "", Scriptlets::Native, "x86_64").unwrap();
    let manifest = manifest(&mut tree);
    let real = std::fs::read_to_string(data().unwrap().join("expected/3.20-x86_64.apk-scripts.manifest.tsv")).unwrap();
    // apk creates `lib/apk/exec` for the scripts that it runs. The world differs too.
    let but = ["etc/shadow", "etc/apk/world", "lib/apk/exec"];
    let counts = |line: &&str| !but.contains(&line.split('\t').next().unwrap_or_default());
    let missing: Vec<_> = real.lines().filter(counts).filter(|line| !manifest.iter().any(|made| made == line)).collect();
    let more: Vec<_> = manifest.iter().map(String::as_str).filter(counts).filter(|line| !real.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}\nmore {more:#?}");
    let of = |scriptlet: &str, package: &str| {
        let record =
            installed.scriptlets.iter().find(|record| record.scriptlet == scriptlet && record.package.starts_with(package));
        record.unwrap().outcome.clone()
    };
    assert_eq!(
        of("post-install", "busybox-"),
        crate::ecosystem::ScriptletOutcome::Replaced {
            by: vec![
                "mkdir -p /bin /sbin /usr/bin /usr/sbin".into(),
                "bin/busybox --install -s".into(),
                "addgroup klogd".into(),
                "adduser klogd".into()
            ]
        }
    );
    assert!(matches!(of("post-install", "alpine-baselayout-"), crate::ecosystem::ScriptletOutcome::NotRun { .. }));
}

/// The names built into a busybox binary are those that its package lists.
#[test]
fn busybox_tells_its_own_names() {
    for arch in ["x86_64", "aarch64"] {
        let Some(packages) = real_packages(arch, &["busybox-1.36.1-r29"]) else { return };
        let content = |path: &str| {
            let file = packages[0].files().iter().find(|file| *file.path == *path.as_bytes()).unwrap();
            match &file.kind {
                crate::apk::package::FileKind::Regular(content) => content.clone(),
                other => panic!("{other:?}"),
            }
        };
        let built_in = finish::busybox::built_in(&content("bin/busybox")).unwrap();
        let mut built_in: Vec<String> = built_in.into_iter().map(|path| String::from_utf8(path).unwrap()).collect();
        built_in.sort();
        let list = content("etc/busybox-paths.d/busybox").bytes().unwrap().into_owned();
        let list = String::from_utf8(list).unwrap();
        let mut list: Vec<&str> = list.lines().collect();
        list.sort_unstable();
        assert_eq!(built_in, list);
    }
}

/// The base packages of the fixture mirror and their finishing steps give the same root as the
/// shipped command.
#[test]
fn the_fixtures_make_a_root() {
    let fixture = |repository: &str, name: &str| {
        let path = format!("{}/repo-fixtures/v3.20/{repository}/aarch64/{name}.apk", env!("CARGO_MANIFEST_DIR"));
        crate::apk::package::testing::open(&std::fs::read(path).unwrap()).unwrap()
    };
    let names = [
        "alpine-baselayout-data-3.6.5-r0",
        "musl-1.2.5-r0",
        "busybox-1.36.1-r29",
        "busybox-binsh-1.36.1-r29",
        "alpine-baselayout-3.6.5-r0",
        "alpine-keys-2.4-r1",
        "ca-certificates-bundle-20240705-r0",
        "libssl3-3.3.2-r0",
        "ssl_client-1.36.1-r29",
        "apk-tools-2.14.4-r0",
        "musl-utils-1.2.5-r0",
    ];
    let mut packages: Vec<Package> = names.iter().map(|name| fixture("main", name)).collect();
    packages.push(fixture("community", "hello-2.0-r1"));
    let (mut tree, installed) = install_all(&packages, "hello", Scriptlets::Native, "aarch64").unwrap();
    let image = catalog::Catalog::builtin().find("alpine", "3.20", "minirootfs", "arm64").unwrap();
    let release = fixture("main", "alpine-release-3.20.3-r0");
    let files = |name: &str| (name == "alpine-release").then(|| release.entries());
    assert_eq!(finish::steps::apply(&mut tree, &image.finishing, 0, &files).unwrap(), []);
    let made = manifest(&mut tree).join("\n");
    for line in ["etc/shadow\tf\t0640\t0\t42\t", "var/mail\td\t0755\t0\t12\t", "usr/bin/[\tl\t0777\t0\t0\t0\t/bin/busybox"] {
        assert!(made.contains(line), "{line}\n{made}");
    }
    assert!(!made.contains("dev/"), "{made}");
    assert_eq!(text(&tree, "/etc/shadow"), "root:*::0:::::\nmail:!::0:::::\n");
    assert_eq!(text(&tree, "/etc/alpine-release"), "3.20.3\n");
    assert_eq!(text(&tree, "/etc/secfixes.d/alpine"), "https://secdb.alpinelinux.org/v3.20/main.json\n");
    assert_eq!(tree.lookup(b"/sbin/apk"), tree.lookup(b"/sbin/apk.static"));
    assert!(text(&tree, "/lib/apk/db/installed").contains("R:hello.txt\na:0:0:644:Q1"));
    let of_busybox = installed.scriptlets.iter().filter(|record| record.package.starts_with("busybox")).count();
    assert_eq!(of_busybox, 2);
}

fn etc() -> Apk {
    Apk::new("base", "1-r0", "x86_64").files([
        Member::directory("etc"),
        Member::file("etc/passwd", "root:x:0:0::/:/bin/sh\nmail:x:8:8::/:/\n"),
        Member::file("etc/group", "root:x:0:\ndisk:x:6:\n"),
        Member::directory("shared").mode(0o775),
    ])
}

fn text(tree: &Tree, path: &str) -> String {
    tree.read_text(path.as_bytes())
}

fn mode(tree: &Tree, path: &str) -> u16 {
    tree.node(tree.lookup(path.as_bytes()).unwrap()).metadata.mode
}

#[test]
fn owners_are_those_of_the_root_and_directories_those_of_all() {
    let other = Apk::new("other", "1-r0", "x86_64").files([
        Member::directory("shared").mode(0o1757),
        Member::directory("etc"),
        Member::file("etc/own", "x").group("disk"),
        Member::file("etc/lost", "x").group("nobody-knows"),
        Member::directory("proc"),
        Member::directory("tmp").mode(0o700),
    ]);
    let (tree, _) = install_all(&[package(&etc()), package(&other)], "", Scriptlets::Off, "x86_64").unwrap();
    assert_eq!(mode(&tree, "/shared"), 0o755, "what all allow");
    assert_eq!(mode(&tree, "/proc"), 0o555, "what was there keeps its permissions");
    assert_eq!(mode(&tree, "/tmp"), 0o1777);
    let group = |path: &str| tree.node(tree.lookup(path.as_bytes()).unwrap()).metadata.group.clone();
    assert_eq!((group("/etc/own"), group("/etc/lost")), (Owner::Id(6), Owner::Id(0)));
    let installed = text(&tree, "/lib/apk/db/installed");
    assert!(installed.contains("F:shared\nM:0:0:1757\n") && installed.contains("R:own\na:0:6:644\nZ:"), "{installed}");
    assert_eq!(text(&tree, "/etc/apk/world"), "\n");
    assert_eq!(text(&tree, "/etc/apk/arch"), "x86_64\n");
}

#[test]
fn files_of_two_packages() {
    let mine = |name, content: &str, key, value: &str| {
        package(&Apk::new(name, "1-r0", "x86_64").info(key, value).files([
            Member::directory("bin"),
            Member::program("bin/tool", content),
            Member::hard_link("bin/tool-too", "bin/tool"),
        ]))
    };
    let run = |packages: &[Package]| install_all(packages, "", Scriptlets::Off, "x86_64");
    let error = run(&[mine("a", "a", "url", "-"), mine("b", "b", "url", "-")]).unwrap_err();
    assert_eq!(error.to_string(), "a-1-r0 and b-1-r0 both bring /bin/tool, and not the same (neither replaces the other)");

    let (tree, _) = run(&[mine("a", "a", "url", "-"), mine("b", "b", "replaces", "a")]).unwrap();
    assert_eq!((text(&tree, "/bin/tool"), text(&tree, "/bin/tool-too")), ("b".into(), "b".into()));
    assert_eq!(tree.lookup(b"/bin/tool"), tree.lookup(b"/bin/tool-too"));
    let installed = text(&tree, "/lib/apk/db/installed");
    let (first, second) = installed.split_once("\n\n").unwrap();
    assert!(first.ends_with("F:bin") && second.contains("F:bin\nR:tool\na:0:0:755\nZ:"), "{installed}");

    let (tree, _) = run(&[mine("b", "b", "replaces", "a"), mine("a", "a", "url", "-")]).unwrap();
    assert_eq!(text(&tree, "/bin/tool"), "b", "who is replaced does not take back");
}

/// Reads the database of a root back, as the start of a further change.
fn again(tree: &Tree) -> Installation {
    let read = |name: &str| tree.read(format!("/lib/apk/db/{name}").as_bytes()).unwrap().bytes().unwrap().into_owned();
    let database = Database::read(&read("installed"), &read("scripts.tar"), &read("triggers")).unwrap();
    Installation::new(tree, database)
}

#[test]
fn an_upgrade_keeps_what_the_user_changed() {
    let old = etc().files([
        Member::file("etc/changed", "old"),
        Member::file("etc/same", "old"),
        Member::file("etc/gone", "old"),
        Member::file("etc/gone-but-changed", "old"),
        Member::directory("usr"),
        Member::directory("usr/old"),
        Member::file("usr/old/file", "old"),
        Member::file("usr/changed", "old"),
    ]);
    let (mut tree, _) = install_all(&[package(&old)], "base", Scriptlets::Off, "x86_64").unwrap();
    for path in ["/etc/changed", "/etc/gone-but-changed", "/usr/changed", "/etc/both"] {
        tree.write(path.as_bytes(), Content::from(&b"mine"[..]), 0o644).unwrap();
    }
    tree.write(b"/etc/equal", Content::from(&b"new"[..]), 0o600).unwrap();
    let mut new = Apk::new("base", "2-r0", "x86_64").files([
        Member::directory("etc"),
        Member::file("etc/changed", "new"),
        Member::file("etc/same", "new"),
        Member::file("etc/both", "new"),
        Member::file("etc/equal", "new"),
        Member::directory("usr"),
        Member::file("usr/changed", "new"),
    ]);
    new.info.push(("triggers", "/usr".into()));
    let mut installation = again(&tree);
    installation.install(&mut tree, &package(&new), PackageIndex(0), Some("edge".into())).unwrap();
    installation.settle_directories(&mut tree);
    for (path, content) in [
        ("/etc/changed", "mine"),
        ("/etc/changed.apk-new", "new"),
        ("/etc/same", "new"),
        ("/etc/both", "mine"),
        ("/etc/both.apk-new", "new"),
        ("/etc/equal", "new"),
        ("/etc/gone-but-changed", "mine"),
        ("/usr/changed", "new"),
    ] {
        assert_eq!(text(&tree, path), content, "{path}");
    }
    assert_eq!(mode(&tree, "/etc/equal"), 0o600);
    for gone in ["/etc/gone", "/usr/old", "/etc/same.apk-new", "/etc/equal.apk-new", "/shared", "/etc/passwd"] {
        assert_eq!(tree.lookup(gone.as_bytes()), None, "{gone}");
    }
    write_database(&mut tree, &installation.database(), options("x86_64").database.as_ref().unwrap()).unwrap();
    let installed = text(&tree, "/lib/apk/db/installed");
    assert!(installed.contains("V:2-r0\n") && !installed.contains("V:1-r0\n") && installed.contains("\ns:edge\n"), "{installed}");
    assert!(text(&tree, "/lib/apk/db/triggers").ends_with(" /usr\n"));

    // Reinstalling the same package changes nothing.
    let mut installation = again(&tree);
    let before = installation.database().files(DatabaseBackend::Apk214).unwrap();
    installation.install(&mut tree, &package(&new), PackageIndex(0), Some("edge".into())).unwrap();
    let after = installation.database().files(DatabaseBackend::Apk214).unwrap();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.content.bytes().unwrap(), after.content.bytes().unwrap(), "{}", before.name);
    }
    installation.remove(&mut tree, "base");
    assert!(installation.database().records.is_empty() && installation.database().triggers.is_empty());
    assert_eq!((text(&tree, "/etc/changed").as_str(), tree.lookup(b"/usr")), ("mine", None));
}

#[test]
fn links_in_the_way() {
    let base = Apk::new("base", "1-r0", "x86_64").files([
        Member::directory("usr"),
        Member::directory("usr/bin"),
        Member::symlink("bin", "usr/bin"),
    ]);
    let user = Apk::new("user", "1-r0", "x86_64").files([Member::directory("bin"), Member::program("bin/x", "x")]);
    let (tree, _) = install_all(&[package(&base), package(&user)], "", Scriptlets::Off, "x86_64").unwrap();
    assert_eq!(text(&tree, "/usr/bin/x"), "x");
    assert!(matches!(tree.node(tree.lookup(b"/bin").unwrap()).kind, NodeKind::Symlink(_)));
    let wrong = Apk::new("wrong", "1-r0", "x86_64").files([Member::directory("usr"), Member::file("usr/bin", "a file")]);
    let error = install_all(&[package(&base), package(&wrong)], "", Scriptlets::Off, "x86_64").unwrap_err();
    assert!(matches!(&error, InstallError::Path { path, .. } if path == "/usr/bin"), "{error}");
}

#[test]
fn a_virtual_package_is_only_a_record() {
    let mut apk = Apk::new("meta", "1-r0", "x86_64").info("replaces", "x").script("post-install", "#!/bin/sh\nexit 0\n");
    apk.info.push(("size", "0".into()));
    let (tree, _) = install_all(&[package(&apk)], "meta", Scriptlets::Off, "x86_64").unwrap();
    let installed = text(&tree, "/lib/apk/db/installed");
    assert!(installed.contains("P:meta\n") && !installed.contains("r:x"), "{installed}");
}
