//! The `posix` library of rpm (`lposix.c`), on the tree.

pub(super) mod machine;
pub(super) mod names;
pub(super) mod processes;

use super::accounts::Account;
use super::value::{Arguments, Fault, Item, Reply, exact_integer, parse_number};

/// Returns all fields as a table, or the one named by argument `index`.
fn selection(arguments: &Arguments, index: usize, fields: &[(&str, Item)]) -> Reply {
    if arguments.len() < index {
        return Ok(vec![Item::record(fields.iter().cloned())]);
    }
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    Ok(vec![fields[arguments.option(index, &names)?].1.clone()])
}

fn number(value: impl Into<f64>) -> Item {
    Item::Number(value.into())
}

/// Returns the account that an argument names: by number (also as text) or by name.
fn account(arguments: &Arguments, index: usize) -> Result<Account, Fault> {
    match arguments.get(index) {
        Item::Integer(id) => Ok(Account::Id(*id as u32)),
        Item::Number(id) => Ok(Account::Id(*id as i64 as u32)),
        Item::String(name) => Ok(match parse_number(name).and_then(exact_integer) {
            Some(id) => Account::Id(id as u32),
            None => Account::Name(String::from_utf8_lossy(name).into_owned()),
        }),
        other => Err(arguments.bad(index, &format!("string or number expected, got {}", other.type_name()))),
    }
}
