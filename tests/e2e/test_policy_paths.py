"""test_policy_paths.py - no path avoids the policies: each path of the server's table x each kind of provider x whole and streamed x relayed,
translated, answered by the gateway and by its cache. In each cell a policy is seen to count, to mark and to refuse in each of its hooks.
HOOKLESS has the paths on which a hook does not run, with the reason."""

import json
import os
import re
import tempfile

import upstream
from grid import Grid
from harness import ROOT, Case, Gateway, claude, provider
from test_anthropic import CLOSE, FINISH, OPEN, START, STOP, TEXT, VERSION, WHOLE
from test_policy_edit import answer as answer_openai
from test_relayed import FORM, JSON, form
from upstream import chunk, event, reply_json, stream, stream_head

RULE = """
local policy = {}
local function seen(req, hook)
    gw.note(hook)
    gw.count(hook)
    if req.headers["x-deny"] == hook then return gw.deny(403, "denied_there", "denied in " .. hook) end
end
function policy.on_request(req)
    req:send_header("x-marked", req.kind)
    return seen(req, "on_request")
end
function policy.on_route(req, targets)
    req:send_header("x-attempt", tostring(req.attempt))
    if req.headers["x-deny"] == "second" and req.attempt == 1 then return seen(req, "on_route") end
    return seen(req, req.headers["x-deny"] == "second" and "second" or "on_route")
end
function policy.on_response(req, resp)
    if not req:reply_header("x-answer", tostring(#resp.text)) then error("its head is not sent yet") end
    resp:map_text(function(text) return text .. " (seen)" end)
    return seen(req, "on_response")
end
function policy.on_finish(req, done)
    seen(req, "on_finish")
    gw.note(done.outcome)
end
return policy
"""
ASKS = """
return { on_request = function(req)
    if req.headers["x-ask"] then return gw.answer(gw.llm.ask("m", "hi") or "nothing came") end
end }
"""
LUA = """
%(up)s %(claude)s %(gemini)s
provider "own" { plugin = "demo" }
model "m" { { "up/real" } }
model "claude" { { "claude/claude-sonnet-4-5" } }
model "gemini" { { "gemini/gemini-3-flash" } }
model "own" { { "own/demo" } }
model "fall" { { "up/broken" }, fallback = { "up/real" } }
cache { mb = 4, ttl_s = 600 }
"""
POLICIES = 'policy "%(dir)s/seen.lua" {}\npolicy "%(dir)s/asks.lua" { llm = { "m" } }\n'

HI = [{"role": "user", "content": "hi"}]
PNG = [("image", b"\x89PNG\r\n"), ("prompt", "x")]
WAV = [("file", b"RIFF")]
# What is sent to each POST path of core/http/routes.c: a body, or the parts of a form; and whether the answer may be a stream.
BODIES = {
    "/chat/completions": ({"messages": HI}, True),
    "/completions": ({"prompt": "hi"}, True),
    "/embeddings": ({"input": "hi"}, False),
    "/responses": ({"input": "hi", "store": False}, True),
    "/moderations": ({"input": "hi"}, False),
    "/rerank": ({"query": "hi", "documents": ["a"]}, False),
    "/images/generations": ({"prompt": "hi"}, True),
    "/images/edits": (PNG, False),
    "/images/variations": (PNG, False),
    "/audio/speech": ({"input": "hi", "voice": "v"}, True),
    "/audio/transcriptions": (WAV, False),
    "/audio/translations": (WAV, False),
    "/messages": ({"messages": HI, "max_tokens": 9}, True),
    "/messages/count_tokens": ({"messages": HI}, False),
}
MODELS = ("m", "claude", "gemini", "own")
HOOKS = ("on_request", "on_route", "on_response", "on_finish")
NOT_TEXT = "on_response: its answer is no text of a model (vectors, marks, pictures, sound), which no hook can read"
HOOKLESS = {
    "/messages/count_tokens": "all hooks: the gateway estimates, nothing of the text goes upstream and nothing is spent",
    "/models": "all hooks: a list of names, of which the key may see its own; it has no text and asks nobody",
    "answers of gw.answer": "on_route and on_response: nobody is asked, and the text is the policy's own",
    "requests of gw.llm": "all but on_route: a policy would judge itself; on_route holds them to the same targets",
    "hits of the cache": "none is left out: on_route runs before the cache is looked at, on_response sees what comes out of it",
    "the next secret of a target": "on_route: that target was decided on",
}
TEXTS = ("/chat/completions", "/completions", "/responses", "/messages")


def paths():
    """The POST paths of the server's table."""
    with open(os.path.join(ROOT, "core", "http", "routes.c"), encoding="utf-8") as f:
        return re.findall(r'{ POSTED\("([^"]+)"', f.read())


def gemini(request, out):
    if "Embed" in request.path:
        return out.send(reply_json({"embeddings": [{"values": [0.5]}]}))
    if "countTokens" in request.path:
        return out.send(reply_json({"totalTokens": 3}))
    said = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}, "modelVersion": "g"}
    return out.send(stream(event(said)) if "stream" in request.path else reply_json(said))


def of_responses(request, out):
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "hello", "annotations": []}]}
    whole = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}
    delta = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "hello"}
    streamed = request.json().get("stream")
    out.send(stream(event(delta), event({"type": "response.completed", "response": whole})) if streamed else reply_json(whole))


def answer(request, out):
    if b"broken" in request.body:
        return out.send(reply_json({"error": {"message": "no", "type": "server_error"}}, 500))
    if "v1beta" in request.path:
        return gemini(request, out)
    if "count_tokens" in request.path:
        return out.send(reply_json({"input_tokens": 3}))
    if "messages" in request.path:
        streamed = request.json().get("stream")
        return out.send(stream_head() + chunk(START + OPEN + TEXT + CLOSE + FINISH + STOP) + b"0\r\n\r\n" if streamed else reply_json(WHOLE))
    if "responses" in request.path:
        return of_responses(request, out)
    if any(word in request.path for word in ("chat", "/completions", "embeddings")):
        return answer_openai(request, out)
    return out.send(reply_json({"id": "x", "results": [], "data": [], "text": "hello"}))


class Paths(Case):
    env = {}

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(answer)
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in (("seen.lua", RULE), ("asks.lua", ASKS)):
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        lua = LUA % {"up": provider("up", cls.up), "claude": claude("claude", cls.up),
                     "gemini": 'provider "gemini" { plugin = "gemini", base_url = "%s/v1beta", secret = env "UP_KEY" }\n' % cls.up.url[:-3]}
        cls.bare = Gateway(lua, env=cls.env)  # the same without policies: which cells reach a model
        cls.total = {}
        return Gateway(lua + POLICIES % {"dir": cls.dir}, env=cls.env)

    @classmethod
    def tidy(cls):
        cls.bare.stop()
        super().tidy()

    def setUp(self):
        self.up.take()

    def ask(self, gw, path, model, streamed, headers=(), root="/v1"):
        body = BODIES[path][0]
        head = [VERSION, FORM if isinstance(body, list) else JSON, *headers]
        if isinstance(body, list):
            return gw.request("POST", root + path, head, form(body + [("model", model)]))
        more = {"stream": True} if streamed else {}
        return gw.request("POST", root + path, head, json.dumps(dict(body, model=model, **more)).encode())

    def cells(self):
        """Each path, model and form that is answered where there are no policies."""
        self.assertEqual(sorted(paths()), sorted(BODIES), "a path that BODIES does not have, or one that is no more")
        for path in paths():
            for model in MODELS:
                for streamed in (False, True)[: 1 + BODIES[path][1]]:
                    got = self.ask(self.bare, path, model, streamed, [("x-gw-cache", "no-store")])
                    if got.status == 200:
                        yield path, model, streamed
                    else:
                        self.assertNotEqual(model, "m", (path, got))
                        self.assertIn(got.status, (400, 404, 501), (path, model, got))

    def entry(self, got):
        """What the policy did in each hook, by the access log: hook -> its notes."""
        rows = [r for r in self.gw.log_for(got.id).get("policies", ()) if r["policy"] == "seen"]
        for hook in (r["hook"] for r in rows):
            self.total[hook] = self.total.get(hook, 0) + 1
        return {r["hook"]: r["notes"] for r in rows}

    def check_pass(self, path, model, streamed, cached):
        got = self.ask(self.gw, path, model, streamed, [("x-gw-cache", "no-store")] if not cached else ())
        self.assertEqual((got.status, got.complete), (200, True), got)
        want = {hook: [hook] for hook in HOOKS if hook != "on_response" or path in TEXTS}
        want["on_finish"] = ["on_finish", "ok"]
        self.assertEqual(self.entry(got), want)
        self.assertEqual((b" (seen)" in got.body, got.header("x-answer") is not None), (path in TEXTS, path in TEXTS), got)
        seen = self.up.take()
        if cached == "hit":
            self.assertIn("hit", got.header("cache-status"))
            self.assertEqual(seen, [])
        elif model != "own":
            self.assertEqual([(r.headers["x-attempt"], bool(r.headers["x-marked"])) for r in seen], [("1", True)])

    def check_denied(self, path, model, streamed, hook):
        got = self.ask(self.gw, path, model, streamed, [("x-deny", hook), ("x-gw-cache", "no-store")])
        self.assertEqual(got.status, 403, got)
        self.assertIn(b"denied in " + hook.encode(), got.body)
        self.assertNotIn(b"hello", got.body)
        ran = self.entry(got)
        self.assertEqual(ran["on_finish"], ["on_finish", "denied"])
        self.assertEqual(list(ran), [*HOOKS[: HOOKS.index(hook) + 1], "on_finish"])
        self.assertEqual(len(self.up.take()), int(hook == "on_response" and model != "own"), "what was asked of the upstream")

    def test_every_path(self):
        grid, count, before = Grid("path", MODELS), 0, self.counts()
        self.total.clear()
        for path, model, streamed in self.cells():
            self.up.take()
            with self.subTest(path, model=model, stream=streamed):
                if path == "/messages/count_tokens":
                    self.check_counted(model)
                    continue
                self.check_pass(path, model, streamed, None)
                for hook in HOOKS[: 2 + (path in TEXTS)]:
                    self.check_denied(path, model, streamed, hook)
                grid.add(path, model, "ok")
                count += 1
        grid.print()
        self.assertGreaterEqual(count, 33)
        after = self.counts()
        self.assertEqual({hook: after[hook] - before.get(hook, 0) for hook in HOOKS}, self.total, "what gw.count counted is what the log has")

    def counts(self):
        text = self.gw.request("GET", "/metrics").body.decode()
        return {m[1]: int(m[2]) for m in re.finditer(r'gw_policy_events_total{policy="seen",event="(\w+)"} (\d+)', text)}

    def check_counted(self, model):
        got = self.ask(self.gw, "/messages/count_tokens", model, False, [("x-deny", "on_request")])
        self.assertEqual(got.status, 200, got)
        self.assertGreater(got.json()["input_tokens"], 0)
        self.assertEqual((self.entry(got), self.up.take()), ({}, []), HOOKLESS["/messages/count_tokens"])

    def test_lists_have_no_hooks(self):
        for path in ("/v1/models", "/v1/models/m", "/models"):
            got = self.gw.request("GET", path, [("x-deny", "on_request")])
            self.assertEqual((got.status, self.entry(got), self.up.take()), (200, {}, []), HOOKLESS["/models"])

    def test_a_deployment_in_the_path(self):
        for path in sorted(set(paths()) - {"/messages", "/messages/count_tokens"}):
            with self.subTest(path):
                root = "/openai/deployments/m"
                got = self.ask(self.gw, path, "another", False, [("x-gw-cache", "no-store")], root)
                self.assertEqual((got.status, self.entry(got)["on_request"]), (200, ["on_request"]), got)
                self.assertEqual(len(self.up.take()), 1)
                got = self.ask(self.gw, path, "another", False, [("x-deny", "on_request")], root)
                self.assertEqual((got.status, list(self.entry(got)), self.up.take()), (403, ["on_request", "on_finish"], []), got)

    def test_an_answer_of_the_cache(self):
        for path in TEXTS:
            for streamed in (False, True):
                with self.subTest(path, stream=streamed):
                    if "hit" not in (self.ask(self.gw, path, "m", streamed).header("cache-status") or ""):
                        self.assertEqual(len(self.up.take()), 1)
                    self.check_pass(path, "m", streamed, "hit")
                    for hook in HOOKS[:3]:
                        got = self.ask(self.gw, path, "m", streamed, [("x-deny", hook)])
                        self.assertEqual((got.status, self.up.take()), (403, []), (hook, got))
                        self.assertNotIn(b"hello", got.body)

    def test_the_attempt_after_a_failure(self):
        for path in sorted(set(paths()) - {"/messages/count_tokens"}):
            with self.subTest(path):
                got = self.ask(self.gw, path, "fall", False, [("x-gw-cache", "no-store")])
                self.assertEqual((got.status, [r.headers["x-attempt"] for r in self.up.take()]), (200, ["1", "2"]), got)
                got = self.ask(self.gw, path, "fall", False, [("x-deny", "second"), ("x-gw-cache", "no-store")])
                self.assertEqual((got.status, len(self.up.take())), (403, 1), got)

    def test_what_a_policy_asks(self):
        got = self.gw.chat("hi", headers=[("x-ask", "1")])
        self.assertEqual(got.json()["choices"][0]["message"]["content"], "hello", got)
        self.assertEqual(list(self.entry(got)), ["on_request", "on_finish"], HOOKLESS["answers of gw.answer"])
        line = self.gw.log_when(lambda line: line.get("parent") == got.id)
        self.assertEqual([r["hook"] for r in line["policies"] if r["policy"] == "seen"], ["on_route"], HOOKLESS["requests of gw.llm"])
        self.assertEqual(len(self.up.take()), 1)


class OnJobs(Paths):
    """The same where every body is read and written on a job thread, as large ones are."""

    env = {"GW_JOB_BYTES": "1"}


if __name__ == "__main__":
    import unittest

    unittest.main()
