"""test_cache.py - answers that are given again: to whom, to whom not, and what is never kept."""

import json
import os
import socket
import tempfile
import threading
import time
import unittest

import upstream
from command import run
from harness import Case, Conn, Gateway, auth, build, claude, key_line, provider, wait_for
from test_anthropic import CLOSE, FINISH, OPEN, START, STOP, TEXT, VERSION, WHOLE
from upstream import DONE, chunk, completion, delta, event, reply_json, stream, stream_head, usage_event

TOOL = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


class Cached(Case):
    counter = 0

    def once(self, text=None):
        """A prompt that nobody has sent."""
        Cached.counter += 1
        return "%s %d" % (text or "question", Cached.counter)

    def status_of(self, answer):
        return answer.header("cache-status")

    def twice(self, ask):
        """The answers to two equal requests, and how often the upstreams were asked in all."""
        before = self.asked()
        first, second = ask(), ask()
        return first, second, self.asked() - before

    def asked(self):
        return sum(len(up.requests) for up in (self.up, getattr(self, "other", None)) if up is not None)

    def assert_hit(self, answer):
        self.assertEqual(answer.status, 200, answer)
        self.assertRegex(self.status_of(answer) or "", r"^llm-gateway; hit; ttl=\d+$", answer)
        self.assertRegex(answer.header("age") or "", r"^\d+$")
        self.assertEqual(answer.header("x-gw-cost"), "0", answer)
        self.assertEqual(self.gw.log_for(answer.id)["cache"], "hit")


class Hits(Cached):
    @classmethod
    def make(cls):
        cls.up, cls.other = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up, 'price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }') + provider("other", cls.other) + claude("claude", cls.up)
            + 'model "m" { { "up/real" } }\nmodel "never" { { "up/real" }, cache = false }\nmodel "c" { { "claude/x" } }\n'
            'model "fall" { { "up/real" }, fallback = { "other/real2" } }\n'
            'team "red" {}\nteam "blue" {}\nteam "none" { cache = false }\n'
            + "".join(key_line(name, name) for name in ("red", "blue", "none")) + 'cache { mb = 4, ttl_s = 600 }\n')

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.other.stop()

    def setUp(self):
        self.up.handler = upstream.good
        self.other.handler = upstream.good

    def chat(self, text, model="m", stream=False, team="red", headers=(), **more):
        return self.gw.chat(text, model, stream, list(headers) + auth(team), **more)

    def test_a_whole_answer_is_given_again_with_a_new_id(self):
        text = self.once()
        first, second, asked = self.twice(lambda: self.chat(text))
        self.assertEqual((asked, self.status_of(first)), (1, "llm-gateway; fwd=miss; stored"))
        self.assert_hit(second)
        one, two = first.json(), second.json()
        self.assertEqual(one["id"], "chatcmpl-1")
        self.assertEqual(two["id"], "chatcmpl-" + second.id.replace("-", ""))
        self.assertGreater(two["created"], one["created"])
        for member in ("choices", "usage", "model", "object"):
            self.assertEqual(one[member], two[member])
        self.assertEqual(second.header("x-gw-cost-saved"), "0.000009")
        self.assertEqual(self.gw.log_for(second.id)["saved_usd"], "0.000009")
        self.assertEqual(self.gw.log_for(second.id)["usage"]["output"], 2)

    def test_a_stream_is_given_again_event_by_event(self):
        text = self.once()
        first, second, asked = self.twice(lambda: self.chat(text, stream=True, stream_options={"include_usage": True}))
        self.assertEqual((asked, self.status_of(first)), (1, "llm-gateway; fwd=miss"))
        self.assert_hit(second)
        new = b"chatcmpl-" + second.id.replace("-", "").encode()
        self.assertIn(new, second.body)
        again = json.loads(second.body.split(b"\n")[0][6:])["created"]
        self.assertEqual(second.body, first.body.replace(b"chatcmpl-1", new).replace(b"1700000000", b"%d" % again))
        self.assertEqual(second.header("x-gw-cost-saved"), "0.000009")
        plain = self.chat(text, stream=True)  # without the usage chunk that this client did not ask for
        self.assert_hit(plain)
        self.assertNotIn(b'"prompt_tokens"', plain.body)

    def test_a_stream_answers_who_asks_for_all_of_it_and_the_other_way_round(self):
        text = self.once()
        self.chat(text, stream=True)
        whole = self.chat(text)
        self.assert_hit(whole)
        self.assertEqual(whole.json()["choices"][0]["message"]["content"], "hello")
        self.assertEqual(whole.json()["usage"]["total_tokens"], 7)
        text = self.once()
        self.chat(text)
        events = self.chat(text, stream=True)
        self.assert_hit(events)
        said = [json.loads(line[6:]) for line in events.body.split(b"\n") if line.startswith(b"data: {")]
        self.assertEqual("".join(e["choices"][0]["delta"].get("content") or "" for e in said if e["choices"]), "hello")
        self.assertTrue(events.body.endswith(b"data: [DONE]\n\n"))

    def test_messages_relayed_and_translated_are_given_again(self):
        messages = stream(START, OPEN, TEXT, CLOSE, FINISH, STOP)
        for model in ("c", "m"):
            for streams in (False, True):
                self.up.handler = [messages if streams else reply_json(WHOLE)] if model == "c" else upstream.good
                body = {"model": model, "max_tokens": 9, "stream": streams, "messages": [{"role": "user", "content": self.once()}]}
                first, second, asked = self.twice(lambda: self.gw.request("POST", "/v1/messages", [VERSION] + auth("red"), body))
                self.assertEqual((first.status, asked), (200, 1), (model, streams, first))
                self.assert_hit(second)
                self.assertIn(b"hel", second.body)
                if model == "c":
                    self.assertNotIn(b'"msg_1"', second.body)
                    self.assertIn(b'"msg_%s"' % second.id.replace("-", "").encode(), second.body)
                for word in (b'"end_turn"',):
                    self.assertIn(word, second.body)

    def test_nothing_crosses_a_team(self):
        text = self.once()
        self.chat(text, team="red")
        answer = self.chat(text, team="blue")
        self.assertEqual(self.status_of(answer), "llm-gateway; fwd=miss; stored")
        self.assert_hit(self.chat(text, team="blue"))
        self.assert_hit(self.chat(text, team="red"))

    def test_what_decides_the_answer_makes_another_entry(self):
        text = self.once()
        self.chat(text)
        self.assert_hit(self.chat(text, user="somebody", metadata={"a": "b"}, store=True))
        for more in ({"temperature": 0.5}, {"max_tokens": 7}, {"seed": 1}, {"response_format": {"type": "text"}}):
            self.assertIn("fwd=miss", self.status_of(self.chat(text, **more)), more)
        self.assertIn("fwd=miss", self.status_of(self.chat(text, headers=[("OpenAI-Beta", "x=1")])))
        self.assertIn("fwd=miss", self.status_of(self.chat(text, model="up/real")))

    def test_a_team_and_a_model_can_be_left_out(self):
        for model, team in (("never", "red"), ("m", "none")):
            first, second, asked = self.twice(lambda: self.chat("hello", model=model, team=team))
            self.assertEqual((asked, self.status_of(second)), (2, "llm-gateway; fwd=bypass; detail=off"))

    def test_requests_whose_answer_is_not_in_their_bytes_are_never_kept(self):
        image = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
        for detail, more in (("tools", {"tools": TOOL}), ("search", {"web_search_options": {"a": 1}}),
                             ("media_url", {"messages": [{"role": "user", "content": image}]})):
            first, second, asked = self.twice(lambda: self.chat("hello", **more))
            self.assertEqual((second.status, asked), (200, 2), second)
            self.assertEqual(self.status_of(second), "llm-gateway; fwd=bypass; detail=" + detail)

    def test_answers_that_are_not_whole_and_good_are_never_kept(self):
        cut = completion()
        cut["choices"][0]["finish_reason"] = "length"
        refused = completion()
        refused["choices"][0]["message"]["refusal"] = "I cannot"
        filtered = completion()
        filtered["choices"][0]["finish_reason"] = "content_filter"
        two = completion()
        two["choices"].append({**cut["choices"][0], "index": 1})
        two["choices"].reverse()
        for answer in (cut, refused, filtered, two):
            self.up.handler = [reply_json(answer)]
            text = self.once()
            first, second, asked = self.twice(lambda: self.chat(text))
            self.assertEqual((second.status, asked), (200, 2), answer)
        for steps in ([stream(delta("a"), delta(finish="stop"))], [stream(delta("a"), DONE)],
                      [stream_head() + chunk(delta("a")), "rst"], [stream(delta("a"), delta(finish="length"), DONE)]):
            self.up.handler = steps
            text = self.once()
            self.assertEqual(self.twice(lambda: self.chat(text, stream=True))[2], 2, steps)
        self.up.handler = [reply_json({"error": {"message": "no", "type": "x", "code": "x"}}, 400)]
        text = self.once()
        self.assertEqual(self.twice(lambda: self.chat(text))[2], 2)

    def test_an_answer_larger_than_1_mb_is_not_kept(self):
        self.up.handler = [reply_json(completion("x" * (1 << 20)))]
        text = self.once()
        self.assertEqual(self.twice(lambda: self.chat(text))[2], 2)

    def test_what_a_client_has_left_is_not_kept(self):
        self.up.handler = [stream_head() + chunk(delta("a")), 0.4, chunk(delta(finish="stop") + DONE) + b"0\r\n\r\n"]
        text = self.once()
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}).encode()
        sock = socket.create_connection(("127.0.0.1", self.gw.port))
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer red\r\n"
                     b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.assertIn(b"200", sock.recv(4096))
        sock.close()
        self.gw.log_when(lambda line: line["status"] != 200 or line["attempts"][0]["outcome"] != "ok")
        self.up.handler = upstream.good
        self.assertEqual(self.status_of(self.chat(text)), "llm-gateway; fwd=miss; stored")

    def test_a_fallback_s_answer_is_never_one_of_the_model_asked_for(self):
        text = self.once()
        self.up.handler = [reply_json({"error": {"message": "no", "type": "server_error", "code": "x"}}, 500)]
        first = self.chat(text, model="fall")
        self.assertEqual(first.header("x-gw-provider"), "other")
        self.assertIn("stored", self.status_of(first))
        second = self.chat(text, model="fall")  # its first target fails again, and the fallback has answered before
        self.assert_hit(second)
        self.assertEqual(second.header("x-gw-provider"), "other")
        self.up.handler = upstream.good
        third = self.chat(text, model="fall")
        self.assertEqual((third.header("x-gw-provider"), self.status_of(third)), ("up", "llm-gateway; fwd=miss; stored"))

    def test_a_client_s_cache_control(self):
        text = self.once()
        control = lambda value: [("Cache-Control", value)]
        only = self.chat(text, headers=control("only-if-cached"))
        self.assert_error(only, 504, "invalid_request_error", "not_cached", retry=False)
        other = self.gw.request("POST", "/v1/messages", [VERSION, ("x-gw-cache", "only")] + auth("red"),
                                {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
        self.assertEqual((other.status, other.json()["type"]), (504, "error"))
        self.assertEqual(self.status_of(self.chat(text, headers=control("no-store"))), "llm-gateway; fwd=bypass; detail=no_store")
        self.assertEqual(self.status_of(self.chat(text)), "llm-gateway; fwd=miss; stored")
        self.assert_hit(self.chat(text, headers=control("only-if-cached")))
        self.assert_hit(self.chat(text, headers=control("max-age=100, whatever")))
        before = self.asked()
        for value in ("no_store", "", "only, refresh"):
            answer = self.chat(text, headers=[("x-gw-cache", value)])
            self.assert_error(answer, 400, "invalid_request_error", "invalid_parameter", retry=False)
            self.assertIn("no-store, only or refresh", answer.error["message"])
        self.assertEqual(self.asked(), before)
        time.sleep(1.1)
        for headers in (control("max-age=0"), control("No-Cache"), [("x-gw-cache", "refresh")]):
            answer = self.chat(text, headers=headers)
            self.assertIn("stored", self.status_of(answer), headers)
            time.sleep(0.01)
        self.assertEqual(self.chat(text).header("age"), "0")

    def test_a_miss_whose_answer_is_not_kept_is_a_miss(self):
        self.up.handler = [reply_json({"error": {"message": "no", "type": "x", "code": "x"}}, 400)]
        before = self.metrics()
        failed = self.chat(self.once())
        cut = completion()
        cut["choices"][0]["finish_reason"] = "length"
        self.up.handler = [reply_json(cut)]
        short = self.chat(self.once())
        after = self.metrics()
        self.assertEqual((failed.status, self.status_of(short)), (400, "llm-gateway; fwd=miss; detail=finish"))
        self.assertEqual([(self.gw.log_for(a.id)["cache"], self.gw.log_for(a.id)["cache_bars"]) for a in (failed, short)],
                         [("miss", "failed"), ("miss", "finish")])
        grown = {k: after[k] - before.get(k, 0) for k in after if k.startswith("gw_cache_") and after[k] != before.get(k, 0)}
        self.assertEqual(grown, {"gw_cache_misses_total": 2})

    def test_a_translated_stream_without_its_end_mark_is_not_kept(self):
        for end, asked in ((stream_head() + chunk(delta("a") + delta(finish="stop")) + b"0\r\n\r\n", 2),
                           (stream_head() + chunk(delta("a") + delta(finish="stop") + DONE) + b"0\r\n\r\n", 1)):
            self.up.handler = [end]
            body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": self.once()}]}
            _, second, count = self.twice(lambda: self.gw.request("POST", "/v1/messages", [VERSION] + auth("red"), body))
            self.assertEqual((second.status, count), (200, asked), second)

    def test_the_cost_of_a_failed_attempt_before_a_hit_is_shown(self):
        text = self.once()
        role = event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "real",
                      "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        self.up.handler = [stream_head() + chunk(role + usage_event(5, 0)), 0.05, "rst"]
        self.assertEqual(self.chat(text, model="fall", stream=True).header("x-gw-provider"), "other")
        hit = self.chat(text, model="fall", stream=True)
        self.assertRegex(self.status_of(hit), "hit")
        log = self.gw.log_for(hit.id)
        self.assertEqual((hit.header("x-gw-cost"), log["cost_usd"]), ("0.000005", "0.000005"))

    def test_metrics_count_in_the_field_s_words(self):
        before = self.metrics()
        text = self.once()
        self.chat(text)
        self.chat(text)
        self.chat(text, tools=TOOL)
        after = self.metrics()
        grown = {k: after[k] - before.get(k, 0) for k in after if k.startswith("gw_cache_")}
        self.assertEqual((grown["gw_cache_hits_total"], grown["gw_cache_misses_total"], grown["gw_cache_stores_total"]), (1, 1, 1))
        self.assertEqual(grown['gw_cache_bypass_total{reason="tools"}'], 1)
        self.assertGreater(grown["gw_cache_hit_bytes_total"], 100)
        self.assertAlmostEqual(grown["gw_cache_saved_usd_total"], 0.000009)
        tokens = sum(after[k] - before.get(k, 0) for k in after if k.startswith("gw_tokens_total") and 'type="output"' in k)
        self.assertEqual(tokens, 4, "of the two requests that an upstream answered")

    def metrics(self):
        lines = self.gw.request("GET", "/metrics").body.decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


class Policies(Cached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        lua = (provider("up", cls.up) + 'model "m" { { "up/real" } }\ncache {}\npolicy "p.lua" {}\n')
        cls.folder = tempfile.TemporaryDirectory()
        with open(os.path.join(cls.folder.name, "p.lua"), "w", encoding="utf-8") as f:
            f.write('local policy = {}\nfunction policy.on_request(req)\n'
                    '    if req.headers["x-persona"] then req:send_header("X-Persona", req.headers["x-persona"]) end\nend\n'
                    'function policy.on_response(req, resp)\n'
                    '    if req.headers["x-block"] then return gw.deny(403, "blocked", "no") end\nend\nreturn policy\n')
        return Gateway(lua.replace("p.lua", os.path.join(cls.folder.name, "p.lua")))

    def test_on_response_runs_on_what_is_given_again(self):
        text = self.once()
        self.assertIn("stored", self.status_of(self.gw.chat(text)))
        self.assert_hit(self.gw.chat(text))
        blocked = self.gw.chat(text, headers=[("x-block", "1")])
        self.assertEqual(blocked.status, 403, blocked)

    def test_what_a_policy_sends_upstream_makes_another_entry(self):
        text = self.once()
        for persona in ("pirate", "poet"):
            self.assertIn("stored", self.status_of(self.gw.chat(text, headers=[("x-persona", persona)])))
        self.assertIn("stored", self.status_of(self.gw.chat(text)))
        for headers in ([("x-persona", "poet")], [("x-persona", "pirate")], []):
            self.assert_hit(self.gw.chat(text, headers=headers))


class Money(Cached):
    """What the ledger has of answers that are given again."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        cls.ledger = os.path.join(cls.folder.name, "ledger")
        price = 'price = { input_usd_per_mtok = 1000, output_usd_per_mtok = 2000 }'
        return Gateway(provider("up", cls.up, price) + 'model "m" { { "up/real" } }\ncache {}\n'
                       'team "poor" { budget = { usd = 0.3, per = "total" } }\nteam "few" { limits = { rpm = 3, tpm = 100000 } }\n'
                       + key_line("poor", "poor") + key_line("few", "few") + 'ledger { path = "%s", sync_ms = 0 }\n' % cls.ledger)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def test_a_hit_is_a_row_that_costs_nothing_and_passes_a_spent_budget(self):
        text = self.once()
        self.up.handler = [reply_json(completion(prompt=298, output=1))]
        first = self.gw.chat(text, headers=auth("poor"), max_tokens=2)
        self.up.handler = upstream.good
        self.assertEqual((first.status, first.header("x-gw-cost")), (200, "0.3"), first)
        other = self.gw.chat(self.once(), headers=auth("poor"), max_tokens=2)
        self.assertEqual(other.status, 429, other)
        for _ in range(3):
            again = self.gw.chat(text, headers=auth("poor"), max_tokens=2)
            self.assert_hit(again)
            self.assertEqual(again.header("x-gw-cost-saved"), "0.3")
        report = json.loads(run("usage", "--path", self.ledger, "--json").out)
        report = [(row["requests"], row["cost_usd"], row["tokens"]["output"]) for row in report if row["team"] == "poor"]
        self.assertEqual(report, [(4, "0.3", 1)])
        rows = [json.loads(line) for line in run("ledger", "cat", "--path", self.ledger).out.splitlines()]
        hits = [row for row in rows if row.get("cached")]
        self.assertEqual([(row["type"], row["saved_usd"], row.get("cost_usd"), row["request"] == again.id) for row in hits][-1],
                         ("row", "0.3", None, True))
        self.assertEqual(len(hits), 3)
        verified = run("ledger", "verify", "--path", self.ledger)
        self.assertEqual(verified.code, 0, verified)

    def test_hits_count_for_requests_a_minute_and_not_for_tokens(self):
        text = self.once()
        statuses = [self.gw.chat(text, headers=auth("few")) for _ in range(4)]
        self.assertEqual([answer.status for answer in statuses], [200, 200, 200, 429])
        self.assert_hit(statuses[2])


class NoCache(Cached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(provider("up", cls.up) + 'model "m" { "up/x" }\n')

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.up.stop()

    def test_who_asks_for_an_answer_of_the_cache_alone_pays_for_no_other(self):
        for headers in ([("Cache-Control", "only-if-cached")], [("x-gw-cache", "only")]):
            answer = self.gw.chat("x", headers=headers)
            self.assert_error(answer, 504, "invalid_request_error", "not_cached", retry=False)
        self.assertEqual(self.asked(), 0)
        answer = self.gw.chat("x", headers=[("Cache-Control", "no-cache, no-store")])
        self.assertEqual((answer.status, self.status_of(answer)), (200, None))


class Purged(Cached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        cls.ledger = os.path.join(cls.folder.name, "ledger")
        return Gateway(provider("up", cls.up, 'price = "free"') + 'model "m" { { "up/real" } }\nmodel "n" { { "up/real" } }\nteam "red" {}\nteam "blue" {}\n'
                       + key_line("red", "red") + key_line("blue", "blue") + 'cache {}\nledger { path = "%s", sync_ms = 0 }\n' % cls.ledger)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def purge(self, *args, code=0):
        said = run("cache", "purge", "--path", self.ledger, *args)
        self.assertEqual(said.code, code, said)
        return said.err

    def test_what_is_purged_is_given_no_more_and_the_rest_is(self):
        all_of_them = [(team, model) for team in ("red", "blue") for model in ("m", "n", "up/real")]
        for args, gone in (((), lambda t, m: True), (("--team", "red"), lambda t, m: t == "red"), (("--model", "n"), lambda t, m: m == "n"),
                           (("--team", "blue", "--model", "m"), lambda t, m: (t, m) == ("blue", "m")),
                           (("--model", "up/real"), lambda t, m: m == "up/real")):
            text = self.once()
            for team, model in all_of_them:
                self.assertIn("stored", self.status_of(self.gw.chat(text, model, headers=auth(team))))
            self.assertIn("purged", self.purge(*args))
            for team, model in all_of_them:
                answer = self.gw.chat(text, model, headers=auth(team))
                self.assertIn("stored" if gone(team, model) else "hit", self.status_of(answer), (args, team, model))
                self.assert_hit(self.gw.chat(text, model, headers=auth(team)))

    def test_one_entry_by_its_name_in_the_log(self):
        one, other = self.once(), self.once()
        names = [self.gw.log_for(self.gw.chat(text, headers=auth("red")).id)["cache_entry"] for text in (one, other)]
        for _ in range(2):
            self.purge("--entry", names[0])
            answer = self.gw.chat(one, headers=auth("red"))
            self.assertIn("stored", self.status_of(answer))
            self.assertEqual(self.gw.log_for(answer.id)["cache_entry"], names[0])
            self.assert_hit(self.gw.chat(one, headers=auth("red")))
            self.assert_hit(self.gw.chat(other, headers=auth("red")))

    def test_an_answer_under_way_is_not_kept_under_what_was_purged(self):
        text, go = self.once(), threading.Event()

        def slow(request, out):
            go.wait(30)
            upstream.good(request, out)

        self.up.handler, before = slow, len(self.up.requests)
        conn = Conn(self.gw.port)
        conn.send(build("POST", "/v1/chat/completions", auth("red"), {"model": "m", "messages": [{"role": "user", "content": text}]}))
        self.assertTrue(wait_for(lambda: len(self.up.requests) > before, 30.0))
        self.purge()
        go.set()
        self.assertEqual(conn.response().status, 200)
        conn.close()
        self.up.handler = upstream.good
        self.assertIn("stored", self.status_of(self.gw.chat(text, headers=auth("red"))))

    def test_a_slip_purges_nothing_and_names_what_was_meant(self):
        self.assertIn('did you mean "red"?', self.purge("--team", "rad", code=1))
        self.assertIn('no model "zzzzzz"', self.purge("--model", "zzzzzz", code=1))
        self.assertIn("is no entry", self.purge("--entry", "12", code=1))
        self.assertIn("leave out", self.purge("--entry", "1234567890abcdef", "--team", "red", code=2))
        with tempfile.TemporaryDirectory() as folder:
            said = run("cache", "purge", "--path", folder)
            self.assertEqual(said.code, 1, said)
            self.assertIn("no gateway runs", said.err)


class FirstPurge(Cached):
    """A gateway that has purged nothing yet."""

    make = classmethod(Purged.make.__func__)
    purge = Purged.purge

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def test_it_takes_nothing_from_others(self):
        text = self.once()
        for team in ("red", "blue"):
            self.assertIn("stored", self.status_of(self.gw.chat(text, headers=auth(team))))
        self.purge("--team", "blue")
        self.assert_hit(self.gw.chat(text, headers=auth("red")))
        self.assertIn("stored", self.status_of(self.gw.chat(text, headers=auth("blue"))))


class Apart(Cached):
    """cache { per }: whose answers are shared below the team."""

    def gateway(self, per):
        return Gateway(provider("up", self.up) + 'model "m" { { "up/real" } }\nteam "red" {}\n' + key_line("one", "red") + key_line("two", "red")
                       + 'cache { per = "%s" }\n' % per)

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(provider("up", cls.up))

    def test_a_key_or_an_end_user_has_answers_of_its_own(self):
        ann, bob = [("x-gw-user", "ann")], [("x-gw-user", "bob")]
        for per, shares_keys, shares_users in (("team", True, True), ("key", False, True), ("user", True, False)):
            with self.gateway(per) as gw:
                self.assertIn("stored", self.status_of(gw.chat("x", headers=auth("one") + ann)))
                self.assertEqual("hit" in self.status_of(gw.chat("x", headers=auth("two") + ann)), shares_keys, per)
                self.assertEqual("hit" in self.status_of(gw.chat("x", headers=auth("one") + bob)), shares_users, per)
                self.assertIn("hit", self.status_of(gw.chat("x", headers=auth("one") + ann)))


class AnyTarget(Cached):
    @classmethod
    def make(cls):
        cls.up, cls.other = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        keys = 'plugin = "openai", base_url = "%s", secrets = { %s }'
        many = ", ".join('env "UP_KEY_%d"' % i for i in range(3))
        return Gateway(
            'provider "a" { %s }\nprovider "b" { %s }\n' % (keys % (cls.up.url, many), keys % (cls.other.url, 'env "UP_KEY"'))
            + 'model "m" { "a/x", { "b/x", max_in_flight = 1 } }\ncache { mb = 4, ttl_s = 600, any_target = true }\n',
            env={"UP_KEY_%d" % i: "secret-%d" % i for i in range(3)})

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.up.stop()
        cls.other.stop()

    def test_the_answer_of_another_target_is_given_whatever_its_secrets_and_slots(self):
        for _ in range(6):  # each conversation has a secret of its own
            text = self.once()
            self.up.handler = [upstream.reply(404, b'{"error":{"message":"no such model","code":"model_not_found"}}', [("Content-Type", "application/json")])]
            first = self.gw.chat(text)
            self.up.handler = upstream.good
            self.assertEqual([a["provider"] for a in self.gw.log_for(first.id)["attempts"]], ["a", "b"], first)
            before = self.asked()
            again = self.gw.chat(text)
            self.assert_hit(again)
            self.assertEqual(self.asked(), before)
            attempts = self.gw.log_for(again.id)["attempts"]
            self.assertEqual([a["provider"] for a in attempts], ["b"], attempts)


if __name__ == "__main__":
    unittest.main()
