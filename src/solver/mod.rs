//! The dependency solver: a conflict-driven clause-learning (CDCL) solver over a
//! [`Pool`](crate::pool::Pool) of packages.
//!
//! Input: a pool and a [`Request`]. Output: a [`Solution`] with the reason for each package, or
//! [`Unsolvable`] with the facts that contradict each other. The solver does no I/O and reads no
//! clock. A [`Solver`] reuses its memory from one request to the next; the same request always has
//! the same answer.
//!
//! The answers are those of libsolv with the flags that dnf sets:
//! - `generate`, `jobs` and `rich` turn a request into clauses.
//! - `search` and `weak` make decisions in libsolv's order; `propagate` and `learn` derive the
//!   consequences.
//! - `policy` chooses among several candidates.
//! - `explain` reports why a request has no solution.
//! - `minimize` uses the same rules to find the smallest set of packages.
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
