rpm.define("zz_a 1") rpm.define("zz_b %{zz_a}2") rpm.define("zz_f() <%1|%2|%*|%#|%0>") rpm.define("zz_e %{nil}")
for _, text in ipairs({ "%{zz_a}", "%zz_a", "%{zz_b}", "%zz_b.", "%{?zz_a}", "%{?zz_none}", "%{!?zz_none:x}", "%{!?zz_a:x}", "%{?zz_a:y%{zz_b}}", "%{?zz_none:y}", "%zz_none",
                        "%{zz_none}", "%%zz_a", "%{zz_f a b}", "%zz_f c d e", "%{expand:%%{zz_a}}", "%{basename:a/b.c}", "%{suffix:a.b.c}", "100%", "%", "% a", "%{zz_e}|",
                        "%{?zz_e:set}", "a%{zz_a}b%{zz_a}c", "%{zz_f}", "%{dirname:/a/b}" }) do
  shown(rpm.expand, text)
end
say(rpm.isdefined("zz_a"), rpm.isdefined("zz_f"), rpm.isdefined("zz_none"))
rpm.define("zz_a other") say(rpm.expand("%{zz_b}")) rpm.undefine("zz_a") say(rpm.expand("%{zz_b}")) rpm.undefine("zz_a") say(rpm.expand("%{zz_b}"))
say(macros.zz_b ~= nil, macros.zz_none, macros.zz_f("x y"), macros.zz_f({ "x y", "z" }))
macros.zz_n = "new" say(macros.zz_n) macros.zz_n = nil say(macros.zz_n)
local f = io.open("macros", "w") f:write("%zz_m one\n# %zz_o no\n%zz_p two\\\n three\n%zz_q() [%1]\n%zz_r {\n four\n}\n") f:close()
say(rpm.load("macros"), rpm.expand("%{zz_m}"), rpm.expand("%{zz_p}"), rpm.expand("%{zz_q a}"), rpm.expand("%{zz_o}"), rpm.expand("%{zz_r}"))
