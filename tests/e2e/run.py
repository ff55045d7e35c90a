#!/usr/bin/env python3
"""run.py - runs the end-to-end tests: a process per file, two at a time.

    tests/e2e/run.py [--build DIR] [--subset tsan] [--full] [-k PATTERN] [-j N] [--first] [test_x.py ...]

--build DIR   has llm-gateway and plugins/ (default: build/)
--subset tsan only what is marked for the thread sanitizer
--full        long variants too: every cut, every vector in every way
-k PATTERN    only tests whose name contains it
--first       ends a file at its first failure

Ends with `e2e: N passed, N failed, N skipped`; exit code 0 when nothing failed.
"""

import argparse
import fnmatch
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Result(unittest.TestResult):
    """Counts tests, not sub-tests, and keeps the words of what failed."""

    def __init__(self, watch):
        super().__init__()
        self.watch, self.ran, self.bad, self.left_out, self.words = watch, [], {}, {}, []
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def stopTest(self, test):
        refused = sys.modules["rules"].take() if "rules" in sys.modules else []
        module = sys.modules.get(type(test).__module__)
        if refused and not getattr(type(test), "UPSTREAM_RULES", getattr(module, "UPSTREAM_RULES", None)):
            words = "a real service would refuse what was sent to it:\n" + "\n".join(dict.fromkeys(refused))
            self.addFailure(test, (AssertionError, AssertionError(words), None))
        super().stopTest(test)
        self.ran.append(test.id())
        self.say(
            "%-7s %6.1f s  %s"
            % (
                "FAILED" if test.id() in self.bad else "skipped" if test.id() in self.left_out else "ok",
                time.monotonic() - self.started,
                test.id(),
            )
        )

    def say(self, line):
        self.watch.write(line + "\n")
        self.watch.flush()

    def note(self, test, error, label=""):
        frames = [f for f in traceback.extract_tb(error[2]) if os.path.basename(f.filename).startswith("test_")]
        text = "".join("%s:%d: %s\n" % (os.path.basename(f.filename), f.lineno, f.line) for f in frames[-3:])
        text += "%s: %s" % (error[0].__name__, error[1])
        self.bad.setdefault(getattr(test, "test_case", test).id(), 0)
        self.bad[getattr(test, "test_case", test).id()] += 1
        self.words.append("%s %s\n%s" % (test.id(), label, text))

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, error)
        if not hasattr(test, "_testMethodName"):  # setUpClass and tearDownClass
            self.say("FAILED           %s" % test.id())

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note(test, error, str(subtest))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.left_out[test.id()] = reason
        if not hasattr(test, "_testMethodName"):
            self.say("skipped          %s: %s" % (test.id(), reason))


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def wanted(test, options):
    if options.k and not fnmatch.fnmatch(test.id().lower(), "*%s*" % options.k.lower()):
        return False
    if options.subset == "tsan":
        method = getattr(test, test._testMethodName, None)
        return getattr(method, "in_tsan", False) or getattr(type(test), "in_tsan", False)
    return True


def child(options):
    """Runs one file in this process and writes what happened as JSON."""
    sys.path.insert(0, HERE)
    name = os.path.basename(options.files[0])[: -len(".py")]
    suite = unittest.TestSuite(
        t for t in flatten(unittest.defaultTestLoader.loadTestsFromName(name)) if wanted(t, options)
    )
    result = Result(sys.stdout)
    result.failfast = options.first
    suite.run(result)
    with open(options.child, "w") as f:
        json.dump({"ran": result.ran, "bad": result.bad, "skipped": result.left_out, "words": result.words}, f)
    # Threads of fake upstreams that still sleep need not be waited for.
    sys.stdout.flush()
    if "harness" in sys.modules:
        sys.modules["harness"].Gateway.kill_all()
    os._exit(0)


def run_file(path, options, environment, totals, lock):
    name = os.path.basename(path)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "result.json")
        command = [sys.executable, os.path.abspath(__file__), "--child", out, name]
        command += ["--subset", options.subset] if options.subset else []
        command += ["-k", options.k] if options.k else []
        command += ["--first"] if options.first else []
        started = time.monotonic()
        late = False
        with open(os.path.join(folder, "talk"), "w+", errors="replace") as talking:
            running = subprocess.Popen(
                command, env=environment, stdout=talking, stderr=subprocess.STDOUT, cwd=HERE, start_new_session=True
            )
            try:
                running.wait(options.timeout)
            except subprocess.TimeoutExpired:
                late = True
                os.killpg(running.pid, signal.SIGKILL)  # its gateways too
                running.wait()
            talking.seek(0)
            talk = talking.read()
        try:
            with open(out) as f:
                result = json.load(f)
        except (OSError, ValueError):
            why = "it took more than %d s" % options.timeout if late else "it ended without a result"
            result = {
                "ran": [],
                "bad": {name: 1},
                "skipped": {},
                "words": ["%s: %s\n%s" % (name, why, talk[-4000:])],
            }
    with lock:
        failed, skipped = set(result["bad"]), set(result["skipped"]) - set(result["bad"])
        passed = set(result["ran"]) - failed - skipped
        totals["passed"] += len(passed)
        totals["failed"] += len(failed)
        totals["skipped"] += len(skipped)
        if result["ran"] or failed or skipped:
            print(
                "%s: %d passed, %d failed, %d skipped in %.0f s"
                % (name, len(passed), len(failed), len(skipped), time.monotonic() - started)
            )
        if options.verbose:
            print("".join("    %s\n" % line for line in talk.splitlines()), end="")
        for test in sorted(skipped):
            print("    SKIPPED %s: %s" % (test, result["skipped"][test].replace("\n", " ")))
        for words in result["words"][: options.words]:
            print("    FAILED " + "\n    ".join(line[:1200] for line in words[:8000].splitlines()))
        if len(result["words"]) > options.words:
            print("    ... and %d more failures in %s" % (len(result["words"]) - options.words, name))
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"))
    parser.add_argument("--subset", choices=["tsan"])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("-k", metavar="PATTERN")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--words", type=int, default=12, help="failures told in full for each file")
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.child:
        return child(options)
    if options.timeout is None:
        options.timeout = 7200 if options.full else 900
    build = os.path.abspath(options.build)
    if not os.path.exists(os.path.join(build, "llm-gateway")):
        print("e2e: there is no llm-gateway in %s" % build)
        return 1
    environment = dict(
        os.environ, GW_BUILD=build, GW_BINARY=os.path.join(build, "llm-gateway"), PYTHONDONTWRITEBYTECODE="1"
    )
    if options.full:
        environment["GW_FULL"] = "1"
    files = [os.path.join(HERE, os.path.basename(f)) for f in options.files] or sorted(
        glob.glob(os.path.join(HERE, "test_*.py"))
    )
    long_first = (
        "test_relay_recordings.py",
        "test_llhttp_upstream.py",
        "test_vectors.py",
        "test_fallback.py",
        "test_stream.py",
    )
    files.sort(key=lambda f: long_first.index(os.path.basename(f)) if os.path.basename(f) in long_first else 99)

    totals, lock = {"passed": 0, "failed": 0, "skipped": 0}, threading.Lock()

    def worker():
        while True:
            with lock:
                if not files:
                    return
                path = files.pop(0)
            run_file(path, options, environment, totals, lock)

    threads = [threading.Thread(target=worker) for _ in range(max(1, options.j))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("e2e: %(passed)d passed, %(failed)d failed, %(skipped)d skipped" % totals)
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
