"""crossing.py - what the cases of test_crossing.py are made of: a request in both shapes, written by hand, and what of
it must arrive. The cases are in crossing_*.py.
"""

import json

from judge import LEVELS

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKMSAwIG9iago8PD4+CmVuZG9iagp0cmFpbGVyCjw8Pj4KJSVFT0YK"
LIMIT = 8000
ASK = "What is to be done?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "a city"}},
    "required": ["city"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class Fact:
    """Something a request says. `names`: the members under which its loss may be told. `check`: did it arrive?"""

    def __init__(self, label, names, check):
        self.label, self.names, self.check = label, names.split(), check

    def arrived(self, meaning, target):
        try:
            return bool(self.check(meaning, target))
        except (KeyError, IndexError, TypeError, AttributeError):  # what it looks for is not there
            return False


class CrossingCase:
    def __init__(self, name, chat, messages, facts):
        self.name, self.facts = name, facts + always(chat or messages)
        self.bodies = {"chat": chat, "messages": messages}


def chat(*said, **more):
    """A chat request: what was said, by default the question alone."""
    return {"messages": list(said) or [user(ASK)], "max_completion_tokens": LIMIT, **more}


def messages(*said, **more):
    """A messages request."""
    return {"messages": list(said) or [user(ASK)], "max_tokens": LIMIT, **more}


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def text(words, **more):
    return {"type": "text", "text": words, **more}


def function(name, about="", schema=None, outer=None, **more):
    """A tool of a chat."""
    inner = {"name": name, "description": about or "does " + name, "parameters": schema or CITY, **more}
    return {"type": "function", "function": inner, **(outer or {})}


def tool(name, about="", schema=None, **more):
    """A tool of Anthropic's."""
    return {"name": name, "description": about or "does " + name, "input_schema": schema or CITY, **more}


def call(call_id, name, **args):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}


def use(call_id, name, **args):
    return {"type": "tool_use", "id": call_id, "name": name, "input": args}


def answer(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def result(call_id, content, **more):
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


# --- facts


def says(words, role=None, names="messages"):
    return Fact("says %r" % words[:24], names, lambda m, t: m.has_text(words, role))


def order(*words):
    return Fact("order of %s" % ", ".join(w[:12] for w in words), "messages", lambda m, t: m.in_order(*words))


def member(label, names, value, read):
    return Fact(label, names, lambda m, t: read(m) == value)


def same_member(name, value):
    """A member that both shapes write alike."""
    return Fact(name, name, lambda m, t: m.member(name) == value)


def has_tool(name, about, schema, unused=False):
    """Schemas of strict tools may get notes where Anthropic takes less. `unused`: none may be called."""

    def check(m, t):
        if unused and not m.tools:
            return any(r["as"] == "no tools" for r in t.rows("tool_choice", "translated"))
        told_about, told, is_strict, _ = m.tools[name]
        return told_about == about and (told == schema or is_strict and without_notes(told) == without_notes(schema))

    return Fact("tool " + name, "tools", check)


def always(body):
    """What arrives whatever the case is about: the question, the limit, the tools."""
    facts = []
    if ASK in json.dumps(body):
        facts.append(says(ASK, "user"))
    if LIMIT in (body.get("max_completion_tokens"), body.get("max_tokens")):
        facts.append(Fact("limit", "max_completion_tokens max_tokens", lambda m, t: m.limit == LIMIT))
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":  # the others may be left out
        return facts
    for one in body.get("tools") or []:
        inner = one.get("function") or one
        if "description" in inner:
            schema = inner.get("parameters") or inner.get("input_schema") or {"type": "object", "properties": {}}
            unused = choice in ("none", {"type": "none"})
            facts.append(has_tool(inner["name"], inner["description"], schema, unused))
    return facts


def calls_are(*wanted):
    """(name, arguments, text of the result) of each call, in order."""

    def check(m, t):
        got = [(name, json.loads(args), text) for name, args, text, _ in m.calls()]
        return len(got) == len(wanted) and all(g[:2] == w[:2] and w[2] in g[2] for g, w in zip(got, wanted))

    return Fact("calls", "messages.tool_calls", check)


def choice_is(value, names="tool_choice"):
    def check(m, t):
        return m.choice == value or (m.choice is None and (value == "auto" or (value == "none" and not m.tools)))

    return Fact("tool_choice", names, check)


def pictured(kind, *what):
    return Fact(kind, "messages", lambda m, t: any(i[2 : 2 + len(what)] == what for i in m.kinds(kind)))


def without_notes(schema):
    """A schema without what both sides may add to it."""
    if isinstance(schema, list):
        return [without_notes(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        k: without_notes(v)
        for k, v in schema.items()
        if k not in ("title", "description", "additionalProperties") or isinstance(v, dict)
    }


def shaped(schema):
    """The answer's schema: as such, or of the tool that stands for it where a model knows none."""

    def check(m, t):
        tool = m.tools.get(m.choice) or m.tools.get("person") or m.tools.get("output")
        return without_notes(m.schema or tool[1]) == without_notes(schema)

    return Fact("schema", "response_format response_format.json_schema", check)


def effort(level):
    """As much reasoning as was asked for; by other words only where the table says so."""

    def check(m, t):
        if isinstance(m.effort, int):
            return LEVELS.index(level) > 0
        if m.effort == level:
            return True
        if m.effort is None:  # what holds anyway
            return level == "none" and any(r["when"] == "none" for r in t.rows("reasoning_effort", "translated"))
        return t.kind == "messages" and "none" not in (level, m.effort) and "translated" in t.how("reasoning_effort")

    return Fact("effort " + level, "reasoning_effort reasoning thinking", check)


def marked(*words):
    """These carry cache markers."""
    return Fact("markers", "cache_control", lambda m, t: all(any(w in k for k in m.marks) for w in words))
