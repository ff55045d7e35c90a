"""test_matrix.py - every recorded answer through both faces, each by the provider it came from: what it said must
arrive, judged by facts.py, not by the translator. Prints a matrix provider and case x face: pass (numbers of
recordings), lossy by the table, or FAIL.

The way there, what becomes of a request, is test_crossing.py's.
"""

import base64
import glob
import json
import os
import re
import unittest

import facts
import upstream
from grid import FAIL, Grid
from harness import UP_KEY, Case, Gateway, least, shared
from recordings import NOT_REPLAYED, load_chat

# What of each kind of recording must arrive. Ids and reasoning of others are compared beside these.
CHAT = ["text", "reasoning", "refusal", "calls", "finish_class", "pages", "logprobs", "choice_count"]
COUNTS = ["tokens_in", "tokens_out", "cache_read", "cache_write", "thought"]
MESSAGES = ["text", "reasoning", "calls", "finish_class", "stop_sequence", "pages", "passages", "others", "signatures"]
MESSAGES += ["redacted"]

ONE = "a message is one answer; its client cannot ask for more"
NO_LOGPROBS = "a message has no place for probabilities, and its client cannot ask for them"
PASSAGES = "what a chat cites has an address: a document that the client sent has none"
OWN_TOOLS = "a chat has no word for what Anthropic's own tools did; their text and the pages cited arrive"
# What cannot be the same: (part of the recording's name, face, fact, reason). A row that nothing needs is an error.
LOSSY = [
    ("openai/chat-options-nonstream-01", "messages", "logprobs", NO_LOGPROBS),
    ("openrouter/chat-options-nonstream-01", "messages", "logprobs", NO_LOGPROBS),
    ("openai/chat-options-stream-01", "messages", "choice_count", ONE),
    ("anthropic/messages-options", "chat", "stop_sequence", "a chat does not tell which of the stop strings it was"),
    ("anthropic/messages-document_audio-stream-01", "chat", "passages", PASSAGES),
    ("anthropic/messages-server_tool", "chat", "others", OWN_TOOLS),
    ("anthropic/messages-cache-nonstream-03", "chat", "others", OWN_TOOLS),
    ("anthropic/messages-thinking-stream-03", "chat", "others", OWN_TOOLS),
    ("anthropic/messages-thinking-stream-03", "chat", "finish_class", "a chat has no word for a pause: it is a stop"),
]

# How a recorded service is reached: the names of providers here, by the folder of the recordings.
PROVIDERS = {
    "openai": ["openai"],
    "azure": ["azure-v1", "azure-dated"],
    "anthropic": ["anthropic"],
    "google": ["google"],  # its own API; what its compatible one answers is in the folder "gemini" too
}
PRESETS = "deepseek groq huggingface llamacpp mistral ollama openrouter perplexity together vllm xai".split()
WITHOUT_PRESET = ("gemini", "vercel-gateway", "zai")
LINES = {
    "openai": 'provider "openai" { base_url = "%(url)s/v1", secret = env "UP_KEY" }',
    "azure-v1": 'provider "azure-v1" { plugin = "azure", base_url = "%(url)s", secret = env "UP_KEY" }',
    "azure-dated": 'provider "azure-dated" { plugin = "azure", base_url = "%(url)s", secret = env "UP_KEY", '
    'api_version = "2024-10-21" }',
    "anthropic": 'provider "anthropic" { base_url = "%(url)s", secret = env "UP_KEY" }',
    "google": 'provider "google" { plugin = "gemini", base_url = "%(url)s/v1beta", secret = env "UP_KEY" }',
}
PATHS = {
    "azure-v1": "/openai/v1/chat/completions",
    "azure-dated": "/openai/deployments/",
    "anthropic": "/v1/messages",
    "google": "enerateContent",
}
CREDENTIALS = {"anthropic": "x-api-key", "google": "x-goog-api-key", "azure-v1": "api-key", "azure-dated": "api-key"}
READERS = {"anthropic": facts.of_messages, "google": facts.of_gemini}
GOOGLE = ["text", "reasoning", "calls", "finish_class"]


def lua_of(url):
    lines = [line % {"url": url} for line in LINES.values()]
    lines += ['provider "%s" { base_url = "%s/v1", secret = env "UP_KEY" }' % (name, url) for name in PRESETS]
    lines += [
        'provider "%s" { plugin = "openai", base_url = "%s/v1", secret = env "UP_KEY" }' % (name, url)
        for name in WITHOUT_PRESET
    ]
    return "\n".join(lines) + "\n"


class Anthropic:
    """A recorded exchange of Anthropic's own API."""

    def __init__(self, path):
        with open(path) as f:
            raw = json.load(f)
        self.provider, self.api = raw["provider"], raw["api"]
        self.name = "%s/%s" % (self.provider, os.path.basename(path)[: -len(".json")])
        self.request, self.status = raw["request"]["body"], raw["response"]["status"]
        self.model = self.request.get("model") or raw.get("model")
        self.headers = [(n, v) for n, v in raw["response"]["headers"].items() if n not in NOT_REPLAYED]
        self.body = (raw["response"].get("body") or "").encode()
        self.stream = bool(self.request.get("stream"))


def load_anthropic():
    return [
        r
        for r in map(Anthropic, sorted(glob.glob(shared("recordings", "anthropic") + "/*.json")))
        if r.api == "messages"
    ]


class Google:
    """A recorded exchange of Gemini's own API, at either of its addresses."""

    def __init__(self, path):
        with open(path) as f:
            raw = json.load(f)
        self.provider, self.request = "google", {}
        self.name = "%s/%s" % (raw["provider"], os.path.basename(path)[: -len(".json")])
        self.stream, self.model, self.status = "stream" in raw["api"], raw["model"], raw["response"]["status"]
        self.headers = [(n, v) for n, v in raw["response"]["headers"].items() if n not in NOT_REPLAYED]
        self.body = (raw["response"].get("body") or "").encode()


def load_google():
    paths = [p for s in ("gemini", "vertex") for p in sorted(glob.glob(shared("recordings", s) + "/*enerateContent-*"))]
    return [Google(p) for p in paths]


def case_of(rec):
    """What a recording shows, by its name: "openai/chat-tool_parallel-stream-01" is "tool_parallel"."""
    return re.match(r".*/(?:chat|messages|generateContent|streamGenerateContent)-(.*?)(?:-stream|-nonstream)?-\d\d$", rec.name).group(1)


def is_error(rec):
    return rec.status != 200 or "error-midstream" in rec.name


def hidden(signature):
    """What an Anthropic client carries back for another upstream, in a signature that Anthropic did not make."""
    mark, _, inside = (signature or "").partition("gw1.")
    return base64.urlsafe_b64decode(inside + "=" * (-len(inside) % 4)).decode() if not mark and inside else ""


def lost_reasoning(want, got):
    """Signed and encrypted reasoning of a chat service must come back with the next request of an Anthropic client."""
    carried = "".join(s + hidden(s) for s in got.signatures + got.redacted)
    return [
        "signatures: %s... is not carried" % s[:40]
        for s in want.signatures + want.redacted
        if json.dumps(s)[1:-1] not in carried
    ]


def told_error(rec):
    """(message, code) of a recorded error body, whatever its shape."""
    value = json.loads(rec.body)
    error = value.get("error", value)
    if isinstance(error, str):
        return error, value.get("code")
    return error.get("message") or error.get("detail"), error.get("code")


def wanted_error(rec, face):
    """(status, type, code or None, x-should-retry, words) that the caller must be told for a recorded error."""
    message, code = told_error(rec)
    chat = face == "chat"
    if rec.status in (401, 403) or b"API_KEY_INVALID" in rec.body:  # our own key is bad: the caller can do nothing, and need not know how
        return 502, "upstream_error" if chat else "api_error", "upstream_auth", "false", None
    if rec.status == 429:
        retry = dict(rec.headers).get("x-should-retry", "true")
        return 429, "rate_limit_error", "upstream_rate_limited", retry, None
    kind = "not_found_error" if rec.status == 404 and not chat else "invalid_request_error"
    if re.search(r"too long|maximum context|total length", message):
        code = "context_length_exceeded"
    return rec.status, kind, code if isinstance(code, str) else None, "false", message


class Matrix(Case):
    @classmethod
    def make(cls):
        cls.rec = None

        def handler(request, out):
            cls.seen = request
            head = "\r\n".join(["HTTP/1.1 %d Recorded" % cls.rec.status] + ["%s: %s" % h for h in cls.rec.headers])
            out.send((head + "\r\ncontent-length: %d\r\n\r\n" % len(cls.rec.body)).encode() + cls.rec.body)

        cls.up = upstream.Upstream(handler)
        cls.used = set()
        return Gateway(lua_of(cls.up.url[:-3]))

    def ask(self, rec, face, name, stream):
        body = {"model": "%s/%s" % (name, rec.model), "max_tokens": 4096, "stream": stream}
        body["messages"] = [{"role": "user", "content": "go on"}]
        type(self).rec = rec
        if face == "messages":
            return self.gw.request("POST", "/v1/messages", [("anthropic-version", "2023-06-01")], body)
        if stream:
            body["stream_options"] = {"include_usage": True}
        if rec.request.get("n"):
            body["n"] = rec.request["n"]
        return self.gw.request("POST", "/v1/chat/completions", (), body)

    def assert_right_way(self, name):
        """It went to the address of this kind of provider, with its kind of credential."""
        self.assertIn(PATHS.get(name, "/v1/chat/completions"), self.seen.path)
        if name == "azure-dated":
            self.assertIn("api-version=2024-10-21", self.seen.path)
        header = CREDENTIALS.get(name, "authorization")
        value = UP_KEY if name in CREDENTIALS else "Bearer " + UP_KEY
        self.assertEqual(self.seen.headers.get(header), value, name)

    def compare(self, rec, face, name):
        """What did not arrive of a recorded answer."""
        own = {"anthropic": "messages", "google": "google"}.get(name, "chat")
        want = READERS.get(name, facts.of_chat)(rec.body, rec.stream)
        answer = self.ask(rec, face, name, rec.stream)
        self.assert_right_way(name)
        if answer.status != 200:
            return ["status %d: %s" % (answer.status, answer.body[:200])]
        try:
            got = (facts.of_messages if face == "messages" else facts.of_chat)(answer.body, rec.stream)
        except (ValueError, KeyError, TypeError) as e:
            return ["unreadable: %r in %r" % (e, answer.body[-300:])]
        keys = list({"messages": MESSAGES, "google": GOOGLE}.get(own, CHAT))
        keys += COUNTS if want.tokens_in is not None else []
        if face == "messages" and own == "chat":
            keys.remove("refusal")  # it is text there, with a stop reason of its own
        found = want.differences(got, keys)
        if face != own or any(call[2] for call in want.tools):  # some servers give none, which a relay leaves so
            found += want.wrong_ids(got)
        if face == own == "chat":
            found += want.differences(got, ["choices", "signatures", "redacted"])
        elif own != "messages":
            found += lost_reasoning(want, got)
        return found + ([] if got.ended or not want.ended else ["ended: the stream has no end"])

    def judge(self, rec, face, found, grid):
        """The differences that no row of the table allows."""
        bad = []
        for difference in found:
            rows = [r for r in LOSSY if r[0] in rec.name and r[1] == face and difference.split(":")[0] == r[2]]
            self.used.update(rows)
            for row in rows:
                grid.because("-> %s: %s: %s" % row[1:], rec.name)
            bad += [] if rows else ["%s -> %s: %s" % (rec.name, face, difference[:400])]
        return bad

    def names_of(self, rec):
        return PROVIDERS.get(rec.provider, [rec.provider])

    def test_answers(self):
        recs = [r for r in load_chat() + load_anthropic() + load_google() if not is_error(r)]
        grid, failures = Grid("answers", ["chat whole", "chat stream", "messages whole", "messages stream"]), []
        for rec in recs:
            for name in self.names_of(rec):
                for face in ("chat", "messages"):
                    found = self.compare(rec, face, name)
                    bad = self.judge(rec, face, found, grid)
                    column = "%s %s" % (face, "stream" if rec.stream else "whole")
                    grid.add("%-14s %s" % (name, case_of(rec)), column, FAIL if bad else "lossy" if found else "ok")
                    failures += ["%s: %s" % (name, b) for b in bad]
        grid.print(rows=sorted(grid.cells))
        grid.print_reasons("lossy by the table")
        self.assertEqual(failures, [], "\n" + "\n".join(failures))
        if least(2) > 1:  # all recordings are there
            self.assertEqual([r for r in LOSSY if r not in self.used], [], "rows that nothing needs")
        self.assertGreaterEqual(len(recs), least(257))

    def wrong_error(self, rec, face, name, stream):
        status, kind, code, retry, words = wanted_error(rec, face)
        answer = self.ask(rec, face, name, stream)
        if answer.status != status or answer.header("x-should-retry") != retry:
            return [
                "status %d, x-should-retry %s: %r" % (answer.status, answer.header("x-should-retry"), answer.body[:300])
            ]
        value = answer.json()
        error, shape = value["error"], {"error"} if face == "chat" else {"type", "error", "request_id"}
        told = error["code"] if face == "chat" else error["details"]["error_code"]
        out = ["shape %r" % value] if set(value) != shape or (face == "messages" and value["type"] != "error") else []
        if error["type"] != kind or not told or (code is not None and told != code):
            out.append("type %r code %r for %r %r" % (error["type"], told, kind, code))
        upstream_words = told_error(rec)[0]
        if words is not None and words[:200] not in error["message"]:
            out.append("message %r" % error["message"])
        if words is None and upstream_words[:30] in error["message"]:
            out.append("tells what is not the caller's affair: %r" % error["message"])
        return ["%s %s -> %s: %s" % (name, rec.name, face, o) for o in out]

    def wrong_break(self, rec, face, name):
        """A stream that breaks off with an error: what came before it arrives, then the error, and no end."""
        want, answer = facts.of_chat(rec.body, True), self.ask(rec, face, name, True)
        got = (facts.of_messages if face == "messages" else facts.of_chat)(answer.body, True)
        out = [] if got.error else ["no error in %r" % answer.body[-300:]]
        out += ["it ends well: %r" % answer.body[-300:]] if got.ended and not (want.ended and face == "chat") else []
        out += [] if got.text == want.text and got.calls == want.calls else ["text %r" % got.text]
        return ["%s %s -> %s: %s" % (name, rec.name, face, o) for o in out]

    def test_errors(self):
        recs = [r for r in load_chat() + load_anthropic() + load_google() if is_error(r)]
        grid, failures = Grid("errors", ["chat whole", "chat stream", "messages whole", "messages stream"]), []
        for rec in recs:
            midstream = rec.status == 200
            for name in self.names_of(rec):
                for face in ("chat", "messages"):
                    for stream in (True,) if midstream else (False, True):
                        bad = (
                            self.wrong_break(rec, face, name)
                            if midstream
                            else self.wrong_error(rec, face, name, stream)
                        )
                        column = "%s %s" % (face, "stream" if stream else "whole")
                        grid.add("%-14s %s" % (name, case_of(rec)), column, FAIL if bad else "ok")
                        failures += bad
        grid.print(rows=sorted(grid.cells))
        self.assertEqual(failures, [], "\n" + "\n".join(failures))
        self.assertGreaterEqual(len(recs), least(41))

    def test_anthropic_is_relayed_byte_for_byte(self):
        for rec in load_anthropic():
            if rec.status != 200:
                continue
            with self.subTest(rec.name):
                type(self).rec = rec
                body = json.dumps(dict(rec.request, model="anthropic/claude-sonnet-4-5")).encode()
                headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "one-2025-01-01,two-2025-02-02")]
                answer = self.gw.request("POST", "/v1/messages?beta=true", headers, body)
                self.assertEqual(answer.body, rec.body)
                self.assertEqual(json.loads(self.seen.body), dict(rec.request, model="claude-sonnet-4-5"))
                self.assertEqual(self.seen.headers["anthropic-beta"], "one-2025-01-01,two-2025-02-02")
                want, usage = (
                    facts.of_messages(rec.body, rec.stream),
                    self.gw.log_for(answer.header("x-request-id"))["usage"],
                )
                ins = sum(
                    usage.get(k, 0)
                    for k in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "image_in", "audio_in")
                )
                self.assertEqual(
                    (ins, usage.get("output", 0) + usage.get("reasoning", 0)), (want.tokens_in, want.tokens_out)
                )


if __name__ == "__main__":
    unittest.main()
