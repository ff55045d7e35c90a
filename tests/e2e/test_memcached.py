"""test_memcached.py - the cache of answers on memcached servers, in a helper process: what is given again, and that nothing of it harms a request."""

import os
import signal
import stat
import tempfile
import time
import unittest

import memcached
import upstream
from command import run
from harness import Case, Gateway, auth, key_line, provider, wait_for

PATIENT = {"GW_CACHE_WAIT_MS": "1000"}  # a busy machine is late
SEAL = {"CACHE_SEAL": "the same on all gateways", **PATIENT}


def lua(up, servers, more="", seal='seal = env "CACHE_SEAL", ', backends=""):
    names = ", ".join('"%s"' % server for server in servers)
    return (provider("up", up) + 'model "m" { { "up/real" } }\nmodel "two" { { "up/real" }, { "up/real2" } }\nteam "red" {}\nteam "blue" {}\n'
            + key_line("red", "red") + key_line("blue", "blue")
            + 'cache { plugin = "memcached", servers = { %s }, %sttl_s = 600%s }\n' % (names, seal, more) + backends)


def helper_of(gateway):
    """The process id of the helper; None where there is none."""
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as f:
                words = f.read().split(b"\0")
            with open("/proc/%s/stat" % entry, encoding="latin-1") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            with open("/proc/%d/stat" % parent, encoding="latin-1") as f:
                grandparent = int(f.read().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if b"plugin-host" in words and grandparent == gateway.process.pid:
            return int(entry)
    return None


class Memcached(Case):
    counter = 0

    def once(self):
        Memcached.counter += 1
        return "question %d of %d" % (Memcached.counter, os.getpid())

    def hit(self, ask, tries=40):
        """Asks until the answer comes from the cache: an answer that is late on a busy machine is a miss."""
        for _ in range(tries):
            answer = ask()
            self.assertEqual(answer.status, 200, answer)
            if (answer.header("cache-status") or "").startswith("llm-gateway; hit"):
                return answer
            time.sleep(0.05)
        raise AssertionError("no hit: %r" % answer)


class Hits(Memcached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.servers = [memcached.Server(), memcached.Server()]
        return Gateway(lua(cls.up, [s.address for s in cls.servers]), env=SEAL)

    @classmethod
    def tidy(cls):
        super().tidy()
        for server in cls.servers:
            server.stop()

    def chat(self, text, team="red", model="m", stream=False, gateway=None):
        return (gateway or self.gw).chat(text, model, stream, auth(team))

    def test_an_answer_is_given_again_whole_and_streamed(self):
        for stream in (False, True):
            text = self.once()
            first = self.chat(text, stream=stream)
            self.assertEqual(first.header("cache-status"), "llm-gateway; fwd=miss; stored" if not stream else first.header("cache-status"))
            again = self.hit(lambda text=text, stream=stream: self.chat(text, stream=stream))
            self.assertIn(b"hello" if not stream else b"data:", again.body)

    def test_no_team_gets_anothers(self):
        text = self.once()
        self.chat(text)
        self.hit(lambda: self.chat(text))
        other = self.chat(text, team="blue")
        self.assertNotIn("hit", other.header("cache-status"))

    def test_another_gateway_with_the_seal_has_it_and_one_without_not(self):
        text = self.once()
        self.chat(text)
        self.hit(lambda: self.chat(text))
        addresses = [s.address for s in self.servers]
        with Gateway(lua(self.up, addresses), env=SEAL) as second:
            self.hit(lambda: self.chat(text, gateway=second))
        with Gateway(lua(self.up, addresses), env={"CACHE_SEAL": "another one of 16 bytes", **PATIENT}) as third:
            self.assertEqual(self.chat(text, gateway=third).header("cache-status"), "llm-gateway; fwd=miss; stored")

    def test_nothing_of_an_answer_can_be_read_on_the_server(self):
        text = self.once()
        self.chat(text)
        self.hit(lambda: self.chat(text))
        found = 0
        for server in self.servers:
            for key in server.keys():
                value = server.ask("get " + key, end=(b"END\r\n",))
                found += 1
                self.assertNotIn("chatcmpl", value)
                self.assertNotIn("hello", value)
        self.assertGreater(found, 0)

    def test_a_changed_value_is_a_miss(self):
        text = self.once()
        self.chat(text)
        self.hit(lambda: self.chat(text))
        for server in self.servers:
            for key in server.keys():
                self.assertEqual(server.ask("append %s 0 0 1\r\nx" % key), "STORED\r\n", key)
        answer = self.chat(text)
        self.assertEqual((answer.status, answer.header("cache-status")), (200, "llm-gateway; fwd=miss; stored"))

    def test_a_helper_that_dies_or_hangs_is_started_again(self):
        for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGSTOP):
            text, before = self.once(), helper_of(self.gw)
            self.chat(text)
            os.kill(before, number)
            until = time.monotonic() + 20
            while helper_of(self.gw) in (None, before):
                self.assertEqual(self.chat(self.once()).status, 200)
                self.assertLess(time.monotonic(), until, "no new helper after signal %d" % number)
            self.hit(lambda text=text: self.chat(text))

    def test_the_helper_has_no_secrets_and_ends_with_the_gateway(self):
        with Gateway(lua(self.up, [s.address for s in self.servers]), env=SEAL) as gateway:
            helper = helper_of(gateway)
            with open("/proc/%d/environ" % helper, "rb") as f:
                self.assertEqual(f.read(), b"")
            fds = sorted(int(fd) for fd in os.listdir("/proc/%d/fd" % helper))
            self.assertEqual(fds[:4], [0, 1, 2, 3])
            links = [os.readlink("/proc/%d/fd/%d" % (helper, fd)) for fd in fds[3:]]
            self.assertTrue(all(link.startswith("socket:") for link in links[:2]), links)
        wait_for(lambda: not os.path.exists("/proc/%d" % helper), 5)
        gateway = Gateway(lua(self.up, [s.address for s in self.servers]), env=SEAL)
        helper = helper_of(gateway)
        gateway.kill()
        wait_for(lambda: not os.path.exists("/proc/%d" % helper), 5)

    def test_any_target_asks_for_all_in_one_turn(self):
        with Gateway(lua(self.up, [s.address for s in self.servers], ", any_target = true"), env=SEAL) as gateway:
            text = self.once()
            self.chat(text, model="two", gateway=gateway)
            self.hit(lambda: self.chat(text, model="two", gateway=gateway))


class Seals(Memcached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.server = memcached.Server()
        cls.folder = tempfile.mkdtemp()
        return Gateway(lua(cls.up, [cls.server.address], seal="", backends='ledger { path = "%s" }\n' % cls.folder), env=PATIENT)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.server.stop()

    def test_what_was_purged_stays_so_over_a_restart(self):
        folder = tempfile.mkdtemp()
        text = lua(self.up, [self.server.address], backends='ledger { path = "%s" }\n' % folder)
        with Gateway(text, env=SEAL) as gateway:
            question = self.once()
            gateway.chat(question, "m", False, auth("red"))
            self.hit(lambda: gateway.chat(question, "m", False, auth("red")))
            done = run("cache", "purge", "--path", folder, "--team", "red")
            self.assertEqual(done.code, 0, done.err)
        with Gateway(text, env=SEAL) as gateway:
            self.assertEqual(gateway.chat(question, "m", False, auth("red")).header("cache-status"), "llm-gateway; fwd=miss; stored")

    def test_a_seal_is_made_beside_the_ledger_and_used_again(self):
        path = os.path.join(self.folder, "cache-seal")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="ascii") as f:
            self.assertRegex(f.read(), r"^[0-9a-f]{64}\n$")


class Settings(Case):
    def refused(self, cache, wanted, env=None):
        up = upstream.Upstream(upstream.good)
        try:
            gateway = Gateway(provider("up", up) + 'model "m" { { "up/real" } }\n' + cache + "\n", env=env, wait=False)
            self.assertEqual(gateway.wait(), 78)
            self.assertIn(wanted, "".join(gateway.said()))
        finally:
            up.stop()

    def test_what_is_wrong_is_named(self):
        self.refused('cache { plugin = "memcached" }', 'servers')
        self.refused('cache { plugin = "memcached", servers = { "nowhere" } }', '"nowhere" is no memcached server')
        self.refused('cache { plugin = "memcached", servers = { "127.0.0.1:1" }, seal = env "S" }', "a seal has 16 at least", env={"S": "short"})
        self.refused('cache { plugin = "memcached", servers = { "127.0.0.1:1" }, seal = env "NOT_SET_HERE" }', "NOT_SET_HERE")
        self.refused('cache { servers = { "127.0.0.1:1" } }', "servers")
        self.refused('cache { plugin = "sqlite" }', "is no cache")


if __name__ == "__main__":
    unittest.main()
