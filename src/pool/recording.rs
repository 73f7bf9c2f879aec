//! Recordings of packages for later insertion into a pool. Each thread that reads a part of an
//! index uses a [`Recorder`]. The recordings are then replayed on the pool in the order of the
//! index. The result does not depend on the number of threads.
//!
//! Interning takes half the time of reading an index, most of it waiting for memory. Replaying
//! interns thousands of strings and dependencies at once, so that memory accesses overlap.

use super::{Checksum, Dependency, DependencyId, Kind, Op, Package, PoolBuilder, RepoId, RichOp, StringId};
use crate::digest::Algorithm;

/// A receiver of packages. For each package, it takes the dependencies and files, then the package
/// itself.
pub trait Intake {
    /// Returns the id of a string.
    fn intern(&mut self, text: &str) -> StringId;

    /// Returns the id of the dependency `name op version`.
    fn dependency_of(&mut self, name: StringId, op: Op, version: StringId) -> DependencyId;

    /// Returns the id of the rich dependency `(left op right)`.
    fn rich_dependency(&mut self, left: DependencyId, op: RichOp, right: DependencyId) -> DependencyId;

    /// Adds a dependency to the current package.
    fn add_dependency(&mut self, kind: Kind, dependency: DependencyId);

    /// Adds a file, as an absolute path, to the current package.
    fn add_file(&mut self, path: StringId);

    /// Finishes the current package with the dependencies and files added so far. It provides its
    /// own name and version.
    fn finish_package(&mut self, repo: RepoId, package: Package<'_>);

    /// Discards the dependencies and files of the current package.
    fn discard_package(&mut self);

    /// Returns the id of the dependency `name op version`; with [`Op::ANY`], ignores the version.
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

/// A recorder of packages. Its ids are only valid for this recorder: string ids until the recording
/// is taken, dependency ids always.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    /// Number of dependencies in the recordings that were taken.
    dependencies: usize,
}

/// Recorded packages, in order. The memory can be reused for another recording.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// Number of the recorder.
    recorder: usize,
    /// All strings, concatenated.
    text: String,
    /// Length of each string, in bytes.
    lengths: Vec<u32>,
    dependencies: Vec<Dependency>,
    steps: Vec<Step>,
    /// One for each [`Step::Finish`].
    packages: Vec<Finished>,
    /// Digests of the packages, concatenated.
    digests: Vec<u8>,
}

/// A recorded package.
#[derive(Clone, Copy, Debug)]
struct Finished {
    repo: RepoId,
    /// The package without its checksum.
    package: Package<'static>,
    /// Algorithm and length in bytes of the checksum.
    checksum: Option<(Algorithm, usize)>,
}

/// A recorded call. Ids are those of the recorder.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(Kind, DependencyId),
    File(StringId),
    Finish,
    Discard,
}

impl Recorder {
    /// Creates a recorder. `number` distinguishes the recorders of an index; numbers start at 0.
    pub(crate) fn new(number: usize) -> Self {
        Self { recording: Recording { recorder: number, ..Recording::default() }, dependencies: 0 }
    }

    /// Returns the recording since the last call, and continues with the memory of `spare`.
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

/// A replay of recordings on a pool builder. Recordings of one recorder must be replayed in the
/// order in which they were taken.
#[derive(Debug)]
pub(crate) struct Replay<'b> {
    builder: &'b mut PoolBuilder,
    /// The pool's id of each string in the recording; the first is the empty string.
    strings: Vec<StringId>,
    /// For each recorder, the pool's id of each of its dependencies.
    dependencies: Vec<Vec<DependencyId>>,
    /// Plain dependencies to be interned together.
    plain: Vec<Dependency>,
}

impl<'b> Replay<'b> {
    pub(crate) fn new(builder: &'b mut PoolBuilder) -> Self {
        Self { builder, strings: Vec::new(), dependencies: Vec::new(), plain: Vec::new() }
    }

    /// Replays a recording.
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
                // Both sides have been recorded before, so they must be interned by now.
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
