//! `primary.xml`: reads the packages and their dependencies straight into the pool.
//!
//! Missing and unknown data are treated as in libsolv (`repo_rpmmd.c`): unknown elements are
//! skipped with their contents, a missing architecture is `noarch`, and epoch 0 means no epoch.

use std::io::Read;

use memchr::memchr;

use super::recent::{Entry, Recent};
use super::xml::{self, Element, Handler, Problem};
use crate::digest::Algorithm;
use crate::fetch::below_base;
use crate::metadata::IndexError;
use crate::pool::{Checksum, DependencyId, Intake, Kind, Op, Package, PoolBuilder, RepoId, StringId};
use crate::rpm::dependency;

/// Reads the whole document.
pub(super) fn read(input: impl Read, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
    xml::read(input, &mut Primary::new(builder, &mut Recent::default(), repo, State::Document))
}

/// Reads the rest of a document. An element inside its root `root` begins at `offset`.
pub(super) fn read_on(
    input: impl Read,
    offset: u64,
    root: &str,
    builder: &mut PoolBuilder,
    repo: RepoId,
) -> Result<(), IndexError> {
    xml::read_on(input, offset, root, &mut Primary::new(builder, &mut Recent::default(), repo, State::Metadata))
}

/// The innermost open element that contains other elements.
#[derive(Clone, Copy)]
pub(super) enum State {
    Document,
    Metadata,
    Package,
    Format,
    Dependencies(Kind),
}

/// An element without child elements, by the meaning of its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    /// All data are in the attributes.
    Attributes,
    Name,
    Arch,
    Checksum(Option<Algorithm>),
    License,
    Vendor,
    Source,
    File,
}

/// Handles the events of the document and passes packages to the builder.
pub(super) struct Primary<'b, B> {
    builder: &'b mut B,
    repo: RepoId,
    state: State,
    /// Number of open elements within an unknown element, including itself.
    ignored: usize,
    leaf: Option<Leaf>,
    text: String,
    evr: String,
    draft: Draft,
    recent: &'b mut Recent,
}

/// The package being read.
#[derive(Default)]
struct Draft {
    package: Package<'static>,
    checksum_kind: Option<Algorithm>,
    checksum: Vec<u8>,
    /// True for entries that cannot be installed: source packages, and entries that are not
    /// packages.
    unfit: bool,
}

impl<B: Intake> Handler for Primary<'_, B> {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        if self.ignored > 0 || self.leaf.is_some() {
            self.ignored += 1;
            return Ok(());
        }
        let name = element.name();
        match self.state {
            State::Dependencies(kind) if name == "entry" => {
                self.entry(kind, element)?;
                self.leaf = Some(Leaf::Attributes);
            }
            State::Format => match name {
                "file" => self.begin_leaf(Leaf::File),
                "license" => self.begin_leaf(Leaf::License),
                "vendor" => self.begin_leaf(Leaf::Vendor),
                "sourcerpm" => self.begin_leaf(Leaf::Source),
                _ => match kind_of(name) {
                    Some(kind) => self.state = State::Dependencies(kind),
                    None => self.ignored = 1,
                },
            },
            State::Package => self.start_in_package(name, element)?,
            State::Metadata if name == "package" => self.begin_package(element)?,
            State::Document if name == "metadata" => self.state = State::Metadata,
            State::Document => return Err(format!("expected <metadata>, found <{name}>").into()),
            State::Metadata | State::Dependencies(_) => self.ignored = 1,
        }
        Ok(())
    }

    fn recognize(&mut self, text: &str) -> Option<usize> {
        let State::Dependencies(kind) = self.state else { return None };
        if self.ignored > 0 || self.leaf.is_some() || self.draft.unfit {
            return None;
        }
        // The text of a known tag ends with its only `>`.
        let length = memchr(b'>', text.as_bytes())? + 1;
        let entry = self.recent.get(&text[..length])?;
        self.add_entry(kind, entry);
        Some(length)
    }

    fn wants_text(&self) -> bool {
        self.ignored == 0 && self.leaf.is_some_and(|leaf| leaf != Leaf::Attributes)
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        if self.ignored > 0 {
            self.ignored -= 1;
            return Ok(());
        }
        if let Some(leaf) = self.leaf.take() {
            return self.end_leaf(leaf);
        }
        self.state = match self.state {
            State::Dependencies(_) => State::Format,
            State::Format => State::Package,
            State::Package => {
                self.end_package();
                State::Metadata
            }
            State::Metadata | State::Document => State::Document,
        };
        Ok(())
    }
}

impl<'b, B: Intake> Primary<'b, B> {
    pub(super) fn new(builder: &'b mut B, recent: &'b mut Recent, repo: RepoId, state: State) -> Self {
        let (text, evr, draft) = (String::new(), String::new(), Draft::default());
        Self { builder, repo, state, ignored: 0, leaf: None, text, evr, draft, recent }
    }

    fn begin_leaf(&mut self, leaf: Leaf) {
        self.text.clear();
        self.leaf = Some(leaf);
    }

    fn begin_package(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.state = State::Package;
        self.draft.package = Package { arch: StringId::EMPTY, ..Package::default() };
        self.draft.checksum_kind = None;
        self.draft.unfit = false;
        let unfit = &mut self.draft.unfit;
        // SUSE also lists patterns, products and patches as "packages".
        element.attributes(|name, value| *unfit |= name == "type" && value != "rpm")
    }

    fn start_in_package(&mut self, name: &str, element: &Element<'_>) -> Result<(), Problem> {
        let mut leaf = Leaf::Attributes;
        match name {
            "name" => leaf = Leaf::Name,
            "arch" => leaf = Leaf::Arch,
            "checksum" => {
                let mut kind = None;
                element.attributes(|name, value| {
                    if name == "type" {
                        kind = Algorithm::from_name(value);
                    }
                })?;
                leaf = Leaf::Checksum(kind);
            }
            "format" => {
                self.state = State::Format;
                return Ok(());
            }
            "version" => {
                let mut version = Evr::new(&mut self.evr);
                element.attributes(|name, value| version.attribute(name, value))?;
                version.finish();
                self.draft.package.version = self.builder.intern(&self.evr);
            }
            "time" => {
                let build_time = &mut self.draft.package.build_time;
                element.attributes(|name, value| {
                    if name == "build" {
                        *build_time = value.parse().unwrap_or(0);
                    }
                })?;
            }
            "size" => {
                let package = &mut self.draft.package;
                element.attributes(|name, value| match name {
                    "package" => package.size = value.parse().unwrap_or(0),
                    "installed" => package.installed_size = value.parse().unwrap_or(0),
                    _ => {}
                })?;
            }
            "location" => self.location(element)?,
            _ => {
                self.ignored = 1;
                return Ok(());
            }
        }
        self.begin_leaf(leaf);
        Ok(())
    }

    fn location(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.text.clear();
        let mut base = None;
        let href = &mut self.text;
        element.attributes(|name, value| match name {
            "href" => href.push_str(value),
            "base" if !value.is_empty() => base = Some(value.to_owned()),
            _ => {}
        })?;
        self.draft.package.location = match base {
            Some(base) => self.builder.intern(&below_base(&base, &self.text)),
            None => self.builder.intern(&self.text),
        };
        Ok(())
    }

    fn end_leaf(&mut self, leaf: Leaf) -> Result<(), Problem> {
        let text = self.text.as_str();
        let package = &mut self.draft.package;
        match leaf {
            Leaf::Attributes => {}
            Leaf::File => {
                if !self.draft.unfit {
                    let path = self.builder.intern(text);
                    self.builder.add_file(path);
                }
            }
            Leaf::Name => package.name = self.builder.intern(text.trim()),
            Leaf::Arch => {
                let arch = text.trim();
                self.draft.unfit |= matches!(arch, "src" | "nosrc");
                package.arch = self.builder.intern(arch);
            }
            Leaf::License => package.license = self.builder.intern(text.trim()),
            Leaf::Vendor => package.vendor = self.builder.intern(text.trim()),
            Leaf::Source => package.source = self.builder.intern(text.trim()),
            Leaf::Checksum(kind) => {
                // A checksum with an unknown algorithm cannot be verified, so it is treated as
                // missing.
                if let Some(kind) = kind {
                    let text = text.trim();
                    if !decode_hex(text, kind.length(), &mut self.draft.checksum) {
                        return Err(format!("`{text}` is not a {} checksum", kind.name()).into());
                    }
                }
                self.draft.checksum_kind = kind;
            }
        }
        Ok(())
    }

    fn end_package(&mut self) {
        let draft = &mut self.draft;
        if draft.unfit || draft.package.name.is_empty() {
            self.builder.discard_package();
            return;
        }
        if draft.package.arch.is_empty() {
            draft.package.arch = self.builder.intern("noarch");
        }
        let checksum = draft.checksum_kind.map(|kind| Checksum { kind, bytes: &draft.checksum });
        self.builder.finish_package(self.repo, Package { checksum, ..draft.package });
    }

    /// Adds a dependency.
    fn entry(&mut self, kind: Kind, element: &Element<'_>) -> Result<(), Problem> {
        if self.draft.unfit {
            return Ok(());
        }
        if let Some(entry) = self.read_entry(element)? {
            if element.text().ends_with("/>") {
                self.recent.put(element.text(), entry);
            }
            self.add_entry(kind, entry);
        }
        Ok(())
    }

    fn add_entry(&mut self, kind: Kind, Entry { dependency, pre }: Entry) {
        let kind = if pre && kind == Kind::Requires { Kind::PreRequires } else { kind };
        self.builder.add_dependency(kind, dependency);
    }

    /// Reads an entry of a dependency list. Returns `None` if it has no name.
    fn read_entry(&mut self, element: &Element<'_>) -> Result<Option<Entry>, Problem> {
        let mut name = StringId::EMPTY;
        let mut op = Op::ANY;
        let mut pre = false;
        self.text.clear();
        let mut version = Evr::new(&mut self.evr);
        let (builder, rich) = (&mut *self.builder, &mut self.text);
        element.attributes(|attribute, value| match attribute {
            // A rich dependency has no flags. It is parsed below.
            "name" if value.starts_with('(') => rich.push_str(value),
            "name" => name = builder.intern(value),
            "flags" => op = op_of_flags(value),
            "pre" => pre = matches!(value, "1" | "true" | "True" | "TRUE"),
            _ => version.attribute(attribute, value),
        })?;
        version.finish();
        let dependency = if !self.text.is_empty() {
            self.rich_or_plain(op)
        } else if name.is_empty() {
            return Ok(None);
        } else if op.is_any() || self.evr.is_empty() {
            self.builder.dependency_of(name, Op::ANY, StringId::EMPTY)
        } else {
            let version = self.builder.intern(&self.evr);
            self.builder.dependency_of(name, op, version)
        };
        Ok(Some(Entry { dependency, pre }))
    }

    /// Returns the dependency of a name in parentheses: rich, or else with a plain name.
    fn rich_or_plain(&mut self, op: Op) -> DependencyId {
        if op.is_any()
            && let Ok(rich) = dependency::intern(self.builder, &self.text)
        {
            return rich;
        }
        let op = if self.evr.is_empty() { Op::ANY } else { op };
        self.builder.dependency(&self.text, op, &self.evr)
    }
}

/// `[epoch:]version[-release]` under construction, from attributes in any order.
pub(super) struct Evr<'a> {
    text: &'a mut String,
    /// Start and end offset in `text` of each part.
    epoch: (usize, usize),
    version: (usize, usize),
    release: (usize, usize),
}

impl<'a> Evr<'a> {
    pub(super) fn new(text: &'a mut String) -> Self {
        text.clear();
        Self { text, epoch: (0, 0), version: (0, 0), release: (0, 0) }
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        let part = match name {
            "epoch" if value == "0" => return,
            "epoch" => &mut self.epoch,
            "ver" => &mut self.version,
            "rel" => &mut self.release,
            _ => return,
        };
        *part = (self.text.len(), self.text.len() + value.len());
        self.text.push_str(value);
    }

    /// Replaces `text` with the complete version.
    pub(super) fn finish(self) {
        let parts = self.text.len();
        let copy = |text: &mut String, (start, end): (usize, usize)| text.extend_from_within(start..end);
        if self.epoch.0 < self.epoch.1 {
            copy(self.text, self.epoch);
            self.text.push(':');
        } else if let Some((number, _)) = self.text[self.version.0..self.version.1].split_once(':')
            && !number.is_empty()
            && number.bytes().all(|c| c.is_ascii_digit())
        {
            // A colon in the version does not mark an epoch (libsolv's makeevr_atts).
            self.text.push_str("0:");
        }
        copy(self.text, self.version);
        if self.release.0 < self.release.1 {
            self.text.push('-');
            copy(self.text, self.release);
        }
        self.text.drain(..parts);
    }
}

/// Returns the dependency kind of an element's name.
fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "provides" => Kind::Provides,
        "requires" => Kind::Requires,
        "conflicts" => Kind::Conflicts,
        "obsoletes" => Kind::Obsoletes,
        "recommends" => Kind::Recommends,
        "suggests" => Kind::Suggests,
        "supplements" => Kind::Supplements,
        "enhances" => Kind::Enhances,
        _ => return None,
    })
}

/// Returns the comparison of `flags`. Like libsolv, it accepts `NE`, which rpm does not write, and
/// ignores the version if the flags are unknown.
pub(super) fn op_of_flags(flags: &str) -> Op {
    dependency::op_of_flags(flags).unwrap_or(if flags == "NE" { Op::LESS | Op::GREATER } else { Op::ANY })
}

/// Decodes the hexadecimal `text` into `bytes`. Reports whether it is valid and has `count` bytes.
pub(super) fn decode_hex(text: &str, count: usize, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    let digit = |c: u8| char::from(c).to_digit(16);
    bytes.extend(text.as_bytes().chunks_exact(2).map_while(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)));
    bytes.len() == count && text.len() == 2 * count
}
