"""recorded.py [--build DIR] - the usage of each recorded answer that reports one, as the gateway reads and prices it, against the package
genai-prices, which finds the usage in the same answer by its own rules and prices it by its own arithmetic.

A fake upstream answers each request with the recorded bytes. Quantities and cost of the ledger's END must be the package's, the cost to
the nano-dollar. What differs on purpose is in DIFFERENCES, with the reason; a row that nothing needs is a failure.
A recording is a test. Ends with "recorded: N passed, N failed, N skipped".
"""

import argparse
import base64
import collections
import datetime
import glob
import json
import os
import struct
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
parser = argparse.ArgumentParser()
parser.add_argument("--build")
parser.add_argument("--words", action="store_true", help="print each recording")
options = parser.parse_args()
if options.build:
    os.environ["GW_BUILD"] = os.path.abspath(options.build)

import upstream  # noqa: E402
from genai_prices.data import providers  # noqa: E402
from harness import BINARY, SHARED, Gateway  # noqa: E402
from oracle import KEYS  # noqa: E402
from recordings import data_of, split_events  # noqa: E402

NANO = Decimal(1_000_000_000)
ORACLES = {oracle.id: oracle for oracle in providers}
SOLD_AS = {"bedrock": "aws", "gemini": "google", "vertex": "google", "xai": "x-ai", "huggingface": "huggingface_together"}
FLAVORS = ("chat", "default")
STRANGERS = {"vercel-gateway", "voyage", "zai"}  # no plugin knows their names: their prices are looked up under "openai"
CHAT = {"chat", "generateContent", "streamGenerateContent", "converse", "converse-stream"}
EMBEDDINGS = {"embeddings", "embedContent", "batchEmbedContents"}

# A recording -> why its cost is another one.
TOO_MUCH = "the answer reports more cached tokens than input, which the package refuses; all of the input is taken as cached"
DIFFERENCES = {
    "azure/chat-cache-stream-01": TOO_MUCH,
    "azure/chat-tool_parallel-nonstream-01": TOO_MUCH,
    "mistral/chat-document_audio-nonstream-01": "the package reads no cached tokens in Mistral's answers; their price is lower",
}


UNKNOWN = "unknown: %s (%s, %s)"


class Recording:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
        self.name = "%s/%s" % (os.path.basename(os.path.dirname(path)), os.path.basename(path)[:-5])
        self.provider, self.api, self.model = raw["provider"], raw["api"], raw.get("model") or ""
        self.request = raw["request"]["body"] or {}
        response = raw["response"]
        self.status = response["status"]
        self.type = response["headers"].get("content-type")
        self.frames = "body_base64" in response
        self.body = base64.b64decode(response["body_base64"]) if self.frames else (response.get("body") or "").encode()
        self.stream = bool(self.request.get("stream")) or self.api in ("streamGenerateContent", "converse-stream")
        if self.type is None:
            self.type = "text/event-stream" if self.stream else "application/json"

    def objects(self):
        if self.frames:
            return list(frames(self.body))
        if not self.stream:
            return [json.loads(self.body)]
        return [value for value in map(data_of, split_events(self.body)) if value]

    def answer(self):
        """The answer as one object: a stream's usage is what its events report last."""
        objects = self.objects()
        if not self.stream:
            return objects[0]
        if self.api == "messages":
            return merged_message(objects)
        whole = {}
        for value in objects:
            for name in ("usage", "usageMetadata", "x_groq", "model", "modelVersion", "service_tier"):
                if value.get(name) is not None:
                    whole[name] = value[name]
        if "usage" not in whole and "x_groq" in whole:
            whole["usage"] = whole["x_groq"].get("usage")
        return whole


def frames(body):
    """The payloads of an AWS event stream."""
    at = 0
    while at < len(body):
        total, headers = struct.unpack(">II", body[at : at + 8])
        yield json.loads(body[at + 12 + headers : at + total - 4] or b"{}")
        at += total


def merged_message(objects):
    """message_start reports the input; message_delta the output, and the input again where it grew."""
    whole = {"usage": {}}
    for value in objects:
        message = value.get("message") or value
        if message.get("model"):
            whole["model"] = message["model"]
        if message.get("usage"):
            whole["usage"].update({k: v for k, v in message["usage"].items() if v is not None})
    return whole


def load():
    out = []
    for path in sorted(glob.glob(os.path.join(SHARED, "recordings", "*", "*.json"))):
        if os.path.basename(os.path.dirname(path)) in ("matched", "fragments"):
            continue
        recording = Recording(path)
        if (recording.provider, recording.api) == ("gemini", "chat"):
            continue  # Google's endpoint in OpenAI's form: no plugin has its name
        if recording.status == 200 and (recording.api in CHAT | EMBEDDINGS or recording.api == "messages"):
            out.append(recording)
    return out


class Replay:
    """One recording at a time."""

    def __init__(self):
        self.recording = None
        self.server = upstream.Upstream(self.answer, service="recorded")

    def answer(self, _, out):
        rec = self.recording
        head = "HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (rec.type, len(rec.body))
        out.send(head.encode() + rec.body)


def lua_of(recordings, url):
    root = url[: -len("/v1")] if url.endswith("/v1") else url
    lines = ['ledger { path = "ledger" }']
    for name in sorted({r.provider for r in recordings}):
        if name == "bedrock":
            lines.append('provider "bedrock" { base_url = "%s", region = "eu-north-1", '
                         'secrets = { access_key_id = env "UP_KEY", secret_access_key = env "UP_KEY" } }' % root)
        elif name in ("gemini", "vertex"):
            lines.append('provider "%s" { plugin = "gemini", base_url = "%s/v1beta", secret = env "UP_KEY" }' % (name, root))
        elif name == "anthropic":
            lines.append('provider "anthropic" { base_url = "%s", secret = env "UP_KEY" }' % root)
        elif name == "azure":
            lines.append('provider "azure" { base_url = "%s", secret = env "UP_KEY" }' % root)
        else:  # a plugin's service of that name, else the plugin of all that speak the same API
            plugin = 'plugin = "openai", ' if name in STRANGERS else ""
            lines.append('provider "%s" { %sbase_url = "%s/v1", secret = env "UP_KEY" }' % (name, plugin, root))
    return "\n".join(lines) + "\n"


def request_of(recording):
    """(path, body): the recorded request where the client API is the upstream's, else a plain one: usage stands in the answer."""
    model = "%s/%s" % (recording.provider, recording.model)
    if recording.api == "messages":
        return "/v1/messages", dict(recording.request, model=model)
    if recording.api in EMBEDDINGS:
        return "/v1/embeddings", {"model": model, "input": "hello"}
    if recording.api == "chat":
        return "/v1/chat/completions", dict(recording.request, model=model)
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": recording.stream}
    return "/v1/chat/completions", body


def extract(recording):
    """(the oracle's provider, its usage, the conditions of its price); None where it finds no usage."""
    oracle = ORACLES.get(SOLD_AS.get(recording.provider, recording.provider))
    answer = recording.answer()
    flavors = ("embeddings",) if recording.api in EMBEDDINGS else FLAVORS if recording.api == "chat" else ("default", "chat")
    for flavor in flavors + ("default",):
        try:
            _, usage = oracle.extract_usage(answer, api_flavor=flavor)
        except (ValueError, AttributeError):
            continue
        reported = answer.get("usage") or {}
        context = {name: value for name, value in (("service_tier", answer.get("service_tier") or reported.get("service_tier")),
                                                   ("speed", reported.get("speed"))) if isinstance(value, str)}
        return oracle, usage, context
    return None


def price(oracle, model, usage, context):
    """Nano-dollars, None where the oracle does not know the model."""
    found = oracle.find_model(model, all_providers=providers) if oracle else None
    if found is None:
        return None
    try:
        calculated = found.calc_price(usage, oracle, price_context=context or None,
                                      genai_request_timestamp=datetime.datetime.now(datetime.UTC))
    except ValueError as wrong:
        return str(wrong)
    return int((calculated.total_price * NANO).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def counts_of(end):
    counts = collections.Counter()
    for line in end.get("lines", []):
        for key in KEYS.get(line["unit"], ()):
            counts[key] += line["quantity"]
    return counts


def nano_of(usd):
    return int(Decimal(usd) * NANO)


def ends_of(gateway):
    """request -> its END, and the model it was priced as."""
    shown = subprocess.run([BINARY, "ledger", "cat", "-c", gateway.config, "--json"], capture_output=True, text=True, check=True).stdout
    holds, ends = {}, {}
    for line in shown.splitlines():
        record = json.loads(line)
        if record["type"] == "hold":
            holds[record["number"]] = record["request"]
        elif record["type"] == "end":
            ends[holds[record["hold"]]] = record
    return ends


def main():
    recordings = load()
    if not recordings:
        print("SKIPPED recorded usage: there are no recordings (set GW_SHARED)")
        print("recorded: 0 passed, 0 failed, 1 skipped")
        return 0
    replay = Replay()
    ids = {}
    with Gateway(lua_of(recordings, replay.server.url)) as gateway:
        for recording in recordings:
            replay.recording = recording
            path, body = request_of(recording)
            answer = gateway.request("POST", path, (), json.dumps(body).encode())
            ids[recording.name] = (answer.id, answer.status, answer.body[:300])
        ends = ends_of(gateway)
    replay.server.stop()
    return judge(recordings, ids, ends)


def compare(recording, asked, end):
    """What differs, "" where nothing does; "unknown: ..." where one of the two knows no usage or no price."""
    _, status, body = asked
    found = extract(recording)
    if status != 200 or end is None:
        return "status %s: %s" % (status, body)
    if found is None:
        return UNKNOWN % ("the package finds no usage", recording.provider, recording.api)
    oracle, usage, context = found
    if end.get("source") != "reported":
        return "the usage is %s, the oracle finds %s" % (end.get("source"), usage)
    nano = price(oracle, recording.model, usage, context)
    if nano is None:
        return UNKNOWN % ("the package knows no price", recording.provider, recording.model)
    if not end.get("price"):
        return UNKNOWN % ("the book has no price", recording.provider, recording.model)
    ours = nano_of(end["cost_usd"]) if "cost_usd" in end else 0
    if nano == ours and not end.get("unpriced"):
        return ""
    return "%d nano-dollars (%s, %s%s), the oracle %s of %s" % (
        ours, end.get("price"), dict(counts_of(end)), ", unpriced" if end.get("unpriced") else "", nano, usage)


def judge(recordings, ids, ends):
    passed = failed = 0
    unknown = collections.Counter()
    needed = set()
    for recording in recordings:
        asked = ids[recording.name]
        different = compare(recording, asked, ends.get(asked[0]))
        if options.words:
            print(recording.name, recording.model, different)
        if different.startswith(UNKNOWN[:8]):
            unknown[different] += 1
        elif different == "":
            passed += 1
        elif recording.name in DIFFERENCES:
            needed.add(recording.name)
            passed += 1
        else:
            failed += 1
            print("FAILED  %s (%s): %s" % (recording.name, recording.model, different))
    for name in sorted(set(DIFFERENCES) - needed):
        failed += 1
        print("FAILED  the difference %s is not seen any more" % name)
    print("recorded: %d answers cost the same, %d differ on purpose; of %d one of the two knows no usage or no price"
          % (passed - len(needed), len(needed), sum(unknown.values())))
    for why, count in sorted(unknown.items()):
        print("   %3d %s" % (count, why))
    print("recorded: %d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
