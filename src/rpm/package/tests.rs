use std::path::{Path, PathBuf};

use super::*;
use crate::digest::Digest;
use crate::rpm::files::Flags;

/// Returns the directory with real data. Without it, prints that the test is skipped and returns
/// `None`.
fn data() -> Option<PathBuf> {
    let root =
        std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if root.join("rpms").is_dir() {
        return Some(root);
    }
    println!("skipped: no real data");
    None
}

fn keyring(files: &[PathBuf]) -> Keyring {
    let mut keyring = Keyring::new();
    for file in files {
        keyring.add(&std::fs::read(file).unwrap()).unwrap();
    }
    keyring
}

fn packages(directory: &Path) -> Vec<(String, Content)> {
    let mut packages: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rpm"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), Content::from(std::fs::read(&path).unwrap())))
        .collect();
    packages.sort_by(|a, b| a.0.cmp(&b.0));
    packages
}

#[test]
fn almalinux_key_is_known_by_its_own_package() {
    let Some(data) = data() else { return };
    let keyring = keyring(&[data.join("keys/almalinux/RPM-GPG-KEY-AlmaLinux-9")]);
    for (name, content) in packages(&data.join("rpms")) {
        match (name.as_str(), Package::open(&content, Trust::Keys(&keyring))) {
            ("bash-5.1.8-9.el9.x86_64.rpm", Ok(package)) => {
                let signer = package.signer().unwrap();
                assert_eq!(signer.key, "BF18AC2876178908D6E71267D36CB86CB86B3716");
                assert_eq!(signer.user, "AlmaLinux OS 9 <packager@almalinux.org>");
                assert_eq!((signer.hash.as_str(), signer.created), ("SHA256", Some(1_714_500_088)));
                assert_eq!(package.identity().id(), "bash-0:5.1.8-9.el9.x86_64");
            }
            ("bzip2-libs-1.0.8-18.el9.x86_64.rpm", Err(PackageError::UnknownKey { signers, trusted })) => {
                assert_eq!(signers, ["ED3F023B671B2CE402A638CC6C431928EF743B4C"]);
                assert_eq!(trusted, ["BF18AC2876178908D6E71267D36CB86CB86B3716"]);
            }
            (_, Err(PackageError::Unsigned { part: Part::Header })) => {}
            (name, result) => panic!("{name}: {result:?}"),
        }
        // `Trust::Unsigned` accepts the package, so only digests verify the contents.
        let package = Package::open(&content, Trust::Unsigned(&keyring)).unwrap();
        assert_eq!(package.signer().is_some(), name.starts_with("bash-5"));
        let directory = tempfile::tempdir().unwrap();
        let files = package.files().unwrap();
        let contents = package.unpack(&files, &Spool::new(u64::MAX, directory.path()), |_| true).unwrap();
        for (file, content) in files.iter().zip(contents) {
            let expected = (file.kind == crate::rpm::files::FileKind::Regular && file.in_payload()).then_some(file.size);
            assert_eq!(content.map(|content| content.len()), expected, "{name} {}", file.display_path());
        }
    }
}

#[test]
fn almalinux_mirror_is_whole_but_for_what_it_says() {
    let Some(data) = data() else { return };
    let keyring = keyring(&[data.join("almalinux/keys/rootstrap-test.asc")]);
    let directory = tempfile::tempdir().unwrap();
    // The memory limit fits one package only, so that contents also come from files.
    let spool = Spool::new(1 << 20, directory.path());
    let packages = packages(&data.join("almalinux/9/BaseOS/aarch64/os/Packages"));
    assert_eq!(packages.len(), 22);
    for (name, content) in packages {
        let package = Package::open(&content, Trust::Keys(&keyring)).unwrap();
        assert_eq!(format!("{}.rpm", package.identity()), name);
        let files = package.files().unwrap();
        // Documentation and translations are zeros in these packages. They must not be verified
        // when they are not wanted.
        let wanted = |file: &File| !file.flags.contains(Flags::DOC) && file.languages.is_empty();
        let contents = package.unpack(&files, &spool, wanted).unwrap();
        for (file, content) in files.iter().zip(contents) {
            if let (Some(digest), Some(content)) = (&file.digest, content) {
                assert_eq!(Digest::of(digest.algorithm(), &content.bytes().unwrap()), *digest);
            }
        }
        if name.starts_with("setup-") {
            assert!(matches!(package.unpack(&files, &spool, |_| true), Err(PayloadError::Digest { .. })));
        }
    }
}
