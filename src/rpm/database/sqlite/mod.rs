//! `rpmdb.sqlite`, the database of rpm 4.16 and later: a table of headers, and a table for each
//! index.
//!
//! In: records and their index keys, or the bytes of a file. Out: the bytes of a database file, or
//! the records. The same input gives the same bytes. Both directions work in memory; nothing is
//! written beside a file that is read.
//!
//! `SQLite` itself reads existing files. This module writes new files without it. All data are
//! known in advance, so rows are sorted and each page is filled once. That takes a quarter of the
//! time of inserting (`filesystem` alone has 17,000 files), and the bytes do not depend on the
//! version of the library. The tests use `SQLite` to verify the files.
//!
//! Two details differ from rpm's files on purpose:
//!
//! - The file header does not declare a write-ahead log. Such a file cannot be opened on read-only
//!   media without a `-shm` file beside it. rpm changes the mode itself when it first writes
//!   (lib/backend/sqlite.c, `sqlite_init`).
//! - The table `sqlite_stat1` is missing. It has the query planner's statistics of the queries that
//!   rpm made during the installation.

mod pages;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use reader::read;
pub(super) use writer::write;
