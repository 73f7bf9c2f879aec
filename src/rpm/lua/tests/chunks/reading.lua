local f = io.open("numbers", "w")
say(f:write("12 -3.5e2 0x1F 0x.8p1 abc 1e 99999999999999999999 .5 - ", 1.5, " ", 2.0, " ", 7, "\nline\n\nlast") == f, f:seek("cur", 0), f:seek("set", 3), f:close())
f = io.open("numbers")
for i = 1, 4 do say(f:read("n")) end
say(f:read("n")) say(f:read(3)) say(f:read("n")) say(f:read("n", "n")) say(f:read("n")) say(f:read("n")) say(f:read("n", "n", "n"))
say(f:read("l")) say(f:read("L")) say(f:read("*l", "*L")) say(f:read(0)) say(f:read("a")) say(f:read("a", "l", "a")) say(f:read(0)) say(f:read(1))
say(f:seek("set", 2), f:read(2), f:seek("cur", -1), f:read(1), f:seek("end", -4), f:read("a"), f:seek())
shown(f.seek, f, "set", -1) shown(function() f:seek("nowhere") end)
say(f:close(), io.type(f), io.type(io.stdout), io.type(1), tostring(f))
for _, call in ipairs({ "read", "write", "seek", "close", "lines" }) do shown(f[call], f) end
for line in io.lines("numbers") do say(line) end
for a, b in io.lines("numbers", 2, "l") do say(a, b) end
for c in io.lines("file", "L") do say(c) end
say((pcall(io.lines, "none")))
