"""test_policy_wait.py - hooks that wait: their requests do, the worker goes on."""

import os
import tempfile
import threading
import time

import client
from client import wait_for
from harness import Case, Gateway, tsan

RULES = {
    "wait.lua": """
local policy = {}
function policy.on_request(req)
    local ms = tonumber(req.last_user:match("wait (%d+)"))
    if ms and gw.test_wait(ms) then gw.note("it has waited") end
    if req:find("route me") then return gw.route("other") end
end
function policy.on_route(req, targets)
    if req:find("on route") then
        gw.test_wait(50)
        table.remove(targets, 1)
    end
end
function policy.on_finish(req, done) gw.note(done.outcome) end
return policy
""",
}

LUA = """
listen { workers = 1 }
provider "demo" {}
model "m" { { "demo/a" }, { "demo/b" } }
model "other" { { "demo/c" } }
policy "%(dir)s/wait.lua" { wait_ms = 3000 }
"""


def ask(text):
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


class Waits(Case):
    @classmethod
    def make(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for name, text in RULES.items():
            with open(os.path.join(cls.folder.name, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(LUA % {"dir": cls.folder.name})

    @tsan
    def test_the_worker_goes_on(self):
        answers, threads = [], []
        began = time.monotonic()
        for _ in range(20):
            threads.append(threading.Thread(target=lambda: answers.append(self.gw.chat("wait 1500"))))
            threads[-1].start()
        quick = self.gw.chat("hello")
        self.assertEqual(quick.status, 200, quick)
        self.assertLess(time.monotonic() - began, 1.5, "it waited for the others")
        for thread in threads:
            thread.join()
        self.assertLess(time.monotonic() - began, 12, "they waited one after the other")
        self.assertEqual([answer.status for answer in answers], [200] * 20)
        hook = self.gw.log_for(answers[0].id)["policies"][0]
        self.assertGreaterEqual(hook["wait_ms"], 1400, hook)
        self.assertLess(hook["cpu_us"], 1000000)

    @tsan
    def test_what_it_decides_then(self):
        for stream in (False, True):
            line = self.gw.log_for(self.gw.chat("wait 20 route me", stream=stream).id)
            self.assertEqual((line["status"], line["model"]), (200, "other"), line)
        line = self.gw.log_for(self.gw.chat("on route").id)
        self.assertEqual([a["model"] for a in line["attempts"]], ["b"], line)

    @tsan
    def test_it_waits_no_longer_than_it_may(self):
        began = time.monotonic()
        answer = self.gw.chat("wait 60000")
        self.assertEqual(answer.status, 200, answer)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.gw.log_for(answer.id)["policies"][0]["notes"], ["it has waited"])

    @tsan
    def test_its_client_leaves(self):
        for _ in range(5):
            connection = client.Conn(self.gw.port)
            connection.send(client.build("POST", "/v1/chat/completions", [], ask("wait 2500 and leave")))
            time.sleep(0.1)
            connection.reset()
        began = time.monotonic()
        gone = lambda: [l for l in list(self.gw.lines) if l.get("status") == 499]
        self.assertTrue(wait_for(lambda: len(gone()) >= 5, 2), gone())
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(gone()[-1]["row"], "policy.request")
        self.assertEqual(gone()[-1]["policies"][-1]["notes"], ["cancelled"])
