"""test_oracle.py - a mixed run by a seed: whole answers and streams, usage or none, errors, cuts, clients that leave, fallbacks. The
upstreams and the clients keep accounts of their own; afterwards the ledger, its store, the store's rollups and the report must say
the same, to the token and the nano-dollar.

    GW_ORACLE_S=60 GW_SEED=7 python3 tests/e2e/run.py test_oracle.py       another length and seed (5 seconds, seed 1)

A run of more than a minute is made of several: each has a ledger and a seed of its own, and is checked before the next one begins.
"""

import collections
import itertools
import json
import os
import random
import tempfile
import threading
import time
import unittest
from decimal import ROUND_HALF_UP, Decimal

import client
import upstream
from command import run
from harness import Gateway, provider
from stored import ask, check_store
from test_ledger import records, usage, verify
from upstream import DONE, delta, reply, reply_json, stream, stream_head

SECONDS = float(os.environ.get("GW_ORACLE_S", "5"))
SEED = int(os.environ.get("GW_SEED", "1"))
ROUND = 60  # seconds; what all sides remember of one has room in memory
CLIENTS = 6
PRICE = 'price = { input_usd_per_mtok = "2.512345678", cache_read_usd_per_mtok = 0.25, output_usd_per_mtok = 10, reasoning_usd_per_mtok = 12 }'
PER_TOKEN = {"input": Decimal("2.512345678"), "cache_read": Decimal("0.25"), "output": Decimal(10), "reasoning": Decimal(12)}
KINDS = ("whole", "stream", "stream", "silent", "cut", "leave", "error", "limit", "reset")


def plan(number, seed):
    """What happens to a request: its number is all that both sides need to know."""
    rng = random.Random("%d/%d" % (seed, number))
    prompt, output = rng.randrange(1, 200000), rng.randrange(1, 5000)
    cached, reasoning = rng.randrange(prompt + 1), rng.randrange(output + 1)
    return {"kind": rng.choice(KINDS), "texts": ["%d \u00e9\n" % i * rng.randrange(1, 9) for i in range(rng.randrange(1, 12))], "fallback": rng.random() < 0.5,
            "tokens": {"input": prompt - cached, "cache_read": cached, "output": output - reasoning, "reasoning": reasoning},
            "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
                      "prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens_details": {"reasoning_tokens": reasoning}}}


def price(tokens):
    exact = sum(PER_TOKEN[name] * count for name, count in tokens.items()) / 1000000
    return exact.quantize(Decimal("1e-9"), ROUND_HALF_UP)


class Account:
    """What one side saw: requests by number."""

    def __init__(self):
        self.lock, self.seen = threading.Lock(), collections.defaultdict(list)

    def note(self, number, what):
        with self.lock:
            self.seen[number].append(what)


class Oracle(unittest.TestCase):
    def serve(self, account, spare):
        """An upstream's handler. The spare one answers all that it gets."""

        def handler(request, out):
            body = request.json()
            number = int(body["messages"][-1]["content"])
            p = plan(number, self.seed)
            kind = "stream" if body.get("stream") else "whole"
            if not spare and p["kind"] not in ("whole", "stream"):
                kind = p["kind"]
            account.note(number, kind)
            events = [delta(text) for text in p["texts"]] + [delta(finish="stop")]
            if kind == "whole":
                out.send(reply_json(upstream.completion(usage=p["usage"])))
            elif kind == "stream":
                out.send(stream(*events, upstream.event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [],
                                                         "usage": p["usage"]}), DONE))
            elif kind == "silent":
                out.send(stream(*events, DONE))
            elif kind == "cut":
                out.send(stream_head() + b"".join(upstream.chunk(e) for e in events[:-1]))
                out.close()
            elif kind == "leave":
                out.send(stream_head() + b"".join(upstream.chunk(e) for e in events[:-1]))
                out.wait_gone()
            elif kind == "reset":
                out.rst()
            else:
                out.send(reply(500 if kind == "error" else 429, b'{"error":{"message":"no"}}', [("Content-Type", "application/json")]))

        return handler

    def ask(self, gw, number, account):
        p = plan(number, self.seed)
        body = {"model": "f" if p["fallback"] else "m", "max_tokens": 5000, "messages": [{"role": "user", "content": str(number)}]}
        if p["kind"] in ("stream", "silent", "cut", "leave"):
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        if p["kind"] != "leave":
            answer = gw.request("POST", "/v1/chat/completions", body=body)
            told = None
            if answer.status == 200 and not body.get("stream"):
                told = answer.json()["usage"]
            elif answer.status == 200:
                data = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
                told = next((d["usage"] for d in data if d.get("usage")), None)
            account.note(number, (answer.id, answer.status, told))
            return
        conn = client.Conn(gw.port)
        conn.send(client.build("POST", "/v1/chat/completions", body=body))
        head = conn.head()
        next(conn.events(head))
        conn.close()
        account.note(number, (head.id, head.status, None))

    def test_upstreams_clients_ledger_and_report_agree(self):
        left = SECONDS
        for self.seed in itertools.count(SEED):
            self.run_round(min(left, ROUND))
            left -= ROUND
            if left <= 0:
                break

    def run_round(self, seconds):
        ups, clients, numbers = (Account(), Account()), Account(), iter(range(10**9))
        turn = threading.Lock()
        with tempfile.TemporaryDirectory() as folder, upstream.Upstream(self.serve(ups[0], False)) as up, upstream.Upstream(self.serve(ups[1], True)) as spare:
            path = os.path.join(folder, "ledger")
            lua = ('ledger { path = "%s" }\nbudget { usd = 1000000, ceiling_usd = 100000000 }\n' % path + provider("up", up, PRICE) + provider("spare", spare, PRICE) +
                   'model "m" { { "up/real" } }\nmodel "f" { { "up/real" }, fallback = { "spare/real" } }\n')
            with Gateway(lua) as gw:
                end = time.monotonic() + seconds

                def work():
                    while time.monotonic() < end:
                        with turn:
                            number = next(numbers)
                        self.ask(gw, number, clients)

                threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                for ((id_, *_),) in clients.seen.values():
                    gw.log_for(id_, timeout=20)
                self.assertEqual(verify(path)["held_usd"], "0")
            self.check(path, ups, clients)

    def rows_of(self, path):
        """The store's rows by request, in the order of attempts; its rollups were held against them and the journal."""
        store = os.path.join(path, "store.sqlite")
        self.assertEqual(check_store(self, path, store), verify(path)["records"] + 1)
        rows = collections.defaultdict(list)
        for request, *row in ask(store, "SELECT request, attempt, ending, input, cache_read, output, reasoning, cost_nano, doubt_nano, requests FROM usage ORDER BY attempt"):
            rows[request].append(row)
        return rows

    def check(self, path, ups, clients):
        stored = self.rows_of(path)
        report = verify(path)
        self.assertEqual((report["open"], report["problems"]), (0, 0))
        holds = {r["number"]: r for r in records(path, "hold")}
        attempts = collections.defaultdict(list)
        for end in records(path, "end"):
            attempts[holds[end["hold"]]["request"]].append((holds[end["hold"]], end))
        spent = Decimal(0)
        kinds = collections.Counter()
        for number, ((id_, status, told),) in clients.seen.items():
            p = plan(number, self.seed)
            rows = sorted(attempts.pop(id_), key=lambda row: row[0]["attempt"])
            # A kept connection that breaks before any byte of the answer is replaced once within the attempt.
            first = ups[0].seen[number]
            first = first[:1] if first == ["reset", "reset"] else first
            calls = [("up", kind) for kind in first] + [("spare", kind) for kind in ups[1].seen[number]]
            self.assertEqual([h["provider"] for h, _ in rows], [name for name, _ in calls], (number, p))
            self.assertEqual([e.get("final", False) for _, e in rows], [False] * (len(rows) - 1) + [True])
            in_store = stored.pop(id_)
            self.assertEqual([row[0] for row in in_store], [hold["attempt"] for hold, _ in rows])
            for (hold, end), (_, kind), row in zip(rows, calls, in_store):
                kinds[kind] += 1
                spent += Decimal(end.get("cost_usd", "0"))
                lines = {line["unit"]: line["quantity"] for line in end.get("lines", [])}
                got = dict(zip(("input", "cache_read", "output", "reasoning"), row[2:6]))
                self.assertEqual((row[1], {n: c for n, c in got.items() if c}), (end["ending"], lines), (number, p))
                self.assertEqual([Decimal(nano) / 1000000000 for nano in row[6:8]], [Decimal(end.get(n, "0")) for n in ("cost_usd", "doubt_usd")])
                self.assertEqual(row[8], int(end.get("final", False)))
                if kind in ("whole", "stream"):  # reported: upstream = client = ledger = store
                    self.assertEqual((end["ending"], end["source"]), ("settled", "reported"), (number, p))
                    self.assertEqual(lines, {n: c for n, c in p["tokens"].items() if c > 0}, (number, p))
                    self.assertEqual(Decimal(end["cost_usd"]), price(p["tokens"]), (number, p))
                    self.assertEqual(told, p["usage"])
                elif kind in ("error", "limit"):
                    self.assertEqual((end["ending"], end.get("cost_usd")), ("void", None), (number, p))
                elif kind in ("silent", "cut", "leave"):
                    # max(events, bytes / 3 rounded up) of what the gateway read; a client that left may have been first.
                    text, count = sum(len(text.encode()) for text in p["texts"]), len(p["texts"])
                    most = max(count + 1, -(-text // 3))
                    self.assertEqual(end["source"], "counted", (number, p))
                    self.assertLessEqual(lines["output"], most, (number, p))
                    if kind != "leave":
                        self.assertGreaterEqual(lines["output"], max(count, -(-text // 3)), (number, p))
                    self.assertEqual(Decimal(end["cost_usd"]), price(lines), (number, p))
                    wanted = "doubt" if kind == "cut" else "settled"
                    self.assertEqual(end["ending"], wanted, (number, p))
                else:
                    self.assertEqual(end["ending"], "doubt", (number, p))
                if end["ending"] == "doubt":
                    self.assertEqual(Decimal(end["doubt_usd"]) + Decimal(end.get("cost_usd", "0")), Decimal(hold["hard_usd"]), (number, p))
        self.assertEqual(stored, {}, "rows of requests that no client made")
        self.assertEqual(attempts, {}, "attempts of requests that no client made")
        self.assertEqual(Decimal(report["spent_usd"]), spent)
        rows = usage(path, "--by", "model,provider,day")
        config = os.path.join(os.path.dirname(path), "gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write('ledger { path = "%s" }\nprovider "demo" {}\nmodel "d" { "demo/demo" }\n' % path)
        self.assertEqual(json.loads(run("usage", "-c", config, "--by", "model,provider,day", "--format", "json").out), rows)  # the rollups
        self.assertEqual(sum(Decimal(r["cost_usd"]) for r in rows), spent)
        self.assertEqual(sum(r["requests"] for r in rows), len(clients.seen))
        self.assertEqual(sum(Decimal(r["doubt_usd"]) for r in rows), Decimal(report["doubt_usd"]))
        self.assertGreater(min(kinds[k] for k in KINDS), 0, kinds)
        print("oracle: seed %d, %d requests, %s" % (self.seed, len(clients.seen), ", ".join("%d %s" % (n, k) for k, n in sorted(kinds.items()))), flush=True)


if __name__ == "__main__":
    unittest.main()
