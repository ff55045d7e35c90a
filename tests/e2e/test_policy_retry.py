"""test_policy_retry.py - gw.retry: an answer is dropped and another one asked for. Both are paid for; where the second cannot be asked the
first goes out, and the access log has why."""

import json
import os
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import upstream
from client import wait_for
from harness import Case, Gateway, auth, claude, key_line, provider, tsan
from test_anthropic import VERSION
from test_ledger import BUSY, records, usage, verify
from test_policy_answer import FACES, SAYS, answer_for
from upstream import reply_json

RULES = {
    "again.lua": """
return { on_response = function(req, resp)
    if req:find("ask nothing") then return end
    gw.note(resp.retries .. "|" .. resp.text)
    local bad = resp.text:find("forbidden word", 1, true) or #resp.tool_calls > 0
    if not bad and not req:find("always") then return end
    local model = req:find("with the dear one") and "dear" or req:find("with nobody") and "nobody" or req:find("with the unpriced") and "unpriced" or req:find("with two") and "two"
    return gw.retry { model = model, say = not model and "Say it in other words." or nil, reason = "forbidden" }
end }
""",
    "first.lua": """
return { on_response = function(req, resp)
    if req:find("ask nothing") then return end
    gw.note("seen")
    if req:find("first too") then return gw.retry { say = "First of all.", reason = "first" } end
end }
""",
}
PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
COST = Decimal("0.0035")  # of 1000 tokens in and 100 out
SAY = "Say it in other words."

WAYS = (
    ("chat", "up", "relay"),
    ("chat", "claude", "translated"),
    ("messages", "claude", "relay"),
    ("messages", "up", "translated"),
    ("responses", "up", "relay"),
)


def write_rules(folder):
    for name, text in RULES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


class Retries(Case):
    """Each client API, relayed and translated, whole and streamed."""

    @classmethod
    def make(cls):
        cls.kinds, cls.slow, cls.gate = [], False, None
        cls.up = upstream.Upstream(lambda request, out: cls.answer(request, out))
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        write_rules(cls.dir)
        return Gateway(provider("up", cls.up) + claude("claude", cls.up) + 'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\n'
                       'model "dear" { { "up/dear" } }\nmodel "nobody" { { "up/nobody" } }\nmodel "two" { { "up/busy" }, fallback = { "up/real" } }\nlimits { ping_s = 1 }\n'
                       'policy "%s/first.lua" {}\npolicy "%s/again.lua" { retries = 2 }\n' % (cls.dir, cls.dir))

    @classmethod
    def answer(cls, request, out):
        body = request.json()
        if body["model"] in ("nobody", "busy"):
            out.send(BUSY)
            return
        data = answer_for(request.path)(cls.kinds.pop(0) if cls.kinds else "good", bool(body.get("stream")))
        if cls.gate is not None and not cls.kinds:
            cls.gate.wait(20)
        if cls.slow:
            half = data.index(b"\r\n\r\n") + 4
            out.send(data[:half])
            time.sleep(1.6)
            data = data[half:]
        out.send(data)

    def ask(self, face, model, streamed, text="hi", kinds=("forbidden", "good"), headers=(), **more):
        type(self).kinds = list(kinds)
        self.up.take()
        return self.gw.request("POST", FACES[face][0], [VERSION] + list(headers), self.body(face, model, streamed, text), **more)

    def body(self, face, model, streamed, text):
        return dict(json.loads(json.dumps(FACES[face][1](1)).replace("write to a@b.de", text).replace("to a@b.de", text)), model=model, stream=streamed)

    def each(self):
        for face, model, how in WAYS:
            for streamed in (False, True):
                with self.subTest(face=face, how=how, stream=streamed):
                    yield face, model, how, streamed

    def rows(self, got, policy="again"):
        return [p for p in self.gw.log_for(got.id)["policies"] if p["policy"] == policy and p["hook"] == "on_response"]

    def outcomes(self, got):
        return [a["outcome"] for a in self.gw.log_for(got.id)["attempts"]]

    @tsan
    def test_the_conversation_goes_on_in_the_clients_own_api(self):
        for face, model, how, streamed in self.each():
            for kind in ("forbidden", "tool"):
                got = self.ask(face, model, streamed, kinds=(kind, "good"))
                self.assertEqual((got.status, got.complete), (200, True), got)
                self.assertNotIn(b"forbid", got.body)
                self.assertNotIn(b"shell", got.body)
                self.assertIn(b"hel", got.body)
                sent = self.up.take()
                self.assertEqual((len(sent), self.outcomes(got)), (2, ["dropped", "ok"]))
                line = self.gw.log_for(got.id)
                self.assertGreater(line["attempts"][0]["usage"]["output"], 0, line)
                self.assertEqual([(r["notes"][0].split("|")[0], r.get("decision")) for r in self.rows(got)], [("0", "retry"), ("1", None)])
                self.check_sent(sent, face, how, kind)

    def check_sent(self, sent, face, how, kind):
        first, second = (s.json() for s in sent)
        self.assertEqual(sent[0].path, sent[1].path)
        name = "input" if "responses" in sent[0].path else "messages"
        before, after = first[name], second[name]
        if isinstance(before, str):
            before = [{"role": "user", "content": before}]
        self.assertEqual(after[:len(before)], before)  # all that the client sent stays
        self.assertEqual({k: v for k, v in first.items() if k != name}, {k: v for k, v in second.items() if k != name})
        new = json.dumps(after[len(before):])
        self.assertIn(SAY, new)
        self.assertEqual(after[len(before)].get("role", "assistant"), "assistant")
        self.assertEqual(after[-1]["role"], "user")
        if kind == "tool":
            for part in ('"c1"', "shell", "rm", "This call was not made."):
                self.assertIn(part, new)
            self.assertEqual(new.count("c1"), 2)
        else:
            self.assertIn("a forbidden word", new)

    def test_another_model(self):
        got = self.ask("chat", "up", False, "with the dear one")
        self.assertEqual(got.status, 200)
        sent = [s.json() for s in self.up.take()]
        self.assertEqual([s["model"] for s in sent], ["real", "dear"])
        self.assertEqual(sent[0]["messages"], sent[1]["messages"])
        line = self.gw.log_for(got.id)
        self.assertEqual((line["model"], line["asked_model"], line["fallback"]), ("dear", "up", False))

    def test_the_limit_of_a_policy(self):
        got = self.ask("chat", "up", True, "always", kinds=["forbidden"] * 5)
        self.assertEqual((got.status, got.complete), (200, True))
        self.assertIn(b"forbid", got.body)
        self.assertEqual((len(self.up.take()), self.outcomes(got)), (3, ["dropped", "dropped", "ok"]))
        rows = self.rows(got)
        self.assertEqual([(r["decision"], r.get("why")) for r in rows], [("retry", None), ("retry", None), ("retry", "retries = 2 of this policy")])
        self.assertEqual(len(self.rows(got, "first")), 1)  # the answer that goes out is shown to the policies behind

    def test_the_limit_of_a_request(self):
        got = self.ask("chat", "up", False, "always, first too", kinds=["forbidden"] * 6)
        self.assertEqual((got.status, self.outcomes(got)), (200, ["dropped"] * 3 + ["ok"]))
        self.assertEqual(self.rows(got, "first")[-1]["why"], "retries = 1 of this policy")

    def test_its_targets_fail(self):
        for streamed in (False, True):
            got = self.ask("chat", "up", streamed, "with two")
            self.assertEqual((got.status, self.outcomes(got)), (200, ["dropped", "status_503", "ok"]))
            got = self.ask("chat", "up", streamed, "with nobody")
            self.assertEqual(got.status, 503)
            self.assertNotIn(b"forbid", got.body)
            self.assertEqual(set(self.outcomes(got)), {"dropped", "status_503"})

    def test_usage_that_nobody_reports_is_of_the_answer_that_was_dropped(self):
        got = self.ask("chat", "up", False, kinds=("unmetered", "good"))
        self.assertEqual(self.outcomes(got), ["dropped", "ok"])
        self.assertGreater(self.gw.log_for(got.id)["attempts"][0]["usage"]["output"], 1000)

    def test_pings_before_it(self):
        type(self).slow = True
        try:
            for face, model in (("messages", "claude"), ("chat", "up")):
                got = self.ask(face, model, True)
                self.assertEqual((got.status, got.complete), (200, True), got)
                self.assertIn(b"ping" if face == "messages" else b": keep-alive", got.body)
                self.assertNotIn(b"forbid", got.body)
                self.assertIn(b"hel", got.body)
                self.assertEqual(self.outcomes(got), ["dropped", "ok"])
        finally:
            type(self).slow = False

    def test_one_deadline(self):
        type(self).slow = True
        try:
            got = self.ask("chat", "up", False, headers=[("x-gw-timeout", "1.8")])
            self.assertEqual((got.status, self.outcomes(got)), (200, ["ok"]))
            self.assertIn(b"forbid", got.body)
            self.assertEqual(self.rows(got)[0]["why"], "the deadline leaves no time for it")
            self.assertEqual(len(self.rows(got, "first")), 1)
            got = self.ask("chat", "up", False, headers=[("x-gw-timeout", "2.6")])
            self.assertEqual((got.status, self.outcomes(got)), (504, ["dropped", "time_total"]))
        finally:
            type(self).slow = False

    def test_the_client_leaves(self):
        type(self).gate = threading.Event()
        try:
            for streamed in (False, True):
                type(self).kinds = ["forbidden", "good"]
                self.up.take()
                raw = client.Conn(self.gw.port)
                raw.send(client.build("POST", "/v1/chat/completions", [], self.body("chat", "up", streamed, "hi")))
                seen = []
                self.assertTrue(wait_for(lambda: seen.extend(self.up.take()) or len(seen) == 2))
                raw.close()
                line = self.gw.log_when(lambda l: l.get("status") == 499 and len(l["attempts"]) == 2 and l["stream"] == streamed)
                self.assertEqual([a["outcome"] for a in line["attempts"]], ["dropped", "cancelled"])
        finally:
            self.gate.set()
            type(self).gate = None


class Paid(Case):
    """Both answers in the ledger; and what a budget does not let be asked."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        write_rules(cls.folder.name)
        return Gateway('ledger { path = "%s", budget_wait_s = 0.3 }\n' % cls.path + provider("up", cls.up, PRICE) + provider("bare", cls.up) +
                       'model "up" { { "up/real" } }\nmodel "dear" { { "up/dear", price = { request_usd = 9 } } }\nmodel "unpriced" { { "bare/never-heard-of" } }\n'
                       'team "rich" { budget = { usd = 100, per = "total" } }\nteam "poor" { budget = { usd = "0.006", ceiling_usd = "0.006", per = "total" } }\n'
                       'team "tight" { budget = { usd = "0.0075", ceiling_usd = "0.0075", per = "total", when_short = "refuse" } }\n' +
                       key_line("r", "rich") + key_line("p", "poor") + key_line("t", "tight") +
                       'policy "%s/first.lua" {}\npolicy "%s/again.lua" {}\n' % (cls.folder.name, cls.folder.name))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def ask(self, key, text="hi", texts=("a forbidden word", "hello"), **more):
        replies = [reply_json(upstream.completion(text=t, usage=USAGE)) for t in texts]
        self.up.take()
        self.up.handler = lambda request, out: out.send(replies.pop(0))
        return self.gw.chat(text=text, model="up", headers=auth(key), max_tokens=100, **more)

    def ends(self, id_):
        holds = {h["number"] for h in records(self.path, "hold") if h["request"] == id_}
        return [(e["outcome"], Decimal(e["cost_usd"]), bool(e.get("final"))) for e in records(self.path, "end") if e["hold"] in holds]

    def row(self, got):
        return [p for p in self.gw.log_for(got.id)["policies"] if p["policy"] == "again" and p["hook"] == "on_response"][0]

    def spent(self, team):
        return sum((Decimal(r["cost_usd"]) for r in usage(self.path, "--by", "team") if r["team"] == team), Decimal(0))

    def check_books(self):
        report = verify(self.path)
        self.assertEqual((report["problems"], report["open"]), (0, 0), report)

    def test_both_are_paid_for(self):
        before = self.spent("rich")
        got = self.ask("r")
        self.assertEqual((got.status, got.header("x-gw-cost"), got.header("x-gw-attempts")), (200, "0.007", "2"))
        self.assertNotIn(b"forbid", got.body)
        self.assertEqual(self.ends(got.id), [("dropped", COST, False), ("ok", COST, True)])
        line = self.gw.log_for(got.id)
        self.assertEqual((line["cost_usd"], line["attempts"][0]["cost_usd"]), ("0.007", str(COST)))
        self.assertEqual(self.spent("rich") - before, 2 * COST)
        self.check_books()

    def test_what_cannot_be_paid_is_not_asked(self):
        for key, text, why in (("r", "with the dear one", None), ("p", "hi", "poor"), ("r", "with the unpriced", "has no price")):
            before = {t: self.spent(t) for t in ("rich", "poor")}
            got = self.ask(key, text)
            if why is None:  # it can be paid
                self.assertEqual(self.gw.log_for(got.id)["cost_usd"], "9.0035")
                continue
            self.assertEqual(got.status, 200, got)
            self.assertIn(b"forbid", got.body)
            self.assertEqual((len(self.up.take()), got.header("x-gw-cost"), got.header("x-gw-attempts")), (1, str(COST), "1"))
            row, line = self.row(got), self.gw.log_for(got.id)
            self.assertEqual(row["decision"], "retry")
            self.assertIn(why, row["why"])
            self.assertNotIn("budget", line)
            self.assertNotIn("error", line)
            self.assertEqual(([a["outcome"] for a in line["attempts"]], line["cost_usd"], line["row"]), (["ok"], str(COST), "finish"))
            self.assertEqual(self.ends(got.id), [("dropped", COST, False)])
            last = [r for r in records(self.path, "row") if r["request"] == got.id]
            self.assertEqual([(r["outcome"], bool(r.get("final"))) for r in last], [("ok", True)])
            team = "rich" if key == "r" else "poor"
            self.assertEqual(self.spent(team) - before[team], COST)
            seen = [p for p in line["policies"] if p["policy"] == "first" and p["hook"] == "on_response"]
            self.assertEqual([p["notes"] for p in seen], [["seen"]])
        self.check_books()

    def test_the_first_answers_room_is_free_for_the_second(self):
        """What was held for the first is more than it cost: the second gets the rest, and does not wait for it."""
        from_s = time.monotonic()
        got = self.ask("t")
        self.assertEqual((got.status, self.ends(got.id)), (200, [("dropped", COST, False), ("ok", COST, True)]))
        self.assertLess(time.monotonic() - from_s, 5)
        self.assertEqual(self.ask("t", "ask nothing").status, 429)
        self.check_books()


if __name__ == "__main__":
    unittest.main()
