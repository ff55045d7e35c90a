"""test_accounts.py - budgets of every dimension: all requests, team, key, project, tag, model, provider, end user, session; by day and month
of a time zone, raised for a while, or only reporting; and the same after a restart."""

import os
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import upstream
from harness import Case, Gateway, auth, key_line, provider
from test_ledger import records, usage, verify
from upstream import reply_json

FEE = "price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }"
TWO = "budget = { usd = 2, ceiling_usd = 2, per = \"day\" }"


class Accounts(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        soon = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        cls.text = (
            'ledger { path = "%s" }\nbudget { usd = 1000000, per = "total" }\n' % cls.path + provider("up", cls.up, FEE) +
            provider("dear", cls.up, FEE + ", " + TWO) + 'model "m" { { "up/real" } }\nmodel "m2" { { "up/real" }, ' + TWO + ' }\n'
            'model "f*" { { "up/real" }, ' + TWO + ' }\nmodel "via" { { "dear/real" } }\nmodel "both" { { "dear/real" }, fallback = { "up/real" } }\n'
            + provider("side", cls.up, FEE) + 'model "near" { { "side/near-1" }, ' + TWO + ' }\nmodel "near2" { { "up/real" }, fallback = { "side/near-1" }, ' + TWO + ' }\n'
            'model "side-*" { { "side/*" }, ' + TWO + ' }\nmodel "side/own" { { "side/own" } }\nmodel "owned" { { "side/own" }, ' + TWO + ' }\n'
            'model "g-1" { { "up/g" }, ' + TWO + ' }\nmodel "g-*" { { "up/g" }, ' + TWO + ' }\n'
            'project "shop" { ' + TWO + ' }\ntag "env=prod" { ' + TWO + ' }\n'
            'team "each" { session_budget = { usd = 2, ceiling_usd = 2, per = "total" }, user_budget = { usd = 1, ceiling_usd = 1, per = "day" } }\n'
            'team "watched" { budget = { usd = 1, only_report = true } }\n'
            'team "raised" { budget = { usd = 1, ceiling_usd = 1, raise = { usd = 2, ends = "' + soon + '" } } }\n'
            'team "past" { budget = { usd = 1, ceiling_usd = 1, raise = { usd = 2, ends = "2026-01-01" } } }\n'
            'team "berlin" { budget = { { usd = 9, per = "day", zone = "Europe/Berlin" }, { usd = 1, ceiling_usd = 1, per = "month", zone = "Pacific/Kiritimati" } } }\n'
            'team "other" {}\n' + key_line("o", "other") + key_line("w", "watched") + key_line("r", "raised") + key_line("p", "past") + key_line("z", "berlin") +
            key_line("e", "each") + key_line("e2", "each") + key_line("s", "other", ", session_budget = { usd = 1, ceiling_usd = 1, per = \"week\" }"))
        return Gateway(cls.text)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion()))

    def ask(self, key="o", model="m", **headers):
        more = [("x-gw-" + name, value) for name, value in headers.items()]
        return self.gw.chat(model=model, headers=auth(key) + more, max_tokens=10)

    def spent(self, answer, of):
        self.assert_error(answer, 429, "insufficient_quota", "project_spend_limit_exceeded", retry=False)
        self.assertIn("The budget of %s is spent" % of, answer.json()["error"]["message"])

    def passes(self, count, **more):
        for i in range(count):
            answer = self.ask(**more)
            self.assertEqual(answer.status, 200, answer)
        return answer

    def test_labels_models_and_providers(self):
        for more, of in (({"project": "shop"}, 'the project "shop" per day'), ({"tags": "a=1,env=prod"}, 'the tag "env=prod" per day'),
                         ({"model": "m2"}, 'the model "m2" per day'), ({"model": "f-1"}, 'the model "f*" per day'), ({"model": "via"}, 'the provider "dear" per day')):
            with self.subTest(**more):
                self.assertEqual(self.passes(1, **more).header("x-gw-budget-remaining"), "1")
                self.assertEqual(self.passes(1, **more).header("x-gw-budget-remaining"), "0")
                self.spent(self.ask(**more), of)
                self.spent(self.ask("e", **more), of)  # whoever asks
        self.passes(1, project="shop2", tags="env=test")
        self.spent(self.ask(model="f-2"), 'the model "f*" per day')
        verify(self.path)

    def test_a_target_that_is_asked_for_directly_is_its_models(self):
        """PROVIDER/MODEL is no way past the budget of a model, also of one that has it as a fallback only."""
        self.assertEqual(self.passes(1, model="near").header("x-gw-budget-remaining"), "1")
        self.assertEqual(self.passes(1, model="side/near-1").header("x-gw-budget-remaining"), "0")
        hold = records(self.path, "hold")[-1]
        self.assertEqual([(a["kind"], a["id"]) for a in hold["accounts"]], [("all", "all"), ("model", "near"), ("model", "near2")])
        self.spent(self.ask(model="side/near-1"), 'the model "near" per day')
        self.passes(1, model="near2")
        self.spent(self.ask(model="near2"), 'the model "near2" per day')
        self.passes(2, model="side/side-3")
        self.spent(self.ask(model="side/side-4"), 'the model "side-*" per day')
        self.passes(3, model="side/near-3")  # no family has it
        self.passes(3, model="side/own")  # a model of that name, without a budget
        verify(self.path)

    def test_of_a_name_and_its_family_the_nearest_is_charged(self):
        """And the ledger's checker is of the same mind, when a segment carries over what was spent."""
        self.passes(2, model="g-1")
        self.spent(self.ask(model="g-1"), 'the model "g-1" per day')
        self.passes(1, model="g-2")
        self.gw.stop()
        type(self).gw = Gateway(self.text)
        self.passes(1, model="g-3")
        self.spent(self.ask(model="g-3"), 'the model "g-*" per day')
        verify(self.path)

    def test_each_session_and_end_user(self):
        self.passes(2, key="e", session="a")
        self.spent(self.ask("e", session="a"), "this session in total")
        self.spent(self.ask("e2", session="a"), "this session in total")  # it is the team's
        self.passes(1, key="e", session="b")
        self.passes(1, key="s", session="a")  # another team's of the same name
        self.spent(self.ask("s", session="a"), "this session per week")
        self.passes(1, key="s", session="b")
        self.passes(3, key="s")
        self.passes(1, key="e", user="ann")
        self.spent(self.ask("e", user="ann"), "this end user per day")
        self.passes(1, key="e", user="bob")
        hold = records(self.path, "hold")[-1]
        self.assertEqual([(a["kind"], a.get("id"), a["per"]) for a in hold["accounts"]], [("all", "all", "total"), ("user", "each/bob", "day")])
        self.restarted()

    def restarted(self):
        self.gw.stop()
        type(self).gw = Gateway(self.text)
        self.spent(self.ask("e", session="a"), "this session in total")
        self.spent(self.ask("s", session="a"), "this session per week")
        self.spent(self.ask("e", user="ann"), "this end user per day")
        self.assertEqual(self.passes(1, key="e", session="b").header("x-gw-budget-remaining"), "0")
        verify(self.path)

    def test_the_metrics_know_what_is_left(self):
        def left():
            lines = self.gw.request("GET", "/metrics").body.decode().splitlines()
            return {line.split('"')[1]: Decimal(line.split()[-1]) for line in lines if line.startswith("gw_budget_remaining_usd{")}, [
                line for line in lines if line.startswith("gw_usage_requests_total{")]
        self.ask("w")
        teams, sources = left()
        self.assertEqual(set(teams), {"watched", "raised", "past", "berlin"})
        self.assertEqual(teams["watched"], 0)
        self.assertTrue([line for line in sources if 'source="reported"' in line])
        self.assertTrue(all(0 <= value <= 9 for value in teams.values()), teams)

    def test_a_session_id_that_imitates_another_ones(self):
        self.passes(2, key="e", session="x/y")
        self.spent(self.ask("e", session="x/y"), "this session in total")
        self.passes(1, key="e", session="y")
        self.passes(1, key="e", session="each/x/y")

    def test_one_that_only_reports_refuses_nothing(self):
        last = self.passes(3, key="w")
        self.assertGreater(Decimal(last.header("x-gw-budget-remaining")), 900000)  # that of all requests
        (row,) = [r for r in usage(self.path, "--by", "team") if r["team"] == "watched"]
        self.assertEqual(Decimal(row["cost_usd"]), 3)
        self.assertEqual(next(r for r in records(self.path, "hold") if r["team"] == "watched")["accounts"][-1]["only_report"], True)
        verify(self.path)

    def test_a_raise_counts_while_it_lasts(self):
        self.passes(3, key="r")
        self.spent(self.ask("r"), 'the team "raised" per month')
        self.passes(1, key="p")
        self.spent(self.ask("p"), 'the team "past" per month')
        self.assertEqual(next(r for r in records(self.path, "hold") if r["team"] == "raised")["accounts"][-1]["limit_usd"], "3")

    def test_periods_of_a_time_zone(self):
        self.passes(1, key="z")
        answer = self.ask("z")
        self.spent(answer, 'the team "berlin" per month')
        now = datetime.now(timezone.utc)
        far = now.astimezone(ZoneInfo("Pacific/Kiritimati"))
        ends = (far.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1).astimezone(timezone.utc)
        self.assertIn("begins anew at " + ends.strftime("%Y-%m-%dT%H:%M:%SZ"), answer.json()["error"]["message"])
        day = next(a for a in records(self.path, "hold")[-1]["accounts"] if a["kind"] == "team" and a["per"] == "day")
        midnight = now.astimezone(ZoneInfo("Europe/Berlin")).replace(hour=0, minute=0, second=0, microsecond=0)
        self.assertEqual(int(day["begins_s"]), int(midnight.timestamp()))
        self.assertEqual(int(day["ends_s"]), int((midnight + timedelta(days=1)).replace(tzinfo=None).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()))


if __name__ == "__main__":
    unittest.main()
