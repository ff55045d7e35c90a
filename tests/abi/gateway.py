"""gateway.py - a gateway that serves for a while, and requests to it."""
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

WAIT_S = 30


def expect(holds, what):
    if not holds:
        raise SystemExit("FAILED: " + what)


def post(base, body, path="/v1/chat/completions"):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def events(body):
    """The data of each event of a stream."""
    return [line[6:] for line in body.split("\n") if line.startswith("data: ")]


def refused(gateway, lua, text):
    """`check` refuses the configuration, and its words have `text`."""
    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "gateway.lua")
        with open(path, "w") as file:
            file.write(lua)
        done = subprocess.run([gateway, "check", "-c", path], capture_output=True, text=True, timeout=WAIT_S)
        expect(done.returncode != 0 and text in done.stdout + done.stderr,
               "check does not say %s: %s%s" % (text, done.stdout, done.stderr))


@contextlib.contextmanager
def running_with_pid(gateway, lua, env=None):
    """Its address and its process; it must end well."""
    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "gateway.lua")
        with open(path, "w") as file:
            file.write(lua)
        process = subprocess.Popen([gateway, "serve", "-c", path, "--listen", "127.0.0.1:0"], text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
        timer = threading.Timer(WAIT_S, process.kill)
        timer.start()
        lines = []
        try:
            base = None
            while base is None:
                line = process.stderr.readline()
                expect(line, "the gateway did not start: " + "".join(lines))
                lines.append(line)
                match = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
                base = match and match.group(1)
            reader = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
            reader.start()
            try:
                yield base, process.pid
            except OSError as error:
                process.kill()
                reader.join(WAIT_S)
                expect(False, "%r, and the gateway wrote:\n%s" % (error, "".join(lines)))
            process.send_signal(signal.SIGTERM)
            expect(process.wait(WAIT_S) == 0, "the gateway ended with %d: %s" % (process.returncode, "".join(lines)))
        finally:
            timer.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()


@contextlib.contextmanager
def running(gateway, lua, env=None):
    """Its address; it must end well."""
    with running_with_pid(gateway, lua, env) as (base, _):
        yield base
