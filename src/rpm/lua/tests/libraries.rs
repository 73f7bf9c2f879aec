use super::*;

#[test]
fn files_are_opened_read_and_written_as_streams() {
    assert_eq!(
        printed(
            "local f = io.open('/etc/plain')
             print(f:read(), f:read('L'), f:read(0), f:read('*l'), f:read(2), f:read('a'), f:read('a'), f:read('l'), f:read(0))
             print(f:seek('set', 4), f:read('*all'), f:seek(), f:close(), io.type(f), tostring(f))
             print(pcall(f.read, f))"
        ),
        "one\ttwo\n\t\t\tla\tst\t\tnil\tnil\n4\ttwo\n\nlast\t13\ttrue\tclosed file\tfile (closed)\nfalse\tattempt to use a closed file\n"
    );
    assert_eq!(
        printed(
            "local f = assert(io.open('/etc/new', 'w+')) print(f:write('a', 1, 2.5, 3.0) == f, f:seek('set')) print(f:read('a')) f:close()
             f = io.open('/etc/new', 'r+') f:write('XY') f:close()
             f = io.open('/etc/new', 'a+b') print(f:read(3)) f:seek('set') f:write('!') f:close()
             print(io.open('/etc/new'):read('a'), posix.stat('/etc/new').mode)
             print(io.open('/etc/new'):write('x')) print(io.open('/etc/new', 'a'):read())
             f = io.open('/etc/new', 'w') print(posix.stat('/etc/new').size) f:seek('set', 3) f:write('z') print(posix.stat('/etc/new').size)"
        ),
        "true\t0\na12.53\nXY2\nXY2.53!\trw-r--r--\nnil\tBad file descriptor\t9\nnil\tBad file descriptor\t9\n0.0\n4.0\n"
    );
    assert_eq!(
        printed(
            "for a, b in io.lines('/etc/plain', 1, 'l') do io.write(a, '|', b, ';') end print() for l in io.lines('/etc/plain') do io.write('<', l, '>') end"
        ),
        "o|ne;t|wo;\n|last;\n<one><two><><last>"
    );
    for (call, message) in [
        ("io.open('/none')", "nil\t/none: No such file or directory\t2"),
        ("io.open('/none/x', 'w')", "nil\t/none/x: No such file or directory\t2"),
        ("io.open('/etc', 'w')", "nil\t/etc: Is a directory\t21"),
        ("io.open('/etc/plain/x')", "nil\t/etc/plain/x: Not a directory\t20"),
        ("pcall(io.open, '/x', 'q')", "false\tbad argument #2 to 'open' (invalid mode)"),
        ("io.open('/etc'):read()", "nil\tIs a directory\t21"),
        ("io.read()", "nil"),
        ("os.remove('/none')", "nil\t/none: No such file or directory\t2"),
        ("os.rename('/none', '/x')", "nil\tNo such file or directory\t2"),
        ("posix.mkdir('/etc')", "nil\t/etc: File exists\t17.0"),
        ("posix.rmdir('/etc')", "nil\t/etc: Directory not empty\t39.0"),
        ("posix.unlink('/etc')", "nil\t/etc: Is a directory\t21.0"),
        ("posix.rmdir('/')", "nil\t/: Device or resource busy\t16.0"),
        ("posix.readlink('/etc')", "nil\t/etc: Invalid argument\t22.0"),
        ("posix.access('/etc/plain', 'x')", "nil\t/etc/plain: Permission denied\t13.0"),
        ("posix.access('')", "nil\t: No such file or directory\t2.0"),
        ("posix.symlink('x', '/etc')", "nil\tFile exists\t17.0"),
        ("posix.link('/etc', '/e')", "nil\tOperation not permitted\t1.0"),
        ("posix.files('/none')", "nil\t/none: No such file or directory\t2.0"),
        ("posix.dir('/etc/plain')", "nil\t/etc/plain: Not a directory\t20.0"),
        ("posix.chown('/none', 0, 0)", "nil\t/none: No such file or directory\t2.0"),
        ("posix.mkstemp('/tmp/x')", "nil\t/tmp/x: Invalid argument\t22.0"),
        ("pcall(posix.mkdir)", "false\tbad argument #1 to 'mkdir' (string expected, got no value)"),
        ("pcall(posix.mkdir, {})", "false\tbad argument #1 to 'mkdir' (string expected, got table)"),
        ("pcall(posix.stat, '/', 'foo')", "false\tbad argument #2 to 'stat' (invalid option 'foo')"),
        ("pcall(posix.chmod, '/', 'zz')", "false\tbad argument #2 to 'chmod' (bad mode)"),
        ("pcall(posix.access, '/', 'q')", "false\tbad argument #2 to 'access' (unknown mode option `q')"),
    ] {
        assert_eq!(printed(&format!("print({call})")), format!("{message}\n"), "{call}");
    }
}

#[test]
fn errors_tell_the_line_of_the_script() {
    assert_eq!(
        failure("\n\nposix.mkdir()").to_string(),
        "[string \"%post(test-1-1.noarch)\"]:3: bad argument #1 to 'mkdir' (string expected, got no value)"
    );
    assert_eq!(failure("error('plain', 0)"), Problem::Failed("plain".into()));
    assert_eq!(failure("error({ code = 2 })"), Problem::Failed("(error object is a table value)".into()));
}

#[test]
fn status_tells_every_field() {
    let mut tree = tree();
    let plain = tree.resolve(b"/etc/plain").unwrap();
    tree.node_mut(plain).metadata = Metadata { mode: 0o4755, mtime: 12, ..Metadata::root(0) };
    tree.node_mut(plain).metadata.user = crate::package::Owner::named("nobody");
    let etc = tree.resolve(b"/etc").unwrap();
    tree.link(etc, b"also", plain).unwrap();
    let text = "local s = posix.stat('/etc/plain')
        print(s.mode, s.nlink, s.uid, s.gid, s.size, s.mtime, s.atime, s.ctime, s.type, s._mode, s.ino == posix.stat('/etc/also', 'ino'))
        print(posix.stat('/bin').type, posix.stat('/bin/').type, posix.stat('/bin', 'size'), posix.stat('/usr').nlink, posix.stat('/tmp', 'mtime'))";
    let outcome = run_on(&mut tree, text).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&outcome.output),
        "rwsr-xr-x\t2.0\t65534.0\t0.0\t13.0\t12.0\t12.0\t12.0\tregular\t35309.0\ttrue\nlink\tdirectory\t7.0\t5.0\t1700000000.0\n"
    );
}

#[test]
fn names_are_made_moved_and_removed() {
    let mut tree = tree();
    let text = "
        posix.mkdir('/a') posix.mkdir('/a/b') posix.symlink('b', '/a/l') posix.mkfifo('/a/f') posix.link('/etc/plain', '/a/b/p')
        assert(os.rename('/a', '/etc/moved')) assert(posix.stat('/etc/moved/f', 'type') == 'fifo')
        assert(os.rename('/etc/moved/b/p', '/etc/plain')) -- two names of one file: nothing happens
        assert(io.open('/etc/moved/l/p'):read() == 'one')
        assert(os.rename('/etc/group', '/etc/moved/b/p')) assert(not posix.access('/etc/group'))
        print(os.rename('/etc', '/etc/moved/x')) print(os.rename('/etc/moved', '/usr')) print(os.rename('/etc/plain', '/usr'))
        assert(os.remove('/etc/moved/b/p')) assert(os.remove('/etc/moved/b')) print(os.remove('/etc/moved'))
        assert(posix.unlink('/etc/moved/l')) posix.umask('rwx------') posix.mkdir('/private') io.open('/private/f', 'w'):close()
        posix.chmod('/etc/plain', 'u+x,go-r') posix.chown('/etc/plain', 'nobody', 10) posix.utime('/etc/passwd', 77)
        posix.chdir('/etc') posix.mkdir('here') print(posix.getcwd(), posix.access('../etc/here'))";
    let outcome = run_on(&mut tree, text).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&outcome.output),
        "nil\tInvalid argument\t22\nnil\tDirectory not empty\t39\nnil\tIs a directory\t21\n\
         nil\t/etc/moved: Directory not empty\t39\n/etc\t0.0\n"
    );
    let metadata = |path: &str| tree.node(tree.lookup(path.as_bytes()).unwrap()).metadata.clone();
    assert_eq!(metadata("/private").mode, 0o700);
    assert_eq!(metadata("/private/f").mode, 0o600);
    assert_eq!(metadata("/etc/plain").mode, 0o700);
    assert_eq!(metadata("/etc/plain").user, crate::package::Owner::named("nobody"));
    assert_eq!(metadata("/etc/plain").group, crate::package::Owner::Id(10));
    assert_eq!(metadata("/etc/passwd").mtime, 77);
    assert!(tree.lookup(b"/etc/here").is_some());
}

#[test]
fn accounts_are_the_trees_own() {
    assert_eq!(
        printed(
            "print(posix.getpasswd('bin').shell, posix.getpasswd(65534, 'name'), posix.getpasswd().gecos, posix.getpasswd('none'))
             local g = posix.getgroup('wheel') print(g.gid, g[1], g[2], g[3], posix.getgroup(1).name, posix.getgroup('none'))
             print(posix.setuid('bin'), posix.getprocessid('euid'), posix.setgid('none'))"
        ),
        "/sbin/nologin\tnobody\tSuper User\tnil\n10.0\talice\tbob\tnil\tbin\tnil\n0.0\t1.0\tnil\tInvalid argument\t22.0\n"
    );
}

#[test]
fn the_environment_is_the_scripts_own() {
    assert_eq!(
        printed(
            "print(os.getenv('PATH'), posix.getenv('X')) posix.setenv('X', 'a') posix.setenv('X', 'b', false) print(posix.getenv('X'))
             posix.putenv('Y=1=2') print(posix.getenv().Y) posix.unsetenv('X') print(posix.getenv('X'))
             print(posix.umask(), posix.umask('rwxrwx---'), posix.umask('zz'), posix.umask())
             print(arg[1], arg[2], arg[3], math.type(arg[2]), opt ~= nil, select('#', ...))"
        ),
        "/sbin:/bin:/usr/sbin:/usr/bin\tnil\na\n1=2\nnil\nrwxr-xr-x\trwxrwx---\tnil\trwxrwx---\n<lua>\t1\tnil\tinteger\ttrue\t2\n"
    );
    assert_eq!(
        printed(
            "local t = os.time() posix.sleep(90) print(os.time() - t, os.date('%Y-%m-%d %H:%M', t), os.time({ year = 2000, month = 1, day = 1 }))"
        ),
        "90\t2023-11-14 22:13\t946728000\n"
    );
}

#[test]
fn rpms_own_functions() {
    assert_eq!(
        printed(
            "print(rpm.vercmp('1.2-1', '2.0-1'), rpm.vercmp('1:1', '2'), rpm.vercmp('1~rc', '1'), rpm.vercmp('6.12.0', '3.2'))
             print(rpm.ver('5:1.0-2'), rpm.ver('5:1.0-2') > rpm.ver(3, '5a', 1), rpm.ver('1') == rpm.ver('0:1'), rpm.ver('1.5').v, rpm.ver('1').r)
             print(rpm.expand('%{_libdir}/%{_target_cpu}'), rpm.isdefined('_lib')) rpm.define('_lib other') print(macros._lib, macros.none)
             macros._lib = nil print(macros._lib) rpm.define('twice() %1%1') print(macros.twice('ab'), macros.twice({ 'c d' }))
             print(rpm.b64encode('hello'), rpm.b64decode('aGVsbG8='), rpm.b64decode('?'))
             print(table.concat(rpm.glob('/etc/{pass*,g*p}'), ' '), rpm.glob('/none*')[1], table.concat(rpm.splitargs('a  b'), '|'))
             print(rpm.next_file, rpm.load('/none'), pcall(rpm.interactive))
             local f = rpm.open('/etc/plain') print(f:read(3), f:seek('set', 4), f:read(), f:close())
             print(pcall(rpm.open, '/none'))"
        ),
        "-1\t1\t-1\t1\n5:1.0-2\ttrue\ttrue\t1.5\tnil\n/usr/lib64/aarch64\ttrue\tfalse\nother\tnil\nlib64\tabab\tc dc d\n"
            .replace("lib64\tabab", "lib64\nabab")
            + "aGVsbG8=\n\thello\tnil\n/etc/passwd /etc/group\t/none*\ta|b\nnil\t-1.0\tfalse\tnot a tty\none\t4\ttwo\n\nlast\t0\n\
               false\t/none open failed: No such file or directory\n"
    );
    let trigger =
        Script { files: vec![b"/a".to_vec(), b"/b".to_vec()], ..script("for f in rpm.next_file do io.write(f, ' ') end") };
    let outcome = run(&mut tree(), &trigger, &environment(), &mut |_, _| CommandResult::NotRun).unwrap();
    assert_eq!(outcome.output, b"/a /b ");
}

#[test]
fn modules_are_files_of_the_tree() {
    let mut tree = tree();
    tree.create_directories(b"/usr/lib/rpm/lua/sub").unwrap();
    tree.write(b"/usr/lib/rpm/lua/sub/mod.lua", Content::from(&b"local m = { name = ... } return m"[..]), 0o644).unwrap();
    tree.write(b"/etc/chunk.lua", Content::from(&b"#!/usr/bin/lua\nx = (x or 0) + 1 return x"[..]), 0o644).unwrap();
    let text = "print(require('sub.mod').name, require('sub.mod') == require('sub.mod'), dofile('/etc/chunk.lua'), loadfile('/etc/chunk.lua')())
                print(select(2, pcall(require, 'none')))";
    let outcome = run_on(&mut tree, text).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&outcome.output),
        "sub.mod\ttrue\t1\t2\nmodule 'none' not found:\n\tno field package.preload['none']\n\tno file '/usr/lib/rpm/lua/none.lua'\n"
    );
}

#[test]
fn strings_have_a_metatable_of_nobody() {
    assert_eq!(
        printed(
            "getmetatable('').__tostring = function() return 'fake' end print('true', getmetatable('').__index == string, ('x'):upper())"
        ),
        "true\ttrue\tX\n"
    );
}

#[test]
#[ignore = "a measurement"]
fn time_of_a_scriptlet() {
    let mut tree = tree();
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        run_on(&mut tree, "local x = 1").unwrap();
    }
    println!("{:?} each", began.elapsed() / 1000);
}
