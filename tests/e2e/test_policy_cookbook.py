"""test_policy_cookbook.py - the policies of scripts/ that have no test of their own in a gateway; and what stands at the top of each."""

import os
import re
import tempfile
import unittest

import upstream
from command import ROOT, run
from harness import Gateway, auth, key_line, provider
from test_budget import PRICE
from upstream import reply_json

SCRIPTS = os.path.join(ROOT, "scripts")
LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(up)s
model "m" { { "up/m" }, { "up/m-eu", region = "eu" } }
model "fast" { { "up/fast" } } model "next" { { "up/next" } } model "a" { { "up/a" } } model "b" { { "up/b" } } model "c" { { "up/c" } } model "smart" { { "up/smart" } } model "judge" { { "up/judge" } }
team "agents" { session_budget = { usd = 10, per = "total" } }
team "eu" {} team "quota" {} team "plans" {} team "hours" {} team "moderation" {} team "canary" {} team "vote" {} team "again" {} team "cascade" {}
team "who" {} team "alias" {} team "cheapest" {}
model "pair" { { "up/dear" }, { "up/cheap", price = { input_usd_per_mtok = 0.001, output_usd_per_mtok = 0.001 } } }
%(keys)s
policy "%(scripts)s/agents.lua" { teams = { "agents" }, args = { cheap = "fast", stop_usd = 0.0000001 } }
policy "%(scripts)s/eu-only.lua" { teams = { "eu" } }
policy "%(scripts)s/quota.lua" { teams = { "quota" }, args = { tokens = 5 } }
policy "%(scripts)s/plans.lua" { teams = { "plans" }, args = { plans = { free = { model = "fast", max_tokens = 9, per_minute = 1 } } } }
policy "%(scripts)s/hours.lua" { teams = { "hours" }, args = { open = "mon-sun 00:00-24:00", night = "fast" } }
policy "%(scripts)s/moderation.lua" { teams = { "moderation" }, http = { moderation = { url = "http://127.0.0.1:%(port)d/moderate" } }, args = { timeout_ms = 5000 }, wait_ms = 6000 }
policy "%(scripts)s/canary.lua" { teams = { "canary" }, args = { to = "next", percent = 100.0 } }
policy "%(scripts)s/vote.lua" { teams = { "vote" }, llm = { "a", "b", "c" }, args = { panel = { "a", "b", "c" } } }
policy "%(scripts)s/ask-again.lua" { teams = { "again" }, retries = 2 }
policy "%(scripts)s/cascade.lua" { teams = { "cascade" }, llm = { "judge" }, args = { judge = "judge" } }
policy "%(scripts)s/who-pays.lua" { teams = { "who" }, args = { projects = { "shop" } } }
policy "%(scripts)s/alias.lua" { teams = { "alias" }, args = { names = { ["claude-code"] = { { "claude-opus-*", "smart" }, { "claude-*", "fast" } } } } }
policy "%(scripts)s/cheapest.lua" { teams = { "cheapest" } }
"""


class Cookbook(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.asked = []
        self.up = upstream.Upstream(self.answer)
        self.addCleanup(self.up.stop)
        teams = ("agents", "eu", "quota", "plans", "hours", "moderation", "canary", "vote", "again", "cascade", "who", "alias", "cheapest")
        self.gw = Gateway(LUA % {"dir": folder.name, "up": provider("up", self.up, PRICE), "scripts": SCRIPTS, "port": self.up.port,
                                 "keys": "".join(key_line(team, team) for team in teams)})
        self.addCleanup(self.gw.kill)

    def answer(self, request, out):
        body = request.json()
        if request.path.startswith("/moderate"):
            return out.send(reply_json({"results": [{"flagged": "bad" in body["input"]}]}))
        self.asked.append(body)
        text = {"a": "Spam", "b": "ham", "c": "spam.", "smart": '{"a":1}', "judge": "I give 3."}.get(body["model"], "hello")
        out.send(reply_json(upstream.completion(text=text, model=body["model"])))

    def ask(self, team, text="hello", tags=None, **headers):
        more = [("x-gw-tags", tags)] if tags else []
        return self.gw.chat(text, headers=auth(team) + more + [(name.replace("_", "-"), value) for name, value in headers.items()])

    def code(self, answer):
        return answer.json()["error"]["code"]

    def text(self, answer):
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["choices"][0]["message"]["content"]

    def test_each_in_a_gateway(self):
        self.assertEqual(self.text(self.ask("agents", x_gw_session="s1")), "hello")
        self.assertIn("This session has cost", self.text(self.ask("agents", x_gw_session="s1")))
        self.assertEqual(self.text(self.ask("agents", x_gw_session="s2")), "hello")

        for _ in range(5):
            self.text(self.ask("eu", tags="confidential=1"))
            self.assertEqual(self.asked[-1]["model"], "m-eu")

        self.assertEqual(self.code(self.ask("quota")), "user_needed")
        self.text(self.ask("quota", x_gw_user="u"))
        refused = self.ask("quota", x_gw_user="u")
        self.assertEqual((refused.status, self.code(refused)), (429, "user_quota"))
        self.text(self.ask("quota", x_gw_user="v"))

        self.text(self.ask("plans", tags="plan=paid"))
        self.assertEqual(self.asked[-1]["model"], "fast")
        self.assertIn(9, self.asked[-1].values())
        self.assertEqual(self.code(self.ask("plans")), "plan_rate")

        self.text(self.ask("hours"))
        self.assertEqual(self.code(self.ask("hours", tags="batch=1")), "come_at_night")

        self.assertEqual(self.text(self.ask("moderation", "good")), "hello")
        self.assertEqual(self.code(self.ask("moderation", "bad")), "flagged")

        answer = self.ask("canary")
        self.assertEqual((self.text(answer), self.asked[-1]["model"]), ("hello", "next"))
        self.assertIn("experiment=new", self.gw.log_for(answer.id)["tags"])

        answer = self.ask("vote", tags="vote=1")
        self.assertEqual(self.text(answer), "Spam")
        self.assertEqual(self.gw.log_for(answer.id)["policies"][0]["reason"], "2 of 3 agree")

        asked = len(self.asked)
        got = self.gw.chat("list", headers=auth("again"), response_format={"type": "json_object"})
        self.assertEqual(self.text(got), '{"a":1}')
        self.assertEqual([(b["model"], len(b["messages"])) for b in self.asked[asked:]], [("m", 1), ("m", 3), ("smart", 3)])
        asked = len(self.asked)
        got = self.ask("cascade")
        self.assertEqual((self.text(got), [b["model"] for b in self.asked[asked:]]), ('{"a":1}', ["m", "judge", "smart"]))
        self.assertEqual([p["reason"] for p in self.gw.log_for(got.id)["policies"] if "reason" in p], ["judged 3"])

        self.assertEqual(self.code(self.ask("who", x_gw_project="other")), "project_needed")
        got = self.ask("who", x_gw_project="shop", x_feature="cart")
        self.assertEqual((got.status, self.gw.log_for(got.id)["tags"]), (200, "client=other,feature=cart"))
        for model, meant in (("claude-opus-9", "smart"), ("claude-haiku-9", "fast")):
            got = self.gw.chat("hello", model=model, headers=auth("alias") + [("user-agent", "claude-cli/2.0.1 (external, cli)")])
            self.assertEqual((got.status, self.asked[-1]["model"]), (200, meant), got)
        got = self.gw.chat("hello", model="pair", headers=auth("cheapest"))
        self.assertEqual((got.status, self.asked[-1]["model"]), (200, "cheap"), got)
        self.gw.stop()


class Heads(unittest.TestCase):
    def test_what_stands_at_the_top_of_each_is_right(self):
        for name in sorted(os.listdir(SCRIPTS)):
            if not name.endswith(".lua") or name.endswith("_test.lua"):
                continue
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                with open(os.path.join(SCRIPTS, name), encoding="utf-8") as f:
                    head = re.match(r"(?:--.*\n)+", f.read()).group(0)
                code = "\n".join(re.findall(r"(?m)^--     (.*)$", head)).replace('"scripts/', f'"{SCRIPTS}/').replace('sha256 = "..."', f'sha256 = "{1:064x}"')
                if name != "house.lua":
                    self.assertIn("policy ", code)
                models = set(re.findall(r'"(fast|smart|large|vision|fast-next|a|b|c)"', code)) - set(re.findall(r'model "([\w-]+)"', code))
                code += "".join(f'\nmodel "{model}" {{ "demo/{model}" }}' for model in sorted(models))
                for provider_name in set(re.findall(r'"(openai|azure)/', code)):
                    code += f'\nprovider "{provider_name}" {{ plugin = "openai", base_url = "http://127.0.0.1:1/v1" }}'
                teams = set(re.findall(r'teams = \{ "(\w+)" \}', code)) - set(re.findall(r'team "(\w+)"', code))
                code += "".join(f'\nteam "{team}" {{}}' for team in sorted(teams))
                path = os.path.join(folder, "gateway.lua")
                with open(path, "w", encoding="utf-8") as f:
                    f.write('provider "demo" {}\nledger { path = "%s/ledger" }\n%s\n' % (folder, code))
                done = run("check", "-c", path, env={"MODERATION_KEY": "x"})
                self.assertEqual(done.code, 0, (code, done))


if __name__ == "__main__":
    unittest.main()
