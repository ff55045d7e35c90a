"""echo_requests.py GATEWAY FOLDER - a gateway with FOLDER/echo.so, before a fake of the service that it speaks with.

Asks for a whole and a streamed answer and for an error, and looks at a complaint about a setting. Exits with 0 when
all is as it should be; says what is not.
"""
import http.server
import json
import re
import sys
import threading

from gateway import events, expect, post, refused, running


class Upstream(http.server.BaseHTTPRequestHandler):
    """POST /say {"say": text}: its words in capitals, one a line, and their number."""

    protocol_version = "HTTP/1.1"
    seen = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Upstream.seen.append((self.path, self.headers.get("X-Voice"), body))
        words = re.findall(r"\S+\s*", body["say"])
        lines = [{"piece": word.upper()} for word in words] + [{"in": len(words), "out": len(words) + 1}]
        if body["say"] == "fail":
            lines = [{"error": "the echo is hoarse"}]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def configuration(folder, port, setting):
    return ('plugins { path = "%s" }\nprovider "echo" {\n  base_url = "http://127.0.0.1:%d/say",\n  %s = "loud",\n}\n'
            'model "echo" { "echo/any" }\n' % (folder, port, setting))


def check_answers(base):
    ask = {"model": "echo", "temperature": 1, "messages": [{"role": "user", "content": "hello big world"}]}
    status, headers, body = post(base, ask)
    expect(status == 200, "a whole answer is %d: %s" % (status, body))
    answer = json.loads(body)
    expect(answer["choices"][0]["message"]["content"] == "HELLO BIG WORLD", "the text is not right: " + body)
    expect(answer["choices"][0]["finish_reason"] == "stop", "the finish is not right: " + body)
    usage = answer["usage"]
    expect((usage["prompt_tokens"], usage["completion_tokens"]) == (3, 4), "the usage is not right: " + body)
    dropped = {k.lower(): v for k, v in headers.items()}.get("x-gw-dropped", "")
    expect("temperature" in dropped, "what was dropped is not told: %r" % headers)
    expect(Upstream.seen[-1] == ("/say", "loud", {"say": "hello big world"}), "the upstream saw %r" % (Upstream.seen,))

    status, headers, body = post(base, dict(ask, stream=True, stream_options={"include_usage": True}))
    expect(status == 200, "a stream is %d: %s" % (status, body))
    data = events(body)
    expect(data and data[-1] == "[DONE]", "the stream has no end: " + body)
    chunks = [json.loads(event) for event in data[:-1]]
    text = [c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]]
    expect("".join(text) == "HELLO BIG WORLD" and len([t for t in text if t]) == 3, "the stream is not right: " + body)
    expect(chunks[-1]["usage"]["total_tokens"] == 7, "the stream's usage is not right: " + body)

    status, headers, body = post(base, dict(ask, messages=[{"role": "user", "content": "fail"}]))
    expect(status >= 500 and json.loads(body)["error"]["message"], "an error is %d: %s" % (status, body))
    status, headers, body = post(base, dict(ask, messages=[{"role": "user", "content": [{"type": "text", "text": "x"}]}]))
    expect(status == 400 and "text only" in body, "what the plugin refuses is %d: %s" % (status, body))


def main(gateway, folder):
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    try:
        refused(gateway, configuration(folder, upstream.server_port, "voise"), 'did you mean "voice"')
        with running(gateway, configuration(folder, upstream.server_port, "voice")) as base:
            check_answers(base)
    finally:
        upstream.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
