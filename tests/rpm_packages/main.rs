//! Tests of packages of every kind and with every kind of damage: which are accepted, and which are
//! refused and why.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

mod builder;
mod damage;
mod key_files;
mod payloads;
mod policy;
mod post_quantum;
mod signatures;
