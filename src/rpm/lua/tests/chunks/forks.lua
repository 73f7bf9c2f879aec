local function post_exec(...)
  local pid = posix.fork()
  if pid == 0 then
    posix.exec(...)
    os.exit(1)
  elseif pid > 0 then
    return posix.wait(pid) == pid
  end
end
local mine = "parent"
say(post_exec("touch", "made")) say(posix.access("made"))
say(post_exec("/no/such/program")) say(post_exec("touch", "made/not"))
local f = io.open("file") local first = f:read()
local pid = posix.fork()
if pid == 0 then
  mine = "child"
  posix.mkdir("by-child") posix.chdir("by-child") posix.umask("rwx------")
  posix.exec("touch", "inside")
end
posix.wait(pid)
say(mine, first, posix.access("by-child/inside"), posix.getcwd() == BASE, posix.umask(), posix.wait())
for i = 1, 3 do post_exec("touch", "n" .. i) end
say(os.execute("touch shell")) say(os.execute("exit 3")) say(posix.access("shell"))
say(rpm.execute("touch", "spawned name")) say(rpm.execute("false") == nil) say((rpm.execute("/no/such"))) say(posix.access("spawned name"))
