"""Draws mutants, builds each and runs the tests of its room. Started by run.sh, which explains the arguments."""

import argparse
import hashlib
import json
import os
import pathlib
import random
import sys
import threading
import time

from bed import Base, Bed
from mutant import all_mutants, read_equivalents

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def parse():
    parser = argparse.ArgumentParser(prog="tests/mutation/run.sh")
    parser.add_argument("--place", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR", help="a build of this tree with the address sanitizer")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="mutants at the same time, each in a tree of its own")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no mutant after so long")
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


class Kept:
    """What became of each mutant, in a file, so that a run that was stopped goes on.

    A mutant is known by its whole text: what was noticed stays noticed while the file stays as it is. What survived is
    asked again when the tests changed."""

    def __init__(self, file, tests):
        self.file, self.tests = file, tests
        self.held = json.loads(file.read_text()) if file.is_file() else {}

    def get(self, mutant):
        """(state, by): "noticed"; "same": no mutant; "unit": no unit test noticed; "survived"; None: not known."""
        state, by, tests = self.held.get(mutant.digest(), (None, None, None))
        return (state, by) if state in ("noticed", "same") or tests == self.tests else (None, None)

    def put(self, mutant, state, by):
        self.held[mutant.digest()] = (state, by, self.tests)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.held))
        new.replace(self.file)


class Run:
    """The mutants that wait, and what became of the others. Shared by the beds' threads."""

    def __init__(self, options, mutants, kept):
        self.lock = threading.Lock()
        self.waiting = mutants
        self.sample = options.sample or len(mutants)
        self.end_to_end = not options.unit_only
        self.ends = time.monotonic() + 60 * options.minutes if options.minutes else None
        self.kept = kept
        self.equivalents = read_equivalents(ROOT, HERE / "equivalent.txt")
        self.results = []
        self.begun = 0
        self.started = time.monotonic()

    def next(self):
        with self.lock:
            if self.begun >= self.sample or not self.waiting or (self.ends and time.monotonic() > self.ends):
                return None
            self.begun += 1
            return self.waiting.pop(0)

    def judge(self, mutant, bed):
        """("noticed" | "equivalent" | "SURVIVED" | "same", the test or the reason)."""
        with self.lock:
            state, by = self.kept.get(mutant)
            reason = self.equivalents.get(mutant.key())
        if state in ("noticed", "same", "survived"):
            pass
        elif state == "unit" and (reason or not self.end_to_end):
            state = "survived"
        else:
            unit, other = bed.judge(mutant, state == "unit")
            by = unit or other
            state = "same" if "" in (unit, other) else "noticed" if by else "survived" if self.end_to_end else "unit"
            with self.lock:
                self.kept.put(mutant, state, by)
        if state in ("unit", "survived"):
            return ("equivalent", reason) if reason else ("SURVIVED", None)
        return state, by

    def add(self, mutant, state, by):
        with self.lock:
            if state == "same":
                self.begun -= 1  # another one is drawn for it
                return
            self.results.append((mutant, state, by))
            minutes = (time.monotonic() - self.started) / 60
            print(f"{len(self.results):4}/{self.sample} {minutes:5.1f} min  {state:10} {mutant.where()}  "
                  f"{mutant.change()}  {by or ''}", flush=True)

    def work(self, bed):
        while (mutant := self.next()) is not None:
            self.add(mutant, *self.judge(mutant, bed))


def digest_of_tests():
    total = hashlib.sha256()
    for top in ("tests/unit", "tests/e2e"):
        for file in sorted((ROOT / top).rglob("*")):
            if file.suffix in (".c", ".h", ".py"):
                total.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return total.hexdigest()[:16]


def main():
    options = parse()
    names = sources(options.files)
    mutants = all_mutants(ROOT, names)
    if options.sample:
        random.Random(options.seed).shuffle(mutants)
    print(f"mutation: {len(mutants)} mutants of {len(names)} files; "
          f"{options.sample or 'all'} are tried, seed {options.seed}", flush=True)
    base = Base(ROOT, options.place, names, options.build)
    rooms = "-".join(base.rooms)
    beds = [Bed(base, options.place / f"bed-{rooms}-{job}", not options.unit_only) for job in range(options.jobs)]
    run = Run(options, mutants, Kept(options.place / f"kept-{rooms}.json", digest_of_tests()))
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
    unit = sum("::" in by for _, state, by in run.results if state == "noticed")
    print(f"mutation: {noticed} of {total} noticed ({share:.1f} %): {unit} by unit tests, {noticed - unit} end to end; "
          f"{survived} survived, {states.count('equivalent')} equivalent")
    return 1 if survived or not states else 0


if __name__ == "__main__":
    os.environ.setdefault("GW_SHARED", str(ROOT.parent / "shared"))
    sys.exit(main())
