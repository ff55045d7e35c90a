"""test_midstream.py - streams that fail after their first byte, and streams that end in odd but right ways.

What passed stays; an error event ends it, the body ends cleanly, no [DONE]; the log says what happened.
"""

import json
import time
import unittest

import client
import upstream
from harness import Case, Gateway, provider, tsan
from upstream import DONE, chunk, delta, event, stream, stream_head, usage_event

ONE = delta("hel")
END = b"0\r\n\r\n"


class MidStream(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.good = upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up)
            + provider("good", cls.good)
            + 'model "m" { { "up/real" }, fallback = { "good/other" },\n'
            '  timeout = { connect_s = 2, first_token_s = 2, idle_s = 1, total_s = 20 } }\n'
            'model "short" { { "up/real" }, timeout = { first_token_s = 2, idle_s = 2, total_s = 2 } }\n'
            'limits { event_mb = 1 }'
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()

    def setUp(self):
        self.up.take()
        self.good.take()

    def broken(self, steps, codes, passed=ONE, model="m"):
        """The stream begins with `passed` and ends with one error event."""
        self.up.handler = steps
        answer = self.gw.chat(stream=True, model=model, stream_options={"include_usage": True})
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.complete, "the body did not end cleanly: %r" % answer)
        self.assertTrue(answer.body.startswith(passed), answer)
        self.assertNotIn(b"[DONE]", answer.body)
        self.assertTrue(answer.body.endswith(b"\n\n"), answer)
        events = [json.loads(data) for _, data in client.sse(answer.body)]
        self.assertEqual([i for i, e in enumerate(events) if "error" in e], [len(events) - 1], events)
        error = events[-1]["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(error["type"], "upstream_error")
        self.assertIn(error["code"], codes)
        self.assertEqual(self.good.take(), [], "a fallback after the first byte")
        line = self.gw.log_for(answer.id)
        self.assertEqual(
            (line["status"], line["stream"], line["error"]["code"], line["fallback"]),
            (200, True, error["code"], False),
            line,
        )
        self.assertEqual(len(line["attempts"]), 1, line)
        self.assertNotEqual(line["attempts"][0]["outcome"], "ok", line)
        self.assertIsNotNone(line["first_token_ms"], line)
        return answer, line

    def whole(self, body, expected=None, **more):
        """The stream passes as it is, and is a success."""
        self.up.handler = body if isinstance(body, list) else [body]
        answer = self.gw.chat(stream=True, stream_options={"include_usage": True}, **more)
        self.assertEqual((answer.status, answer.complete), (200, True), answer)
        if expected is not None:
            self.assertEqual(answer.body, expected)
        line = self.gw.log_for(answer.id)
        self.assertNotIn("error", line)
        self.assertEqual(line["attempts"][0]["outcome"], "ok", line)
        return answer, line

    @tsan
    def test_interrupted(self):
        head = stream_head() + chunk(ONE)
        cases = {
            "end without the last chunk": [head, "close"],
            "RST": [head, 0.1, "rst"],
            "end in an event": [head + chunk(delta("lo")[:50]), 0.1, "close"],
            "RST in an event": [head + chunk(delta("lo")[:50]), 0.1, "rst"],
            "end in a chunk": [head + chunk(delta("lo"))[:30], 0.1, "close"],
            "bad chunk size": [head + b"zz\r\n" + delta("lo"), "close"],
            "chunk longer than said": [head + b"4\r\nabcdefgh\r\n", "close"],
            "length not reached": [
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 5000\r\n\r\n" + ONE,
                "close",
            ],
        }
        for name, steps in cases.items():
            with self.subTest(name):
                self.broken(steps, ("stream_interrupted",))

    def test_an_event_that_is_no_json(self):
        for bad in (b"data: {\"choices\":[\n\n", b"data: hello\n\n", b"data: {\"x\":\"\xff\xfe\"}\n\n"):
            with self.subTest(bad):
                self.up.handler = [
                    stream_head()
                    + chunk(ONE)
                    + chunk(bad)
                    + chunk(delta("lo"))
                    + chunk(delta(finish="stop"))
                    + chunk(DONE)
                    + END
                ]
                answer = self.gw.chat(stream=True)
                self.assertEqual((answer.status, answer.complete), (200, True), answer)
                self.assertTrue(answer.body.startswith(ONE), answer)
                self.gw.log_for(answer.id)

    def test_an_event_that_is_too_large(self):
        self.broken(
            [stream_head() + chunk(ONE), chunk(b"data: " + b"a" * 1500000), "close"], ("stream_interrupted",)
        )

    def test_silence(self):
        started = time.monotonic()
        self.broken([stream_head() + chunk(ONE), 6.0, "close"], ("stream_interrupted", "upstream_timeout"))
        self.assertLess(time.monotonic() - started, 5)
        with self.subTest("in an event"):
            self.broken(
                [stream_head() + chunk(ONE) + chunk(delta("lo")[:40]), 6.0, "close"],
                ("stream_interrupted", "upstream_timeout"),
            )

    def test_too_long_in_all(self):
        started = time.monotonic()
        self.broken(
            [stream_head()] + [x for _ in range(16) for x in (chunk(ONE), 0.5)],
            ("stream_interrupted", "upstream_timeout"),
            model="short",
        )
        self.assertLess(time.monotonic() - started, 6)

    def test_incomplete(self):
        cases = {
            "no end mark": [stream(ONE, delta("lo"))],
            "usage and no end mark": [stream(ONE, usage_event())],
            "by the end of the connection": [
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + ONE + delta("lo"),
                "close",
            ],
            "half an event at the end": [stream(ONE, delta("lo")[:40])],
        }
        for name, steps in cases.items():
            with self.subTest(name):
                answer, line = self.broken(
                    steps, ("stream_incomplete", "stream_interrupted") if "half" in name else ("stream_incomplete",)
                )
                if "usage" in name:
                    self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (5, 2), line)

    @tsan
    def test_right_without_the_end_mark(self):
        body = ONE + delta("lo") + delta(finish="stop") + usage_event()
        for name, steps in {
            "chunked": [stream_head() + chunk(body) + END],
            "by the end of the connection": [
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body,
                "close",
            ],
            "by the end, HTTP/1.0": [b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body, "close"],
            "by its length": [
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            ],
            "CRLF": [stream_head() + chunk(body.replace(b"\n", b"\r\n")) + END],
            "usage with the finish": [
                stream(
                    ONE, delta(finish="stop", usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
                )
            ],
        }.items():
            with self.subTest(name):
                answer, line = self.whole(steps)
                if name not in ("CRLF", "usage with the finish"):
                    self.assertEqual(answer.body, body)
                self.assertEqual(line["finish"], "stop", line)
                self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (5, 2), line)

    def test_the_last_blank_line_may_be_missing(self):
        body = ONE + delta(finish="stop") + DONE
        for missing in (1, 2):
            answer, _ = self.whole(stream(body[:-missing]))
            self.assertTrue(answer.body.endswith(b"\n\n"), "a reader would wait for it")
            self.assertEqual(client.sse(answer.body), client.sse(body))

    def test_odd_but_right(self):
        for name, body in {
            "comments": b": PROCESSING\n\n" + ONE + b": PROCESSING\n\n" + delta(finish="stop") + b":\n\n" + DONE,
            "named events and ids": b"event: message\nid: 7\nretry: 10\n" + ONE + delta(finish="stop") + DONE,
            "a BOM": b"\xef\xbb\xbf" + ONE + delta(finish="stop") + DONE,
            "no blank after the colon": ONE.replace(b"data: ", b"data:")
            + delta(finish="stop").replace(b"data: ", b"data:")
            + b"data:[DONE]\n\n",
            "two data lines": b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"x"}}]}\n\n'
            + delta(finish="stop")
            + DONE,
            "CR only": (ONE + delta(finish="stop") + DONE).replace(b"\n", b"\r"),
            "empty choices first": event({"id": "x", "choices": [], "prompt_filter_results": []})
            + ONE
            + delta(finish="stop")
            + DONE,
            "odd finish reason": ONE + delta(finish="eos") + DONE,
            "unicode": delta("\u20ac\U0001f600")
            + event('{"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}')
            + delta(finish="stop")
            + DONE,
            "200 KB event": delta("x" * 200000) + delta(finish="stop") + DONE,
            "after the end mark": ONE + delta(finish="stop") + DONE,
        }.items():
            with self.subTest(name):
                self.whole(stream(body), body)
                self.whole(
                    [
                        stream_head()
                        + b"".join(chunk(body[i : i + 3]) for i in range(0, min(len(body), 3000), 3))
                        + (chunk(body[3000:]) if len(body) > 3000 else b"")
                        + END
                    ],
                    body,
                )

    def test_an_error_of_the_upstream_in_the_middle_passes_as_it_is(self):
        body = ONE + event({"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}})
        for end in (b"", DONE):
            with self.subTest(end):
                self.up.handler = [stream(body + end)]
                answer = self.gw.chat(stream=True)
                self.assertEqual((answer.body, answer.complete), (body + end, True))
                line = self.gw.log_for(answer.id)
                self.assertTrue(line["error"]["code"], line)
                self.assertNotEqual(line["attempts"][0]["outcome"], "ok", line)

    def test_an_event_that_is_not_json_passes_and_counts_for_nothing(self):
        junk = b"data: PROCESSING\n\n" * 20 + b"event: note\ndata: [1]\n\n"
        body = ONE + junk + delta("lo") + junk + delta(finish="stop") + DONE
        _, line = self.whole(stream(body), body)
        self.assertEqual((line["usage"]["source"], line["usage"]["output"]), ("counted", 3), line)

    def test_usage_twice_counts_once(self):
        _, line = self.whole(stream(ONE, usage_event(1, 1), delta(finish="stop"), usage_event(50, 20), DONE))
        self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (50, 20), line)

    def test_usage_that_cannot_be(self):
        for usage in (
            {"prompt_tokens": -5, "completion_tokens": 2, "total_tokens": -3},
            {"prompt_tokens": "5"},
            {"prompt_tokens": 2**63},
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 50},
            },
            {"prompt_tokens": 1e300},
            {"prompt_tokens": 5.5},
            {"prompt_tokens": None},
            [],
            7,
            {},
        ):
            with self.subTest(usage):
                body = ONE + delta(finish="stop", usage=usage) + DONE
                self.up.handler = [stream(body)]
                answer = self.gw.chat(stream=True)
                self.assertEqual((answer.status, answer.body), (200, body))
                logged = self.gw.log_for(answer.id)["usage"]
                self.assertTrue(all(v >= 0 for v in logged.values() if isinstance(v, (int, float))), logged)


if __name__ == "__main__":
    unittest.main()
