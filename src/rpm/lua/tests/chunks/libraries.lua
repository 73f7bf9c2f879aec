say(os.time({ year = 2020, month = 2, day = 30, hour = 25, min = -1 }), os.date("!%Y-%m-%d %H:%M:%S %j %U %W %V %G %u %w %a %A %b %B %p %I %y %C %e %D %F %T %R %%", 1583000000))
for _, time in ipairs({ 0, 86399, 951782400, 1583000000, 4102444800, 1609459200 }) do
  say(os.date("!%c %x %X %r %n%t%h %g", time), os.time(os.date("!*t", time)))
  local d = os.date("!*t", time) say(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst)
end
shown(os.date, "%Q") shown(os.date, "%Ez") shown(os.date, "%") shown(os.time, { year = 2020, month = "x", day = 1 }) say(os.difftime(5, 3), os.setlocale(), os.setlocale("C"))
say(string.rep("ab", 3, "-"), ("x"):rep(0), ("x"):rep(-1)) say(string.format("%5.2f|%-5s|%05d|%x|%q|%s|%s", 1.5, "a", 42, 255, "a\nb", nil, true))
local t = { 5, 2, 8, 1 } table.sort(t) say(table.concat(t, ",")) table.sort(t, function(a, b) return a > b end) say(table.concat(t, ","))
say(table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ","), table.unpack({ 1, 2, 3 }, 2)) table.insert(t, 1, 9) table.insert(t, 7) say(table.remove(t), table.remove(t, 1), #t, table.remove({}))
shown(table.insert, {}, 5, 1) shown(table.insert, {}) shown(table.concat, { {} }) shown(table.sort, { 1, "a" })
say(pcall(error)) say(pcall(error, { 1 }) == false) say(select("#", pcall(error, nil))) say(xpcall(error, function(m) return "handled " .. m end, "x"))
local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) say(co(1), co(10))
say(coroutine.resume(coroutine.create(function() error("x", 0) end))) shown(coroutine.wrap(function() error("y", 0) end))
co = coroutine.create(function() return pcall(function() coroutine.yield(1) error("z", 0) end) end) say(coroutine.resume(co)) say(coroutine.resume(co)) say(coroutine.resume(co))
say(load("return 1 + 1")(), load("return ...", "c", "t", {})(5)) say(load("x =")) say(load("return x", "c", "t", { x = "env" })())
local parts = { "return ", "'pie", "ces'" } local i = 0 say(load(function() i = i + 1 return parts[i] end)())
local keys = {} for k in pairs({ 10, 20, 30, nil, 50 }) do keys[#keys + 1] = k end say(#keys) for i, v in ipairs({ 1, 2, nil, 4 }) do say(i, v) end
local mt = setmetatable({}, { __index = function(_, k) return k .. "!" end, __tostring = function() return "told" end, __len = function() return 3 end, __pairs = function() return function(_, k) if not k then return 1, 2 end end end })
say(mt.x, tostring(mt), #mt, string.format("%s", mt)) for k, v in pairs(mt) do say(k, v) end
say(tostring(nil), tostring(1.5), tostring(10 / 2), tostring(1e100), math.type(1), math.type(1.0), 7 // 2, 7 % 3, 2 ^ 10, 1 << 4)
say(rawlen({ 1, 2 }), rawequal(mt, mt), rawget(mt, "x"), next({}), type(next), utf8.char(228, 8364), utf8.len("äö"))
goto done say("skipped") ::done:: say("done")
