"""test_stream.py - streaming as it happens: at once, in step with a slow reader, and ended when the client leaves."""

import json
import threading
import time
import unittest

import client
import upstream
from harness import Case, build, build_facts, pace, tsan, wait_for
from upstream import DONE, chunk, delta, event, stream_head, usage_event

END = b"0\r\n\r\n"


def chat_bytes(model="m", stream=True, text="hi", headers=(), **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    if stream:
        body["stream"] = True
    return build("POST", "/v1/chat/completions", headers, body)


class Streams(Case):
    LUA = '%(up)s model "m" { { "up/real" } }\nlimits { ping_s = 1, write_s = 3 }\n'

    def setUp(self):
        self.up.take()

    @tsan
    def test_an_event_arrives_before_the_next_is_sent(self):
        seen = threading.Event()
        gaps = []

        def handler(request, out):
            out.send(stream_head())
            for i in range(20):
                seen.clear()
                before = time.monotonic()
                out.chunk(delta("piece %d" % i))
                self.assertTrue(seen.wait(10), "event %d did not arrive before the next" % i)
                gaps.append(time.monotonic() - before)
            out.chunk(delta(finish="stop"))
            out.chunk(DONE)
            out.end()

        self.up.handler = handler
        with client.Conn(self.gw.port) as conn:
            conn.send(chat_bytes())
            answer = conn.head()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.header("content-type").split(";")[0], "text/event-stream")
            self.assertIn("no-", answer.header("cache-control", ""))
            self.assert_ids(answer)
            got = []
            for _, raw in conn.events(answer):
                got.append(raw)
                seen.set()
        self.assertEqual(got[:20], [delta("piece %d" % i) for i in range(20)])
        self.assertEqual(got[-1], DONE)
        # A stall of Nagle's algorithm against delayed acknowledgements is 40 ms each time.
        gaps.sort()
        self.assertLess(
            gaps[len(gaps) // 2], 0.025 * pace(), "the median event took %.1f ms" % (gaps[len(gaps) // 2] * 1000)
        )

    def test_a_large_whole_answer_is_streamed_in_pieces(self):
        """An upstream that answers whole to who asked for a stream: larger than limits.event_mb."""
        text = "piece " * 3_000_000
        self.up.handler = lambda request, out: out.send(upstream.reply_json({
            "id": "c1", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}))
        with client.Conn(self.gw.port) as conn:
            conn.send(chat_bytes())
            answer = conn.head()
            self.assertEqual(answer.status, 200)
            said, last = [], None
            for _, raw in conn.events(answer):
                if raw == b": keep-alive\n\n":  # a loaded machine
                    continue
                last = raw
                if raw != DONE:
                    self.assertLess(len(raw), 100_000)
                    said += [c["delta"].get("content") or "" for c in json.loads(raw[6:])["choices"]]
        self.assertEqual(last, DONE)
        self.assertEqual("".join(said), text)

    def test_pieces_of_an_event_arrive_whole(self):
        """Nothing is put between the halves of an event, however long the pause."""
        whole = delta("hello")

        def handler(request, out):
            out.send(stream_head())
            out.chunk(delta("first"))
            out.chunk(whole[:30])
            time.sleep(2.5)
            out.chunk(whole[30:])
            out.chunk(delta(finish="stop"))
            out.chunk(DONE)
            out.end()

        self.up.handler = handler
        answer = self.gw.chat(stream=True)
        text = b"".join(e for e in answer.body.split(b": keep-alive\n\n"))
        self.assertEqual(text, delta("first") + whole + delta(finish="stop") + DONE)
        self.assertIn(whole, answer.body)

    @tsan
    def test_comments_keep_a_slow_stream_alive(self):
        def handler(request, out):
            time.sleep(2.6)
            out.send(stream_head() + chunk(delta("late")) + chunk(delta(finish="stop")) + chunk(DONE) + END)

        self.up.handler = handler
        with client.Conn(self.gw.port) as conn:
            started = time.monotonic()
            conn.send(chat_bytes())
            answer = conn.head()
            self.assertEqual(answer.status, 200)
            events = list(conn.events(answer))
        self.assertTrue(answer.complete)
        pings = [e for _, e in events if e == b": keep-alive\n\n"]
        self.assertIn(len(pings), (1, 2, 3), events)
        self.assertLess(events[0][0] - started, 2.4)
        self.assertEqual(
            [e for _, e in events if not e.startswith(b":")], [delta("late"), delta(finish="stop"), DONE]
        )
        line = self.gw.log_for(answer.id)
        self.assertGreater(line["first_token_ms"], 2000)

    def test_a_failure_after_comments_is_an_event(self):
        self.up.handler = [
            2.5,
            upstream.reply_json(
                {"error": {"message": "x", "type": "server_error", "code": None, "param": None}}, 500
            ),
        ]
        answer = self.gw.chat(stream=True)
        self.assertEqual((answer.status, answer.complete), (200, True), answer)
        self.assertNotIn(b"[DONE]", answer.body)
        self.assertIn(b'"code":"upstream_unavailable"', answer.body.replace(b" ", b""))
        self.assertEqual(self.gw.log_for(answer.id)["error"]["code"], "upstream_unavailable")

    def test_a_whole_answer_gets_no_comments(self):
        self.up.handler = [2.2, upstream.reply_json(upstream.completion())]
        answer = self.gw.chat()
        self.assertEqual((answer.status, answer.json()), (200, upstream.completion()))

    def flood(self, total, piece=20000):
        """A handler that streams `total` bytes of events, and how far it is."""
        progress = {"sent": 0, "done": threading.Event(), "gone": None}
        one = delta("x" * piece)

        def handler(request, out):
            try:
                out.send(stream_head())
                while progress["sent"] < total:
                    out.chunk(one)
                    progress["sent"] += len(one)
                out.chunk(delta(finish="stop"))
                out.chunk(DONE)
                out.end()
                progress["done"].set()
            finally:
                progress["gone"] = time.monotonic()

        return handler, progress, one

    def test_a_client_that_does_not_read_stops_the_upstream(self):
        handler, progress, _ = self.flood(200 << 20)
        self.up.handler = handler
        before = self.gw.rss()
        with client.Conn(self.gw.port, rcvbuf=4096) as conn:
            conn.send(chat_bytes())
            conn.head()

            def still():
                sent = progress["sent"]
                time.sleep(0.5)
                return progress["sent"] == sent

            self.assertTrue(wait_for(still, 20), "the upstream could send on and on")
            # Socket buffers of the kernel on both sides, and little of ours.
            self.assertLess(progress["sent"], 24 << 20)
            self.assertLess(self.gw.rss() - before, 8 << 20 if pace() == 1 else 96 << 20)
            self.assertTrue(wait_for(lambda: progress["gone"], 3 + 8 * pace()), "limits.write_s did not end it")
        line = self.gw.log_when(lambda one: one.get("error", {}).get("code") == "client_stuck")
        self.assertTrue(line["stream"])

    def test_20_mb_arrive_whole_at_a_slow_reader(self):
        tiny = build_facts().get("GW_TINY") == "ON"  # 7-byte buffers: as slow as that sounds
        handler, progress, one = self.flood((2 if tiny else 20) << 20)
        self.up.handler = handler
        before = self.gw.rss()
        with client.Conn(self.gw.port, rcvbuf=8192) as conn:
            conn.send(chat_bytes())
            answer = conn.head()
            total, most = 0, 0
            for i, data in enumerate(conn.pieces(answer)):
                total += len(data)
                if i % 50 == 0:
                    time.sleep(0.002)
                    most = max(most, self.gw.rss() - before)
        self.assertTrue(answer.complete)
        self.assertTrue(progress["done"].is_set())
        body = b"".join(answer.chunks).replace(b": keep-alive\n\n", b"")
        self.assertEqual(len(body), progress["sent"] + len(delta(finish="stop")) + len(DONE))
        self.assertEqual(body[: len(one)], one)
        self.assertEqual(body, one * (progress["sent"] // len(one)) + delta(finish="stop") + DONE)
        self.assertLess(most, 8 << 20 if pace() == 1 else 128 << 20)  # a sanitizer keeps 64 MB of what was freed

    def test_a_large_whole_answer(self):
        body = upstream.completion("y" * (8 << 20))
        self.up.handler = lambda request, out: out.send(upstream.reply_json(body))
        self.assertEqual(self.gw.chat().json(), body)

    def test_a_large_request(self):
        self.up.handler = upstream.good
        text = "z" * (8 << 20)
        self.assertEqual(self.gw.chat(text).status, 200)
        self.assertEqual(self.up.take()[0].json()["messages"][0]["content"], text)

    def leave(self, how, after_events, stream=True):
        """Leaves after some events; how long until the upstream's connection was closed."""
        gone = {}
        started = threading.Event()

        def handler(request, out):
            if after_events:
                out.send(stream_head())
                for _ in range(after_events):
                    out.chunk(delta("x"))
            started.set()
            gone["at"] = out.wait_gone(15)
            raise upstream.Gone()

        self.up.handler = handler
        conn = client.Conn(self.gw.port)
        conn.send(chat_bytes(stream=stream))
        self.assertTrue(started.wait(10))
        if after_events:
            answer = conn.head()
            events = conn.events(answer)
            for _ in range(after_events):
                next(events)
        else:
            time.sleep(0.05)
        left = time.monotonic()
        getattr(conn, how)()
        self.assertTrue(wait_for(lambda: "at" in gone, 15))
        self.assertIsNotNone(gone["at"], "the upstream was never cancelled")
        return gone["at"] - left

    @tsan
    def test_a_client_that_leaves_cancels_the_upstream(self):
        for how in ("close", "reset"):
            for events in (0, 1, 5):
                for stream in (True, False) if events == 0 else (True,):
                    with self.subTest(how=how, events=events, stream=stream):
                        count = len(self.gw.lines)
                        self.assertLess(self.leave(how, events, stream), 1.0 * pace())
                        self.assertTrue(wait_for(lambda: len(self.gw.lines) > count, 5 * pace()), "no log line")
                        line = self.gw.lines[-1]
                        self.assertEqual(line["error"]["code"], "client_gone", line)
                        self.assertEqual(line["attempts"][0]["outcome"], "cancelled", line)
        self.up.handler = upstream.good
        self.assertEqual(self.gw.chat().status, 200)

    def test_many_clients_that_leave_leave_nothing_behind(self):
        self.up.handler = upstream.good
        for _ in range(5):
            self.gw.chat()
        before = self.gw.fds()
        for i in range(30):
            self.leave("close" if i % 2 else "reset", i % 3)
        self.up.handler = upstream.good
        self.assertTrue(
            wait_for(lambda: self.gw.fds() <= before + 6, 10), "%d descriptors, %d before" % (self.gw.fds(), before)
        )

    def test_time_to_the_first_token_and_sizes_are_logged(self):
        self.up.handler = [0.3, upstream.stream(delta("a"), delta("b"), delta(finish="stop"), usage_event(), DONE)]
        answer = self.gw.chat(stream=True)
        line = self.gw.log_for(answer.id)
        self.assertGreaterEqual(line["first_token_ms"], 290)
        self.assertLess(line["first_token_ms"], 300 + 2000 * pace())
        self.assertGreaterEqual(line["duration_ms"], line["first_token_ms"] - 1)
        self.assertLess(line["overhead_us"], 100000 * pace())
        self.assertEqual(line["usage"], {"source": "reported", "input": 5, "output": 2})
        self.assertNotIn(event({"x": 1}), answer.body)


if __name__ == "__main__":
    unittest.main()
