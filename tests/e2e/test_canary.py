"""test_canary.py - secrets and prompts with marks in them: after answers, errors, streams and cuts the marks stand nowhere that the
gateway writes, and no core dump could hold a secret."""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import client
import harness
import upstream
from command import run
from harness import Gateway, provider
from test_ledger import PRICE
from upstream import delta, reply_json, stream_head

UPSTREAM = "sk-canary-upstream-file-8d2c"
CLIENT = "sk-canary-client-77aa10"
PROMPT = "canary-prompt-4be1"
MARKS = (UPSTREAM, CLIENT, PROMPT, "sk-canary-upstream-5f1e9b7c")


def lua(folder, key_file, up):
    return (
        'ledger { path = "%s", sync_ms = 5 }\n' % folder
        + provider("up", up, PRICE).replace('env "UP_KEY"', 'file "%s"' % key_file)
        + 'model "m" { { "up/real" } }\nteam "t" {}\n'
        + 'key { name = "k", sha256 = "%s", team = "t" }\n' % hashlib.sha256(CLIENT.encode()).hexdigest()
    )


def echo(request, out):
    """An upstream that repeats what it was sent, in an error, as some do."""
    out.send(reply_json({"error": {"message": "bad key %s for %s" % (request.headers.get("authorization"), request.body.decode()), "type": "x"}}, 401))


def broken(request, out):
    out.send(stream_head())
    out.chunk(delta("x"))
    out.rst()


class Canary(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "ledger")
        self.key_file = os.path.join(self.folder.name, "key")
        with open(self.key_file, "w", encoding="ascii") as f:
            f.write(UPSTREAM + "\n")
        self.up = upstream.Upstream(upstream.good)
        self.gw = Gateway(lua(self.path, self.key_file, self.up), args=("--log-level", "debug"))

    def tearDown(self):
        self.gw.stop()
        self.up.stop()
        self.folder.cleanup()

    def clean(self, where, content):
        content = content if isinstance(content, bytes) else content.encode()
        self.assertEqual([mark for mark in MARKS if mark.encode() in content], [], where)

    def ask(self, token=CLIENT, **more):
        body = {"model": "m", "messages": [{"role": "user", "content": "tell me of " + PROMPT}], **more}
        return self.gw.request("POST", "/v1/chat/completions", [("Authorization", "Bearer " + token)], body)

    def test_nothing_that_is_written_has_them(self):
        bodies = []
        for handler in (upstream.good, echo, upstream.reply(500, b"no"), broken):
            self.up.handler = handler if callable(handler) else [handler]
            for stream in (False, True):
                try:
                    answer = self.ask(stream=stream)
                    bodies.append((handler, answer.body))
                except (OSError, client.Cut):
                    pass
        self.up.handler = upstream.good
        self.assertTrue(any("Bearer " + UPSTREAM == r.headers.get("authorization") for r in self.up.take()))
        for token in (CLIENT + "x", "Bearer", ""):
            bodies.append((token, self.ask(token=token).body.replace((CLIENT + "x").encode(), CLIENT.encode())))
        for body in (b'{"model": "m", "messages": "%s"' % PROMPT.encode(), b'{"model": "m", "messages": 1, "x": "%s"}' % PROMPT.encode()):
            self.gw.request("POST", "/v1/chat/completions", [("Authorization", "Bearer " + CLIENT)], body)
        for where, body in bodies:
            secrets = [m for m in MARKS if m != PROMPT and m.encode() in body]
            self.assertEqual(secrets, [], "%s: %s" % (where, body))
        self.clean("/metrics", self.gw.request("GET", "/metrics").body)
        for name in ("cmdline",):
            with open("/proc/%d/%s" % (self.gw.process.pid, name), "rb") as f:
                self.clean(name, f.read())
        for args in (("ledger", "cat"), ("ledger", "verify"), ("usage", "--by", "team,key,provider")):
            said = run(*args, "--path", self.path)
            self.assertEqual(said.code, 0, said)
            self.clean(args, said.out + said.err)
        files = [f for f in glob.glob(os.path.join(self.folder.name, "**"), recursive=True) + glob.glob(os.path.join(self.gw.dir, "**"), recursive=True)
                 if os.path.isfile(f) and f != self.key_file]
        self.assertTrue(any(f.endswith(".journal") for f in files))
        for name in files:
            with open(name, "rb") as f:
                self.clean(name, f.read())
        self.clean("stderr", "\n".join(self.gw.stderr))
        self.clean("stdout", "\n".join(map(str, self.gw.lines + self.gw.not_json)))

    def said(self, words, content="tell me of " + PROMPT, **more):
        """What the log has of an upstream's words about this request."""
        self.up.handler = [reply_json({"error": {"message": words, "type": "x"}}, 500)]
        body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
        answer = self.gw.request("POST", "/v1/chat/completions", [("Authorization", "Bearer " + CLIENT)], body)
        return self.gw.log_for(answer.id)["attempts"][0]["said"]

    def test_an_upstreams_own_words_stay(self):
        own = "The engine is overloaded: max_completion_tokens is too high for the model real"
        self.assertEqual(self.said(own, max_completion_tokens=5), own)
        self.assertEqual(self.said("I got: tell me of %s. Bad." % PROMPT), "I got: ***. Bad.")
        self.assertEqual(self.said("%s and %s!" % (PROMPT, PROMPT)), "*** and***!")  # the blank before it is the prompt's too
        self.assertEqual(self.said("tell me of"), "tell me of")  # 10 bytes are no run
        self.assertEqual(self.said("x" * 400, content="y" + "x" * 100), "***")
        self.assertEqual(self.said("it was " + PROMPT, content="z" * (5 << 20) + PROMPT), "***")

    def test_a_core_dump_is_off(self):
        with open("/proc/%d/limits" % self.gw.process.pid, encoding="ascii") as f:
            (line,) = [line for line in f if line.startswith("Max core file size")]
        self.assertEqual(line.split()[4:6], ["0", "0"])

    def test_a_debugger_attaches_and_its_dump_has_no_secret(self):
        gdb = shutil.which("gdb")
        if gdb is None:
            self.skipTest("gdb is not installed")
        # The address space of a sanitizer is too large for a dump: the program beside it is asked then, where it was built.
        product = os.path.join(harness.ROOT, "build", "llm-gateway")
        if harness.build_facts().get("GW_SANITIZE"):
            if not os.path.exists(product):
                self.skipTest("a sanitizer's memory cannot be dumped, and build/llm-gateway was not built")
            self.gw.stop()
            with unittest.mock.patch.object(harness, "BINARY", product):
                self.gw = Gateway(lua(self.path, self.key_file, self.up))
        core = os.path.join(self.folder.name, "core")
        done = subprocess.run([gdb, "-batch", "-nx", "-iex", "set debuginfod enabled off", "-p", str(self.gw.process.pid), "-ex", "generate-core-file " + core],
                              capture_output=True, check=False, timeout=120)
        if b"ptrace: Operation not permitted" in done.stderr:
            self.skipTest("gdb may not attach to any process here")
        self.assertTrue(os.path.exists(core), done.stderr.decode("utf-8", "replace")[-2000:])
        with open(core, "rb") as f:
            content = f.read()
        os.unlink(core)
        self.assertIn(b"llm-gateway", content)
        self.assertEqual(content.count(UPSTREAM.encode()), 0)
        self.assertEqual(self.ask().status, 200)  # and it goes on


if __name__ == "__main__":
    unittest.main()
