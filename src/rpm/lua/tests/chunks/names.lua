for _, f in ipairs({ posix.mkdir, posix.rmdir, posix.unlink, posix.readlink, posix.access, os.remove, io.open, posix.chdir, posix.mkfifo }) do
  for _, path in ipairs({ "file", "file/", "file/x", "dir", "dir/", "dir/.", "dir/..", "link", "link/", "dangling", "dangling/", "none/x", "none/",
                          "", ".", "..", "loop", ("n"):rep(256), ("n/"):rep(2100) }) do
    local found = table.pack(pcall(f, path))
    for i = 1, found.n do
      if type(found[i]) == "userdata" then found[i]:close() found[i] = "file" end
    end
    say(path:sub(1, 20), table.unpack(found, 1, found.n))
    if posix.getcwd() ~= BASE then posix.chdir(BASE) end
    if not posix.access("file") then local f = io.open("file", "w") f:write("one\ntwo\n") f:close() end
    if not posix.stat("link") then posix.symlink("dir", "link") end
    if not posix.stat("dangling") then posix.symlink("gone", "dangling") end
    if not posix.stat("loop") then posix.symlink("loop", "loop") end
    posix.mkdir("dir") posix.mkdir("dir/sub")
  end
end
