for _, name in ipairs({ "access", "chdir", "chmod", "link", "mkdir", "mkfifo", "mkstemp", "putenv", "readlink", "rmdir", "stat", "symlink", "unlink", "utime", "sleep", "kill",
                        "pathconf", "setenv" }) do
  shown(posix[name]) shown(posix[name], {}) shown(posix[name], nil)
end
for _, name in ipairs({ "remove", "rename", "execute" }) do if name ~= "execute" then shown(os[name]) end shown(os[name], {}) end
for _, name in ipairs({ "vercmp", "expand", "define", "b64encode", "b64decode", "execute", "isdefined", "load", "open", "splitargs" }) do shown(rpm[name]) shown(rpm[name], {}) end
shown(posix.exec, "true") shown(os.exit) shown(os.exit, 1) shown(posix.redirect2null, 1) shown(posix.access, "file", "q")
shown(posix.stat, "file", {}) shown(posix.sysconf, "x") shown(posix.getprocessid, "x") shown(posix.chmod, "file") shown(posix.uname, "%q")
shown(posix.utime, "file", "x") shown(posix.chown, "file", {}) shown(posix.wait)
shown(posix.setuid, "no-such-user") shown(posix.getpasswd, "no-such-user") shown(posix.getgroup, "no-such-group") shown(posix.getpasswd, {})
for _, text in ipairs({ "name", "uid", "gid", "dir", "passwd" }) do shown(posix.getpasswd, "root", text) end
shown(posix.getpasswd, 0, "name") shown(posix.getpasswd, "0", "uid") shown(posix.getpasswd, "root", "x") say(posix.getgroup(0).name, posix.getgroup("root").gid)
for _, name in ipairs({ "clk_tck", "job_control", "saved_ids", "version" }) do say(posix.sysconf(name)) end
for _, name in ipairs({ "name_max", "path_max", "pipe_buf", "max_input", "no_trunc", "chown_restricted" }) do say(posix.pathconf(".", name)) end
say(posix.uname("%s %%"), posix.ctermid(), posix.version:sub(1, 13))
