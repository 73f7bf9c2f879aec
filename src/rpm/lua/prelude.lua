-- What rpm's Lua offers to scriptlets, on top of Lua's own safe libraries. Runs once in each interpreter, before the scriptlet.
-- `host` answers calls that see or change the tree or the process; `pure` holds functions that see nothing but their arguments.
local host, pure = ...

local raw_pcall, raw_error, raw_load = pcall, error, load
local raw_pairs, raw_setmetatable, raw_rep, raw_sort = pairs, setmetatable, string.rep, table.sort
local raw_insert, raw_remove, raw_concat = table.insert, table.remove, table.concat
local create, resume, yield, running, thread_status =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.running, coroutine.status
local randomseed = math.randomseed
local raw_tostring, raw_format, raw_unpack, raw_ipairs = tostring, string.format, table.unpack, ipairs
local select, type, rawget, rawset, rawlen, next = select, type, rawget, rawset, rawlen, next
local getmetatable, tonumber, unpack, pack, format = getmetatable, tonumber, table.unpack, table.pack, string.format
local sub, byte = string.sub, string.byte
local halted, spend, is_file = pure.halted, pure.spend, pure.is_file

-- Errors. A call answers true and values, or false and a message, which is raised where the scriptlet made the call.
local function check(ok, ...)
  if ok then return ... end
  raw_error(..., 2)
end

-- The same for calls in the middle of a function below.
local function check_inner(ok, ...)
  if ok then return ... end
  raw_error(..., 3)
end

local function bind(name)
  return function(...) return check(host(name, ...)) end
end

local function argument_error(index, name, message)
  raw_error(format("bad argument #%d to '%s' (%s)", index, name, message), 3)
end

-- Where a limit is reached the hook that counts steps yields, through everything, to whoever runs the scriptlet. That works wherever Lua calls
-- Lua; it would not where C calls Lua. So nothing here lets C call a function of the scriptlet: what does so in Lua's own libraries (message
-- handlers, comparisons, metamethods) is done in Lua below.
--
-- The end of a run, and of a child, goes through everything that catches errors.
local function after(...)
  if halted() then raw_error("the scriptlet has ended", 0) end
  return ...
end

function pcall(f, ...) return after(raw_pcall(f, ...)) end
local function handled(handler, ok, ...)
  if ok then return ok, ... end
  local _, message = pcall(handler, ...)
  return false, message
end
function xpcall(f, handler, ...) return handled(handler, pcall(f, ...)) end

-- Coroutines. What one has to close is not closed when it ends by an error or is closed itself.
local main, closed = nil, raw_setmetatable({}, { __mode = "k" })
function coroutine.resume(thread, ...)
  if closed[thread] then return false, "cannot resume dead coroutine" end
  return after(resume(thread, ...))
end
function coroutine.status(thread)
  local status = thread_status(thread)
  return closed[thread] and "dead" or status
end
function coroutine.close(thread)
  local status = thread_status(thread)
  if status ~= "suspended" and status ~= "dead" then raw_error("cannot close a " .. status .. " coroutine", 2) end
  closed[thread] = true
  return true
end
local function wrapped(ok, ...)
  if ok then return ... end
  raw_error(..., 2)
end
function coroutine.wrap(f)
  local thread = create(f)
  return function(...) return wrapped(coroutine.resume(thread, ...)) end
end
function coroutine.yield(...)
  if running() == main then raw_error("attempt to yield from outside a coroutine", 2) end
  return yield(...)
end

-- A finalizer would run where nothing counts its steps: there are none.
local metatables = raw_setmetatable({}, { __mode = "k" })
function setmetatable(t, mt)
  local finalizer = type(mt) == "table" and rawget(mt, "__gc")
  if finalizer then rawset(mt, "__gc", nil) end
  raw_setmetatable(t, mt)
  if finalizer then rawset(mt, "__gc", finalizer) end
  metatables[t] = mt
  return t
end

local function has_metatable(t) return type(t) ~= "table" or metatables[t] ~= nil end

function tostring(...)
  local value = ...
  local mt = type(value) == "table" and metatables[value]
  if not mt then return raw_tostring(...) end
  local tell, name = rawget(mt, "__tostring"), rawget(mt, "__name")
  if tell then
    local text = tell(value)
    if type(text) ~= "string" and type(text) ~= "number" then raw_error("'__tostring' must return a string", 2) end
    return text
  end
  local text = raw_tostring(raw_setmetatable(value, nil))
  raw_setmetatable(value, mt)
  return type(name) == "string" and name .. string.sub(text, 6) or text
end

local function told(...)
  local values = pack(...)
  for i = 1, values.n do
    if type(values[i]) == "table" then values[i] = tostring(values[i]) end
  end
  return raw_unpack(values, 1, values.n)
end
function string.format(pattern, ...) return raw_format(pattern, told(...)) end

local function next_index(t, i)
  i = i + 1
  local value = t[i]
  if value ~= nil then return i, value end
end
function ipairs(...)
  if select("#", ...) == 0 then raw_error("bad argument #1 to 'ipairs' (table expected, got no value)", 2) end
  return next_index, ..., 0
end

function table.unpack(t, i, j)
  if not has_metatable(t) then return raw_unpack(t, i, j) end
  local copy, first, n = {}, i or 1, 0
  for index = first, j or #t do
    n = n + 1
    copy[n] = t[index]
  end
  return raw_unpack(copy, 1, n)
end

function collectgarbage(what)
  if what == "count" then return 0.0 end
  if what == "isrunning" then return true end
  return 0
end
warn = function() end

-- Chunks are text; binary ones could do anything.
function load(chunk, name, mode, ...)
  if mode ~= nil and not string.find(mode, "t", 1, true) then
    return nil, format("attempt to load a text chunk (mode is '%s')", mode)
  end
  if type(chunk) == "function" then
    local pieces, n = {}, 0
    while true do
      local piece = chunk()
      if piece == nil or piece == "" then break end
      if type(piece) ~= "string" then raw_error("reader function must return a string", 2) end
      n = n + 1
      pieces[n] = piece
    end
    chunk, name = raw_concat(pieces), name or "=(load)"
  end
  if select("#", ...) > 0 then return raw_load(chunk, name, "t", (...)) end
  return raw_load(chunk, name, "t")
end
loadstring = load
string.dump = function() raw_error("unable to dump given function", 2) end

local read_whole = bind("io.read_whole")
function loadfile(path, mode, ...)
  if path == nil then return nil, "cannot read stdin" end
  local text, message = read_whole(path)
  if not text then return nil, message end
  if byte(text) == 35 then text = "--" .. text end -- a first line that begins with #
  if select("#", ...) > 0 then return load(text, "@" .. path, mode, (...)) end
  return load(text, "@" .. path, mode)
end

function dofile(path)
  local chunk, message = loadfile(path)
  if not chunk then raw_error(message, 0) end
  return chunk()
end

-- The order of strings in a table depends on a secret of the interpreter; here it is that of their bytes.
local ranks = { number = 1, string = 2, boolean = 3 }
function pairs(t)
  local f, state, first = raw_pairs(t)
  if f ~= next then return f, state, first end
  local keys, places, n, strings = {}, {}, 0, false
  for key in next, t do
    n = n + 1
    keys[n], places[key] = key, n
    strings = strings or type(key) == "string"
  end
  if not strings then return next, t, nil end
  raw_sort(keys, function(a, b)
    local x, y = ranks[type(a)] or 4, ranks[type(b)] or 4
    if x ~= y then return x < y end
    if x <= 2 then return a < b end
    return places[a] < places[b]
  end)
  local i = 0
  return function()
    while i < n do
      i = i + 1
      local value = rawget(t, keys[i])
      if value ~= nil then return keys[i], value end
    end
  end
end

-- Strings: the matcher is ours, because it counts its steps.
local function to_string(value, index, name)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return tostring(value) end
  raw_error(format("bad argument #%d to '%s' (string expected, got %s)", index, name, kind == "nil" and "no value" or kind), 3)
end

local function to_integer(value, default, index, name)
  if value == nil then return default end
  local integer = math.tointeger(tonumber(value))
  if not integer then
    local message = type(value) == "number" and "number has no integer representation" or "number expected, got " .. type(value)
    raw_error(format("bad argument #%d to '%s' (%s)", index, name, message), 3)
  end
  return integer
end

function string.find(s, pattern, init, plain)
  s, pattern = to_string(s, 1, "find"), to_string(pattern, 2, "find")
  return check(pure.find(s, pattern, to_integer(init, 1, 3, "find"), plain and true or false))
end

function string.match(s, pattern, init)
  s, pattern = to_string(s, 1, "match"), to_string(pattern, 2, "match")
  return check(pure.match(s, pattern, to_integer(init, 1, 3, "match")))
end

function string.gmatch(s, pattern, init)
  s, pattern = to_string(s, 1, "gmatch"), to_string(pattern, 2, "gmatch")
  local from, last = to_integer(init, 1, 3, "gmatch"), -1
  if from < 0 then from = #s + from + 1 end
  if from < 1 then from = 1 end
  local function step(start, stop, ...)
    if start == nil then
      from = #s + 2
      return nil
    end
    from, last = stop, stop
    return ...
  end
  return function()
    if from > #s + 1 then return nil end
    return step(check_inner(pure.next_match(s, pattern, from, last, false)))
  end
end

local function expand_replacement(replacement, whole, captures)
  local parts, n, i = {}, 0, 1
  while true do
    local j = check(pure.find(replacement, "%", i, true))
    n = n + 1
    if not j then
      parts[n] = sub(replacement, i)
      return raw_concat(parts)
    end
    parts[n] = sub(replacement, i, j - 1)
    local c = sub(replacement, j + 1, j + 1)
    n = n + 1
    if c == "%" then
      parts[n] = "%"
    elseif c == "0" then
      parts[n] = whole
    elseif c >= "1" and c <= "9" then
      local value = captures[tonumber(c)]
      if value == nil then raw_error(format("invalid capture index %%%s in replacement string", c), 0) end
      parts[n] = tostring(value)
    else
      raw_error("invalid use of '%' in replacement string", 0)
    end
    i = j + 2
  end
end

function string.gsub(s, pattern, replacement, limit)
  s, pattern = to_string(s, 1, "gsub"), to_string(pattern, 2, "gsub")
  local kind = type(replacement)
  if kind == "number" then replacement, kind = tostring(replacement), "string" end
  if kind ~= "string" and kind ~= "table" and kind ~= "function" then
    argument_error(3, "gsub", "string/function/table expected, got " .. (kind == "nil" and "no value" or kind))
  end
  local count = 0
  limit = to_integer(limit, #s + 1, 4, "gsub")
  local anchored = byte(pattern) == 94
  if anchored then pattern = sub(pattern, 2) end
  local from, last, copied, parts, n = 1, -1, 1, {}, 0
  while count < limit do
    local found = pack(check_inner(pure.next_match(s, pattern, from, last, anchored)))
    local start, stop = found[1], found[2]
    if start == nil then break end
    count = count + 1
    local whole, value = sub(s, start, stop - 1), nil
    if kind == "string" then
      local ok, text = raw_pcall(expand_replacement, replacement, whole, { unpack(found, 3, found.n) })
      if not ok then raw_error(text, 2) end
      value = text
    elseif kind == "table" then
      value = replacement[found[3]]
    else
      value = replacement(unpack(found, 3, found.n))
    end
    if value == nil or value == false then
      value = whole
    elseif type(value) ~= "string" and type(value) ~= "number" then
      raw_error(format("invalid replacement value (a %s)", type(value)), 2)
    end
    parts[n + 1], parts[n + 2] = sub(s, copied, start - 1), value
    n = n + 2
    from, last, copied = stop, stop, stop
    if anchored then break end
  end
  if n == 0 then return s, 0 end
  parts[n + 1] = sub(s, copied)
  return raw_concat(parts), count
end

function string.rep(s, n, separator)
  s, n = to_string(s, 1, "rep"), to_integer(n, 0, 2, "rep")
  separator = separator == nil and "" or to_string(separator, 3, "rep")
  if n <= 0 or #s + #separator == 0 then return "" end
  local size = n * (#s + #separator + 0.0)
  if size < pure.memory then spend(size // 16) end -- beyond, it fails at once
  return raw_rep(s, n, separator)
end

-- Tables whose length is whatever a function says are walked here, where steps are counted.
function table.insert(t, ...)
  if type(t) ~= "table" or not has_metatable(t) then
    local n = select("#", ...)
    if n == 1 then return raw_insert(t, (...)) end
    return raw_insert(t, ...)
  end
  local n, position, value = #t + 1, ...
  if select("#", ...) == 1 then
    t[n] = position
    return
  end
  if position < 1 or position > n then argument_error(2, "insert", "position out of bounds") end
  for i = n, position + 1, -1 do t[i] = t[i - 1] end
  t[position] = value
end

function table.remove(t, ...)
  if type(t) ~= "table" or not has_metatable(t) then return raw_remove(t, ...) end
  local n = #t
  local position = ... or n
  if select("#", ...) > 0 and n + 1 ~= position and (position < 1 or position > n + 1) then
    argument_error(2, "remove", "position out of bounds")
  end
  local value = t[position]
  for i = position, n - 1 do t[i] = t[i + 1] end
  if position <= n then t[n] = nil end
  return value
end

function table.concat(t, separator, i, j)
  if type(t) ~= "table" or not has_metatable(t) then return raw_concat(t, separator, i, j) end
  local copy, n = {}, 0
  for index = i or 1, j or #t do
    n = n + 1
    copy[n] = t[index]
    if type(copy[n]) ~= "string" and type(copy[n]) ~= "number" then
      raw_error(format("invalid value (at index %d) in table for 'concat'", index), 2)
    end
  end
  return raw_concat(copy, separator)
end

-- Merges what is sorted: comparisons are the scriptlet's own.
local function sorted(list, first, last, less)
  if first == last then return { list[first] } end
  local middle = (first + last) // 2
  local a, b = sorted(list, first, middle, less), sorted(list, middle + 1, last, less)
  local merged, i, j = {}, 1, 1
  for n = 1, #a + #b do
    if a[i] == nil or b[j] ~= nil and less(b[j], a[i]) then
      merged[n] = b[j]
      j = j + 1
    else
      merged[n] = a[i]
      i = i + 1
    end
  end
  return merged
end

function table.sort(t, compare)
  if type(t) ~= "table" then return raw_sort(t, compare) end
  local n = #t
  local plain = compare == nil and not has_metatable(t)
  for i = 1, n do
    local value = t[i]
    if value == nil then raw_error("attempt to compare nil with " .. type(t[1]), 2) end
    plain = plain and type(value) == type(t[1]) and (type(value) == "number" or type(value) == "string")
  end
  if n < 2 then return end
  if plain then return raw_sort(t) end
  local less = compare or function(a, b) return a < b end
  for i, value in next_index, sorted(t, 1, n, less), 0 do t[i] = value end
end

function table.move(from, first, last, target, to)
  to = to or from
  if last >= first then
    if target > last or target <= first or to ~= from then
      for i = 0, last - first do to[target + i] = from[first + i] end
    else
      for i = last - first, 0, -1 do to[target + i] = from[first + i] end
    end
  end
  return to
end
_G.unpack = table.unpack

function math.randomseed(seed, ...)
  if seed == nil then return randomseed(1) end
  return randomseed(seed, ...)
end
randomseed(1)

-- io: files of the tree.
local read_file, write_file, close_file = bind("file.read"), bind("file.write"), bind("file.close")
local seek_file, file_is_open, open_file = bind("file.seek"), bind("io.is_open"), bind("io.open")

local function file_argument(f, name)
  if not is_file(f) then
    raw_error(format("bad argument #1 to '%s' (FILE* expected, got %s)", name, f == nil and "no value" or type(f)), 3)
  end
  return f
end

local methods = {}
function methods.read(f, ...) return check(host("file.read", file_argument(f, "read"), ...)) end
function methods.write(f, ...)
  local ok, message, number = check_inner(host("file.write", file_argument(f, "write"), ...))
  if ok then return f end
  return nil, message, number
end
function methods.seek(f, ...) return check(host("file.seek", file_argument(f, "seek"), ...)) end
function methods.close(f) return check(host("file.close", file_argument(f, "close"))) end
function methods.flush(f)
  if not file_is_open(file_argument(f, "flush")) then raw_error("attempt to use a closed file", 2) end
  return f
end
function methods.setvbuf(f)
  if not file_is_open(file_argument(f, "setvbuf")) then raw_error("attempt to use a closed file", 2) end
  return true
end

local function lines_of(f, closes, ...)
  local formats = pack(...)
  return function()
    if not file_is_open(f) then raw_error("file is already closed", 2) end
    local found = pack(check_inner(host("file.read", f, unpack(formats, 1, formats.n))))
    if found[1] == nil then
      if found[2] then raw_error(found[2], 2) end
      if closes then close_file(f) end
    end
    return unpack(found, 1, found.n)
  end
end
function methods.lines(f, ...)
  if not file_is_open(file_argument(f, "lines")) then raw_error("attempt to use a closed file", 2) end
  return lines_of(f, false, ...)
end

local file_metamethods = {
  __index = methods,
  __name = "FILE*",
  __tostring = function(f) return file_is_open(f) and format("file (0x%08x)", pure.file_number(f)) or "file (closed)" end,
  __close = function(f) if file_is_open(f) then close_file(f) end end,
}
pure.register_files(file_metamethods)
local stdin, stdout, stderr = pure.standard_files()
local input, output = stdin, stdout

io = { stdin = stdin, stdout = stdout, stderr = stderr, tmpfile = bind("io.tmpfile") }
function io.open(...) return check(host("io.open", ...)) end
function io.popen(...) return check(host("io.popen", ...)) end
function io.close(f) return check(host("file.close", f == nil and output or file_argument(f, "close"))) end
function io.read(...) return check(host("file.read", input, ...)) end
function io.write(...)
  local ok, message, number = check_inner(host("file.write", output, ...))
  if ok then return output end
  return nil, message, number
end
function io.flush() return output end
function io.lines(path, ...)
  if path == nil then return lines_of(input, false, ...) end
  local f, message = check_inner(host("io.open", path, "r"))
  if not f then raw_error(message, 2) end
  return lines_of(f, true, ...), nil, nil, f
end
function io.type(f)
  if not is_file(f) then return nil end
  return file_is_open(f) and "file" or "closed file"
end
local function chosen(current, mode, f)
  if f == nil then return current end
  if is_file(f) then return f end
  local opened, message = open_file(f, mode)
  if not opened then raw_error(message, 3) end
  return opened
end
function io.input(f)
  input = chosen(input, "r", f)
  return input
end
function io.output(f)
  output = chosen(output, "w", f)
  return output
end

function print(...)
  local parts, n = {}, select("#", ...)
  for i = 1, n do parts[i] = tostring((select(i, ...))) end
  write_file(stdout, raw_concat(parts, "\t") .. "\n")
end

-- os
local time_of = bind("os.time_of")
os = {
  clock = bind("os.clock"), execute = bind("os.execute"), exit = bind("os.exit"), remove = bind("os.remove"),
  rename = bind("os.rename"), tmpname = bind("os.tmpname"), date = bind("os.date"),
}
function os.getenv(name) return check(host("posix.getenv", to_string(name, 1, "getenv"))) end
function os.difftime(a, b) return a - (b or 0) + 0.0 end
function os.setlocale(locale)
  if locale == nil or locale == "" or locale == "C" or locale == "POSIX" then return "C" end
  return nil
end
local now = bind("os.now")
function os.time(date)
  if date == nil then return now() end
  if type(date) ~= "table" then argument_error(1, "time", "table expected, got " .. type(date)) end
  local function field(name, default)
    local value = date[name]
    local integer = math.tointeger(tonumber(value))
    if integer then return integer end
    if value ~= nil then raw_error(format("field '%s' is not an integer", name), 3) end
    if not default then raw_error(format("field '%s' missing in date table", name), 3) end
    return default
  end
  local time = check_inner(host("os.time_of", field("year"), field("month"), field("day"), field("hour", 12), field("min", 0), field("sec", 0)))
  for name, value in next, os.date("*t", time) do date[name] = value end
  return time
end

-- posix
posix = { version = "posix library for Lua 5.4 / Nov 2003" }
for name in string.gmatch([[access chdir chmod chown dir errno exec fork getcwd getenv getgroup getpasswd getprocessid kill link mkdir
    mkfifo mkstemp pathconf putenv readlink redirect2null rmdir setenv setgid setuid sleep stat symlink sysconf times umask uname unlink
    unsetenv utime wait]], "%w+") do
  posix[name] = bind("posix." .. name)
end
function posix.ctermid() return "/dev/tty" end
function posix.getlogin() return nil end
function posix.ttyname() return nil end
local dir = posix.dir
function posix.files(...)
  local names, message, number = check_inner(host("posix.dir", ...))
  if not names then return nil, message, number end
  local i = 0
  return function()
    if not names then raw_error("attempt to use closed dir", 2) end
    i = i + 1
    local name = names[i]
    if name == nil then names = nil end
    return name
  end
end

-- rpm
rpm = { redirect2null = posix.redirect2null }
for name in string.gmatch("define execute expand glob isdefined load undefine", "%w+") do rpm[name] = bind("rpm." .. name) end
function rpm.interactive() raw_error("not a tty", 2) end
function rpm.b64encode(text, length)
  return check(pure.b64encode(to_string(text, 1, "b64encode"), to_integer(length, -1, 2, "b64encode")))
end
function rpm.b64decode(text) return check(pure.b64decode(to_string(text, 1, "b64decode"))) end
function rpm.vercmp(a, b) return check(pure.vercmp(to_string(a, 1, "vercmp"), to_string(b, 2, "vercmp"))) end
if pure.has_files() then rpm.next_file = bind("rpm.next_file") end

function rpm.spawn(words, actions)
  if type(words) ~= "table" then argument_error(1, "spawn", "table expected, got " .. type(words)) end
  if #words == 0 then raw_error("command not supplied", 2) end
  local target
  for name, path in pairs(type(actions) == "table" and actions or {}) do
    if name == "stdout" then target = path
    elseif name ~= "stdin" and name ~= "stderr" then raw_error("invalid spawn directive: " .. tostring(name), 2) end
  end
  return check(host("rpm.spawn", target, unpack(words, 1, #words)))
end

-- Words are kept together by the unit separator, as in rpm's macros.
function rpm.splitargs(text)
  local words, word, quoted = {}, nil, false
  for c in string.gmatch(to_string(text, 1, "splitargs"), ".") do
    if c == "\31" then
      quoted, word = not quoted, word or ""
    elseif not quoted and (c == " " or c == "\t") then
      words[#words + 1], word = word, nil
    else
      word = (word or "") .. c
    end
  end
  words[#words + 1] = word
  return words
end
function rpm.unsplitargs(words)
  if type(words) ~= "table" then argument_error(1, "unsplitargs", "table expected, got " .. type(words)) end
  local parts = {}
  for i = 1, #words do parts[i] = "\31" .. to_string(words[i], 1, "unsplitargs") .. "\31" end
  return raw_concat(parts, " ")
end

local version = { __name = "rpm.ver" }
local parts_of = setmetatable({}, { __mode = "k" })
local function new_version(epoch, v, release)
  local object = setmetatable({}, version)
  parts_of[object] = { e = epoch, v = v, r = release }
  return object
end
local function parts_argument(object)
  return parts_of[object] or raw_error("bad argument #1 (rpm.ver expected, got " .. type(object) .. ")", 3)
end
function version.__index(object, key)
  if key ~= "e" and key ~= "v" and key ~= "r" then raw_error("invalid attribute: " .. tostring(key), 2) end
  return parts_argument(object)[key]
end
function version.__tostring(object)
  local parts = parts_argument(object)
  return (parts.e and parts.e .. ":" or "") .. parts.v .. (parts.r and "-" .. parts.r or "")
end
local function compare(a, b)
  a, b = parts_argument(a), parts_argument(b)
  return pure.compare_parts(a.e, a.v, a.r, b.e, b.v, b.r)
end
function version.__eq(a, b) return compare(a, b) == 0 end
function version.__lt(a, b) return compare(a, b) < 0 end
function version.__le(a, b) return compare(a, b) <= 0 end
function rpm.ver(...)
  local n = select("#", ...)
  if n == 1 then
    local text = ...
    local epoch, v, release = pure.parse_version(to_string(text, 1, "ver"))
    if not v then return end
    return new_version(epoch, v, release)
  elseif n == 3 then
    local epoch, v, release = ...
    if v == nil then return end
    return new_version(epoch and tostring(epoch), tostring(v), release and tostring(release))
  end
  raw_error("invalid number of arguments: " .. n, 2)
end

local stream = { __name = "rpm.fd" }
local stream_methods = {}
stream.__index = stream_methods
function rpm.open(path, mode)
  local f = check_inner(host("rpm.open", path, mode))
  return setmetatable({ path = path, file = f }, stream)
end
function stream.__tostring(fd) return tostring(fd.path) end
function stream_methods.read(fd, length)
  if length == nil then return read_file(fd.file, "a") end
  return read_file(fd.file, length) or ""
end
function stream_methods.write(fd, text, length)
  text = to_string(text, 1, "write")
  if length then text = sub(text, 1, length) end
  local ok, message = write_file(fd.file, text)
  if not ok then raw_error(format("error writing %s: %s", fd.path, message), 2) end
  return #text
end
function stream_methods.seek(fd, whence, offset)
  local position, message = seek_file(fd.file, whence, offset)
  if not position then raw_error(format("%s: seek failed: %s", fd.path, message), 2) end
  return position
end
function stream_methods.flush() return 0 end
function stream_methods.reopen(fd, mode)
  local position = seek_file(fd.file)
  fd.file = check_inner(host("rpm.open", fd.path, mode))
  if not string.find(mode, ".", 1, true) then seek_file(fd.file, "set", position) end
  return fd
end
function stream_methods.close(fd)
  if not file_is_open(fd.file) then return -1 end
  close_file(fd.file)
  return 0
end

local hooks = {}
function rpm.register(name, f)
  if type(name) ~= "string" then argument_error(1, "register", "hook name expected") end
  if type(f) ~= "function" then argument_error(2, "register", "function expected") end
  local hook = { f = f }
  hooks[name] = hooks[name] or {}
  raw_insert(hooks[name], hook)
  return hook
end
function rpm.unregister(name, hook)
  for i, known in ipairs(hooks[name] or {}) do
    if known == hook then return raw_remove(hooks[name], i) and nil end
  end
end
function rpm.call(name, ...)
  if type(name) ~= "string" then argument_error(1, "call", "hook name expected") end
  for _, hook in ipairs(hooks[name] or {}) do pcall(hook.f, { ... }) end
end

local function call_macro(name, argument, ...)
  if select("#", ...) > 0 then raw_error("too many arguments", 2) end
  if type(argument) == "table" then
    local words = {}
    for i = 1, rawlen(argument) do words[i] = tostring(rawget(argument, i)) end
    return check(host("rpm.call_macro", name, unpack(words)))
  end
  return check(host("rpm.expand", "%{" .. name .. " " .. to_string(argument, 1, name) .. "}"))
end
macros = setmetatable({}, {
  __index = function(_, name)
    local defined, parametric = rpm.isdefined(name)
    if parametric then return function(...) return call_macro(name, ...) end end
    if defined then return rpm.expand("%{" .. name .. "}") end
  end,
  __newindex = function(_, name, body)
    if body == nil then return rpm.undefine(name) end
    return rpm.define(name .. " " .. tostring(body))
  end,
})

-- package: modules are files of the tree.
package = { path = "/usr/lib/rpm/lua/?.lua", cpath = "", config = "/\n;\n?\n!\n-\n", preload = {}, loaded = {} }
for _, name in ipairs({ "coroutine", "io", "math", "os", "package", "posix", "rpm", "string", "table", "utf8" }) do
  package.loaded[name] = _G[name]
end
package.loaded._G = _G
function package.searchpath(name, path, separator, replacement)
  name = string.gsub(name, "%" .. (separator or "."), (string.gsub(replacement or "/", "%%", "%%%%")))
  local tried = {}
  for template in string.gmatch(path, "[^;]+") do
    local file = string.gsub(template, "%?", (string.gsub(name, "%%", "%%%%")))
    if posix.access(file, "r") then return file end
    tried[#tried + 1] = "no file '" .. file .. "'"
  end
  return nil, raw_concat(tried, "\n\t")
end
function package.loadlib() return nil, "dynamic libraries not enabled; check your Lua installation", "absent" end
package.searchers = {
  function(name)
    if package.preload[name] then return package.preload[name], ":preload:" end
    return "no field package.preload['" .. name .. "']"
  end,
  function(name)
    local file, message = package.searchpath(name, package.path)
    if not file then return message end
    local chunk, problem = loadfile(file)
    if chunk then return chunk, file end
    raw_error(format("error loading module '%s' from file '%s':\n\t%s", name, file, problem), 0)
  end,
}
function require(name)
  name = to_string(name, 1, "require")
  if package.loaded[name] then return package.loaded[name] end
  local messages = {}
  for _, searcher in ipairs(package.searchers) do
    local loader, data = searcher(name)
    if type(loader) == "function" then
      local value = loader(name, data)
      if value ~= nil then package.loaded[name] = value end
      if package.loaded[name] == nil then package.loaded[name] = true end
      return package.loaded[name], data
    elseif type(loader) == "string" then
      messages[#messages + 1] = "\n\t" .. loader
    end
  end
  raw_error(format("module '%s' not found:%s", name, raw_concat(messages)), 2)
end

debug = { traceback = function(message) return message end }
package.loaded.debug = debug

-- Runs the scriptlet: true, or false and its error as text.
local function run(script, opt, arg)
  _G.opt, _G.arg = opt, arg
  main = running()
  local ok, problem = raw_pcall(script, opt, arg)
  if ok then return true end
  local kind = type(problem)
  if kind == "string" or kind == "number" then return false, tostring(problem) end
  if kind == "table" and metatables[problem] and metatables[problem].__tostring then
    local ok_text, text = raw_pcall(tostring, problem)
    if ok_text then return false, tostring(text) end
  end
  return false, format("(error object is a %s value)", kind)
end

return run
