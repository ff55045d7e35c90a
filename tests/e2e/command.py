"""command.py - runs the program as a person would: one command, what it says on both streams, and its exit code."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("GW_BINARY") or os.path.join(os.environ.get("GW_BUILD") or os.path.join(ROOT, "build"), "llm-gateway")
PLUGINS = os.path.join(os.path.dirname(BINARY), "plugins")
# Canaries: no output of any command may hold this.
SECRET = "sk-canary-5b1f"
# Sanitizers are slow, and start slower still beside other tests.
PATIENCE_S = 60


def environment(env=None):
    """Ours without what would change the answers: keys of providers, settings of the gateway."""
    full = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY") and not k.startswith("GW_")}
    full.update(env or {})
    return full


class Said:
    """What a command said, and how it ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "exit code %s\n--- stdout\n%s\n--- stderr\n%s" % (self.code, self.out, self.err)


def run(*args, cwd=None, env=None, stdin=None, stdout=subprocess.PIPE):
    """Runs llm-gateway with these arguments. Without `cwd`, in an empty folder: no gateway.lua is there."""
    empty = None if cwd else tempfile.mkdtemp(prefix="gw-empty-")
    try:
        done = subprocess.run([BINARY, *args], cwd=cwd or empty, env=environment(env), input=stdin, text=True,
                              stdin=subprocess.DEVNULL if stdin is None else None, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S)
    finally:
        if empty:
            shutil.rmtree(empty, ignore_errors=True)
    said = Said(done.returncode, done.stdout or "", done.stderr)
    for report in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:"):
        if report in said.err:
            raise AssertionError("sanitizer report of %r:\n%s" % (args, said.err))
    if SECRET in said.out + said.err:
        raise AssertionError("a secret was printed by %r:\n%r" % (args, said))
    return said


class Serving:
    """A gateway that runs: `with Serving("-c", file) as gw: ... gw.port`."""

    def __init__(self, *args, cwd=None, env=None, listen="127.0.0.1:0"):
        self.folder = tempfile.mkdtemp(prefix="gw-serve-")
        self.out_path, self.err_path = os.path.join(self.folder, "out"), os.path.join(self.folder, "err")
        command = [BINARY, "serve", *(["--listen=" + listen] if listen else []), *args]
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            self.process = subprocess.Popen(command, cwd=cwd or self.folder, env=environment(env),
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def err(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def out(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, pattern):
        """The first match in what it says on stderr."""
        end = time.monotonic() + PATIENCE_S
        while True:
            found = re.search(pattern, self.err())
            if found:
                return found
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("%r was not said; exit code %s:\n%s" % (pattern, self.process.poll(), self.err()))
            time.sleep(0.02)

    def __enter__(self):
        self.url = self.wait_for(r"llm-gateway: listening on (https?://\S+)\n").group(1)
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def end(self, number=signal.SIGTERM):
        """Ends it, if it still runs; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def __exit__(self, kind, *_):
        try:
            code = self.end()
            said = self.out() + self.err()
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None:
            for report in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:"):
                if report in said:
                    raise AssertionError("sanitizer report, exit code %d:\n%s" % (code, said))
            if SECRET in said:
                raise AssertionError("a secret was printed:\n%s" % said)
