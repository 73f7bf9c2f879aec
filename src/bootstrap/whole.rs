//! Loads whole repositories, for queries about all their packages at once.

use super::keyrings::Keyrings;
use super::resolve::{Request, ResolveError};
use super::source::{Gathered, Source};
use crate::ecosystem::Ecosystem;
use crate::fetch::Fetcher;
use crate::pool::Pool;
use crate::reporter::{Phase, Reporter};

/// Reads the repositories of a request into a pool that knows all owners of every path that any
/// package names.
pub fn whole<'a, E: Ecosystem>(
    ecosystem: &'a E,
    request: &'a Request,
    keyring: &Keyrings<E::Keyring>,
    fetcher: &'a Fetcher,
    reporter: &'a dyn Reporter,
) -> Result<(Source<'a, E>, Pool), ResolveError> {
    let mut source = Source::open(ecosystem, request, keyring, fetcher, reporter)?;
    loop {
        let Gathered { pool, .. } = source.gather()?;
        let lacked = pool.lacked_paths(|_| true).into_iter().map(|path| pool.text(path).to_owned()).collect();
        if !source.ask_for_paths(lacked, &pool) {
            reporter.finish(Phase::Metadata, "");
            return Ok((source, pool));
        }
    }
}
