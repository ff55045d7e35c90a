"""test_slow.py - `slow` of a model: a stream that begins and then crawls goes to another target before the client has anything of it."""

import json
import time
import unittest

from client import Conn, build, sse
from harness import Case, Gateway, provider
from upstream import DONE, Upstream, chunk, delta, good, stream_head, usage_event

END = chunk(delta(finish="stop")) + chunk(usage_event()) + chunk(DONE) + b"0\r\n\r\n"


def each(seconds, count, text="x"):
    """A token, then a pause, `count` times."""
    return [stream_head()] + [chunk(delta(text)), seconds] * count + [END]


class Slow(Case):
    def setUp(self):
        self.a, self.b = Upstream(good), Upstream(good)
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)

    def gateway(self, model='"a/real", "b/real", slow = { tokens_per_s = 3 }'):
        return Gateway(provider("a", self.a.url) + provider("b", self.b.url) + 'model "m" { %s }\n' % model, env={"GW_TEST_HEALTH": "1"})

    def ask(self, gw, path="/v1/chat/completions"):
        begun = time.monotonic()
        answer = gw.request("POST", path, (), {"model": "m", "stream": True, "max_tokens": 50, "messages": [{"role": "user", "content": "x"}]})
        self.assertEqual((answer.status, answer.complete), (200, True), answer)
        line = gw.log_for(answer.id)
        return answer, time.monotonic() - begun, [(a["provider"], a["outcome"]) for a in line["attempts"]], line

    def test_a_stream_that_crawls_is_answered_by_another(self):
        self.a.handler = each(0.5, 20)
        with self.gateway() as gw:
            for path in ("/v1/chat/completions", "/v1/messages"):
                with self.subTest(path):
                    answer, took, attempts, line = self.ask(gw, path)
                    self.assertEqual(attempts, [("a", "slow"), ("b", "ok")])
                    self.assertTrue(2.9 < took < 4.5, took)
                    self.assertIn(b'"hel"', answer.body)
                    self.assertNotIn(b'"x"', answer.body)
                    self.assertGreater(line["first_token_ms"], 2900)
                    self.assertEqual(line["attempts"][0]["ending"], "doubt")
                    self.assertGreater(line["attempts"][0]["usage"]["output"], 3)
            self.assertIn('gw_upstream_health{target="a/real"} 1\n', gw.request("GET", "/metrics").body.decode())

    def first_after(self, gw):
        """Seconds to the first content at the client."""
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}).encode()
        begun = time.monotonic()
        with Conn(gw.port) as conn:
            conn.send(build("POST", "/v1/chat/completions", (), body))
            conn.until(b'"content"')
            return time.monotonic() - begun

    def test_a_good_stream_is_held_for_its_first_three_tokens(self):
        self.a.handler = each(0.1, 12)
        with self.gateway() as gw:
            answer, took, attempts, line = self.ask(gw)
            self.assertEqual(attempts, [("a", "ok")])
            self.assertEqual(len([d for _, d in sse(answer.body) if '"x"' in d]), 12, "all of it")
            self.assertTrue(0.15 < self.first_after(gw) < 0.7)

    def test_one_that_is_slow_and_not_too_slow_begins_when_that_is_known(self):
        self.a.handler = each(0.29, 16)  # 3.4 tokens a second
        with self.gateway() as gw:
            answer, took, attempts, _ = self.ask(gw)
            self.assertEqual(attempts, [("a", "ok")])
            self.assertTrue(answer.body.endswith(DONE))
            self.assertTrue(2 < self.first_after(gw) < 3.5)

    def test_a_short_answer_is_whole_before_it_is_judged(self):
        self.a.handler = each(0.6, 2)
        with self.gateway() as gw:
            answer, took, attempts, _ = self.ask(gw)
            self.assertEqual(attempts, [("a", "ok")])
            self.assertLess(took, 2.5)
            self.assertTrue(answer.body.endswith(DONE))

    def test_once_a_request_and_only_where_another_may_answer(self):
        self.a.handler = self.b.handler = each(0.5, 8)
        for model, attempts in (
            ('"a/real", "b/real", "a/other", slow = { tokens_per_s = 3 }', [("a", "slow"), ("b", "ok")]),
            ('"a/real", slow = { tokens_per_s = 3 }', [("a", "ok")]),
            ('"a/real", "b/real", retry = { attempts = 1 }, slow = { tokens_per_s = 3 }', [("a", "ok")]),
            ('"a/real", "b/real"', [("a", "ok")]),
        ):
            with self.subTest(model), self.gateway(model) as gw:
                self.assertEqual(self.ask(gw)[2], attempts)

    def test_a_stream_that_breaks_while_it_is_held_is_answered_by_another(self):
        self.a.handler = [stream_head() + chunk(delta("x")), 0.7, "close"]
        with self.gateway() as gw:
            answer, _, attempts, _ = self.ask(gw)
            self.assertEqual(attempts, [("a", "cut"), ("b", "ok")])
            self.assertNotIn(b'"x"', answer.body)


if __name__ == "__main__":
    unittest.main()
