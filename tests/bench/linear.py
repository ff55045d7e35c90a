#!/usr/bin/env python3
"""linear.py - does the CPU time for a part of an answer or a request grow with the number of parts?

    python3 tests/bench/linear.py [--build DIR] [--only WORDS] [--quick]

For every face and provider: answers of 1,000, 10,000 and 100,000 calls and blocks, of 100 and 1,000 choices, requests of 1,000 and
2,000 turns, 1,000 and 5,000 tools. Prints microseconds of CPU for each part, and what the most parts cost to the least: 1.3 is the goal.
Ends with 1 where one is over it.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

GOAL = 1.3


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--build")
    options.add_argument("--only", default="", help="ways whose name has these words in it")
    options.add_argument("--quick", action="store_true", help="up to 10,000 parts")
    args = options.parse_args()
    if args.build:
        os.environ["GW_BUILD"] = os.path.abspath(args.build)
    import linear  # reads GW_BUILD

    over = 0
    with linear.Bench() as bench:
        for way in linear.ways():
            if not all(word in way.name for word in args.only.split()):
                continue
            sizes = {"turns": (1000, 2000), "tools": (1000, 5000), "choices": (100, 1000)}.get(way.kind, (1000, 10000, 100000))
            if args.quick:
                sizes = sizes[:2]
            costs = [bench.per_part(way, n, max(3, 10000 // n)) for n in sizes]
            ratio = max(costs[1:]) / costs[0]
            over += ratio > GOAL
            print("%-48s %s   %.2f%s" % (way.name, "  ".join("%7.2f us" % (c / 1000) for c in costs), ratio,
                                         "  OVER" if ratio > GOAL else ""), flush=True)
    print("%d over %.1f" % (over, GOAL))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
