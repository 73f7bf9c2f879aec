use super::*;

/// Runs a script with a handler that reports success for all programs and writes their words to
/// `/log`.
fn run_logged(text: &str) -> (Tree, Result<Outcome, LuaError>) {
    let mut tree = tree();
    let result = run(&mut tree, &script(text), &environment(), &mut |tree, command| {
        let log = format!("{}{}\n", tree.read_text(b"/log"), command.display());
        tree.write(b"/log", Content::from(log.as_bytes()), 0o644).unwrap();
        CommandResult::SUCCESS
    });
    (tree, result)
}

const FORK: &str = "
local function post_exec(program, ...)
  local pid = posix.fork()
  if pid == 0 then
    posix.exec(program, ...)
    assert(nil)
  elseif pid > 0 then
    return posix.wait(pid)
  end
end
";

#[test]
fn a_child_executes_and_the_parent_goes_on() {
    let (tree, outcome) = run_logged(
        "local before = io.open('/a', 'a'); before:write('1'); before:close()
         local mine = 'parent'
         local pid = posix.fork()
         if pid == 0 then
           mine = 'child'
           local f = io.open('/child', 'w'); f:write(mine); f:close()
           posix.exec('/sbin/ldconfig', '-X')
         elseif pid ~= -1 then
           print(posix.wait(pid) == pid, mine, posix.access('/child'), io.open('/log'):read('a'))
           print(posix.wait(pid))
         end
         local f = io.open('/a', 'a'); f:write('2'); f:close()",
    );
    let outcome = outcome.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&outcome.output),
        "true\tparent\t0.0\t/sbin/ldconfig -X\n\nnil\tNo child processes\t10.0\n"
    );
    assert_eq!(read(&tree, "/a"), "12", "what came before the fork happened once");
    assert_eq!(read(&tree, "/child"), "child", "the child works on the same tree");
    assert_eq!(commands(&outcome), [("/sbin/ldconfig -X".into(), true)]);
    assert_eq!(outcome.commands[0].command.program.as_deref(), Some(&b"/sbin/ldconfig"[..]));
}

#[test]
fn forks_follow_one_another_and_nest() {
    let (tree, outcome) = run_logged(&format!(
        "{FORK}
         for _, name in pairs({{ b = 'prog', a = '/sbin/ldconfig' }}) do post_exec(name) end
         local pid = posix.fork()
         if pid == 0 then
           local inner = posix.fork()
           if inner == 0 then posix.exec('prog', 'inner') end
           posix.wait(inner)
           print(posix.getprocessid('ppid'))
           posix.exec('prog', 'outer')
         end
         posix.wait(pid)
         print(posix.getprocessid('pid'))
         post_exec('prog', 'last')"
    ));
    assert_eq!(String::from_utf8_lossy(&outcome.unwrap().output), "1000.0\n1000.0\n");
    assert_eq!(read(&tree, "/log"), "/sbin/ldconfig\nprog\nprog inner\nprog outer\nprog last\n");
}

#[test]
fn open_files_directory_and_environment_are_each_process_own() {
    let (tree, outcome) = run_logged(
        "local f = io.open('/etc/plain')
         print(f:read())
         local pid = posix.fork()
         if pid == 0 then
           f:read() f:close() posix.chdir('/usr') posix.setenv('A', 'child') posix.umask('rwx------')
           posix.redirect2null(1) print('unseen')
           os.exit(0)
         end
         print(f:read(), posix.getcwd(), os.getenv('A'), posix.umask())",
    );
    assert_eq!(String::from_utf8_lossy(&outcome.unwrap().output), "one\ntwo\t/\tnil\trwxr-xr-x\n");
    assert!(tree.lookup(b"/log").is_none());
}

#[test]
fn a_program_that_is_not_there_is_the_childs_error() {
    let (_, outcome) = run_logged(&format!("{FORK} print(post_exec('/no/such') ~= nil)"));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.warnings, ["in a child: [string \"%post(test-1-1.noarch)\"]:6: assertion failed!"]);
    assert_eq!(commands(&outcome), [("/no/such".into(), false)]);
    assert_eq!(outcome.output, b"true\n");
    let (_, outcome) = run_logged("local pid = posix.fork() print(pid == 0 and 'child' or 'parent')");
    let outcome = outcome.unwrap();
    assert_eq!(outcome.output, b"child\nparent\n");
    assert_eq!(outcome.warnings, ["runaway fork() in Lua script"]);
}

#[test]
fn outside_a_child_nothing_is_executed_or_left() {
    assert_eq!(
        printed("print(pcall(posix.exec, '/sbin/ldconfig')) print(pcall(os.exit)) print(pcall(posix.redirect2null, 1))"),
        "false\texec not permitted in this context\nfalse\texit not permitted in this context\n\
         false\tredirect2null not permitted in this context\n"
    );
}

#[test]
fn the_end_of_a_child_cannot_be_caught() {
    let (tree, outcome) = run_logged(
        "local pid = posix.fork()
         if pid == 0 then
           print(pcall(posix.exec, '/sbin/ldconfig'))
           print(xpcall(posix.exec, print, 'prog'))
           coroutine.wrap(function() print('still here') end)()
         end
         print('parent')",
    );
    assert_eq!(outcome.unwrap().output, b"parent\n");
    assert_eq!(read(&tree, "/log"), "/sbin/ldconfig\n");
}

#[test]
fn commands_see_what_was_written_and_leave_what_the_script_sees() {
    let (_, outcome) = run_logged(
        "local f = io.open('/log', 'w') f:write('script\\n')
         print(os.execute('/sbin/ldconfig >/dev/null'))
         print(rpm.execute('prog', 'a b'))
         f:seek('end') f:write('end\\n')
         print(io.open('/log'):read('a'))",
    );
    let outcome = outcome.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&outcome.output),
        "true\texit\t0\n0.0\nscript\n/sbin/ldconfig >/dev/null\nprog a b\nend\n\n"
    );
    assert_eq!(outcome.commands[0].command.words(), [b"/sbin/ldconfig".to_vec()]);
}

#[test]
fn results_of_commands_are_told_as_rpm_tells_them() {
    let mut tree = tree();
    let text = "print(os.execute('x')) print(rpm.execute('prog')) print(rpm.execute('/no/such')) print(rpm.spawn({ 'prog' }, { stdout = '/out' }))
                local p = io.popen('prog') print(p:read('l', 'a')) print(p:close()) print(os.execute())";
    let outcome =
        run(&mut tree, &script(text), &environment(), &mut |_, _| CommandResult::Done { status: 3, output: b"x\ny".to_vec() });
    assert_eq!(
        String::from_utf8_lossy(&outcome.unwrap().output),
        "x\nynil\texit\t3\nx\nynil\texit code\t3.0\nnil\tNo such file or directory\t2.0\nnil\texit code\t3.0\nx\ty\nnil\texit\t3\ntrue\n"
    );
    assert_eq!(read(&tree, "/out"), "x\ny");
}

#[test]
fn too_many_forks_fail_as_forks_do() {
    let (_, outcome) = run_logged(
        "local n = 0
         while true do
           local pid, message = posix.fork()
           if pid == nil then print(message) break end
           if pid == 0 then os.exit(0) end
         end",
    );
    assert_eq!(outcome.unwrap().output, b"Resource temporarily unavailable\n");
}
