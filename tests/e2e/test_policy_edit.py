"""test_policy_edit.py - what policies change of a request, as the upstream gets it: each client API, whole and streamed, relayed and
translated. No way to an upstream goes past them, and money is held for the body that is sent."""

import json
import os
import tempfile
import unittest

import upstream
from harness import Case, Gateway, auth, claude, key_line, provider, tsan
from test_anthropic import CLOSE, FINISH, OPEN, START, STOP, TEXT, VERSION, WHOLE
from test_budget import PRICE
from upstream import DONE, chunk, delta, event, reply_json, stream, stream_head, usage_event

RULES = {
    "mask.lua": """
return { on_request = function(req)
    req:map_text(function(text) return (text:gsub("a@b%.de", "[EMAIL_1]")) end)
end }
""",
    "house.lua": """
local policy = {}
function policy.on_request(req)
    if req:find("raised") then req:set("max_tokens", 1000000) end
    if req.kind ~= "chat" then return end
    req:add_system("house rule")
    req:cap("max_tokens", 2000000)
    req:keep_tools(function(name) return name ~= "shell" end)
    req:send_header("X-Cost-Center", req.team)
    req:reply_header("x-seen-by", "house")
    if req:find("no such setting") then req:set("seed", 1) req:set("thinking_tokens", 2000) end
end
function policy.on_route(req, targets)
    if req:find("no betas") then req:send_header("anthropic-beta", nil) end
end
return policy
""",
    "late.lua": """
return { on_request = function(req)
    if req.kind == "chat" and not req.system_text:find("house rule", 1, true) then error("the edit before is not seen") end
    if req:find("a@b.de") then error("not masked") end
end }
""",
}

TOOLS = ("search", "shell")
SECRET = "a@b.de"


def chat(turns):
    messages = []
    for n in range(turns):
        messages += [{"role": "user", "content": "write to a@b.de"}]
        if n < turns - 1:
            call = {"id": "c%d" % n, "type": "function", "function": {"name": "search", "arguments": '{"to": "a\\u0040b.de", "a@b.de": 1}'}}
            messages += [{"role": "assistant", "content": "to a@b.de", "tool_calls": [call]},
                         {"role": "tool", "tool_call_id": "c%d" % n, "content": "a@b.de exists"}]
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in TOOLS]
    return {"messages": messages, "tools": tools, "max_tokens": 99}


def messages(turns):
    out = []
    for n in range(turns):
        result = [{"type": "tool_result", "tool_use_id": "c%d" % (n - 1), "content": [{"type": "text", "text": "a@b.de exists"}]}] if n else []
        out.append({"role": "user", "content": result + [{"type": "text", "text": "write to a@b.de"}]})
        if n < turns - 1:
            call = {"type": "tool_use", "id": "c%d" % n, "name": "search", "input": {"to": SECRET, "deep": [{"a@b.de": SECRET}]}}
            out.append({"role": "assistant", "content": [{"type": "text", "text": "to a@b.de"}, call]})
    system = [{"type": "text", "text": "of the client", "cache_control": {"type": "ephemeral"}}]
    return {"messages": out, "system": system, "max_tokens": 99, "tools": [{"name": name, "input_schema": {"type": "object"}} for name in TOOLS]}


def responses(turns):
    items = []
    for n in range(turns):
        items.append({"role": "user", "content": [{"type": "input_text", "text": "write to a@b.de"}]})
        if n < turns - 1:
            items += [{"type": "function_call", "call_id": "c%d" % n, "name": "search", "arguments": '{"to":"a@b.de"}'},
                      {"type": "function_call_output", "call_id": "c%d" % n, "output": "a@b.de exists"}]
    return {"input": items, "max_output_tokens": 99, "tools": [{"type": "function", "name": name, "parameters": {}} for name in TOOLS]}


FACES = {
    "chat": ("/v1/chat/completions", chat),
    "messages": ("/v1/messages", messages),
    "responses": ("/v1/responses", responses),
    "completions": ("/v1/completions", lambda turns: {"prompt": ["to a@b.de"] * turns, "max_tokens": 99}),
    "embeddings": ("/v1/embeddings", lambda turns: {"input": ["to a@b.de"] * turns}),
}
# face, model, how it goes
WAYS = (
    ("chat", "up", "relay"),
    ("chat", "claude", "translated"),
    ("messages", "claude", "relay"),
    ("messages", "up", "translated"),
    ("responses", "up", "relay"),
    ("completions", "up", "relay"),
    ("embeddings", "up", "relay"),
)
DONE_RESPONSE = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}


def answer(request, out):
    body = request.json()
    if "messages" in request.path:
        out.send(stream_head() + chunk(START + OPEN + TEXT + CLOSE + FINISH + STOP) + b"0\r\n\r\n" if body.get("stream") else reply_json(WHOLE))
    elif "responses" in request.path:
        done = event({"type": "response.completed", "response": DONE_RESPONSE})
        out.send(stream(done) if body.get("stream") else reply_json(DONE_RESPONSE))
    elif "embeddings" in request.path:
        out.send(reply_json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
    elif "chat" in request.path:
        upstream.good(request, out)
    else:
        choice = {"index": 0, "text": "hi", "finish_reason": "stop", "logprobs": None}
        whole = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        out.send(stream(event(whole), DONE) if body.get("stream") else reply_json(whole))


class PolicyEdits(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(answer)
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in RULES.items():
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(provider("up", cls.up, PRICE) + claude("claude", cls.up) +
                       'ledger { path = "%s/ledger", budget_mode = "strict", budget_wait_s = 0.05 }\n' % cls.dir +
                       'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\n'
                       'team "default" {}\nteam "short" { budget = { usd = "0.02", per = "total" } }\n' +
                       key_line("kd", "default") + key_line("ks", "short") +
                       "".join('policy "%s/%s" {}\n' % (cls.dir, name) for name in RULES))

    def setUp(self):
        self.up.take()

    def ask(self, face, body, headers=(), key="kd"):
        return self.gw.request("POST", FACES[face][0], [VERSION] + list(headers) + auth(key), body)

    def each(self):
        """Every face that there is, each way in which it can go, whole and streamed."""
        for face, model, how in WAYS:
            for streamed in (False, True):
                if streamed and face == "embeddings":
                    continue
                with self.subTest(face=face, how=how, stream=streamed):
                    yield face, model, how, streamed

    @tsan
    def test_every_way_to_an_upstream_is_edited(self):
        for face, model, how, streamed in self.each():
            for turns in (1, 2, 3):
                body = dict(FACES[face][1](turns), model=model)
                if face != "embeddings":
                    body["stream"] = streamed
                got = self.ask(face, body)
                self.assertEqual(got.status, 200, got)
                sent = self.up.take()
                self.assertEqual(len(sent), 1)
                text = json.dumps(json.loads(sent[0].body), ensure_ascii=False)
                self.assertNotIn(SECRET, text)
                self.assertIn("[EMAIL_1]", text)
                if face in ("completions", "embeddings"):
                    continue
                self.assertIn("house rule", text)
                self.assertIn('"search"', text)
                self.assertNotIn("shell", text)
                self.assertEqual(sent[0].headers.get("x-cost-center"), "default")
                self.assertEqual(got.header("x-seen-by"), "house")
                if face == "messages" and how == "relay":
                    self.assertIn("ephemeral", text)
                line = self.gw.log_for(got.id)
                rows = {p["policy"]: p for p in line["policies"] if p["hook"] == "on_request"}
                self.assertEqual(rows["mask"]["edits"], "map_text", rows)
                self.assertIn("add_system, ", rows["house"]["edits"])

    def test_a_relay_keeps_all_other_bytes(self):
        body = b'{ "model" : "up",\t"temperature": 0.50, "messages":[ {"role":"user","content":"caf\\u00e9"}, {"role":"user","content":"to a@b.de"} ], "stop":["x"] , "max_tokens":1e3}'
        self.ask("chat", body)
        self.assertEqual(
            self.up.take()[0].body.replace(b'"real"', b'"up"'),
            body.replace(b"a@b.de", b"[EMAIL_1]").replace(b'[ {"role"', b'[{"role":"system","content":"house rule"}, {"role"').replace(b"1e3", b"2000000"))

    def test_an_edit_that_an_api_cannot_carry_is_an_error(self):
        for face, model, _, streamed in self.each():
            if face not in ("chat", "messages", "responses"):
                continue
            body = json.loads(json.dumps(FACES[face][1](1)).replace("write", "no such setting"))
            got = self.ask(face, dict(body, model=model, stream=streamed))
            self.assertEqual(got.status, 500, got)
            self.assertEqual(self.up.take(), [])
            self.assertIn("API has no", str(self.gw.log_for(got.id)["policies"]))

    def test_headers_of_one_attempt(self):
        for text, seen in (("hello", "x-1"), ("no betas", None)):
            body = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
            self.assertEqual(self.ask("messages", body, [("anthropic-beta", "x-1")]).status, 200)
            self.assertEqual(self.up.take()[0].headers.get("anthropic-beta"), seen)

    def test_what_no_policy_can_read_goes_nowhere(self):
        for body in (b'{"model":"up","messages":[{"role":"user","content":"x","content":"a@b.de"}]}',
                     b'{"model":"up","messages":[{"role":"user","content":"a@b.de \\ud800"}]}'):
            got = self.ask("chat", body)
            self.assertEqual(got.status, 400, got)
            self.assertEqual(self.up.take(), [])

    def test_a_count_of_tokens_shows_the_text_to_nobody(self):
        body = {"model": "claude", "messages": [{"role": "user", "content": "to a@b.de"}]}
        got = self.gw.request("POST", "/v1/messages/count_tokens", [VERSION] + auth("kd"), body)
        self.assertEqual((got.status, got.header("x-gw-estimated")), (200, "true"), got)
        self.assertEqual(self.up.take(), [])

    def test_money_is_held_for_what_is_sent(self):
        for streamed in (False, True):
            body = {"model": "up", "max_tokens": 1, "stream": streamed, "messages": [{"role": "user", "content": "raised"}]}
            got = self.ask("chat", body, key="ks")
            self.assertEqual(got.status, 200, got)
            limit = json.loads(self.up.take()[0].body)["max_tokens"]
            self.assertTrue(1000 < limit <= 2000, limit)  # 0.02 buys 2,000 tokens: not the million of the policy
            self.assertEqual(got.header("x-gw-clamped"), "max_tokens=%d" % limit)


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class House(Case):
    """scripts/house.lua does what it is for."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(answer)
        return Gateway(provider("up", cls.up) + claude("claude", cls.up) +
                       'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\n'
                       'policy "%s/scripts/house.lua" { args = { rules = "Answer in German.", max_tokens = 50, thinking_tokens = 2000, no_tools = { "sh*" } } }\n' % ROOT)

    def test_it(self):
        for face, model, how in WAYS[:5]:
            with self.subTest(face=face, how=how):
                got = self.gw.request("POST", FACES[face][0], [VERSION], dict(FACES[face][1](2), model=model))
                self.assertEqual(got.status, 200, got)
                text = self.up.take()[0].body.decode()
                self.assertIn("Answer in German.", text)
                self.assertIn(":50", text.replace(": ", ":"))
                self.assertNotIn('"shell"', text)
                rows = self.gw.log_for(got.id)["policies"]
                self.assertEqual([r["hook"] for r in rows], ["on_request", "on_response"])
                self.assertEqual(rows[0]["notes"], ["max_tokens capped at 50", "tools left out: shell"])
        body = {"model": "claude", "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 8000}, "messages": [{"role": "user", "content": "hi"}]}
        self.assertEqual(self.gw.request("POST", "/v1/messages", [VERSION], body).status, 200)
        sent = self.up.take()[0].json()
        self.assertEqual((sent["max_tokens"], sent["thinking"]), (50, {"type": "disabled"}))

        def calls(request, out):
            call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}
            whole = upstream.completion()
            whole["choices"][0].update(message={"role": "assistant", "content": None, "tool_calls": [call]}, finish_reason="tool_calls")
            out.send(reply_json(whole))

        self.up.handler = calls
        got = self.gw.request("POST", "/v1/messages", [VERSION], dict(FACES["messages"][1](1), model="up"))
        self.assertEqual(got.status, 403, got)
        self.assertIn(b"tool_not_allowed", got.body)


if __name__ == "__main__":
    unittest.main()
