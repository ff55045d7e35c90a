#!/usr/bin/env python3
"""cells.py - one of two targets fails: does a client notice? A cell is a strategy and a fault.

    python3 tests/faults/cells.py [--build DIR] [--full] [--seed N] [--jobs N] [STRATEGY/FAULT ...]

Quick: weighted with a target that is down, that hangs, that fails half of its requests; 40 requests a second for 30 s after a
healthy beginning. --full: every strategy and fault, 80 s, so that each cell has more than 3,000 requests.

Beside them the cells of overload.py: overload/plain and overload/critical, 15 s each, with --full 5 minutes.

Of each cell: at most 0.1 % of the requests of the whole window without a good answer; from 10 s after the fault on (20 % of
failures: 20 s) p95 at most twice that of the beginning, or 10 s for a target that hangs; at most 1.1 attempts a request.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading

import faulty
import overload
from faulty import FAULTS, Provider, p95, run

HEALTHY_S = 6
STRATEGIES = {
    "order": 'strategy = "order"', "weighted": 'strategy = "weighted"', "least_busy": 'strategy = "least_busy"',
    "lowest_latency": 'strategy = "lowest_latency"', "lowest_cost": 'strategy = "lowest_cost"',
    "sticky": 'strategy = "weighted", sticky = "conversation"',
}
QUICK = ("weighted/down", "weighted/hang", "weighted/50%", "overload/plain", "overload/critical")
OVERLOADS = ["overload/plain", "overload/critical"]
PRICE = "price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }"


def serve(strategy, providers):
    from harness import Gateway, provider
    lua = "".join(provider(name, p.url, PRICE) for name, p in zip("ab", providers))
    lua += 'model "m" { "a/real", "b/real", %s }\n' % STRATEGIES[strategy]
    return Gateway(lua, env={"GW_TEST_HEALTH": "1"})


def cell(strategy, fault, seconds, seed, rate=40):
    """Runs it; returns its figures and what was not as promised."""
    a, b = Provider(seed), Provider(seed + 1)
    gw = serve(strategy, (a, b))
    late = 20 if fault == "20%" else 10
    try:
        asked = run(gw.port, rate, HEALTHY_S + seconds, [(HEALTHY_S, lambda: a.break_down(fault))])
        for p in (a, b):
            p.stop()
        lines = gw.stop()  # nothing leaks, no report of a sanitizer, one line for each request
    finally:
        for p in (a, b):
            p.stop()
        gw.kill()
    if len(lines) != len(asked):
        raise AssertionError("%d requests, and %d lines in the access log" % (len(asked), len(lines)))
    before = [x for x in asked if 2 <= x.due < HEALTHY_S - 1]
    during = [x for x in asked if x.due >= HEALTHY_S]
    after = [x for x in asked if x.due >= HEALTHY_S + late]
    bad = [x for x in during if not x.good]
    attempts = sum(len(line["attempts"]) for line in lines) / max(1, len(lines))
    figures = {"requests": len(during), "errors": len(bad), "p95 before": p95(before), "p95 after": p95(after), "attempts": attempts}
    wrong = []
    if len(bad) > max(1, len(during)) / 1000:
        wrong.append("%d of %d requests failed; the first: %s" % (len(bad), len(during), bad[0].why))
    limit = max(10.0, 2 * p95(before)) if fault == "hang" else 2 * p95(before)
    if p95(after) > limit:
        wrong.append("p95 is %.3f s, and was %.3f s" % (p95(after), p95(before)))
    if attempts > 1.1:
        wrong.append("%.3f attempts a request" % attempts)
    if any(not x.good for x in before):
        wrong.append("a request failed before the fault: %s" % next(x.why for x in before if not x.good))
    return figures, wrong


def one(name, seconds, seed):
    strategy, _, fault = name.partition("/")
    if strategy == "overload":
        words, wrong = overload.cell(fault, 300 if seconds > 30 else 15, seed)
        print("%-7s %-24s %s" % ("FAILED" if wrong else "ok", name, words) + "".join("\n        " + why for why in wrong))
        return 1 if wrong else 0
    figures, wrong = cell(strategy, fault, seconds, seed)
    print("%-7s %-24s %5d requests, %3d errors, p95 %.3f -> %.3f s, %.3f attempts a request" % (
        "FAILED" if wrong else "ok", name, figures["requests"], figures["errors"], figures["p95 before"], figures["p95 after"], figures["attempts"]))
    for why in wrong:
        print("        " + why)
    sys.stdout.flush()
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "asan"))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("cells", nargs="*")
    args = parser.parse_args()
    os.environ["GW_BUILD"] = os.path.abspath(args.build)
    names = args.cells or ([s + "/" + f for s in STRATEGIES for f in FAULTS] + OVERLOADS if args.full else list(QUICK))
    seconds = 80 if args.full else 30
    if args.one:
        return one(names[0], seconds, args.seed)
    # A process of its own for each cell: threads of one Python would delay each other.
    room, results, lock = threading.Semaphore(args.jobs), [], threading.Lock()

    def start(name):
        with room:
            command = [sys.executable, os.path.abspath(__file__), "--one", "--build", args.build, "--seed", str(args.seed)]
            done = subprocess.run(command + (["--full"] if args.full else []) + [name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with lock:
                sys.stdout.write(done.stdout or "FAILED  %s\n%s" % (name, done.stderr[-2000:]))
                sys.stdout.flush()
                results.append(done.returncode)

    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = sum(1 for code in results if code)
    print("faults: %d passed, %d failed, 0 skipped" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
