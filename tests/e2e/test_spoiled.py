"""test_spoiled.py - requests with some bytes or members lost, doubled, changed or moved: each has an answer in the form
that its client reads, nothing that is not strict JSON goes upstream, and the gateway goes on. GW_MUTATIONS=N tries N of
each kind (40)."""

import copy
import json
import os
import random
import socket
import unittest

import upstream
from client import Conn, Cut
from harness import Case, Gateway, claude, provider
from test_anthropic import VERSION, WHOLE
from test_mutated import mutate

COUNT = int(os.environ.get("GW_MUTATIONS", "40"))
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}}, "required": ["city"]}
CHAT = {
    "model": "MODEL", "max_completion_tokens": 900, "temperature": 0.5, "stop": ["\n\n", "END"], "user": "u-1", "seed": 3,
    "messages": [
        {"role": "system", "content": "Be brief \U0001f600."},
        {"role": "user", "content": [{"type": "text", "text": "h\u00e4?"},
                                     {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "user", "content": "and Oslo?"}],
    "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": TOOL}}],
    "tool_choice": "auto", "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": TOOL}},
}
MESSAGES = {
    "model": "MODEL", "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"},
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                                     {"type": "text", "text": "what \U0001f600?"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                                          {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "ok"}]},
                                     {"type": "text", "text": "and Oslo?"}]}],
    "tools": [{"name": "weather", "description": "d", "input_schema": TOOL}], "tool_choice": {"type": "auto"},
    "stop_sequences": ["END"], "top_k": 4,
}
BASES = (
    ("/v1/chat/completions", CHAT),
    ("/v1/messages", MESSAGES),
    ("/v1/messages/count_tokens", {k: MESSAGES[k] for k in ("model", "messages", "tools", "system")}),
    ("/v1/completions", {"model": "MODEL", "prompt": ["a", "b"], "max_tokens": 5, "suffix": "x", "n": 1}),
    ("/v1/embeddings", {"model": "MODEL", "input": ["a", "\u00e4"], "dimensions": 4, "encoding_format": "base64"}),
    ("/v1/responses", {"model": "MODEL", "input": [{"role": "user", "content": "hi"}], "max_output_tokens": 9}),
)
VALUES = (None, True, 0, -1, 1.5, 1e300, 2**63, "", "x", "\0", [], {}, [None], [[]], {"": None}, "auto", {"type": "text"}, "a" * 5000)


def places(value, path=()):
    """Every place of a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, path + (key,))


def bend(rng, value):
    """A copy of which some members have another value, another name, or are gone or doubled."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 2, 5))):
        paths = [p for p in places(value) if p and p != ("model",)]
        if not paths:
            break
        path = rng.choice(paths)
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        kind = rng.randrange(4)
        if kind == 0:
            del parent[path[-1]]
        elif kind == 1:
            parent[path[-1]] = copy.deepcopy(rng.choice(VALUES))
        elif kind == 2 and isinstance(parent, list):
            parent.insert(path[-1], copy.deepcopy(parent[rng.randrange(len(parent))]))
        elif isinstance(parent, dict):
            parent[rng.choice(("x", "", "type", "model2", "n", "content", "role"))] = parent.pop(path[-1])
    return value


class Doubled(ValueError):
    pass


def no_twins(pairs):
    if len({k for k, _ in pairs}) != len(pairs):
        raise Doubled()
    return dict(pairs)


def strict(body):
    """The value of a body that is strict JSON: UTF-8, no member twice, no NaN, no lone half of a pair."""
    def refuse(word):
        raise ValueError(word)

    value = json.loads(body.decode("utf-8"), object_pairs_hook=no_twins, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def is_strict(body):
    try:
        return isinstance(strict(body), dict)
    except (ValueError, RecursionError):
        return False


def answer(request, out):
    if request.path.endswith("/messages"):
        return out.send(upstream.reply_json(WHOLE))
    if request.path.endswith("/count_tokens"):
        return out.send(upstream.reply_json({"input_tokens": 5}))
    if request.path.endswith("/embeddings"):
        return out.send(upstream.reply_json({"object": "list", "model": "real", "usage": {"prompt_tokens": 1, "total_tokens": 1},
                                             "data": [{"object": "embedding", "index": 0, "embedding": "AAAAAA=="}]}))
    return out.send(upstream.reply_json(upstream.completion()))


class Spoiled(Case):
    UPSTREAM_RULES = "what is spoiled may be what a service refuses"

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(handler=answer)
        return Gateway(claude("claude", cls.up) + provider("up", cls.up) +
                       'model "gpt" { { "up/gpt-4o" } }\nmodel "claude" { { "claude/claude-opus-4-1" } }\n')

    def judge(self, path, model, body, got, seen):
        self.assertTrue(got.complete, got)
        self.assertIn(got.status // 100, (2, 4), got)
        value = got.json() if "event-stream" not in got.header("content-type", "") else {}
        if got.status >= 400:
            error = value["error"]
            self.assertTrue(error["message"] and error["type"], got)
            self.assertEqual(value.get("type"), "error" if "/messages" in path else None, got)
            self.assertNotEqual(got.status, 499, got)
        if (("/messages" in path) == (model == "claude")) and not is_strict(body):
            # A relay looks at the top only: what stands deeper is the upstream's to refuse, and goes as it came.
            name = b'"claude-opus-4-1"' if model == "claude" else b'"gpt-4o"'
            self.assertTrue(all(request.body == body.replace(b'"%s"' % model.encode(), name, 1) for request in seen), seen)
            return
        if not is_strict(body):
            self.assertEqual((got.status // 100, len(seen)), (4, 0), got)
        for request in seen:
            sent = strict(request.body)
            self.assertIn(sent["model"], ("gpt-4o", "claude-opus-4-1"))
        self.assertLessEqual(len(seen), 1)

    def tries(self, spoil, count):
        ids = []
        for path, base in BASES:
            for model in ("gpt", "claude"):
                rng = random.Random("%s %s" % (path, model))
                whole = dict(base, model=model)
                for i in range(count):
                    body = spoil(rng, whole)
                    self.up.take()
                    with self.subTest(path=path, model=model, i=i, body=body):
                        got = self.gw.request("POST", path, [VERSION, ("Content-Type", "application/json")], body)
                        self.judge(path, model, body, got, self.up.take())
                        ids.append((got.id, got.status))
        for id_, status in ids:
            self.assertEqual(self.gw.log_for(id_)["status"], status)

    def test_bytes(self):
        self.tries(lambda rng, whole: mutate(rng, json.dumps(whole, ensure_ascii=rng.random() < 0.5).encode()), COUNT)

    def test_members(self):
        self.tries(lambda rng, whole: json.dumps(bend(rng, whole)).encode(), COUNT)

    def test_heads(self):
        """A spoiled head has an answer or a closed connection, and the next connection is served."""
        body = json.dumps(dict(CHAT, model="gpt")).encode()
        head = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: */*\r\n"
                b"Authorization: Bearer k\r\nX-Request-Id: abc\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        rng = random.Random("heads")
        for i in range(COUNT * 2):
            spoiled = mutate(rng, head)
            with self.subTest(i=i, head=spoiled):
                with Conn(self.gw.port, timeout=10.0) as conn:
                    try:
                        conn.send(spoiled + body)
                        conn.sock.shutdown(socket.SHUT_WR)
                    except OSError:
                        continue  # it was refused already
                    try:
                        status = conn.response().status
                        self.assertIn(status // 100, (2, 4, 5))
                    except Cut:
                        pass
            if i % 50 == 0:
                self.assertEqual(self.gw.chat(model="gpt").status, 200)
        self.assertEqual(self.gw.chat(model="gpt").status, 200)


if __name__ == "__main__":
    unittest.main()
