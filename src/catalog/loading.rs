//! Loading and validation of catalog files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::Catalog;
use super::error::{CatalogError, ContentProblem};
use super::form::{DistroForm, Over, ReleaseForm};
use super::image::Key;
use super::listing::{Distro, natural_order};

/// The built-in catalog files: distribution and text.
pub(super) const BUILTIN: &[(&str, &str)] =
    &[("almalinux", include_str!("almalinux.toml")), ("alpine", include_str!("alpine.toml"))];

/// The built-in keys, by the name under which the distributions publish them.
const BUILTIN_KEYS: &[(&str, &[u8])] = &[
    ("RPM-GPG-KEY-AlmaLinux-8", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-8")),
    ("RPM-GPG-KEY-AlmaLinux-9", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-9")),
    ("RPM-GPG-KEY-AlmaLinux-10", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-10")),
    (
        "alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-5243ef4b.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-5243ef4b.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-524d27bb.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-524d27bb.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-5261cecb.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-5261cecb.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-58199dcc.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-58199dcc.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-58cbb476.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-58cbb476.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-58e4f17d.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-58e4f17d.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-60ac2099.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-60ac2099.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-61666e3f.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-61666e3f.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616a9724.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616a9724.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616abc23.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616abc23.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616ac3bc.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616ac3bc.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616adfeb.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616adfeb.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-616db30d.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-616db30d.rsa.pub"),
    ),
    (
        "alpine-devel@lists.alpinelinux.org-66ba20fe.rsa.pub",
        include_bytes!("keys/alpine-devel@lists.alpinelinux.org-66ba20fe.rsa.pub"),
    ),
];

/// A distribution: its merged definition and the keys that it names.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    pub(super) form: DistroForm,
    /// The releases, each merged with the defaults of every release.
    pub(super) releases: BTreeMap<String, ReleaseForm>,
    /// The keys, by the name used in the form.
    pub(super) keys: BTreeMap<String, Key>,
}

/// A distribution in the catalog. A built-in definition is parsed on first use, because no command
/// needs all of them.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The built-in definition.
    text: &'static str,
    loaded: OnceLock<Loaded>,
}

impl Entry {
    /// Returns an entry for a built-in distribution.
    pub(super) fn builtin(text: &'static str) -> Self {
        Self { text, loaded: OnceLock::new() }
    }

    /// Returns the complete definition. The tests check that the built-in definition is consistent,
    /// so it is not checked on every run.
    pub(super) fn loaded(&self) -> Result<&Loaded, CatalogError> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(loaded);
        }
        let path = Path::new("the catalog of the program");
        let loaded = lay_over(Loaded::default(), path, &parse(path, self.text)?, |_| Ok(None))?;
        Ok(self.loaded.get_or_init(|| loaded))
    }
}

impl From<Loaded> for Entry {
    fn from(loaded: Loaded) -> Self {
        Self { text: "", loaded: loaded.into() }
    }
}

fn parse(path: &Path, text: &str) -> Result<DistroForm, CatalogError> {
    toml::from_str(text).map_err(|source| CatalogError::Form { path: path.to_owned(), source: Box::new(source) })
}

impl Catalog {
    /// Applies the catalog file `text`, read from `path`, over the existing definition. Fails and
    /// changes nothing if the result is inconsistent.
    pub(super) fn add(&mut self, path: &Path, text: &str) -> Result<(), CatalogError> {
        let form = parse(path, text)?;
        let below = self.distros.get(&form.distro).map(Entry::loaded).transpose()?.cloned().unwrap_or_default();
        let loaded = lay_over(below, path, &form, |name| load_key(path, name))?;
        check(&loaded).map_err(|(place, source)| CatalogError::Content { path: path.to_owned(), place, source })?;
        self.distros.insert(loaded.form.distro.clone(), loaded.into());
        Ok(())
    }
}

/// Returns the distribution that `form`, read from `path`, describes, applied over the existing
/// definition. `beside` finds the keys that come with the file.
fn lay_over(
    below: Loaded,
    path: &Path,
    form: &DistroForm,
    beside: impl Fn(&str) -> Result<Option<Key>, CatalogError>,
) -> Result<Loaded, CatalogError> {
    let content = |place: String, source| CatalogError::Content { path: path.to_owned(), place, source };
    if form.distro.is_empty() {
        return Err(content("the file".to_owned(), ContentProblem::Missing { key: "distro" }));
    }
    let mut keys = below.keys;
    for (place, name) in named_keys(form) {
        let key = beside(name)?.or_else(|| keys.get(name).cloned()).or_else(|| builtin_key(name));
        let Some(key) = key else {
            return Err(content(place, ContentProblem::Dangling { kind: "key", name: name.to_owned() }));
        };
        keys.insert(name.to_owned(), key);
    }
    let form = form.over(&below.form);
    Ok(Loaded { releases: releases(&form), form, keys })
}

/// Returns the releases of a form, each merged with the defaults of every release. The newest one
/// gets its additional names.
fn releases(form: &DistroForm) -> BTreeMap<String, ReleaseForm> {
    let complete = |own: &ReleaseForm| {
        let mut release = own.over(&form.every_release);
        let without = release.without_architectures.clone().unwrap_or_default();
        release.architectures.retain(|name, _| !without.contains(name));
        release
    };
    let mut releases: BTreeMap<String, ReleaseForm> =
        form.releases.iter().map(|(name, own)| (name.clone(), complete(own))).collect();
    let numbered = releases.iter_mut().filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit()));
    if let Some((_, newest)) = numbered.max_by(|(a, _), (b, _)| natural_order(a, b)) {
        newest.aliases.get_or_insert_default().extend(form.newest_aliases.iter().flatten().cloned());
    }
    releases
}

/// Returns the names of keys in a form, each with the place where it occurs.
fn named_keys(form: &DistroForm) -> impl Iterator<Item = (String, &str)> {
    let every = std::iter::once(("every_release".to_owned(), &form.every_release));
    let each = form.releases.iter().map(|(name, form)| (format!("releases.{name}"), form));
    every.chain(each).flat_map(|(place, form)| {
        let of_release = form.keys.iter().flatten();
        let of_architectures = form.architectures.values().flat_map(|arch| arch.keys.iter().flatten());
        of_release.chain(of_architectures).map(move |name| (format!("{place}.keys"), name.as_str()))
    })
}

fn builtin_key(name: &str) -> Option<Key> {
    let (_, data) = BUILTIN_KEYS.iter().find(|(known, _)| *known == name)?;
    Some(Key { name: name.to_owned(), data: Arc::from(*data) })
}

/// Reads the key file `name` in the directory of the catalog file at `path`, if it exists.
fn load_key(path: &Path, name: &str) -> Result<Option<Key>, CatalogError> {
    let file = path.with_file_name(name);
    let published = Path::new(name).file_name().map_or_else(|| name.into(), |name| name.to_string_lossy().into_owned());
    match std::fs::read(&file) {
        Ok(data) => Ok(Some(Key { name: published, data: Arc::from(data) })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CatalogError::Read { path: file, source }),
    }
}

/// Fails with the place and the problem if some image of the distribution cannot be resolved.
pub(super) fn check(loaded: &Loaded) -> Result<(), (String, ContentProblem)> {
    if loaded.form.packaging.is_none() {
        return Err(("the file".to_owned(), ContentProblem::Missing { key: "type" }));
    }
    for (name, steps) in &loaded.form.steps {
        for (index, step) in steps.iter().enumerate() {
            step.check().map_err(|source| (format!("steps.{name}"), ContentProblem::Step { number: index + 1, source }))?;
        }
    }
    let distro = Distro::new(loaded);
    for release in distro.releases() {
        release.check()?;
        // A minor release differs in its mirror, and its name is part of every URL.
        let minor = release.has_minors().then(|| distro.release(&format!("{}.0", release.name())));
        for release in minor.into_iter().flatten().chain([release]) {
            for variant in release.variants() {
                variant.check()?;
            }
        }
    }
    Ok(())
}
