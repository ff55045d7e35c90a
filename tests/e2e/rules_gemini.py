"""rules_gemini.py - what Google's Gemini API refuses: rows for rules.py."""

import re

from rules import Rule

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
MEMBERS = set("contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent serviceTier".split())
CONFIG = set(
    "temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty responseMimeType "
    "responseSchema responseJsonSchema responseModalities responseLogprobs logprobs thinkingConfig mediaResolution "
    "speechConfig".split()
)
PAYLOADS = set("text inlineData fileData functionCall functionResponse executableCode codeExecutionResult".split())
PARTS = PAYLOADS | {"thought", "thoughtSignature", "videoMetadata", "mediaResolution"}
SCHEMA = set(  # of the subset of OpenAPI: parameters and responseSchema
    "type format title description nullable enum items properties required minItems maxItems minLength maxLength minProperties "
    "maxProperties minimum maximum pattern anyOf example default propertyOrdering".split()
)


def parts(content, kind):
    return [p[kind] for p in content.get("parts") or [] if kind in p]


def order(body, _):
    roles = [c.get("role") for c in body["contents"]]
    if not roles or roles[0] != "user":
        yield "the first content is of role %s" % (roles or [None])[0]
    if not set(roles) <= {"user", "model"}:
        yield "roles %s" % roles
    if any(a == b for a, b in zip(roles, roles[1:])):
        yield "neighbours of one role"


def calls(body, _):
    waiting = []
    for content in body["contents"]:
        given = [r["name"] for r in parts(content, "functionResponse")]
        if given != waiting:
            yield "responses of %s where %s were called" % (given, waiting)
        waiting = [c["name"] for c in parts(content, "functionCall")]
    if waiting:
        yield "calls at the end"


def shapes(body, _):
    for content in body["contents"] + [body.get("systemInstruction") or {"parts": [{"text": "x"}]}]:
        if not content.get("parts"):
            yield "a content without parts"
        for part in content.get("parts") or []:
            if len(PAYLOADS & set(part)) != 1 or set(part) - PARTS:
                yield "a part of %s" % sorted(part)
            if part.get("text") == "" and "thoughtSignature" not in part:
                yield "an empty text"
            for kind, member in (("functionCall", "args"), ("functionResponse", "response")):
                if kind in part and not isinstance(part[kind].get(member), dict):
                    yield "%s of %s is no object" % (member, kind)


def declared(body):
    return [f for t in body.get("tools") or [] for f in t.get("functionDeclarations") or []]


def names(body, _):
    used = [f["name"] for f in declared(body)]
    if len(set(used)) != len(used):
        yield "a function twice"
    for content in body["contents"]:
        used += [c["name"] for kind in ("functionCall", "functionResponse") for c in parts(content, kind)]
    for name in used:
        if not NAME.fullmatch(name):
            yield "the name %r" % name


def schemas(body, _):
    nodes = [f.get("parameters") for f in declared(body)] + [(body.get("generationConfig") or {}).get("responseSchema")]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
        if isinstance(node, dict):
            for word in sorted(set(node) - SCHEMA):
                yield "the keyword %s" % word
            nodes.extend((node.get("properties") or {}).values())
            nodes.extend((node.get("items"), node.get("anyOf")))


def members(body, _):
    for name in sorted((set(body) - MEMBERS - {"model"}) | (set(body.get("generationConfig") or {}) - CONFIG)):
        yield "the member %s" % name


def choice(body, _):
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = config.get("allowedFunctionNames")
    if allowed and config.get("mode") not in ("ANY", "VALIDATED"):
        yield "allowedFunctionNames in mode %s" % config.get("mode")
    if not set(allowed or []) <= {f["name"] for f in declared(body)}:
        yield "a function that is not declared is allowed"


def limits(body, _):
    if len((body.get("generationConfig") or {}).get("stopSequences") or []) > 5:
        yield "more than five stop sequences"


def signed(body, _):
    for content in body["contents"]:
        called = [p for p in content["parts"] if "functionCall" in p]
        if called and not called[0].get("thoughtSignature"):
            yield "the first call of a turn has no signature"


def thinking(body, _):
    config = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if "thinkingLevel" in config:
        yield "a level"


def level(body, _):
    config = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
    if "thinkingBudget" in config:
        yield "a budget"


def json_beside_tools(body, _):
    if declared(body) and (body.get("generationConfig") or {}).get("responseMimeType") == "application/json":
        yield "JSON beside functions"


DOCS = "ai.google.dev/gemini-api/docs: %s, 2026-11"
RULES = [
    Rule("gemini", "", "order", order, DOCS % "text generation, multi-turn; 400 Please use a valid role: user, model."),
    Rule("gemini", "", "calls", calls, "400 the number of function response parts is equal to the function call parts: gemini-cli 21830"),
    Rule("gemini", "", "shapes", shapes, "400 required oneof field 'data' must have one initialized field"),
    Rule("gemini", "", "names", names, DOCS % "function calling, FunctionDeclaration.name"),
    Rule("gemini", "", "schemas", schemas, '400 Unknown name "additionalProperties", "$schema": litellm 14330, any-llm 1094'),
    Rule("gemini", "", "members", members, '400 Unknown name "...": Cannot find field.'),
    Rule("gemini", "", "choice", choice, DOCS % "function calling, FunctionCallingConfig"),
    Rule("gemini", "", "limits", limits, DOCS % "GenerationConfig.stopSequences"),
    Rule("gemini", r"gemini-3", "signed", signed, "400 Function call is missing a thought_signature; docs: thought signatures"),
    Rule("gemini", r"gemini-2\.5", "thinking", thinking, DOCS % "thinking: levels begin with Gemini 3"),
    Rule("gemini", r"gemini-3", "level", level, DOCS % "thinking: level and budget together are refused, a budget is legacy"),
    Rule("gemini", r"gemini-2", "json", json_beside_tools, "400 Function calling with a response mime type: 'application/json' is unsupported"),
]
