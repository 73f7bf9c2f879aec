//! Dependencies: a name with a constraint, or a rich dependency over two others; each is kept once.

use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::ops::BitOr;

use rustc_hash::FxHasher;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::image::{ImageError, Reader, Writer, check, sections};
use super::{DependencyId, StringId};

/// How a dependency's version is meant: a set of `<`, `=`, `>`, and `~` (apk's "begins with"). Empty: any version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Op(u8);

impl Op {
    /// No constraint.
    pub const ANY: Self = Self(0);
    /// `<`
    pub const LESS: Self = Self(1);
    /// `=`
    pub const EQUAL: Self = Self(2);
    /// `>`
    pub const GREATER: Self = Self(4);
    /// `~`: the same up to the length given (apk).
    pub const FUZZY: Self = Self(8);
    /// `<=`
    pub const LESS_EQUAL: Self = Self(3);
    /// `>=`
    pub const GREATER_EQUAL: Self = Self(6);
    /// `!`: met where the rest of it is not (apk, in `install_if`). No package is a candidate of such a dependency.
    pub const NOT: Self = Self(16);
    /// What was written makes no sense, and nothing meets it: whoever requires it cannot be installed (apk).
    pub const INVALID: Self = Self(32);

    /// Whether all of `other` is in this.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is no constraint.
    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// All of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All of it but what is in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// As it is written: `>=`; empty for any. `!` stands before the name and is not told.
    pub const fn text(self) -> &'static str {
        match self.without(Self(48)).0 {
            1 => "<",
            2 => "=",
            3 => "<=",
            4 => ">",
            5 => "><",
            6 => ">=",
            8 | 10 => "~",
            9 | 11 => "<~",
            12 | 14 => ">~",
            _ => "",
        }
    }
}

impl BitOr for Op {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How a rich dependency joins its two sides. `(A if B else C)` is `If(A, Else(B, C))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RichOp {
    /// Both.
    And,
    /// Either.
    Or,
    /// The left if the right is there.
    If,
    /// The left unless the right is there.
    Unless,
    /// The alternative of an `If` or `Unless`; stands only in their right side.
    Else,
    /// One package that gives both.
    With,
    /// One package that gives the left and not the right.
    Without,
}

/// A dependency of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// `name op version`.
    Plain {
        /// The capability, package or path.
        name: StringId,
        /// How the version is meant; [`Op::ANY`] without one.
        op: Op,
        /// The version as written; empty without one.
        version: StringId,
    },
    /// `(left op right)`.
    Rich {
        /// How the sides are joined.
        op: RichOp,
        /// The left side.
        left: DependencyId,
        /// The right side.
        right: DependencyId,
    },
}

/// The kinds of dependency lists that a package has.
///
/// The order is that of their runs in the pool: all that is required lies together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// What the package gives. Its own name and version are among it without being told.
    Provides,
    /// What must be there when it is used.
    Requires,
    /// What must be there already when it is installed (`Requires(pre)`, `Requires(post)`); it is required as well.
    PreRequires,
    /// What must not be there.
    Conflicts,
    /// Which packages (by their names) it replaces.
    Obsoletes,
    /// What is installed with it where possible.
    Recommends,
    /// What would go well with it.
    Suggests,
    /// With what it is installed where possible.
    Supplements,
    /// With what it would go well.
    Enhances,
    /// With what (all of it) it is installed by itself (apk's `install_if`).
    InstallIf,
    /// Whose files it may overwrite (apk's `replaces`).
    Replaces,
    /// What it requires and what it conflicts with (with [`Op::NOT`]), once more and in the order in which it is written; told only of
    /// packages that conflict with something and only where that order counts (apk).
    Ordered,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Self; 12] = [
        Self::Provides,
        Self::Requires,
        Self::PreRequires,
        Self::Conflicts,
        Self::Obsoletes,
        Self::Recommends,
        Self::Suggests,
        Self::Supplements,
        Self::Enhances,
        Self::InstallIf,
        Self::Replaces,
        Self::Ordered,
    ];

    /// How many kinds there are.
    pub(super) const COUNT: usize = Self::ALL.len();
}

/// The pool's form of a [`Dependency`]: three plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct Stored {
    /// An [`Op`], or [`RICH`] and a [`RichOp`].
    op: u32,
    left: u32,
    right: u32,
}

const RICH: u32 = 0x100;
const RICH_OPS: [RichOp; 7] = [RichOp::And, RichOp::Or, RichOp::If, RichOp::Unless, RichOp::Else, RichOp::With, RichOp::Without];

impl From<Dependency> for Stored {
    fn from(dependency: Dependency) -> Self {
        match dependency {
            Dependency::Plain { name, op, version } => Self { op: u32::from(op.0), left: name.0, right: version.0 },
            Dependency::Rich { op, left, right } => Self { op: RICH | op as u32, left: left.0, right: right.0 },
        }
    }
}

impl From<Stored> for Dependency {
    fn from(stored: Stored) -> Self {
        if stored.op & RICH == 0 {
            let (name, version) = (StringId(stored.left), StringId(stored.right));
            return Self::Plain { name, op: Op(stored.op as u8), version };
        }
        let op = RICH_OPS[(stored.op & 0xff) as usize % RICH_OPS.len()];
        Self::Rich { op, left: DependencyId(stored.left), right: DependencyId(stored.right) }
    }
}

sections! {
    /// Dependencies, once each.
    StoredTable, StoredView {
        stored: Stored,
    }
}

/// Dependencies that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dependencies<'a>(StoredView<'a>);

/// Dependencies that are taken in.
#[derive(Clone, Debug)]
pub(super) struct DependencyTable {
    all: StoredTable,
    /// To find them: a power of two of slots, `id + 1` or nought; never more than half full.
    table: Vec<u32>,
}

impl Default for DependencyTable {
    fn default() -> Self {
        Self { all: StoredTable::default(), table: vec![0; 1 << 10] }
    }
}

fn hash(stored: Stored) -> usize {
    let mut hasher = FxHasher::default();
    stored.hash(&mut hasher);
    hasher.finish() as usize
}

impl<'a> Dependencies<'a> {
    pub(super) fn len(self) -> usize {
        self.0.stored.len()
    }

    pub(super) fn get(self, id: DependencyId) -> Dependency {
        self.0.stored[id.index()].into()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (DependencyId, Dependency)> + Clone + use<'a> {
        self.0.stored.iter().enumerate().map(|(index, &stored)| (DependencyId::from_index(index), stored.into()))
    }

    pub(super) fn find(self, dependency: Dependency) -> Option<DependencyId> {
        let wanted = dependency.into();
        self.0.stored.iter().position(|&stored| stored == wanted).map(DependencyId::from_index)
    }

    pub(super) fn write<W: Write>(self, writer: &mut Writer<W>) -> io::Result<()> {
        self.0.write(writer)
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        StoredView::read(reader).map(Self)
    }

    /// Whether all that it names is there.
    pub(super) fn check(self, strings: usize) -> Result<(), ImageError> {
        const WHAT: &str = "dependencies";
        let Self(view) = self;
        // The sides of a rich dependency come before it, so that none is a part of itself.
        let fits = |(id, stored): (usize, &Stored)| {
            let limit = if stored.op & RICH == 0 { strings } else { id };
            (stored.left.max(stored.right) as usize) < limit
        };
        check::ensure(WHAT, view.stored.iter().enumerate().all(fits))
    }
}

impl DependencyTable {
    pub(super) fn view(&self) -> Dependencies<'_> {
        Dependencies(self.all.view())
    }

    pub(super) fn intern(&mut self, dependency: Dependency) -> DependencyId {
        let stored = dependency.into();
        let slot = match self.slot(stored) {
            Ok(id) => return id,
            Err(slot) => slot,
        };
        let known = &mut self.all.stored;
        let id = DependencyId::from_index(known.len());
        known.push(stored);
        self.table[slot] = id.0 + 1;
        if known.len() * 2 > self.table.len() {
            double(&mut self.table, known.iter().map(|&stored| hash(stored)));
        }
        id
    }

    /// The dependency's id, or the slot where it belongs.
    fn slot(&self, stored: Stored) -> Result<DependencyId, usize> {
        let mask = self.table.len() - 1;
        let mut slot = hash(stored) & mask;
        loop {
            match self.table[slot] {
                0 => return Err(slot),
                taken if self.all.stored[taken as usize - 1] == stored => return Ok(DependencyId(taken - 1)),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Asks the memory for what is looked at when these are interned, for all at once.
    pub(super) fn look_ahead(&self, dependencies: impl Iterator<Item = Dependency>) {
        let mask = self.table.len() - 1;
        let seen = dependencies.fold(0, |seen, dependency| {
            let place = self.table[hash(dependency.into()) & mask].saturating_sub(1);
            seen ^ self.all.stored.get(place as usize).map_or(0, |stored| stored.left)
        });
        std::hint::black_box(seen);
    }
}

/// Makes a table (a power of two of slots) twice as long, in which `id + 1` stands where each hash leads.
pub(super) fn double(table: &mut Vec<u32>, hashes: impl Iterator<Item = usize>) {
    let slots = table.len() * 2;
    table.clear();
    table.resize(slots, 0);
    let mask = slots - 1;
    for (id, hash) in hashes.enumerate() {
        let mut slot = hash & mask;
        while table[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        table[slot] = id as u32 + 1;
    }
}
