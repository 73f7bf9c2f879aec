//! Tags and labels of an image. Some of them depend on the content of the image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::date::DateFormat;
use super::error::ContentProblem;
use super::template::{Variables, expand};

/// The tags and labels of an image, as templates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Naming {
    /// Templates of tags; the most specific one is last.
    pub(super) tags: Vec<String>,
    /// Templates of labels.
    pub(super) labels: BTreeMap<String, String>,
    /// The values that are known before the build: `release`, `variant`…
    pub(super) known: Vec<(&'static str, String)>,
    /// Additional tag schemes, by name.
    pub(super) schemes: BTreeMap<String, TagScheme>,
    /// A template of the repository name if it differs from the distribution's.
    pub(super) repository: Option<String>,
}

/// A tag scheme: a repository and the tags in it, as templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TagScheme {
    /// The name of the repository.
    pub repository: String,
    /// The tags; the most specific one is last.
    pub tags: Vec<String>,
}

/// The name of the tag scheme with the variants' own tags: one repository for all images, as in
/// Docker's official library.
pub const LIBRARY: &str = "library";

/// The parts of a [`Naming`], for serialization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamingForm {
    /// Templates of tags.
    pub tags: Vec<String>,
    /// Templates of labels.
    pub labels: BTreeMap<String, String>,
    /// The values of variables that are known before the build.
    pub known: BTreeMap<String, String>,
    /// Additional tag schemes.
    pub schemes: BTreeMap<String, TagScheme>,
}

/// The variables that are known before anything is built.
const KNOWN: [&str; 6] = ["distro", "title", "release", "series", "variant", "arch"];

impl From<&Naming> for NamingForm {
    fn from(naming: &Naming) -> Self {
        let known = naming.known.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { tags: naming.tags.clone(), labels: naming.labels.clone(), known, schemes: naming.schemes.clone() }
    }
}

impl TryFrom<NamingForm> for Naming {
    type Error = ContentProblem;

    fn try_from(form: NamingForm) -> Result<Self, ContentProblem> {
        let NamingForm { tags, labels, mut known, schemes } = form;
        let known = KNOWN.iter().filter_map(|name| Some((*name, known.remove(*name)?))).collect();
        let naming = Self { tags, labels, known, schemes, repository: None };
        naming.check()?;
        Ok(naming)
    }
}

impl Naming {
    /// Returns the tags of an image that was built at `epoch` and whose release file has the
    /// version `version` (`9.4`, `3.20.10`). Without a version, tags that need one are left out.
    pub fn tags(&self, version: Option<&str>, epoch: i64) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in self.tags.iter().filter_map(|template| self.expand(template, version, epoch)) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// Returns the labels of that image.
    pub fn labels(&self, version: Option<&str>, epoch: i64) -> BTreeMap<String, String> {
        let labels = self.labels.iter();
        labels.filter_map(|(name, value)| Some((name.clone(), self.expand(value, version, epoch)?))).collect()
    }

    /// Returns the naming in a tag scheme. If the scheme does not exist, returns the names of the
    /// existing ones as the error.
    pub fn in_scheme(&self, name: &str) -> Result<Self, Vec<&str>> {
        if name == LIBRARY {
            return Ok(self.clone());
        }
        let Some(TagScheme { repository, tags }) = self.schemes.get(name).cloned() else {
            return Err(std::iter::once(LIBRARY).chain(self.schemes.keys().map(String::as_str)).collect());
        };
        Ok(Self { tags, repository: Some(repository), ..self.clone() })
    }

    /// Returns the name of the image's repository if it differs from the distribution's.
    pub fn repository(&self) -> Option<String> {
        self.expand(self.repository.as_deref()?, None, 0)
    }

    /// Fails if a template uses a variable that no image has.
    pub(super) fn check(&self) -> Result<(), ContentProblem> {
        let schemes = self.schemes.values().flat_map(|scheme| scheme.tags.iter().chain([&scheme.repository]));
        for template in self.tags.iter().chain(self.labels.values()).chain(schemes) {
            self.try_expand(template, Some("1"), 0)?;
        }
        Ok(())
    }

    fn expand(&self, template: &str, version: Option<&str>, epoch: i64) -> Option<String> {
        self.try_expand(template, version, epoch).ok()
    }

    fn try_expand(&self, template: &str, version: Option<&str>, epoch: i64) -> Result<String, ContentProblem> {
        let (date, time) = (render("%Y%m%d", epoch), render("%FT%TZ", epoch));
        let mut variables: Vec<(&'static str, &str)> = self.known.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend([("date", date.as_str()), ("created", &time)]);
        variables.extend(version.map(|version| ("version", version)));
        let variables: &Variables<'_> = &variables;
        expand(template, variables)
    }
}

fn render(format: &str, epoch: i64) -> String {
    let epoch = u64::try_from(epoch).unwrap_or(0);
    DateFormat::try_from(format.to_owned()).map(|format| format.render(epoch)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;

    /// 2026-09-02, 00:00 UTC.
    const DAY: i64 = 1_788_307_200;

    #[test]
    fn tags_are_those_of_the_distributions() {
        let catalog = Catalog::builtin();
        let tags = |distro, release, variant, version: &str| {
            let version = Some(version).filter(|version| !version.is_empty());
            catalog.find(distro, release, variant, "x86_64").unwrap().naming.tags(version, DAY).join(" ")
        };
        assert_eq!(tags("almalinux", "9", "default", "9.8"), "9 9.8 9.8-20260902");
        assert_eq!(tags("almalinux", "10", "default", "10.2"), "latest 10 10.2 10.2-20260902");
        assert_eq!(tags("almalinux", "10", "minimal", "10.2"), "minimal 10-minimal 10.2-minimal 10.2-minimal-20260902");
        assert_eq!(tags("almalinux", "8", "default", "8.10"), "8 8.10 8.10-20260902");
        assert_eq!(tags("almalinux", "9.4", "default", "9.4"), "9.4 9.4-20260902", "not what everybody gets");
        assert_eq!(tags("almalinux", "9", "minimal", "9.8"), "9-minimal 9.8-minimal 9.8-minimal-20260902");
        assert_eq!(tags("almalinux", "10", "micro", "10.2"), "10-micro 10.2-micro 10.2-micro-20260902");
        assert_eq!(tags("almalinux", "10-kitten", "default", "10"), "10-kitten 10-kitten-20260902");
        assert_eq!(tags("alpine", "latest", "minirootfs", "3.24.1"), "latest 3 3.24 3.24.1");
        assert_eq!(tags("alpine", "3.22", "minirootfs", "3.22.4"), "3.22 3.22.4");
        assert_eq!(tags("alpine", "edge", "minirootfs", "3.25.0_alpha20260127"), "edge 20260902");
        assert_eq!(tags("alpine", "3.22", "scratch", ""), "3.22-scratch", "nothing in it tells a version");
    }

    #[test]
    fn tags_of_the_distribution_s_own_registries_do_not_name_the_type() {
        let catalog = Catalog::builtin();
        let names = |release, variant, version| {
            let naming = catalog.find("almalinux", release, variant, "x86_64").unwrap().naming.in_scheme("registry").unwrap();
            format!("{}: {}", naming.repository().unwrap(), naming.tags(Some(version), DAY).join(" "))
        };
        assert_eq!(names("9", "micro", "9.8"), "9-micro: latest 9 9.8 9.8-20260902");
        assert_eq!(names("9.4", "micro", "9.4"), "9-micro: 9.4 9.4-20260902");
        assert_eq!(names("9", "default", "9.8"), "almalinux: 9 9.8 9.8-20260902");
        assert_eq!(names("10", "default", "10.2"), "almalinux: latest 10 10.2 10.2-20260902");
        assert_eq!(names("10", "init", "10.2"), "10-init: latest 10 10.2 10.2-20260902");
        assert_eq!(names("10-kitten", "toolbox", "10"), "10-kitten-toolbox: latest 10-kitten 10-kitten-20260902");
        assert_eq!(names("10-kitten", "default", "10"), "almalinux: 10-kitten 10-kitten-20260902");
        let alpine = catalog.find("alpine", "3.22", "minirootfs", "x86_64").unwrap().naming;
        assert_eq!(alpine.in_scheme("registry"), Err(vec!["library"]));
        assert_eq!(alpine.in_scheme("library"), Ok(alpine.clone()));
    }

    #[test]
    fn labels_tell_version_and_time() {
        let image = Catalog::builtin().find("almalinux", "9", "micro", "arm64").unwrap();
        let labels = image.naming.labels(Some("9.8"), DAY);
        let label = |name: &str| labels[&format!("org.opencontainers.image.{name}")].as_str();
        assert_eq!(label("version"), "9.8");
        assert_eq!(label("created"), "2026-09-02T00:00:00Z");
        assert_eq!(label("title"), "AlmaLinux OS 9 micro");
    }
}
