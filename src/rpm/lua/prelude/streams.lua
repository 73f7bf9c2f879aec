-- The library io: files of the tree.
local shared = ...
local host, pure, check, check_inner, bind = shared.host, shared.pure, shared.check, shared.check_inner, shared.bind
local raw_error, raw_concat, pack, unpack, format = error, table.concat, table.pack, table.unpack, string.format
local is_file = pure.is_file

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

shared.read_file, shared.write_file, shared.close_file = read_file, write_file, close_file
shared.seek_file, shared.file_is_open = seek_file, file_is_open
