-- Generates random patterns and subjects and writes the results of the string library.
local seed = SEED
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return (seed >> 8) % n + 1
end
local pieces = {
  "a", "b", "c", ".", "%a", "%d", "%s", "%w", "%W", "%%", "%.", "[ab]", "[^ab]", "[a-c]", "[%d%s]", "[^%w]", "[]]", "[^]]", "[a-]", "[a%-c]",
  "(", ")", "()", "%1", "%2", "%b()", "%bab", "%f[%w]", "%f[^%a]", "*", "+", "-", "?", "^", "$", "[", "%", "]", "\0", "1", " ", "%x", "%p", "%g",
  "%u", "%l", "%c", "%b", "%f", "%0", "[a-%%]", "[%a-z]", "(a)", "(b*)", "(.-)", "([ab]+)",
}
local letters = { "a", "b", "c", "(", ")", "1", "2", " ", ".", "A", "-", "]", "\0", "\n", "ab", "aab", "é" }
local function make(list, length)
  local parts = {}
  for i = 1, random(length) - 1 do parts[i] = list[random(#list)] end
  return table.concat(parts)
end
local function show(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    text = text:gsub("^%[string .-%]:%d+: ", "", 1)
    parts[i] = text
  end
  write(table.concat(parts, "|") .. "\n")
end
for i = 1, 3000 do
  local pattern, subject = make(pieces, 8), make(letters, 12)
  local init = random(16) - 4
  write((string.format("%q %q %d", pattern, subject, init):gsub("\n", "n")) .. "\n")
  show(pcall(string.find, subject, pattern, init))
  show(pcall(string.match, subject, pattern, init))
  show(pcall(string.find, subject, pattern, init, true))
  show(pcall(string.gsub, subject, pattern, "<%0>"))
  show(pcall(string.gsub, subject, pattern, "%1%%", 2))
  show(pcall(string.gsub, subject, pattern, { a = "X", b = false, ab = 1 }))
  show(pcall(string.gsub, subject, pattern, function(...) return select("#", ...) .. tostring((...)) end))
  show(pcall(function()
    local found = {}
    for a, b in string.gmatch(subject, pattern) do found[#found + 1] = tostring(a) .. "," .. tostring(b) end
    return table.unpack(found)
  end))
end
