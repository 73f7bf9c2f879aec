//! The catalog's public interface.

mod alpine;
mod files;
mod names;
mod real;

use super::{Catalog, Image};

/// Returns the built-in image with these names; it must exist.
fn image(release: &str, variant: &str, arch: &str) -> Image {
    Catalog::builtin().find("almalinux", release, variant, arch).unwrap()
}

/// Returns all built-in images of the distribution.
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
