"""test_llhttp_upstream.py - odd and broken HTTP answers from public suites, as upstream answers.

Each gives a right answer or one well-formed error, never a hang, a crash or bytes that belong to nobody.
"""

import base64
import json
import queue
import threading
import time
import unittest

import client
import upstream
from harness import FULL, Case, Gateway, least, pace, provider, shared

LIMIT_S = 6.0
THREADS = 8


class OddAnswers(Case):
    @classmethod
    def make(cls):
        with open(shared("vectors", "curl-replies", "replies.json")) as f:
            cls.curl = [
                ("curl %s: %s" % (c["test"], c["name"]), base64.b64decode(c["raw_b64"]), None) for c in json.load(f)
            ]
        with open(shared("vectors", "llhttp", "cases.json")) as f:
            cls.llhttp = [
                ("%s:%d %s" % (c["file"], c["line"], c["name"]), base64.b64decode(c["raw_b64"]), c["result"])
                for c in json.load(f)
                if (c.get("meta") or {}).get("type") == "response"
            ]
        cls.slots = [None] * THREADS

        def handler(request, out):
            upstream.play(out, cls.slots[int(request.json()["model"].split("-")[-1])])

        cls.up = upstream.Upstream(handler)
        lua = provider("up", cls.up)
        lua += "".join(
            'model "s%d" { { "up/slot-%d" }, timeout = { first_token_s = 1, idle_s = 1, total_s = 1 } }\n' % (i, i)
            for i in range(THREADS)
        )
        return Gateway(lua)

    def check(self, name, raw, streamed, answer, took):
        if took > LIMIT_S + 2 * pace():
            self.fail("%s: took %.1f s" % (name, took))
        if answer.status == 200 and streamed:
            self.assertTrue(answer.complete, name)
            for _, data in client.sse(answer.body):
                if data != "[DONE]":
                    json.loads(data)
        elif answer.status == 200:
            self.assertIsInstance(answer.json(), dict, name)
            if b"chunked" not in raw.lower():
                self.assertIn(answer.body, raw)
        else:
            self.assert_any_error(answer)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["status"], line["error"]["code"]), (answer.status, answer.error["code"]), name)

    def run_all(self, cases, scripts):
        """Asks for every case in every way of playing it; scripts(raw) yields lists of steps."""
        jobs, failures = queue.Queue(), []
        for name, raw, result in cases:
            for steps in scripts(raw):
                for streamed in (False, True):
                    jobs.put((name, raw, result, steps, streamed))
        count = jobs.qsize()

        def work(slot):
            while len(failures) < 20:
                try:
                    name, raw, result, steps, streamed = jobs.get_nowait()
                except queue.Empty:
                    return
                self.slots[slot] = steps
                started = time.monotonic()
                try:
                    answer = self.gw.chat(model="s%d" % slot, stream=streamed)
                    self.check(name, raw, streamed, answer, time.monotonic() - started)
                    if result == "error":
                        self.assertGreaterEqual(answer.status, 400, answer)
                except (AssertionError, client.Cut, OSError, ValueError, KeyError) as e:
                    failures.append(
                        "%s (%s, %r): %s: %s"
                        % (name, "stream" if streamed else "whole", steps[1:], type(e).__name__, e)
                    )

        threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures[:5], [], "%d of %d" % (len(failures), count))
        self.assertTrue(self.gw.alive())
        self.up.close_idle()
        self.slots[0] = [upstream.reply_json(upstream.completion())]
        self.assertEqual(self.gw.chat(model="s0").status, 200)

    def test_curl_replies(self):
        self.assertGreaterEqual(len(self.curl), least(613))
        self.run_all(self.curl, lambda raw: [[raw, "close"]])

    def test_curl_replies_byte_by_byte_and_reset(self):
        def scripts(raw):
            yield [raw, 0.02, "rst"]
            if len(raw) < 400:
                yield [raw[i : i + 1] for i in range(len(raw))] + ["close"]

        self.run_all(self.curl if FULL else self.curl[::4], scripts)

    def test_curl_replies_held_open(self):
        """The time-out ends what the framing does not."""
        self.run_all(self.curl if FULL else self.curl[::12], lambda raw: [[raw, 3.0, "close"]])

    def test_curl_replies_cut_at_header_boundaries(self):
        def scripts(raw):
            at = raw.find(b"\n")
            while 0 <= at < min(len(raw), 2000):
                yield [raw[: at + 1], "close"]
                at = raw.find(b"\n", at + 1)

        self.run_all(self.curl if FULL else self.curl[::20], scripts)

    def test_bytes_after_an_answer_are_nobodys(self):
        """What an upstream sends beyond its answer must not become the answer to the next request."""
        evil = upstream.reply_json(upstream.completion("evil"))
        good = upstream.reply_json(upstream.completion("good"))
        streamed = upstream.stream(upstream.delta("good"), upstream.delta(finish="stop"), upstream.DONE)
        for name, steps in (
            ("at once", [good + evil]),
            ("a moment later", [good, 0.02, evil]),
            ("after a stream", [streamed + evil]),
            ("after a stream, later", [streamed, 0.02, evil]),
            ("after 204", [b"HTTP/1.1 204 No Content\r\n\r\n" + evil]),
            ("after an error", [upstream.reply_json({"error": {"message": "x"}}, 400) + evil]),
            ("half an answer", [good + evil[:60]]),
            ("only line ends", [good + b"\r\n\r\n"]),
        ):
            for streaming in (False, True):
                with self.subTest(name, streaming=streaming):
                    self.slots[0] = steps
                    self.gw.chat(model="s0", stream=streaming)
                    time.sleep(0.05)
                    self.slots[0] = [good]
                    answer = self.gw.chat(model="s0")
                    self.assertEqual((answer.status, answer.json()), (200, upstream.completion("good")))

    def test_llhttp_responses(self):
        self.assertGreaterEqual(len(self.llhttp), least(76))
        self.run_all(self.llhttp, lambda raw: [[raw, "close"]])
        self.run_all(self.llhttp if FULL else self.llhttp[::5], lambda raw: [[raw, 3.0, "close"]])


if __name__ == "__main__":
    unittest.main()
