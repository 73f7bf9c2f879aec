//! The scriptlets and triggers of the packages. Lua runs on the tree, and known jobs run natively.
//! Scriptlets that were neither run nor replaced are recorded.

use std::collections::BTreeSet;

use super::Unpacked;
use crate::ecosystem::{InstallError, InstallOptions, Installed, ScriptletOutcome, ScriptletRecord, Scriptlets};
use crate::finish::scriptlet::{Job, Recognised, native_command, recognise};
use crate::pool::{Constraint, Op};
use crate::rpm::database::FileState;
use crate::rpm::dependency;
use crate::rpm::lua::{self, CommandResult, Environment};
use crate::rpm::scriptlet::{
    Condition, Phase, Script, ScriptFlags, Scriptlet, Trigger, TriggerFlags, TriggerKind, scriptlets, triggers,
};
use crate::rpm::tag::Tag;
use crate::rpm::version::ranges_overlap;
use crate::tree::Tree;

/// Runs the scriptlets and triggers of a transaction's packages.
pub(super) struct Runner<'a> {
    packages: &'a [Unpacked],
    scriptlets: Vec<Vec<Scriptlet>>,
    triggers: Vec<Vec<Trigger>>,
    environment: Environment,
    records: Vec<ScriptletRecord>,
    warnings: Vec<String>,
    /// Native jobs that scriptlets requested. Each runs once, after all files are placed, because
    /// it processes the whole tree.
    jobs: BTreeSet<Job>,
    /// True if scriptlets and triggers are disabled (`rpm --noscripts --notriggers`).
    off: bool,
}

/// A trigger that fires: its owner, and the files that fire it.
struct Firing<'a> {
    owner: usize,
    trigger: &'a Trigger,
    files: Vec<Vec<u8>>,
}

impl<'a> Runner<'a> {
    /// Creates a runner for packages in the order of the transaction.
    pub(super) fn new(packages: &'a [Unpacked], options: &InstallOptions) -> Self {
        let mut environment = Environment::new(&options.arch.name, options.epoch);
        if let Some(database) = &options.database {
            environment.macros.push(("_dbpath".to_owned(), format!("/{}", database.path)));
        }
        Self {
            packages,
            scriptlets: packages.iter().map(|package| scriptlets(package.package.header())).collect(),
            triggers: packages.iter().map(|package| triggers(package.package.header())).collect(),
            environment,
            records: Vec::new(),
            warnings: Vec::new(),
            jobs: BTreeSet::new(),
            off: options.scriptlets == Some(Scriptlets::Off),
        }
    }

    /// Runs a package's scriptlets of this phase.
    pub(super) fn run(&mut self, tree: &mut Tree, index: usize, phase: Phase) -> Result<(), InstallError> {
        let due: Vec<Scriptlet> = self.scriptlets[index].iter().filter(|scriptlet| scriptlet.phase == phase).cloned().collect();
        for scriptlet in due {
            // In rpm, a failure of these phases stops the installation of the package. Others only
            // warn, unless their flags say otherwise (rpmscript.c, rpmScriptFromTag).
            let fatal = matches!(phase, Phase::PreTrans | Phase::Pre) || scriptlet.script.flags.contains(ScriptFlags::CRITICAL);
            // The argument is the number of installed instances of the package: one.
            self.execute(tree, index, phase.name(), &scriptlet.script, vec![1], Vec::new(), fatal)?;
        }
        Ok(())
    }

    /// Runs the triggers that the installation of a package fires (lib/psm.c):
    ///
    /// 1. triggers of this package and of those installed before it, if their conditions match this
    ///    package,
    /// 2. its own triggers, if their conditions match packages that are installed already,
    /// 3. file triggers on its files.
    pub(super) fn triggers(&mut self, tree: &mut Tree, index: usize, states: &[Vec<FileState>]) -> Result<(), InstallError> {
        let everything: Vec<Vec<Trigger>> = self.triggers[..=index].to_vec();
        let mut due: Vec<Firing<'_>> = Vec::new();
        for (owner, triggers) in everything.iter().enumerate() {
            for trigger in triggers.iter().filter(|trigger| trigger.kind == TriggerKind::Package) {
                let by_this = trigger.conditions.iter().any(|condition| self.is_met_by(condition, index));
                let mut others = (0..index).filter(|_| owner == index);
                if by_this || others.any(|other| trigger.conditions.iter().any(|condition| self.is_met_by(condition, other))) {
                    due.push(Firing { owner, trigger, files: Vec::new() });
                }
            }
        }
        for (owner, triggers) in everything.iter().enumerate() {
            for trigger in triggers.iter().filter(|trigger| trigger.kind == TriggerKind::File) {
                let files = self.matching_files(trigger, index..index + 1, states);
                if !files.is_empty() {
                    due.push(Firing { owner, trigger, files });
                }
            }
        }
        self.fire(tree, due)
    }

    /// Runs the triggers on the files of the whole transaction.
    pub(super) fn transaction_file_triggers(&mut self, tree: &mut Tree, states: &[Vec<FileState>]) -> Result<(), InstallError> {
        let everything = self.triggers.clone();
        let mut due = Vec::new();
        for (owner, triggers) in everything.iter().enumerate() {
            for trigger in triggers.iter().filter(|trigger| trigger.kind == TriggerKind::TransactionFile) {
                let files = self.matching_files(trigger, 0..self.packages.len(), states);
                if !files.is_empty() {
                    due.push(Firing { owner, trigger, files });
                }
            }
        }
        self.fire(tree, due)
    }

    /// Runs the native jobs and returns the records of all scriptlets.
    pub(super) fn finish(mut self, tree: &mut Tree) -> Result<Installed, InstallError> {
        let epoch = self.environment.epoch;
        for job in std::mem::take(&mut self.jobs) {
            let warnings = job
                .run(tree, epoch)
                .map_err(|error| InstallError::Finish { job: job.to_string(), problem: error.to_string() })?;
            self.warnings.extend(warnings);
        }
        Ok(Installed { scriptlets: self.records, warnings: self.warnings })
    }

    /// Runs triggers with the highest priority first; those with equal priorities run in the order
    /// of the transaction.
    fn fire(&mut self, tree: &mut Tree, mut due: Vec<Firing<'_>>) -> Result<(), InstallError> {
        due.sort_by_key(|firing| std::cmp::Reverse(firing.trigger.priority));
        for Firing { owner, trigger, files } in due {
            let name = match trigger.kind {
                TriggerKind::Package => "%triggerin",
                TriggerKind::File => "%filetriggerin",
                TriggerKind::TransactionFile => "%transfiletriggerin",
            };
            self.execute(tree, owner, name, &trigger.script, vec![1, 1], files, false)?;
        }
        Ok(())
    }

    /// Reports whether the installation of a package satisfies a trigger's condition.
    fn is_met_by(&self, condition: &Condition, index: usize) -> bool {
        let identity = self.packages[index].package.identity();
        if !condition.flags.contains(TriggerFlags::IN) || condition.name != identity.name {
            return false;
        }
        let op = dependency::op_of_sense(condition.flags.0);
        let evr = format!("{}:{}-{}", identity.epoch.unwrap_or(0), identity.version, identity.release);
        op.is_any() || ranges_overlap(Constraint { op: Op::EQUAL, version: &evr }, Constraint { op, version: &condition.version })
    }

    /// Returns the installed files below the prefixes of a file trigger, in the order of the
    /// packages.
    fn matching_files(&self, trigger: &Trigger, packages: std::ops::Range<usize>, states: &[Vec<FileState>]) -> Vec<Vec<u8>> {
        let prefixes: Vec<&[u8]> = trigger
            .conditions
            .iter()
            .filter(|condition| condition.flags.contains(TriggerFlags::IN))
            .map(|condition| condition.name.as_bytes())
            .collect();
        let files = packages.flat_map(|index| self.packages[index].files.iter().zip(&states[index]));
        files
            .filter(|(file, state)| **state == FileState::Normal && prefixes.iter().any(|prefix| file.path.starts_with(prefix)))
            .map(|(file, _)| file.path.to_vec())
            .collect()
    }

    #[allow(clippy::too_many_arguments, reason = "what rpm passes to a scriptlet")]
    fn execute(
        &mut self,
        tree: &mut Tree,
        index: usize,
        scriptlet: &str,
        script: &Script,
        arguments: Vec<i64>,
        files: Vec<Vec<u8>>,
        fatal: bool,
    ) -> Result<(), InstallError> {
        let package = self.packages[index].id();
        let outcome = if self.off {
            ScriptletOutcome::NotRun { reason: "scriptlets were to have no effect".into() }
        } else if script.is_lua() && script.flags.contains(ScriptFlags::QUERY_FORMAT) {
            ScriptletOutcome::NotRun { reason: "query formats in scriptlets are not expanded".into() }
        } else if script.is_lua() {
            let text = self.expanded(script);
            let prefixes = self.packages[index].package.header().strings(Tag::PREFIXES);
            let script = lua::Script {
                name: format!("{scriptlet}({package})"),
                text,
                arguments,
                prefixes: prefixes.map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect(),
                files,
            };
            self.run_lua(tree, &script)
        } else {
            match recognise(&script.interpreter, &script.text) {
                Recognised::Replaced(jobs) => {
                    let by = jobs.iter().map(ToString::to_string).collect();
                    self.jobs.extend(jobs);
                    ScriptletOutcome::Replaced { by }
                }
                Recognised::Unknown => {
                    let interpreter = script.interpreter.join(" ");
                    ScriptletOutcome::NotRun {
                        reason: format!("{interpreter} does not run on the model, and nothing known replaces it"),
                    }
                }
            }
        };
        if let (ScriptletOutcome::Failed { error }, true) = (&outcome, fatal) {
            let (package, scriptlet, problem) = (package.to_owned(), scriptlet.to_owned(), error.clone());
            return Err(InstallError::Scriptlet { package, scriptlet, problem });
        }
        if let ScriptletOutcome::Failed { error } = &outcome {
            self.warnings.push(format!("{scriptlet} of {package} failed: {error}"));
        }
        self.records.push(ScriptletRecord { package: package.to_owned(), scriptlet: scriptlet.to_owned(), outcome });
        Ok(())
    }

    /// Returns the text of a scriptlet, with its macros expanded if the scriptlet asks for that. A
    /// text that cannot be expanded stays as it is.
    fn expanded(&self, script: &Script) -> Vec<u8> {
        let asks = script.flags.contains(ScriptFlags::EXPAND);
        let text = std::str::from_utf8(&script.text).ok().filter(|_| asks);
        text.and_then(|text| self.environment.expand(text)).map_or_else(|| script.text.clone(), String::into_bytes)
    }

    fn run_lua(&mut self, tree: &mut Tree, script: &lua::Script) -> ScriptletOutcome {
        let jobs = &mut self.jobs;
        let mut not_run = Vec::new();
        let mut handler = |_: &mut Tree, command: &lua::Command| {
            let words: Vec<String> = command.words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            if let Some(asked) = native_command(&words) {
                jobs.extend(asked);
                CommandResult::SUCCESS
            } else {
                not_run.push(command.display());
                CommandResult::NotRun
            }
        };
        match lua::run(tree, script, &self.environment, &mut handler) {
            Ok(outcome) => {
                self.warnings.extend(outcome.warnings.iter().map(|warning| format!("{}: {warning}", script.name)));
                ScriptletOutcome::Ran { output: String::from_utf8_lossy(&outcome.output).into_owned(), not_run }
            }
            Err(error) => ScriptletOutcome::Failed { error: error.problem.to_string() },
        }
    }
}
