"""new_requests.py GATEWAY FOLDER NAME - a gateway with FOLDER/NAME.so, which `plugin new` wrote, before a fake of a server
that has OpenAI's chat completions.

Asks for a whole and a streamed answer, with tools, through the chat API and the messages API, and for an error. Exits
with 0 when all is as it should be; prints what is not.
"""
import http.server
import json
import sys
import threading

from gateway import events, expect, post, running

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 4}}
CALL = {"id": "t-1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Upstream.seen.append((self.path, self.headers.get("Authorization"), body))
        status, kind = 200, "application/json"
        call = dict(index=0, **CALL) if body.get("tools") else None
        why = "tool_calls" if call else "stop"
        head = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "their-model"}
        if body["messages"][-1]["content"] == "fail":
            status, data = 429, json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})
        elif body.get("stream"):
            kind = "text/event-stream"
            deltas = [{"tool_calls": [call]}] if call else [{"content": "Hel"}, {"content": "lo."}]
            chunks = [dict(head, choices=[{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
            chunks.append(dict(head, choices=[{"index": 0, "delta": {}, "finish_reason": why}]))
            if body.get("stream_options", {}).get("include_usage"):
                chunks.append(dict(head, choices=[], usage=USAGE))
            data = "".join("data: %s\n\n" % json.dumps(chunk) for chunk in chunks) + "data: [DONE]\n\n"
        else:
            message = {"role": "assistant", "content": None if call else "Hello."}
            if call:
                message["tool_calls"] = [CALL]
            choice = {"index": 0, "message": message, "finish_reason": why}
            data = json.dumps(dict(head, choices=[choice], usage=USAGE))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *args):
        pass


def check_chat(base):
    ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    status, _, body = post(base, ask)
    answer = json.loads(body)
    expect(status == 200 and answer["choices"][0]["message"]["content"] == "Hello.", "a whole answer is %d: %s" % (status, body))
    expect(answer["usage"]["prompt_tokens"] == 9 and answer["usage"]["completion_tokens"] == 5, "the usage is not right: " + body)
    expect(answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 4, "what the cache had is not right: " + body)
    path, authorization, sent = Upstream.seen[-1]
    expect((path, authorization, sent["model"]) == ("/v1/chat/completions", "Bearer the-key", "m"), "the upstream saw %r" % (Upstream.seen,))

    status, _, body = post(base, dict(ask, tools=[TOOL]))
    calls = json.loads(body)["choices"][0]["message"]["tool_calls"]
    expect((calls[0]["id"], calls[0]["function"]) == ("t-1", CALL["function"]), "the call is not right: " + body)

    for tools in (None, [TOOL]):
        status, _, body = post(base, dict(ask, stream=True, stream_options={"include_usage": True}, **({"tools": tools} if tools else {})))
        data = events(body)
        expect(status == 200 and data and data[-1] == "[DONE]", "a stream is %d: %s" % (status, body))
        chunks = [json.loads(event) for event in data[:-1]]
        deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
        if tools:
            pieces = [call for delta in deltas for call in delta.get("tool_calls") or []]
            args = "".join(piece["function"].get("arguments") or "" for piece in pieces)
            expect(pieces[0]["function"]["name"] == "weather" and args == '{"city":"Oslo"}', "the call is not right: " + body)
        else:
            expect("".join(delta.get("content") or "" for delta in deltas) == "Hello.", "the text is not right: " + body)
        expect(chunks[-1]["usage"]["total_tokens"] == 14, "the stream's usage is not right: " + body)

    status, _, body = post(base, dict(ask, messages=[{"role": "user", "content": "fail"}]))
    expect(status == 429 and "upstream_rate_limited" in body, "an error is %d: %s" % (status, body))


def check_messages(base):
    ask = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}],
           "tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]}
    status, _, body = post(base, ask, "/v1/messages")
    answer = json.loads(body)
    expect(status == 200 and answer["content"][0]["input"] == {"city": "Oslo"}, "a message is %d: %s" % (status, body))
    usage = answer["usage"]
    expect((usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (5, 4, 5), "its usage: " + body)
    status, _, body = post(base, dict(ask, stream=True), "/v1/messages")
    expect(status == 200 and "event: message_stop" in body and "input_json_delta" in body, "a stream is %d: %s" % (status, body))


def main(gateway, folder, name):
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    lua = ('plugins { path = "%s" }\nprovider "%s" { base_url = "http://127.0.0.1:%d/v1", secret = env "NEW_KEY" }\n'
           'model "*" { "%s/*" }\n' % (folder, name, upstream.server_port, name))
    try:
        with running(gateway, lua, {"NEW_KEY": "the-key"}) as base:
            check_messages(base)
            check_chat(base)  # its last answer is a limit: after it nothing is sent for a while
    finally:
        upstream.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
