"""messages.py - exchanges of Anthropic's Messages API, and requests written for several APIs at once."""

import json

import chat
from shape import PNG, exchange, named

URL = "https://api.anthropic.com/v1/messages"
VERSION = {"anthropic-version": "2023-06-01"}
MODEL = "claude-sonnet-4-5"
USER = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOL = {"name": "get_weather", "description": "The weather of a city",
        "input_schema": chat.TOOL["function"]["parameters"]}
CALL = {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {"city": "Paris"}}
TEXT = {"type": "text", "text": "It is fine, 21 °C ☀."}
THOUGHT = {"type": "thinking", "thinking": "The user asks for the weather.", "signature": "RXhhbXBsZVNpZ25hdHVyZQ=="}
HIDDEN = {"type": "redacted_thinking", "data": "RXhhbXBsZVJlZGFjdGVk"}
REQUEST_ID = {"request-id": "req_golden"}


def usage(given=14, made=9, read=0, written=0):
    return {"input_tokens": given, "cache_creation_input_tokens": written, "cache_read_input_tokens": read,
            "output_tokens": made, "service_tier": "standard"}


def whole(content, stop="end_turn", used=None):
    return {"id": "msg_golden", "type": "message", "role": "assistant", "model": MODEL, "content": content,
            "stop_reason": stop, "stop_sequence": None, "usage": used or usage()}


def deltas(block):
    """What a block begins as, and the deltas that complete it."""
    if block["type"] == "text":
        half = len(block["text"]) // 2
        return {**block, "text": ""}, [{"type": "text_delta", "text": t} for t in (block["text"][:half], block["text"][half:])]
    if block["type"] == "thinking":
        return {**block, "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]}]
    if block["type"] == "tool_use":
        text = json.dumps(block["input"])
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": t} for t in ("", text[:5], text[5:])]
    return block, []


def events(content, stop="end_turn", used=None):
    used = used or usage()
    start = whole([], None, {**used, "output_tokens": 1})
    out = [{"type": "message_start", "message": start}]
    for index, block in enumerate(content):
        begun, parts = deltas(block)
        out.append({"type": "content_block_start", "index": index, "content_block": begun})
        out += [{"type": "content_block_delta", "index": index, "delta": part} for part in parts]
        out.append({"type": "content_block_stop", "index": index})
        if index == 0:
            out.append({"type": "ping"})
    out.append({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": used["output_tokens"]}})
    return out + [{"type": "message_stop"}]


def refusal(kind, message):
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_golden"}


def cases():
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
    answers = {
        "text": ({}, [TEXT], "end_turn", usage()),
        "tool": ({"tools": [TOOL]}, [{"type": "text", "text": "I will look."}, CALL], "tool_use", usage()),
        "tool_parallel": ({"tools": [TOOL]}, [CALL, {**CALL, "id": "toolu_02B", "input": {"city": "Rome"}}], "tool_use", usage()),
        "thinking": (thinking, [THOUGHT, TEXT], "end_turn", usage(40, 60)),
        "thinking+tool": ({**thinking, "tools": [TOOL]}, [THOUGHT, CALL], "tool_use", usage(40, 60)),
        "redacted_thinking": (thinking, [HIDDEN, TEXT], "end_turn", usage(40, 60)),
        "cache": ({"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}, [TEXT],
                  "end_turn", usage(14, 9, 20, 0)),
        "image": ({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {
            "type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]}]},
            [{"type": "text", "text": "A pixel."}], "end_turn", usage(20, 4)),
        "truncated": ({"max_tokens": 3}, [{"type": "text", "text": "It is"}], "max_tokens", usage(14, 3)),
        "tool_result": ({"tools": [TOOL], "messages": USER + [
            {"role": "assistant", "content": [THOUGHT, CALL]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "21 degrees"}]}]},
            [TEXT], "end_turn", usage(60, 9)),
    }
    for case, (request, content, stop, used) in answers.items():
        body = {"model": MODEL, "max_tokens": 200, "messages": USER, **request}
        yield case + "-nonstream", body, whole(content, stop, used), 200
        yield case + "-stream", {**body, "stream": True}, [named(e) for e in events(content, stop, used)], 200
    body = {"model": MODEL, "max_tokens": 200, "messages": USER}
    yield "error-own_400", {**body, "max_tokens": 0}, refusal("invalid_request_error", "max_tokens: must be at least 1"), 400
    yield "error-own_401", body, refusal("authentication_error", "invalid x-api-key"), 401
    yield "error-own_404", {**body, "model": "claude-none"}, refusal("not_found_error", "model: claude-none"), 404


def matched():
    """The same conversation for two APIs, as people write it."""
    system = "Be brief."
    anthropic = {"model": MODEL, "max_tokens": 100, "system": system, "messages": USER}
    openai = {"model": "gpt-4o-mini", "max_completion_tokens": 100,
              "messages": [{"role": "system", "content": system}] + chat.USER}
    return {"source": "written by hand", "case": "simpleRequest", "fidelity": "parsed", "formats": {
        "anthropic": {"request": anthropic, "response": whole([TEXT]), "response_streaming": events([TEXT])},
        "chat-completions": {"request": openai, "response": chat.whole("gpt-4o-mini", {"content": TEXT["text"]})}}}


def files():
    for case, request, answer, status in cases():
        yield ("recordings/anthropic/messages-%s-01.json" % case, exchange(
            "anthropic", "messages", case, URL, request, answer, status, REQUEST_ID, VERSION))
    yield ("recordings/anthropic/count_tokens-count_tokens-01.json", exchange(
        "anthropic", "count_tokens", "count_tokens", URL + "/count_tokens", {"model": MODEL, "messages": USER},
        {"input_tokens": 14}, 200, REQUEST_ID, VERSION))
    yield "recordings/matched/simpleRequest.json", matched()
    lines = [{"source": "written by hand", "provider": "anthropic", "api": "messages", "name": "two-blocks.chunks.txt",
              "fidelity": "parsed", "request": None, "response": {"status": 200, "chunks": events([THOUGHT, TEXT])}},
             {"source": "written by hand", "provider": "anthropic", "api": "messages", "name": "whole.json",
              "fidelity": "parsed", "request": None, "response": {"status": 200, "json": whole([TEXT])}}]
    yield "recordings/fragments/anthropic.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode()
