"""test_require.py - where a request may be answered: what a team requires of its targets, and what on_route knows of them."""

import json
import os
import tempfile
import threading
import unittest

import upstream
from command import run
from harness import Case, Gateway, auth, key_line, provider
from upstream import reply_json

SHOW = """
return { on_route = function(req, targets)
    if not req:find("facts") then return end
    local out = {}
    for i, t in ipairs(targets) do
        out[i] = ("%s %s %s %d %s %s"):format(t.name, t.region or "-", t.retention or "-", t.in_flight, tostring(t.healthy),
            t.cost_usd and ("%.4f"):format(t.cost_usd) or "-")
    end
    for i = 1, #out do gw.note(out[i]) end
    table.sort(targets, function(a, b) return (a.cost_usd or math.huge) < (b.cost_usd or math.huge) end)
end }
"""


class Require(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.file = os.path.join(cls.folder.name, "show.lua")
        with open(cls.file, "w", encoding="utf-8") as f:
            f.write(SHOW)
        return Gateway(cls.lua())

    @classmethod
    def lua(cls):
        return (
            provider("up", cls.up) +
            'model "m" { { "up/us", region = "us", price = { request_usd = "0.5" } }, { "up/eu", region = "eu", retention = "none", price = { request_usd = "0.25" } },\n'
            '  { "up/nowhere" }, fallback = { { "up/eu2", region = "eu", retention = "30d" } } }\n'
            'model "us" { { "up/us", region = "us" } }\n'
            'team "any" {}\nteam "eu" { require = { region = "eu" } }\nteam "either" { require = { region = { "us", "eu" } } }\n'
            'team "none" { require = { region = "eu", retention = "none" } }\npolicy "%s" {}\n' % cls.file +
            "".join(key_line(team, team) for team in ("any", "eu", "either", "none")))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = [reply_json(upstream.completion())]
        self.up.take()

    def asked(self, team, model="m", text="hello"):
        """The models that the upstream was asked for, where none of them answers."""
        self.up.handler = [upstream.reply(503)]
        answer = self.gw.chat(text, model=model, headers=auth(team))
        return answer, [r.json()["model"] for r in self.up.take()]

    def test_fallbacks_too(self):
        for team, models in (("any", ["us", "eu", "nowhere"]), ("eu", ["eu", "eu2"]), ("either", ["us", "eu", "eu2"]), ("none", ["eu"])):
            with self.subTest(team=team):
                answer, asked = self.asked(team)
                self.assertEqual((answer.status, sorted(set(asked), key=asked.index)), (503, models), answer)

    def test_nothing_is_left(self):
        for model in ("us", "up/eu"):  # of what a client names itself nothing is stated
            answer, asked = self.asked("eu", model)
            self.assertEqual((answer.status, asked), (404, []))
            self.assertIn('that the team "eu" requires', answer.json()["error"]["message"])
        self.assertEqual(self.gw.chat(model="up/eu", headers=auth("any")).status, 503)

    def test_what_on_route_knows(self):
        gate, begun = threading.Event(), threading.Event()

        def slow(request, out):
            if request.json()["model"] == "us":
                begun.set()
                gate.wait(20)
            out.send(reply_json(upstream.completion()))

        self.up.handler = slow
        with Gateway(self.lua(), env={"GW_TEST_HEALTH": "1"}) as gw:
            thread = threading.Thread(target=lambda: gw.chat(model="us", headers=auth("any")))
            thread.start()
            self.assertTrue(begun.wait(20))
            answer = gw.chat("facts", headers=auth("any"))
            gate.set()
            thread.join(20)
            line = gw.log_for(answer.id)
            self.assertEqual(line["policies"][0]["notes"], [
                "up/us us - 1 true 0.5000", "up/eu eu none 0 true 0.2500", "up/nowhere - - 0 true -", "up/eu2 eu 30d 0 true -"])
            self.assertEqual(line["attempts"][0]["model"], "eu")  # the cheapest
            again = gw.log_for(gw.chat("facts", headers=auth("any")).id)
            self.assertEqual(again["policies"][0]["notes"][0], "up/us us - 0 true 0.5000")

    def test_check_warns_of_a_word_that_no_target_has(self):
        path = os.path.join(self.folder.name, "gateway.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write('provider "demo" {}\nmodel "m" { { "demo/m", max_in_flight = "adaptive", region = "eu" }, fallback = { { "demo/n", max_in_flight = 7, region = "us", retention = "none" } } }\n'
                    'team "t" { require = { region = { "eu", "ue" } }, priority = "low" }\nkey { sha256 = "%064d", team = "t", priority = "critical" }\n' % 1)
        said = run("check", "-c", path)
        self.assertEqual(said.code, 0, said)
        self.assertIn('gateway.lua:3: warning: team "t": require: no target of a model has the region "ue"', said.err)
        out = run("check", "--dump", "-c", path).out
        self.assertIn('"demo/m", max_in_flight = "adaptive", region = "eu"', out)
        self.assertIn('{ "demo/n", max_in_flight = 7, region = "us", retention = "none" }', out)
        self.assertIn('priority = "low"', out)
        self.assertIn('priority = "critical"', out)
        self.assertIn('require = { region = { "eu", "ue" } }', out)


if __name__ == "__main__":
    unittest.main()
