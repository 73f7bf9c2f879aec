-- Tables, and random numbers.
local shared = ...
local pure, has_metatable, next_index = shared.pure, shared.has_metatable, shared.next_index
local metatables = shared.metatables
local argument_error, to_integer = shared.argument_error, shared.to_integer
local raw_error, raw_insert, raw_remove, raw_concat = error, table.insert, table.remove, table.concat
local raw_sort, raw_unpack, randomseed = table.sort, table.unpack, math.randomseed
local select, type, format, spend = select, type, string.format, pure.spend

-- Tables with a metatable, whose length may be arbitrary, are processed in Lua, where steps are counted.
function table.insert(t, ...)
  if type(t) ~= "table" or not has_metatable(t) then
    if type(t) == "table" and select("#", ...) == 2 then
      local position = to_integer((...), nil, 2, "insert")
      if position and (position < 1 or position > #t + 1) then argument_error(2, "insert", "position out of bounds") end
    end
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

-- Merge sort in Lua, because the comparison may be a function of the scriptlet.
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

local function default_less(a, b)
  local x, y = type(a), type(b)
  if x == y and (x == "number" or x == "string") or metatables[a] or metatables[b] then return a < b end
  raw_error(x == y and format("attempt to compare two %s values", x) or format("attempt to compare %s with %s", x, y), 0)
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
  local less = compare or default_less
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

function table.unpack(t, i, j)
  if not has_metatable(t) then return raw_unpack(t, i, j) end
  local copy, first, n = {}, i or 1, 0
  for index = first, j or #t do
    n = n + 1
    copy[n] = t[index]
  end
  return raw_unpack(copy, 1, n)
end

_G.unpack = table.unpack

function math.randomseed(seed, ...)
  if seed == nil then return randomseed(1) end
  return randomseed(seed, ...)
end
randomseed(1)
