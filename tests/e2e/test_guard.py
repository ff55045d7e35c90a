"""test_guard.py - an upstream that writes on beyond the limit it was sent: the client gets a stream that ends as one that reached its limit, the
upstream is called off, and what it wrote is booked."""

import json
import os
import tempfile
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider
from test_anthropic import VERSION
from test_budget import PRICE
from test_ledger import records, verify
from upstream import chunk, delta, stream_head

WORDS = "twenty bytes of text"  # so many


def named(value):
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), json.dumps(value).encode())


class Guard(Case):
    @classmethod
    def make(cls):
        cls.up, cls.an = upstream.Upstream(), upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        return Gateway('ledger { path = "%s" }\nbudget { usd = 100, mode = "strict" }\n' % cls.path + provider("up", cls.up, PRICE) + claude("an", cls.an).replace("secrets", PRICE + ", secrets") +
                       'model "m" { { "up/real" } }\nmodel "a" { { "an/claude-x" } }\n')

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.an.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.gone, self.sent = [], 0

    def endless(self, *first, piece):
        def handler(request, out):
            out.send(stream_head())
            for event in first:
                out.chunk(event)
            try:
                for i in range(100000):
                    out.chunk(piece)
                    self.sent = i
            except (OSError, upstream.Gone):
                pass
            self.gone.append(True)

        return handler

    def events(self, path, body, headers=()):
        conn = client.Conn(self.gw.port, timeout=20)
        self.addCleanup(conn.close)
        conn.send(client.build("POST", path, headers, {"stream": True, "max_tokens": 100, **body}))
        head = conn.head()
        self.assertEqual(head.status, 200)
        events = list(conn.events(head))
        self.assertTrue(client.wait_for(lambda: self.gone))
        line = self.gw.log_for(head.id)
        self.assertEqual((line["finish"], line["attempts"][0]["outcome"]), ("length", "guarded"))
        return [e if isinstance(e, str) else e.decode() for e in map(lambda e: e[1] if isinstance(e, tuple) else e, events)]

    def check_text(self, length):
        """100 tokens are 400 bytes; half as much again and a kilobyte is let through."""
        self.assertTrue(600 <= length <= 600 + 1024 + 20, length)

    def test_an_answer_that_has_ended_and_goes_on(self):
        """Also where it is one of two that has ended."""
        other = delta(WORDS).replace(b'"index": 0', b'"index": 1')
        for first, more, most in ((delta(finish="stop"), {}, 600), (delta(finish="stop"), {"n": 2}, 1200)):
            self.gone = []
            self.up.handler = self.endless(delta(WORDS), first, piece=other if more else delta(WORDS))
            text = "".join(self.events("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}], **more}))
            length = text.count(WORDS) * len(WORDS)
            self.assertTrue(most <= length <= most + 1024 + 20, length)

    def test_chat(self):
        self.up.handler = self.endless(piece=delta(WORDS))
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
        text = "".join(self.events("/v1/chat/completions", body))
        self.assertEqual(text.count('"finish_reason":"length"'), 1)
        self.assertIn("[DONE]", text[-20:])
        self.check_text(text.count(WORDS) * len(WORDS))
        end = records(self.path, "end")[-1]
        self.assertEqual((end["outcome"], end["source"]), ("guarded", "counted"))

    def test_chat_for_a_client_of_the_other_api(self):
        self.up.handler = self.endless(piece=delta(WORDS))
        text = "".join(self.events("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, [VERSION]))
        self.assertIn('"stop_reason":"max_tokens"', text.replace(" ", ""))
        self.assertIn("message_stop", text)
        self.check_text(text.count(WORDS) * len(WORDS))

    def test_anthropic(self):
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
        self.an.handler = self.endless(named({"type": "message_start", "message": message}), named({"type": "content_block_start", "index": 3, "content_block": {"type": "text", "text": ""}}),
                                       piece=named({"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": WORDS}}))
        text = "".join(self.events("/v1/messages", {"model": "a", "messages": [{"role": "user", "content": "x"}]}, [VERSION]))
        self.assertIn('"type":"content_block_stop","index":3', text)
        self.assertIn('"stop_reason":"max_tokens"', text)
        self.assertIn('"type":"message_stop"', text)
        self.check_text(text.count(WORDS) * len(WORDS))

    def test_what_keeps_its_limit_is_not_touched(self):
        # 100 tokens of up to 15 bytes each.
        self.up.handler = [upstream.stream(*[delta("fifteen-letters")] * 100, delta(finish="stop"), upstream.usage_event(5, 100), upstream.DONE)]
        answer = self.gw.chat(stream=True, max_tokens=100)
        self.assertEqual(answer.body.count(b"fifteen-letters"), 100)
        self.assertIn(b'"finish_reason": "stop"', answer.body.replace(b'":"', b'": "'))

    def test_zz_the_ledger_is_right(self):
        self.assertEqual((verify(self.path)["problems"], verify(self.path)["held_usd"]), (0, "0"))


if __name__ == "__main__":
    unittest.main()
