//! Packages that were cut off or changed on the way.

use std::path::Path;

use proptest::prelude::*;
use rootstrap::package::{Content, Spool};
use rootstrap::rpm::package::{Package, PackageError, Trust};
use rootstrap::rpm::signature::Keyring;

/// Returns a signed package of the fixtures, and a keyring with its key.
fn fixture(name: &str) -> (Vec<u8>, Keyring) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures");
    let mut keyring = Keyring::new();
    keyring.add(&std::fs::read(root.join("keys/rootstrap-fixtures.asc")).unwrap()).unwrap();
    (std::fs::read(root.join("9/BaseOS/aarch64/os/Packages").join(name)).unwrap(), keyring)
}

const PACKAGE: &str = "libcap-2.48-9.el9.aarch64.rpm";

/// Opens and unpacks a package.
fn everything(file: &[u8], trust: Trust<'_>) -> Result<Package, String> {
    let package = Package::open(&Content::from(file), trust).map_err(|error| error.to_string())?;
    let directory = tempfile::tempdir().unwrap();
    let files = package.files().map_err(|error| error.to_string())?;
    package.unpack(&files, &Spool::new(1 << 20, directory.path()), |_| true).map_err(|error| error.to_string())?;
    Ok(package)
}

#[test]
fn cut_off_anywhere() {
    let (file, keyring) = fixture(PACKAGE);
    assert!(everything(&file, Trust::Keys(&keyring)).is_ok());
    for end in (0..file.len()).step_by(64).chain([file.len() - 1]) {
        let error = Package::open(&Content::from(&file[..end]), Trust::Unsigned(&keyring)).unwrap_err();
        assert!(matches!(error, PackageError::Truncated { .. }), "{end}: {error}");
        assert!(Package::open(&Content::from(&file[..end]), Trust::Keys(&keyring)).is_err());
    }
    let longer = [&file[..], b"more"].concat();
    assert!(matches!(Package::open(&Content::from(longer), Trust::Keys(&keyring)), Err(PackageError::Size { .. })));
}

/// Changes every byte once. If the package still opens, it must be the same: the changed byte is
/// not covered and not read (in the lead or in padding).
#[test]
fn a_flipped_byte_is_refused_or_of_no_effect() {
    let (mut file, keyring) = fixture(PACKAGE);
    let good = everything(&file, Trust::Keys(&keyring)).unwrap();
    let mut accepted = Vec::new();
    for at in 0..file.len() {
        file[at] ^= 0x55;
        if let Ok(package) = everything(&file, Trust::Keys(&keyring)) {
            assert_eq!(package.header().blob(), good.header().blob());
            assert_eq!(package.payload().bytes().unwrap(), good.payload().bytes().unwrap());
            assert_eq!(package.signer(), good.signer());
            accepted.push(at);
        }
        file[at] ^= 0x55;
    }
    let header = file.len() - good.payload().len() as usize - good.header().blob().len();
    assert!(accepted.iter().all(|&at| at < header), "{accepted:?} before {header}");
    println!("{} of {} bytes are covered", file.len() - accepted.len(), file.len());
}

#[test]
fn what_is_no_package() {
    let keyring = Keyring::new();
    let open = |bytes: &[u8]| Package::open(&Content::from(bytes), Trust::Unsigned(&keyring)).unwrap_err();
    assert!(matches!(open(b""), PackageError::Truncated { .. }));
    assert!(matches!(open(&[b'<'; 200]), PackageError::NotAnRpm { found: [b'<', ..] }));
    let (mut file, _) = fixture(PACKAGE);
    file[79] = 1;
    assert!(matches!(open(&file), PackageError::Lead { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_damage_is_an_error_and_never_a_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let (mut file, keyring) = fixture(PACKAGE);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = everything(&file, Trust::Keys(&keyring));
        // Without the digests, the code behind them must handle the damage too.
        if let Ok(package) = Package::inspect(&Content::from(&file[..])) {
            let _ = package.files();
        }
    }
}
