"""claude_code.py BINARY - Claude Code as people run it, `claude -p`, against every kind of service.

Run by drive.py like cross.py. Every run has a home of its own; HTTPS_PROXY is the trap that drive.py set, so nothing
goes beyond this machine.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

BINARY = sys.argv[1]
KEY = os.environ["KEY"]
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "IS_SANDBOX": "1",
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def claude(url, prompt, *more, model="claude-m", auth="ANTHROPIC_AUTH_TOKEN", files=()):
    """One run; (the JSON it ends with, its exit code)."""
    with tempfile.TemporaryDirectory(prefix="gw-claude-") as home:
        work = os.path.join(home, "work")
        os.mkdir(work)
        for name, text in files:
            with open(os.path.join(work, name), "w") as f:
                f.write(text)
        environment = {name: os.environ[name] for name in PROXIES if name in os.environ}
        environment.update(QUIET, PATH=os.environ["PATH"], HOME=home, CLAUDE_CONFIG_DIR=os.path.join(home, "config"))
        environment.update({"ANTHROPIC_BASE_URL": url, auth: KEY, "ANTHROPIC_MODEL": model, "TMPDIR": home})
        environment["ANTHROPIC_SMALL_FAST_MODEL"] = model
        done = subprocess.run(
            [BINARY, "-p", prompt, "--output-format", "json", *more],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
    try:
        return json.loads(done.stdout), done.returncode
    except ValueError:
        raise AssertionError("exit %d: %s %s" % (done.returncode, done.stdout[-800:], done.stderr[-800:]))


class Tests:
    def __init__(self, kind, plan):
        self.kind, self.plan, self.url = kind, plan, plan["url"]

    def good(self, *args, **more):
        answer, code = claude(self.url, *args, **more)
        assert code == 0 and not answer["is_error"], (code, str(answer)[:1500])
        assert answer["usage"]["input_tokens"] > 0 and answer["usage"]["output_tokens"] > 0, answer["usage"]
        return answer

    def says(self):
        assert "hello-4711" in self.good("hello-4711", auth="ANTHROPIC_API_KEY")["result"]

    def tool_call(self):
        answer = self.good(
            "RUN-BASH cat note.txt END", "--allowedTools", "Bash(cat:*)", files=[("note.txt", "the note says 8312")]
        )
        assert "the note says 8312" in answer["result"], answer["result"]
        assert answer["num_turns"] == 2 and not answer["permission_denials"], answer

    def two_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(self.good, "this is %s" % word) for word in ("first-1234", "second-5678")]
            for future, word in zip(asked, ("first-1234", "second-5678")):
                assert word in future.result()["result"]

    def context_is_free(self):
        """drive.py counts in the log that no message was paid for."""
        answer, code = claude(self.url, "/context", model="claude-context")
        assert code == 0 and "Context Usage" in answer["result"], str(answer)[:1500]

    def refused_once(self):
        """drive.py counts in the log that it asked once."""
        answer, code = claude(self.url, "x", model="quota-claude-code")
        assert code != 0 and answer["is_error"] and answer["api_error_status"] == 429, str(answer)[:1500]

    def each(self):
        if self.plan["quota"] == "alone":
            yield "refused_once"
            return
        yield from ("says", "context_is_free")
        if self.kind != "demo":  # it calls the first of its tools, which is not Bash
            yield "tool_call"
        if self.kind in ("demo", "anthropic", "openai"):
            yield "two_at_once"
        if self.plan["quota"]:
            yield "refused_once"


def run(kind, tests, name):
    try:
        getattr(tests, name)()
        return "ok %s %s" % (kind, name)
    except Exception as e:
        return "FAILED %s %s: %s" % (kind, name, ("%s: %s" % (type(e).__name__, e)).replace("\n", " | ")[:2500])


def main():
    with open(os.environ["PLAN"]) as f:
        kinds = json.load(f)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []
        for kind, plan in kinds.items():
            tests = Tests(kind, plan)
            jobs += [pool.submit(run, kind, tests, name) for name in tests.each()]
        for job in jobs:
            line = job.result()
            failed += line.startswith("FAILED")
            print(line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
