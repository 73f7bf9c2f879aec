local paths = { "file", "dir", "link", "dangling", "dir/sub", "none", "dir/sub/deep", "file/x", ".", "dir/", "file/", "new", "new/" }
for _, old in ipairs(paths) do
  for _, new in ipairs(paths) do
    for _, f in ipairs({ posix.link, posix.symlink, os.rename }) do
      local found = table.pack(f(old, new))
      for i = 1, found.n do found[i] = tostring(found[i]):gsub("%.0$", "") end
      say(old, new, table.unpack(found, 1, found.n))
    end
  end
end
