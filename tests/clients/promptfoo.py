"""promptfoo.py FOLDER - promptfoo, installed in FOLDER, evaluates prompts against every kind of service by both client
APIs. Run by drive.py like cross.py, in the full run only."""

import json
import os
import subprocess
import sys
import tempfile

FOLDER, KEY = sys.argv[1], os.environ["KEY"]


def evaluate(url):
    config = {
        "prompts": ["{{text}}"],
        "providers": [
            {"id": "openai:chat:m", "config": {"apiBaseUrl": url + "/v1", "apiKey": KEY}},
            {"id": "anthropic:messages:claude-m", "config": {"apiBaseUrl": url, "apiKey": KEY}},
        ],
        "tests": [
            {"vars": {"text": text}, "assert": [{"type": "contains", "value": text}]}
            for text in ("hello 0", "hello 1", "hello 2")
        ],
    }
    with tempfile.TemporaryDirectory(prefix="gw-promptfoo-") as home:
        path, out = os.path.join(home, "promptfooconfig.json"), os.path.join(home, "out.json")
        with open(path, "w") as f:
            json.dump(config, f)
        environment = dict(
            os.environ,
            HOME=home,
            PROMPTFOO_CONFIG_DIR=home,
            PROMPTFOO_DISABLE_TELEMETRY="1",
            PROMPTFOO_DISABLE_UPDATE="1",
            PROMPTFOO_DISABLE_REMOTE_GENERATION="1",
        )
        done = subprocess.run(
            ["node", os.path.join(FOLDER, "node_modules/promptfoo/dist/src/entrypoint.js"), "eval"]
            + ["-c", path, "-o", out, "--no-cache", "--no-table", "--no-progress-bar"],
            env=environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert os.path.exists(out), "exit %d: %s" % (done.returncode, (done.stdout + done.stderr)[-1500:])
        with open(out) as f:
            return json.load(f)["results"]


def main():
    with open(os.environ["PLAN"]) as f:
        kinds = json.load(f)
    failed = 0
    for kind, plan in kinds.items():
        try:
            results = evaluate(plan["url"])
            stats = results["stats"]
            bad = [str(r.get("error") or r.get("response"))[:300] for r in results["results"] if not r["success"]]
            assert stats["successes"] == 6 and not bad, (stats, bad)
            print("ok %s evaluates" % kind, flush=True)
        except Exception as e:
            failed += 1
            print("FAILED %s evaluates: %s" % (kind, str(e).replace("\n", " | ")[:2000]), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
