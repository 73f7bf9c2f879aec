use std::time::{Duration, Instant};

use super::*;

/// Returns an environment with low limits, which scripts reach fast.
fn strict() -> Environment {
    let limits = Limits { steps: 5_000_000, memory: 8 << 20, written: 4 << 20, output: 10_000, ..Limits::default() };
    Environment { limits, ..environment() }
}

/// Runs a script until it is stopped and returns the reason. Asserts that this takes little time.
fn stopped(text: &str) -> Problem {
    let began = Instant::now();
    let result = run(&mut tree(), &script(text), &strict(), &mut |_, _| CommandResult::SUCCESS);
    let problem = result.map_err(|error| error.problem).expect_err(text);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {text}", began.elapsed());
    problem
}

#[test]
fn endless_work_ends() {
    for text in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "local function f() return f() end f()",
        "repeat posix.stat('/') until false",
        "setmetatable({}, { __gc = function() while true do end end }) while true do local t = {} end",
        "local t <close> = setmetatable({}, { __close = function() while true do end end })",
        "coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) while true do end end)()",
        "for k in next, { 1, 2 }, nil, setmetatable({}, { __close = function() while true do end end }) do while true do end end",
        "table.sort({ 3, 2, 1 }, function() while true do end end)",
        "tostring(setmetatable({}, { __tostring = function() while true do end end, __metatable = 1 }))",
        "string.format('%s', setmetatable({}, { __tostring = function() while true do end end }))",
        "for i in ipairs(setmetatable({}, { __index = function() while true do end end })) do end",
        "table.unpack(setmetatable({}, { __index = function() while true do end end }), 1, 2)",
        "table.sort({ setmetatable({}, { __lt = function() while true do end end }), {} })",
        "load(function() while true do end end)",
        "local a = setmetatable({}, { __concat = function() while true do end end }) .. 'x'",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "print(setmetatable({}, { __tostring = function() while true do end end }))",
        "('x'):gsub('.', function() while true do end end)",
        "for i = 1, 100 do coroutine.wrap(function() while true do end end)() end while true do end",
        "local mt = {} local co = coroutine.create(function() mt.__close = print local x <close> = setmetatable({}, mt)
           mt.__close = function() while true do end end while true do end end) coroutine.resume(co) coroutine.close(co)",
        "string.find(('a'):rep(5000), ('.-'):rep(50) .. 'b')",
        "string.find(('a'):rep(200000), '.-b')",
        "string.gsub(('a'):rep(3000), ('a*'):rep(30) .. 'b', '')",
        "for _ in ('a'):rep(30000):gmatch('.-.-.-b') do end",
        "table.move({}, 1, math.maxinteger - 1, 2)",
        "table.insert(setmetatable({}, { __len = function() return 1 << 53 end }), 1, 0)",
        "table.remove(setmetatable({}, { __len = function() return 1 << 53 end }), 1)",
        "while true do ('x'):rep(1000000) end",
        "local s, p = ('a'):rep(2000000), ('a'):rep(1000000) .. 'b' while true do string.find(s, p, 1, true) end",
        "local t0 = os.time() while os.time() < t0 + 1e9 do end",
        "posix.fork() posix.fork() while true do end",
    ] {
        assert_eq!(stopped(text), Problem::Limit(Exceeded::Steps(5_000_000)), "{text}");
    }
}

#[test]
fn memory_is_bounded() {
    for text in [
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
        "local s = 'x' while true do s = s .. s end",
        "load(function() return ' ' end)",
        "local function f() return 1 + f() end f()",
        "return ('x'):rep(1 << 30)",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "return table.concat(setmetatable({}, { __index = function() return ('x'):rep(1000) end }), '', 1, 1e9)",
    ] {
        assert!(matches!(stopped(text), Problem::Limit(_)), "{text}: {:?}", stopped(text));
    }
    // As in Lua, a script may catch this error.
    assert_eq!(printed("print(pcall(string.rep, 'x', 1 << 30))"), "false\tnot enough memory\n");
    assert_eq!(printed("print(#string.rep('', 1 << 60), string.rep('', 1 << 60, ''))"), "0\t\n");
}

#[test]
fn what_is_written_is_bounded() {
    for text in [
        "local f = io.open('/big', 'w') while true do f:write(('x'):rep(10000)) end",
        "local f = io.open('/big', 'w') f:seek('set', 1 << 40) f:write('x')",
        "local f = io.tmpfile() f:seek('set', 1 << 40) f:write('x')",
        "for i = 1, 1e9 do posix.mkdir('/tmp/' .. i) end",
        "for i = 1, 1e9 do os.tmpname() end",
        "for i = 1, 1e9 do rpm.define('m' .. i .. ' ' .. ('x'):rep(1000)) end",
    ] {
        assert_eq!(stopped(text), Problem::Limit(Exceeded::Written(4 << 20)), "{text}");
    }
    for text in ["while true do print('x') end", "io.stderr:write(('x'):rep(100000))"] {
        assert_eq!(stopped(text), Problem::Limit(Exceeded::Output(10_000)), "{text}");
    }
}

#[test]
fn errors_too_deep_or_odd_are_errors() {
    for text in [
        "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x.y",
        "setmetatable(_G, { __index = function(t, k) return t[k .. 'a'] end }) return nothing",
        "error()",
        "error({})",
        "error(setmetatable({}, { __tostring = function() error('again') end }))",
        "return load(('('):rep(100000))()",
        "string.format('%d', 'x')",
        "string.rep()",
        "local s = '' for i = 1, 300 do s = s .. '(' end return ('x'):find(s)",
        "coroutine.yield()",
        "local co co = coroutine.wrap(function() co() end) co()",
        "local function f() coroutine.wrap(f)() end f()",
        "string.find('a', '[a') ",
        "require('nothing')",
        "io.lines('/nothing')",
        "dofile('/nothing')",
    ] {
        assert!(matches!(failure(text), Problem::Failed(_)), "{text}: {:?}", failure(text));
    }
    assert!(matches!(failure("if"), Problem::Syntax(_)));
}

#[test]
fn bytecode_is_refused() {
    let binary = "\\27Lua\\x54\\0";
    for text in [
        format!("print(load('{binary}'))"),
        format!("print(load('{binary}', 'x', 'b'))"),
        format!("print(load('{binary}', 'x', 'bt'))"),
        format!("local done print(load(function() if not done then done = true return '{binary}' end end))"),
        format!("local f = io.open('/bin.luac', 'wb') f:write('{binary}') f:close() print(loadfile('/bin.luac'))"),
    ] {
        assert!(printed(&text).starts_with("nil\t"), "{text}: {}", printed(&text));
    }
    let mut bytecode = script("");
    bytecode.text = b"\x1bLua\x54\x00".to_vec();
    let error = run(&mut tree(), &bytecode, &environment(), &mut |_, _| CommandResult::NotRun).unwrap_err();
    assert!(matches!(error.problem, Problem::Syntax(_) | Problem::Interpreter(_)), "{error}");
    assert_eq!(printed("print(pcall(string.dump, print))"), "false\tunable to dump given function\n");
}

#[test]
fn nothing_of_the_host_is_seen() {
    // These paths exist on the host but not in the tree.
    for path in ["/proc/self/status", "/etc/hostname", "../../../../../etc/hostname", "/usr/lib/os-release", "Cargo.toml"] {
        assert_eq!(
            printed(&format!("print(io.open('{path}'), posix.access('{path}'), posix.stat('{path}'), loadfile('{path}'))")),
            format!("nil\tnil\tnil\tnil\tcannot open {path}\n")
        );
    }
    assert_eq!(
        printed("print(posix.getcwd(), #posix.dir('/'), os.getenv('CARGO_TARGET_DIR'), os.getenv('HOME'))"),
        "/\t9\tnil\t/root\n"
    );
    assert_eq!(
        printed(
            "posix.symlink('../../../../etc', '/out') print(io.open('/out/../../../etc/plain'):read()) print(posix.readlink('/out'))"
        ),
        "one\n../../../../etc\n"
    );
    assert_eq!(printed("print(package.loadlib('/lib/x.so', '*'), package.cpath, debug.getregistry)"), "nil\t\tnil\n");
    assert_eq!(
        printed("print(rpm.expand('%(id)|%{lua:x}'), posix.uname(), os.time())"),
        "|%{lua:x}\tLinux localhost 6.12.0 #1 SMP aarch64\t1700000000\n"
    );
}

#[test]
fn two_runs_are_equal() {
    let text = "
        local t = {} for i = 1, 100 do t['key' .. i] = i end
        for k, v in pairs(t) do io.write(k, ' ') end
        print(math.random(1e9), os.tmpname(), os.clock(), os.date(), posix.mkstemp('/tmp/fooXXXXXX'))
        math.randomseed() print(math.random(1e9))";
    assert_eq!(printed(text), printed(text));
}

#[test]
fn a_script_that_changes_its_mind_after_a_fork_is_stopped() {
    let text = "local where = tostring({}) posix.access('/' .. where) if posix.fork() == 0 then os.exit() end";
    assert_eq!(failure(text), Problem::Diverged);
}
