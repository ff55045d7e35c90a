"""test_gemini.py - requests to Gemini: the same conversations as others wrote them for Google's API and for those of the
clients; signatures of calls that go round through clients of both kinds."""

import glob
import json
import os
import unittest

import upstream
from harness import UP_KEY, Case, Gateway, least, shared

MODEL = "gemini-3-flash-preview"
WORD = "skip_thought_signature_validator"
LUA = 'provider "g" { plugin = "gemini", base_url = "%s/v1beta", secret = env "UP_KEY" }\n'

OWN = "the tools that a service runs by itself are not carried, which is named"
WORDS = "the words of the two are not the same"
# What differs in the conversations themselves: (case, form) and why.
OTHERWISE = {
    ("multimodalRequest", "chat-completions"): "the image is inline in one and an address in the other",
    ("multimodalRequest", "anthropic"): "another image",
    ("googleToolCallThoughtSignatureReplayParam", "chat-completions"): "a signature in a member that no API has",
    ("codeInterpreterToolParam", "anthropic"): OWN,
    ("webSearchToolParam", "anthropic"): OWN,
    ("webSearchToolAdvancedParam", "anthropic"): OWN,
    ("instructionsParam", "anthropic"): WORDS,
    ("stopSequencesParam", "anthropic"): WORDS,
    ("parallelToolCallsRequest", "anthropic"): "one asks for a choice of tools",
}


def plain(value):
    """Without what the two may choose: case of types, ids, results, thinking, and what a schema forbids."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    left_out = ("model", "id", "response", "thoughtSignature", "thinkingConfig", "additionalProperties", "strict")
    value = {"parameters" if k == "parametersJsonSchema" else k: plain(v) for k, v in value.items() if k not in left_out}
    if isinstance(value.get("type"), str):
        value["type"] = value["type"].lower()
    return {k: v for k, v in value.items() if v != {}}


def answer(*parts):
    content = {"role": "model", "parts": list(parts)}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": MODEL, "responseId": "r"}


class Requests(Case):
    body = None

    @classmethod
    def make(cls):
        cls.parts = [{"text": "ok"}]

        def handler(request, out):
            cls.seen = request
            out.send(upstream.reply_json(answer(*cls.parts) if "enerateContent" in request.path else cls.body))

        cls.up = upstream.Upstream(handler)
        return Gateway(LUA % cls.up.url[:-3])

    def chat(self, messages, **more):
        type(self).parts = more.pop("parts", [{"text": "ok"}])
        reply = self.gw.request("POST", "/v1/chat/completions", (), dict(more, model="g/" + MODEL, messages=messages))
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json(), self.seen.json()

    def messages(self, messages, **more):
        type(self).parts = more.pop("parts", [{"text": "ok"}])
        body = dict({"max_tokens": 900}, **dict(more, model="g/" + MODEL, messages=messages))
        reply = self.gw.request("POST", "/v1/messages", [("anthropic-version", "2023-06-01")], body)
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json(), self.seen.json()

    def test_the_same_conversations(self):
        count = 0
        for path in sorted(glob.glob(shared("recordings", "matched") + "/*.json")):
            with open(path) as f:
                forms = json.load(f)["formats"]
            name = os.path.basename(path)[: -len(".json")]
            google = forms.get("google", {}).get("request")
            if not google:
                continue
            for form, ask in (("chat-completions", self.chat), ("anthropic", self.messages)):
                given = forms.get(form, {}).get("request")
                if not given or (name, form) in OTHERWISE:
                    continue
                with self.subTest(name, form=form):
                    beside = ("model", "stream", "stream_options", "messages")
                    _, sent = ask(given["messages"], **{k: v for k, v in given.items() if k not in beside})
                    want, got = plain(google), plain(sent)
                    for side in (want, got):
                        config = side.setdefault("generationConfig", {})
                        if "temperature" not in given:
                            config.pop("temperature", None)
                        if form == "anthropic" or "max_completion_tokens" not in given:  # other limits were chosen there
                            config.pop("maxOutputTokens", None)
                    self.assertEqual(got, want)
                    count += 1
        self.assertGreaterEqual(count, least(40))

    def test_a_key_and_an_address(self):
        self.chat([{"role": "user", "content": "hi"}])
        self.assertEqual(self.seen.path, "/v1beta/models/%s:generateContent" % MODEL)
        self.assertEqual(self.seen.headers["x-goog-api-key"], UP_KEY)
        self.assertNotIn("authorization", self.seen.headers)

    def test_names_that_gemini_does_not_take_come_back_whole(self):
        given = ["mcp__a_server_with_a_long_name__and_tools_whose_names_are_much_longer", "do it/\u00fc", "9lives", "plain"]
        for name in given:
            tools = [{"type": "function", "function": {"name": n, "parameters": {"type": "object"}}} for n in given]
            _, sent = self.chat([{"role": "user", "content": "hi"}], tools=tools)
            wire = sent["tools"][0]["functionDeclarations"][given.index(name)]["name"]
            self.assertRegex(wire, r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
            called = [{"functionCall": {"name": wire, "args": {}}}]
            got, _ = self.chat([{"role": "user", "content": "hi"}], tools=tools, parts=called)
            self.assertEqual(got["choices"][0]["message"]["tool_calls"][0]["function"]["name"], name)
            tools = [{"name": n, "input_schema": {"type": "object"}} for n in given]
            got, _ = self.messages([{"role": "user", "content": "hi"}], tools=tools, parts=called)
            self.assertEqual([b["name"] for b in got["content"] if b["type"] == "tool_use"], [name])

    def test_embeddings(self):
        type(self).body = {"embeddings": [{"values": [0.5, -1]}, {"values": [2, 0]}], "usageMetadata": {"promptTokenCount": 3}}
        for form, want in (("float", [0.5, -1]), ("base64", "AAAAPwAAgL8=")):
            asked = {"model": "g/gemini-embedding-2", "input": ["a", "b"], "dimensions": 2, "encoding_format": form}
            reply = self.gw.request("POST", "/v1/embeddings", (), asked).json()
            self.assertEqual([d["index"] for d in reply["data"]], [0, 1])
            self.assertEqual((reply["data"][0]["embedding"], reply["model"]), (want, "gemini-embedding-2"))
            self.assertEqual(reply["usage"], {"prompt_tokens": 3, "total_tokens": 3})
            self.assertEqual(self.seen.path, "/v1beta/models/gemini-embedding-2:batchEmbedContents")
        line = self.gw.log_for(self.gw.request("POST", "/v1/embeddings", (), asked).header("x-request-id"))
        self.assertEqual(line["usage"]["input"], 3)

    def test_a_count_of_tokens(self):
        asked = {"model": "g/" + MODEL, "system": "s", "messages": [{"role": "user", "content": "hi"}]}
        for body, status in (({"totalTokens": 11}, 200), ({}, 502)):
            type(self).body = body
            reply = self.gw.request("POST", "/v1/messages/count_tokens", [("anthropic-version", "2023-06-01")], asked)
            sent = self.seen.json()["generateContentRequest"]
            self.assertEqual(sent["model"], "models/" + MODEL)
            self.assertEqual(sent["systemInstruction"]["parts"], [{"text": "s"}])
            self.assertEqual(reply.status, status, reply.body)
            if status == 200:
                self.assertEqual(reply.json(), {"input_tokens": 11})

    CALLS = [
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2lnMQ=="},
        {"functionCall": {"name": "g", "args": {}, "id": "own"}, "thoughtSignature": "c2lnMg=="},
    ]

    def came_back(self, sent):
        model, results = sent["contents"][1], sent["contents"][2]
        self.assertEqual([p.get("thoughtSignature") for p in model["parts"] if "functionCall" in p], ["c2lnMQ==", "c2lnMg=="])
        self.assertEqual([p["functionCall"]["name"] for p in model["parts"] if "functionCall" in p], ["f", "g"])
        self.assertEqual([p["functionResponse"]["name"] for p in results["parts"]], ["f", "g"])

    def test_signatures_through_a_client_of_chats(self):
        reply, _ = self.chat([{"role": "user", "content": "hi"}], parts=self.CALLS)
        message = reply["choices"][0]["message"]
        calls = message["tool_calls"]
        self.assertEqual(message["reasoning_content"], "hm")
        self.assertEqual(calls[0]["extra_content"], {"google": {"thought_signature": "c2lnMQ=="}})
        results = [{"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in calls]
        for member in ("reasoning_details", "extra_content", None):  # the message as it came, or one of the two alone
            back = json.loads(json.dumps(message))
            if member == "reasoning_details":
                back.pop(member)
            for call in back["tool_calls"] if member == "extra_content" else []:
                call.pop(member)
            with self.subTest(without=member):
                self.came_back(self.chat([{"role": "user", "content": "hi"}, back] + results)[1])

    def test_signatures_through_a_client_of_messages(self):
        reply, _ = self.messages([{"role": "user", "content": "hi"}], parts=self.CALLS)
        self.assertEqual(reply["content"][0]["thinking"], "hm")
        calls = [b for b in reply["content"] if b["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": c["id"], "content": "1"} for c in calls]
        turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": reply["content"]}]
        self.came_back(self.messages(turns + [{"role": "user", "content": results}])[1])

    def test_a_signature_of_a_text(self):
        parts = [{"text": "so"}, {"text": "", "thoughtSignature": "dGV4dA=="}]
        user = {"role": "user", "content": "hi"}
        message = self.chat([user], parts=parts)[0]["choices"][0]["message"]
        content = self.messages([user], parts=parts)[0]["content"]
        want = [{"text": "so", "thoughtSignature": "dGV4dA=="}]
        self.assertEqual(self.chat([user, message, user])[1]["contents"][1]["parts"], want)
        sent = self.messages([user, {"role": "assistant", "content": content}, user])[1]
        self.assertEqual(sent["contents"][1]["parts"], want)

    def test_a_call_of_another_model(self):
        call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
        _, sent = self.chat(turns + [{"role": "tool", "tool_call_id": "a", "content": "1"}])
        self.assertEqual(sent["contents"][1]["parts"][0]["thoughtSignature"], WORD)


if __name__ == "__main__":
    unittest.main()
