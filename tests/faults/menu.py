"""menu.py - what a fake provider does wrong in the place of a right answer: a table of faults, each with what may come of it.

    FINE     nothing that a client may notice: the right answer
    FAILS    nothing of it can be passed on: an error, or another target's answer
    BREAKS   some of it may have been passed on: its beginning and an error event, an error, another target's answer - or, where only the very end is missing, the
             right answer
    REFUSES  the caller's own fault: an error of the upstream's status, and no other target is asked
    EITHER   the right answer, or what FAILS and BREAKS allow

A fault gets the call, the right answer and the run's dice. `Right.parts` are the events of a stream, or the text of a whole answer as one part.
"""

import asyncio
import gzip
import json
import zlib

import wire
from wire import chunk, head_of

FINE, FAILS, BREAKS, REFUSES, EITHER = "fine", "fails", "breaks", "refuses", "either"
SLOW_S = 30  # longer than any limit of a run


class Right:
    """The right answer to a call."""

    def __init__(self, call, texts, tokens):
        self.call, self.texts = call, texts
        self.usage = wire.usage_of(call.api, tokens) if tokens is not None else None
        self.opening = len(wire.opening_of(call.api)) if call.streams else 0
        self.parts = wire.stream_of(call.api, texts, self.usage) if call.streams else [self.whole(self.usage)]
        self.type = "text/event-stream" if call.streams else "application/json"
        self.last = len(self.opening_and_words()) if call.streams else 0

    def whole(self, usage):
        return json.dumps(wire.whole_of(self.call.api, self.texts, usage), ensure_ascii=False).encode()

    def opening_and_words(self):
        return self.parts[: self.opening + len(self.texts)]

    def head(self, framing="chunked", more=b"", status=200, type_=None):
        return head_of(status, type_ or self.type, framing, len(b"".join(self.parts)), more)

    def bytes(self, parts=None, head=None):
        """All of it, chunked."""
        return (head or self.head()) + b"".join(map(chunk, self.parts if parts is None else parts)) + b"0\r\n\r\n"

    def with_usage(self, usage):
        """The parts with another usage."""
        return wire.stream_of(self.call.api, self.texts, usage) if self.call.streams else [self.whole(usage)]


def error_of(call, kind="server_error", message="not now"):
    if call.api == "messages":
        return {"type": "error", "error": {"type": {"server_error": "api_error"}.get(kind, kind), "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def error_event(call):
    if call.api == "responses":
        return wire.named(type="response.failed", sequence_number=50, response=dict(wire.whole_of("responses", [], None), status="failed", output=[], error={"code": "server_error", "message": "not now"}))
    return wire.event(error_of(call), "error" if call.api == "messages" else None)


def sends(make):
    """A fault that sends some bytes and nothing more; make(call, right, dice)."""

    async def do(call, right, dice):
        await call.send(make(call, right, dice))
    return do


def closes(make):
    """... and then closes."""

    async def do(call, right, dice):
        await call.send(make(call, right, dice))
        call.fin()
    return do


def status(code, headers=b"", kind="server_error"):
    def make(call, right, dice):
        body = json.dumps(error_of(call, kind)).encode()
        return head_of(code, "application/json", "length", len(body), headers) + body
    return sends(make)


async def right_answer(call, right, dice):
    framing = dice.choice(("chunked", "chunked", "length", "close"))
    await call.send(right.head(framing))
    for part in right.parts:
        await call.send(chunk(part) if framing == "chunked" else part)
    if framing == "chunked":
        await call.send(b"0\r\n\r\n")
    if framing == "close":
        call.fin()


async def silence(call, right, dice):
    await call.gone(SLOW_S)


async def rst(call, right, dice):
    call.rst()


async def fin(call, right, dice):
    call.fin()


def cut(end, whole):
    """Ends somewhere in the answer (whole: in its head, too)."""

    async def do(call, right, dice):
        head, all_ = right.head(), right.bytes()
        await call.send(all_[: dice.randrange(1 if whole else len(head), len(all_) - 5)])
        if end == "rst":
            await asyncio.sleep(0.01)
        call.rst() if end == "rst" else call.fin()
    return do


async def stall(call, right, dice):
    """Some events, or half of a whole answer, and then nothing."""
    body = right.bytes()
    count = dice.randrange(right.last + 1)
    await call.send(right.head() + b"".join(map(chunk, right.parts[:count])) if call.streams else body[: len(body) // 2])
    await call.gone(SLOW_S)


async def crawl(call, right, dice):
    body = right.bytes()
    for i in range(0, len(body), 7):
        await call.send(body[i:i + 7])
        await asyncio.sleep(0.2)


async def in_pieces(call, right, dice):
    """Cut anywhere: in a character, a line's end, the name of a field."""
    body, at = right.bytes(), 0
    while at < len(body):
        step = dice.randrange(1, 40)
        await call.send(body[at:at + step])
        at += step
        await asyncio.sleep(0)


async def more_heads(call, right, dice):
    """No end of interim answers."""
    try:
        for _ in range(20000):
            await call.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 10)
        call.fin()
    except OSError:
        call.over = True


def in_the_middle(make):
    """A stream with something else at a random place; a whole answer is that alone. make(call, right, dice) -> bytes of the body."""

    def do(call, right, dice):
        odd = make(call, right, dice)
        at = dice.randrange(right.opening, right.last + 1)
        parts = right.parts[:at] + [odd] + right.parts[at:] if call.streams else [odd]
        return right.bytes(parts)
    return sends(do)


def header(line):
    return sends(lambda call, right, dice: right.bytes(head=right.head(more=line)))


def usage(change):
    def make(call, right, dice):
        if right.usage is None:
            return right.bytes()
        return right.bytes(right.with_usage(change(right.usage)))
    return sends(make)


def numbers(value):
    return lambda u: {name: value if isinstance(n, int) else n for name, n in u.items()}


def twice(call, right, dice):
    if not call.streams or right.usage is None or call.api not in ("chat", "completions"):
        return right.bytes()
    told = right.parts.index(right.parts[-2])
    return right.bytes(right.parts[:told] + [right.parts[told]] + right.parts[told:])


def length(by):
    def make(call, right, dice):
        body = b"".join(right.parts)
        return head_of(200, right.type, "length", len(body) + by) + body
    return closes(make)


def encoded(squeeze):
    def make(call, right, dice):
        body = squeeze(b"".join(right.parts))
        return right.head(more=b"Content-Encoding: gzip\r\n") + chunk(body) + b"0\r\n\r\n"
    return sends(make)


def bomb(body):
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    return press.compress(body + b" " * 4000000) + press.flush()


def no_mark(call, right, dice):
    return right.bytes(right.parts[:-1] if call.streams else None)


def after_mark(call, right, dice):
    return right.bytes(right.parts + [right.parts[right.opening]]) if call.streams and call.api in ("chat", "completions") else right.bytes()


def early_error(call, right, dice):
    return right.bytes([error_event(call)] if call.streams else [json.dumps(error_of(call)).encode()])


def late_error(call, right, dice):
    return right.bytes(right.parts[:right.last] + [error_event(call)]) if call.streams else right.bytes([json.dumps(error_of(call)).encode()])


def raw(text):
    """A line that belongs to an event of this API, and has something in it that JSON does not have."""
    return lambda call, right, dice: wire.words_of(call.api, ["@@"])[0].replace(b"@@", text) if call.streams else right.whole(right.usage).replace(b"00000", b"0" + text)


def as_stream(call, right, dice):
    """The other kind of answer than asked for."""
    if call.streams:
        body = right.whole(right.usage)
        return head_of(200, "application/json", "length", len(body)) + body
    if call.api == "embeddings":
        return right.bytes([b"data: [DONE]\n\n"], right.head(type_="text/event-stream"))
    return right.bytes(wire.stream_of(call.api, right.texts, right.usage), right.head(type_="text/event-stream"))


def html(call, right, dice):
    body = b"<!doctype html><title>Welcome</title><p>It works."
    return head_of(200, "text/html", "length", len(body)) + body


def no_body(code):
    return sends(lambda call, right, dice: b"HTTP/1.1 %d Nothing\r\n\r\n" % code)


def pick(*faults):
    """One of several of a kind, by the dice."""

    async def do(call, right, dice):
        await dice.choice(faults)(call, right, dice)
    return do


FAULTS = {
    "right": (FINE, right_answer),
    "in pieces": (FINE, in_pieces),
    "early hints": (FINE, sends(lambda c, r, d: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + r.bytes())),
    "no usage": (FINE, usage(lambda u: None)),
    "usage twice": (FINE, sends(twice)),
    "events after the end mark": (FINE, sends(after_mark)),
    "bytes after the answer": (FINE, closes(lambda c, r, d: r.bytes() + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")),
    "crlf": (FINE, sends(lambda c, r, d: r.bytes([part.replace(b"\n", b"\r\n") for part in r.parts]) if c.streams else r.bytes())),
    "usage is negative": (EITHER, usage(numbers(-5))),
    "usage is 2^63": (EITHER, usage(numbers(1 << 63))),
    "usage is text": (EITHER, usage(numbers("many"))),
    "no end mark": (EITHER, sends(no_mark)),
    "no last chunk": (EITHER, closes(lambda c, r, d: r.bytes()[:-5])),
    "the other kind": (EITHER, sends(as_stream)),
    "lone surrogate": (EITHER, in_the_middle(raw(rb"\ud800"))),
    "100s without end": (FAILS, more_heads),
    "silence": (FAILS, silence),
    "crawl": (EITHER, crawl),
    "stall": (BREAKS, stall),
    "rst": (FAILS, rst),
    "fin": (FAILS, fin),
    "rst at a byte": (BREAKS, cut("rst", True)),
    "fin at a byte": (BREAKS, cut("fin", True)),
    "fin in the body": (BREAKS, cut("fin", False)),
    "head of 1 MB": (FAILS, header(b"x-long: " + b"a" * (1 << 20) + b"\r\n")),
    "10000 headers": (FAILS, header(b"".join(b"x-%d: y\r\n" % i for i in range(10000)))),
    "broken header": (FAILS, pick(header(b"x-a: b\0c\r\n"), header(b"x-a: b\rc\r\n"), header(b"x-a: b\r\n  folded\r\n"), header(b"no colon\r\n"))),
    "two lengths": (FAILS, sends(lambda c, r, d: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")),
    "a length that is none": (FAILS, sends(lambda c, r, d: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: five\r\n\r\nabcde")),
    "length too short": (BREAKS, length(-40)),
    "length too long": (EITHER, length(40)),
    "size of a chunk": (FAILS, pick(*[sends(lambda c, r, d, s=s: r.head() + s + b"\r\nx\r\n") for s in (b"ffffffffffffffffff", b"-1", b"zz", b"")])),
    "garbage between chunks": (BREAKS, sends(lambda c, r, d: r.head() + chunk(r.parts[0]) + b"garbage\r\n" + chunk(b"x"))),
    "no body": (FAILS, pick(no_body(204), no_body(304))),
    "html": (FAILS, sends(html)),
    "gzip": (FAILS, encoded(gzip.compress)),
    "cut gzip": (FAILS, encoded(lambda body: gzip.compress(body)[:-12])),
    "gzip bomb": (FAILS, encoded(bomb)),
    "not UTF-8": (EITHER, in_the_middle(raw(b"\xff\xfe"))),
    "NUL": (EITHER, in_the_middle(raw(b"\0"))),
    "not JSON": (BREAKS, in_the_middle(lambda c, r, d: b'data: {"choices":[{\n\n' if c.streams else r.parts[0][:-9])),
    "error first": (FAILS, sends(early_error)),
    "error in the middle": (BREAKS, in_the_middle(lambda c, r, d: error_event(c) if c.streams else json.dumps(error_of(c)).encode())),
    "error at the end": (BREAKS, sends(late_error)),
    "400": (REFUSES, status(400, kind="invalid_request_error")),
    "422": (REFUSES, status(422, kind="invalid_request_error")),
    "401": (FAILS, status(401, kind="authentication_error")),
    "403": (FAILS, status(403, kind="permission_error")),
    "404": (FAILS, status(404, kind="not_found_error")),
    "408": (FAILS, status(408)),
    "413": (FAILS, status(413, kind="invalid_request_error")),
    "429": (FAILS, pick(*[status(429, line, "rate_limit_error") for line in (b"", b"Retry-After: 1\r\n", b"retry-after-ms: 20\r\n")])),
    "429 for long": (FAILS, pick(*[status(429, line, "rate_limit_error") for line in (b"Retry-After: 1000000000\r\n", b"Retry-After: Sun, 06 Nov 2044 08:49:37 GMT\r\n")])),
    "500": (FAILS, status(500)),
    "502": (FAILS, status(502)),
    "503": (FAILS, pick(status(503), status(503, b"Retry-After: 1\r\n"))),
    "529": (FAILS, status(529, kind="overloaded_error")),
    "302": (FAILS, status(302, b"Location: http://127.0.0.1:1/v1\r\n")),
}
