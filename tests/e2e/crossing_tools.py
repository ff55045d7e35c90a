"""crossing_tools.py - cases of test_crossing.py: tools, which of them may be called, calls and results in history."""

from crossing import (
    ASK,
    CITY,
    SCHEMA,
    CrossingCase,
    Fact,
    answer,
    assistant,
    call,
    calls_are,
    chat,
    choice_is,
    function,
    has_tool,
    member,
    messages,
    order,
    result,
    says,
    text,
    tool,
    use,
    user,
)

TOOLS, FUNCTIONS = [tool("look"), tool("walk", schema=SCHEMA)], [function("look"), function("walk", schema=SCHEMA)]
BOTH = [has_tool("look", "does look", CITY), has_tool("walk", "does walk", SCHEMA)]
OPEN = {"type": "object", "properties": {}}
ROME, OSLO = ("look", {"city": "Rome"}, "sunny"), ("look", {"city": "Oslo"}, "rainy")


def strict(m, t):
    return m.tools["look"][2] is True and m.tools["look"][1]["properties"]["city"]["type"] == "string"


def narrowed(m, t):
    """Only one of the two may be called, whichever way it is said."""
    return m.allowed == ["look"] or sorted(m.tools) == ["look"]


def free_input(m, t):
    """Declared as a tool with free input, or as a function of one string."""
    about, schema, _, kind = m.tools.get("write", ("", {}, None, ""))
    return about == "writes" and (
        kind == "custom" or [p["type"] for p in schema.get("properties", {}).values()] == ["string"]
    )


CUSTOM = {"type": "custom", "custom": {"name": "write", "description": "writes"}}
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}}
CASES = [
    CrossingCase("tools", chat(tools=FUNCTIONS), messages(tools=TOOLS), BOTH + [choice_is("auto")]),
    CrossingCase(
        "strict tool",
        chat(tools=[function("look", strict=True)]),
        messages(tools=[tool("look", strict=True)]),
        [Fact("strict", "tools.function.strict tools.strict", strict)],
    ),
    CrossingCase(
        "tool without parameters",
        chat(tools=[{"type": "function", "function": {"name": "look", "description": "looks"}}]),
        messages(tools=[tool("look", "looks", OPEN)]),
        [has_tool("look", "looks", OPEN)],
    ),
    CrossingCase(
        "more of a tool",
        None,
        messages(tools=[tool("look", input_examples=[{"city": "Rome"}], eager_input_streaming=True)]),
        [
            has_tool("look", "does look", CITY),
            Fact("examples", "tools.input_examples", lambda m, t: "input_examples" in str(m.body)),
            Fact("eager", "tools.eager_input_streaming", lambda m, t: "eager_input_streaming" in str(m.body)),
        ],
    ),
    CrossingCase(
        "tool_choice auto",
        chat(tools=FUNCTIONS, tool_choice="auto"),
        messages(tools=TOOLS, tool_choice={"type": "auto"}),
        BOTH + [choice_is("auto")],
    ),
    CrossingCase(
        "tool_choice none",
        chat(tools=FUNCTIONS, tool_choice="none"),
        messages(tools=TOOLS, tool_choice={"type": "none"}),
        [choice_is("none")],
    ),
    CrossingCase(
        "tool_choice required",
        chat(tools=FUNCTIONS, tool_choice="required"),
        messages(tools=TOOLS, tool_choice={"type": "any"}),
        BOTH + [choice_is("required")],
    ),
    CrossingCase(
        "tool_choice named",
        chat(tools=FUNCTIONS, tool_choice={"type": "function", "function": {"name": "walk"}}),
        messages(tools=TOOLS, tool_choice={"type": "tool", "name": "walk"}),
        BOTH + [choice_is("walk")],
    ),
    CrossingCase(
        "forced while thinking",
        chat(tools=FUNCTIONS, tool_choice="required", reasoning_effort="high"),
        messages(
            tools=TOOLS, tool_choice={"type": "any"}, thinking={"type": "adaptive"}, output_config={"effort": "high"}
        ),
        BOTH
        + [
            choice_is("required"),
            Fact(
                "effort",
                "reasoning_effort",
                lambda m, t: m.effort not in (None, "none") and (t.kind == "chat" or "thinking" in m.body),
            ),
        ],
    ),
    CrossingCase(
        "allowed tools",
        chat(
            tools=FUNCTIONS,
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]},
            },
        ),
        None,
        [choice_is("required"), Fact("narrowed", "tool_choice.allowed_tools", narrowed)],
    ),
    CrossingCase(
        "one call at a time",
        chat(tools=FUNCTIONS, parallel_tool_calls=False),
        messages(tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        BOTH + [member("one call", "parallel_tool_calls", True, lambda m: m.one_call)],
    ),
    CrossingCase(
        "result",
        chat(
            user(ASK),
            assistant("I look.", tool_calls=[call("call_1", "look", city="Rome")]),
            answer("call_1", "sunny"),
            user("and?"),
            tools=FUNCTIONS,
        ),
        messages(
            user(ASK),
            assistant([text("I look."), use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", "sunny"), text("and?")]),
            tools=TOOLS,
        ),
        [
            calls_are(ROME),
            says("I look.", "assistant"),
            says("and?", "user"),
            order(ASK, "I look.", "look", "sunny", "and?"),
        ],
    ),
    CrossingCase(
        "parallel results",
        chat(
            user(ASK),
            assistant("", tool_calls=[call("call_1", "look", city="Rome"), call("call_2", "look", city="Oslo")]),
            answer("call_2", "rainy"),
            answer("call_1", "sunny"),
            tools=FUNCTIONS,
        ),
        messages(
            user(ASK),
            assistant([text(""), use("toolu_1", "look", city="Rome"), use("toolu_2", "look", city="Oslo")]),
            user([result("toolu_2", [text("rainy"), text("cold")]), result("toolu_1", "sunny")]),
            tools=TOOLS,
        ),
        [calls_are(ROME, OSLO)],
    ),
    CrossingCase(
        "two rounds",
        chat(
            user(ASK),
            assistant(None, tool_calls=[call("call_1", "look", city="Rome")]),
            answer("call_1", "sunny"),
            assistant(None, tool_calls=[call("call_2", "look", city="Oslo")]),
            answer("call_2", "rainy"),
            tools=FUNCTIONS,
        ),
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", "sunny")]),
            assistant([use("toolu_2", "look", city="Oslo")]),
            user([result("toolu_2", "rainy")]),
            tools=TOOLS,
        ),
        [calls_are(ROME, OSLO)],
    ),
    CrossingCase(
        "odd ids",
        chat(
            user(ASK),
            assistant(
                None,
                tool_calls=[
                    call("functions.look:0", "look", city="Rome"),
                    call("functions.look:1", "look", city="Oslo"),
                ],
            ),
            answer("functions.look:0", "sunny"),
            answer("functions.look:1", "rainy"),
            tools=FUNCTIONS,
        ),
        None,
        [calls_are(ROME, OSLO)],
    ),
    CrossingCase(
        "empty result",
        chat(
            user(ASK),
            assistant(None, tool_calls=[call("call_1", "look", city="Rome")]),
            answer("call_1", ""),
            tools=FUNCTIONS,
        ),
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([{"type": "tool_result", "tool_use_id": "toolu_1"}]),
            tools=TOOLS,
        ),
        [calls_are(("look", {"city": "Rome"}, ""))],
    ),
    CrossingCase(
        "no arguments",
        chat(
            user(ASK),
            assistant(
                None, tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}]
            ),
            answer("call_1", "sunny"),
            tools=FUNCTIONS,
        ),
        messages(user(ASK), assistant([use("toolu_1", "look")]), user([result("toolu_1", "sunny")]), tools=TOOLS),
        [
            Fact(
                "call",
                "messages.tool_calls",
                lambda m, t: [(c[0], c[1] or "{}", c[2]) for c in m.calls()] == [("look", "{}", "sunny")],
            )
        ],
    ),
    CrossingCase(
        "broken arguments",
        chat(
            user(ASK),
            assistant(
                None,
                tool_calls=[
                    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Ro'}}
                ],
            ),
            answer("call_1", "sunny"),
            tools=FUNCTIONS,
        ),
        None,
        [Fact("arguments", "messages.tool_calls", lambda m, t: m.calls()[0][1] == '{"city": "Ro')],
    ),
    CrossingCase(
        "calls, but no tools",
        chat(
            user(ASK),
            assistant(None, tool_calls=[call("call_1", "look", city="Rome")]),
            answer("call_1", "sunny"),
            user("and?"),
        ),
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", "sunny"), text("and?")]),
        ),
        [
            calls_are(ROME),
            says("and?", "user"),
            Fact("no tool to call", "tool_choice", lambda m, t: not m.tools or m.choice == "none"),
        ],
    ),
    CrossingCase("tool with free input", chat(tools=[CUSTOM]), None, [Fact("custom tool", "tools.custom", free_input)]),
    CrossingCase(
        "free input, called",
        chat(
            user(ASK),
            assistant(
                None, tool_calls=[{"id": "call_1", "type": "custom", "custom": {"name": "write", "input": "dear all"}}]
            ),
            answer("call_1", "written"),
            tools=[CUSTOM],
        ),
        None,
        [
            Fact("custom tool", "tools.custom", free_input),
            Fact(
                "input",
                "tools.custom",
                lambda m, t: [("dear all" in c[1], c[2]) for c in m.calls()] == [(True, "written")],
            ),
        ],
    ),
    CrossingCase(
        "tool with a grammar",
        chat(tools=[{"type": "custom", "custom": {"name": "write", "description": "writes", "format": GRAMMAR}}]),
        None,
        [
            Fact("custom tool", "tools.custom", free_input),
            Fact("grammar", "tools.custom.format", lambda m, t: "'syntax': 'lark'" in str(m.body)),
        ],
    ),
]
