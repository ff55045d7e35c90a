"""test_policy_panel.py - gw.llm.chat_all asks several models at once; request = req sends the client's own request to another model."""

import json
import os
import tempfile
import threading
import time
import unittest

import upstream
from client import wait_for
from harness import Gateway, auth, key_line, provider, tsan
from test_budget import PRICE
from upstream import reply, reply_json

RULE = """
local policy = {}
local function show(list)
    local out = {}
    for _, answer in ipairs(list) do out[#out + 1] = answer.index .. ":" .. answer.text end
    return table.concat(out, " ")
end
function policy.on_request(req)
    local what = req.tags.what
    if what == "vote" then
        local list = {}
        for _, model in ipairs { "a", "b", "c" } do list[#list + 1] = { model = model, request = req } end
        return gw.answer("got " .. show(gw.llm.chat_all(list, { timeout_ms = 1500 })))
    elseif what == "race" then
        local list = gw.llm.chat_all({ { model = "slow", request = req }, { model = "broken", request = req }, { model = "a", request = req } }, { first = 1 })
        return gw.answer("got " .. show(list))
    elseif what == "late" then
        return gw.answer("got " .. show(gw.llm.chat_all({ { model = "slow", request = req }, { model = "b", messages = { { role = "user", text = "x" } } } }, { timeout_ms = 700 })))
    elseif what == "mirror" then
        local answer, why = gw.llm.chat { model = "a", request = req, max_tokens = 7 }
        if not answer then return gw.answer(why) end
        local call = answer.tool_calls[1]
        return gw.answer(answer.text .. "|" .. answer.finish .. "|" .. (call and call.name .. call.arguments or "no call"))
    end
end
return policy
"""

LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(up)s
model "m" { { "up/real" } }
model "a" { { "up/a" } } model "b" { { "up/b" } } model "c" { { "up/c" } } model "slow" { { "up/slow" } } model "broken" { { "up/broken" } }
team "t" { budget = { usd = 100, per = "total" }, limits = { in_flight = 20 } }
%(keys)s
policy "%(dir)s/panel.lua" { llm = { "a", "b", "c", "slow", "broken" }, llm_wait_ms = 5000 }
"""
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"x":1}'}}


class Panel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(self.folder.name, "panel.lua"), "w", encoding="utf-8") as f:
            f.write(RULE)
        self.gate, self.asked, self.gathered = threading.Event(), [], threading.Barrier(3)
        self.together = self.after_broken = False
        self.up = upstream.Upstream(self.answer)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.gate.set)
        self.gw = Gateway(LUA % {"dir": self.folder.name, "up": provider("up", self.up, PRICE), "keys": key_line("a", "t")})
        self.addCleanup(self.gw.kill)

    def answer(self, request, out):
        body = request.json()
        self.asked.append((request.path, body))
        if self.together:
            self.gathered.wait(10)  # all three are here at the same time
        if body["model"] == "a" and self.after_broken:
            wait_for(lambda: any(line["model"] == "broken" for line in list(self.gw.lines)), 10)
        if body["model"] == "slow":
            self.gate.wait(10)
        if body["model"] == "broken":
            return out.send(reply(500, b"{}"))
        if request.path.endswith("/responses"):
            return out.send(reply_json({"id": "r", "object": "response", "status": "completed", "model": "a", "usage": {"input_tokens": 3, "output_tokens": 2},
                                        "output": [{"type": "message", "content": [{"type": "output_text", "text": "said"}]},
                                                   {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"x":1}'}]}))
        answer = upstream.completion(text="from " + body["model"], model=body["model"])
        if body.get("tools"):
            answer["choices"][0]["message"]["tool_calls"] = [CALL]
            answer["choices"][0]["finish_reason"] = "tool_calls"
        out.send(reply_json(answer))

    def ask(self, what, path="/v1/chat/completions", body=None):
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]} if body is None else body
        return self.gw.request("POST", path, body=body, headers=auth("a") + [("x-gw-tags", "what=" + what)])

    def children(self, answer, count):
        self.assertTrue(wait_for(lambda: len([1 for line in list(self.gw.lines) if line.get("parent") == answer.id]) == count, 5))
        return {line["model"]: line for line in list(self.gw.lines) if line.get("parent") == answer.id}

    def text(self, answer):
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["choices"][0]["message"]["content"]

    @tsan
    def test_all_at_once_and_metered_each(self):
        self.together = True
        answer = self.ask("vote")
        self.assertEqual(self.text(answer), "got 1:from a 2:from b 3:from c")
        children = self.children(answer, 3)
        self.assertEqual(sorted(children), ["a", "b", "c"])
        for child in children.values():
            self.assertGreater(float(child["cost_usd"]), 0)
            self.assertEqual(child["tags"], "policy=panel,what=vote")
        calls = self.gw.log_for(answer.id)["policies"][0]["calls"]
        self.assertEqual([(call["what"], call["status"]) for call in calls], [("a", 200), ("b", 200), ("c", 200)])

    @tsan
    def test_the_first_one_that_is_good(self):
        began, self.after_broken = time.monotonic(), True
        answer = self.ask("race")
        self.assertEqual(self.text(answer), "got 3:from a")
        self.assertLess(time.monotonic() - began, 8, "nobody waits for the slow one")
        children = self.children(answer, 3)
        self.assertEqual((children["slow"]["status"], children["broken"]["status"] >= 500, children["a"]["status"]), (499, True, 200))
        calls = {call["what"]: call for call in self.gw.log_for(answer.id)["policies"][0]["calls"]}
        self.assertIn("cancelled", json.dumps(calls["slow"]))
        self.assertIn("status 5", json.dumps(calls["broken"]))

    @tsan
    def test_what_came_in_time(self):
        answer = self.ask("late")
        self.assertEqual(self.text(answer), "got 2:from b")
        self.assertEqual(self.children(answer, 2)["slow"]["status"], 499)
        self.assertIn("timeout", json.dumps(self.gw.log_for(answer.id)["policies"][0]["calls"]))

    def test_the_request_goes_in_its_own_api(self):
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        body = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5, "tools": [tool],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "hé"}]}]}
        answer = self.ask("mirror", body=body)
        self.assertIn("from a|tool_calls|look{\\\"x\\\":1}", answer.body.decode())
        self.assertEqual(self.asked[-1][1], {"model": "a", "stream": False, "temperature": 0.5, "tools": [tool], "max_tokens": 7,
                                             "messages": body["messages"]})
        answer = self.ask("mirror", "/v1/messages", {"model": "m", "max_tokens": 100, "stream": True, "system": "be short",
                                                     "messages": [{"role": "user", "content": "hi"}]})
        self.assertIn("from a|stop|no call", answer.body.decode())
        self.assertEqual((self.asked[-1][1]["model"], self.asked[-1][1]["messages"][0]), ("a", {"role": "system", "content": "be short"}))
        self.assertIn(7, self.asked[-1][1].values())
        answer = self.ask("mirror", "/v1/responses", {"model": "m", "input": "hi"})
        self.assertIn("said|tool_calls|look", answer.body.decode())
        target, sent = self.asked[-1]
        self.assertEqual((target, sent["model"], sent["input"], sent["max_output_tokens"]), ("/v1/responses", "a", "hi", 7))
        answer = self.ask("mirror", "/v1/completions", {"model": "m", "prompt": "hi"})
        self.assertEqual(answer.status, 500)
        self.assertIn("for chat requests alone", self.gw.log_for(answer.id)["policies"][0]["reason"])


if __name__ == "__main__":
    unittest.main()
