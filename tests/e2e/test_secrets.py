"""test_secrets.py - a provider with several secrets: conversations are divided among them, and one that is refused gives way to the next."""

import collections
import unittest

import upstream
from harness import Case, Gateway
from upstream import completion, reply_json


def by_secret(answers):
    """An upstream whose answer depends on the credential: {"Bearer A": (status, headers)}; others are answered well."""

    def handler(request, out):
        status, headers = answers.get(request.headers.get("authorization"), (200, ()))
        body = completion() if status == 200 else {"error": {"message": "no", "type": "x", "code": "x", "param": None}}
        out.send(reply_json(body, status, headers))

    return handler


class Secrets(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            'provider "up" { plugin = "openai", base_url = "%s", secrets = { env "KEY_A", env "KEY_B", env "KEY_C" } }\n'
            'model "m" { { "up/real" } }\nlisten { workers = 1 }' % cls.up.url,
            env={"KEY_A": "A", "KEY_B": "B", "KEY_C": "C"},
        )

    def used(self):
        return [request.headers.get("authorization") for request in self.up.take()]

    def test_a_conversation_keeps_its_own(self):
        self.up.take()
        self.up.handler = by_secret({})
        for _ in range(6):
            self.assertEqual(self.gw.chat(model="m").status, 200)
        self.assertEqual(len(set(self.used())), 1)

    def test_conversations_are_divided_among_them(self):
        self.up.take()
        self.up.handler = by_secret({})
        for i in range(60):
            self.assertEqual(self.gw.chat("conversation %d" % i, model="m").status, 200)
        counts = collections.Counter(self.used())
        self.assertEqual(sorted(counts), ["Bearer A", "Bearer B", "Bearer C"])
        self.assertGreaterEqual(min(counts.values()), 6)

    def test_a_refused_one_gives_way(self):
        for status in (401, 403, 429):
            self.up.take()
            self.up.handler = by_secret({"Bearer A": (status, ()), "Bearer B": (status, ())})
            for _ in range(3):
                answer = self.gw.chat(model="m")
                self.assertEqual(answer.status, 200)
                line = self.gw.log_for(answer.header("x-request-id"))
                self.assertFalse(line["fallback"])
                self.assertEqual(line["attempts"][-1]["outcome"], "ok")

    def test_when_all_are_refused_the_error_is_told(self):
        self.up.take()
        self.up.handler = by_secret({"Bearer " + k: (429, [("Retry-After", s)]) for k, s in (("A", "9"), ("B", "4"), ("C", "30"))})
        answer = self.gw.chat(model="m")
        self.assert_error(answer, 429, "rate_limit_error", "upstream_rate_limited", retry=True, retry_after=4)
        self.assertEqual(len(self.used()), 3)

    def test_the_one_that_may_come_again_first_is_told(self):
        never = [("X-Should-Retry", "false"), ("Retry-After", "86400")]
        for order in ("ABC", "BCA", "CAB"):
            limits = dict(zip(("Bearer " + k for k in order), ((429, never), (429, [("Retry-After", "9")]), (429, []))))
            self.up.handler = by_secret(limits)
            self.assert_error(self.gw.chat(model="m"), 429, "rate_limit_error", "upstream_rate_limited", retry=True, retry_after=9)
        self.up.handler = by_secret({"Bearer " + k: (429, never) for k in "ABC"})
        self.assert_error(self.gw.chat(model="m"), 429, "rate_limit_error", "upstream_rate_limited", retry=False, retry_after=86400)

    def test_other_failures_do_not_burn_through_them(self):
        self.up.take()
        self.up.handler = by_secret({"Bearer " + k: (500, ()) for k in "ABC"})
        self.assertEqual(self.gw.chat(model="m").status, 502)
        self.assertEqual(len(self.used()), 1)


if __name__ == "__main__":
    unittest.main()
