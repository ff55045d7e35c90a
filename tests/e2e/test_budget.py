"""test_budget.py - what a budget lets through and what it refuses: exact to the nano-dollar, in both clients' words, and the same
after a restart."""

import os
import tempfile
import threading
import unittest
from decimal import Decimal

import upstream
from client import wait_for
from harness import Case, Gateway, auth, claude, key_line, provider
from test_anthropic import VERSION
from test_ledger import BUSY, records, usage, verify
from upstream import DONE, chunk, delta, event, reply_json, stream, stream_head

PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
COST = Decimal("0.0035")  # of 1000 tokens in and 100 out
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


class Budget(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        cls.text = (
            'ledger { path = "%s", budget_wait_s = 0.05 }\n' % cls.path + provider("up", cls.up, PRICE) + provider("bare", cls.up) +
            'model "m" { { "up/real" } }\nmodel "x" { { "bare/never-heard-of" } }\nmodel "fee" { { "up/fee", price = { request_usd = "0.1" } } }\n'
            'model "then-bare" { { "up/real" }, fallback = { "bare/never-heard-of" } }\nmodel "then-both" { { "up/real" }, fallback = { "bare/never-heard-of", "up/real" } }\n'
            'model "then-dear" { { "up/real" }, fallback = { { "up/dear", price = { request_usd = 9 } } } }\nteam "fallen" { budget = { usd = 1, ceiling_usd = 1 } }\n' + key_line("fa", "fallen") +
            'team "small" { budget = { usd = "0.01", per = "month", ceiling_usd = 0.5 } }\n'
            'team "all-or-nothing" { budget = { usd = 5, ceiling_usd = 5, per = "total" } }\nteam "free" {}\n'
            'team "tight" { budget = { usd = 0.02, ceiling_usd = 0.02 } }\nteam "strict" { budget = { usd = "0.02", mode = "strict", when_short = "refuse" } }\n' +
            key_line("a", "small") + key_line("b", "small", ', budget = { usd = "0.0035", per = "day", ceiling_usd = 0.1 }') +
            key_line("f", "free") + key_line("n", "all-or-nothing") + key_line("t", "tight") + key_line("u", "tight") + key_line("s", "strict") +
            key_line("c", "free", ', budget = { usd = 1, mode = "strict" }'))
        return Gateway(cls.text)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = [reply_json(upstream.completion(usage=USAGE))]

    def ask(self, key, model="m", **more):
        return self.gw.chat(model=model, headers=auth(key), **{"max_tokens": 100, **more})

    def test_a_spent_budget_refuses_and_says_how(self):
        # The key's own budget is spent by one request, its team's by three.
        first = self.ask("b")
        self.assertEqual((first.status, first.header("x-gw-cost"), first.header("x-gw-budget-remaining")), (200, str(COST), "0"))
        self.up.take()
        answer = self.ask("b")
        self.assert_error(answer, 429, "insufficient_quota", "project_spend_limit_exceeded", retry=False)
        self.assertRegex(answer.json()["error"]["message"], r'budget of the key "b" per day is spent. It begins anew at \d{4}-\d\d-\d\dT00:00:00Z')
        self.assertEqual(self.ask("a").header("x-gw-budget-remaining"), "0.003")
        self.assertEqual(self.ask("a").header("x-gw-budget-remaining"), "0")  # 0.0105 of 0.01: what was held was less than it cost
        answer = self.ask("a")
        self.assertIn('budget of the team "small"', answer.json()["error"]["message"])
        self.assertEqual(len(self.up.take()), 2)
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        answer = self.gw.request("POST", "/v1/messages", [VERSION] + auth("a"), body)
        self.assertEqual((answer.status, answer.json()["error"]["type"], answer.header("x-should-retry")), (429, "billing_error", "false"))
        self.assertGreater(int(answer.header("retry-after")), 0)
        self.assertEqual(self.ask("f").status, 200)  # others go on
        self.assertIsNone(self.ask("f").header("x-gw-budget-remaining"))
        self.assertEqual(self.gw.log_for(answer.id)["cost_usd"], "0")
        self.restarted()

    def restarted(self):
        """The same after a restart: the ledger knows."""
        spent = Decimal(verify(self.path)["spent_usd"])
        self.gw.stop()
        type(self).gw = Gateway(self.text)
        answer = self.ask("a")
        self.assert_error(answer, 429, "insufficient_quota", "project_spend_limit_exceeded", retry=False)
        self.assertEqual(Decimal(verify(self.path)["spent_usd"]), spent)
        rows = {r["team"]: r for r in usage(self.path, "--by", "team")}
        self.assertEqual(Decimal(rows["small"]["cost_usd"]), 3 * COST)

    def test_a_fallback_that_cannot_be_charged_hides_no_error(self):
        """The client gets what the first target answered; a further target may still answer."""
        for model, why in (("then-bare", "has no price"), ("then-dear", "may cost more")):
            self.up.handler = [BUSY]
            answer = self.ask("fa", model=model)
            self.assert_error(answer, 503, "service_unavailable_error", "server_is_overloaded", retry=True, retry_after=(1, 5))
            self.assertEqual(answer.header("x-gw-attempts"), "1")
            line = self.gw.log_for(answer.id)
            self.assertEqual([a["outcome"] for a in line["attempts"]], ["status_503", "refused"])
            self.assertIn(why, line["attempts"][1]["why"])
            self.assertNotIn("budget", line)
        replies = [BUSY, reply_json(upstream.completion(usage=USAGE))]
        self.up.handler = lambda request, out: out.send(replies.pop(0))
        answer = self.ask("fa", model="then-both")
        self.assertEqual((answer.status, answer.header("x-gw-attempts")), (200, "2"), answer)
        self.assertEqual([a["outcome"] for a in self.gw.log_for(answer.id)["attempts"]], ["status_503", "refused", "ok"])
        report = verify(self.path)
        self.assertEqual((report["problems"], report["open"]), (0, 0))

    def test_what_is_in_flight_counts(self):
        gate = threading.Event()
        self.up.handler = lambda request, out: (gate.wait(20), out.send(reply_json(upstream.completion(usage=USAGE))))
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.ask("t")))
        self.up.take()
        waiting.start()
        self.assertTrue(wait_for(self.up.take))
        held = next(r for r in reversed(records(self.path, "hold")) if r["team"] == "tight")
        self.assertGreater(Decimal(held["hard_usd"]), Decimal("0.001"))
        # Alone it would fit; beside the first one it could pass the ceiling.
        most = 1400
        answer = self.ask("t", max_tokens=most)
        self.assert_error(answer, 429, "rate_limit_error", "budget_in_flight", retry=True, retry_after=2)
        answer = self.ask("t", max_tokens=100000)
        self.assert_error(answer, 429, "insufficient_quota", "request_exceeds_budget", retry=False)
        gate.set()
        waiting.join(20)
        self.assertEqual(answers[0].status, 200)
        self.assertEqual(self.ask("t").status, 200)
        self.assertIn("gw_held_usd 0\n", self.gw.request("GET", "/metrics").body.decode())

    def test_strict_is_the_most_that_it_can_cost(self):
        self.assert_error(self.ask("s", max_tokens=2000), 429, "insufficient_quota", "request_exceeds_budget", retry=False)
        first = self.ask("s")
        self.assertEqual((first.status, first.header("x-gw-budget-remaining")), (200, "0.0165"))
        (held,) = [r for r in records(self.path, "hold") if r["team"] == "strict"]
        self.assertEqual((held["accounts"][0]["limit_usd"], held["accounts"][0]["ceiling_usd"]), ("0.02", "0.02"))

    def test_a_report_of_no_tokens_is_none(self):
        """Servers that do not count write 0: what they wrote is counted, and in a strict budget the rest is in doubt."""
        none, some = ({"prompt_tokens": n, "completion_tokens": n, "total_tokens": 2 * n} for n in (0, 50))
        text = [delta("word " * 60), delta(finish="stop")]
        for told, source in (([none], "counted"), ([some, none], "reported"), ([none, some], "reported")):
            events = [event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [], "usage": u}) for u in told]
            self.up.handler = lambda request, out: out.send(stream(*text, *events, DONE))
            answer = self.ask("f", stream=True)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["usage"]["source"], Decimal(line["cost_usd"]) > 0), (source, True), line)
        self.up.handler = lambda request, out: out.send(stream(DONE))  # nothing at all, as if all were well
        line = self.gw.log_for(self.ask("f", stream=True).id)
        self.assertEqual((line["status"], line["usage"]["source"], Decimal(line["cost_usd"]) > 0), (502, "estimated", True), line)
        self.up.handler = [reply_json(upstream.completion(usage=none))]
        self.assertGreater(Decimal(self.gw.log_for(self.ask("f").id)["cost_usd"]), 0)

    def test_what_comes_after_the_finish_was_written_too(self):
        """A client does not get it, where the stream is translated; the upstream may charge for it."""
        text, more = "word " * 60, "more " * 600
        self.up.handler = lambda request, out: out.send(stream(delta(text), delta(finish="stop"), delta(more), DONE))
        for path, headers in (("/v1/chat/completions", []), ("/v1/messages", [VERSION])):
            body = {"model": "m", "max_tokens": 5000, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            answer = self.gw.request("POST", path, headers + auth("f"), body)
            self.assertEqual((answer.status, b"more" in answer.body), (200, not headers), answer)
            used = self.gw.log_for(answer.id)["usage"]
            self.assertEqual((used["source"], used["output"]), ("counted", len(text + more) // 3), path)

    def test_a_guess_is_never_more_than_what_was_held(self):
        """Dense text has fewer bytes a token, and JSON around it none: what is counted stays within the limit that was sent."""
        whole = {k: v for k, v in upstream.completion("word " * 200).items() if k != "usage"}
        events = b"".join(chunk(delta("word " * 4)) for _ in range(40))
        for stream_, reply in ((True, lambda request, out: (out.send(stream_head() + events), out.close())), (False, lambda request, out: out.send(reply_json(whole)))):
            self.up.handler = reply
            answer = self.ask("c", max_tokens=20, stream=stream_)
            self.gw.log_for(answer.id)
            hold = [r for r in records(self.path, "hold") if r["key"] == "c"][-1]
            end = next(r for r in records(self.path, "end") if r["hold"] == hold["number"])
            self.assertEqual((end["ending"], end["lines"][1]["quantity"]), ("doubt", 20), end)
            self.assertEqual(Decimal(end["cost_usd"]) + Decimal(end["doubt_usd"]), Decimal(hold["hard_usd"]), end)

    def test_any_number_that_a_client_asks_for_is_held(self):
        for more in ({"max_tokens": 5 * 10**18, "n": 2}, {"max_tokens": 2**62, "n": 4}, {"max_tokens": 2**63 - 1, "n": 128}):
            self.assert_error(self.ask("u", **more), 429, "insufficient_quota", "request_exceeds_budget", retry=False)
            self.assertEqual(self.ask("f", **more).status, 200)
        for more in ({"n": 100}, {"best_of": 100}, {"prompt": ["a"] * 100}, {"prompt": [[1, 2]] * 100}):
            body = {"model": "m", "prompt": "hi", "max_tokens": 1000, **more}
            answer = self.gw.request("POST", "/v1/completions", auth("u"), body)
            self.assert_error(answer, 429, "insufficient_quota", "request_exceeds_budget", retry=False)
        self.up.handler = upstream.good
        answer = self.gw.request("POST", "/v1/completions", auth("u"), {"model": "m", "prompt": [1, 2, 3] * 40, "max_tokens": 100})
        self.assertNotEqual(answer.status, 429, answer.body)
        self.assertIn("gw_held_usd 0\n", self.gw.request("GET", "/metrics").body.decode())

    def test_what_has_no_price_is_refused_where_there_is_a_budget(self):
        self.assert_error(self.ask("u", "x"), 404, "invalid_request_error", "model_not_priced", retry=False)
        self.assertEqual(self.ask("f", "x").status, 200)

    def test_a_fee_passes_exactly_as_often_as_there_is_money(self):
        count, passed, refused, lock = 300, [], [], threading.Lock()
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage=USAGE)))

        def clients(n):
            for _ in range(n):
                answer = self.ask("n", "fee")
                with lock:
                    (passed if answer.status == 200 else refused).append(answer)

        threads = [threading.Thread(target=clients, args=(count // 30,)) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while len(passed) < 50 and self.ask("n", "fee").status == 200:
            passed.append(None)  # those that met a budget in flight may come again
        self.assertEqual(len(passed), 50)
        self.assertEqual({a.json()["error"]["code"] for a in refused} - {"project_spend_limit_exceeded", "budget_in_flight"}, set())
        self.assert_error(self.ask("n", "fee"), 429, "insufficient_quota", "project_spend_limit_exceeded", retry=False)
        (row,) = [r for r in usage(self.path, "--by", "team") if r["team"] == "all-or-nothing"]
        self.assertEqual((row["cost_usd"], row["requests"], row["held_usd"]), ("5", 50, "0"))


class Local(Case):
    """What a provider answers by itself costs what gateway.lua says, and nothing where it says nothing."""

    @classmethod
    def make(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        return Gateway(
            'ledger { path = "%s", budget_mode = "strict" }\nprovider "demo" {}\n' % cls.path +
            'model "m" { { "demo/demo", price = { input_usd_per_mtok = 3, output_usd_per_mtok = 15 } } }\nmodel "free" { { "demo/demo" } }\n' +
            'team "t" { budget = { usd = "0.01", per = "total" } }\n' + key_line("k", "t"))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def test_it_is_charged_where_a_price_is_named(self):
        spent = Decimal(0)
        for stream in (False, True):
            answer = self.gw.chat(model="m", headers=auth("k"), max_tokens=100, stream=stream)
            self.assertEqual(answer.status, 200)
            line = self.gw.log_for(answer.id)
            usage = line["usage"]
            cost = (usage["input"] * 3 + usage["output"] * 15) / Decimal(1000000)
            self.assertEqual(Decimal(str(line["cost_usd"])), cost)
            spent += cost
        self.assertGreater(spent, 0)
        free = self.gw.chat(model="free", headers=auth("k"))
        self.assertEqual((free.status, Decimal(free.header("x-gw-cost"))), (200, 0))
        self.assertEqual(Decimal(free.header("x-gw-budget-remaining")), Decimal("0.01") - spent)
        for _ in range(200):
            answer = self.gw.chat(model="m", headers=auth("k"), max_tokens=100)
            if answer.status != 200:
                break
        self.assert_error(answer, 429, "insufficient_quota", "request_exceeds_budget", retry=False)
        self.assertEqual(self.gw.chat(model="free", headers=auth("k")).status, 200)


class Words(Case):
    """What Anthropic's clients are told of budgets: a warning from 75 % on, a refusal that names the period, and none for what never begins anew."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        return Gateway(
            'ledger { path = "%s" }\n' % os.path.join(cls.folder.name, "ledger") + claude("claude", cls.up) + 'model "c" { { "claude/x", price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 } } }\n'
            'team "day" { budget = { { usd = 8, ceiling_usd = 8, per = "day" }, { usd = 1000 } } }\nteam "total" { budget = { usd = 4, ceiling_usd = 4, per = "total" } }\n'
            'team "session" { session_budget = { usd = 1, ceiling_usd = 1, per = "total" } }\nteam "quiet" { budget = { usd = 1, only_report = true } }\n' +
            key_line("d", "day") + key_line("t", "total") + key_line("s", "session") + key_line("q", "quiet"))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def ask(self, key, stream=False):
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}
        events = [("message_start", {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}),
                  ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                  ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}),
                  ("content_block_stop", {"type": "content_block_stop", "index": 0}),
                  ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}), ("message_stop", {"type": "message_stop"})]
        self.up.handler = [upstream.stream(*[b"event: " + name.encode() + b"\n" + upstream.event(value) for name, value in events])] if stream else [reply_json(message)]
        body = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        return self.gw.request("POST", "/v1/messages", [VERSION] + auth(key) + [("x-gw-session", "one")], body)

    def words(self, answer):
        return {name[len("anthropic-ratelimit-unified-"):].lower(): value for name, value in answer.headers if name.lower().startswith("anthropic-ratelimit-unified-")}

    def test_a_day(self):
        import datetime
        midnight = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
        for i in range(8):
            answer = self.ask("d", stream=i == 6)
            self.assertEqual(answer.status, 200, answer)
            if i < 6:  # 75 % are not above 75 %
                self.assertEqual(self.words(answer), {}, i)
            elif i == 6:  # at the head of a stream its own cost is not known
                self.assertEqual((self.words(answer), answer.header("x-gw-budget-remaining")), ({}, "2"))
            else:
                self.assertEqual(self.words(answer), {"status": "allowed_warning", "utilization": "0.99", "reset": "%d" % midnight.timestamp(), "overage-period": "daily"})
        answer = self.ask("d")
        self.assertEqual((answer.status, answer.json()["error"]["type"], answer.header("x-should-retry")), (429, "billing_error", "false"))
        self.assertEqual(self.words(answer), {"status": "rejected", "reset": "%d" % midnight.timestamp(), "overage-period": "daily"})
        self.assertTrue(0 <= midnight.timestamp() - datetime.datetime.now().timestamp() - int(answer.header("retry-after")) + 2 < 5, answer)

    def test_what_never_begins_anew_has_no_reset(self):
        for key, count in (("t", 4), ("s", 1)):
            answers = [self.ask(key) for _ in range(count)]
            self.assertEqual({a.status for a in answers}, {200})
            self.assertEqual(self.words(answers[-1]), {"status": "allowed_warning", "utilization": "0.99"})
            answer = self.ask(key)
            self.assertEqual((answer.status, answer.json()["error"]["type"], answer.header("retry-after")), (429, "billing_error", None))
            self.assertEqual(self.words(answer), {"status": "rejected"})

    def test_one_that_only_reports_says_nothing(self):
        answers = [self.ask("q") for _ in range(3)]
        self.assertEqual([(a.status, self.words(a), a.header("x-gw-budget-remaining")) for a in answers], 3 * [(200, {}, None)])


class Configuration(unittest.TestCase):
    def test_all_of_a_budget_is_shown_and_read_again(self):
        from command import run
        text = ('ledger { path = "l" } budget { { usd = 5, per = "day", zone = "Europe/Berlin", only_report = true }, { usd = 50, ceiling_usd = 60, '
                'alert = "https://hooks.example.com/secret-part", alert_percent = 80, alert_usd = 30, raise = { usd = 20, ends = "2036-12-01T00:00:00Z" } } }')
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gateway.lua")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            shown = run("check", "-T", "-c", path)
            self.assertEqual(shown.code, 0, shown)
            self.assertIn('budget { { usd = "5", per = "day", zone = "Europe/Berlin", ceiling_usd = "10", mode = "expected", only_report = true }, { usd = "50", per = "month", '
                          'ceiling_usd = "60", mode = "expected", alert = "https://hooks.example.com/***", alert_usd = "30", alert_percent = 80, raise = { usd = "20", '
                          'ends = "2036-12-01T00:00:00.000Z" } } }', shown.out)
            self.assertNotIn("secret-part", shown.out + shown.err)
            with open(path, "w", encoding="utf-8") as file:
                file.write(shown.out)
            self.assertEqual(run("check", "-T", "-c", path).out.split("\n", 1)[1], shown.out.split("\n", 1)[1])

    def test_what_is_wrong_is_said(self):
        from command import run
        for text, wanted in (('budget { usd = 5 }', "it needs a ledger"), ('ledger { path = "l" } budget { { usd = 5 }, { usd = 6 } }', 'two of them are per "month"'),
                             ('ledger { path = "l" } budget { usd = 5, zone = "Europe/Berln" }', 'there is no time zone "Europe/Berln"'),
                             ('ledger { path = "l" } key { sha256 = "%064d", name = "a/b", session_budget = { usd = 5 } }' % 1, 'is without "/"'),
                             ('ledger { path = "l" } project "a b" { budget = { usd = 5 } }', "a project's name has letters"),
                             ('ledger { path = "l" } tag "prod" { budget = { usd = 5 } }', 'a tag is written "name=value"'),
                             ('ledger { path = "l" } project "a" { }', '"budget" is missing'),
                             ('ledger { path = "l" } budget { usd = 5, zone = "../etc" }', "is no name of a time zone"),
                             ('ledger { path = "l" } budget { { usd = 5 }, per = "day" }', "not both"),
                             ('ledger { path = "l" } budget { usd = 5, zoone = "UTC" }', 'did you mean "zone"?'),
                             ('ledger { path = "l" } budget { usd = 5, alert_percent = 50 }', "they belong together"),
                             ('ledger { path = "l" } budget { usd = 5, alert_percent = 50, alert = "ftp://x" }', "begins with https://"),
                             ('ledger { path = "l" } budget { usd = 5, raise = { usd = 1, ends = "soon" } }', "raise: ends takes"),
                             ('ledger { path = "l" } budget { usd = 5, raise = { usd = 1 } }', '"ends" is missing'),
                             ('ledger { path = "l" } team "t" { budget = { { usd = 1 }, { usd = 2, per = "dat" } } }', '"day" or "week"'), ('ledger { path = "l" } budget { per = "day" }', '"usd" is missing'),
                             ('ledger { path = "l" } budget { usd = -1 }', "US dollars"), ('ledger { path = "l" } budget { usd = "0.0000000001" }', "US dollars"),
                             ('ledger { path = "l" } team "t" { budget = { usd = 5, ceiling_usd = 4 } }', "less than usd"),
                             ('ledger { path = "l" } key { sha256 = "%064d", budget = { usd = 5, per = "year" } }' % 1, '"day" or "week"'),
                             ('ledger { path = "l" } budget { usd = 5, ceiling_usd = 6, mode = "strict" }', "ceiling_usd is of no use"),
                             ('ledger { path = "l", budget_mode = "strict" } budget { usd = 5, ceiling_usd = 6 }', "ceiling_usd is of no use"),
                             ('ledger { path = "l" } budget { usd = 5, mode = "stirct" }', '"expected" or "strict"')):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "gateway.lua")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                said = run("check", "-c", path)
                self.assertEqual(said.code, 78, said)
                self.assertIn(wanted, said.err)


if __name__ == "__main__":
    unittest.main()
