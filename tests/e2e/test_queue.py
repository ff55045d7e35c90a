"""test_queue.py - targets with max_in_flight: who waits, who is refused in which words, who comes first, and that no place is lost."""

import os
import tempfile
import threading
import time

import client
import upstream
from harness import Case, Gateway, auth, claude, key_line, provider, wait_for
from test_anthropic import VERSION
from test_ledger import records, verify
from upstream import reply_json

KEYS = 'team "t" {}\nteam "vip" { priority = "critical" }\n' + key_line("a", "t") + key_line("b", "vip") + key_line("c", "vip", ', priority = "low"')


class Queue(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(provider("up", cls.up, 'price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }') + claude("claude", cls.up) +
                       'model "m" { { "up/real", max_in_flight = 2 }, timeout = { total_s = 20 } }\nmodel "c" { { "claude/x", max_in_flight = 1 } }\n'
                       'model "v" { { "up/vip", max_in_flight = 1 } }\n' + KEYS,
                       env={"GW_TEST_HEALTH": "1"})

    def setUp(self):
        self.order, self.gate, self.model = [], threading.Event(), "m"
        self.up.handler = self.answer
        self.up.take()

    def answer(self, request, out):
        self.order.append(request.json()["messages"][0]["content"])
        self.gate.wait(20)
        out.send(reply_json(upstream.completion()))

    def start(self, text, key="a", **more):
        thread = threading.Thread(target=lambda: self.answers.append((text, self.gw.chat(text, model=self.model, headers=auth(key), **more))))
        thread.start()
        return thread

    def waiting(self):
        lines = self.gw.request("GET", "/metrics").body.decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith('gw_queue_waiting_requests{model="%s"}' % self.model))

    def fill(self, n=2):
        self.answers = []
        threads = [self.start("first") for _ in range(n)]
        self.assertTrue(wait_for(lambda: len(self.order) == n))
        return threads

    def line_up(self, rows):
        threads = []
        for i, (text, key) in enumerate(rows):
            threads.append(self.start(text, key))
            self.assertTrue(wait_for(lambda i=i: self.waiting() == i + 1))
        return threads

    def end(self, threads):
        self.gate.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(self.waiting(), 0)

    def test_critical_first_low_last(self):
        self.model = "v"  # where a critical one was, a slot is kept for a minute
        threads = self.fill(1)
        threads += self.line_up([("low", "c"), ("normal", "a"), ("critical", "b")])
        self.end(threads)
        self.assertEqual([a.status for _, a in self.answers], [200] * 4)
        self.assertEqual(self.order[1:], ["critical", "normal", "low"])
        line = self.gw.log_for(dict(self.answers)["low"].id)
        self.assertGreater(line["queued_ms"], 0)
        self.assertEqual(line["attempts"][0]["chosen"], "queue")
        first = next(a for t, a in self.answers if t == "first")
        self.assertNotIn("queued_ms", self.gw.log_for(first.id))

    def test_two_seconds_then_refused(self):
        threads = self.fill()
        began = time.monotonic()
        answer = self.gw.chat("late", headers=auth("a"))
        self.assertTrue(1.8 <= time.monotonic() - began <= 4)
        self.assert_error(answer, 503, "service_unavailable_error", "server_is_overloaded", retry=True)
        self.assertIn("max_in_flight", answer.json()["error"]["message"])
        self.assertIn(answer.header("retry-after"), ("1", "2"))
        line = self.gw.log_for(answer.id)
        self.assertTrue(1900 <= line["queued_ms"] <= 3000, line)
        self.assertEqual((line["row"], line["attempts"]), ("attempt.begin", []))
        self.end(threads)
        text = self.gw.request("GET", "/metrics").body.decode()
        self.assertRegex(text, r'gw_shed_total\{reason="queue_wait"\} [1-9]')
        self.assertRegex(text, r'gw_queue_seconds_count\{\} [1-9]')

    def test_anthropic_clients_read_529(self):
        self.up.handler = lambda request, out: (self.order.append(1), self.gate.wait(20), out.send(reply_json({})))
        body = {"model": "c", "max_tokens": 10, "messages": [{"role": "user", "content": "x"}]}
        thread = threading.Thread(target=lambda: self.gw.request("POST", "/v1/messages", auth("a") + [VERSION], body))
        thread.start()
        self.assertTrue(wait_for(lambda: self.order))
        answer = self.gw.request("POST", "/v1/messages", auth("a") + [VERSION] + [("x-gw-timeout", "0.8")], body)
        self.assertEqual((answer.status, answer.json()["error"]["type"]), (529, "overloaded_error"))
        self.assertEqual(answer.header("x-should-retry"), "true")
        self.gate.set()
        thread.join(20)

    def test_who_leaves_gives_the_place_up(self):
        threads = self.fill()
        conns = []
        for i in range(4):
            conn = client.Conn(self.gw.port)
            conn.send(client.build("POST", "/v1/chat/completions", auth("a"), {"model": "m", "messages": [{"role": "user", "content": "leaves"}]}))
            conns.append(conn)
            self.assertTrue(wait_for(lambda i=i: self.waiting() == i + 1))
        for conn in conns:
            conn.close()
        self.assertTrue(wait_for(lambda: self.waiting() == 0))
        self.end(threads)
        self.gate.set()
        self.assertEqual(self.gw.chat("next", headers=auth("a")).status, 200)
        self.assertNotIn("leaves", self.order)


class Money(Case):
    """An attempt that waits for its budget has no place at its target meanwhile."""

    def test_gives_its_place_back(self):
        gate, order = threading.Event(), []
        up = upstream.Upstream()

        def answer(request, out):
            order.append(request.json()["messages"][0]["content"])
            if order[-1] == "first":
                gate.wait(20)
            out.send(reply_json(upstream.completion()))

        up.handler = answer
        with tempfile.TemporaryDirectory() as folder:
            gw = Gateway('ledger { path = "%s", budget_wait_s = 20 }\n' % os.path.join(folder, "ledger") + provider("up", up, "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }") +
                         'model "m" { { "up/real", max_in_flight = 2 } }\nteam "poor" { budget = { usd = 2.5, ceiling_usd = 2.5, per = "total" } }\nteam "t" {}\nteam "rich" {}\n' +
                         key_line("a", "poor", ', budget = { usd = 1.5, mode = "strict", per = "total" }') + key_line("b", "rich"), env={"GW_TEST_HEALTH": "1"})
            answers = []
            ask = lambda text, key: answers.append((text, gw.chat(text, headers=auth(key), max_tokens=10)))
            first = threading.Thread(target=ask, args=("first", "a"))
            first.start()
            self.assertTrue(wait_for(lambda: order))
            second = threading.Thread(target=ask, args=("second", "a"))
            second.start()
            value = lambda name: next((int(l.split()[-1]) for l in gw.request("GET", "/metrics").body.decode().splitlines() if l.startswith(name)), 0)
            self.assertTrue(wait_for(lambda: value("gw_budget_waiting_requests ") == 1))
            ask("other", "b")  # there are two places, one is taken, and who waits for money has none
            self.assertEqual(answers[-1][1].status, 200)
            gate.set()
            first.join(20)
            second.join(20)
            self.assertEqual({t: a.status for t, a in answers}, {"first": 200, "other": 200, "second": 429})
            gw.stop()

    def test_takes_another_target_where_its_own_is_full_meanwhile(self):
        gates, asked = {"first": threading.Event(), "third": threading.Event()}, []
        up = upstream.Upstream()

        def answer(request, out):
            text = request.json()["messages"][0]["content"]
            asked.append((text, request.json()["model"]))
            if text in gates:
                gates[text].wait(60)
            out.send(upstream.reply_json({"error": {"message": "no"}}, 400) if text == "first" else reply_json(upstream.completion()))

        up.handler = answer
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ledger")
            gw = Gateway('ledger { path = "%s", budget_wait_s = 60 }\n' % path + provider("up", up, "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }") +
                         'model "w" { { "up/w" } }\nmodel "m" { { "up/x", max_in_flight = 1 }, { "up/y", max_in_flight = 1 } }\nteam "t" {}\n' +
                         key_line("a", "t", ', budget = { usd = 1.5, mode = "strict", per = "total" }') + key_line("b", "t"), env={"GW_TEST_HEALTH": "1"})
            self.addCleanup(gw.kill)
            answers, threads = {}, []

            def start(text, model, key):
                threads.append(threading.Thread(target=lambda: answers.update({text: gw.chat(text, model=model, headers=auth(key), max_tokens=10, timeout=100)})))
                threads[-1].start()

            start("first", "w", "a")
            self.assertTrue(wait_for(lambda: ("first", "w") in asked))
            start("second", "m", "a")
            self.assertTrue(wait_for(lambda: "gw_budget_waiting_requests 1\n" in gw.request("GET", "/metrics").body.decode()))
            start("third", "m", "b")
            self.assertTrue(wait_for(lambda: ("third", "x") in asked), "who waits for money has no place")
            gates["first"].set()  # it costs nothing
            threads[1].join(30)
            gates["third"].set()
            for thread in threads:
                thread.join(20)
            self.assertEqual({text: answer.status for text, answer in answers.items()}, {"first": 400, "second": 200, "third": 200}, answers)
            self.assertEqual([model for text, model in asked if text == "second"], ["y"])
            gw.stop()
            self.assertEqual((verify(path)["held_usd"], verify(path)["spent_usd"]), ("0", "2"))
            self.assertEqual([end["ending"] for end in records(path, "end")].count("settled"), 2)


if __name__ == "__main__":
    import unittest
    unittest.main()
