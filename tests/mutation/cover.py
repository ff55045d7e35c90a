"""Which unit tests run which lines, and how long each test takes on the tree as it is."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from mutant import function_at


def digest(tree, tops, more):
    """Changes with every C source below the folders `tops`."""
    total = hashlib.sha256(more)
    for top in tops:
        for file in sorted((tree / top).rglob("*.[ch]")):
            total.update(str(file).encode() + file.read_bytes())
    return total.hexdigest()


def lines_run(base, place, matters):
    """(file of the tree, gcov's record of a line) of what was run while GCOV_PREFIX was `place`, which is removed."""
    for data in place.rglob("*.gcda"):
        notes = "/" / data.relative_to(place).with_suffix(".gcno")
        if not matters(notes.name):
            continue
        shutil.copy(notes, data.with_suffix(".gcno"))
        said = subprocess.run(["gcov", "--json-format", "--stdout", data], capture_output=True, cwd=place).stdout
        for file in json.loads(said or b'{"files":[]}')["files"]:
            path = os.path.relpath(os.path.join("/", file["file"]), base.tree)
            for line in file["lines"]:
                yield path, line
    shutil.rmtree(place, ignore_errors=True)


def empty(place):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


class EndToEnd:
    """Which end-to-end files run which lines of the gateway and of its plugins. Each file is measured when it is first asked
    for. Lines that only a process runs which is killed are not seen."""

    def __init__(self, base):
        self.base, self.build = base, base.place / "cover-e2e"
        self.kept = base.place / "cover-e2e.json"
        self.held = json.loads(self.kept.read_text()) if self.kept.is_file() else {}
        self.state = None

    def prepare(self):
        from bed import COVERED, checked
        self.state = digest(self.base.tree, ("core", "sdk", "plugins"), b"")
        self.base.configure(self.build, [f"-DCMAKE_C_FLAGS_DEBUG={COVERED.format('.*')}"])
        checked(["cmake", "--build", self.build, "--target", "llm-gateway", "plugins/all"])

    def of(self, name):
        """{"seconds", "lines": {source: {line: did it run}}} of an end-to-end file; "seconds" None: it fails."""
        from bed import ended
        if self.state is None:
            self.prepare()
        text = (self.base.tree / "tests/e2e" / name).read_bytes()
        state = hashlib.sha256(self.state.encode() + text).hexdigest()
        if self.held.get(name, {}).get("state") != state:
            place = empty(self.base.place / "gcda" / name)
            began = time.monotonic()
            status = ended(["python3", str(self.base.tree / "tests/e2e/run.py"), "--build", str(self.build), name], 900,
                           env=dict(self.base.env, GCOV_PREFIX=str(place)), cwd=self.base.tree)
            seconds = time.monotonic() - began
            lines = {}
            for path, line in lines_run(self.base, place, lambda _: True):
                of, number = lines.setdefault(path, {}), str(line["line_number"])
                of[number] = of.get(number, False) or line["count"] > 0
            self.held[name] = {"state": state, "seconds": seconds if status == 0 else None, "lines": lines}
            self.kept.write_text(json.dumps(self.held))
            print(f"mutation: {name}: {seconds:.0f} s{'' if status == 0 else ', fails on the unchanged tree'}", flush=True)
        return self.held[name]

    def tests(self, mutant, names):
        """Of the end-to-end files `names`, in their order, those that run the mutant's line; as Cover.tests() where that is no
        line of code or is commented out: (name, seconds)."""
        found = [(name, self.of(name)) for name in names]
        found = [(name, one["seconds"], one["lines"].get(mutant.file, {})) for name, one in found if one["seconds"]]
        line = str(mutant.line)
        if mutant.new.startswith("/*") or not any(line in lines for _, _, lines in found):
            text = mutant.text.splitlines()
            wanted = [str(at + 1) for at in range(len(text)) if function_at(text, at) == mutant.function]
            return [(name, seconds) for name, seconds, lines in found if any(lines.get(one) for one in wanted)]
        return [(name, seconds) for name, seconds, lines in found if lines.get(line)]


class Cover:
    """Of the files `names`, by the tests of one room. A test that does not run a line cannot notice its change."""

    def __init__(self, base, build, room, names):
        self.base, self.build, self.room, self.names = base, build, room, names
        self.state = digest(base.tree, ("core", "sdk", "plugins", f"tests/unit/{room}"), repr(names).encode())
        kept = base.place / f"cover-{room}.json"
        held = json.loads(kept.read_text()) if kept.is_file() else {}
        if held.get("state") != self.state:
            held = {"state": self.state, "tests": self.measure()}
            kept.write_text(json.dumps(held))
        self.held = held["tests"]

    def measure(self):
        runner = self.base.build / f"tests/plain-{self.room}"
        listed = subprocess.run([runner, "--list"], capture_output=True, text=True, check=True).stdout.split()
        print(f"mutation: {self.room}: {len(listed)} unit tests are measured", flush=True)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(self.of_test, listed))
        left_out = [test for test, one in zip(listed, found) if one is None]
        if left_out:
            print(f"mutation: left out, fail on the unchanged tree: {' '.join(left_out)}", flush=True)
        return {test: one for test, one in zip(listed, found) if one}

    def passes(self, test):
        from bed import ended
        began = time.monotonic()
        status = ended([str(self.base.build / f"tests/plain-{self.room}"), test], 60, env=self.base.env, cwd=self.base.tree)
        return time.monotonic() - began if status == 0 else None

    def of_test(self, test):
        from bed import ended
        seconds = self.passes(test) or self.passes(test)
        if not seconds:
            return None
        place = empty(self.base.place / "gcda" / f"{self.room}-{test.replace('::', '-')}")
        env = dict(os.environ, GCOV_PREFIX=str(place), GW_BUILD=str(self.build))
        if ended([str(self.build / f"tests/plain-{self.room}"), test], 60, env=env, cwd=self.base.tree) is None:
            return {"seconds": seconds, "lines": None}
        lines = {}
        for path, line in lines_run(self.base, place, self.matters):
            if path in self.names:
                self.note(lines.setdefault(path, {}), line)
        return {"seconds": seconds, "lines": lines}

    def note(self, lines, line):
        """Line -> its function and whether it ran: in one place at least, where it was copied."""
        if "function_name" in line:
            before = lines.get(str(line["line_number"]), [None, False])
            lines[str(line["line_number"])] = [line["function_name"], before[1] or line["count"] > 0]

    def matters(self, notes):
        source = notes.removesuffix(".gcno").removesuffix(".c")
        return source.startswith("linked_") or any(name.endswith(f"/{source}.c") for name in self.names)

    def tests(self, mutant):
        """The tests that run the mutant's line, quick ones first; of a line without code, or one that is commented out so
        that another follows its `if`, those that run its function, and of one outside of functions all: (name, seconds)."""
        seen, unseen, of_line, of_function = False, [], [], []
        for test, one in self.held.items():
            if one["lines"] is None:  # it took too long to be seen
                unseen.append((test, one["seconds"]))
                continue
            lines = one["lines"].get(mutant.file, {})
            known = lines.get(str(mutant.line))
            seen = seen or known is not None
            if known and known[1]:
                of_line.append((test, one["seconds"]))
            if any(function == mutant.function and ran for function, ran in lines.values()):
                of_function.append((test, one["seconds"]))
        everything = [(test, one["seconds"]) for test, one in self.held.items()]
        chosen = of_line if seen and not mutant.new.startswith("/*") else of_function if mutant.function else everything
        return sorted(chosen, key=lambda pair: pair[1]) + (unseen if chosen is not everything else [])
