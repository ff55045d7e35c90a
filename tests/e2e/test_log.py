"""test_log.py - the access log when its reader stops, its device is full, or nothing is to be written."""

import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from harness import BINARY, READY_S, pace, tasks, tsan
from client import request, wait_for


class Bare:
    """A gateway whose standard output is the test's own affair; its stderr is a file."""

    def __init__(self, stdout, **more):
        self.stderr = tempfile.TemporaryFile()
        env = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0"], stdout=stdout, stderr=self.stderr, env=env, **more
        )
        found = wait_for(lambda: re.search(r"listening on http://127.0.0.1:(\d+)", self.said()), READY_S)
        self.port = int(found.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.stderr.close()

    def said(self):
        return os.pread(self.stderr.fileno(), 1 << 20, 0).decode()

    def ask(self, count=1, text="hello"):
        for _ in range(count):
            body = {"model": "demo", "messages": [{"role": "user", "content": text}]}
            answer = request(self.port, "POST", "/v1/chat/completions", [], body)
        return answer

    def end(self, signals=1, timeout=30.0):
        """The exit code after SIGTERM, and the seconds until then."""
        from_ = time.monotonic()
        for _ in range(signals):
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        return self.process.wait(timeout * pace()), time.monotonic() - from_


class Log(unittest.TestCase):
    def full_pipe(self):
        """A pipe that has no room left; its two ends."""
        out, into = os.pipe()
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
        os.write(into, b"\n" * 4096)
        self.addCleanup(os.close, out)
        self.addCleanup(os.close, into)
        return out, into

    def test_a_reader_that_stopped_does_not_hold_the_end(self):
        for signals in (1, 2):
            _, into = self.full_pipe()
            with Bare(into) as gw:
                gw.ask(3)
                code, seconds = gw.end(signals)
                self.assertEqual(code, 0, gw.said())
                self.assertLess(seconds, 10 * pace())
                self.assertIn("the access log cannot be written: its reader does not read", gw.said())
                self.assertIn("3 lines of the access log were lost", gw.said())

    @tsan
    def test_a_reader_that_comes_back_gets_every_line(self):
        out, into = self.full_pipe()
        with Bare(into) as gw:
            ids = [gw.ask().id for _ in range(3)]
            time.sleep(0.3)
            got = b""
            while got.count(b"}\n") < 3:
                got += os.read(out, 65536)
            # Each worker has a queue of its own: lines of two workers may change places.
            self.assertCountEqual([json.loads(line)["id"] for line in got.split(b"\n") if line], ids)
            self.assertEqual(fcntl.fcntl(into, fcntl.F_GETFL) & os.O_NONBLOCK, 0, "others share the pipe")
            self.assertEqual(gw.end()[0], 0)
            self.assertNotIn("lost", gw.said())

    def test_a_full_device_is_reported_once(self):
        with open("/dev/full", "wb") as full, Bare(full) as gw:
            for _ in range(3):
                gw.ask()
                time.sleep(0.05)
            self.assertEqual(gw.end()[0], 0)
            self.assertEqual(gw.said().count("the access log cannot be written: No space left on device"), 1, gw.said())
            self.assertIn("3 lines of the access log were lost", gw.said())

    def test_a_file_at_its_limit_is_reported_and_so_is_its_end(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

        with tempfile.NamedTemporaryFile("ab") as file, Bare(file, preexec_fn=limit) as gw:
            gw.ask(3)
            wait = "the access log cannot be written: File too large"
            self.assertTrue(wait_for(lambda: wait in gw.said()), gw.said())
            resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE, (1 << 30, resource.RLIM_INFINITY))
            last = gw.ask().id
            self.assertTrue(wait_for(lambda: "the access log is written again; " in gw.said()), gw.said())
            self.assertEqual(gw.end()[0], 0)
            with open(file.name) as f:
                lines = f.read().split("\n")
            self.assertEqual(json.loads(lines[-2])["id"], last)  # on a line of its own, whatever was cut before it

    def test_a_gateway_without_work_does_not_wake(self):
        with Bare(subprocess.DEVNULL) as gw:
            gw.ask()
            time.sleep(0.3)

            def switches():
                return sum(int(line.split()[1]) for text in tasks(gw.process.pid, "status").values() for line in text.splitlines() if "ctxt_switches" in line)

            before = switches()
            time.sleep(1.0)
            self.assertLess(switches() - before, 15)
            self.assertEqual(gw.end()[0], 0)


if __name__ == "__main__":
    unittest.main()
