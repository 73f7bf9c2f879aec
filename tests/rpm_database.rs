//! Tests of the database: it equals the one that the real rpm writes row by row, and the real rpm
//! can use it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use rootstrap::digest::{Algorithm, Digest};
use rootstrap::rpm::database::{self, Backend, ByteOrder, DatabaseFile, FileState, InstalledPackage};
use rootstrap::rpm::header::Header;
use rootstrap::rpm::package::Package;
use rootstrap::rpm::tag::Tag;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// Path of the real rpm's database in a root.
const DATABASE: &str = "var/lib/rpm/rpmdb.sqlite";

/// Returns the package files in some directories of real data; prints a notice if they are missing.
fn real_packages(directories: &[&str]) -> Option<Vec<PathBuf>> {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let mut paths = Vec::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(data.join(directory)) else {
            println!("skipped: no real data");
            return None;
        };
        paths.extend(entries.map(|entry| entry.unwrap().path().canonicalize().unwrap()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rpm"));
    paths.sort();
    Some(paths)
}

fn peer(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var("ROOTSTRAP_PEERS").as_deref() != Ok("required"), "{program} is required");
        println!("skipped: no {program}");
    }
    found
}

fn rpm(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"]).args(arguments);
    command.env("LC_ALL", "C");
    command
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Installs packages with rpm, whatever their architecture and requirements.
fn install(root: &Path, packages: &[PathBuf], options: &[&str]) {
    fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    let mut command = rpm(root, &["--nosignature", "--ignorearch", "--ignoreos", "--nodeps"]);
    command.args(options).arg("-i").args(packages);
    succeed(command);
}

/// The options of the image build, except for scripts that need programs of another architecture.
const AS_THE_IMAGE: [&str; 7] =
    ["--excludedocs", "--define", "_install_langs C.utf8", "--nopre", "--nopost", "--noposttrans", "--notriggers"];
/// Installs only into the database: packages of several distributions, some with the same name.
const DATABASE_ONLY: [&str; 4] = ["--justdb", "--noscripts", "--notriggers", "--force"];

/// Returns the header's digest, which identifies the installed package.
fn digest(header: &Header) -> String {
    header.text(Tag::SHA1_HEADER).unwrap().to_owned()
}

/// A root installed by rpm, and its packages. No test changes it.
struct Reference {
    root: PathBuf,
    paths: Vec<PathBuf>,
    /// The packages by the digests of their headers.
    packages: BTreeMap<String, Package>,
    installed: database::Installed,
}

impl Reference {
    /// Returns the packages of the micro image.
    fn micro() -> Option<&'static Self> {
        static REFERENCE: LazyLock<Option<Reference>> =
            LazyLock::new(|| Reference::new("micro", &["almalinux/9/BaseOS/aarch64/os/Packages"], &AS_THE_IMAGE));
        REFERENCE.as_ref()
    }

    /// Returns packages that rpm 4.9 to 6.0 built.
    fn mixed() -> Option<&'static Self> {
        static REFERENCE: LazyLock<Option<Reference>> =
            LazyLock::new(|| Reference::new("mixed", &["rpms", "almalinux/9/AppStream/aarch64/os/Packages"], &DATABASE_ONLY));
        REFERENCE.as_ref()
    }

    fn new(name: &str, directories: &[&str], options: &[&str]) -> Option<Self> {
        let paths = real_packages(directories)?;
        if !peer("rpm") {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            println!("skipped: rpm --root needs root");
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rpm_database").join(name);
        let _ = fs::remove_dir_all(&root);
        install(&root, &paths, options);
        let open = |path: &PathBuf| Package::inspect(&fs::read(path).unwrap().into()).unwrap();
        let packages = paths.iter().map(open).map(|package| (digest(package.signature()), package)).collect();
        Some(Self { packages, installed: database::read(&root).unwrap(), root, paths })
    }

    /// Returns rootstrap's database of the same packages with the same installation times.
    fn ours(&self, backend: Backend, order: ByteOrder) -> Vec<DatabaseFile> {
        let state = |&state: &u8| match state {
            0 => FileState::Normal,
            1 => FileState::Replaced,
            2 => FileState::NotInstalled,
            3 => FileState::NetShared,
            4 => FileState::WrongColor,
            other => panic!("state {other}"),
        };
        let installed: Vec<(&Package, &Header, Vec<FileState>)> = self
            .installed
            .headers
            .iter()
            .map(|(_, header)| {
                let states = header.entry(Tag::FILE_STATES).map_or(&[][..], |entry| entry.data);
                (&self.packages[&digest(header)], header, states.iter().map(state).collect())
            })
            .collect();
        let packages: Vec<InstalledPackage<'_>> = installed
            .iter()
            .map(|(package, header, file_states)| InstalledPackage {
                header: package.header(),
                signature: package.signature(),
                file_states,
                install_time: header.u32(Tag::INSTALL_TIME).unwrap(),
                install_tid: header.u32(Tag::INSTALL_TID).unwrap(),
                // This is Debian's rpm, not the target's.
                install_color: header.u32(Tag::INSTALL_COLOR).unwrap(),
            })
            .collect();
        database::write(backend, &packages, order).unwrap()
    }
}

fn put(directory: &Path, files: &[DatabaseFile]) {
    fs::create_dir_all(directory).unwrap();
    for file in files {
        fs::write(directory.join(file.name), file.content.bytes().unwrap()).unwrap();
    }
}

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

fn rows(connection: &Connection, query: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|i| row.get(i)).collect());
    rows.unwrap().map(Result::unwrap).collect()
}

fn texts(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn equal_to_rpms_row_by_row() {
    for reference in [Reference::micro(), Reference::mixed()].into_iter().flatten() {
        assert_equal_rows(reference);
    }
}

fn assert_equal_rows(reference: &Reference) {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), &reference.ours(Backend::Sqlite, ByteOrder::Little));
    let ours = open(&directory.path().join("rpmdb.sqlite"));
    let theirs = open(&reference.root.join(DATABASE));

    let schema =
        "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema WHERE name != 'sqlite_stat1' ORDER BY rowid";
    assert_eq!(texts(&ours, schema), texts(&theirs, schema));
    let tables =
        texts(&theirs, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('sqlite_stat1', 'sqlite_sequence')");
    assert_eq!(tables.len(), 19);
    for table in &tables {
        let query = format!("SELECT rowid, * FROM \"{table}\" ORDER BY rowid");
        let (ours, theirs) = (rows(&ours, &query), rows(&theirs, &query));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(ours == theirs, "{table}: {:.300}\nrpm has {:.300}", format!("{ours:?}"), format!("{theirs:?}"));
        }
        assert_eq!(ours.len(), theirs.len(), "{table}");
    }
    let sequence = "SELECT name, seq FROM sqlite_sequence";
    assert_eq!(rows(&ours, sequence), rows(&theirs, sequence));
    assert_eq!(texts(&ours, "PRAGMA integrity_check"), ["ok"]);
    assert!(rows(&ours, "PRAGMA foreign_key_check").is_empty());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let Some(reference) = Reference::micro() else { return };
    for backend in [Backend::Sqlite, Backend::Bdb] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let [first, second] = [(); 2].map(|()| reference.ours(backend, order));
            for (first, second) in first.iter().zip(&second) {
                assert!(
                    first.content.bytes().unwrap() == second.content.bytes().unwrap(),
                    "{backend:?} {order:?} {}",
                    first.name
                );
            }
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let Some(reference) = Reference::micro() else { return };
    for backend in [Backend::Sqlite, Backend::Bdb] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let root = tempfile::tempdir().unwrap();
            put(&root.path().join("usr/lib/sysimage/rpm"), &reference.ours(backend, order));
            // As in EL10, where the old path is a link; it must not lead to this machine's own.
            fs::create_dir_all(root.path().join("var/lib")).unwrap();
            std::os::unix::fs::symlink("/usr/lib/sysimage/rpm", root.path().join("var/lib/rpm")).unwrap();
            let read = database::read(root.path()).unwrap();
            assert_eq!((read.backend, read.path), (backend, format!("usr/lib/sysimage/rpm/{}", backend.file_name())));
            assert_eq!(read.headers.len(), reference.installed.headers.len());
            for ((number, ours), (expected, theirs)) in read.headers.iter().zip(&reference.installed.headers) {
                assert!(number == expected && ours.blob() == theirs.blob(), "{backend:?} {order:?} header {number}");
            }
        }
    }
}

/// Returns the output of rpm as text.
fn answer(root: &Path, arguments: &[&str]) -> String {
    let output = rpm(root, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root.to_str().unwrap(), "ROOT");
    format!("{}\n{}\n{:?}", text(&output.stdout), text(&output.stderr), output.status.code())
}

/// Copies the reference root.
fn copy(reference: &Reference) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut cp = Command::new("cp");
    cp.arg("-a").arg(reference.root.join(".")).arg(copy.path());
    succeed(cp);
    copy
}

/// Copies the reference root and replaces the database by rootstrap's.
fn copy_with_ours(reference: &Reference) -> tempfile::TempDir {
    let copy = copy(reference);
    let directory = copy.path().join("var/lib/rpm");
    fs::remove_dir_all(&directory).unwrap();
    put(&directory, &reference.ours(Backend::Sqlite, ByteOrder::Little));
    copy
}

fn assert_same_answer(theirs: &Path, ours: &Path, arguments: &[&str]) -> String {
    let (theirs, ours) = (answer(theirs, arguments), answer(ours, arguments));
    assert!(theirs == ours, "rpm {arguments:?} says\n{ours:.2000}\ninstead of\n{theirs:.2000}");
    ours
}

#[test]
fn rpm_answers_as_from_its_own() {
    let Some(reference) = Reference::micro() else { return };
    let copy = copy_with_ours(reference);
    let same = |arguments: &[&str]| assert_same_answer(&reference.root, copy.path(), arguments);
    assert_eq!(same(&["-qa"]).lines().filter(|line| line.contains(".el9")).count(), 22);
    same(&["-Va"]);
    same(&["-qa", "--last"]);
    same(&["-qai"]);
    same(&["-qals"]);
    same(&["-qa", "--xml"]);
    same(&["-qa", "--qf", "[%{=NAME} %{FILENAMES} %{FILESTATES} %{FILEFLAGS:fflags}\n]"]);
    for tag in
        ["provides", "requires", "conflicts", "obsoletes", "recommends", "suggests", "scripts", "filetriggers", "changelog"]
    {
        same(&["-qa", &format!("--{tag}")]);
    }
    for package in reference.packages.values() {
        let name = package.header().text(Tag::NAME).unwrap();
        same(&["-q", name]);
        same(&["-V", name]);
        same(&["-q", "--whatrequires", name]);
    }
    for capability in ["/bin/sh", "libc.so.6()(64bit)", "config(setup)", "/etc/passwd", "system-release", "nothing"] {
        same(&["-q", "--whatprovides", capability]);
        same(&["-q", "--whatrequires", capability]);
    }
    for file in
        ["/", "/usr/bin/bash", "/etc/passwd", "/usr/share/zoneinfo/Europe/Berlin", "/usr/share/doc/tzdata/README", "/nowhere"]
    {
        same(&["-qf", file]);
    }
    for query in [
        ["--whatconflicts", "glibc"],
        ["--whatobsoletes", "glibc-headers"],
        ["--whatrecommends", "glibc-gconv-extra"],
        ["--whatsuggests", "pcre2-tools"],
        ["--whatrequires", "redhat-rpm-config"],
        ["-g", "Unspecified"],
        ["--tid", "0x1"],
    ] {
        same(&[&["-q"][..], &query].concat());
    }
    let header = &reference.installed.headers[4].1;
    let md5 = Digest::new(Algorithm::Md5, header.bytes(Tag::SIG_MD5).unwrap()).unwrap().hex();
    assert!(same(&["-q", "--pkgid", &md5]).contains(".el9"));
    assert!(same(&["-q", "--hdrid", header.text(Tag::SHA1_HEADER).unwrap()]).contains(".el9"));
    assert!(same(&["-q", "--tid", &header.u32(Tag::INSTALL_TID).unwrap().to_string()]).contains(".el9"));
    // Reading needs nothing beside the file: such a root may lie on read-only media.
    let mut names: Vec<_> = fs::read_dir(copy.path().join("var/lib/rpm")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".rpm.lock", "rpmdb.sqlite"]);
}

#[test]
fn rpm_erases_and_installs_afterwards() {
    let Some(reference) = Reference::micro() else { return };
    let (their_root, our_root) = (copy(reference), copy_with_ours(reference));
    let (theirs, ours) = (their_root.path(), our_root.path());
    let tzdata = reference.paths.iter().find(|path| path.to_str().unwrap().contains("tzdata")).unwrap();
    let tzdata = std::slice::from_ref(tzdata);
    for root in [theirs, ours] {
        succeed(rpm(root, &["-e", "--nodeps", "--noscripts", "tzdata", "pcre2-syntax"]));
    }
    assert_same_answer(theirs, ours, &["-qa"]);
    assert!(answer(ours, &["-q", "tzdata"]).contains("not installed"));
    assert!(!ours.join("usr/share/zoneinfo/Europe").exists());
    for root in [theirs, ours] {
        install(root, tzdata, &AS_THE_IMAGE);
        succeed(rpm(root, &["--verifydb"]));
        succeed(rpm(root, &["-e", "--test", "basesystem", "--nodeps"]));
    }
    for arguments in [&["-qa"][..], &["-Va"], &["-qf", "/usr/share/zoneinfo/Europe/Berlin"], &["-q", "--whatprovides", "tzdata"]]
    {
        assert_same_answer(theirs, ours, arguments);
    }
    let numbers = |root| database::read(root).unwrap().headers.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(numbers(ours), numbers(theirs));
    assert_eq!(numbers(ours).last(), Some(&23), "rpm counts on from the last number");
    for root in [theirs, ours] {
        succeed(rpm(root, &["--rebuilddb"]));
    }
    assert_same_answer(theirs, ours, &["-qa"]);
}

#[test]
fn rpm_and_berkeley_db_read_packages() {
    let Some(reference) = Reference::micro() else { return };
    let root = tempfile::tempdir().unwrap();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        put(&root.path().join("var/lib/rpm"), &reference.ours(Backend::Bdb, order));
        let mut query = rpm(
            root.path(),
            &["--define", "_db_backend bdb_ro", "-qa", "--qf", "%{DBINSTANCE} %{NEVRA} %{SIGMD5} %{INSTALLTID}\n"],
        );
        let sorted = |output: Output| {
            let mut lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let ours = sorted(query.output().unwrap());
        let theirs = sorted(succeed(rpm(&reference.root, &["-qa", "--qf", "%{DBINSTANCE} %{NEVRA} %{SIGMD5} %{INSTALLTID}\n"])));
        assert_eq!(ours, theirs, "{order:?}");
        if peer("db5.3_verify") {
            let mut verify = Command::new("db5.3_verify");
            verify.arg(root.path().join("var/lib/rpm/Packages"));
            succeed(verify);
        }
    }
}

/// A file whose newest rows are still in the write-ahead log, as after a crash of the machine.
#[test]
fn the_log_beside_the_file_is_read() {
    let Some(reference) = Reference::micro() else { return };
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("var/lib/rpm");
    put(&path, &reference.ours(Backend::Sqlite, ByteOrder::Little));
    let connection = open(&path.join("rpmdb.sqlite"));
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; DELETE FROM Packages WHERE hnum = 3").unwrap();
    assert!(fs::metadata(path.join("rpmdb.sqlite-wal")).unwrap().len() > 0);
    let before = fs::read(path.join("rpmdb.sqlite")).unwrap();
    let installed = database::read(root.path()).unwrap();
    assert_eq!(installed.headers.iter().map(|(number, _)| *number).take(3).collect::<Vec<_>>(), [1, 2, 4]);
    assert!(before == fs::read(path.join("rpmdb.sqlite")).unwrap());
}

/// The real rpm must accept a root built by the command like its own.
#[test]
fn a_bootstrapped_root_is_as_good_as_rpms() {
    let Some(reference) = Reference::micro() else { return };
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    bootstrap(work.path(), &out);
    let theirs = reference.root.as_path();

    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let same = |arguments: &[&str]| {
        let (ours, theirs) = (sorted(&answer(&out, arguments)), sorted(&answer(theirs, arguments)));
        let first = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert!(ours == theirs, "rpm {arguments:?}: {first:?}, {} lines instead of {}", ours.len(), theirs.len());
        ours
    };
    assert_eq!(same(&["-qa"]).iter().filter(|line| line.contains(".el9")).count(), 22);
    // Everything except the time and the rpm version of the installation.
    same(&["-qa", "--qf", "%{NEVRA} %{SIGMD5} %{SHA256HEADER} %{SIGSIZE} %{ARCHIVESIZE} %{RSAHEADER:pgpsig}\n"]);
    same(&["-qa", "--qf", "[%{=NAME} %{FILENAMES} %{FILESTATES}\n]"]);
    same(&["-qal"]);
    for tag in ["provides", "requires", "conflicts", "obsoletes", "scripts", "filetriggers", "changelog"] {
        same(&["-qa", &format!("--{tag}")]);
    }
    for capability in ["/bin/sh", "libc.so.6()(64bit)", "config(setup)", "/etc/passwd", "system-release"] {
        same(&["-q", "--whatprovides", capability]);
        same(&["-q", "--whatrequires", capability]);
    }
    same(&["-qf", "/usr/bin/bash"]);
    same(&["-V", "bash", "glibc", "libgcc", "coreutils-single"]);
    let complaints: Vec<String> = sorted(&answer(&out, &["-Va"])).into_iter().filter(|line| line.contains('/')).collect();
    assert_eq!(complaints, ["missing     /boot"], "which the image build removes");

    // The real rpm continues from there.
    let tzdata = reference.paths.iter().find(|path| path.to_str().unwrap().contains("tzdata")).unwrap();
    succeed(rpm(&out, &["-e", "--nodeps", "--noscripts", "tzdata"]));
    assert!(!out.join("usr/share/zoneinfo/Europe").exists());
    install(&out, std::slice::from_ref(tzdata), &AS_THE_IMAGE);
    succeed(rpm(&out, &["--verifydb"]));
    same(&["-qa"]);
    same(&["-V", "tzdata"]);
}

/// Runs a user's first command on the mirror of real packages.
fn bootstrap(work: &Path, out: &Path) {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootstrap"));
    command.args(["--distro", "almalinux", "--release", "9", "--variant", "micro", "--arch", "aarch64"]);
    command.arg("--mirror").arg(data.join("almalinux")).arg("--key").arg(data.join("almalinux/keys/rootstrap-test.asc"));
    command.arg("--cache-dir").arg(work.join("cache")).arg(out);
    succeed(command);
}
