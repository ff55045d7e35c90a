"""test_rules.py - the rules that judge what fake upstreams get (rules.py): each row finds its bad example and nothing in
its good one; what a test sent is noted, and what it sent on purpose is not."""

import json
import unittest

import rules

U = {"role": "user", "content": "1"}
A = {"role": "assistant", "content": "2"}
S = {"role": "system", "content": "3"}
OBJECT = {"type": "object", "properties": {}, "additionalProperties": False}


def claude(model="claude-sonnet-4-5", messages=(U,), **more):
    return {"model": model, "max_tokens": 4000, "messages": list(messages), **more}


def block(*content, role="user"):
    return {"role": role, "content": list(content)}


def text(words, **more):
    return {"type": "text", "text": words, **more}


def tool(schema=None, name="t", **more):
    return {"name": name, "input_schema": schema or {"type": "object", "properties": {}}, **more}


def image(kind, data="/9j/4AAQSkZJRg=="):
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def strict(schema):
    return {"tools": [tool({**OBJECT, "properties": {"x": schema}}, strict=True)]}


USE = {"type": "tool_use", "id": "i", "name": "t", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "i", "content": "r"}
MARK = {"cache_control": {"type": "ephemeral"}}
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
CALLS = (U, block(USE, role="assistant"), block(RESULT))
PAUSE = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}

ANTHROPIC = {  # rule: (good, bad)
    "order": (claude(messages=(U, A, U)), claude(messages=(A, U))),
    "late-system": (claude("claude-opus-5", (U, S)), claude(messages=(U, S, A, U))),
    "results": (claude(messages=CALLS), claude(messages=(CALLS[0], CALLS[1], block(text("x"), RESULT)))),
    "blank-text": (claude(messages=(block(text("x\n")),)), claude(messages=(block(text("x"), text("\u00a0\n")),))),
    "prefill": (claude("claude-opus-4-8", (U, block(PAUSE, role="assistant"))), claude("claude-sonnet-4-6", (U, A))),
    "prefill-thinking": (claude(**THINK), claude(messages=(U, A), **THINK)),
    "prefill-blank": (claude(messages=(U, A)), claude(messages=(U, {"role": "assistant", "content": "x "}))),
    "tool-names": (claude(tools=[tool(name="a_b")]), claude(tools=[tool(name="a.b")])),
    "ids": (claude(messages=CALLS), claude(messages=(U, block({**USE, "id": "a:b"}, role="assistant"), block({**RESULT, "tool_use_id": "a:b"})))),
    "schema-root": (claude(tools=[tool()]), claude(tools=[tool({"type": "object", "anyOf": []})])),
    "properties": (claude(tools=[tool({"type": "object", "properties": {"a.b": {}}})]), claude(tools=[tool({"type": "object", "properties": {"$a": {}}})])),
    "closed": (claude(tools=[tool({"type": "object"})]), claude(tools=[tool({"type": "object", "properties": {}}, strict=True)])),
    "keywords": (claude(**strict({"type": "string"})), claude(**strict({"type": "string", "minLength": 1}))),
    "enums": (claude(**strict({"enum": ["a", None]})), claude(**strict({"type": ["string", "null"], "enum": ["a", None]}))),
    "no-sampling": (claude("claude-opus-4-8"), claude("claude-sonnet-5", temperature=1)),
    "one-sampling": (claude(temperature=1), claude(temperature=1, top_p=1)),
    "sampling": (claude(temperature=1), claude(temperature=1.5)),
    "budget": (claude(**THINK), claude(thinking={"type": "enabled", "budget_tokens": 4000})),
    "forced-thinking": (claude(tools=[tool()], tool_choice={"type": "auto"}, **THINK), claude(tools=[tool()], tool_choice={"type": "any"}, **THINK)),
    "adaptive": (claude("claude-sonnet-4-6", thinking={"type": "adaptive"}), claude(thinking={"type": "adaptive"})),
    "unforced": (claude(tools=[tool()], tool_choice={"type": "any"}), claude("claude-opus-5-5", tools=[tool()], tool_choice={"type": "any"})),
    "limits": (claude(stop_sequences=["x"]), claude(stop_sequences=["\n"])),
    "markers": (claude(messages=(block(*[text("x", **MARK)] * 4),)), claude(messages=(block(*[text("x", **MARK)] * 5),))),
    "images": (claude(messages=(block(image("image/jpeg")),)), claude(messages=(block(image("image/png")),))),
    "betas": (claude(tools=[{"type": "bash_20250124", "name": "bash"}]), claude(tools=[{"type": "computer_20250124", "name": "c"}])),
    "members": (claude(metadata={}), claude(seed=1)),
}  # fmt: skip


def chat(model, *messages, **more):
    return {"model": model, "messages": list(messages or (U,)), **more}


def call(id_="abcdefghi", arguments="{}", **more):
    function = {"name": "t", "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": id_, "type": "function", "function": function}], **more}


def answer(id_="abcdefghi"):
    return {"role": "tool", "tool_call_id": id_, "content": "r"}


def function(schema=None, **more):
    return {"tools": [{"type": "function", "function": {"name": "t", "parameters": schema or OBJECT, **more}}]}


CHAT = {  # service and rule: (good, bad)
    "openai order": (chat("gpt-4o", U, call(), answer()), chat("gpt-4o", U, call(), U)),
    "openai empty": (chat("gpt-4o", U, call(), answer()), chat("gpt-4o", tools=[])),
    "openai arguments": (chat("gpt-4o", U, call(), answer()), chat("gpt-4o", U, call(arguments={}), answer())),
    "openai names": (chat("gpt-4o", **function()), chat("gpt-4o", **function(name="x" * 65))),
    "openai ids": (chat("gpt-4o", U, call(), answer()), chat("gpt-4o", U, call("i" * 41), answer("i" * 41))),
    "openai schema-root": (chat("gpt-4o", **function()), chat("gpt-4o", **function({"type": "object"}))),
    "openai strict": (chat("gpt-4o", **function(strict=True)), chat("gpt-4o", **function({"type": "object", "properties": {}}, strict=True))),
    "openai members": (chat("gpt-4o", seed=1), chat("gpt-4o", top_k=1)),
    "openai thinking": (chat("o3", max_completion_tokens=1), chat("gpt-5", max_tokens=1)),
    "openai serial": (chat("gpt-4o", parallel_tool_calls=False), chat("o3", parallel_tool_calls=False)),
    "openai quiet-tools": (chat("gpt-5.6", reasoning_effort="none", **function()), chat("gpt-5.6", **function())),
    "openai search": (chat("gpt-4o-search-preview", web_search_options={}), chat("gpt-4o", web_search_options={})),
    "openai stops": (chat("gpt-4o", stop=["a"] * 4), chat("gpt-4o", stop=["a"] * 5)),
    "mistral order": (chat("mistral-large", U, call(), answer()), chat("mistral-large", U, S)),
    "mistral ids": (chat("mistral-large", U, call(), answer()), chat("mistral-large", U, call("call_1"), answer("call_1"))),
    "mistral members": (chat("mistral-large", random_seed=1), chat("mistral-large", seed=1)),
    "deepseek reasoning": (chat("deepseek-reasoner", U, call(reasoning_content=""), answer()), chat("deepseek-reasoner", U, call(), answer())),
    "moonshot reasoning": (chat("kimi-k2-thinking", U, call(), answer(), thinking={"type": "disabled"}), chat("kimi-k2-thinking", U, call(), answer())),
    "moonshot sampling": (chat("kimi-k2.5", max_tokens=9), chat("kimi-k2.5", temperature=0.3)),
    "perplexity last": (chat("sonar", U), chat("sonar", U, A)),
    "perplexity alternate": (chat("sonar", S, U, A, U), chat("sonar", U, U)),
    "strict alternate": (chat("qwen", S, U, A, U), chat("qwen", U, S)),
    "strict valid-arguments": (chat("qwen", U, call(), answer()), chat("qwen", U, call(arguments="{"), answer())),
    "strict one-system": (chat("qwen", S, U), chat("qwen", S, S, U)),
}  # fmt: skip


def said(*parts, role="user"):
    return {"role": role, "parts": list(parts)}


def gemini(*contents, config=None, **more):
    more = dict(more, generationConfig=config) if config else more
    return {"contents": list(contents or (said(WORD),)), **more}


def declares(**more):
    return {"tools": [{"functionDeclarations": [{"name": "t", **more}]}]}


WORD = {"text": "1"}
CALLED = said({"functionCall": {"name": "t", "args": {}}, "thoughtSignature": "s"}, role="model")
ANSWERED = said({"functionResponse": {"name": "t", "response": {}}})

GEMINI = {  # rule: (good, bad) or (good, bad, model)
    "order": (gemini(said(WORD), said(WORD, role="model"), said(WORD)), gemini(said(WORD), said(WORD))),
    "calls": (gemini(said(WORD), CALLED, ANSWERED), gemini(said(WORD), CALLED, said(WORD))),
    "shapes": (gemini(), gemini(said({"text": ""}))),
    "names": (gemini(**declares()), gemini(**declares(name="1t"))),
    "schemas": (gemini(**declares(parametersJsonSchema=OBJECT)), gemini(**declares(parameters=OBJECT))),
    "members": (gemini(config={"topK": 1}), gemini(config={"top_k": 1})),
    "choice": (gemini(**declares()), gemini(toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}})),
    "limits": (gemini(config={"stopSequences": ["a"] * 5}), gemini(config={"stopSequences": ["a"] * 6})),
    "signed": (gemini(said(WORD), CALLED, ANSWERED), gemini(said(WORD), said({"functionCall": {"name": "t", "args": {}}}, role="model"), ANSWERED), "gemini-3-pro"),
    "thinking": (gemini(config={"thinkingConfig": {"thinkingBudget": 1}}), gemini(config={"thinkingConfig": {"thinkingLevel": "LOW"}}), "gemini-2.5-pro"),
    "level": (gemini(config={"thinkingConfig": {"thinkingLevel": "LOW"}}), gemini(config={"thinkingConfig": {"thinkingBudget": 1}}), "gemini-3-pro"),
    "json": (gemini(**declares()), gemini(config={"responseMimeType": "application/json"}, **declares()), "gemini-2.5-pro"),
}  # fmt: skip


def found_in(body, path, service=None):
    """The names of the rules that find something."""
    return sorted({" ".join(line.split(": ")[0].split(" ")[:2]) for line in rules.judge(path, body, {}, service)})


class Rules(unittest.TestCase):
    def check(self, rows, path):
        for name, (good, bad) in rows.items():
            service = name.split(" ")[0]
            with self.subTest(rule=name):
                self.assertEqual(found_in(good, path, "strict" if service == "strict" else None), [])
                self.assertEqual(found_in(bad, path, "strict" if service == "strict" else None), [name])

    def test_each_rule_of_anthropic(self):
        self.check({"anthropic " + name: row for name, row in ANTHROPIC.items()}, "/v1/messages")

    def test_each_rule_of_chats(self):
        self.check(CHAT, "/v1/chat/completions")

    def test_each_rule_of_gemini(self):
        for name, (good, bad, *model) in GEMINI.items():
            path = "/v1beta/models/%s:generateContent" % (model or ["gemini-1"])[0]
            self.check({"gemini " + name: (good, bad)}, path)

    def test_each_rule_has_examples_and_a_source(self):
        known = set(CHAT) | {"anthropic " + name for name in ANTHROPIC} | {"gemini " + name for name in GEMINI}
        for rule in rules.all_rules():
            self.assertTrue(rule.source, rule.name)
            self.assertTrue(any("%s %s" % (s, rule.name) in known for s in rule.services), rule.name)

    def test_azure_is_known_by_its_address(self):
        body = chat("my-deployment", **function({"type": "object"}))
        self.assertEqual(found_in(body, "/openai/v1/chat/completions"), ["azure schema-root"])
        self.assertEqual(found_in(body, "/openai/deployments/d/chat/completions?api-version=1"), ["azure schema-root"])

    def test_what_is_sent_is_noted_and_what_is_sent_on_purpose_is_not(self):
        before = rules.take()
        bad = json.dumps(chat("gpt-4o", tools=[])).encode()
        with rules.broken("the test of this"):
            rules.note("/v1/chat/completions", bad, {})
        self.assertEqual(rules.take(), [])
        rules.note("/v1/chat/completions", bad, {})
        rules.note("/v1/chat/completions", b"{", {})
        rules.note("/v1/embeddings", bad, {})
        self.assertEqual(len(rules.take()), 1)
        rules.FOUND.extend(before)

    def test_a_shape_that_a_rule_cannot_read_is_found(self):
        self.assertTrue(found_in({"model": "gpt-4o", "messages": [{}]}, "/v1/chat/completions"))


if __name__ == "__main__":
    unittest.main()
