"""test_ledger.py - what is written down of a request: each attempt once, whatever happened to it or to the gateway, and what
the reports make of it. The access log and the upstream are the measure."""

import collections
import json
import os
import resource
import signal
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from command import run
from harness import Case, Gateway, provider
from upstream import delta, reply, stream_head

PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
BUSY = reply(503, b'{"error":{"message":"busy"}}', [("Content-Type", "application/json")])


def lua(folder, *ups):
    """Providers up, up2... with a price each, models m, m2..., f (m, then m2) and the ledger in `folder`."""
    text = 'ledger { path = "%s", sync_ms = 5 }\nprovider "demo" {}\nmodel "d" { { "demo/demo" } }\n' % folder
    for i, up in enumerate(ups):
        name = "up" if i == 0 else "up%d" % (i + 1)
        text += provider(name, up, PRICE) + 'model "%s" { { "%s/real" } }\n' % (name.replace("up", "m"), name)
    if len(ups) > 1:
        text += 'model "f" { { "up/real" }, fallback = { "up2/real" } }\n'
    return text + 'model "x" { { "up/never-heard-of", price = "free" } }\nmodel "slow" { { "up/real" }, timeout = { total_s = 0.2 } }\n'


def verify(folder):
    said = run("ledger", "verify", "--path", folder, "--json")
    assert said.code == 0, said
    return json.loads(said.out)


def usage(folder, *args):
    said = run("usage", "--path", folder, "--format", "json", *args)
    assert said.code == 0, said
    return json.loads(said.out)


def records(folder, type_):
    said = run("ledger", "cat", "--path", folder)
    assert said.code == 0, said
    return [r for r in map(json.loads, said.out.splitlines()) if r["type"] == type_]


class Ledger(Case):
    @classmethod
    def make(cls):
        cls.up, cls.up2 = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        return Gateway(lua(cls.path, cls.up, cls.up2))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.up2.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = self.up2.handler = upstream.good

    def of(self, answer):
        """What the ledger has of a request: its HOLDs with their ENDs, or its ROW."""
        holds = [r for r in records(self.path, "hold") if r["request"] == answer.id]
        ends = {r["hold"]: r for r in records(self.path, "end")}
        return [(h, ends.get(h["number"])) for h in holds] or [(None, r) for r in records(self.path, "row") if r["request"] == answer.id]

    def test_an_answer_is_held_and_settled(self):
        for more in ({}, {"stream": True}):
            answer = self.gw.chat(model="m", **more)
            self.gw.log_for(answer.id)
            ((hold, end),) = self.of(answer)
            self.assertEqual((hold["team"], hold["model"], hold["provider"], hold["upstream_model"], hold["attempt"]),
                             ("default", "m", "up", "real", 1))
            self.assertGreater(Decimal(hold["hard_usd"]), Decimal(hold["soft_usd"]))
            self.assertEqual((end["ending"], end["final"], end["source"], end["outcome"]), ("settled", True, "reported", "ok"))
            self.assertEqual(end["cost_usd"], self.gw.log_for(answer.id)["cost_usd"])
            self.assertEqual([(l["unit"], l["quantity"], l["cost_usd"]) for l in end["lines"]], [("input", 5, "0.0000125"), ("output", 2, "0.00002")])
            self.assertEqual(end["raw"]["total_tokens"], 7)
        self.assertEqual(verify(self.path)["open"], 0)

    def test_each_attempt_has_its_own(self):
        self.up.handler = [BUSY]
        answer = self.gw.chat(model="f")
        self.gw.log_for(answer.id)
        (_, first), (_, second) = self.of(answer)
        self.assertEqual((first["ending"], first.get("final"), first.get("cost_usd"), first["outcome"]), ("void", None, None, "status_503"))
        self.assertEqual((second["ending"], second["final"], second["cost_usd"]), ("settled", True, "0.0000325"))

    def test_what_was_sent_and_not_answered_is_in_doubt(self):
        self.up.handler = lambda request, out: out.wait_gone()
        answer = self.gw.chat(model="slow")
        self.assertEqual(answer.status, 504)
        self.gw.log_for(answer.id)
        ((hold, end),) = self.of(answer)
        self.assertEqual((end["ending"], end["source"], [line["unit"] for line in end["lines"]]), ("doubt", "estimated", ["input"]))
        self.assertEqual(Decimal(end["cost_usd"]) + Decimal(end["doubt_usd"]), Decimal(hold["hard_usd"]))
        self.assertIn("gw_doubt_usd %s" % verify(self.path)["doubt_usd"], self.gw.request("GET", "/metrics").body.decode())

    def in_doubt(self):
        self.up.handler = lambda request, out: out.wait_gone()
        answer = self.gw.chat(model="slow")
        self.gw.log_for(answer.id)
        return answer

    def test_doubt_ends_by_the_operator(self):
        first, second = self.in_doubt(), self.in_doubt()
        before = verify(self.path)
        said = run("ledger", "resolve", first.id, "--cost", "0.25", "--who", "ann", "--why", "the bill of May", "--path", self.path)
        self.assertEqual(said.code, 0, said)
        self.assertIn("0.25 USD booked", said.out)
        (late,) = [r for r in records(self.path, "late") if r["request"] == first.id]
        self.assertEqual((late["who"], late["why"], late["cost_usd"], late["team"], late["model"]), ("ann", "the bill of May", "0.25", "default", "slow"))
        after = verify(self.path)
        self.assertEqual(Decimal(after["spent_usd"]) - Decimal(before["spent_usd"]), Decimal("0.25"))
        self.assertEqual(Decimal(before["doubt_usd"]) - Decimal(after["doubt_usd"]), -Decimal(late["doubt_usd"]))
        said = run("ledger", "resolve", first.id, "--free", "--path", self.path)
        self.assertEqual(said.code, 1, said)
        self.assertIn("nothing of this request is in doubt", said.err)
        row = {r["model"]: r for r in usage(self.path, "--by", "model")}["slow"]
        metrics = self.gw.request("GET", "/metrics").body.decode()
        self.assertIn("gw_spent_usd %s\n" % after["spent_usd"], metrics)
        self.assertIn("gw_doubt_usd %s\n" % after["doubt_usd"], metrics)
        self.assertGreaterEqual(Decimal(row["cost_usd"]), Decimal("0.25"))
        said = run("ledger", "resolve", "--all", "--free", "--path", self.path)
        self.assertEqual(said.code, 0, said)
        self.assertEqual(verify(self.path)["doubt_usd"], "0")
        self.assertEqual({r["model"]: r for r in usage(self.path, "--by", "model")}["slow"]["doubt_usd"], "0")
        self.assertIn(second.id, [r["request"] for r in records(self.path, "late")])

    def test_doubt_ends_without_a_gateway_too(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ledger")
            with Gateway(lua(path, self.up)) as gw:
                self.up.handler = lambda request, out: out.wait_gone()
                answer = gw.chat(model="slow")
                gw.log_for(answer.id)
            said = run("ledger", "resolve", answer.id, "--full", "--path", path)
            self.assertEqual(said.code, 0, said)
            report = verify(path)
            self.assertEqual(report["doubt_usd"], "0")
            self.assertGreater(Decimal(report["spent_usd"]), 0)
            with Gateway(lua(path, self.up)) as gw:
                self.assertIn("gw_spent_usd %s\n" % report["spent_usd"], gw.request("GET", "/metrics").body.decode())
            verify(path)

    def test_resolve_takes_what_is_clear(self):
        for args in (["x"], ["x", "--free", "--full"], ["--free"], ["x", "--all", "--free"], ["--all", "--cost", "1"], ["x", "--cost", "-1"], ["x", "--cost", "much"]):
            self.assertEqual(run("ledger", "resolve", *args, "--path", self.path).code, 2, args)
        for args in (["verify", "x"], ["cat", "--free"]):
            self.assertEqual(run("ledger", *args, "--path", self.path).code, 2, args)
        said = run("ledger", "resolve", "x", "--free", "--path", self.path + "-none")
        self.assertEqual(said.code, 1, said)
        self.assertIn("no ledger", said.err)

    def test_a_client_that_leaves_is_settled(self):
        def handler(request, out):
            out.send(stream_head())
            out.chunk(delta("hel"))
            out.wait_gone()

        self.up.handler = handler
        conn = client.Conn(self.gw.port)
        conn.send(client.build("POST", "/v1/chat/completions", body={"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}))
        answer = conn.head()
        next(conn.events(answer))
        conn.close()
        line = self.gw.log_for(answer.id)
        ((_, end),) = self.of(answer)
        self.assertEqual((end["ending"], end["final"], end["source"], end["outcome"]), ("settled", True, "counted", "cancelled"), line)

    def test_what_the_gateway_answers_is_a_row(self):
        answer = self.gw.chat(model="d")
        self.gw.log_for(answer.id)
        ((hold, row),) = self.of(answer)
        self.assertIsNone(hold)
        self.assertEqual((row["model"], row["source"], row["final"]), ("d", "reported", True))
        refused = self.gw.chat(model="no-such")
        self.gw.log_for(refused.id)
        self.assertEqual(self.of(refused), [])

    def test_reports_agree_with_the_log(self):
        answers = [self.gw.chat(model=m, stream=s) for m in ("m", "m2", "x", "d") for s in (False, True) for _ in range(3)]
        since = self.gw.log_for(answers[0].id)["time"]
        for answer in answers:
            self.gw.log_for(answer.id)
        sums = collections.defaultdict(lambda: [0, 0, 0, Decimal(0)])
        for line in list(self.gw.lines):
            if line.get("usage", {}).get("source") is None:
                continue
            row = sums[line["model"]]
            row[0] += 1
            row[1] += line["usage"].get("input", 0)
            row[2] += line["usage"].get("output", 0)
            row[3] += Decimal(line["cost_usd"] or 0)
        rows = {r["model"]: r for r in usage(self.path, "--by", "model")}
        for model in ("m2", "x", "d"):
            got = rows[model]
            self.assertEqual([got["requests"], got["tokens"]["input"], got["tokens"]["output"], Decimal(got["cost_usd"])], sums[model], model)
        self.assertEqual(rows["m"]["held_usd"], "0")
        total = usage(self.path, "--by", "team,day")
        self.assertEqual(sum(Decimal(r["cost_usd"]) for r in total), Decimal(verify(self.path)["spent_usd"]))
        self.assertEqual(usage(self.path, "--until", since[:19] + "Z", "--by", "provider,model", "--since", "2020-01-01"),
                         usage(self.path, "--until", since[:19] + "Z", "--by", "provider,model"))
        self.assertEqual(usage(self.path, "--since", "2999-01-01"), [])
        table = run("usage", "--path", self.path).out.splitlines()
        self.assertEqual(table[0].split()[:3], ["team", "model", "requests"])
        self.assertEqual(len([line for line in table if line.startswith("total ")]), 1, table)
        csv = run("usage", "--path", self.path, "--by", "model", "-f", "csv").out
        self.assertIn('"m2",%d,' % rows["m2"]["requests"], csv)

    def test_a_name_of_a_client_is_no_command_of_a_terminal(self):
        answer = self.gw.chat(model="up/\u009b31mred")
        self.gw.log_for(answer.id)
        out = run("usage", "--path", self.path, "--by", "model").out
        self.assertNotIn("\u009b", out)
        self.assertIn("up/?31mred", out)

    def test_bad_options_say_what_is_taken(self):
        for args, wanted in ((("--by", "team,colour"), "colour"), (("--by", "team,team"), "team"), (("--since", "yesterday"), "yesterday"), (("--since", "2026-12-31T18:00:00Zjunk"), "junk"),
                             (("--format", "xml"), "xml"), (("--by", ""), "--by")):
            said = run("usage", "--path", self.path, *args)
            self.assertEqual(said.code, 2, said)
            self.assertIn(wanted, said.err)
        self.assertEqual(run("ledger", "mend", "--path", self.path).code, 2)
        said = run("usage", "--path", self.path + "-none")
        self.assertEqual(said.code, 1, said)
        self.assertIn("cannot be read", said.err)
        said = run("usage")
        self.assertEqual(said.code, 78, said)
        self.assertIn("ledger { path", said.err)

    def test_a_second_gateway_does_not_start_on_it(self):
        other = Gateway(lua(self.path, self.up), wait=False)
        self.assertEqual(other.wait(), 78)
        self.assertIn("another gateway", "\n".join(other.stderr))
        other.stop(codes=(78,))


class Crash(unittest.TestCase):
    """A gateway that is killed while it works, again and again."""

    ROUNDS = int(os.environ.get("GW_KILLS", "5"))

    def load(self, gw, acknowledged, stop):
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                answer = gw.chat(model=("m", "f", "d")[turn % 3], stream=turn % 2 == 0)
            except (OSError, ValueError, AssertionError):
                return
            if answer.status == 200 and (turn % 2 or answer.body.endswith(b"[DONE]\n\n")):
                acknowledged.append(answer.id)

    def test_kill_loses_nothing_and_doubles_nothing(self):
        acknowledged = []
        with tempfile.TemporaryDirectory() as folder, upstream.Upstream(upstream.good) as up, upstream.Upstream(upstream.good) as up2:
            path = os.path.join(folder, "ledger")
            for turn in range(self.ROUNDS):
                gw = Gateway(lua(path, up, up2))
                stop = threading.Event()
                clients = [threading.Thread(target=self.load, args=(gw, acknowledged, stop)) for _ in range(8)]
                for client in clients:
                    client.start()
                time.sleep(0.3 + 0.037 * (turn % 9))
                gw.signal(signal.SIGKILL)
                stop.set()
                for client in clients:
                    client.join()
                gw.kill()
            with Gateway(lua(path, up, up2)):
                self.assertEqual(verify(path)["open"], 0)
            from stored import check_store  # which uses this file too
            self.assertEqual(check_store(self, path, os.path.join(path, "store.sqlite")), verify(path)["records"] + 1)
            ends = collections.Counter(r["hold"] for r in records(path, "end"))
            self.assertEqual([n for n in ends.values() if n != 1], [])
            of = collections.Counter(r["request"] for r in records(path, "hold")) + collections.Counter(r["request"] for r in records(path, "row"))
            self.assertGreater(len(acknowledged), 20 * self.ROUNDS // 5)
            self.assertEqual([i for i in acknowledged if of[i] == 0], [])
            self.assertEqual(len(set(acknowledged)), len(acknowledged))
            settled = {r["hold"] for r in records(path, "end") if r["ending"] == "settled"}
            done = {r["request"] for r in records(path, "hold") if r["number"] in settled} | {r["request"] for r in records(path, "row")}
            self.assertEqual([i for i in acknowledged if i not in done], [])


class Disk(unittest.TestCase):
    def test_a_full_disk_refuses_and_then_serves_again(self):
        with tempfile.TemporaryDirectory() as folder, upstream.Upstream(upstream.good) as up:
            path = os.path.join(folder, "ledger")
            with Gateway(lua(path, up)) as gw:
                before = gw.chat(model="m")
                self.assertEqual(before.status, 200)
                gate = threading.Event()
                up.handler = lambda request, out: (gate.wait(20), upstream.good(request, out))
                held = []
                waiting = threading.Thread(target=lambda: held.append(gw.chat(model="m")))
                up.take()
                waiting.start()
                self.assertTrue(client.wait_for(up.take))
                size = max(os.path.getsize(os.path.join(path, f)) for f in os.listdir(path) if f.endswith(".journal"))
                whole = resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE, (size + 10, whole[1]))
                refused = gw.chat(model="m")
                self.assertEqual((refused.status, refused.json()["error"]["code"], refused.header("retry-after")), (503, "ledger_unavailable", "5"))
                gate.set()
                waiting.join(20)
                self.assertEqual(held[0].status, 200, held[0].body)  # it had begun: it ends, and is kept until it can be written
                self.assertIn("gw_ledger_waiting_records 1", gw.request("GET", "/metrics").body.decode())
                resource.prlimit(gw.process.pid, resource.RLIMIT_FSIZE, whole)
                self.assertEqual(gw.chat(model="m").status, 200)
                self.assertIn("gw_ledger_waiting_records 0", gw.request("GET", "/metrics").body.decode())
            report = verify(path)
            self.assertEqual((report["open"], report["settled"], report["void"]), (0, 3, 0))

    def test_a_folder_that_cannot_be_had_ends_the_start(self):
        with upstream.Upstream(upstream.good) as up:
            gw = Gateway(lua("/proc/no/ledger", up), wait=False)
            self.assertEqual(gw.wait(), 78)
            self.assertIn("/proc/no/ledger", "\n".join(gw.stderr))
            gw.stop(codes=(78,))


if __name__ == "__main__":
    unittest.main()
