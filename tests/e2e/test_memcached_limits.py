"""test_memcached_limits.py - limits that three gateways count together on memcached: never more than the limit, nearly all of it, and nobody fails
where the server is away."""

import contextlib
import threading
import time
import unittest

import memcached
import upstream
from harness import Case, Gateway, auth, key_line, provider
from test_memcached import PATIENT

LIMIT = 60


def lua(up, servers, more=""):
    names = ", ".join('"%s"' % server for server in servers)
    return (provider("up", up) + 'model "m" { { "up/real" } }\nteam "t" {}\n'
            + "".join(key_line("k%d" % i, "t", ", limits = { rpm = %d }" % LIMIT) for i in range(6))
            + key_line("tokens", "t", ", limits = { tpm = 20000 }")
            + 'counters { plugin = "memcached", servers = { %s }%s }\n' % (names, more))


def fresh_minute(least_s):
    """So many seconds of a minute are left."""
    if time.time() % 60 > 60 - least_s:
        time.sleep(60.2 - time.time() % 60)


class Limits(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.server = memcached.Server()
        cls.others = contextlib.ExitStack()
        text = lua(cls.up, [cls.server.address])
        cls.gateways = [cls.others.enter_context(Gateway(text, env=PATIENT)) for _ in range(2)]
        first = Gateway(text, env=PATIENT)
        cls.gateways.append(first)
        return first

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.others.close()
        cls.server.go_on()
        cls.server.stop()

    def tearDown(self):
        for gateway in self.gateways:
            self.assertTrue(gateway.alive())

    def load(self, key, counts):
        """So many requests at each gateway at the same time: the statuses."""
        statuses, lock = [], threading.Lock()

        def work(gateway, count):
            for _ in range(count):
                status = gateway.chat("hello", "m", False, auth(key)).status
                with lock:
                    statuses.append(status)

        threads = [threading.Thread(target=work, args=(gateway, count // 2)) for gateway, count in zip(self.gateways, counts) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    def test_three_gateways_admit_the_limit_together(self):
        for key, counts in (("k0", (40, 40, 40)), ("k1", (80, 16, 4))):
            fresh_minute(25)
            statuses = self.load(key, counts)
            self.assertEqual(set(statuses), {200, 429})
            admitted = statuses.count(200)
            self.assertLessEqual(admitted, LIMIT)
            self.assertGreaterEqual(admitted, LIMIT * 0.96, "skewed" if counts[0] > counts[1] else "even")

    def test_hops(self):
        fresh_minute(25)
        before = self.server.stats()
        self.assertEqual(set(self.load("k2", (10, 10, 10))), {200})
        after = self.server.stats()
        hops = sum(int(after[name]) - int(before[name]) for name in ("incr_hits", "incr_misses", "decr_hits", "cmd_set"))
        self.assertLessEqual(hops, 30 * 0.3 + 3 * 3, "of which each gateway has one for the minute before, and creates or finds the counter")

    def test_what_one_gateway_used_another_knows(self):
        fresh_minute(15)
        used = self.gateways[0].chat("x", "m", False, auth("tokens"), max_tokens=4000)
        self.assertEqual(used.status, 200)
        codes = [self.gateways[1].chat("x", "m", False, auth("tokens"), max_tokens=4000).status for _ in range(12)]
        self.assertIn(200, codes)

    def test_nobody_fails_where_the_server_is_away(self):
        fresh_minute(25)
        self.assertEqual(set(self.load("k3", (4, 4, 4))), {200})
        for away, back in ((self.server.pause, self.server.go_on), (self.server.kill, self.server.start)):
            away()
            try:
                statuses = self.load("k4", (30, 30, 30))
                self.assertLessEqual(set(statuses), {200, 429})
                self.assertGreaterEqual(statuses.count(200), 30)
                self.assertLessEqual(statuses.count(200), 3 * LIMIT)
            finally:
                back()
        time.sleep(4)  # in which the gateways find it again: one operation tries it, after 2 s at most
        fresh_minute(10)
        self.load("k5", (1, 1, 1))
        self.assertLessEqual(self.load("k5", (40, 40, 40)).count(200), LIMIT)


if __name__ == "__main__":
    unittest.main()
