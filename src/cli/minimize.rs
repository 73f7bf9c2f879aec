//! `rootstrap resolve --minimize`: finds the smallest set, and its savings.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{Format, MinimizeBy, ResolveArguments};
use super::failure::Failure;
use super::progress::{bytes, packages};
use super::request::Prepared;
use super::resolve::{human, resolve_failure};
use super::run::{Run, milliseconds};
use crate::bootstrap::{self, Keyrings, Minimized, Minimizing};
use crate::ecosystem::{Ask, Ecosystem, Goal, Measure, Operation};
use crate::transaction::plan::Plan;

/// Returns the smallest set as text.
pub(super) fn smallest<E: Ecosystem>(
    ecosystem: &E,
    prepared: &Prepared,
    arguments: &ResolveArguments,
    by: MinimizeBy,
    run: &Run,
    keyring: &Keyrings<E::Keyring>,
) -> Result<String, Failure> {
    let request = &prepared.request;
    let mut ask: Ask = request.ask.clone();
    if let Operation::Fill(steps) = &mut ask.operation {
        for step in steps {
            step.options.weak_deps = arguments.request.weak_deps;
        }
    }
    let by = match by {
        MinimizeBy::Size => Measure::Size,
        MinimizeBy::Count => Measure::Count,
    };
    let goal = Goal { by, newest: arguments.newest };
    let minimizing = Minimizing { ask, goal, limit: Duration::from_secs(arguments.time_limit.into()) };
    let found = bootstrap::minimize(ecosystem, request, &minimizing, keyring, &run.fetcher, &*run.progress)
        .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
    let Some(found) = found else {
        return Err(Failure::usage("--minimize is for RPM packages: apk does not search among sets"));
    };
    run.stats(&json!({"packages": found.pool.len(), "minimize": {"ms": milliseconds(found.took)}}))?;
    let text = match arguments.output.format {
        Format::Json => {
            let mut plan = json!(found.smallest);
            plan["minimize"] = told(&found, by);
            format!("{plan:#}\n")
        }
        Format::Human => human(&found.smallest) + &summary(&found, by),
    };
    std::mem::forget(found);
    Ok(text)
}

/// Returns the packages of one plan that the other lacks.
fn only_in(plan: &Plan, other: &Plan) -> Vec<String> {
    let there: BTreeSet<&str> = other.install.iter().map(|package| package.id.as_str()).collect();
    let ids = plan.install.iter().map(|package| &package.id);
    ids.filter(|id| !there.contains(id.as_str())).cloned().collect()
}

fn measures(plan: &Plan) -> [(&'static str, i128); 3] {
    [
        ("packages", plan.install.len() as i128),
        ("download_size", plan.download_size.into()),
        ("installed_size", plan.installed_size.into()),
    ]
}

/// Returns the result as data for programs.
fn told(found: &Minimized, by: Measure) -> Value {
    let object =
        |values: [(&str, i128); 3]| values.into_iter().map(|(key, value)| (key.to_owned(), json!(value as i64))).collect();
    let (ordinary, smallest) = (measures(&found.ordinary), measures(&found.smallest));
    let without_weak = found.without_weak.as_ref().map(|plan| Value::Object(object(measures(plan))));
    let saved = std::array::from_fn(|place| (ordinary[place].0, ordinary[place].1 - smallest[place].1));
    json!({
        "by": match by { Measure::Size => "size", Measure::Count => "count" },
        "proved": found.measure == found.at_least,
        "measure": found.measure,
        "at_least": found.at_least,
        "ms": milliseconds(found.took),
        "ordinary": Value::Object(object(ordinary)),
        "ordinary_without_weak": without_weak,
        "saved": Value::Object(object(saved)),
        "left_out": only_in(&found.ordinary, &found.smallest),
        "instead": only_in(&found.smallest, &found.ordinary),
    })
}

/// Formats the result for display.
fn summary(found: &Minimized, by: Measure) -> String {
    let show = |measure: u64| match by {
        Measure::Size => bytes(measure),
        Measure::Count => packages(measure),
    };
    let seconds = found.took.as_secs_f64();
    let mut text = if found.measure == found.at_least {
        format!("proved: no set is smaller than {} ({seconds:.2} s)\n", show(found.measure))
    } else {
        let (measure, least) = (show(found.measure), show(found.at_least));
        format!(
            "not proved: found {measure} in {seconds:.1} s, and no set can be smaller than {least} (--time-limit gives it more time)\n"
        )
    };
    let lines = found.without_weak.iter().map(|plan| ("the ordinary choice without weak dependencies", plan));
    let lines: Vec<(&str, &Plan)> = std::iter::once(("the ordinary choice", &found.ordinary)).chain(lines).collect();
    let less = |old: u64, new: u64| {
        let sign = if new > old { "more" } else { "less" };
        (old.abs_diff(new), sign)
    };
    for (what, plan) in lines {
        let (count, fewer) = less(plan.install.len() as u64, found.smallest.install.len() as u64);
        let (size, lighter) = less(plan.installed_size, found.smallest.installed_size);
        text += &format!("beside {what}: {} {fewer}, {} {lighter} installed\n", packages(count), bytes(size));
    }
    for (sign, list) in [("-", only_in(&found.ordinary, &found.smallest)), ("+", only_in(&found.smallest, &found.ordinary))] {
        for id in list {
            text += &format!("  {sign} {id}\n");
        }
    }
    text
}
