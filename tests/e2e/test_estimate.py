"""test_estimate.py - the table of usage by its source: told by the upstream, counted from a stream, estimated from bytes;
whole, streamed, cut, and after a failed attempt; relayed and translated. Each row names its numbers: who changes how usage
is estimated changes them here."""

import json
import unittest

import upstream
from harness import Case, Gateway, claude, provider
from upstream import DONE, chunk, completion, delta, event, reply_json, stream, stream_head, usage_event

BARE = {k: v for k, v in completion("x" * 40).items() if k != "usage"}
FAIL = reply_json({"error": {"message": "no", "type": "server_error", "code": "x"}}, 500)
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn", "stop_sequence": None,
           "content": [{"type": "text", "text": "x" * 40}]}  # fmt: skip


def events(*values):
    return b"".join(b"event: %s\n" % v["type"].encode() + event(v) for v in values)


def begun(usage=None):
    start = {"type": "message_start", "message": dict(MESSAGE, content=[], stop_reason=None, **({"usage": usage} if usage else {}))}
    text = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
    text += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}] * 5
    return [start] + text


def ended(usage=None):
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, **({"usage": usage} if usage else {})}
    return [{"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}]


def quarter(size):
    """How an estimate is made of bytes: four of them a token, rounded up."""
    return (size + 3) // 4


SENT, BACK = "bytes sent", "bytes of the answer"  # in a row: a quarter of them

# name, model, path, streamed, what the upstream does, (source, input, output)
ROWS = [
    ("whole, told", "m", "chat", False, [reply_json(completion(prompt=9, output=4))], ("reported", 9, 4)),
    ("whole, not told", "m", "chat", False, [reply_json(BARE)], ("estimated", SENT, BACK)),
    ("whole, null", "m", "chat", False, [reply_json(dict(BARE, usage=None))], ("estimated", SENT, BACK)),
    ("streamed, told", "m", "chat", True, [stream(delta("a"), delta(finish="stop"), usage_event(9, 4), DONE)], ("reported", 9, 4)),
    ("streamed, not told", "m", "chat", True, [stream(delta("a"), delta("b"), delta(finish="stop"), DONE)], ("counted", SENT, 3)),
    ("streamed, cut", "m", "chat", True, [stream_head() + chunk(delta("a") * 5), 0.05, "rst"], ("counted", SENT, 5)),
    ("streamed, cut, large events", "m", "chat", True, [stream_head() + chunk(delta("a" * 30) * 2), 0.05, "rst"], ("counted", SENT, 20)),
    ("streamed, cut after the role", "m", "chat", True, [stream_head() + chunk(delta("")), 0.05, "rst"], ("estimated", SENT, 0)),
    ("failed once, then told", "two", "chat", False, [FAIL], ("reported", 5, 2)),
    ("failed once, then streamed", "two", "chat", True, [FAIL], ("reported", 5, 2)),
    ("failed at last", "m", "chat", False, [FAIL], ("none", None, None)),
    ("another's, whole, told", "c", "chat", False, [reply_json(dict(MESSAGE, usage={"input_tokens": 9, "output_tokens": 4}))], ("reported", 9, 4)),
    ("another's, whole, not told", "c", "chat", False, [reply_json(MESSAGE)], ("estimated", SENT, BACK)),
    ("another's, streamed, told", "c", "chat", True, [stream(events(*begun({"input_tokens": 9, "output_tokens": 1}), *ended({"output_tokens": 4})))], ("reported", 9, 4)),
    ("another's, streamed, the end not told", "c", "chat", True, [stream_head() + chunk(events(*begun({"input_tokens": 9, "output_tokens": 1}))), 0.05, "rst"], ("counted", 9, None)),
    ("another's, streamed, not told", "c", "chat", True, [stream(events(*begun(), *ended()))], ("counted", SENT, None)),
    ("relayed, whole, told", "c", "messages", False, [reply_json(dict(MESSAGE, usage={"input_tokens": 9, "output_tokens": 4}))], ("reported", 9, 4)),
    ("relayed, whole, not told", "c", "messages", False, [reply_json(MESSAGE)], ("estimated", SENT, BACK)),
    ("relayed, streamed, told", "c", "messages", True, [stream(events(*begun({"input_tokens": 9, "output_tokens": 1}), *ended({"output_tokens": 4})))], ("reported", 9, 4)),
]  # fmt: skip


class Estimate(Case):
    @classmethod
    def make(cls):
        cls.up, cls.good = upstream.Upstream(), upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up) + provider("good", cls.good) + claude("claude", cls.up)
            + 'model "m" { { "up/real" } }\nmodel "two" { { "up/real" }, { "good/real" } }\nmodel "c" { { "claude/x" } }\n'
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()

    def test_each_source(self):
        for name, model, path, streamed, handler, (source, input_, output) in ROWS:
            for size in (40, 4001):
                with self.subTest(row=name, size=size):
                    self.up.handler = handler
                    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "a" * size}]}
                    body = json.dumps(dict(body, stream=True) if streamed else body).encode()
                    url = "/v1/messages" if path == "messages" else "/v1/chat/completions"
                    answer = self.gw.request("POST", url, (), body)
                    usage = self.gw.log_for(answer.id)["usage"]
                    self.assertEqual(usage["source"], source, usage)
                    self.assertEqual(usage.get("input"), quarter(len(body)) if input_ == SENT else input_, usage)
                    if output is not None:
                        self.assertEqual(usage.get("output", 0), quarter(len(answer.body)) if output == BACK else output, usage)
                    elif source != "none":
                        self.assertTrue(5 <= usage["output"] <= 7, usage)


if __name__ == "__main__":
    unittest.main()
