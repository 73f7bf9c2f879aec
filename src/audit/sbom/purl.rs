//! Package URLs: the names by which scanners identify packages.
//!
//! The types follow the specification (`types/rpm-definition.json`, `types/apk-definition.json` of
//! package-url/purl-spec). The namespace is the distribution. The version has no epoch, which is a
//! separate qualifier. `distro` and `upstream` are further qualifiers that scanners (Syft, Grype,
//! Trivy) expect.

use packageurl::PackageUrl;

use super::{Distribution, version};
use crate::package::PackageFacts;

/// Returns the package URL of a package, or `None` if the package has no name.
pub fn purl(kind: &str, facts: &PackageFacts, distribution: Option<&Distribution<'_>>) -> Option<String> {
    let mut purl = PackageUrl::new(kind, facts.name.as_str()).ok()?;
    if let Some(distribution) = distribution.filter(|distribution| !distribution.id.is_empty()) {
        purl.with_namespace(distribution.id).ok()?;
        let distro = match distribution.version {
            Some(version) => format!("{}-{version}", distribution.id),
            None => distribution.id.to_owned(),
        };
        purl.add_qualifier("distro", distro).ok()?;
    }
    let version = version(facts);
    if !version.is_empty() {
        purl.with_version(version).ok()?;
    }
    if let Some(arch) = facts.arch.as_deref().filter(|arch| !arch.is_empty()) {
        purl.add_qualifier("arch", arch).ok()?;
    }
    if let Some(epoch) = facts.epoch.filter(|&epoch| epoch > 0) {
        purl.add_qualifier("epoch", epoch.to_string()).ok()?;
    }
    if let Some(source) = facts.source.as_deref().filter(|source| !source.is_empty()) {
        purl.add_qualifier("upstream", source).ok()?;
    }
    Some(purl.to_string())
}
