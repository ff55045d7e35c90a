"""test_shadow.py - a copy of a request goes to another target: the client does not notice, and it is bounded."""

import json
import os
import tempfile
import threading
import time
import unittest

from client import wait_for
from command import run
from harness import Case, Gateway, auth, key_line
from upstream import Upstream, good, reply_json

PRICE = "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }"


class Shadow(Case):
    def setUp(self):
        self.a, self.b = Upstream(good), Upstream(good)
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "ledger")

    def gateway(self, shadow='"b/other", sample = 1', more=""):
        lua = 'ledger { path = "%s" }\n' % self.path
        for name, up in (("a", self.a), ("b", self.b)):
            lua += 'provider "%s" { plugin = "openai", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (name, up.url, PRICE)
        return Gateway(lua + 'model "m" { "a/real", shadow = { %s } }\n' % shadow + more, env={"GW_TEST_HEALTH": "1"})

    def copies(self, n):
        self.assertTrue(wait_for(lambda: len(self.b.requests) >= n, 10, 0.01), len(self.b.requests))

    def line_of_copy(self, gw, answer):
        return gw.log_when(lambda line: line.get("parent") == answer.id)

    def test_a_copy_goes_there_whole_and_as_a_stream(self):
        with self.gateway() as gw:
            for n, stream in ((1, False), (2, True)):
                answer = gw.chat("text %d" % n, stream=stream)
                self.assertEqual(answer.status, 200)
                self.copies(n)
                sent, copy = self.a.requests[-1].json(), self.b.requests[-1].json()
                self.assertEqual((sent.pop("model"), copy.pop("model")), ("real", "other"))
                self.assertEqual(sent, copy)
                line = self.line_of_copy(gw, answer)
                self.assertEqual((line["status"], line["tags"], line["team"], line["model"], line["stream"]), (200, "shadow=m", "default", "b/other", stream))
                self.assertEqual((line["usage"]["input"], line["cost_usd"]), (5, "1"))
                self.assertEqual(gw.log_for(answer.id)["cost_usd"], "1")
            said = json.loads(run("usage", "--path", self.path, "--by", "tag", "--format", "json").out)
            self.assertIn("shadow=m", json.dumps(said))

    def test_it_neither_delays_nor_fails_the_request(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.b.handler = lambda request, out: gate.wait(30)
        with self.gateway() as gw:
            begun = time.monotonic()
            self.assertEqual(gw.chat().status, 200)
            self.copies(1)
            self.assertLess(time.monotonic() - begun, 5)
            self.b.handler = lambda request, out: out.send(reply_json({"error": {"message": "no"}}, 500))
            answer = gw.chat()
            self.assertEqual(answer.status, 200)
            line = self.line_of_copy(gw, answer)
            self.assertEqual([a["outcome"] for a in line["attempts"]], ["status_500"])  # once
            begun = time.monotonic()
        self.assertLess(time.monotonic() - begun, 15)  # the one that hangs does not keep the process
        gate.set()

    def test_so_many_are_in_flight_and_no_more(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.b.handler = lambda request, out: (gate.wait(30), good(request, out))
        with self.gateway() as gw:
            for _ in range(10):
                self.assertEqual(gw.chat().status, 200)
            self.copies(4)
            self.assertIn('event="shadow_dropped"} 6\n', gw.request("GET", "/metrics").body.decode())
            gate.set()
            self.assertTrue(wait_for(lambda: gw.chat().status == 200 and len(self.b.requests) > 4, 10, 0.05))

    def test_they_cost_so_much_a_day_and_no_more(self):
        with self.gateway('"b/other", sample = 1, usd_per_day = 3', 'team "default" { budget = { usd = 1000 } }\n') as gw:
            for n in range(6):
                answer = gw.chat()
                self.assertEqual(answer.status, 200)
                self.assertEqual(self.line_of_copy(gw, answer)["status"], 200 if n < 3 else 429)
            self.assertEqual(len(self.b.requests), 3)
            self.assertEqual(len(self.a.requests), 6)

    def test_nobodys_key_pays_or_is_limited(self):
        more = 'team "t" { budget = { usd = 2.5 }, limits = { rpm = 2 } }\n' + key_line("k", "t")
        with self.gateway(more=more) as gw:
            for n in (1, 2):
                self.assertEqual(gw.chat(headers=auth("k")).status, 200)
                self.copies(n)
            self.assertEqual(gw.chat(headers=auth("k")).status, 429)

    def test_what_may_not_be_copied_is_not(self):
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
        more = 'team "eu" { require = { region = "eu" }, models = { "m", "r" } }\nteam "t" {}\nmodel "r" { { "a/real", region = "eu" }, shadow = { "b/other", sample = 1 } }\n'
        with self.gateway(more=more + key_line("k", "t") + key_line("e", "eu")) as gw:
            def ask(**more):
                self.assertEqual(gw.chat(**{"headers": auth("k"), **more}).status, 200)
            ask(tools=[tool])
            ask(store=True)
            ask(headers=auth("k") + [("x-gw-cache", "no-store")])
            ask(headers=auth("e"), model="r")
            ask(model="a/real")
            gw.request("POST", "/v1/embeddings", auth("k"), {"model": "m", "input": "x"})
            ask()
            self.copies(1)
            self.assertEqual(len(self.b.requests), 1)

    def test_a_part_of_them(self):
        with self.gateway('"b/other", sample = 0.25') as gw:
            for _ in range(120):
                gw.chat()
            self.copies(5)
            self.assertLess(len(self.b.requests), 70)
        with self.gateway('"b/other", sample = 0') as gw:
            before = len(self.b.requests)
            for _ in range(20):
                gw.chat()
            self.assertEqual(len(self.b.requests), before)


class Words(unittest.TestCase):
    def check(self, text, *flags):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gateway.lua")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            first = run("check", *flags, "-c", path)
            if flags and first.code == 0:
                with open(path, "w", encoding="utf-8") as f:
                    f.write(first.out)
                self.assertEqual(run("check", "-c", path).code, 0)
            return first

    def test_are_read_dumped_and_refused(self):
        demo = 'provider "demo" {}\n'
        said = self.check(demo + 'ledger { path = "l" }\nmodel "m" { "demo/x", shadow = { "demo/y", sample = 0.5, usd_per_day = 5 } }\n', "-T")
        self.assertIn('shadow = { "demo/y", sample = 0.5 },', said.out)
        self.assertIn('tag "shadow=m"', said.out)
        for text, wanted in (('{ "nix/y" }', 'model "m": shadow: there is no provider "nix"'), ('{ "demo" }', 'is not written "provider/model"'),
                             ('{ "demo/y", sample = 2 }', "sample takes a number from 0 to 1, not 2"), ('{ sample = 1 }', 'shadow: it takes one string: { "provider/model" }'),
                             ('{ "demo/y", usd_per_day = 5 }', "it needs a ledger")):
            said = self.check(demo + 'model "m" { "demo/x", shadow = %s }\n' % text)
            self.assertEqual(said.code, 78, text)
            self.assertIn(wanted, said.err)


if __name__ == "__main__":
    unittest.main()
