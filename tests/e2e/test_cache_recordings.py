"""test_cache_recordings.py - recorded answers through the cache: what is given again is what the same bytes of the upstream would have been."""

import glob
import json
import os
import re
import unittest

import upstream
from harness import FULL, Gateway, claude, least, provider, shared, sse
from recordings import NOT_REPLAYED
from test_anthropic import VERSION
from test_cache import Cached
from upstream import reply

FACES = {
    "chat": ("/v1/chat/completions", [], {}),
    "messages": ("/v1/messages", [VERSION], {"max_tokens": 900}),
}
SOURCES = {  # the recordings' folder and the model that leads to their plugin
    "chat-*.json": "c",
    "anthropic/messages-*.json": "a",
    "gemini/*enerateContent-*.json": "g",
    "ollama/api-chat-*.json": "o",
}


MADE = re.compile(r'"call_[0-9A-Za-z_-]+?(_[0-9]+_[0-9]+)"')  # from the answer's id, where its service gives calls none


def load():
    found = []
    for pattern, model in SOURCES.items():
        folder = shared("recordings")
        for path in sorted(glob.glob(os.path.join(folder, pattern if "/" in pattern else "*/" + pattern))):
            with open(path, encoding="utf-8") as f:
                raw = json.load(f)
            response = raw.get("response") or {}
            if response.get("status") == 200 and isinstance(response.get("body"), str) and (model != "c" or raw["api"] == "chat"):
                found.append((os.path.relpath(path, folder), model, response))
    if len(found) < least(200):
        raise AssertionError("only %d recorded answers: the folder has changed" % len(found))
    return found


def meaning(answer, face, stream):
    """What a client understands of it, without what is new each time."""
    def strip(value):
        for holder in (value, value.get("message") or {}):
            if isinstance(holder, dict) and re.match(r"^(chatcmpl|msg|gen|resp|cmpl)?[-_a-zA-Z0-9]*$", str(holder.get("id", ""))):
                holder.pop("id", None)
        value.pop("created", None)
        return json.loads(MADE.sub(r'"call_made_\1"', json.dumps(value)))

    if not stream:
        return strip(answer.json())
    return [(name, strip(json.loads(data)) if data.startswith("{") else data) for name, data in sse(answer.body)]


def name_of(answer, stream):
    values = [answer.json()] if not stream else [json.loads(data) for _, data in sse(answer.body) if data.startswith("{")]
    return next((id_ for id_ in ((value.get("message") or value).get("id") for value in values) if id_), None)


class Recorded(Cached):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        key = 'secrets = { env "UP_KEY" }'
        return Gateway(provider("c", cls.up) + claude("a", cls.up)
                       + 'provider "g" { plugin = "gemini", base_url = "%s", %s }\n' % (cls.up.url, key)
                       + 'provider "o" { plugin = "ollama-native", base_url = "%s" }\n' % cls.up.url[:-3]
                       + "".join('model "%s" { { "%s/real" } }\n' % (m, m) for m in "cago") + "cache { mb = 64, tools = true }\n")

    def ask(self, face, model, text, stream, headers=()):
        path, own, more = FACES[face]
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **more}
        if stream and face == "chat":
            body["stream_options"] = {"include_usage": True}
        return self.gw.request("POST", path, own + list(headers), body)

    def test_what_is_given_again_is_what_its_upstream_s_bytes_are(self):
        kept = hits = 0
        ids = set()
        for name, model, response in load()[:: 1 if FULL else 8]:
            headers = [(n, v) for n, v in response["headers"].items() if n not in NOT_REPLAYED and n.lower() != "date"]
            whole = reply(200, response["body"].encode(), headers)
            self.up.handler = lambda request, out: out.send(whole)
            for face in FACES:
                for first in (False, True):
                    text = self.once()
                    prime = self.ask(face, model, text, first)
                    fresh = {stream: self.ask(face, model, text, stream, [("Cache-Control", "no-store")]) for stream in (False, True)}
                    asked = len(self.up.requests)
                    for stream in (first, not first):
                        again = self.ask(face, model, text, stream)
                        where = (name, face, first, stream)
                        if "; hit" not in (again.header("cache-status") or ""):
                            continue
                        hits += 1
                        self.assertEqual(len(self.up.requests), asked, where)
                        self.assertEqual((again.status, fresh[stream].status), (200, 200), where)
                        self.assertEqual(meaning(again, face, stream), meaning(fresh[stream], face, stream), where)
                        id_ = name_of(again, stream)
                        if id_ is not None:
                            self.assertNotIn(id_, ids, where)
                            self.assertNotEqual(id_, name_of(fresh[stream], stream), where)
                            ids.add(id_)
                        log, want = self.gw.log_for(again.id), self.gw.log_for(fresh[stream].id)
                        self.assertEqual(log["usage"], want["usage"], where)
                    kept += self.gw.log_for(prime.id)["cache"] == "stored"
        self.assertGreaterEqual(kept, least(300 if FULL else 35))
        self.assertEqual(hits, 2 * kept, "what is kept is given in both ways")


if __name__ == "__main__":
    unittest.main()
