"""faulty.py - a fake provider with a seed that answers well until a fault is switched on, and clients that ask at a steady rate."""

import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import client
import upstream
from upstream import DONE, chunk, completion, delta, reply_json, stream_head, usage_event

FAULTS = ("down", "hang", "529", "20%", "50%", "brown-out")
FACES = (("/v1/chat/completions", False), ("/v1/chat/completions", True), ("/v1/messages", False), ("/v1/messages", True))


class Provider:
    """An OpenAI upstream. `fault` is one of FAULTS or None, at any time; "down" closes the port."""

    def __init__(self, seed):
        self.rng, self.lock, self.fault = random.Random(seed), threading.Lock(), None
        self.up = upstream.Upstream(self.serve)
        self.url = self.up.url

    def break_down(self, fault):
        self.fault = fault
        if fault == "down":
            self.up.stop()

    def stop(self):
        self.up.stop()

    def draw(self):
        with self.lock:
            return self.rng.random(), self.rng.random()

    def serve(self, request, out):
        fault = self.fault
        first, chance = self.draw()
        wait = 0.04 + 0.08 * first
        if fault == "hang":
            out.wait_gone(600)
            out.close()
            return
        if fault == "529" or (fault in ("20%", "50%") and 100 * chance < int(fault[:-1])):
            time.sleep(0.02)
            status = 529 if fault == "529" else 500
            out.send(reply_json({"error": {"message": "not now", "type": "server_error", "code": "overloaded"}}, status))
            return
        time.sleep(wait * 30 if fault == "brown-out" else wait)
        if not request.json().get("stream"):
            out.send(reply_json(completion("fine")))
            return
        out.send(stream_head() + chunk(delta("fi")))
        time.sleep(0.02)
        out.send(chunk(delta("ne")) + chunk(delta(finish="stop")) + chunk(usage_event()) + chunk(DONE))
        out.end()


def is_good(path, streams, answer):
    """Has the client a whole, well-formed answer with the provider's text?"""
    if answer.status != 200 or not answer.complete:
        return False
    if not streams:
        body = answer.json()
        text = body["content"][0]["text"] if path.endswith("messages") else body["choices"][0]["message"]["content"]
        return text == "fine"
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    if any("error" in event for event in events):
        return False
    if path.endswith("messages"):
        text = "".join(e["delta"].get("text", "") for e in events if e.get("type") == "content_block_delta")
        return text == "fine" and events[-1]["type"] == "message_stop"
    text = "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
    return text == "fine" and answer.body.rstrip().endswith(b"data: [DONE]")


class Asked:
    """One request: when it was due (seconds since the run began), how long it took, whether its answer was good."""

    def __init__(self, due):
        self.due, self.took, self.good, self.why = due, None, False, "no answer"


def ask(port, number, body, asked, begun, timeout):
    path, streams = FACES[number % len(FACES)]
    body = dict(body, stream=True) if streams else body
    try:
        answer = client.request(port, "POST", path, (), body, timeout=timeout)
        asked.good = is_good(path, streams, answer)
        asked.why = "" if asked.good else "%s %r" % (answer.status, answer.body[:200])
    except (OSError, client.Cut, ValueError, KeyError, IndexError) as error:
        asked.why = "%s: %s" % (type(error).__name__, error)
    asked.took = time.monotonic() - begun - asked.due


def run(port, rate, seconds, at=(), body=None, timeout=700):
    """Asks `rate` times a second whatever comes back, for `seconds`; `at` is a list of (second, what to call then).
    Returns all that was asked, ended or not."""
    body = body or {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}]}
    begun, all_asked, threads, left = time.monotonic(), [], [], sorted(at, key=lambda a: a[0])
    for number in range(int(rate * seconds)):
        due = number / rate
        while left and left[0][0] <= due:
            left.pop(0)[1]()
        time.sleep(max(0, begun + due - time.monotonic()))
        asked = Asked(due)
        all_asked.append(asked)
        threads.append(threading.Thread(target=ask, args=(port, number, body, asked, begun, timeout), daemon=True))
        threads[-1].start()
    end = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    return all_asked


def p95(asked):
    """Of the times of those that ended; infinite where more than one in twenty did not."""
    times = sorted(float("inf") if a.took is None else a.took for a in asked)
    return times[int(0.95 * (len(times) - 1))] if times else 0.0
