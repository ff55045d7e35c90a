"""test_load.py - many at once: 500 in flight, mixed kinds, clients that leave; nobody gets another's answer."""

import random
import threading
import time
import unittest

import client
import upstream
from harness import Case, Gateway, pace, provider, tsan, wait_for

CONCURRENT = 500
SEED = 7


class LoadCase(Case):
    WORKERS = 1

    @classmethod
    def make(cls):
        cls.hold = None
        cls.waiting = 0
        cls.lock = threading.Lock()

        def handler(request, out):
            body = request.json()
            text = body["messages"][0]["content"]
            hold = cls.hold
            if hold is not None:
                with cls.lock:
                    cls.waiting += 1
                hold.wait(30)
            if text.startswith("fail"):
                out.send(upstream.reply(500, b"no"))
            elif text.startswith("limit"):
                out.send(
                    upstream.reply_json(
                        {"error": {"message": "slow down", "type": "x", "code": "y", "param": None}},
                        429,
                        [("Retry-After", "2")],
                    )
                )
            elif text.startswith("cut"):
                out.send(upstream.stream_head() + upstream.chunk(upstream.delta(text)))
                out.close()
            elif body.get("stream"):
                out.send(upstream.stream_head())
                for word in text.split(" "):
                    out.chunk(upstream.delta(word))
                out.send(
                    upstream.chunk(upstream.delta(finish="stop")) + upstream.chunk(upstream.DONE) + b"0\r\n\r\n"
                )
            else:
                out.send(upstream.reply_json(upstream.completion(text)))

        cls.up = upstream.Upstream(handler)
        return Gateway(
            provider("up", cls.up) + 'model "m" { { "up/real" } }\nlisten { workers = %d }' % cls.WORKERS
        )

    def one(self, conn, kind, number):
        """One request of a kind; raises AssertionError when the answer is not right."""
        text = "%s %d %d" % (kind, number, random.Random(number).randrange(10**9))
        body = {"model": "m", "messages": [{"role": "user", "content": text}]}
        if kind in ("stream", "cut", "leave"):
            body["stream"] = True
        if kind == "model":
            body["model"] = "none"
        raw = b"{" if kind == "json" else body
        conn.send(client.build("POST", "/v1/chat/completions", (), raw))
        if kind == "leave":
            time.sleep(0.001 * (number % 30))
            getattr(conn, "reset" if number % 2 else "close")()
            return None
        answer = conn.response()
        wanted = {"whole": 200, "stream": 200, "cut": 200, "fail": 502, "limit": 429, "model": 404, "json": 400}[
            kind
        ]
        assert answer.status == wanted, (kind, answer)
        assert answer.complete, (kind, answer)
        if kind == "whole":
            assert answer.json()["choices"][0]["message"]["content"] == text, (text, answer)
        elif kind == "stream":
            expected = (
                b"".join(upstream.delta(w) for w in text.split(" ")) + upstream.delta(finish="stop") + upstream.DONE
            )
            assert answer.body == expected, (text, answer)
        elif kind == "cut":
            assert answer.body.startswith(upstream.delta(text)) and b"stream_interrupted" in answer.body, answer
        else:
            assert answer.error["code"], answer
        return answer.id

    def run_threads(self, count, work):
        failures, ids, lock = [], [], threading.Lock()

        def run(number):
            try:
                for id_ in work(number):
                    if id_:
                        with lock:
                            ids.append(id_)
            except (AssertionError, client.Cut, OSError, ValueError) as e:
                failures.append("%d: %s: %s" % (number, type(e).__name__, e))

        threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        self.assertFalse(any(t.is_alive() for t in threads), "some never ended")
        self.assertEqual(failures[:3], [], "%d of %d failed" % (len(failures), count))
        self.assertEqual(len(set(ids)), len(ids))
        return ids

    def gauge(self, name):
        text = client.request(self.gw.port, "GET", "/metrics").body.decode()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith(name) and not line.startswith("#")
        )


class Load(LoadCase):
    def test_500_in_flight(self):
        type(self).waiting = 0
        type(self).hold = threading.Event()

        def let_go():
            wait_for(lambda: type(self).waiting >= CONCURRENT, 20)
            self.reached = type(self).waiting
            type(self).hold.set()

        opener = threading.Thread(target=let_go)
        opener.start()
        try:

            def work(number):
                with client.Conn(self.gw.port, timeout=60) as conn:
                    yield self.one(conn, ("whole", "stream")[number % 2], number)

            ids = self.run_threads(CONCURRENT, work)
        finally:
            opener.join()
            type(self).hold = None
        self.assertEqual(self.reached, CONCURRENT, "they were not all in flight at the same time")
        for id_ in ids:
            line = self.gw.log_for(id_)
            self.assertEqual((line["status"], "error" in line), (200, False), line)

    def test_mixed(self):
        kinds = ["whole", "stream", "whole", "stream", "fail", "limit", "model", "json", "cut", "leave"]

        def work(number):
            chance = random.Random(SEED + number)
            conn = client.Conn(self.gw.port, timeout=60)
            for i in range(8):
                kind = chance.choice(kinds)
                yield self.one(conn, kind, number * 100 + i)
                if kind == "leave":
                    conn = client.Conn(self.gw.port, timeout=60)
            conn.close()

        ids = self.run_threads(60 if pace() > 4 else 150, work)
        for id_ in ids:
            self.gw.log_for(id_)
        before = self.gw.chat()
        self.assertEqual(before.status, 200)
        self.assertTrue(wait_for(lambda: self.gauge("gw_inflight_requests") <= 1, 10), "requests were left over")


@tsan
class TwoWorkers(Load):
    WORKERS = 2


class Flat(LoadCase):
    """Memory and descriptors stay where they are."""

    def test_nothing_grows(self):
        self.assertFalse(type(self).hold)
        rounds = 3

        def work(number):
            with client.Conn(self.gw.port, timeout=60) as conn:
                for i in range(150):
                    yield self.one(conn, ("whole", "stream", "json", "fail")[i % 4], number * 1000 + i)

        sizes = []
        for _ in range(rounds):
            self.run_threads(8, work)
            sizes.append((self.gw.rss(), self.gw.fds()))
        self.assertLess(sizes[-1][0] - sizes[0][0], (2 << 20) if pace() == 1 else (96 << 20), sizes)
        self.assertLessEqual(sizes[-1][1], sizes[0][1] + 8, sizes)


if __name__ == "__main__":
    unittest.main()
