#!/usr/bin/env python3
"""te_mutations.py - 1,703 obfuscated Transfer-Encoding lines against a test build of the gateway.

Each request has one of them and a Content-Length, and a body that is the end of a chunked one with a
request behind it. When that request is answered, it was smuggled. Goal: none smuggled, none hung.
"""
import base64
import sys

from wire import TwoAnswers, Wire, arguments, every, load

SILENCE = 5.0
BODY = b"0\r\n\r\nGET /smug HTTP/1.1\r\nHost: localhost\r\n\r\n"
# What a connection that is still in step says to this, and nothing else.
CHECK = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def run(line, port):
    """"refused", "ignored" (answered once, still in step), "smuggled", or "hung"."""
    try:
        with Wire(port) as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + line +
                      b"\r\nContent-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY)
            first = wire.answer(SILENCE)
            if first is None:
                return "refused" if wire.closed else "hung"
            if wire.data:
                return "smuggled"
            if first.headers.get(b"connection") == b"close":
                return "refused" if wire.is_closed(SILENCE) and not wire.data else "smuggled"
            wire.send(CHECK)
            second = wire.answer(SILENCE)
            if second is None:
                return "refused" if wire.closed else "hung"
            third = wire.answer(SILENCE)
            in_step = second.status == 200 and second.body == b"ok\n" and third is None and wire.closed
            return "ignored" if in_step else "smuggled"
    except OSError as error:
        return f"no connection: {error}"


def main():
    args = arguments(__doc__)
    cases = load("vectors", "te-mutations", "te-lines.json")
    lines = [base64.b64decode(case["te_line_b64"]) for case in cases]

    server = TwoAnswers()
    seen = run(lines[0], server.port)
    server.close()
    if seen != "smuggled":
        print(f"te-mutations: the control was not detected: {seen}")
        return 1

    results = every(lambda line: run(line, args.port), lines, args.jobs)
    failed = 0
    for case, line, result in zip(cases, lines, results):
        if args.verbose:
            print(f"{result:10}{case['set']}/{case['name']} {line!r}")
        if result not in ("refused", "ignored"):
            failed += 1
            print(f"{result}: {case['set']}/{case['name']} {line!r}")
    print(f"{results.count('smuggled')} of {len(lines)} smuggled, {results.count('hung')} hung; "
          f"{results.count('refused')} refused, {results.count('ignored')} answered by Content-Length")
    print(f"te-mutations: {len(lines) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
