"""harness.py - runs a gateway from outside, the way an operator does, and watches what it says.

    with Gateway('provider "up" { ... }') as gw:
        answer = gw.chat("hello")
        line = gw.log_for(answer.id)

stop() asserts a clean end: exit code 0 after SIGTERM and no sanitizer report. Standard library only.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import client  # noqa: E402
from client import Conn, Cut, build, chunked, request, sse, wait_for  # noqa: E402,F401

BUILD = os.environ.get("GW_BUILD") or os.path.join(ROOT, "build")
BINARY = os.environ.get("GW_BINARY") or os.path.join(BUILD, "llm-gateway")
SHARED = os.environ.get("GW_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
FULL = os.environ.get("GW_FULL") == "1"
READY_S = 30.0

REPORTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error:|DEADLYSIGNAL")
CANARIES = ("canary-upstream", "canary-client", "canary-prompt")  # secrets and prompts: never in anything it says
UP_KEY = "sk-canary-upstream-5f1e9b7c"
UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def tsan(test):
    """Marks a test (or a class) for the thread sanitizer's run: short, and many threads at work."""
    test.in_tsan = True
    return test


def shared(*path):
    """A path in the folder of recordings and vectors. Without it a test is skipped; GW_REQUIRE_SHARED=1: it fails."""
    full = os.path.join(SHARED, *path)
    if not os.path.exists(full):
        if os.environ.get("GW_REQUIRE_SHARED") == "1":
            raise AssertionError("%s is required and not there" % full)
        raise unittest.SkipTest("SKIPPED FOR WANT OF DATA: %s is not there (set GW_SHARED)" % full)
    return full


def least(count):
    """How many cases a test must at least have: `count`, or 1 with the small data of tests/goldens."""
    return 1 if os.path.exists(os.path.join(SHARED, "SMALL")) else count


def build_facts():
    """What CMakeCache.txt says of the build under test, {} without one."""
    facts = {}
    try:
        with open(os.path.join(os.path.dirname(BINARY), "CMakeCache.txt")) as f:
            for line in f:
                m = re.match(r"(GW_\w+):\w+=(.*)", line)
                if m:
                    facts[m.group(1)] = m.group(2)
    except OSError:
        pass
    return facts


def sanitized():
    return bool(build_facts().get("GW_SANITIZE"))


def pace():
    """How many times slower than plain the build under test may be: for time limits, never for results."""
    kind = build_facts().get("GW_SANITIZE", "")
    return 8.0 if "thread" in kind else 3.0 if kind else 1.0


def claude(name, up):
    """The Lua line of an Anthropic provider at a fake upstream."""
    return 'provider "%s" { plugin = "anthropic", base_url = "%s", secrets = { env "UP_KEY" } }\n' % (name, up.url[:-3])


def provider(name, up, more=""):
    """The Lua line of an OpenAI-compatible provider at a fake upstream (or at a URL)."""
    url = up if isinstance(up, str) else up.url
    return 'provider "%s" { plugin = "openai", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (
        name,
        url,
        more,
    )


def key_line(name, team, more=""):
    """The Lua line of a gateway's key: `name` is its secret as well."""
    return 'key { sha256 = "%s", team = "%s", name = "%s"%s }\n' % (hashlib.sha256(name.encode()).hexdigest(), team, name, more)


def auth(name):
    """The headers of a client with the key of key_line(`name`)."""
    return [("Authorization", "Bearer " + name)]


def report_in(lines):
    """The part of what it said that tells why it ended: a sanitizer's report, else the last lines."""
    at = next((i for i, line in enumerate(lines) if REPORTS.search(line)), None)
    return "\n".join(lines[-20:] if at is None else lines[at : at + 45])


def tasks(pid, name):
    """Of each thread of a process the text of /proc/PID/task/TID/NAME, by TID. A thread may end while it is read: it is left out."""
    texts = {}
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/%s" % (pid, task, name), encoding="ascii") as f:
                texts[task] = f.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return texts


class Gateway:
    """A running gateway. `lua` None: no configuration file at all."""

    running = set()

    def __init__(self, lua=None, env=None, args=(), listen="127.0.0.1:0", wait=True):
        if not os.path.exists(BINARY):
            raise AssertionError("no gateway at %s: build it, or say --build DIR" % BINARY)
        self.dir = tempfile.mkdtemp(prefix="gw-e2e-")
        self.cond = threading.Condition()
        self.stderr, self.lines, self.by_id, self.not_json = [], [], {}, []
        self.leaks = []
        self.port = None
        self.code = None
        command = [BINARY, "serve", "--listen", listen] + list(args)
        if lua is not None:
            self.config = os.path.join(self.dir, "gateway.lua")
            with open(self.config, "w", encoding="utf-8") as f:
                f.write(lua)
            command += ["-c", self.config]
        full = {k: v for k, v in os.environ.items()
                if k == "GW_JOB_BYTES" or not (k.endswith("_API_KEY") or k.startswith("GW_"))}
        full.setdefault("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1:abort_on_error=0:quarantine_size_mb=64")
        full.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        full.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
        full["UP_KEY"] = UP_KEY
        full["GW_TEST_HEALTH"] = "0"  # what fails in one case changes nothing in the next; test_routing.py has it
        full.update(env or {})
        self.process = subprocess.Popen(
            command,
            cwd=self.dir,
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        Gateway.running.add(self)
        self.threads = [
            threading.Thread(target=self._read_stderr, daemon=True),
            threading.Thread(target=self._read_stdout, daemon=True),
        ]
        for thread in self.threads:
            thread.start()
        if wait:
            self._wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()
            sys.stderr.write("--- the gateway said:\n%s\n" % "\n".join(self.stderr[-40:]))

    def _read_stderr(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self.cond:
                self.stderr.append(line)
                self._watch(line)
                m = re.search(r"listening on https?://.*:(\d+)", line)
                if m and self.port is None:
                    self.port = int(m.group(1))
                self.cond.notify_all()

    def _read_stdout(self):
        for raw in self.process.stdout:
            with self.cond:
                self._watch(raw.decode("utf-8", "replace"))
                try:
                    line = json.loads(raw)
                    self.lines.append(line)
                    self.by_id.setdefault(line["id"], []).append(line)
                except (ValueError, KeyError, TypeError):
                    self.not_json.append(raw)
                self.cond.notify_all()

    def _watch(self, line):
        if any(word in line for word in CANARIES):
            self.leaks.append(line)

    def _wait_ready(self):
        end = time.monotonic() + READY_S
        with self.cond:
            while self.port is None:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.process.kill()
                    raise AssertionError("the gateway did not start:\n" + "\n".join(self.stderr))
                self.cond.wait(0.1)

    @property
    def base(self):
        return "http://127.0.0.1:%d" % self.port

    # --- asking

    def request(self, method, path, headers=(), body=None, **more):
        return request(self.port, method, path, headers, body, **more)

    def chat(self, text="hello", model="m", stream=False, headers=(), **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        if stream:
            body["stream"] = True
        return self.request("POST", "/v1/chat/completions", headers, body)

    # --- what it said

    def log_for(self, request_id, timeout=5.0):
        """The one access log line with this id; waits for it."""
        end = time.monotonic() + timeout * pace()
        with self.cond:
            while request_id not in self.by_id:
                if not self.cond.wait(0.1) and time.monotonic() > end:
                    raise AssertionError(
                        "no access log line for %s; last lines: %r" % (request_id, self.lines[-3:])
                    )
            return self.by_id[request_id][0]

    def log_when(self, wanted, timeout=5.0):
        """The newest line for which wanted(line) is true; waits for one."""
        end = time.monotonic() + timeout * pace()
        with self.cond:
            while True:
                for line in reversed(self.lines):
                    if wanted(line):
                        return line
                if not self.cond.wait(0.1) and time.monotonic() > end:
                    raise AssertionError("no such access log line; last lines: %r" % self.lines[-3:])

    def said(self):
        with self.cond:
            return "\n".join(self.stderr)

    def rss(self):
        """Resident bytes."""
        with open("/proc/%d/statm" % self.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def alive(self):
        return self.process.poll() is None

    # --- the end

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=30.0):
        """Waits for the end of the process and of its output; the exit code."""
        try:
            self.code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the gateway did not end in %s s:\n%s" % (timeout, "\n".join(self.stderr[-40:])))
        Gateway.running.discard(self)
        for thread in self.threads:
            thread.join(5.0)
        self.process.stdout.close()
        self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return self.code

    def kill(self):
        Gateway.running.discard(self)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)

    @classmethod
    def kill_all(cls):
        """Ends what failed tests have left."""
        for gw in list(cls.running):
            gw.kill()

    def stop(self, codes=(0,)):
        """SIGTERM, then everything that must be true of a clean end. The log lines."""
        if self.code is None:
            if self.process.poll() is None:
                self.signal()
            self.wait()
        if any(REPORTS.search(line) for line in self.stderr):
            raise AssertionError("sanitizer report:\n" + report_in(self.stderr))
        if self.code not in codes:
            raise AssertionError("exit code %s, not in %s:\n%s" % (self.code, codes, report_in(self.stderr)))
        if self.leaks:
            raise AssertionError("a secret or a prompt in what it said: %r" % self.leaks[:3])
        if self.not_json:
            raise AssertionError("standard output has lines that are not the access log's: %r" % self.not_json[:5])
        for id_, lines in self.by_id.items():
            if len(lines) != 1:
                raise AssertionError("%d access log lines for %s" % (len(lines), id_))
        return self.lines


class Case(unittest.TestCase):
    """A test with one upstream and one gateway for the whole class.

    Give LUA (with %(up)s for the provider line of the upstream), or override make()."""

    LUA = '%(up)s model "m" { { "up/real" } }\n'
    ENV = {}
    longMessage = True

    @classmethod
    def make(cls):
        from upstream import Upstream

        cls.up = Upstream()
        return Gateway(cls.LUA % {"up": provider("up", cls.up)}, env=cls.ENV)

    @classmethod
    def setUpClass(cls):
        cls.up = None
        cls.gw = cls.make()

    def run(self, result=None):
        """A gateway that died in a test is this test's failure and nobody else's: the next one gets a new one."""
        super().run(result)
        cls = type(self)
        if result is not None and getattr(cls, "gw", None) is not None and not cls.gw.alive():
            try:
                cls.gw.wait(5)
                raise AssertionError("the gateway ended with %s:\n%s" % (cls.gw.code, report_in(cls.gw.stderr)))
            except AssertionError:
                result.addFailure(self, sys.exc_info())
            cls.tidy()
            cls.gw = cls.make()

    @classmethod
    def tidy(cls):
        """Stops what make() has started beside the gateway."""
        if cls.up is not None:
            cls.up.stop()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gw.stop()
        finally:
            cls.tidy()

    def assert_error(self, answer, status, type_, code, retry=None, retry_after=None, param=None, more=()):
        """One well-formed error: exactly this status, type, code and these headers; `more`: members of the upstream's."""
        self.assertEqual(answer.status, status, answer)
        self.assert_ids(answer)
        self.assertEqual(answer.header("content-type", "").split(";")[0], "application/json", answer)
        body = answer.json()
        self.assertEqual(list(body), ["error"], body)
        error = body["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code", *more}, error)
        self.assertTrue(isinstance(error["message"], str) and error["message"], error)
        self.assertEqual((error["type"], error["code"]), (type_, code), error)
        if param is not None:
            self.assertEqual(error["param"], param, error)
        if retry is not None:
            self.assertEqual(answer.header("x-should-retry"), "true" if retry else "false", answer)
        if retry_after is False:
            self.assertIsNone(answer.header("retry-after"), answer)
        elif retry_after is not None:
            low, high = retry_after if isinstance(retry_after, tuple) else (retry_after, retry_after)
            self.assertTrue(low <= int(answer.header("retry-after")) <= high, answer)
        return error

    def assert_any_error(self, answer, low=400):
        """Some well-formed error of ours, whichever it is."""
        self.assertTrue(low <= answer.status < 600, answer)
        error = answer.error
        self.assert_error(answer, answer.status, error["type"], error["code"])
        self.assertTrue(error["type"] and error["code"] != "", answer)
        self.assertIn(answer.header("x-should-retry"), ("true", "false"), answer)
        return error

    def assert_ids(self, answer):
        """x-request-id and request-id are there once, equal, ours."""
        self.assertEqual(len(answer.all("x-request-id")), 1, answer)
        self.assertRegex(answer.id, UUID7)
        self.assertEqual(answer.all("request-id"), [answer.id], answer)
