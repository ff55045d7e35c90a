"""test_policy_reword.py - resp:map_text changes what the client gets: each client API, relayed and translated, whole and streamed; what was
used stays what the model wrote."""

import json
import os
import tempfile
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider, tsan
from test_anthropic import VERSION
from test_policy_answer import FACES, answer_for
from upstream import DONE, delta, event, reply_json, stream, usage_event
from test_policy_retry import WAYS as CHAT_WAYS

RULE = """
return { on_response = function(req, resp)
    if req:find("wait inside") then resp:map_text(function(t) gw.test_wait(1) end) end
    if req:find("a number") then resp:map_text(function(t) return 5 end) end
    if req:find("broken rule") then resp:map_text(function(t) return "half" end) error("oops") end
    resp:map_text(function(text, i)
        return (text:gsub("forbidden", "allowed \\"%0\\""):gsub("forbidden", "x"))
    end)
    gw.note(resp.text)
end }
"""
BEHIND = 'return { on_response = function(req, resp) gw.note(resp.text) end }'
WAYS = (*CHAT_WAYS, ("completions", "up", "relay"))


class Reworded(Case):
    @classmethod
    def make(cls):
        cls.kind, cls.data = "forbidden", None
        cls.up = upstream.Upstream(lambda request, out: cls.answer(request, out))
        cls.dir = tempfile.mkdtemp(prefix="gw-policy-")
        for name, text in (("map.lua", RULE), ("behind.lua", BEHIND)):
            with open(os.path.join(cls.dir, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(provider("up", cls.up) + claude("claude", cls.up) + 'model "up" { { "up/real" } }\nmodel "claude" { { "claude/claude-sonnet-4-5" } }\n'
                       'policy "%s/behind.lua" {}\npolicy "%s/map.lua" {}\n' % (cls.dir, cls.dir))

    @classmethod
    def answer(cls, request, out):
        out.send(cls.data or answer_for(request.path)(cls.kind, bool(request.json().get("stream"))))

    def ask(self, face, model, streamed, text="hi"):
        body = dict(json.loads(json.dumps(FACES[face][1](1)).replace("write to a@b.de", text).replace("to a@b.de", text)), model=model, stream=streamed)
        return self.gw.request("POST", FACES[face][0], [VERSION], body)

    def text(self, face, got, streamed):
        """What a client reads, and for responses in each place in which it stands."""
        if not streamed:
            whole = got.json()
            return {"chat": lambda: whole["choices"][0]["message"]["content"], "completions": lambda: whole["choices"][0]["text"],
                    "messages": lambda: whole["content"][0]["text"], "responses": lambda: whole["output"][0]["content"][0]["text"]}[face]()
        events = [json.loads(data) for _, data in client.sse(got.body) if data.startswith("{")]
        if face == "responses":
            pieces = "".join(e["delta"] for e in events if e["type"].endswith("text.delta"))
            for e in events:
                if e["type"] == "response.output_item.done":
                    self.assertEqual(e["item"]["content"][0]["text"], pieces)
                if e["type"] == "response.completed":
                    self.assertEqual(e["response"]["output"][0]["content"][0]["text"], pieces)
            return pieces
        if face == "messages":
            return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")
        return "".join(c.get("text") or (c.get("delta") or {}).get("content") or "" for e in events for c in e["choices"])

    @tsan
    def test_each_way(self):
        for face, model, how in WAYS:
            for streamed in (False, True):
                with self.subTest(face=face, how=how, stream=streamed):
                    type(self).kind = "good"
                    plain = self.ask(face, model, streamed)
                    type(self).kind = "forbidden"
                    got = self.ask(face, model, streamed)
                    self.assertEqual((got.status, got.complete), (200, True), got)
                    self.assertEqual(self.text(face, got, streamed), 'a allowed "x" word')
                    self.assertNotIn(b"forbid", got.body)
                    line = self.gw.log_for(got.id)
                    rows = {p["policy"]: p for p in line["policies"] if p["hook"] == "on_response"}
                    self.assertEqual((rows["map"]["edits"], rows["map"]["notes"], rows["behind"]["notes"]), ("map_text", ['a allowed "x" word'], ['a allowed "x" word']))
                    self.assertEqual(line["usage"], self.gw.log_for(plain.id)["usage"])
                    self.assertEqual(self.text(face, plain, streamed), "hello")

    def test_what_was_used_is_what_the_model_wrote(self):
        type(self).kind = "unmetered"
        got = self.ask("chat", "up", False)
        type(self).kind = "forbidden"
        self.assertEqual(got.status, 200)
        self.assertEqual(self.gw.log_for(got.id)["usage"]["output"], self.estimate())

    def estimate(self):
        whole = answer_for("chat")("unmetered", False)
        return (len(whole.split(b"\r\n\r\n", 1)[1]) + 3) // 4

    def test_choices_and_probabilities(self):
        one = upstream.completion()
        choice = one["choices"][0]
        one["choices"] = [dict(choice, index=i, message={"role": "assistant", "content": t}, logprobs={"content": [{"token": t, "logprob": -1, "bytes": None, "top_logprobs": []}]})
                          for i, t in enumerate(("forbidden", "good"))]
        type(self).data = reply_json(one)
        try:
            got = self.ask("chat", "up", False).json()["choices"]
            self.assertEqual([c["message"]["content"] for c in got], ['allowed "x"', "good"])
            self.assertEqual([c["logprobs"] is None for c in got], [True, False])
            chunks = [event({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "real",
                             "choices": [{"index": i, "delta": {"content": t}, "finish_reason": None}]}) for i, t in ((0, "for"), (1, "for"), (0, "bidden"), (1, "mer"))]
            type(self).data = stream(*chunks, delta(finish="stop"), usage_event(), DONE)
            got = self.ask("chat", "up", True)
            texts = ["", ""]
            for _, data in client.sse(got.body):
                for c in json.loads(data)["choices"] if data.startswith("{") else ():
                    texts[c["index"]] += c["delta"].get("content") or ""
            self.assertEqual(texts, ['allowed "x"', "former"])
        finally:
            type(self).data = None

    def test_what_is_wrong_is_named(self):
        type(self).kind = "forbidden"
        for text, why in (("wait inside", "gw.test_wait waits: it cannot be called inside the function given to map_text"),
                          ("a number", "resp:map_text: the function returns a text or nothing, not number"), ("broken rule", "oops")):
            got = self.ask("chat", "up", True, text)
            self.assertEqual(got.status, 500, got)
            rows = {p["policy"]: p for p in self.gw.log_for(got.id)["policies"] if p["hook"] == "on_response"}
            self.assertIn(why, rows["map"]["reason"])
            self.assertNotIn("edits", rows["map"])


if __name__ == "__main__":
    unittest.main()
