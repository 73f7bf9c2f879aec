//! From catalog files to distributions that hold together.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Catalog;
use super::error::{CatalogError, ContentProblem};
use super::form::{DistroForm, Over};
use super::image::Key;
use super::listing::Distro;

/// The catalog files of the crate: name and text.
pub(super) const BUILTIN: &[(&str, &str)] = &[("almalinux.toml", include_str!("almalinux.toml"))];

/// The keys of the crate, by the name under which distributions publish them.
const BUILTIN_KEYS: &[(&str, &[u8])] = &[
    ("RPM-GPG-KEY-AlmaLinux-8", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-8")),
    ("RPM-GPG-KEY-AlmaLinux-9", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-9")),
    ("RPM-GPG-KEY-AlmaLinux-10", include_bytes!("keys/RPM-GPG-KEY-AlmaLinux-10")),
];

/// A distribution: everything said of it, merged, and the keys it names.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    pub(super) form: DistroForm,
    /// By the name used in the form.
    pub(super) keys: BTreeMap<String, Key>,
}

impl Catalog {
    /// Adds a catalog file of the crate. That what they say holds together is for the tests to show, not for every run.
    pub(super) fn add_builtin(&mut self, name: &str, text: &str) -> Result<(), CatalogError> {
        let loaded = self.lay_over(Path::new(name), text, |_| Ok(None))?;
        self.distros.insert(loaded.form.distro.clone(), loaded);
        Ok(())
    }

    /// Lays the catalog file `text`, read from `path`, over what is known, if all of it then holds together.
    pub(super) fn add(&mut self, path: &Path, text: &str) -> Result<(), CatalogError> {
        let beside = |name: &str| load_key(path, name);
        let loaded = self.lay_over(path, text, beside)?;
        check(&loaded).map_err(|(place, source)| CatalogError::Content { path: path.to_owned(), place, source })?;
        self.distros.insert(loaded.form.distro.clone(), loaded);
        Ok(())
    }

    /// The distribution that `text` describes, over what is known of it; `beside` finds the keys that come with the file.
    fn lay_over(
        &self,
        path: &Path,
        text: &str,
        beside: impl Fn(&str) -> Result<Option<Key>, CatalogError>,
    ) -> Result<Loaded, CatalogError> {
        let form: DistroForm =
            toml::from_str(text).map_err(|source| CatalogError::Form { path: path.to_owned(), source: Box::new(source) })?;
        let content = |place: String, source| CatalogError::Content { path: path.to_owned(), place, source };
        if form.distro.is_empty() {
            return Err(content("the file".to_owned(), ContentProblem::Missing { key: "distro" }));
        }
        let below = self.distros.get(&form.distro).cloned().unwrap_or_default();
        let mut keys = below.keys;
        for (place, name) in named_keys(&form) {
            let key = beside(name)?.or_else(|| keys.get(name).cloned()).or_else(|| builtin_key(name));
            let Some(key) = key else {
                return Err(content(place, ContentProblem::Dangling { kind: "key", name: name.to_owned() }));
            };
            keys.insert(name.to_owned(), key);
        }
        Ok(Loaded { form: form.over(&below.form), keys })
    }
}

/// The names of keys in a form, and where each stands.
fn named_keys(form: &DistroForm) -> impl Iterator<Item = (String, &str)> {
    form.releases.iter().flat_map(|(release, form)| {
        let of_release = form.keys.iter().flatten();
        let of_architectures = form.architectures.values().flat_map(|arch| arch.keys.iter().flatten());
        of_release.chain(of_architectures).map(move |name| (format!("releases.{release}.keys"), name.as_str()))
    })
}

fn builtin_key(name: &str) -> Option<Key> {
    let (_, data) = BUILTIN_KEYS.iter().find(|(known, _)| *known == name)?;
    Some(Key { name: name.to_owned(), data: Arc::from(*data) })
}

/// The key file `name` beside the catalog file at `path`, if there is one.
fn load_key(path: &Path, name: &str) -> Result<Option<Key>, CatalogError> {
    let file = path.with_file_name(name);
    let published = Path::new(name).file_name().map_or_else(|| name.into(), |name| name.to_string_lossy().into_owned());
    match std::fs::read(&file) {
        Ok(data) => Ok(Some(Key { name: published, data: Arc::from(data) })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CatalogError::Read { path: file, source }),
    }
}

/// Whether every image of the distribution can be had; where not, the place and the problem.
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
        // A minor release differs by its mirror and its name in every URL.
        let minor = release.has_minors().then(|| distro.release(&format!("{}.0", release.name())));
        for release in minor.into_iter().flatten().chain([release]) {
            for variant in release.variants() {
                variant.check()?;
            }
        }
    }
    Ok(())
}
