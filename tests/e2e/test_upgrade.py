"""test_upgrade.py - SIGUSR2: another process of the program takes the sockets and the ledger over while requests are in flight. No
request fails, no stream is cut, no budget is spent twice; and where the new process does not come up the old one goes on."""

import os
import re
import signal
import socket
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from command import run
from harness import FULL, REPORTS, Gateway, auth, key_line, pace, provider, report_in, sanitized, tsan, wait_for
from upstream import DONE, chunk, delta, reply_json, stream_head

PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
COST = Decimal("0.0035")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
SERVES = re.compile(r"process (\d+) serves now")


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="latin-1") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Chain(Gateway):
    """A gateway, and the processes that take its place."""

    codes = (0,)  # that the first process may end with
    failed = 0  # upgrades that a test wants to fail

    def pids(self):
        return [self.process.pid] + [int(pid) for pid in SERVES.findall(self.said())]

    def upgrade(self):
        """The newest process is upgraded. The process ids of the old one and the new one."""
        before = self.pids()
        os.kill(before[-1], signal.SIGUSR2)
        if not wait_for(lambda: len(self.pids()) > len(before) or self.said().count("has failed") > self.failed, 40 * pace()):
            raise AssertionError("no new process:\n" + self.said()[-3000:])
        if len(self.pids()) == len(before):
            raise AssertionError(self.said()[-3000:])
        return before[-1], self.pids()[-1]

    def ended(self, pid):
        return (self.process.poll() is not None) if pid == self.process.pid else not is_alive(pid)

    def stop(self, codes=None):
        codes = codes or self.codes
        for pid in reversed(self.pids()):
            if pid != self.process.pid and is_alive(pid):
                os.kill(pid, signal.SIGTERM)
                if not wait_for(lambda pid=pid: not is_alive(pid), 20 * pace()):
                    raise AssertionError("process %d does not end:\n%s" % (pid, self.said()[-3000:]))
        return super().stop(codes)

    def kill(self):
        for pid in self.pids()[1:]:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        super().kill()


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.gate, self.begun = threading.Event(), threading.Semaphore(0)
        self.addCleanup(lambda: self.gate.set())

        def handler(request, out):
            if not request.json().get("stream"):
                return out.send(reply_json(upstream.completion(usage=USAGE)))
            gate = self.gate
            out.send(stream_head() + chunk(delta("one")))
            self.begun.release()
            while not gate.wait(0.5):
                out.send(chunk(delta("more")))
            out.send(chunk(delta("two")) + chunk(delta(finish="stop")) + chunk(upstream.usage_event(1000, 100)) + chunk(DONE) + b"0\r\n\r\n")

        self.up = upstream.Upstream(handler)
        self.addCleanup(self.up.stop)

    def text(self, more="", model='model "m" { { "up/real" } }\n'):
        return 'ledger { path = "%s" }\n' % self.path + provider("up", self.up, PRICE) + model + more

    def start(self, text, **more):
        gw = Chain(text, **more)
        self.addCleanup(gw.kill)
        return gw

    def stream(self, gw, headers=()):
        """A stream that has begun; its thread puts the answer in the list."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(gw.chat(stream=True, headers=headers, max_tokens=100)))
        thread.start()
        self.assertTrue(self.begun.acquire(timeout=30))
        return thread, answers

    def end(self, stream):
        thread, answers = stream
        thread.join(60)
        self.assertEqual(len(answers), 1, "it did not end")
        self.assertEqual(answers[0].status, 200)
        self.assertIn(b"two", answers[0].body)
        self.assertIn(b"[DONE]", answers[0].body)
        return answers[0]

    def verify(self):
        said = run("ledger", "verify", "--path", self.path)
        self.assertEqual(said.code, 0, said)

    def test_keys_that_are_made_meanwhile_and_the_admin_api(self):
        port = socket.socket()
        port.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % port.getsockname()[1]
        port.close()
        text = self.text('admin { address = "%s" }\n' % address + key_line("a", "default"))
        gw = self.start(text)
        made, done = [], threading.Event()

        def make():
            while not done.is_set():
                said = run("keys", "create", "--team", "default", "--name", "k%d" % len(made), "-c", gw.config)
                made.append(said)

        def ask(path):
            with open(os.path.join(self.path, "admin.key"), encoding="ascii") as f:
                conn = client.Conn(int(address.rpartition(":")[2]))
                conn.send(client.build("GET", path, [("Authorization", "Bearer " + f.read().strip())]))
                return conn.response()

        before = ask("/admin/v1/status").json()
        thread = threading.Thread(target=make)
        thread.start()
        gw.upgrade()
        done.set()
        thread.join(60)
        self.assertGreater(len(made), 0)
        for said in made:
            self.assertEqual(said.code, 0, said)
            self.assertEqual(gw.chat(headers=auth(said.out.strip())).status, 200, said)
        self.assertTrue(wait_for(lambda: "the admin API is on" in gw.said().rpartition("serves now")[2], 20 * pace()))
        after = ask("/admin/v1/status").json()
        self.assertGreater(after["started"], before["started"])
        self.assertEqual(len(ask("/admin/v1/keys").json()), len(made) + 1)

    @tsan
    def test_under_load_with_open_streams(self):
        rounds, streams = (20 if FULL else 2), (200 if not sanitized() else 40)
        failed, counts, done = [], [], threading.Event()
        text = self.text('listen { workers = 2 }\nteam "t" { budget = { usd = 1000, mode = "strict" } }\n' + key_line("a", "t"))

        def ask(keeps):
            body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}
            conn, since, fresh = None, 0, True
            while not done.is_set():
                try:
                    fresh = conn is None
                    since = time.monotonic() if fresh else since
                    conn = conn or client.Conn(gw.port)
                    rested = time.monotonic() - since
                    conn.send(client.build("POST", "/v1/chat/completions", auth("a"), body))
                    answer = conn.response()
                except Exception as why:  # every one of them is a request that failed
                    failed.append((why, "fresh" if fresh else "kept", rested))
                    return
                since = time.monotonic()
                counts.append(1)
                if answer.status != 200:
                    failed.append(answer)
                if not keeps or (answer.header("connection") or "").lower() == "close":
                    conn.close()
                    conn = None
            if conn is not None:
                conn.close()

        with self.start(text) as gw:
            threads = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(6)]
            for thread in threads:
                thread.start()
            for _ in range(rounds):
                self.gate = threading.Event()
                open_streams = [self.stream(gw, auth("a")) for _ in range(streams)]
                old, new = gw.upgrade()
                before = len(counts)
                self.assertTrue(wait_for(lambda before=before: len(counts) > before + 20 or failed, 20 * pace()))
                self.assertFalse(gw.ended(old), "it has streams")
                self.gate.set()
                for stream in open_streams:
                    self.end(stream)
                self.assertTrue(wait_for(lambda old=old: gw.ended(old), 30 * pace()), gw.said()[-2000:])
                self.assertEqual(failed, [], gw.said()[-6000:])
            done.set()
            for thread in threads:
                thread.join(30)
                self.assertFalse(thread.is_alive())
            self.assertEqual(failed, [])
            self.assertNotIn("in doubt", gw.said())
            # The budget has the cost of each answer, once.
            last = gw.chat(headers=auth("a"), max_tokens=100)
            self.assertEqual(Decimal(last.header("x-gw-budget-remaining")), 1000 - COST * (len(counts) + rounds * streams + 1))
        self.verify()

    def test_a_budget_is_spent_once(self):
        """What the old process holds is not there for the new one, and what the new one holds not for the old one."""
        held = Decimal("0.0095")  # a request's worst case is below it, and two are above
        text = self.text('team "t" { budget = { usd = "%s", mode = "strict", when_short = "refuse" } }\n' % held + key_line("a", "t"))
        with self.start(text.replace("ledger {", "ledger { budget_wait_s = 0.05, ")) as gw:
            def asked():
                answer = gw.chat(headers=auth("a"), max_tokens=500)
                return answer.status, answer.json()["error"]["code"] if answer.status != 200 else ""

            stream = self.stream_of(gw, 500)
            self.assertEqual(asked(), (429, "budget_in_flight"))
            old, _ = gw.upgrade()
            self.assertEqual(asked(), (429, "budget_in_flight"), "the old process holds it")
            self.gate.set()
            self.end(stream)
            self.assertTrue(wait_for(lambda: gw.ended(old), 20 * pace()))
            self.assertEqual(asked()[0], 200)
            self.assertEqual(asked()[0], 429)
        self.verify()

    def stream_of(self, gw, limit):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(gw.chat(stream=True, headers=auth("a"), max_tokens=limit)))
        thread.start()
        self.assertTrue(self.begun.acquire(timeout=30))
        return thread, answers

    def test_a_new_process_that_fails(self):
        with self.start(self.text()) as gw:
            stream = self.stream(gw)
            with open(gw.config, "w", encoding="utf-8") as f:
                f.write("model {\n")
            gw.signal(signal.SIGUSR2)
            self.assertTrue(wait_for(lambda: "has failed" in gw.said(), 30 * pace()), gw.said())
            self.assertRegex(gw.said(), r"gateway.lua:\d+:")
            self.assertRegex(gw.said(), "the upgrade to process \\d+ has failed: it ended")
            self.assertEqual((gw.chat().status, gw.alive()), (200, True))
            # One that asks for the ledger, and cannot open what comes behind it.
            with open(gw.config, "w", encoding="utf-8") as f:
                f.write(self.text())
            pins = os.path.join(self.path, "pins.old")
            if os.path.exists(pins):
                os.unlink(pins)
            os.mkdir(pins)
            gw.signal(signal.SIGUSR2)
            self.assertTrue(wait_for(lambda: gw.said().count("has failed") == 2, 30 * pace()), gw.said())
            self.assertIn("pins.old cannot be used", gw.said())
            self.assertEqual(gw.chat().status, 200)
            os.rmdir(pins)
            gw.failed = 2
            old, _ = gw.upgrade()
            self.assertEqual(gw.chat().status, 200)
            self.gate.set()
            self.end(stream)
            self.assertTrue(wait_for(lambda: gw.ended(old), 20 * pace()))
        self.verify()

    def test_an_old_process_that_is_killed(self):
        with self.start(self.text()) as gw:
            self.stream(gw)
            old, _ = gw.upgrade()
            os.kill(old, signal.SIGKILL)
            self.assertTrue(wait_for(lambda: "left 1 attempts open" in gw.said(), 20 * pace()), gw.said())
            self.assertEqual(gw.chat().status, 200)
            self.gate.set()
            gw.codes = (-signal.SIGKILL,)
        self.verify()

    def test_a_new_process_that_is_killed(self):
        with self.start(self.text()) as gw:
            stream = self.stream(gw)
            _, new = gw.upgrade()
            os.kill(new, signal.SIGKILL)
            self.assertTrue(wait_for(lambda: "has ended: what ends here" in gw.said(), 20 * pace()), gw.said())
            self.gate.set()
            self.end(stream)  # the client does not notice
            gw.stop()
        self.verify()

    def test_it_ends_after_the_one_before(self):
        with self.start(self.text()) as gw:
            stream = self.stream(gw)
            old, new = gw.upgrade()
            os.kill(new, signal.SIGTERM)
            self.assertTrue(wait_for(lambda: gw.said().count("draining:") == 2, 20 * pace()))
            time.sleep(0.3)
            self.assertTrue(is_alive(new), "the ledger of the old one is with it")
            self.gate.set()
            self.end(stream)
            self.assertTrue(wait_for(lambda: gw.ended(old) and gw.ended(new), 20 * pace()))
            self.assertNotIn("doubt", gw.said())
        self.verify()

    def test_two_upgrades_at_once(self):
        with self.start(self.text()) as gw:
            first = self.stream(gw)
            old, middle = gw.upgrade()
            second = self.stream(gw)
            _, new = gw.upgrade()
            self.assertEqual(gw.chat().status, 200)
            self.gate.set()
            self.end(first)
            self.end(second)
            self.assertTrue(wait_for(lambda: gw.ended(old) and gw.ended(middle), 20 * pace()))
            self.assertFalse(gw.ended(new))
            self.assertNotIn("doubt", gw.said())
        self.verify()

    def test_workers_and_the_control_socket(self):
        with self.start(self.text("listen { workers = 3 }\n")) as gw:
            with open(gw.config, "w", encoding="utf-8") as f:
                f.write(self.text("listen { workers = 1 }\n"))
            old, _ = gw.upgrade()
            self.assertTrue(wait_for(lambda: gw.ended(old), 20 * pace()))
            self.assertIn("listen.workers is 1: 3 run", gw.said())
            self.assertEqual([gw.chat().status for _ in range(10)], [200] * 10)
            said = run("reload", "--path", self.path)
            self.assertEqual(said.code, 0, said)
            self.assertEqual(gw.chat().status, 200)
        self.verify()

    def test_another_ledger(self):
        """The old one keeps its own to the end."""
        with self.start(self.text()) as gw:
            stream = self.stream(gw)
            with open(gw.config, "w", encoding="utf-8") as f:
                f.write(self.text().replace(self.path, self.path + "2"))
            old, _ = gw.upgrade()
            self.assertEqual(gw.chat().status, 200)
            self.gate.set()
            self.end(stream)
            self.assertTrue(wait_for(lambda: gw.ended(old), 20 * pace()))
        self.verify()
        self.assertEqual(run("ledger", "verify", "--path", self.path + "2").code, 0)

    def test_without_a_ledger(self):
        with self.start(provider("up", self.up) + 'model "m" { { "up/real" } }\n') as gw:
            stream = self.stream(gw)
            old, _ = gw.upgrade()
            self.assertEqual(gw.chat().status, 200)
            self.gate.set()
            self.end(stream)
            self.assertTrue(wait_for(lambda: gw.ended(old), 20 * pace()))

    def test_a_service_manager_is_told(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(os.path.join(folder, "notify"))
            manager.settimeout(20)
            with self.start(self.text(), env={"NOTIFY_SOCKET": os.path.join(folder, "notify")}) as gw:
                self.assertEqual(manager.recv(100), b"READY=1")
                _, new = gw.upgrade()
                self.assertEqual({manager.recv(100), manager.recv(100)}, {b"READY=1", b"MAINPID=%d" % new})
                gw.stop()
                self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_the_signal_twice(self):
        with self.start(self.text()) as gw:
            gw.signal(signal.SIGUSR2)
            gw.signal(signal.SIGUSR2)
            self.assertTrue(wait_for(lambda: len(gw.pids()) > 1, 30 * pace()))
            self.assertTrue(wait_for(lambda: gw.ended(gw.process.pid), 20 * pace()))
            self.assertEqual((gw.chat().status, len(gw.pids())), (200, 2))


if __name__ == "__main__":
    unittest.main()
