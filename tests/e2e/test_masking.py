"""test_masking.py - an upstream that repeats the gateway's secret: neither a client nor the log gets it."""

import json
import re
import unittest

import client
import upstream
from harness import UP_KEY, Case, Gateway, claude, provider
from upstream import DONE, chunk, completion, delta, event, reply, reply_json, stream_head

PART = "canary-upstream-5f1e"  # of the secret
ESCAPED = UP_KEY.replace("-", "\\u002d")  # as some servers write it inside JSON
HIDDEN = "sk-hidden-header-0123456789"
IDS = [("x-request-id", "req-" + UP_KEY)]


def openai_error(text=None, **more):
    text = "the key %s is not for this model" % UP_KEY if text is None else text
    return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": "bad", **more}}


class Masking(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            provider("up", cls.up, 'headers = { ["x-hidden"] = env "HIDDEN" }') + claude("claude", cls.up)
            + 'model "m" { { "up/real" } }\nmodel "c" { { "claude/real" } }\n',
            env={"HIDDEN": HIDDEN},
        )

    def clean(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        text = repr(answer.headers) + answer.body.decode()
        self.assertNotIn(PART, text)
        self.assertNotIn(PART, re.sub(r"(\\|u005c)+u002d|%(25)*2d", "-", text, flags=re.IGNORECASE))
        self.assertNotIn("hidden-header", text)
        line = self.gw.log_for(answer.id)
        self.assertNotIn(PART, json.dumps(line))
        self.assertNotIn("hidden-header", json.dumps(line))
        return line

    def ask(self, path="/v1/chat/completions", model="m", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "input": "hi", "max_tokens": 9, **more}
        del body["input" if "messages" in path or "chat" in path else "messages"]
        if "responses" in path:
            del body["max_tokens"]
        return self.gw.request("POST", path, [("Content-Type", "application/json")], json.dumps(body))

    def test_whole_errors(self):
        for status in (400, 404, 422):
            for error in (openai_error(), openai_error("no", code=UP_KEY, param=UP_KEY), openai_error("no", code=None, type=UP_KEY),
                          openai_error("Bearer %s" % HIDDEN), openai_error(["detail"], code="x" + UP_KEY + "y")):
                self.up.handler = [reply_json(error, status, IDS)]
                for path, model in (("/v1/chat/completions", "m"), ("/v1/messages", "m"), ("/v1/responses", "m")):
                    with self.subTest(path, status=status, error=error):
                        self.clean(self.ask(path, model), status)

    def test_a_text_that_is_cut_within_the_secret(self):
        for length in range(1930, 2001, 5):
            with self.subTest(length):
                self.up.handler = [reply_json(openai_error("y" * length + UP_KEY + " and more words behind it"), 400)]
                answer = self.ask()
                self.clean(answer, 400)
                self.assertNotIn(UP_KEY[:8], answer.body.decode())

    def test_the_rest_of_the_text_stays(self):
        self.up.handler = [reply_json(openai_error("the key %s is not for this model" % UP_KEY), 400)]
        answer = self.ask()
        self.assertEqual(answer.error["message"], "the key *** is not for this model")

    def test_errors_of_anthropic(self):
        body = {"type": "error", "error": {"type": "invalid_request_error", "message": "bad: " + UP_KEY}, "request_id": UP_KEY}
        self.up.handler = [reply_json(body, 400, [("request-id", UP_KEY)])]
        for path in ("/v1/messages", "/v1/chat/completions"):
            with self.subTest(path):
                self.clean(self.ask(path, "c"), 400)

    def test_a_text_that_is_no_json_and_cut(self):
        for text in ("x" * n + UP_KEY + " and so on" for n in (0, 280, 290)):
            self.up.handler = [reply(400, text.encode(), [("Content-Type", "text/plain")])]
            self.clean(self.ask(), 400)

    def test_events_of_errors(self):
        plain = event(openai_error())
        escaped = ("data: " + json.dumps(openai_error("KEY")).replace("KEY", ESCAPED) + "\n\n").encode()
        for bad in (plain, escaped, b"event: error\ndata: no: " + UP_KEY.encode() + b"\n\n", b": " + UP_KEY.encode() + b"\n\n"):
            with self.subTest(bad):
                self.up.handler = [stream_head(IDS), chunk(delta("hel")), chunk(bad), chunk(DONE), b"0\r\n\r\n"]
                self.clean(self.ask(stream=True), 200)

    def test_what_is_escaped_more_than_once(self):
        """JSON in a string of JSON in a string of JSON, as gateways in a row write it; a URL in a URL."""
        for way in (ESCAPED, ESCAPED.upper().lower(), ESCAPED.replace("\\", "\\u005c"), UP_KEY.replace("-", "%252D"), UP_KEY.replace("-", "%25252d")):
            text = way
            for depth in range(4):
                with self.subTest(way, depth=depth):
                    error = json.dumps(openai_error("KEY")).replace("KEY", text)
                    events = ("data: " + error + "\n\n").encode()
                    self.up.handler = [reply(400, error.encode(), [("Content-Type", "application/json")])]
                    self.clean(self.ask(), 400)
                    self.up.handler = [stream_head(), chunk(delta("hel")), chunk(events), chunk(DONE), b"0\r\n\r\n"]
                    self.clean(self.ask(stream=True), 200)
                    self.up.handler = [reply(400, b"no JSON: " + text.encode(), [("Content-Type", "text/plain")])]
                    self.clean(self.ask(), 400)
                text = json.dumps(text)[1:-1]

    def test_events_of_errors_of_other_apis(self):
        first = event({"type": "response.created", "response": {"id": "r"}}), event({"type": "response.output_text.delta", "delta": "x"})
        failed = b"event: response.failed\n" + event({"type": "response.failed", "response": openai_error()})
        self.up.handler = [stream_head(), chunk(first[0] + first[1]), chunk(failed), b"0\r\n\r\n"]
        self.clean(self.ask("/v1/responses", stream=True), 200)
        start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 1}}}
        said = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}}]
        error = {"type": "error", "error": {"type": "api_error", "message": "bad: " + UP_KEY}}
        events = b"".join(b"event: %s\n" % e["type"].encode() + event(e) for e in [start] + said + [error])
        self.up.handler = [stream_head(), chunk(events), b"0\r\n\r\n"]
        for path in ("/v1/messages", "/v1/chat/completions"):
            with self.subTest(path):
                answer = self.ask(path, "c", stream=True)
                self.clean(answer, 200)
                self.assertEqual("***" in answer.body.decode(), path == "/v1/messages")  # to others a server error is ours

    def test_its_request_id_and_content_type(self):
        self.up.handler = [reply(200, json.dumps(completion()).encode(), IDS + [("Content-Type", "application/json; x=" + UP_KEY)])]
        answer = self.ask()
        line = self.clean(answer, 200)
        self.assertEqual(answer.header("x-gw-upstream-request-id"), "req-***")
        self.assertEqual(line["attempts"][0]["upstream_id"], "req-***")

    def test_answers_pass_as_they_are(self):
        self.up.handler = [reply_json(completion("%41 \\u0041 sk-canary"))]
        self.assertEqual(self.ask().json()["choices"][0]["message"]["content"], "%41 \\u0041 sk-canary")


if __name__ == "__main__":
    unittest.main()
