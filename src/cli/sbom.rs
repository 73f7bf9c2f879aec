//! `rootstrap sbom`: writes a bill of materials of a set of packages.

use std::path::Path;

use super::arguments::{SbomArguments, SbomFormat};
use super::bootstrap::source_date_epoch;
use super::failure::{Code, Failure};
use super::outputs;
use super::run::Run;
use super::subject;
use crate::audit::needs::needs;
use crate::audit::sbom::{self, Bill};
use crate::output::oci::Reference;
use crate::reporter::Reporter;

/// Returns the name of a subject: the last component of the real path, and the tag. It does not
/// depend on the spelling of the path.
fn name_of(place: &Path) -> String {
    let text = || place.to_string_lossy().into_owned();
    let reference = || text().parse::<Reference>().ok().filter(|reference| reference.tag.is_some());
    let tagged = if place.exists() { None } else { reference() };
    let path = tagged.as_ref().map_or(place, |reference| reference.directory.as_path());
    let Ok(real) = path.canonicalize() else { return text() };
    let name = real.file_name().unwrap_or(real.as_os_str()).to_string_lossy();
    match tagged.and_then(|reference| reference.tag) {
        Some(tag) => format!("{name}:{tag}"),
        None => name.into_owned(),
    }
}

/// Returns the document.
pub(super) fn run(arguments: &SbomArguments) -> Result<Vec<u8>, Failure> {
    let epoch = source_date_epoch()?;
    let stats = arguments.how.stats.as_deref();
    outputs::distinct(
        &[("--stats", stats), ("--output", arguments.output.as_deref())],
        &[("SUBJECT", arguments.subject.as_deref())],
    )?;
    let output = outputs::result(arguments.output.as_deref())?;
    let run = Run::new(&arguments.how)?;
    let wanted = subject::Wanted { tree: arguments.files, dependencies: true };
    let mut subject = subject::open(arguments.subject.as_deref(), &arguments.request, &run, wanted)?;
    match (&arguments.name, &arguments.subject) {
        (Some(name), _) => subject.name.clone_from(name),
        (None, Some(place)) => subject.name = name_of(place),
        (None, None) => {}
    }
    if arguments.files && subject.tree.is_none() {
        run.progress.warn(&format!("{} has no files of its own: the document tells of none", subject.name));
    }
    let needs = subject.set.as_ref().map(|set| needs(&set.pool, &set.members)).unwrap_or_default();
    let mut bill = Bill::of(&subject, &needs, arguments.files).map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    bill.time = epoch.unwrap_or(bill.time);
    let document = match arguments.format {
        SbomFormat::Spdx => serde_json::to_string_pretty(&sbom::spdx(&bill)),
        SbomFormat::Cyclonedx => serde_json::to_string_pretty(&sbom::cyclonedx(&bill)),
    };
    let document = document.map_err(|error| Failure::failed(error.to_string()))? + "\n";
    match output {
        Some(file) => {
            run.write(file, document.as_bytes())?;
            Ok(Vec::new())
        }
        None => Ok(document.into_bytes()),
    }
}
