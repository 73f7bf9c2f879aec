//! Resolution of a release, a variant and an architecture of the catalog files to an [`Image`].

use std::collections::BTreeMap;

use super::architecture::Architecture;
use super::error::ContentProblem;
use super::finishing::{Content, Step, Write};
use super::form::{ConfigForm, InstallForm, MirrorForm, OptionsForm, Over};
use super::image::{Image, ImageConfig, InstallStep, Key, Langs, Options, Repository};
use super::listing::{Release, Variant, natural_order};
use super::naming::{Naming, TagScheme};
use super::template::{Variables, expand};

/// A problem and the dotted name of the table it is in.
type Located<T> = Result<T, (String, ContentProblem)>;

impl Release<'_> {
    /// Fails if the release's definition is inconsistent, apart from its variants.
    pub(super) fn check(&self) -> Located<()> {
        let here = || format!("releases.{}", self.series);
        if self.form.architectures.is_empty() {
            return Err((here(), ContentProblem::Missing { key: "architectures" }));
        }
        for name in self.form.architectures.keys() {
            self.own_architecture(name).map_err(|problem| (format!("architectures.{name}"), problem))?;
        }
        let distro = &self.distro.loaded.form;
        for name in self.form.without_architectures.iter().flatten() {
            if !distro.architectures.contains_key(name) {
                return Err((here(), ContentProblem::Dangling { kind: "architecture", name: name.clone() }));
            }
        }
        let variants = &distro.variants;
        for name in self.form.without_variants.iter().flatten() {
            if !variants.contains_key(name) {
                let name = name.clone();
                let kind = "variant";
                return Err((here(), ContentProblem::Dangling { kind, name }));
            }
        }
        Ok(())
    }

    /// Reports whether its images are the distribution's newest.
    fn is_newest(&self) -> bool {
        let loaded = self.distro.loaded;
        let numbered = loaded.releases.keys().filter(|name| name.starts_with(|c: char| c.is_ascii_digit()));
        let highest = || numbered.max_by(|a, b| natural_order(a, b)).map(String::as_str);
        loaded.form.newest.as_deref().or_else(highest) == Some(self.series)
    }

    /// Returns the release's name on mirrors.
    fn branch(&self) -> Result<String, ContentProblem> {
        let branch = self.form.branch.as_deref().unwrap_or("{release}");
        expand(branch, &[("release", &self.name), ("series", self.series)])
    }

    /// Returns the mirror for an architecture: the vault for a minor release, otherwise the
    /// architecture's own mirror, otherwise the release's.
    fn mirror_for(&self, arch: &str) -> Result<&MirrorForm, ContentProblem> {
        let minor = self.form.minor_mirror.as_ref().filter(|_| self.name != self.series);
        let own = || self.form.architectures.get(arch).and_then(|form| form.mirror.as_ref());
        let name = minor.or_else(own).or(self.form.mirror.as_ref()).ok_or(ContentProblem::Missing { key: "mirror" })?;
        self.mirror(name)
    }

    fn mirror(&self, name: &str) -> Result<&MirrorForm, ContentProblem> {
        let mirrors = &self.distro.loaded.form.mirrors;
        mirrors.get(name).ok_or_else(|| ContentProblem::Dangling { kind: "mirror", name: name.to_owned() })
    }

    fn repository(&self, id: &str, arch: &str) -> Result<Repository, ContentProblem> {
        let general = self.distro.loaded.form.repositories.get(id);
        let form = match (general, self.form.repositories.get(id)) {
            (Some(general), Some(own)) => own.over(general),
            (general, own) => {
                own.or(general).ok_or_else(|| ContentProblem::Dangling { kind: "repository", name: id.to_owned() })?.clone()
            }
        };
        let branch = self.branch()?;
        let variables: &Variables<'_> =
            &[("release", &self.name), ("series", self.series), ("branch", &branch), ("arch", arch), ("repository", id)];
        // The content of a vault no longer changes.
        let own_mirror = self.form.architectures.get(arch).is_some_and(|form| form.mirror.is_some());
        let is_live = self.name == self.series && !own_mirror;
        let layout = form.layout.ok_or(ContentProblem::Missing { key: "layout" })?;
        let mirror = self.mirror_for(arch)?;
        let base = mirror.base.as_deref().ok_or(ContentProblem::Missing { key: "base" })?;
        Ok(Repository {
            id: id.to_owned(),
            title: form.title.unwrap_or_else(|| id.to_owned()),
            base: expand(base, variables)?.trim_end_matches('/').to_owned(),
            layout: expand(&layout, variables)?,
            optional: form.optional.unwrap_or(false),
            signed: form.signed.unwrap_or(false),
            fresh_days: form.fresh_days.filter(|_| is_live),
            mirrorlist: mirror.mirrorlist.as_deref().map(|list| expand(list, variables)).transpose()?,
        })
    }

    fn keys(&self, arch: &str) -> Vec<Key> {
        let own = self.form.architectures.get(arch).and_then(|form| form.keys.as_ref());
        let names = own.or(self.form.keys.as_ref()).into_iter().flatten();
        names.filter_map(|name| self.distro.loaded.keys.get(name)).cloned().collect()
    }
}

impl Variant<'_> {
    /// Fails if the variant cannot be resolved for one of its architectures.
    pub(super) fn check(&self) -> Located<()> {
        let release = &self.release;
        for name in self.form.architectures.iter().flatten() {
            if !release.form.architectures.contains_key(name) {
                let problem = ContentProblem::Dangling { kind: "architecture", name: name.clone() };
                return Err((format!("variants.{}", self.name), problem));
            }
        }
        for arch in self.architectures() {
            self.resolve(arch)?;
        }
        Ok(())
    }

    /// Returns the image for one of the release's architectures.
    pub(super) fn resolve(&self, arch: Architecture) -> Located<Image> {
        let release = &self.release;
        let distro = &release.distro.loaded.form;
        let in_variant = |problem| (format!("releases.{}.variants.{}", release.series, self.name), problem);
        let in_release = |problem| (format!("releases.{}", release.series), problem);

        let general = self.form.options.over(&distro.options);
        let enabled = self.form.repositories.as_deref().unwrap_or_default();
        let steps = self.form.install.as_deref().unwrap_or_default();
        let install: Vec<_> = steps.iter().map(|step| install_step(step, &general, enabled)).collect();
        let mut repositories: Vec<Repository> = Vec::new();
        for id in enabled.iter().chain(steps.iter().flat_map(|step| &step.enable)) {
            if repositories.iter().all(|known| known.id != *id) {
                repositories.push(release.repository(id, &arch.name).map_err(in_variant)?);
            }
        }
        let database = release.form.database.clone();
        let mut database = database.ok_or_else(|| in_release(ContentProblem::Missing { key: "database" }))?;
        database.dropped_by_distro = self.form.drop_database.unwrap_or(false);
        Ok(Image {
            distro: distro.distro.clone(),
            release: release.name.clone(),
            series: release.series.to_owned(),
            variant: self.name.clone(),
            packaging: release.distro.packaging(),
            repositories,
            keys: release.keys(&arch.name),
            signatures: (&release.form.signatures).into(),
            install,
            options: options(&general),
            finishing: self.finishing(&arch).map_err(in_variant)?,
            config: self.config(&arch).map_err(in_variant)?,
            naming: self.naming(&arch).map_err(in_variant)?,
            database,
            module_platform: release.form.module_platform.clone(),
            arch,
        })
    }

    fn finishing(&self, arch: &Architecture) -> Result<Vec<Step>, ContentProblem> {
        let of_arch = self.release.form.architectures.get(&arch.name).and_then(|form| form.finishing.as_ref());
        let lists = &self.release.distro.loaded.form.steps;
        let mut steps = Vec::new();
        for name in self.form.finishing.iter().chain(of_arch).flatten() {
            let list = lists.get(name);
            steps.extend_from_slice(list.ok_or_else(|| ContentProblem::Dangling { kind: "steps", name: name.clone() })?);
        }
        let release = &self.release;
        let branch = release.branch()?;
        let variables: &Variables<'_> = &[
            ("release", &release.name),
            ("series", release.series),
            ("branch", &branch),
            ("arch", &arch.name),
            ("variant", &self.name),
        ];
        for step in &mut steps {
            if let Step::Write(Write { content, .. }) = step
                && let Content::Template(template) = content
            {
                *content = Content::Text(expand(template, variables)?);
            }
        }
        Ok(steps)
    }

    fn naming(&self, arch: &Architecture) -> Result<Naming, ContentProblem> {
        let release = &self.release;
        let distro = &release.distro.loaded.form;
        // A minor release is never the newest release.
        let is_newest = release.name == release.series && release.is_newest();
        let newest = self.form.newest_tags.iter().flatten().filter(|_| is_newest);
        let known = [
            ("distro", distro.distro.clone()),
            ("title", release.title()),
            ("release", release.name.clone()),
            ("series", release.series.to_owned()),
            ("variant", self.name.clone()),
            ("arch", arch.name.clone()),
        ];
        let tags = newest.chain(self.form.tags.iter().flatten()).cloned().collect();
        let is_series = release.name == release.series;
        let schemes = self.form.tag_schemes.over(&distro.tag_schemes).into_iter().map(|(name, scheme)| {
            let newest = scheme.newest_tags.into_iter().flatten().filter(|_| is_newest);
            let series = scheme.series_tags.into_iter().flatten().filter(|_| is_series);
            let tags = newest.chain(series).chain(scheme.tags.into_iter().flatten()).collect();
            let repository = scheme.repository.ok_or(ContentProblem::Missing { key: "repository" })?;
            Ok((name, TagScheme { repository, tags }))
        });
        let schemes = schemes.collect::<Result<_, ContentProblem>>()?;
        let naming = Naming { tags, labels: distro.labels.clone(), known: known.into(), schemes, repository: None };
        naming.check()?;
        Ok(naming)
    }

    fn config(&self, arch: &Architecture) -> Result<ImageConfig, ContentProblem> {
        let ConfigForm { cmd, entrypoint, env, stop_signal, labels } = self.form.config.clone();
        let env = env.unwrap_or_default();
        if let Some(value) = env.iter().find(|value| !value.contains('=')) {
            return Err(ContentProblem::Value { key: "env", value: value.clone(), expected: "NAME=value" });
        }
        let release = &self.release;
        let branch = release.branch()?;
        let variables: &Variables<'_> = &[
            ("release", &release.name),
            ("series", release.series),
            ("branch", &branch),
            ("arch", &arch.name),
            ("variant", &self.name),
        ];
        let labels = labels.into_iter().map(|(name, value)| Ok((name, expand(&value, variables)?)));
        Ok(ImageConfig {
            cmd: cmd.unwrap_or_default(),
            entrypoint: entrypoint.unwrap_or_default(),
            env,
            stop_signal,
            labels: labels.collect::<Result<BTreeMap<_, _>, _>>()?,
        })
    }
}

fn install_step(step: &InstallForm, general: &OptionsForm, enabled: &[String]) -> InstallStep {
    let mut repositories = enabled.to_vec();
    repositories.extend(step.enable.iter().filter(|id| !enabled.contains(id)).cloned());
    InstallStep {
        action: step.action,
        packages: step.packages.clone(),
        options: options(&step.options.over(general)),
        repositories,
    }
}

/// Returns the options; missing values get the package managers' defaults.
fn options(form: &OptionsForm) -> Options {
    Options {
        weak_deps: form.weak_deps.unwrap_or(true),
        docs: form.docs.unwrap_or(true),
        langs: form.langs.clone().unwrap_or(Langs::All),
        best: form.best.unwrap_or(false),
        allow_erasing: form.allow_erasing.unwrap_or(false),
        multilib: form.multilib.unwrap_or_default(),
    }
}
