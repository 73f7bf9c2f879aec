-- Functions for each chunk: `say` writes values in a line, `shown` formats the result or the error of a call.
local function say(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  io.stdout:write(table.concat(parts, "\t"), "\n")
  io.stdout:flush()
end
local function shown(f, ...)
  local found = table.pack(pcall(f, ...))
  if not found[1] then
    found[2] = tostring(found[2]):gsub("^%[string .-%]:%d+: ", ""):gsub("^[^ ]*:%d+: ", ""):gsub("'%w+%.(%w+)'", "'%1'")
  end
  say(table.unpack(found, 1, found.n))
end
