"""stored.py - what the tests of the store share: SQLite's own view of it, held against the journal's records."""

import contextlib
import json
import os
import sqlite3
import tempfile
import unittest
from decimal import Decimal

import client
import upstream
from command import run
from harness import Gateway
from test_ledger import lua, records, verify

NANO = Decimal(1000000000)
SUMS = ("requests", "input", "output", "cache_read", "cache_write", "reasoning", "cost_nano", "doubt_nano", "unpriced", "estimated")


@contextlib.contextmanager
def opened(path):
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        yield db
    finally:
        db.close()


def ask(path, sql, *values):
    with opened(path) as db:
        return db.execute(sql, values).fetchall()


def metric(gw, name):
    for line in gw.request("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + "{") or line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def lag(gw):
    return metric(gw, "gw_ledger_lag_records")


def delivered(gw, timeout=20):
    return client.wait_for(lambda: lag(gw) == 0, timeout)


def sums_of(path, table):
    return ask(path, "SELECT %s FROM %s" % (", ".join("coalesce(sum(%s), 0)" % c for c in SUMS), table))[0]


def check_store(test, folder, store, missing=0):
    """Rows = the records before its cursor, none twice; rollups = rows; both = the balance of the journal (I4, I8)."""
    ((generation, next_),) = ask(store, "SELECT generation, next FROM meta")
    wanted = {r["number"]: r for t in ("end", "row", "late") for r in records(folder, t) if r["number"] < next_}
    rows = {n: (cost, doubt) for n, cost, doubt in ask(store, "SELECT number, cost_nano, doubt_nano FROM usage WHERE generation = ?", generation)}
    test.assertEqual(len(wanted) - missing, len(rows))
    test.assertLessEqual(set(rows), set(wanted))
    for number, (cost, doubt) in rows.items():
        record = wanted[number]
        test.assertEqual((Decimal(cost) / NANO, Decimal(doubt) / NANO), (Decimal(record.get("cost_usd", "0")), Decimal(record.get("doubt_usd", "0"))), number)
        test.assertEqual(len(record.get("lines", [])), ask(store, "SELECT count(*) FROM lines WHERE generation = ? AND number = ?", generation, number)[0][0]) if number % 97 == 0 else None
    for table in ("minute", "hour", "day"):
        test.assertEqual(sums_of(store, table), sums_of(store, "usage"), table)
    test.assertEqual(ask(store, "SELECT number FROM usage EXCEPT SELECT number FROM decisions"), [])
    if missing == 0:
        report = verify(folder)
        test.assertEqual(Decimal(sums_of(store, "usage")[6]) / NANO, sum(Decimal(r.get("cost_usd", "0")) for r in wanted.values()))
        if report["records"] + 1 == next_:
            test.assertEqual(Decimal(sums_of(store, "day")[6]) / NANO, Decimal(report["spent_usd"]))
            test.assertEqual(Decimal(sums_of(store, "day")[7]) / NANO, Decimal(report["doubt_usd"]))
    return next_


class StoreCase(unittest.TestCase):
    """A ledger with its store, and two upstreams."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.store = os.path.join(self.path, "store.sqlite")
        self.up, self.up2 = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.up2.stop)

    def gateway(self, *args, more="", wait=True):
        return Gateway(lua(self.path, self.up, self.up2) + more, args=args, wait=wait)

    def refused(self, *args, more=""):
        """It does not start: what it reports."""
        gw = self.gateway(*args, more=more, wait=False)
        self.assertEqual(gw.wait(), 78)
        gw.stop(codes=(78,))
        return "\n".join(gw.stderr)

    def talk(self, gw, count=9):
        for i in range(count):
            self.assertEqual(gw.chat(model=("m", "f", "d", "x" if i % 2 else "m2")[i % 4], stream=i % 2 == 0).status, 200)

    def config(self):
        path = os.path.join(self.folder.name, "gateway.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write(lua(self.path, self.up, self.up2) + 'team "default" { budget = { usd = 1000 } }\n')
        return path

    def same_usage(self, *more):
        """The report of store and journal together is that of the journal alone, whatever it is by."""
        config = os.path.join(self.folder.name, "gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(lua(self.path, self.up, self.up2))
        reports = []
        for by in ("team,model", "day", "provider,model,key", "team,day", "client", "session,team", "user,project,tag,model", "model"):
            both = []
            for place in (("-c", config), ("--path", self.path)):
                said = run("usage", *place, "--by", by, "--format", "json", *more)
                self.assertEqual((said.code, said.err), (0, ""), said)
                both.append(json.loads(said.out))
            self.assertEqual(both[0], both[1], by)
            reports.append(both[0])
        return reports

    def segments(self):
        return sorted(n for n in os.listdir(self.path) if n.endswith(".journal"))

    def keeping(self, days, more=""):
        """A gateway that keeps segments so long."""
        text = lua(self.path, self.up, self.up2).replace("sync_ms = 5", "sync_ms = 5, keep_days = %d" % days)
        return Gateway(text + more)
