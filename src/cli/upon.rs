//! `--base` without a variant: changes the installed packages of an image, and adds the difference
//! as one more layer.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tempfile::TempDir;

use super::arguments::{BootstrapArguments, RequestArguments, ScriptletMode};
use super::bootstrap::{failure, output_failure, source_date_epoch};
use super::failure::Failure;
use super::image::{told, warned};
use super::packaging::{Job, run_with};
use super::product::attachments;
use super::request::{Prepared, base, machine};
use super::run::Run;
use crate::bootstrap::{
    BootstrapError, ChangeOptions, ImageOptions, InstalledPackages, Tools, add_changed_image, copy_for_reading,
};
use crate::catalog::{ImageConfig, Naming, Platform};
use crate::ecosystem::{ChangeFlags, Ecosystem, InstallError, Verb};
use crate::output::oci::{BaseImage, Layout, Reference};
use crate::output::{OutputFile, Ownership};
use crate::package::Spool;
use crate::reporter::Reporter;

/// Builds the image for each of the requests, which differ only in their architecture.
pub(super) fn run(
    arguments: &BootstrapArguments,
    requests: &[RequestArguments],
    out: &Path,
    (report, run): (Option<OutputFile>, &Run),
) -> Result<String, Failure> {
    let Some(reference) = &arguments.product.base else { return Err(Failure::usage("say upon which image: --base DIR[:TAG]")) };
    let named = arguments.product.oci.as_ref().and_then(|reference| reference.tag.clone());
    let tags: Vec<String> = named.into_iter().chain(arguments.product.tag.iter().cloned()).collect();
    if tags.is_empty() {
        return Err(Failure::usage("say what the image is called: --oci DIR:TAG, or --tag TAG"));
    }
    let spool = run.spool_beside(out);
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    let below = requests.iter().map(|one| Below::read(one, reference, out, &spool, &tools)).collect::<Result<Vec<_>, _>>()?;
    if arguments.request.allow_unsigned {
        run.progress.warn("packages without a signature are accepted (--allow-unsigned)");
    }
    let Some(first) = below.first() else { return Err(Failure::usage("--arch names no architecture")) };
    let packaging = first.prepared.packaging;
    run_with(packaging, Images { arguments, below, tags: &tags, out, report, run, tools: &tools })
}

/// A base image, and the request to change it.
struct Below {
    image: BaseImage,
    prepared: Prepared,
    /// The directory with the copy of the image's root.
    _place: TempDir,
}

impl Below {
    fn read(
        arguments: &RequestArguments,
        reference: &Reference,
        out: &Path,
        spool: &Spool,
        tools: &Tools<'_>,
    ) -> Result<Self, Failure> {
        let platform = if arguments.distro.is_some() {
            base(arguments, None)?.0.arch.platform
        } else {
            let name = arguments.arch.clone().unwrap_or_else(machine);
            Platform::from_str(&name).map_err(|error| Failure::usage(error.to_string()))?
        };
        let image = BaseImage::read(reference, &platform, spool);
        let image = image.map_err(output_failure)?;
        let (place, root) = copy(&image, out, tools)?;
        // Without a distribution, the architecture comes from the root, in the root's own spelling.
        let own = RequestArguments { arch: arguments.arch.clone().filter(|_| arguments.distro.is_some()), ..arguments.clone() };
        let (mut prepared, _) = base(&own, Some(&root))?;
        let (verb, specs) = match (&arguments.with[..], &arguments.without[..]) {
            ([], []) => (Verb::Upgrade, Vec::new()),
            ([], without) => (Verb::Remove, without.to_vec()),
            (with, []) => (Verb::Install, with.to_vec()),
            _ => {
                return Err(Failure::usage("upon an image packages are installed or removed, not both at once")
                    .hint("two images, one upon the other"));
            }
        };
        let time = source_date_epoch()?.unwrap_or(0);
        prepared.change(verb, specs, ChangeFlags::default(), time, InstalledPackages::Root(root));
        Ok(Self { image, prepared, _place: place })
    }
}

/// Converts an error of an image's change to a failure.
fn upon_failure(error: BootstrapError, prepared: &Prepared) -> Failure {
    match error {
        BootstrapError::Install(error @ InstallError::Unsupported(_)) => Failure::usage(error.to_string())
            .hint("with --variant the whole image is built, and --base has what is different of it become one more layer"),
        error => failure(error, prepared),
    }
}

/// Copies the root of an image to a temporary directory next to the output, which is deleted at the
/// end of the run.
fn copy(image: &BaseImage, out: &Path, tools: &Tools<'_>) -> Result<(TempDir, PathBuf), Failure> {
    let beside = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = tempfile::Builder::new().prefix(".rootstrap-base-").tempdir_in(beside);
    let place = place.map_err(|error| Failure::failed(format!("cannot make a directory in {}: {error}", beside.display())))?;
    let root = place.path().join("root");
    let copied = copy_for_reading(&image.tree, &root, tools);
    copied.map_err(|error| Failure::from_error(super::failure::Code::Failed, &error))?;
    Ok((place, root))
}

struct Images<'a> {
    arguments: &'a BootstrapArguments,
    below: Vec<Below>,
    tags: &'a [String],
    out: &'a Path,
    report: Option<OutputFile>,
    run: &'a Run,
    tools: &'a Tools<'a>,
}

impl Job for Images<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Result<String, Failure> {
        let Self { arguments, below, tags, out, report, run, tools } = self;
        let mut layout = Layout::prepare(out).map_err(output_failure)?;
        for attachment in attachments(arguments)? {
            layout.attach(attachment);
        }
        let mut images = Vec::with_capacity(below.len());
        let common = run.progress.warnings();
        for Below { image, prepared, _place: place } in below {
            let before = run.progress.warnings().len();
            let change = ChangeOptions {
                arch: prepared.arch.clone(),
                database: prepared.database.clone(),
                epoch: source_date_epoch()?,
                ownership: Ownership::detect(),
                scriptlets: arguments.scriptlets.map(ScriptletMode::of),
            };
            let options = ImageOptions {
                config: ImageConfig::default(),
                naming: Naming::default(),
                layers: 1,
                packing: arguments.product.packing(),
                clamp: arguments.product.clamp_mtime,
                base: Some(image),
            };
            let made = add_changed_image(ecosystem, &prepared.request, &change, &options, &mut layout, tools);
            let made = made.map_err(|error| run.or_stopped(upon_failure(error, &prepared)))?;
            images.push(warned(made, run, &common, before));
            drop(place);
        }
        let digest = layout.finish(tags, &std::collections::BTreeMap::new(), &*run.progress, &run.cancel);
        let digest = digest.map_err(output_failure)?.to_string();
        told(arguments, (report, run), out, &images, (&digest, tags))
    }
}
