-- rpm's additions to Lua's own safe libraries. These files run once in each interpreter, before the scriptlet, and share
-- one table. In it, `host` executes calls that read or change the tree or the process. `pure` has functions that depend
-- on their arguments only.
local shared = ...
local host, pure = shared.host, shared.pure

local raw_error, raw_pcall, raw_load, raw_pairs, raw_tostring = error, pcall, load, pairs, tostring
local raw_getmetatable, raw_setmetatable, raw_sort, raw_concat = getmetatable, setmetatable, table.sort, table.concat
local create, resume, yield, running, thread_status =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.running, coroutine.status
local select, type, rawget, rawset, next, tonumber = select, type, rawget, rawset, next, tonumber
local tointeger, format, byte = math.tointeger, string.format, string.byte
local halted = pure.halted

-- Errors. A call returns true and values, or false and a message. The message is raised at the scriptlet's call.
local function check(ok, ...)
  if ok then return ... end
  raw_error(..., 2)
end

-- The same for calls that are nested in a function below.
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

-- Arguments.
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


-- When a limit is reached, the hook that counts steps yields to the caller of the scriptlet. That works if Lua code calls
-- Lua code, but not across C. So C never calls a function of the scriptlet here. The parts of Lua's libraries that would
-- do so (message handlers, comparisons, metamethods) are implemented in Lua below.
--
-- No function that catches errors stops the end of a run or of a child.
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

-- Coroutines. To-be-closed variables are not closed if a coroutine fails or is closed itself.
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

-- Finalizers are disabled, because their steps would not be counted.
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

-- The metatable of strings is read-only, because C code uses it.
local of_strings = { __index = string }
function getmetatable(...)
  if type((...)) == "string" then return of_strings end
  return raw_getmetatable(...)
end

function tostring(...)
  local value = ...
  local mt = type(value) == "table" and metatables[value]
  local tell = mt and rawget(mt, "__tostring")
  if not tell then return raw_tostring(...) end
  local text = tell(value)
  if type(text) ~= "string" and type(text) ~= "number" then raw_error("'__tostring' must return a string", 2) end
  return text
end

local function next_index(t, i)
  i = i + 1
  local value = t[i]
  if value ~= nil then return i, value end
end
function ipairs(...)
  if select("#", ...) == 0 then raw_error("bad argument #1 to 'ipairs' (table expected, got no value)", 2) end
  return next_index, ..., 0
end

function collectgarbage(what)
  if what == "count" then return 0.0 end
  if what == "isrunning" then return true end
  return 0
end
warn = function() end

-- Chunks are text. Binary chunks are refused, because they are not safe.
function load(chunk, name, mode, ...)
  if mode == "b" then
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

local read_whole = bind("io.read_whole")
function loadfile(path, mode, ...)
  if path == nil then return nil, "cannot read stdin" end
  local text, message = read_whole(path)
  if not text then return nil, message end
  if byte(text) == 35 then text = "--" .. text end -- comment out a first line with #
  if select("#", ...) > 0 then return load(text, "@" .. path, mode, (...)) end
  return load(text, "@" .. path, mode)
end

function dofile(path)
  local chunk, message = loadfile(path)
  if not chunk then raw_error(message, 0) end
  return chunk()
end

-- Lua's order of strings in a table depends on a random seed. Here they are sorted by their bytes.
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

shared.check, shared.check_inner, shared.bind, shared.argument_error = check, check_inner, bind, argument_error
shared.to_string, shared.to_integer = to_string, to_integer
shared.has_metatable, shared.metatables, shared.next_index = has_metatable, metatables, next_index

-- Runs the scriptlet. Returns true, or false and the error as text.
function shared.run(script, opt, arg)
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
