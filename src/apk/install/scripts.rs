//! Package scripts. No script runs: native code replaces scripts that it recognizes, if enabled,
//! and the others are recorded.

use super::Installation;
use crate::apk::database::Record;
use crate::apk::package::{Package, Script, ScriptKind};
use crate::ecosystem::{InstallError, Installed, ScriptletOutcome, ScriptletRecord, Scriptlets};
use crate::finish::glob::matches;
use crate::finish::scriptlet::{Dialect, Job, Recognised, recognise_in};
use crate::tree::Tree;

/// The scripts of a transaction and their outcomes.
#[derive(Debug)]
pub struct Scripts {
    effects: Scriptlets,
    epoch: i64,
    records: Vec<ScriptletRecord>,
    warnings: Vec<String>,
}

impl Scripts {
    /// Creates the state for a transaction at time `epoch` (seconds since 1970).
    pub fn new(effects: Scriptlets, epoch: i64) -> Self {
        Self { effects, epoch, records: Vec::new(), warnings: Vec::new() }
    }

    /// Handles `pre-install`, before the files of a package are in the tree.
    pub fn before_install(&mut self, tree: &mut Tree, package: &Package) -> Result<(), InstallError> {
        self.due(tree, &package.id(), package.scripts(), ScriptKind::PreInstall)
    }

    /// Handles `post-install`, after the files are in the tree.
    pub fn after_install(&mut self, tree: &mut Tree, package: &Package) -> Result<(), InstallError> {
        self.due(tree, &package.id(), package.scripts(), ScriptKind::PostInstall)
    }

    /// Handles `pre-upgrade`, before the files of a package replace another version or the same
    /// one.
    pub fn before_upgrade(&mut self, tree: &mut Tree, package: &Package) -> Result<(), InstallError> {
        self.due(tree, &package.id(), package.scripts(), ScriptKind::PreUpgrade)
    }

    /// Handles `post-upgrade`, after the files are in the tree.
    pub fn after_upgrade(&mut self, tree: &mut Tree, package: &Package) -> Result<(), InstallError> {
        self.due(tree, &package.id(), package.scripts(), ScriptKind::PostUpgrade)
    }

    /// Handles `pre-deinstall`, before an installed package is removed.
    pub fn before_removal(&mut self, tree: &mut Tree, record: &Record) -> Result<(), InstallError> {
        self.due(tree, &record.id(), &record.scripts, ScriptKind::PreDeinstall)
    }

    /// Handles `post-deinstall`, after the package is removed.
    pub fn after_removal(&mut self, tree: &mut Tree, record: &Record) -> Result<(), InstallError> {
        self.due(tree, &record.id(), &record.scripts, ScriptKind::PostDeinstall)
    }

    /// Handles a package's trigger at the end of an installation, if a directory matches its
    /// patterns (database.c, `fire_triggers`).
    pub fn trigger(&mut self, tree: &mut Tree, package: &Package, installation: &Installation) -> Result<(), InstallError> {
        let waits_for = |directory: &[u8]| package.info().triggers.iter().any(|pattern| fires(pattern, directory));
        if installation.directories().any(waits_for) {
            self.due(tree, &package.id(), package.scripts(), ScriptKind::Trigger)?;
        }
        Ok(())
    }

    /// Handles the triggers of all packages at the end of a change. The trigger of a new package
    /// sees every directory; the triggers of other packages see only the changed ones.
    pub fn triggers(
        &mut self,
        tree: &mut Tree,
        installation: &Installation,
        came: impl Fn(&Record) -> bool,
    ) -> Result<(), InstallError> {
        for record in installation.records() {
            let waits_for = |directory: &[u8]| record.info.triggers.iter().any(|pattern| fires(pattern, directory));
            let fires = if came(record) {
                installation.directories().any(waits_for)
            } else {
                installation.changed_directories().any(waits_for)
            };
            if fires {
                self.due(tree, &record.id(), &record.scripts, ScriptKind::Trigger)?;
            }
        }
        Ok(())
    }

    /// Returns the records of all scripts, and warnings for the user.
    pub fn finish(self) -> Installed {
        Installed { scriptlets: self.records, warnings: self.warnings }
    }

    fn due(&mut self, tree: &mut Tree, package: &str, scripts: &[Script], kind: ScriptKind) -> Result<(), InstallError> {
        let Some(script) = scripts.iter().find(|script| script.kind == kind) else { return Ok(()) };
        let text = script.text.bytes().unwrap_or_default();
        let (interpreter, body) = interpreter(&text);
        let outcome = match recognise_in(Dialect::Busybox, &interpreter, body) {
            Recognised::Replaced(jobs) if jobs.is_empty() => ScriptletOutcome::Replaced { by: Vec::new() },
            Recognised::Replaced(_) | Recognised::Unknown if self.effects == Scriptlets::Off => {
                ScriptletOutcome::NotRun { reason: "scripts were to have no effect".into() }
            }
            Recognised::Replaced(jobs) => {
                for job in &jobs {
                    self.run(tree, job)?;
                }
                ScriptletOutcome::Replaced { by: jobs.iter().map(ToString::to_string).collect() }
            }
            Recognised::Unknown => ScriptletOutcome::NotRun {
                reason: format!("{} does not run on the model, and nothing known replaces it", interpreter.join(" ")),
            },
        };
        self.records.push(ScriptletRecord { package: package.to_owned(), scriptlet: kind.name().to_owned(), outcome });
        Ok(())
    }

    fn run(&mut self, tree: &mut Tree, job: &Job) -> Result<(), InstallError> {
        let failed =
            |error: crate::finish::scriptlet::JobError| InstallError::Finish { job: job.to_string(), problem: error.to_string() };
        self.warnings.extend(job.run(tree, self.epoch).map_err(failed)?);
        Ok(())
    }
}

/// Splits a script into the words of its `#!` line (program and arguments) and the rest of the
/// text.
fn interpreter(text: &[u8]) -> (Vec<String>, &[u8]) {
    let Some(rest) = text.strip_prefix(b"#!") else { return (Vec::new(), text) };
    let end = rest.iter().position(|&c| c == b'\n').unwrap_or(rest.len());
    let words = String::from_utf8_lossy(&rest[..end]).split_ascii_whitespace().map(str::to_owned).collect();
    (words, &rest[end..])
}

/// Reports whether a trigger pattern matches this directory, which is relative to the root. A
/// leading `+` limits the trigger to changed directories; in a new root all of them are changed.
fn fires(pattern: &str, directory: &[u8]) -> bool {
    let Some(pattern) = pattern.strip_prefix('+').unwrap_or(pattern).strip_prefix('/') else { return false };
    let (mut wanted, mut names) = (pattern.as_bytes().split(|&c| c == b'/'), directory.split(|&c| c == b'/'));
    loop {
        match (wanted.next(), names.next()) {
            (None, None) => return true,
            (Some(wanted), Some(name)) if matches(wanted, name) => {}
            _ => return false,
        }
    }
}
