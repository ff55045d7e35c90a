"""test_store.py - the store beside the ledger: each record of the journal is in it once, as a row and in the rollups, whatever happens to
the process, to the file, or to the disk. SQLite itself reads it here."""

import collections
import contextlib
import json
import os
import resource
import signal
import stat
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from command import run
from harness import Gateway, tsan
from stored import NANO, StoreCase, ask, check_store, delivered, lag, metric, opened, sums_of
from test_ledger import BUSY, lua, records, verify


class Store(StoreCase):
    @tsan
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

    @tsan
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
            self.assertTrue(client.wait_for(lambda: any("takes records again" in line for line in gw.stderr), 20))
            self.assertEqual(len([line for line in gw.stderr if "is locked" in line]), 1, gw.stderr)
            self.assertEqual(len([line for line in gw.stderr if "takes records again" in line]), 1, gw.stderr)
        check_store(self, self.path, self.store)

    def test_sums_that_leave_64_bits_stop_nothing(self):
        """A slip in a price, and a few requests are over 9.2 billion dollars: the sum stays at the most there is, rows go on."""
        most, config = "9223372036.854775807", os.path.join(self.folder.name, "gateway.lua")
        more = 'model "dear" { { "up/real", price = { input_usd_per_mtok = 1000000, output_usd_per_mtok = 1000000 } } }\n'
        told = {"prompt_tokens": 9 * 10**8, "completion_tokens": 9 * 10**7, "total_tokens": 99 * 10**7}
        self.up.handler = lambda request, out: out.send(upstream.reply_json(upstream.completion(usage=told)))
        with self.gateway(more=more) as gw:
            for _ in range(11):
                self.assertEqual(gw.chat(model="dear").status, 200)
            self.assertTrue(delivered(gw))
            for _ in range(11):  # and beside what is there
                self.assertEqual(gw.chat(model="dear").status, 200)
            self.assertTrue(delivered(gw))
            self.assertEqual((metric(gw, "gw_store_up"), gw.chat(model="m").status), (1, 200))
            self.assertTrue(delivered(gw))
        self.assertEqual(ask(self.store, "SELECT count(*), max(cost_nano) FROM usage"), [(23, 99 * 10**16)])
        self.assertEqual(ask(self.store, "SELECT max(cost_nano) FROM day"), [(2**63 - 1,)])
        with self.gateway() as gw:
            self.assertEqual(gw.chat(model="m").status, 200)
            self.assertTrue(delivered(gw))
        with open(config, "w", encoding="utf-8") as f:
            f.write(lua(self.path, self.up, self.up2) + more)
        for place in (("-c", config), ("--path", self.path)):
            for by in ("team", "model", "client", "day"):
                said = run("usage", *place, "--by", by, "--format", "json")
                self.assertEqual((said.code, said.err), (0, ""), (place, by))
                self.assertEqual(max(Decimal(r["cost_usd"]) for r in json.loads(said.out)), Decimal(most), (place, by))

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
        self.assertIn("has schema 99, and this program knows 2", said)
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
