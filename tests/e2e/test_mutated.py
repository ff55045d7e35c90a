"""test_mutated.py - answers with some bytes lost, doubled, changed or moved, cut into pieces anywhere and ended in any way:
the client gets an answer that it can read, or an error, and the gateway goes on. GW_MUTATIONS=N tries N of each (40)."""

import json
import os
import random
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider
from test_anthropic import CLOSE, END, FINISH, OPEN, START, STOP, TEXT, VERSION, WHOLE, named
from test_opening import AZURE, ROLE
from upstream import DONE, chunk, delta, reply_json, stream_head, usage_event

COUNT = int(os.environ.get("GW_MUTATIONS", "40"))
CALL = delta(choices=[{"index": 0, "delta": {"tool_calls": [
    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}]}}])
MORE = delta(choices=[{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}}])
CHAT = AZURE + ROLE + b": wait\n\n" + delta("h\u00e4 \U0001f600") + CALL + MORE + delta(finish="tool_calls") + usage_event() + DONE
MESSAGES = START + b"event: ping\ndata: {\"type\":\"ping\"}\n\n" + OPEN + TEXT + CLOSE + FINISH + STOP
ANSWER = json.dumps(upstream.completion()).encode()
MESSAGE = json.dumps(WHOLE).encode()
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "model": "real",
            "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}
RESPONSES = b"".join(named({"type": t, "response": RESPONSE}) for t in ("response.created", "response.completed"))
BASES = {"gpt": (CHAT, ANSWER), "claude": (MESSAGES, MESSAGE), "responses": (RESPONSES, json.dumps(RESPONSE).encode())}
BITS = (b"\n", b"\n\n", b"\r", b"\r\n", b"data: ", b"event: error\n", b"{", b"}", b'"', b"null", b"[DONE]", b"\0", b"\xff", b"\\u", b"-1",
        b"1e999", b":", b'"error":{"message":"x"},', b'"usage":{},', b'"choices":[],', b'"type":"error",', b"9" * 40)


def mutate(rng, body):
    if rng.random() < 0.5:  # some of its events
        pieces = body.split(b"\n\n")
        kept = rng.choice((0.2, 0.5, 0.9))
        body = b"\n\n".join(piece for piece in pieces if rng.random() < kept)
    body = bytearray(body)
    if rng.random() < 0.3:
        del body[rng.randrange(len(body) + 1):]
    for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
        at, size = rng.randrange(len(body) + 1), rng.choice((1, 1, 2, 7, 40, 200))
        kind = rng.randrange(5)
        if kind == 0:
            del body[at:at + size]
        elif kind == 1:
            body[at:at] = rng.choice(BITS)
        elif kind == 2:
            body[at:at] = body[at:at + size] * rng.choice((1, 1, 3))
        elif kind == 3 and at < len(body):
            body[at] = rng.randrange(256)
        else:
            piece = body[at:at + size]
            del body[at:at + size]
            to = rng.randrange(len(body) + 1)
            body[to:to] = piece
    return bytes(body)


def steps(rng, body, stream):
    """One answer of the upstream, in pieces."""
    if not stream and rng.random() < 0.5:
        return [upstream.reply(rng.choice((200, 200, 200, 400, 429, 503)), body, [("Content-Type", "application/json")])]
    kind = "text/event-stream" if stream or rng.random() < 0.3 else "application/json"
    out, at = [stream_head(content_type=rng.choice((kind, kind, kind, "text/plain")))], 0
    while at < len(body):
        size = rng.choice((1, 3, 20, 100, 1000, 100000))
        out[-1] += chunk(body[at:at + size])
        at += size
        if rng.random() < 0.1:
            out += [0.002, b""]
    return out + [rng.choice((END, END, "close", "rst"))]


class Mutated(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            claude("claude", cls.up) + provider("up", cls.up) + 'model "gpt" { { "up/gpt-4o" } }\nmodel "claude" { { "claude/claude-opus-4-1" } }\n'
            "limits { event_mb = 1, answer_mb = 1 }\n"
        )

    def ask(self, face, model, stream):
        body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        if face == "chat":
            return self.gw.request("POST", "/v1/chat/completions", (), body)
        if face == "responses":
            return self.gw.request("POST", "/v1/responses", (), dict(body, input="hi"))
        return self.gw.request("POST", "/v1/messages", [VERSION], body)

    def readable(self, answer, face, model, stream):
        """Returns whether it is a good one; None: only who wrote it knows."""
        self.assertTrue(answer.complete, answer)
        native = face == "responses" or (face == "chat") == (model == "gpt")
        streamed = answer.header("content-type", "").startswith("text/event-stream")
        if answer.status != 200:
            self.assertIn("error", answer.json())
            return False
        self.assertTrue(streamed == stream or face == "responses", answer)  # which comes in its own form
        if not streamed:
            if not native:  # else it is what the upstream wrote
                self.assertIn("choices" if face == "chat" else "content", answer.json())
            return True
        events = client.sse(answer.body)
        self.assertTrue(events, answer)
        if native:  # what the upstream wrote: only its end is ours
            return None
        read = [json.loads(data) for _, data in events if data != "[DONE]"]
        whole = events[-1][1] == "[DONE]" if face == "chat" else read[-1]["type"] == "message_stop"
        self.assertNotEqual(whole, bool(read[-1].get("error")), answer)
        if face == "messages":
            self.assertIn(read[0]["type"], ("message_start", "error"), answer)
            opened = [e["index"] for e in read if e["type"] == "content_block_start"]
            closed = [e["index"] for e in read if e["type"] == "content_block_stop"]
            self.assertEqual(opened, list(range(len(opened))), answer)
            self.assertIn(closed, (opened, opened[:-1]), answer)
        return whole

    def test_everything_ends(self):
        """Each answer has an end, one line in the log, and a form that its client can read."""
        for face, model in (("chat", "gpt"), ("messages", "gpt"), ("chat", "claude"), ("messages", "claude"),
                            ("responses", "gpt")):
            for stream in (True, False):
                rng = random.Random("%s %s %s" % (face, model, stream))
                seen = []
                for i in range(COUNT):
                    streamed = stream if rng.random() < 0.85 else not stream  # some answer in the other way
                    body = mutate(rng, BASES[face if face == "responses" else model][0 if streamed else 1])
                    self.up.handler = steps(rng, body, streamed)
                    with self.subTest(face=face, model=model, stream=stream, i=i, body=body):
                        answer = self.ask(face, model, stream)
                        seen.append((answer, self.readable(answer, face, model, stream)))
                for answer, good in seen:
                    line = self.gw.log_for(answer.id)
                    self.assertEqual(line["status"], answer.status, line)
                    self.assertEqual(len(line["attempts"]), 1, line)
                    if good is not None:
                        self.assertEqual(("error" in line, line["attempts"][0]["outcome"] == "ok"), (not good, good), line)
        self.up.handler = upstream.good
        self.assertEqual(self.ask("chat", "gpt", True).status, 200)


if __name__ == "__main__":
    unittest.main()
