"""The tree in which mutants are built and tested.

The tree is copied and built once. A mutant is one object, compiled beside that build, and one link for each program it
is in: the linker takes the functions from the object that it meets first, so nothing of the build changes.
"""

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
from concurrent.futures import ThreadPoolExecutor

from cover import Cover, EndToEnd
from rooms import tests_of

OPTIONS = ["-G", "Ninja", "-DGW_TESTS=ON", "-DGW_TEST_BUILD=ON", "-DGW_WERROR=ON", "-DCMAKE_BUILD_TYPE=Debug"]
if shutil.which("ccache"):
    OPTIONS.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
SANITIZED = ["-DCMAKE_C_FLAGS_DEBUG=-O1 -g", "-DGW_SANITIZE=address,undefined"]
COVERED = "-O0 -g --coverage -fprofile-update=atomic '-fprofile-filter-files=.*/({})'"  # the files that are mutated
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1", "UBSAN_OPTIONS": "halt_on_error=1"}
TOGETHER = 4  # unit tests at the same time: they mostly wait
LINKED = {"plugins/anthropic/": ["linked_anthropic.c"], "plugins/openai/": ["linked_openai.c", "linked_azure.c"],
          "plugins/demo/": ["linked_demo.c"]}


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


def passed(command, seconds, **more):
    """Does the command end well, at the second try at least? What took too long is given six times as long: a busy machine
    is no failure."""
    status = ended(command, seconds, **more)
    return status == 0 or ended(command, seconds if status is not None else 6 * seconds, **more) == 0


def checked(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"mutation: {shlex.join(map(str, command))}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def copy_tree(root, tree):
    """What did not change keeps its time, so it is not built again; what did gets the time of now."""
    listed = checked(["git", "ls-files", "-co", "--exclude-standard"], cwd=root).splitlines()
    wanted = {name for name in listed if (root / name).is_file()}
    for file in tree.rglob("*"):
        if file.is_file() and str(file.relative_to(tree)) not in wanted:
            file.unlink()
    for name in wanted:
        copy = tree / name
        if not copy.is_file() or not filecmp.cmp(root / name, copy, shallow=False):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, copy)


class Base:
    """The tree as it is: built, its unit tests measured. Shared by the beds."""

    def __init__(self, root, place, names, built):
        self.root, self.place = root, place
        self.tree, self.build = (root, built.resolve()) if built else (place / "tree", place / "build")
        self.env = dict(os.environ, **SANITIZERS, GW_BUILD=str(self.build))  # has the plugins that unit tests load
        self.rooms = sorted({unit for name in names for unit in tests_of(name)[0]})
        if not built:
            copy_tree(root, self.tree)
        runners = [f"tests/plain-{room}" for room in self.rooms]
        cover = place / ("cover-" + "-".join(self.rooms))
        if not built:
            self.configure(self.build, SANITIZED)
        files = "|".join(sorted(name.replace(".", "[.]") for name in names))
        self.configure(cover, [f"-DCMAKE_C_FLAGS_DEBUG={COVERED.format(files)}"])
        checked(["cmake", "--build", self.build, "--target", "llm-gateway", "plugins/all", *runners])
        checked(["cmake", "--build", cover, "--target", "plugins/all", *runners])
        self.commands = json.loads((self.build / "compile_commands.json").read_text())
        self.links = {}
        self.end_to_end = EndToEnd(self)
        self.cover = {room: Cover(self, cover, room, [n for n in names if room in tests_of(n)[0]]) for room in self.rooms}

    def configure(self, build, flags):
        checked(["cmake", "-S", self.tree, "-B", build, *OPTIONS, *flags, f"-DGW_DEPS={self.root}/build/deps"])

    def entry(self, file):
        """How a file of the tree is compiled."""
        return next(entry for entry in self.commands if entry["file"] == str(self.tree / file))

    def link(self, target):
        """How a program of the build is linked: the words of the command."""
        if target not in self.links:
            line = checked(["ninja", "-C", str(self.build), "-t", "commands", target]).strip().splitlines()[-1]
            self.links[target] = shlex.split(line.removeprefix(": && ").removesuffix(" && :"))
        return self.links[target]


class Bed:
    """The place of one mutant at a time."""

    def __init__(self, base, place, end_to_end):
        self.base, self.place, self.end_to_end = base, place, end_to_end
        self.pool = ThreadPoolExecutor(TOGETHER)
        self.plain = {}    # file -> its code as it is
        self.sound = {}    # end-to-end file -> does it pass on the unchanged tree?
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)

    def compile(self, source, name, output, flags):
        """Compiles `source` as if it stood where `name` stands; False when that fails."""
        entry = self.base.entry(name)
        command = re.sub(r"-W\S+|-g\b|-M\S+ \S+\.d|-MD|\S*ccache ", "", entry["command"])
        if "-O2" in flags:
            command = re.sub(r"-fsanitize=\S+|-fno-sanitize\S+", "", command)
        words = shlex.split(re.sub(r" -o \S+| -c \S+|-O1\b", "", command))
        words += ["-w", *flags, "-iquote", str((self.base.tree / name).parent), "-o", str(output), "-c", str(source)]
        return ended(words, 120, cwd=entry["directory"]) == 0

    def code_of(self, name, source):
        """What the compiler makes of it, optimized and without debug information; None when it does not compile."""
        output = self.place / "code.o"
        if not self.compile(source, name, output, ["-O2", "-g0"]):
            return None
        return re.sub(rb"[^\0]*\.c\0", b"\0", output.read_bytes())

    def source(self, name, text):
        """The file with this text, in the bed. Its own name, so that a promise that breaks names it."""
        file = self.place / pathlib.Path(name).name
        file.write_text(text, encoding="utf-8")
        return file

    def plain_code(self, name):
        if name not in self.plain:
            self.plain[name] = self.code_of(name, self.source(name, (self.base.tree / name).read_text(encoding="utf-8")))
        return self.plain[name]

    def linked(self, words, output, old=None):
        """Links with mutant.o before every archive, or in the place of `old`."""
        words = ["-fuse-ld=gold" if w == "-fuse-ld=bfd" else w for w in words]
        at = words.index("-o")
        words[at + 1] = str(output)
        mutant = str(self.place / "mutant.o")
        if old:
            words = [mutant if word.endswith(old) else word for word in words]
        else:
            words.insert(next(i for i, w in enumerate(words) if w.endswith("libgwcore.a")), mutant)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.unlink(missing_ok=True)
        return ended(words + ["-fuse-ld=gold"], 120, cwd=self.base.build) == 0

    def build_unit(self, name, room, source):
        old = None
        if name.startswith("core/"):
            built = self.compile(source, name, self.place / "mutant.o", ["-O1"])
        else:
            linked = LINKED[name[:name.index("/", 8) + 1]][0]
            file = self.base.tree / "tests/unit/provider" / linked
            text = file.read_text(encoding="utf-8")
            text = text.replace(f'"../../../{name}"', f'"{source}"').replace('"../../../', f'"{self.base.tree}/')
            (self.place / linked).write_text(text, encoding="utf-8")
            old = linked + ".o"
            more = ["-iquote", str((self.base.tree / name).parent)]
            built = self.compile(self.place / linked, f"tests/unit/provider/{linked}", self.place / "mutant.o", ["-O0", *more])
        return built and self.linked(self.base.link(f"tests/plain-{room}"), self.place / "unit", old)

    def passes(self, test):
        """Does this unit test pass?"""
        name, seconds = test
        return passed([str(self.place / "unit"), name], 5 + 5 * seconds, env=self.base.env, cwd=self.base.tree)

    def ask_unit(self, mutant, source):
        """The unit test that notices, None when none does, "" when it does not build."""
        for room in tests_of(mutant.file)[0]:
            if not self.build_unit(mutant.file, room, source):
                return ""
            tests = self.base.cover[room].tests(mutant)
            for at in range(0, len(tests), TOGETHER):
                for test, well in zip(tests[at:], self.pool.map(self.passes, tests[at:at + TOGETHER])):
                    if not well:
                        return test[0]
        return None

    def gateway(self):
        """A folder that looks like the build; the gateway and the plugins in it may be changed."""
        build = self.place / "build"
        shutil.rmtree(build, ignore_errors=True)
        (build / "plugins").mkdir(parents=True)
        for file in self.base.build.iterdir():
            if file.name not in ("llm-gateway", "plugins"):
                (build / file.name).symlink_to(file)
        shutil.copy(self.base.build / "llm-gateway", build)
        for file in (self.base.build / "plugins").glob("*.so"):
            shutil.copy(file, build / "plugins")
        return build

    def build_gateway(self, name, source, build):
        mutant = self.place / "mutant.o"
        if name.startswith("core/"):
            return self.compile(source, name, mutant, ["-O1"]) and \
                self.linked(self.base.link("llm-gateway"), build / "llm-gateway")
        plugin = name.split("/")[1]
        old = f"{plugin}.dir/{name.split('/', 2)[2]}.o"
        return self.compile(source, name, mutant, ["-O1"]) and \
            self.linked(self.base.link(f"plugins/{plugin}.so"), build / "plugins" / f"{plugin}.so", old)

    def run_e2e(self, build, file, limit):
        return passed(["python3", str(self.base.tree / "tests/e2e/run.py"), "--build", str(build), "--first", file], limit,
                      env=self.base.env, cwd=self.base.tree)

    def holds(self, file):
        """Does this end-to-end file pass on the unchanged tree, too?"""
        if file not in self.sound:
            self.sound[file] = self.run_e2e(self.base.build, file, 900)
            if not self.sound[file]:
                print(f"mutation: left out, fails on the unchanged tree: {file}", flush=True)
        return self.sound[file]

    def ask_e2e(self, mutant, source):
        build = self.gateway()
        files = [f for f in tests_of(mutant.file)[1] if (self.base.tree / "tests/e2e" / f).is_file()]
        if not self.build_gateway(mutant.file, source, build):
            return ""
        for file, seconds in self.base.end_to_end.tests(mutant, files):
            if self.sound.get(file) is not False and not self.run_e2e(build, file, 30 + 6 * seconds) and self.holds(file):
                return file
        return None

    def judge(self, mutant, unit_known):
        """(unit test that notices, end-to-end file that notices); None when not noticed, "" when it is no mutant.
        unit_known: the unit tests were asked before and noticed nothing."""
        source = self.source(mutant.file, mutant.text)
        if not unit_known:
            plain = self.plain_code(mutant.file)
            source = self.source(mutant.file, mutant.text)
            code = self.code_of(mutant.file, source)
            if code is None or code == plain:
                return "", None
            by = self.ask_unit(mutant, source)
            if by is not None:
                return by, None
        return None, self.ask_e2e(mutant, source) if self.end_to_end else None
