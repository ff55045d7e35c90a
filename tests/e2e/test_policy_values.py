"""test_policy_values.py - what a client writes into a header may go into tags, headers, addresses and names of counters: no text of it makes a policy fail."""

import json
import os
import shutil
import tempfile
import unittest

import upstream
from harness import Gateway, provider

RULE = """
local policy = {}
function policy.on_request(req)
    local said = req.headers["x-said"] or ""
    gw.note(req:tag("said", said) or "no tag")
    req:send_header("x-sent", said)
    req:reply_header("x-back", said)
    gw.counter.add(said, 1, { per = "day" })
    gw.cache.set(said, said, { ttl_s = 60 })
    gw.note("cache " .. tostring(gw.cache.get(said) == said))
    gw.http.get("place", { path = "/look?said=" .. said, headers = { ["x-sent"] = said } })
    gw.note(gw.json.encode { said })
    return gw.note("end")
end
function policy.on_finish(req) req:tag("late", req.headers["x-said"] or "none") end
return policy
"""
LUA = """
listen { workers = 1 }
%(up)s
model "m" { { "up/m" } }
policy "%(dir)s/rule.lua" { http = { place = { url = "%(place)s" } } }
"""
SAID = ("plain", "a,b", "a, b ,", "\u00fc, \u65e5\u672c", ",", "x" * 100, "y" * 3000, "tab\there", "# \\ % {}", "\u00e9" * 70)


class Values(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="gw-values-")
        cls.up = upstream.Upstream(upstream.good)
        cls.place = upstream.Upstream(lambda request, out: out.send(upstream.reply_json({})))
        with open(os.path.join(cls.dir, "rule.lua"), "w", encoding="utf-8") as f:
            f.write(RULE)
        cls.gw = Gateway(LUA % {"up": provider("up", cls.up), "dir": cls.dir, "place": cls.place.url})

    @classmethod
    def tearDownClass(cls):
        cls.gw.stop()
        cls.up.stop()
        cls.place.stop()
        shutil.rmtree(cls.dir)

    def notes(self, got):
        return self.gw.log_for(got.id)["policies"][0]["notes"]

    def test_no_text_makes_it_fail(self):
        for said in [*(text.encode() for text in SAID), b"\xff\xfe latin \xe9", b"\xc3"]:
            with self.subTest(said=said):
                got = self.gw.chat("hello", headers=[("x-said", said.decode("latin-1"))])
                self.assertEqual(got.status, 200, got)
                notes = self.notes(got)
                self.assertEqual((notes[1], notes[-1]), ("cache true", "end"), notes)

    def test_what_becomes_of_it(self):
        got = self.gw.chat("hello", headers=[("x-said", "a, \u00fc#b".encode().decode("latin-1"))])
        self.assertEqual(self.notes(got)[0], "a  \u00fc#b")
        self.assertEqual((got.header("x-back"), self.up.requests[-1].headers.get("x-sent")), ("a, ?#b", "a, ?#b"))
        self.assertTrue(self.place.requests[-1].path.endswith("/look?said=a,%20%C3%BC%23b"), self.place.requests[-1].path)
        got = self.gw.chat("hello", headers=[("x-said", b"\xe9".decode("latin-1"))])
        self.assertEqual(json.loads(self.notes(got)[2]), ["\ufffd"])

    def test_a_client_with_too_many_tags_is_refused_and_not_the_policy_blamed(self):
        tags = ",".join("t%d=x" % i for i in range(8))
        got = self.gw.chat("hello", headers=[("x-said", "a"), ("x-gw-tags", tags)])
        self.assertEqual((got.status, got.json()["error"]["param"]), (400, "x-gw-tags"), got)
        self.assertIn("send fewer in x-gw-tags", got.json()["error"]["message"])
        got = self.gw.chat("hello", headers=[("x-said", "a"), ("x-gw-tags", tags[:tags.rindex(",")])])
        self.assertEqual(got.status, 200, got)


if __name__ == "__main__":
    unittest.main()
