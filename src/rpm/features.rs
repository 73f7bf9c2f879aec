//! Features of rpm that packages require of the program that installs them: `rpmlib(PayloadIsZstd)
//! <= 5.4.18-1`.
//!
//! Input: requirements of packages, from metadata or headers. Output: whether this program
//! implements them. `createrepo_c` omits these requirements from metadata, so headers are checked
//! too.

use super::dependency;
use super::header::Header;
use super::tag::Tag;
use super::version::ranges_overlap;
use crate::pool::{Constraint, Op};

/// The prefix of every feature's name.
pub const PREFIX: &str = "rpmlib(";

/// The features, each with the version of rpm that introduced it (rpmds.c, `rpmlibProvides`). The
/// list contains only features that this program implements, or that do not affect the installation
/// of a package.
const FEATURES: [(&str, &str); 21] = [
    ("BuiltinLuaScripts", "4.2.2-1"),
    ("CaretInVersions", "4.15.0-1"),
    ("CompressedFileNames", "3.0.4-1"),
    ("ConcurrentAccess", "4.1-1"),
    ("DynamicBuildRequires", "4.15.0-1"),
    ("ExplicitPackageProvide", "4.0-1"),
    ("FileCaps", "4.6.1-1"),
    ("FileDigests", "4.6.0-1"),
    ("HeaderLoadSortsTags", "4.0.1-1"),
    ("LargeFiles", "4.12.0-1"),
    ("PartialHardlinkSets", "4.0.4-1"),
    ("PayloadFilesHavePrefix", "4.0-1"),
    ("PayloadIsBzip2", "3.0.5-1"),
    ("PayloadIsLzma", "4.4.2-1"),
    ("PayloadIsXz", "5.2-1"),
    ("PayloadIsZstd", "5.4.18-1"),
    ("RichDependencies", "4.12.0-1"),
    ("ScriptletExpansion", "4.9.0-1"),
    ("ScriptletInterpreterArgs", "4.0.3-1"),
    ("TildeInVersions", "4.10.0-1"),
    ("VersionedDependencies", "3.0.3-1"),
];

/// A feature that a package requires and this program does not implement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it requires {requirement}, a feature of rpm that this program does not implement")]
pub struct MissingFeature {
    /// The requirement with its version: `rpmlib(ShortCircuited) <= 4.9.0-1`.
    pub requirement: String,
}

impl MissingFeature {
    /// Returns advice to the user.
    pub fn hint(&self) -> &'static str {
        // rpmbuild adds this requirement to packages that it packed without building them.
        if self.requirement.starts_with("rpmlib(ShortCircuited)") {
            "it was made with `rpmbuild --short-circuit`, for tests alone: build it without"
        } else {
            "leave it out (--exclude NAME), or use a build of it that does without"
        }
    }
}

/// Reports whether this program implements a feature (`rpmlib(X)`) in the required version, or in
/// any version if the requirement has none.
pub fn is_implemented(name: &str, required: Constraint<'_>) -> bool {
    let Some(feature) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(')')) else { return false };
    let known = FEATURES.iter().find(|(known, _)| *known == feature);
    known.is_some_and(|&(_, version)| {
        required.op.is_any() || required.version.is_empty() || ranges_overlap(Constraint { op: Op::EQUAL, version }, required)
    })
}

/// Fails if a package requires a feature that this program does not implement.
pub fn check(header: &Header) -> Result<(), MissingFeature> {
    let (mut flags, mut versions) = (header.u32s(Tag::REQUIRE_FLAGS), header.strings(Tag::REQUIRE_VERSION));
    for name in header.strings(Tag::REQUIRE_NAME) {
        let op = flags.next().map_or(Op::ANY, dependency::op_of_sense);
        let version = versions.next().map(String::from_utf8_lossy).unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        if name.starts_with(PREFIX) && !is_implemented(&name, Constraint { op, version: &version }) {
            let versioned = !(op.is_any() || version.is_empty());
            let requirement = if versioned { format!("{name} {} {version}", op.text()) } else { name.into_owned() };
            return Err(MissingFeature { requirement });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::header::{HeaderBuilder, Place};

    fn implements(name: &str, op: Op, version: &str) -> bool {
        is_implemented(name, Constraint { op, version })
    }

    #[test]
    fn a_feature_is_implemented_in_its_version() {
        assert!(implements("rpmlib(PayloadIsZstd)", Op::LESS_EQUAL, "5.4.18-1"));
        assert!(implements("rpmlib(PayloadIsZstd)", Op::GREATER_EQUAL, "5.4.18-1"));
        assert!(implements("rpmlib(PayloadIsZstd)", Op::ANY, ""));
        assert!(!implements("rpmlib(PayloadIsZstd)", Op::LESS, "5.4.18-1"));
        assert!(!implements("rpmlib(PayloadIsZstd)", Op::GREATER_EQUAL, "9-1"));
        assert!(!implements("rpmlib(CompressedFileNames)", Op::EQUAL, "3.0.5-1"));
    }

    #[test]
    fn an_unknown_feature_is_not_implemented() {
        for name in [
            "rpmlib(ShortCircuited)",
            "rpmlib(PayloadOfTomorrow)",
            "rpmlib(payloadiszstd)",
            "rpmlib(",
            "rpmlib()",
            "PayloadIsZstd",
        ] {
            assert!(!implements(name, Op::ANY, ""), "{name}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_has_no_feature_twice() {
        assert!(FEATURES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_header_that_requires_an_unknown_feature_is_refused_with_its_name() {
        let of = |names: &[&str]| {
            let mut builder = HeaderBuilder::new();
            let count = names.len();
            builder
                .strings(Tag::REQUIRE_NAME, names)
                .u32s(Tag::REQUIRE_FLAGS, std::iter::repeat_n(1 << 24 | 1 << 1 | 1 << 3, count))
                .strings(Tag::REQUIRE_VERSION, std::iter::repeat_n("4.9.0-1", count));
            check(&Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap())
        };
        assert_eq!(of(&["/bin/sh", "rpmlib(ScriptletExpansion)"]), Ok(()));
        let refused = of(&["rpmlib(FileDigests)", "rpmlib(ShortCircuited)"]).unwrap_err();
        assert_eq!(refused.requirement, "rpmlib(ShortCircuited) <= 4.9.0-1");
        assert!(refused.hint().contains("--short-circuit"));
    }
}
