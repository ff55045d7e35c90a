#!/usr/bin/env python3
"""http11probe.py - runs the Http11Probe cases against a test build of the gateway (its echo route).

Judged are the cases with statuses and those with a rule; 25 more are judged by bodies or headers of
their own servers and are not run. A case differs when its verdict is "fail"; "warn" is allowed.
Exit 1 when a case differs that is not in KNOWN, or more than the goal.
"""
import base64
import sys

from wire import TwoAnswers, Wire, arguments, every, load

MOST, MOST_SMUGGLING = 8, 1

# Each case that differs, and why it stays.
KNOWN = {
    "MAL-CHUNK-EXT-64K": "libmicrohttpd 1.0.1 falls silent at a chunk's size line that is too long for its buffer; "
                         "the deadline for bodies ends the connection",
    "MAL-CHUNK-SIZE-OVERFLOW": "libmicrohttpd itself answers 413 and closes: only 400 counts",
    "MAL-CL-OVERFLOW": "libmicrohttpd itself answers 413 and closes: only 400 counts",
    "MAL-POST-CL-HUGE-NO-BODY": "a body over the limit is answered with 413 at once: only 400 counts",
}

SILENCE = 2.0  # no answer for so long: "timeout"
SETTLE = 0.3   # an answered connection that is not closed after it: "open"


def raw(step):
    return base64.b64decode(step["raw_b64"]).replace(b"{{HOST}}", b"localhost:8080")


def by_status(case, port):
    expect = case["expect"]
    with Wire(port) as wire:
        sent = raw(case["steps"][0])
        wire.send(sent)
        answer = wire.answer(SILENCE, head=sent.startswith(b"HEAD"))
        if answer is None:
            what = "closed" if wire.closed else "timeout"
            return expect["no_response"][what], what
        state = "closed" if wire.is_closed(SETTLE) else "open"
    for verdict, statuses in expect["status"].items():
        if answer.status in statuses:
            if ":" in verdict:
                verdict = dict(part.split(":") for part in verdict.split(","))[state]
            return verdict, f"{answer.status}, {state}"
    return "fail", f"{answer.status}, {state}"


def by_rule(case, port):
    rule = case["expect"]["rule"]
    steps = [raw(step) for step in case["steps"]]
    with Wire(port) as wire:
        wire.send(steps[0])
        first = wire.answer(SILENCE)
        if first is None:
            return ("pass", "closed") if wire.closed else ("fail", "timeout")
        if rule == "pipeline":
            wire.send(steps[1])
            second = wire.answer(SILENCE)
            good = first.status // 100 == 2 and second is not None and second.status // 100 == 2
            return ("pass" if good else "fail"), f"{first.status}, then {second and second.status}"
        closed = wire.is_closed(SETTLE)
        extra = wire.answer(0.01) if wire.data else None
        if extra is not None:
            return "fail", f"{first.status}, and {extra.status} to bytes that were body"
        if first.status // 100 == 4 or closed:
            return "pass", f"{first.status}, {'closed' if closed else 'open'}"
        if rule == "prefer_reject":
            return "warn", f"{first.status}, open"
        return "fail", f"{first.status}, open"


def judge(case, port):
    try:
        return by_status(case, port) if "status" in case["expect"] else by_rule(case, port)
    except OSError as error:
        return "fail", f"no connection: {error}"


def control(cases):
    """The runner must see a smuggled answer when there is one."""
    server = TwoAnswers()
    case = next(case for case in cases if case["expect"].get("rule") == "reject_or_close")
    verdict, what = judge(case, server.port)
    server.close()
    if verdict != "fail" or "bytes that were body" not in what:
        print(f"http11probe: the control was not detected: {verdict}, {what}")
        sys.exit(1)


def main():
    args = arguments(__doc__)
    cases = load("vectors", "http11probe", "cases.json")
    judged = [case for case in cases if "status" in case["expect"] or "rule" in case["expect"]]
    control(judged)
    results = every(lambda case: judge(case, args.port), judged, args.jobs)

    differ, smuggling, failed = 0, 0, 0
    for case, (verdict, what) in zip(judged, results):
        known = KNOWN.get(case["id"])
        if args.verbose:
            print(f"{verdict:5}{case['id']}: {what}")
        if verdict != "fail":
            if known:
                print(f"no longer differs: {case['id']} ({what})")
            continue
        differ += 1
        smuggling += case["category"] == "Smuggling"
        failed += known is None
        print(f"differs: {case['id']} ({case['level']}, {case['category']}): {what}. {known or 'NOT KNOWN'}")
    too_many = differ > MOST or smuggling > MOST_SMUGGLING
    print(f"{differ} of {len(judged)} cases differ, {smuggling} of them smuggling "
          f"(goal: at most {MOST} and {MOST_SMUGGLING}); {len(cases) - len(judged)} are judged by bodies or headers")
    print(f"http11probe: {len(judged) - differ} passed, {failed} failed, "
          f"{differ - failed + len(cases) - len(judged)} skipped")
    return 1 if failed or too_many else 0


if __name__ == "__main__":
    sys.exit(main())
