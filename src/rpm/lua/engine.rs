//! The interpreter: Lua without access to the host, with every step and byte counted.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use mlua::chunk::ChunkMode;
use mlua::thread::ThreadStatus;
use mlua::{Function, HookTriggers, Lua, LuaOptions, LuaString, MultiValue, StdLib, Table, VmState};
use rustc_hash::FxHashMap;

use super::limits::Exceeded;
use super::session::Session;
use super::value::{Arguments, reply_to_lua};
use super::{Operation, io, library, os, posix, rpm};

/// The Lua part of the libraries, in the order in which the files depend on each other.
const PRELUDE: [(&str, &str); 7] = [
    ("=base", include_str!("prelude/base.lua")),
    ("=text", include_str!("prelude/text.lua")),
    ("=tables", include_str!("prelude/tables.lua")),
    ("=streams", include_str!("prelude/streams.lua")),
    ("=system", include_str!("prelude/system.lua")),
    ("=rpm", include_str!("prelude/rpm.lua")),
    ("=modules", include_str!("prelude/modules.lua")),
];
/// The compiled prelude. It is compiled once for all interpreters, which saves most of the time for
/// creating one.
static COMPILED: LazyLock<Result<Vec<Vec<u8>>, String>> = LazyLock::new(|| compile().map_err(|error| error.to_string()));

fn compile() -> mlua::Result<Vec<Vec<u8>>> {
    let lua = interpreter()?;
    let compile = |(name, text)| Ok(lua.load(text).set_name(name).set_mode(ChunkMode::Text).into_function()?.dump(false));
    PRELUDE.into_iter().map(compile).collect()
}

/// Creates a Lua state without the libraries for files, processes, modules and debugging.
fn interpreter() -> mlua::Result<Lua> {
    let libraries = StdLib::COROUTINE | StdLib::TABLE | StdLib::STRING | StdLib::UTF8 | StdLib::MATH;
    Lua::new_with(libraries, LuaOptions::default())
}

/// Number of instructions between two checks of steps and time.
const INSTRUCTIONS: u32 = 500;

static OPERATIONS: LazyLock<FxHashMap<&'static [u8], (&'static str, Operation)>> = LazyLock::new(|| {
    let all = [
        posix::names::OPERATIONS,
        posix::processes::OPERATIONS,
        posix::machine::OPERATIONS,
        io::OPERATIONS,
        os::OPERATIONS,
        rpm::OPERATIONS,
    ];
    all.into_iter().flatten().map(|&(name, operation)| (name.as_bytes(), (name, operation))).collect()
});

/// The end of one run of a script.
pub(super) enum Ending {
    /// The script ran to its end.
    Finished,
    /// The script is not valid Lua.
    Syntax(String),
    /// The script failed, or was unwound.
    Failed(String),
}

/// Runs the session's script once, from its beginning.
pub(super) fn run(session: &RefCell<&mut Session>) -> mlua::Result<Ending> {
    let (meter, script) = {
        let session = session.borrow();
        (Rc::clone(&session.meter), session.script)
    };
    let lua = interpreter()?;
    lua.set_memory_limit(meter.limits().memory)?;
    let counted = Rc::clone(&meter);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(INSTRUCTIONS), move |_, _| {
        // The hook yields and never fails. An error would run the script's to-be-closed variables
        // without counting their steps.
        let goes_on = counted.spend(u64::from(INSTRUCTIONS)) && counted.check_time();
        Ok(if goes_on { VmState::Continue } else { VmState::Yield })
    })?;
    lua.scope(|scope| {
        let host = scope.create_function(|lua, (name, values): (LuaString, MultiValue)| {
            let found = OPERATIONS.get(&*name.as_bytes()).copied();
            let (name, operation) = found.ok_or_else(|| mlua::Error::runtime("no such function"))?;
            let mut session = session.try_borrow_mut().map_err(mlua::Error::external)?;
            let reply = session.call(operation, &Arguments::new(name, &values));
            reply_to_lua(lua, reply)
        })?;
        let shared = lua.create_table()?;
        shared.raw_set("host", host)?;
        shared.raw_set("pure", library::functions(&lua, &meter, !script.files.is_empty())?)?;
        for code in COMPILED.as_ref().map_err(mlua::Error::runtime)? {
            lua.load(code.as_slice()).set_mode(ChunkMode::Binary).call::<()>(&shared)?;
        }
        let run: Function = shared.raw_get("run")?;
        // rpm passes the text as a C string.
        let text = script.text.split(|&c| c == 0).next().unwrap_or_default();
        let chunk = match lua.load(text).set_name(script.name.as_str()).set_mode(ChunkMode::Text).into_function() {
            Ok(chunk) => chunk,
            Err(mlua::Error::SyntaxError { message, .. }) => return Ok(Ending::Syntax(message)),
            Err(error) => return Err(error),
        };
        prefixes(&lua, script)?;
        let thread = lua.create_thread(run)?;
        let arguments = (chunk, lua.create_table()?, arguments(&lua, script)?);
        let (done, message): (Option<bool>, Option<LuaString>) = thread.resume(arguments)?;
        if thread.status() == ThreadStatus::Resumable {
            return Ok(Ending::Failed("stopped".to_owned()));
        }
        if done == Some(true) {
            return Ok(Ending::Finished);
        }
        let message = message.map(|text| text.to_string_lossy()).unwrap_or_default();
        if message == "not enough memory" {
            meter.exceed(Exceeded::Memory(meter.limits().memory));
        }
        Ok(Ending::Failed(message))
    })
}

/// Returns `arg`: the interpreter's name, then the numeric arguments of the scriptlet.
fn arguments(lua: &Lua, script: &super::Script) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(1, "<lua>")?;
    for (index, number) in (2..).zip(&script.arguments) {
        table.raw_set(index, *number)?;
    }
    Ok(table)
}

/// Sets `RPM_INSTALL_PREFIX` for a relocatable package.
fn prefixes(lua: &Lua, script: &super::Script) -> mlua::Result<()> {
    if script.prefixes.is_empty() {
        return Ok(());
    }
    let table = lua.create_sequence_from(script.prefixes.iter().map(String::as_str))?;
    lua.globals().raw_set("RPM_INSTALL_PREFIX", table)
}
