"""test_store.py - the store beside the ledger: each record of the journal is in it once, as a row and in the rollups, whatever happens to
the process, to the file, or to the disk. SQLite itself reads it here."""

import collections
import contextlib
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from command import BINARY, environment, run
from harness import Gateway
from test_ledger import BUSY, lua, records, verify

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


class Store(unittest.TestCase):
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

    def test_each_record_is_a_row_and_in_the_rollups(self):
        with self.gateway() as gw:
            self.talk(gw, 12)
            self.up.handler = [BUSY]
            self.assertEqual(gw.chat(model="f").status, 200)  # two attempts
            self.up.handler = upstream.good
            self.assertTrue(delivered(gw))
            self.assertEqual(metric(gw, "gw_store_up"), 1)
            check_store(self, self.path, self.store)
            self.talk(gw, 3)  # delivered at the end of the process
        self.assertEqual(check_store(self, self.path, self.store), verify(self.path)["records"] + 1)
        self.assertEqual(stat.S_IMODE(os.stat(self.store).st_mode), 0o600)
        self.assertEqual([r for (r,) in ask(self.store, "SELECT DISTINCT team FROM dims")], ["default"])
        self.assertEqual({r for (r,) in ask(self.store, "SELECT provider FROM dims")}, {"up", "up2", "demo"})

    def test_a_clean_start_goes_on_where_the_last_one_was(self):
        for _ in range(3):
            with self.gateway() as gw:
                self.talk(gw, 4)
                self.assertTrue(delivered(gw))
                self.assertEqual(metric(gw, "gw_store_rows_total"), 4)  # of this process
        check_store(self, self.path, self.store)

    def test_an_attempt_that_is_long_has_its_dimensions(self):
        gate = threading.Event()
        self.up.handler = lambda request, out: (gate.wait(20), upstream.good(request, out))
        with self.gateway() as gw:
            waiting = threading.Thread(target=lambda: gw.chat(model="m"))
            waiting.start()
            self.assertTrue(client.wait_for(self.up.take))
            for _ in range(3):
                self.assertEqual(gw.chat(model="m2").status, 200)
                self.assertTrue(delivered(gw))
            gate.set()
            waiting.join(20)
            self.assertTrue(delivered(gw))
            rows = ask(self.store, "SELECT d.model, count(*) FROM usage u JOIN dims d ON d.id = u.dims GROUP BY 1 ORDER BY 1")
            self.assertEqual(rows, [("m", 1), ("m2", 3)])
        check_store(self, self.path, self.store)

    def test_a_file_that_is_lost_is_made_again(self):
        with self.gateway() as gw:
            self.talk(gw)
            self.assertTrue(delivered(gw))
            for name in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.store + name)
            self.talk(gw)
            self.assertTrue(client.wait_for(lambda: os.path.exists(self.store) and lag(gw) == 0, 20))
            self.assertEqual(len([line for line in gw.stderr if "was removed or replaced" in line]), 1)
        check_store(self, self.path, self.store)
        os.unlink(self.store)
        with self.gateway():
            pass
        check_store(self, self.path, self.store)

    def test_a_store_that_is_locked_stops_nothing_and_loses_nothing(self):
        with self.gateway() as gw:
            self.talk(gw)
            self.assertTrue(delivered(gw))
            with opened(self.store) as db:
                db.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                self.talk(gw)
                self.assertLess(time.monotonic() - begun, 10)
                self.assertGreater(lag(gw), 0)
                self.assertTrue(client.wait_for(lambda: metric(gw, "gw_store_up") == 0, 20))
                time.sleep(3)  # several tries
                db.execute("ROLLBACK")
            self.assertTrue(delivered(gw, 60))
            self.assertTrue(client.wait_for(lambda: metric(gw, "gw_store_up") == 1, 20))
            self.assertEqual(len([line for line in gw.stderr if "is locked" in line]), 1, gw.stderr)
            self.assertEqual(len([line for line in gw.stderr if "takes records again" in line]), 1, gw.stderr)
        check_store(self, self.path, self.store)

    def test_a_store_that_cannot_be_written_does_not_stop_a_start(self):
        nowhere = os.path.join(self.folder.name, "not-there", "store.sqlite")
        with self.gateway(more='store { path = "%s" }\n' % nowhere) as gw:
            self.talk(gw)
            self.assertGreater(lag(gw), 0)
            os.mkdir(os.path.dirname(nowhere))
            self.assertTrue(delivered(gw, 60))
        check_store(self, self.path, nowhere)

    def test_a_full_disk_of_the_store(self):
        with self.gateway() as gw:
            self.talk(gw)
            self.assertTrue(delivered(gw))
            limits = resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE)
            full = max(os.path.getsize(self.store + name) for name in ("", "-wal"))
            self.assertGreater(full, 50000)  # far beyond the journal
            resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE, (full, limits[1]))
            for _ in range(30):
                self.talk(gw)
                if metric(gw, "gw_store_up") == 0:
                    break
                time.sleep(0.2)
            self.assertEqual(metric(gw, "gw_store_up"), 0)
            resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE, limits)
            self.assertTrue(delivered(gw, 60))
        check_store(self, self.path, self.store)

    def test_a_newer_schema_is_refused_with_both_versions(self):
        with self.gateway() as gw:
            self.talk(gw)
        with opened(self.store) as db:
            db.execute("PRAGMA user_version = 99")
        said = self.refused()
        self.assertIn("has schema 99, and this program knows 1", said)
        self.assertIn(self.store, said)

    def test_a_file_of_another_program_is_left_alone(self):
        os.mkdir(self.path)
        with opened(self.store) as db:
            db.execute("CREATE TABLE precious(a)")
        self.assertIn("another program", self.refused())
        with open(os.path.join(self.folder.name, "text"), "w") as f:
            f.write("no database, but a text that is long enough to be looked at " * 50)
        self.assertIn("damaged", self.refused(more='store { path = "%s" }\n' % f.name))
        self.assertEqual(ask(self.store, "SELECT * FROM precious"), [])

    def test_a_store_that_is_ahead_of_the_journal(self):
        with self.gateway() as gw:
            self.talk(gw)
        rows = ask(self.store, "SELECT count(*) FROM usage")[0][0]
        next_ = verify(self.path)["records"] + 1
        for name in os.listdir(self.path):
            if name.endswith(".journal"):
                os.unlink(os.path.join(self.path, name))
        said = self.refused()
        self.assertIn("has the records up to %d" % (next_ - 1), said)
        self.assertIn("--accept-gap", said)
        for turn in range(2):
            with self.gateway(*(["--accept-gap"] if turn == 0 else [])) as gw:
                self.talk(gw)
                self.assertTrue(delivered(gw))
        self.assertEqual(ask(self.store, "SELECT generation, count(*) FROM usage GROUP BY 1")[0], (1, rows))
        self.assertEqual(ask(self.store, "SELECT count(*) FROM usage WHERE generation = 2")[0][0], len(records(self.path, "end")) + len(records(self.path, "row")))
        for table in ("minute", "hour", "day"):
            self.assertEqual(sums_of(self.store, table), sums_of(self.store, "usage"), table)

    def test_a_journal_that_lost_what_the_store_lacks(self):
        for _ in range(3):
            with self.gateway() as gw:
                self.talk(gw)
        first = sorted(n for n in os.listdir(self.path) if n.endswith(".journal"))[0]
        os.unlink(os.path.join(self.path, first))
        with self.gateway() as gw:  # the store has passed it
            self.talk(gw)
        os.unlink(self.store)
        said = self.refused()
        self.assertIn("lacks the records 1 to ", said)
        self.assertIn("--accept-gap", said)
        for turn in range(2):
            with self.gateway(*(["--accept-gap"] if turn == 0 else [])) as gw:
                self.talk(gw)
        check_store(self, self.path, self.store)

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

    def test_usage_is_current_beside_a_gateway_and_without_one(self):
        gate = threading.Event()
        with self.gateway() as gw:
            self.talk(gw)
            self.assertTrue(delivered(gw))
            self.same_usage()
            self.up.handler = lambda request, out: (gate.wait(20), upstream.good(request, out))
            waiting = threading.Thread(target=lambda: gw.chat(model="m"))
            waiting.start()
            self.assertTrue(client.wait_for(self.up.take))
            self.assertTrue(delivered(gw))  # the hold stands before the store's cursor
            held = [row["held_usd"] for row in self.same_usage()[-1] if row["model"] == "m"]
            self.assertGreater(Decimal(held[0]), 0)
            with opened(self.store) as db:
                db.execute("BEGIN IMMEDIATE")
                for _ in range(5):
                    self.assertEqual(gw.chat(model="m2").status, 200)
                self.assertGreater(lag(gw), 0)
                self.same_usage()
                db.execute("ROLLBACK")
            self.same_usage()
            gate.set()
            waiting.join(20)
        rows = self.same_usage()
        self.assertEqual(sum(Decimal(r["cost_usd"]) for r in rows[0]), Decimal(verify(self.path)["spent_usd"]))
        self.assertEqual({r["held_usd"] for r in rows[0]}, {"0"})
        self.same_usage("--since", "2020-01-01", "--until", "2031-01-01")
        self.same_usage("--since", "2h")
        self.assertEqual(self.same_usage("--since", "2999-01-01")[0], [])
        row = rows[0][0]
        self.assertEqual(set(row), {"team", "model", "requests", "tokens", "cost_usd", "held_usd", "doubt_usd", "unpriced", "estimated"})
        self.assertEqual(set(row["tokens"]), {"input", "output", "cache_read", "cache_write", "reasoning"})

    def test_usage_knows_what_the_journal_does_not_have_any_more(self):
        for _ in range(3):
            with self.gateway() as gw:
                self.talk(gw)
        before = self.same_usage()
        first = sorted(n for n in os.listdir(self.path) if n.endswith(".journal"))[0]
        os.unlink(os.path.join(self.path, first))
        config = os.path.join(self.folder.name, "gateway.lua")
        said = run("usage", "-c", config, "--by", "team,model", "--format", "json")
        self.assertEqual((said.code, json.loads(said.out)), (0, before[0]), said)
        alone = run("usage", "--path", self.path, "--by", "team,model", "--format", "json")
        self.assertIn("the journal begins with record ", alone.err)
        self.assertNotEqual(json.loads(alone.out), before[0])
        with open(self.store, "r+b") as f:
            f.write(b"not a database at all")
        broken = run("usage", "-c", config, "--by", "team,model", "--format", "json")
        self.assertEqual(broken.code, 1, broken)
        self.assertIn("damaged", broken.err)

    def segments(self):
        return sorted(n for n in os.listdir(self.path) if n.endswith(".journal"))

    def keeping(self, days, more=""):
        """A gateway that keeps segments so long."""
        text = lua(self.path, self.up, self.up2).replace("sync_ms = 5", "sync_ms = 5, keep_days = %d" % days)
        return Gateway(text + more)

    def test_segments_go_when_nothing_needs_them(self):
        budget = 'team "default" { budget = { usd = 1000, per = "total" } }\n'
        for _ in range(3):
            with self.keeping(7, budget) as gw:
                self.talk(gw)
        whole = self.same_usage()
        begun = self.segments()
        with self.keeping(7, budget) as gw:
            self.assertTrue(delivered(gw))
            time.sleep(1)
            self.assertEqual(self.segments()[: len(begun)], begun)  # they are not old
            left = gw.chat(model="m").header("x-gw-budget-remaining")
        with self.keeping(0, budget) as gw:
            self.assertTrue(client.wait_for(lambda: not set(begun) & set(self.segments()), 20), self.segments())
            self.talk(gw, 4)
            self.assertTrue(delivered(gw))
        with self.keeping(0, budget) as gw:  # balances, rows and sums are known without them
            now = gw.chat(model="m").header("x-gw-budget-remaining")
            self.assertTrue(delivered(gw))
        spent = Decimal(ask(self.store, "SELECT sum(cost_nano) FROM day")[0][0]) / NANO
        self.assertEqual(Decimal(1000) - spent, Decimal(now))
        self.assertLess(Decimal(now), Decimal(left))
        self.assertEqual(verify(self.path)["problems"], 0)
        for table in ("minute", "hour", "day"):
            self.assertEqual(sums_of(self.store, table), sums_of(self.store, "usage"), table)
        self.assertEqual(ask(self.store, "SELECT count(*), count(DISTINCT number) FROM usage")[0], (sums_of(self.store, "usage")[0],) * 2)
        said = run("usage", "-c", self.config(), "--by", "team,model", "--format", "json")
        self.assertEqual((said.code, said.err), (0, ""))
        self.assertEqual(sum(Decimal(r["cost_usd"]) for r in json.loads(said.out)), spent)
        self.assertGreater(spent, sum(Decimal(r["cost_usd"]) for r in whole[0]))

    def test_a_segment_stays_while_the_store_lacks_it(self):
        nowhere = os.path.join(self.folder.name, "not-there", "store.sqlite")
        more = 'store { path = "%s" }\n' % nowhere
        for _ in range(2):
            with self.keeping(0, more) as gw:
                self.talk(gw)
        begun = self.segments()
        wanted = len(records(self.path, "end")) + len(records(self.path, "row"))
        with self.keeping(0, more) as gw:
            time.sleep(1)
            self.assertEqual(self.segments()[: len(begun)], begun)
            os.mkdir(os.path.dirname(nowhere))
            self.assertTrue(delivered(gw, 60))
        self.assertEqual(ask(nowhere, "SELECT count(*) FROM usage"), [(wanted,)])

    def test_doubt_that_ends_is_a_row_of_its_own(self):
        self.up.handler = lambda request, out: out.wait_gone()
        with self.gateway() as gw:
            answer = gw.chat(model="slow")
            self.assertEqual(answer.status, 504)
            gw.log_for(answer.id)
            self.assertTrue(delivered(gw))
            self.assertGreater(sums_of(self.store, "day")[7], 0)
            said = run("ledger", "resolve", answer.id, "--cost", "0.5", "--why", "the bill", "-c", self.config())
            self.assertEqual(said.code, 0, said)
            self.assertTrue(client.wait_for(lambda: sums_of(self.store, "usage")[7] == 0, 20))
            rows = self.same_usage("--since", "1h")[0]
            self.assertEqual([(r["model"], r["doubt_usd"], r["requests"]) for r in rows], [("slow", "0", 1)])
            self.assertGreaterEqual(Decimal(rows[0]["cost_usd"]), Decimal("0.5"))
            self.assertIn("the bill", run("explain", "-c", self.config(), answer.id).out)
        check_store(self, self.path, self.store)

    def test_it_holds_no_prompt_and_no_key(self):
        with self.gateway() as gw:
            self.up.handler = [upstream.reply(401, b'{"error":{"message":"canary-of-an-error sk-canary-7d21"}}'), upstream.good]
            for _ in range(2):
                gw.chat(text="canary-of-a-prompt", model="m", headers=[("Authorization", "Bearer sk-canary-7d21")])
            self.assertTrue(delivered(gw))
            for name in os.listdir(self.path):
                if stat.S_ISREG(os.stat(os.path.join(self.path, name)).st_mode):
                    with open(os.path.join(self.path, name), "rb") as f:
                        self.assertNotIn(b"canary", f.read(), name)

    def test_rows_go_and_sums_stay(self):
        with self.gateway() as gw:
            self.talk(gw)
        before = self.same_usage()
        with opened(self.store) as db:  # as if it had been long ago
            db.execute("UPDATE usage SET admitted_ms = admitted_ms - 3 * 86400000")
        with self.gateway(more="store { rows_days = 2 }\n") as gw:
            self.assertTrue(client.wait_for(lambda: ask(self.store, "SELECT count(*) FROM usage")[0][0] == 0, 20))
            self.assertTrue(delivered(gw))
        for table in ("usage", "lines", "decisions"):
            self.assertEqual(ask(self.store, "SELECT count(*) FROM %s" % table), [(0,)])
        config = os.path.join(self.folder.name, "gateway.lua")
        said = run("usage", "-c", config, "--by", "team,model", "--format", "json")
        self.assertEqual((said.code, said.err, json.loads(said.out)), (0, "", before[0]), said)
        said = run("usage", "-c", config, "--by", "client")
        self.assertIn("were removed (store { rows_days })", said.err)

    def config(self):
        path = os.path.join(self.folder.name, "gateway.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write(lua(self.path, self.up, self.up2) + 'team "default" { budget = { usd = 1000 } }\n')
        return path

    def test_explain_tells_each_attempt(self):
        config = self.config()
        with self.gateway(more='team "default" { budget = { usd = 1000 } }\n') as gw:
            self.up.handler = [BUSY]
            answer = gw.chat(model="f")
            gw.log_for(answer.id)
            self.up.handler = upstream.good
            local = gw.chat(model="d")
            said = {}
            for when in ("journal", "store"):
                for place in (("-c", config), ("--path", self.path)):
                    done = run("explain", *place, "--json", answer.id)
                    self.assertEqual((done.code, done.err), (0, ""), done)
                    said[when, place[0]] = json.loads(done.out)
                self.assertTrue(delivered(gw))
            self.assertEqual(len({json.dumps(s, sort_keys=True) for s in said.values()}), 1, said)
            first, second = said["store", "-c"]["records"]
            self.assertEqual((first["attempt"], first["provider"], first["ending"], first["outcome"], first["final"]), (1, "up", "void", "status_503", False))
            self.assertEqual((second["attempt"], second["provider"], second["ending"], second["source"], second["final"]), (2, "up2", "settled", "reported", True))
            self.assertEqual([(a["kind"], a["id"]) for a in second["accounts"]], [("team", "default")])
            self.assertGreater(Decimal(second["hard_usd"]), Decimal(second["soft_usd"]))
            self.assertEqual([(l["unit"], l["quantity"]) for l in second["lines"]], [("input", 5), ("output", 2)])
            self.assertEqual((second["raw"]["total_tokens"], second["cost_usd"], said["store", "-c"]["cost_usd"]), (7, "0.0000325", "0.0000325"))
            text = run("explain", "-c", config, answer.id).out
            for words in ("asked for f at ", "attempt 1: up/real", "outcome status_503", "attempt 2: up2/real", 'charged to team "default" of 1000 USD a month', "usage reported", "total 0.0000325 USD, 0.00 in doubt"):
                self.assertIn(words, text)
            self.assertIn("answered without an upstream", run("explain", "-c", config, local.id).out)
            gate = threading.Event()
            self.up.handler = lambda request, out: (gate.wait(20), upstream.good(request, out))
            waiting = threading.Thread(target=lambda: gw.chat(model="m"))
            waiting.start()
            self.assertTrue(client.wait_for(self.up.take))
            self.assertTrue(delivered(gw))
            (hold,) = [h for h in records(self.path, "hold") if h["number"] not in {e["hold"] for e in records(self.path, "end")}]
            self.assertIn("in flight", run("explain", "-c", config, hold["request"]).out)
            gate.set()
            waiting.join(20)
        none = run("explain", "-c", config, "no-such-request")
        self.assertEqual((none.code, none.out), (1, ""))
        self.assertIn("no-such-request", none.err)
        self.assertEqual(json.loads(run("explain", "-c", config, "--json", answer.id).out), said["store", "-c"])

    def test_logs_follow_what_is_written(self):
        config = self.config()
        with self.gateway() as gw:
            for _ in range(5):
                gw.chat(model="m2")
            last = gw.chat(model="m")
            gw.log_for(last.id)
            lines = run("logs", "-c", config, "-n", "3", "--json").out.splitlines()
            self.assertEqual(len(lines), 3)
            row = json.loads(lines[-1])
            self.assertEqual((row["request"], row["model"], row["ending"], row["outcome"], row["cost_usd"], row["tokens"]["input"]), (last.id, "m", "settled", "ok", "0.0000325", 5))
            text = run("logs", "--path", self.path).out.splitlines()
            self.assertEqual(len(text), 6)
            self.assertIn(" %s default - m up/real settled ok in=5 out=2 usd=0.0000325 " % last.id, text[-1])
            follower = subprocess.Popen([BINARY, "logs", "-f", "-n", "0", "-c", config, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
            try:
                self.assertTrue(client.wait_for(lambda: os.path.exists("/proc/%d/fd" % follower.pid) and any(
                    os.readlink("/proc/%d/fd/%s" % (follower.pid, fd)).endswith(".journal") for fd in os.listdir("/proc/%d/fd" % follower.pid)), 20))
                time.sleep(0.5)
                wanted = [gw.chat(model=("m", "d", "m2")[i % 3]).id for i in range(9)]
                got = [json.loads(follower.stdout.readline())["request"] for _ in wanted]
                self.assertEqual(got, wanted)
            finally:
                follower.kill()
                follower.communicate()
        self.assertEqual(run("logs", "-c", config, "-n", "x").code, 2)

    def test_what_a_configuration_may_say(self):
        for text, wanted in (('store { pfad = "x" }\n', "pfad"), ('store { plugin = "sqlit" }\n', 'did you mean "sqlite"'), ('store { plugin = "demo" }\n', "is not a store"),
                             ('store { rows_days = 0 }\n', "rows_days"), ('ledger { path = "l", keep_days = -1 }\n', "keep_days")):
            config = os.path.join(self.folder.name, "gateway.lua")
            with open(config, "w", encoding="utf-8") as f:
                f.write(("" if text.startswith("ledger") else 'ledger { path = "l" }\n') + 'provider "demo" {}\nmodel "d" { "demo/demo" }\n' + text)
            said = run("check", "-c", config)
            self.assertEqual(said.code, 78, said)
            self.assertRegex(said.err, r"gateway\.lua:\d+: ")
            self.assertIn(wanted, said.err)
        with open(config, "w", encoding="utf-8") as f:
            f.write('provider "demo" {}\nmodel "d" { "demo/demo" }\nstore {}\n')
        self.assertIn("there is none. Add ledger {", run("check", "-c", config).err)
        with open(config, "w", encoding="utf-8") as f:
            f.write('provider "demo" {}\nmodel "d" { "demo/demo" }\nledger { path = "l" }\nstore { path = "s/rows.sqlite", rows_days = 30 }\n')
        shown = run("check", "-T", "-c", config)
        self.assertIn('store { plugin = "sqlite", path = "%s/s/rows.sqlite", rows_days = 30 }' % self.folder.name, shown.out)
        self.assertIn("keep_days = 7", shown.out)
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "s")))


class Killed(unittest.TestCase):
    """A gateway that is killed while its store is filled, again and again."""

    ROUNDS = int(os.environ.get("GW_KILLS", "5"))

    def load(self, gw, stop):
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                gw.chat(model=("m", "f", "d")[turn % 3], stream=turn % 2 == 0)
            except (OSError, ValueError, AssertionError):
                return

    def test_kill_in_the_middle_of_a_delivery(self):
        with tempfile.TemporaryDirectory() as folder, upstream.Upstream(upstream.good) as up, upstream.Upstream(upstream.good) as up2:
            path = os.path.join(folder, "ledger")
            store = os.path.join(path, "store.sqlite")
            places = collections.Counter()
            for turn in range(self.ROUNDS):
                gw = Gateway(lua(path, up, up2))
                stop = threading.Event()
                clients = [threading.Thread(target=self.load, args=(gw, stop)) for _ in range(6)]
                for thread in clients:
                    thread.start()
                time.sleep(0.25 + 0.029 * (turn % 13))
                gw.signal(signal.SIGKILL)
                stop.set()
                for thread in clients:
                    thread.join()
                gw.kill()
                places[check_store(self, path, store) <= verify(path)["records"]] += 1
            with Gateway(lua(path, up, up2)) as gw:
                self.assertTrue(delivered(gw))
            self.assertEqual(check_store(self, path, store), verify(path)["records"] + 1)
            self.assertGreater(places[True], 0)


if __name__ == "__main__":
    unittest.main()
