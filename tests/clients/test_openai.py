"""test_openai.py - the OpenAI SDK for Python, pointed at the gateway. Run by drive.py."""

import asyncio
import enum
import json
import os
import re
import sys
from typing import Annotated, Optional

import openai
from pydantic import BaseModel, Field

GATEWAY, DIRECT, KEY = os.environ["GATEWAY"], os.environ["DIRECT"], os.environ["KEY"]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
KNOWN = {
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "response_format",
    "reasoning_effort",
}


def client(url=GATEWAY, key=KEY, **more):
    """A client, and a list that grows by one for each request it sends."""
    sent = []
    made = openai.OpenAI(
        base_url=url,
        api_key=key,
        timeout=30,
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [sent.append]}),
        **more
    )
    return made, sent


def user(text):
    return [{"role": "user", "content": text}]


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_chat_whole():
    c, sent = client()
    answer = c.chat.completions.create(model="demo", messages=user("hello there"))
    assert "hello there" in answer.choices[0].message.content, answer
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", answer._request_id), answer._request_id
    assert len(sent) == 1


def test_chat_streamed():
    c, _ = client()
    chunks = list(c.chat.completions.create(model="demo", messages=user("one two three"), stream=True))
    whole = c.chat.completions.create(model="demo", messages=user("one two three"))
    assert text_of(chunks) == whole.choices[0].message.content
    assert all(x.usage is None for x in chunks)
    chunks = list(
        c.chat.completions.create(
            model="demo", messages=user("one two three"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == whole.usage.total_tokens, chunks[-1]


def test_chat_streamed_by_the_helper():
    c, _ = client()
    with c.chat.completions.stream(model="demo", messages=user("one two")) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert "one two" in final.choices[0].message.content


def test_chat_async():
    async def run():
        c = openai.AsyncOpenAI(base_url=GATEWAY, api_key=KEY, timeout=30)
        whole = await asyncio.gather(
            *(c.chat.completions.create(model="demo", messages=user("number %d" % i)) for i in range(10))
        )
        for i, answer in enumerate(whole):
            assert "number %d" % i in answer.choices[0].message.content
        chunks = [
            x async for x in await c.chat.completions.create(model="demo", messages=user("async"), stream=True)
        ]
        assert "async" in text_of(chunks)
        await c.close()

    asyncio.run(run())


def test_tools_round_trip():
    c, _ = client()
    messages = user("tool")
    answer = c.chat.completions.create(model="demo", messages=messages, tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls", answer
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments)
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain-4711"}]
    final = c.chat.completions.create(model="demo", messages=messages, tools=TOOLS)
    assert "rain-4711" in final.choices[0].message.content, final
    with c.chat.completions.stream(model="demo", messages=user("tool"), tools=TOOLS) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (streamed.id, streamed.function.name, streamed.function.arguments) == (
        call.id,
        call.function.name,
        call.function.arguments,
    )


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Street(BaseModel):
    name: Annotated[str, Field(min_length=6, max_length=40)]
    houses: Annotated[int, Field(ge=2)]


class City(BaseModel):
    name: str
    people: int
    size: Size
    mayor: Optional[str]
    streets: list[Street]
    longest: Street


def test_structured_output():
    c, _ = client()
    for text in ("a city", "json a city"):
        answer = c.chat.completions.parse(model="demo", messages=user(text), response_format=City)
        assert isinstance(answer.choices[0].message.parsed, City), answer


def test_models():
    c, _ = client()
    listed = list(c.models.list())
    assert "demo" in {m.id for m in listed}, listed
    one = c.models.retrieve("demo")
    assert (one.id, one.object) == ("demo", "model") and one.created > 1700000000
    raises(openai.NotFoundError, 404, "model_not_found", lambda: c.models.retrieve("nope"))


def raises(kind, status, code, work):
    try:
        work()
    except kind as e:
        assert (e.status_code, e.code) == (status, code), (e.status_code, e.code, e.body)
        assert e.request_id and e.message, e
        return e
    raise AssertionError("no %s was raised" % kind.__name__)


def test_errors():
    c, sent = client(key="sk-canary-client-wrong")
    raises(
        openai.AuthenticationError,
        401,
        "invalid_api_key",
        lambda: c.chat.completions.create(model="demo", messages=user("x")),
    )
    assert len(sent) == 1, "a 401 was retried"
    c, sent = client()
    raises(
        openai.NotFoundError,
        404,
        "model_not_found",
        lambda: c.chat.completions.create(model="nope", messages=user("x")),
    )
    error = raises(
        openai.BadRequestError,
        400,
        "invalid_parameter",
        lambda: c.chat.completions.create(model="demo", messages=user("x"), extra_body={"messages": "x"}),
    )
    assert error.param == "messages", error.param
    assert len(sent) == 2, "a 404 or a 400 was retried"


def test_errors_that_are_retried():
    c, sent = client(max_retries=2)
    raises(
        openai.RateLimitError,
        429,
        "upstream_rate_limited",
        lambda: c.chat.completions.create(model="demo", messages=user("429")),
    )
    assert len(sent) == 3, "%d requests for a 429" % len(sent)
    c, sent = client(max_retries=1)
    raises(
        openai.InternalServerError,
        503,
        "server_is_overloaded",
        lambda: c.chat.completions.create(model="demo", messages=user("529")),
    )
    assert len(sent) == 2, "%d requests for a 503" % len(sent)


def test_a_stream_that_breaks():
    c, _ = client()
    got = []
    try:
        for chunk in c.chat.completions.create(model="demo", messages=user("break"), stream=True):
            got.append(chunk)
    except openai.APIError as e:
        assert e.body["code"], e.body
        assert got, "nothing came before the error"
        return
    raise AssertionError("the error in the stream was not raised: %r" % got)


def test_a_stream_that_is_left():
    c, _ = client()
    stream = c.chat.completions.create(model="demo", messages=user("long 2000"), stream=True)
    next(iter(stream))
    stream.close()
    assert c.chat.completions.create(model="demo", messages=user("still there")).choices


def test_recordings():
    """What the SDK yields through the gateway is what it yields from the service itself."""
    with open(os.environ["CASES"]) as f:
        cases = json.load(f)
    direct, _ = client(DIRECT, max_retries=0)
    through, _ = client(max_retries=0)
    different = []
    for case in cases:
        try:
            a, b = yielded(direct, case), yielded(through, case)
        except Exception as e:
            a, b = None, "%s: %s" % (type(e).__name__, e)
        if isinstance(a, list) and a[1:] == [None] and isinstance(b, list):
            b[1:] = [None]  # a service without a code of its own gets one of ours
        if isinstance(a, list) and a[1:] == ["invalid_request_error"] and b == [400, "context_length_exceeded"]:
            b[1:] = a[1:]  # a code that clients branch on, where the service has none for it
        if a != b:
            different.append("%s: direct %s, through the gateway %s" % (case["name"], str(a)[:300], str(b)[:300]))
    assert not different, "%d of %d\n%s" % (len(different), len(cases), "\n".join(different[:3]))
    assert len(cases) > 40, len(cases)


def yielded(c, case):
    body = {k: v for k, v in case["request"].items() if k in KNOWN}
    try:
        answer = c.chat.completions.create(model=case["model"], **body)
        if body.get("stream"):
            return [chunk.to_dict() for chunk in answer]
        return answer.to_dict()
    except openai.APIStatusError as e:
        return [e.status_code, e.body.get("code") if isinstance((e.body or {}).get("code"), str) else None]


def main():
    failed = 0
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            try:
                test()
                print("ok %s" % name)
            except Exception as e:
                failed += 1
                print("FAILED %s: %s: %s" % (name, type(e).__name__, str(e).replace("\n", " | ")[:1500]))
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
