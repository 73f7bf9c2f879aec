local function content(path) local f = io.open(path) local text = f:read("a") f:close() return text end
for _, mode in ipairs({ "r", "r+", "w", "w+", "a", "a+", "rb", "r+b", "wb", "a+b" }) do
  local f = io.open("file", "w") f:write("0123456789") f:close()
  f = io.open("file", mode)
  say(mode, f:read(3)) say(f:seek("set", 2)) say(f:write("XY") == f) say(f:seek("cur")) say(f:seek("end")) say(f:write("Z") == f) say(f:close())
  say(content("file"))
end
for _, mode in ipairs({ "x", "", "rw", "r++", "b", "+", "rbb", "wx" }) do shown(function() return io.type(io.open("file", mode)) end) end
local f = io.open("sparse", "w") f:seek("set", 5) f:write("end") f:close() say(#content("sparse"), content("sparse"):byte(1, -1))
f = io.open("two", "w") local g = io.open("two", "r") f:write("abc") f:flush() say(g:read("a")) f:write("def") f:close() say(g:read("a")) g:close()
f = io.open("gone", "w") f:write("kept") f:flush() os.remove("gone") f:write(" still") f:close() say(io.open("gone"))
say(io.open("dangling", "w"):close(), posix.stat("gone", "type"))
f = io.open("all", "w") say(f:write(1, " ", 2.5, " ", 1e15, " ", 1e100, " ", -0.0, " ", 2^53, " ", 1/3, " ", 10 // 3, " ", 3.0) == f) f:close() say(content("all"))
shown(function() io.open("file", "w"):write({}) end) shown(function() io.open("file", "w"):write(nil) end)
local t = io.tmpfile() t:write("tmp") t:seek("set") say(t:read("a")) t:close()
say(io.output("out") == io.output(), io.write("into"), io.close(), content("out")) io.output(io.stdout)
io.input("out") say(io.read("a")) io.close(io.input()) io.input(io.stdin)
shown(io.popen, "true", "q")
