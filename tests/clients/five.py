"""five.py - five turns with thinking and tools, by the SDKs for Python; conversation.py is the service and the judge.

Run by drive.py: $PLAN names a file {kind: {"url", "client"}}. What the client got is what it sends back, as its users
do it: the message's content (Anthropic), message.model_dump() (OpenAI), or the pieces of a stream put together.
"""

import json
import os
import sys

import conversation

KEY = os.environ["KEY"]
CITY = {"type": "object", "properties": {"city": {"type": "string"}, "deep": {"type": "object"}}}


def anthropic_turn(client, messages, stream):
    options = dict(
        model="m",
        max_tokens=4000,
        messages=messages,
        thinking={"type": "enabled", "budget_tokens": 2000},
        tools=[{"name": "get_weather", "description": "The weather", "input_schema": CITY}],
    )
    if stream:
        with client.messages.stream(**options) as s:
            answer = s.get_final_message()
    else:
        answer = client.messages.create(**options)
    messages.append({"role": "assistant", "content": answer.content})
    calls = [b for b in answer.content if b.type == "tool_use"]
    assert answer.stop_reason == ("tool_use" if calls else "end_turn"), answer.stop_reason
    results = [{"type": "tool_result", "tool_use_id": c.id, "content": conversation.result(c.id)} for c in calls]
    if results:
        messages.append({"role": "user", "content": results})
    text = "".join(b.text for b in answer.content if b.type == "text")
    thoughts = "".join(b.thinking for b in answer.content if b.type == "thinking")
    return text, thoughts, [c.input for c in calls]


def openai_turn(client, messages, stream):
    options = dict(
        model="m",
        messages=messages,
        max_completion_tokens=4000,
        reasoning_effort="medium",
        tools=[{"type": "function", "function": {"name": "get_weather", "description": "x", "parameters": CITY}}],
    )
    if stream:
        said, details, thoughts = {"role": "assistant", "content": ""}, [], ""
        calls = {}
        for chunk in client.chat.completions.create(stream=True, **options):
            for choice in chunk.choices:
                delta = choice.delta
                said["content"] += delta.content or ""
                thoughts += getattr(delta, "reasoning_content", None) or ""
                details += getattr(delta, "reasoning_details", None) or []
                for c in delta.tool_calls or []:
                    new = {"name": c.function.name, "arguments": ""}
                    into = calls.setdefault(c.index, {"id": c.id, "type": "function", "function": new})
                    into["function"]["arguments"] += c.function.arguments or ""
        said["content"] = said["content"] or None
        if calls:
            said["tool_calls"] = [calls[i] for i in sorted(calls)]
        if details:
            said["reasoning_details"] = details
    else:
        said = client.chat.completions.create(**options).choices[0].message.model_dump()
        thoughts = said.get("reasoning_content") or ""
    messages.append(said)
    calls = said.get("tool_calls") or []
    messages += [{"role": "tool", "tool_call_id": c["id"], "content": conversation.result(c["id"])} for c in calls]
    return said["content"] or "", thoughts, [json.loads(c["function"]["arguments"]) for c in calls]


def talk(plan, streams):
    if plan["client"] == "anthropic":
        import anthropic

        client, turn = anthropic.Anthropic(base_url=plan["url"], api_key=KEY, timeout=60), anthropic_turn
    else:
        import openai

        client, turn = openai.OpenAI(base_url=plan["url"] + "/v1", api_key=KEY, timeout=60), openai_turn
    messages = [{"role": "user", "content": "What is the weather?"}]
    for k, want in enumerate(conversation.TURNS):
        try:
            got = turn(client, messages, streams[k])
        except Exception as e:
            raise AssertionError("turn %d: %s: %s" % (k + 1, type(e).__name__, e))
        thoughts = "".join(t for t in want["think"] if t)
        assert got == (want["text"], thoughts, [a for _, a in want["calls"]]), ("turn %d" % (k + 1), got)
    assert got[0] == "done after five", got


def main():
    with open(os.environ["PLAN"]) as f:
        kinds = json.load(f)
    failed = 0
    for kind, plan in kinds.items():
        for name, streams in (
            ("five_turns_whole", [False] * 5),
            ("five_turns_streamed", [True] * 5),
            ("five_turns_in_turn", [True, False, True, False, True]),
        ):
            try:
                talk(plan, streams)
                print("ok %s %s" % (kind, name), flush=True)
            except Exception as e:
                failed += 1
                print("FAILED %s %s: %s" % (kind, name, str(e).replace("\n", " | ")[:2500]), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
