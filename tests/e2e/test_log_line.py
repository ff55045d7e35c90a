"""test_log_line.py - what an operator finds in the log after a failure: the upstream's own words, where the request went, with
which secret, whose it was, and where the time went."""

import hashlib
import json
import unittest

import upstream
from harness import UP_KEY, Case, Gateway, pace, provider, wait_for
from upstream import reply, reply_json

OLD, OFF = "sk-canary-client-old", "sk-canary-client-off"


def error(text, code, **more):
    return {"error": {"message": text, "type": "x", "code": code, **more}}


class Failures(Case):
    LUA = """%(up)s
        provider "idle" { plugin = "openai", secret = env "NOT_SET" }
        model "m" { { "up/real" } }
        model "second" { { "idle/x" }, { "up/real" } }
        model "spare" { { "idle/x" }, fallback = { "up/real" } }
        model "d" { { "demo/demo" } }
        provider "demo" {}
    """

    def setUp(self):
        self.up.handler = upstream.good

    def attempt(self, answer):
        return self.gw.log_for(answer.id)["attempts"][-1]

    def test_the_words_of_the_upstream(self):
        words = "Project `p` does not have access to model `real` in this region"
        for status, code, model in ((401, "invalid_api_key", "m"), (403, "model_not_found", "m"), (429, "insufficient_quota", "m"),
                                    (500, "server_error", "m"), (503, None, "m"), (400, "bad", "m")):
            with self.subTest(status=status):
                self.up.handler = [reply_json(error(words, code), status)]
                attempt = self.attempt(self.gw.chat(model=model))
                self.assertEqual((attempt["said"], attempt["status"]), (words, status))
                self.assertEqual(attempt.get("code"), code)
                self.assertEqual(attempt["url"], self.up.url + "/chat/completions")
                self.assertEqual(attempt["secret"], 'env "UP_KEY"')

    def test_what_is_no_error_of_the_service_is_there_too(self):
        for status, body in ((502, b"<html>bad gateway</html>"), (403, b"blocked by the firewall")):
            self.up.handler = [reply(status, body)]
            self.assertEqual(self.attempt(self.gw.chat())["said"], body.decode())
        self.up.handler = [reply(301, b"", [("Location", "https://elsewhere.example/v1?key=private")])]
        self.assertEqual(self.attempt(self.gw.chat())["said"], "https://elsewhere.example/v1")

    def test_they_are_bounded_and_hold_no_secret(self):
        self.up.handler = [reply_json(error("no " + UP_KEY + " x" * 2000, "y" * 500), 401)]
        attempt = self.attempt(self.gw.chat())
        self.assertTrue(attempt["said"].startswith("no *** x"), attempt)
        self.assertLess(len(attempt["said"]), 501)
        self.assertLess(len(attempt["code"]), 65)

    def test_a_choice_that_is_off_makes_a_fallback(self):
        for model, fallback in (("second", True), ("spare", True), ("m", False)):
            answer = self.gw.chat(model=model)
            self.assertEqual(answer.status, 200, answer)
            self.assertIs(self.gw.log_for(answer.id)["fallback"], fallback, model)

    def test_the_status_of_a_provider_that_answers_by_itself(self):
        answer = self.gw.chat("429", model="d")
        self.assertEqual(answer.status, 429, answer)
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["status"], line["attempts"][0]["status"]), (429, 429))

    def test_where_the_time_went(self):
        self.up.handler = [0.2, reply_json(upstream.completion())]
        attempt = self.attempt(self.gw.chat())
        self.assertGreaterEqual(attempt["first_byte_ms"], 190)
        self.assertLess(attempt["connect_ms"] + attempt["queue_ms"], 190 * pace())
        self.up.close_idle()
        self.up.handler = upstream.good
        self.assertTrue({"connect_ms", "queue_ms", "first_byte_ms"} <= set(self.attempt(self.gw.chat())))


class Keys(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        keys = "".join(
            'key { sha256 = "%s", team = "t", name = "%s", %s }\n' % (hashlib.sha256(key.encode()).hexdigest(), name, more)
            for key, name, more in ((OLD, "old", 'expires = "2020-01-01"'), (OFF, "off", "enabled = false"))
        )
        return Gateway(provider("up", cls.up) + 'model "m" { "up/real" }\nteam "t" {}\n' + keys)

    def test_a_key_that_is_refused_is_named_to_the_operator_alone(self):
        said = set()
        for key, name, why, team in ((OLD, "old", "expired", "t"), (OFF, "off", "disabled", "t"),
                                     ("sk-canary-client-x", None, "unknown", "default"), (None, None, "missing", "default")):
            answer = self.gw.chat(headers=[("Authorization", "Bearer " + key)] if key else [])
            self.assertEqual(answer.status, 401)
            said.add(json.dumps(answer.json()).replace(answer.id, ""))
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["key"], line["key_refused"], line["team"]), (name, why, team))
            metrics = self.gw.request("GET", "/metrics").body.decode()
            self.assertIn('gw_events_total{event="key_%s"} 1' % why, metrics)
        self.assertEqual(len(said), 1, "the client sees one answer")
        metrics = self.gw.request("GET", "/metrics").body.decode()
        self.assertRegex(metrics, r'gw_requests_total\{[^}]*team="t"[^}]*status="401"[^}]*\} 2')


class Proxies(Case):
    LUA = '%(up)s model "m" { "up/real" } listen { trusted_proxies = { "127.0.0.0/8", "2001:db8::/32" } }'

    @classmethod
    def make(cls):
        gw = super().make()
        cls.up.handler = upstream.good
        return gw

    def peer(self, *lists):
        return self.gw.log_for(self.gw.chat(headers=[("X-Forwarded-For", value) for value in lists]).id)["peer"]

    def test_the_client_is_the_first_who_is_no_trusted_proxy(self):
        for lists, peer in (
            ((), "127.0.0.1"),
            (("192.0.2.7",), "192.0.2.7"),
            (("203.0.113.9, 192.0.2.7, 127.0.0.3",), "192.0.2.7"),
            (("203.0.113.9", "192.0.2.7, 2001:db8::5"), "192.0.2.7"),
            (("192.0.2.7:4711",), "192.0.2.7"),
            (("[2001:db9::1]:4711",), "2001:db9::1"),
            (("127.0.0.9",), "127.0.0.9"),
            (("192.0.2.7, not an address",), "127.0.0.1"),
            (("192.0.2.7, unknown, 127.0.0.3",), "127.0.0.3"),
        ):
            self.assertEqual(self.peer(*lists), peer, lists)

    def test_nobody_is_believed_who_is_not_named(self):
        with Gateway(provider("up", self.up) + 'model "m" { "up/real" }') as gw:
            answer = gw.chat(headers=[("X-Forwarded-For", "192.0.2.7")])
            self.assertEqual(gw.log_for(answer.id)["peer"], "127.0.0.1")


class Debug(unittest.TestCase):
    def test_each_step_is_shown(self):
        with upstream.Upstream([reply_json(error("not today", "x"), 500)]) as up:
            with Gateway(provider("up", up) + 'model "m" { "up/real" }', args=["--log-level", "debug"]) as gw:
                answer = gw.chat()
                self.assertTrue(wait_for(lambda: "request %s: finish" % answer.id in gw.said()), gw.said())
                steps = [line.split(answer.id + ": ")[1] for line in gw.said().splitlines() if answer.id in line]
                at = 0
                for step in ("auth", "route", 'asks the provider "up" for "real": POST ' + up.url + '/chat/completions with env "UP_KEY"',
                             'the provider "up" answers with status 500', 'the provider "up" failed (status_500): ', "settle", "finish"):
                    while at < len(steps) and not steps[at].startswith(step):
                        at += 1
                    self.assertLess(at, len(steps), "%s in %r" % (step, steps))
                self.assertNotIn(UP_KEY, gw.said())
        with upstream.Upstream(upstream.good) as up, Gateway(provider("up", up) + 'model "m" { "up/real" }') as gw:
            self.assertNotIn(gw.chat().id, gw.said())


if __name__ == "__main__":
    unittest.main()
