-- The libraries package and debug. Modules are files of the tree.
local shared = ...
local to_string = shared.to_string
local raw_error, raw_concat, format = error, table.concat, string.format

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
