"""test_policy_capture.py - capture { }: what some requests and answers say is kept, sealed, and policy replay tries another policy on it."""

import json
import os
import shutil
import struct
import tempfile
import time
import unittest

import upstream
from command import run
from harness import Gateway, auth, key_line, provider
from test_budget import PRICE

CANARY = "marmalade-canary-7731"
LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(up)s
model "smart" { { "up/smart" } } model "fast" { { "up/fast" } }
team "t" {} team "other" {}
%(keys)s
%(more)s
"""
TEXT_RULE = 'return { on_request = function(req) if req.last_user:find("canary", 1, true) then return gw.route("fast", "a canary") end end }\n'
ALL = 'capture { teams = { "t" }, share = 1, days = 2 }\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="gw-capture-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.up = upstream.Upstream(upstream.good)
        self.addCleanup(self.up.stop)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def lua(self, more=ALL):
        text = LUA % {"dir": self.dir, "up": provider("up", self.up, PRICE), "keys": key_line("k", "t") + key_line("o", "other"), "more": more}
        self.write("gateway.lua", text)
        return text

    def command(self, *args):
        return run(*args, "-c", os.path.join(self.dir, "gateway.lua"), env={"UP_KEY": "x"})

    def replay(self, text, *args, err=""):
        said = self.command("policy", "replay", self.write("new.lua", text), "--json", *args)
        self.assertEqual(said.err, err, said)
        return json.loads(said.out)

    def files(self):
        folder = os.path.join(self.dir, "ledger", "capture")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def metric(self, gw, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in gw.request("GET", "/metrics").body.decode().splitlines() if line.startswith(name))

    def wait(self, gw, name, n):
        for _ in range(200):
            if self.metric(gw, name) >= n:
                return
            time.sleep(0.05)
        self.fail(f"{name} is {self.metric(gw, name)}, not {n}")


class Capture(Case):
    def test_a_rule_that_reads_text_is_judged_where_the_text_is_there(self):
        with Gateway(self.lua()) as gw:
            canary = gw.chat("hello " + CANARY, model="smart", headers=auth("k")).id
            gw.chat("hello", model="smart", headers=auth("k"))
            gw.chat("hello " + CANARY, model="smart", headers=auth("o"))  # of another team
            gw.chat("hello " + CANARY, model="smart", headers=auth("k") + [("x-gw-cache", "no-store")])
            self.wait(gw, "gw_captures_total", 4)
            self.assertEqual(self.metric(gw, "gw_captures_lost_total"), 0)
        out = self.replay(TEXT_RULE)
        self.assertEqual((out["requests"], out["captured"], out["same"], out["not_judged"]), (4, 2, 1, 2), out)
        self.assertEqual([(c["from"], c["to"], c["examples"]) for c in out["changes"]], [("model smart", "model fast", [canary])])
        self.assertEqual([(m["what"], m["requests"]) for m in out["missing"]], [("req.last_user", 2)])
        said = self.command("policy", "replay", os.path.join(self.dir, "new.lua"))
        self.assertIn('policy "new" on 4 requests, with the text of 2\n', said.out)
        said = self.command("explain", canary)
        self.assertIn("captured, sealed, for policy replay: its request\n", said.out)
        self.assertNotIn(CANARY, said.out)
        self.assertEqual(json.loads(self.command("explain", canary, "--json").out)["captured"], ["request"])
        # what was captured stands nowhere in clear, and is nobody else's
        for folder, _, names in os.walk(os.path.join(self.dir, "ledger")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(CANARY.encode(), f.read(), name)
        for name in ("capture.key", "capture/" + self.files()[0]):
            self.assertEqual(os.stat(os.path.join(self.dir, "ledger", name)).st_mode & 0o777, 0o600, name)
        self.assertEqual(os.stat(os.path.join(self.dir, "ledger", "capture")).st_mode & 0o777, 0o700)

    def test_everything_that_a_hook_may_read(self):
        with Gateway(self.lua()) as gw:
            gw.chat("look", model="smart", headers=auth("k") + [("x-extra", "yes")])
            self.wait(gw, "gw_captures_total", 1)
        out = self.replay("""return { on_request = function(req)
            assert(req.headers["x-extra"] == "yes" and req.headers.authorization == nil)
            assert(req.address == "127.0.0.1" and req.stream == false and req.body.model == "smart" and #req.messages == 1)
            assert(req.estimated_input_tokens > 0 and req:find("look") and #req:texts() == 1 and req.conversation ~= "")
            req:add_system("be brief")
            return gw.deny(403, "seen", "x")
        end }""")
        self.assertEqual(([(c["from"], c["to"]) for c in out["changes"]], out["failed"]), ([("model smart", "deny seen")], 0), out)
        out = self.replay('return { on_request = function(req) req:add_system("be brief") end }')
        self.assertEqual([(c["from"], c["to"]) for c in out["changes"]], [("model smart", "model smart, edited by add_system")])
        out = self.replay('return { on_request = function(req) return gw.http.get("x", {}) end }')
        self.assertEqual(out["same"], 0, out)

    def test_what_another_policy_had_changed_is_not_judged(self):
        self.write("first.lua", 'return { on_request = function(req) req:add_system("x") end }')
        with Gateway(self.lua(ALL + f'policy "{self.dir}/first.lua" {{}}')) as gw:
            gw.chat("hello " + CANARY, model="smart", headers=auth("k"))
            self.wait(gw, "gw_captures_total", 1)
        out = self.replay(TEXT_RULE)
        self.assertEqual([m["what"] for m in out["missing"]], ["req.last_user, which another policy had changed,"], out)
        out = self.replay(TEXT_RULE, "--as", "first")  # it stands where the client's own text is
        self.assertEqual([(c["from"], c["to"]) for c in out["changes"]], [("model smart, edited by add_system", "model fast")], out)

    def routed(self, more=""):
        """A model whose first target fails; a request to it, and one that goes through."""
        def handler(request, out):
            if request.json()["model"] == "bad":
                out.send(upstream.reply_json({"error": {"message": "no", "code": "away"}}, 503))
            else:
                upstream.good(request, out)
        self.up.handler = handler
        lua = self.lua(ALL + more) + 'model "pair" { { "up/bad", region = "us" }, { "up/good", region = "eu" }, retry = { attempts = 2 } }'
        self.write("gateway.lua", lua)
        with Gateway(lua) as gw:
            got = gw.chat("hello", model="pair", headers=auth("k"))
            self.assertEqual(got.status, 200, got)
            self.wait(gw, "gw_captures_total", 3)
        return got.id

    def test_each_attempt_is_tried(self):
        self.routed()
        out = self.replay("""return { on_route = function(req, targets)
            if req.attempt == 1 then assert(#targets == 2 and targets[1].healthy and targets[1].in_flight == 0 and req.last_error == nil) return end
            assert(#targets == 1 and req.last_error.status == 503 and req.last_error.target == "up/bad", req.last_error.class)
            return gw.deny(503, "no_second", "x")
        end }""")
        self.assertEqual(([(c["from"], c["to"]) for c in out["changes"]], out["failed"]), ([("model pair", "attempt 2: deny no_second")], 0), out)
        out = self.replay('return { on_route = function(req, targets) for i, t in ipairs(targets) do if t.region == "eu" then return { t } end end end }')
        self.assertEqual([(c["from"], c["to"]) for c in out["changes"]], [("target up/bad", "target up/good")], out)
        out = self.replay("return { on_route = function(req, targets) end }")
        self.assertEqual((out["same"], out["not_judged"]), (1, 0), out)

    def test_later_attempts_of_what_was_not_captured_are_not_judged(self):
        self.routed()
        shutil.rmtree(os.path.join(self.dir, "ledger", "capture"))
        out = self.replay("return { on_route = function(req, targets) end }")
        self.assertEqual([m["what"] for m in out["missing"]], ["what might be tried after the first attempt"], out)

    def test_answers_are_tried(self):
        self.write("first.lua", 'return { on_response = function(req, resp) if resp.text:find("%d%d") then return gw.deny(502, "digits", "x") end end }')
        with Gateway(self.lua(ALL + f'policy "{self.dir}/first.lua" {{}}')) as gw:
            got = [gw.chat("hello", model="smart", headers=auth("k"), stream=stream) for stream in (False, True)]
            text = got[0].json()["choices"][0]["message"]["content"]
            gw.chat("hello", model="smart", headers=auth("o"))
            self.wait(gw, "gw_captures_total", 6)
        said = self.command("explain", got[1].id)
        self.assertIn("captured, sealed, for policy replay: its request and its answer\n", said.out)
        rule = 'return { on_response = function(req, resp) if resp.text == %s and resp.finish == "stop" and resp.usage.output > 0 then return %s end end }'
        for does, to in (('gw.deny(502, "seen", "x")', "the answer is refused: seen"), ('gw.answer("no")', "the answer is replaced"),
                         ('gw.retry { model = "fast" }', "it is asked again"), ("resp:map_text(string.upper)", "the answer passes, edited by map_text")):
            out = self.replay(rule % (json.dumps(text), does), "--as", "first")
            self.assertEqual([(c["from"], c["to"], c["requests"]) for c in out["changes"]], [("the answer passes", to, 2)], out)
            self.assertEqual([(m["what"], m["requests"]) for m in out["missing"]], [("the answer", 1)], out)
        out = self.replay("return { on_response = function(req, resp) end }", "--as", "first")
        self.assertEqual((out["same"], out["not_judged"]), (2, 1), out)
        out = self.replay('return { on_request = function(req) req:skip("on_response") end, on_response = function(req, resp) end }', "--as", "first")
        self.assertEqual((out["same"], out["not_judged"]), (3, 0), out)

    def test_off_by_default_and_by_a_share(self):
        with Gateway(self.lua("")) as gw:
            gw.chat("hello", model="smart", headers=auth("k"))
        self.assertEqual(self.files(), [])
        with Gateway(self.lua(ALL.replace("share = 1", "share = 0"))) as gw:
            gw.chat("hello", model="smart", headers=auth("k"))
        self.assertEqual(self.files(), [])

    def test_it_is_gone_after_its_days(self):
        clock = self.write("clock", "")
        with open(clock, "wb") as f:
            f.write(struct.pack("q", 0))
        with Gateway(self.lua(), env={"GW_TEST_CLOCK": clock}) as gw:
            gw.chat("hello " + CANARY, model="smart", headers=auth("k"))
            self.wait(gw, "gw_captures_total", 1)
            before = self.files()
            self.assertEqual(len(before), 1)
            with open(clock, "r+b") as f:
                f.write(struct.pack("q", 47 * 3600000 - 60000))
            gw.chat("hello", model="smart", headers=auth("k"))
            self.wait(gw, "gw_captures_total", 3)
            self.assertIn(before[0], self.files())
            with open(clock, "r+b") as f:
                f.write(struct.pack("q", 48 * 3600000))
            for _ in range(200):
                if before[0] not in self.files():
                    break
                time.sleep(0.1)
            self.assertNotIn(before[0], self.files())  # without any request

    def test_another_key_and_what_is_lost(self):
        with Gateway(self.lua(ALL.replace("days = 2", "days = 2, mb = 1"))) as gw:
            gw.chat("x" * 700000, model="smart", headers=auth("k"))
            gw.chat("x" * 700000, model="smart", headers=auth("k"))
            gw.chat("x" * 3000000, model="smart", headers=auth("k"))
            self.wait(gw, "gw_captures_lost_total", 2)
            self.assertEqual((self.metric(gw, 'gw_captures_lost_total{reason="full"}'), self.metric(gw, 'gw_captures_lost_total{reason="large"}')), (1, 1))
            self.assertTrue(any("requests are not captured: their files have capture.mb already" in line for line in gw.stderr), gw.stderr)
        with open(os.path.join(self.dir, "ledger", "capture.key"), "w", encoding="utf-8") as f:
            f.write("0" * 64)
        said = self.command("policy", "replay", self.write("new.lua", TEXT_RULE))
        self.assertEqual(said.code, 1)
        self.assertIn("capture.key is not the key that it was sealed with: put back capture.key as it was", said.err)

    def test_words(self):
        for more, part in (('capture { teams = { "x" } }', 'capture: there is no team "x"'), ("capture { share = 1 }", "teams"),
                           ('capture { teams = { "t" }, share = 2 }', "share")):
            self.lua(more)
            said = self.command("check")
            self.assertEqual(said.code, 78, said)
            self.assertIn(part, said.err + said.out)
        self.lua(ALL)
        said = self.command("check", "-T")
        self.assertIn('capture { teams = { "t" }, share = 1, days = 2, mb = 1024 }', said.out)
        self.write("gateway.lua", said.out)
        self.assertEqual(self.command("check").code, 0)
        self.write("gateway.lua", 'capture { teams = { "default" } }')
        self.assertIn("capture needs a ledger", self.command("check").err)


if __name__ == "__main__":
    unittest.main()
