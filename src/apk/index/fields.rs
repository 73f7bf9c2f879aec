//! The conversion of a package's fields, from an index or the installed database, into the pool.

use std::str;

use crate::apk::checksum;
use crate::apk::dependency::Parts;
use crate::digest::Algorithm;
use crate::pool::{Checksum, Kind, Op, Package, PoolBuilder, RepoId, SolvableId, StringId};

/// The fields read so far of the current record.
#[derive(Debug, Default)]
pub(in crate::apk) struct Fields {
    package: Package<'static>,
    digest: Option<(Algorithm, [u8; 32])>,
    begun: bool,
    /// The items of `D:`, with their kind (requirement or conflict).
    depends: Vec<(Kind, Op, StringId, StringId)>,
    install_if: Vec<crate::pool::DependencyId>,
    broken_install_if: bool,
}

impl Fields {
    /// Sets the location of the package file if it differs from the default of an index.
    pub(in crate::apk) fn set_location(&mut self, location: &str, builder: &mut PoolBuilder) {
        self.package.location = builder.intern(location);
    }

    /// Reports whether a record was begun.
    pub(in crate::apk) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Reads a field. Fields for humans only are ignored.
    pub(in crate::apk) fn take(&mut self, letter: u8, value: &[u8], builder: &mut PoolBuilder) -> Result<(), String> {
        self.begun = true;
        let text = || str::from_utf8(value).map_err(|_| format!("{}: is not UTF-8", letter as char));
        let number = || {
            let number = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            number
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| format!("{}: expected a number, found {:?}", letter as char, String::from_utf8_lossy(value)))
        };
        let package = &mut self.package;
        match letter {
            b'C' => {
                let digest = checksum::decode(value);
                self.digest =
                    Some(digest.ok_or_else(|| format!("C: expected a checksum, found {:?}", String::from_utf8_lossy(value)))?);
            }
            b'P' => package.name = builder.intern(text()?),
            b'V' => package.version = builder.intern(text()?),
            b'A' => package.arch = builder.intern(text()?),
            b'o' => package.source = builder.intern(text()?),
            b'L' => package.license = builder.intern(text()?),
            b'm' => package.vendor = builder.intern(text()?),
            b'S' => package.size = number()?,
            b'I' => package.installed_size = number()?,
            b't' => package.build_time = number()?.try_into().unwrap_or(i64::MAX),
            b'k' => package.provider_priority = number()?.try_into().unwrap_or(u32::MAX),
            b'D' => {
                for item in words(text()?) {
                    self.depends.push(read_dependency(item, builder));
                }
            }
            b'p' => {
                for item in words(text()?) {
                    if let Some(parts) = Parts::read(item) {
                        let provided = parts.intern(builder);
                        builder.add_dependency(Kind::Provides, provided);
                    }
                }
            }
            b'r' => {
                for parts in words(text()?).filter_map(Parts::read) {
                    let replaced = parts.intern(builder);
                    builder.add_dependency(Kind::Replaces, replaced);
                }
            }
            b'i' => {
                for item in words(text()?) {
                    let (kind, op, name, version) = read_dependency(item, builder);
                    self.broken_install_if |= op.contains(Op::INVALID);
                    let op = if kind == Kind::Conflicts { op | Op::NOT } else { op };
                    self.install_if.push(builder.dependency_of(name, op, version));
                }
            }
            // `apk::database` parses these fields of the installed database.
            b'F' | b'M' | b'R' | b'Z' => {}
            // An unknown upper-case field makes the package uninstallable, because it needs a newer
            // apk. Unknown lower-case fields are ignored (package.c).
            b'A'..=b'Z' if !matches!(letter, b'T' | b'U') => {
                let name = builder.intern(&format!("apk-tools({})", letter as char));
                self.depends.push((Kind::Requires, Op::INVALID, name, StringId::EMPTY));
            }
            _ => {}
        }
        Ok(())
    }

    /// Completes the record and adds the package to the pool.
    pub(in crate::apk) fn finish(&mut self, builder: &mut PoolBuilder, repo: RepoId) -> Result<SolvableId, String> {
        let mut package = self.package;
        for (missing, letter, what) in [(package.name.is_empty(), 'P', "name"), (package.version.is_empty(), 'V', "version")] {
            if missing {
                builder.discard_package();
                *self = Self::default();
                return Err(format!("the record before has no {what} ({letter}:)"));
            }
        }
        let ordered = self.depends.iter().any(|depend| depend.0 == Kind::Conflicts);
        for (kind, op, name, version) in self.depends.drain(..) {
            let dependency = builder.dependency_of(name, op, version);
            builder.add_dependency(kind, dependency);
            if ordered {
                let op = if kind == Kind::Conflicts { op | Op::NOT } else { op };
                let dependency = builder.dependency_of(name, op, version);
                builder.add_dependency(Kind::Ordered, dependency);
            }
        }
        for dependency in self.install_if.drain(..) {
            // A condition that is only partly understood would be satisfied too often.
            if !self.broken_install_if {
                builder.add_dependency(Kind::InstallIf, dependency);
            }
        }
        if package.arch.is_empty() {
            // apk treats a package without architecture as one for every machine.
            package.arch = builder.intern("noarch");
        }
        if package.location.is_empty() {
            let location = format!("{}-{}.apk", builder.text(package.name), builder.text(package.version));
            package.location = builder.intern(&location);
        }
        let digest = self.digest.take();
        let checksum = digest.as_ref().map(|(kind, bytes)| Checksum { kind: *kind, bytes: &bytes[..kind.length()] });
        let id = builder.finish_package(repo, Package { checksum, ..package });
        (self.package, self.begun, self.broken_install_if) = (Package::default(), false, false);
        Ok(id)
    }
}

pub(in crate::apk) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\n']).filter(|word| !word.is_empty())
}

/// Parses a dependency into its kind and parts. A malformed one gets [`Op::INVALID`].
pub(in crate::apk) fn read_dependency(item: &str, builder: &mut PoolBuilder) -> (Kind, Op, StringId, StringId) {
    match Parts::read(item).filter(|parts| !parts.name.contains('@')) {
        Some(parts) => {
            let op = if parts.is_valid() { parts.op } else { parts.op | Op::INVALID };
            let kind = if parts.conflict { Kind::Conflicts } else { Kind::Requires };
            (kind, op, builder.intern(parts.name), builder.intern(parts.version))
        }
        None => (Kind::Requires, Op::INVALID, builder.intern(item), StringId::EMPTY),
    }
}
