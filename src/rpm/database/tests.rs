use std::fs;
use std::path::Path;

use super::*;
use crate::rpm::header::{HeaderBuilder, Kind};

/// Reports whether a program of a peer is installed. Prints a message if it is not, and fails if it
/// is required.
pub(super) fn peer(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    if !found {
        assert!(std::env::var("ROOTSTRAP_PEERS").as_deref() != Ok("required"), "{program} is required");
        println!("skipped: no {program}");
    }
    found
}

fn header(place: Place, build: impl Fn(&mut HeaderBuilder)) -> Header {
    let mut builder = HeaderBuilder::new();
    build(&mut builder);
    Header::parse(builder.build(place).unwrap(), place).unwrap()
}

fn package_header() -> Header {
    header(Place::Package, |builder| {
        builder.string(Tag::NAME, "tree").strings(Tag::BASENAMES, ["a", "b"]).string(Tag::VERSION, "1");
    })
}

fn installed<'a>(header: &'a Header, signature: &'a Header, file_states: &'a [FileState]) -> InstalledPackage<'a> {
    InstalledPackage { header, signature, file_states, install_time: 1_700_000_001, install_tid: 1_700_000_000, install_color: 3 }
}

const STATES: [FileState; 2] = [FileState::Normal, FileState::NotInstalled];

#[test]
fn an_installed_header_has_the_packages_bytes_and_what_rpm_adds() {
    let package = package_header();
    let signature = header(Place::Signature, |builder| {
        builder.u32(Tag::SIGTAG_SIZE, 4711).bytes(Tag::SIGTAG_MD5, &[7; 16]).string(Tag::SHA1_HEADER, "5e");
        builder.bytes(Tag::SIGTAG_RESERVED_SPACE, &[0; 100]).u32(Tag::SIGTAG_PAYLOAD_SIZE, 12).bytes(Tag::RSA_HEADER, &[9; 40]);
    });
    let blob = installed(&package, &signature, &STATES).installed_header().unwrap();
    let read = Header::parse(blob, Place::Installed).unwrap();
    let added: Vec<(u32, Kind, u32)> = read.entries().skip(3).map(|entry| (entry.tag.0, entry.kind, entry.count)).collect();
    let expected = [
        (257, Kind::Int32, 1),
        (261, Kind::Binary, 16),
        (268, Kind::Binary, 40),
        (269, Kind::String, 1),
        (1008, Kind::Int32, 1),
        (1029, Kind::Char, 2),
        (1046, Kind::Int32, 1),
        (1127, Kind::Int32, 1),
        (1128, Kind::Int32, 1),
    ];
    assert_eq!(added, expected);
    assert_eq!(read.entry(Tag::FILE_STATES).unwrap().data, [0, 2]);
    assert_eq!(read.u32(Tag::INSTALL_TIME), Some(1_700_000_001));
    // The region: its data and trailer follow the index of both headers.
    let (own, with) = (package.blob(), read.blob());
    let region = &own[8 + 4 * 16..];
    assert!(with[8..8 + 4 * 16] == own[8..8 + 4 * 16] && with[8 + 13 * 16..].starts_with(region));
}

#[test]
fn what_a_signature_must_not_have_is_refused() {
    let package = package_header();
    let refused = |signature: Header, package: &Header| match installed(package, &signature, &STATES).installed_header() {
        Err(DatabaseError::Signature { tag, .. }) => tag,
        other => panic!("{other:?}"),
    };
    let short = header(Place::Signature, |builder| {
        builder.bytes(Tag::SIGTAG_MD5, &[7; 15]);
    });
    assert_eq!(refused(short, &package), Tag::SIG_MD5);
    let text = header(Place::Signature, |builder| {
        builder.string(Tag::RSA_HEADER, "x");
    });
    assert_eq!(refused(text, &package), Tag::RSA_HEADER);
    // A digest in the package's header would be mistaken for a verified one.
    let forged = header(Place::Package, |builder| {
        builder.string(Tag::NAME, "tree").strings(Tag::BASENAMES, ["a", "b"]).string(Tag::SHA256_HEADER, "00");
    });
    assert_eq!(
        refused(
            header(Place::Signature, |builder| {
                builder.u32(Tag::SIGTAG_SIZE, 1);
            }),
            &forged
        ),
        Tag::SHA256_HEADER
    );
}

#[test]
fn signatures_of_files_behind_the_region_are_kept_and_what_vouches_for_the_package_is_not() {
    let package = package_header();
    let region = header(Place::Signature, |builder| {
        builder.u32(Tag::SIGTAG_SIZE, 4711).string(Tag::SHA256_HEADER, "5e");
    });
    let mut added = HeaderBuilder::new();
    added
        .strings(Tag::SIG_FILE_SIGNATURES, ["01", "02"])
        .u32(Tag::SIG_FILE_SIGNATURE_LENGTH, 1)
        .strings(Tag::VERITY_SIGNATURES, ["03", "04"])
        .u32(Tag::VERITY_SIGNATURE_ALGO, 2)
        .u32(Tag::SIGTAG_SIZE, 1)
        .string(Tag::SHA256_HEADER, "00")
        .string(Tag::SHA1_HEADER, "00")
        .bytes(Tag::SIGTAG_MD5, &[0; 16])
        .bytes(Tag::RSA_HEADER, &[9; 40]);
    let signature = Header::parse(added.added_to(&region).unwrap(), Place::Signature).unwrap();
    let blob = installed(&package, &signature, &STATES).installed_header().unwrap();
    let read = Header::parse(blob, Place::Installed).unwrap();
    assert_eq!(read.strings(Tag::FILE_SIGNATURES).collect::<Vec<_>>(), [b"01", b"02"]);
    assert_eq!(read.u32(Tag::FILE_SIGNATURE_LENGTH), Some(1));
    assert_eq!(read.strings(Tag::VERITY_SIGNATURES).collect::<Vec<_>>(), [b"03", b"04"]);
    assert_eq!(read.u32(Tag::VERITY_SIGNATURE_ALGO), Some(2));
    assert_eq!((read.u32(Tag::SIG_SIZE), read.text(Tag::SHA256_HEADER)), (Some(4711), Some("5e")));
    for tag in [Tag::SHA1_HEADER, Tag::SIG_MD5, Tag::RSA_HEADER] {
        assert!(!read.has(tag), "{tag}");
    }
}

#[test]
fn the_archives_size_may_be_in_either_header() {
    let package = header(Place::Package, |builder| {
        builder.string(Tag::NAME, "a").u32(Tag::ARCHIVE_SIZE, 5);
    });
    let signature = header(Place::Signature, |builder| {
        builder.u32(Tag::SIGTAG_SIZE, 1);
    });
    let blob = installed(&package, &signature, &[]).installed_header().unwrap();
    let read = Header::parse(blob, Place::Installed).unwrap();
    assert_eq!(read.u32(Tag::ARCHIVE_SIZE), Some(5));
    assert!(!read.has(Tag::FILE_STATES), "a package without files has no states");
}

#[test]
fn every_file_needs_a_state() {
    let (package, signature) = (
        package_header(),
        header(Place::Signature, |builder| {
            builder.u32(Tag::SIGTAG_SIZE, 1);
        }),
    );
    let problem = installed(&package, &signature, &STATES[..1]).installed_header().unwrap_err();
    assert_eq!(problem.to_string(), "tree: 1 file states for 2 files");
}

#[test]
fn databases_are_found_where_releases_keep_them() {
    let put = |root: &Path, path: &str, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let package = package_header();
    let content = |backend: Backend| {
        let files = write_headers(backend, &[(3, &package)], ByteOrder::Big).unwrap();
        files[1].content.bytes().unwrap().into_owned()
    };
    for backend in [Backend::Sqlite, Backend::Bdb] {
        for directory in ["usr/lib/sysimage/rpm", "var/lib/rpm"] {
            let root = tempfile::tempdir().unwrap();
            put(root.path(), &format!("{directory}/{}", backend.file_name()), &content(backend));
            let found = read(root.path()).unwrap();
            assert_eq!((found.backend, found.headers[0].0, found.headers[0].1.blob()), (backend, 3, package.blob()));
            assert_eq!(found.path, format!("{directory}/{}", backend.file_name()));
        }
    }

    let root = tempfile::tempdir().unwrap();
    assert!(matches!(read(root.path()), Err(DatabaseError::Absent(_))));
    put(root.path(), "usr/lib/sysimage/rpm/Packages.db", b"RpmP");
    assert!(matches!(read(root.path()), Err(DatabaseError::Ndb { .. })));
    put(root.path(), "usr/lib/sysimage/rpm/Packages.db", &ndb::database(&[(3, package.blob())]));
    let found = read(root.path()).unwrap();
    assert_eq!((found.backend, found.headers[0].0, found.headers[0].1.blob()), (Backend::Ndb, 3, package.blob()));
    assert!(matches!(read(&root.path().join("nowhere")), Err(DatabaseError::Unreadable { .. })));

    let root = tempfile::tempdir().unwrap();
    put(root.path(), "var/lib/rpm/Packages", b"something else");
    assert!(matches!(read(root.path()), Err(DatabaseError::Bdb { problem: BdbError::Magic, .. })));
    put(root.path(), "var/lib/rpm/rpmdb.sqlite", b"something else");
    assert!(matches!(read(root.path()), Err(DatabaseError::Malformed { .. })));
}

#[test]
fn links_of_the_root_stay_in_the_root() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = write_headers(Backend::Sqlite, &[(1, &package_header())], ByteOrder::Little).unwrap();
    fs::write(outside.path().join("rpmdb.sqlite"), files[1].content.bytes().unwrap()).unwrap();
    fs::create_dir_all(root.path().join("var/lib")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("var/lib/rpm")).unwrap();
    assert!(matches!(read(root.path()), Err(DatabaseError::Absent(_))));
    let inside = root.path().join(outside.path().strip_prefix("/").unwrap());
    fs::create_dir_all(&inside).unwrap();
    fs::write(inside.join("rpmdb.sqlite"), files[1].content.bytes().unwrap()).unwrap();
    assert_eq!(read(root.path()).unwrap().headers.len(), 1);
}

#[test]
fn colours_are_those_of_rpms_platforms() {
    let colours = ["x86_64", "x86_64_v2", "aarch64", "ppc64le", "s390x", "riscv64", "i686", "noarch"].map(transaction_color);
    assert_eq!(colours, [3, 3, 3, 3, 3, 3, 0, 0]);
}
