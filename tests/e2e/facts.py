"""facts.py - what an answer says, read from its bytes alone: an independent judge of translations.

An OpenAI-shaped and an Anthropic-shaped answer, whole or streamed, come down to the same facts, so that what an
upstream sent and what a client got can be compared whatever the two speak.
"""

import json
import re

FINISH = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "pause",
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
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "MODEL_ARMOR": "filter",
}
LEGAL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
OWN_BLOCKS = ("text", "thinking", "redacted_thinking", "tool_use")


class Facts:
    def __init__(self):
        self.text, self.reasoning, self.refusal = "", "", ""
        self.tools = []  # [name, arguments as text, id]
        self.signatures, self.redacted = [], []
        self.finish = self.stop_sequence = None
        self.tokens_in = self.tokens_out = None
        self.cache_read = self.cache_write = self.thought = None  # tokens; None: not told
        self.pages = []  # addresses that the text cites
        self.passages = []  # what it cites of documents that the client sent
        self.logprobs = []  # the tokens of which probabilities are told
        self.others = []  # types of blocks of the upstream's own tools
        self.choices = {}  # text of each
        self.error = None  # the type of an error in the stream
        self.ended = False  # [DONE], message_stop, or a whole answer

    def done(self):
        self.calls = [(name, arguments(args)) for name, args, _ in self.tools]
        self.finish_class = FINISH.get(self.finish, "stop" if self.finish else None)
        if self.calls and self.finish_class in ("stop", None):
            self.finish_class = "tool"  # some servers say "stop", or nothing
        if self.refusal:  # an Anthropic client reads it as text, with the stop reason "refusal"
            self.text += self.refusal
            self.finish_class = "filter" if self.finish_class == "stop" else self.finish_class
        self.choice_count = len(self.choices)
        self.pages = sorted(set(self.pages))
        return self

    def differences(self, other, keys):
        return [
            "%s: %r != %r" % (k, getattr(self, k), getattr(other, k))
            for k in keys
            if getattr(self, k) != getattr(other, k)
        ]

    def wrong_ids(self, other):
        """Ids of calls: unique, and as the upstream gave them; where Anthropic would refuse one, another legal one."""
        ids = [call[2] for call in other.tools]
        if len(set(ids)) != len(ids) or not all(isinstance(i, str) and i for i in ids):
            return ["ids: %r are not unique" % ids]
        for (_, _, ours), theirs in zip(self.tools, ids):
            if ours and ours != theirs and (LEGAL_ID.match(ours) or not LEGAL_ID.match(theirs)):
                return ["ids: %r for %r" % (theirs, ours)]
        return []


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


def content_text(content):
    """Text and reasoning of a string, or of Mistral's list of parts."""
    if isinstance(content, str):
        return content, ""
    text, reasoning = "", ""
    for part in content if isinstance(content, list) else []:
        if part.get("type") == "thinking":
            reasoning += "".join(p.get("text", "") for p in part.get("thinking") or [])
        else:
            text += part.get("text") or ""
    return text, reasoning


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


def first_number(*values):
    return next((v for v in values if isinstance(v, int)), None)


def add_chat_usage(facts, usage):
    if not usage or usage.get("prompt_tokens") is None:
        return
    made, given = usage.get("completion_tokens_details") or {}, usage.get("prompt_tokens_details") or {}
    prompt, completion, total = usage["prompt_tokens"], usage.get("completion_tokens") or 0, usage.get("total_tokens")
    beside = (total or 0) - prompt - completion
    facts.thought = made.get("reasoning_tokens") or 0
    if total is not None and beside > 0 and beside == (made.get("reasoning_tokens") or beside):
        completion += (
            beside  # xAI counts reasoning beside the completion; Gemini's compatible endpoint does not even name it
        )
        facts.thought = beside
    facts.tokens_in, facts.tokens_out = prompt, completion
    read = first_number(
        given.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("num_cached_tokens"),
        usage.get("cached_tokens"),
    )
    facts.cache_read = min(read or 0, prompt)
    facts.cache_write = first_number(given.get("cache_write_tokens"), usage.get("cache_creation_input_tokens")) or 0


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


def add_pages(facts, value, said):
    """url_citation annotations; Perplexity's lists beside the choices, which every chunk repeats."""
    for note in said.get("annotations") or []:
        if note.get("type") == "url_citation":
            facts.pages.append(note["url_citation"]["url"])
    found = [r.get("url") for r in value.get("search_results") or []] or value.get("citations") or []
    facts.pages += [url for url in found if url]


def add_message(facts, open_calls, said, streamed):
    """A delta or a message of the first choice."""
    text, reasoning = content_text(said.get("content"))
    facts.text += text
    facts.reasoning += reasoning
    facts.refusal += said.get("refusal") or ""
    add_reasoning(facts, said)
    if said.get("function_call"):  # the form before tools
        add_call(facts, open_calls, {"index": "old", "function": said["function_call"]})
    for number, call in enumerate(said.get("tool_calls") or []):
        if not streamed:
            call = dict(call, index=number)
        add_call(facts, open_calls, call)


def of_chat(body, streamed):
    """An OpenAI-shaped answer: its first choice, and the texts of all."""
    facts, open_calls = Facts(), {}
    if streamed:
        events = [d for _, d in sse(body)]
        objects = [json.loads(d) for d in events if d != b"[DONE]"]
        facts.ended = b"[DONE]" in events
    else:
        objects, facts.ended = [json.loads(body)], True
    for value in objects:
        if value.get("error"):
            facts.error = value["error"]
        add_chat_usage(facts, value.get("usage") or (value.get("x_groq") or {}).get("usage"))
        for choice in value.get("choices") or []:
            said = (choice.get("delta") if streamed else choice.get("message")) or {}
            index = choice.get("index") or 0
            facts.choices[index] = facts.choices.get(index, "") + content_text(said.get("content"))[0]
            if index == 0:
                facts.finish = choice.get("finish_reason") or facts.finish
                facts.logprobs += [t["token"] for t in (choice.get("logprobs") or {}).get("content") or []]
                add_message(facts, open_calls, said, streamed)
                add_pages(facts, value, said)
    return facts.done()


def add_anthropic_usage(facts, usage):
    if not usage:
        return
    seen = facts.__dict__.setdefault("seen", {})
    for k in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"):
        if usage.get(k) is not None:
            seen[k] = usage[k]
    facts.tokens_in = sum(
        seen.get(k, 0) for k in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    facts.tokens_out = seen.get("output_tokens", 0)
    facts.cache_read, facts.cache_write = seen.get("cache_read_input_tokens", 0), seen.get(
        "cache_creation_input_tokens", 0
    )
    details = usage.get("output_tokens_details") or {}
    facts.thought = details.get("thinking_tokens", facts.thought or 0)


def add_citations(facts, block):
    for c in block.get("citations") or []:
        page = next((c[k] for k in ("url", "source") if str(c.get(k) or "").startswith("http")), None)
        if page:
            facts.pages.append(page)
        else:
            facts.passages.append(c.get("cited_text"))


def add_block(facts, block, args):
    kind = block.get("type")
    if kind == "text":
        facts.text += block.get("text") or ""
        add_citations(facts, block)
    elif kind == "thinking":
        facts.reasoning += block.get("thinking") or ""
        if block.get("signature"):
            facts.signatures.append(block["signature"])
    elif kind == "redacted_thinking":
        facts.redacted.append(block.get("data"))
    elif kind == "tool_use":
        facts.tools.append(
            [block.get("name"), args if args is not None else json.dumps(block.get("input")), block.get("id")]
        )
    else:
        facts.others.append(kind)


def add_delta(block, delta, pieces, index):
    kind = delta["type"]
    if kind == "text_delta":
        block["text"] = (block.get("text") or "") + delta["text"]
    elif kind == "thinking_delta":
        block["thinking"] = (block.get("thinking") or "") + delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "citations_delta":
        block["citations"] = (block.get("citations") or []) + [delta["citation"]]
    elif kind == "input_json_delta":
        pieces[index] += delta["partial_json"]


def of_messages_stream(facts, body):
    blocks, pieces = {}, {}
    for name, data in sse(body):
        value = json.loads(data)
        kind = value.get("type")
        if facts.error:
            raise ValueError("%s after an error" % kind)
        if kind == "message_start":
            add_anthropic_usage(facts, value["message"].get("usage"))
        elif kind == "content_block_start":
            blocks[value["index"]] = dict(value["content_block"])
            pieces[value["index"]] = ""
        elif kind == "content_block_delta":
            add_delta(blocks[value["index"]], value["delta"], pieces, value["index"])
        elif kind == "content_block_stop":
            add_block(facts, blocks[value["index"]], pieces[value["index"]])
        elif kind == "message_delta":
            facts.finish = value["delta"].get("stop_reason") or facts.finish
            facts.stop_sequence = value["delta"].get("stop_sequence") or facts.stop_sequence
            add_anthropic_usage(facts, value.get("usage"))
        elif kind == "message_stop":
            facts.ended = True
        elif kind == "error":
            facts.error = value["error"]


def of_messages(body, streamed):
    """An Anthropic-shaped answer."""
    facts = Facts()
    if streamed:
        of_messages_stream(facts, body)
    else:
        value = json.loads(body)
        for block in value.get("content") or []:
            add_block(facts, block, None)
        facts.finish, facts.stop_sequence, facts.ended = value.get("stop_reason"), value.get("stop_sequence"), True
        add_anthropic_usage(facts, value.get("usage"))
    facts.choices = {0: facts.text}
    return facts.done()


def add_gemini_usage(facts, usage):
    """Every count that is 0 may be left out; thoughts are in no other count, nor are prompts of Google's own tools."""
    if "promptTokenCount" not in usage:
        return
    facts.thought = usage.get("thoughtsTokenCount", 0)
    facts.tokens_in = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
    facts.tokens_out = usage.get("candidatesTokenCount", 0) + facts.thought
    facts.cache_read, facts.cache_write = usage.get("cachedContentTokenCount", 0), 0


def add_gemini_part(facts, part):
    call = part.get("functionCall")
    if call:
        facts.tools.append([call["name"], json.dumps(call.get("args") or {}), call.get("id")])
    elif part.get("thought"):
        facts.reasoning += part.get("text") or ""
    else:
        facts.text += part.get("text") or ""
    if part.get("thoughtSignature"):
        facts.signatures.append(part["thoughtSignature"])


def of_gemini(body, _):
    """An answer of Google's own API: its first candidate."""
    facts = Facts()
    chunks = [json.loads(d) for _, d in sse(body)] or json.loads(body)
    for value in chunks if isinstance(chunks, list) else [chunks]:  # a stream is one array where no events are asked for
        add_gemini_usage(facts, value.get("usageMetadata") or {})
        facts.finish = (value.get("promptFeedback") or {}).get("blockReason") or facts.finish
        for candidate in (value.get("candidates") or [])[:1]:
            for part in (candidate.get("content") or {}).get("parts") or []:
                add_gemini_part(facts, part)
            reason = candidate.get("finishReason")
            facts.finish = {1: "STOP"}.get(reason, reason) or facts.finish
    facts.ended, facts.choices = True, {0: facts.text}
    return facts.done()
