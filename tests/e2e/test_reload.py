"""test_reload.py - a changed configuration while the gateway runs: whole or not at all, and nothing under way notices."""

import os
import re
import signal
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from command import run
from harness import FULL, Gateway, auth, key_line, pace, provider, sanitized, tsan, wait_for
from upstream import DONE, chunk, delta, reply_json, stream_head

PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
COST = Decimal("0.0035")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}

COUNTS = """
return {
    on_request = function(req)
        gw.note("%s " .. gw.counter.add("n", 1, { per = "day" }))
        req.vars.made_by = "%s"
    end,
    on_finish = function(req, done) gw.note(req.vars.made_by .. " ends") end,
}
"""


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.up = upstream.Upstream()
        self.up.handler = [reply_json(upstream.completion(usage=USAGE))]
        self.addCleanup(self.up.stop)

    def text(self, more='model "m" { { "up/real" } }\n', ledger=""):
        return 'ledger { path = "%s", budget_wait_s = 0.05 %s }\n' % (self.path, ledger) + provider("up", self.up, PRICE) + more

    def start(self, text):
        gw = self.gw = Gateway(text)
        self.addCleanup(gw.kill)
        return gw

    def write(self, text):
        with open(self.gw.config, "w", encoding="utf-8") as f:
            f.write(text)

    def reload(self, text=None, code=0):
        if text is not None:
            self.write(text)
        said = run("reload", "--path", self.path)
        self.assertEqual(said.code, code, said)
        return said.err

    def metric(self, name):
        answer = self.gw.request("GET", "/metrics")
        found = re.search(r"^%s (\S+)$" % re.escape(name), answer.body.decode(), re.M)
        self.assertIsNotNone(found, name)
        return float(found.group(1))

    def digest(self):
        found = re.search(r'^gw_config_info\{digest="([0-9a-f]{64})"\} 1$', self.gw.request("GET", "/metrics").body.decode(), re.M)
        return found.group(1)

    @tsan
    def test_new_requests_have_it_and_those_under_way_end_without(self):
        gate, begun = threading.Event(), threading.Event()

        def slow(request, out):
            if not request.json().get("stream"):
                return out.send(reply_json(upstream.completion(request.json()["model"], usage=USAGE)))
            out.send(stream_head() + chunk(delta("one")))
            begun.set()
            gate.wait(20)
            out.send(chunk(delta("two", model="real")) + chunk(delta(finish="stop")) + chunk(DONE) + b"0\r\n\r\n")

        self.up.handler = slow
        policy = os.path.join(self.folder.name, "p.lua")
        with open(policy, "w", encoding="utf-8") as f:
            f.write(COUNTS % ("old", "old"))
        with self.start(self.text('listen { workers = 2 }\nmodel "m" { { "up/real" } }\npolicy "%s" {}\n' % policy)) as gw:
            before = self.digest()
            answers = []
            thread = threading.Thread(target=lambda: answers.append(gw.chat(stream=True)))
            thread.start()
            self.assertTrue(begun.wait(20))
            self.assertEqual(gw.chat(model="new").status, 404)
            with open(policy, "w", encoding="utf-8") as f:
                f.write(COUNTS % ("new", "new"))
            said = self.reload(self.text('listen { workers = 2 }\nmodel "new" { { "up/other" } }\npolicy "%s" {}\n' % policy))
            after = self.digest()
            self.assertNotEqual(before, after)
            self.assertIn("the new configuration is in use (%s)" % after[:12], said)
            self.assertEqual(gw.chat(model="m").status, 404)
            fresh = gw.chat(model="new")
            self.assertIn(b"other", fresh.body)
            gate.set()
            thread.join(20)
            self.assertIn(b"two", answers[0].body)
            self.assertIn(b"[DONE]", answers[0].body)
            line, old = gw.log_for(fresh.id), gw.log_for(answers[0].id)
            self.assertEqual((line["config"], old["config"]), (after[:12], before[:12]))
            notes = [note for trace in line["policies"] for note in trace.get("notes", [])]
            self.assertEqual(notes, ["new 4", "new ends"])  # counted on: one stream, two that named no model
            self.assertEqual([note for trace in old["policies"] for note in trace.get("notes", [])], ["old 1", "old ends"])
            self.assertEqual(self.metric('gw_config_reloads_total{result="ok"}'), 1)
            self.assertGreater(self.metric("gw_config_load_time_seconds"), time.time() - 60)

    @tsan
    def test_a_bad_file_is_refused_whole(self):
        with self.start(self.text()) as gw:
            before = self.digest()
            said = self.reload(self.text('model "new" { { "up/real" } }\nmodel "bad" { { "nobody/real" } }\n'), code=78)
            self.assertRegex(said, r'gateway.lua:4: .*nobody')
            self.assertIn("the configuration before stays in use", said)
            self.assertEqual((self.digest(), gw.chat().status, gw.chat(model="new").status), (before, 200, 404))
            said = self.reload("model \"m\" {\n", code=78)
            self.assertRegex(said, r"gateway.lua:\d+:")
            with open(os.path.join(self.folder.name, "bad.lua"), "w", encoding="utf-8") as f:
                f.write("return { on_request = function(req) if end }\n")
            said = self.reload(self.text('model "m" { { "up/real" } }\npolicy "%s/bad.lua" {}\n' % self.folder.name), code=78)
            self.assertIn("bad.lua:1:", said)
            self.assertEqual(self.metric('gw_config_reloads_total{result="refused"}'), 3)
            self.assertEqual(self.metric('gw_config_reloads_total{result="ok"}'), 0)
            self.assertIn("gateway.lua:4:", gw.said())
            self.reload(self.text())

    def test_a_key_that_is_gone_is_refused(self):
        keys = 'team "t" {}\n' + key_line("a", "t") + key_line("b", "t")
        with self.start(self.text('model "m" { { "up/real" } }\n' + keys)) as gw:
            self.assertEqual((gw.chat(headers=auth("a")).status, gw.chat(headers=auth("b")).status), (200, 200))
            self.reload(self.text('model "m" { { "up/real" } }\nteam "t" {}\n' + key_line("b", "t")))
            self.assertEqual((gw.chat(headers=auth("a")).status, gw.chat(headers=auth("b")).status), (401, 200))

    def test_a_budget_goes_on_with_what_is_spent(self):
        def with_budget(budget):
            return self.text('model "m" { { "up/real" } }\nteam "t" { %s }\n' % budget + key_line("a", "t"))

        def left():
            return gw.chat(headers=auth("a"), max_tokens=100).header("x-gw-budget-remaining")

        with self.start(with_budget('budget = { usd = "0.02", per = "month" }')) as gw:
            self.assertEqual(left(), "0.0165")
            self.reload(with_budget('budget = { usd = "0.05", per = "month" }'))
            self.assertEqual(left(), "0.043")  # 0.05 less two
            self.reload(with_budget('budget = { usd = "0.007", per = "month" }'))
            self.assertEqual(gw.chat(headers=auth("a")).status, 429)
            self.reload(with_budget(""))
            self.assertIsNone(left())
            self.reload(with_budget('budget = { { usd = "0.05", per = "month" }, { usd = 1, per = "day" } }'))
            self.assertEqual(left(), "0.036")  # four, also the one that nobody counted then
        gw.stop()
        self.assertEqual(run("ledger", "verify", "--path", self.path).code, 0)

    def test_limits_in_flight_count_on(self):
        gate, begun = threading.Event(), threading.Event()

        def slow(request, out):
            begun.set()
            gate.wait(20)
            out.send(reply_json(upstream.completion(usage=USAGE)))

        self.up.handler = slow
        config = 'model "m" { { "up/real" } }\nteam "other" {}\nteam "t" { limits = { in_flight = %d } }\n' + key_line("a", "t")
        with self.start(self.text(config % 1)) as gw:
            thread = threading.Thread(target=lambda: gw.chat(headers=auth("a")))
            thread.start()
            self.assertTrue(begun.wait(20))
            config = 'team "first" { limits = { rpm = 5 } }\n' + config  # others get other places
            self.reload(self.text(config % 1))
            self.assertEqual(gw.chat(headers=auth("a")).status, 429)
            gate.set()
            thread.join(20)
            self.assertEqual(gw.chat(headers=auth("a")).status, 200)

    def test_who_waits_in_a_queue_has_a_limit_that_is_raised(self):
        gate, begun, statuses = threading.Event(), [], []

        def slow(request, out):
            begun.append(1)
            gate.wait(60)
            out.send(reply_json(upstream.completion(usage=USAGE)))

        self.up.handler = slow
        config = self.text('model "m" { { "up/real", max_in_flight = %d }, timeout = { total_s = 100 } }\n')
        gw = self.gw = Gateway(config % 1, env={"GW_TEST_HEALTH": "1"})
        self.addCleanup(gw.kill)

        def start():
            threads.append(threading.Thread(target=lambda: statuses.append(gw.chat(timeout=100).status)))
            threads[-1].start()

        threads, limit, there = [], 1, 0
        for _ in range(4):  # who waits is refused after 2 s, which a reload may take on a machine that has other work
            while len(begun) < limit:
                there = len(begun)
                start()
                self.assertTrue(wait_for(lambda there=there: len(begun) > there))
            start()
            self.assertTrue(wait_for(lambda: 'gw_queue_waiting_requests{model="m"} 1\n' in gw.request("GET", "/metrics").body.decode() or statuses))
            limit += 1
            self.reload(config % limit)
            self.assertTrue(wait_for(lambda limit=limit: len(begun) == limit or statuses, 20))
            if len(begun) == limit:
                break
            statuses.clear()
        self.assertEqual(len(begun), limit, "nobody was served who waited")
        gate.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual(statuses, [200] * limit)
        gw.stop()

    def test_limits_that_were_not_there(self):
        with self.start(self.text()) as gw:
            self.assertEqual(gw.chat().status, 200)
            self.reload(self.text('model "m" { { "up/real" } }\nlimits { rpm = 1, body_mb = 0.001 }\n'))
            self.assertEqual(gw.chat("x" * 2000).status, 413)
            self.assertEqual([gw.chat().status, gw.chat().status], [200, 429])

    def test_what_needs_a_new_process_is_named(self):
        with self.start(self.text(ledger=", sync_ms = 1")) as gw:
            said = self.reload('ledger { path = "%s/other" }\n' % self.folder.name + provider("up", self.up), code=78)
            self.assertIn("ledger: path cannot change while the gateway runs", said)
            said = self.reload(self.text('model "m" { { "up/real" } }\nlisten { workers = 7 }\nlimits { header_s = 3, keep_alive_s = 5 }\n'))
            for what in ("listen: workers", "limits: header_s", "limits: keep_alive_s", "ledger: sync_ms"):
                self.assertIn("warning: %s counts from the next start on" % what, said)
            self.assertNotIn("header_kb", said)
            self.assertEqual(gw.chat().status, 200)

    def test_prices(self):
        with self.start(self.text('model "m" { { "up/real" } }\n')) as gw:
            self.assertEqual(gw.chat().header("x-gw-cost"), str(COST))
            self.reload(self.text('model "m" { { "up/real", price = { request_usd = "0.25" } } }\n').replace(PRICE, ""))
            self.assertEqual(gw.chat().header("x-gw-cost"), "0.25")

    def test_the_signal_without_a_ledger(self):
        with self.start(provider("up", self.up) + 'model "m" { { "up/real" } }\n') as gw:
            self.write(provider("up", self.up) + 'model "n" { { "up/real" } }\n')
            gw.signal(signal.SIGHUP)
            self.assertTrue(wait_for(lambda: "a new configuration is in use" in gw.said()))
            self.assertEqual((gw.chat().status, gw.chat(model="n").status), (404, 200))
            said = run("reload", "-c", gw.config)
            self.assertNotEqual(said.code, 0)
            self.assertIn("kill -HUP", said.err)
            self.write("nonsense\n")
            gw.signal(signal.SIGHUP)
            self.assertTrue(wait_for(lambda: "stays in use" in gw.said()))
            self.assertEqual(gw.chat(model="n").status, 200)

    def test_nobody_runs(self):
        said = run("reload", "--path", self.folder.name)
        self.assertEqual(said.code, 1, said)
        self.assertIn("no gateway runs", said.err)

    @tsan
    def test_two_hundred_under_load(self):
        rounds, failed, done = 200 if FULL or not sanitized() else 40, [], threading.Event()
        policy = os.path.join(self.folder.name, "p.lua")
        with open(policy, "w", encoding="utf-8") as f:
            f.write(COUNTS % ("a", "a"))
        fixed = 'listen { workers = 2 }\nmodel "m" { { "up/real" } }\nteam "t" { budget = { usd = 1000, mode = "strict" }, limits = { in_flight = 100, rpm = 1000000 } }\n' + key_line("a", "t")
        texts = [self.text(fixed + 'policy "%s" {}\nmodel "n%d" { { "up/real" } }\n' % (policy, i) + more)
                 for i, more in enumerate(("", 'tag "a=b" { budget = { usd = 5 } }\n', 'budget { usd = 900 }\n'))]

        def ask():
            with client.Conn(self.gw.port) as conn:
                while not done.is_set():
                    conn.send(client.build("POST", "/v1/chat/completions", auth("a"),
                                           {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}))
                    answer = conn.response()
                    counts.append(1)
                    if answer.status != 200:
                        failed.append(answer)

        counts, sizes = [], []
        with self.start(texts[0]) as gw:
            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for i in range(rounds):
                self.write(texts[i % 3])
                gw.signal(signal.SIGHUP)
                self.assertTrue(wait_for(lambda: gw.said().count("a new configuration is in use") > i, 10 * pace()), gw.said()[-2000:])
                if i in (rounds // 4, rounds - 1):
                    sizes.append(gw.rss())
            done.set()
            for thread in threads:
                thread.join(20)
                self.assertFalse(thread.is_alive())
            self.assertEqual(failed, [])
            self.assertGreater(len(counts), rounds)
            self.assertEqual(self.metric('gw_config_reloads_total{result="ok"}'), rounds)
            # The budget has the cost of each answer, once.
            last = gw.chat(headers=auth("a"), max_tokens=100)
            self.assertEqual(Decimal(last.header("x-gw-budget-remaining")), 1000 - COST * (len(counts) + 1))
            if not sanitized():
                self.assertLess(sizes[1] - sizes[0], 8 << 20, sizes)
        self.assertEqual(run("ledger", "verify", "--path", self.path).code, 0)


if __name__ == "__main__":
    unittest.main()
