"""test_policy_serving.py - the 36 rules of the design in gateways that serve: each rule is the policy of a team of its own, and gets requests on
every client API, whole and streamed. None fails, each does what it is for, and the three APIs of conversations get the same from it."""

import json
import os
import shutil
import tempfile
import unittest

import upstream
from harness import Gateway, auth, key_line, provider, shared
from test_anthropic import VERSION
from test_budget import PRICE
from test_policy_rules import rule_names, rule_text
from test_relayed import FORM, form
from upstream import DONE, delta, event, reply_json, stream, usage_event

# Kinds of requests that a rule cannot be for, as it is written: block `kinds`.
CHAT = 'kinds = { "chat" }'  # it asks models for this request, or adds a system text
WORDS = 'kinds = { "chat", "completion" }'  # it sets a temperature
TEXTS = 'kinds = { "chat", "completion", "embedding", "moderation", "rerank" }'  # it masks: a form's texts cannot be changed
# Of a rule: its block beside the team; what its requests have (say() below), and what shows in the access log that it has done its work ("some": in one
# of its requests at least; the APIs then differ by what came before).
RULES = {
    "01-long-to-smart": {"block": "args = { over_tokens = 20 }", "text": "word " * 50, "does": '"route"'},
    "02-images-to-vision": {"images": 1, "does": "1 images"},
    "03-classify": {"block": 'llm = { "classifier" }', "does": "class code"},
    "04-agent-chores": {"system": "You are a title generator", "does": "chore: title"},
    "05-soft-budget": {"block": "args = { share = 0.0 }", "more": "budget = { usd = 100, per = \"day\" }", "does": "soft budget"},
    "06-business-hours": {"block": 'args = { open = "mon-sun 00:00-24:00" }', "tags": "batch=1", "does": "come_at_night", "status": 429},
    "07-user-quota": {"block": "args = { tokens_per_day = 1 }", "user": True, "does": "user_quota", "status": 429},
    "08-session-cap": {"block": "args = { warn_usd = 0.0 }", "more": "session_budget = { usd = 9, per = \"total\" }", "session": True, "does": "session over"},
    "09-loop-stop": {"calls": 5, "does": "add_system"},
    "10-tool-allow": {"block": 'args = { allow = { ["TEAM"] = { "read" } } }', "calls": 1, "does": "keep_tools"},
    "11-mask": {"block": TEXTS, "text": "mail a@b.de", "does": "1 values masked"},
    "12-eu-only": {"model": "pair", "tags": "confidential=1", "does": '"order"'},
    "13-fallback-by-error": {"model": "limited", "does": '"order"', "some": True},
    "14-sticky": {"model": "limited", "session": True, "does": '"order"', "some": True},
    "15-canary": {"block": 'args = { from = "m", percent = 100 }', "does": "canary"},
    "16-valid-json": {"block": "retries = 2", "json": True, "does": "invalid_json", "status": 502},
    "17-refusal": {"text": "say no", "does": "refused by"},
    "18-cascade": {"block": 'llm = { "judge" }', "does": "judged 3"},
    "19-vote": {"block": 'llm = { "fast", "smart", "backup" }, ' + CHAT, "tags": "vote=1", "does": "3 of 3 agree"},
    "20-race": {"block": 'llm = { "fast", "backup" }, ' + CHAT, "does": "racer", "some": True},
    "21-system-by-team": {"block": 'args = { rules = { ["TEAM"] = "Be short." } }', "does": "add_system"},
    "22-template": {"block": CHAT, "headers": [("x-template", "summary"), ("x-template-values", '{"reader":"us","words":9}')], "does": "add_system"},
    "23-caps": {"block": 'args = { max_tokens = { ["TEAM"] = 10 } }, ' + WORDS, "tags": "env=production", "does": "cap, set"},
    "24-upstream-headers": {"does": "send_header"},
    "25-alias": {"model": "claude-opus-4-8", "headers": [("user-agent", "claude-cli/2.0.1 (external, cli)")], "does": "alias claude-opus"},
    "26-prompt-guard": {"text": "about project nightfall", "does": "not_allowed_text", "status": 403},
    "27-moderation": {"block": 'http = { moderation = { url = "PLACE" } }, wait_ms = 5000', "text": "bad words", "does": "flagged", "status": 400},
    "28-faq": {"text": "how late?", "does": "faq"},
    "29-room": {"model": "room", "max_tokens": 99000, "does": '"order"'},
    "30-cheapest-that-is-well": {"model": "pair", "does": '"order"'},
    "31-must-say-who": {"headers": [("x-gw-project", "shop"), ("x-feature", "search")], "tagged": "feature=search"},
    "32-redact-answer": {"text": "leak it", "does": "map_text"},
    "33-token-rate": {"block": "args = { tokens_per_minute = 1 }", "model": "private", "does": "gpu_busy", "status": 429},
    "34-language": {"text": "\u043f\u0440\u0438\u0432\u0435\u0442", "does": "script cyrillic"},
    "35-plans": {"does": "plan free"},
    "36-injection-screen": {"block": 'llm = { "classifier" }', "calls": 1, "does": "injection", "status": 400},
}
MODELS = "m long vision smart fast classifier judge backup private".split()
LUA = """
listen { workers = 1 }
ledger { path = "%(dir)s/ledger" }
%(up)s %(cheap)s
model "pair" { { "up/us", region = "us" }, { "cheap/eu", region = "eu" } }
model "limited" { { "up/limited" }, fallback = { "up/other", "cheap/third" } }
model "room" { { "up/gpt-4", }, { "up/gpt-4.1" } }
"""

PNG = "data:image/png;base64,iVBORw0KGgo="
LIMITED = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}


def say(rule, face):
    """The body of a request in the words of a client API of conversations."""
    text, calls, images = rule.get("text", "hello"), rule.get("calls", 0), rule.get("images", 0)
    tool = {"type": "object", "properties": {}}
    out = {}
    if face == "chat":
        turns = [{"role": "system", "content": rule["system"]}] if "system" in rule else []
        turns.append({"role": "user", "content": [{"type": "text", "text": text}] + [{"type": "image_url", "image_url": {"url": PNG}}] * images})
        for n in range(calls):
            turns.append({"role": "assistant", "content": None, "tool_calls": [{"id": "c%d" % n, "type": "function", "function": {"name": "ls", "arguments": "{}"}}]})
            turns.append({"role": "tool", "tool_call_id": "c%d" % n, "content": "found"})
        out = {"messages": turns, **({"response_format": {"type": "json_object"}} if rule.get("json") else {})}
        if calls:
            out["tools"] = [{"type": "function", "function": {"name": name, "parameters": tool}} for name in ("ls", "read")]
        if "max_tokens" in rule:
            out["max_tokens"] = rule["max_tokens"]
    elif face == "messages":
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
        turns = [{"role": "user", "content": [{"type": "text", "text": text}] + [image] * images}]
        for n in range(calls):
            turns.append({"role": "assistant", "content": [{"type": "tool_use", "id": "c%d" % n, "name": "ls", "input": {}}]})
            turns.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c%d" % n, "content": "found"}]})
        out = {"messages": turns, "max_tokens": rule.get("max_tokens", 2000), **({"system": rule["system"]} if "system" in rule else {})}
        if rule.get("json"):
            out["output_config"] = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
        if calls:
            out["tools"] = [{"name": name, "input_schema": tool} for name in ("ls", "read")]
    else:
        items = [{"role": "user", "content": [{"type": "input_text", "text": text}] + [{"type": "input_image", "image_url": PNG}] * images}]
        for n in range(calls):
            items.append({"type": "function_call", "call_id": "c%d" % n, "name": "ls", "arguments": "{}"})
            items.append({"type": "function_call_output", "call_id": "c%d" % n, "output": "found"})
        out = {"input": items, **({"instructions": rule["system"]} if "system" in rule else {})}
        if rule.get("json"):
            out["text"] = {"format": {"type": "json_object"}}
        if calls:
            out["tools"] = [{"type": "function", "name": name, "parameters": tool} for name in ("ls", "read")]
        if "max_tokens" in rule:
            out["max_output_tokens"] = rule["max_tokens"]
    return out


PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
# The client APIs that are no conversations: path, body of a text, may it be a stream
OTHERS = (
    ("/v1/completions", lambda text: {"prompt": text}, True),
    ("/v1/embeddings", lambda text: {"input": text}, False),
    ("/v1/moderations", lambda text: {"input": text}, False),
    ("/v1/rerank", lambda text: {"query": text, "documents": ["a"]}, False),
    ("/v1/images/generations", lambda text: {"prompt": text}, False),
    ("/v1/audio/transcriptions", None, False),
)


def text_for(request):
    """What the upstream answers."""
    body, model = request.body.decode("utf-8", "replace"), request.json().get("model") if request.body[:1] == b"{" else ""
    if model == "classifier":
        return "yes" if "give orders" in body else "Code."
    return "3" if model == "judge" else "I can't help with that." if "say no" in body else "sk-abc-1 it is" if "leak" in body else "hello"


def answer(request, out):
    body = request.json() if request.body[:1] == b"{" else {}
    text, streamed = text_for(request), body.get("stream")
    if body.get("model") == "limited":
        return out.send(reply_json(LIMITED, 429))
    if "/moderate" in request.path:
        return out.send(reply_json({"results": [{"flagged": "bad" in body["input"]}]}))
    if "chat" in request.path:
        return out.send(stream(delta(text), delta(finish="stop"), usage_event(), DONE) if streamed else reply_json(upstream.completion(text)))
    if "responses" in request.path:
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": text, "annotations": []}]}
        whole = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}
        piece = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text}
        return out.send(stream(event(piece), event({"type": "response.completed", "response": whole})) if streamed else reply_json(whole))
    if "completions" in request.path:
        choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
        whole = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}
        return out.send(stream(event(whole), DONE) if streamed else reply_json(whole))
    if "embeddings" in request.path:
        return out.send(reply_json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
    return out.send(reply_json({"id": "x", "results": [], "data": [], "text": "hello"}))


class Serving(unittest.TestCase):
    def setUp(self):
        self.up = upstream.Upstream(answer)
        self.addCleanup(self.up.stop)
        folder = tempfile.TemporaryDirectory(prefix="gw-rules-")
        self.addCleanup(folder.cleanup)
        self.here = folder.name
        shutil.copytree(os.path.join(shared("design", "policies"), "lib"), os.path.join(self.here, "lib"))

    def start(self, rules):
        lua = LUA % {"dir": self.here, "up": provider("up", self.up, PRICE), "cheap": provider("cheap", self.up, "price = { input_usd_per_mtok = 0.01, output_usd_per_mtok = 0.01 }")}
        lua += "".join('model "%s" { { "up/%s" } }\n' % (name, name) for name in MODELS)
        for rule in rules:
            with open(os.path.join(self.here, rule + ".lua"), "w", encoding="utf-8") as f:
                f.write(rule_text(rule))
            block = RULES[rule].get("block", "").replace("TEAM", rule).replace("PLACE", self.up.url[:-3] + "/moderate")
            lua += 'team "%s" { %s }\n' % (rule, RULES[rule].get("more", "")) + key_line(rule, rule)
            lua += 'policy "%s/%s.lua" { teams = { "%s" }, %s }\n' % (self.here, rule, rule, block)
        gw = Gateway(lua)
        self.addCleanup(gw.kill)
        return gw

    def head(self, name, rule, bare=False):
        head = [VERSION, *auth(name), *(() if bare else rule.get("headers", ()))]
        if bare:
            return head
        head += [("x-gw-tags", rule["tags"])] if "tags" in rule else []
        head += [("x-gw-user", "u")] if rule.get("user") else []
        head += [("x-gw-session", "s")] if rule.get("session") else []
        return head

    def send(self, gw, name):
        """Every request to one rule; (client API, stream, the answer) of each."""
        rule = RULES[name]
        model = rule.get("model", "m")
        for _ in range(2):  # what later ones find counted, cached and spent
            yield "first", False, gw.request("POST", PATHS["chat"], self.head(name, rule), dict(say(rule, "chat"), model=model))
        for face, path in PATHS.items():
            for streamed in (False, True):
                yield face, streamed, gw.request("POST", path, self.head(name, rule), dict(say(rule, face), model=model, stream=streamed))
                yield "bare", streamed, gw.request("POST", path, self.head(name, rule, True), dict(say({}, face), model="m", stream=streamed))
        for path, body, streams in OTHERS:
            for streamed in (False, True)[: 1 + streams]:
                head = self.head(name, rule)
                if body is None:
                    got = gw.request("POST", path, head + [FORM], form([("file", b"RIFF"), ("model", model)]))
                else:
                    more = {"stream": True} if streamed else {}
                    got = gw.request("POST", path, head, dict(body(rule.get("text", "hello")), model=model, **more))
                yield path, streamed, got

    def check(self, rules):
        gw = self.start(rules)
        answers = {name: list(self.send(gw, name)) for name in rules}
        lines = {line["id"]: line for line in gw.stop()}
        for name in rules:
            with self.subTest(name):
                self.check_rule(RULES[name], [(face, streamed, got, lines[got.id]) for face, streamed, got in answers[name]])

    def check_rule(self, rule, seen):
        same, did = {}, []
        for face, streamed, got, line in seen:
            where = "%s, %s: %r\n%r" % (face, "stream" if streamed else "whole", got, line)
            entries = [{k: e.get(k) for k in ("hook", "decision", "model", "code", "reason", "edits", "notes")} for e in line.get("policies", ())]
            self.assertNotIn("error", [e["decision"] for e in entries], where)
            self.assertNotEqual(got.status, 500, where)
            self.assertTrue(got.complete, where)
            told = json.dumps(entries, ensure_ascii=False, sort_keys=True)
            if face in PATHS:
                self.assertEqual(got.status, rule.get("status", 200), where)
                same[face, streamed] = told
            if face in PATHS or rule.get("some"):
                did.append(rule.get("does", "") in told and rule.get("tagged", "") in (line.get("tags") or ""))
        self.assertEqual(len(same), 6)
        self.assertTrue(any(did) if rule.get("some") else all(did), same)
        if not rule.get("some"):
            self.assertEqual(len(set(same.values())), 1, same)

    def test_the_first_half(self):
        self.check(rule_names()[:18])

    def test_the_other_half(self):
        self.check(rule_names()[18:])


if __name__ == "__main__":
    unittest.main()
