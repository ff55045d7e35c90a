"""test_policy_llm.py - gw.llm: a policy asks a model through the gateway, as a request of the same team with a tag of its own."""

import os
import tempfile
import threading
import time
import unittest

import client
import upstream
from client import wait_for
from harness import Gateway, auth, key_line, provider, tsan
from test_budget import PRICE
from upstream import reply_json

RULE = """
local args = gw.args { classifier = gw.arg.model("classifier") }
local policy = {}
function policy.on_request(req)
    local text = req.last_user
    if text == "spent" then return gw.answer(tostring(gw.spend { team = req.team, per = "total" }.spent_usd)) end
    if text == "forbidden" then gw.llm.ask("m", "x") end
    if text == "chat" then
        local answer, why = gw.llm.chat { model = args.classifier, max_tokens = 5, messages = { { role = "system", text = "short" }, { role = "user", text = "hi" } } }
        return gw.answer(answer and answer.text .. " " .. answer.finish .. " " .. answer.usage.input .. "+" .. answer.usage.output .. " " .. tostring(answer.cost_usd ~= nil) or why)
    end
    if text == "plain" then return end
    local word, why = gw.llm.ask(args.classifier, "classify: " .. text, { system = "one word", max_tokens = 5, timeout_ms = 1500 })
    if not word then gw.note(why) return end
    return gw.route(word, "class " .. word)
end
function policy.on_route(req, targets)
    if req.model == "classifier" then
        local _, why = gw.llm.ask(args.classifier, "again")
        gw.note(why)
        if req:find("no target") then return gw.deny(403, "region", "nobody may answer") end
    end
end
function policy.on_finish(req, done) gw.note(done.outcome) end
return policy
"""

LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(up)s
model "m" { { "up/real" } }
model "smart" { { "up/strong" } }
model "classifier" { { "up/small" } }
team "t" { budget = { usd = 100, per = "total" }, models = { "m" } }
team "poor" { budget = { usd = "0.000001", mode = "strict", per = "total", when_short = "refuse" } }
%(keys)s
policy "%(dir)s/classify.lua" { llm = { "classifier" }, llm_wait_ms = 5000 }
"""


class Llm(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(self.folder.name, "classify.lua"), "w", encoding="utf-8") as f:
            f.write(RULE)
        self.gate, self.asked = threading.Event(), []
        self.up = upstream.Upstream(self.answer)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.gate.set)
        self.gw = Gateway(LUA % {"dir": self.folder.name, "up": provider("up", self.up, PRICE), "keys": key_line("a", "t") + key_line("p", "poor")})
        self.addCleanup(self.gw.kill)

    def answer(self, request, out):
        body = request.json()
        self.asked.append(body)
        if body["model"] == "small" and "wait" in body["messages"][-1]["content"]:
            self.gate.wait(10)
        out.send(reply_json(upstream.completion(text="smart" if body["model"] == "small" else "done", model=body["model"])))

    def ask(self, text, key="a"):
        return self.gw.chat(text, headers=auth(key) + [("x-gw-tags", "mine=1"), ("x-gw-project", "pr")])

    def child_of(self, answer):
        return self.gw.log_when(lambda line: line.get("parent") == answer.id)

    @tsan
    def test_a_classifier_routes(self):
        answer = self.ask("what is this")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([body["model"] for body in self.asked], ["small", "strong"])
        self.assertEqual(self.asked[0]["messages"], [{"role": "system", "content": "one word"}, {"role": "user", "content": "classify: what is this"}])
        self.assertEqual(self.asked[0]["max_tokens"], 5)
        line, child = self.gw.log_for(answer.id), self.child_of(answer)
        self.assertEqual((line["model"], line["policies"][0]["reason"]), ("smart", "class smart"))
        call = line["policies"][0]["calls"][0]
        self.assertEqual((call["word"], call["what"], call["status"]), ("llm", "classifier", 200))
        self.assertNotIn("parent", line)
        self.assertEqual((child["team"], child["key"], child["project"], child["status"], child["model"]), (line["team"], line["key"], "pr", 200, "classifier"))
        self.assertEqual((line["tags"], child["tags"]), ("mine=1", "mine=1,policy=classify"))
        hooks = [(hook["hook"], hook.get("notes")) for hook in child["policies"]]
        self.assertEqual(hooks, [("on_route", ["a request that a policy makes asks no model itself"])])
        spent = float(self.ask("spent").json()["choices"][0]["message"]["content"])
        self.assertGreater(float(child["cost_usd"]), 0)
        self.assertAlmostEqual(spent, float(line["cost_usd"]) + float(child["cost_usd"]), 9)

    @tsan
    def test_chat(self):
        self.assertEqual(self.ask("chat").json()["choices"][0]["message"]["content"], "smart stop 5+2 true")

    def test_what_is_refused(self):
        answer = self.ask("forbidden")
        self.assertEqual(answer.status, 500)
        self.assertIn("the policy's block does not name the model", self.gw.log_for(answer.id)["policies"][0]["reason"])
        answer = self.ask("no target please")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.gw.log_for(answer.id)["policies"][0]["notes"], ["status 403: nobody may answer"])
        del self.asked[:]
        poor = self.ask("hello", "p")
        self.assertIn("status 4", self.gw.log_for(poor.id)["policies"][0]["notes"][0])
        self.assertEqual((poor.status >= 400, self.asked), (True, []), "the budget holds for both")
        self.assertEqual(self.child_of(poor)["team"], "poor")

    @tsan
    def test_too_late_and_gone(self):
        began = time.monotonic()
        answer = self.ask("wait for it")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.gw.log_for(answer.id)["policies"][0]["notes"], ["timeout"])
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(self.child_of(answer)["status"], 499)
        conn = client.Conn(self.gw.port)
        body = {"model": "m", "messages": [{"role": "user", "content": "wait and leave"}]}
        before = len(self.asked)
        conn.send(client.build("POST", "/v1/chat/completions", auth("a"), body))
        self.assertTrue(wait_for(lambda: len(self.asked) > before, 5))
        conn.reset()
        parent = self.gw.log_when(lambda line: line["status"] == 499 and "parent" not in line, 1)
        self.assertEqual(parent["row"], "policy.request")
        self.gw.log_when(lambda line: line.get("parent") == parent["id"] and line["status"] == 499)
        self.gate.set()
        self.assertEqual(self.ask("plain").status, 200)
        self.gw.stop()
