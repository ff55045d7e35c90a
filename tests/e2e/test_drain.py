"""test_drain.py - SIGTERM: running streams complete, nothing new is taken, readiness says so, exit code 0."""

import json
import signal
import threading
import time
import unittest

import client
import upstream
from harness import Gateway, pace, provider, tsan, wait_for
from upstream import DONE, chunk, delta, stream_head

ASK = client.build(
    "POST",
    "/v1/chat/completions",
    (),
    {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]},
)
WHOLE = client.build(
    "POST", "/v1/chat/completions", (), {"model": "m", "messages": [{"role": "user", "content": "x"}]}
)


class Drain(unittest.TestCase):
    def setUp(self):
        self.release = threading.Event()
        self.started = threading.Semaphore(0)

        def handler(request, out):
            if request.json().get("stream"):
                out.send(stream_head())
                out.chunk(delta("first"))
                self.started.release()
                while not self.release.wait(0.2):
                    out.chunk(delta("more"))
                out.send(chunk(delta("last")) + chunk(delta(finish="stop")) + chunk(DONE) + b"0\r\n\r\n")
            else:
                self.started.release()
                self.release.wait(20)
                out.send(upstream.reply_json(upstream.completion()))

        self.up = upstream.Upstream(handler)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.release.set)

    def gateway(self, more=""):
        gw = Gateway(provider("up", self.up) + 'model "m" { { "up/real" } }\n' + more)
        self.addCleanup(gw.kill)
        return gw

    def begin(self, gw, count, ask=ASK):
        conns = [client.Conn(gw.port) for _ in range(count)]
        for conn in conns:
            conn.send(ask)
        for _ in conns:
            self.assertTrue(self.started.acquire(timeout=15))
        return conns

    def test_idle(self):
        gw = self.gateway()
        started = time.monotonic()
        gw.stop()
        self.assertLess(time.monotonic() - started, 3 * pace())

    def test_idle_with_connections(self):
        gw = self.gateway()
        conns = [client.Conn(gw.port) for _ in range(20)]
        for conn in conns[:10]:
            self.assertEqual(conn.ask("GET", "/livez").status, 200)
        started = time.monotonic()
        gw.stop()
        self.assertLess(time.monotonic() - started, 6 * pace())
        for conn in conns:
            conn.close()

    @tsan
    def test_running_requests_complete(self):
        gw = self.gateway('listen { workers = 2 }')
        conns = self.begin(gw, 10) + self.begin(gw, 5, WHOLE)
        answers = [conn.head() for conn in conns[:10]]
        idle = client.Conn(gw.port)
        self.assertEqual(idle.ask("GET", "/readyz").status, 200)
        gw.signal()
        time.sleep(0.3)
        with self.subTest("nothing new"):
            try:
                with client.Conn(gw.port, timeout=5) as conn:
                    self.assertIn(conn.ask("GET", "/readyz").status, (503,))
            except (client.Cut, OSError):
                pass
            try:
                self.assertEqual(idle.ask("GET", "/readyz").status, 503)
            except (client.Cut, OSError):
                pass
        self.assertTrue(gw.alive())
        time.sleep(0.5)
        self.assertTrue(gw.alive())
        self.release.set()
        for conn, answer in zip(conns[:10], answers):
            events = [e for _, e in conn.events(answer) if not e.startswith(b":")]
            self.assertTrue(answer.complete)
            self.assertEqual(events[0], delta("first"))
            self.assertEqual(events[-3:], [delta("last"), delta(finish="stop"), DONE])
        for conn in conns[10:]:
            answer = conn.response()
            self.assertEqual(answer.json(), upstream.completion())
            self.assertEqual(answer.header("connection", "").lower(), "close")
        done = time.monotonic()
        lines = gw.stop() if gw.code is not None else (gw.wait(15), gw.stop())[1]
        self.assertLess(time.monotonic() - done, 3 + 2 * pace())
        chats = [line for line in lines if line["operation"] == "chat"]
        self.assertEqual(len([line for line in chats if line["status"] == 200 and "error" not in line]), 15, chats)

    @tsan
    def test_a_second_signal_ends_it_at_once(self):
        gw = self.gateway()
        conns = self.begin(gw, 3) + self.begin(gw, 1, WHOLE)
        answers = [conn.head() for conn in conns[:3]]
        gw.signal()
        time.sleep(0.3)
        self.assertTrue(gw.alive())
        started = time.monotonic()
        gw.signal(signal.SIGTERM)
        gw.wait(15)
        self.assertLess(time.monotonic() - started, 6 * pace())
        self.assertGreaterEqual(gw.code, 0, "it died of a signal")
        for conn, answer in zip(conns, answers):
            try:
                events = [e for _, e in conn.events(answer) if not e.startswith(b":")]
                self.assertNotIn(DONE, events)
                if answer.complete:
                    self.assertIn("error", json.loads(client.sse(events[-1])[0][1]))
            except client.Cut:
                pass
        lines = gw.stop(codes=(0, 1, 130, 143))
        self.assertEqual(len([line for line in lines if line["operation"] == "chat"]), 4, lines)

    def test_the_drain_has_an_end(self):
        gw = self.gateway('limits { drain_s = 1 }')
        conns = self.begin(gw, 2)
        started = time.monotonic()
        gw.signal()
        gw.wait(20)
        took = time.monotonic() - started
        self.assertGreater(took, 0.8)
        self.assertLess(took, 5 + 3 * pace())
        lines = gw.stop(codes=(0, 1))
        self.assertEqual(len([line for line in lines if "error" in line]), 2, lines)
        for conn in conns:
            conn.close()

    def test_no_request_of_a_kept_connection_is_lost(self):
        """Heads that were sent before the signal could not announce the end: one more request is served, and its head does."""
        gw = self.gateway('listen { workers = 2 }')
        conns = self.begin(gw, 8)
        answers = [conn.head() for conn in conns]
        idle = [client.Conn(gw.port) for _ in range(4)]
        for conn in idle:
            self.assertEqual(conn.ask("GET", "/livez").status, 200)
        gw.signal()
        time.sleep(0.2)
        for conn in idle:
            answer = conn.ask("GET", "/v1/models")
            self.assertEqual((answer.status, answer.header("connection", "").lower()), (200, "close"), answer)
            self.assertTrue(conn.closed_by_peer())
        self.release.set()
        for conn, answer in zip(conns, answers):
            for _ in conn.pieces(answer):
                pass
            self.assertTrue(answer.complete)
            self.assertIsNone(answer.header("connection"))
        for conn in conns:
            conn.send(WHOLE)
        for conn in conns:
            answer = conn.response()
            self.assertEqual((answer.status, answer.header("connection", "").lower()), (200, "close"), answer)
            self.assertTrue(conn.closed_by_peer())
        self.assertTrue(wait_for(lambda: not gw.alive(), 10))
        gw.wait(10)
        gw.stop()

    def test_interrupt_is_the_same(self):
        gw = self.gateway()
        self.assertEqual(client.request(gw.port, "GET", "/livez").status, 200)
        gw.signal(signal.SIGINT)
        self.assertEqual(gw.wait(15), 0)
        gw.stop()

    def test_a_client_that_leaves_while_it_drains(self):
        gw = self.gateway()
        conns = self.begin(gw, 2)
        gw.signal()
        time.sleep(0.2)
        for conn in conns:
            conn.close()
        self.assertTrue(wait_for(lambda: not gw.alive(), 10))
        gw.wait(10)
        gw.stop()


if __name__ == "__main__":
    unittest.main()
