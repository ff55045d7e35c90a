"""judge.py - what a request to an upstream means, read from its bytes: an independent judge of translations.

A request in OpenAI's shape (judge_chat.py) and one in Anthropic's (judge_messages.py) come down to the same `Meaning`.
What an upstream would answer with 400 (the hard rules of its API) is in `problems`. Nothing of this was taken from the
translators.
"""

import re

LEVELS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Meaning:
    def __init__(self, body):
        self.body = body
        self.problems = []
        self.items = []  # (role, kind, what...) in the order in which the model reads them
        self.tools, self.own_tools = {}, []  # name -> (description, schema, strict, kind)
        self.marks = []  # what carries a cache marker: texts and names of tools
        self.choice, self.allowed, self.one_call = None, None, False
        self.schema, self.schema_words, self.json_object = None, "", False
        self.effort = None  # a level, a number of tokens, or None
        self.search = None
        self.stop, self.user, self.tier = [], None, None

    def member(self, name):
        return self.body.get(name)

    def bad(self, condition, text):
        if condition:
            self.problems.append(text)

    def texts(self, role=None):
        return [i[2] for i in self.items if i[1] == "text" and role in (None, i[0])]

    def has_text(self, text, role=None):
        return any(text in t for t in self.texts(role))

    def in_order(self, *texts):
        """Each of them, one after another in the conversation."""
        at, rest = 0, "\0".join(str(i[2:]) for i in self.items)
        for text in texts:
            at = rest.find(text, at) + 1
            if at == 0:
                return False
        return True

    def kinds(self, kind):
        return [i for i in self.items if i[1] == kind]

    def calls(self):
        """[(name, arguments, text of the result, said to have failed)] of the calls, by their ids."""
        out = []
        for _, _, call_id, name, args in self.kinds("call"):
            found = [i for i in self.kinds("result") if i[2] == call_id]
            text = " ".join(i[3] for i in found)
            out.append((name, args, text, any(i[4] for i in found) or text.startswith("Error")))
        return out


def data_url(url):
    m = re.match(r"data:([^;,]+)(?:;[^,]*)?;base64,(.*)$", url or "", re.S)
    return (m.group(1), m.group(2)) if m else None


def tool_problems(m, name, schema):
    m.bad(not re.match(r"^[a-zA-Z0-9_-]{1,64}$", name or ""), "tool name %r" % name)
    m.bad(not isinstance(schema, dict) or schema.get("type") != "object", "schema of %s is no object's" % name)
