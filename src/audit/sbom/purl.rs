//! Package URLs: the names by which scanners know packages.
//!
//! The types are those of the specification (`types/rpm-definition.json`, `types/apk-definition.json` of package-url/purl-spec): the
//! distribution is the namespace, the version is without the epoch, which is a qualifier of its own. `distro` and `upstream` are what
//! scanners (Syft, Grype, Trivy) look for beside them.

use packageurl::PackageUrl;

use super::{Distribution, version};
use crate::package::PackageFacts;

/// The package URL of a package; `None` where one cannot be made, of a package without a name.
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
