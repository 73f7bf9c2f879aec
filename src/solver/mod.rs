//! Which packages? A conflict-driven clause-learning solver over a [`Pool`](crate::pool::Pool), written for packages.
//!
//! In: a pool and a [`Request`]. Out: a [`Solution`] with the reason of each package, or [`Unsolvable`], the facts that
//! stand against it. It does no I/O, reads no clock and has no state but its own memory, which a [`Solver`] keeps from one
//! request to the next; the same request always has the same answer.
//!
//! The answers are those of libsolv with the flags that dnf sets: a request becomes clauses (`generate`, `jobs`, `rich`),
//! decisions are made and their consequences drawn (`propagate`, `learn`) in libsolv's order (`search`, `weak`), among several
//! candidates `policy` chooses, and what cannot be done is told by `explain`. `minimize` is another question to the same rules: which set is
//! the smallest.
//!
//! ```
//! use rootstrap::rpm::{architecture, universe};
//! use rootstrap::solver::{Job, Request, Solver};
//!
//! let pool = universe::parse(
//!     "bash    5.1.8-6.el9  provides /bin/sh  requires libc.so.6()(64bit)
//!      busybox 1.35.0-1.el9 provides /bin/sh
//!      glibc   2.34-83.el9  provides libc.so.6()(64bit)
//!      setup   2.13.7-9.el9 requires bash",
//!     &architecture::compatible("x86_64"),
//! )?;
//! let setup = pool.find("setup").map(|name| pool.named(name).to_vec()).unwrap_or_default();
//! let solution = Solver::new(&pool).solve(&Request::new([Job::install("setup", setup)])).unwrap();
//! let names: Vec<&str> = solution.packages.iter().map(|&id| pool.solvable(id).name()).collect();
//! assert_eq!(names, ["bash", "glibc", "setup"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod best;
mod decisions;
mod engine;
mod explain;
mod generate;
mod give_way;
mod installed;
mod jobs;
mod learn;
mod literal;
mod minimize;
mod order;
mod policy;
mod propagate;
mod request;
mod rich;
mod rules;
mod search;
mod solution;
mod sync;
#[cfg(test)]
mod tests;
mod unneeded;
mod updates;
mod upkeep;
mod weak;

pub use engine::Solver;
pub use explain::{Fact, Problem, Unsolvable};
pub use minimize::Minimum;
pub use request::{Action, Job, Pinned, Request};
pub use rich::holds;
pub use solution::{Reason, Solution};
pub use upkeep::is_identical;
