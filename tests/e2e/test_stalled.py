"""test_stalled.py - a provider whose connects stall beside one that answers: it delays nobody but its own requests."""

import socket
import threading
import time
import unittest

import upstream
from harness import Gateway, pace, provider

STALLED, HEALTHY = 100, 20
CONNECT_S = 3


class Tarpit:
    """An address that drops each SYN: a listener that accepts nothing, and whose queue is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fill = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.port))
            self.fill.append(sock)
        self.url = "http://127.0.0.1:%d/v1" % self.port

    def stop(self):
        for sock in [self.listener] + self.fill:
            sock.close()


class Silent:
    """A listener that takes every connection and never says a word of TLS."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.url = "https://127.0.0.1:%d/v1" % self.listener.getsockname()[1]

    def stop(self):
        self.listener.close()


class Stalled(unittest.TestCase):
    def ask(self, gw, model, count, out):
        """Starts `count` requests; out gets (answer, seconds) of each."""

        def run():
            begin = time.monotonic()
            answer = gw.chat(model=model)
            out.append((answer, time.monotonic() - begin))

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads

    def beside(self, bad):
        up = upstream.Upstream(upstream.good)
        lua = provider("bad", bad.url) + provider("up", up) + 'model "m" { { "up/real" } }\n'
        limit = "timeout = { connect_s = %d }" % CONNECT_S
        lua += 'model "both" { %s, { "bad/x" }, { "up/real" } }\nmodel "dead" { %s, { "bad/x" } }\n' % (limit, limit)
        with Gateway(lua, env={"no_proxy": "127.0.0.1"}) as gw:
            stalled, dead, healthy = [], [], []
            threads = self.ask(gw, "both", STALLED, stalled) + self.ask(gw, "dead", 5, dead)
            time.sleep(0.3)
            begin = time.monotonic()
            first = self.ask(gw, "m", HEALTHY, healthy)
            for thread in first:
                thread.join()
            took = time.monotonic() - begin
            self.assertFalse(stalled, "the stalled ones ended before the healthy ones: nothing was shown")
            for thread in threads:
                thread.join()
            self.assertEqual([a.status for a, _ in healthy], [200] * HEALTHY)
            self.assertLess(took, 1.5 * pace())
            self.assertEqual([a.status for a, _ in stalled], [200] * STALLED)
            self.assertEqual({a.header("x-gw-provider") for a, _ in stalled}, {"up"})
            self.assertLess(max(s for _, s in stalled), CONNECT_S + 3 * pace())
            self.assertEqual([a.status for a, _ in dead], [502] * 5)
            outcome = gw.log_for(stalled[0][0].id)["attempts"][0]["outcome"]
            self.assertEqual(outcome, "time_connect")
        up.stop()

    def test_connects_that_are_dropped(self):
        bad = Tarpit()
        try:
            self.beside(bad)
        finally:
            bad.stop()

    def test_tls_that_never_answers(self):
        bad = Silent()
        try:
            self.beside(bad)
        finally:
            bad.stop()


if __name__ == "__main__":
    unittest.main()
