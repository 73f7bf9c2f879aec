for _, mode in ipairs({ "644", 755, "4755", "2755", "1777", "0", "u+x", "g-w", "o=", "a+rwx", "+x", "-w", "u=rw,g=r,o=", "ug+rw,o-r", "u+s", "g+s",
                        "rwxr-xr-x", "rw-------", "rwsr-xr-x", "rwxr-s---", "--x--x--x", "r", "rw", "zz", "u", "u+q", "8", "78", "u+r,", " u + x ", "7777" }) do
  shown(posix.chmod, "file", mode)
  say(posix.stat("file", "mode"), posix.stat("file", "_mode"))
  shown(posix.chmod, "dir", mode)
  say(posix.stat("dir", "mode"))
end
posix.chmod("dir", "755")
shown(posix.chmod, "none", "zz")
for _, mode in ipairs({ "rwxr-x---", 77, "u-w", "777", "zz", "755" }) do
  shown(posix.umask, mode)
  say(posix.umask())
  posix.mkdir("d" .. tostring(mode)) io.open("f" .. tostring(mode), "w"):close() posix.mkfifo("p" .. tostring(mode))
end
