"""verdict.py - is an answer right, or a well-formed error in the words of its API? And do client, providers, access log and ledger agree? exchanges.py and
leaving.py ask."""

import collections
import datetime
import json
import os

import client
import menu
import wire
from command import run
from harness import pace

# Status, type and code of errors that may follow a provider's fault; Anthropic's words have the type by status. None: any.
TABLE = {
    (502, "upstream_error", "upstream_unavailable"), (502, "upstream_error", "upstream_auth"), (502, "upstream_error", "upstream_redirect"), (504, "upstream_error", "upstream_timeout"),
    (429, "rate_limit_error", "upstream_rate_limited"), (503, "service_unavailable_error", "server_is_overloaded"), (529, "service_unavailable_error", "server_is_overloaded"),
    (503, "upstream_error", "upstream_unavailable"),
}
JUNK = ("not UTF-8", "NUL", "lone surrogate", "not JSON")
REFUSALS = (400, 403, 404, 413, 422)
ANTHROPIC = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large", 422: "invalid_request_error",
             429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error"}


def metric(gw, name):
    lines = gw.request("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))


def begun(line):
    """When the request of a line of the access log began, in seconds since 1970."""
    end = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
    return end - line["duration_ms"] / 1000


def descriptors(gw):
    """What the process has open, as (number, what it is)."""
    folder, found = "/proc/%d/fd" % gw.process.pid, set()
    for number in os.listdir(folder):
        try:
            found.add((number, os.readlink(os.path.join(folder, number))))
        except FileNotFoundError:
            continue
    return found


def error_in(api, status, headers, value):
    """What is wrong with an error's body; None: nothing."""
    if not headers.get("x-request-id"):
        return "an error without x-request-id"
    if api == "messages":
        error = value.get("error", {})
        if value.get("type") != "error" or value.get("request_id") != headers["x-request-id"] or not error.get("message"):
            return "an error that is not Anthropic's"
        wanted = ANTHROPIC.get(status, "api_error")
        return None if error.get("type") == wanted or status in REFUSALS else "type %r with status %d" % (error.get("type"), status)
    error = value.get("error", {})
    if list(value) != ["error"] or not {"message", "type", "param", "code"} <= set(error) or not error["message"]:
        return "an error that is not OpenAI's"
    if (status, error["type"], error["code"]) not in TABLE and status not in REFUSALS:
        return "an error that is in no table: %d %s" % (status, error)
    return None


def text_of_event(api, value):
    if api == "responses":
        return value["delta"] if value["type"] == "response.output_text.delta" else ""
    if api == "messages":
        return value["delta"].get("text", "") if value["type"] == "content_block_delta" else ""
    return "".join((c["delta"].get("content") if api == "chat" else c["text"]) or "" for c in value["choices"])


def is_error_event(api, value):
    return value.get("type") in ("response.failed", "error") if api == "responses" else value.get("type") == "error" if api == "messages" else "error" in value


def usage_in(api, value):
    """Tokens that an answer or an event reports, as (of the prompt, of the output)."""
    u = value.get("response", value).get("usage") or value.get("message", {}).get("usage") or {}
    prompt = u.get("prompt_tokens", u.get("input_tokens"))
    prompt = prompt + u.get("cache_read_input_tokens", 0) + u.get("cache_creation_input_tokens", 0) if isinstance(prompt, int) and api == "messages" else prompt
    return prompt, u.get("completion_tokens", u.get("output_tokens"))


def is_junk(data):
    try:
        return "\0" in data or not isinstance(json.loads(data), dict)
    except ValueError:
        return True


class Read:
    """What a client makes of an answer: `kind` is "good", "error" or "broken" (a stream that ends with an error event); `why`: it is none of these. What is relayed passes as it is: events that
    are no JSON, a stream with a finish reason and no end mark, what follows an upstream's error event or end mark, and the other kind of answer than asked for."""

    def __init__(self, plan, answer):
        self.kind, self.why, self.text, self.told = None, None, "", (None, None)
        provider = answer.header("x-gw-provider") or ""
        self.relayed = provider != "" and (provider in ("a", "sa")) == (plan.api == "messages")
        try:
            self.read(plan, answer)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            self.why = "cannot be read: %r" % error

    def read(self, plan, answer):
        if not answer.complete:
            self.why = "cut off"
        elif answer.status != 200:
            self.kind, self.why = "error", error_in(plan.api, answer.status, answer.headers, json.loads(answer.body))
        elif (answer.header("content-type") or "").startswith("text/event-stream") if self.relayed and plan.fault == "the other kind" else plan.streams:
            self.read_stream(plan, answer)
        else:
            value, self.kind = json.loads(answer.body), "good"
            self.told = usage_in(plan.api, value)
            self.text = text_of_whole(plan, value)

    def read_stream(self, plan, answer):
        api, events = plan.api, [data for _, data in client.sse(answer.body)]
        marked = api in ("chat", "completions") and "[DONE]" in events
        if self.relayed and marked:  # a reader stops there
            events = events[: events.index("[DONE]") + 1]
        values = [json.loads(data) for data in events if data != "[DONE]" and not (self.relayed and plan.fault in JUNK and is_junk(data))]
        errors = [i for i, value in enumerate(values) if is_error_event(api, value)]
        self.text = "".join(text_of_event(api, value) for value in values if not is_error_event(api, value))
        for value in values:
            self.told = tuple(new if new is not None else old for old, new in zip(self.told, usage_in(api, value)))
        finished = self.relayed and api in ("chat", "completions") and any(choice["finish_reason"] for value in values for choice in value.get("choices", []))
        ended = marked or values[-1].get("type") in ("response.completed", "message_stop")
        if errors:
            passes = self.relayed and plan.fault == "error in the middle"
            self.kind = "broken"
            self.why = "an end mark, or more, after an error event" if not passes and (ended or errors != [len(values) - 1]) else None
        else:
            self.kind, self.why = "good", None if ended or finished else "a stream without an end"


def text_of_whole(plan, value):
    if plan.api == "embeddings":
        return "".join(plan.texts) if value["data"][0]["embedding"] == wire.VECTOR else "other numbers"
    if plan.api == "messages":
        return "".join(block["text"] for block in value["content"])
    if plan.api == "responses":
        return "".join(part["text"] for item in value["output"] for part in item["content"])
    return value["choices"][0]["message"]["content"] if plan.api == "chat" else value["choices"][0]["text"]


def allowed(plan, second):
    """The kinds of answers that may come of a plan; `second`: of it the second target has an answer."""
    outcome = plan.outcome()
    fails = {"good"} if second else {"error", "broken"} if plan.streams else {"error"}
    if plan.fault in ("silence", "crawl") and not plan.streams:  # a whole answer may take all of the time
        fails = {"good", "error"}
    return {menu.FINE: {"good"}, menu.FAILS: fails, menu.BREAKS: {"good", "broken"} | fails, menu.REFUSES: {"error"}, menu.EITHER: {"good", "broken"} | fails}[outcome]


def judge(plan, answer, took, total_s, health):
    """What is wrong with what the client got; None: nothing."""
    if took > total_s + 1 * pace():
        return "%.1f s, and the deadline is %d s" % (took, total_s)
    read = Read(plan, answer)
    if read.why:
        return read.why
    if not plan.streams and read.kind == "broken":
        return "a whole answer with an error event"
    text = "".join(plan.texts)
    odd = plan.fault in JUNK[:3]
    if read.kind == "good" and read.text != text and not odd:
        return "another text: %r" % read.text
    if read.kind == "broken" and not text.startswith(read.text) and not odd:
        return "a text that is no beginning: %r" % read.text
    if not health and read.kind not in allowed(plan, plan.second and not plan.second_fails):
        return "%s, which cannot come of it" % read.kind
    if plan.outcome() == menu.REFUSES and not health and answer.status != int(plan.fault):
        return "status %d" % answer.status
    return None


class Ledger:
    """The attempts that a ledger has, by request."""

    def __init__(self, path):
        said = run("ledger", "verify", "--path", path, "--json")
        self.problems = None if said.code == 0 else said.out + said.err
        if not self.problems and (report := json.loads(said.out))["open"] != 0 or report["problems"] != 0 or report["held_usd"] != "0":
            self.problems = report
        self.attempts, self.finals, holds = collections.defaultdict(list), collections.Counter(), {}
        for line in run("ledger", "cat", "--path", path).out.splitlines():
            record = json.loads(line)
            if record["type"] == "hold":
                holds[record["number"]] = record
            elif record["type"] == "end":
                hold = holds.pop(record["hold"])
                self.attempts[hold["request"]].append((hold, record))
                self.finals[hold["request"]] += record.get("final", False)
            elif record["type"] == "row":  # a request whose last attempt did not know that it was the last
                self.finals[record["request"]] += record.get("final", False)
        if holds:
            self.problems = "%d attempts without an end" % len(holds)

    def take(self, id_):
        return sorted(self.attempts.get(id_, []), key=lambda pair: pair[0]["attempt"])


def agree(plan, answer, calls, line, ledger):
    """Where providers, access log, ledger and client do not agree; None: nowhere."""
    if line is None:
        return "no line in the access log"
    sent, rows = line["attempts"], ledger.take(answer.id)
    if [hold["provider"] for hold, _ in rows] != [a["provider"] for a in sent]:
        return "attempts in the ledger %s, in the log %s" % ([h["provider"] for h, _ in rows], sent)
    if rows and ledger.finals[answer.id] != 1:
        return "the ledger counts it %d times" % ledger.finals[answer.id]
    # A kept connection that breaks before any byte of the answer is replaced once within its attempt.
    made, seen = [a["provider"] for a in sent if a["provider"] not in ("closed", "notls")], list(calls)
    for name in set(made):
        extra = seen.count(name) - made.count(name)
        if extra < 0 or extra > (made.count(name) if plan.fault in ("rst", "fin", "rst at a byte") else 0):
            return "%s was asked %d times, and the log has %d attempts" % (name, seen.count(name), made.count(name))
    if set(seen) - set(made):
        return "asked in vain: %s" % seen
    return agree_on_usage(plan, answer, line, rows)


def agree_on_usage(plan, answer, line, rows):
    read = Read(plan, answer)
    if read.kind != "good" or not rows:
        return None
    hold, end = rows[-1]
    used = {row["unit"]: row["quantity"] for row in end.get("lines", [])}
    if end["ending"] != "settled":
        return "a good answer, and the ledger has %s" % end
    if hold["provider"] in "oa" and (plan.fault == "no usage" or plan.outcome() in (menu.EITHER, menu.BREAKS)):
        return None if end["source"] in ("reported", "counted", "estimated") else "source %s" % end["source"]
    wanted = {name: count for name, count in plan.tokens.items() if count}
    if hold["provider"] in ("a", "sa"):  # it reports no reasoning
        wanted = {"input": wanted["input"], "cache_read": wanted["cache_read"], "output": wanted["output"] + plan.tokens["reasoning"]}
    if (end["source"], used) != ("reported", wanted):
        return "the ledger has %s of %s, and %s were reported" % (used, end["source"], wanted)
    prompt, output = wanted["input"] + wanted.get("cache_read", 0), wanted.get("output", 0) + wanted.get("reasoning", 0)
    if read.told != (prompt, output) and not (plan.api == "embeddings" and read.told[0] == prompt):
        return "the client was given %s, and %s were reported" % (read.told, (prompt, output))
    return None
