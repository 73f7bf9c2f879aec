//! The catalog as other rooms see it: names found and not found, files laid over, and the data against the real thing.

use super::Catalog;

#[test]
fn every_builtin_image_can_be_had() {
    let catalog = Catalog::builtin().unwrap();
    let almalinux = catalog.distro("almalinux").unwrap();
    let releases: Vec<_> = almalinux.releases().iter().map(|r| r.name().to_owned()).collect();
    assert_eq!(releases, ["8", "9", "10", "10-kitten"]);
}
