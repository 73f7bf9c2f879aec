//! `rpmdb.sqlite`, the database of rpm 4.16 and later: a table of headers, and a table for each index.
//!
//! In: records and their index keys, or the bytes of a file. Out: the bytes of a database file, the same for the same input, or the
//! records. Both happen in memory; nothing is ever written beside a file that is read.
//!
//! Foreign files are read by `SQLite` itself. Ours is written by this room: all is known before the first byte, so that sorting and
//! filling pages once takes a quarter of the time of inserting (of `filesystem` alone there are 17,000 files), and the bytes do not
//! depend on the library's version. `SQLite` is the judge in the tests.
//!
//! Two things are not as rpm leaves them, on purpose. The header does not say "write-ahead log": a file that does cannot be opened on
//! read-only media without a `-shm` file beside it, and rpm changes the mode itself when it first writes (lib/backend/sqlite.c,
//! `sqlite_init`). And there is no `sqlite_stat1`, the query planner's statistics of what rpm happened to ask while it installed.

mod pages;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use reader::read;
pub(super) use writer::write;
