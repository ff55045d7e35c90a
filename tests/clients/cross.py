"""cross.py CLIENT - one client library for Python (openai, anthropic or langchain) against every kind of service.

Run by drive.py: $PLAN names a file with the gateways, one per kind of service, and the recordings each can answer
with. Says `ok KIND TEST`, `FAILED KIND TEST: why` or `skipped KIND TEST: why` for each.
"""

import concurrent.futures
import json
import os
import sys

from upstreams import FINISH

CLIENT = sys.argv[1]
KEY = os.environ["KEY"]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def result(text, reasoning, tools, finish, tokens):
    return {"text": text, "reasoning": reasoning, "tools": tools, "finish": FINISH.get(finish), "tokens": tokens}


class OpenAI:
    """Messages are kept in the client's own form; the methods say how they grow."""

    def __init__(self, url):
        import openai

        self.sent, self.lib = [], openai
        http = openai.DefaultHttpxClient(event_hooks={"request": [self.sent.append]})
        self.client = openai.OpenAI(base_url=url + "/v1", api_key=KEY, timeout=60, http_client=http)
        self.refused = openai.RateLimitError

    def user(self, text):
        return [{"role": "user", "content": text}]

    def ask(self, model, messages, tools=(), stream=False):
        more = {}
        if tools:
            more["tools"] = [
                {"type": "function", "function": {"name": n, "description": n, "parameters": CITY}} for n in tools
            ]
        if stream:
            try:
                with self.client.chat.completions.stream(
                    model=model, messages=messages, stream_options={"include_usage": True}, **more
                ) as s:
                    answer = s.until_done().get_final_completion()
            except self.lib.LengthFinishReasonError as e:  # the helper does not hand out what was cut off
                answer = e.completion
        else:
            answer = self.client.chat.completions.create(model=model, messages=messages, **more)
        message, usage = answer.choices[0].message, answer.usage
        assert usage is None or usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
        tools = [[c.id, c.function.name, json.loads(c.function.arguments)] for c in message.tool_calls or []]
        out = result(
            message.content or "",
            getattr(message, "reasoning_content", None) or "",
            tools,
            answer.choices[0].finish_reason,
            usage and (usage.prompt_tokens, usage.completion_tokens),
        )
        out["history"] = messages + [message.model_dump(exclude_none=True, exclude={"parsed"})]
        return out

    def tool_results(self, history, results):
        return history + [{"role": "tool", "tool_call_id": i, "content": text} for i, text in results]

    def only_this_client(self):
        ids = [m.id for m in self.client.models.list()]
        assert "m" in ids, ids


class Anthropic:
    def __init__(self, url):
        import anthropic

        self.sent, self.lib = [], anthropic
        http = anthropic.DefaultHttpxClient(event_hooks={"request": [self.sent.append]})
        self.client = anthropic.Anthropic(base_url=url, api_key=KEY, timeout=60, http_client=http)
        self.refused = anthropic.RateLimitError

    def user(self, text):
        return [{"role": "user", "content": text}]

    def ask(self, model, messages, tools=(), stream=False):
        more = {}
        if tools:
            more["tools"] = [{"name": n, "description": n, "input_schema": CITY} for n in tools]
        if stream:
            with self.client.messages.stream(model=model, max_tokens=2000, messages=messages, **more) as s:
                answer = s.get_final_message()
        else:
            answer = self.client.messages.create(model=model, max_tokens=2000, messages=messages, **more)
        assert answer.id.startswith("msg_") and answer.role == "assistant", answer
        of = answer.content
        out = result(
            "".join(b.text for b in of if b.type == "text"),
            "".join(b.thinking for b in of if b.type == "thinking"),
            [[b.id, b.name, b.input] for b in of if b.type == "tool_use"],
            answer.stop_reason,
            (answer.usage.input_tokens, answer.usage.output_tokens),
        )
        out["history"] = messages + [{"role": "assistant", "content": of}]
        return out

    def tool_results(self, history, results):
        blocks = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, text in results]
        return history + [{"role": "user", "content": blocks}]

    def only_this_client(self):
        counted = self.client.messages.count_tokens(model="m", messages=self.user("How many are these?"))
        assert counted.input_tokens > 0, counted
        models = self.client.models.list(limit=100)
        assert "m" in [m.id for m in models] and models.data[0].type == "model", models


class LangChain:
    def __init__(self, url):
        import openai

        self.sent, self.url, self.lib = [], url + "/v1", openai
        self.refused = openai.RateLimitError
        self.http = openai.DefaultHttpxClient(event_hooks={"request": [self.sent.append]})

    def user(self, text):
        from langchain_core.messages import HumanMessage

        return [HumanMessage(text)]

    def ask(self, model, messages, tools=(), stream=False):
        from langchain_openai import ChatOpenAI

        llm = ChatOpenAI(
            model=model, base_url=self.url, api_key=KEY, timeout=60, http_client=self.http, stream_usage=True
        )
        if tools:
            form = [{"type": "function", "function": {"name": n, "description": n, "parameters": CITY}} for n in tools]
            llm = llm.bind_tools(form)
        if stream:
            answer = None
            for chunk in llm.stream(messages):
                answer = chunk if answer is None else answer + chunk
        else:
            answer = llm.invoke(messages)
        usage = answer.usage_metadata
        out = result(
            answer.text,
            None,  # LangChain's ChatOpenAI leaves it out
            [[c["id"], c["name"], c["args"]] for c in answer.tool_calls],
            answer.response_metadata["finish_reason"],
            usage and (usage["input_tokens"], usage["output_tokens"]),
        )
        out["history"] = messages + [answer]
        return out

    def tool_results(self, history, results):
        from langchain_core.messages import ToolMessage

        return history + [ToolMessage(text, tool_call_id=i) for i, text in results]

    def only_this_client(self):
        self.sent.clear()
        self.ask("m", self.user("explicit"))
        assert json.loads(self.sent[0].content)["stream"] is False, "LangChain no longer says stream: false"


def named(answer):
    return [[name, arguments] for _, name, arguments in answer["tools"]]


class Tests:
    def __init__(self, kind, plan):
        self.kind, self.plan = kind, plan
        self.c = {"openai": OpenAI, "anthropic": Anthropic, "langchain": LangChain}[CLIENT](plan["url"])
        self.wants = [["get_weather", {"city": "Paris"}]]

    def whole(self):
        a = self.c.ask("m", self.c.user("hello there"))
        assert "hello there" in a["text"] and a["finish"] == "stop", a
        assert a["tokens"][0] > 0 and a["tokens"][1] > 0, a["tokens"]

    def streamed(self):
        whole = self.c.ask("m", self.c.user("one two three"))
        a = self.c.ask("m", self.c.user("one two three"), stream=True)
        assert a["text"] == whole["text"] and a["finish"] == "stop", (a["text"], whole["text"])
        assert a["tokens"][0] > 0 and a["tokens"][1] == whole["tokens"][1], (a["tokens"], whole["tokens"])

    def round_trip(self, stream):
        a = self.c.ask("m", self.c.user("tool"), ["get_weather"], stream)
        if self.kind == "demo":
            assert [n for n, _ in named(a)] == ["get_weather"] and "city" in named(a)[0][1], a
        else:
            assert named(a) == self.wants, a
        assert a["finish"] == "tools", a
        history = self.c.tool_results(a["history"], [(a["tools"][0][0], "rain-4711")])
        a = self.c.ask("m", history, ["get_weather"], stream)
        assert "rain-4711" in a["text"] and a["finish"] == "stop", a

    def tool_whole(self):
        self.round_trip(False)

    def tool_streamed(self):
        self.round_trip(True)

    def tools_in_parallel(self):
        for stream in (False, True):
            a = self.c.ask("m", self.c.user("two tools"), ["get_weather", "get_time"], stream)
            assert named(a) == [["get_weather", {"city": "Paris"}], ["get_time", {"city": "Oslo"}]], a
            history = self.c.tool_results(a["history"], [(t[0], "part-%d" % i) for i, t in enumerate(a["tools"])])
            a = self.c.ask("m", history, ["get_weather", "get_time"], stream)
            assert "part-" in a["text"], a

    def tool_without_arguments(self):
        for stream in (False, True):
            a = self.c.ask("m", self.c.user("no arguments"), ["get_weather"], stream)
            assert named(a) == [["get_weather", {}]], a

    def many_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            asked = [
                pool.submit(self.c.ask, "m", self.c.user("number %d ends" % i), (), i % 2 == 0) for i in range(12)
            ]
            for i, future in enumerate(asked):
                assert "number %d ends" % i in future.result()["text"], i

    def of_its_own(self):
        self.c.only_this_client()

    def refused_once(self):
        self.c.sent.clear()
        try:
            self.c.ask("quota-%s-py" % CLIENT, self.c.user("x"))
        except self.c.refused as e:
            assert e.status_code == 429 and e.response.headers["x-should-retry"] == "false", e
            error = e.response.json()["error"]
            code = "project_spend_limit_exceeded" if self.kind == "spent" else "insufficient_quota"
            assert code in (error.get("code"), error.get("details", {}).get("error_code")), error
        else:
            raise AssertionError("nothing was raised")
        assert len(self.c.sent) == 1, "%d requests" % len(self.c.sent)

    def recordings(self):
        wrong = []
        for case in self.plan["cases"]:
            want = case["expect"]
            if case["bare"] and CLIENT != "anthropic":
                continue
            try:
                a = self.c.ask(case["model"], self.c.user("x"), case["tools"], case["stream"])
                got = {**a, "tools": named(a)}
                for name in want:
                    if got[name] != want[name] and got[name] is not None:
                        said = (case["name"], name, str(got[name])[:200], str(want[name])[:200])
                        wrong.append("%s: %s is %r, not %r" % said)
            except Exception as e:
                wrong.append("%s: %s: %s" % (case["name"], type(e).__name__, str(e)[:300]))
        assert not wrong, "%d of %d\n%s" % (len(wrong), len(self.plan["cases"]), "\n".join(wrong))

    def each(self):
        if self.plan["quota"] == "alone":
            yield "refused_once"
            return
        yield from ("whole", "streamed", "tool_whole", "tool_streamed", "many_at_once", "of_its_own")
        if self.kind != "demo":
            yield from ("tools_in_parallel", "tool_without_arguments")
        if self.plan["quota"]:
            yield "refused_once"
        if self.plan["cases"]:
            yield "recordings"


def main():
    with open(os.environ["PLAN"]) as f:
        kinds = json.load(f)
    failed = 0
    for kind, plan in kinds.items():
        tests = Tests(kind, plan)
        for name in tests.each():
            try:
                getattr(tests, name)()
                print("ok %s %s" % (kind, name), flush=True)
            except Exception as e:
                failed += 1
                why = "%s: %s" % (type(e).__name__, e)
                print("FAILED %s %s: %s" % (kind, name, why.replace("\n", " | ")[:2500]), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
