"""judge_messages.py - judge.py for requests in Anthropic's shape."""

import json
import re

from judge import Meaning, tool_problems

ANTHROPIC = """model max_tokens messages system stop_sequences temperature top_p top_k stream tools tool_choice thinking
    output_config metadata service_tier cache_control container inference_geo""".split()
BLOCKS = {
    "text": "type text cache_control citations",
    "image": "type source cache_control",
    "document": "type source title context citations cache_control",
    "search_result": "type source title content citations cache_control",
    "thinking": "type thinking signature",
    "redacted_thinking": "type data",
    "tool_use": "type id name input cache_control caller",
    "tool_result": "type tool_use_id content is_error cache_control",
}
TOOL_MEMBERS = """name description input_schema strict cache_control type eager_input_streaming defer_loading
    allowed_callers input_examples""".split()


def source_item(role, kind, block):
    source = block["source"]
    if source["type"] == "base64":
        name = "image" if kind == "image" else "file"
        return (role, name, source["media_type"], source["data"]) + (
            (block.get("title"),) if kind == "document" else ()
        )
    if source["type"] == "url":
        return (
            (role, "image_url", source["url"])
            if kind == "image"
            else (role, "file_url", source["url"], block.get("title"))
        )
    if source["type"] == "file":
        return (role, "file_id", source["file_id"])
    if source["type"] == "text":
        return (role, "text", "%s\n%s" % (block.get("title") or "", source["data"]))
    return (role, "text", json.dumps(source["content"]))


def block_mark(m, block, words):
    if block.get("cache_control"):
        m.marks.append(words)
        m.bad(block["cache_control"].get("type") != "ephemeral", "cache_control %r" % block["cache_control"])
        m.bad(block["type"] == "thinking", "a marker on thinking")


def messages_block(m, role, block, open_calls):
    kind = block.get("type")
    m.bad(kind not in BLOCKS, "a block of type %r" % kind)
    m.bad(set(block) - set(BLOCKS.get(kind, "").split()), "unknown members of %s: %s" % (kind, sorted(block)))
    block_mark(m, block, block.get("text") or block.get("name") or kind)
    if kind == "text":
        m.bad(not block["text"].strip(), "an empty text")
        m.items.append((role, "text", block["text"]))
    elif kind in ("image", "document"):
        m.bad(role == "assistant", "an assistant's %s" % kind)
        item = source_item(role, kind, block)
        m.items.append(item)
        m.bad(
            item[1] == "image" and item[2] not in ("image/png", "image/jpeg", "image/gif", "image/webp"),
            "image of %s" % item[2],
        )
    elif kind == "search_result":
        m.items.append((role, "text", json.dumps(block)))
    elif kind == "thinking":
        m.items.append((role, "thinking", block["thinking"], block["signature"]))
    elif kind == "redacted_thinking":
        m.items.append((role, "redacted", block["data"]))
    elif kind == "tool_use":
        m.bad(not re.match(r"^[a-zA-Z0-9_-]+$", block["id"]), "id %r" % block["id"])
        m.bad(not isinstance(block["input"], dict), "input is no object")
        m.items.append((role, "call", block["id"], block["name"], json.dumps(block["input"])))
        open_calls.add(block["id"])
    elif kind == "tool_result":
        content = block.get("content", "")
        inside = [{"type": "text", "text": content}] if isinstance(content, str) else content
        m.bad(block["tool_use_id"] not in open_calls, "a result of no call: %r" % block["tool_use_id"])
        open_calls.discard(block["tool_use_id"])
        text = "".join(b.get("text", "") for b in inside)
        m.items.append((role, "result", block["tool_use_id"], text, bool(block.get("is_error"))))
        for one in inside:
            if one["type"] != "text":
                messages_block(m, role, one, open_calls)


def messages_turn(m, turn, last, open_calls, manual, target):
    role, content = turn["role"], turn["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kinds = [b.get("type") for b in blocks]
    m.bad(role not in ("user", "assistant") and not (role == "system" and target.takes_system), "role %r" % role)
    m.bad(not blocks, "a turn without content")
    if open_calls:
        m.bad(role != "user", "calls that the next turn does not answer")
        results = [k == "tool_result" for k in kinds]
        m.bad(results != sorted(results, reverse=True), "text before the results")
    if role == "assistant" and manual and last and "tool_use" in kinds:
        m.bad(not kinds[0].endswith("thinking"), "the last turn of calls lacks its thinking")
    before = set(open_calls)
    for block in blocks:
        messages_block(m, role, block, open_calls)
    m.bad(before & open_calls, "calls without results: %s" % sorted(before & open_calls))


def messages_tools(m):
    for tool in m.member("tools") or []:
        block_mark(m, dict(tool, type="tool"), tool["name"])
        if re.search(r"_\d{8}$", tool.get("type") or ""):
            m.own_tools.append(tool["type"])
            m.search = tool if tool["type"].startswith("web_search") else m.search
            continue
        tool_problems(m, tool["name"], tool.get("input_schema"))
        m.bad(set(tool) - set(TOOL_MEMBERS), "unknown members of a tool: %s" % sorted(tool))
        m.tools[tool["name"]] = (tool.get("description"), tool["input_schema"], tool.get("strict"), "function")
    choice = m.member("tool_choice") or {}
    m.choice = {"any": "required", "tool": choice.get("name")}.get(choice.get("type"), choice.get("type"))
    m.one_call = bool(choice.get("disable_parallel_tool_use"))
    m.bad(choice and choice.get("type") not in ("auto", "any", "tool", "none"), "tool_choice %r" % choice)
    m.bad(choice and not m.member("tools"), "tool_choice without tools")
    m.bad(
        m.choice not in (None, "auto", "required", "none") and m.choice not in m.tools, "it must call what is not there"
    )


def messages_thinking(m, target):
    thinking, config = m.member("thinking") or {}, m.member("output_config") or {}
    kind, forced = thinking.get("type"), m.choice not in (None, "auto", "none")
    m.effort = config.get("effort")
    if kind == "enabled":
        m.effort = thinking["budget_tokens"]
        m.bad(not 1024 <= m.effort < (m.limit or 0), "budget %d of %s" % (m.effort, m.limit))
        m.bad(target.adaptive, "this model refuses a budget")
    if kind in ("disabled", "between_tools") or (kind is None and m.effort is None and not target.thinks_itself):
        m.effort = "none"
    m.bad(kind == "adaptive" and not target.adaptive, "this model has no adaptive thinking")
    m.bad(config.get("effort") and not target.adaptive, "this model has no effort")
    on = kind in ("enabled", "adaptive")
    m.bad(on and forced, "thinking, and a forced call")
    for name in ("temperature", "top_p", "top_k"):
        value = m.member(name)
        m.bad(value is not None and target.adaptive and value != 1, "this model refuses %s" % name)
        m.bad(
            value is not None and on and value != 1 and not (name == "top_p" and value >= 0.95),
            "%s while it thinks" % name,
        )
    m.bad(
        m.member("temperature") is not None and m.member("top_p") is not None and target.one_of_two,
        "temperature and top_p",
    )
    m.bad((m.member("temperature") or 0) > 1, "temperature over 1")


def of_messages(body, target):
    m = Meaning(body)
    m.bad(set(body) - set(ANTHROPIC), "unknown members: %s" % sorted(set(body) - set(ANTHROPIC)))
    m.limit = m.member("max_tokens")
    m.bad(not isinstance(m.limit, int), "max_tokens is missing")
    messages_tools(m)
    system = m.member("system") or []
    for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
        messages_block(m, "system", block, set())
    manual = (m.member("thinking") or {}).get("type") == "enabled"
    open_calls, turns = set(), body["messages"]
    replies = [t for t in turns if t["role"] == "assistant"]
    for turn in turns:
        messages_turn(m, turn, bool(replies) and turn is replies[-1], open_calls, manual, target)
    m.bad(open_calls, "calls without results: %s" % sorted(open_calls))
    m.bad(not turns or turns[0]["role"] != "user", "the first turn is not the user's")
    messages_thinking(m, target)
    m.marks += ["(all)"] if body.get("cache_control") else []
    m.bad(len(m.marks) > 4, "more than four markers")
    form = (m.member("output_config") or {}).get("format")
    if form:
        m.schema, m.schema_words = form["schema"], json.dumps(form["schema"])
    m.stop = m.member("stop_sequences") or []
    m.bad(any(not s.strip() for s in m.stop), "a stop sequence of white space")
    m.user = (m.member("metadata") or {}).get("user_id")
    m.tier = m.member("service_tier")
    m.bad(m.tier not in (None, "auto", "standard_only"), "service_tier %r" % m.tier)
    return m
