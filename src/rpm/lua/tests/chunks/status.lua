posix.utime("file", 1000, 2000) posix.utime("dir", 3000) posix.symlink("file", "l") posix.link("file", "hard") posix.mkfifo("fifo")
for _, path in ipairs({ "file", "link", "dangling", "fifo", "hard", "link/", "none", "file/" }) do
  for _, field in ipairs({ "mode", "type", "_mode", "nlink", "mtime" }) do
    if not (path:find("link") or path == "fifo" or path == "dangling") or field ~= "mtime" then shown(posix.stat, path, field) end
  end
end
shown(posix.stat, "file", "size") shown(posix.stat, "link", "size") shown(posix.stat, "file", "nothing")
local s = posix.stat("file")
local names = {} for name in pairs(s) do names[#names + 1] = name end table.sort(names) say(table.concat(names, " "))
say(s.ino == posix.stat("hard").ino, s.ino == posix.stat("l").ino, math.type(s.size), s.atime == math.floor(s.atime))
