//! Tests of malicious packages signed by a trusted key: they are refused, or change nothing outside
//! of the root.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells what it tried")]
#![allow(missing_docs, unreachable_pub, reason = "modules of an example are among these")]

mod apk;
mod bombs;
mod canary;
mod case;
mod command;
mod generated;
mod install;
mod item;
mod measure;
mod outputs;
mod pack;
mod random;
mod repository;
mod rpm;
mod threats;
