"""test_explain.py - explain reports why each attempt went where it went, with the numbers of that moment."""

import json
import os
import re
import tempfile
import threading
import unittest

from client import wait_for
from command import run
from harness import Case, Gateway
from upstream import Upstream, good, reply_json

PRICE = 'price = { input_usd_per_mtok = %s, output_usd_per_mtok = 1 }'
MODELS = """
model "w" { { "a/x", weight = 3 }, { "b/x", weight = 1 }, fallback = { "c/x" } }
model "o" { "a/x", "b/x" }
model "cheap" { "a/x", "b/x", strategy = "lowest_cost" }
model "full" { { "a/one", max_in_flight = 1 }, "b/x" }
model "wait" { { "a/one", max_in_flight = 1 }, { "b/one", max_in_flight = 1 } }
model "small" { { "a/x", context_tokens = 10 }, "b/x", "c/x" }
model "alone" { "a/x" }
"""


def failing(status, headers=()):
    return lambda request, out: out.send(reply_json({"error": {"message": "no"}}, status, headers))


class Explain(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "ledger")
        self.ups = [Upstream(good) for _ in "abc"]
        for up in self.ups:
            self.addCleanup(up.stop)
        self.a, self.b, self.c = self.ups

    def gateway(self):
        lua = 'ledger { path = "%s" }\n' % self.path
        for name, up, usd in zip("abc", self.ups, (2, 1, 3)):
            lua += 'provider "%s" { plugin = "openai", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (name, up.url, PRICE % usd)
        return Gateway(lua + MODELS, env={"GW_TEST_HEALTH": "1"})

    def explain(self, gw, answer):
        gw.log_for(answer.id)
        said = run("explain", "--path", self.path, answer.id)
        self.assertEqual(said.code, 0, said)
        return said.out

    def test_of_a_draw_by_weights(self):
        with self.gateway() as gw:
            answer = gw.chat(model="w")
            text = self.explain(gw, answer)
            self.assertIn("attempt 1 was chosen by weighted:\n", text)
            self.assertRegex(text, r"  [ab]/x: chosen, 0 in flight, weight [13]\n  [ab]/x: usable, 0 in flight, weight [13]\n  c/x: usable, 0 in flight, weight 1\n")
            gw.log_for(answer.id)
            record = json.loads(run("explain", "--path", self.path, "--json", answer.id).out)["records"][-1]
            (route,) = record["policies"]
            self.assertEqual((route["route"], route["rule"], len(route["targets"])), (1, "weighted", 3))

    def test_of_failures_an_ejection_and_a_limit(self):
        with self.gateway() as gw:
            self.a.handler = failing(500)
            for _ in range(5):
                answer = gw.chat(model="o")
            text = self.explain(gw, answer)
            self.assertIn("attempt 1 was chosen by order:\n  a/x: chosen, 0 in flight\n  b/x: usable, 0 in flight\n", text)
            self.assertIn("attempt 2 was chosen by order:\n  b/x: chosen", text)
            text = self.explain(gw, gw.chat(model="o"))
            self.assertRegex(text, r"attempt 1 was chosen by order:\n  b/x: chosen, 0 in flight(, .*)?\n  a/x: ejected for another \d\.\d s, 0 in flight")
            self.b.handler = failing(429, [("Retry-After", "30")])
            self.assertEqual(gw.chat(model="w").status, 200)
            text = self.explain(gw, gw.chat(model="w"))
            self.assertRegex(text, r"  c/x: chosen, .*\n  a/x: ejected for another .*\n  b/x: cooling for another (29|3\d)\.\d s")

    def test_of_costs(self):
        with self.gateway() as gw:
            text = self.explain(gw, gw.chat(model="cheap"))
            costs = [float(usd) for usd in re.findall(r", ([\d.]+) USD expected", text)]
            self.assertIn("attempt 1 was chosen by lowest_cost:\n  b/x: chosen", text)
            self.assertEqual(len(costs), 2)
            self.assertLess(costs[0], costs[1])

    def test_of_full_targets_and_the_queue(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.a.handler = self.b.handler = lambda request, out: (gate.wait(20), good(request, out))
        with self.gateway() as gw:
            got = []
            threads = [threading.Thread(target=lambda: got.append(gw.chat(model="wait"))) for _ in range(3)]
            for thread in threads:
                thread.start()
            self.assertTrue(wait_for(lambda: 'gw_queue_waiting_requests{model="wait"} 1\n' in gw.request("GET", "/metrics").body.decode(), 10, 0.02))
            self.b.handler = good
            text = self.explain(gw, gw.chat(model="full"))
            self.assertIn("attempt 1 was chosen by order:\n  b/x: chosen, 0 in flight\n  a/one: full, 1 in flight\n", text)
            gate.set()
            for thread in threads:
                thread.join(20)
            texts = [self.explain(gw, answer) for answer in got]
            self.assertEqual(sum(bool(re.search(r"chosen by queue, after \d+ ms in the queue:\n", text)) for text in texts), 1, texts)

    def test_of_a_prompt_that_is_too_long_for_one(self):
        with self.gateway() as gw:
            text = self.explain(gw, gw.chat("word " * 40, model="small"))
            self.assertIn("attempt 1 was chosen by order, for a prompt of at least 40 tokens:\n  b/x: chosen", text)

    def test_nothing_is_noted_where_there_is_no_choice(self):
        with self.gateway() as gw:
            self.assertNotIn("was chosen", self.explain(gw, gw.chat(model="alone")))


if __name__ == "__main__":
    unittest.main()
