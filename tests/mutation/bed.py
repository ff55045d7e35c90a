"""A copy of the tree in which mutants are built and tested, one after the other."""

import filecmp
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time

from rooms import tests_of

OPTIONS = ["-G", "Ninja", "-DGW_TESTS=ON", "-DGW_TEST_BUILD=ON", "-DCMAKE_BUILD_TYPE=Debug",
           "-DCMAKE_C_FLAGS_DEBUG=-O1 -g", "-DGW_SANITIZE=address,undefined"]
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1", "UBSAN_OPTIONS": "halt_on_error=1"}


def ended(command, seconds, **more):
    """The exit status of a command; None when it took longer, and then all that it started is ended."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               start_new_session=True, **more)
    try:
        return running.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(running.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        running.wait()


class Bed:
    def __init__(self, root, place, end_to_end):
        self.root, self.tree, self.build = root, place / "tree", place / "build"
        self.end_to_end = end_to_end
        self.env = dict(os.environ, **SANITIZERS)
        self.seconds = {}  # command -> what it takes on the unchanged tree
        self.plain = {}    # file -> its code as it is

    def prepare(self, names):
        """Copies and builds the tree; every test that will be asked must pass on it as it is."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=self.root, check=True,
                                capture_output=True, text=True).stdout.splitlines()
        wanted = {name for name in listed if (self.root / name).is_file()}
        for file in self.tree.rglob("*"):
            if file.is_file() and str(file.relative_to(self.tree)) not in wanted:
                file.unlink()
        for name in wanted:
            copy = self.tree / name
            # What did not change keeps its time, so it is not built again; what did gets the time of now.
            if not copy.is_file() or not filecmp.cmp(self.root / name, copy, shallow=False):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.root / name, copy)
        deps = [f"-DGW_DEPS={self.root}/build/deps"]
        for command in (["cmake", "-S", self.tree, "-B", self.build] + OPTIONS + deps, ["cmake", "--build", self.build]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"mutation: the tree does not build:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        self.commands = {entry["file"]: entry for entry in json.loads((self.build / "compile_commands.json").read_text())}
        for name in names:
            self.plain[name] = self.code_of(name)
            for command in self.tests_for(name):
                self.measure(command)

    def tests_for(self, name):
        units, files = tests_of(name)
        commands = [(str(self.build / "tests" / f"unit-{unit}"), "--fail-fast", "--jobs", "2") for unit in units]
        if self.end_to_end:
            commands += [("python3", str(self.tree / "tests/e2e/run.py"), "--build", str(self.build), file)
                         for file in files if (self.tree / "tests/e2e" / file).is_file()]
        return commands

    def measure(self, command):
        if command in self.seconds:
            return
        for _ in range(2):  # a busy machine may make one run late
            started = time.monotonic()
            if ended(command, 600, env=self.env, cwd=self.tree) == 0:
                self.seconds[command] = time.monotonic() - started
                return
        raise SystemExit(f"mutation: fails on the unchanged tree: {shlex.join(command)}")

    def code_of(self, name):
        """What the compiler makes of the file, optimized and without debug information; None when it does not compile."""
        entry = self.commands[str(self.tree / name)]
        output = self.build / "mutant.o"
        command = re.sub(r"-fsanitize=\S+|-fno-sanitize\S+|-g\b|-O1|-Wall|-W\S+", "", entry["command"])
        command = re.sub(r" -o \S+", f" -O2 -g0 -w -o {shlex.quote(str(output))}", command)
        if subprocess.run(shlex.split(command), cwd=entry["directory"], capture_output=True).returncode:
            return None
        return output.read_bytes()

    def judge(self, mutant):
        """The test that notices; None when all pass; "" when it is no mutant."""
        file = self.tree / mutant.file
        file.write_text(mutant.text, encoding="utf-8")
        try:
            code = self.code_of(mutant.file)
            if code is None or code == self.plain[mutant.file]:
                return ""
            return self.ask(mutant.file)
        finally:
            shutil.copy(self.root / mutant.file, file)

    def ask(self, name):
        units, _ = tests_of(name)
        built = False
        for command in self.tests_for(name):
            is_unit = command[0].startswith(str(self.build))
            if is_unit or not built:
                built = not is_unit
                target = [pathlib.Path(command[0]).name] if is_unit else ["all"]
                if ended(["cmake", "--build", str(self.build), "--target", *target], 600):
                    return ""
            limit = 20 + 5 * self.seconds[command]
            # A test that only the busy machine made fail passes the second time.
            if ended(command, limit, env=self.env, cwd=self.tree) != 0 and \
                    (is_unit or ended(command, limit, env=self.env, cwd=self.tree) != 0):
                return pathlib.Path(command[-1] if not is_unit else command[0]).name
        return None
