local versions = { "1", "1.0", "1.0-1", "1:1", "0:1.0", "1~rc1", "1^git1", "1.0-1.el9", "1.0-1.el9_1", "a", "1.a", "1.0.0", "001", "2-0", ":1", "1:", "1-", "a-b-c", "x:1", "6.12.0" }
for _, a in ipairs(versions) do
  local row = {}
  for _, b in ipairs(versions) do row[#row + 1] = rpm.vercmp(a, b) .. (rpm.ver(a) < rpm.ver(b) and "<" or rpm.ver(a) <= rpm.ver(b) and "=" or ">") end
  say(a, table.concat(row, " "))
end
for _, text in ipairs({ "1", "1-2", "3:1-2", "0:1", "a-b-c" }) do local v = rpm.ver(text) say(v, v.e, v.v, v.r) end
say(rpm.ver(1, "2", 3), rpm.ver("1", "2", "3") == rpm.ver("1:2-3"), rpm.ver(nil, "1", nil))
shown(rpm.ver) shown(rpm.ver, "1", "2") shown(function() return rpm.ver("1").x end) shown(rpm.vercmp, "", "1") shown(rpm.vercmp, "1", "")
