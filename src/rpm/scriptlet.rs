//! Scriptlets and triggers as data: the scripts of a package, their phases and their interpreters.
//!
//! In: a header. Out: [`Scriptlet`]s and [`Trigger`]s. This module runs nothing.

use super::header::Header;
use super::tag::Tag;

/// The moment at which a scriptlet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `%pretrans`: before any package of the transaction is processed.
    PreTrans,
    /// `%pre`: before the package's files are installed.
    Pre,
    /// `%post`: after the package's files are installed.
    Post,
    /// `%preun`: before the package's files are removed.
    PreUn,
    /// `%postun`: after the package's files are removed.
    PostUn,
    /// `%posttrans`: after all packages of the transaction are processed.
    PostTrans,
    /// `%preuntrans`: before a transaction that removes the package.
    PreUnTrans,
    /// `%postuntrans`: after a transaction that removes the package.
    PostUnTrans,
    /// `%verifyscript`: during `rpm -V`.
    Verify,
}

impl Phase {
    /// All phases, in the order in which a transaction reaches them.
    pub const ALL: [Self; 9] = [
        Self::PreTrans,
        Self::PreUnTrans,
        Self::Pre,
        Self::Post,
        Self::PreUn,
        Self::PostUn,
        Self::PostTrans,
        Self::PostUnTrans,
        Self::Verify,
    ];

    /// Returns the directive's name in a spec file.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreTrans => "%pretrans",
            Self::Pre => "%pre",
            Self::Post => "%post",
            Self::PreUn => "%preun",
            Self::PostUn => "%postun",
            Self::PostTrans => "%posttrans",
            Self::PreUnTrans => "%preuntrans",
            Self::PostUnTrans => "%postuntrans",
            Self::Verify => "%verifyscript",
        }
    }

    /// Returns the tags of the phase's text, interpreter and flags.
    fn tags(self) -> (Tag, Tag, Tag) {
        match self {
            Self::PreTrans => (Tag::PRETRANS, Tag::PRETRANS_PROG, Tag::PRETRANS_FLAGS),
            Self::Pre => (Tag::PREIN, Tag::PREIN_PROG, Tag::PREIN_FLAGS),
            Self::Post => (Tag::POSTIN, Tag::POSTIN_PROG, Tag::POSTIN_FLAGS),
            Self::PreUn => (Tag::PREUN, Tag::PREUN_PROG, Tag::PREUN_FLAGS),
            Self::PostUn => (Tag::POSTUN, Tag::POSTUN_PROG, Tag::POSTUN_FLAGS),
            Self::PostTrans => (Tag::POSTTRANS, Tag::POSTTRANS_PROG, Tag::POSTTRANS_FLAGS),
            Self::PreUnTrans => (Tag::PREUNTRANS, Tag::PREUNTRANS_PROG, Tag::PREUNTRANS_FLAGS),
            Self::PostUnTrans => (Tag::POSTUNTRANS, Tag::POSTUNTRANS_PROG, Tag::POSTUNTRANS_FLAGS),
            Self::Verify => (Tag::VERIFY_SCRIPT, Tag::VERIFY_SCRIPT_PROG, Tag::VERIFY_SCRIPT_FLAGS),
        }
    }
}

/// Flags that control how rpm prepares a script and treats its failure (rpmscript.h:
/// `rpmscriptFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags(pub u32);

impl ScriptFlags {
    /// rpm expands macros in the script when it runs.
    pub const EXPAND: Self = Self(1);
    /// rpm expands query formats in the script when it runs.
    pub const QUERY_FORMAT: Self = Self(1 << 1);
    /// A failure of the script is a failure of the package.
    pub const CRITICAL: Self = Self(1 << 2);

    /// Reports whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A script with the program that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The program and its arguments; `<lua>` is rpm's own interpreter. Never empty.
    pub interpreter: Vec<String>,
    /// The text; empty if rpm runs the interpreter alone.
    pub text: Vec<u8>,
    /// Flags of the script.
    pub flags: ScriptFlags,
}

impl Script {
    /// Reports whether rpm's embedded Lua interpreter runs the script.
    pub fn is_lua(&self) -> bool {
        self.interpreter.first().is_some_and(|program| program == "<lua>")
    }

    fn new(interpreter: Vec<String>, text: &[u8], flags: u32) -> Self {
        // A script without an interpreter is run by the shell (rpmscript.c).
        let interpreter = if interpreter.is_empty() { vec!["/bin/sh".into()] } else { interpreter };
        Self { interpreter, text: text.to_vec(), flags: ScriptFlags(flags) }
    }
}

/// A scriptlet of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scriptlet {
    /// The moment at which the scriptlet runs.
    pub phase: Phase,
    /// The script to run.
    pub script: Script,
}

/// The kind of object that fires a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriggerKind {
    /// Other packages (`%triggerin` and the like).
    Package,
    /// Files below a path, once for each package (`%filetriggerin` and the like).
    File,
    /// Files below a path, once for each transaction (`%transfiletriggerin` and the like).
    TransactionFile,
}

impl TriggerKind {
    const ALL: [Self; 3] = [Self::Package, Self::File, Self::TransactionFile];

    fn tags(self) -> TriggerTags {
        match self {
            Self::Package => TriggerTags {
                scripts: Tag::TRIGGER_SCRIPTS,
                programs: Tag::TRIGGER_SCRIPT_PROG,
                script_flags: Tag::TRIGGER_SCRIPT_FLAGS,
                priorities: None,
                names: Tag::TRIGGER_NAME,
                versions: Tag::TRIGGER_VERSION,
                flags: Tag::TRIGGER_FLAGS,
                indexes: Tag::TRIGGER_INDEX,
            },
            Self::File => TriggerTags {
                scripts: Tag::FILE_TRIGGER_SCRIPTS,
                programs: Tag::FILE_TRIGGER_SCRIPT_PROG,
                script_flags: Tag::FILE_TRIGGER_SCRIPT_FLAGS,
                priorities: Some(Tag::FILE_TRIGGER_PRIORITIES),
                names: Tag::FILE_TRIGGER_NAME,
                versions: Tag::FILE_TRIGGER_VERSION,
                flags: Tag::FILE_TRIGGER_FLAGS,
                indexes: Tag::FILE_TRIGGER_INDEX,
            },
            Self::TransactionFile => TriggerTags {
                scripts: Tag::TRANS_FILE_TRIGGER_SCRIPTS,
                programs: Tag::TRANS_FILE_TRIGGER_SCRIPT_PROG,
                script_flags: Tag::TRANS_FILE_TRIGGER_SCRIPT_FLAGS,
                priorities: Some(Tag::TRANS_FILE_TRIGGER_PRIORITIES),
                names: Tag::TRANS_FILE_TRIGGER_NAME,
                versions: Tag::TRANS_FILE_TRIGGER_VERSION,
                flags: Tag::TRANS_FILE_TRIGGER_FLAGS,
                indexes: Tag::TRANS_FILE_TRIGGER_INDEX,
            },
        }
    }
}

struct TriggerTags {
    scripts: Tag,
    programs: Tag,
    script_flags: Tag,
    priorities: Option<Tag>,
    names: Tag,
    versions: Tag,
    flags: Tag,
    indexes: Tag,
}

/// A condition that fires a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Name of a package, or path prefix.
    pub name: String,
    /// Version to compare with; empty if any version matches.
    pub version: String,
    /// The comparison, and the moments at which the trigger fires.
    pub flags: TriggerFlags,
}

/// Comparison and moments of a trigger (rpmds.h: `rpmsenseFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerFlags(pub u32);

impl TriggerFlags {
    /// Fires when the matching package or file is installed (`%triggerin`, `%filetriggerin`).
    pub const IN: Self = Self(1 << 16);
    /// Fires before the matching package or file is removed (`%triggerun`, `%filetriggerun`).
    pub const UN: Self = Self(1 << 17);
    /// Fires after the matching package or file is removed (`%triggerpostun`,
    /// `%filetriggerpostun`).
    pub const POST_UN: Self = Self(1 << 18);
    /// Fires before the matching package is installed (`%triggerprein`).
    pub const PRE_IN: Self = Self(1 << 25);

    /// Reports whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A script that runs when other packages or files are installed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The kind of object that fires the trigger.
    pub kind: TriggerKind,
    /// The script to run.
    pub script: Script,
    /// Order among file triggers: higher priorities run first. The default is 1,000,000.
    pub priority: u32,
    /// Conditions, of which any one fires the trigger.
    pub conditions: Vec<Condition>,
}

/// Priority of a file trigger that specifies none (rpmtriggers.h).
const DEFAULT_PRIORITY: u32 = 1_000_000;

fn text(string: &[u8]) -> String {
    String::from_utf8_lossy(string).into_owned()
}

/// Returns the scriptlets of a header, in the order of [`Phase::ALL`].
pub fn scriptlets(header: &Header) -> Vec<Scriptlet> {
    let of = |phase: Phase| {
        let (body, program, flags) = phase.tags();
        // rpm runs an interpreter without a text with empty input: `%post -p /sbin/ldconfig`.
        if !header.has(body) && !header.has(program) {
            return None;
        }
        let interpreter = header.strings(program).map(text).collect();
        let script = Script::new(interpreter, header.string(body).unwrap_or_default(), header.u32(flags).unwrap_or(0));
        Some(Scriptlet { phase, script })
    };
    Phase::ALL.into_iter().filter_map(of).collect()
}

/// Returns the triggers of a header. Triggers of the same kind are in the header's order.
pub fn triggers(header: &Header) -> Vec<Trigger> {
    TriggerKind::ALL.into_iter().flat_map(|kind| triggers_of(header, kind)).collect()
}

fn triggers_of(header: &Header, kind: TriggerKind) -> Vec<Trigger> {
    let tags = kind.tags();
    let programs: Vec<&[u8]> = header.strings(tags.programs).collect();
    let flags: Vec<u32> = header.u32s(tags.script_flags).collect();
    let priorities: Vec<u32> = tags.priorities.map(|tag| header.u32s(tag).collect()).unwrap_or_default();
    let mut triggers: Vec<Trigger> = header
        .strings(tags.scripts)
        .enumerate()
        .map(|(i, body)| Trigger {
            kind,
            script: Script::new(
                programs.get(i).map(|program| vec![text(program)]).unwrap_or_default(),
                body,
                flags.get(i).copied().unwrap_or(0),
            ),
            priority: priorities.get(i).copied().unwrap_or(DEFAULT_PRIORITY),
            conditions: Vec::new(),
        })
        .collect();
    let mut versions = header.strings(tags.versions);
    let mut senses = header.u32s(tags.flags);
    // A condition whose index has no script is ignored.
    for (name, index) in header.strings(tags.names).zip(header.u32s(tags.indexes)) {
        let version = versions.next().map(text).unwrap_or_default();
        let flags = TriggerFlags(senses.next().unwrap_or(0));
        if let Some(trigger) = triggers.get_mut(index as usize) {
            trigger.conditions.push(Condition { name: text(name), version, flags });
        }
    }
    triggers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::header::{HeaderBuilder, Place};

    fn header(build: impl FnOnce(&mut HeaderBuilder)) -> Header {
        let mut builder = HeaderBuilder::new();
        build(builder.string(Tag::NAME, "a"));
        Header::parse(builder.build(Place::Package).unwrap(), Place::Package).unwrap()
    }

    #[test]
    fn scriptlets_with_text_with_arguments_and_with_a_program_alone() {
        let header = header(|header| {
            header
                .string(Tag::PREIN, "echo 1")
                .strings(Tag::PREIN_PROG, ["/bin/sh", "-e"])
                .string(Tag::POSTIN_PROG, "/sbin/ldconfig")
                .string(Tag::PRETRANS, "print(1)")
                .string(Tag::PRETRANS_PROG, "<lua>")
                .u32(Tag::PRETRANS_FLAGS, 5);
        });
        let scriptlets = scriptlets(&header);
        let told: Vec<_> = scriptlets
            .iter()
            .map(|s| (s.phase.name(), s.script.interpreter.join(" "), text(&s.script.text), s.script.is_lua()))
            .collect();
        let expected = [
            ("%pretrans", "<lua>", "print(1)", true),
            ("%pre", "/bin/sh -e", "echo 1", false),
            ("%post", "/sbin/ldconfig", "", false),
        ];
        assert_eq!(told, expected.map(|(phase, program, body, lua)| (phase, program.to_owned(), body.to_owned(), lua)));
        assert!(scriptlets[0].script.flags.contains(ScriptFlags::EXPAND));
        assert!(!scriptlets[0].script.flags.contains(ScriptFlags::QUERY_FORMAT));
    }

    #[test]
    fn triggers_gather_their_conditions() {
        let header = header(|header| {
            header
                .strings(Tag::TRIGGER_SCRIPTS, ["one", "two"])
                .strings(Tag::TRIGGER_SCRIPT_PROG, ["/bin/sh", "<lua>"])
                .strings(Tag::TRIGGER_NAME, ["glibc", "bash", "bash", "lost"])
                .strings(Tag::TRIGGER_VERSION, ["2.34", "", "5", ""])
                .u32s(Tag::TRIGGER_FLAGS, [0x1_000c, 0x1_0000, 0x2_0002, 0])
                .u32s(Tag::TRIGGER_INDEX, [0, 1, 1, 7])
                .strings(Tag::TRANS_FILE_TRIGGER_SCRIPTS, ["ldconfig"])
                .strings(Tag::TRANS_FILE_TRIGGER_NAME, ["/usr/lib64"])
                .u32s(Tag::TRANS_FILE_TRIGGER_INDEX, [0])
                .u32s(Tag::TRANS_FILE_TRIGGER_FLAGS, [1 << 16])
                .u32s(Tag::TRANS_FILE_TRIGGER_PRIORITIES, [2_000_000]);
        });
        let triggers = triggers(&header);
        assert_eq!(triggers.len(), 3);
        assert_eq!((&triggers[0].conditions[0].name[..], &triggers[0].conditions[0].version[..]), ("glibc", "2.34"));
        assert_eq!(triggers[1].conditions.len(), 2);
        assert!(triggers[1].script.is_lua());
        assert!(triggers[1].conditions[1].flags.contains(TriggerFlags::UN));
        assert_eq!((triggers[2].kind, triggers[2].priority), (TriggerKind::TransactionFile, 2_000_000));
        assert_eq!(triggers[2].script.interpreter, ["/bin/sh"]);
        assert_eq!(triggers[0].priority, DEFAULT_PRIORITY);
    }
}
