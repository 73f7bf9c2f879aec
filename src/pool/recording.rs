//! Packages taken down to be put into a pool later: threads that read parts of an index tell a [`Recorder`] each, and what they recorded is
//! carried out on the pool in the order of the index. The pool is then the same however many threads there were.
//!
//! Interning is half of the work of reading an index, and waits for memory most of the time. Here it is done for some thousand strings and
//! dependencies at once, so that the memory answers to several at a time.

use super::{Checksum, Dependency, DependencyId, Kind, Op, Package, PoolBuilder, RepoId, RichOp, StringId};
use crate::digest::Algorithm;

/// What takes packages in: for each, its dependencies and files as they come, then the package.
pub trait Intake {
    /// The id of a string.
    fn intern(&mut self, text: &str) -> StringId;

    /// The id of the dependency `name op version`.
    fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId;

    /// The id of the rich dependency `(left op right)`.
    fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId;

    /// Adds a dependency to the package that is being taken in.
    fn add_dependency(&mut self, kind: Kind, dependency: DependencyId);

    /// Adds a file (its absolute path) to the package that is being taken in.
    fn add_file(&mut self, path: StringId);

    /// Ends the package whose dependencies and files were added since the last. It provides its own name and version.
    fn finish_package(&mut self, repo: RepoId, package: Package<'_>);

    /// Forgets the dependencies and files that were added since the last package.
    fn discard_package(&mut self);

    /// The id of the dependency `name op version`; with [`Op::ANY`] the version is not looked at.
    fn dependency(&mut self, name: &str, op: Op, version: &str) -> DependencyId {
        let (name, version) = (self.intern(name), if op.is_any() { StringId::EMPTY } else { self.intern(version) });
        self.dependency_of(name, op, version)
    }
}

impl Intake for PoolBuilder {
    fn intern(&mut self, text: &str) -> StringId {
        self.intern(text)
    }

    fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId {
        self.dependency_of(name, op, version)
    }

    fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId {
        self.rich_dependency(left, op, right)
    }

    fn add_dependency(&mut self, kind: Kind, dependency: DependencyId) {
        self.add_dependency(kind, dependency);
    }

    fn add_file(&mut self, path: StringId) {
        self.add_file(path);
    }

    fn finish_package(&mut self, repo: RepoId, package: Package<'_>) {
        self.finish_package(repo, package);
    }

    fn discard_package(&mut self) {
        self.discard_package();
    }
}

/// Takes packages down. The ids that it gives are good for it alone: those of strings until the recording is taken, those of dependencies
/// for good.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    /// How many dependencies were told in the recordings that were taken.
    dependencies: usize,
}

/// What was told of some packages, in order. It can be recorded over, which saves asking for memory.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// The number of the recorder.
    recorder: usize,
    /// All strings, one after another.
    text: String,
    /// Of each string.
    lengths: Vec<u32>,
    dependencies: Vec<Dependency>,
    steps: Vec<Step>,
    /// One a finish.
    packages: Vec<Finished>,
    /// Of the packages' checksums, one after another.
    digests: Vec<u8>,
}

/// A package that was told of.
#[derive(Clone, Copy, Debug)]
struct Finished {
    repo: RepoId,
    /// Without its checksum.
    package: Package<'static>,
    /// Of which algorithm its checksum is, and how many bytes it has.
    checksum: Option<(Algorithm, usize)>,
}

/// What was told of packages. Ids are the recorder's.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(Kind, DependencyId),
    File(StringId),
    Finish,
    Discard,
}

impl Recorder {
    /// A recorder; `number` tells it from the others of the same index. They count from nought.
    pub(crate) fn new(number: usize) -> Self {
        Self { recording: Recording { recorder: number, ..Recording::default() }, dependencies: 0 }
    }

    /// Gives what was recorded since the last time, in exchange for a recording that may be overwritten.
    pub(crate) fn take(&mut self, mut spare: Recording) -> Recording {
        self.dependencies += self.recording.dependencies.len();
        spare.text.clear();
        spare.lengths.clear();
        spare.dependencies.clear();
        spare.steps.clear();
        spare.packages.clear();
        spare.digests.clear();
        spare.recorder = self.recording.recorder;
        std::mem::replace(&mut self.recording, spare)
    }

    fn dependency_id(&mut self, dependency: Dependency) -> DependencyId {
        self.recording.dependencies.push(dependency);
        DependencyId::from_index(self.dependencies + self.recording.dependencies.len() - 1)
    }
}

impl Intake for Recorder {
    fn intern(&mut self, text: &str) -> StringId {
        if text.is_empty() {
            return StringId::EMPTY;
        }
        self.recording.text.push_str(text);
        self.recording.lengths.push(text.len() as u32);
        StringId::from_index(self.recording.lengths.len())
    }

    fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId {
        self.dependency_id(Dependency::Plain { name, op, version })
    }

    fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId {
        self.dependency_id(Dependency::Rich { op, left, right })
    }

    fn add_dependency(&mut self, kind: Kind, dependency: DependencyId) {
        self.recording.steps.push(Step::Add(kind, dependency));
    }

    fn add_file(&mut self, path: StringId) {
        self.recording.steps.push(Step::File(path));
    }

    fn finish_package(&mut self, repo: RepoId, package: Package<'_>) {
        let checksum = package.checksum.map(|checksum| {
            self.recording.digests.extend_from_slice(checksum.bytes);
            (checksum.kind, checksum.bytes.len())
        });
        self.recording.packages.push(Finished { repo, package: Package { checksum: None, ..package }, checksum });
        self.recording.steps.push(Step::Finish);
    }

    fn discard_package(&mut self) {
        self.recording.steps.push(Step::Discard);
    }
}

/// Carries recordings out on a pool that is being built. Those of one recorder have to come in the order in which they were taken.
#[derive(Debug)]
pub(crate) struct Replay<'b> {
    builder: &'b mut PoolBuilder,
    /// The pool's id of each of the recording's strings; the first is the empty one.
    strings: Vec<StringId>,
    /// Of each recorder, the pool's id of each of its dependencies.
    dependencies: Vec<Vec<DependencyId>>,
    /// Dependencies that are interned at once.
    plain: Vec<Dependency>,
}

impl<'b> Replay<'b> {
    pub(crate) fn new(builder: &'b mut PoolBuilder) -> Self {
        Self { builder, strings: Vec::new(), dependencies: Vec::new(), plain: Vec::new() }
    }

    /// Carries a recording out.
    pub(crate) fn carry_out(&mut self, recording: &Recording) {
        self.strings.clear();
        self.strings.push(StringId::EMPTY);
        let mut rest = recording.text.as_str();
        let texts = recording.lengths.iter().map(|&length| {
            let (text, others) = rest.split_at(length as usize);
            rest = others;
            text
        });
        self.builder.intern_all(texts, &mut self.strings);
        if self.dependencies.len() <= recording.recorder {
            self.dependencies.resize_with(recording.recorder + 1, Vec::new);
        }
        self.intern_dependencies(recording);
        self.take_steps(recording);
    }

    fn intern_dependencies(&mut self, recording: &Recording) {
        let Self { builder, strings, dependencies, plain } = self;
        let ids = &mut dependencies[recording.recorder];
        for &dependency in &recording.dependencies {
            match dependency {
                Dependency::Plain { name, op, version } => {
                    plain.push(Dependency::Plain { name: strings[name.index()], op, version: strings[version.index()] });
                }
                // Its sides were told before, so they have to be interned by now.
                Dependency::Rich { op, left, right } => {
                    builder.intern_dependencies(plain, ids);
                    plain.clear();
                    ids.push(builder.rich_dependency(ids[left.index()], op, ids[right.index()]));
                }
            }
        }
        builder.intern_dependencies(plain, ids);
        plain.clear();
    }

    fn take_steps(&mut self, recording: &Recording) {
        let Self { builder, strings, dependencies, .. } = self;
        let ids = &dependencies[recording.recorder];
        let string = |id: StringId| strings[id.index()];
        let mut packages = recording.packages.iter();
        let mut digests = recording.digests.as_slice();
        for &step in &recording.steps {
            match step {
                Step::Add(kind, dependency) => builder.add_dependency(kind, ids[dependency.index()]),
                Step::File(path) => builder.add_file(string(path)),
                Step::Discard => builder.discard_package(),
                Step::Finish => {
                    let Some(&Finished { repo, package, checksum }) = packages.next() else { continue };
                    let checksum = checksum.map(|(kind, length)| {
                        let (bytes, others) = digests.split_at(length);
                        digests = others;
                        Checksum { kind, bytes }
                    });
                    let package = Package {
                        name: string(package.name),
                        version: string(package.version),
                        arch: string(package.arch),
                        location: string(package.location),
                        vendor: string(package.vendor),
                        source: string(package.source),
                        license: string(package.license),
                        checksum,
                        ..package
                    };
                    builder.finish_package(repo, package);
                }
            }
        }
    }
}
