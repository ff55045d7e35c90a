"""test_cost.py - what requests cost: the header x-gw-cost, the access log and /metrics, against a price book of the test's
own and exact arithmetic."""

import json
import os
import re
import socket
import tempfile
import time
import unittest
from decimal import ROUND_HALF_UP, Decimal

import upstream
from command import run
from harness import Case, Gateway, claude, provider
from test_anthropic import OPEN, START, TEXT, VERSION, named
from upstream import chunk, reply, reply_json, stream, stream_head

BOOK = {"format": 1, "date": "2026-11-27", "providers": [
    {"id": "openai", "names": ["openai"], "models": [
        {"id": "real", "match": ["=real"], "prices": [
            {"usd": {"input": [2.5, [1000, 5]], "cache_read": 0.3, "output": 10, "reasoning": 11}}],
         "variants": [{"when": {"service_tier": "flex"}, "usd": {"input": 1.25, "output": 5}}]},
        {"id": "other", "match": ["=other-1"], "prices": [{"usd": {"input": 1, "output": 1, "request": 70}}]},
        {"id": "half", "match": ["=half"], "prices": [{"usd": {"input": 1}}]},
        {"id": "image", "match": ["=image"], "prices": [{"usd": {"input": 1, "output": 1}}]}]},
    {"id": "anthropic", "names": ["anthropic"], "models": [
        {"id": "opus", "match": ["=claude-opus-4-1"], "prices": [{"usd": {"input": 15, "output": 75}}]}]}]}
REFUSED = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def usd(**tokens):
    """Dollars of tokens=(count, USD for a million)."""
    return sum(Decimal(n) * Decimal(str(price)) for n, price in tokens.values()) / 1000000


def usd_text(amount):
    """To the nano-dollar, half up."""
    return format(amount.quantize(Decimal("1e-9"), ROUND_HALF_UP).normalize(), "f")


class Cost(Case):
    UPSTREAM_RULES = "models of the test's own price book"

    @classmethod
    def make(cls):
        cls.up, cls.good = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        book = os.path.join(cls.folder.name, "book.json")
        with open(book, "w", encoding="utf-8") as file:
            json.dump(BOOK, file)
        return Gateway(
            provider("up", cls.up) + provider("good", cls.good) + provider("house", cls.up, 'price = "free"') + claude("claude", cls.up) +
            'provider "demo" {}\nprovider "gone" { plugin = "openai", base_url = "http://127.0.0.1:9/v1", secret = env "UP_KEY" }\n'
            'model "m" { { "up/real" } }\nmodel "o" { { "up/other-1" } }\nmodel "h" { { "up/half" } }\nmodel "i" { { "up/image" } }\n'
            'model "x" { { "up/never-heard-of" } }\nmodel "c" { { "claude/claude-opus-4-1" } }\nmodel "demo" { { "demo/demo" } }\n'
            'model "f" { { "claude/claude-opus-4-1" }, fallback = { "good/real" } }\n'
            'model "g" { { "gone/real" }, fallback = { "good/real" } }\nmodel "only-gone" { { "gone/real" } }\n'
            'model "mine" { { "up/real", price = { input_usd_per_mtok = "0.123456789" } } }\n'
            'model "fee" { { "up/private", price = { request_usd = 0.07, input_usd_per_mtok = 1, output_usd_per_mtok = 2 } } }\n'
            'model "only-fee" { { "up/private", price = { request_usd = 0.07 } } }\n'
            'model "given" { { "up/real", price = "free" } }\n'
            'model "but-this" { { "house/x", price = { input_usd_per_mtok = 3, output_usd_per_mtok = 4 } } }\n'
            'model "slow" { { "up/real" }, timeout = { total_s = 0.2 } }\n',
            env={"GW_PRICES": book})

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.up.handler = upstream.good

    def cost(self, answer, wanted, entry="openai/real"):
        """The log has it, and the header of a whole answer the same. None: it is not known."""
        line = self.gw.log_for(answer.id)
        self.assertEqual(line["cost_usd"], None if wanted is None else usd_text(wanted), line)
        self.assertEqual(line.get("price"), entry, line)
        if answer.status == 200 and "event-stream" not in answer.header("content-type", ""):
            self.assertEqual(answer.header("x-gw-cost"), line["cost_usd"], line)
        return line

    def metric(self, name, **labels):
        text = self.gw.request("GET", "/metrics").body.decode()
        rows = re.findall(r"^%s\{([^}]*)\} (\S+)$" % name, text, re.M)
        return sum((Decimal(n) for row, n in rows if all('%s="%s"' % pair in row for pair in labels.items())), Decimal(0))

    def test_whole_streamed_and_translated(self):
        want = usd(i=(5, 2.5), o=(2, 10))
        before = self.metric("gw_cost_usd_total", model="real")
        self.cost(self.gw.chat(model="m"), want)
        self.cost(self.gw.chat(model="m", stream=True), want)
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        self.cost(self.gw.request("POST", "/v1/messages", [VERSION], body), want)
        self.cost(self.gw.request("POST", "/v1/messages", [VERSION], dict(body, stream=True)), want)
        self.assertEqual(self.metric("gw_cost_usd_total", model="real") - before, 4 * want)

    def test_each_bucket_has_its_price_and_a_tier_holds_for_all(self):
        self.up.handler = [reply_json(upstream.completion(usage={
            "prompt_tokens": 1000, "completion_tokens": 7, "total_tokens": 1007, "prompt_tokens_details": {"cached_tokens": 400},
            "completion_tokens_details": {"reasoning_tokens": 3}}))]
        self.cost(self.gw.chat(model="m"), usd(i=(600, 2.5), c=(400, 0.3), o=(4, 10), r=(3, 11)))
        self.up.handler = [reply_json(upstream.completion(prompt=1001, output=1))]
        self.cost(self.gw.chat(model="m"), usd(i=(1001, 5), o=(1, 10)))

    def test_a_fee_a_tier_of_service_and_what_costs_nothing(self):
        self.cost(self.gw.chat(model="o"), usd(i=(5, 1), o=(2, 1)) + Decimal("0.07"), "openai/other")
        self.cost(self.gw.chat(model="m", service_tier="flex"), usd(i=(5, 1.25), o=(2, 5)))
        self.cost(self.gw.chat(model="m", service_tier="flex", stream=True), usd(i=(5, 1.25), o=(2, 5)))
        self.up.handler = [reply_json(dict(upstream.completion(prompt=5, output=2), service_tier="flex"))]
        self.cost(self.gw.chat(model="m", service_tier="auto"), usd(i=(5, 1.25), o=(2, 5)))  # what is reported counts
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        self.cost(self.gw.request("POST", "/v1/messages", [VERSION], body), usd(i=(5, 1.25), o=(2, 5)))
        self.up.handler = [reply_json(dict(upstream.completion(prompt=5, output=2), service_tier="default"))]
        self.cost(self.gw.chat(model="m", service_tier="flex"), usd(i=(5, 2.5), o=(2, 10)))
        self.up.handler = upstream.good
        self.cost(self.gw.chat(model="demo"), Decimal(0), None)
        self.up.handler = [reply(400, b'{"error":{"message":"no","type":"invalid_request_error"}}', [("Content-Type", "application/json")])]
        self.cost(self.gw.chat(model="m"), Decimal(0), None)
        self.cost(self.gw.chat(model="only-gone"), Decimal(0), None)

    def test_what_has_no_price_is_unknown_and_counted(self):
        before = self.metric("gw_unpriced_requests_total")
        for model, entry in (("x", None), ("h", "openai/half")):
            answer = self.gw.chat(model=model)
            self.cost(answer, None, entry)
            self.assertIsNone(answer.header("x-gw-cost"))
        self.up.handler = [reply_json({"created": 1, "data": [{"b64_json": "aGk="}]})]
        self.cost(self.gw.request("POST", "/v1/images/generations", (), {"model": "i", "prompt": "a cat"}), None, "openai/image")
        self.assertEqual(self.metric("gw_unpriced_requests_total") - before, 3)

    def test_what_was_sent_and_not_answered_costs_its_estimated_input(self):
        self.up.handler = [1.0, "close"]
        body = json.dumps({"model": "slow", "messages": [{"role": "user", "content": "a" * 400}]}).encode()
        line = self.cost(self.gw.request("POST", "/v1/chat/completions", (), body), usd(i=((len(body) + 3) // 4, 2.5)))
        self.assertEqual((line["usage"]["source"], line["attempts"][0]["ending"]), ("estimated", "doubt"), line)

    def test_a_failed_attempt_keeps_its_own_usage(self):
        self.up.handler = [stream(START, REFUSED)]
        answer = self.gw.chat(model="f", stream=True)
        line = self.cost(answer, usd(i=(7, 15)) + usd(a=(5, 2.5), b=(2, 10)))
        self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (5, 2), line)
        first = line["attempts"][0]
        self.assertEqual((first["usage"]["input"], first["cost_usd"]), (7, "0.000105"), line)
        self.assertEqual(first["price"], "anthropic/opus")
        self.cost(self.gw.chat(model="g"), usd(a=(5, 2.5), b=(2, 10)))

    def test_a_stream_that_is_cut_costs_what_was_counted(self):
        self.up.handler = [stream_head() + chunk(START + OPEN + TEXT * 3), "close"]
        answer = self.gw.chat(model="c", stream=True)
        line = self.cost(answer, usd(i=(7, 15), o=(5, 75)), "anthropic/opus")  # 15 bytes of text in 3 events
        self.assertEqual((line["usage"]["source"], line["attempts"][0]["ending"]), ("counted", "doubt"), line)
        self.up.handler = [stream_head() + chunk(START), "close"]  # before its first word
        line = self.cost(self.gw.chat(model="c", stream=True), usd(i=(7, 15)), "anthropic/opus")
        self.assertEqual(line["usage"]["source"], "counted", line)

    def test_a_client_that_leaves_while_the_model_is_silent_costs_its_input(self):
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "a" * 400}]}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: left-%d\r\nContent-Length: %d\r\n\r\n"
        for i, handler in enumerate(([3.0, "close"], [stream_head(), 3.0, "close"])):
            self.up.handler = handler
            with socket.create_connection(("127.0.0.1", self.gw.port), timeout=30) as client:
                client.sendall(head % (i, len(body)) + body)
                time.sleep(0.5)
            line = self.gw.log_when(lambda line: line.get("client_id") == "left-%d" % i)
            self.assertEqual((line["usage"]["source"], line["attempts"][0]["ending"]), ("estimated", "doubt"), line)
            self.assertEqual(line["cost_usd"], usd_text(usd(i=((len(body) + 3) // 4, 2.5))), line)

    def test_prices_of_gateway_lua_stand_in_place_of_the_books(self):
        self.cost(self.gw.chat(model="mine"), usd(i=(5, "0.123456789"), o=(2, 10)), "openai/real, gateway.lua")
        self.cost(self.gw.chat(model="fee"), Decimal("0.07") + usd(i=(5, 1), o=(2, 2)), "gateway.lua")
        self.cost(self.gw.chat(model="only-fee"), Decimal("0.07"), "gateway.lua")
        self.cost(self.gw.chat(model="given"), Decimal(0), "gateway.lua")
        self.cost(self.gw.chat(model="house/any-model"), Decimal(0), "gateway.lua")
        self.cost(self.gw.chat(model="but-this"), usd(i=(5, 3), o=(2, 4)), "gateway.lua")

    def test_the_book_in_use_is_a_metric(self):
        text = self.gw.request("GET", "/metrics").body.decode()
        self.assertRegex(text, r'\ngw_price_book_info\{digest="[0-9a-f]{64}"\} 1\n')


class Book(unittest.TestCase):
    def test_the_one_that_came_along_prices_requests(self):
        with upstream.Upstream(upstream.good) as up:
            with Gateway(provider("up", up) + 'model "m" { { "up/gpt-4o" } }\n') as gw:
                answer = gw.chat()
                self.assertEqual((answer.header("x-gw-cost"), gw.log_for(answer.id)["price"]), ("0.0000325", "openai/gpt-4o"))

    def test_a_book_that_cannot_be_read_is_the_operators_to_mend(self):
        for path in ("/nowhere/book.json", "/dev/null"):
            served = run("serve", "--listen", "127.0.0.1:0", "--book", path)
            self.assertEqual(served.code, 78, served)
            self.assertIn(path, served.err)


if __name__ == "__main__":
    unittest.main()
