"""Which unit tests run which lines, and how long each test takes on the tree as it is."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor


class Cover:
    """Of the files `names`, by the tests of one room. A test that does not run a line cannot notice its change."""

    def __init__(self, base, build, room, names):
        self.base, self.build, self.room, self.names = base, build, room, names
        self.state = self.digest()
        kept = base.place / f"cover-{room}.json"
        held = json.loads(kept.read_text()) if kept.is_file() else {}
        if held.get("state") != self.state:
            held = {"state": self.state, "tests": self.measure()}
            kept.write_text(json.dumps(held))
        self.held = held["tests"]

    def digest(self):
        """Changes with every source of the room's tests and of the program."""
        total = hashlib.sha256(repr(self.names).encode())
        for top in ("core", "sdk", "plugins", f"tests/unit/{self.room}"):
            for file in sorted((self.base.tree / top).rglob("*.[ch]")):
                total.update(str(file).encode() + file.read_bytes())
        return total.hexdigest()

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
        place = self.base.place / "gcda" / f"{self.room}-{test.replace('::', '-')}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        env = dict(os.environ, GCOV_PREFIX=str(place))
        if ended([str(self.build / f"tests/plain-{self.room}"), test], 60, env=env, cwd=self.base.tree) is None:
            return {"seconds": seconds, "lines": None}
        lines = {}
        for data in place.rglob("*.gcda"):
            notes = "/" / data.relative_to(place).with_suffix(".gcno")
            if not self.matters(notes.name):
                continue
            shutil.copy(notes, data.with_suffix(".gcno"))
            said = subprocess.run(["gcov", "--json-format", "--stdout", data], capture_output=True, cwd=place).stdout
            for file in json.loads(said or b'{"files":[]}')["files"]:
                path = os.path.relpath(os.path.join("/", file["file"]), self.base.tree)
                if path in self.names:
                    self.note(lines.setdefault(path, {}), file["lines"])
        shutil.rmtree(place, ignore_errors=True)
        return {"seconds": seconds, "lines": lines}

    def note(self, lines, found):
        """Line -> its function and whether it ran: in one place at least, where it was copied."""
        for line in found:
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
