//! The smallest set of a request, next to the ordinary one.

use std::time::{Duration, Instant};

use super::keyrings::Keyrings;
use super::resolve::{Request, ResolveError, Unresolved, plan_of, report_idle_filters};
use super::source::{Gathered, Source};
use crate::ecosystem::{Ask, Chooser, Ecosystem, Goal, Operation, Refusal};
use crate::fetch::Fetcher;
use crate::pool::Pool;
use crate::reporter::{Phase, Reporter};
use crate::transaction::plan::Plan;

/// The smallest set of a request, and the ordinary choice.
#[derive(Debug)]
pub struct Minimized {
    /// All available packages.
    pub pool: Pool,
    /// The ordinary choice.
    pub ordinary: Plan,
    /// The ordinary choice without weak dependencies, if the request follows them.
    pub without_weak: Option<Plan>,
    /// The smallest set.
    pub smallest: Plan,
    /// Measure of the required packages in the smallest set.
    pub measure: u64,
    /// Proven lower bound for the measure of every set.
    pub at_least: u64,
    /// Duration of the search.
    pub took: Duration,
}

/// Options of the search for the smallest set.
#[derive(Clone, Debug)]
pub struct Minimizing {
    /// The request that the set has to satisfy; it may leave out weak dependencies.
    pub ask: Ask,
    /// The quantity to minimize.
    pub goal: Goal,
    /// Time limit of the search. After it, the smallest set found so far is the result.
    pub limit: Duration,
}

/// Reads the repositories, chooses the packages of the request, and searches for the smallest set.
/// The set is `None` if the ecosystem does not support this search.
pub fn minimize<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    minimizing: &Minimizing,
    keyring: &Keyrings<E::Keyring>,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
) -> Result<Option<Minimized>, ResolveError> {
    let Minimizing { ask, goal, limit } = minimizing;
    let mut source = Source::open(ecosystem, request, keyring, fetcher, reporter)?;
    let refused = |pool, refusal, hints| ResolveError::Unsolvable(Box::new(Unresolved { pool, refusal, hints }));
    loop {
        let Gathered { pool, .. } = source.gather()?;
        reporter.begin(Phase::Resolve, None, None);
        let mut chooser = ecosystem.chooser(&pool, &source.state);
        let ordinary = chooser.choose(&request.ask);
        let without_weak = (!same_weak(&request.ask, ask)).then(|| chooser.choose(ask));
        let begin = Instant::now();
        let smallest = chooser.minimize(ask, *goal, &|| begin.elapsed() > *limit);
        let took = begin.elapsed();
        let lacked = chooser.take_lacked_paths();
        drop(chooser);
        if source.ask_for_paths(lacked, &pool) {
            continue;
        }
        reporter.finish(Phase::Metadata, "");
        report_idle_filters(ecosystem, &pool, &source.state, ask, reporter);
        let hints = |chooser: &mut dyn Chooser, ask: &Ask| chooser.hints(ask);
        let told = |refusal: Box<dyn Refusal>, ask: &Ask| {
            let hints = hints(&mut *ecosystem.chooser(&pool, &source.state), ask);
            (refusal, hints)
        };
        let choices = match (ordinary, smallest) {
            (Err(refusal), _) => Err(told(refusal, &request.ask)),
            (Ok(_), None) => return Ok(None),
            (Ok(_), Some(Err(refusal))) => Err(told(refusal, ask)),
            (Ok(ordinary), Some(Ok(smallest))) => Ok((ordinary, smallest)),
        };
        reporter.finish(Phase::Resolve, "");
        return match choices {
            Err((refusal, hints)) => Err(refused(pool, refusal, hints)),
            Ok((ordinary, smallest)) => Ok(Some(Minimized {
                ordinary: plan_of(ecosystem, request, &pool, &ordinary),
                without_weak: without_weak.and_then(Result::ok).map(|choice| plan_of(ecosystem, request, &pool, &choice)),
                smallest: plan_of(ecosystem, request, &pool, &smallest.choice),
                measure: smallest.measure,
                at_least: smallest.at_least,
                took,
                pool,
            })),
        };
    }
}

/// Reports whether two requests follow weak dependencies in the same steps.
fn same_weak(one: &Ask, other: &Ask) -> bool {
    let weak = |ask: &Ask| match &ask.operation {
        Operation::Fill(steps) => steps.iter().map(|step| step.options.weak_deps).collect::<Vec<_>>(),
        Operation::Change(changing) => vec![changing.options.weak_deps],
    };
    weak(one) == weak(other)
}
