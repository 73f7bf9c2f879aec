//! `--oci` and `--docker-archive`: builds an image for one or several architectures.

use std::path::Path;

use serde_json::json;

use super::arguments::{BootstrapArguments, Format, RequestArguments};
use super::bootstrap::{Files, build_options, failure};
use super::failure::{Code, Failure};
use super::locked::{self, Locked};
use super::packaging::{Job, run_with};
use super::product::attachments;
use super::progress::{bytes, count, packages};
use super::request::{Prepared, prepare, prepare_asked};
use super::run::{Run, unique};
use crate::bootstrap::{BootstrapError, ImageOptions, ImageReport, Tools, add_image, docker_archive};
use crate::ecosystem::Ecosystem;
use crate::lock::Lock;
use crate::output::OutputFile;
use crate::output::oci::{BaseImage, DockerArchive, Layout, is_tag};
use crate::reporter::Reporter;

/// Builds the image. Returns the report with `--format json`, and an empty text otherwise.
pub(super) fn run(arguments: &BootstrapArguments, out: &Path) -> Result<String, Failure> {
    let lock = arguments.lock.as_deref().map(|path| locked::read(path).map(|lock| (path, lock))).transpose()?;
    let request = &arguments.request;
    if request.distro.is_some() && request.variant.is_none() && lock.is_none() && arguments.product.base.is_none() {
        return Err(Failure::usage("say which variant with --variant").hint("`rootstrap variants` lists them"));
    }
    let one = |one: &RequestArguments| match &lock {
        None => prepare_asked(one, &[]),
        Some((path, lock)) => {
            let locked = Locked::of(path, lock.clone(), one)?;
            let mut prepared = prepare(&locked.arguments, &[])?;
            locked.lend(&mut prepared)?;
            Ok(prepared)
        }
    };
    if arguments.product.base.is_some() && request.variant.is_none() && lock.is_none() {
        let files = Files::prepare(arguments)?;
        let run = Run::new(&arguments.output)?;
        return super::upon::run(arguments, &of_each_architecture(request, None), out, (files.report, &run));
    }
    let all = of_each_architecture(request, lock.as_ref().map(|(_, lock)| lock).filter(|_| arguments.product.oci.is_some()));
    let mut prepared = all.iter().map(one).collect::<Result<Vec<_>, Failure>>()?;
    let scheme = arguments.product.tag_scheme.as_str();
    for prepared in &mut prepared {
        prepared.naming = prepared.naming.in_scheme(scheme).map_err(|known| {
            Failure::usage(format!("{} has no tag scheme `{scheme}`", prepared.title))
                .detail(format!("there are: {}", known.join(", ")))
        })?;
    }
    let files = Files::prepare(arguments)?;
    let run = Run::new(&arguments.output)?;
    if arguments.request.allow_unsigned {
        run.progress.warn("packages without a signature are accepted (--allow-unsigned)");
    }
    prepared.iter().flat_map(|prepared| &prepared.notes).for_each(|note| run.progress.warn(note));
    let Some(first) = prepared.first() else { return Err(Failure::usage("--arch names no architecture")) };
    let distro = lock.as_ref().map_or(&request.distro, |(_, lock)| &lock.request.distro).as_deref();
    run_with(first.packaging, Images { arguments, prepared: &prepared, distro, out, files, run: &run })
}

/// Prepares the request for each architecture that it names, or else for those of the lock.
fn of_each_architecture(arguments: &RequestArguments, lock: Option<&Lock>) -> Vec<RequestArguments> {
    let names: Vec<&str> = match (&arguments.arch, lock) {
        (Some(list), _) => list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        (None, Some(lock)) => lock.architectures.iter().map(|architecture| architecture.name.as_str()).collect(),
        (None, None) => return vec![arguments.clone()],
    };
    names.into_iter().map(|name| RequestArguments { arch: Some(name.to_owned()), ..arguments.clone() }).collect()
}

struct Images<'a> {
    arguments: &'a BootstrapArguments,
    prepared: &'a [Prepared],
    /// The distribution of the images.
    distro: Option<&'a str>,
    out: &'a Path,
    files: Files,
    run: &'a Run,
}

impl Job for Images<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(mut self, ecosystem: &E) -> Result<String, Failure> {
        let Files { report, archive } = std::mem::take(&mut self.files);
        let Self { arguments, out, run, .. } = &self;
        let (images, digest, names) = self.make(ecosystem, archive).map_err(|failure| {
            let failure = run.or_stopped(failure);
            if failure.code == Code::Usage {
                failure
            } else {
                failure.detail(format!("Nothing was written to {}", out.display()))
            }
        })?;
        told(arguments, (report, run), out, &images, (&digest, &names))
    }
}

/// Prints a summary of the images that were built. Returns the report with `--format json`, and an
/// empty text otherwise.
pub(super) fn told(
    arguments: &BootstrapArguments,
    (report, run): (Option<OutputFile>, &Run),
    out: &Path,
    images: &[ImageReport],
    (digest, names): (&str, &[String]),
) -> Result<String, Failure> {
    let text = run.report(json!({"schema": 1, "digest": digest, "tags": names, "images": images}));
    if let Some(file) = report {
        run.write(file, text.as_bytes())?;
    }
    run.stats(&json!({"images": images.len()}))?;
    for image in images {
        tell(image, run);
    }
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(" ")) };
    let seconds = run.begin.elapsed().as_secs_f64();
    let answer = match arguments.output.format {
        Format::Human => String::new(),
        Format::Json => text,
    };
    run.finished(&answer, &format!("{}{names} in {seconds:.2} s, {digest}", out.display()))
}

/// Adds the relevant warnings to the report of an image: the warnings in `common`, which concern
/// all images, and the warnings of the run after the first `before`.
pub(super) fn warned(mut image: ImageReport, run: &Run, common: &[String], before: usize) -> ImageReport {
    let since = run.progress.warnings().into_iter().skip(before);
    let own = std::mem::take(&mut image.report.plan.warnings);
    image.report.plan.warnings = unique(common.iter().cloned().chain(since).chain(own));
    image
}

/// The images, the digest of the tagged index or image, and the tags.
type Made = Result<(Vec<ImageReport>, String, Vec<String>), Failure>;

impl Images<'_> {
    /// Builds the images and tags them.
    fn make<E: Ecosystem>(&self, ecosystem: &E, archive: Option<OutputFile>) -> Made {
        let product = &self.arguments.product;
        if let Some(file) = archive {
            return self.make_archive(ecosystem, file);
        }
        // Errors of the layout concern all images, so they are reported with the first one.
        let of = |error, prepared: &Prepared| failure(error, prepared);
        let first = &self.prepared[0];
        let mut layout = Layout::prepare(self.out).map_err(|error| of(BootstrapError::Output(error), first))?;
        for attachment in attachments(self.arguments)? {
            layout.attach(attachment);
        }
        let mut images = Vec::with_capacity(self.prepared.len());
        let spool = self.run.spool_beside(self.out);
        let tools = self.tools(&spool);
        let common = self.run.progress.warnings();
        for prepared in self.prepared {
            let before = self.run.progress.warnings().len();
            let build = build_options(prepared, self.arguments.drop_database, self.arguments.scriptlets)?;
            let mut options = self.options(prepared);
            if let Some(reference) = &product.base {
                let base = BaseImage::read(reference, &prepared.arch.platform, &spool);
                options.base = Some(base.map_err(|error| of(BootstrapError::Output(error), prepared))?);
            }
            let image = add_image(ecosystem, &prepared.request, &build, &options, &mut layout, &tools);
            images.push(warned(image.map_err(|error| of(error, prepared))?, self.run, &common, before));
        }
        // The newest package may differ between architectures, and a mirror may be newer for one of
        // them. The tags and labels of the index use the newest epoch, and the version only if all
        // images share it.
        let epoch = images.iter().map(|image| image.report.epoch).max().unwrap_or(0);
        let version = images[0].version.clone().filter(|_| images.iter().all(|image| image.version == images[0].version));
        let named = product.oci.as_ref().and_then(|reference| reference.tag.clone());
        let mut tags = match named {
            Some(tag) => vec![tag],
            None => first.naming.tags(version.as_deref(), epoch),
        };
        tags.extend(product.tag.iter().cloned());
        tags.retain(|tag| is_tag(tag));
        let mut seen = std::collections::BTreeSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        let annotations = first.naming.labels(version.as_deref(), epoch);
        let digest = layout.finish(&tags, &annotations, &*self.run.progress, &self.run.cancel);
        let digest = digest.map_err(|error| of(BootstrapError::Output(error), first))?;
        Ok((images, digest.to_string(), tags))
    }

    fn make_archive<E: Ecosystem>(&self, ecosystem: &E, file: OutputFile) -> Made {
        let prepared = &self.prepared[0];
        let of = |error| failure(error, prepared);
        let file = DockerArchive::of_file(file, self.arguments.product.packing());
        let repository = prepared.naming.repository();
        let repository = repository.as_deref().or(self.distro).unwrap_or("image");
        let given = std::cell::RefCell::new(Vec::new());
        let name_all = |tags: Vec<String>| {
            let all = tags.iter().chain(&self.arguments.product.tag);
            // A complete image name stays unchanged.
            let full = all.map(|tag| if tag.contains([':', '/']) { tag.clone() } else { format!("{repository}:{tag}") });
            let all: Vec<String> = full.collect();
            given.borrow_mut().clone_from(&all);
            all
        };
        let spool = self.run.spool_beside(self.out);
        let build = build_options(prepared, self.arguments.drop_database, self.arguments.scriptlets)?;
        let options = self.options(prepared);
        let image = docker_archive(ecosystem, &prepared.request, &build, &options, (file, &name_all), &self.tools(&spool));
        let image = warned(image.map_err(of)?, self.run, &[], 0);
        let digest = image.config.clone();
        Ok((vec![image], digest, given.into_inner()))
    }

    fn options(&self, prepared: &Prepared) -> ImageOptions {
        let product = &self.arguments.product;
        ImageOptions {
            config: prepared.config.clone(),
            naming: prepared.naming.clone(),
            layers: product.layers.map_or(1, usize::from),
            packing: product.packing(),
            clamp: product.clamp_mtime,
            base: None,
        }
    }

    fn tools<'a>(&'a self, spool: &'a crate::package::Spool) -> Tools<'a> {
        Tools { fetcher: &self.run.fetcher, spool, reporter: &*self.run.progress, cancel: &self.run.cancel }
    }
}

/// Prints the line of an image.
fn tell(image: &ImageReport, run: &Run) {
    let size = image.layers.iter().map(|layer| layer.size).sum();
    let layers = match image.layers.len() {
        1 => "1 layer".to_owned(),
        n => format!("{n} layers"),
    };
    let held = packages(image.report.plan.install.len() as u64);
    let text = format!("{}: {held}, {} files, {layers}, {}", image.platform, count(image.report.files), bytes(size));
    run.progress.line("Packed", &text, None);
    run.list_packages(&image.report.plan);
    run.list_not_run(&image.report.scriptlets);
}
