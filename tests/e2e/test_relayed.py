"""test_relayed.py - what is relayed and metered, not translated: responses, embeddings, older completions, moderations,
rerank, images, audio. Byte for byte against what was recorded; elsewhere a clear 404; no WebSocket."""

import glob
import json
import unittest

UPSTREAM_RULES = "its clients send bytes of their own, which are relayed"

import client
import upstream
from harness import Case, Gateway, least, provider, shared, wait_for
from recordings import Recording
from upstream import chunk, reply, reply_json, stream_head

APIS = {"responses": "/v1/responses", "embeddings": "/v1/embeddings", "completions": "/v1/completions"}
END = b"0\r\n\r\n"
JSON = ("Content-Type", "application/json")
IN = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "image_in", "audio_in")
OUT = ("output", "reasoning", "image_out", "audio_out")


def load():
    out = []
    for path in sorted(glob.glob(shared("recordings") + "/*/*.json")):
        with open(path) as f:
            raw = json.load(f)
        if raw.get("api") in APIS and raw["provider"] != "bedrock-mantle" and isinstance(raw["request"]["body"], dict):
            recording = Recording(path)
            recording.api = raw["api"]
            out.append(recording)
    return out


def usage_of(recording):
    """Input and output tokens as the recording tells them; None where it does not."""
    values = [client.sse(recording.body)] if recording.stream else [[("", recording.body.decode())]]
    told = None
    for _, data in values[0]:
        if not data.startswith("{"):
            continue
        value = json.loads(data)
        usage = value.get("usage") or (value.get("response") or {}).get("usage")
        if usage:
            into = usage.get("input_tokens", usage.get("prompt_tokens"))
            told = (usage.get("total_tokens") if into is None else into,
                    usage.get("output_tokens", usage.get("completion_tokens")) or 0)
    return told


def form(fields, boundary="b0undary"):
    out = b""
    for name, value in fields:
        file = b'; filename="a.png"' if isinstance(value, bytes) else b""
        value = value if isinstance(value, bytes) else value.encode()
        out += b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
            boundary.encode(), name.encode(), file, value)
    return out + b"--%s--\r\n" % boundary.encode()


FORM = ("Content-Type", "multipart/form-data; boundary=b0undary")


class Relayed(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        root = cls.up.url[:-3]
        lua = provider("up", cls.up)
        for name, more in (("azure", 'plugin = "azure"'), ("mistral", ""), ("anthropic", "")):
            lua += 'provider "%s" { base_url = "%s", secrets = { env "UP_KEY" }, %s }\n' % (name, root, more)
            lua += 'model "%s" { { "%s/real" } }\n' % (name, name)
        return Gateway(lua + 'model "m" { { "up/real" } }\nmodel "two" { { "anthropic/x" }, { "up/real" } }\n'
                       'model "pair" { { "up/first" }, { "up/second" } }\n')

    def setUp(self):
        self.up.take()

    def post(self, path, body, headers=(JSON,)):
        return self.gw.request("POST", path, list(headers), body if isinstance(body, bytes) else json.dumps(body).encode())

    def test_recordings_pass_unchanged_and_are_metered(self):
        counts = {}
        for rec in load():
            with self.subTest(rec.name):
                model = "azure" if rec.provider == "azure" else "m"
                self.up.handler = [reply(rec.status, rec.body, rec.headers)]
                answer = self.post(APIS[rec.api], dict(rec.request, model=model))
                if rec.status != 200:
                    self.assertGreaterEqual(answer.status, 400)
                    self.assert_any_error(answer)
                    self.up.take()
                    continue
                seen = self.up.take()[0]
                self.assertEqual(answer.status, 200, answer)
                self.assertTrue(seen.path.split("?")[0].endswith(APIS[rec.api][3:]), seen.path)
                ours = {"model": 0, **({"stream_options": 0} if rec.api == "completions" and rec.stream else {})}
                self.assertEqual({**seen.json(), **ours}, {**rec.request, **ours})
                wants_base64 = rec.request.get("encoding_format") == "base64"
                if not wants_base64 or isinstance(json.loads(rec.body)["data"][0]["embedding"], str):
                    self.assertEqual(answer.body, rec.body)
                told, log = usage_of(rec), self.gw.log_for(answer.id)
                if told is not None and any(told):  # no token at all is no report
                    logged = [sum(log["usage"].get(k, 0) for k in kind) for kind in (IN, OUT)]
                    self.assertEqual(tuple(logged), told, log)
                key = (rec.provider, rec.api)
                counts[key] = counts.get(key, 0) + 1
        for (name, api), count in sorted(counts.items()):
            print("relayed: %-8s %-12s %3d byte-equal and metered" % (name, api, count))
        self.assertGreaterEqual(sum(counts.values()), least(56))

    def test_other_apis_pass_as_they_are(self):
        sound = bytes(range(256)) * 40
        usage = {"input_tokens": 9, "output_tokens": 100, "total_tokens": 109,
                 "input_tokens_details": {"text_tokens": 4, "image_tokens": 5}}
        said = {"text": "hi", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 2, "total_tokens": 16,
                                        "input_token_details": {"text_tokens": 0, "audio_tokens": 14}}}
        for path, body, headers, answer_type, answer_body, tokens in (
            ("/v1/moderations", {"input": "x"}, (JSON,), JSON, {"id": "modr-1", "results": []}, None),
            ("/v1/rerank", {"query": "x", "documents": ["a"]}, (JSON,), JSON, {"results": []}, None),
            ("/v1/images/generations", {"prompt": "x"}, (JSON,), JSON, {"data": [], "usage": usage}, (9, 100)),
            ("/v1/images/edits", [("image", b"\x89PNG\r\n\r\n--b0undar"), ("prompt", "x")], (FORM,), JSON, {"data": []}, None),
            ("/v1/audio/speech", {"input": "x", "voice": "v"}, (JSON,), ("Content-Type", "audio/mpeg"), sound, None),
            ("/v1/audio/transcriptions", [("file", sound), ("language", "en")], (FORM,), JSON, said, (14, 2)),
        ):
            with self.subTest(path):
                answer_body = answer_body if isinstance(answer_body, bytes) else json.dumps(answer_body, indent=1).encode()
                self.up.handler = [reply(200, answer_body, [answer_type])]
                if isinstance(body, dict):
                    answer = self.post(path + "?k=v", dict(body, model="m"), headers)
                else:
                    answer = self.post(path + "?k=v", form(body + [("model", "m")]), headers)
                seen = self.up.take()[0]
                self.assertEqual((answer.status, answer.body), (200, answer_body), answer)
                self.assertEqual(answer.header("content-type"), answer_type[1])
                self.assertEqual((seen.path, seen.headers["content-type"]), (path, headers[0][1]))
                self.assertEqual(answer.header("x-gw-dropped"), "query.k")
                if isinstance(body, dict):
                    self.assertEqual(seen.json(), dict(body, model="real"))
                else:
                    self.assertEqual(seen.body, form(body + [("model", "real")]))
                log = self.gw.log_for(answer.id)
                self.assertEqual((log["model"], log["status"]), ("m", 200), log)
                if tokens is not None:
                    logged = [sum(log["usage"].get(k, 0) for k in kind) for kind in (IN, OUT)]
                    self.assertEqual(tuple(logged), tokens, log)

    def test_nothing_but_what_is_listed_is_asked_of_the_upstream(self):
        for tail, status in (
            ("..%2f..%2fadmin%2fkeys", 400), ("%2e%2e/%2e%2e/admin", 400), ("../../admin", 400), ("..;/..;/admin", 400),
            ("..\\..\\admin", 400), ("..%5c..%5cadmin", 400), ("%252e%252e%252fadmin", 404), ("edits%2f..%2f..%2fkeys", 400),
            ("admin", 404), ("edits/1", 404), ("", 404), ("edits;x", 404), ("edits%3fa", 404), ("edits%00", 400),
        ):
            for root in ("/v1/images/", "/audio/", "/openai/v1/images/"):
                with self.subTest(root + tail):
                    answer = self.post(root + tail, {"model": "m", "prompt": "x"})
                    self.assertEqual(answer.status, status, answer)
                    self.assert_any_error(answer)
        self.assertEqual(self.up.take(), [], "it was asked of the upstream")
        self.up.handler = lambda request, out: out.send(reply_json({"data": []}))
        for query in ("x=/../..", "path=..%2f..%2fadmin", "beta=true&beta=%2e%2e", "?a", "&&", "api-version=2025-01-01"):
            answer = self.post("/v1//images/edits/?" + query, {"model": "m", "prompt": "x"})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(self.up.take()[0].path, "/v1/images/edits", query)

    def test_an_azure_client_names_the_model_in_the_path(self):
        self.up.handler = lambda request, out: out.send(
            reply_json({"text": "hi"} if b"form-data" in request.body else upstream.completion()))
        said = {"messages": [{"role": "user", "content": "x"}]}
        for name, body in (("m", said), ("m", dict(said, model="another")), ("up%2Freal", said)):
            with self.subTest(name, body=body):
                answer = self.post("/openai/deployments/%s/chat/completions?api-version=2025-01-01" % name, body,
                                   (JSON, ("api-key", "none")))
                self.assertEqual((answer.status, answer.header("x-gw-dropped")), (200, None), answer)
                seen = self.up.take()[0]
                self.assertEqual((seen.path, seen.json()), ("/v1/chat/completions", dict(said, model="real")))
                self.assertNotIn("api-key", seen.headers)
        answer = self.post("/openai/deployments/m/audio/transcriptions", form([("file", b"RIFF")]), (FORM,))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.up.take()[0].body, form([("model", "real"), ("file", b"RIFF")]))
        answer = self.post("/openai/deployments/nobody/chat/completions", said)
        self.assertEqual((answer.status, answer.error["code"]), (404, "model_not_found"), answer)
        answer = self.post("/openai/deployments/m/chat/completions", b"{")
        self.assertEqual((answer.status, answer.error["code"]), (400, "invalid_json"), answer)

    def test_a_path_that_is_not_served_names_those_that_are(self):
        for path in ("/v1/chat/complete", "/api/chat", "/v1", "/v1/engines/x/completions"):
            answer = self.post(path, {"model": "m"})
            self.assert_error(answer, 404, "invalid_request_error", "not_found", retry=False)
            for served in ("/v1/chat/completions", "/v1/messages", "/v1/models", "OpenAI", "Anthropic"):
                self.assertIn(served, answer.error["message"])
        answer = self.post("/v1/complete", {"model": "m"}, (JSON, ("anthropic-version", "2023-06-01")))
        self.assertEqual((answer.status, answer.json()["type"], answer.json()["error"]["type"]),
                         (404, "error", "not_found_error"), answer)

    def test_a_stream_or_not_as_the_upstream_will(self):
        """What is only relayed is nothing that the gateway could fold, or cut up: it passes in the form in which it came."""
        speech = (b'event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"AAAA"}\n\n'
                  b'event: speech.audio.done\ndata: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,'
                  b'"total_tokens":115}}\n\n')
        response = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "model": "real",
                    "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}
        events = (b"event: response.created\ndata: %s\n\nevent: response.completed\ndata: %s\n\n"
                  % tuple(json.dumps({"type": t, "response": response}).encode() for t in ("response.created", "response.completed")))
        whole = json.dumps(response).encode()
        for path, body, sent, stream in (
            ("/v1/audio/speech", {"input": "x", "voice": "v", "stream_format": "sse"}, speech, True),
            ("/v1/responses", {"input": "x"}, events, True),
            ("/v1/responses", {"input": "x", "stream": True}, whole, False),
        ):
            for last in ([END], ["close"]) if stream else ([],):
                with self.subTest(path, stream=stream, last=last):
                    self.up.handler = [stream_head() + chunk(sent)] + last if stream else [reply(200, sent, [JSON])]
                    answer = self.post(path, dict(body, model="m"))
                    if last == ["close"] and "speech" in path:  # nothing says that it is complete
                        self.assertTrue(answer.body.startswith(sent) and b"stream_interrupted" in answer.body, answer)
                        continue
                    self.assertEqual((answer.status, answer.body), (200, sent), answer)
                    self.assertTrue(answer.header("content-type").startswith("text/event-stream" if stream else JSON[1]))
                    log = self.gw.log_for(answer.id)
                    self.assertEqual((log["stream"], log["usage"]["input"], log["usage"]["output"]), (stream, 14, 101), log)

    def test_an_end_mark_alone_is_not_kept_for_the_next(self):
        self.up.handler = lambda request, out: out.send(
            stream_head() + chunk(b"data: [DONE]\n\n") + END if request.json()["model"] == "first" else
            stream_head() + chunk(upstream.delta("x")) + chunk(upstream.delta(finish="stop")) + chunk(upstream.DONE) + END)
        answer = self.post("/v1/chat/completions", {"model": "pair", "stream": True, "messages": []})
        self.assertEqual((answer.status, answer.body.count(b"[DONE]")), (200, 1), answer)

    def test_a_form_has_one_model(self):
        decoy = b'\r\n--other\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        for name, body in (
            ("none", form([("prompt", "x")])),
            ("only in a file", form([("image", decoy)])),
            ("two", form([("model", "m"), ("model", "azure")])),
            ("cut", form([("model", "m")])[:-8]),
        ):
            with self.subTest(name):
                answer = self.post("/v1/images/edits", body, (FORM,))
                self.assertEqual(answer.status, 400, answer)
                self.assert_any_error(answer)
                self.assertEqual(self.up.take(), [])

    def test_who_does_not_have_it_says_so(self):
        for model, path in (
            ("anthropic", "/v1/responses"),
            ("anthropic", "/v1/embeddings"),
            ("anthropic", "/v1/images/generations"),
            ("mistral", "/v1/responses"),
            ("mistral", "/v1/images/generations"),
            ("azure", "/v1/rerank"),
        ):
            with self.subTest(model=model, path=path):
                answer = self.post(path, {"model": model, "input": "x", "prompt": "x", "query": "q", "documents": []})
                self.assertIn(answer.status, (400, 404), answer)
                error = self.assert_any_error(answer)
                self.assertEqual(answer.header("x-should-retry"), "false")
                self.assertEqual(self.up.take(), [])
                self.assertGreater(len(error["message"]), 25)
        self.up.handler = [reply_json({"object": "list", "data": [], "model": "real"})]
        answer = self.post("/v1/responses", {"model": "two", "input": "x"})
        self.assertEqual(self.up.take()[0].json()["model"], "real", "the target that has it was not asked: %r" % answer)

    def test_a_websocket_is_refused_so_that_the_client_falls_back(self):
        headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                   ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
        answer = self.gw.request("GET", "/v1/responses", headers)
        self.assert_error(answer, 426, "invalid_request_error", "upgrade_required", retry=False)

    def test_a_responses_stream_that_breaks_ends_as_failed(self):
        created = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"},"sequence_number":0}\n\n'
        words = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi","sequence_number":1}\n\n'
        begun = stream_head() + chunk(created) + chunk(words)
        for steps in ([begun, 0.1, "rst"], [begun + END]):
            self.up.handler = steps
            answer = self.post("/v1/responses", {"model": "m", "input": "x", "stream": True})
            self.assertEqual((answer.status, answer.complete), (200, True), answer)
            self.assertTrue(answer.body.startswith(created), answer)
            name, data = client.sse(answer.body)[-1]
            self.assertEqual((name, json.loads(data)["type"]), ("response.failed", "response.failed"))
            self.assertEqual(json.loads(data)["response"]["status"], "failed")
            self.assertTrue(wait_for(lambda: self.gw.log_for(answer.id)["error"]["code"], 5))
        self.up.handler = [stream_head() + chunk(created), 0.1, "rst"]  # nothing of it says anything: as if it had not begun
        self.assertEqual(self.post("/v1/responses", {"model": "m", "input": "x", "stream": True}).status, 502)


if __name__ == "__main__":
    unittest.main()
