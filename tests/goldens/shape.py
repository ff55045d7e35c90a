"""shape.py - the form of a recorded exchange, and of an event stream."""

import json

# One transparent pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
JSON_TYPE = {"content-type": "application/json"}
STREAM_TYPE = {"content-type": "text/event-stream; charset=utf-8"}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def exchange(provider, api, case, url, request, body, status=200, headers=(), more=()):
    """One exchange; `body` is the answer's text, an object, or a list of events."""
    streamed = isinstance(body, list)
    if streamed:
        body = "".join(body)
    elif not isinstance(body, str):
        body = compact(body)
    return {
        "source": "written by hand",
        "provider": provider,
        "api": api,
        "case": case,
        "model": request.get("model"),
        "tags": [],
        "fidelity": "exact",
        "request": {"method": "POST", "url": url, "headers": {**JSON_TYPE, **dict(more)}, "body": request},
        "response": {"status": status, "headers": {**(STREAM_TYPE if streamed else JSON_TYPE), **dict(headers)}, "body": body},
    }


def data(value):
    return "data: %s\n\n" % (value if isinstance(value, str) else compact(value))


def named(value):
    """An event of a stream whose name is its type."""
    return "event: %s\n%s" % (value["type"], data(value))
