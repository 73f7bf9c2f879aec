//! The structure of a catalog file, as serde reads it. Every key is optional; unknown keys are
//! errors.
//!
//! A file describes one distribution, or extends one. Later values override earlier values, key by
//! key; lists are replaced as a whole. The same rule derives a release's variant from the
//! distribution's variant.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::architecture::{ByteOrder, Platform};
use super::finishing::Step;
use super::image::{Database, InstallAction, Langs, Multilib, Packaging};

/// A whole catalog file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DistroForm {
    pub(super) distro: String,
    pub(super) title: Option<String>,
    #[serde(rename = "type")]
    pub(super) packaging: Option<Packaging>,
    /// The variants in listing order; the others follow by name.
    pub(super) variant_order: Option<Vec<String>>,
    pub(super) mirrors: BTreeMap<String, MirrorForm>,
    pub(super) repositories: BTreeMap<String, RepositoryForm>,
    pub(super) architectures: BTreeMap<String, ArchitectureForm>,
    pub(super) options: OptionsForm,
    pub(super) steps: BTreeMap<String, Vec<Step>>,
    pub(super) variants: BTreeMap<String, VariantForm>,
    /// Default values of every release.
    pub(super) every_release: ReleaseForm,
    pub(super) releases: BTreeMap<String, ReleaseForm>,
    /// Additional names of the release with the highest number: `latest`.
    pub(super) newest_aliases: Option<Vec<String>>,
    /// The release whose images have the `newest_tags`, if it is not the one with the highest
    /// number.
    pub(super) newest: Option<String>,
    /// Labels of every image, as templates.
    pub(super) labels: BTreeMap<String, String>,
    /// Additional tag schemes, by name. They are alternatives to the tags of the variants.
    pub(super) tag_schemes: BTreeMap<String, TagSchemeForm>,
}

/// A tag scheme: a repository and its tags, all of them templates.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TagSchemeForm {
    pub(super) repository: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    /// Tags that images of minor releases do not have.
    pub(super) series_tags: Option<Vec<String>>,
    /// Tags that only the images of the newest release have.
    pub(super) newest_tags: Option<Vec<String>>,
}

/// A mirror that holds whole releases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MirrorForm {
    pub(super) base: Option<String>,
    pub(super) mirrorlist: Option<String>,
}

/// A repository and its path below a mirror.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RepositoryForm {
    pub(super) title: Option<String>,
    pub(super) layout: Option<String>,
    /// True if a mirror may lack it.
    pub(super) optional: Option<bool>,
    /// True if its metadata is signed (`repomd.xml.asc`).
    pub(super) signed: Option<bool>,
    /// Number of days without a change after which the metadata counts as outdated.
    pub(super) fresh_days: Option<u32>,
}

/// The weakest accepted signatures.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignaturesForm {
    pub(super) sha1: Option<bool>,
    pub(super) rsa: Option<u32>,
    pub(super) dsa: Option<u32>,
    pub(super) v6_over_v4: Option<bool>,
}

/// An architecture of the distribution.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ArchitectureForm {
    pub(super) platform: Option<Platform>,
    pub(super) byte_order: Option<ByteOrder>,
}

/// Options of the package manager, for the distribution, a variant or one step.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OptionsForm {
    pub(super) weak_deps: Option<bool>,
    pub(super) docs: Option<bool>,
    pub(super) langs: Option<Langs>,
    pub(super) best: Option<bool>,
    pub(super) allow_erasing: Option<bool>,
    pub(super) multilib: Option<Multilib>,
}

/// A variant. Under a release, it contains only the differences of that release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VariantForm {
    pub(super) description: Option<String>,
    /// The architectures that have the variant, if not all of the release's.
    pub(super) architectures: Option<Vec<String>>,
    pub(super) repositories: Option<Vec<String>>,
    pub(super) options: OptionsForm,
    pub(super) install: Option<Vec<InstallForm>>,
    /// Names of lists in `steps`.
    pub(super) finishing: Option<Vec<String>>,
    pub(super) config: ConfigForm,
    /// Tags of its images, as templates.
    pub(super) tags: Option<Vec<String>>,
    /// Tags that only the images of the newest release have. They come before the others.
    pub(super) newest_tags: Option<Vec<String>>,
    /// Differences from the distribution's tag schemes.
    pub(super) tag_schemes: BTreeMap<String, TagSchemeForm>,
    pub(super) drop_database: Option<bool>,
}

/// One run of the package manager.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct InstallForm {
    pub(super) action: InstallAction,
    pub(super) packages: Vec<String>,
    pub(super) options: OptionsForm,
    /// Repositories in addition to the variant's.
    pub(super) enable: Vec<String>,
}

/// The configuration of the container image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigForm {
    pub(super) cmd: Option<Vec<String>>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) env: Option<Vec<String>>,
    pub(super) stop_signal: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// A release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReleaseForm {
    pub(super) title: Option<String>,
    /// Other names of the release: `latest`.
    pub(super) aliases: Option<Vec<String>>,
    /// The release's name on mirrors if it differs, as a template.
    pub(super) branch: Option<String>,
    pub(super) mirror: Option<String>,
    /// The mirror of its minor releases. Without this key the release has no minor releases.
    pub(super) minor_mirror: Option<String>,
    pub(super) keys: Option<Vec<String>>,
    pub(super) signatures: SignaturesForm,
    pub(super) module_platform: Option<String>,
    /// The last day of maintenance: `2029-03-01`.
    pub(super) end_of_life: Option<String>,
    pub(super) database: Option<Database>,
    pub(super) repositories: BTreeMap<String, RepositoryForm>,
    pub(super) architectures: BTreeMap<String, ReleaseArchitectureForm>,
    /// Architectures of `every_release` that this release lacks.
    pub(super) without_architectures: Option<Vec<String>>,
    /// Differences of its variants, and variants that only this release has.
    pub(super) variants: BTreeMap<String, VariantForm>,
    /// Variants of the distribution that this release lacks.
    pub(super) without_variants: Option<Vec<String>>,
}

/// Differences of one architecture in a release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReleaseArchitectureForm {
    pub(super) mirror: Option<String>,
    pub(super) keys: Option<Vec<String>>,
    /// Names of lists in `steps`, after the variant's.
    pub(super) finishing: Option<Vec<String>>,
}

/// A value that can override an earlier value of the same type.
pub(super) trait Over: Clone {
    /// Returns `self` where it has a value, and `base` elsewhere.
    fn over(&self, base: &Self) -> Self;
}

impl<T: Clone> Over for Option<T> {
    fn over(&self, base: &Self) -> Self {
        self.clone().or_else(|| base.clone())
    }
}

impl<T: Over> Over for BTreeMap<String, T> {
    fn over(&self, base: &Self) -> Self {
        let mut merged = base.clone();
        for (name, value) in self {
            let value = base.get(name).map_or_else(|| value.clone(), |below| value.over(below));
            merged.insert(name.clone(), value);
        }
        merged
    }
}

impl Over for String {
    fn over(&self, _: &Self) -> Self {
        self.clone()
    }
}

impl Over for Vec<Step> {
    fn over(&self, _: &Self) -> Self {
        self.clone()
    }
}

/// Implements `Over` for a struct field by field.
macro_rules! over_by_field {
    ($($form:ty { $($field:ident),+ $(,)? })+) => {$(
        impl Over for $form {
            fn over(&self, base: &Self) -> Self {
                Self { $($field: self.$field.over(&base.$field)),+ }
            }
        }
    )+};
}

over_by_field! {
    DistroForm {
        distro, title, packaging, variant_order, mirrors, repositories, architectures, options, steps, variants,
        every_release, releases, newest_aliases, newest, labels, tag_schemes,
    }
    MirrorForm { base, mirrorlist }
    TagSchemeForm { repository, tags, series_tags, newest_tags }
    RepositoryForm { title, layout, optional, signed, fresh_days }
    SignaturesForm { sha1, rsa, dsa, v6_over_v4 }
    ArchitectureForm { platform, byte_order }
    OptionsForm { weak_deps, docs, langs, best, allow_erasing, multilib }
    VariantForm {
        description, architectures, repositories, options, install, finishing, config, tags, newest_tags,
        tag_schemes, drop_database,
    }
    ConfigForm { cmd, entrypoint, env, stop_signal, labels }
    ReleaseForm {
        title, aliases, branch, mirror, minor_mirror, keys, signatures, module_platform, end_of_life, database, repositories, architectures,
        without_architectures, variants, without_variants,
    }
    ReleaseArchitectureForm { mirror, keys, finishing }
}
