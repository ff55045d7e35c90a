"""echo_requests.py GATEWAY FOLDER - a gateway with FOLDER/echo.so, before a fake of the service that it speaks with.

Asks for a whole and a streamed answer and for an error, and looks at a complaint about a setting. Exits with 0 when
all is as it should be; says what is not.
"""
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

WAIT_S = 30


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


def expect(holds, what):
    if not holds:
        raise SystemExit("echo_requests.py: " + what)


def post(base, body):
    request = urllib.request.Request(base + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


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
    events = [line[6:] for line in body.split("\n") if line.startswith("data: ")]
    expect(events and events[-1] == "[DONE]", "the stream has no end: " + body)
    chunks = [json.loads(event) for event in events[:-1]]
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
    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "gateway.lua")
        with open(path, "w") as file:
            file.write(configuration(folder, upstream.server_port, "voise"))
        said = subprocess.run([gateway, "check", "-c", path], capture_output=True, text=True, timeout=WAIT_S)
        expect(said.returncode != 0 and 'did you mean "voice"' in said.stdout + said.stderr,
               "a wrong setting is not noticed: %s%s" % (said.stdout, said.stderr))

        with open(path, "w") as file:
            file.write(configuration(folder, upstream.server_port, "voice"))
        process = subprocess.Popen([gateway, "serve", "-c", path, "--listen", "127.0.0.1:0"], text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        timer = threading.Timer(WAIT_S, process.kill)
        timer.start()
        said = []
        try:
            base = None
            while base is None:
                line = process.stderr.readline()
                expect(line, "the gateway did not start: " + "".join(said))
                said.append(line)
                match = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
                base = match and match.group(1)
            reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
            reader.start()
            try:
                check_answers(base)
            except OSError as error:
                process.kill()
                reader.join(WAIT_S)
                expect(False, "%r, and the gateway said:\n%s" % (error, "".join(said)))
            process.send_signal(signal.SIGTERM)
            expect(process.wait(WAIT_S) == 0, "the gateway ended with %d: %s" % (process.returncode, "".join(said)))
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
            upstream.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
