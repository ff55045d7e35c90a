"""rules_chat.py - what services that speak OpenAI's chat completions refuse: rows for rules.py."""

import json
import re

from rules import Rule

ALL = "chat openai azure mistral deepseek moonshot perplexity strict"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MEMBERS = set(
    "model messages audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens "
    "metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier "
    "stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity "
    "web_search_options".split()
)
MISTRAL_NOT = "max_completion_tokens seed logit_bias logprobs top_logprobs service_tier store user verbosity".split()
THINKING = r"^o\d|^gpt-5(?!.*chat)"
ROOT_WORDS = ("anyOf", "oneOf", "allOf", "enum", "const", "not")


def functions(body):
    return [t["function"] for t in body.get("tools") or [] if t.get("type") == "function"]


def text_of(content):
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


def order(body, _):
    waiting = []
    if not body["messages"]:
        yield "no messages"
    for m in body["messages"]:
        role = m["role"]
        if role not in ("system", "developer", "user", "assistant", "tool", "function"):
            yield "role %s" % role
        if role == "tool":
            if m.get("tool_call_id") not in waiting:
                yield "a result of %r, which nobody called" % m.get("tool_call_id")
            else:
                waiting.remove(m["tool_call_id"])
            continue
        if waiting:
            yield "calls without results: %s" % waiting
        waiting = [c["id"] for c in m.get("tool_calls") or []]
    if waiting:
        yield "calls without results: %s" % waiting


def empty(body, _):
    for m in body["messages"]:
        if m["role"] == "assistant" and not m.get("content") and not m.get("tool_calls") and not m.get("function_call"):
            if m.get("content") is None and not m.get("refusal") and not m.get("audio"):
                yield "an assistant's message without content and calls"
    for name in ("tools", "stop"):
        if body.get(name) == []:
            yield "%s is an empty list" % name


def arguments(body, _):
    for m in body["messages"]:
        for call in m.get("tool_calls") or []:
            if call.get("type") == "function" and not isinstance(call["function"]["arguments"], str):
                yield "arguments that are no string"


def names(body, _):
    for f in functions(body):
        if not NAME.fullmatch(f["name"]):
            yield "a function's name %r" % f["name"]


def ids(body, _):
    for m in body["messages"]:
        for call in m.get("tool_calls") or []:
            if len(call["id"]) > 40:
                yield "an id of %d characters" % len(call["id"])


def roots(body, _):
    for f in functions(body):
        schema = f.get("parameters")
        if not schema:
            continue
        if schema.get("type", "object") != "object":
            yield "parameters.type of %s is %r" % (f["name"], schema["type"])
        if schema.get("type") == "object" and "properties" not in schema:
            yield "parameters of %s without properties" % f["name"]
        for word in ROOT_WORDS:
            if word in schema:
                yield "%s at the root of %s" % (word, f["name"])


def strict(body, _):
    form = (body.get("response_format") or {}).get("json_schema") or {}
    schemas = [form.get("schema")] if form.get("strict") else []
    schemas += [f.get("parameters") for f in functions(body) if f.get("strict")]
    while schemas:
        node = schemas.pop()
        if isinstance(node, list):
            schemas.extend(node)
        if not isinstance(node, dict):
            continue
        if node.get("type") == "object":
            if node.get("additionalProperties") is not False:
                yield "a strict object that is not closed"
            if sorted(node.get("required") or []) != sorted(node.get("properties") or {}):
                yield "a strict object whose properties are not all required"
        schemas.extend((node.get("properties") or {}).values())
        schemas.extend((node.get("$defs") or {}).values())
        schemas.extend(node.get(word) for word in ("anyOf", "items"))


def members(body, _):
    for name in sorted(set(body) - MEMBERS):
        yield "the member %s" % name


def thinking(body, _):
    quiet = body.get("reasoning_effort") == "none"
    for name in ("max_tokens", "stop", "logit_bias"):
        if body.get(name) is not None and not (quiet and name != "max_tokens"):
            yield "%s is sent" % name
    for name, value in (("temperature", 1), ("top_p", 1), ("presence_penalty", 0), ("frequency_penalty", 0)):
        if body.get(name, value) not in (value, None) and not quiet:
            yield "%s is %r" % (name, body[name])


def serial(body, _):
    if "parallel_tool_calls" in body:
        yield "parallel_tool_calls is sent"


def quiet_tools(body, _):
    if body.get("tools") and body.get("reasoning_effort") != "none":
        yield "tools beside reasoning_effort %r" % body.get("reasoning_effort")


def search(body, _):
    if "web_search_options" in body:
        yield "web_search_options is sent"


def stops(body, _):
    if isinstance(body.get("stop"), list) and len(body["stop"]) > 4:
        yield "%d stop sequences" % len(body["stop"])


def mistral_order(body, _):
    roles = [m["role"] for m in body["messages"]]
    for one, other in zip(roles, roles[1:]):
        if (one, other) == ("tool", "user"):
            yield "role user behind role tool"
    if roles[-1] not in ("user", "tool") and not body["messages"][-1].get("prefix"):
        yield "the last message is of role %s" % roles[-1]
    if "developer" in roles:
        yield "role developer"


def mistral_ids(body, _):
    for m in body["messages"]:
        for call in m.get("tool_calls") or []:
            if not re.fullmatch("[a-zA-Z0-9]{9}", call["id"]):
                yield "the id %r" % call["id"]


def mistral_members(body, _):
    for name in MISTRAL_NOT:
        if name in body:
            yield "the member %s" % name
    for m in body["messages"]:
        for name in ("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"):
            if name in m:
                yield "a message's member %s" % name
        for part in m["content"] if isinstance(m.get("content"), list) else []:
            if part["type"] in ("reasoning", "redacted_thinking") or isinstance(part.get("thinking"), str):
                yield "a part of type %s" % part["type"]


def ends_with_user(body, _):
    if body["messages"][-1]["role"] == "assistant":
        yield "the last message is the assistant's"


def kimi_sampling(body, _):
    for name in ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty"):
        if name in body:
            yield "the member %s" % name


def reasoned(body, _):
    if (body.get("thinking") or {}).get("type") == "disabled":
        return
    for m in body["messages"]:
        if m["role"] == "assistant" and m.get("tool_calls") and not isinstance(m.get("reasoning_content"), str):
            yield "a call without reasoning_content"


def alternate(body, _):
    roles = [m["role"] for m in body["messages"] if m["role"] != "tool"]
    while roles and roles[0] == "system":
        roles = roles[1:]
    if "system" in roles:
        yield "role system behind others"
    for one, other in zip(roles, roles[1:]):
        if one == other == "user":
            yield "two of role %s behind each other" % one
    if roles and roles[0] != "user":
        yield "the first is of role %s" % roles[0]


def one_system(body, _):
    if [m["role"] for m in body["messages"]].count("system") > 1:
        yield "several system messages"


def valid_arguments(body, _):
    for m in body["messages"]:
        for call in m.get("tool_calls") or []:
            if call.get("type") == "function":
                json.loads(call["function"]["arguments"])
    yield from ()


DOCS = "%s, 2026-11"
RULES = [
    Rule(ALL, "", "order", order, DOCS % "OpenAI: Chat, tool messages answer the calls before them"),
    Rule(ALL, "", "empty", empty, "400 expected an array with minimum length 1: apisix 13583; content is required"),
    Rule(ALL, "", "arguments", arguments, DOCS % "OpenAI: Chat, function.arguments is a string"),
    Rule("openai azure", "", "names", names, "400 tools[].function.name: maximum length 64: codex 32318"),
    Rule("openai azure", "", "ids", ids, "400 tool_calls[].id: maximum length 40: ungate 26"),
    Rule("openai azure", "", "schema-root", roots, "400 object schema missing properties; litellm 38792"),
    Rule("openai azure", "", "strict", strict, DOCS % "OpenAI: Structured outputs"),
    Rule("openai", "", "members", members, "400 Unrecognized request argument supplied"),
    Rule("openai azure", THINKING, "thinking", thinking, "400 unsupported_parameter, unsupported_value"),
    Rule("openai azure", r"^o\d", "serial", serial, "400 unsupported_parameter parallel_tool_calls"),
    Rule("openai azure", r"^gpt-5\.([6-9]|\d\d)", "quiet-tools", quiet_tools, "litellm 34569, livekit 7169, LibreChat 14355"),
    Rule("openai", r"^(?!.*search)", "search", search, "400 web_search_options is not supported with this model"),
    Rule("openai azure", "", "stops", stops, DOCS % "OpenAI: Chat, up to 4 stop sequences"),
    Rule("mistral", "", "order", mistral_order, "400 code 3230 Expected last role User or Tool: opencode 19115, avante.nvim 2695"),
    Rule("mistral", "", "ids", mistral_ids, "400 Tool call id must be a-z, A-Z, 0-9, with a length of 9"),
    Rule("mistral", "", "members", mistral_members, "422 extra_forbidden"),
    Rule("deepseek", r"reasoner|v4", "reasoning", reasoned, "400 missing reasoning_content: openclaw 73417, llm-gateway 992"),
    Rule("moonshot", r"thinking|k2[.-][5-9]", "reasoning", reasoned, "400 reasoning_content is missing: continue 11600"),
    Rule("moonshot", r"thinking|k2[.-][5-9]|k3", "sampling", kimi_sampling, "400 only 1 is allowed for this model: nanobot 4967"),
    Rule("perplexity", "", "last", ends_with_user, "400 Last message must have role user: crush 279"),
    Rule("perplexity strict", "", "alternate", alternate, "400 messages should alternate: crush 279; CLIProxyAPI 3608"),
    Rule("strict", "", "one-system", one_system, "System message must be at the beginning: CLIProxyAPI 3608"),
    Rule("strict", "", "valid-arguments", valid_arguments, "500 of chat templates that read the arguments"),
]
