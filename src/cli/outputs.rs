//! Output files that options name. All of them are checked before any work begins.

use std::path::Path;

use super::bootstrap::output_failure;
use super::failure::{Code, Failure};
use crate::output::{Identity, OutputFile, names_standard_output};

/// An option and its path.
pub(super) type Named<'a> = (&'static str, Option<&'a Path>);

/// Fails if two options name the same file: one output would overwrite the other, or overwrite an
/// input before it is read.
pub(super) fn distinct(outputs: &[Named<'_>], inputs: &[Named<'_>]) -> Result<(), Failure> {
    let given = |named: &[Named<'_>], identity: fn(&Path) -> Option<Identity>| -> Vec<(&'static str, Identity)> {
        named.iter().filter_map(|&(option, path)| Some((option, identity(path?)?))).collect()
    };
    let mut seen = given(inputs, Identity::of_input);
    for (option, path) in outputs {
        let Some(identity) = path.and_then(Identity::of_output) else { continue };
        if let Some((other, _)) = seen.iter().find(|(_, known)| *known == identity) {
            let path = path.unwrap_or(Path::new("")).display();
            return Err(
                Failure::usage(format!("{other} and {option} name the same file, {path}")).hint("give each a file of its own")
            );
        }
        seen.push((option, identity));
    }
    Ok(())
}

/// Checks the file for a command's result. Returns `None` for standard output, the default.
pub(super) fn result(path: Option<&Path>) -> Result<Option<OutputFile>, Failure> {
    path.filter(|path| !names_standard_output(path)).map(prepare).transpose()
}

/// Checks the file of an option that writes something in addition to the result.
pub(super) fn prepare(path: &Path) -> Result<OutputFile, Failure> {
    let failed = |failure: Failure| Failure { code: Code::Failed, ..failure };
    product(path).map_err(failed)
}

/// Checks the file that the command creates in place of OUT.
pub(super) fn product(path: &Path) -> Result<OutputFile, Failure> {
    OutputFile::prepare(path).map_err(output_failure)
}
