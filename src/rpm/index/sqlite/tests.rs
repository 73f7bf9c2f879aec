//! Databases as yum's createrepo wrote them, and malformed ones.

use rusqlite::Connection;

use crate::metadata::{IndexError, MetadataFormat};
use crate::pool::{Architectures, Kind, Pool, PoolBuilder};
use crate::rpm::index::RpmMd;
use crate::rpm::version::RpmVersions;

/// Returns the bytes of a database that these statements create.
fn database(statements: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sqlite");
    Connection::open(&path).unwrap().execute_batch(statements).unwrap();
    std::fs::read(path).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Pool, IndexError> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("test", 99, None);
    RpmMd.read_packages(&mut &*bytes, &mut builder, repo)?;
    Ok(builder.build(&RpmVersions, &Architectures::any()).unwrap())
}

/// An old database: without weak dependencies and pre-requirements.
const OLD: &str = "
    CREATE TABLE packages (pkgKey INTEGER PRIMARY KEY, pkgId TEXT, name TEXT, arch TEXT, version TEXT, epoch TEXT, release TEXT,
      summary TEXT, description TEXT, url TEXT, time_file INTEGER, time_build INTEGER, rpm_license TEXT, rpm_vendor TEXT, rpm_group TEXT,
      rpm_buildhost TEXT, rpm_sourcerpm TEXT, rpm_header_start INTEGER, rpm_header_end INTEGER, rpm_packager TEXT, size_package INTEGER,
      size_installed INTEGER, size_archive INTEGER, location_href TEXT, location_base TEXT, checksum_type TEXT);
    CREATE TABLE files (name TEXT, type TEXT, pkgKey INTEGER);
    CREATE TABLE requires (name TEXT, flags TEXT, epoch TEXT, version TEXT, release TEXT, pkgKey INTEGER);
    CREATE TABLE provides (name TEXT, flags TEXT, epoch TEXT, version TEXT, release TEXT, pkgKey INTEGER);
    INSERT INTO packages VALUES (7, '0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a', 'bash', 'i386', '3.1', '2', '6.el5', 'A shell', 'Long.',
      'http://x', 1, 1150000000, 'GPL', 'CentOS', NULL, NULL, 'bash.src.rpm', 0, 0, NULL, 1800000, 5000000, 0, 'bash.rpm', 'http://m/', 'sha');
    INSERT INTO packages (pkgKey, pkgId, name, arch, version, release) VALUES (9, 'x', 'bash', 'src', '3.1', '6.el5'), (8, 'y', 'z', '', '1', '1');
    INSERT INTO requires VALUES ('libc.so.6', NULL, NULL, NULL, NULL, 7), ('mktemp', 'GE', '0', '1.5', '2', 7), ('of nobody', '', '', '', '', 6),
      ('(a or b)', NULL, NULL, NULL, NULL, 7);
    INSERT INTO provides VALUES ('sh', NULL, NULL, NULL, NULL, 7), ('of another', '', '', '', '', 8);
    INSERT INTO files VALUES ('/bin/sh', 'file', 7), ('/bin/bash', 'file', 7);
";

#[test]
fn a_database_of_old_is_read() {
    let pool = parse(&database(OLD)).unwrap();
    let names: Vec<_> = pool.solvables().map(|package| (package.name(), package.arch())).collect();
    assert_eq!(names, [("bash", "i386"), ("z", "noarch")]);
    let bash = pool.solvables().next().unwrap();
    assert_eq!(
        (bash.version(), bash.location(), bash.size(), bash.build_time()),
        ("2:3.1-6.el5", "http://m/bash.rpm", 1_800_000, 1_150_000_000)
    );
    assert_eq!(
        (bash.license(), bash.vendor(), bash.source(), bash.checksum().unwrap().bytes),
        ("GPL", "CentOS", "bash.src.rpm", &[10; 20][..])
    );
    let of = |kind| bash.dependencies(kind).iter().map(|&id| pool.display(id)).collect::<Vec<_>>();
    assert_eq!(of(Kind::Requires), ["libc.so.6", "mktemp >= 1.5-2", "(a or b)"]);
    assert_eq!(of(Kind::Provides), ["sh", "bash = 2:3.1-6.el5"]);
    assert_eq!(bash.files().iter().map(|&path| pool.text(path)).collect::<Vec<_>>(), ["/bin/sh", "/bin/bash"]);
}

#[test]
fn texts_and_files_are_read() {
    let mut texts = Vec::new();
    let bytes = database(OLD);
    RpmMd.read_texts(&mut &*bytes, &mut |checksum, text| texts.push((checksum.bytes.len(), text.summary, text.url))).unwrap();
    assert_eq!(texts, [(20, "A shell".to_owned(), "http://x".to_owned())]);
    let lists = database(
        "CREATE TABLE packages (pkgKey INTEGER PRIMARY KEY, pkgId TEXT);
         CREATE TABLE filelist (pkgKey INTEGER, dirname TEXT, filenames TEXT, filetypes TEXT);
         INSERT INTO packages VALUES (1, '0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a');
         INSERT INTO filelist VALUES (1, '/etc', 'a/b', 'ff'), (1, '/', 'boot/', 'dd');",
    );
    let mut paths = Vec::new();
    RpmMd.read_files(&mut &*lists, &|path| path != "/etc/a", &mut |_, path| paths.push(path.to_owned())).unwrap();
    assert_eq!(paths, ["/etc/b", "/boot", "/"]);
    paths.clear();
    RpmMd.read_contents(&mut &*lists, &mut |_, path| paths.push(path.to_owned())).unwrap();
    assert_eq!(paths, ["/etc/a", "/etc/b"]);
}

#[test]
fn what_is_no_database_of_packages_is_an_error() {
    let told = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    assert!(told(&database("CREATE TABLE x (y)")).contains("no table `packages`"));
    // Reading a view would run its query, which may never end.
    let view =
        "CREATE VIEW packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS pkgKey FROM n";
    assert!(told(&database(view)).contains("no table `packages`"));
    assert!(told(&database("CREATE TABLE packages (pkgKey INTEGER PRIMARY KEY)")).contains("no such column"));
    let blob = format!("{OLD}; UPDATE packages SET name = x'ff' WHERE pkgKey = 7");
    assert!(told(&database(&blob)).contains("neither text nor a number"));
    let whole = database(OLD);
    assert!(parse(&whole[..whole.len() / 2]).is_err());
    assert!(parse(&whole[..16]).is_err());
}

#[test]
fn damage_is_an_error_or_other_words_and_never_more() {
    let whole = database(OLD);
    for place in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        let _ = parse(&bytes);
    }
}
