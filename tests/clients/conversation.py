"""conversation.py - a conversation of five turns with thinking and tools, as a service leads and checks it.

    Service("anthropic", script=conversation.anthropic)
    Service("openai", script=lambda body: conversation.openai(body, "details"))

At each turn everything said before must come back as it was: ids, arguments, signatures, redacted blocks. What is
compared stands in this file; nothing of the gateway is used.
"""

import json

from upstreams import must

SIGNATURE = "ErUBCkYIBxgCIkD%dtz+/abcdEFGH0123456789==%s"

# What the service says at each turn: thinking blocks, text, calls (id, name, arguments).
TURNS = (
    {
        "think": ["Paris first: \u00ab\u00e9\u4e2d\U0001f600\u00bb \"quoted\"\n"],
        "text": "Let me look.",
        "calls": [("a1", {"city": "Paris"})],
    },
    {
        "think": ["Now two at once."],
        "text": "",
        "calls": [("b1", {"city": "Oslo", "deep": {"x": [1, None, True]}}), ("b2", {})],
    },
    {"think": ["One is hidden.", None], "text": "Again.", "calls": [("c1", {"city": "Rome \\ \"\u20ac\""})]},
    {"think": [""], "text": "", "calls": [("d1", {"city": "Bern"})]},
    {"think": ["Enough."], "text": "done after five", "calls": []},
)
WEIRD = {"b1": "functions.get_weather:0", "b2": "functions.get_weather:1", "c1": "call_c1|fc/2+x=="}


def signature(turn, i):
    return SIGNATURE % (turn, "A" * (300 + i))


def result(id_):
    """What the client's tool says to the call."""
    return "result of %s" % id_


# --- as Anthropic


def anthropic_blocks(turn):
    said, out = TURNS[turn], []
    for i, text in enumerate(said["think"]):
        if text is None:
            out.append({"type": "redacted_thinking", "data": signature(turn, i)})
        else:
            out.append({"type": "thinking", "thinking": text, "signature": signature(turn, i)})
    if said["text"]:
        out.append({"type": "text", "text": said["text"]})
    out += [{"type": "tool_use", "id": "toolu_" + id_, "name": "get_weather", "input": a} for id_, a in said["calls"]]
    return out


def plain(block):
    """Without what does not change its meaning."""
    return {k: v for k, v in block.items() if k not in ("cache_control", "citations", "caller") or v}


def anthropic(body):
    messages = [m for m in body["messages"] if m["role"] != "system"]
    turn = sum(m["role"] == "assistant" for m in messages)
    must(turn < len(TURNS), "too many turns", turn)
    must([m["role"] for m in messages] == ["user", "assistant"] * turn + ["user"], "roles", len(messages))
    must((body.get("thinking") or {}).get("type") in ("enabled", "adaptive"), "thinking", body.get("thinking"))
    for k in range(turn):
        got, want = [plain(b) for b in messages[2 * k + 1]["content"]], anthropic_blocks(k)
        must(got == want, "turn %d came back otherwise:" % (k + 1), [b for b in got if b not in want], got)
        results = messages[2 * k + 2]["content"]
        for block, (id_, _) in zip(results, TURNS[k]["calls"]):
            said = block["content"] if isinstance(block["content"], str) else block["content"][0]["text"]
            must(block["tool_use_id"] == "toolu_" + id_ and said == result("toolu_" + id_), "result", block)
        must(len(results) == len(TURNS[k]["calls"]), "results", results)
    return anthropic_blocks(turn), "tool_use" if TURNS[turn]["calls"] else "end_turn"


# --- as a service of OpenAI's shape


def openai_message(turn, want):
    said = TURNS[turn]
    message = {"role": "assistant", "content": said["text"] or None}
    thoughts = "".join(t for t in said["think"] if t)
    if want == "details":
        message["reasoning_details"] = [
            {"type": "reasoning.encrypted", "data": signature(turn, i), "format": "anthropic-claude-v1", "index": i}
            if text is None
            else {
                "type": "reasoning.text",
                "text": text,
                "signature": signature(turn, i),
                "format": "anthropic-claude-v1",
                "index": i,
            }
            for i, text in enumerate(said["think"])
        ]
        if thoughts:
            message["reasoning"] = thoughts
    elif thoughts:
        message["reasoning_content"] = thoughts
    if said["calls"]:
        message["tool_calls"] = [
            {
                "id": WEIRD.get(id_, "call_" + id_),
                "type": "function",
                "function": {"name": "get_weather", "arguments": json.dumps(arguments)},
            }
            for id_, arguments in said["calls"]
        ]
    return message


def joined(details):
    """reasoning_details as they mean: the pieces of a stream may come back as they went out."""
    out = []
    for d in details or []:
        same = out and d.get("index") is not None and (out[-1]["type"], out[-1].get("index")) == (d["type"], d["index"])
        if same and d["type"] == "reasoning.text":
            out[-1]["text"] += d.get("text") or ""
            out[-1]["signature"] = d.get("signature") or out[-1].get("signature")
        else:
            out.append({**d, "text": d.get("text") or ""} if d["type"] == "reasoning.text" else d)
    return out


def openai(body, want):
    """`want`: what the service takes of earlier reasoning: "details" (OpenRouter), "content" (DeepSeek), "none"."""
    messages = [m for m in body["messages"] if m["role"] not in ("system", "developer")]
    turns = [m for m in messages if m["role"] == "assistant"]
    must(len(turns) < len(TURNS), "too many turns", len(turns))
    for k, got in enumerate(turns):
        told = openai_message(k, want)
        must((got.get("content") or None) == told["content"], "text of turn %d" % (k + 1), got)
        calls = [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in got["tool_calls"]]
        wanted = [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in told["tool_calls"]]
        must(calls == wanted, "calls of turn %d" % (k + 1), calls)
        keep = {"details": ("reasoning_details",), "content": ("reasoning_content",), "none": ()}[want]
        for name in keep:
            back, was = got.get(name) or None, told.get(name) or None
            if name == "reasoning_details":
                back, was = joined(back), joined(was)
            must(back == was, "%s of turn %d" % (name, k + 1), got.get(name))
        for name in {"reasoning_details", "reasoning_content", "signature", "thinking_blocks"} - set(keep):
            must(name not in got, "%s is not for this service" % name, got)
        must("gw1." not in json.dumps(got), "a mark of the gateway's own", got)
    results = [m for m in messages if m["role"] == "tool"]
    ids = [WEIRD.get(id_, "call_" + id_) for said in TURNS[: len(turns)] for id_, _ in said["calls"]]
    must([m["tool_call_id"] for m in results] == ids, "results", [m["tool_call_id"] for m in results])
    said = openai_message(len(turns), want)
    return said, "tool_calls" if said.get("tool_calls") else "stop"
