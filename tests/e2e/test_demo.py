"""test_demo.py - the built-in provider, through a gateway without any configuration: what a newcomer meets first."""

import json
import time
import unittest

import client
from harness import Case, Gateway, pace, tsan

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "d",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    }
]


class Demo(Case):
    @classmethod
    def make(cls):
        return Gateway(None)

    def ask(self, text, **more):
        return self.gw.chat(text, model="demo", **more)

    def streamed(self, text, **more):
        answer = self.ask(text, stream=True, **more)
        events = client.sse(answer.body)
        return (
            answer,
            [json.loads(data) for _, data in events if data != "[DONE]"],
            [data for _, data in events][-1:],
        )

    @tsan
    def test_it_says_what_was_said(self):
        answer = self.ask("hello there")
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        self.assertEqual((body["object"], body["model"]), ("chat.completion", "demo"))
        choice = body["choices"][0]
        self.assertEqual(
            (choice["index"], choice["finish_reason"], choice["message"]["role"]), (0, "stop", "assistant")
        )
        self.assertIn("hello there", choice["message"]["content"])
        usage = body["usage"]
        self.assertGreater(usage["prompt_tokens"], 0)
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])
        line = self.gw.log_for(answer.id)
        self.assertEqual(sum(v for k, v in line["usage"].items() if k != "source"), usage["total_tokens"], line)
        self.assertEqual([(a["provider"], a["outcome"]) for a in line["attempts"]], [("demo", "ok")], line)
        self.assertEqual(self.ask("hello there").json()["choices"], body["choices"], "not deterministic")

    @tsan
    def test_streamed(self):
        answer, chunks, last = self.streamed("one two three")
        self.assertEqual((answer.status, answer.complete, last), (200, True, ["[DONE]"]))
        self.assertEqual(len({c["id"] for c in chunks}), 1)
        self.assertTrue(
            all(
                c["object"] == "chat.completion.chunk" and "usage" not in c or c.get("usage") is None
                for c in chunks
            )
        )
        self.assertEqual(chunks[0]["choices"][0]["delta"].get("role"), "assistant")
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        self.assertEqual(text, self.ask("one two three").json()["choices"][0]["message"]["content"])
        self.assertEqual(
            [c["choices"][0]["finish_reason"] for c in chunks if c["choices"][0]["finish_reason"]], ["stop"]
        )
        self.assertGreater(len(chunks), 3)

    def test_usage_of_a_stream_when_asked_for(self):
        _, chunks, last = self.streamed("hi", stream_options={"include_usage": True})
        self.assertEqual(last, ["[DONE]"])
        self.assertEqual(chunks[-1]["choices"], [])
        whole = self.ask("hi").json()["usage"]
        self.assertEqual(chunks[-1]["usage"]["total_tokens"], whole["total_tokens"])
        self.assertTrue(all(c.get("usage") is None for c in chunks[:-1]))

    def test_tool(self):
        answer = self.ask("tool", tools=TOOLS)
        choice = answer.json()["choices"][0]
        self.assertEqual(choice["finish_reason"], "tool_calls")
        call = choice["message"]["tool_calls"][0]
        self.assertEqual((call["type"], call["function"]["name"]), ("function", "get_weather"))
        self.assertIn("city", json.loads(call["function"]["arguments"]))
        _, chunks, _ = self.streamed("tool", tools=TOOLS)
        parts = [t for c in chunks for t in c["choices"][0]["delta"].get("tool_calls") or []]
        self.assertEqual((parts[0]["id"], parts[0]["function"]["name"]), (call["id"], "get_weather"))
        self.assertEqual("".join(p["function"].get("arguments", "") for p in parts), call["function"]["arguments"])
        with self.subTest("the result goes back"):
            body = {
                "model": "demo",
                "tools": TOOLS,
                "messages": [
                    {"role": "user", "content": "tool"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": call["id"], "content": "sunny-77"},
                ],
            }
            answer = self.gw.request("POST", "/v1/chat/completions", (), body)
            self.assertIn("sunny-77", answer.json()["choices"][0]["message"]["content"])

    def test_errors_by_word(self):
        for stream in (False, True):
            self.assert_error(
                self.ask("429", stream=stream), 429, "rate_limit_error", "upstream_rate_limited", retry=True
            )
            self.assert_error(
                self.ask("529", stream=stream), 503, "service_unavailable_error", "server_is_overloaded", retry=True
            )

    def test_slow(self):
        started = time.monotonic()
        with client.Conn(self.gw.port) as conn:
            conn.send(
                client.build(
                    "POST",
                    "/v1/chat/completions",
                    (),
                    {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "slow"}]},
                )
            )
            answer = conn.head()
            times = [t for t, e in conn.events(answer) if not e.startswith(b":")]
        self.assertGreater(times[0] - started, 1)
        self.assertGreater(self.gw.log_for(answer.id)["first_token_ms"], 1000)

    @tsan
    def test_break(self):
        answer, chunks, last = self.streamed("break")
        self.assertEqual((answer.status, answer.complete), (200, True))
        self.assertIn("error", chunks[-1])
        self.assertNotEqual(last, ["[DONE]"])
        self.assertGreater(len(chunks), 1)
        self.assertTrue(self.gw.log_for(answer.id)["error"]["code"])

    def test_long_think_json(self):
        started = time.monotonic()
        _, chunks, _ = self.streamed("long 100")
        self.assertGreater(len(chunks), 60)
        self.assertGreater(time.monotonic() - started, 0.2, "no pace")
        self.assertLess(time.monotonic() - started, 10 * pace())
        message = self.ask("think hard").json()["choices"][0]["message"]
        self.assertTrue(message.get("reasoning_content"))
        self.assertGreater(self.gw.log_for(self.ask("think hard").id)["usage"].get("reasoning", 0), 0)
        json.loads(self.ask("json please").json()["choices"][0]["message"]["content"])

    def test_max_tokens(self):
        body = self.ask("long", max_tokens=5).json()
        self.assertEqual((body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]), ("length", 5))

    def test_several_choices(self):
        choices = self.ask("hi", n=3).json()["choices"]
        self.assertEqual([c["index"] for c in choices], [0, 1, 2])
        _, chunks, _ = self.streamed("hi", n=3)
        for index in range(3):
            text = "".join(
                c["choices"][0]["delta"].get("content") or ""
                for c in chunks
                if c["choices"] and c["choices"][0]["index"] == index
            )
            self.assertEqual(text, choices[index]["message"]["content"])

    def test_a_client_that_leaves_a_stream(self):
        for _ in range(5):
            conn = client.Conn(self.gw.port)
            conn.send(
                client.build(
                    "POST",
                    "/v1/chat/completions",
                    (),
                    {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "long 5000"}]},
                )
            )
            answer = conn.head()
            next(conn.events(answer))
            conn.close()
            line = self.gw.log_for(answer.id)
            self.assertEqual(line["error"]["code"], "client_gone")

    def test_what_it_says_at_the_start(self):
        said = self.gw.said()
        self.assertIn("listening on http://127.0.0.1:%d" % self.gw.port, said)
        self.assertIn("curl", said)
        self.assertIn("demo", said)

    def test_keys_are_optional_and_ignored(self):
        self.assertEqual(
            self.gw.chat("hi", model="demo", headers=[("Authorization", "Bearer sk-canary-client-any")]).status, 200
        )


if __name__ == "__main__":
    unittest.main()
