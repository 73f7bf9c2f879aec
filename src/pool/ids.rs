//! Ids of everything in the pool: dense numbers that index the pool's arrays.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Defines an id: a dense `u32` with its index.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, Immutable)]
        #[repr(transparent)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// Returns the index of this id in the pool's arrays.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Returns the id with an index. Ids are dense and start at 0.
            pub const fn from_index(index: usize) -> Self {
                Self(index as u32)
            }
        }

        impl From<$name> for u32 {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id! {
    /// An interned string. Equal strings of a pool have equal ids; the empty string is
    /// [`StringId::EMPTY`].
    StringId
}
id! {
    /// A package in the pool.
    SolvableId
}
id! {
    /// A repository of the pool.
    RepoId
}
id! {
    /// An interned dependency: a name with a constraint, or a rich dependency over two others.
    DependencyId
}

impl StringId {
    /// The empty string, which every pool contains.
    pub const EMPTY: Self = Self(0);

    /// Reports whether this is the empty string.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
