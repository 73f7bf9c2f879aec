//! Architectures: the name that the distribution uses and the platform name that Docker uses.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// An architecture as one distribution names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// The distribution's own name: `x86_64`, `i686`, `armv7`.
    pub name: String,
    /// The name that container tools use.
    pub platform: Platform,
    /// Byte order of the machine's numbers, and of the native files that the distribution's tools
    /// write.
    pub byte_order: ByteOrder,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Byte order of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByteOrder {
    /// Least significant byte first.
    #[default]
    Little,
    /// Most significant byte first (s390x).
    Big,
}

/// A platform in the notation of OCI and Docker: `linux/arm64`, `linux/amd64/v2`. It is always in
/// normal form, so two platforms that mean the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Platform {
    /// `amd64`, `arm64`, `386` …
    pub architecture: String,
    /// The level within the architecture if it is not the default: `v7`, `v2`.
    pub variant: Option<String>,
}

/// Error: a text that names no Linux platform.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform such as linux/amd64 or linux/arm/v7")]
pub struct NotAPlatform(String);

impl FromStr for Platform {
    type Err = NotAPlatform;

    /// Parses `linux/arm/v7`, `arm/v7`, `arm32v7`, `arm64v8`, `arm64`, `386`. Normalizes like
    /// containerd's `platforms` package: `aarch64` is `arm64`, `arm` alone is `arm/v7`, `arm64/v8`
    /// is `arm64`.
    fn from_str(text: &str) -> Result<Self, NotAPlatform> {
        let unknown = || NotAPlatform(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let named = lower.strip_prefix("linux/").unwrap_or(&lower);
        let (architecture, variant) = match named.split_once('/') {
            Some((architecture, variant)) => (architecture, Some(variant)),
            None => (named, None),
        };
        let (architecture, implied) = match architecture {
            "x86_64" | "x86-64" => ("amd64", None),
            "aarch64" | "arm64v8" => ("arm64", None),
            "i386" | "i486" | "i586" | "i686" | "x86" => ("386", None),
            "arm32v5" => ("arm", Some("v5")),
            "arm32v6" | "armel" | "armv6l" => ("arm", Some("v6")),
            "arm32v7" | "armv7l" | "arm" => ("arm", Some("v7")),
            "loongarch64" => ("loong64", None),
            other => (other, None),
        };
        let known = matches!(
            architecture,
            "amd64" | "arm64" | "386" | "arm" | "ppc64le" | "ppc64" | "s390x" | "riscv64" | "loong64" | "mips64le"
        );
        let variant = match (architecture, variant.or(implied)) {
            ("amd64", Some("v1")) | ("arm64", Some("v8")) => None,
            (_, variant) => variant,
        };
        let well_formed = |variant: &str| {
            variant.strip_prefix('v').is_some_and(|level| !level.is_empty() && level.bytes().all(|b| b.is_ascii_digit()))
        };
        if !known || !variant.is_none_or(well_formed) {
            return Err(unknown());
        }
        Ok(Self { architecture: architecture.to_owned(), variant: variant.map(str::to_owned) })
    }
}

impl TryFrom<String> for Platform {
    type Error = NotAPlatform;

    fn try_from(text: String) -> Result<Self, NotAPlatform> {
        text.parse()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn reads_every_spelling() {
        for (text, normal) in [
            ("linux/amd64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("linux/amd64/v2", "linux/amd64/v2"),
            ("amd64/v1", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("arm64v8", "linux/arm64"),
            ("386", "linux/386"),
            ("linux/386", "linux/386"),
            ("i386", "linux/386"),
            ("arm32v6", "linux/arm/v6"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("arm", "linux/arm/v7"),
            ("linux/s390x", "linux/s390x"),
            ("ppc64le", "linux/ppc64le"),
            ("LINUX/RISCV64", "linux/riscv64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["", "linux/", "windows/amd64", "amd64/v", "amd64/2", "linux/amd64/v2/x", "vax"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
