//! Compares the matcher with Lua's own, on random patterns and subjects: same matches, same
//! captures, same errors.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// A chunk that generates patterns and subjects from small alphabets and prints the results of the
/// string library.
const CHUNK: &str = include_str!("chunks/patterns.lua");

#[test]
fn matches_are_those_of_luas_own_matcher() {
    for seed in 1..=3 {
        let chunk = CHUNK.replace("SEED", &(seed * 7919).to_string());
        let expected = Rc::new(RefCell::new(Vec::new()));
        let lua = mlua::Lua::new();
        let sink = Rc::clone(&expected);
        let write = lua.create_function(move |_, text: mlua::LuaString| {
            sink.borrow_mut().extend_from_slice(&text.as_bytes());
            Ok(())
        });
        lua.globals().set("write", write.unwrap()).unwrap();
        lua.load(&chunk).set_name("%post(test-1-1.noarch)").exec().unwrap();
        let limits = Limits { output: 64 << 20, steps: 2_000_000_000, ..Limits::default() };
        let environment = Environment { limits, ..environment() };
        let script = script(&format!("write = function(text) io.write(text) end {chunk}"));
        let outcome = run(&mut tree(), &script, &environment, &mut |_, _| CommandResult::NotRun).unwrap();
        let expected = String::from_utf8_lossy(&expected.borrow()).into_owned();
        let found = String::from_utf8_lossy(&outcome.output).into_owned();
        let mut heading = "";
        for (a, b) in expected.lines().zip(found.lines()) {
            if a.starts_with('"') {
                heading = a;
            }
            assert_eq!(a, b, "{heading}");
        }
        assert_eq!(expected.len(), found.len());
    }
}
