"""test_clock.py - a clock that jumps, a month that ends with requests in flight, an id that comes again: each row is right, and
each request is charged to the period of its admission. The gateway's wall clock is moved from here (GW_TEST_CLOCK)."""

import calendar
import json
import os
import struct
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import upstream
from command import run
from harness import Gateway, build_facts, provider, wait_for
from stored import delivered
from test_ledger import records, usage, verify

HOUR = 3600
COST = Decimal("0.0000325")  # of upstream.good at these prices


def lua(folder, up, budget="", more=""):
    return (
        'ledger { path = "%s", sync_ms = 5 }\n%s' % (folder, budget)
        + provider("up", up, "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }")
        + 'model "m" { { "up/real" } }\n'
        + more
    )


class Clock:
    """The wall clock of a gateway, in a file."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "clock")
        self.file = open(self.path, "wb+")
        self.set(0)
        self.env = {"GW_TEST_CLOCK": self.path}

    def set(self, seconds):
        os.pwrite(self.file.fileno(), struct.pack("<q", int(seconds * 1000)), 0)

    def at(self, year, month, day, hour=0, minute=0, second=0):
        """From now on it is then, UTC."""
        self.set(calendar.timegm((year, month, day, hour, minute, second)) - time.time())

    def close(self):
        self.file.close()


@unittest.skipIf(build_facts().get("GW_TEST_BUILD") != "ON", "only a build for tests lets its clock be moved")
class Times(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "ledger")
        self.clock = Clock(self.folder.name)
        self.up = upstream.Upstream(upstream.good)

    def tearDown(self):
        self.clock.close()
        self.up.stop()
        self.folder.cleanup()

    def gateway(self, budget=""):
        return Gateway(lua(self.path, self.up, budget), env=self.clock.env)

    def test_a_month_ends_with_200_requests_in_flight(self):
        self.clock.at(2026, 11, 30, 23, 59, 30)
        gate = threading.Event()
        self.up.handler = lambda request, out: (gate.wait(60), upstream.good(request, out))
        with self.gateway('budget { usd = 1000, per = "month" }\n') as gw:
            answers = []
            clients = [threading.Thread(target=lambda: answers.append(gw.chat(model="m"))) for _ in range(200)]
            for client in clients:
                client.start()
            self.assertTrue(wait_for(lambda: len(records(self.path, "hold")) == 200, 60))
            self.clock.at(2026, 12, 1, 0, 0, 10)
            self.up.handler = upstream.good
            late = [gw.chat(model="m") for _ in range(10)]
            # The new month has its own money; what the old one holds is not in it.
            self.assertEqual(Decimal(late[-1].header("x-gw-budget-remaining")), 1000 - 10 * COST)
            gate.set()
            for client in clients:
                client.join(60)
            self.assertEqual([a.status for a in answers + late], [200] * 210)
            again = gw.chat(model="m")
            self.assertEqual(Decimal(again.header("x-gw-budget-remaining")), 1000 - 11 * COST)
        november, december = 1793491200, 1796083200
        of = {r["number"]: r for r in records(self.path, "hold")}
        self.assertEqual(sorted(a["begins_s"] for r in of.values() for a in r["accounts"]), [november] * 200 + [december] * 11)
        ends = records(self.path, "end")
        self.assertEqual(len(ends), 211)
        self.assertTrue(all(e["time"] >= "2026-12-01" for e in ends))
        days = {r["day"]: (r["requests"], Decimal(r["cost_usd"])) for r in usage(self.path, "--by", "day")}
        self.assertEqual(days, {"2026-11-30": (200, 200 * COST), "2026-12-01": (11, 11 * COST)})
        verify(self.path)
        # And a start knows both months.
        with self.gateway('budget { usd = 1000, per = "month" }\n') as gw:
            self.assertEqual(Decimal(gw.chat(model="m").header("x-gw-budget-remaining")), 1000 - 12 * COST)
        verify(self.path)

    def test_a_clock_that_jumps_an_hour(self):
        self.clock.at(2026, 11, 10, 23, 30)
        with self.gateway('budget { usd = 1000, per = "day" }\n') as gw:
            ids, left = [], []
            for step in (0, HOUR, -HOUR, HOUR, -HOUR):
                self.clock.at(2026, 11, 10, 23, 30 + (30 if step > 0 else 0), 5)
                answer = gw.chat(model="m")
                ids.append(answer.id)
                left.append(1000 - Decimal(answer.header("x-gw-budget-remaining")))
                self.assertEqual(answer.status, 200)
            # Forwards into the next day, and back: each day counts its own.
            self.assertEqual(left, [COST, COST, 2 * COST, 2 * COST, 3 * COST])
            self.assertEqual(len(set(ids)), 5)
            for i in ids:
                line = gw.log_for(i)
                self.assertTrue(0 <= line["duration_ms"] < 5000, line)
            self.clock.set(0)
            self.assertTrue(wait_for(lambda: any("clock was set by" in line for line in gw.stderr), 10))
            gauge = [l for l in gw.request("GET", "/metrics").body.decode().splitlines() if l.startswith("gw_clock_set_seconds ")]
            self.assertEqual(len(gauge), 1)
            self.assertGreater(abs(float(gauge[0].split()[1])), 60)
        numbers = [r["number"] for r in records(self.path, "hold")]
        self.assertEqual(numbers, sorted(numbers))
        report = verify(self.path)
        self.assertEqual((report["settled"], report["open"]), (5, 0))
        days = {r["day"]: r["requests"] for r in usage(self.path, "--by", "day")}
        self.assertEqual(days, {"2026-11-10": 3, "2026-11-11": 2})

    def test_a_report_by_days_of_a_time_zone(self):
        """From the store and from the journal: a day is the zone's, also one of 25 hours."""
        config = os.path.join(self.folder.name, "gateway.lua")
        times = ((10, 24, 21, 59), (10, 24, 22, 0), (10, 25, 22, 59), (10, 25, 23, 0), (10, 25, 23, 30), (10, 26, 22, 59), (10, 26, 23, 0))
        with self.gateway() as gw:
            for t in times:
                self.clock.at(2026, *t, 5)
                self.assertEqual(gw.chat(model="m").status, 200)
            self.assertTrue(delivered(gw))
        berlin = {"2026-10-24": 1, "2026-10-25": 2, "2026-10-26": 3, "2026-10-27": 1}
        for budget, args, wanted in (("", ("--zone", "Europe/Berlin"), berlin), ('budget { usd = 9, zone = "Europe/Berlin" }\n', (), berlin),
                                     ("", (), {"2026-10-24": 2, "2026-10-25": 3, "2026-10-26": 2}), ('budget { usd = 9, zone = "Europe/Berlin" }\n', ("--zone", "UTC"), {"2026-10-24": 2, "2026-10-25": 3, "2026-10-26": 2}),
                                     ("", ("--zone", "Europe/Berlin", "--since", "2026-10-25", "--until", "2026-10-26"), {"2026-10-25": 2}),
                                     ("", ("--zone", "Asia/Kolkata"), {"2026-10-25": 2, "2026-10-26": 3, "2026-10-27": 2}),
                                     ("", ("--zone", "Europe/Berlin", "--since", "2026-10-26T22:59:00Z"), {"2026-10-26": 1, "2026-10-27": 1})):
            with open(config, "w", encoding="utf-8") as f:
                f.write(lua(self.path, self.up, budget))
            for place in (("-c", config), ("--path", self.path, "--zone", "Europe/Berlin") if wanted is berlin else ("-c", config)):
                for by in ("day,model", "client,day"):
                    said = run("usage", *place, "--by", by, "--format", "json", *(args if place[0] == "-c" else ()))
                    self.assertEqual((said.code, said.err), (0, ""), said)
                    self.assertEqual({r["day"]: r["requests"] for r in json.loads(said.out)}, wanted, (budget, args, by, place))
        said = run("usage", "-c", config, "--by", "day", "--zone", "Europe/Nowhere")
        self.assertEqual(said.code, 2, said)
        self.assertIn("Europe/Nowhere", said.err)

    def test_a_day_that_ends_in_another_time_zone(self):
        """A day of Tokyo ends at 15:00 UTC; one of Berlin has 25 hours when its clocks are put back."""
        for zone, before, after, begins, next_one in (
            ("Asia/Tokyo", (2026, 11, 10, 14, 59, 30), (2026, 11, 10, 15, 0, 10), (2026, 11, 9, 15), (2026, 11, 10, 15)),
            ("Europe/Berlin", (2026, 10, 25, 22, 59, 30), (2026, 10, 25, 23, 0, 10), (2026, 10, 24, 22), (2026, 10, 25, 23)),
        ):
            path, self.path = self.path, os.path.join(self.folder.name, zone.replace("/", "-"))
            gate = threading.Event()
            self.clock.at(*before)
            self.up.handler = lambda request, out: (gate.wait(60), upstream.good(request, out))
            with self.gateway('budget { usd = 1000, per = "day", zone = "%s" }\n' % zone) as gw:
                first = []
                client = threading.Thread(target=lambda: first.append(gw.chat(model="m")))
                client.start()
                self.assertTrue(wait_for(lambda: len(records(self.path, "hold")) == 1, 20))
                self.clock.at(*after)
                self.up.handler = upstream.good
                second = gw.chat(model="m")
                self.assertEqual(Decimal(second.header("x-gw-budget-remaining")), 1000 - COST)
                gate.set()
                client.join(60)
                self.assertEqual(first[0].status, 200)
                self.assertEqual(Decimal(gw.chat(model="m").header("x-gw-budget-remaining")), 1000 - 2 * COST)
            accounts = [a for r in records(self.path, "hold") for a in r["accounts"]]
            old, new = (calendar.timegm(t + (0,) * (6 - len(t))) for t in (begins, next_one))
            self.assertEqual([(a["begins_s"], a["zone"]) for a in accounts], [(old, zone), (new, zone), (new, zone)])
            verify(self.path)
            self.path = path

    def test_a_quiet_clock_is_not_reported(self):
        with self.gateway() as gw:
            gw.chat(model="m")
            time.sleep(2.5)
            self.assertFalse([line for line in gw.stderr if "clock was set" in line])
            self.assertIn("gw_clock_set_seconds ", gw.request("GET", "/metrics").body.decode())

    def test_an_upstream_whose_id_never_changes(self):
        with self.gateway('budget { usd = 1000, per = "total" }\n') as gw:
            answers = [gw.chat(model="m", stream=n % 2 == 0) for n in range(20)]
            for answer in answers:
                gw.log_for(answer.id)
        self.assertEqual(len({a.id for a in answers}), 20)
        holds = records(self.path, "hold")
        self.assertEqual(sorted(r["request"] for r in holds), sorted(a.id for a in answers))
        report = verify(self.path)
        self.assertEqual((report["settled"], Decimal(report["spent_usd"])), (20, 20 * COST))


if __name__ == "__main__":
    unittest.main()
