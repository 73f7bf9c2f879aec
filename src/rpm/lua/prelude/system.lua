-- The libraries os and posix.
local shared = ...
local host, check, check_inner, bind = shared.host, shared.check, shared.check_inner, shared.bind
local argument_error, to_string = shared.argument_error, shared.to_string
local raw_error, format, next = error, string.format, next

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
