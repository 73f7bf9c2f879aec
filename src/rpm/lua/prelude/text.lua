-- Strings. Patterns use a matcher of our own, which counts its steps.
local shared = ...
local pure, check, check_inner, argument_error = shared.pure, shared.check, shared.check_inner, shared.argument_error
local to_string, to_integer = shared.to_string, shared.to_integer
local raw_error, raw_pcall, raw_rep, raw_format = error, pcall, string.rep, string.format
local pack, unpack, raw_concat = table.pack, table.unpack, table.concat
local sub, byte, format = string.sub, string.byte, string.format

string.dump = function() raw_error("unable to dump given function", 2) end

local function told(...)
  local values = pack(...)
  for i = 1, values.n do
    if type(values[i]) == "table" then values[i] = tostring(values[i]) end
  end
  return unpack(values, 1, values.n)
end
function string.format(pattern, ...) return raw_format(pattern, told(...)) end

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
    return step(check_inner(pure.next_match(s, pattern, from, last, false, true)))
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
      if value == false then raw_error("unfinished capture", 0) end
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
    local found = pack(check_inner(pure.next_match(s, pattern, from, last, anchored, kind == "function")))
    local start, stop = found[1], found[2]
    if start == nil then break end
    count = count + 1
    local whole, value = sub(s, start, stop - 1), nil
    if kind == "string" then
      local ok, text = raw_pcall(expand_replacement, replacement, whole, { unpack(found, 3, found.n) })
      if not ok then raw_error(text, 2) end
      value = text
    elseif kind == "table" then
      if found[3] == false then raw_error("unfinished capture", 2) end
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
  if size < pure.memory then pure.spend(size // 16) end -- larger sizes fail immediately
  return raw_rep(s, n, separator)
end
