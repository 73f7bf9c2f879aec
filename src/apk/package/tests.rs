use super::testing::{Apk, Hash, KEY_NAME, Member, Streams, What, data, keyring, open, package, real_packages, signer, spool};
use super::*;
use crate::apk::checksum;
use crate::fetch::Store;
use crate::package::InflatedStore;
use crate::repo::Inflated;

fn apk() -> Apk {
    Apk::new("thing", "1.0-r0", "aarch64")
        .info("depend", "so:libc.musl-aarch64.so.1")
        .info("triggers", "/usr/bin /etc/*")
        .script("post-install", "#!/bin/sh\nexit 0\n")
        .script("trigger", "#!/bin/sh\n:\n")
        .files([
            Member::directory("usr"),
            Member::directory("usr/bin"),
            Member::program("usr/bin/thing", "thing"),
            Member::hard_link("usr/bin/other", "usr/bin/thing"),
            Member::symlink("usr/bin/link", "thing"),
            Member::directory("dev"),
            Member { what: What::CharacterDevice(5, 1), ..Member::file("dev/console", "") },
            Member::file("usr/.keep_thing-1", ""),
            Member { xattr: Some(("user.colour", b"r\xffd")), ..Member::file("usr/xattr", "x") }.group("disk"),
        ])
}

fn streams(apk: &Apk) -> Streams {
    apk.build(&signer(), Hash::Sha1)
}

/// Signs changed streams again.
fn signed(mut streams: Streams) -> Vec<u8> {
    streams.signature = signer().stream(&streams.control, Hash::Sha1);
    streams.bytes()
}

#[test]
fn all_of_a_package_is_read() {
    let long = "d/".repeat(60) + "name";
    let mut apk = apk();
    let mut directory = String::new();
    for _ in 0..60 {
        directory.push('d');
        apk = apk.files([Member::directory(&directory)]);
        directory.push('/');
    }
    let package = package(&apk.files([Member::file(&long, "long")]));
    assert_eq!(package.id(), "thing-1.0-r0");
    assert_eq!(package.signer(), Some(KEY_NAME));
    assert_eq!(package.build_time(), 1_704_067_200);
    assert_eq!(package.scripts().iter().map(|script| script.kind.name()).collect::<Vec<_>>(), ["post-install", "trigger"]);
    let entries = package.entries();
    let of = |path: &str| entries.iter().find(|entry| *entry.path == *path.as_bytes());
    assert!(matches!(&of("/usr/bin/thing").unwrap().kind, EntryKind::File(content) if &*content.bytes().unwrap() == b"thing"));
    assert!(matches!(&of("/usr/bin/other").unwrap().kind, EntryKind::HardLink(target) if **target == *b"/usr/bin/thing"));
    assert!(matches!(&of("/usr/bin/link").unwrap().kind, EntryKind::Symlink(target) if **target == *b"thing"));
    assert!(matches!(of("/dev/console").unwrap().kind, EntryKind::CharacterDevice { major: 5, minor: 1 }));
    assert!(matches!(&of(&format!("/{long}")).unwrap().kind, EntryKind::File(content) if content.len() == 4));
    assert!(of("/usr/.keep_thing-1").is_none());
    let xattr = of("/usr/xattr").unwrap();
    assert_eq!(xattr.xattrs[b"user.colour".as_slice()], Box::from(&b"r\xffd"[..]));
    assert_eq!((&xattr.group, &xattr.user), (&Owner::named("disk"), &Owner::ROOT));
    assert!(package.files().iter().find(|file| *file.path == *b"usr/bin/other").unwrap().checksum.is_some());
}

#[test]
fn sha256_signatures_are_as_good() {
    let bytes = apk().build(&signer(), Hash::Sha256).bytes();
    assert_eq!(open(&bytes).unwrap().signer(), Some(KEY_NAME));
}

#[test]
fn who_signed_decides() {
    let unsigned = Streams { signature: Vec::new(), ..streams(&apk()) }.bytes();
    assert!(matches!(open(&unsigned), Err(PackageError::Signature(SignatureError::Unsigned))));
    let open_with = |bytes: &[u8], trust| Package::open(&Content::from(bytes), trust, &Indexed::default(), &spool());
    let keys = keyring();
    assert_eq!(open_with(&unsigned, Trust::Unsigned(&keys)).unwrap().signer(), None);

    let bytes = streams(&apk()).bytes();
    let mut others = Keyring::new();
    others.add("somebody-else.rsa.pub", include_bytes!("../../../repo-fixtures/keys/somebody-else.rsa.pub")).unwrap();
    let unknown = open_with(&bytes, Trust::Keys(&others)).unwrap_err();
    assert_eq!(unknown.to_string(), "the package: it is signed by rootstrap-fixtures.rsa.pub, trusted are somebody-else.rsa.pub");
    assert!(open_with(&bytes, Trust::Unsigned(&others)).is_ok());

    // A key of the right name did not make the signature: it is an error under every policy.
    let mut wrong = Keyring::new();
    wrong.add(KEY_NAME, include_bytes!("../../../repo-fixtures/keys/somebody-else.rsa.pub")).unwrap();
    for trust in [Trust::Keys(&wrong), Trust::Unsigned(&wrong)] {
        assert!(matches!(open_with(&bytes, trust), Err(PackageError::Signature(SignatureError::Bad { .. }))));
    }
}

#[test]
fn no_byte_can_be_changed() {
    let whole = streams(&apk());
    let bytes = whole.bytes();
    let control = whole.signature.len()..whole.signature.len() + whole.control.len();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        match open(&changed) {
            Err(_) => {}
            // Some bytes have no meaning: time and system in gzip headers, and names and numbers in
            // the unsigned archive of the signature.
            Ok(package) => {
                assert!(!control.contains(&at) && at < control.end, "byte {at} of {} was believed", bytes.len());
                assert_eq!(package.signer(), Some(KEY_NAME));
            }
        }
    }
}

#[test]
fn no_part_can_be_missing() {
    let bytes = streams(&apk()).bytes();
    for length in (0..bytes.len()).step_by(7) {
        assert!(open(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
    assert!(open(&[&bytes[..], b"more"].concat()).is_err());
    let Streams { signature, data, .. } = streams(&apk());
    assert!(matches!(open(&[signature, data].concat()), Err(PackageError::NotAPackage { .. })));
}

#[test]
fn the_index_and_the_data_hash_are_held_against_it() {
    let apk = apk();
    let bytes = streams(&apk).bytes();
    let opened = open(&bytes).unwrap();
    let with = |digest: Digest| {
        let indexed = Indexed { checksum: Some(digest), arch: Some("armv7".into()) };
        Package::open(&Content::from(&bytes[..]), Trust::Keys(&keyring()), &indexed, &spool())
    };
    // Only a `noarch` package takes the architecture of the index.
    assert_eq!(with(opened.checksum().clone()).unwrap().info().arch, "aarch64");
    assert!(matches!(with(Digest::of(Algorithm::Sha1, b"another")), Err(PackageError::Identity { .. })));
    assert!(matches!(with(Digest::of(Algorithm::Sha256, b"another")), Err(PackageError::Identity { .. })));

    let control = testing::apk::gzip(&apk.control(&Digest::of(Algorithm::Sha256, b"other data").hex()));
    assert!(matches!(open(&signed(Streams { control, ..streams(&apk) })), Err(PackageError::DataHash { .. })));
    let without = String::from_utf8_lossy(&apk.control("")).replace("datahash = ", "nodatahash ");
    let control = testing::apk::gzip(without.as_bytes());
    let error = open(&signed(Streams { control, ..streams(&apk) })).unwrap_err();
    assert!(matches!(error, PackageError::NoDataHash), "{error}");
    let wrong = Member { checksum: Some("00".repeat(20)), ..Member::file("file", "content") };
    let error = open(&streams(&apk.clone().files([wrong])).bytes()).unwrap_err();
    assert!(matches!(error, PackageError::File { ref path, .. } if path == "file"), "{error}");
}

#[test]
fn entries_that_lead_out_or_nowhere_are_refused() {
    for (file, problem) in [
        (Member::hard_link("usr/bin/lost", "usr/bin/gone"), "a hard link to usr/bin/gone, which the archive does not have"),
        (Member::hard_link("usr/bin/lost", "usr/bin"), "a hard link to usr/bin, which the archive does not have"),
        (Member::file("nowhere/file", ""), "the archive does not have its directory before it"),
        (Member::file("usr/bin/thing/below", ""), "the archive does not have its directory before it"),
        (Member::file("usr/bin/thing", "again"), "the archive has it twice"),
        (Member::file("usr/line\nend", ""), "a path that no database can hold"),
        (Member { checksum: Some("zz".into()), ..Member::file("usr/x", "") }, "its checksum is none"),
    ] {
        let error = open(&streams(&apk().files([file])).bytes()).unwrap_err();
        assert!(matches!(&error, PackageError::Entry { problem: found, .. } if found == problem), "{error}");
    }
    for path in ["../out", "/etc/passwd", "usr/../../out", "./usr", "usr//bin", "usr/./bin"] {
        let mut header = tar::Header::new_old();
        header.set_mode(0o644);
        header.set_size(0);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        let mut tar = header.as_bytes().to_vec();
        tar.extend([0; 1024]);
        let data = testing::apk::gzip(&tar);
        let control = testing::apk::gzip(&apk().control(&Digest::of(Algorithm::Sha256, &data).hex()));
        let error = open(&signed(Streams { signature: Vec::new(), control, data })).unwrap_err();
        assert!(matches!(&error, PackageError::Entry { .. }), "{path}: {error}");
    }
}

#[test]
fn a_directory_may_come_twice() {
    let package = package(&apk().files([Member::directory("usr/bin").mode(0o700)]));
    let directories: Vec<u16> = package.files().iter().filter(|file| *file.path == *b"usr/bin").map(|file| file.mode).collect();
    assert_eq!(directories, [0o700]);
}

/// Compares every real package with the checksums in its real index.
#[test]
fn real_packages_are_what_their_index_says() {
    let Some(data) = data() else { return };
    for arch in ["x86_64", "aarch64"] {
        let index = std::fs::File::open(data.join(format!("v3.20/main/{arch}/APKINDEX.tar.gz"))).unwrap();
        let mut text = String::new();
        let mut input = flate2::bufread::MultiGzDecoder::new(BufReader::new(index));
        read_tar::<std::io::Error>(&mut input, |member, content| {
            if member.path == b"APKINDEX" {
                content.read_to_string(&mut text)?;
            }
            Ok(())
        })
        .unwrap();
        let mut count = 0;
        for record in text.split("\n\n").filter(|record| !record.trim().is_empty()) {
            let field = |key: &str| record.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            let id = format!("{}-{}", field("P:"), field("V:"));
            let package = real_packages(arch, &[&id]).unwrap().remove(0);
            assert_eq!(checksum::text(package.checksum()), field("C:"), "{id}");
            assert_eq!(package.size().to_string(), field("S:"), "{id}");
            assert_eq!(package.signer(), Some("rootstrap-test.rsa.pub"));
            assert!(
                package.files().iter().all(|file| matches!(file.kind, FileKind::Directory) || file.checksum.is_some()),
                "{id}"
            );
            count += 1;
        }
        assert_eq!(count, 14);
    }
}

/// Creates a spool that caches decompressed data, and its cache.
fn keeping(directory: &tempfile::TempDir) -> (Spool, Arc<Inflated>) {
    let store = Arc::new(Inflated::new(Store::new(directory.path())).with_room(0));
    (spool().with_inflated(store.clone()), store)
}

fn keep(store: &Inflated, packed: &Digest, inflated: &[u8]) {
    let mut writer = store.begin(packed).unwrap();
    writer.add(inflated);
    writer.finish();
}

#[test]
fn data_that_were_inflated_once_are_not_inflated_again() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, store) = keeping(&directory);
    let streams = streams(&apk());
    let datahash = Digest::of(Algorithm::Sha256, &streams.data);
    let packed = Content::from(streams.bytes());
    let open = |spool: &Spool| Package::open(&packed, Trust::Keys(&keyring()), &Indexed::default(), spool).unwrap();
    let facts = |package: &Package| {
        let of = |file: &File| {
            let content = match &file.kind {
                FileKind::Regular(content) => content.bytes().unwrap().into_owned(),
                _ => Vec::new(),
            };
            (format!("{file:?}"), content)
        };
        package.files().iter().map(of).collect::<Vec<_>>()
    };
    let first = open(&spool);
    let mut other = store.find(&datahash).unwrap().bytes().unwrap().into_owned();
    assert_eq!(facts(&open(&spool)), facts(&first));

    // The cached data are used, up to the limit on decompressed sizes.
    let used = |spool: &Spool| facts(&open(spool)).iter().any(|(_, content)| content == b"THING");
    let content = other.chunks(512).position(|block| block.starts_with(b"thing\0\0")).unwrap() * 512;
    other[content..content + 5].copy_from_slice(b"THING");
    other.resize(300 << 10, 0);
    keep(&store, &datahash, &other);
    assert!(used(&spool));
    assert!(!used(&spool.clone().allowing(100 << 10)));
    keep(&store, &datahash, &b"no tar".repeat(512));
    assert_eq!(facts(&open(&spool)), facts(&first), "what is no such thing costs inflating it again");
}

#[test]
fn what_is_refused_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, _) = keeping(&directory);
    let open = |bytes: Vec<u8>| Package::open(&Content::from(bytes), Trust::Keys(&keyring()), &Indexed::default(), &spool);
    let mut damaged = streams(&apk());
    let last = damaged.data.len() - 20;
    damaged.data[last] ^= 1;
    assert!(matches!(open(damaged.bytes()), Err(PackageError::DataHash { .. })));
    let wrong = Member { checksum: Some("00".repeat(20)), ..Member::file("file", "content") };
    assert!(matches!(open(streams(&apk().files([wrong])).bytes()), Err(PackageError::File { .. })));
    assert!(!directory.path().join("inflated").exists());
}
