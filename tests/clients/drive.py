"""drive.py - starts gateways and the replay server, runs the SDKs' own tests against them, and counts.

    drive.py --build DIR [--py PYTHON] [--js FOLDER]

PYTHON has the OpenAI SDK installed; FOLDER has node_modules. What is not given is skipped. Each client test
prints a line `ok NAME` or `FAILED NAME: why`; the last line here is `clients: N passed, N failed, N skipped`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = "sk-canary-client-sdk"


def run_client(label, command, environment, totals):
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        lines, code, more = done.stdout.splitlines(), done.returncode, done.stderr
    except subprocess.TimeoutExpired as e:
        lines, code, more = str(e.stdout or "").splitlines(), 1, "it took more than 300 s"
    passed = [line for line in lines if line.startswith("ok ")]
    failed = [line for line in lines if line.startswith("FAILED ")]
    if code != 0 and not failed or not passed:
        failed.append("FAILED %s: ended with %d\n%s" % (label, code, more[-3000:]))
    for line in failed:
        print("    %s: %s" % (label, line))
    print("%s: %d passed, %d failed" % (label, len(passed), len(failed)))
    totals["passed"] += len(passed)
    totals["failed"] += len(failed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--py", default="")
    parser.add_argument("--js", default="")
    parser.add_argument("--each", type=int, default=2, help="recordings of every service and kind")
    options = parser.parse_args()
    os.environ["GW_BUILD"] = os.path.abspath(options.build)
    sys.path.insert(0, HERE)
    sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
    import unittest

    import replay
    from harness import Gateway, provider

    totals = {"passed": 0, "failed": 0, "skipped": 0}
    clients = []
    for label, given, command in (
        ("openai-python", options.py, [options.py, os.path.join(HERE, "test_openai.py")]),
        ("openai-js", options.js, ["node", os.path.join(HERE, "test_openai.mjs")]),
    ):
        if given:
            clients.append((label, command))
        else:
            totals["skipped"] += 1
            print("%s: SKIPPED, it is not installed" % label)
    try:
        server = replay.Replay()
    except unittest.SkipTest as e:
        print(e)
        totals["skipped"] += len(clients)
        clients = []
    if clients:
        with server, tempfile.TemporaryDirectory() as folder:
            cases = os.path.join(folder, "cases.json")
            with open(cases, "w") as f:
                json.dump(server.choice(options.each), f)
            lua = (
                provider("up", server.url) + 'model "rec-*" { { "up/*" } }\nmodel "demo" { { "demo/demo" } }\n'
                'provider "demo" { plugin = "demo", tokens_per_second = 2000, slow_ms = 500 }\n'
                'key { sha256 = "%s", name = "sdk" }\n' % hashlib.sha256(KEY.encode()).hexdigest()
            )
            for label, command in clients:
                gateway = Gateway(lua)
                try:
                    environment = dict(
                        os.environ,
                        GATEWAY=gateway.base + "/v1",
                        DIRECT=server.url,
                        KEY=KEY,
                        CASES=cases,
                        CLIENTS_JS=os.path.abspath(options.js) if options.js else "",
                        NO_PROXY="127.0.0.1",
                    )
                    for name in (
                        "OPENAI_API_KEY",
                        "OPENAI_BASE_URL",
                        "HTTP_PROXY",
                        "HTTPS_PROXY",
                        "ALL_PROXY",
                        "http_proxy",
                        "https_proxy",
                        "all_proxy",
                    ):
                        environment.pop(name, None)
                    run_client(label, command, environment, totals)
                    gateway.stop()
                except AssertionError as e:
                    totals["failed"] += 1
                    print("    FAILED %s: the gateway: %s" % (label, e))
                finally:
                    Gateway.kill_all()
    print("clients: %(passed)d passed, %(failed)d failed, %(skipped)d skipped" % totals)
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
