"""test_leaving.py - a client leaves, and a strict budget wants to know what the upstream charges: the rest of the answer is read for its usage,
not for ever, and not when the gateway is to end. Other budgets let the upstream go."""

import os
import tempfile
import threading
import time
import unittest

import client
import upstream
from client import wait_for
from harness import Gateway, auth, claude, key_line, provider
from test_anthropic import VERSION
from test_budget import PRICE
from test_guard import named
from test_ledger import records, verify
from upstream import DONE, chunk, delta, stream_head, usage_event

TALK = [{"role": "user", "content": "x"}]


class Leaving(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "ledger")
        self.asked, self.left, self.gone = threading.Event(), threading.Event(), threading.Event()
        self.up = upstream.Upstream(self.chat)
        self.an = upstream.Upstream(self.messages)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.an.stop)
        self.addCleanup(self.left.set)

    def chat(self, request, out):
        if not request.json().get("stream"):
            self.asked.set()
            self.left.wait(20)
            time.sleep(0.3)
            out.send(upstream.reply_json(upstream.completion(prompt=50, output=40)))
            return
        out.send(stream_head() + chunk(delta("one")))
        self.asked.set()
        self.left.wait(20)
        try:
            for _ in range(10):
                time.sleep(0.05)
                out.chunk(delta("more"))
            out.send(chunk(delta(finish="stop")) + chunk(usage_event(50, 40)) + chunk(DONE) + b"0\r\n\r\n")
        except (OSError, upstream.Gone):
            self.gone.set()

    def messages(self, request, out):
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None, "usage": {"input_tokens": 50, "output_tokens": 1}}
        text = named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word"}})
        out.send(stream_head() + b"".join(map(chunk, (named({"type": "message_start", "message": message}), named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}), text))))
        self.asked.set()
        self.left.wait(20)
        for _ in range(10):
            time.sleep(0.05)
            out.chunk(text)
        out.send(b"".join(map(chunk, (named({"type": "content_block_stop", "index": 0}), named({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 40}}),
                                      named({"type": "message_stop"})))) + b"0\r\n\r\n")

    def gateway(self):
        gw = Gateway('ledger { path = "%s" }\n' % self.path + provider("up", self.up, PRICE) + claude("an", self.an).replace("secrets", PRICE + ", secrets") +
                     'model "m" { { "up/real" } }\nmodel "a" { { "an/claude-x" } }\nteam "s" { budget = { usd = 1, mode = "strict" } }\nteam "e" { budget = { usd = 1 } }\n' +
                     key_line("s", "s") + key_line("e", "e"))
        self.addCleanup(gw.kill)
        return gw

    def leave(self, gw, key, path="/v1/chat/completions", model="m", stream=True, headers=()):
        conn = client.Conn(gw.port, timeout=20)
        conn.send(client.build("POST", path, list(headers) + auth(key), {"model": model, "stream": stream, "max_tokens": 100, "messages": TALK}))
        if stream:
            next(conn.events(conn.head()))
        self.assertTrue(self.asked.wait(20))
        conn.close()
        self.left.set()

    def last_end(self, gw):
        self.assertTrue(wait_for(lambda: records(self.path, "end"), timeout=20))
        self.assertTrue(wait_for(lambda: "gw_inflight_requests 0\n" in gw.request("GET", "/metrics").body.decode()))
        return records(self.path, "end")[-1]

    def reported(self, gw):
        end = self.last_end(gw)
        self.assertEqual((end["ending"], end["source"], end["cost_usd"], end.get("doubt_usd")), ("settled", "reported", "0.000525", None), end)
        self.assertEqual(verify(self.path)["held_usd"], "0")
        gw.stop()

    def test_a_stream(self):
        gw = self.gateway()
        self.leave(gw, "s")
        self.reported(gw)

    def test_a_whole_answer(self):
        gw = self.gateway()
        self.leave(gw, "s", stream=False)
        self.reported(gw)

    def test_a_translated_stream(self):
        gw = self.gateway()
        self.leave(gw, "s", model="a")
        self.reported(gw)

    def test_anthropics_own_client(self):
        gw = self.gateway()
        self.leave(gw, "s", "/v1/messages", "a", headers=[VERSION])
        self.reported(gw)

    def test_a_client_of_the_other_api(self):
        gw = self.gateway()
        self.leave(gw, "s", "/v1/messages", headers=[VERSION])
        self.reported(gw)

    def test_other_budgets_let_the_upstream_go(self):
        gw = self.gateway()
        self.leave(gw, "e")
        end = self.last_end(gw)
        self.assertEqual((end["ending"], end["source"]), ("settled", "counted"))
        self.assertTrue(self.gone.wait(10))
        gw.stop()

    def test_a_gateway_that_ends_does_not_wait_for_it(self):
        gw = self.gateway()
        self.up.handler = lambda request, out: (out.send(stream_head() + chunk(delta("one"))), self.asked.set(), out.wait_gone())
        self.leave(gw, "s")
        time.sleep(0.3)
        began = time.monotonic()
        gw.stop()
        self.assertLess(time.monotonic() - began, 10)
        (end,) = records(self.path, "end")
        self.assertEqual((end["ending"], end["source"]), ("doubt", "counted"))
        (hold,) = records(self.path, "hold")
        self.assertEqual(round((float(end["cost_usd"]) + float(end["doubt_usd"])) * 1e9), round(float(hold["hard_usd"]) * 1e9))


if __name__ == "__main__":
    unittest.main()
