"""test_truncated.py - streams that end after every single byte, cleanly or not: the client gets all that came, and knows
whether it was all."""

import json
import time
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider, tsan
from test_anthropic import CLOSE, END, FINISH, OPEN, START, STOP, TEXT, VERSION
from test_opening import AZURE, ROLE
from upstream import DONE, chunk, delta, stream_head, usage_event

CHAT = AZURE + ROLE + b": wait\n\n" + delta("h\u00e4 \U0001f600") + delta(finish="stop") + usage_event() + DONE
MESSAGES = START + b"event: ping\ndata: {\"type\":\"ping\"}\n\n" + OPEN + TEXT + CLOSE + FINISH + STOP
CODES = ("stream_interrupted", "stream_incomplete", "upstream_unavailable")


class Truncated(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            claude("claude", cls.up) + provider("up", cls.up) + 'model "gpt" { { "up/gpt-4o" } }\nmodel "claude" { { "claude/claude-opus-4-1" } }\n'
        )

    def ask(self, face, model):
        body = {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        if face == "chat":
            return self.gw.request("POST", "/v1/chat/completions", (), {**body, "stream_options": {"include_usage": True}})
        return self.gw.request("POST", "/v1/messages", [VERSION], body)

    def check(self, answer, face):
        """Whole and good, or with one error, which is its end. Returns whether it is good."""
        self.assertTrue(answer.complete, answer)
        if answer.status != 200:
            self.assertIn(answer.status, (502, 503), answer)
            self.assertIn("error", answer.json())
            return False
        events = client.sse(answer.body)
        found = [i for i, (_, data) in enumerate(events) if data != "[DONE]" and json.loads(data).get("error")]
        ended = events[-1][1] == "[DONE]" if face == "chat" else json.loads(events[-1][1])["type"] == "message_stop"
        if found:
            self.assertEqual((found, ended), ([len(events) - 1], False), answer)
            error = json.loads(events[-1][1])["error"]
            self.assertIn(error.get("code") or error["details"]["error_code"], CODES, answer)
        return not found

    def cut_everywhere(self, face, model, body, last):
        native = (face == "chat") == (model == "gpt")
        good, seen = [], []
        for cut in range(len(body) + 1):
            self.up.handler = [stream_head() + (chunk(body[:cut]) if cut else b"")] + last
            answer = self.ask(face, model)
            with self.subTest(cut=cut, upto=body[max(0, cut - 60):cut]):
                seen.append((answer, self.check(answer, face)))
                if seen[-1][1]:
                    good.append(cut)
                if answer.status == 200 and native:  # what came is what went out, but for the half of an event
                    sent = answer.body.split(b"\n\n")
                    self.assertEqual([e for e in body[:cut].split(b"\n\n")[:-1] if e not in sent], [])
        for answer, fine in seen:
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["status"], "error" in line), (answer.status, not fine), line)
            self.assertEqual(line["attempts"][0]["outcome"] == "ok", fine, line)
        return good

    def test_everywhere(self):
        for face, model, body in (("chat", "gpt", CHAT), ("messages", "gpt", CHAT),
                                  ("chat", "claude", MESSAGES), ("messages", "claude", MESSAGES)):
            for name, last in (("clean", [END]), ("in the middle", ["close"])):
                with self.subTest(name, face=face, model=model):
                    good = self.cut_everywhere(face, model, body, last)
                    said = body.index(b'"finish_reason": "stop"' if model == "gpt" else b'"stop_reason": "end_turn"')
                    mark = len(body) - len("[DONE]\n\n" if model == "gpt" else 'data: {"type": "message_stop"}\n\n')
                    self.assertIn(len(body), good)
                    self.assertGreater(min(good), said if name == "clean" else mark, "nobody said that it is complete")

    @tsan
    def test_a_body_that_does_not_end(self):
        """The end mark is the end: the upstream that keeps the connection is not waited for."""
        for face, model, body in (("chat", "gpt", CHAT), ("messages", "gpt", CHAT),
                                  ("chat", "claude", MESSAGES), ("messages", "claude", MESSAGES)):
            with self.subTest(face=face, model=model):
                for more in (b"", b": wait", b'data: {"a', b"data: bye\n\n"):
                    self.up.handler = [stream_head() + chunk(body + more), 60.0, "close"]
                    before = time.monotonic()
                    answer = self.ask(face, model)
                    self.assertLess(time.monotonic() - before, 20)
                    self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["outcome"], "ok")
                    if not more or (face == "chat") != (model == "gpt"):  # else what follows passes too
                        self.assertTrue(self.check(answer, face))


if __name__ == "__main__":
    unittest.main()
