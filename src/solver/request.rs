//! What is asked of the solver.

use crate::pool::SolvableId;

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// As it was asked; for explanations.
    pub text: String,
    /// One of these is to be installed; by id.
    pub candidates: Vec<SolvableId>,
    /// Only the best of the candidates will do.
    pub best: bool,
}

impl Job {
    /// To install one of the candidates.
    pub fn install(text: impl Into<String>, mut candidates: Vec<SolvableId>) -> Self {
        candidates.sort_unstable();
        candidates.dedup();
        Self { text: text.into(), candidates, best: false }
    }

    /// The same, but only the best candidate (by repository, architecture and version) will do.
    #[must_use]
    pub fn best(self, best: bool) -> Self {
        Self { best, ..self }
    }
}

/// All that is asked for at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// Packages that must not be installed.
    pub excluded: Vec<SolvableId>,
    /// Whether weak dependencies are followed.
    pub weak_dependencies: bool,
}

impl Request {
    /// The jobs, nothing excluded, weak dependencies not followed.
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        Self { jobs: jobs.into_iter().collect(), ..Self::default() }
    }
}
