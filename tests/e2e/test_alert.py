"""test_alert.py - a webhook is told once for each period and mark that a budget is spent so far; it is tried again, and its URL is nowhere."""

import json
import os
import tempfile
import time
import unittest

import upstream
from harness import Case, Gateway, auth, key_line, provider, wait_for
from upstream import reply, reply_json

FEE = "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }"


class Alerts(Case):
    @classmethod
    def make(cls):
        cls.up, cls.hook = upstream.Upstream(), upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        url = cls.hook.url[:-3] + "/canary-client-hook"
        cls.text = ('ledger { path = "%s" }\n' % os.path.join(cls.folder.name, "ledger") + provider("up", cls.up, FEE) + 'model "m" { { "up/real" } }\n'
                    'team "a" { budget = { usd = 10, ceiling_usd = 10, alert = "%s", alert_percent = 50, alert_usd = 8 } }\n' % url +
                    'team "b" { session_budget = { usd = 2, per = "total", only_report = true, alert = "%s", alert_usd = 2 } }\n' % url +
                    'team "c" { budget = { usd = 1, alert = "http://127.0.0.1:1/canary-client-hook", alert_percent = 100 } }\n' + key_line("a", "a") + key_line("b", "b") + key_line("c", "c"))
        return Gateway(cls.text)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion()))
        self.hook.handler = lambda request, out: out.send(reply(204))
        self.told = []
        self.hook.take()

    def ask(self, key, count=1, session=None):
        for _ in range(count):
            answer = self.gw.chat(headers=auth(key) + ([("x-gw-session", session)] if session else []))
            self.assertEqual(answer.status, 200, answer)

    def alerts(self, count):
        self.assertTrue(wait_for(lambda: self.told.extend(self.hook.take()) or len(self.told) >= count, 15))
        time.sleep(1.5)  # and none more
        self.told.extend(self.hook.take())
        self.assertEqual(len(self.told), count)
        return [json.loads(r.body) for r in self.told]

    def test_each_mark_once_and_again_where_nobody_took_it(self):
        self.ask("a", 4)
        time.sleep(1.5)
        self.assertEqual(self.hook.take(), [])
        replies = [reply(500), reply(204)]
        self.hook.handler = lambda request, out: out.send(replies.pop(0) if replies else reply(204))
        self.ask("a", 2)
        first, again = self.alerts(2)
        self.assertEqual(first, again)
        self.assertEqual((first["event"], first["account"], first["id"], first["per"], first["limit_usd"], first["mark_usd"], first["mark_percent"]),
                         ("budget_alert", "team", "a", "month", "10", "5", 50))
        self.assertIn(first["spent_usd"], ("5", "6"))
        self.assertRegex(first["period_begins"], r"^\d{4}-\d\d-01T00:00:00.000Z$")
        self.assertEqual((self.told[0].method, self.told[0].headers["content-type"]), ("POST", "application/json"))
        self.told = []
        self.ask("a", 2)
        (second,) = self.alerts(1)
        self.assertEqual((second["mark_usd"], second.get("mark_percent"), second["spent_usd"]), ("8", None, "8"))
        self.gw.stop()
        type(self).gw = Gateway(self.text)
        self.told = []
        self.ask("a", 1)
        self.alerts(0)  # both were told by the process before

    def test_a_session_and_one_that_nobody_answers(self):
        self.ask("b", 3, "s")
        self.ask("b", 1, "t")
        (alert,) = self.alerts(1)
        self.assertEqual((alert["account"], alert["id"], alert["per"], alert.get("period_ends")), ("session", "b/s", "total", None))
        self.ask("c", 1)
        self.assertTrue(wait_for(lambda: 'the alert of team "c" could not be sent' in self.gw.said(), 25))
        self.assertNotIn("canary-client", self.gw.said())


if __name__ == "__main__":
    unittest.main()
