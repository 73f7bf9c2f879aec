for i = 1, 5 do posix.mkdir("dir/" .. i) io.open("dir/f" .. i, "w"):close() end
local names = posix.dir("dir") table.sort(names) say(table.concat(names, " "))
names = {} for name in posix.files("dir") do names[#names + 1] = name end table.sort(names) say(table.concat(names, " "))
local next_name = posix.files("dir") repeat until next_name() == nil shown(next_name)
shown(posix.dir, "file") shown(posix.files, "none") shown(posix.dir, {})
say(posix.chdir("dir"), posix.getcwd() == BASE .. "/dir", #posix.dir(), posix.chdir("../link"), posix.getcwd() == BASE .. "/dir", posix.chdir("none"))
say(posix.access("../file", "rw"), posix.access("../file", "x"), posix.access(".", "rwx"))
