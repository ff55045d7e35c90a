"""facts.py - what an answer says, read from its bytes alone: an independent judge of translations.

An OpenAI-shaped and an Anthropic-shaped answer, whole or streamed, come down to the same facts, so that what an upstream
sent and what a client got can be compared whatever the two speak.
"""

import json
import re

FINISH = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "tool_use": "tool",
    "content_filter": "filter",
    "refusal": "filter",
}


class Facts:
    def __init__(self):
        self.text, self.reasoning, self.refusal = "", "", ""
        self.tools = []  # [name, arguments as text, id]
        self.signatures, self.redacted = [], []
        self.finish = None
        self.tokens_in = self.tokens_out = None

    def done(self):
        self.calls = [(name, arguments(args)) for name, args, _ in self.tools]
        self.finish_class = FINISH.get(self.finish, "stop" if self.finish else None)
        if self.calls and self.finish_class in ("stop", None):
            self.finish_class = "tool"  # some servers say "stop", or nothing
        if self.refusal:  # an Anthropic client reads it as text, with the stop reason "refusal"
            self.text += self.refusal
            self.finish_class = "filter" if self.finish_class == "stop" else self.finish_class
        return self

    def differences(self, other, keys):
        return ["%s: %r != %r" % (k, getattr(self, k), getattr(other, k)) for k in keys if getattr(self, k) != getattr(other, k)]


def arguments(text):
    """Arguments as JSON; what is no JSON is compared as it is."""
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text


def sse(body):
    """(name, data) of each event with data."""
    out = []
    for raw in re.split(rb"\r\n\r\n|\n\n|\r\r", body):
        name, lines = None, []
        for line in re.split(rb"\r\n|\n|\r", raw):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode()
            if line.startswith(b"data:"):
                lines.append(line[5:].strip())
        if lines:
            out.append((name, b"\n".join(lines)))
    return out


def add_content(facts, content):
    """A string, or Mistral's list of parts."""
    if isinstance(content, str):
        facts.text += content
    for part in content if isinstance(content, list) else []:
        if part.get("type") == "thinking":
            facts.reasoning += "".join(p.get("text", "") for p in part.get("thinking") or [])
        else:
            facts.text += part.get("text") or ""


def add_reasoning(facts, said):
    text = said.get("reasoning_content") or said.get("reasoning")
    details = said.get("reasoning_details") or []
    if not isinstance(text, str):
        text = "".join(d.get("text") or d.get("summary") or "" for d in details)
    facts.reasoning += text
    for d in details:
        if d.get("signature"):
            facts.signatures.append(d["signature"])
        if d.get("type") == "reasoning.encrypted" and d.get("data"):
            facts.redacted.append(d["data"])


def add_chat_usage(facts, usage):
    if not usage or usage.get("prompt_tokens") is None:
        return
    made = usage.get("completion_tokens_details") or {}
    prompt, completion, total = usage["prompt_tokens"], usage.get("completion_tokens") or 0, usage.get("total_tokens")
    beside = (total or 0) - prompt - completion
    if total is not None and beside > 0 and beside == (made.get("reasoning_tokens") or beside):
        completion += beside  # xAI counts reasoning beside the completion; Gemini's compatible endpoint does not even name it
    facts.tokens_in, facts.tokens_out = prompt, completion


def add_call(facts, open_calls, call):
    """One piece of a call: by index, else by id, else the last one."""
    key = call.get("index")
    if key is None:
        key = call.get("id") or (len(facts.tools) - 1)
    function = call.get("function") or call.get("custom") or {}
    if key not in open_calls:
        open_calls[key] = ["", "", call.get("id")]
        facts.tools.append(open_calls[key])
    entry = open_calls[key]
    entry[0] = entry[0] or function.get("name") or ""
    piece = function.get("arguments") if "arguments" in function else function.get("input")
    entry[1] += piece if isinstance(piece, str) else json.dumps(piece) if piece is not None else ""


def of_chat(body, streamed):
    """An OpenAI-shaped answer: its first choice."""
    facts, open_calls = Facts(), {}
    if streamed:
        objects = [json.loads(d) for _, d in sse(body) if d != b"[DONE]"]
    else:
        objects = [json.loads(body)]
    for value in objects:
        add_chat_usage(facts, value.get("usage") or (value.get("x_groq") or {}).get("usage"))
        for choice in value.get("choices") or []:
            if choice.get("index") not in (0, None):
                continue
            facts.finish = choice.get("finish_reason") or facts.finish
            said = (choice.get("delta") if streamed else choice.get("message")) or {}
            add_content(facts, said.get("content"))
            facts.refusal += said.get("refusal") or ""
            add_reasoning(facts, said)
            if said.get("function_call"):  # the form before tools
                add_call(facts, open_calls, {"index": "old", "function": said["function_call"]})
            for number, call in enumerate(said.get("tool_calls") or []):
                if not streamed:
                    call = dict(call, index=number)
                add_call(facts, open_calls, call)
    return facts.done()


def add_anthropic_usage(facts, usage):
    if not usage:
        return
    seen = facts.__dict__.setdefault("seen", {})
    for k in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"):
        if usage.get(k) is not None:
            seen[k] = usage[k]
    facts.tokens_in = sum(seen.get(k, 0) for k in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"))
    facts.tokens_out = seen.get("output_tokens", 0)


def add_block(facts, block, args):
    kind = block.get("type")
    if kind == "text":
        facts.text += block.get("text") or ""
    elif kind == "thinking":
        facts.reasoning += block.get("thinking") or ""
        if block.get("signature"):
            facts.signatures.append(block["signature"])
    elif kind == "redacted_thinking":
        facts.redacted.append(block.get("data"))
    elif kind == "tool_use":
        facts.tools.append([block.get("name"), args if args is not None else json.dumps(block.get("input")), block.get("id")])


def of_messages(body, streamed):
    """An Anthropic-shaped answer."""
    facts = Facts()
    if not streamed:
        value = json.loads(body)
        for block in value.get("content") or []:
            add_block(facts, block, None)
        facts.finish = value.get("stop_reason")
        add_anthropic_usage(facts, value.get("usage"))
        return facts.done()
    blocks, pieces = {}, {}
    for name, data in sse(body):
        value = json.loads(data)
        kind = value.get("type")
        if kind == "message_start":
            add_anthropic_usage(facts, value["message"].get("usage"))
        elif kind == "content_block_start":
            blocks[value["index"]] = dict(value["content_block"])
            pieces[value["index"]] = ""
        elif kind == "content_block_delta":
            block, delta = blocks[value["index"]], value["delta"]
            if delta["type"] == "text_delta":
                block["text"] = (block.get("text") or "") + delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] = (block.get("thinking") or "") + delta["thinking"]
            elif delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            elif delta["type"] == "input_json_delta":
                pieces[value["index"]] += delta["partial_json"]
        elif kind == "content_block_stop":
            add_block(facts, blocks[value["index"]], pieces[value["index"]])
        elif kind == "message_delta":
            facts.finish = value["delta"].get("stop_reason") or facts.finish
            add_anthropic_usage(facts, value.get("usage"))
    return facts.done()
