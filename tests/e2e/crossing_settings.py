"""crossing_settings.py - cases of test_crossing.py: how the answer is made. Reasoning, sampling, caches, the rest."""

from crossing import (
    ASK,
    LIMIT,
    CrossingCase,
    Fact,
    assistant,
    chat,
    effort,
    function,
    marked,
    member,
    messages,
    order,
    same_member,
    says,
    text,
    tool,
    user,
)

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def both(name, chat_more, messages_more, *facts):
    return CrossingCase(name, chat(**chat_more), messages(**messages_more), list(facts))


def chat_only(name, *facts, **more):
    return CrossingCase(name, chat(**more), None, list(facts))


def messages_only(name, *facts, **more):
    return CrossingCase(name, None, messages(**more), list(facts))


def stops(*words):
    return Fact("stop", "stop", lambda m, t: m.stop == list(words))


def thinks(m, t):
    return m.effort not in (None, "none")


def hours(m, t):
    return "'ttl': '1h'" in str(m.body)


EFFORTS = [
    both(
        "effort " + level,
        {"reasoning_effort": level},
        (
            {"thinking": {"type": "disabled"}}
            if level == "none"
            else {"thinking": {"type": "adaptive"}, "output_config": {"effort": level}}
        ),
        effort(level),
    )
    for level in ("none", "low", "medium", "high", "xhigh", "max")
]

CASES = EFFORTS + [
    chat_only("effort minimal", effort("minimal"), reasoning_effort="minimal"),
    messages_only("effort alone", effort("low"), output_config={"effort": "low"}),
    both(
        "effort beside tools",
        {"reasoning_effort": "high", "tools": [function("look")]},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}, "tools": [tool("look")]},
        Fact("effort", "reasoning_effort", thinks),
    ),
    messages_only(
        "thinking, a budget",
        effort("medium"),
        thinking={"type": "enabled", "budget_tokens": 4096},
    ),
    messages_only(
        "thinking adaptive", Fact("thinking", "reasoning_effort thinking", thinks), thinking={"type": "adaptive"}
    ),
    messages_only(
        "thinking, not shown",
        Fact("thinking", "reasoning_effort thinking", thinks),
        Fact("display", "thinking.display", lambda m, t: "omitted" in str(m.body)),
        thinking={"type": "adaptive", "display": "omitted"},
        output_config={"effort": "high"},
    ),
    both("max tokens", {}, {}, member("limit", "max_completion_tokens max_tokens", LIMIT, lambda m: m.limit)),
    CrossingCase(
        "max_tokens, the old name",
        {"messages": [user(ASK)], "max_tokens": 500},
        None,
        [member("limit", "max_tokens", 500, lambda m: m.limit)],
    ),
    CrossingCase(
        "no limit", {"messages": [user(ASK)]}, None, [Fact("limit", "", lambda m, t: m.limit is None or m.limit > 4000)]
    ),
    CrossingCase(
        "a limit over the most",
        {"messages": [user(ASK)], "max_completion_tokens": 999999},
        None,
        [member("limit", "max_completion_tokens", 999999, lambda m: m.limit)],
    ),
    both("stop", {"stop": ["END", "###"]}, {"stop_sequences": ["END", "###"]}, stops("END", "###")),
    chat_only("stop, a string", stops("END"), stop="END"),
    chat_only(
        "stop, white space",
        stops("END", "\n"),
        Fact("END", "stop", lambda m, t: "END" in m.stop),
        stop=["END", "\n"],
    ),
    messages_only(
        "five stop sequences",
        stops("a", "b", "c", "d", "e"),
        Fact("four of them", "stop", lambda m, t: m.stop[:4] == ["a", "b", "c", "d"]),
        stop_sequences=["a", "b", "c", "d", "e"],
    ),
    chat_only("two answers", same_member("n", 2), n=2),
    chat_only("one answer", says(ASK, "user"), n=1),
    chat_only("logprobs", same_member("logprobs", True), logprobs=True),
    chat_only(
        "top_logprobs", same_member("logprobs", True), same_member("top_logprobs", 3), logprobs=True, top_logprobs=3
    ),
    both("top_k", {"top_k": 7}, {"top_k": 7}, same_member("top_k", 7)),
    both("temperature", {"temperature": 0.3}, {"temperature": 0.3}, same_member("temperature", 0.3)),
    both("temperature 0", {"temperature": 0}, {"temperature": 0}, same_member("temperature", 0)),
    chat_only(
        "temperature 1.5",
        same_member("temperature", 1.5),
        Fact("as high as it goes", "temperature", lambda m, t: m.member("temperature") >= 1),
        temperature=1.5,
    ),
    both("top_p", {"top_p": 0.5}, {"top_p": 0.5}, same_member("top_p", 0.5)),
    both(
        "temperature and top_p",
        {"temperature": 0.3, "top_p": 0.5},
        {"temperature": 0.3, "top_p": 0.5},
        same_member("temperature", 0.3),
        same_member("top_p", 0.5),
    ),
    both(
        "sampling while thinking",
        {"temperature": 0.3, "top_p": 0.5, "top_k": 7, "reasoning_effort": "high"},
        {
            "temperature": 0.3,
            "top_p": 0.5,
            "top_k": 7,
            "output_config": {"effort": "high"},
            "thinking": {"type": "adaptive"},
        },
        same_member("temperature", 0.3),
        same_member("top_p", 0.5),
        same_member("top_k", 7),
        Fact("effort", "reasoning_effort", thinks),
    ),
    chat_only("seed", Fact("seed", "seed", lambda m, t: 7 in (m.member("seed"), m.member("random_seed"))), seed=7),
    chat_only("seed 0", Fact("seed", "seed", lambda m, t: 0 in (m.member("seed"), m.member("random_seed"))), seed=0),
    chat_only(
        "penalties",
        same_member("presence_penalty", 0.5),
        same_member("frequency_penalty", 0.2),
        presence_penalty=0.5,
        frequency_penalty=0.2,
    ),
    chat_only("penalties of 0", says(ASK, "user"), presence_penalty=0, frequency_penalty=0),
    chat_only("logit_bias", same_member("logit_bias", {"50256": -100}), logit_bias={"50256": -100}),
    chat_only("user", member("user", "user", "u-1", lambda m: m.user), user="u-1"),
    chat_only(
        "safety_identifier", member("user", "safety_identifier", "u-1", lambda m: m.user), safety_identifier="u-1"
    ),
    chat_only("user, a person", member("user", "user", "bob@example.org", lambda m: m.user), user="bob@example.org"),
    messages_only(
        "user_id", member("user", "safety_identifier user", "u-1", lambda m: m.user), metadata={"user_id": "u-1"}
    ),
    messages_only(
        "user_id, a long one",
        Fact("user", "safety_identifier user", lambda m, t: bool(m.user)),
        metadata={"user_id": "user_%s_account_%s" % ("a" * 64, "b" * 36)},
    ),
    messages_only(
        "more metadata",
        member("user", "safety_identifier user", "u-1", lambda m: m.user),
        Fact("account", "metadata.account", lambda m, t: "acme" in str(m.body)),
        metadata={"user_id": "u-1", "account": "acme"},
    ),
    messages_only(
        "task budget",
        Fact("effort", "reasoning_effort", thinks),
        Fact("budget", "output_config.task_budget", lambda m, t: "task_budget" in str(m.body)),
        output_config={"effort": "high", "task_budget": {"type": "tokens", "total": 40000}},
    ),
    chat_only("metadata", same_member("metadata", {"a": "b"}), metadata={"a": "b"}),
    chat_only("store", same_member("store", True), store=True),
    chat_only("verbosity", same_member("verbosity", "low"), verbosity="low"),
    chat_only(
        "prediction",
        Fact("prediction", "prediction", lambda m, t: bool(m.member("prediction"))),
        prediction={"type": "content", "content": "x = 1"},
    ),
    chat_only(
        "sound wanted",
        same_member("modalities", ["text", "audio"]),
        Fact("audio", "audio modalities", lambda m, t: bool(m.member("audio"))),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
    ),
    chat_only("prompt_cache_key", same_member("prompt_cache_key", "k"), prompt_cache_key="k"),
    chat_only("prompt_cache_retention", same_member("prompt_cache_retention", "24h"), prompt_cache_retention="24h"),
    both(
        "service_tier default",
        {"service_tier": "default"},
        {"service_tier": "standard_only"},
        Fact("tier", "service_tier", lambda m, t: m.tier in ("default", "standard_only")),
    ),
    both(
        "service_tier auto",
        {"service_tier": "auto"},
        {"service_tier": "auto"},
        Fact("tier", "service_tier", lambda m, t: m.tier in (None, "auto")),
    ),
    chat_only("service_tier flex", Fact("tier", "service_tier", lambda m, t: m.tier == "flex"), service_tier="flex"),
    CrossingCase(
        "marker on the system prompt",
        chat({"role": "system", "content": [text("Be brief.", cache_control=MARK)]}, user(ASK)),
        messages(system=[text("Be brief.", cache_control=MARK)]),
        [says("Be brief.", "system"), marked("Be brief.")],
    ),
    CrossingCase(
        "marker on a tool",
        chat(tools=[function("look", outer={"cache_control": MARK})]),
        messages(tools=[tool("look", cache_control=MARK)]),
        [marked("look")],
    ),
    CrossingCase(
        "marker on what was said",
        chat(user([text("one", cache_control=MARK)]), assistant("two"), user([text("three", cache_control=HOUR)])),
        messages(user([text("one", cache_control=MARK)]), assistant("two"), user([text("three", cache_control=HOUR)])),
        [order("one", "two", "three"), marked("one", "three"), Fact("an hour", "cache_control", hours)],
    ),
    CrossingCase(
        "marker on a result",
        None,
        messages(
            user(ASK),
            assistant([{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}}]),
            user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny", "cache_control": MARK}]),
            tools=[tool("look")],
        ),
        [marked("sunny")],
    ),
    CrossingCase(
        "marker on a call",
        None,
        messages(
            user(ASK),
            assistant(
                [
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "look",
                        "input": {"city": "Rome"},
                        "cache_control": MARK,
                    }
                ]
            ),
            user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]),
            tools=[tool("look")],
        ),
        [Fact("markers", "messages.tool_use.cache_control cache_control", lambda m, t: "look" in m.marks)],
    ),
    CrossingCase(
        "five markers",
        chat(*[user([text("part %d" % i, cache_control=MARK)]) for i in range(5)]),
        None,
        [order(*["part %d" % i for i in range(5)]), marked(*["part %d" % i for i in range(5)])],
    ),
    CrossingCase(
        "breakpoint of OpenAI's",
        chat(user([text("one", prompt_cache_breakpoint={"mode": "explicit"}), text("two")])),
        None,
        [says("one"), Fact("breakpoint", "prompt_cache_breakpoint", lambda m, t: m.marks == ["one"])],
    ),
    messages_only("marker of all", marked("(all)"), cache_control=MARK),
    chat_only(
        "stream",
        same_member("stream", True),
        Fact(
            "usage",
            "",
            lambda m, t: t.no_stream_options or t.kind == "messages" or m.member("stream_options")["include_usage"],
        ),
        stream=True,
    ),
    messages_only(
        "stream, messages",
        same_member("stream", True),
        Fact(
            "usage",
            "",
            lambda m, t: t.no_stream_options or t.kind == "messages" or m.member("stream_options")["include_usage"],
        ),
        stream=True,
    ),
    messages_only(
        "context_management",
        Fact("context", "context_management", lambda m, t: bool(m.member("context_management"))),
        context_management={"edits": []},
    ),
    messages_only(
        "container", Fact("container", "container", lambda m, t: bool(m.member("container"))), container="c-1"
    ),
    messages_only(
        "mcp_servers",
        Fact("servers", "mcp_servers", lambda m, t: bool(m.member("mcp_servers"))),
        mcp_servers=[{"type": "url", "url": "https://example.org", "name": "x"}],
    ),
    messages_only(
        "inference_geo", Fact("geo", "inference_geo", lambda m, t: bool(m.member("inference_geo"))), inference_geo="eu"
    ),
]
