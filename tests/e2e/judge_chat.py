"""judge_chat.py - judge.py for requests in OpenAI's shape, as OpenAI, Azure and the compatible services take them."""

import json
import re

from judge import LEVELS, Meaning, data_url, tool_problems

OPENAI = (
    """model messages max_completion_tokens max_tokens temperature top_p n stop seed presence_penalty frequency_penalty
    logit_bias logprobs top_logprobs stream stream_options tools tool_choice parallel_tool_calls response_format
    reasoning_effort verbosity service_tier store metadata user safety_identifier prompt_cache_key
    prompt_cache_retention prompt_cache_options prediction modalities audio web_search_options moderation
    functions function_call""".split()
)
MISTRAL = """model messages max_tokens temperature top_p n stop random_seed presence_penalty frequency_penalty
    stream tools tool_choice parallel_tool_calls response_format reasoning_effort prompt_cache_key prompt_mode safe_prompt prediction
    metadata""".split()
KNOW_TOP_K = "fireworks llamacpp lmstudio openrouter perplexity sglang together vllm".split()
MORE = {"deepseek": ["thinking"], "moonshot": ["thinking"], "openrouter": ["reasoning"]}


def chat_part(m, role, part, target):
    kind = part.get("type")
    if kind in ("text", "refusal"):
        m.items.append((role, "text", part.get("text") or part.get("refusal") or ""))
    elif kind == "image_url":
        url = part["image_url"]["url"]
        data = data_url(url)
        m.items.append((role, "image", *data) if data else (role, "image_url", url))
        m.bad(not data and not url.startswith("http"), "image_url %r" % url[:40])
    elif kind == "document_url" and target.service == "mistral":
        data, title = data_url(part["document_url"]), part.get("document_name")
        m.items.append((role, "file", *data, title) if data else (role, "file_url", part["document_url"], title))
    elif kind == "file":
        file = part["file"]
        data, title = data_url(file.get("file_data")), file.get("filename")
        if file.get("file_id"):
            m.items.append((role, "file_id", file["file_id"]))
        elif data:
            m.items.append((role, "file", *data, title))
        else:
            m.items.append((role, "file_url", file.get("file_data"), title))
            m.bad(target.service != "openrouter", "file_data takes no address: %r" % file.get("file_data"))
    elif kind == "input_audio":
        m.items.append((role, "audio", part["input_audio"]["data"]))
    else:
        m.bad(True, "a part of type %r" % kind)
    if part.get("cache_control"):
        m.marks.append(part.get("text") or kind)
        m.bad(target.service != "openrouter", "cache_control is not known here")


def chat_reasoning(m, role, message):
    for d in message.get("reasoning_details") or []:
        if d.get("type") == "reasoning.encrypted":
            m.items.append((role, "redacted", d.get("data")))
        else:
            m.items.append((role, "thinking", d.get("text") or d.get("summary"), d.get("signature")))
    text = message.get("reasoning_content") or message.get("reasoning")
    if text and not message.get("reasoning_details"):
        m.items.append((role, "thinking", text, None))


def chat_message(m, message, target, open_calls):
    role = message["role"]
    known = "role content name tool_calls tool_call_id refusal prefix cache_control "
    known += "reasoning_content reasoning reasoning_details"
    m.bad(
        set(message) - set(known.split()),
        "unknown members of a message: %s" % sorted(set(message) - set(known.split())),
    )
    m.bad(role not in ("system", "developer", "user", "assistant", "tool"), "role %r" % role)
    m.bad(role == "developer" and not target.knows_developer, "this service has no role developer")
    m.bad(role != "tool" and open_calls, "calls without results: %s" % sorted(open_calls))
    m.bad("prefix" in message and target.service != "mistral", "prefix is Mistral's")
    m.bad(message.get("cache_control") and target.service != "openrouter", "cache_control is not known here")
    chat_reasoning(m, role, message)
    content = message.get("content")
    if role == "tool":
        m.bad(message["tool_call_id"] not in open_calls, "a result of no call: %r" % message["tool_call_id"])
        open_calls.discard(message["tool_call_id"])
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        m.items.append((role, "result", message["tool_call_id"], "".join(p.get("text", "") for p in parts), False))
        m.bad(target.service != "mistral" and any(p["type"] != "text" for p in parts), "a tool's result is text")
        for part in parts if target.service == "mistral" else []:
            chat_part(m, role, part, target)
        m.marks += [p["text"] for p in parts if p.get("cache_control")]
        return
    role = "system" if role == "developer" else role
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
        chat_part(m, role, part, target)
    m.bad(
        not content and not message.get("tool_calls") and not message.get("refusal") and role == "assistant",
        "an assistant who says nothing",
    )
    if message.get("refusal"):
        m.items.append((role, "text", message["refusal"]))
    for call in message.get("tool_calls") or []:
        inner = call.get("function") or call.get("custom")
        args = inner["arguments"] if "arguments" in inner else inner["input"]
        m.bad(not isinstance(args, str), "arguments are no string")
        m.bad(call.get("type") not in ("function", "custom"), "a call of type %r" % call.get("type"))
        m.bad(target.service == "mistral" and not re.match(r"^[a-zA-Z0-9]{9}$", call["id"]), "id %r" % call["id"])
        m.items.append((role, "call", call["id"], inner["name"], args))
        open_calls.add(call["id"])


def chat_tools(m, target):
    for tool in m.member("tools") or []:
        inner = tool.get("function") or tool.get("custom")
        schema = (
            inner.get("parameters", {"type": "object", "properties": {}})
            if tool["type"] == "function"
            else {"type": "object"}
        )
        tool_problems(m, inner["name"], schema)
        m.tools[inner["name"]] = (inner.get("description"), schema, inner.get("strict"), tool["type"])
        m.bad(
            set(tool) - {"type", "function", "custom", "cache_control"}, "unknown members of a tool: %s" % sorted(tool)
        )
        if tool.get("cache_control") or inner.get("cache_control"):
            m.marks.append(inner["name"])
            m.bad(target.service != "openrouter", "cache_control is not known here")
    choice = m.member("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        m.choice, m.allowed = allowed["mode"], sorted(t["function"]["name"] for t in allowed["tools"])
    elif isinstance(choice, dict):
        m.bad(choice.get("type") not in ("function", "custom"), "tool_choice %r" % choice)
        m.choice = (choice.get("function") or choice.get("custom"))["name"]
    else:
        m.choice = "required" if choice == "any" else choice
    m.bad(choice is not None and not m.tools, "tool_choice without tools")
    m.bad(m.member("parallel_tool_calls") is not None and not m.tools, "parallel_tool_calls without tools")
    m.one_call = m.member("parallel_tool_calls") is False
    m.bad(target.service == "mistral" and choice == "required", "Mistral's word is any")
    m.bad(target.service == "perplexity" and m.tools, "Perplexity has no tools")


def chat_effort(m, target):
    m.effort = m.member("reasoning_effort")
    thinking = m.member("thinking") or {}
    if thinking.get("type") == "disabled":
        m.bad(m.effort is not None, "an effort, and no thinking")
        m.effort = "none"
    m.bad(m.effort not in [None] + LEVELS, "reasoning_effort %r" % m.effort)
    forced = m.choice not in (None, "auto", "none")
    m.bad(
        target.service in ("deepseek", "moonshot") and forced and m.effort != "none",
        "DeepSeek and Moonshot refuse a forced call while they think",
    )
    if target.reasons and m.effort != "none":
        for name in (
            "temperature",
            "top_p",
            "presence_penalty",
            "frequency_penalty",
            "logprobs",
            "logit_bias",
            "stop",
            "max_tokens",
        ):
            m.bad(m.member(name) is not None, "a model that reasons refuses %s" % name)
        m.bad(
            target.model.startswith("gpt-5.4") and m.tools and m.effort, "no effort beside tools: /v1/responses has it"
        )


def of_chat(body, target):
    m = Meaning(body)
    known = MISTRAL if target.service == "mistral" else OPENAI + MORE.get(target.service, [])
    known = known + ["top_k"] if target.service in KNOW_TOP_K else known
    known = known + ["cache_control"] if target.service == "openrouter" else known
    m.bad(set(body) - set(known), "unknown members: %s" % sorted(set(body) - set(known)))
    m.bad("max_tokens" in body and "max_completion_tokens" in body, "two limits")
    open_calls = set()
    for message in body["messages"]:
        chat_message(m, message, target, open_calls)
    m.bad(open_calls, "calls without results: %s" % sorted(open_calls))
    chat_tools(m, target)
    chat_effort(m, target)
    form = m.member("response_format") or {}
    if form.get("type") == "json_schema":
        inner = form["json_schema"]
        m.bad(not inner.get("name"), "a schema without a name")
        m.schema, m.schema_words = inner["schema"], json.dumps(inner)
    m.json_object = form.get("type") == "json_object"
    stop = m.member("stop")
    m.stop = [stop] if isinstance(stop, str) else stop or []
    m.bad(len(m.stop) > 4 and target.openai, "more than four stop strings")
    m.limit = m.member("max_completion_tokens") or m.member("max_tokens")
    m.user = m.member("safety_identifier") or m.member("user")
    m.bad(len(m.user or "") > 64, "the user's name is too long")
    m.tier = m.member("service_tier")
    m.search = m.member("web_search_options")
    m.marks += ["(all)"] if body.get("cache_control") else []
    return m
