"""rules_anthropic.py - what Anthropic's Messages API refuses: rows for rules.py."""

import base64
import re

from rules import Rule

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_-]+")
MEMBERS = set(
    "model max_tokens messages system stop_sequences temperature top_p top_k stream tools tool_choice thinking "
    "output_config output_format metadata service_tier cache_control container inference_geo context_management "
    "mcp_servers speed fallbacks".split()
)
MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))
KEYWORDS = set("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems".split())
BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
TYPES = {
    "string": str, "boolean": bool, "null": type(None), "array": list, "object": dict, "integer": int, "number": (int, float)
}  # fmt: skip


def blocks(message):
    content = message.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


def every_block(body):
    for m in body["messages"]:
        for b in blocks(m):
            yield b
            if b.get("type") == "tool_result" and isinstance(b.get("content"), list):
                yield from b["content"]


def version(body):
    """405 of "claude-sonnet-4-5-20250929"; None of another's model."""
    name = str(body.get("model", ""))
    m = re.search(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d{1,2}))?(?!\d)", name)
    return int(m.group(1)) * 100 + int(m.group(2) or 0) if m else None


def thinks(body):
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def order(body, _):
    messages = body["messages"]
    if not messages:
        yield "no messages"
        return
    if messages[0]["role"] != "user":
        yield "the first message is of role %s" % messages[0]["role"]
    for m in messages:
        if m["role"] not in ("user", "assistant", "system"):
            yield "role %s" % m["role"]


def late_system(body, _):
    if any(m["role"] == "system" for m in body["messages"]):
        yield "role system among the messages"


def results(body, _):
    waiting, merged = [], []
    for m in body["messages"]:  # turns of one role are one, as Anthropic joins them
        if merged and merged[-1][0] == m["role"]:
            merged[-1][1].extend(blocks(m))
        else:
            merged.append((m["role"], list(blocks(m))))
    for role, content in merged:
        given = [b.get("tool_use_id") for b in content if b.get("type") == "tool_result"] if role == "user" else []
        if sorted(given) != sorted(waiting):
            yield "results of %s where %s were called" % (given, waiting)
        kinds = [b.get("type") == "tool_result" for b in content]
        if role == "user" and waiting and kinds != sorted(kinds, reverse=True):
            yield "content before a tool_result"
        waiting = [b.get("id") for b in content if b.get("type") == "tool_use"] if role == "assistant" else []
    if waiting:
        yield "calls without results: %s" % waiting


def blank(body, _):
    texts = [b for b in every_block(body) if b.get("type") == "text"]
    texts += [b for b in body.get("system") or [] if isinstance(b, dict)]
    for b in texts:
        if not b["text"].strip():
            yield "a text of white space alone: %r" % b["text"]
    for m in body["messages"]:
        if isinstance(m.get("content"), list) and not m["content"]:
            yield "a message without content"


def prefill(body, _):
    last = body["messages"][-1]
    kind = blocks(last)[-1].get("type", "")
    own = kind != "tool_use" and (kind.endswith("_tool_use") or kind.endswith("_tool_result"))
    if last["role"] == "assistant" and not own:
        yield "the conversation ends with an assistant's message"


def prefill_thinks(body, headers):
    if thinks(body) and list(prefill(body, headers)):
        yield "thinking beside a prefilled answer"


def prefill_blank(body, _):
    last = body["messages"][-1]
    if last["role"] == "assistant" and blocks(last)[-1].get("type") == "text" and blocks(last)[-1]["text"][-1:].isspace():
        yield "the prefilled answer ends with white space"


def names(body, _):
    seen = []
    for tool in body.get("tools") or []:
        if tool.get("type", "custom") == "custom" and not NAME.fullmatch(tool["name"]):
            yield "a tool's name %r" % tool["name"]
        if tool.get("name") in seen:
            yield "two tools named %r" % tool["name"]
        seen.append(tool.get("name"))


def ids(body, _):
    for b in every_block(body):
        if b.get("type") == "tool_use" and not ID.fullmatch(b["id"]):
            yield "the id %r" % b["id"]


def roots(body, _):
    for tool in body.get("tools") or []:
        if tool.get("type", "custom") != "custom":
            continue
        schema = tool["input_schema"]
        if schema.get("type") != "object":
            yield "input_schema.type of %s is %r" % (tool["name"], schema.get("type"))
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                yield "%s at the root of %s" % (word, tool["name"])


def properties(body, _):
    for tool in body.get("tools") or []:
        for key in (tool.get("input_schema") or {}).get("properties") or {}:
            if not PROPERTY.fullmatch(key):
                yield "the property %r of %s" % (key, tool["name"])


def enforced(body):
    """Schemas that are enforced."""
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    yield from [form["schema"]] if "schema" in form else []
    yield from [t["input_schema"] for t in body.get("tools") or [] if t.get("strict")]


def nodes(schema):
    if isinstance(schema, dict):
        yield schema
        for word in ("properties", "$defs", "definitions"):
            for value in (schema.get(word) or {}).values():
                yield from nodes(value)
        for word in ("anyOf", "allOf", "oneOf"):
            for value in schema.get(word) or []:
                yield from nodes(value)
        yield from nodes(schema.get("items"))


def closed(body, _):
    for node in (n for s in enforced(body) for n in nodes(s)):
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            yield "an object that is not closed: %s" % str(node)[:80]


def keywords(body, _):
    for node in (n for s in enforced(body) for n in nodes(s)):
        for word in sorted(KEYWORDS & set(node)):
            yield "the keyword %s" % word


def enums(body, _):
    for node in (n for s in enforced(body) for n in nodes(s)):
        if "enum" not in node or "type" not in node:
            continue
        if isinstance(node["type"], list) or not all(isinstance(v, TYPES[node["type"]]) for v in node["enum"]):
            yield "enum %r beside type %r" % (node["enum"], node["type"])


def present(*members):
    def check(body, _):
        for name in members:
            if name in body:
                yield "%s is sent" % name

    return check


def both(body, _):
    if "temperature" in body and "top_p" in body:
        yield "temperature and top_p"


def sampling(body, _):
    if not 0 <= body.get("temperature", 1) <= 1:
        yield "temperature %r" % body["temperature"]
    if thinks(body) and body.get("temperature", 1) != 1:
        yield "temperature %r beside thinking" % body["temperature"]


def budget(body, _):
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < body["max_tokens"]:
        yield "a budget of %r beside max_tokens %r" % (thinking.get("budget_tokens"), body["max_tokens"])


def forced(body, _):
    if thinks(body) and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "a forced tool beside thinking"


def adaptive(body, _):
    if (body.get("thinking") or {}).get("type") == "adaptive":
        yield "thinking adaptive"


def unforced(body, _):
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "tool_choice %s" % body["tool_choice"]["type"]


def limits(body, headers):
    if not headers[":path"].endswith("/count_tokens") and "max_tokens" not in body:
        yield "no max_tokens"
    if len(str((body.get("metadata") or {}).get("user_id") or "")) > 256:
        yield "metadata.user_id is too long"
    for word in body.get("stop_sequences") or []:
        if not word.strip():
            yield "the stop sequence %r" % word


def markers(body, _):
    def count(value):
        if isinstance(value, dict):
            return bool(value.get("cache_control")) + sum(count(v) for k, v in value.items() if k != "input")
        return sum(count(v) for v in value) if isinstance(value, list) else 0

    if count(body) > 4:
        yield "%d cache markers" % count(body)


def images(body, _):
    for b in every_block(body):
        source = b.get("source") or {}
        if b.get("type") != "image" or source.get("type") != "base64":
            continue
        if source["media_type"] not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            yield "media_type %r" % source["media_type"]
        head = base64.b64decode(source["data"][:16] + "==")
        for magic, kind in MAGIC:
            if head.startswith(magic) and kind != source["media_type"]:
                yield "%s called %s" % (kind, source["media_type"])


def betas(body, headers):
    for tool in body.get("tools") or []:
        beta = BETAS.get(tool.get("type"))
        if beta and beta not in headers.get("anthropic-beta", ""):
            yield "%s without anthropic-beta %s" % (tool["type"], beta)


def members(body, _):
    for name in sorted(set(body) - MEMBERS):
        yield "the member %s" % name


def since(low, high=None):
    """Claude from one version on, up to another; both as "4.6"."""
    out = []
    for major in range(3, 10):
        for minor in range(0, 10):
            if (major, minor) < tuple(map(int, low.split("."))):
                continue
            if high is None or (major, minor) < tuple(map(int, high.split("."))):
                out.append(r"%d[-.]%d(?!\d)" % (major, minor) + (r"|%d(?![-.]\d(?!\d))(?!\d)" % major if minor == 0 else ""))
    return r"claude-(?:[a-z]+-)?(?:%s)" % "|".join(out)


DOCS = "Anthropic: %s, 2026-11"
RULES = [
    Rule("anthropic", "", "order", order, DOCS % "Messages"),
    Rule("anthropic", since("3.0", "5.0"), "late-system", late_system, "400 role 'system' is not supported on this model"),
    Rule("anthropic", "", "results", results, DOCS % "Tool use, tool_result blocks come first and answer each call"),
    Rule("anthropic", "claude", "blank-text", blank, "400 text content blocks must contain non-whitespace text"),
    Rule("anthropic", since("4.6"), "prefill", prefill, DOCS % "Migration guide to 4.6"),
    Rule("anthropic", "claude", "prefill-thinking", prefill_thinks, DOCS % "Extended thinking"),
    Rule("anthropic", "claude", "prefill-blank", prefill_blank, "400 final assistant content cannot end with trailing whitespace"),
    Rule("anthropic", "claude", "tool-names", names, DOCS % "Tool use, names"),
    Rule("anthropic", "claude", "ids", ids, "400 tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"),
    Rule("anthropic", "claude", "schema-root", roots, "400 input_schema does not support oneOf, allOf, or anyOf: opencode 35516"),
    Rule("anthropic", "claude", "properties", properties, "400 Property keys should match pattern: composio 3500"),
    Rule("anthropic", "claude", "closed", closed, DOCS % "Structured outputs, limitations"),
    Rule("anthropic", "claude", "keywords", keywords, DOCS % "Structured outputs, limitations"),
    Rule("anthropic", "claude", "enums", enums, "400 Enum value does not match declared type: litellm 37881"),
    Rule("anthropic", since("4.7"), "no-sampling", present("temperature", "top_p", "top_k"), DOCS % "Migration guide to 4.7"),
    Rule("anthropic", since("4.1", "4.7"), "one-sampling", both, DOCS % "Migration guide to 4.5"),
    Rule("anthropic", "", "sampling", sampling, DOCS % "Messages, temperature; Extended thinking"),
    Rule("anthropic", "", "budget", budget, DOCS % "Extended thinking"),
    Rule("anthropic", "claude", "forced-thinking", forced, DOCS % "Extended thinking, tool use"),
    Rule("anthropic", since("3.0", "4.6"), "adaptive", adaptive, DOCS % "Adaptive thinking"),
    Rule("anthropic", r"fable-5|opus-5[-.]5|haiku-5|sonnet-5[-.]5", "unforced", unforced, DOCS % "Models overview"),
    Rule("anthropic", "", "limits", limits, DOCS % "Messages"),
    Rule("anthropic", "", "markers", markers, DOCS % "Prompt caching"),
    Rule("anthropic", "claude", "images", images, "400 the image appears to be a image/jpeg image: litellm 24900"),
    Rule("anthropic", "claude", "betas", betas, DOCS % "Computer use tool"),
    Rule("anthropic", "claude", "members", members, "400 Extra inputs are not permitted"),
]
