"""test_waiting.py - a request that fits its budgets only when others in flight are over waits for them, in order, on whatever worker it
is; its client may leave, and the gateway may be asked to end."""

import os
import signal
import tempfile
import threading
import unittest

import client
import upstream
from client import wait_for
from harness import Gateway, auth, key_line, provider
from test_budget import PRICE, USAGE
from test_ledger import verify
from upstream import DONE, delta, event, reply_json, stream

SHORT = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}  # 0.000035


class Waiting(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.gate, self.order, self.lock = threading.Event(), [], threading.Lock()
        self.up = upstream.Upstream(self.answer)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.gate.set)

    def answer(self, request, out):
        body = request.json()
        with self.lock:
            self.order.append(body["messages"][-1]["content"])
            first = len(self.order) == 1
        if first:
            self.gate.wait(20)
        if body.get("stream"):
            out.send(stream(delta("a"), delta(finish="stop"), event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [], "usage": SHORT}), DONE))
        else:
            out.send(reply_json(upstream.completion(usage=SHORT)))

    def gateway(self, more=""):
        """One attempt fits at a time: it is held with at most 1,000 output tokens and its bytes."""
        gw = Gateway('listen { workers = 4 }\nledger { path = "%s"%s }\n' % (self.path, more) + provider("up", self.up, PRICE) +
                     'model "m" { { "up/real" } }\nteam "t" { budget = { usd = "0.02", mode = "strict", per = "total", when_short = "refuse" } }\nteam "o" { budget = { usd = 1 } }\n' +
                     key_line("a", "t") + key_line("o", "o"))
        self.addCleanup(gw.kill)
        return gw

    def ask(self, gw, text, key="a", **more):
        return gw.chat(text, headers=auth(key), max_tokens=1000, **more)

    def start(self, gw, text, answers, **more):
        thread = threading.Thread(target=lambda: answers.append((text, self.ask(gw, text, **more))))
        thread.start()
        self.addCleanup(thread.join)
        return thread

    @staticmethod
    def waiting(gw):
        lines = gw.request("GET", "/metrics").body.decode().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("gw_budget_waiting_requests ")))

    def line_up(self, gw, texts, answers, first="first"):
        threads = [self.start(gw, first, answers)]
        self.assertTrue(wait_for(lambda: self.order))
        for i, text in enumerate(texts):
            threads.append(self.start(gw, text, answers, stream=i % 2 == 1))
            self.assertTrue(wait_for(lambda i=i: self.waiting(gw) == i + 1))
        return threads

    def test_in_order(self):
        gw, answers, texts = self.gateway(', budget_wait_s = 20'), [], ["%02d" % i for i in range(12)]
        threads = self.line_up(gw, texts, answers)
        self.assertEqual(self.ask(gw, "other", key="o").status, 200)  # nobody else waits
        self.gate.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual({a.status for _, a in answers}, {200})
        self.assertEqual([t for t in self.order if t != "other"], ["first"] + texts)
        self.assertEqual(self.waiting(gw), 0)
        gw.stop()
        report = verify(self.path)
        self.assertEqual((report["held_usd"], report["doubt_usd"], report["problems"], report["spent_usd"]), ("0", "0", 0, "0.00049"))

    def test_not_longer_than_allowed(self):
        gw, answers = self.gateway(', budget_wait_s = 0.3'), []
        threads = self.line_up(gw, [], answers)
        answer = self.ask(gw, "late")
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (429, "budget_in_flight"))
        self.gate.set()
        threads[0].join(20)
        self.assertEqual(self.order, ["first"])
        self.assertEqual(self.ask(gw, "next").status, 200)

    def test_a_client_that_leaves_gives_its_place_up(self):
        gw, answers = self.gateway(', budget_wait_s = 20'), []
        threads = self.line_up(gw, ["1"], answers)
        conn = client.Conn(gw.port)
        conn.send(client.build("POST", "/v1/chat/completions", auth("a"), {"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "leaves"}]}))
        self.assertTrue(wait_for(lambda: self.waiting(gw) == 2))
        conn.close()
        self.assertTrue(wait_for(lambda: self.waiting(gw) == 1))
        self.gate.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual(self.order, ["first", "1"])
        gw.stop()
        self.assertEqual((verify(self.path)["held_usd"], verify(self.path)["open"]), ("0", 0))

    def test_what_makes_room_may_leave_too_little(self):
        """The first costs so much that the one that waits does not fit any more: it is not kept waiting."""
        gw, answers = self.gateway(', budget_wait_s = 20'), []
        self.up.handler = lambda request, out: (self.order.append(1), self.gate.wait(20), out.send(reply_json(upstream.completion(usage={**USAGE, "completion_tokens": 1000}))))
        threads = self.line_up(gw, ["1"], answers)
        self.gate.set()
        for thread in threads:
            thread.join(20)
        status = {text: a for text, a in answers}
        self.assertEqual(status["first"].status, 200)
        self.assertEqual((status["1"].status, status["1"].json()["error"]["code"]), (429, "request_exceeds_budget"))

    def test_those_that_wait_are_served_before_it_ends(self):
        gw, answers = self.gateway(', budget_wait_s = 20'), []
        threads = self.line_up(gw, ["1", "2"], answers)
        gw.signal(signal.SIGTERM)
        self.gate.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual({a.status for _, a in answers}, {200})
        self.assertEqual(gw.wait(), 0)
        self.assertEqual(verify(self.path)["held_usd"], "0")


if __name__ == "__main__":
    unittest.main()
