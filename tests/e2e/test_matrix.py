"""test_matrix.py - every recorded answer through both faces: what it said must arrive, judged by facts.py, not by the
translator. Prints a matrix provider x face: pass, lossy by the table below, or fail.
"""

import glob
import json
import os
import unittest

import facts
import upstream
from harness import Case, Gateway, provider, shared
from recordings import NOT_REPLAYED, load_chat

KEYS = ["text", "reasoning", "calls", "finish_class", "tokens_in", "tokens_out"]

# What cannot be the same, and why: (part of the name, face, fact, reason). Nothing yet.
LOSSY = []


class Anthropic:
    """A recorded exchange of Anthropic's own API."""

    def __init__(self, path):
        with open(path) as f:
            raw = json.load(f)
        self.provider, self.api = raw["provider"], raw["api"]
        self.name = "%s/%s" % (self.provider, os.path.basename(path)[: -len(".json")])
        self.request, self.status = raw["request"]["body"], raw["response"]["status"]
        self.headers = [(n, v) for n, v in raw["response"]["headers"].items() if n not in NOT_REPLAYED]
        self.body = (raw["response"].get("body") or "").encode()
        self.stream = bool(self.request.get("stream"))


def load_anthropic():
    return [r for r in map(Anthropic, sorted(glob.glob(shared("recordings", "anthropic") + "/*.json"))) if r.api == "messages"]


def lossy(rec, face, difference):
    return any(part in rec.name and face == f and difference.startswith(fact) for part, f, fact, _ in LOSSY)


class Matrix(Case):
    @classmethod
    def make(cls):
        cls.rec = None

        def handler(request, out):
            cls.seen = request
            head = "\r\n".join(["HTTP/1.1 %d Recorded" % cls.rec.status] + ["%s: %s" % h for h in cls.rec.headers])
            out.send((head + "\r\ncontent-length: %d\r\n\r\n" % len(cls.rec.body)).encode() + cls.rec.body)

        cls.up = upstream.Upstream(handler)
        cls.has_anthropic = os.path.exists(os.path.join(os.path.dirname(os.environ["GW_BINARY"]), "plugins", "anthropic.so"))
        lua = provider("up", cls.up) + 'model "chatty" { { "up/m" } }\n'
        if cls.has_anthropic:
            lua += 'provider "claude" { plugin = "anthropic", base_url = "%s", secrets = { env "UP_KEY" } }\n' % cls.up.url[:-3]
            lua += 'model "claude" { { "claude/claude-sonnet-4-5" } }\n'
        return Gateway(lua)

    def ask(self, face, model, stream):
        body = {"model": model, "max_tokens": 4096, "stream": stream, "messages": [{"role": "user", "content": "go on"}]}
        if face == "chat":
            if stream:
                body["stream_options"] = {"include_usage": True}
            return self.gw.request("POST", "/v1/chat/completions", (), json.dumps(body).encode())
        return self.gw.request("POST", "/v1/messages", [("anthropic-version", "2023-06-01")], json.dumps(body).encode())

    def compare(self, rec, face, model, want, keys):
        type(self).rec = rec
        answer = self.ask(face, model, rec.stream)
        if answer.status != 200:
            return ["status %d: %s" % (answer.status, answer.body[:200])]
        try:
            got = facts.of_chat(answer.body, rec.stream) if face == "chat" else facts.of_messages(answer.body, rec.stream)
        except (ValueError, KeyError, TypeError) as e:
            return ["unreadable: %r in %r" % (e, answer.body[-300:])]
        return want.differences(got, keys)

    def run_all(self, recs, model, wanted, keys):
        matrix, failures = {}, []
        for rec in recs:
            want = wanted(rec)
            for face in ("chat", "messages"):
                use = [k for k in keys if not (k.startswith("tokens") and want.tokens_in is None)]
                found = self.compare(rec, face, model, want, use)
                bad = [d for d in found if not lossy(rec, face, d)]
                row = matrix.setdefault((rec.provider, face), [0, 0, 0])
                row[2 if bad else 1 if found else 0] += 1
                failures += ["%s -> %s: %s" % (rec.name, face, d[:400]) for d in bad]
        for (name, face), (passed, lossy_count, failed) in sorted(matrix.items()):
            print("matrix: %-14s -> %-8s  %3d pass  %2d lossy by the table  %d fail" % (name, face, passed, lossy_count, failed))
        self.assertEqual(failures, [], "\n".join(failures))

    def test_openai_shaped_services(self):
        recs = [r for r in load_chat() if r.status == 200 and "error-midstream" not in r.name]
        self.run_all(recs, "chatty", lambda r: facts.of_chat(r.body, r.stream), KEYS)

    def test_anthropic(self):
        if not self.has_anthropic:
            self.skipTest("the provider plugin anthropic is not in this build")
        recs = [r for r in load_anthropic() if r.status == 200]
        self.assertGreater(len(recs), 40)
        self.run_all(recs, "claude", lambda r: facts.of_messages(r.body, r.stream), KEYS + ["signatures", "redacted"])

    def test_anthropic_is_relayed_byte_for_byte(self):
        if not self.has_anthropic:
            self.skipTest("the provider plugin anthropic is not in this build")
        for rec in load_anthropic():
            if rec.status != 200:
                continue
            with self.subTest(rec.name):
                type(self).rec = rec
                body = json.dumps(dict(rec.request, model="claude")).encode()
                headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "one-2025-01-01,two-2025-02-02")]
                answer = self.gw.request("POST", "/v1/messages?beta=true", headers, body)
                self.assertEqual(answer.body, rec.body)
                self.assertEqual(json.loads(self.seen.body), dict(rec.request, model="claude-sonnet-4-5"))
                self.assertEqual(self.seen.headers["anthropic-beta"], "one-2025-01-01,two-2025-02-02")
                want, usage = facts.of_messages(rec.body, rec.stream), self.gw.log_for(answer.header("x-request-id"))["usage"]
                ins = sum(usage.get(k, 0) for k in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "image_in", "audio_in"))
                self.assertEqual((ins, usage.get("output", 0) + usage.get("reasoning", 0)), (want.tokens_in, want.tokens_out))


if __name__ == "__main__":
    unittest.main()
