"""linear.py - answers and requests of many parts, and what the gateway's CPU time for each part is.

Every case is a way through a face and a provider, translated where they differ; `run(gateway, n)` asks once with n parts and
checks that all of them arrived. tests/bench/linear.py measures with it from 1,000 parts on, test_linear.py a little.
"""

import json
import socket

import client
from harness import Gateway, claude, provider, tasks
from upstream import Upstream, reply_json, stream_head

SSE = "data: %s\n\n"


def dump(value):
    return json.dumps(value, separators=(",", ":"))


# --- what an upstream answers

def chat_call(i):
    return {"index": i, "id": "call_%d" % i, "type": "function", "function": {"name": "put", "arguments": '{"k":%d}' % i}}


def chat_answer(message, n_choices=1):
    choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(n_choices)]
    return {"id": "c1", "object": "chat.completion", "model": "real", "choices": choices,
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def chat_whole(kind, n):
    if kind == "calls":
        return chat_answer({"role": "assistant", "content": None, "tool_calls": [chat_call(i) for i in range(n)]})
    if kind == "choices":
        return chat_answer({"role": "assistant", "content": "word"}, n)
    details = [{"type": "reasoning.text", "text": "word", "index": i, "signature": "s", "format": "own-v1"} for i in range(n)]
    return chat_answer({"role": "assistant", "content": "word", "reasoning_details": details})


def chat_delta(delta, finish=None, index=0):
    return SSE % dump({"id": "c1", "object": "chat.completion.chunk", "model": "real",
                       "choices": [{"index": index, "delta": delta, "finish_reason": finish}]})


def chat_stream(kind, n):
    whole = chat_whole(kind, n)
    message = whole["choices"][0]["message"]
    out = []
    if kind == "choices":
        out += [chat_delta({"content": "word"}, "stop", i) for i in range(n)]
    for call in message.get("tool_calls", ()):
        out.append(chat_delta({"tool_calls": [dict(call, function={"name": "put", "arguments": ""})]}))
        out.append(chat_delta({"tool_calls": [{"index": call["index"], "function": {"arguments": call["function"]["arguments"]}}]}))
    for detail in message.get("reasoning_details", ()):
        out.append(chat_delta({"reasoning_details": [detail]}))
    return "".join(out) + chat_delta({}, "stop") + "data: [DONE]\n\n"


def messages_whole(kind, n):
    if kind == "calls":
        content = [{"type": "tool_use", "id": "toolu_%d" % i, "name": "put", "input": {"k": i}} for i in range(n)]
    else:
        content = [{"type": "thinking", "thinking": "word", "signature": "s%d" % i} if i % 2 else {"type": "text", "text": "word"}
                   for i in range(n)]
    return {"id": "m1", "type": "message", "role": "assistant", "model": "real", "content": content,
            "stop_reason": "tool_use" if kind == "calls" else "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1}}


def named(kind, **more):
    return "event: %s\ndata: %s\n\n" % (kind, dump({"type": kind, **more}))


def messages_stream(kind, n):
    whole = messages_whole(kind, n)
    out = [named("message_start", message=dict(whole, content=[], stop_reason=None))]
    for i, block in enumerate(whole["content"]):
        if block["type"] == "tool_use":
            begun, delta = dict(block, input={}), {"type": "input_json_delta", "partial_json": dump(block["input"])}
        elif block["type"] == "text":
            begun, delta = dict(block, text=""), {"type": "text_delta", "text": block["text"]}
        else:
            begun, delta = dict(block, signature=""), {"type": "signature_delta", "signature": block["signature"]}
        out.append(named("content_block_start", index=i, content_block=begun))
        out.append(named("content_block_delta", index=i, delta=delta))
        out.append(named("content_block_stop", index=i))
    out.append(named("message_delta", delta={"stop_reason": whole["stop_reason"], "stop_sequence": None}, usage={"output_tokens": 1}))
    return "".join(out) + named("message_stop")


# --- what a client asks

def chat_request(kind, n, stream):
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    if kind == "tools":
        body["tools"] = [{"type": "function", "function": {"name": "tool_%d" % i, "parameters": {"type": "object", "properties": {}}}}
                         for i in range(n)]
    if kind == "turns":
        for i in range(n):
            body["messages"] += [{"role": "assistant", "content": "word", "tool_calls": [
                {"id": "call_%d" % i, "type": "function", "function": {"name": "put", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "call_%d" % i, "content": "done"}]
        body["messages"].append({"role": "user", "content": "x"})
    return dict(body, stream=True) if stream else body


def messages_request(kind, n, stream):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    if kind == "tools":
        body["tools"] = [{"name": "tool_%d" % i, "input_schema": {"type": "object", "properties": {}}} for i in range(n)]
    if kind == "turns":
        for i in range(n):
            body["messages"] += [{"role": "assistant", "content": [{"type": "text", "text": "word"}, {
                "type": "tool_use", "id": "toolu_%d" % i, "name": "put", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_%d" % i, "content": "done"}]}]
    return dict(body, stream=True) if stream else body


FACES = {"chat": ("/v1/chat/completions", chat_request), "messages": ("/v1/messages", messages_request)}
PROVIDERS = {"openai": (chat_whole, chat_stream), "anthropic": (messages_whole, messages_stream)}


class Way:
    """One face in front of one provider; `kind` of parts, `comes` and `asked`: whole or stream."""

    def __init__(self, face, upstream, kind, comes, asked):
        self.face, self.upstream, self.kind, self.comes, self.asked = face, upstream, kind, comes, asked
        self.name = "%s <- %s, %s, %s to %s" % (face, upstream, kind, comes, asked)
        self.is_request = kind in ("turns", "tools")
        self.is_relay = comes == asked and (face, upstream) in (("chat", "openai"), ("messages", "anthropic"))

    def answer(self, n):
        """The upstream's bytes."""
        whole, stream = PROVIDERS[self.upstream]
        kind, n = ("calls", 1) if self.is_request else (self.kind, n)
        if self.comes == "whole":
            return reply_json(dump(whole(kind, n)).encode())
        body = stream(kind, n).encode()
        return stream_head() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    def ask(self, n):
        path, request = FACES[self.face]
        body = dict(request(self.kind, n, self.asked == "stream"), model="m-" + self.upstream)
        return client.build("POST", path, [("anthropic-version", "2023-06-01")], body)

    def check(self, n, answer):
        if answer.status != 200:
            raise AssertionError("%s: %d %r" % (self.name, answer.status, answer.body[:300]))
        if b'"error"' in answer.body[-2000:]:
            raise AssertionError("%s: %r" % (self.name, answer.body[-2000:]))
        if self.kind == "calls" and answer.body.count(b'"name":"put"') != n:
            raise AssertionError("%s: %d of %d calls" % (self.name, answer.body.count(b'"name":"put"'), n))


def ways():
    """Every face with every provider, whole and streamed; a relay too."""
    for face in FACES:
        for upstream in PROVIDERS:
            for comes, asked in (("whole", "whole"), ("stream", "stream"), ("whole", "stream"), ("stream", "whole")):
                kinds = ["calls", "blocks"] + (["choices"] if upstream == "openai" and face == "chat" else [])
                for kind in kinds:
                    yield Way(face, upstream, kind, comes, asked)
            for kind in ("turns", "tools"):
                yield Way(face, upstream, kind, "whole", "whole")


class Bench:
    """A gateway with both providers in front of one upstream that answers what it is given."""

    def __init__(self):
        self.given = b""
        self.up = Upstream(lambda request, out: out.send(self.given))
        self.gateway = Gateway('listen { workers = 1 }\n' + provider("openai", self.up) + claude("anthropic", self.up) +
                               'model "m-openai" { { "openai/real" } }\nmodel "m-anthropic" { { "anthropic/real" } }\n'
                               "limits { body_mb = 64, memory_mb = 512, answer_mb = 256, event_mb = 64 }\n")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.up.stop()
        self.gateway.__exit__(kind)

    def cpu_ns(self):
        """Of all threads of the gateway, exact."""
        return sum(int(text.split()[0]) for text in tasks(self.gateway.process.pid, "schedstat").values())

    def ask(self, way, n):
        """CPU nanoseconds of one request with n parts."""
        self.given = way.answer(n)
        request = way.ask(n)
        with client.Conn(self.gateway.port, timeout=300) as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            before = self.cpu_ns()
            conn.send(request)
            answer = conn.response()
            spent = self.cpu_ns() - before
        way.check(n, answer)
        return spent

    def per_part(self, way, n, times):
        """The least of several, per part: what the machine does beside it only adds."""
        return min(self.ask(way, n) for _ in range(times)) / n
