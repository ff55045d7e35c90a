#!/usr/bin/env python3
"""metering.py - what metering adds to the CPU time of a relayed chat of 1 KB.

    python3 tests/bench/metering.py [--build DIR] [--rounds N] [--requests N]

The same gateway without a ledger, with one, and with a budget of each mode, in turn. Prints the microseconds of CPU for a request: of the
thread that serves it, and of all others (those that sync the journal and bring its rows to the store), medians of the rounds. The goal is
at most 5 us more for the thread that serves it, with a ledger.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from machines import KEY, Broken, Gateway, Upstream, Workshop, cores

GOAL_US = 5
PRICE = "price = { input_usd_per_mtok = 0.15, output_usd_per_mtok = 0.6 }"
BUDGET = 'budget = { usd = 100000, per = "day", mode = "%s" }'
KINDS = {"none": None, "ledger": "", "expected": BUDGET % "expected", "strict": BUDGET % "strict"}


class Metered(Gateway):
    """The gateway of the bench with a price, and with what is metered by."""

    def __init__(self, upstream, shop, program, kind, number):
        super().__init__(upstream, shop, program)
        self.kind, self.folder = kind, shop.path("%s-%d" % (kind, number))

    def _config(self):
        config = super()._config().replace('{ "p-w1k/m" }', '{ "p-w1k/m", %s }' % PRICE)
        if KINDS[self.kind] is None:
            return config
        os.makedirs(self.folder)
        return config.replace('team "bench" { }', 'team "bench" { %s }' % KINDS[self.kind]) + (
            'ledger { path = "%s/ledger" }\nstore { path = "%s/rows.db" }\n' % (self.folder, self.folder))


def threads(pid):
    """Nanoseconds of CPU by thread, and whether it serves requests."""
    found = {}
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            spent = int(f.read().split()[0])
        with open("/proc/%d/task/%s/comm" % (pid, task), encoding="ascii") as f:
            found[task] = spent, f.read().startswith("gw-worker")
    return found


def load(system, shop, requests):
    argv = [shop.path("load"), "--url", system.url("w1k"), "--model", "w1k", "--key", KEY, "--connections", "32",
            "--warmup", "0", "--seconds", "120", "--requests", str(requests)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Broken("the load failed: " + done.stdout[-500:] + done.stderr[-500:])


def measure(system, shop, requests):
    """Microseconds for a request: of the threads that serve, of all others."""
    system.start()
    try:
        load(system, shop, 2000)
        time.sleep(1)
        before = threads(system.pid)
        load(system, shop, requests)
        time.sleep(2)  # what is behind is delivered
        spent = [0, 0]
        for task, (now, serves) in threads(system.pid).items():
            spent[not serves] += now - before.get(task, (0, serves))[0]
        return [ns / requests / 1000 for ns in spent]
    finally:
        system.stop()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "..", "..", "build"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--requests", type=int, default=40000)
    args = options.parse_args()
    shop = Workshop()
    shop.compile()
    upstream = Upstream(shop)
    program = os.path.abspath(os.path.join(args.build, "llm-gateway"))
    figures = {kind: [] for kind in KINDS}
    try:
        for number in range(args.rounds):
            for kind in KINDS:
                figures[kind].append(measure(Metered(upstream, shop, program, kind, number), shop, args.requests))
            print("round %d of %d" % (number + 1, args.rounds), file=sys.stderr, flush=True)
    finally:
        upstream.stop()
    serves, others = ({kind: statistics.median(row[i] for row in rows) for kind, rows in figures.items()} for i in (0, 1))
    for kind, rows in figures.items():
        print("%-9s serving %6.1f us [%.1f %.1f]  %+5.1f   other threads %5.1f us" % (
            kind, serves[kind], min(row[0] for row in rows), max(row[0] for row in rows), serves[kind] - serves["none"], others[kind]))
    more = serves["ledger"] - serves["none"]
    print("with a ledger %.1f us more, the goal is %d" % (more, GOAL_US))
    return 1 if more > GOAL_US else 0


if __name__ == "__main__":
    sys.exit(main())
