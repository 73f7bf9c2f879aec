//! Tests of the command line: the real binary on the fixtures and on real data, its exit codes,
//! messages and trees.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells why it was skipped")]

mod advisories;
mod almalinux;
mod alpine;
mod at_once;
mod audit;
mod audit_report;
mod bad_input;
mod bootstrap;
#[path = "../rpm_packages/builder.rs"]
#[allow(dead_code, reason = "packages made for other tests too")]
mod builder;
mod cache;
mod change;
mod choice;
mod closing;
mod command_word;
mod dbpath;
mod diff;
mod disk;
mod forms;
mod hints;
mod installable;
mod installation;
mod interrupt;
mod keys;
mod lock;
mod lock_moves;
mod machine;
mod made;
mod minimize;
mod mirror;
mod network;
mod not_looked_at;
mod oci;
mod ordinary_user;
mod outputs;
mod page;
mod paths;
mod place;
mod queries;
mod real_apk;
mod removal;
mod resolve;
mod rpm_repository;
mod sbom;
mod server;
mod subjects;
mod tar;
mod threats;
mod universes;
mod why;
