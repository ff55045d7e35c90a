"""test_limits.py - requests and tokens per minute and requests in flight: what passes, how a refusal reads in both clients' words, that a
refused request takes nothing, and that no place in flight is lost."""

import os
import tempfile
import threading
import time
import unittest

import client
import upstream
from harness import Case, Gateway, auth, claude, key_line, provider, wait_for
from test_anthropic import VERSION
from upstream import reply_json

USAGE = {"prompt_tokens": 700, "completion_tokens": 300, "total_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 600}}
THEIRS = [("anthropic-ratelimit-requests-remaining", "7"), ("x-ratelimit-remaining-requests", "7"), ("anthropic-organization-id", "org-canary-upstream"),
          ("openai-organization", "org-canary-upstream"), ("cf-ray", "abc"), ("x-ratelimit-limit-tokens", "9"), ("anthropic-ratelimit-unified-status", "allowed")]


class Limits(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        return Gateway(
            'ledger { path = "%s" }\n' % os.path.join(cls.folder.name, "ledger") + provider("up", cls.up, "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }") +
            provider("gone", "http://127.0.0.1:1/v1") + claude("claude", cls.up) + 'model "m" { { "up/real" } }\nmodel "lost" { { "gone/x", price = "free" } }\nmodel "c" { { "claude/x", price = "free" } }\n'
            'team "four" { limits = { rpm = 4 } }\nteam "t" {}\n' + key_line("a", "four") + key_line("b", "four") + key_line("none", "t") +
            key_line("three", "t", ", limits = { rpm = 3 }") + key_line("tokens", "t", ", limits = { tpm = 2500, rpm = 100 }") + key_line("one", "t", ", limits = { in_flight = 1 }") + key_line("wrong", "t", ", limits = { tpm = 2500 }") +
            key_line("poor", "t", ', limits = { rpm = 50, tpm = 100000, in_flight = 9 }, budget = { usd = 1, ceiling_usd = 1 }') +
            key_line("bad", "t", ", limits = { rpm = 50, in_flight = 2 }") + key_line("claude", "t", ", limits = { rpm = 1 }"))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage=USAGE), headers=THEIRS))
        self.up.take()
        if time.time() % 60 > 50:  # a test's requests are of one minute
            time.sleep(61 - time.time() % 60)

    def ask(self, key, model="m", **more):
        return self.gw.chat(model=model, headers=auth(key), **{"max_tokens": 100, **more})

    def metric(self, limit):
        text = self.gw.request("GET", "/metrics").body.decode()
        return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith('gw_ratelimited_total{limit="%s"}' % limit))

    def refused(self, answer, of, what):
        self.assert_error(answer, 429, "rate_limit_error", "rate_limit_exceeded", retry=True)
        self.assertIn("%s has used up its limit of %s per minute" % (of, what), answer.json()["error"]["message"])
        self.assertTrue(1 <= int(answer.header("retry-after")) <= 60, answer)

    def test_requests_of_a_key(self):
        before = self.metric("rpm")
        for left in ("2", "1", "0"):
            answer = self.ask("three")
            self.assertEqual((answer.status, answer.header("x-ratelimit-limit-requests"), answer.header("x-ratelimit-remaining-requests")), (200, "3", left))
            self.assertRegex(answer.header("x-ratelimit-reset-requests"), r"^\d+s$")
            self.assertIsNone(answer.header("x-ratelimit-limit-tokens"))
        answer = self.ask("three")
        self.refused(answer, 'The key "three"', "3 requests")
        self.assertEqual((answer.header("x-ratelimit-limit-requests"), answer.header("x-ratelimit-remaining-requests")), ("3", "0"))
        self.assertEqual(self.gw.log_for(answer.id)["row"], "limits")
        self.assertEqual((len(self.up.take()), self.metric("rpm") - before), (3, 1))
        answer = self.ask("none")
        self.assertEqual([name for name, _ in answer.headers if "ratelimit" in name.lower() or name.lower() in ("cf-ray", "openai-organization", "anthropic-organization-id")], [])

    def test_a_team_shares(self):
        answers = [self.ask(key) for key in "abab"]
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual(answers[-1].header("x-ratelimit-remaining-requests"), "0")
        self.refused(self.ask("a"), 'The team "four"', "4 requests")
        self.refused(self.ask("b"), 'The team "four"', "4 requests")

    def test_tokens_are_corrected_to_what_was_reported(self):
        first = self.ask("tokens", max_tokens=2400)
        self.assertLess(int(first.header("x-ratelimit-remaining-tokens")), 101)  # what it was expected to use
        second = self.ask("tokens", max_tokens=100)  # the first one used 1000, the cached ones too
        self.assertEqual(second.status, 200, second)
        left = int(second.header("x-ratelimit-remaining-tokens"))
        self.assertTrue(1350 < left <= 1400, left)
        self.refused(self.ask("tokens", max_tokens=900), 'The key "tokens"', "2500 tokens")
        self.assertEqual(self.ask("tokens", max_tokens=100).status, 200)
        self.refused(self.ask("tokens", max_tokens=1), 'The key "tokens"', "2500 tokens")  # 3000 are used

    def test_a_usage_beyond_all_windows_is_none(self):
        for tokens in (10**9, 2**60, 2**61 - 1):
            self.up.handler = [reply_json(upstream.completion(usage={"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": 2 * tokens}))]
            answer = self.ask("wrong", max_tokens=100)
            self.assertEqual((answer.status, self.gw.log_for(answer.id)["usage"]["source"]), (200, "estimated"))
        self.assertEqual(self.ask("wrong", max_tokens=100).status, 200)

    def test_in_flight(self):
        gate = threading.Event()
        self.up.handler = lambda request, out: (gate.wait(20), out.send(reply_json(upstream.completion(usage=USAGE))))
        waiting = threading.Thread(target=self.ask, args=("one",))
        waiting.start()
        self.assertTrue(wait_for(self.up.take))
        answer = self.ask("one")
        self.assert_error(answer, 429, "rate_limit_error", "slow_down", retry=True, retry_after=1)
        self.assertIn('The key "one" has 1 requests in flight', answer.json()["error"]["message"])
        gate.set()
        waiting.join(20)
        self.assertEqual(self.ask("one").status, 200)
        self.assertGreater(self.metric("in_flight"), 0)

    def test_no_place_is_lost(self):
        """Errors, broken streams, clients that leave, requests that cannot be read: two places stay two."""
        for handler in (upstream.reply(500, b"no"), upstream.stream_head() + b"data: {", b"junk"):
            self.up.handler = [handler]
            for stream in (False, True):
                self.ask("bad", stream=stream)
        gate = threading.Event()
        self.up.handler = lambda request, out: (gate.wait(5), out.send(reply_json(upstream.completion(usage=USAGE))))
        for _ in range(3):
            conn = client.Conn(self.gw.port)
            conn.send(client.build("POST", "/v1/chat/completions", auth("bad"), {"model": "m", "messages": [{"role": "user", "content": "x"}]}))
            self.assertTrue(wait_for(self.up.take))
            conn.close()
        gate.set()
        self.ask("bad", model="nobody")
        self.gw.request("POST", "/v1/chat/completions", auth("bad"), b"{")
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage=USAGE)))
        self.assertTrue(wait_for(lambda: self.ask("bad").status == 200))
        gate.clear()
        self.up.handler = lambda request, out: (gate.wait(20), out.send(reply_json(upstream.completion(usage=USAGE))))
        self.up.take()
        threads = [threading.Thread(target=self.ask, args=("bad",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        seen = []
        self.assertTrue(wait_for(lambda: seen.extend(self.up.take()) or len(seen) == 2))  # both places are free
        self.assert_error(self.ask("bad"), 429, "rate_limit_error", "slow_down", retry=True, retry_after=1)
        gate.set()
        for thread in threads:
            thread.join(20)

    def test_a_refused_request_gives_everything_back(self):
        self.assertEqual(self.ask("poor").header("x-ratelimit-remaining-requests"), "49")
        for _ in range(3):  # the budget refuses, behind the limits
            self.assertEqual(self.ask("poor").json()["error"]["code"], "project_spend_limit_exceeded")
        answer = self.ask("poor")
        self.assertEqual(answer.header("x-ratelimit-remaining-requests"), "48")  # its own
        self.assertGreater(int(answer.header("x-ratelimit-remaining-tokens")), 98000)
        self.assertEqual(self.ask("poor", model="nobody").status, 404)
        self.assertEqual(self.ask("poor", model="lost").status, 502)  # free, so no budget refuses it, and nobody is there
        self.assertEqual(self.ask("poor").header("x-ratelimit-remaining-requests"), "48")

    def test_anthropics_words(self):
        body = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}
        self.up.handler = [reply_json(message, headers=THEIRS)]
        answer = self.gw.request("POST", "/v1/messages", [VERSION] + auth("claude"), body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([name for name, _ in answer.headers if name.lower().startswith("anthropic-")], [])
        self.up.handler = [reply_json({"input_tokens": 3})]
        self.assertEqual(self.gw.request("POST", "/v1/messages/count_tokens", [VERSION] + auth("claude"), body).status, 200)  # not limited: it costs nothing
        answer = self.gw.request("POST", "/v1/messages", [VERSION] + auth("claude"), body)
        self.assertEqual((answer.status, answer.json()["error"]["type"], answer.json()["error"]["details"]["error_code"], answer.header("x-should-retry")),
                         (429, "rate_limit_error", "rate_limit_exceeded", "true"))


class Together(unittest.TestCase):
    def test_all_requests_share_and_never_more_pass(self):
        up = upstream.Upstream()
        up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage=USAGE)))
        with Gateway("listen { workers = 4 } limits { rpm = 40 }\n" + provider("up", up) + 'model "m" { { "up/real" } }\n') as gw:
            if time.time() % 60 > 45:
                time.sleep(61 - time.time() % 60)
            answers = []
            threads = [threading.Thread(target=lambda: answers.extend(gw.chat().status for _ in range(10))) for _ in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((answers.count(200), answers.count(429)), (40, 60))  # no more, and none was refused falsely


class Configuration(unittest.TestCase):
    def test_what_is_wrong_is_said(self):
        from command import run
        for text, wanted in (('team "t" { limits = { rmp = 5 } }', 'did you mean "rpm"'), ('key { sha256 = "%064d", limits = { tpm = -1 } }' % 1, "tpm takes a whole number"),
                             ('limits { rpm = "many" }', "rpm takes a whole number")):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "gateway.lua")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                said = run("check", "-c", path)
                self.assertEqual(said.code, 78, said)
                self.assertIn(wanted, said.err)


if __name__ == "__main__":
    unittest.main()
