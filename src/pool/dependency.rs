//! Interned dependencies: a name with a constraint, or a rich dependency over two others.

use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::ops::BitOr;

use rustc_hash::FxHasher;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::image::{ImageError, Reader, Writer, check, sections};
use super::{DependencyId, StringId};

/// A version operator: a set of `<`, `=`, `>`, and `~` (apk's "begins with"). The empty set allows
/// any version.
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
    /// `~`: equal up to the length given (apk).
    pub const FUZZY: Self = Self(8);
    /// `<=`
    pub const LESS_EQUAL: Self = Self(3);
    /// `>=`
    pub const GREATER_EQUAL: Self = Self(6);
    /// `!`: met if the rest of it is not (apk, in `install_if`). Such a dependency has no
    /// candidates.
    pub const NOT: Self = Self(16);
    /// Invalid syntax that no package meets: packages that require it cannot be installed (apk).
    pub const INVALID: Self = Self(32);

    /// Reports whether all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reports whether there is no constraint.
    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without the elements of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the operator as text, such as `>=`; empty for any version. `!` is not included, as
    /// it precedes the name.
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

/// The operator of a rich dependency. `(A if B else C)` is `If(A, Else(B, C))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RichOp {
    /// Both sides must hold.
    And,
    /// Either side must hold.
    Or,
    /// The left side must hold if the right holds.
    If,
    /// The left side must hold unless the right holds.
    Unless,
    /// The alternative of an `If` or `Unless`; only allowed in their right side.
    Else,
    /// One package must provide both sides.
    With,
    /// One package must provide the left side and not the right.
    Without,
}

/// A dependency of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// `name op version`.
    Plain {
        /// The name of a capability, package or path.
        name: StringId,
        /// The version operator; [`Op::ANY`] without a version.
        op: Op,
        /// The version as written; empty without one.
        version: StringId,
    },
    /// `(left op right)`.
    Rich {
        /// The operator between the sides.
        op: RichOp,
        /// The left side.
        left: DependencyId,
        /// The right side.
        right: DependencyId,
    },
}

/// The kinds of dependency lists of a package.
///
/// The order is that of the ranges in the pool: all requirements are contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Capabilities that the package provides, always including its own name and version.
    Provides,
    /// Requirements at run time.
    Requires,
    /// Requirements that must be met before the installation (`Requires(pre)`, `Requires(post)`).
    /// They must also be met at run time.
    PreRequires,
    /// Conflicting packages.
    Conflicts,
    /// Packages, by their names, that this package replaces.
    Obsoletes,
    /// Packages that are installed with it where possible.
    Recommends,
    /// Packages that are useful together with it.
    Suggests,
    /// If these are installed, this package is installed too where possible.
    Supplements,
    /// If these are installed, this package is useful with them.
    Enhances,
    /// If all of these are installed, this package is installed automatically (apk's `install_if`).
    InstallIf,
    /// Packages whose files it may overwrite (apk's `replaces`).
    Replaces,
    /// Requirements and conflicts (with [`Op::NOT`]) again, in the order in which they are written.
    /// Only set for packages that have conflicts, in ecosystems where the order matters (apk).
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

    /// Number of kinds.
    pub(super) const COUNT: usize = Self::ALL.len();
}

/// The stored form of a [`Dependency`]: three plain words.
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
    /// All dependencies, without duplicates.
    StoredTable, StoredView {
        stored: Stored,
    }
}

/// Interned dependencies, read-only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dependencies<'a>(StoredView<'a>);

/// Dependencies that are being interned.
#[derive(Clone, Debug)]
pub(super) struct DependencyTable {
    all: StoredTable,
    /// Hash table with `id + 1` or 0 in each slot. The length is a power of two; the table is never
    /// more than half full.
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

    /// Fails if an id is out of bounds.
    pub(super) fn check(self, strings: usize) -> Result<(), ImageError> {
        const WHAT: &str = "dependencies";
        let Self(view) = self;
        // The sides of a rich dependency have lower ids, so that none contains itself.
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

    /// Returns the id of a dependency, or the slot in which it belongs.
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

    /// Prefetches the memory for interning these dependencies.
    pub(super) fn look_ahead(&self, dependencies: impl Iterator<Item = Dependency>) {
        let mask = self.table.len() - 1;
        let seen = dependencies.fold(0, |seen, dependency| {
            let place = self.table[hash(dependency.into()) & mask].saturating_sub(1);
            seen ^ self.all.stored.get(place as usize).map_or(0, |stored| stored.left)
        });
        std::hint::black_box(seen);
    }
}

/// Doubles the length of a hash table (a power of two) and inserts each `id + 1` again by its hash.
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
