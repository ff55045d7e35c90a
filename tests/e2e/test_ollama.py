"""test_ollama.py - Ollama's own API, for clients of both kinds: lines cut anywhere, thinking, calls whose results go back by name,
embeddings; and the name "ollama" is still the compatible API."""

import json
import unittest

import upstream
from harness import Case, Gateway
from upstream import chunk, reply_json, stream_head

LUA = '''provider "ollama-native" { base_url = "%s", num_ctx = 16384 }
provider "ollama" { base_url = "%s/v1" }
model "m" { "ollama-native/qwen3" }
model "compatible" { "ollama/qwen3" }
'''
CALL = {"function": {"name": "weather", "arguments": {"city": "Oslo"}}}
LINES = [{"model": "qwen3", "message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
         {"model": "qwen3", "message": {"role": "assistant", "content": "Hel"}, "done": False},
         {"model": "qwen3", "message": {"role": "assistant", "content": "lo."}, "done": False},
         {"model": "qwen3", "message": {"role": "assistant", "content": "", "tool_calls": [CALL]}, "done": False},
         {"model": "qwen3", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
          "prompt_eval_count": 8, "eval_count": 5}]
WHOLE = dict(LINES[-1], message={"role": "assistant", "content": "Hello.", "thinking": "hm", "tool_calls": [CALL]})


class Ollama(Case):
    @classmethod
    def make(cls):
        def handler(request, out):
            cls.seen = request
            if request.path == "/api/embed":
                out.send(reply_json({"model": "qwen3", "embeddings": [[0.5, -1]], "prompt_eval_count": 3}))
            elif request.path == "/api/chat" and request.json()["stream"]:
                out.send(stream_head(content_type="application/x-ndjson"))
                data = b"".join(json.dumps(line).encode() + b"\n" for line in cls.lines)
                for at in range(0, len(data), 37):
                    out.send(chunk(data[at : at + 37]))
                out.send(b"0\r\n\r\n")
            elif request.path == "/api/chat":
                out.send(reply_json(WHOLE))
            else:
                out.send(reply_json({"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "relayed"},
                                                             "finish_reason": "stop"}]}))

        cls.up = upstream.Upstream(handler)
        address = cls.up.url[: -len("/v1")]
        return Gateway(LUA % (address, address))

    def setUp(self):
        type(self).lines = LINES

    def test_a_chat_whole_and_streamed(self):
        answer = self.gw.chat(temperature=0.5).json()
        message = answer["choices"][0]["message"]
        self.assertEqual(message["content"], "Hello.")
        self.assertEqual(message["reasoning_content"], "hm")
        self.assertEqual(json.loads(message["tool_calls"][0]["function"]["arguments"]), {"city": "Oslo"})
        self.assertEqual(answer["choices"][0]["finish_reason"], "tool_calls")
        self.assertEqual(answer["usage"]["total_tokens"], 13)
        self.assertEqual(self.seen.json()["options"], {"num_ctx": 16384, "temperature": 0.5})
        reply = self.gw.chat(stream=True, stream_options={"include_usage": True})
        events = [json.loads(line[6:]) for line in reply.body.decode().split("\n") if line.startswith("data: {")]
        deltas = [e["choices"][0]["delta"] for e in events if e["choices"]]
        self.assertEqual("".join(d.get("content") or "" for d in deltas), "Hello.")
        self.assertEqual("".join(d.get("reasoning_content") or "" for d in deltas), "hm")
        self.assertEqual(events[-1]["usage"]["total_tokens"], 13)

    def test_results_go_back_by_the_name_of_their_function(self):
        head = [("anthropic-version", "2023-06-01")]
        ask = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
        first = self.gw.request("POST", "/v1/messages", head, ask).json()
        use = [block for block in first["content"] if block["type"] == "tool_use"][0]
        ask["messages"] += [{"role": "assistant", "content": first["content"]},
                            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "rain"}]}]
        self.assertEqual(self.gw.request("POST", "/v1/messages", head, ask).status, 200)
        sent = self.seen.json()["messages"]
        self.assertEqual(sent[1]["tool_calls"], [CALL])
        self.assertEqual(sent[2], {"role": "tool", "content": "rain", "tool_name": "weather"})

    def test_an_error_in_a_line_ends_the_stream(self):
        type(self).lines = LINES[:2] + [{"error": "the model runner has stopped"}]
        body = self.gw.chat(stream=True).body.decode()
        self.assertIn("Hel", body)
        self.assertIn('"error"', body)
        self.assertNotIn("[DONE]", body)

    def test_embeddings(self):
        reply = self.gw.request("POST", "/v1/embeddings", [], {"model": "m", "input": "a", "encoding_format": "float"})
        self.assertEqual(reply.json()["data"][0]["embedding"], [0.5, -1])
        self.assertEqual(reply.json()["usage"]["prompt_tokens"], 3)

    def test_the_name_ollama_is_still_the_compatible_api(self):
        answer = self.gw.request("POST", "/v1/chat/completions", [], {"model": "compatible", "logprobs": True,
                                                                      "messages": [{"role": "user", "content": "hi"}]})
        self.assertEqual(answer.json()["choices"][0]["message"]["content"], "relayed")
        self.assertEqual(self.seen.path, "/v1/chat/completions")
        self.assertTrue(self.seen.json()["logprobs"])


if __name__ == "__main__":
    unittest.main()
