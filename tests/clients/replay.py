"""replay.py - a server that answers with recordings, chosen by the model asked for, for SDKs to be pointed at.

    with Replay() as replay: replay.url, replay.choice(3)

The SDKs talk to it directly and through the gateway; both must yield the same.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import upstream  # noqa: E402
from recordings import SERVICES, load_chat, split_events  # noqa: E402

# Members that are not the SDK's own parameters travel as they are in the request.
PLAIN = (
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
)


def slug(name):
    return "rec-" + name.replace("/", "--").replace("+", "-and-")


class Replay:
    def __init__(self):
        self.recordings = {slug(r.name): r for r in load_chat()}
        self.server = upstream.Upstream(self.answer)
        self.url = self.server.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def answer(self, request, out):
        rec = self.recordings.get(request.json().get("model"))
        if rec is None:
            out.send(
                upstream.reply_json(
                    {
                        "error": {
                            "message": "no such recording",
                            "type": "invalid_request_error",
                            "param": "model",
                            "code": "model_not_found",
                        }
                    },
                    404,
                )
            )
            return
        lines = ["HTTP/1.1 %d Recorded" % rec.status] + ["%s: %s" % h for h in rec.headers]
        if not any(n == "content-type" for n, _ in rec.headers):  # some recorders dropped it; an SDK needs it
            lines.append(
                "content-type: " + ("text/event-stream" if rec.stream and rec.status == 200 else "application/json")
            )
        if rec.stream and rec.status == 200:
            out.send(("\r\n".join(lines + ["transfer-encoding: chunked"]) + "\r\n\r\n").encode())
            for event in split_events(rec.body):
                out.chunk(event)
            out.end()
        else:
            out.send(("\r\n".join(lines + ["content-length: %d" % len(rec.body)]) + "\r\n\r\n").encode() + rec.body)

    def choice(self, each):
        """At most `each` recordings of every service and kind: [{name, model, request, status}]."""
        out = []
        for service in SERVICES:
            for stream in (False, True):
                for want_error in (False, True):
                    rows = [
                        (model, r)
                        for model, r in self.recordings.items()
                        if r.provider == service
                        and r.stream == stream
                        and "error-midstream" not in r.name
                        and ((r.status in (400, 404)) if want_error else r.status == 200)
                    ]
                    for model, r in rows[:each]:
                        body = {k: v for k, v in r.request.items() if k in PLAIN}
                        out.append(
                            {
                                "name": r.name,
                                "model": model,
                                "status": r.status,
                                "request": json.loads(json.dumps(body)),
                            }
                        )
        return out
