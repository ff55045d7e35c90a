"""test_clamp.py - where a strict budget is short: the limit of output tokens is lowered to what the money buys, in the client's own body
or in the one that the provider writes; what cannot be bounded is refused."""

import os
import re
import tempfile
import unittest

import upstream
from harness import Case, Gateway, auth, key_line, provider
from test_anthropic import VERSION
from test_budget import PRICE
from test_ledger import BUSY, records, verify
from upstream import reply_json

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
           "usage": {"input_tokens": 5, "output_tokens": 2}}
TALK = [{"role": "user", "content": "hello"}]


class Clamp(Case):
    @classmethod
    def make(cls):
        cls.up, cls.an = upstream.Upstream(), upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        keys = [("k%d" % i, "t%d" % i) for i in range(36)]
        return Gateway('ledger { path = "%s", budget_mode = "strict", budget_wait_s = 0.05 }\n' % cls.path + provider("up", cls.up, PRICE) + provider("booked", cls.up) + provider("twin", cls.up, PRICE) +
                       'provider "an" { plugin = "anthropic", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (cls.an.url[:-3], PRICE) +
                       'model "m" { { "up/real" } }\nmodel "pair" { { "up/real" }, fallback = { "twin/real" } }\nmodel "a" { { "an/claude-x" } }\nmodel "low" { { "up/low-model" } }\nmodel "short" { { "up/real" }, min_output_tokens = 5000 }\n'
                       'model "think" { { "up/o3-mini" } }\nmodel "known" { { "up/gpt-4o" } }\nmodel "tiers" { { "booked/gpt-5" }, min_output_tokens = 500 }\nmodel "stated" { { "up/real" }, most_usd = "0.004" }\n'
                       'model "fee" { { "up/real-fee", price = { request_usd = "0.001", input_usd_per_mtok = 0, output_usd_per_mtok = 0 } } }\n' +
                       "".join('team "%s" { budget = { usd = "0.02", per = "total" } }\n' % team for _, team in keys) +
                       'team "exp" { budget = { usd = "0.02", per = "total", mode = "expected", ceiling_usd = "0.02" } }\n' +
                       'team "exc" { budget = { usd = "0.02", per = "total", mode = "expected", ceiling_usd = "0.02", when_short = "clamp" } }\n' +
                       "".join(key_line(name, team) for name, team in keys) + key_line("exp", "exp") + key_line("exc", "exc"))

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.an.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion()))
        self.an.handler = lambda request, out: out.send(reply_json(MESSAGE))
        self.up.take()
        self.an.take()

    def post(self, path, key, body, headers=()):
        return self.gw.request("POST", path, list(headers) + auth(key), body)

    def clamped(self, answer):
        self.assertEqual(answer.status, 200, answer.body)
        limit = int(re.fullmatch(r"max_tokens=(\d+)", answer.header("x-gw-clamped")).group(1))
        self.assertTrue(1500 < limit <= 2000, limit)  # 0.02 buys 2,000 tokens without any input
        return limit

    def test_only_the_number_changes(self):
        text = '{ "model" : "m", "x_odd":[1,  2], "max_tokens":\t%s , "messages":[{"role":"user","content":"hello"}],"n":1 }'
        answer = self.post("/v1/chat/completions", "k0", (text % "100000").encode())
        limit = self.clamped(answer)
        (sent,) = self.up.take()
        self.assertEqual(sent.body.decode(), (text % limit).replace('"m"', '"real"'))
        # What fits is sent as it came.
        answer = self.post("/v1/chat/completions", "k0", (text % "1000").encode())
        self.assertIsNone(answer.header("x-gw-clamped"))
        (sent,) = self.up.take()
        self.assertEqual(sent.body.decode(), (text % 1000).replace('"m"', '"real"'))
        hold = [r for r in records(self.path, "hold") if r["team"] == "t0"]
        self.assertEqual([h["output_limit"] for h in hold], [limit, 1000])
        self.assertLessEqual(float(hold[0]["hard_usd"]), 0.02)
        self.assertGreater(float(hold[0]["hard_usd"]), 0.0199)

    def test_a_limit_is_put_in(self):
        limit = self.clamped(self.post("/v1/chat/completions", "k1", {"model": "up/gpt-4o", "max_tokens": None, "messages": TALK}))
        self.assertEqual(self.up.take()[0].json(), {"model": "gpt-4o", "max_tokens": limit, "messages": TALK})
        answer = self.post("/v1/chat/completions", "k1", {"model": "m", "messages": TALK})  # nothing names the model's most
        self.assert_error(answer, 400, "invalid_request_error", "cost_unbounded", retry=False)
        self.assertIn("limit of its tokens", answer.json()["error"]["message"])
        limit = self.clamped(self.post("/v1/chat/completions", "k1", {"model": "up/gpt-4o", "messages": TALK}))
        self.assertEqual(self.up.take()[0].json(), {"max_completion_tokens": limit, "model": "gpt-4o", "messages": TALK})
        limit = self.clamped(self.post("/v1/responses", "k1", {"model": "up/gpt-4o", "input": "hello"}))
        self.assertEqual(self.up.take()[0].json(), {"max_output_tokens": limit, "model": "gpt-4o", "input": "hello"})

    def test_anthropic_and_its_thinking(self):
        body = {"model": "a", "max_tokens": 64000, "thinking": {"type": "enabled", "budget_tokens": 32000}, "messages": TALK}
        answer = self.post("/v1/messages", "k2", body, [VERSION])  # 4,096 tokens at least
        self.assertEqual((answer.status, answer.json()["error"]["details"]["error_code"]), (429, "request_exceeds_budget"))
        body = {"model": "a", "max_tokens": 64000, "messages": TALK}
        limit = self.clamped(self.post("/v1/messages", "k2", body, [VERSION]))
        self.assertEqual(self.an.take()[0].json(), {**body, "model": "claude-x", "max_tokens": limit})

    def test_what_there_is_room_for_is_sent_although_nothing_waits(self):
        with tempfile.TemporaryDirectory() as folder:
            with Gateway('ledger { path = "%s/l", budget_wait_s = 0 }\n' % folder + provider("up", self.up, PRICE) +
                         'model "m" { { "up/real" } }\nbudget { usd = "0.02", mode = "strict" }\n') as gw:
                self.clamped(gw.request("POST", "/v1/chat/completions", [], {"model": "m", "max_tokens": 100000, "messages": TALK}))

    def test_a_thinking_budget_is_lowered_too(self):
        with tempfile.TemporaryDirectory() as folder:
            with Gateway('ledger { path = "%s/l" }\nprovider "an" { plugin = "anthropic", base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (folder, self.an.url[:-3], PRICE) +
                         'model "a" { { "an/claude-x" } }\nbudget { usd = "0.1", mode = "strict" }\n') as gw:
                body = {"model": "a", "max_tokens": 64000, "thinking": {"type": "enabled", "budget_tokens": 32000}, "messages": TALK}
                answer = gw.request("POST", "/v1/messages", [VERSION], body)
                sent = self.an.take()[0].json()
                self.assertEqual(answer.header("x-gw-clamped"), "max_tokens=%d" % sent["max_tokens"])
                self.assertTrue(9000 < sent["max_tokens"] < 10000)
                self.assertEqual(sent["thinking"], {"type": "enabled", "budget_tokens": sent["max_tokens"] // 2})

    def test_a_translated_request_is_written_again(self):
        limit = self.clamped(self.post("/v1/messages", "k3", {"model": "m", "max_tokens": 64000, "messages": TALK}, [VERSION]))
        sent = self.up.take()[0].json()
        self.assertEqual([v for k, v in sent.items() if k in ("max_tokens", "max_completion_tokens")], [limit])
        limit = self.clamped(self.post("/v1/chat/completions", "k4", {"model": "a", "max_completion_tokens": 64000, "messages": TALK}))
        self.assertEqual(self.an.take()[0].json()["max_tokens"], limit)

    def test_never_below_what_is_of_use(self):
        for model in ("short", "think"):
            answer = self.post("/v1/chat/completions", "k5", {"model": model, "max_tokens": 64000, "messages": TALK})
            self.assert_error(answer, 429, "insufficient_quota", "request_exceeds_budget", retry=False)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["budget"]["of"], line["budget"]["left_usd"]), ('of the team "t5" in total', "0.02"))
            self.assertGreater(float(line["budget"]["most_usd"]), 0.04)
        self.assertEqual(self.up.take(), [])

    def test_what_is_no_limit_is_replaced(self):
        """Some upstream may read it as one, and as a larger one."""
        for i, odd in enumerate(("-1", "0", '"5000"', "5000.0", "5e3", "true", "[5000]", "null", "99999999999999999999")):
            for more in ('"max_tokens":%s', '"max_completion_tokens":%s', '"max_tokens":3000,"max_completion_tokens":%s'):
                limit = self.clamped(self.post("/v1/chat/completions", "k%d" % (12 + i), ('{"model":"known","messages":[{"role":"user","content":"hello"}],%s}' % more % odd).encode()))
                (sent,) = self.up.take()
                self.assertEqual(sent.body.decode(), '{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],%s}' % (more.replace("3000", "%s") % ((limit,) * more.replace("3000", "%s").count("%s"))))

    def test_another_api_s_name_of_the_limit_is_none(self):
        """An upstream that does not know it writes as much as it likes."""
        for more in ({"max_output_tokens": 20}, {"maxTokens": 20}, {"options": {"num_predict": 20}}, {"generationConfig": {"maxOutputTokens": 20}}):
            answer = self.post("/v1/chat/completions", "k22", {"model": "m", "messages": TALK, **more})
            self.assert_error(answer, 400, "invalid_request_error", "cost_unbounded", retry=False)
            answer = self.post("/v1/responses", "k22", {"model": "m", "input": "hello", "max_tokens": 20, "max_completion_tokens": 20})
            self.assert_error(answer, 400, "invalid_request_error", "cost_unbounded", retry=False)
        self.assertEqual(self.up.take(), [])

    def test_the_tier_that_is_asked_for_is_no_promise(self):
        """What was asked for as "flex" may be served, and charged, as usual."""
        for i, (asked, got) in enumerate((("flex", None), ("flex", "default"), ("priority", "default"), ("priority", "priority"))):
            more = {"service_tier": got} if got is not None else {}
            self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage={"prompt_tokens": 100, "completion_tokens": 500, "total_tokens": 600}, **more)))
            self.assertEqual(self.post("/v1/chat/completions", "k%d" % (28 + i), {"model": "tiers", "messages": TALK, "max_tokens": 500, "service_tier": asked}).status, 200)
        holds = [r for r in records(self.path, "hold") if r["team"] in ("t28", "t29", "t30", "t31")]
        ends = {r["hold"]: r for r in records(self.path, "end")}
        for hold in holds:
            self.assertLessEqual(float(ends[hold["number"]]["cost_usd"]), float(hold["hard_usd"]), hold)
        self.assertEqual(len(holds), 4)
        self.assertEqual(float(ends[holds[0]["number"]]["cost_usd"]) * 2, float(ends[holds[1]["number"]]["cost_usd"]))

    def test_a_tier_that_the_upstream_may_choose_is_held(self):
        """Without a tier, and with "auto", the upstream's own settings decide: a strict budget holds the dearest one."""
        reply = upstream.completion(usage={"prompt_tokens": 100, "completion_tokens": 500, "total_tokens": 600}, service_tier="priority")
        self.up.handler = lambda request, out: out.send(reply_json(reply))
        hard = {}
        for key, asked in (("k32", {}), ("k33", {"service_tier": "auto"}), ("k34", {"service_tier": None}), ("k35", {"service_tier": "default"}), ("exp", {})):
            answer = self.post("/v1/chat/completions", key, {"model": "tiers", "messages": TALK, "max_tokens": 500, **asked})
            self.assertEqual(answer.status, 200, answer)
            hold = next(r for r in reversed(records(self.path, "hold")) if r["key"] == key)
            end = next(r for r in records(self.path, "end") if r["hold"] == hold["number"])
            hard[key] = float(hold["hard_usd"])
            if key in ("k32", "k33", "k34"):
                self.assertLessEqual(float(end["cost_usd"]), hard[key], hold)
        self.assertLess(hard["k35"], 0.6 * hard["k32"])  # no other tier is allowed
        self.assertLess(hard["exp"], 0.6 * hard["k32"])  # what is expected

    def test_a_wrong_report_does_not_refuse_all_that_follow(self):
        for tokens in (9 * 10**8, 10**12, 2**61 - 1):
            told = {"prompt_tokens": tokens, "completion_tokens": 2, "total_tokens": tokens + 2}
            self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage=told)))
            for key in ("k24", "k25", "k26"):
                self.post("/v1/chat/completions", key, {"model": "low", "messages": TALK, "max_tokens": 10})
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion()))
        self.assertEqual(self.post("/v1/chat/completions", "k27", {"model": "low", "messages": TALK, "max_tokens": 10}).status, 200)

    def test_expected_budgets_refuse_unless_told(self):
        answer = self.post("/v1/chat/completions", "exp", {"model": "m", "max_tokens": 64000, "messages": TALK})
        self.assert_error(answer, 429, "insufficient_quota", "request_exceeds_budget", retry=False)
        self.clamped(self.post("/v1/chat/completions", "exc", {"model": "m", "max_tokens": 64000, "messages": TALK}))

    def test_what_has_no_bound_is_refused(self):
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]
        for body, why in (({"messages": picture}, "an image that is not in the request itself"),
                          ({"messages": TALK, "web_search_options": {}}, "a tool that the provider runs"),
                          ({"messages": TALK, "modalities": ["text", "audio"]}, "an answer that is not text")):
            body = {"max_tokens": 10, **body}
            answer = self.post("/v1/chat/completions", "k6", {"model": "m", **body})
            self.assert_error(answer, 400, "invalid_request_error", "cost_unbounded", retry=False)
            self.assertIn(why, answer.json()["error"]["message"])
            self.assertEqual(self.up.take(), [])
            self.assertEqual(self.post("/v1/chat/completions", "exc", {"model": "m", **body}).status, 200)
            # The operator knows better, or nothing depends on tokens.
            self.assertEqual(self.post("/v1/chat/completions", "k7", {"model": "stated", **body}).status, 200)
            self.assertEqual(self.post("/v1/chat/completions", "k8", {"model": "fee", **body}).status, 200)
            self.up.take()
        self.assertEqual({r["hard_usd"] for r in records(self.path, "hold") if r["team"] == "t7"}, {"0.004"})
        self.assertEqual({r["hard_usd"] for r in records(self.path, "hold") if r["team"] == "t8"}, {"0.001"})
        answer = self.post("/v1/messages", "k6", {"model": "a", "max_tokens": 10, "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://x"}}]}]}, [VERSION])
        self.assertEqual((answer.status, answer.json()["error"]["type"]), (400, "invalid_request_error"))

    def test_a_bound_that_was_too_low_rises(self):
        ask = {"model": "low", "max_tokens": 10, "messages": TALK}
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(usage={"prompt_tokens": 1500, "completion_tokens": 2, "total_tokens": 1502})))
        self.assertEqual(self.post("/v1/chat/completions", "k9", ask).header("x-gw-cost"), "0.00377")  # booked in full
        self.assertIn('gw_hold_exceeded_total{model="low-model"} 1\n', self.gw.request("GET", "/metrics").body.decode())
        self.assertEqual(self.post("/v1/chat/completions", "k9", ask).status, 200)
        first, second = [r["hard_usd"] for r in records(self.path, "hold") if r["team"] == "t9"]
        self.assertGreater(float(second), 0.00377)
        self.assertLess(float(first), 0.001)
        self.assertIn('gw_hold_exceeded_total{model="low-model"} 1\n', self.gw.request("GET", "/metrics").body.decode())

    def test_a_conversation_that_goes_on_is_bounded_by_its_beginning(self):
        talk = [{"role": "user", "content": "word " * 1000}]
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(prompt=1010, output=2)))
        self.assertEqual(self.post("/v1/chat/completions", "k10", {"model": "m", "max_tokens": 10, "messages": talk}).status, 200)
        more = talk + [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "go on"}]
        self.assertEqual(self.post("/v1/chat/completions", "k10", {"model": "m", "max_tokens": 10, "messages": more}).status, 200)
        self.assertEqual(self.post("/v1/chat/completions", "k10", {"model": "m", "max_tokens": 10, "messages": more, "tools": [{"type": "function", "function": {"name": "f"}}]}).status, 200)
        hard = [float(r["hard_usd"]) * 1e6 / 2.5 for r in records(self.path, "hold") if r["team"] == "t10"]
        self.assertTrue(hard[0] > 5000 and hard[2] > 5000, hard)  # a token for each byte
        self.assertTrue(1010 < hard[1] < 1400, hard)  # what was reported, and the bytes of the rest

    def test_another_server_may_count_otherwise(self):
        """Whatever its model is called."""
        ask = {"model": "pair", "max_tokens": 10, "messages": [{"role": "user", "content": "word " * 1000}]}
        self.up.handler = lambda request, out: out.send(reply_json(upstream.completion(prompt=1010, output=2)))
        self.assertEqual(self.post("/v1/chat/completions", "k23", ask).status, 200)
        replies = [BUSY, reply_json(upstream.completion())]
        self.up.handler = lambda request, out: out.send(replies.pop(0))
        self.assertEqual(self.post("/v1/chat/completions", "k23", ask).status, 200)
        hard = [float(r["hard_usd"]) * 1e6 / 2.5 for r in records(self.path, "hold") if r["team"] == "t23"]
        self.assertTrue(hard[0] > 5000 and hard[1] < 1400 and hard[2] > 5000, hard)

    def test_zz_the_ledger_is_right(self):
        self.assertEqual((verify(self.path)["problems"], verify(self.path)["held_usd"]), (0, "0"))


if __name__ == "__main__":
    unittest.main()
