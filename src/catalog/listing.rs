//! Lists of the catalog, and the lookup of names: distribution, release, variant, architecture.

use std::cmp::Ordering;

use super::architecture::{Architecture, Platform};
use super::error::{CatalogError, ContentProblem};
use super::form::{Over, ReleaseForm, VariantForm};
use super::image::{Image, Packaging};
use super::loading::Loaded;
use super::nearest::nearest;

/// A distribution.
#[derive(Debug, Clone, Copy)]
pub struct Distro<'a> {
    pub(super) loaded: &'a Loaded,
}

/// A release of a distribution, or a minor release of one.
#[derive(Debug, Clone)]
pub struct Release<'a> {
    pub(super) distro: Distro<'a>,
    /// The name as requested: `9.4`.
    pub(super) name: String,
    /// The name of the listed release: `9`.
    pub(super) series: &'a str,
    pub(super) form: &'a ReleaseForm,
}

/// A variant of a release.
#[derive(Debug, Clone)]
pub struct Variant<'a> {
    pub(super) release: Release<'a>,
    pub(super) name: String,
    /// The variant as the distribution defines it, with the release's changes applied.
    pub(super) form: VariantForm,
}

impl<'a> Distro<'a> {
    pub(super) fn new(loaded: &'a Loaded) -> Self {
        Self { loaded }
    }

    /// Returns the name: `almalinux`.
    pub fn name(self) -> &'a str {
        &self.loaded.form.distro
    }

    /// Returns the display name: `AlmaLinux OS`.
    pub fn title(self) -> &'a str {
        self.loaded.form.title.as_deref().unwrap_or(self.name())
    }

    /// Returns the kind of the packages.
    pub fn packaging(self) -> Packaging {
        self.loaded.form.packaging.unwrap_or(Packaging::Rpm)
    }

    /// Returns the releases, from the lowest number to the highest, without minor releases.
    pub fn releases(self) -> Vec<Release<'a>> {
        let names = self.loaded.releases.keys();
        let mut releases: Vec<_> = names.filter_map(|name| self.listed(name, name)).collect();
        releases.sort_by(|a, b| natural_order(a.series, b.series));
        releases
    }

    /// Finds a release by name or alias, or a minor release (`9.4`) if the release has minor
    /// releases.
    pub fn release(self, name: &str) -> Result<Release<'a>, CatalogError> {
        let aliased = || {
            let has = |form: &ReleaseForm| form.aliases.iter().flatten().any(|alias| alias == name);
            self.loaded.releases.iter().find(|(_, form)| has(form)).map(|(series, _)| series.as_str())
        };
        let minor = || {
            let series = series_of_minor(name)?;
            self.listed(series, name).filter(|release| release.form.minor_mirror.is_some())
        };
        self.listed(name, name).or_else(|| aliased().and_then(|series| self.listed(series, series))).or_else(minor).ok_or_else(
            || {
                let known: Vec<_> = self.releases().into_iter().map(|release| release.name).collect();
                CatalogError::UnknownRelease {
                    distro: self.name().to_owned(),
                    name: name.to_owned(),
                    suggestion: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
                    known,
                }
            },
        )
    }

    fn listed(self, series: &str, name: &str) -> Option<Release<'a>> {
        let (series, form) = self.loaded.releases.get_key_value(series)?;
        Some(Release { distro: self, name: name.to_owned(), series, form })
    }
}

impl<'a> Release<'a> {
    /// Returns the name, as requested.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the display name: `AlmaLinux OS Kitten 10`.
    pub fn title(&self) -> String {
        let title = self.form.title.clone();
        title.unwrap_or_else(|| format!("{} {}", self.distro.title(), self.name))
    }

    /// Returns the other names of the release.
    pub fn aliases(&self) -> &'a [String] {
        self.form.aliases.as_deref().unwrap_or_default()
    }

    /// Returns the last day of maintenance (`2029-03-01`), if it is known.
    pub fn end_of_life(&self) -> Option<&'a str> {
        self.form.end_of_life.as_deref()
    }

    /// Reports whether it has minor releases (`9.4` of `9`).
    pub fn has_minors(&self) -> bool {
        self.form.minor_mirror.is_some()
    }

    /// Returns the architectures of the release, sorted by name.
    pub fn architectures(&self) -> Vec<Architecture> {
        self.form.architectures.keys().filter_map(|name| self.own_architecture(name).ok()).collect()
    }

    /// Finds an architecture by the distribution's own name, or by a platform in Docker's notation.
    pub fn architecture(&self, name: &str) -> Result<Architecture, CatalogError> {
        let known = self.architectures();
        // The distribution's own name comes first, because the same word can be a platform that
        // means another architecture (`x86` is Alpine's own name).
        let own = known.iter().find(|arch| arch.name == name);
        let meant = || {
            let platform: Platform = name.parse().ok()?;
            known.iter().find(|arch| arch.platform == platform)
        };
        own.or_else(meant).cloned().ok_or_else(|| CatalogError::UnknownArchitecture {
            distro: self.distro.name().to_owned(),
            release: self.name.clone(),
            name: name.to_owned(),
            suggestion: nearest(name, known.iter().map(|arch| arch.name.as_str())).map(str::to_owned),
            known: known.iter().map(|arch| arch.name.clone()).collect(),
        })
    }

    /// Finds an architecture by the distribution's own name only.
    pub(super) fn own_architecture(&self, name: &str) -> Result<Architecture, ContentProblem> {
        let form = self
            .distro
            .loaded
            .form
            .architectures
            .get(name)
            .ok_or_else(|| ContentProblem::Dangling { kind: "architecture", name: name.to_owned() })?;
        let platform = form.platform.clone().ok_or(ContentProblem::Missing { key: "platform" })?;
        Ok(Architecture { name: name.to_owned(), platform, byte_order: form.byte_order.unwrap_or_default() })
    }

    /// Returns the variants, in the distribution's order.
    pub fn variants(&self) -> Vec<Variant<'a>> {
        let form = &self.distro.loaded.form;
        let order = form.variant_order.as_deref().unwrap_or_default();
        let place = |name: &str| order.iter().position(|listed| listed == name).unwrap_or(order.len());
        let mut names: Vec<&str> = form.variants.keys().chain(self.form.variants.keys()).map(String::as_str).collect();
        names.sort_by_key(|name| (place(name), *name));
        names.dedup();
        names.into_iter().filter_map(|name| self.listed(name)).collect()
    }

    /// Finds a variant by name.
    pub fn variant(&self, name: &str) -> Result<Variant<'a>, CatalogError> {
        self.listed(name).ok_or_else(|| {
            let known: Vec<_> = self.variants().into_iter().map(|variant| variant.name).collect();
            CatalogError::UnknownVariant {
                distro: self.distro.name().to_owned(),
                release: self.name.clone(),
                name: name.to_owned(),
                suggestion: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
                known,
            }
        })
    }

    fn listed(&self, name: &str) -> Option<Variant<'a>> {
        if self.form.without_variants.iter().flatten().any(|without| without == name) {
            return None;
        }
        let form = match (self.distro.loaded.form.variants.get(name), self.form.variants.get(name)) {
            (Some(general), Some(own)) => own.over(general),
            (general, own) => own.or(general)?.clone(),
        };
        Some(Variant { release: self.clone(), name: name.to_owned(), form })
    }
}

impl Variant<'_> {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a short description of the purpose.
    pub fn description(&self) -> &str {
        self.form.description.as_deref().unwrap_or_default()
    }

    /// Returns the architectures of the variant, sorted by name.
    pub fn architectures(&self) -> Vec<Architecture> {
        let mut architectures = self.release.architectures();
        architectures.retain(|arch| self.is_made_for(arch));
        architectures
    }

    /// Returns the image for the architecture with this name.
    pub fn image(&self, arch: &str) -> Result<Image, CatalogError> {
        let release = &self.release;
        let arch = release.architecture(arch)?;
        if !self.is_made_for(&arch) {
            return Err(CatalogError::VariantNotForArchitecture {
                distro: release.distro.name().to_owned(),
                release: release.name.clone(),
                variant: self.name.clone(),
                arch: arch.name,
                known: self.architectures().into_iter().map(|arch| arch.name).collect(),
            });
        }
        self.resolve(arch).map_err(|(place, source)| CatalogError::Content { path: release.distro.name().into(), place, source })
    }

    fn is_made_for(&self, arch: &Architecture) -> bool {
        self.form.architectures.as_ref().is_none_or(|only| only.contains(&arch.name))
    }
}

/// Returns `9` for `9.4`: a listed name, a dot, a number.
fn series_of_minor(name: &str) -> Option<&str> {
    let (series, minor) = name.rsplit_once('.')?;
    let number = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = minor == "0" || !minor.starts_with('0');
    (number && canonical).then_some(series)
}

/// Compares names that contain numbers in natural order: 8, 9, 10, 10-kitten; 3.9 before 3.10.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u64, String)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (word, next) = after.split_at(letters);
            parts.push((number.parse().unwrap_or(u64::MAX), word.to_owned()));
            rest = next;
        }
        parts
    };
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::{natural_order, series_of_minor};

    #[test]
    fn orders_releases_as_people_do() {
        let mut names = ["edge", "10-kitten", "3.10", "9", "10", "3.9", "8"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["3.9", "3.10", "8", "9", "10", "10-kitten", "edge"]);
    }

    #[test]
    fn tells_a_minor_release() {
        for (name, series) in [
            ("9.4", Some("9")),
            ("8.10", Some("8")),
            ("10.0", Some("10")),
            ("9", None),
            ("9.", None),
            ("9.x", None),
            ("9.04", None),
            ("9.4.1", Some("9.4")),
        ] {
            assert_eq!(series_of_minor(name), series, "{name}");
        }
    }
}
