"""test_policy_answer.py - policies that see the answer before the client does: each client API, whole and streamed, relayed, translated and
of the gateway's own. A stream is held back until it is decided; what is refused, the client has not one byte of."""

import json
import os
import tempfile
import time
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider, tsan
from test_anthropic import CLOSE, FINISH, OPEN, START, STOP, VERSION, WHOLE, named
from test_policy_edit import FACES
from upstream import DONE, chunk, delta, event, reply_json, stream, stream_head, usage_event

RULES = {
    "answer.lua": """
return { on_request = function(req)
    if req:find("let it flow") then req:skip("on_response") end
    if req:find("misspelt hook") then req:skip("on_respnse") end
end, on_response = function(req, resp)
    gw.note(resp.finish .. "|" .. resp.text .. "|" .. #resp.tool_calls .. "|" .. resp.usage.output .. "|" .. resp.target)
    if not req:reply_header("x-length", tostring(#resp.text)) then gw.count("late") end
    if req:find("say other things") and resp.text:find("forbidden word", 1, true) then return gw.answer({ text = "something else", finish = "length" }, "rewritten") end
    if resp.text:find("forbidden word", 1, true) then return gw.deny(403, "not_this", "the answer is kept back") end
    for _, call in ipairs(resp.tool_calls) do
        if call.name == "shell" and gw.json.decode(call.arguments).cmd == "rm" then return gw.deny(403, "no_shell", "no such call") end
    end
    if req:find("as json") and resp:json() == nil then return gw.deny(502, "no_json", "no JSON") end
end }
""",
    "watch.lua": """
return { on_response = function(req, resp) return gw.deny(403, "observed_only", "x") end }
""",
}

WAYS = (
    ("chat", "up", "relay"),
    ("chat", "claude", "translated"),
    ("chat", "own", "local"),
    ("messages", "claude", "relay"),
    ("messages", "up", "translated"),
    ("messages", "own", "local"),
    ("responses", "up", "relay"),
    ("completions", "up", "relay"),
)
KINDS = ("good", "forbidden", "tool")
CALL = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": '{"cmd":"rm"}'}}
SAYS = {"good": ["hel", "lo"], "forbidden": ["a forbid", "den wo", "rd"], "tool": [], "unmetered": ["a forbidden word "] * 400}
USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


def of_chat(kind, streamed):
    if not streamed:
        message = {"role": "assistant", "content": "".join(SAYS[kind]) or None}
        if kind == "tool":
            message["tool_calls"] = [CALL]
        whole = upstream.completion()
        if kind == "unmetered":
            del whole["usage"]
        whole["choices"][0].update(message=message, finish_reason="tool_calls" if kind == "tool" else "stop")
        return reply_json(whole)
    calls = []
    if kind == "tool":
        for n, piece in enumerate(('{"cm', 'd":"rm"}')):
            call = {"index": 0, "function": {"arguments": piece}}
            if n == 0:
                call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "shell", "arguments": piece}}
            calls.append(event({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "real",
                                "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}))
    pieces = [delta(t) for t in SAYS[kind]] + calls
    return stream(*pieces, delta(finish="tool_calls" if kind == "tool" else "stop"), usage_event(), DONE)


def of_messages(kind, streamed):
    tool = {"type": "tool_use", "id": "c1", "name": "shell", "input": {"cmd": "rm"}}
    if not streamed:
        content = [tool] if kind == "tool" else [{"type": "text", "text": "".join(SAYS[kind])}]
        return reply_json(dict(WHOLE, content=content, stop_reason="tool_use" if kind == "tool" else "end_turn"))
    if kind == "tool":
        deltas = b"".join(named({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": t}})
                          for t in ('{"cm', 'd":"rm"}'))
        opening = named({"type": "content_block_start", "index": 0, "content_block": dict(tool, input={})})
        finish = FINISH.replace(b"end_turn", b"tool_use")
    else:
        deltas = b"".join(named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}}) for t in SAYS[kind])
        opening, finish = OPEN, FINISH
    return stream_head() + chunk(START + opening + deltas + CLOSE + finish + STOP) + b"0\r\n\r\n"


def of_responses(kind, streamed):
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "".join(SAYS[kind]), "annotations": []}]}
    if kind == "tool":
        item = {"type": "function_call", "id": "f", "call_id": "c1", "name": "shell", "arguments": '{"cmd":"rm"}', "status": "completed"}
    whole = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item], "usage": USAGE}
    if not streamed:
        return reply_json(whole)
    events = [{"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": t} for t in SAYS[kind]]
    events += [{"type": "response.output_item.done", "output_index": 0, "item": item}, {"type": "response.completed", "response": whole}]
    return stream(*(event(e) for e in events))


def of_completions(kind, streamed):
    def one(text, finish):
        return {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}

    if not streamed:
        return reply_json(one("".join(SAYS[kind]), "stop"))
    return stream(*(event(one(t, None)) for t in SAYS[kind]), event(one("", "stop")), DONE)


def answer_for(path):
    return of_messages if "messages" in path else of_responses if "responses" in path else of_chat if "chat" in path else of_completions


class PolicyAnswers(Case):
    @classmethod
    def make(cls):
        cls.kind, cls.slow = "good", False
        cls.up = upstream.Upstream(lambda request, out: cls.answer(request, out))
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in RULES.items():
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(provider("up", cls.up) + claude("claude", cls.up) + 'provider "own" { plugin = "demo" }\n'
                       'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\nmodel "own" { { "own/demo" } }\n'
                       'limits { ping_s = 1 }\n'
                       'policy "%s/answer.lua" {}\npolicy "%s/watch.lua" { mode = "observe" }\n' % (cls.dir, cls.dir))

    @classmethod
    def answer(cls, request, out):
        data = answer_for(request.path)(cls.kind, bool(request.json().get("stream")))
        if cls.slow:
            half = data.index(b"\r\n\r\n") + 4
            out.send(data[:half])
            time.sleep(2.5)
            data = data[half:]
        out.send(data)

    def ask(self, face, model, streamed, text="hi"):
        body = dict(json.loads(json.dumps(FACES[face][1](1)).replace("write to a@b.de", text).replace("to a@b.de", text)), model=model, stream=streamed)
        return self.gw.request("POST", FACES[face][0], [VERSION], body)

    def each(self):
        for face, model, how in WAYS:
            for streamed in (False, True):
                with self.subTest(face=face, how=how, stream=streamed):
                    yield face, model, how, streamed

    def row(self, got):
        return [p for p in self.gw.log_for(got.id)["policies"] if p["policy"] == "answer" and p["hook"] == "on_response"][0]

    @tsan
    def test_every_answer_is_seen_before_the_client(self):
        for face, model, how, streamed in self.each():
            for kind in KINDS:
                if kind == "tool" and (face == "completions" or how == "local"):
                    continue
                type(self).kind = kind
                got = self.ask(face, model, streamed, "a forbidden word" if how == "local" and kind == "forbidden" else "hi")
                if kind == "good":
                    self.assertEqual((got.status, got.complete), (200, True), got)
                    row = self.row(got)
                    self.assertNotIn("decision", row)
                    if how != "local":
                        self.assertTrue(row["notes"][0].startswith("stop|hello|0|"), row)
                    continue
                self.assertEqual(got.status, 403, got)
                self.assertNotIn(b"forbid", got.body.replace(b"no_shell", b""))
                self.assertIn(b"not_this" if kind == "forbidden" else b"no_shell", got.body)
                line = self.gw.log_for(got.id)
                self.assertEqual((line["row"], len(line["attempts"])), ("policy.response", 1), line)
                if how != "local":
                    self.assertGreater(line["usage"]["output"], 0, line["usage"])  # it was answered, and is paid for

    def check_other(self, got, face, streamed):
        self.assertEqual((got.status, got.complete), (200, True), got)
        self.assertNotIn(b"forbid", got.body)
        self.assertIn(b"something else", got.body)
        if not streamed:
            whole = got.json()
            text = (whole["choices"][0]["message"]["content"] if face == "chat" else whole["content"][0]["text"] if face == "messages"
                    else whole["output"][0]["content"][0]["text"])
            self.assertEqual(text, "something else")
        else:
            end = {"chat": b"data: [DONE]", "messages": b"event: message_stop", "responses": b"response.incomplete"}[face]
            self.assertIn(end, got.body)
            if face != "responses":
                self.assertEqual((got.body.count(end), got.body.count(b"something else")), (1, 1), got.body)

    def test_another_answer_in_its_place(self):
        type(self).kind = "forbidden"
        for face, model, how, streamed in self.each():
            if face == "completions":
                continue
            got = self.ask(face, model, streamed, "say other things than a forbidden word")
            self.check_other(got, face, streamed)
            line = self.gw.log_for(got.id)
            row = self.row(got)
            self.assertEqual((row["decision"], row["reason"], len(line["attempts"])), ("answer", "rewritten", 1), line)
            if how != "local":
                self.assertGreater(line["usage"]["output"], 0, line["usage"])

    def test_another_answer_after_pings(self):
        type(self).kind, type(self).slow = "forbidden", True
        try:
            for face, model in (("messages", "claude"), ("chat", "up")):
                got = self.ask(face, model, True, "say other things")
                self.check_other(got, face, True)
                self.assertIn(b"ping" if face == "messages" else b": keep-alive", got.body)
        finally:
            type(self).slow = False

    def test_usage_that_nobody_reports_is_of_the_answer_that_went(self):
        type(self).kind = "unmetered"
        got = self.ask("chat", "up", False, "say other things")
        self.check_other(got, "chat", False)
        self.assertGreater(self.gw.log_for(got.id)["usage"]["output"], 1000)  # 6,000 bytes, not the 14 of the policy

    def test_a_held_stream_is_what_came(self):
        type(self).kind = "good"
        got = self.ask("messages", "claude", True)
        self.assertEqual([e[0] for e in client.sse(got.body)],
                         ["message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop"])
        self.assertTrue(got.body.endswith(STOP))

    def test_pings_while_it_is_held(self):
        type(self).slow = True
        try:
            for face, model in (("messages", "claude"), ("chat", "up")):
                for kind in ("good", "forbidden"):
                    type(self).kind = kind
                    got = self.ask(face, model, True)
                    self.assertEqual(got.status, 200, got)  # the head went with the first ping
                    self.assertIn(b"ping" if face == "messages" else b": keep-alive", got.body)
                    self.assertEqual(b"not_this" in got.body, kind == "forbidden", got.body)
                    self.assertNotIn(b"forbid", got.body)
                    self.assertIsNone(got.header("x-length"), got)
            self.assertIn('gw_policy_events_total{policy="answer",event="late"} ', self.gw.request("GET", "/metrics").body.decode())
        finally:
            type(self).slow = False

    def test_skip_lets_it_flow(self):
        type(self).kind = "forbidden"
        for face, model, how, streamed in self.each():
            if how == "local":
                continue
            got = self.ask(face, model, streamed, "let it flow")
            self.assertEqual((got.status, got.complete), (200, True), got)
            self.assertIn(b"forbid", got.body)
            self.assertEqual([p["hook"] for p in self.gw.log_for(got.id)["policies"] if p["policy"] == "answer"], ["on_request"])
        self.assertEqual(self.ask("chat", "up", False, "misspelt hook").status, 500)

    def test_observe_and_json(self):
        type(self).kind = "good"
        got = self.ask("chat", "up", False)
        rows = {p["policy"]: p for p in self.gw.log_for(got.id)["policies"]}
        self.assertEqual((got.status, rows["watch"]["decision"], rows["watch"]["observed"]), (200, "deny", True))
        self.assertEqual(self.ask("chat", "up", False, "as json").status, 502)


if __name__ == "__main__":
    unittest.main()
