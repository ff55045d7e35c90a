"""test_reports.py - usage, explain and logs: from the store and from the journal the same, beside a gateway and without one."""

import json
import os
import queue
import subprocess
import threading
import unittest
from decimal import Decimal

import client
import upstream
from command import BINARY, environment, run
from stored import StoreCase, ask, check_store, delivered, lag, opened, sums_of
from test_ledger import BUSY, lua, records, verify


class Reports(StoreCase):
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
            for words in (" for f at ", "attempt 1: up/real", "outcome status_503", "attempt 2: up2/real", 'charged to team "default" of 1000 USD a month', "usage reported", "total 0.0000325 USD, 0.00 in doubt"):
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
                lines = queue.Queue()
                threading.Thread(target=lambda: [lines.put(json.loads(line)["request"]) for line in follower.stdout], daemon=True).start()
                # what was written before the first look is not shown: requests go until one is, and the last of them is waited for
                first = []
                self.assertTrue(client.wait_for(lambda: first.append(gw.chat(model="m").id) or not lines.empty(), 30, 0.1))
                while lines.get(timeout=20) != first[-1]:
                    pass
                wanted = [gw.chat(model=("m", "d", "m2")[i % 3]).id for i in range(9)]
                got = [lines.get(timeout=20) for _ in wanted]
                self.assertEqual(got, wanted)
            finally:
                follower.kill()
                follower.communicate()
        self.assertEqual(run("logs", "-c", config, "-n", "x").code, 2)

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


if __name__ == "__main__":
    unittest.main()
