"""test_plugin.py - plugins that do wrong: the gateway goes on, the request ends with an error or without what was wrong,
and the log has the plugin's name."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import ROOT, UP_KEY, Gateway, pace, wait_for
from upstream import Upstream, chunk, reply, stream_head

SOURCE = os.path.join(ROOT, "tests", "e2e", "plugins", "careless.c")


def build(folder, name, *defines):
    """careless.c as NAME.so."""
    path = os.path.join(folder, name + ".so")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + os.path.join(ROOT, "sdk", "include")]
        + ['-DNAME="%s"' % name]
        + ["-D" + d for d in defines]
        + ["-o", path, SOURCE],
        check=True,
    )
    os.chmod(path, 0o644)
    return path


def kit():
    return os.path.join(os.path.dirname(harness.BINARY), "gateway-conformance")


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gw-plugins-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)


class Careless(Folder):
    """A plugin that answers by itself, wrongly."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        build(cls.folder, "careless", "LOCAL")
        lua = 'plugins { path = "%s" }\nprovider "c" { plugin = "careless" }\n' % cls.folder
        cls.gw = Gateway(lua + 'model "*" { "c/*" }\n')

    @classmethod
    def tearDownClass(cls):
        cls.gw.stop()

    def named(self, request_id):
        """What the log of people has of this request."""
        wait_for(lambda: request_id in self.gw.said())
        lines = [line for line in self.gw.said().splitlines() if request_id in line]
        self.assertEqual(len(lines), 1, self.gw.said())
        self.assertIn('its plugin "careless"', lines[0])
        return lines[0]

    def test_what_is_no_answer_is_an_error_that_names_the_plugin(self):
        words = {
            "null": "NULL in the place of an event",
            "no-size": "whose size is not set",
            "text-at-null": "a text at NULL",
            "no-call": "arguments of a tool call that was not opened",
            "far-item": "far beyond any answer",
            "body": "a whole body for a chat",
            "tokens-without-size": "tokens whose size",
            "no-usage": "without tokens",
        }
        for how, word in words.items():
            for stream in (False, True):
                with self.subTest(how=how, stream=stream):
                    answer = self.gw.chat(model=how, stream=stream)
                    self.assertEqual(answer.status, 500, answer)
                    self.assertIn('the plugin "careless" emits', answer.error["message"])
                    self.assertIn(word, answer.error["message"])
                    self.assertIn(word, self.named(answer.id))
                    attempt = self.gw.log_for(answer.id)["attempts"][0]
                    self.assertEqual(attempt["outcome"], "plugin_error")
                    self.assertIn(word, attempt["why"])

    def test_a_handle_that_is_null_is_an_error_that_names_the_plugin(self):
        for how, word in (("call-null", "host->alloc()"), ("emit-null", "emit()")):
            for stream in (False, True):
                with self.subTest(how=how, stream=stream):
                    answer = self.gw.chat(model=how, stream=stream)
                    why = 'produce() of the plugin "careless" failed (reject): it gives %s NULL where a handle must be' % word
                    self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["why"], why)
                    self.assertTrue(wait_for(lambda: why in self.gw.said()))
                    if how == "call-null" and not stream:
                        self.assertEqual(answer.status, 500, answer)
                    self.assertNotIn(b"[DONE]", answer.body)

    def test_an_answer_that_has_begun_ends_with_an_error(self):
        answer = self.gw.chat(model="late-null", stream=True)
        self.assertEqual(answer.status, 200)
        self.assertIn(b"begun", answer.body)
        self.assertIn(b"stream_interrupted", answer.body)
        self.assertNotIn(b"[DONE]", answer.body)
        self.assertIn("NULL", self.named(answer.id))

    def test_what_can_be_mended_is_mended_and_named(self):
        finish = {"shout": "length", "own-word": "stop", "after-finish": "stop", "twice": "stop", "sum": "stop"}
        for how, word in finish.items():
            with self.subTest(how=how):
                answer = self.gw.chat(model=how)
                self.assertEqual(answer.status, 200, answer)
                choice = answer.json()["choices"][0]
                self.assertEqual(choice["finish_reason"], word)
                self.assertEqual(choice["message"]["content"], "fine")
                self.named(answer.id)

    def test_a_usage_that_does_not_sum_is_left_out(self):
        answer = self.gw.chat(model="sum")
        usage = self.gw.log_for(answer.id)["usage"]
        self.assertEqual(usage["source"], "counted")
        self.assertIs(usage["refused"], True)

    def test_events_of_later_versions_and_texts_at_null_for_the_host_are_passed_over(self):
        for how in ("later-type", "host-null", "right"):
            answer = self.gw.chat(model=how)
            self.assertEqual(answer.json()["choices"][0]["message"]["content"], "fine")
            self.assertNotIn(answer.id, self.gw.said())

    def test_a_call_that_does_not_return_is_named(self):
        answer = self.gw.chat(model="sleep", timeout=30 * pace())
        self.assertEqual(answer.status, 200)
        self.assertIn('the plugin "careless" has not returned from produce()', self.gw.said())


class Upstreamed(Folder):
    """A plugin that has a service behind it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = build(cls.folder, "careless")
        cls.up = Upstream()
        lua = 'plugins { path = "%s" }\nprovider "c" { base_url = "%s", plugin = "careless", secret = env "UP_KEY" }\n'
        cls.gw = Gateway(lua % (cls.folder, cls.up.url) + 'model "*" { "c/*" }\n')

    @classmethod
    def tearDownClass(cls):
        cls.gw.stop()
        cls.up.stop()

    def test_why_a_request_could_not_be_built(self):
        answer = self.gw.chat(model="open-body")
        self.assertEqual(answer.status, 500)
        why = self.gw.log_for(answer.id)["attempts"][0]["why"]
        self.assertIn('build() of the plugin "careless" failed (nomem)', why)
        self.assertIn("1 objects or arrays of the body are still open", why)
        self.assertTrue(wait_for(lambda: why in self.gw.said()))

    def test_an_explanation_has_no_secret_in_it(self):
        answer = self.gw.chat(model="secret")
        self.assertEqual(answer.status, 500)
        why = self.gw.log_for(answer.id)["attempts"][0]["why"]
        self.assertIn("(retry): ***", why)
        self.assertNotIn(UP_KEY, self.gw.said() + str(answer.body))

    def test_why_an_answer_could_not_be_read(self):
        self.up.handler = lambda request, out: out.send(reply(200, b"unreadable"))
        answer = self.gw.chat(model="x")
        self.assertEqual(answer.status, 502)
        why = self.gw.log_for(answer.id)["attempts"][0]["why"]
        self.assertEqual(why, 'read() of the plugin "careless" failed (protocol): there is no piece in it')

    def test_what_the_client_must_change_reaches_it(self):
        self.up.handler = lambda request, out: out.send(reply(200, b"refuse"))
        answer = self.gw.chat(model="x")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.error["message"], "ask for less")

    def test_the_headers_of_both_sides_are_the_same_here_and_in_the_kit(self):
        head = [("X-Word", "from the head"), ("Content-Type", "text/plain")]
        self.up.handler = lambda request, out: out.send(reply(200, b"say", head))
        self.assertEqual(self.gw.chat(model="x").json()["choices"][0]["message"]["content"], "from the head")
        lines = stream_head([("x-word", "from the head")], content_type="application/x-ndjson") + chunk(b"say\n") + chunk(b"")
        self.up.handler = lambda request, out: out.send(lines)
        self.assertIn(b"from the head", self.gw.chat(model="x", stream=True).body)
        answer = self.gw.chat(model="client-header", headers=[("Anthropic-Beta", "from the client")])
        self.assertEqual(answer.error["message"], "from the client")

        cases = os.path.join(self.folder, "cases")
        os.makedirs(cases)
        build_ = {"model": "client-header", "headers": {"anthropic-beta": "from the client"}, "body": {"messages": []}}
        case = {
            "cases": [
                {
                    "name": "the answer's",
                    "read": {"stream": True, "headers": {"x-word": "from the head"}, "body": "say\n"},
                    "events": ['text 0 text="from the head"', 'finish 0 text="stop"'],
                },
                {"name": "the client's", "build": build_, "result": "request"},
            ]
        }
        with open(os.path.join(cases, "headers.json"), "w") as f:
            json.dump(case, f)
        done = subprocess.run([kit(), self.path, cases], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Refused(Folder):
    """What cannot work is refused before it runs, by each of the three who load a plugin."""

    def refusals(self, path):
        said = []
        for command in ([harness.BINARY, "plugin", "check", path], [kit(), path]):
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertGreater(done.returncode, 0, done.stdout)
            said.append(done.stdout + done.stderr)
        config = os.path.join(self.folder, "gateway.lua")
        with open(config, "w") as f:
            f.write('plugins { path = "%s" }\nprovider "p" { plugin = "%s", base_url = "http://127.0.0.1:9" }\n' % (
                self.folder, os.path.basename(path)[:-3]))
        done = subprocess.run([harness.BINARY, "serve", "-c", config], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 78, done.stderr)
        return said + [done.stderr]

    def test_framing_that_no_stream_has(self):
        whole = build(self.folder, "whole", "FRAMING=GW_FRAMING_WHOLE")
        for said in self.refusals(whole):
            self.assertIn("its framing is whole (0, or not set)", said)
        for said in self.refusals(build(self.folder, "odd", "FRAMING=77")):
            self.assertIn("framing 77 is not known", said)


if __name__ == "__main__":
    unittest.main()
