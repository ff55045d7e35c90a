"""test_canonical.py - sdk/canonical.schema.json against what the gateway does: the canonical requests that the faces write, as a provider
gets them, and the events that providers emit, as the golden files have them.

Debian has the validator as python3-jsonschema.
"""

import copy
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import client
import command
import crossing_media
import crossing_settings
import crossing_shape
import crossing_talk
import crossing_tools
from harness import ROOT, UP_KEY, Gateway, least, shared
from test_anthropic import VERSION

try:
    import jsonschema
except ImportError:
    jsonschema = None

CASES = crossing_talk.CASES + crossing_media.CASES + crossing_tools.CASES + crossing_shape.CASES
CASES += crossing_settings.CASES
CALL = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}
INPUTS = [  # a chat in the shape of /responses
    {"input": "hello", "instructions": "be brief", "max_output_tokens": 9, "reasoning": {"effort": "low"}},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "what is it?"},
                                            {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
                                            {"type": "input_file", "file_url": "https://x.example/a.pdf"}]}]},
    {"input": [{"role": "user", "content": "go"}, CALL,
               {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]}],
     "tools": [{"type": "function", "name": "read", "parameters": {"type": "object", "properties": {}}},
               {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}}],
     "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "read"}]}},
    {"input": [{"role": "user", "content": "go"}],
     "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}, "verbosity": "low"}},
]
# Rows of the capability tables that are no members of a request or message: in words, or what may stand anywhere.
IN_WORDS = set("* additionalProperties input prompt_cache_breakpoint".split())
IN_WORDS |= {"messages." + word for word in "* same_role replies results user_after_tool prefill first tool_ids tool".split()}
PROVIDERS = "anthropic azure bedrock deepseek gemini mistral ollama openai openrouter perplexity vllm".split()
LINE = re.compile(r'^(\w+)((?: \d+(?:\.\d+)?)?)((?: [a-z_]+)?)((?: \w+=(?:-?\d+|"(?:[^"\\]|\\.)*"))*)$')


def schema():
    with open(os.path.join(ROOT, "sdk", "canonical.schema.json"), encoding="utf-8") as file:
        return json.load(file)


def close(part):
    """The schema with no member allowed that it does not name."""
    if isinstance(part, list):
        return [close(item) for item in part]
    if not isinstance(part, dict):
        return part
    out = {name: close(value) for name, value in part.items() if name not in ("if", "then")}
    out.update({name: part[name] for name in ("if", "then") if name in part})
    if "type" in out and isinstance(out.get("properties"), dict):
        out.setdefault("additionalProperties", False)
    return out


def event(line):
    """A line of a golden file as an object."""
    kind, place, fault, members = LINE.match(line).groups()
    out = {"type": kind}
    if kind == "error":
        out.update(status=int(place), fault=fault.strip())
    elif place:
        index, _, item = place.strip().partition(".")
        out["index"] = int(index)
        if item:
            out["item"] = int(item)
    values = {name: json.loads(value) for name, value in re.findall(r'(\w+)=(-?\d+|"(?:[^"\\]|\\.)*")', members)}
    if kind == "usage":
        out["tokens"] = values
        return out
    if "data" in values:
        values["data"] = json.loads(values["data"])
    return {**out, **values}


@unittest.skipIf(jsonschema is None, "the validator is not installed: python3-jsonschema")
class Events(unittest.TestCase):
    def setUp(self):
        self.schema = schema()
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft202012Validator({**self.schema, "$ref": "#/$defs/event"})

    def test_the_events_of_the_golden_files(self):
        kinds = set()
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "provider", "*", "*.events"))):
            with open(path, encoding="utf-8") as file:
                for line in file.read().splitlines():
                    found = event(line)
                    kinds.add(found["type"])
                    with self.subTest(os.path.basename(path), line=line):
                        self.assertEqual([e.message for e in self.validator.iter_errors(found)], [])
        self.assertEqual(kinds, set(self.schema["$defs"]["event"]["properties"]["type"]["enum"]))

    def test_an_event_with_the_members_of_another_is_none(self):
        for bad in ({"type": "text", "index": 0}, {"type": "text", "text": "x", "item": 1}, {"type": "finish", "text": "done"},
                    {"type": "usage", "tokens": {"input": -1}}, {"type": "tool_call", "item": 0}, {"type": "other"}):
            self.assertFalse(self.validator.is_valid(bad), bad)

    def test_the_numbers_are_those_of_the_header(self):
        with open(os.path.join(ROOT, "sdk", "include", "gateway", "provider.h"), encoding="utf-8") as file:
            header = file.read()
        defs = self.schema["$defs"]
        for prefix, names in (("EVENT", defs["event"]["properties"]["type"]["enum"]), ("FAULT", defs["event"]["properties"]["fault"]["enum"])):
            numbers = re.findall(r"#define GW_%s_(\w+)[\s\\]+(\d+)u" % prefix, header)
            self.assertEqual([name.lower() for name, _ in sorted(numbers, key=lambda pair: int(pair[1]))], names)
        inside = header[header.index("typedef struct gw_tokens {"):header.index("} gw_tokens;")]
        buckets = re.findall(r"\w+", " ".join(re.findall(r"int64_t ([\w, ]+);", inside)))
        self.assertEqual(sorted(buckets), sorted(defs["tokens"]["properties"]))


@unittest.skipIf(jsonschema is None, "the validator is not installed: python3-jsonschema")
class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="gw-canonical-")
        cls.addClassCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "mirror.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + os.path.join(ROOT, "sdk", "include"), "-o", path,
                        os.path.join(ROOT, "tests", "e2e", "plugins", "mirror.c")], check=True)
        os.chmod(path, 0o644)
        cls.gw = Gateway('plugins { path = "%s" }\nprovider "mirror" { }\nmodel "m" { { "mirror/m" } }\n' % folder)
        cls.addClassCleanup(cls.gw.stop)
        cls.open = jsonschema.Draft202012Validator(schema())
        cls.closed = jsonschema.Draft202012Validator(close(schema()))

    def canonical(self, face, body):
        """The canonical request for this body of a client; None: the gateway refused it."""
        path, headers = ("/v1/messages", [VERSION]) if face == "messages" else ("/v1/chat/completions", ())
        answer = client.request(self.gw.port, "POST", path, headers, {**body, "model": "m", "stream": False})
        if answer.status == 400:
            return None
        self.assertEqual(answer.status, 200, answer.body[:300])
        content = answer.json()["content"][0]["text"] if face == "messages" else answer.json()["choices"][0]["message"]["content"]
        return json.loads(content)

    def holds(self, name, face, body):
        found = self.canonical(face, body)
        with self.subTest(name, face=face):
            self.assertIsNotNone(found, "the gateway refused it")
            problems = ["%s: %s" % (e.json_path, e.message[:300]) for e in self.closed.iter_errors(found)]
            self.assertEqual(problems, [], json.dumps(found)[:2000])

    def test_what_the_faces_write(self):
        for case in CASES:
            for face, body in case.bodies.items():
                if body is not None:
                    self.holds(case.name, face, body)
        for body in INPUTS:
            self.holds("input", "chat", body)

    def test_what_programs_sent_to_anthropic(self):
        count = 0
        for path in sorted(glob.glob(shared("recordings", "anthropic") + "/*.json")):
            with open(path, encoding="utf-8") as file:
                recording = json.load(file)
            body = recording["request"].get("body")
            if recording["response"]["status"] == 200 and isinstance(body, dict) and body.get("max_tokens"):
                count += 1
                self.holds(os.path.basename(path), "messages", body)
        self.assertGreaterEqual(count, least(20))

    def test_what_providers_read(self):
        defs = schema()["$defs"]
        of_part = {"type", "detail", "filename"} | set(defs["part"]["properties"])
        more = {"azure": 'base_url = "https://x.example", ', "bedrock": 'region = "us-east-1", '}
        lua = "".join('provider "%s" { %ssecret = env "UP_KEY" }\nmodel "%s" { { "%s/m" } }\n' % (name, more.get(name, ""), name, name)
                      for name in PROVIDERS)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gateway.lua")
            with open(path, "w", encoding="utf-8") as file:
                file.write(lua)
            printed = command.run("models", "--fields", "--json", "-c", path, env={"UP_KEY": UP_KEY})
        self.assertEqual(printed.code, 0, printed)
        fields = {row["field"] for model in json.loads(printed.out) for target in model["targets"] for row in target["fields"]} - IN_WORDS
        self.assertGreater(len(fields), 60)
        for field in sorted(fields):
            first, _, rest = field.partition(".")
            if not rest:
                self.assertIn(first, defs["request"]["properties"])
            elif first == "messages":
                self.assertIn(rest.split(".")[0], of_part | set(defs["message"]["properties"]))

    def test_a_member_of_nobody_s_passes_and_is_not_in_the_closed_schema(self):
        found = self.canonical("chat", {"messages": [{"role": "user", "content": "hi", "mood": 1}], "weather": "fine"})
        self.assertEqual((found["weather"], found["messages"][0]["mood"]), ("fine", 1))
        self.assertTrue(self.open.is_valid(found))
        self.assertEqual(len(list(self.closed.iter_errors(found))), 2)
