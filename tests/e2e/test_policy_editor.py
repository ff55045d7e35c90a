"""test_policy_editor.py - sdk/lua has the words of policies as the program has them, and nothing that is not there."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from command import ROOT, run

SDK = os.path.join(ROOT, "sdk", "lua")
FILES = ("gw.lua", ".luacheckrc", ".luarc.json")
AGAIN = "write it again: build/llm-gateway policy editor sdk/lua; cp sdk/lua/.luacheckrc ."


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def classes():
    """Of gw.lua: class -> {field: optional}, with what it inherits."""
    found = {}
    for name, parent, body in re.findall(r"---@class (gw\.\w+)(?:: (gw\.\w+))?\n((?:---@field .*\n)*)", read(os.path.join(SDK, "gw.lua"))):
        fields = {field: bool(may) for field, may in re.findall(r"---@field (\w+)(\??)", body)}
        found[name] = {**found.get(parent, {}), **fields}
    return found


def functions():
    """Of gw.lua: (word, [(parameter, type)])."""
    for block, word in re.findall(r"((?:---@param .*\n)+)(?:---@return .*\n)*function ([\w.:]+)\(", read(os.path.join(SDK, "gw.lua"))):
        yield word, re.findall(r"---@param (\w+)\??\s+(.*)", block)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gw-editor-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def luacheck(self, *names, cwd=None):
        if shutil.which("luacheck") is None:
            self.skipTest("SKIPPED FOR WANT OF A PROGRAM: luacheck")
        return subprocess.run(["luacheck", "--no-color", "--config", os.path.join(SDK, ".luacheckrc"), *names], cwd=cwd or self.dir,
                              capture_output=True, text=True, timeout=60)

    def test_are_those_that_the_program_writes(self):
        done = run("policy", "editor", self.dir)
        self.assertEqual(done.code, 0, done)
        for name in FILES:
            self.assertEqual(read(os.path.join(self.dir, name)), read(os.path.join(SDK, name)), f"sdk/lua/{name}: {AGAIN}")
        self.assertEqual(read(os.path.join(SDK, ".luacheckrc")), read(os.path.join(ROOT, ".luacheckrc")), AGAIN)
        json.loads(read(os.path.join(SDK, ".luarc.json")))

    def test_leave_what_others_have_written(self):
        self.write(".luacheckrc", 'std = "mine"\n')
        self.write(".luarc.json", "{}\n")
        self.write("gw.lua", read(os.path.join(SDK, "gw.lua")).replace("gw.deny", "gw.dny"))
        done = run("policy", "editor", self.dir)
        self.assertEqual((done.code, done.out), (0, self.dir + "/gw.lua\n"))
        self.assertIn(".luacheckrc is there and is not from this command", done.err)
        self.assertEqual(read(os.path.join(self.dir, ".luacheckrc")), 'std = "mine"\n')
        self.assertEqual(read(os.path.join(self.dir, "gw.lua")), read(os.path.join(SDK, "gw.lua")))

    def test_luacheck_accepts_what_is_here(self):
        names = ["scripts/" + name for name in sorted(os.listdir(os.path.join(ROOT, "scripts"))) if name.endswith(".lua")]
        names += ["scripts/lib/" + name for name in sorted(os.listdir(os.path.join(ROOT, "scripts", "lib")))]
        self.assertGreater(len(names), 8)
        done = self.luacheck(*names, "sdk/lua/gw.lua", "gateway.lua", cwd=ROOT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_luacheck_finds_slips(self):
        self.write("x.lua", "local p = {}\nfunction p.on_request(req)\n spent = req.id\n os.execute('x')\n gw.counters.get('a')\n"
                            " return gw.dney(math.random())\nend\nreturn p\n")
        self.write("gateway.lua", "proivder 'x' {}\n")
        self.write("x_test.lua", "test.case('a', function() tst.equal(1, 1) end)\n")
        out = self.luacheck("x.lua", "gateway.lua", "x_test.lua").stdout
        for text in ("x.lua:3:2: setting non-standard global variable 'spent'", "x.lua:4:2: accessing undefined variable 'os'",
                     "x.lua:5:2: accessing undefined field 'counters.get' of global 'gw'",
                     "x.lua:6:9: accessing undefined field 'dney' of global 'gw'", "field 'random' of global 'math'",
                     "gateway.lua:1:1: accessing undefined variable 'proivder'", "x_test.lua:1:27: accessing undefined variable 'tst'"):
            self.assertIn(text, out)

    def run_hooks(self, policy, test):
        """What the test prints, a line each."""
        self.write("p.lua", policy)
        done = run("policy", "test", self.write("p_test.lua", test), cwd=self.dir)
        self.assertIn("1 passed, 0 failed", done.out, done)
        return done.out.splitlines()

    def test_options_are_those_that_the_words_take(self):
        known, calls = classes(), []
        values = {"string": '"x"', "integer": "403", "any": '"x"'}
        for word, parameters in functions():
            for i, (_, kind) in enumerate(parameters):
                if kind not in known or not kind.endswith("Options"):
                    continue
                before = [{"gw.llm.ask": ['"fast"', '"x"'], "gw.llm.chat_all": ['{ { model = "fast", messages = { { role = "user", text = "x" } } } }']}.get(word, [])[j:j + 1] or
                          ["function() end" if "fun" in t else '"x"' if "string" in t else values.get(t)]
                          for j, (_, t) in enumerate(parameters[:i])]
                before = [value[0] for value in before]
                for field in ["zzz", *known[kind]]:
                    calls.append((word, field, f"{word}({', '.join(before + ['{ %s = false }' % field])})"))
        self.assertGreater(len(calls), 50)
        lines = {hook: [f"    try('{word} {field}', function() {call} end)" for word, field, call in calls if (word == "gw.retry") == (hook == "on_response")]
                 for hook in ("on_request", "on_response")}
        out = self.run_hooks(
            "local policy, req = {}\nlocal function try(name, fn)\n    local _, why = pcall(fn)\n"
            "    print(name .. (tostring(why):find('unknown option', 1, true) and ' UNKNOWN' or ' known'))\nend\n"
            "function policy.on_request(r)\n    req = r\n" + "\n".join(lines["on_request"]) + "\nend\n"
            "function policy.on_response(r)\n    req = r\n" + "\n".join(lines["on_response"]) + "\nend\nreturn policy\n",
            'local policy = test.policy("p.lua")\ntest.case("a", function() test.llm("fast", "x") test.http("x", nil) policy:on_request { text = "x" } policy:on_response({ text = "x" }, { text = "y" }) end)\n')
        said = run("policy", "test", os.path.join(self.dir, "p_test.lua"), cwd=self.dir)
        got = dict(re.findall(r"([\w.:]+ \w+) (UNKNOWN|known)$", said.out + said.err, re.M))
        self.assertEqual(len(out) > 0 and len(got), len(calls), said)
        for word, field, _ in calls:
            self.assertEqual(got[f"{word} {field}"], "UNKNOWN" if field == "zzz" else "known", (word, field))

    def test_fields_are_those_that_hooks_get(self):
        policy = """
local policy = {}
local function show(name, t)
    local names = {}
    for k in pairs(t) do names[#names + 1] = k end
    gw.log.info("FIELDS " .. name .. " " .. table.concat(names, " "))
end
function policy.on_request(req)
    show("gw.Message", req.messages[1]) show("gw.ToolCall", req.tool_calls[1]) show("gw.Moment", gw.time.at("UTC"))
    show("gw.Spend", gw.spend { team = "support", per = "day" }) show("gw.Reply", (gw.http.get("place")))
    show("gw.Answer", (gw.llm.chat { model = "fast", messages = { { role = "user", text = "x" } } }))
end
function policy.on_route(req, targets) show("gw.Target", targets[1]) show("gw.Error", req.last_error) end
function policy.on_response(req, resp) show("gw.Response", resp) show("gw.Usage", resp.usage) end
function policy.on_finish(req, done) show("gw.Done", done) show("gw.Usage", done.usage) end
return policy
"""
        test = """
local policy = test.policy("p.lua")
test.case("a", function()
    test.llm("fast", "x") test.http("place", { json = { 1 } }) test.spend { team = "support", per = "day", spent_usd = 1, limit_usd = 2 }
    local request = { messages = { { role = "user", text = "x" }, { role = "assistant", tool_calls = { { id = "1", name = "f", arguments = "{}" } } } },
        last_error = { class = "timeout", provider = "a", target = "a/b" } }
    policy:on_request(request)
    policy:on_route(request, { { name = "a/b", region = "eu", cost_usd = 1 } })
    policy:on_response(request, { text = "x" })
    policy:on_finish(request, { outcome = "ok" })
end)
"""
        self.run_hooks(policy, test)
        said = run("policy", "test", os.path.join(self.dir, "p_test.lua"), cwd=self.dir)
        got = {name: set(names.split()) for name, names in re.findall(r"FIELDS (gw\.\w+) (.*)", said.out + said.err)}
        self.assertEqual(len(got), 11, said)
        for name, fields in got.items():
            known = classes()[name]
            self.assertLessEqual(fields, set(known), name)
            self.assertLessEqual({field for field, may in known.items() if not may}, fields, name)


if __name__ == "__main__":
    unittest.main()
