//! Module specs of the user: `name[:stream[:version[:context]]][::arch][/profile]`.

use super::Build;
use crate::finish::glob;

/// The parts of a spec; each may be a shell pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModuleSpec<'a> {
    /// The module name.
    pub name: &'a str,
    /// The stream.
    pub stream: Option<&'a str>,
    /// The version.
    pub version: Option<&'a str>,
    /// The context.
    pub context: Option<&'a str>,
    /// The architecture.
    pub arch: Option<&'a str>,
    /// A profile.
    pub profile: Option<&'a str>,
}

impl<'a> ModuleSpec<'a> {
    /// Parses a spec.
    pub fn parse(spec: &'a str) -> Self {
        let (rest, profile) = spec.split_once('/').map_or((spec, None), |(rest, profile)| (rest, Some(profile)));
        let (rest, arch) = rest.split_once("::").map_or((rest, None), |(rest, arch)| (rest, Some(arch)));
        let mut parts = rest.splitn(4, ':');
        let name = parts.next().unwrap_or_default();
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (stream, version, context) = (part(), part(), part());
        Self { name, stream, version, context, arch, profile: profile.filter(|profile| !profile.is_empty()) }
    }

    /// Reports whether a build matches the spec.
    pub fn means(&self, build: &Build) -> bool {
        let fits = |pattern: Option<&str>, text: &str| pattern.is_none_or(|pattern| matches(pattern, text));
        matches(self.name, &build.name)
            && fits(self.stream, &build.stream)
            && self.version.is_none_or(|version| matches(version, &build.version.to_string()))
            && fits(self.context, &build.context)
            && fits(self.arch, build.arch.as_deref().unwrap_or("noarch"))
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern == text || (glob::is_pattern(pattern.as_bytes()) && glob::matches(pattern.as_bytes(), text.as_bytes()))
}
