-- The libraries rpm and macros.
local shared = ...
local host, pure, check, check_inner, bind = shared.host, shared.pure, shared.check, shared.check_inner, shared.bind
local argument_error, to_string, to_integer = shared.argument_error, shared.to_string, shared.to_integer
local read_file, write_file, close_file = shared.read_file, shared.write_file, shared.close_file
local seek_file, file_is_open = shared.seek_file, shared.file_is_open
local raw_error, raw_concat, raw_insert, raw_remove = error, table.concat, table.insert, table.remove
local sub, format, unpack, rawget, rawlen = string.sub, string.format, table.unpack, rawget, rawlen

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

-- As in rpm's macros, the unit separator quotes words.
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
  if not quoted then words[#words + 1] = word end
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
function rpm.open(...)
  local f = check_inner(host("rpm.open", ...))
  return setmetatable({ path = (...), file = f }, stream)
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
