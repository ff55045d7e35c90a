"""test_policy_counter.py - what policies count: given back where the request is refused later, and shown in the metrics."""

import os
import tempfile
import unittest

from harness import Case, Gateway

TAKE = """
return { on_request = function(req)
    local ok, left = gw.counter.take("n", { limit = 2, per = "day", zone = "Europe/Berlin" })
    gw.note(tostring(left))
    gw.count(ok and "taken" or "full")
    if not ok then return gw.deny(429, "quota", "that is all for today") end
end }
"""
GUARD = """
return { on_request = function(req) if req:find("secret") then return gw.deny(403, "guard", "no") end end }
"""


class Counter(Case):
    @classmethod
    def make(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for name, text in (("take.lua", TAKE), ("guard.lua", GUARD)):
            with open(os.path.join(cls.folder.name, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway('provider "demo" {}\nmodel "m" { { "demo/m" } }\npolicy "%s/take.lua" {}\npolicy "%s/guard.lua" {}\n'
                       % (cls.folder.name, cls.folder.name))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def left(self, answer):
        return self.gw.log_for(answer.id)["policies"][0]["notes"]

    def test_given_back_where_it_is_refused_later(self):
        for _ in range(4):  # more than the limit
            answer = self.gw.chat("secret")
            self.assertEqual((answer.status, self.left(answer)), (403, ["1"]))
            answer = self.gw.chat(model="nobody")
            self.assertEqual((answer.status, self.left(answer)), (404, ["1"]))
        answers = [self.gw.chat() for _ in range(3)]
        self.assertEqual([a.status for a in answers], [200, 200, 429])
        self.assertEqual([self.left(a) for a in answers], [["1"], ["0"], ["0"]])
        self.assertEqual(self.gw.chat().status, 429)  # what was not taken is not given back
        text = self.gw.request("GET", "/metrics").body.decode()
        self.assertIn('gw_policy_events_total{policy="take",event="taken"} 10\n', text)
        self.assertIn('gw_policy_events_total{policy="take",event="full"} 2\n', text)


if __name__ == "__main__":
    unittest.main()
