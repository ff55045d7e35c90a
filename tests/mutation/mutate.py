"""Draws mutants, builds each and runs the tests of its room. Started by run.sh, which explains the arguments."""

import argparse
import json
import os
import pathlib
import random
import sys
import threading
import time

from bed import Bed
from mutant import all_mutants, read_equivalents

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def parse():
    parser = argparse.ArgumentParser(prog="tests/mutation/run.sh")
    parser.add_argument("--place", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="mutants at the same time, each in a tree of its own")
    parser.add_argument("--unit-only", action="store_true", help="do not ask the end-to-end tests")
    parser.add_argument("--json", type=pathlib.Path, metavar="OUT", help="the result of each mutant")
    parser.add_argument("files", nargs="+", metavar="FILE")
    return parser.parse_args()


def sources(words):
    """The C files that were named, from the tree's top."""
    names = []
    for word in words:
        place = pathlib.Path(word).resolve()
        found = sorted(place.rglob("*.c")) if place.is_dir() else [place]
        if not found or not found[0].is_file():
            raise SystemExit(f"mutation: there is no C file {word}")
        names += [str(file.relative_to(ROOT)) for file in found]
    return names


class Run:
    """The mutants that wait, and what became of the others. Shared by the beds' threads."""

    def __init__(self, options, mutants):
        self.lock = threading.Lock()
        self.waiting = mutants
        self.sample = options.sample or len(mutants)
        self.equivalents = read_equivalents(HERE / "equivalent.txt")
        self.results = []
        self.begun = 0
        self.started = time.monotonic()

    def next(self):
        with self.lock:
            if self.begun >= self.sample or not self.waiting:
                return None
            self.begun += 1
            return self.waiting.pop(0)

    def add(self, mutant, noticed_by):
        """noticed_by: a test's name; None when it survived; "" when it is no mutant: it does not compile, or to the same code."""
        with self.lock:
            if noticed_by == "":
                self.begun -= 1  # another one is drawn for it
                return
            reason = self.equivalents.get(mutant.key()) if noticed_by is None else None
            state = "noticed" if noticed_by else "equivalent" if reason else "SURVIVED"
            self.results.append((mutant, state, noticed_by))
            minutes = (time.monotonic() - self.started) / 60
            print(f"{len(self.results):4}/{self.sample} {minutes:5.1f} min  {state:10} {mutant.where()}  "
                  f"{mutant.change()}  {noticed_by or reason or ''}", flush=True)

    def work(self, bed):
        while (mutant := self.next()) is not None:
            self.add(mutant, bed.judge(mutant))


def main():
    options = parse()
    names = sources(options.files)
    mutants = all_mutants(ROOT, names)
    if options.sample:
        random.Random(options.seed).shuffle(mutants)
    print(f"mutation: {len(mutants)} mutants of {len(names)} files; "
          f"{options.sample or 'all'} are tried, seed {options.seed}", flush=True)
    beds = [Bed(ROOT, options.place / str(job), not options.unit_only) for job in range(options.jobs)]
    for bed in beds:
        bed.prepare(names)

    run = Run(options, mutants)
    threads = [threading.Thread(target=run.work, args=(bed,)) for bed in beds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    states = [state for _, state, _ in run.results]
    survived = states.count("SURVIVED")
    total = len(states) - states.count("equivalent")
    if survived:
        print("\nNo test noticed these:")
    for mutant, state, _ in run.results:
        if state == "SURVIVED":
            print(f"{mutant.where()} in {mutant.function}\n  - {mutant.old}\n  + {mutant.new}")
    if options.json:
        options.json.write_text(json.dumps([
            {"file": m.file, "line": m.line, "function": m.function, "old": m.old, "new": m.new, "state": state, "by": by}
            for m, state, by in run.results], indent=1))
    noticed = states.count("noticed")
    share = 100 * noticed / total if total else 100
    print(f"mutation: {noticed} of {total} noticed ({share:.1f} %), {survived} survived, "
          f"{states.count('equivalent')} equivalent")
    return 1 if survived or not states else 0


if __name__ == "__main__":
    os.environ.setdefault("GW_SHARED", str(ROOT.parent / "shared"))
    sys.exit(main())
