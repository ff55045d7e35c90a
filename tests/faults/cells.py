#!/usr/bin/env python3
"""cells.py - one of two targets fails: does a client notice? A cell is a strategy and a fault.

    python3 tests/faults/cells.py [--build DIR] [--full] [--seed N] [--count N] [--jobs N] [STRATEGY/FAULT ...]

Quick: weighted with a target that is down, that hangs, that fails half of its requests; 40 requests a second for 30 s after a
healthy beginning. --full: every strategy and fault, 80 s, so that each cell has more than 3,000 requests.

Beside them the cells of the other files here (MORE): each has a size (requests, reloads, seconds) for the quick run and one for --full, and --count sets another one. The seed decides
what happens, as far as it is not a matter of time; it stands in the line of each cell.

Of each cell: at most 0.1 % of the requests of the whole window without a good answer; from 10 s after the fault on (20 % of
failures: 20 s) p95 at most twice that of the beginning, or 10 s for a target that hangs; at most 1.1 attempts a request.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading

import adaptive
import exchanges
import leaving
import outage
import overload
import reloads
from faulty import FAULTS, Provider, p95, run

HEALTHY_S = 6
STRATEGIES = {
    "order": 'strategy = "order"', "weighted": 'strategy = "weighted"', "least_busy": 'strategy = "least_busy"',
    "lowest_latency": 'strategy = "lowest_latency"', "lowest_cost": 'strategy = "lowest_cost"',
    "sticky": 'strategy = "weighted", sticky = "conversation"',
}
MORE = {  # who runs it, how much of it in the quick run, and with --full
    "overload/plain": (overload.cell, 15, 300), "overload/critical": (overload.cell, 15, 300),
    "exchanges/sharp": (exchanges.cell, 2000, 70000), "exchanges/health": (exchanges.cell, 1000, 30000),
    "leaving/anywhere": (leaving.cell, 500, 10000), "reload/streams": (reloads.cell, 5, 100),
    "outage/refused": (outage.cell, 10, 60), "outage/500": (outage.cell, 10, 60), "outage/hang": (outage.cell, 10, 60),
    "adaptive/high": (adaptive.cell, 15, 60), "adaptive/low": (adaptive.cell, 15, 60),
}
# First those whose times count, then those that take all the processor that there is.
TIMED = ("weighted/down", "weighted/hang", "weighted/50%", "overload/plain", "overload/critical", "adaptive/high", "outage/refused", "outage/500", "outage/hang")
BUSY = ("exchanges/sharp", "exchanges/health", "leaving/anywhere", "reload/streams", "adaptive/low")
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


def one(name, full, count, seed):
    strategy, _, fault = name.partition("/")
    if name in MORE:
        run_cell, quick, most = MORE[name]
        words, wrong = run_cell(fault, count or (most if full else quick), seed)
    else:
        figures, wrong = cell(strategy, fault, 80 if full else 30, seed)
        words = "%5d requests, %3d errors, p95 %.3f -> %.3f s, %.3f attempts a request" % (
            figures["requests"], figures["errors"], figures["p95 before"], figures["p95 after"], figures["attempts"])
    print("%-7s %-24s %s, seed %d" % ("FAILED" if wrong else "ok", name, words, seed) + "".join("\n        " + why for why in wrong[:8]))
    sys.stdout.flush()
    return 1 if wrong else 0


def run_all(names, jobs, more):
    """Runs each in a process of its own: threads of one Python would delay each other. Returns their exit codes."""
    room, results, lock = threading.Semaphore(jobs), [], threading.Lock()

    def start(name):
        with room:
            done = subprocess.run([sys.executable, os.path.abspath(__file__), "--one", *more, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with lock:
                sys.stdout.write(done.stdout or "FAILED  %s\n%s" % (name, done.stderr[-2000:]))
                sys.stdout.flush()
                results.append(done.returncode)

    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "asan"))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("cells", nargs="*")
    args = parser.parse_args()
    os.environ["GW_BUILD"] = os.path.abspath(args.build)
    if args.one:
        return one(args.cells[0], args.full, args.count, args.seed)
    names = args.cells or ([s + "/" + f for s in STRATEGIES for f in FAULTS] + list(MORE) if args.full else TIMED + BUSY)
    more = ["--build", args.build, "--seed", str(args.seed), "--count", str(args.count)] + (["--full"] if args.full else [])
    results = run_all([name for name in names if name not in BUSY], args.jobs, more) + run_all([name for name in names if name in BUSY], 2, more)
    failed = sum(1 for code in results if code)
    print("faults: %d passed, %d failed, 0 skipped" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
