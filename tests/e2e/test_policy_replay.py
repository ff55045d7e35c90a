"""test_policy_replay.py - llm-gateway policy replay: what another policy would have decided on the requests that the ledger has."""

import json
import os
import shutil
import tempfile
import unittest

import upstream
from command import run
from harness import Gateway, auth, key_line, provider
from test_budget import PRICE

OLD = """
local policy = {}
function policy.on_request(req)
    if req.tags.plan == "free" then return gw.route("fast", "the plan") end
    if req.user == "mallory" then return gw.deny(403, "not_you", "no") end
end
return policy
"""
OTHER = """
return { on_request = function(req) if req.tags.blocked then return gw.deny(403, "blocked", "no") end end }
"""
LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(store)s
%(up)s
model "smart" { { "up/smart" } } model "fast" { { "up/fast" } } model "long" { { "up/long" } }
model "pair" { { "up/us", region = "us" }, { "up/eu", region = "eu" } }
team "t" { budget = { usd = 100, per = "day" } }
%(key)s
policy "%(dir)s/plan.lua" {}
policy "%(dir)s/other.lua" {}
"""
# who asks: tags, end user
ASKED = (("plan=free", "a"), ("plan=paid", "a"), ("plan=free", "b"), ("", "mallory"), ("", "c"), ("blocked=1", "c"))


class Replay(unittest.TestCase):
    STORE = ""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gw-replay-")
        up = upstream.Upstream(upstream.good)
        try:
            for name, text in (("plan.lua", OLD), ("other.lua", OTHER)):
                cls.write(name, text)
            lua = LUA % {"dir": cls.dir, "up": provider("up", up, PRICE), "key": key_line("k", "t"), "store": cls.STORE % {"dir": cls.dir}}
            cls.write("gateway.lua", lua)
            with Gateway(lua) as gw:
                cls.ids = []
                for tags, user in ASKED:
                    got = gw.chat("hello", model="smart", headers=auth("k") + [("x-gw-user", user)] + ([("x-gw-tags", tags)] if tags else []))
                    cls.ids.append(got.id)
                cls.pair = gw.chat("hello", model="pair", headers=auth("k")).id
                cls.texts = [gw.log_for(id_)["status"] for id_ in cls.ids]
        finally:
            up.stop()
        assert cls.texts == [200, 200, 200, 403, 200, 403], cls.texts

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    @classmethod
    def write(cls, name, text):
        with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def replay(self, text, *args, name="new.lua"):
        self.write(name, text)
        said = run("policy", "replay", os.path.join(self.dir, name), "-c", os.path.join(self.dir, "gateway.lua"), *args, env={"UP_KEY": "x"})
        self.assertEqual(said.err, "", said)
        return said

    def result(self, text, *args, **more):
        said = self.replay(text, "--json", *args, **more)
        out = json.loads(said.out)
        self.assertEqual(out["requests"], out["same"] + out["elsewhere"] + out["not_judged"] + sum(c["requests"] for c in out["changes"]), said)
        return out, said.code

    def changes(self, out):
        return {(c["from"], c["to"]): (c["requests"], sorted(c["examples"])) for c in out["changes"]}

    def test_the_same_policy_changes_nothing(self):
        out, code = self.result(OLD, "--as", "plan")
        self.assertEqual((code, out["policy"], out["requests"], out["same"], out["elsewhere"], out["changes"]), (0, "plan", 7, 6, 1, []))
        out, _ = self.result(OLD, name="plan.lua")  # its own file, in its own place
        self.assertEqual((out["policy"], out["same"]), ("plan", 6))

    def test_another_one_in_its_place(self):
        new = OLD.replace('"fast", "the plan"', '"long", "other plan"').replace('req.user == "mallory"', 'req.user == "c"')
        out, code = self.result(new, "--as", "plan")
        ids = self.ids
        self.assertEqual(self.changes(out), {("model fast", "model long"): (2, sorted([ids[0], ids[2]])), ("deny not_you", "model smart"): (1, [ids[3]]),
                                             ("model smart", "deny not_you"): (1, [ids[4]])})
        self.assertEqual((code, out["same"], out["elsewhere"], [c["reason"] for c in out["changes"] if c["to"] == "model long"]), (0, 2, 1, ["other plan"]))

    def test_a_new_one_beside_it(self):
        out, _ = self.result('return { on_request = function(req) if req.user == "a" then return gw.answer("no") end end }')
        self.assertEqual(self.changes(out), {("model fast", "answer"): (1, self.ids[:1]), ("model smart", "answer"): (1, self.ids[1:2])})
        self.assertEqual(out["elsewhere"], 2)  # those that the policies of the configuration refused

    def test_what_was_not_written_down_is_not_judged(self):
        out, code = self.result('return { on_request = function(req) pcall(function() return req.last_user end)\n'
                                'if req.user == "a" and req:find("x") then return gw.deny(403, "x", "y") end end }', "--as", "plan")
        self.assertEqual((code, out["not_judged"], out["same"], out["missing"][0]["what"], out["missing"][0]["requests"]), (0, 6, 0, "req.last_user", 6))
        self.assertNotIn("new.lua", out["missing"][0]["examples"])
        said = self.replay('return { on_request = function(req) if req.user == "a" and req:find("x") then return end end }')
        self.assertRegex(said.out, r"(?m)^ +2  not judged: req:find was not recorded \(2\)$")
        said = self.replay("return { on_response = function() end }")
        self.assertRegex(said.out, r"(?m)^ +5  not judged: the answer was not recorded \(5\)$")

    def test_counters_tokens_and_money_go_on_as_they_were(self):
        out, _ = self.result('local p = {}\nfunction p.on_request(req)\nif gw.counter.get(req.user, { per = "day" }) > 0 then return gw.deny(429, "again", "x") end end\n'
                             'function p.on_finish(req, done) gw.counter.add(req.user, done.usage.output, { per = "day" }) end return p', "--as", "plan")
        self.assertEqual(self.changes(out)["model smart", "deny again"], (1, [self.ids[1]]))
        out, _ = self.result('return { on_request = function(req) if req.estimated_input_tokens > 4 then return gw.route("long") end end }')
        self.assertEqual((self.changes(out)["model smart", "model long"][0], out["not_judged"]), (2, 0))
        out, _ = self.result('return { on_request = function(req) local d = gw.spend { team = req.team, per = "day" }\n'
                             'if d.spent_usd > 0 and d.limit_usd == 100 then return gw.deny(402, "spent", "x") end end }')
        self.assertEqual(sum(n for n, _ in self.changes(out).values()), 4)  # all of those that were let through but the first

    def test_targets(self):
        out, _ = self.result('return { on_route = function(req, targets) if req.model ~= "pair" then return end\n'
                             'for _, t in ipairs(targets) do if t.region == "eu" then return { t } end end end }')
        self.assertEqual((self.changes(out), out["same"]), ({("target up/us", "target up/eu"): (1, [self.pair])}, 4))
        out, _ = self.result('return { on_route = function(req, targets) if #targets == 2 then return gw.deny(403, "region", "no") end end }')
        self.assertEqual(self.changes(out), {("model pair", "deny region"): (1, [self.pair])})
        out, _ = self.result('return { on_route = function(req, targets) pcall(function() return targets[1].healthy end) end }')
        self.assertEqual((out["not_judged"], [m["what"] for m in out["missing"]]), (5, ["target.healthy"]))
        out, code = self.result('return { on_route = function(req, targets) return targets[1].helthy end }')
        self.assertEqual((code, out["failed"], out["not_judged"]), (1, 5, 0))

    def test_one_that_fails_and_wrong_words(self):
        out, code = self.result('return { on_request = function(req) if req.user == "a" then local x = nil; return x.y end end }')
        self.assertEqual((code, out["failed"], self.changes(out)["model smart", "error"][0]), (1, 2, 1))
        said = run("policy", "replay", os.path.join(self.dir, "plan.lua"), "-c", os.path.join(self.dir, "gateway.lua"), "--as", "nobody", env={"UP_KEY": "x"})
        self.assertIn('has no policy "nobody"', said.err)
        said = run("policy", "replay", os.path.join(self.dir, "none.lua"), "-c", os.path.join(self.dir, "gateway.lua"), env={"UP_KEY": "x"})
        self.assertIn("cannot be read", said.err)
        out, _ = self.result(OLD, "--as", "plan", "--since", "2099-01-01")
        self.assertEqual(out["requests"], 0)


class FromTheStore(Replay):
    STORE = 'store { plugin = "sqlite", path = "%(dir)s/store.sqlite" }'


if __name__ == "__main__":
    unittest.main()
