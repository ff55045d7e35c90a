"""test_fallback.py - an upstream that fails before the first byte: another target answers, or the exact error comes.

Each case is tried twice, as a whole and as a streamed request: with a fallback behind it, and alone.
"""

import gzip
import json
import socket
import time
import unittest

import upstream
from harness import Case, Gateway, provider, tsan
from upstream import DONE, completion, delta, event, reply, reply_json, stream_head

E13 = (502, "upstream_error", "upstream_unavailable")
REDIRECT = (502, "upstream_error", "upstream_redirect")
E14 = (504, "upstream_error", "upstream_timeout")
E15 = (502, "upstream_error", "upstream_auth")
E16 = (429, "rate_limit_error", "upstream_rate_limited")
QUOTA = (429, "insufficient_quota", "insufficient_quota")
BUSY = (503, "service_unavailable_error", "server_is_overloaded")
INVALID = "invalid_request_error"
SECRET_TEXT = "internal-detail-77"
LONG_AGO = "Sun, 06 Nov 1994 08:49:%d GMT"  # its own clock counts, not ours


NOT_AGAIN = [("X-Should-Retry", "false"), ("Retry-After", "86400")]


def error_body(code="bad", message=SECRET_TEXT, **more):
    return {"error": {"message": message, "type": INVALID, "param": "temperature", "code": code, **more}}


def http_error(status, headers=(), body=None):
    return [reply_json(error_body() if body is None else body, status, headers)]


HTML = b"<html><body>502 Bad Gateway %s</body></html>" % SECRET_TEXT.encode()
GOOD_BODY = json.dumps(completion()).encode()

# name, what the upstream does, what the client is told when nobody else can answer, x-should-retry, Retry-After
BOTH = [
    ("RST before the head", ["rst"], E13, True, False),
    ("end before the head", ["close"], E13, True, False),
    ("RST in the head", [b"HTTP/1.1 200 OK\r\nContent-Ty", "rst"], E13, True, False),
    ("end in the head", [b"HTTP/1.1 200 OK\r\nContent-Ty", "close"], E13, True, False),
    ("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n\r\n", "close"], E13, True, False),
    ("binary garbage", [bytes(range(256)) * 4, "close"], E13, True, False),
    ("HTTP/2 preface", [b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", "close"], E13, True, False),
    ("endless header", [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2000000, "close"], E13, True, False),
    ("10,000 headers", [b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 10000 + b"\r\n", "close"], E13, True, False),
    (
        "two lengths",
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", "close"],
        E13,
        True,
        False,
    ),
    ("500", http_error(500), E13, True, False),
    ("500 with HTML", [reply(500, HTML, [("Content-Type", "text/html")])], E13, True, False),
    ("500 with nothing", [reply(500)], E13, True, False),
    ("502", http_error(502), E13, True, False),
    ("503", http_error(503), BUSY, True, (1, 5)),
    ("503 with Retry-After", http_error(503, [("Retry-After", "7")]), BUSY, True, 7),
    ("529", http_error(529), BUSY, True, (1, 5)),
    ("429", http_error(429), E16, True, None),
    ("429 with Retry-After", http_error(429, [("Retry-After", "3")]), E16, True, 3),
    ("429 with too long a Retry-After", http_error(429, [("Retry-After", "100000")]), E16, True, 60),
    ("429 in ms", http_error(429, [("Retry-After-Ms", "1500")]), E16, True, (1, 2)),
    ("429 until a date", http_error(429, [("Date", LONG_AGO % 37), ("Retry-After", LONG_AGO % 49)]), E16, True, 12),
    ("429 until a date that is over", http_error(429, [("Retry-After", LONG_AGO % 37)]), E16, True, None),
    ("429 that is not to be retried", http_error(429, NOT_AGAIN), E16, False, 86400),
    ("429 that is not to be retried, no time", http_error(429, NOT_AGAIN[:1]), E16, False, False),
    ("429 of a quota until tomorrow", http_error(429, NOT_AGAIN, error_body("insufficient_quota")), QUOTA, False, 86400),
    ("429 of a quota, no word of retries", http_error(429, NOT_AGAIN[1:], error_body("insufficient_quota")), QUOTA, False, 86400),
    ("503 that is not to be retried", http_error(503, NOT_AGAIN), BUSY, False, 86400),
    ("500 that is not to be retried", http_error(500, NOT_AGAIN), E13, False, False),
    ("429 that may be retried, in words", http_error(429, [("X-Should-Retry", "true"), NOT_AGAIN[1]]), E16, True, 60),
    ("429 with junk for Retry-After", http_error(429, [("Retry-After", "soon")]), E16, True, None),
    ("429, and the account is empty", http_error(429, [], error_body("insufficient_quota")), QUOTA, False, False),
    ("402", http_error(402), QUOTA, False, False),
    ("401", http_error(401), E15, False, False),
    ("403", http_error(403), E15, False, False),
    ("408", http_error(408), E14, False, False),
    ("504", http_error(504), E14, False, False),
    ("302", [reply(302, b"", [("Location", "http://127.0.0.1:9/v1/chat/completions")])], REDIRECT, True, False),
    ("307", [reply(307, b"", [("Location", "http://127.0.0.1:9/v1/chat/completions")])], REDIRECT, True, False),
    ("204", [b"HTTP/1.1 204 No Content\r\n\r\n"], E13, True, False),
    ("304", [b"HTTP/1.1 304 Not Modified\r\n\r\n"], None, None, None),
    ("101", [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "close"], E13, True, False),
    ("200 with HTML", [reply(200, HTML, [("Content-Type", "text/html")])], E13, True, False),
    ("200 with nothing", [reply(200, b"", [("Content-Type", "application/json")])], E13, True, False),
    (
        "200 with half of the JSON",
        [reply(200, GOOD_BODY[:50], [("Content-Type", "application/json")])],
        E13,
        True,
        False,
    ),
    ("404", http_error(404, body=error_body("model_not_found")), (404, INVALID, "model_not_found"), False, False),
    ("413", http_error(413, body=error_body("request_too_large")), (413, INVALID, "request_too_large"), False, False),
]
# Only asked for as a whole.
WHOLE = [
    (
        "events, and over answer_mb together",
        [stream_head()] + [upstream.chunk(delta("x" * 60000))] * 20 + [upstream.chunk(DONE), b"0\r\n\r\n"],
        E13,
        True,
        False,
    ),
    (
        "cut body",
        [
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + GOOD_BODY[:20],
            "close",
        ],
        E13,
        True,
        False,
    ),
    (
        "RST in the body",
        [
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + GOOD_BODY,
            0.1,
            "rst",
        ],
        E13,
        True,
        False,
    ),
    (
        "cut chunks",
        [stream_head(content_type="application/json") + upstream.chunk(GOOD_BODY), "close"],
        E13,
        True,
        False,
    ),
    (
        "silence in the body",
        [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + GOOD_BODY, 8.0],
        E14,
        False,
        False,
    ),
    (
        "too large",
        [stream_head(content_type="application/json"), upstream.chunk(b'{"x":"' + b"a" * 1500000), "close"],
        E13,
        True,
        False,
    ),
    ("a list", [reply_json([])], E13, True, False),
    ("not UTF-8", [reply_json(GOOD_BODY.replace(b"hello", b"\xff\xfe"))], None, None, None),
]
# Only asked for as a stream. The head is held back until the first event, so all of these are still HTTP errors.
STREAM = [
    ("empty stream", [stream_head() + b"0\r\n\r\n"], E13, True, False),
    ("only comments", [stream_head() + upstream.chunk(b": hi\n\n: ho\n\n") + b"0\r\n\r\n"], E13, True, False),
    ("RST after the head", [stream_head(), 0.1, "rst"], E13, True, False),
    ("end after the head", [stream_head(), "close"], E13, True, False),
    ("end in the first event", [stream_head() + upstream.chunk(delta("hello")[:40]), "close"], E13, True, False),
    (
        "first event is not JSON",
        [stream_head() + upstream.chunk(b"data: hello\n\n") + upstream.chunk(DONE) + b"0\r\n\r\n"],
        E13,
        True,
        False,
    ),
    ("silence", [8.0, "close"], E14, False, False),
    ("silence after the head", [stream_head(), 8.0, "close"], E14, False, False),
    (
        "silence in the first event",
        [stream_head() + upstream.chunk(delta("hello")[:40]), 8.0, "close"],
        E14,
        False,
        False,
    ),
    ("bad chunk", [stream_head() + b"zz\r\n", "close"], E13, True, False),
    (
        "first event is an error",
        [stream_head() + upstream.chunk(event(error_body("overloaded", code_status=500))) + b"0\r\n\r\n"],
        None,
        None,
        None,
    ),
    (
        "error as JSON",
        [reply_json({"error": {"message": SECRET_TEXT, "type": "server_error", "code": None, "param": None}})],
        None,
        None,
        None,
    ),
]


class Fallback(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.good = upstream.Upstream(upstream.good)
        cls.closed = socket.socket()
        cls.closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        refuse = "http://127.0.0.1:%d/v1" % cls.closed.getsockname()[1]
        short = "timeout = { connect_s = 2, first_token_s = 1, idle_s = 1, total_s = 20 }"
        return Gateway(
            provider("bad", cls.up)
            + provider("good", cls.good)
            + provider("refuses", refuse)
            + provider("nowhere", "http://does-not-exist.invalid/v1")
            + 'model "two" { { "bad/real" }, fallback = { "good/other" }, %(s)s }\n'
            'model "row" { { "bad/real" }, { "good/other" }, %(s)s }\n'
            'model "one" { { "bad/real" }, %(s)s }\n'
            'model "all" { { "refuses/x" }, { "bad/real" }, fallback = { "good/other" }, %(s)s }\n'
            'model "both" { { "refuses/x" }, { "refuses/y" }, %(s)s }\n'
            'model "closed" { { "refuses/x" }, %(s)s }\n'
            'model "unnamed" { { "nowhere/x" }, %(s)s }\n'
            'model "once" { { "bad/real" }, fallback = { "good/other" }, retry = { attempts = 1 }, %(s)s }\n'
            'limits { answer_mb = 1 }' % {"s": short}
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()
        cls.closed.close()

    def setUp(self):
        self.up.take()
        self.good.take()

    def alone(self, answer, expected, retry, retry_after):
        if expected is None:
            if answer.status != 200:
                self.assert_any_error(answer)
            return
        self.assert_error(answer, *expected, retry=retry, retry_after=retry_after)
        if expected[0] >= 500:
            self.assertNotIn(SECRET_TEXT.encode(), answer.body)
        self.assertIsNone(answer.header("location"))
        line = self.gw.log_for(answer.id)
        self.assertEqual(
            (line["status"], line["error"]["code"], line["fallback"]), (answer.status, expected[2], False), line
        )
        self.assertEqual([(a["provider"], a["model"]) for a in line["attempts"]], [("bad", "real")], line)
        self.assertNotEqual(line["attempts"][0]["outcome"], "ok", line)

    def answered(self, answer, streamed, model="two"):
        """The second target's answer, and both attempts in the log."""
        self.assertEqual(answer.status, 200, answer)
        if streamed:
            self.assertTrue(answer.body.endswith(DONE), answer)
            self.assertNotIn(b'"error"', answer.body)
        else:
            self.assertEqual(answer.body, GOOD_BODY)
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["status"], line["fallback"], line["model"]), (200, True, model), line)
        self.assertNotIn("error", line)
        self.assertEqual(
            (
                line["attempts"][-1]["provider"],
                line["attempts"][-1]["model"],
                line["attempts"][-1]["outcome"],
                line["attempts"][-1]["status"],
            ),
            ("good", "other", "ok", 200),
            line,
        )
        self.assertNotEqual(line["attempts"][0]["outcome"], "ok", line)
        self.assertEqual(line["usage"]["input"], 5, line)
        self.assertEqual(self.good.take()[-1].json()["model"], "other")
        return line

    def run_case(self, case, streamed):
        name, steps, expected, retry, retry_after = case
        self.up.handler = steps
        with self.subTest(name, streamed=streamed, fallback=False):
            before = time.monotonic()
            self.up.take()
            self.alone(self.gw.chat(model="one", stream=streamed), expected, retry, retry_after)
            self.assertLess(time.monotonic() - before, 6)
            self.assertLessEqual(len(self.up.take()), 2, "sent more often than one replay")
        with self.subTest(name, streamed=streamed, fallback=True):
            answer = self.gw.chat(model="two", stream=streamed)
            if expected is None and not self.good.requests:
                return  # it was an answer after all, or an error that is the caller's
            line = self.answered(answer, streamed)
            self.assertEqual(len(line["attempts"]), 2, line)
        with self.subTest(name, streamed=streamed, after=True):
            self.up.handler = upstream.good
            self.assertEqual(self.gw.chat(model="one", stream=streamed).status, 200)

    def test_whole_requests(self):
        for case in BOTH + WHOLE:
            self.run_case(case, False)

    def test_streamed_requests(self):
        for case in BOTH + STREAM:
            self.run_case(case, True)

    @tsan
    def test_no_connection(self):
        for streamed in (False, True):
            for model in ("closed", "unnamed"):
                with self.subTest(model, streamed=streamed):
                    answer = self.gw.chat(model=model, stream=streamed)
                    self.assert_error(answer, *E13, retry=True, retry_after=False)
                    self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["outcome"], "connect")
            with self.subTest("both", streamed=streamed):
                answer = self.gw.chat(model="both", stream=streamed)
                self.assert_error(answer, *E13, retry=False, retry_after=False)
                line = self.gw.log_for(answer.id)
                self.assertEqual([a["model"] for a in line["attempts"]], ["x", "y"], line)

    def test_three_targets_in_order(self):
        self.up.handler = http_error(500)
        for streamed in (False, True):
            answer = self.gw.chat(model="all", stream=streamed)
            line = self.answered(answer, streamed, "all")
            self.assertEqual(
                [(a["provider"], a["outcome"]) for a in line["attempts"]],
                [("refuses", "connect"), ("bad", "status_500"), ("good", "ok")],
                line,
            )

    def test_targets_of_one_row_are_tried_in_order_too(self):
        self.up.handler = http_error(500)
        self.answered(self.gw.chat(model="row"), False, "row")
        self.up.handler = upstream.good
        answer = self.gw.chat(model="row")
        self.assertEqual((answer.status, self.gw.log_for(answer.id)["fallback"]), (200, False))

    def test_the_number_of_attempts_is_limited(self):
        self.up.handler = http_error(500)
        self.assert_error(self.gw.chat(model="once"), *E13)
        self.assertEqual(self.good.take(), [])

    def test_what_is_the_callers_fault_is_told_at_once(self):
        cases = [(s, c, "it is wrong", c) for s, c in ((400, "unsupported_value"), (422, "wrong"))]
        cases.append((400, "3051", "the prompt is too long", "context_length_exceeded"))  # two that clients branch on
        cases.append((400, "ResponsibleAIPolicyViolation", "it is filtered", "content_filter"))
        for status, theirs, text, code in cases:
            for streamed in (False, True):
                with self.subTest(status=status, theirs=theirs, streamed=streamed):
                    self.up.handler = http_error(status, body=error_body(theirs, text))
                    answer = self.gw.chat(model="two", stream=streamed)
                    error = self.assert_error(answer, status, INVALID, code, retry=False, retry_after=False)
                    self.assertIn(text, error["message"])
                    self.assertEqual(self.good.take(), [])
                    line = self.gw.log_for(answer.id)
                    self.assertEqual([a["outcome"] for a in line["attempts"]], ["status_%d" % status], line)

    def test_the_smallest_retry_after_of_those_tried(self):
        answers = [
            reply_json(error_body(), 429, [("Retry-After", "30")]),
            reply_json(error_body(), 429, [("Retry-After", "9")]),
        ]
        self.up.handler = lambda request, out: out.send(answers[0])
        self.good.handler = lambda request, out: out.send(answers[1])
        try:
            self.assert_error(self.gw.chat(model="two"), *E16, retry=True, retry_after=9)
        finally:
            self.good.handler = upstream.good

    def test_interim_answers_are_passed_over(self):
        for streamed in (False, True):
            self.up.handler = lambda request, out: (
                out.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
                upstream.good(request, out),
            )
            self.assertEqual(self.gw.chat(model="one", stream=streamed).status, 200)

    def test_gzip_that_nobody_asked_for(self):
        """Decoded, or somebody else's answer: never bytes that the client cannot read."""
        packed = gzip.compress(GOOD_BODY)
        self.up.handler = [reply(200, packed, [("Content-Type", "application/json"), ("Content-Encoding", "gzip")])]
        answer = self.gw.chat(model="two")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json(), completion())
        self.assertNotEqual(self.up.take()[0].headers.get("accept-encoding", "identity"), "gzip")

    def test_a_stream_for_a_whole_request_and_the_other_way(self):
        self.up.handler = [upstream.stream(delta("hello"), delta(finish="stop"), DONE)]
        answer = self.gw.chat(model="one")
        if answer.status == 200:
            self.assertEqual(answer.json()["object"], "chat.completion")
        else:
            self.assert_error(answer, *E13)
        self.up.handler = [reply_json(completion())]
        answer = self.gw.chat(model="one", stream=True)
        if answer.status != 200:
            self.assert_error(answer, *E13)
        elif answer.header("content-type").startswith("application/json"):
            self.assertEqual(answer.json()["object"], "chat.completion")
        else:
            self.assertTrue(answer.body.endswith(DONE), answer)

    def test_a_kept_connection_that_died_is_not_an_error(self):
        for streamed in (False, True):
            for _ in range(10):
                self.up.handler = upstream.good
                self.assertEqual(self.gw.chat(model="one", stream=streamed).status, 200)
                self.up.close_idle()
                answer = self.gw.chat(model="one", stream=streamed)
                self.assertEqual(answer.status, 200, answer)


if __name__ == "__main__":
    unittest.main()
