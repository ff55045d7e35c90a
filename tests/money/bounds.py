"""bounds.py - the bound of input tokens over all recorded requests whose answer reports usage: it is never passed in the classes that it
bounds. Prints the ratios.

    python3 tests/money/bounds.py BOUNDS BOOK [-v]        BOUNDS is build/asan/tests/bounds

The recordings are those of $GW_SHARED. Ends with "bounds: N passed, N failed, N skipped".
"""

import base64
import collections
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("GW_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
LEAST = 300  # of the requests with usage
# What was recorded of these is not what was sent.
SHORTENED = {"bedrock/invoke-cache-nonstream-01.json": "its system prompt is a placeholder for 18,000 tokens"}
MATCHED = {"chat-completions": "openai", "responses": "openai", "anthropic": "anthropic", "google": "gemini", "bedrock": "bedrock", "bedrock-anthropic": "bedrock",
           "vertex-anthropic": "anthropic", "vertex-google": "gemini"}


def number(value, *names):
    return sum(value.get(name) or 0 for name in names if isinstance(value.get(name), int))


def usages(value):
    """(input, output) of each usage object in it."""
    if isinstance(value, list):
        for item in value:
            yield from usages(item)
    if not isinstance(value, dict):
        return
    for names, more, out in (("prompt_tokens", (), ("completion_tokens",)), ("input_tokens", ("cache_creation_input_tokens", "cache_read_input_tokens"), ("output_tokens",)),
                             ("promptTokenCount", ("toolUsePromptTokenCount",), ("candidatesTokenCount", "thoughtsTokenCount")), ("inputTokens", ("cacheReadInputTokens", "cacheWriteInputTokens"), ("outputTokens",)),
                             ("prompt_eval_count", (), ("eval_count",)), ("prompt_token_count", (), ("generation_token_count",)), ("inputTextTokenCount", (), ())):
        if isinstance(value.get(names), int):
            yield number(value, names, *more), number(value, *out)
    for key, inner in value.items():
        if not (key == "tokens" and "billed_units" in value):  # what is charged counts
            yield from usages(inner)


def texts(response):
    """The JSON values of an answer: whole, events, or messages of an AWS event stream."""
    if response.get("body_base64"):
        raw = base64.b64decode(response["body_base64"]).decode("utf-8", "replace")
        for inner in re.findall(r'"bytes":"([A-Za-z0-9+/=]+)"', raw):
            yield base64.b64decode(inner).decode("utf-8", "replace")
        for found in re.findall(r'\{"metrics".*?\}\}|\{[^{}]*"usage":\{[^}]*\}', raw):
            yield found if found.endswith("}}") else found + "}"
        return
    body = response.get("body") or ""
    yield body
    for line in body.splitlines():
        yield line[6:] if line.startswith("data: ") else line


def used(response):
    found = []
    for text in texts(response):
        try:
            found += usages(json.loads(text))
        except ValueError:
            pass
    return found


def cases():
    """(name, seller, model, body, headers, usages)"""
    for path in sorted(glob.glob(os.path.join(SHARED, "recordings", "*", "*.json"))):
        with open(path, encoding="utf-8") as file:
            r = json.load(file)
        name = "/".join(path.split(os.sep)[-2:])
        if "formats" in r:
            for api, f in r["formats"].items():
                for which in ("", "followup_"):
                    request = f.get(which + "request")
                    for answer in (which + "response", which + "response_streaming"):
                        if isinstance(request, dict) and f.get(answer):
                            yield "%s:%s:%s" % (name, api, answer), MATCHED.get(api, api), request.get("model") or r.get("model") or "", request, {}, list(usages(f[answer]))
            continue
        if r["response"]["status"] == 200 and isinstance(r["request"].get("body"), dict):
            seller = {"vertex": "gemini"}.get(r["provider"], r["provider"])
            model = r["request"]["body"].get("model") or r.get("model") or ""
            yield name, seller, model, r["request"]["body"], r["request"].get("headers") or {}, used(r["response"])


def main():
    binary, book, loud = sys.argv[1], sys.argv[2], "-v" in sys.argv
    if not os.path.isdir(os.path.join(SHARED, "recordings")):
        print("SKIPPED bounds: there are no recordings in %s (GW_SHARED)" % SHARED)
        print("bounds: 0 passed, 0 failed, 1 skipped")
        return 0
    rows = [c for c in cases() if c[5] and c[0] not in SHORTENED]
    for name, why in SHORTENED.items():
        print("left out %s: %s" % (name, why))
    lines = [json.dumps({"seller": seller, "model": model, "body": body, "interleaved": "interleaved-thinking" in str(headers)}, ensure_ascii=False, separators=(",", ":"))
             for _, seller, model, body, headers, _ in rows]
    answers = subprocess.run([binary, book], input="\n".join(lines) + "\n", capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    if len(answers) != len(rows):
        raise SystemExit("bounds: %d answers to %d questions" % (len(answers), len(rows)))
    violations, ratios, outputs, unbounded = [], [], [], collections.Counter()
    for (name, seller, model, body, headers, found), answer in zip(rows, map(json.loads, answers)):
        tokens, output = max(i for i, _ in found), max(o for _, o in found)
        if answer["unbounded"]:
            unbounded[answer["unbounded"]] += 1
            if loud:
                print("unbounded %s: %s (%d tokens, bound %d)" % (name, answer["unbounded"], tokens, answer["input"]))
            continue
        if tokens > answer["input"]:
            violations.append("input %s: %d tokens, the bound is %d" % (name, tokens, answer["input"]))
        if output > answer["output"]:
            violations.append("output %s: %d tokens, the bound is %d" % (name, output, answer["output"]))
        if tokens > 0:
            ratios.append((answer["input"] / tokens, tokens))
    for violation in violations:
        print("FAILED " + violation)
    few = len(ratios) < LEAST
    if few:
        print("FAILED only %d recordings have a usage and a bound" % len(ratios))

    def percentile(values, p):
        values = sorted(values)
        return values[min(len(values) - 1, int(len(values) * p))] if values else 0

    large = [r for r, t in ratios if t >= 500]
    print("%d requests with usage, %d bounded, %d violations; bound/reported: median %.1f, p90 %.1f; from 500 tokens on (%d): median %.2f, p90 %.2f" %
          (len(rows), len(ratios), len(violations), percentile([r for r, _ in ratios], 0.5), percentile([r for r, _ in ratios], 0.9), len(large), percentile(large, 0.5), percentile(large, 0.9)))
    for why, count in unbounded.most_common():
        print("not bounded: %3d %s" % (count, why))
    failed = len(violations) + few
    print("bounds: %d passed, %d failed, 0 skipped" % (len(ratios) - len(violations), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
