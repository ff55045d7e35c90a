"""test_anthropic.py - when Anthropic's API is on one side or on both: errors, broken streams, silence, cancelling, the
list of models and token counts, as its clients see them."""

import json
import threading
import time
import unittest

import client
import upstream
from harness import Case, Gateway, build, claude, pace, provider, tsan, wait_for
from upstream import chunk, delta, reply_json, stream_head

VERSION = ("anthropic-version", "2023-06-01")
END = b"0\r\n\r\n"


def named(value):
    """An event of a Messages stream."""
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), json.dumps(value).encode())


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None,
           "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 1}}
START = named({"type": "message_start", "message": MESSAGE})
OPEN = named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
TEXT = named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}})
CLOSE = named({"type": "content_block_stop", "index": 0})
FINISH = named({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 3}})
STOP = named({"type": "message_stop"})
WHOLE = {**MESSAGE, "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}
ERRORS = {400: "invalid_request_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}


def refused(status, headers=(), text="no"):
    error = {"type": "error", "error": {"type": ERRORS[status], "message": text}, "request_id": "req_1"}
    return [reply_json(error, status, headers)]


class Anthropic(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            claude("claude", cls.up) + provider("up", cls.up) + 'model "claude" { { "claude/claude-sonnet-4-5" } }\n'
            'model "gpt" { { "up/gpt-4o" } }\nmodel "a" { { "up/a" } }\nmodel "b" { { "up/b" } }\n'
            "limits { ping_s = 1, answer_mb = 1 }\n"
        )

    def setUp(self):
        self.up.take()

    def ask(self, face, model, stream=False, text="hi"):
        body = {"model": model, "max_tokens": 99, "stream": stream, "messages": [{"role": "user", "content": text}]}
        if face == "chat":
            return self.gw.request("POST", "/v1/chat/completions", (), body)
        return self.gw.request("POST", "/v1/messages", [VERSION], body)

    def assert_anthropic(self, answer, status, type_, code):
        self.assertEqual(answer.status, status, answer)
        body = answer.json()
        self.assertEqual((body["type"], body["request_id"]), ("error", answer.id), body)
        self.assertEqual((body["error"]["type"], body["error"]["details"]["error_code"]), (type_, code), body)
        return body["error"]["message"]

    def test_its_errors_at_both_faces(self):
        for status, headers, chat, messages, after in (
            (429, [("Retry-After", "7")], (429, "rate_limit_error", "upstream_rate_limited"),
             (429, "rate_limit_error", "upstream_rate_limited"), "7"),
            (529, [("Retry-After", "9")], (503, "service_unavailable_error", "server_is_overloaded"),
             (529, "overloaded_error", "server_is_overloaded"), "9"),
            (500, [], (502, "upstream_error", "upstream_unavailable"), (502, "api_error", "upstream_unavailable"), None),
        ):
            for stream in (False, True):
                with self.subTest(status=status, stream=stream):
                    self.up.handler = refused(status, headers)
                    answer = self.ask("chat", "claude", stream)
                    self.assert_error(answer, *chat, retry=True)
                    self.assertEqual(answer.header("retry-after"), after, answer)
                    answer = self.ask("messages", "claude", stream)
                    self.assert_anthropic(answer, *messages)
                    self.assertEqual((answer.header("retry-after"), answer.header("x-should-retry")), (after, "true"))

    def test_a_prompt_that_is_too_long_is_known_by_both_clients(self):
        self.up.handler = refused(400, text="prompt is too long: 9 tokens > 8 maximum")
        answer = self.ask("chat", "claude")
        self.assert_error(answer, 400, "invalid_request_error", "context_length_exceeded", retry=False)
        words = {"message": "This model's maximum context length is 8 tokens.", "type": "invalid_request_error",
                 "param": "messages", "code": "context_length_exceeded"}
        self.up.handler = [reply_json({"error": words}, 400)]
        answer = self.ask("messages", "gpt")
        said = self.assert_anthropic(answer, 400, "invalid_request_error", "context_length_exceeded")
        self.assertEqual(said, "prompt is too long: " + words["message"])

    def test_a_stream_that_breaks_at_both_faces(self):
        error = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        for name, steps, code in (
            ("an error event", [stream_head() + b"".join(chunk(e) for e in (START, OPEN, TEXT, error)) + END], None),
            ("a cut", [stream_head() + b"".join(chunk(e) for e in (START, OPEN, TEXT)), 0.1, "rst"], "stream_interrupted"),
            ("no end", [stream_head() + b"".join(chunk(e) for e in (START, OPEN, TEXT)) + END], "stream_incomplete"),
        ):
            for face in ("chat", "messages"):
                with self.subTest(name, face=face):
                    self.up.handler = steps
                    answer = self.ask(face, "claude", True)
                    self.assertEqual((answer.status, answer.complete), (200, True), answer)
                    self.assertIn(b"hello", answer.body)
                    for mark in (b"[DONE]", b"message_stop", b'"finish_reason":"stop"', b"end_turn"):
                        self.assertNotIn(mark, answer.body)
                    data = json.loads(client.sse(answer.body)[-1][1])
                    self.assertIn("error", data, answer)
                    if face == "messages":
                        self.assertEqual(data["type"], "error")
                    log = self.gw.log_for(answer.id)
                    self.assertTrue(log["error"]["code"], log)
                    if code is not None:
                        self.assertEqual(log["error"]["code"], code, log)

    def test_an_end_mark_that_is_missing_is_added(self):
        for steps in ([stream_head() + chunk(START + OPEN + TEXT + CLOSE + FINISH) + END],
                      [stream_head() + chunk(START + OPEN + TEXT + CLOSE + FINISH[:-2]) + END],
                      [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + START + OPEN + TEXT + CLOSE + FINISH, "close"]):
            self.up.handler = steps
            answer = self.ask("messages", "claude", True)
            self.assertEqual(client.sse(answer.body), client.sse(START + OPEN + TEXT + CLOSE + FINISH + STOP))
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["attempts"][0]["outcome"], line["finish"], line["usage"]["output"]), ("ok", "stop", 3), line)

    def test_an_end_without_its_reason_is_an_error(self):
        for events in (START + OPEN + TEXT + CLOSE, START + OPEN + TEXT):
            self.up.handler = [stream_head() + chunk(events) + END]
            answer = self.ask("messages", "claude", True)
            last = client.sse(answer.body)[-1]
            self.assertEqual((last[0], json.loads(last[1])["error"]["details"]["error_code"]), ("error", "stream_incomplete"))
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["attempts"][0]["outcome"], line["error"]["code"]), ("incomplete", "stream_incomplete"), line)

    def test_an_answer_is_whole_or_an_error(self):
        """What it tells twice, as text and as a signed block, may be over limits.answer_mb where its body was not."""
        for size, status in ((300000, 200), (700000, 502)):
            block = {"type": "reasoning.text", "text": "x" * size, "signature": "s", "format": "f", "index": 0}
            body = upstream.completion()
            body["choices"][0]["message"]["reasoning_details"] = [block]
            self.up.handler = [reply_json(body)]
            answer = self.ask("messages", "gpt")
            self.assertEqual(answer.status, status, answer.body[:300])
            if status == 200:
                thinking = answer.json()["content"][0]
                self.assertEqual(len(thinking["thinking"]), size)
                self.assertGreater(len(thinking["signature"]), 10)
            else:
                self.assertIn("limits.answer_mb", self.assert_anthropic(answer, 502, "api_error", "upstream_unavailable"))
                self.assertEqual([a["outcome"] for a in self.gw.log_for(answer.id)["attempts"]], ["too_large"])

    def test_a_request_that_cannot_be_written_is_no_good_attempt(self):
        body = {"model": "gpt", "max_tokens": 9, "stop_sequences": "x", "messages": [{"role": "user", "content": "hi"}]}
        answer = self.gw.request("POST", "/v1/messages", [VERSION], body)
        self.assert_anthropic(answer, 400, "invalid_request_error", "invalid_parameter")
        self.assertEqual([a["outcome"] for a in self.gw.log_for(answer.id)["attempts"]], ["refused"])
        self.assertEqual(self.up.take(), [])

    def test_a_tool_of_a_long_name_is_called_by_it(self):
        """MCP clients make names of up to 128 characters, OpenAI takes 64: the call comes back with the client's own."""
        name = "mcp__%s__%s" % ("server" * 8, "tool" * 12)
        turn = [{"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t" * 64, "name": name, "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t" * 64, "content": "ok"}]}]
        body = {"model": "gpt", "max_tokens": 9, "messages": turn,
                "tools": [{"name": n, "input_schema": {"type": "object"}} for n in ("short", name + "_b", name)]}
        seen = []

        def handler(request, out):
            sent = request.json()
            seen.append(sent)
            call = {"index": 0, "id": "c", "type": "function",
                    "function": {"name": sent["tools"][1]["function"]["name"], "arguments": "{}"}}
            if sent.get("stream"):
                out.send(stream_head() + chunk(delta(choices=[{"index": 0, "delta": {"tool_calls": [call]}}])) + chunk(delta(finish="tool_calls"))
                         + chunk(upstream.DONE) + END)
            else:
                whole = upstream.completion()
                whole["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
                out.send(reply_json(whole))

        self.up.handler = handler
        for stream in (False, True):
            answer = self.gw.request("POST", "/v1/messages", [VERSION], {**body, "stream": stream})
            self.assertEqual(answer.status, 200, answer)
            self.assertIsNone(answer.header("x-gw-dropped"))
            if stream:
                blocks = [json.loads(data) for _, data in client.sse(answer.body)]
                named = [b["content_block"]["name"] for b in blocks if b["type"] == "content_block_start"]
            else:
                named = [b["name"] for b in answer.json()["content"]]
            self.assertEqual(named, [name + "_b"])
        names = [t["function"]["name"] for t in seen[0]["tools"]]
        called = seen[0]["messages"][1]["tool_calls"][0]
        self.assertEqual((names[0], len(set(names)), max(map(len, names))), ("short", 3, 64))
        self.assertEqual(called["function"]["name"], names[2])
        self.assertEqual(called["id"], seen[0]["messages"][2]["tool_call_id"])
        self.assertLessEqual(len(called["id"]), 40)
        self.assertEqual(seen[0]["messages"], seen[1]["messages"], "it is not the same in every request")

    def test_the_container_of_its_code_goes_round_through_a_chat_client(self):
        """Whole and streamed; one that has expired is not named again, and a client may name one itself."""
        for expires, sent in (("2999-01-01T00:00:00.5Z", "container_1"), ("2020-01-01T00:00:00Z", None)):
            container = {"id": "container_1", "expires_at": expires}
            code = {"type": "server_tool_use", "id": "s1", "name": "code_execution", "input": {}}
            stop = named({"type": "message_delta", "delta": {"stop_reason": "end_turn", "container": container}, "usage": {"output_tokens": 3}})
            for stream in (False, True):
                with self.subTest(expires=expires, stream=stream):
                    whole = dict(WHOLE, content=[code] + WHOLE["content"], container=container)
                    self.up.handler = [upstream.stream(START, OPEN, TEXT, CLOSE, stop, STOP)] if stream else [reply_json(whole)]
                    answer = self.gw.chat(model="claude", stream=stream)
                    if stream:
                        deltas = [json.loads(data)["choices"][0]["delta"] for _, data in client.sse(answer.body) if data != "[DONE]"]
                        message = {"role": "assistant", "content": "hello", "x_origin": next(d["x_origin"] for d in deltas if "x_origin" in d)}
                    else:
                        message = answer.json()["choices"][0]["message"]
                    self.assertEqual(message["x_origin"]["container"], container)
                    self.up.take()
                    self.up.handler = [reply_json(WHOLE)]
                    turns = [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "more"}]
                    answer = self.gw.request("POST", "/v1/chat/completions", (), {"model": "claude", "messages": turns})
                    self.assertIsNone(answer.header("x-gw-dropped"), answer)
                    self.assertEqual(self.up.take()[0].json().get("container"), sent)
        answer = self.gw.chat(model="claude", container="container_2")
        self.assertIsNone(answer.header("x-gw-dropped"), answer)
        self.assertEqual(self.up.take()[0].json()["container"], "container_2")

    def test_pings_keep_a_silent_stream_alive(self):
        good = [stream_head() + chunk(delta("late")) + chunk(delta(finish="stop")) + chunk(upstream.DONE) + END]
        relayed = [stream_head() + b"".join(chunk(e) for e in (START, OPEN, TEXT, CLOSE, FINISH, STOP)) + END]
        for model, steps in (("gpt", good), ("claude", relayed)):
            with self.subTest(model):
                self.up.handler = [2.6] + steps
                answer = self.ask("messages", model, True)
                self.assertEqual((answer.status, answer.complete), (200, True), answer)
                self.assertIn(answer.body.count(b'event: ping\ndata: {"type":'), (1, 2, 3), answer.body)
                self.assertLess(answer.body.index(b"event: ping"), answer.body.index(b"message_start"))
                self.assertTrue(answer.body.rstrip().endswith(b'"message_stop"}'), answer.body)

    @tsan
    def test_a_client_that_leaves_cancels_the_upstream(self):
        for model, first in (("claude", [START, OPEN, TEXT]), ("gpt", [delta("x")])):
            with self.subTest(model):
                gone, sent = {}, threading.Event()

                def handler(request, out):
                    out.send(stream_head() + b"".join(chunk(e) for e in first))
                    sent.set()
                    gone["at"] = out.wait_gone(15)
                    raise upstream.Gone()

                self.up.handler = handler
                body = {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
                count = len(self.gw.lines)
                conn = client.Conn(self.gw.port)
                conn.send(build("POST", "/v1/messages", [VERSION], body))
                self.assertTrue(sent.wait(10))
                next(conn.events(conn.head()))
                left = time.monotonic()
                conn.close()
                self.assertTrue(wait_for(lambda: gone.get("at"), 15), "the upstream was never cancelled")
                self.assertLess(gone["at"] - left, 1.0 * pace())
                self.assertTrue(wait_for(lambda: len(self.gw.lines) > count, 5 * pace()), "no log line")
                self.assertEqual(self.gw.lines[-1]["error"]["code"], "client_gone")

    def test_a_server_without_a_token_counter_is_no_failure(self):
        body = {"model": "claude", "messages": [{"role": "user", "content": "hello there " * 20}]}
        for status in (404, 405, 501):
            with self.subTest(status):
                self.up.handler = [reply_json({"detail": "no such path"}, status)]
                answer = self.gw.request("POST", "/v1/messages/count_tokens", [VERSION], body)
                self.assertEqual(answer.status, 200, answer)
                self.assertGreater(answer.json()["input_tokens"], 20)
                self.assertEqual(answer.header("x-gw-estimated"), "true", answer)
                self.assertNotIn("error", self.gw.log_for(answer.id))
        self.up.handler = [reply_json({"input_tokens": 41})]
        answer = self.gw.request("POST", "/v1/messages/count_tokens", [VERSION], body)
        self.assertEqual((answer.json(), answer.header("x-gw-estimated")), ({"input_tokens": 41}, None))

    def test_the_query_that_turns_betas_on_is_passed_on(self):
        body = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        for path, query, seen, dropped in (
            ("/v1/messages", "?beta=true", "?beta=true", None),
            ("/v1/v1/messages", "?a=b&beta=true&beta=%2e", "?beta=true", "query.a, query.beta"),
            ("/v1/messages", "?a=b", "", "query.a"),
        ):
            with self.subTest(path + query):
                self.up.handler = [reply_json(WHOLE)]
                answer = self.gw.request("POST", path + query, [VERSION], body)
                self.assertEqual((answer.status, answer.header("x-gw-dropped")), (200, dropped), answer)
                self.assertEqual(self.up.take()[0].path, "/v1/messages" + seen)
        self.up.handler = [reply_json({"input_tokens": 3})]
        answer = self.gw.request("POST", "//v1/messages/count_tokens?beta=true", [VERSION], body)
        self.assertEqual((answer.status, self.up.take()[0].path), (200, "/v1/messages/count_tokens?beta=true"), answer)
        self.up.handler = [upstream.reply_json(upstream.completion())]
        answer = self.gw.request("POST", "/v1/messages?beta=true", [VERSION], dict(body, model="gpt"))
        self.assertEqual((answer.status, self.up.take()[0].path), (200, "/v1/chat/completions"), answer)

    def test_the_list_of_models_in_pages(self):
        seen, path = [], "/v1/models?limit=2"
        for _ in range(4):
            page = self.gw.request("GET", path, [VERSION]).json()
            seen += [m["id"] for m in page["data"]]
            self.assertEqual({m["type"] for m in page["data"]}, {"model"})
            if not page["has_more"]:
                break
            path = "/v1/models?limit=2&after_id=" + page["last_id"]
        self.assertEqual(seen, ["claude", "gpt", "a", "b"])
        back = self.gw.request("GET", "/v1/models?limit=1&before_id=b", [VERSION]).json()
        self.assertEqual([m["id"] for m in back["data"]], ["a"])
        one = self.gw.request("GET", "/v1/models/gpt", [VERSION]).json()
        self.assertEqual((one["type"], one["id"]), ("model", "gpt"))


if __name__ == "__main__":
    unittest.main()
