"""test_spending.py - many clients at a small budget. The upstream keeps an account of its own; afterwards the ledger is read by its
records, and every refusal is judged by what was spent and in doubt when it was made.

    GW_ROUNDS=200 python3 tests/e2e/run.py --timeout 7200 test_spending.py       the long form (1 round; GW_SEED is the seed)
"""

import collections
import contextlib
import json
import os
import random
import signal
import tempfile
import threading
import time
import unittest
from decimal import ROUND_HALF_UP, Decimal

import client
import upstream
from client import wait_for
from command import run
from harness import Gateway, auth, key_line, provider
from stored import check_store, lag, metric, opened
from test_ledger import records, verify
from upstream import DONE, delta, event, reply, reply_json, stream, stream_head

ROUNDS = int(os.environ.get("GW_ROUNDS", "1"))
SEED = int(os.environ.get("GW_SEED", "1"))
CLIENTS = int(os.environ.get("GW_CLIENTS", "500"))
MODELS = {"cheap": (3, 11), "plain": (20, 40), "dear": (Decimal("75.5"), Decimal("150.123456789")), "gpt-4o": (10, 60)}  # dollars for a million tokens
KINDS = ("whole", "whole", "stream", "stream", "silent", "cut", "leave", "error", "reset")


def plan(number):
    """What is asked and what happens: the number is all that both sides need to know."""
    rng = random.Random("%d/%d" % (SEED, number))
    return {"model": rng.choice(list(MODELS)), "kind": rng.choice(KINDS), "fallback": rng.random() < 0.3, "input": rng.randrange(1, 100), "output": rng.randrange(1, 3000),
            "limit": rng.choice((None, 50, 700, 3000)), "texts": ["%d words\n" % i * rng.randrange(1, 9) for i in range(rng.randrange(1, 6))]}


def usage_event(told):
    return event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [], "usage": told})


def price(model, tokens):
    exact = sum(Decimal(p) * t for p, t in zip(MODELS[model], tokens)) / 1000000
    return exact.quantize(Decimal("1e-9"), ROUND_HALF_UP)


class Account:
    """What the upstreams charge, by number."""

    def __init__(self):
        self.lock, self.billed, self.calls = threading.Lock(), collections.defaultdict(Decimal), collections.Counter()

    def answer(self, request, out, spare):
        body = request.json()
        number, model = int(body["messages"][-1]["content"].split()[0]), body["model"].split(":")[-1]
        p = plan(number)
        kind = "stream" if body.get("stream") else "whole"
        if not spare and p["kind"] not in ("whole", "stream"):
            kind = p["kind"]
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 16384
        tokens = (p["input"], min(p["output"], limit))
        with self.lock:
            self.calls[number] += 1
            if kind != "error":
                self.billed[number] += price(model, tokens)
        told = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
        events = [delta(text) for text in p["texts"]] + [delta(finish="stop")]
        if kind == "whole":
            out.send(reply_json(upstream.completion(usage=told)))
        elif kind == "stream":
            out.send(stream(*events, usage_event(told), DONE))
        elif kind == "silent":
            out.send(stream(*events, DONE) if body.get("stream") else reply_json({k: v for k, v in upstream.completion().items() if k != "usage"}))
        elif kind in ("cut", "leave"):
            out.send(stream_head() + b"".join(upstream.chunk(e) for e in events[:-1]))
            if kind == "leave":  # the client does, and the upstream goes on
                time.sleep(0.1)
                out.send(b"".join(upstream.chunk(e) for e in (events[-1], usage_event(told), DONE)) + b"0\r\n\r\n")
            else:
                out.close()
        elif kind == "reset":
            out.rst()
        else:
            out.send(reply(500, b'{"error":{"message":"no"}}', [("Content-Type", "application/json")]))


class Spending(unittest.TestCase):
    """A ledger, two upstreams, and what they bill."""

    def setUp(self):
        self.account = Account()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.up = upstream.Upstream(lambda request, out: self.account.answer(request, out, False))
        self.addCleanup(self.up.stop)
        self.spare = upstream.Upstream(lambda request, out: self.account.answer(request, out, True))
        self.addCleanup(self.spare.stop)

    def lua(self, keys):
        text = 'limits { connections = 4096 }\nledger { path = "%s", budget_wait_s = 120, budget_wait_stream_s = 120 }\n' % self.path
        text += provider("up", self.up) + provider("spare", self.spare)
        for name, (tokens_in, tokens_out) in MODELS.items():
            cost = 'price = { input_usd_per_mtok = "%s", output_usd_per_mtok = "%s" }' % (tokens_in, tokens_out)
            text += 'model "%s" { { "up/%s", %s }, min_output_tokens = 20 }\n' % (name, name, cost)
            text += 'model "%s-f" { { "up/%s", %s }, fallback = { { "spare/%s", %s } }, min_output_tokens = 20 }\n' % (name, name, cost, name, cost)
        return text + "".join(key_line(name, "default", ", " + budget) for name, budget in keys)

    def ask(self, gw, key, number, answers):
        p = plan(number)
        body = {"model": p["model"] + ("-f" if p["fallback"] else ""), "messages": [{"role": "user", "content": "%d %s" % (number, "x" * 100)}]}
        limit = p["limit"] or (None if p["model"] == "gpt-4o" else 3000)
        if limit is not None:
            body["max_tokens"] = limit
        if p["kind"] in ("stream", "silent", "cut", "leave"):
            body["stream"] = True
        if p["kind"] == "leave":
            with client.Conn(gw.port, timeout=150) as conn:
                conn.send(client.build("POST", "/v1/chat/completions", auth(key), body))
                head = conn.head()
                if head.status == 200:
                    next(conn.events(head))
                answers.append((number, head.id, head.status))
            return
        answer = client.request(gw.port, "POST", "/v1/chat/completions", auth(key), body, timeout=150)
        answers.append((number, answer.id, answer.status))

    def crowd(self, gw, key, numbers):
        answers, barrier = [], threading.Barrier(len(numbers))

        def work(number):
            barrier.wait()
            self.ask(gw, key, number, answers)

        threads = [threading.Thread(target=work, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), len(numbers))
        return answers


class Rounds(Spending):
    def test_a_dollar_and_five_hundred_clients(self):
        keys = []
        for i in range(ROUNDS):
            keys.append(("s%d" % i, 'budget = { usd = 1, per = "total", mode = "strict" }'))
            if i % 5 == 0:
                keys.append(("e%d" % i, 'budget = { usd = 1, per = "total", ceiling_usd = 2 }'))
        refusals, by_key = {}, {}
        with Gateway(self.lua(keys)) as gw:
            for i, (key, _) in enumerate(keys):
                answers = self.crowd(gw, key, range(i * CLIENTS, (i + 1) * CLIENTS))
                by_key[key] = answers
                for number, id_, status in answers:
                    line = gw.log_for(id_, timeout=60)
                    if "budget" in line:
                        refusals[id_] = (key, line)
                self.assertTrue(wait_for(lambda: "gw_held_usd 0\n" in gw.request("GET", "/metrics").body.decode(), timeout=20))
        self.judge(by_key, refusals)

    def judge(self, by_key, refusals):
        report = verify(self.path)
        self.assertEqual((report["problems"], report["open"], report["held_usd"]), (0, 0, "0"), report)
        holds = {r["number"]: r for r in records(self.path, "hold")}
        ends = sorted(records(self.path, "end"), key=lambda r: r["number"])
        wanted = collections.defaultdict(list)  # the refusals by the record after which they were made
        for key, line in refusals.values():
            wanted[line["budget"]["after_record"]].append((key, line))
        used, at, worst = collections.defaultdict(Decimal), 0, Decimal(-10)
        for after in sorted(wanted):
            while at < len(ends) and ends[at]["number"] <= after:
                used[holds[ends[at]["hold"]]["key"]] += Decimal(ends[at].get("cost_usd", "0")) + Decimal(ends[at].get("doubt_usd", "0"))
                at += 1
            for key, line in wanted[after]:
                if not key.startswith("s"):
                    continue
                budget = line["budget"]
                self.assertIn(line["error"]["code"], ("project_spend_limit_exceeded", "request_exceeds_budget"), line)
                self.assertEqual(Decimal(budget["left_usd"]), 1 - used[key], line)
                self.assertGreater(Decimal(budget["most_usd"]), 1 - used[key], "a phantom refusal: %s" % line)
        totals, bills = collections.defaultdict(lambda: [Decimal(0), Decimal(0)]), collections.defaultdict(Decimal)
        for e in ends:
            totals[holds[e["hold"]]["key"]][0] += Decimal(e.get("cost_usd", "0"))
            totals[holds[e["hold"]]["key"]][1] += Decimal(e.get("doubt_usd", "0"))
        passed = 0
        for key, answers in by_key.items():
            spent, doubt = totals[key]
            most = 1 if key.startswith("s") else 2
            self.assertLessEqual(spent + doubt, most, key)
            bill = sum((self.account.billed[n] for n, _, _ in answers), Decimal(0))
            passed += sum(1 for _, _, status in answers if status != 429)
            if key.startswith("s"):
                worst = max(worst, spent + doubt - most)
                self.assertLessEqual(bill, spent + doubt, key)
            self.assertGreater(spent + doubt, Decimal("0.9"), "%s is not used up" % key)
        print("%d rounds of %d clients: %d passed, %d refused, overshoot %s USD (%s at the fullest)" %
              (len(by_key), CLIENTS, passed, len(refusals), max(worst, Decimal(0)).quantize(Decimal("1e-9")), worst))

    def test_a_fee_passes_exactly_as_often_as_there_is_money(self):
        lua = 'limits { connections = 4096 }\nledger { path = "%s" }\n' % self.path + provider("up", self.up) + 'model "fee" { { "up/cheap", price = { request_usd = 0.10 } } }\n'
        with Gateway(lua + key_line("f", "default", ', budget = { usd = 5, per = "total", mode = "strict" }')) as gw:
            self.up.handler = lambda request, out: out.send(reply_json(upstream.completion()))
            statuses, codes, barrier = collections.Counter(), collections.Counter(), threading.Barrier(1000)

            def work():
                barrier.wait()
                answer = client.request(gw.port, "POST", "/v1/chat/completions", auth("f"), {"model": "fee", "messages": [{"role": "user", "content": "x"}]}, timeout=60)
                statuses[answer.status] += 1
                if answer.status != 200:
                    codes[answer.json()["error"]["code"]] += 1

            threads = [threading.Thread(target=work) for _ in range(1000)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((statuses[200], statuses[429]), (50, 950))
            self.assertEqual(codes, {"project_spend_limit_exceeded": 950})
        self.assertEqual(Decimal(verify(self.path)["spent_usd"]), Decimal("5.000000000"))
        self.assertEqual(len(records(self.path, "hold")), 50)


class Agents(unittest.TestCase):
    def test_ten_agents_are_not_kept_from_their_money(self):
        """20,000 tokens in, mostly cached, at most 32,000 out, on 50 dollars in expected mode."""
        rng, lock, spent = random.Random(SEED), threading.Lock(), [Decimal(0)]
        per_token = {"in": Decimal(3), "cached": Decimal("0.3"), "out": Decimal(15)}

        def answer(request, out):
            with lock:
                cached, written = rng.randrange(18000, 19900), int(rng.lognormvariate(6.5, 0.8)) % 32000
                spent[0] += (per_token["in"] * (20000 - cached) + per_token["cached"] * cached + per_token["out"] * written) / 1000000
            out.send(reply_json(upstream.completion(usage={"prompt_tokens": 20000, "completion_tokens": written, "total_tokens": 20000 + written, "prompt_tokens_details": {"cached_tokens": cached}})))

        with tempfile.TemporaryDirectory() as folder, upstream.Upstream(answer) as up:
            cost = 'price = { input_usd_per_mtok = 3, cache_read_usd_per_mtok = "0.3", output_usd_per_mtok = 15 }'
            with Gateway('ledger { path = "%s/l" }\n' % folder + provider("up", up, cost) + 'model "m" { { "up/agent" } }\n' + key_line("a", "default", ', budget = { usd = 50, per = "total" }')) as gw:
                body = {"model": "m", "max_tokens": 32000, "messages": [{"role": "user", "content": "word " * 14000}]}
                counts = collections.Counter()

                def work():
                    while spent[0] < Decimal("47.5"):
                        answer = client.request(gw.port, "POST", "/v1/chat/completions", auth("a"), body, timeout=60)
                        with lock:
                            counts[answer.status] += 1

                threads = [threading.Thread(target=work) for _ in range(10)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertLessEqual(counts[429] * 100, sum(counts.values()), counts)
                self.assertGreater(counts[200], 500)
                # What they are expected to cost has been learned: 95 of 100 wrote less.
                soft = [Decimal(r["soft_usd"]) for r in records(folder + "/l", "hold")]
                self.assertLess(max(soft[-50:]), Decimal("0.08"))
                print("agents: %s of %d refused before 95 %% was spent" % (counts[429], sum(counts.values())))
            self.assertLessEqual(Decimal(verify(folder + "/l")["spent_usd"]), 100)


class Customers(Spending):
    """250 customers with five cents each."""

    COUNT = 250

    def begin(self, gw, answers, first, who):
        """Each asks for four things at once; the first customer's prompt alone is more than it has."""
        numbers = [n for n in range(first, first + 100000) if plan(n)["kind"] in ("whole", "stream")][: self.COUNT * 4]
        self.customer = getattr(self, "customer", {})
        work = collections.deque((n, "%s%d" % (who, i % self.COUNT)) for i, n in enumerate(numbers))

        def run():
            while work:
                try:
                    number, key = work.popleft()
                    self.customer[number] = key
                    self.ask(gw, key, number, answers)
                except (IndexError, client.Cut, OSError):
                    return

        threads = [threading.Thread(target=run) for _ in range(50)]
        for thread in threads:
            thread.start()
        return threads

    def balances(self):
        """(spent, in doubt) by customer: the journal alone and with what the store has of it."""
        both = []
        config = os.path.join(self.folder.name, "gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(self.text)
        for place in (("--path", self.path), ("-c", config)):
            said = run("usage", *place, "--by", "key", "--format", "json")
            self.assertEqual(said.code, 0, said)
            both.append(collections.defaultdict(lambda: (Decimal(0), Decimal(0))))
            for row in json.loads(said.out):
                both[-1][row["key"]] = (Decimal(row["cost_usd"] or 0), Decimal(row["doubt_usd"]))
        self.assertEqual(both[0], both[1])
        return both[0]

    @contextlib.contextmanager
    def away(self, gw):
        """What happens meanwhile."""
        yield

    def stored(self):
        """Of a store that was away: it has all of the journal, once."""

    def bills(self):
        out = collections.defaultdict(Decimal)
        with self.account.lock:
            for number, bill in self.account.billed.items():
                out[self.customer[number]] += bill
        return out

    def test_drained_and_killed(self):
        lua = self.text = self.lua([("%s%d" % (who, i), 'budget = { usd = "0.05", per = "total", mode = "strict" }') for who in "cd" for i in range(self.COUNT)])
        answers = []
        with Gateway(lua) as gw:
            threads = self.begin(gw, answers, 0, "c")
            with self.away(gw):
                time.sleep(0.5)
            large = client.request(gw.port, "POST", "/v1/chat/completions", auth("c0"), {"model": "cheap", "max_tokens": 20, "messages": [{"role": "user", "content": "x" * 20000}]}, timeout=60)
            self.assertEqual((large.status, large.json()["error"]["code"]), (429, "request_exceeds_budget"))
            for thread in threads:
                thread.join()
        self.stored()
        balances, bills = self.balances(), self.bills()
        for i in range(self.COUNT):
            self.assertEqual(balances["c%d" % i], (bills["c%d" % i], Decimal(0)), "c%d" % i)
        self.assertGreater(sum(1 for _, _, s in answers if s == 429), 10)
        gw = Gateway(lua)
        self.addCleanup(gw.kill)
        self.assertEqual(self.balances(), balances)
        threads = self.begin(gw, [], 1000000, "d")  # with fresh budgets
        with self.away(gw):
            self.assertTrue(client.wait_for(lambda: metric(gw, "gw_held_usd") > 0))  # some are in flight
            time.sleep(float(os.environ.get("GW_KILL_AFTER_S", "0.05")))
            gw.signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
            gw.wait()
        with Gateway(lua):
            pass
        self.stored()
        report, bills, balances = verify(self.path), self.bills(), self.balances()
        self.assertEqual((report["problems"], report["open"]), (0, 0))
        for key in ["%s%d" % (who, i) for who in "cd" for i in range(self.COUNT)]:
            spent, doubt = balances[key]
            self.assertLessEqual(spent, bills[key], key)
            self.assertLessEqual(bills[key], spent + doubt, key)
            self.assertLessEqual(spent + doubt, Decimal("0.05"), key)
        self.assertGreater(sum(d for _, d in balances.values()), 0)  # some were in flight
        print("customers: %d, %s USD spent, %s in doubt after kill -9" % (self.COUNT, sum(s for s, _ in balances.values()), sum(d for _, d in balances.values())))


class Locked(Customers):
    """The same while the store is away in the middle of the run: somebody holds its lock."""

    @contextlib.contextmanager
    def away(self, gw):
        store = os.path.join(self.path, "store.sqlite")
        self.assertTrue(wait_for(lambda: os.path.exists(store)))
        with opened(store) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            if gw.alive():
                self.assertTrue(wait_for(lambda: metric(gw, "gw_store_up") == 0, 20))
                self.assertGreater(lag(gw), 0)
            db.execute("ROLLBACK")

    def stored(self):
        check_store(self, self.path, os.path.join(self.path, "store.sqlite"))


class Moved(Customers):
    """The folder of the store is not there for a while."""

    def lua(self, keys):
        os.makedirs(os.path.join(self.folder.name, "store"), exist_ok=True)
        return super().lua(keys) + 'store { path = "%s/store/s.sqlite" }\n' % self.folder.name

    @contextlib.contextmanager
    def away(self, gw):
        place = os.path.join(self.folder.name, "store")
        self.assertTrue(wait_for(lambda: os.path.exists(place + "/s.sqlite")))
        os.rename(place, place + "-away")
        yield
        if gw.alive():
            self.assertTrue(wait_for(lambda: metric(gw, "gw_store_up") == 0, 20))
        os.rename(place + "-away", place)

    def stored(self):
        check_store(self, self.path, os.path.join(self.folder.name, "store", "s.sqlite"))


if __name__ == "__main__":
    unittest.main()
