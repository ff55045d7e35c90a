"""Does tests/run.sh tell the truth? It is run here with suites that are one line of shell each."""

import os
import re
import shutil
import subprocess
import tempfile


def closing(suite, passed=1, failed=0, skipped=0):
    return f"echo '{suite}: {passed} passed, {failed} failed, {skipped} skipped'"


def run(files, suites, arguments=(), ci=False, may_skip=""):
    """(exit status, the last line, all that it printed) of run.sh with these (name, command) as its suites."""
    with tempfile.TemporaryDirectory(prefix="gateway-runner-") as folder:
        tests = os.path.join(folder, "tests")
        os.mkdir(tests)
        table = "".join(f"{name} | | 20 | {command}\n" for name, command in suites)
        script = re.sub(r"(?ms)^suites='\n.*?^'$", lambda _: "suites=$(cat tests/suites)\n", files.read("tests/run.sh"))
        os.mkdir(os.path.join(folder, "examples"))
        for name, text in (("tests/run.sh", script), ("tests/suites", table), ("tests/may-skip.txt", may_skip),
                           ("examples/progress.sh", files.read("examples/progress.sh"))):
            with open(os.path.join(folder, name), "w") as out:
                out.write(text)
        env = {**os.environ, "GW_NO_SETUP": "1", "CI": "true" if ci else "", "GW_SHARED": folder}
        done = subprocess.run(["sh", "tests/run.sh", *arguments], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)  # for its own end
    return done.returncode, done.stdout.splitlines()[-1], done.stdout


SKIPS = "echo 'SKIPPED one of them: no tool'; " + closing("a", 4, 0, 1)
CASES = (  # what; suites; arguments; CI; may-skip.txt; exit status; last line
    ("sums", [("a", closing("a", 2)), ("b", closing("b", 3))], (), True, "", 0, "5 passed, 0 failed, 0 skipped"),
    ("counts a suite that runs again once", [("a", closing("a", 2)), ("b*", closing("b", 2))], (), False, "", 0,
     "2 passed, 0 failed, 0 skipped"),
    ("counts what fails there", [("a", closing("a", 2)), ("b*", closing("b", 1, 1) + "; exit 1")], (), False, "", 1,
     "2 passed, 1 failed, 0 skipped"),
    ("counts it when it is named", [("a", closing("a", 2)), ("b*", closing("b", 2))], ("b",), False, "", 0,
     "2 passed, 0 failed, 0 skipped"),
    ("accepts a skip", [("a", SKIPS)], (), False, "", 0, "4 passed, 0 failed, 1 skipped"),
    ("refuses a skip in CI", [("a", SKIPS)], (), True, "b | one* | why\n", 1, "4 passed, 1 failed, 0 skipped"),
    ("accepts a listed skip in CI", [("a", SKIPS)], (), True, "# comment\na | one of * | why\n", 0,
     "4 passed, 0 failed, 1 skipped"),
    ("refuses a skip without a name", [("a", closing("a", 4, 0, 1))], (), False, "", 1, "4 passed, 1 failed, 0 skipped"),
    ("refuses a suite that skips everything", [("a", "echo 'SKIPPED all: no tool'; " + closing("a", 0, 0, 1)),
                                               ("b", closing("b", 1))], (), False, "", 1,
     "1 passed, 1 failed, 1 skipped"),
    ("refuses a suite without its line", [("a", "echo done"), ("b", closing("b", 1))], (), False, "", 1,
     "1 passed, 1 failed, 0 skipped"),
    ("refuses a suite that fails without naming what", [("a", closing("a", 1) + "; exit 3")], (), False, "", 1,
     "1 passed, 1 failed, 0 skipped"),
    ("refuses a run of nothing", [("a", closing("a", 0))], (), False, "", 1, "0 passed, 1 failed, 0 skipped"),
)


def check_runner(files):
    """tests/run.sh sums what the suites report, and nothing that was skipped or not run looks green"""
    complaints = []
    for what, suites, arguments, ci, may_skip, status, last in CASES:
        got = run(files, suites, arguments, ci, may_skip)
        if got[:2] != (status, last):
            complaints.append(f"{what}: {(status, last)} was expected, not {got[:2]}:\n{got[2]}")
    said = run(files, [("a", closing("a", 1))])[2]
    if not re.search(r"(?m)^total +\d+s$", said):
        complaints.append(f"the sum of seconds is missing:\n{said}")
    return complaints


def check_skips_are_named(files):
    """each line of tests/may-skip.txt names a suite, its tests and why"""
    suites = set(re.findall(r"(?m)^([a-z0-9-]+)\*? +\|", files.read("tests/run.sh")))
    lines = [line for line in files.read("tests/may-skip.txt").splitlines() if line and not line.startswith("#")]
    return [f"{line}: not SUITE | NAME | why" for line in lines
            if not re.fullmatch(r"[a-z0-9-]+ \| [^|]+ \| [^|]{10,}", line) or line.split()[0] not in suites]
