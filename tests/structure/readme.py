"""readme.py - what README.md tells a newcomer to type is typed here, in a copy of the tree.

Every block runs, in order, in the copy's top folder. A ```sh block that starts the server (quickstart.sh, or the
verb serve) stays in the background until the next such block or the end; the following blocks may talk to it.
A ```lua block is a gateway.lua of its own that `check --strict` accepts; one that ends with "return policy" is a policy, and is
checked with the line `policy "..." { ... }` that stands in the text behind it. A block of any other language fails: nothing
here runs it. The table of tools is pasted while the last server runs (readme_tools.py).
A line <!-- not run: REASON --> above a block skips it. A block that starts tests/run.sh is not counted: it is what runs.
Ends with "readme: N passed, N failed, N skipped".
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import readme_tools
from tree import Tree

PORT = 8080  # the README's
SECONDS = 300  # the most that one block may take
STARTS_SERVER = re.compile(r"^(?!.*--no-serve).*(quickstart\.sh|\bserve\b)", re.MULTILINE)


def blocks_of(readme):
    """(line, language, reason why it is not run or None, text) of each block."""
    lines = readme.splitlines()
    at = 0
    while at < len(lines):
        fence = re.fullmatch(r"\s*```(.*)", lines[at])
        if not fence:
            at += 1
            continue
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        reason = re.fullmatch(r"\s*<!-- not run: (.+?) -->\s*", before)
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        yield at + 1, fence.group(1).strip(), reason and reason.group(1), "\n".join(lines[at + 1:end]) + "\n"
        at = end + 1


def free_port(wanted):
    """`wanted` when nobody listens there, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise OSError("no free port on 127.0.0.1")


def copy_tree(files, target, port):
    """The project's files, with the library that was built from source, listening at `port`."""
    for name in files.names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(files.root / name, place)
        if port != PORT and name.split("/")[0] != "tests":
            content = files.read(name)
            if re.search(rf"\b{PORT}\b", content):
                place.write_text(re.sub(rf"\b{PORT}\b", str(port), content))
    if (files.root / "build/deps").is_dir():
        shutil.copytree(files.root / "build/deps", target / "build/deps")


class Server:
    """The block that serves, in a process group of its own."""

    def __init__(self, text, folder, env, port):
        self.log = open(folder.parent / "server.log", "a+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(["sh", "-euc", text], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        named = re.search(r"--listen[ =]\S*:(\d+)", text)
        self.url = f"http://127.0.0.1:{named.group(1) if named else port}/livez"

    def wait_until_up(self):
        """None once it answers, else what went wrong."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return f"ended with status {self.process.returncode} before it answered"
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    if answer.status == 200:
                        return None
            except OSError:
                time.sleep(0.2)
        return f"no answer from {self.url} in {SECONDS} s"

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends it as a service manager would; None, or what was wrong about its end."""
        if self.process.poll() is not None:
            return f"the server ended by itself, with status {self.process.returncode}"
        group = self.process.pid
        os.killpg(group, signal.SIGTERM)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.process.poll()  # the shell ends first, the server when it has drained
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return None
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)
        self.process.wait()
        return "the server was still there 30 s after SIGTERM"


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, where, wrong, output=""):
        if wrong is None:
            self.passed += 1
            print(f"ok      {where}")
            return
        self.failed += 1
        print(f"FAILED  {where}: {wrong}")
        for line in output.splitlines()[-40:]:
            print(f"        {line}")

    def skip(self, where, reason):
        self.skipped += 1
        print(f"SKIPPED {where}: {reason}")


def run_block(text, folder, env):
    """None when it succeeds, else what went wrong; and what it said."""
    try:
        done = subprocess.run(["sh", "-euc", text], cwd=folder, env=env, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except subprocess.TimeoutExpired as late:
        return f"not done after {SECONDS} s", (late.output or b"").decode("utf-8", "replace")
    return (f"exit status {done.returncode}" if done.returncode else None), done.stdout


def check_lua(text, folder, env):
    """As run_block: the block as the configuration of the gateway that was built."""
    place = folder / "build/readme.lua"
    place.write_text(text)
    return run_block("build/llm-gateway check --strict -c build/readme.lua", folder, env)


def check_policy(text, line, readme, folder, env):
    """As run_block: the block as a policy, turned on by the first such line behind it."""
    turned_on = re.search(r'`policy "([^"`]+)" ([^`]+)`', "\n".join(readme.splitlines()[line:]))
    if not turned_on:
        return 'no line `policy "FILE" { ... }` behind it turns it on', ""
    (folder / "build/readme-policy.lua").write_text(text)
    return check_lua('provider "demo" {}\nmodel "fast" { "demo/demo" }\npolicy "readme-policy.lua" %s\n' % turned_on.group(2),
                     folder, env)


def run_all(files, scratch, report):
    port = free_port(PORT)
    folder = scratch / "llm-gateway"
    folder.mkdir()
    copy_tree(files, folder, port)

    # A home of its own: nothing of this machine's user helps, and curl counts an HTTP error as a failure.
    home = scratch / "home"
    home.mkdir()
    (home / ".curlrc").write_text("fail-with-body\nmax-time = 60\n")
    keep = ("PATH", "LANG", "LC_ALL", "http_proxy", "https_proxy", "no_proxy", "CI")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env["HOME"] = str(home)
    env["CCACHE_DIR"] = os.environ.get("CCACHE_DIR", str(pathlib.Path.home() / ".cache/ccache"))

    server = None
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for line, language, reason, text in blocks_of(readme):
        where = f"README.md:{line} {text.strip().splitlines()[0] if text.strip() else '(empty)'}"
        if reason:
            report.skip(where, reason)
        elif language == "lua" and text.rstrip().endswith("return policy"):
            report.add(where, *check_policy(text, line, readme, folder, env))
        elif language == "lua":
            report.add(where, *check_lua(text, folder, env))
        elif language != "sh":
            report.add(where, f"nothing runs a block of the language {language or '(none)'!r}")
        elif "tests/run.sh" in text:
            print(f"        {where}: this very run")
        elif STARTS_SERVER.search(text):
            if server:
                report.add("the server before that ends when told to", server.stop(), server.said())
            server = Server(text, folder, env, port)
            report.add(where, server.wait_until_up(), server.said())
        else:
            wrong, output = run_block(text, folder, env)
            report.add(where, wrong, output)
    if server:
        readme_tools.run_table(files.root, readme, report)
        report.add("the server ends when told to", server.stop(), server.said())


def main():
    report = Report()
    files = Tree(pathlib.Path(__file__).resolve().parents[2])
    if "README.md" in files.names:
        with tempfile.TemporaryDirectory(prefix="gateway-readme-") as scratch:
            run_all(files, pathlib.Path(scratch), report)
    else:
        report.add("README.md", "is not there")
    print(f"readme: {report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
