"""test_bedrock.py - requests to Bedrock: signed, answered whole and as an event stream, for clients of both kinds; what is damaged
or an exception ends the answer with an error; no secret gets out."""

import datetime
import hashlib
import hmac
import json
import struct
import unittest
import zlib

import upstream
from harness import Case, Gateway
from upstream import chunk, reply_json, stream_head

KEY_ID, KEY, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token=="
MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
LUA = '''provider "bedrock" { base_url = "%s", region = "eu-north-1",
  secrets = { access_key_id = env "KEY_ID", secret_access_key = env "KEY", session_token = env "TOKEN" } }
model "m" { "bedrock/''' + MODEL + '''" }
'''
WHOLE = {"output": {"message": {"role": "assistant", "content": [
    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}, {"text": "Hello."},
    {"toolUse": {"toolUseId": "t-1", "name": "weather", "input": {"city": "Oslo"}}}]}},
    "stopReason": "tool_use", "usage": {"inputTokens": 8, "outputTokens": 3, "cacheReadInputTokens": 4, "totalTokens": 15}}


def message(name, payload, kind="event"):
    headers = b""
    key = ":event-type" if kind == "event" else ":exception-type"
    for header, value in ((key, name), (":content-type", "application/json"), (":message-type", kind)):
        headers += bytes([len(header)]) + header.encode() + b"\7" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return whole + struct.pack(">I", zlib.crc32(whole))


def delta(index, **what):
    return message("contentBlockDelta", {"contentBlockIndex": index, "delta": what})


START = message("messageStart", {"role": "assistant"})
STREAM = [START, delta(0, reasoningContent={"text": "hm"}), delta(0, reasoningContent={"signature": "c2ln"}),
          delta(1, text="Hel"), delta(1, text="lo."),
          message("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t-1", "name": "weather"}}}),
          delta(2, toolUse={"input": '{"city":'}), delta(2, toolUse={"input": '"Oslo"}'}),
          message("messageStop", {"stopReason": "tool_use"}), message("metadata", {"usage": WHOLE["usage"]})]


def signature(request, host):
    """As AWS describes it, from what arrived."""
    date = request.headers["x-amz-date"]
    names = "host;x-amz-date;x-amz-security-token"
    path = "".join(c if c.isalnum() or c in "-._~/" else "%%%02X" % ord(c) for c in request.path)
    canonical = "\n".join(["POST", path, "", "host:" + host, "x-amz-date:" + date,
                           "x-amz-security-token:" + TOKEN, "", names, hashlib.sha256(request.body).hexdigest()])
    scope = date[:8] + "/eu-north-1/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + KEY).encode()
    for part in (date[:8], "eu-north-1", "bedrock", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    value = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={value}"


class Bedrock(Case):
    @classmethod
    def make(cls):
        def handler(request, out):
            cls.seen = request
            if cls.body is not None:
                out.send(cls.body)
            elif request.path.endswith("/converse-stream"):
                out.send(stream_head(content_type="application/vnd.amazon.eventstream"))
                for part in cls.parts:
                    for at in range(0, len(part), 50):
                        out.send(chunk(part[at : at + 50]))
                out.send(b"0\r\n\r\n")
            else:
                out.send(reply_json(WHOLE))

        cls.up = upstream.Upstream(handler)
        cls.address = cls.up.url[: -len("/v1")]
        return Gateway(LUA % cls.address, env={"KEY_ID": KEY_ID, "KEY": KEY, "TOKEN": TOKEN})

    def setUp(self):
        type(self).body, type(self).parts = None, STREAM

    def test_requests_are_signed(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.assertEqual(self.gw.chat(stream=stream).status, 200)
                path = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse" + ("-stream" if stream else "")
                self.assertEqual(self.seen.path, path)
                self.assertEqual(self.seen.headers["x-amz-security-token"], TOKEN)
                self.assertEqual(self.seen.headers["authorization"], signature(self.seen, self.seen.headers["host"]))
                at = datetime.datetime.strptime(self.seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
                self.assertLess(abs((datetime.datetime.utcnow() - at).total_seconds()), 300)
                self.assertNotIn(KEY.encode(), self.seen.raw_head + self.seen.body)

    def test_a_chat_whole_and_streamed(self):
        answer = self.gw.chat().json()
        message = answer["choices"][0]["message"]
        self.assertEqual(message["content"], "Hello.")
        self.assertEqual(message["tool_calls"][0]["function"]["name"], "weather")
        self.assertEqual(json.loads(message["tool_calls"][0]["function"]["arguments"]), {"city": "Oslo"})
        self.assertEqual(message["reasoning_details"][0]["signature"], "c2ln")
        self.assertEqual(answer["usage"]["prompt_tokens"], 12)
        reply = self.gw.chat(stream=True, stream_options={"include_usage": True})
        events = [json.loads(line[6:]) for line in reply.body.decode().split("\n") if line.startswith("data: {")]
        deltas = [e["choices"][0]["delta"] for e in events if e["choices"]]
        self.assertEqual("".join(d.get("content") or "" for d in deltas), "Hello.")
        calls = [c for d in deltas for c in d.get("tool_calls") or []]
        self.assertEqual("".join(c["function"].get("arguments") or "" for c in calls), '{"city":"Oslo"}')
        self.assertEqual(events[-1]["usage"]["total_tokens"], 15)

    def test_thoughts_go_round_through_messages(self):
        head = [("anthropic-version", "2023-06-01")]
        ask = {"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]}
        first = self.gw.request("POST", "/v1/messages", head, ask).json()
        self.assertEqual([b["type"] for b in first["content"]], ["thinking", "text", "tool_use"])
        result = {"type": "tool_result", "tool_use_id": "t-1", "content": "rain"}
        ask["messages"] += [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
        self.assertEqual(self.gw.request("POST", "/v1/messages", head, ask).status, 200)
        sent = self.seen.json()["messages"]
        self.assertEqual(sent[1]["content"], WHOLE["output"]["message"]["content"])
        self.assertEqual(sent[2]["content"], [{"toolResult": {"toolUseId": "t-1", "content": [{"text": "rain"}]}}])
        stream = self.gw.request("POST", "/v1/messages", head, dict(ask, stream=True)).body.decode()
        for word in ("thinking_delta", "signature_delta", "text_delta", "input_json_delta", "message_stop"):
            self.assertIn(word, stream)

    def test_what_goes_wrong_within_a_stream_ends_it_with_an_error(self):
        damaged = bytearray(STREAM[3])
        damaged[-6] ^= 1
        slow = message("throttlingException", {"message": "slow down"}, "exception")
        for parts, word in (([START, STREAM[3], slow], "error"), ([START, STREAM[3], bytes(damaged)], "stream_interrupted"),
                            ([START, STREAM[3], STREAM[4][:-9]], "stream_interrupted")):
            type(self).parts = parts
            body = self.gw.chat(stream=True).body.decode()
            self.assertIn("Hel", body)
            self.assertIn('"error"', body)
            self.assertIn(word, body)
            self.assertNotIn("[DONE]", body)

    def test_a_length_over_the_limit_is_refused_as_soon_as_it_is_there(self):
        prelude = struct.pack(">II", 0xFFFFFFF0, 0)
        type(self).parts = [prelude + struct.pack(">I", zlib.crc32(prelude))]
        self.assertEqual(self.gw.chat(stream=True).status, 502)

    def test_no_secret_of_ours_is_passed_on(self):
        error = {"message": "the key %s of %s with %s is not known to this service" % (KEY, KEY_ID, TOKEN)}
        type(self).body = reply_json(error, status=400, headers=[("x-amzn-errortype", "ValidationException:http://x/")])
        reply = self.gw.chat()
        self.assertEqual(reply.status, 400)
        self.assertIn(b"is not known to this service", reply.body)
        for secret in (KEY, TOKEN):
            self.assertNotIn(secret.encode(), reply.body)
            self.assertNotIn(secret, self.gw.said())


if __name__ == "__main__":
    unittest.main()
