"""test_policy_restore.py - what the mask policy of scripts/ hides from the model comes back in the answer: each client API, whole and streamed,
relayed and translated, in texts and in calls of tools."""

import json
import os
import tempfile
import unittest

import upstream
from client import sse
from command import ROOT
from harness import Case, Gateway, auth, claude, key_line, provider, tsan
from test_anthropic import CLOSE, FINISH, OPEN, START, STOP, VERSION, WHOLE, named
from test_policy_edit import FACES
from upstream import DONE, chunk, delta, event, reply_json, stream, stream_head, usage_event

WAYS = (
    ("chat", "up", "relay"),
    ("chat", "claude", "translated"),
    ("messages", "claude", "relay"),
    ("messages", "up", "translated"),
    ("responses", "up", "relay"),
    ("completions", "up", "relay"),
)
PIECES = ["to [EM", "AIL_1", "] and", " [EMAIL_1]", "[EMAIL_2] [EMAIL"]
SAID = "".join(PIECES)
WANT = SAID.replace("[EMAIL_1]", "a@b.de")
ARGUMENTS = ['{"to": "[EMAI', 'L_1]", "cc": "[EMAIL_1]', '"}']
USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


def of_chat(streamed):
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "mail", "arguments": ""}}
    if not streamed:
        whole = upstream.completion()
        call["function"]["arguments"] = "".join(ARGUMENTS)
        whole["choices"][0].update(message={"role": "assistant", "content": SAID, "tool_calls": [call]}, finish_reason="tool_calls")
        return reply_json(whole)
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "real"}
    calls = [dict(head, choices=[{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}])]
    calls += [dict(head, choices=[{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": a}}]}, "finish_reason": None}])
              for a in ARGUMENTS]
    return stream(*[delta(t) for t in PIECES], *[event(c) for c in calls], delta(finish="tool_calls"), usage_event(), DONE)


def of_messages(streamed):
    tool = {"type": "tool_use", "id": "c1", "name": "mail", "input": json.loads("".join(ARGUMENTS))}
    if not streamed:
        return reply_json(dict(WHOLE, content=[{"type": "text", "text": SAID}, tool], stop_reason="tool_use"))
    texts = b"".join(named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}}) for t in PIECES)
    call = named({"type": "content_block_start", "index": 1, "content_block": dict(tool, input={})})
    call += b"".join(named({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": a}}) for a in ARGUMENTS)
    call += named({"type": "content_block_stop", "index": 1})
    return stream_head() + chunk(START + OPEN + texts + CLOSE + call + FINISH.replace(b"end_turn", b"tool_use") + STOP) + b"0\r\n\r\n"


def of_responses(streamed):
    part = {"type": "output_text", "text": SAID, "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
    call = {"type": "function_call", "id": "f", "call_id": "c1", "name": "mail", "arguments": "".join(ARGUMENTS), "status": "completed"}
    whole = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [message, call], "usage": USAGE}
    if not streamed:
        return reply_json(whole)
    at, of = {"item_id": "m", "output_index": 0, "content_index": 0}, {"item_id": "f", "output_index": 1}
    events = [{"type": "response.created", "response": dict(whole, output=[], usage=None, status="in_progress")}]
    events += [dict(at, type="response.output_text.delta", delta=t) for t in PIECES]
    events += [dict(at, type="response.output_text.done", text=SAID), dict(at, type="response.content_part.done", part=part),
               {"type": "response.output_item.done", "output_index": 0, "item": message}]
    events += [dict(of, type="response.function_call_arguments.delta", delta=a) for a in ARGUMENTS]
    events += [dict(of, type="response.function_call_arguments.done", arguments="".join(ARGUMENTS)),
               {"type": "response.output_item.done", "output_index": 1, "item": call}, {"type": "response.completed", "response": whole}]
    return stream(*(event(dict(e, sequence_number=n)) for n, e in enumerate(events)))


def of_completions(streamed):
    def one(text, finish):
        return {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}

    if not streamed:
        return reply_json(one(SAID, "stop"))
    return stream(*(event(one(t, None)) for t in PIECES), event(one("", "stop")), DONE)


def heard(face, got, streamed):
    """What a client makes of it: the text, and the arguments of the call as JSON."""
    if not streamed:
        v = got.json()
        if face == "chat":
            message = v["choices"][0]["message"]
            return message["content"], message["tool_calls"][0]["function"]["arguments"]
        if face == "messages":
            return v["content"][0]["text"], json.dumps(v["content"][1]["input"])
        if face == "responses":
            return v["output"][0]["content"][0]["text"], v["output"][1]["arguments"]
        return v["choices"][0]["text"], None
    text, arguments, ended = "", "", set()
    for _, data in sse(got.body):
        if data == "[DONE]":
            continue
        v = json.loads(data)
        for choice in v.get("choices", []):
            said = choice.get("delta", {}).get("content") or choice.get("text") or ""
            assert not (said and "finish" in ended), got.body
            text += said
            for call in choice.get("delta", {}).get("tool_calls", []):
                arguments += call["function"].get("arguments", "")
            if choice.get("finish_reason"):
                ended.add("finish")
        kind = v.get("type", "")
        if kind == "content_block_delta":
            assert v["index"] not in ended, got.body
            text += v["delta"].get("text", "")
            arguments += v["delta"].get("partial_json", "")
        elif kind == "content_block_stop":
            ended.add(v["index"])
        elif kind.endswith(".delta"):
            assert v["output_index"] not in ended, got.body
            if "arguments" in kind:
                arguments += v["delta"]
            else:
                text += v["delta"]
        elif kind.endswith(("_text.done", "_arguments.done")):
            ended.add(v["output_index"])
            assert v.get("text", text) == text and v.get("arguments", arguments) == arguments, got.body
    return text, arguments


class Restores(Case):
    @classmethod
    def make(cls):
        cls.bodies = []
        cls.up = upstream.Upstream(lambda request, out: cls.answer(request, out))
        scripts, cls.dir = os.path.join(ROOT, "scripts"), tempfile.mkdtemp(prefix="gw-restore-")
        with open(os.path.join(cls.dir, "held.lua"), "w", encoding="utf-8") as f:
            f.write("return { on_response = function(req, resp) gw.note(resp.text) end }")
        return Gateway(provider("up", cls.up) + claude("claude", cls.up) + 'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\n'
                       'team "all" {}\nteam "texts" {}\nteam "not" {}\nteam "held" {}\n' + key_line("held", "held") + key_line("all", "all") + key_line("texts", "texts") + key_line("not", "not") +
                       f'policy "{scripts}/mask.lua" {{ args = {{ arguments = true }}, teams = {{ "all" }} }}\n'
                       f'policy "{scripts}/mask.lua" {{ name = "texts", teams = {{ "texts", "held" }} }}\n'
                       f'policy "{cls.dir}/held.lua" {{ teams = {{ "held" }} }}\n')

    @classmethod
    def answer(cls, request, out):
        cls.bodies.append(request.body)
        of = of_messages if "messages" in request.path else of_responses if "responses" in request.path else of_chat if "chat" in request.path else of_completions
        out.send(of(bool(request.json().get("stream"))))

    def ask(self, face, model, streamed, team):
        body = dict(FACES[face][1](1), model=model, stream=streamed)
        got = self.gw.request("POST", FACES[face][0], [VERSION] + auth(team), body)
        self.assertEqual((got.status, got.complete), (200, True), got)
        return got

    @tsan
    def test_each_way(self):
        for face, model, how in WAYS:
            for streamed in (False, True):
                with self.subTest(face=face, how=how, stream=streamed):
                    plain = self.ask(face, model, streamed, "not")
                    self.assertIn(b"a@b.de", self.bodies[-1])
                    got = self.ask(face, model, streamed, "all")
                    self.assertNotIn(b"a@b.de", self.bodies[-1])
                    text, arguments = heard(face, got, streamed)
                    self.assertEqual(text, WANT)
                    if face != "completions":
                        self.assertEqual(json.loads(arguments), {"to": "a@b.de", "cc": "a@b.de"})
                    if streamed and face == "responses":
                        numbers = [json.loads(data)["sequence_number"] for _, data in sse(got.body)]
                        self.assertEqual(numbers, list(range(len(numbers))))
                    line, other = self.gw.log_for(got.id), self.gw.log_for(plain.id)
                    self.assertEqual(line["usage"], other["usage"])
                    self.assertEqual(line["policies"][0]["edits"], "map_text, replace_in_answer")
                    text, arguments = heard(face, self.ask(face, model, streamed, "texts"), streamed)
                    self.assertEqual(text, WANT)
                    if face != "completions":
                        self.assertEqual(json.loads(arguments), json.loads("".join(ARGUMENTS)))
                    got = self.ask(face, model, streamed, "held")  # a policy sees it first, as the model wrote it
                    self.assertEqual(heard(face, got, streamed)[0], WANT)
                    self.assertIn(SAID, [note for row in self.gw.log_for(got.id)["policies"] for note in row.get("notes", [])])


if __name__ == "__main__":
    unittest.main()
