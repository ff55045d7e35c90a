"""recordings.py - the recorded exchanges of OpenAI-shaped chat services, and what must be true of their relay.

The expectations here are computed from the recording alone, not from anything the gateway says.
"""

import glob
import json
import os
import re

from harness import least, shared

SERVICES = (
    "openai",
    "azure",
    "groq",
    "deepseek",
    "openrouter",
    "mistral",
    "xai",
    "vllm",
    "llamacpp",
    "huggingface",
    "perplexity",
    "together",
    "vercel-gateway",
    "zai",
    "ollama",
    "gemini",
)
NOT_REPLAYED = {"transfer-encoding", "content-length", "content-encoding", "connection"}
EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Recording:
    def __init__(self, path):
        with open(path) as f:
            raw = json.load(f)
        self.provider = raw["provider"]
        self.name = "%s/%s" % (self.provider, os.path.basename(path)[: -len(".json")])
        self.request = raw["request"]["body"]
        self.status = raw["response"]["status"]
        self.headers = [(n, v) for n, v in raw["response"]["headers"].items() if n not in NOT_REPLAYED]
        self.body = (raw["response"].get("body") or "").encode()
        self.stream = bool(self.request.get("stream"))
        self.model = self.request.get("model") or raw.get("model")

    def __repr__(self):
        return self.name

    @property
    def asked_usage(self):
        return bool((self.request.get("stream_options") or {}).get("include_usage"))


def load_chat():
    """All recordings of chat completions, sorted by name."""
    out = []
    for service in SERVICES:
        for path in sorted(glob.glob(shared("recordings", service) + "/chat-*.json")):
            with open(path) as f:
                if json.load(f)["api"] != "chat":
                    continue
            out.append(Recording(path))
    if len(out) < least(150):
        raise AssertionError("only %d chat recordings: the folder has changed" % len(out))
    return out


def split_events(body):
    """The raw events of a stream, each with its end; what is left at the end comes last."""
    out, at = [], 0
    for m in EVENT_END.finditer(body):
        out.append(body[at : m.end()])
        at = m.end()
    if at < len(body):
        out.append(body[at:])
    return out


def data_of(event):
    """The JSON object of a raw event, None when there is none."""
    lines = [line[5:].lstrip() for line in re.split(rb"\r\n|\n|\r", event) if line.startswith(b"data:")]
    text = b"\n".join(lines)
    if not text or text == b"[DONE]":
        return None
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def is_usage_only(event):
    value = data_of(event)
    return bool(value) and value.get("choices") == [] and isinstance(value.get("usage"), dict)


def without_usage_chunk(body):
    return b"".join(e for e in split_events(body) if not is_usage_only(e))


def objects(recording):
    if not recording.stream:
        return [json.loads(recording.body)]
    return [v for v in (data_of(e) for e in split_events(recording.body)) if v]


def told_usage(recording):
    """The provider's own usage object, the last one told; None."""
    last = None
    for value in objects(recording):
        found = value.get("usage") or (value.get("x_groq") or {}).get("usage")
        last = found or last
    return last


def finish(recording):
    """The last finish reason told; None."""
    last = None
    for value in objects(recording):
        for choice in value.get("choices") or []:
            last = choice.get("finish_reason") or last
    return last


def number(*values):
    return next((v for v in values if isinstance(v, int) and v), 0)


def buckets(usage):
    """The disjoint buckets of an OpenAI-shaped usage object, or None when its own numbers contradict each other."""
    inside = usage.get("prompt_tokens_details") or {}
    made = usage.get("completion_tokens_details") or {}
    prompt, completion, total = usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]
    read = number(
        inside.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),
        usage.get("num_cached_tokens"),
        usage.get("cached_tokens"),
    )
    write = number(inside.get("cache_write_tokens"), usage.get("cache_creation_input_tokens"))
    audio_in, image_in = number(inside.get("audio_tokens")), number(inside.get("image_tokens"))
    reasoning, audio_out = number(made.get("reasoning_tokens")), number(made.get("audio_tokens"))
    if prompt + completion + reasoning == total:
        output = completion - audio_out  # xAI: reasoning is beside the completion, not in it
    elif prompt + completion == total:
        output = completion - reasoning - audio_out
    else:
        return None
    out = {
        "input": prompt - read - write - audio_in - image_in,
        "cache_read": read,
        "cache_write_5m": write,
        "audio_in": audio_in,
        "image_in": image_in,
        "output": output,
        "reasoning": reasoning,
        "audio_out": audio_out,
    }
    if any(v < 0 for v in out.values()):
        return None
    return {k: v for k, v in out.items() if v}
