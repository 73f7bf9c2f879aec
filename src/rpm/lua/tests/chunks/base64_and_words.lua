for i = 0, 100, 7 do
  local text = ("\0\255abc"):rep(i)
  local coded = rpm.b64encode(text)
  say(coded, rpm.b64decode(coded) == text)
end
for _, n in ipairs({ 0, 4, 5, 8, 76, -1 }) do say(rpm.b64encode("hello world, hello", n)) end
for _, text in ipairs({ "YWJj", "YWJ", "YW==", "!!", "", "YWJj\nZGVm", " YWJj ", "YQ=", "YQ===", "Y" }) do shown(rpm.b64decode, text) end
for _, text in ipairs({ "a b", " a  b\tc ", "", "a\31b c\31 d", "\31\31", "\31a" }) do say(#rpm.splitargs(text), table.concat(rpm.splitargs(text), "|")) end
say(rpm.unsplitargs({ "a", "b c", "" }), rpm.unsplitargs({}))
