//! Scriptlets and triggers as data: what a package would have run, when, and by which interpreter.
//!
//! In: a header. Out: [`Scriptlet`]s and [`Trigger`]s. Nothing is run here.

use super::header::Header;
use super::tag::Tag;

/// When a scriptlet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `%pretrans`: before anything of the transaction.
    PreTrans,
    /// `%pre`: before the package's files.
    Pre,
    /// `%post`: after the package's files.
    Post,
    /// `%preun`: before the package's files are removed.
    PreUn,
    /// `%postun`: after the package's files are removed.
    PostUn,
    /// `%posttrans`: after everything of the transaction.
    PostTrans,
    /// `%preuntrans`: before everything of a transaction that removes it.
    PreUnTrans,
    /// `%postuntrans`: after everything of a transaction that removes it.
    PostUnTrans,
    /// `%verifyscript`: in `rpm -V`.
    Verify,
}

impl Phase {
    /// All of them, in the order in which a transaction comes to them.
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

    /// The name in a spec file.
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

    /// The tags of its text, its interpreter and its flags.
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

/// How rpm treats a script before and after it runs (rpmscript.h: `rpmscriptFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags(pub u32);

impl ScriptFlags {
    /// Macros in it are expanded when it runs.
    pub const EXPAND: Self = Self(1);
    /// Query formats in it are expanded when it runs.
    pub const QUERY_FORMAT: Self = Self(1 << 1);
    /// Its failure fails the package.
    pub const CRITICAL: Self = Self(1 << 2);

    /// Whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A script with the program that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The program and its arguments; `<lua>` is rpm's own interpreter. Never empty.
    pub interpreter: Vec<String>,
    /// The text; empty where the interpreter alone is run.
    pub text: Vec<u8>,
    /// How it is treated.
    pub flags: ScriptFlags,
}

impl Script {
    /// Whether rpm's own Lua runs it.
    pub fn is_lua(&self) -> bool {
        self.interpreter.first().is_some_and(|program| program == "<lua>")
    }

    fn new(interpreter: Vec<String>, text: &[u8], flags: u32) -> Self {
        // What names no interpreter is for the shell (rpmscript.c).
        let interpreter = if interpreter.is_empty() { vec!["/bin/sh".into()] } else { interpreter };
        Self { interpreter, text: text.to_vec(), flags: ScriptFlags(flags) }
    }
}

/// A scriptlet of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scriptlet {
    /// When it runs.
    pub phase: Phase,
    /// What runs.
    pub script: Script,
}

/// What a trigger waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriggerKind {
    /// Other packages (`%triggerin` and the like).
    Package,
    /// Files below a path, of each package (`%filetriggerin` and the like).
    File,
    /// Files below a path, once a transaction (`%transfiletriggerin` and the like).
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

/// What fires a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Name of a package, or path prefix.
    pub name: String,
    /// Version to compare with, or nothing.
    pub version: String,
    /// The comparison, and the moments at which it fires.
    pub flags: TriggerFlags,
}

/// The comparison and the moments of a trigger (rpmds.h: `rpmsenseFlags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerFlags(pub u32);

impl TriggerFlags {
    /// When what fires it is installed (`%triggerin`, `%filetriggerin`).
    pub const IN: Self = Self(1 << 16);
    /// Before what fires it is removed (`%triggerun`, `%filetriggerun`).
    pub const UN: Self = Self(1 << 17);
    /// After what fires it was removed (`%triggerpostun`, `%filetriggerpostun`).
    pub const POST_UN: Self = Self(1 << 18);
    /// Before what fires it is installed (`%triggerprein`).
    pub const PRE_IN: Self = Self(1 << 25);

    /// Whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A script that waits for other packages or for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What it waits for.
    pub kind: TriggerKind,
    /// What runs.
    pub script: Script,
    /// Of several file triggers, those with higher numbers come first; the default is 1,000,000.
    pub priority: u32,
    /// Any of these fires it.
    pub conditions: Vec<Condition>,
}

/// The priority of a file trigger that names none (rpmtriggers.h).
const DEFAULT_PRIORITY: u32 = 1_000_000;

fn text(string: &[u8]) -> String {
    String::from_utf8_lossy(string).into_owned()
}

/// The scriptlets of a header, in the order of [`Phase::ALL`].
pub fn scriptlets(header: &Header) -> Vec<Scriptlet> {
    let of = |phase: Phase| {
        let (body, program, flags) = phase.tags();
        // An interpreter without a text is run with nothing on its input: `%post -p /sbin/ldconfig`.
        if !header.has(body) && !header.has(program) {
            return None;
        }
        let interpreter = header.strings(program).map(text).collect();
        let script = Script::new(interpreter, header.string(body).unwrap_or_default(), header.u32(flags).unwrap_or(0));
        Some(Scriptlet { phase, script })
    };
    Phase::ALL.into_iter().filter_map(of).collect()
}

/// The triggers of a header, of each kind in the header's order.
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
    // A condition that points to no script fires nothing.
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
