"""test_memcached_hostile.py - a memcached that delays, cuts, reorders, doubles and lies: no wrong answer, and the gateway goes on."""

import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import hostile
import memcached
import upstream
from harness import FULL, ROOT, Case, Conn, Gateway, auth, wait_for
from test_memcached import SEAL as PATIENT, lua

SEAL = {"CACHE_SEAL": PATIENT["CACHE_SEAL"]}  # 5 ms, as outside of tests
OPERATIONS = 100000 if FULL else 2000
QUESTIONS = 40


def echo(request, out):
    """The answer to a question is the question: each wrong one shows."""
    text = request.json()["messages"][-1]["content"]
    out.send(upstream.reply_json(upstream.completion("you asked: " + text)))


class Load:
    """Requests from several threads, each answer compared with what its question demands."""

    def __init__(self, gateway, questions=QUESTIONS):
        self.gateway, self.questions = gateway, questions
        self.lock = threading.Lock()
        self.sent = self.hits = 0
        self.wrong, self.times = [], []

    def one(self, r, conn):
        question = "question %d" % r.randrange(self.questions)
        team = r.choice(("red", "blue"))
        began = time.monotonic()
        body = {"model": "m", "messages": [{"role": "user", "content": question}]}
        answer = conn.ask("POST", "/v1/chat/completions", auth(team), body)
        took = time.monotonic() - began
        said = answer.json()["choices"][0]["message"]["content"] if answer.status == 200 else None
        with self.lock:
            self.sent += 1
            self.times.append(took)
            self.hits += (answer.header("cache-status") or "").startswith("llm-gateway; hit")
            if said != "you asked: " + question:
                self.wrong.append((answer.status, question, said))

    def run(self, goes_on, threads=4):
        def work(seed):
            r = random.Random(seed)
            try:
                with Conn(self.gateway.port) as conn:  # kept: a million ports in ten minutes come round too soon
                    while goes_on():
                        self.one(r, conn)
            except Exception as error:  # pylint: disable=broad-except
                with self.lock:
                    self.wrong.append(("exception", repr(error)))

        all_threads = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        for thread in all_threads:
            thread.start()
        for thread in all_threads:
            thread.join()


class Hostile(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(echo)
        cls.server = hostile.Server(harm=0.12)  # more of it, and the breaker leaves the server alone
        return Gateway(lua(cls.up, [cls.server.address]), env=SEAL)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.server.stop()

    def figure(self, name, gateway=None):
        text = (gateway or self.gw).request("GET", "/metrics").body.decode()
        return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def test_no_wrong_answer_is_given(self):
        load = Load(self.gw)
        end = time.monotonic() + (3600 if FULL else 120)
        load.run(lambda: self.server.count < OPERATIONS and time.monotonic() < end)
        self.assertEqual(load.wrong, [])
        self.assertGreater(load.hits, 0)
        self.assertGreaterEqual(self.server.count, OPERATIONS)
        self.assertTrue(set(hostile.HARMS) <= set(self.server.done), self.server.done)
        print("hostile: %d requests, %d operations, %d hits, %d late, %d restarts of the helper"
              % (load.sent, self.server.count, load.hits, self.figure("gw_cache_helper_late_total"), self.figure("gw_cache_helper_restarts_total")))

    def test_a_late_answer_is_a_miss_in_time(self):
        server = hostile.Server(harm=1, harms=("delay",), delay_s=(0.3, 0.3))
        try:
            with Gateway(lua(self.up, [server.address]), env=SEAL) as gateway:
                load = Load(gateway)
                load.run(lambda: load.sent < 100, threads=2)
                self.assertEqual((load.wrong, load.hits), ([], 0))
                times = sorted(load.times)
                self.assertLess(times[len(times) // 2], 0.1, times)  # one answer of the server takes 0.3 s
                self.assertLess(times[-5], 0.25, times)
                self.assertGreater(self.figure("gw_cache_misses_total", gateway), 0)
        finally:
            server.stop()


class Careless(Case):
    """A plugin that ends its process, hangs, is slow, and writes junk to the gateway."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(echo)
        cls.folder = tempfile.mkdtemp(prefix="gw-careless-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        path = os.path.join(cls.folder, "careless_cache.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + os.path.join(ROOT, "sdk", "include"), "-o", path,
                        os.path.join(ROOT, "tests", "e2e", "plugins", "careless_cache.c")], check=True)
        os.chmod(path, 0o644)
        return Gateway('plugins { path = { "%s", "%s" } }\n' % (cls.folder, os.path.join(os.path.dirname(harness.BINARY), "plugins"))
                       + lua(cls.up, ["127.0.0.1:1"]).replace('plugin = "memcached", servers = { "127.0.0.1:1" }', 'plugin = "careless_cache"'), env=SEAL)

    def test_the_gateway_goes_on(self):
        load = Load(self.gw, 20)
        end = time.monotonic() + 12
        load.run(lambda: time.monotonic() < end)
        self.assertEqual(load.wrong, [])
        self.assertGreater(load.hits, 0)
        text = self.gw.request("GET", "/metrics").body.decode()
        restarts = [int(line.split()[1]) for line in text.splitlines() if line.startswith("gw_cache_helper_restarts_total ")]
        self.assertGreater(restarts[0], 5)
        self.assertIn('the helper process of the plugin "careless_cache"', self.gw.said())


class Away(Case):
    """memcached killed, stopped, started again, flushed and starved, every 2 s, under load."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(echo)
        cls.servers = [memcached.Server("-m", "1", "-I", "512k"), memcached.Server()]
        return Gateway(lua(cls.up, [s.address for s in cls.servers]), env=SEAL)

    @classmethod
    def tidy(cls):
        super().tidy()
        for server in cls.servers:
            server.go_on()
            server.stop()

    def test_no_request_fails(self):
        end = time.monotonic() + (600 if FULL else 20)
        load = Load(self.gw, 400)
        thread = threading.Thread(target=load.run, args=(lambda: time.monotonic() < end,))
        thread.start()
        turn = 0
        while time.monotonic() < end - 2:
            server = self.servers[turn // 4 % 2]
            (server.kill, server.start, server.pause, lambda: (server.go_on(), server.flush()))[turn % 4]()
            turn += 1
            time.sleep(2)
        thread.join()
        self.assertEqual(load.wrong, [])
        self.assertGreater(load.hits, load.sent // 20)
        print("away: %d requests, %d hits, %d changes, 0 failed" % (load.sent, load.hits, turn))
        for server in self.servers:
            server.go_on()
            if server.process.poll() is not None:
                server.start()
        wait_for(lambda: self.gw.chat("question 1", "m", False, auth("red")).header("cache-status").startswith("llm-gateway; hit"), 10)


if __name__ == "__main__":
    unittest.main()
