//! A catalog file laid over those of the crate: one that is refused changes nothing; of one that is taken all that is listed can be made an image of.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::catalog::Catalog;
use rootstrap_fuzz::file;

fuzz_target!(|data: &[u8]| {
    static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
        let catalog = Catalog::builtin();
        // What is read when it is asked for shall be read already, so that nothing of it changes.
        assert!(catalog.distros().is_ok());
        catalog
    });
    static BUILTIN_TEXT: LazyLock<String> = LazyLock::new(|| format!("{:?}", *BUILTIN));
    // Only the distribution that the file is about may change, so the others need no look.
    let mut catalog = BUILTIN.clone();
    if catalog.extend(&file("catalog.toml", data)).is_err() {
        assert_eq!(format!("{catalog:?}"), *BUILTIN_TEXT);
        return;
    }
    for distro in catalog.distros().unwrap() {
        for release in distro.releases() {
            for variant in release.variants() {
                for architecture in variant.architectures() {
                    let found = catalog.find(distro.name(), release.name(), variant.name(), &architecture.name);
                    assert_eq!(
                        format!("{:?}", found.map_err(|error| error.to_string())),
                        format!("{:?}", variant.image(&architecture.name).map_err(|error| error.to_string()))
                    );
                }
            }
        }
    }
});
