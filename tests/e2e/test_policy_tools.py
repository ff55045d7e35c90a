"""test_policy_tools.py - policies are tried without a server: `policy test` and what goes with it."""

import os
import re
import shutil
import tempfile
import unittest

from command import run

POLICY = """
local args = gw.args { share = 0.8, cheap = gw.arg.model("fast") }
local policy = {}
function policy.on_request(req)
    local day = gw.spend { team = req.team, per = "day" }
    if day.limit_usd and day.spent_usd > args.share * day.limit_usd then return gw.route(args.cheap, "soft") end
    if req:find("secret") then return gw.deny(403, "no_secret", "no") end
    local said = req:find("judge") and gw.llm.ask("judge", "is it?")
    if said then gw.note(said) req:tag("judged", said) req:add_system("be kind") end
    if req:find("http") then
        local reply, why = gw.http.post("place", { json = { a = 1 } })
        gw.note(reply and tostring(reply.json.ok) or why)
    end
    req.vars.text = req.last_user
    gw.note("n=" .. gw.counter.add("n", 1, { per = "day" }))
    if gw.time.within("mon-fri 22:00-06:00", "Europe/Berlin") then gw.note("night") end
end
function policy.on_route(req, targets) if targets[1].region ~= "eu" then table.remove(targets, 1) end end
function policy.on_response(req, resp) if resp.text == "bad" then return gw.deny(502, "bad_answer", req.vars.text) end end
function policy.on_finish(req, done) gw.note(done.outcome .. " " .. tostring(req.vars.text)) end
return policy
"""

GOOD = """
local policy = test.policy("p.lua", { share = 0.5, cheap = "small" })
test.case("money", function()
    test.spend { team = "support", per = "day", spent_usd = 30, limit_usd = 50 }
    local did = policy:on_request { team = "support", model = "smart", text = "hello" }
    test.equal(did.decision, "route") test.equal(did.model, "small") test.equal(did.reason, "soft")
    test.equal(did.at, "%(dir)s/p.lua:6")
    test.equal(policy:on_request({ team = "other" }).decision, "none")
end)
test.case("counters stay in a case", function()
    test.equal(policy:on_request({ text = "a" }).notes[1], "n=1")
    test.equal(policy:on_request({ text = "a" }).notes[1], "n=2")
end)
test.case("and begin empty in the next one", function() test.equal(policy:on_request({ text = "a" }).notes[1], "n=1") end)
test.case("each face", function()
    local faces = {}
    test.every_face(policy, { text = "a secret", system = "s", tools = { "x" }, images = 1 }, function(did, face)
        faces[#faces + 1] = face
        test.equal(did.code, "no_secret") test.equal(did.status, 403)
    end)
    test.equal(table.concat(faces, " "), "chat messages responses")
end)
test.case("a model, a tag, an edit", function()
    test.llm("judge", function(body) test.contains(body, "is it?") return "yes" end)
    local did = test.every_face(policy, { text = "judge", system = "s" })
    test.equal(did.tags.judged, "yes") test.equal(did.edits, "add_system") test.equal(did.calls[1].what, "judge")
    test.contains(table.concat(did.texts, "|"), "be kind")
end)
test.case("a place", function()
    test.http("place", function(asked) test.equal(asked.text, '{"a":1}') return { json = { ok = true } } end)
    test.equal(policy:on_request({ text = "http" }).notes[1], "true")
    test.http("place", nil)
    test.equal(policy:on_request({ text = "http" }).notes[1], "it cannot be reached")
end)
test.case("time", function()
    test.clock("2026-08-17 23:30", "Europe/Berlin")
    test.equal(policy:on_request({ text = "x" }).notes[2], "night")
    test.clock("2026-08-17 21:30", "Europe/Berlin")
    test.equal(policy:on_request({ text = "x" }).notes[2], nil)
end)
test.case("the other hooks, of one request", function()
    local request = { text = "hi" }
    policy:on_request(request)
    test.equal(policy:on_route(request, { { name = "a/b", region = "us" }, { name = "c/d", region = "eu" } }).targets[1], "c/d")
    local did = policy:on_response(request, { text = "bad" })
    test.equal(did.code, "bad_answer") test.equal(did.text, "hi")
    test.equal(policy:on_finish(request, { outcome = "denied" }).notes[1], "denied hi")
end)
"""


class PolicyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gw-policy-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.write("p.lua", POLICY)
        self.config = self.write("gateway.lua", 'provider "demo" {}\nmodel "fast" { { "demo/fast" } }\npolicy "p.lua" {}\n')

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def try_it(self, text, *more):
        return run("policy", "test", "-c", self.config, *more, self.write("p_test.lua", text))

    def test_words_of_a_test(self):
        done = self.try_it(GOOD % {"dir": self.dir})
        self.assertEqual((done.code, done.out), (0, "8 passed, 0 failed\n"), done.err)

    def test_a_failure_has_its_line(self):
        done = self.try_it('local p = test.policy("p.lua")\ntest.case("a", function()\n'
                         '    test.equal(p:on_request({ text = "secret" }).code, "other")\nend)\n')
        self.assertEqual(done.code, 1)
        self.assertIn("p_test.lua:3: got no_secret, want other\n0 passed, 1 failed\n", done.out)

    def test_an_error_of_the_policy_has_its_line(self):
        done = self.try_it('local p = test.policy("p.lua", {})\ntest.case("a", function() p:on_request { text = "judge" } end)\n'
                         'test.case("b", function() p:on_request { text = "x" } end)')
        self.assertEqual(done.code, 1)
        self.assertIn("p.lua:8: gw.llm.ask: the policy's block does not name the model", done.out)
        self.assertIn("1 passed, 1 failed", done.out)

    def test_an_error_while_a_hook_waits(self):
        done = self.try_it('local p = test.policy("p.lua")\ntest.case("a", function()\n'
                         '    test.llm("judge", function() error("a slip") end)\n    p:on_request { text = "judge" }\nend)\n'
                         'local p2 = test.policy("p.lua", {})\ntest.case("b", function()\n'
                         '    test.llm("judge", function() error("a slip") end)\n    p2:on_request { text = "judge" }\nend)\n')
        self.assertEqual(done.code, 1)
        self.assertIn("p_test.lua:8: a slip", done.out)

    def test_what_is_no_test(self):
        for text, why in [("", "it has no case"), ("x = = 1", "p_test.lua:1: "), ('test.policy("q.lua")', "q.lua cannot be read"),
                          ('test.policy("p.lua", { shre = 1 })', "shre"), ('test.cse("a")', 'test has no "cse"'),
                          ('local p = test.policy("p.lua")\ntest.case("a", function() p:on_request { txt = "" } end)', 'has no "txt"'),
                          ('os.exit(0)', "os"), ('io.open("x")', "io")]:
            done = self.try_it(text)
            self.assertEqual(done.code, 1, text)
            self.assertIn(why, done.out, text)

    def test_a_difference_between_faces_fails(self):
        self.write("p.lua", 'return { on_request = function(req) if req:get("max_tokens") then return gw.route("fast") end end }')
        done = self.try_it('local p = test.policy("p.lua")\ntest.case("a", function() test.every_face(p, { text = "x" }) end)')
        self.assertIn("as messages: decision is route, as chat it is none", done.out)

    def test_those_of_the_configuration(self):
        done = run("policy", "test", "-c", self.config)
        self.assertEqual((done.code, done.out), (0, "0 passed, 0 failed; policies without a test: 1\n"), done.err)
        self.write("p_test.lua", 'local p = test.policy("p.lua")\ntest.case("a", function()\n'
                                 '    test.equal(p:on_request({ text = "x" }).decision, "none")\n'
                                 '    test.equal(test.chain({ text = "secret" }).code, "no_secret")\n'
                                 '    local did, trace = test.chain({ text = "y" }, { { name = "a/b" }, { name = "c/d" } })\n'
                                 '    test.equal(#trace, 2) test.equal(did.targets[1], "c/d")\nend)')
        done = run("policy", "test", "-c", self.config)
        self.assertEqual((done.code, done.out), (0, "1 passed, 0 failed\n"), done.err)

    def test_check_runs_them(self):
        self.write("p_test.lua", 'local p = test.policy("p.lua")\ntest.case("a", function()\n    test.equal(1, 1)\nend)\n')
        done = run("check", self.config)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("tests of policies: 1 passed, 0 failed", done.err)
        self.write("p_test.lua", 'local p = test.policy("p.lua")\ntest.case("a", function()\n    test.equal(1, 2)\nend)\n')
        done = run("check", self.config)
        self.assertEqual(done.code, 78)
        self.assertIn("p_test.lua:3: got 1, want 2", done.err)
        self.assertNotIn("is all right", done.err)

    def test_those_that_come_with_the_gateway(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
        policies = sorted(n for n in os.listdir(folder) + ["lib/" + n for n in os.listdir(os.path.join(folder, "lib"))]
                          if n.endswith(".lua") and not n.endswith("_test.lua"))
        self.assertGreaterEqual(len(policies), 5)
        for name in policies:
            done = run("policy", "test", os.path.join(folder, name))
            self.assertEqual(done.code, 0, name + done.out + done.err)
            self.assertRegex(done.out, r"^[1-9]\d* passed, 0 failed")

    def test_the_example_of_the_reference(self):
        scripts = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
        with open(os.path.join(scripts, "README.md"), encoding="utf-8") as f:
            blocks = re.findall(r"```lua\n(.*?)```", f.read().partition("## Tests")[2], re.S)
        self.assertEqual(len(blocks), 1)
        shutil.copy(os.path.join(scripts, "soft-budget.lua"), self.dir)
        done = run("policy", "test", self.write("soft-budget_test.lua", blocks[0]))
        self.assertEqual((done.code, done.out), (0, "1 passed, 0 failed\n"), done.err)

    def test_without_policies(self):
        done = run("policy", "test", "-c", self.write("none.lua", 'provider "demo" {}\n'))
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("has no policy", done.out)

    def test_new(self):
        for more in ([], ["--when", "req.images > 0 and req.team == 'a'"], ["--when", "true"]):
            folder = tempfile.mkdtemp(dir=self.dir)
            done = run("policy", "new", "my-rule", *more, cwd=folder)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(sorted(os.listdir(folder)), ["my-rule.lua", "my-rule_test.lua"])
            done = run("policy", "test", "my-rule_test.lua", cwd=folder)
            self.assertEqual(done.code, 0, done.out)
            self.assertNotIn("0 passed", done.out)
            done = run("policy", "new", "my-rule", cwd=folder)
            self.assertEqual(done.code, 1)
            self.assertIn("is there already", done.err)
            os.remove(os.path.join(folder, "my-rule_test.lua"))
            with open(os.path.join(folder, "my-rule.lua"), "w", encoding="utf-8") as f:
                f.write("mine")
            self.assertEqual(run("policy", "new", "my-rule", cwd=folder).code, 1)
            self.assertEqual(os.listdir(folder), ["my-rule.lua"])
            with open(os.path.join(folder, "my-rule.lua"), encoding="utf-8") as f:
                self.assertEqual(f.read(), "mine")

    def test_new_refuses(self):
        for args, code, why in [(["Big"], 2, "a policy's name"), (["x_test"], 2, "a policy's name"), (["../x"], 2, "a policy's name"), ([], 2, "new NAME"),
                                (["x", "--when", "req.imges > 0"], 1, "imges"), (["x", "--when", "a b"], 1, "x.lua:7")]:
            folder = tempfile.mkdtemp(dir=self.dir)
            done = run("policy", "new", *args, cwd=folder)
            self.assertEqual(done.code, code, done.err)
            self.assertIn(why, done.err)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
