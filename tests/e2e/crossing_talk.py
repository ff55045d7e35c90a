"""crossing_talk.py - cases of test_crossing.py: who says what. Roles, images, documents, reasoning of earlier turns."""

from crossing import (
    ASK,
    CITY,
    CrossingCase,
    Fact,
    answer,
    assistant,
    call,
    calls_are,
    chat,
    effort,
    function,
    messages,
    order,
    result,
    says,
    text,
    tool,
    use,
    user,
)

THOUGHT, SIGNATURE, SEALED = "I should look it up.", "RXhhbXBsZVNpZ25hdHVyZQ==", "U2VhbGVkVGhvdWdodA=="
DETAIL = {
    "type": "reasoning.text",
    "text": THOUGHT,
    "signature": SIGNATURE,
    "format": "anthropic-claude-v1",
    "index": 0,
}
REDACTED = {"type": "reasoning.encrypted", "data": SEALED, "format": "anthropic-claude-v1", "index": 0}
LOOK = ("look", {"city": "Rome"}, "sunny")


def thought_kept(m, t):
    """The words of the reasoning, and where it goes back to whom it came from, the signature."""
    found = [i for i in m.kinds("thinking") if THOUGHT in i[2]]
    return bool(found) and (t.kind != "messages" and t.service != "openrouter" or found[0][3] == SIGNATURE)


def never_at_openai(m, t):
    return not t.openai or SIGNATURE not in str(m.body)


def failed(m, t):
    return bool(m.calls()) and m.calls()[0][3] and "no such city" in m.calls()[0][2]


HISTORY = "messages.reasoning_content messages.reasoning_details"

CASES = [
    CrossingCase("text", chat(), messages(), [says(ASK, "user")]),
    CrossingCase(
        "conversation",
        chat(user("one"), assistant("two"), user("three")),
        messages(user("one"), assistant("two"), user("three")),
        [order("one", "two", "three"), says("two", "assistant"), says("three", "user")],
    ),
    CrossingCase(
        "two user messages",
        chat(user("one"), user("two")),
        messages(user([text("one")]), user([text("two")])),
        [order("one", "two"), says("two", "user")],
    ),
    CrossingCase(
        "prefill",
        chat(user(ASK), assistant("It is")),
        messages(user(ASK), assistant("It is")),
        [Fact("prefill", "messages messages.prefill", lambda m, t: m.items[-1][:3] == ("assistant", "text", "It is"))],
    ),
    CrossingCase(
        "system",
        chat({"role": "system", "content": "Be brief."}, user(ASK)),
        messages(system="Be brief."),
        [says("Be brief.", "system"), order("Be brief.", ASK)],
    ),
    CrossingCase(
        "system and developer",
        chat({"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."}, user(ASK)),
        messages(system=[text("Be brief."), text("Be kind.")]),
        [says("Be brief.", "system"), says("Be kind.", "system"), order("Be brief.", "Be kind.", ASK)],
    ),
    CrossingCase(
        "later system",
        chat(user("one"), assistant("two"), user("three"), {"role": "system", "content": "Be brief."}),
        messages(user("one"), assistant("two"), user("three"), {"role": "system", "content": "Be brief."}),
        [order("one", "two", "three", "Be brief."), says("Be brief.", "system", "messages.role")],
    ),
    CrossingCase(
        "billing header",
        None,
        messages(system=[text("x-anthropic-billing-header: cc_version=1"), text("Be brief.")]),
        [
            says("Be brief.", "system"),
            Fact("billing", "system.x-anthropic-billing-header", lambda m, t: m.has_text("x-anthropic-billing")),
        ],
    ),
    CrossingCase(
        "name",
        chat(dict(user(ASK), name="bob")),
        None,
        [says(ASK, "user"), Fact("name", "messages.name", lambda m, t: "bob" in str(m.body))],
    ),
    CrossingCase(
        "refusal in history",
        chat(user("one"), {"role": "assistant", "content": None, "refusal": "I will not."}, user("two")),
        None,
        [says("I will not.", "assistant", "messages.refusal")],
    ),
    CrossingCase(
        "a search in history",
        None,
        messages(
            user(ASK),
            assistant(
                [
                    text("I search."),
                    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "cats"}},
                    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                    text("Found."),
                ]
            ),
            user("well?"),
        ),
        [
            order(ASK, "I search.", "Found.", "well?"),
            Fact("call", "messages.server_tool_use", lambda m, t: "server_tool_use" in str(m.body)),
            Fact("result", "messages.web_search_tool_result", lambda m, t: "web_search_tool_result" in str(m.body)),
        ],
    ),
    CrossingCase(
        "system amid a user's turn",
        None,
        messages(user([text("one"), {"type": "mid_conv_system", "content": [text("Be brief.")]}, text("two")])),
        [order("one", "Be brief.", "two"), says("Be brief.", "system", "messages.role"), says("two", "user")],
    ),
    CrossingCase(
        "failed result",
        None,
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", "no such city", is_error=True)]),
            tools=[tool("look")],
        ),
        [Fact("failure", "messages.is_error", failed)],
    ),
    CrossingCase(
        "thinking in history",
        chat(
            user(ASK),
            assistant(
                None,
                reasoning_content=THOUGHT,
                reasoning_details=[DETAIL],
                tool_calls=[call("toolu_1", "look", city="Rome")],
            ),
            answer("toolu_1", "sunny"),
            tools=[function("look")],
            reasoning_effort="medium",
        ),
        messages(
            user(ASK),
            assistant(
                [{"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}, use("toolu_1", "look", city="Rome")]
            ),
            user([result("toolu_1", "sunny")]),
            tools=[tool("look")],
            output_config={"effort": "medium"},
        ),
        [
            calls_are(LOOK),
            Fact("reasoning", HISTORY, thought_kept),
            Fact("no signature at OpenAI", "", never_at_openai),
            effort("medium"),
        ],
    ),
    CrossingCase(
        "thinking and text in history",
        chat(user(ASK), assistant("Wait.", reasoning_content=THOUGHT, reasoning_details=[DETAIL]), user("well?")),
        messages(
            user(ASK),
            assistant([{"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}, text("Wait.")]),
            user("well?"),
        ),
        [
            says("Wait.", "assistant"),
            order(ASK, "Wait.", "well?"),
            Fact("reasoning", HISTORY, thought_kept),
            Fact("no signature at OpenAI", "", never_at_openai),
        ],
    ),
    CrossingCase(
        "redacted in history",
        chat(
            user(ASK),
            assistant(None, reasoning_details=[REDACTED], tool_calls=[call("toolu_1", "look", city="Rome")]),
            answer("toolu_1", "sunny"),
            tools=[function("look", schema=CITY)],
        ),
        messages(
            user(ASK),
            assistant([{"type": "redacted_thinking", "data": SEALED}, use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", "sunny")]),
            tools=[tool("look")],
        ),
        [calls_are(LOOK), Fact("redacted", HISTORY, lambda m, t: any(i[2] == SEALED for i in m.kinds("redacted")))],
    ),
]
