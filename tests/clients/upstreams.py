"""upstreams.py - the fake services behind the gateway: OpenAI-shaped (also as Azure) and Anthropic-shaped.

    with Service("anthropic") as up: up.url, up.base, up.cases(1)

What a service answers follows from the request: a model `rec-...` gets that recording, `quota-...` the refusal of a
service whose credit is used up, everything else is answered as its last message wants it (see decide()). A request
that the real service would refuse is refused with a 400 that starts with CHECK, so that the client's test fails.
"""

import glob
import json
import os
import re
import sys
from urllib.parse import unquote

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import rules  # noqa: E402
import upstream  # noqa: E402
from harness import UP_KEY, shared  # noqa: E402
from recordings import Recording, data_of, split_events  # noqa: E402

QUOTA = "You exceeded your current quota, please check your plan and billing details."
ANTHROPIC_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
FINISH = {  # what ended an answer, in the words of either service, as one class
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tools",
    "tool_use": "tools",
    "content_filter": "filter",
    "refusal": "filter",
}


class Wrong(Exception):
    """The real service would answer this with 400."""


def must(condition, why, *more):
    if not condition:
        raise Wrong("CHECK: %s %s" % (why, json.dumps(more)[:300] if more else ""))


def must_pass(request, path, body, kind):
    """No rule of the service (tests/e2e/rules.py) refuses it. Its models have names of their own here."""
    for found in rules.judge(path, body, request.headers, kind):
        must(False, found)


# --- what to answer


def decide(text, result, tools, count):
    """[(name, arguments)] to call, or the text to say. `text`: the user's last words; `result`: a tool's."""
    if result is not None:
        return "The result is: " + result
    bash = re.search(r"RUN-BASH ([^\n]*?) END", text)
    if bash:
        must("Bash" in tools, "Bash is not among the tools", tools)
        return [("Bash", {"command": bash.group(1), "description": "What was asked for"})]
    if tools and "two tools" in text:
        return [(tools[0], {"city": "Paris"}), (tools[-1], {"city": "Oslo"})]
    if tools and "no arguments" in text:
        return [(tools[0], {})]
    if tools and "tool" in text:
        return [(tools[0], {"city": "Paris"})]
    return "You said: " + text


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or [] if part.get("type") == "text")


# --- OpenAI's shape


def read_openai(body):
    """Checks the messages as OpenAI does; (text, result, tools)."""
    messages, open_calls, calls = body.get("messages"), [], {}
    must(isinstance(messages, list) and messages, "no messages")
    for message in messages:
        role = message.get("role")
        must(role in ("system", "developer", "user", "assistant", "tool"), "role", role)
        if role == "tool":
            must(message.get("tool_call_id") in open_calls, "a result nobody asked for", message, open_calls)
            open_calls.remove(message["tool_call_id"])
            continue
        must(not open_calls, "calls without a result", open_calls)
        must(message.get("content") is not None or message.get("tool_calls"), "an empty message", message)
        for call in message.get("tool_calls") or []:
            must(call.get("id") and call.get("type") == "function", "a call", call)
            must(isinstance(json.loads(call["function"]["arguments"]), dict), "arguments", call)
            open_calls.append(call["id"])
            calls[call["id"]] = call["function"]["name"]
    must(not open_calls, "calls without a result", open_calls)
    tools = []
    for tool in body.get("tools") or []:
        must(tool.get("type") == "function" and len(tool["function"]["name"]) <= 64, "a tool", tool)
        must(tool["function"].get("parameters", {}).get("type", "object") == "object", "a tool's schema", tool)
        tools.append(tool["function"]["name"])
    users = [m for m in messages if m["role"] == "user"]
    last = messages[-1]
    result = text_of(last["content"]) if last["role"] == "tool" else None
    return text_of(users[-1]["content"]) if users else "", result, tools


def openai_answer(answer, body):
    message = {"role": "assistant", "content": None}
    if isinstance(answer, str):
        message["content"] = answer
    else:
        message["tool_calls"] = [
            {
                "id": "call_%d_%d" % (len(body["messages"]), i),
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for i, (name, arguments) in enumerate(answer)
        ]
    return message, "stop" if isinstance(answer, str) else "tool_calls"


def openai_send(message, finish, body, out):
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    frame = {"id": "chatcmpl-fake", "created": 1700000000, "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        whole = {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}
        return out.send(upstream.reply_json(whole))

    def say(delta, end=None):
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        value = {**frame, "object": "chat.completion.chunk", "choices": [choice]}
        out.chunk(upstream.event(value))

    out.send(upstream.stream_head())
    say({"role": "assistant", "content": "" if message.get("content") else None})
    for part in pieces(message.get("reasoning_content") or ""):
        say({"reasoning_content": part})
    for detail in message.get("reasoning_details") or []:  # as OpenRouter does it: both in one, the signature last
        frame_of = {k: v for k, v in detail.items() if k not in ("text", "signature")}
        for part in pieces(detail.get("text") or ""):
            say({"reasoning": part, "reasoning_details": [{**frame_of, "text": part}]})
        if "signature" in detail:
            frame_of["signature"] = detail["signature"]
        say({"reasoning_details": [frame_of]})
    for part in pieces(message.get("content") or ""):
        say({"content": part})
    for i, call in enumerate(message.get("tool_calls") or []):
        function = call["function"]
        say({"tool_calls": [{**call, "index": i, "function": {"name": function["name"], "arguments": ""}}]})
        for part in pieces(function["arguments"]):
            say({"tool_calls": [{"index": i, "function": {"arguments": part}}]})
    say({}, finish)
    must((body.get("stream_options") or {}).get("include_usage") is True, "the stream does not ask for usage")
    out.chunk(upstream.event({**frame, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    out.chunk(upstream.DONE)
    out.end()


def pieces(text, size=7):
    return [text[i : i + size] for i in range(0, len(text), size)]


# --- Anthropic's shape


def read_anthropic(body):
    """Checks the messages as Anthropic does; (text, result, tools)."""
    messages = body.get("messages")
    must(isinstance(messages, list) and messages, "no messages")
    must(messages[0].get("role") == "user", "the first message is not the user's", messages[0])
    open_calls = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        must(role in ("user", "assistant", "system"), "role", role)
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        must(isinstance(blocks, list) and blocks, "an empty message", message)
        results = [b for b in blocks if b["type"] == "tool_result"]
        must(not results or role == "user", "a result that is not the user's", message)
        if open_calls and role != "system":
            must([b["type"] for b in blocks[: len(results)]] == ["tool_result"] * len(results), "results first", blocks)
            must(sorted(b["tool_use_id"] for b in results) == sorted(open_calls), "results", results, open_calls)
            open_calls = []
        else:
            must(not results, "a result nobody asked for", results)
        for block in blocks:
            must(block["type"] != "text" or block["text"], "an empty text", message)
            if block["type"] == "thinking":
                must(role == "assistant" and block.get("signature"), "thinking without a signature", block)
            if block["type"] == "tool_use":
                must(role == "assistant" and ANTHROPIC_ID.match(block["id"]), "the id of a call", block)
                must(isinstance(block["input"], dict), "the input of a call", block)
                open_calls.append(block["id"])
    must(not open_calls, "calls without a result", open_calls)
    tools = []
    for tool in body.get("tools") or []:
        must(tool.get("type", "custom") != "custom" or tool["input_schema"].get("type") == "object", "a tool", tool)
        tools.append(tool["name"])
    users = [m for m in messages if m["role"] == "user"]
    last = users[-1]["content"]
    result = None
    if isinstance(last, list):
        found = [text_of(b.get("content")) for b in last if b["type"] == "tool_result"]
        result = "\n".join(found) if found else None
    return text_of(last), result, tools


def anthropic_answer(answer, body):
    if isinstance(answer, str):
        return [{"type": "text", "text": answer}], "end_turn"
    return [
        {"type": "tool_use", "id": "toolu_%02d_%d" % (len(body["messages"]), i), "name": name, "input": arguments}
        for i, (name, arguments) in enumerate(answer)
    ], "tool_use"


def anthropic_send(blocks, stop, body, out):
    usage = {
        "input_tokens": 11,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 7,
        "service_tier": "standard",
    }
    message = {"id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"], "content": blocks}
    message.update(stop_reason=stop, stop_sequence=None, usage=usage)
    if not body.get("stream"):
        return out.send(upstream.reply_json(message))

    def say(kind, **more):
        data = json.dumps({"type": kind, **more})
        out.chunk(("event: %s\ndata: %s\n\n" % (kind, data)).encode())

    out.send(upstream.stream_head())
    empty = {"content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    say("message_start", message={**message, **empty})
    for i, block in enumerate(blocks):
        kind = block["type"]
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
        say("content_block_start", index=i, content_block={**block, **empty.get(kind, {})})
        if i == 0:
            say("ping")
        deltas = []
        if kind == "text":
            deltas = [{"type": "text_delta", "text": p} for p in pieces(block["text"])]
        elif kind == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif kind == "tool_use":
            parts = [""] + (pieces(json.dumps(block["input"])) if block["input"] else [])
            deltas = [{"type": "input_json_delta", "partial_json": p} for p in parts]
        for delta in deltas:
            say("content_block_delta", index=i, delta=delta)
        say("content_block_stop", index=i)
    say("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage)
    say("message_stop")
    out.end()


# --- recordings


def slug(name):
    return "rec-" + name.replace("/", "--").replace("+", "-and-")


def expected(rec):
    """What a recording says: {text, reasoning, tools, finish}, or None for what a plain question cannot lead to."""
    values = [v for v in map(data_of, split_events(rec.body)) if v] if rec.stream else [json.loads(rec.body)]
    if rec.provider == "anthropic":
        return expected_anthropic(rec, values)
    out = {"text": "", "reasoning": "", "tools": [], "finish": None}
    calls = {}
    for value in values:
        for choice in value.get("choices") or []:
            if choice.get("index"):
                return None  # n > 1
            said = choice.get("delta" if rec.stream else "message") or {}
            if not rec.stream and "message" not in choice:
                out["bare"] = True
            if said.get("audio") or said.get("function_call") or said.get("refusal"):
                return None
            out["text"] += said.get("content") or ""
            out["reasoning"] += said.get("reasoning_content") or said.get("reasoning") or ""
            out["finish"] = choice.get("finish_reason") or out["finish"]
            for i, call in enumerate(said.get("tool_calls") or []):
                if call.get("type", "function") != "function":
                    return None
                into = calls.setdefault(call.get("index", i), ["", ""])
                into[0] += call["function"].get("name") or ""
                into[1] += call["function"].get("arguments") or ""
    out["tools"] = [[name, json.loads(arguments or "{}")] for name, arguments in calls.values()]
    out["finish"] = FINISH.get(out["finish"])
    return out


def expected_anthropic(rec, values):
    blocks, stop = {}, None
    for value in values:
        kind = value.get("type")
        if kind == "message":
            stop = value["stop_reason"]
            blocks = dict(enumerate(value["content"]))
        elif kind == "content_block_start":
            blocks[value["index"]] = {**value["content_block"], "json": ""}
        elif kind == "content_block_delta":
            block, delta = blocks[value["index"]], value["delta"]
            for name, into in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
                if name in delta:
                    block[into] = block.get(into, "") + delta[name]
        elif kind == "message_delta":
            stop = value["delta"].get("stop_reason") or stop
    of = [blocks[i] for i in sorted(blocks)]
    return {
        "text": "".join(b["text"] for b in of if b["type"] == "text"),
        "reasoning": "".join(b["thinking"] for b in of if b["type"] == "thinking"),
        "tools": [
            [b["name"], json.loads(b["json"]) if b.get("json") else b["input"]] for b in of if b["type"] == "tool_use"
        ],
        "finish": FINISH.get(stop),
    }


def load(provider):
    """{slug: recording} of what is a chat there and went well."""
    api = "messages" if provider == "anthropic" else "chat"
    out = {}
    for path in sorted(glob.glob(shared("recordings", provider) + "/%s-*.json" % api)):
        with open(path) as f:
            if json.load(f)["api"] != api:
                continue
        rec = Recording(path)
        if rec.status == 200:
            out[slug(rec.name)] = rec
    if not out:
        raise AssertionError("no recordings of %s: the folder has changed" % provider)
    return out


def replay(rec, out):
    lines = ["HTTP/1.1 %d Recorded" % rec.status] + ["%s: %s" % h for h in rec.headers if h[0] != "content-type"]
    lines.append("content-type: " + ("text/event-stream" if rec.stream else "application/json"))
    if not rec.stream:
        head = "\r\n".join(lines + ["content-length: %d" % len(rec.body)]) + "\r\n\r\n"
        return out.send(head.encode() + rec.body)
    out.send(("\r\n".join(lines + ["transfer-encoding: chunked"]) + "\r\n\r\n").encode())
    for event in split_events(rec.body):
        out.chunk(event)
    out.end()


# --- the services


class Service:
    """One fake service of a kind: openai, azure or anthropic."""

    def __init__(self, kind, script=None, judged=None):
        """`judged`: the service whose rules hold, where it is not the kind's own ("deepseek", "chat" for any other)."""
        self.kind, self.script, self.judged = kind, script, judged or kind
        self.recordings = {} if script else load(kind)
        self.server = upstream.Upstream(self.answer)
        self.url = self.server.url  # with /v1
        self.base = self.url[: -len("/v1")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def cases(self, each):
        """At most `each` recordings of every case: [{name, model, stream, tools, expect}]."""
        out, seen = [], {}
        for model, rec in self.recordings.items():
            case = rec.name.rsplit("-", 1)[0]
            expect = expected(rec) if seen.get(case, 0) < each else None
            if expect is None or expect["finish"] is None:
                continue
            seen[case] = seen.get(case, 0) + 1
            tools = sorted({name for name, _ in expect["tools"]})
            bare = expect.pop("bare", False)  # without a message at all: nothing a client of its own shape reads
            out.append(
                {
                    "name": rec.name,
                    "model": model,
                    "stream": rec.stream,
                    "bare": bare,
                    "tools": tools,
                    "expect": expect,
                }
            )
        return out

    def answer(self, request, out):
        path, _, query = request.path.partition("?")
        body = request.json()
        sent = out.sent
        try:
            if self.kind == "anthropic":
                self.answer_anthropic(request, path, body, out)
            else:
                self.answer_openai(request, path, query, body, out)
        except (Wrong, KeyError, TypeError, ValueError) as e:
            if out.sent > sent:
                raise upstream.Gone()  # in the middle of a stream: a broken one says it
            error = {"type": "invalid_request_error", "message": str(e) if isinstance(e, Wrong) else "CHECK: %r" % e}
            if self.kind == "anthropic":
                out.send(upstream.reply_json({"type": "error", "error": error}, 400))
            else:
                out.send(upstream.reply_json({"error": {**error, "param": None, "code": None}}, 400))

    def answer_openai(self, request, path, query, body, out):
        if self.kind == "azure":
            dated = re.match(r"^/openai/deployments/([^/]+)/chat/completions$", path)
            must(dated and query == "api-version=2024-10-21", "the address", request.path)
            must(request.headers.get("api-key") == UP_KEY, "the key")
            must("authorization" not in request.headers, "two credentials")
            body["model"] = unquote(dated.group(1))
        else:
            must(path == "/v1/chat/completions", "the address", request.path)
            must(request.headers.get("authorization") == "Bearer " + UP_KEY, "the key")
            must("x-api-key" not in request.headers, "two credentials")
        for name in ("anthropic-version", "anthropic-beta"):
            must(name not in request.headers, "a header of another service", name)
        model = body["model"]
        if model.startswith("quota-"):
            error = {"message": QUOTA, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
            return out.send(upstream.reply_json({"error": error}, 429))
        if model in self.recordings:
            return replay(self.recordings[model], out)
        must_pass(request, path, body, self.judged)
        text, result, tools = read_openai(body)
        if self.script:
            message, finish = self.script(body)
        else:
            message, finish = openai_answer(decide(text, result, tools, len(body["messages"])), body)
        openai_send(message, finish, body, out)

    def answer_anthropic(self, request, path, body, out):
        must(path in ("/v1/messages", "/v1/messages/count_tokens"), "the address", request.path)
        must(request.headers.get("x-api-key") == UP_KEY, "the key")
        must("authorization" not in request.headers, "two credentials")
        must(request.headers.get("anthropic-version") in ("2023-06-01", "2026-10-21"), "the version")
        if path.endswith("count_tokens"):
            read_anthropic(body)
            must("max_tokens" not in body, "count_tokens takes no max_tokens")
            return out.send(upstream.reply_json({"input_tokens": 4711}))
        must(isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 0, "max_tokens", body.get("max_tokens"))
        model = body["model"]
        if model in self.recordings:
            return replay(self.recordings[model], out)
        must_pass(request, path, body, self.judged)
        text, result, tools = read_anthropic(body)
        if self.script:
            blocks, stop = self.script(body)
        else:
            blocks, stop = anthropic_answer(decide(text, result, tools, len(body["messages"])), body)
        anthropic_send(blocks, stop, body, out)


class Trap:
    """A proxy that lets nothing through and remembers who asked: for whatever would leave the machine."""

    def __init__(self):
        self.asked = []
        self.server = upstream.Upstream(self.answer)
        self.url = "http://127.0.0.1:%d" % self.server.port

    def answer(self, request, out):
        self.asked.append("%s %s" % (request.method, request.path))
        out.send(upstream.reply(403, b"no", [("Connection", "close")]))
        out.close()
