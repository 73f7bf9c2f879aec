//! The catalog as other rooms see it.

mod alpine;
mod files;
mod names;
mod real;

use super::{Catalog, Image};

/// The built-in image of these names, which has to exist.
fn image(release: &str, variant: &str, arch: &str) -> Image {
    Catalog::builtin().find("almalinux", release, variant, arch).unwrap()
}

/// Every built-in image of the distribution.
fn every_image() -> Vec<Image> {
    let catalog = Catalog::builtin();
    let mut images = Vec::new();
    for release in catalog.distro("almalinux").unwrap().releases() {
        for variant in release.variants() {
            for arch in variant.architectures() {
                images.push(variant.image(&arch.name).unwrap());
            }
        }
    }
    images
}
