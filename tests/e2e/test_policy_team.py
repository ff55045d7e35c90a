"""test_policy_team.py - a team's own policies: for its requests alone, behind the operator's, within its models; they weaken nothing."""

import os
import tempfile
import unittest

from command import run
from harness import Case, Gateway, auth, key_line

RULES = {
    "router.lua": """
return { on_request = function(req)
    if req:find("elsewhere") then return gw.route("large", "operator") end
    if req:find("refused above") then return gw.deny(403, "by_operator", "no") end
end }
""",
    "own.lua": """
return { on_request = function(req)
    gw.note("own of " .. req.team .. " sees " .. req.model)
    if req:find("card") then return gw.deny(403, "by_team", "a card number") end
    if req:find("small") then return gw.route("small", "team") end
    if req:find("forbidden model") then return gw.route("large") end
    if req:find("wide") then gw.counter.add("n", 1, { per = "day", scope = "gateway" }) end
    if req:find("others") then return gw.deny(400, "x", tostring(gw.spend { team = "b", per = "day" }.spent_usd)) end
    if req:find("broken") then error("a slip") end
end }
""",
}

LUA = """
provider "demo" {}
model "m" { { "demo/m" } }
model "small" { { "demo/small" } }
model "large" { { "demo/large" } }
policy "%(dir)s/router.lua" {}
team "a" { models = { "m", "small" }, policies = { "%(dir)s/own.lua" } }
team "b" { models = { "m" } }
""" + key_line("ka", "a") + key_line("kb", "b")


class TeamPolicies(Case):
    @classmethod
    def make(cls):
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in RULES.items():
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(LUA % {"dir": cls.dir})

    def ask(self, text, key="ka"):
        answer = self.gw.chat(text, headers=auth(key))
        return answer, self.gw.log_for(answer.id)

    def trace(self, line, policy="a.own"):
        return [t for t in line["policies"] if t["policy"] == policy]

    def test_its_requests_alone(self):
        answer, line = self.ask("a card", "kb")
        self.assertEqual((answer.status, self.trace(line)), (200, []))
        answer, line = self.ask("a card")
        self.assertEqual((answer.status, line["error"]["code"]), (403, "by_team"))

    def test_a_guard_behind_a_router_denies_all_the_same(self):
        answer, line = self.ask("elsewhere with a card")
        self.assertEqual((answer.status, line["error"]["code"]), (403, "by_team"))
        self.assertEqual(self.trace(line)[0]["notes"], ["own of a sees large"])

    def test_behind_the_operators(self):
        answer, line = self.ask("refused above with a card")
        self.assertEqual((line["error"]["code"], self.trace(line)), ("by_operator", []))
        answer, line = self.ask("elsewhere, small")
        self.assertEqual((answer.status, line["model"], self.trace(line)[0]["decision"]), (200, "large", "overruled"))

    def test_within_its_models(self):
        answer, line = self.ask("small")
        self.assertEqual((answer.status, line["model"]), (200, "small"))
        answer, line = self.ask("forbidden model")
        self.assertEqual((answer.status, line["model"], self.trace(line)[0]["decision"]), (200, "m", "error"))
        self.assertIn('the team "a" may not use the model "large"', self.trace(line)[0]["reason"])

    def test_no_other_scopes_and_skipped_where_it_fails(self):
        for text, why in (("wide", 'has the scope "team" alone'), ("others", "may ask for its team"), ("broken", "a slip")):
            answer, line = self.ask(text)
            self.assertEqual((answer.status, self.trace(line)[0]["decision"]), (200, "error"), text)
            self.assertIn(why, self.trace(line)[0]["reason"])

    def test_check_names_the_place(self):
        with open(os.path.join(self.dir, "bad.lua"), "w", encoding="utf-8") as f:
            f.write("return {\n on_reqest = function() end }\n")
        path = os.path.join(self.dir, "gateway.lua")
        for text, wanted in ((LUA.replace("own.lua", "bad.lua"), r'gateway.lua:7: policy "a.bad": .*bad.lua.*on_request'),
                             (LUA.replace("own.lua", "none.lua"), r"gateway.lua:7: .*none.lua cannot be read"),
                             (LUA.replace('policies = { "%(dir)s/own.lua" }', 'policies = { "%(dir)s/own.lua", "%(dir)s/own.lua" }'),
                              r'gateway.lua:7: team "a": policies: there is another policy "a.own"')):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text % {"dir": self.dir})
            said = run("check", "-c", path)
            self.assertEqual(said.code, 78)
            self.assertRegex(said.err, wanted)


if __name__ == "__main__":
    unittest.main()
