"""test_kill.py - a key or a session that the operator switches off: refused at once, its streams end, others go on; over a restart, with and
without a gateway that runs."""

import os
import tempfile
import threading
import time
import unittest

import upstream
from command import run
from harness import Case, Gateway, auth, key_line, provider, wait_for
from test_anthropic import VERSION
from upstream import DONE, chunk, delta, stream_head


class Kill(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        cls.text = ('ledger { path = "%s" }\n' % cls.path + provider("up", cls.up, 'price = "free"') + 'model "m" { { "up/real" }, fallback = { "up/other" } }\n' +
                    'team "t" {}\n' + key_line("a", "t") + key_line("b", "t") + key_line("key with blanks", "t"))
        return Gateway(cls.text)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = upstream.good

    def kill(self, *args, code=0):
        said = run("kill", "--path", self.path, *args)
        self.assertEqual(said.code, code, said)
        return said

    def ask(self, key="a", session=None, **more):
        return self.gw.chat(headers=auth(key) + ([("x-gw-session", session)] if session else []), **more)

    def off(self, answer, what):
        self.assert_error(answer, 429, "insufficient_quota", "switched_off", retry=False)
        self.assertIn("switched off this " + what, answer.json()["error"]["message"])

    def test_a_key(self):
        self.up.take()
        self.assertIn('"a" is now switched off', self.kill("key", "a").err)
        self.off(self.ask("a"), "key")
        self.assertEqual(self.gw.request("GET", "/v1/models", auth("a")).status, 429)
        answer = self.gw.request("POST", "/v1/messages", [VERSION] + auth("a"), {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]})
        self.assertEqual((answer.status, answer.header("x-should-retry"), answer.json()["error"]["details"]["error_code"]), (429, "false", "switched_off"))
        self.assertEqual(self.up.take(), [])
        self.assertEqual(self.ask("b").status, 200)
        self.assertIn("was already", self.kill("key", "a").err)
        self.assertEqual(self.kill("--list").out, "key a\n")
        self.kill("key", "a", "--undo")
        self.assertEqual((self.ask("a").status, self.kill("--list").out), (200, ""))
        self.kill("key", "key with blanks")
        self.off(self.ask("key with blanks"), "key")
        self.kill("key", "key with blanks", "--undo")

    def test_a_session_over_a_restart(self):
        self.kill("session", "s/1")
        self.off(self.ask("a", "s/1"), "session")
        self.off(self.ask("b", "s/1"), "session")  # whoever says so
        self.assertEqual((self.ask("a", "s/2").status, self.ask("a").status), (200, 200))
        self.gw.stop()
        type(self).gw = Gateway(self.text)
        self.off(self.ask("a", "s/1"), "session")
        self.gw.stop()
        self.kill("session", "s/1", "--undo")  # nobody runs
        self.kill("session", "s/3")
        type(self).gw = Gateway(self.text)
        self.assertEqual(self.ask("a", "s/1").status, 200)
        self.off(self.ask("a", "s/3"), "session")
        self.kill("session", "s/3", "--undo")

    def test_a_stream_that_runs_ends(self):
        gate, more = threading.Event(), threading.Event()

        def slow(request, out):
            out.send(stream_head() + chunk(delta("one")))
            gate.wait(20)
            for _ in range(50):
                out.send(chunk(delta("never")))
                more.wait(0.05)
            out.send(chunk(delta(finish="stop")) + chunk(DONE) + b"0\r\n\r\n")

        self.up.handler = slow
        answers = {}
        threads = [threading.Thread(target=lambda s=s: answers.update({s: self.ask("b", s, stream=True)})) for s in ("dead", "alive")]
        self.up.take()
        for thread in threads:
            thread.start()
        seen = []
        self.assertTrue(wait_for(lambda: seen.extend(self.up.take()) or len(seen) == 2))
        time.sleep(0.3)  # both have begun
        self.kill("session", "dead")
        gate.set()
        threads[0].join(20)
        dead = answers["dead"]
        self.assertEqual(dead.status, 200)
        self.assertIn(b'"code":"switched_off"', dead.body)
        self.assertNotIn(b"never", dead.body)
        self.assertNotIn(b"[DONE]", dead.body)
        self.assertEqual(self.gw.log_for(dead.id)["attempts"][-1]["outcome"], "switched_off")
        more.set()
        threads[1].join(20)
        self.assertEqual(answers["alive"].body.count(b"never"), 50)
        self.kill("session", "dead", "--undo")

    def test_a_name_that_nothing_has(self):
        """A slip of the operator's is no success: the key that was meant goes on."""
        for path in (["--path", self.path], ["-c", self.gw.config]):
            said = run("kill", *path, "key", "key with blank")
            self.assertEqual((said.code, said.out), (1, ""), said)
            self.assertIn('there is no key "key with blank" (did you mean "key with blanks"?)', said.err)
            self.assertIn("there is no key", self.kill("key", "zzz", "--undo", code=1).err)
            self.assertIn("is not switched off", self.kill("session", "zzz", "--undo", code=1).err)
        self.assertIn("was already switched on", self.kill("key", "a", "--undo").err)
        self.assertEqual(self.kill("--list").out, "")
        # A session is known by its requests; one that begins later is switched off all the same.
        self.assertEqual(self.ask("a", "seen").status, 200)
        self.assertNotIn("no request", self.kill("session", "seen").err)
        said = self.kill("session", "sen")
        self.assertIn('"sen" is now switched off', said.err)
        self.assertIn("no request of it is in the ledger", said.err)
        self.off(self.ask("a", "sen"), "session")
        self.kill("session", "seen", "--undo")
        self.kill("session", "sen", "--undo")

    def test_without_a_gateway_the_configuration_knows_the_keys(self):
        self.gw.stop()
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(self.text)
            file.flush()
            said = run("kill", "-c", file.name, "key", "aa", env={"UP_KEY": "x"})
            self.assertEqual(said.code, 1, said)
            self.assertIn('there is no key "aa" (did you mean "a"?)', said.err)
            said = run("kill", "-c", file.name, "key", "a", env={"UP_KEY": "x"})
            self.assertEqual(said.code, 0, said)
            self.kill("key", "gone")  # no configuration was named: nobody can know
            self.kill("key", "gone", "--undo")
        type(self).gw = Gateway(self.text)
        self.off(self.ask("a"), "key")
        self.kill("key", "a", "--undo")

    def test_slips(self):
        for args in (("key",), ("team", "x"), ("--list", "key"), ()):
            self.kill(*args, code=2)
        self.assertIn("no name", self.kill("key", "a\nb", code=1).err)
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "switched-off"), "w", encoding="utf-8") as file:
                file.write("team x\n")
            said = run("kill", "--path", folder, "--list")
            self.assertEqual(said.code, 1)
            self.assertIn("is not understood", said.err)


if __name__ == "__main__":
    unittest.main()
