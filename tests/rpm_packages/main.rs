//! Packages of every kind and every kind of damage: what is opened, what is refused and why.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

mod builder;
mod damage;
mod key_files;
mod payloads;
mod policy;
mod post_quantum;
mod signatures;
