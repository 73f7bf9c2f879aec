//! Tests of the main job with AlmaLinux's own packages: the tree must equal the one that AlmaLinux
//! shipped, and the real rpm must accept the database.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::disk::{Row, Rows, differences, walk, without_inodes};
use crate::place::{MICRO, Outcome, Place, is_root, peer, real_data};

/// Reports whether a path may differ from the shipped image, for the reason given.
fn is_explained(path: &str) -> bool {
    // The build time of the image.
    path == "etc/BUILDTIME"
        // Inodes and change times of the build machine.
        || path == "var/cache/ldconfig/aux-cache"
        // The shipped database also contains a key that dnf imported, and its journal was not
        // closed.
        || ["rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal"].iter().any(|name| path.strip_prefix("var/lib/rpm/") == Some(name))
        // Files of rootfiles: today's definition of micro copies them, that of 2023 did not.
        || path.starts_with("root/.")
}

/// Reads a manifest of `tree_manifest.py`: path, type, mode, owner, group, size, and digest or link
/// target.
pub(crate) fn manifest(path: &Path) -> Rows {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, kind, mode, uid, gid, size, content] = fields[..] else { panic!("{line}") };
        let row = Row {
            kind: kind.parse().unwrap(),
            mode: u32::from_str_radix(mode, 8).unwrap(),
            uid: uid.parse().unwrap(),
            gid: gid.parse().unwrap(),
            size: size.parse().unwrap(),
            content: content.to_owned(),
            mtime: 0,
            inode: 0,
        };
        (path.to_owned(), row)
    });
    rows.collect()
}

fn bootstrap(place: &Place, data: &Path, mirror: &str, arguments: &[&str]) -> Outcome {
    let key = data.join("keys/rootstrap-test.asc");
    let trusted = ["--mirror", mirror, "--key", key.to_str().unwrap(), "--cache-dir", "cache"];
    place.run(&[&MICRO[..], &trusted, arguments].concat())
}

/// Builds a tree from a directory of the real packages.
fn tree(place: &Place, data: &Path) -> PathBuf {
    bootstrap(place, data, data.to_str().unwrap(), &["out"]).success();
    place.path("out")
}

#[test]
fn the_tree_is_the_shipped_one() {
    let Some(data) = real_data("almalinux") else { return };
    let place = Place::new();
    let mut found = walk(&tree(&place, &data));
    let mut expected = manifest(&data.join("expected/9-micro-aarch64.manifest.tsv"));
    assert!(expected.len() > 2700);
    for rows in [&mut found, &mut expected] {
        rows.retain(|path, _| !is_explained(path));
        for row in rows.values_mut() {
            // The manifest contains neither.
            (row.mtime, row.inode) = (0, 0);
            if !is_root() {
                (row.uid, row.gid) = (0, 0);
            }
        }
    }
    let differences = differences(&expected, &found);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    for path in ["etc/ld.so.cache", "usr/lib64/gconv/gconv-modules.cache"] {
        assert_eq!(found[path].content, expected[path].content);
    }
}

/// Runs the real rpm on a tree.
fn rpm(root: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"]);
    let output = command.args(arguments).env("LC_ALL", "C").env("TZ", "UTC").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    // Debian's rpm prints a notice for every user who installs packages.
    text.lines().filter(|line| !line.starts_with("rpm: ")).map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

const IDS: &str = "%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n";

/// The options of the image build, except for scriptlets that need programs of another
/// architecture.
const INSTALL: [&str; 9] = [
    "-i",
    "--nosignature",
    "--ignorearch",
    "--nodeps",
    "--excludedocs",
    "--define",
    "_install_langs C.utf8",
    "--noscripts",
    "--notriggers",
];

/// Installs the same packages with the real rpm.
fn reference(place: &Place, data: &Path) -> PathBuf {
    let root = place.path("reference");
    fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    let packages = data.join("9/BaseOS/aarch64/os/Packages");
    let mut files: Vec<String> =
        fs::read_dir(packages).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    files.sort();
    // Run all scriptlets except those before the transaction: these create links on the paths of
    // the packages' files.
    let mut options: Vec<&str> = INSTALL.into_iter().filter(|&option| option != "--noscripts").collect();
    options.extend(["--nopre", "--nopost", "--noposttrans"]);
    options.extend(files.iter().map(String::as_str));
    let said = rpm(&root, &options);
    assert!(!said.iter().any(|line| line.starts_with("error:")), "{said:?}");
    root
}

#[test]
fn the_real_rpm_answers_as_on_a_tree_of_its_own() {
    let Some(data) = real_data("almalinux") else { return };
    if !peer("rpm") {
        return;
    }
    if !is_root() {
        println!("skipped: rpm wants to be root");
        return;
    }
    let place = Place::new();
    let ours = tree(&place, &data);
    let theirs = reference(&place, &data);

    let list = fs::read_to_string(data.join("expected/9-micro-aarch64.packages.txt")).unwrap();
    let list: Vec<String> = sorted(list.lines().map(str::to_owned).collect());
    assert_eq!(sorted(rpm(&ours, &["-qa", "--qf", IDS])), list);
    assert_eq!(list.len(), 22);

    let same = |arguments: &[&str]| {
        let answer = |root: &Path| {
            let mut lines = sorted(rpm(root, arguments));
            // The installation times differ.
            lines.retain(|line| !line.starts_with("Install Date"));
            lines
        };
        let (ours, theirs) = (answer(&ours), answer(&theirs));
        assert_eq!(ours, theirs, "{arguments:?}");
        theirs.len()
    };
    let names = rpm(&ours, &["-qa", "--qf", "%{NAME}\n"]);
    let mut lines = 0;
    for name in &names {
        for query in ["-qi", "-ql", "-qs", "-q --provides", "-q --requires", "-q --scripts", "-q --changelog", "-q --dump"] {
            lines += same(&query.split(' ').chain([name.as_str()]).collect::<Vec<_>>());
        }
    }
    assert!(lines > 10_000, "{lines} lines in all");
    for query in [
        "-q --whatprovides /bin/sh",
        "-q --whatprovides libc.so.6()(64bit)",
        "-q --whatprovides coreutils",
        "-q --whatprovides nobody",
        "-q --whatrequires libc.so.6()(64bit)",
        "-q --whatrequires /bin/sh",
        "-q --whatconflicts coreutils",
        "-q --whatobsoletes glibc",
        "-q --whatrecommends glibc-langpack-en",
        "-q --whatsupplements glibc",
        "-qf /usr/bin/bash",
        "-qf /etc/passwd",
        "-qf /lib64/libc.so.6",
        "-qf /usr/share",
        "-qg Unspecified",
        "-qac",
        "-qad",
    ] {
        assert!(same(&query.split(' ').collect::<Vec<_>>()) > 0, "{query}");
    }
}

#[test]
fn the_real_rpm_verifies_the_tree() {
    let Some(data) = real_data("almalinux") else { return };
    if !peer("rpm") || !is_root() {
        return;
    }
    let place = Place::new();
    let root = tree(&place, &data);
    // The image build removes it.
    assert_eq!(rpm(&root, &["-Va"]), ["missing     /boot"]);
    // rpm must detect a change.
    fs::write(root.join("usr/bin/bash"), "changed").unwrap();
    assert_eq!(rpm(&root, &["-V", "bash"]), ["S.5....T.    /usr/bin/bash"]);
}

#[test]
fn the_real_rpm_removes_and_installs_afterwards() {
    let Some(data) = real_data("almalinux") else { return };
    if !peer("rpm") || !is_root() {
        return;
    }
    let place = Place::new();
    let root = tree(&place, &data);
    let database = |path: &str| path.starts_with("var/lib/rpm/");
    let state = || {
        let mut rows = without_inodes(walk(&root));
        // The times of directories change when files are added.
        rows.retain(|path, row| !database(path) && row.kind != 'd');
        rows
    };
    let before = state();
    for name in ["tzdata", "libattr"] {
        let owned: BTreeSet<String> = rpm(&root, &["-ql", name]).into_iter().collect();
        let ids = rpm(&root, &["-qa"]).len();
        assert_eq!(rpm(&root, &["-e", "--nodeps", name]), <[String; 0]>::default());
        assert_eq!(rpm(&root, &["-q", name]), [format!("package {name} is not installed")]);
        assert_eq!(rpm(&root, &["-qa"]).len(), ids - 1);
        let without = state();
        let gone: Vec<&String> = before.keys().filter(|path| !without.contains_key(*path)).collect();
        assert!(!gone.is_empty() && gone.iter().all(|path| owned.contains(&format!("/{path}"))), "{gone:?}");

        let packages = data.join("9/BaseOS/aarch64/os/Packages");
        let file = fs::read_dir(packages).unwrap().map(|entry| entry.unwrap().path());
        let file = file.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).unwrap();
        assert_eq!(rpm(&root, &[&INSTALL[..], &[file.to_str().unwrap()]].concat()), <[String; 0]>::default());
        assert_eq!(rpm(&root, &["-V", name]), <[String; 0]>::default());
        assert_eq!(rpm(&root, &["-qa"]).len(), ids);
        assert_eq!(differences(&before, &state()), <[String; 0]>::default());
    }
}

/// An nginx server of a directory, on a port of the loopback interface.
struct Nginx {
    child: Child,
    url: String,
}

impl Nginx {
    fn serve(directory: &Path, place: &Path) -> Self {
        // No other process takes the port in the meantime.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = |name: &str| place.join(name).to_str().unwrap().to_owned();
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {};", at(kind)));
        let configuration = format!(
            "daemon off; master_process off; pid {}; error_log {};\nevents {{}}\nhttp {{ access_log off; {} server {{ listen {address}; root {}; }} }}\n",
            at("nginx.pid"),
            at("nginx.log"),
            temporary.join(" "),
            directory.display()
        );
        fs::write(place.join("nginx.conf"), configuration).unwrap();
        let child =
            Command::new("nginx").args(["-e", &at("nginx.log"), "-c", &at("nginx.conf")]).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, url: format!("http://{address}") };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "nginx does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn from_a_real_web_server_and_then_without_it() {
    let Some(data) = real_data("almalinux") else { return };
    if !peer("nginx") {
        return;
    }
    let place = Place::new();
    let expected = without_inodes(walk(&tree(&place, &data)));
    fs::create_dir(place.path("nginx")).unwrap();
    let server = Nginx::serve(&data, &place.path("nginx"));
    let same = |out: &str| {
        assert_eq!(differences(&expected, &without_inodes(walk(&place.path(out)))), <[String; 0]>::default());
    };
    bootstrap(&place, &data, &server.url, &["remote"]).success();
    same("remote");
    let url = server.url.clone();
    drop(server);
    bootstrap(&place, &data, &url, &["--offline", "offline"]).success();
    same("offline");
}
