use std::path::{Path, PathBuf};

use super::*;
use crate::ecosystem::RootDirectory;
use crate::package::SignatureFacts;
use crate::rpm::database::{Backend, ByteOrder, write_headers};
use crate::rpm::header::{HeaderBuilder, Place};

fn opened(root: &tempfile::TempDir) -> RootDirectory {
    RootDirectory::open(root.path()).unwrap()
}

fn fixture(name: &str) -> Content {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures/9/BaseOS/aarch64/os/Packages");
    Content::from_file(std::fs::File::open(packages.join(name)).unwrap()).unwrap()
}

/// Creates a root whose database has these headers.
fn root(backend: Backend, headers: &[Header]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let directory: PathBuf = root.path().join("var/lib/rpm");
    std::fs::create_dir_all(&directory).unwrap();
    let numbered: Vec<(u32, &Header)> = (1..).zip(headers).collect();
    for file in write_headers(backend, &numbered, ByteOrder::Little).unwrap() {
        std::fs::write(directory.join(file.name), file.content.bytes().unwrap()).unwrap();
    }
    root
}

/// Returns an installed header with this name and these additional entries.
fn header(name: &str, build: impl FnOnce(&mut HeaderBuilder)) -> Header {
    let mut builder = HeaderBuilder::new();
    builder.string(Tag::NAME, name).string(Tag::VERSION, "1").string(Tag::RELEASE, "2");
    build(&mut builder);
    Header::parse(builder.build(Place::Package).unwrap(), Place::Installed).unwrap()
}

fn native(builder: &mut HeaderBuilder) {
    builder.string(Tag::ARCH, "aarch64").string(Tag::SOURCE_RPM, "a-1-2.src.rpm");
}

#[test]
fn a_package_file_says_what_rpm_reads_in_it() {
    let facts = of_package(&fixture("bash-5.1.8-6.el9.aarch64.rpm")).unwrap();
    assert_eq!(facts.id, "bash-0:5.1.8-6.el9.aarch64");
    assert_eq!((facts.epoch, facts.release.as_deref(), facts.arch.as_deref()), (Some(0), Some("6.el9"), Some("aarch64")));
    assert_eq!(facts.source.as_deref(), Some("bash-5.1.8-6.el9.src.rpm"));
    assert_eq!((facts.build_time, facts.install_time), (Some(1_704_067_200), None));
    assert_eq!(facts.installed_size, 39);
    assert!(facts.files.iter().all(|file| file.fate.is_none()));
    // The key signs the header and also header plus payload. It is listed once.
    let signature = SignatureFacts {
        key: Some("3A3E99427EFCA061F0D9395AE0FCA9D8ED03814B".into()),
        algorithm: Some("RSA".into()),
        hash: Some("SHA256".into()),
        created: Some(1_704_067_200),
    };
    assert_eq!(facts.signatures, [signature]);
}

#[test]
fn a_header_that_was_changed_is_refused() {
    let mut bytes = fixture("bash-5.1.8-6.el9.aarch64.rpm").bytes().unwrap().into_owned();
    let at = bytes.windows(24).position(|text| text == b"bash, the version to tak").unwrap();
    bytes[at] = b'B';
    let error = of_package(&Content::from(bytes)).unwrap_err();
    assert!(matches!(error, InventoryError::Package(PackageError::Digest { .. })), "{error}");
}

#[test]
fn what_became_of_files_is_told() {
    for backend in [Backend::Sqlite, Backend::Bdb] {
        let odd = header("odd", |builder| {
            native(builder);
            builder.u32(Tag::EPOCH, 3).u32(Tag::INSTALL_TIME, 5).chars(Tag::FILE_STATES, &[0, 1, 2, 3, 4, 9]);
            builder.strings(Tag::BASENAMES, [&b"\xff"[..], b"b", b"c", b"d", b"e", b"f"]).strings(Tag::DIRNAMES, ["/"]);
            builder.u32s(Tag::DIR_INDEXES, [0; 6]).u16s(Tag::FILE_MODES, [0o100_644; 6]).u32s(Tag::FILE_SIZES, [7; 6]);
            builder.u32s(Tag::FILE_FLAGS, [1 | 1 << 4, 1 << 1, 1 << 6, 1 << 7, 1 << 12, 1 << 30]);
        });
        let root = root(backend, &[odd, header("earlier", native)]);
        let packages = installed(&RootDirectory::open(root.path()).unwrap()).unwrap();
        // The order of installation.
        assert_eq!(
            packages.iter().map(|facts| facts.id.as_str()).collect::<Vec<_>>(),
            ["odd-3:1-2.aarch64", "earlier-0:1-2.aarch64"]
        );
        let odd = &packages[0];
        assert_eq!(odd.install_time, Some(5));
        assert_eq!(&*odd.files[0].path, b"/\xff");
        let fates: Vec<Option<Fate>> = odd.files.iter().map(|file| file.fate).collect();
        let [left_out, installed, replaced] = [Fate::LeftOut, Fate::Installed, Fate::Replaced].map(Some);
        assert_eq!(fates, [installed, replaced, left_out, left_out, left_out, None]);
        let letters: Vec<String> = odd.files.iter().map(|file| file.flags.iter().map(|flag| flag.letter()).collect()).collect();
        assert_eq!(letters, ["cn", "d", "g", "l", "a", ""]);
    }
}

#[test]
fn an_imported_key_has_neither_architecture_nor_source() {
    let key = header("gpg-pubkey", |builder| {
        builder.string(Tag::SOURCE_RPM, "(none)");
    });
    let bare = header("bare", |_| ());
    let packages = installed(&opened(&root(Backend::Sqlite, &[key, bare]))).unwrap();
    assert_eq!(packages[0].id, "gpg-pubkey-0:1-2");
    assert_eq!(packages[1].id, "bare-0:1-2");
    assert_eq!((&packages[0].arch, &packages[0].source), (&None, &None));
}

#[test]
fn a_header_that_is_no_package_is_told_by_number() {
    let nameless = header("no/name", native);
    let error = installed(&opened(&root(Backend::Sqlite, &[header("good", native), nameless]))).unwrap_err();
    assert_eq!(error.to_string(), "var/lib/rpm/rpmdb.sqlite: header 2: the header has no usable name");
    let contradictory = header("files", |builder| {
        native(builder);
        builder.strings(Tag::BASENAMES, ["a", "b"]).strings(Tag::DIRNAMES, ["/"]).u32s(Tag::DIR_INDEXES, [0]);
    });
    let error = installed(&opened(&root(Backend::Sqlite, &[contradictory]))).unwrap_err();
    assert_eq!(error.to_string(), "files-0:1-2.aarch64: the header tells of 2 files, but its tag 1116 of 1");
}

#[test]
fn a_signature_that_cannot_be_read_is_still_one() {
    let unreadable = header("a", |builder| {
        native(builder);
        builder.bytes(Tag::RSA_HEADER, b"no packet").strings(Tag::OPENPGP, ["*not base64*"]);
    });
    let packages = installed(&opened(&root(Backend::Sqlite, &[unreadable]))).unwrap();
    assert_eq!(packages[0].signatures, [SignatureFacts::default()]);
    let unsigned = installed(&opened(&root(Backend::Sqlite, &[header("a", native)]))).unwrap();
    assert_eq!(unsigned[0].signatures, []);
}
