//! Functions of Lua's and rpm's libraries that depend on their arguments only. They give the same
//! result in every run, so they are not recorded.

use std::rc::Rc;

use mlua::{IntoLua, IntoLuaMulti, Lua, LuaString, MultiValue, Table, UserDataFields, Value};

use super::base64;
use super::limits::Meter;
use super::pattern::{self, Capture, Match, PatternError};
use super::value::FileHandle;
use crate::rpm::version::Evr;

/// Returns the functions as a table for the prelude.
pub(super) fn functions(lua: &Lua, meter: &Rc<Meter>, has_files: bool) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let counter = Rc::clone(meter);
    table.raw_set("halted", lua.create_function(move |_, ()| Ok(counter.is_stopped()))?)?;
    let counter = Rc::clone(meter);
    table.raw_set("spend", lua.create_function(move |_, steps: f64| spend(&counter, steps))?)?;
    table.raw_set("memory", meter.limits().memory)?;
    table.raw_set("is_file", lua.create_function(|_, value: Value| Ok(file_number(&value).is_some()))?)?;
    table.raw_set("file_number", lua.create_function(|_, value: Value| Ok(file_number(&value)))?)?;
    table.raw_set("has_files", lua.create_function(move |_, ()| Ok(has_files))?)?;
    table.raw_set("register_files", lua.create_function(|lua, metamethods: Table| register_files(lua, &metamethods))?)?;
    table.raw_set("standard_files", lua.create_function(standard_files)?)?;
    patterns(lua, meter, &table)?;
    table.raw_set(
        "b64encode",
        lua.create_function(|_, (text, length): (LuaString, i64)| Ok((true, base64::encode(&text.as_bytes(), length))))?,
    )?;
    table.raw_set(
        "b64decode",
        lua.create_function(|lua, text: LuaString| {
            let bytes = base64::decode(&text.as_bytes());
            Ok((true, bytes.map(|bytes| lua.create_string(bytes)).transpose()?))
        })?,
    )?;
    table.raw_set("vercmp", lua.create_function(vercmp)?)?;
    table.raw_set(
        "parse_version",
        lua.create_function(|lua, text: LuaString| parse_version(&text.to_string_lossy()).into_lua_multi(lua))?,
    )?;
    table.raw_set("compare_parts", lua.create_function(|_, parts: (_, _, _, _, _, _)| Ok(compare_parts(&parts)))?)?;
    Ok(table)
}

fn spend(meter: &Meter, steps: f64) -> mlua::Result<()> {
    if meter.spend(steps.max(0.0) as u64) { Ok(()) } else { Err(mlua::Error::runtime("the scriptlet has ended")) }
}

fn file_number(value: &Value) -> Option<u32> {
    match value {
        Value::UserData(data) => data.borrow::<FileHandle>().ok().map(|file| file.0),
        _ => None,
    }
}

/// Registers the metamethods from the prelude for the userdata of files.
fn register_files(lua: &Lua, metamethods: &Table) -> mlua::Result<()> {
    let fields: Vec<(String, Value)> = metamethods.pairs().collect::<mlua::Result<_>>()?;
    lua.register_userdata_type::<FileHandle>(move |registry| {
        for (name, value) in fields {
            registry.add_meta_field_with(name, move |_| Ok(value));
        }
    })
}

fn standard_files(lua: &Lua, (): ()) -> mlua::Result<MultiValue> {
    let files: mlua::Result<Vec<_>> = (0..3).map(|id| Ok(Value::UserData(lua.create_any_userdata(FileHandle(id))?))).collect();
    Ok(MultiValue::from_vec(files?))
}

/// Returns the start of a search, from 0. Negative positions count from the end (`posrelat`).
fn start_of(init: i64, length: usize) -> usize {
    let length = length as i64;
    let start = match init {
        1.. => init - 1,
        0 => 0,
        _ => (length + init).max(0),
    };
    usize::try_from(start).unwrap_or(usize::MAX)
}

fn patterns(lua: &Lua, meter: &Rc<Meter>, table: &Table) -> mlua::Result<()> {
    let counter = Rc::clone(meter);
    let find = move |lua: &Lua, (subject, pattern, init, plain): (LuaString, LuaString, i64, bool)| {
        let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
        let start = start_of(init, subject.len());
        if start > subject.len() {
            return (true, Value::Nil).into_lua_multi(lua);
        }
        if plain || !pattern.iter().any(|c| b"^$*+?.([%-".contains(c)) {
            spend(&counter, (subject.len() - start + pattern.len()) as f64 / 8.0)?;
            let found = position(&subject[start..], &pattern).map(|at| start + at);
            return match found {
                Some(at) => (true, at + 1, at + pattern.len()).into_lua_multi(lua),
                None => (true, Value::Nil).into_lua_multi(lua),
            };
        }
        match pattern::find(&subject, &pattern, start, &|steps| counter.spend(steps)) {
            Ok(Some(found)) => {
                let mut values = (true, found.start + 1, found.end).into_lua_multi(lua)?;
                for &capture in &found.captures {
                    values.push_back(capture_value(lua, &subject, capture)?);
                }
                finished(lua, values, &found)
            }
            other => none(lua, other),
        }
    };
    table.raw_set("find", lua.create_function(find)?)?;
    let counter = Rc::clone(meter);
    let matching = move |lua: &Lua, (subject, pattern, init): (LuaString, LuaString, i64)| {
        let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
        let start = start_of(init, subject.len());
        if start > subject.len() {
            return (true, Value::Nil).into_lua_multi(lua);
        }
        match pattern::find(&subject, &pattern, start, &|steps| counter.spend(steps)) {
            Ok(Some(found)) => {
                let mut values = true.into_lua_multi(lua)?;
                push_captures(lua, &mut values, &subject, &found)?;
                finished(lua, values, &found)
            }
            other => none(lua, other),
        }
    };
    table.raw_set("match", lua.create_function(matching)?)?;
    let counter = Rc::clone(meter);
    // Finds the next match at or after `from` that does not end where the previous one did. Returns
    // its start, the position to continue from, and its captures.
    let next_match = move |lua: &Lua, (subject, pattern, from, last, anchored, strict): Search| {
        let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
        let first = from.saturating_sub(1);
        for start in first..=subject.len() {
            match pattern::match_at(&subject, &pattern, start, &|steps| counter.spend(steps)) {
                Ok(Some(found)) if found.end as i64 + 1 != last => {
                    let mut values = (true, found.start + 1, found.end + 1).into_lua_multi(lua)?;
                    push_captures(lua, &mut values, &subject, &found)?;
                    return if strict { finished(lua, values, &found) } else { Ok(values) };
                }
                Ok(_) if anchored => break,
                Ok(_) => {}
                Err(error) => return none(lua, Err(error)),
            }
        }
        (true, Value::Nil).into_lua_multi(lua)
    };
    table.raw_set("next_match", lua.create_function(next_match)?)
}

/// Subject, pattern, start, end of the last match, whether the pattern is anchored, whether
/// unfinished captures are errors.
type Search = (LuaString, LuaString, usize, i64, bool, bool);

/// Returns the offset of `pattern` in `subject`, in time linear in the two lengths (Knuth, Morris
/// and Pratt).
fn position(subject: &[u8], pattern: &[u8]) -> Option<usize> {
    if pattern.is_empty() {
        return Some(0);
    }
    // For each prefix of the pattern, the length of its longest proper suffix that is also a
    // prefix.
    let mut borders = vec![0; pattern.len()];
    let mut matched = 0;
    for i in 1..pattern.len() {
        while matched > 0 && pattern[i] != pattern[matched] {
            matched = borders[matched - 1];
        }
        matched += usize::from(pattern[i] == pattern[matched]);
        borders[i] = matched;
    }
    matched = 0;
    for (i, &c) in subject.iter().enumerate() {
        while matched > 0 && (matched == pattern.len() || c != pattern[matched]) {
            matched = borders[matched - 1];
        }
        matched += usize::from(pattern.get(matched) == Some(&c));
        if matched == pattern.len() {
            return Some(i + 1 - matched);
        }
    }
    None
}

/// Returns the values that mean "no match" or "malformed pattern" to the prelude.
fn none(lua: &Lua, result: Result<Option<Match>, PatternError>) -> mlua::Result<MultiValue> {
    match result {
        Ok(_) => (true, Value::Nil).into_lua_multi(lua),
        Err(PatternError::Malformed(message)) => (false, message).into_lua_multi(lua),
        Err(PatternError::Stopped) => Err(mlua::Error::runtime("the scriptlet has ended")),
    }
}

fn capture_value(lua: &Lua, subject: &[u8], capture: Capture) -> mlua::Result<Value> {
    match capture {
        Capture::Range(start, end) => Ok(Value::String(lua.create_string(&subject[start..end])?)),
        Capture::Position(position) => position.into_lua(lua),
        Capture::Unfinished => Ok(Value::Boolean(false)),
    }
}

/// Returns the values of a match. Fails if one of its captures is unfinished.
fn finished(lua: &Lua, values: MultiValue, found: &Match) -> mlua::Result<MultiValue> {
    if found.captures.contains(&Capture::Unfinished) {
        return (false, "unfinished capture").into_lua_multi(lua);
    }
    Ok(values)
}

/// Adds the captures, or the whole match if the pattern has none.
fn push_captures(lua: &Lua, values: &mut MultiValue, subject: &[u8], found: &Match) -> mlua::Result<()> {
    if found.captures.is_empty() {
        values.push_back(capture_value(lua, subject, Capture::Range(found.start, found.end))?);
    }
    for &capture in &found.captures {
        values.push_back(capture_value(lua, subject, capture)?);
    }
    Ok(())
}

/// Parses epoch, version and release (rpmver.c, `rpmverParse`). All are `None` for an empty text.
fn parse_version(text: &str) -> (Option<&str>, Option<&str>, Option<&str>) {
    let parts = Evr::parse(text);
    if text.is_empty() { (None, None, None) } else { (parts.epoch, Some(parts.version), parts.release) }
}

/// Compares two parsed versions.
fn compare_parts((e1, v1, r1, e2, v2, r2): &(Part, String, Part, Part, String, Part)) -> i8 {
    let a = Evr { epoch: e1.as_deref(), version: v1, release: r1.as_deref() };
    let b = Evr { epoch: e2.as_deref(), version: v2, release: r2.as_deref() };
    a.compare(b) as i8
}

type Part = Option<String>;

fn vercmp(lua: &Lua, (a, b): (LuaString, LuaString)) -> mlua::Result<MultiValue> {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    if let Some(index) = [&a, &b].iter().position(|text| text.is_empty()) {
        return (false, format!("bad argument #{} to 'vercmp' (invalid version )", index + 1)).into_lua_multi(lua);
    }
    (true, Evr::parse(&a).compare(Evr::parse(&b)) as i8).into_lua_multi(lua)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_are_found_where_they_first_are() {
        let texts = ["", "a", "b", "ab", "aab", "aabaab", "abababac", "aaaaaaab", "baaa", "abcabcabd"];
        for subject in texts {
            for pattern in texts {
                assert_eq!(position(subject.as_bytes(), pattern.as_bytes()), subject.find(pattern), "{subject} {pattern}");
            }
        }
    }
}
