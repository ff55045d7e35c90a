"""test_sources.py - the table of what the ledger has of an answer by the source of its usage: reported, counted, estimated; whole,
streamed, cut, and left by its client and not drained. The oracle applies the formula of counted usage to the bytes that the gateway
read: the upstream sends no more than the client has seen before it leaves."""

import os
import tempfile
import unittest
from decimal import ROUND_HALF_UP, Decimal

import client
import upstream
from harness import Case, Gateway, provider
from test_ledger import records, verify
from upstream import DONE, chunk, completion, delta, reply_json, stream, stream_head, usage_event

INPUT, OUTPUT = Decimal("2.512345678"), Decimal("10.000000007")
PRICE = 'price = { input_usd_per_mtok = "%s", output_usd_per_mtok = "%s" }' % (INPUT, OUTPUT)
BARE = {k: v for k, v in completion("x" * 41).items() if k != "usage"}
TEXTS = (["a"], ["a"] * 9, ["\u00e9" * 50], ["x" * 7, "y" * 5, "z"], ["word "] * 40, ["\U0001f600" * 3] * 5, ["x" * 2000])


def counted(texts, finished=False):
    """A token for each three bytes of decoded text, a begun one too, and at least one for each event."""
    return max(len(texts) + finished, -(-sum(len(t.encode()) for t in texts) // 3))


def quarter(size):
    return -(-size // 4)


def cost(tokens_in, tokens_out):
    return ((INPUT * tokens_in + OUTPUT * tokens_out) / 1000000).quantize(Decimal("1e-9"), ROUND_HALF_UP)


class Sources(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        return Gateway('ledger { path = "%s", sync_ms = 5 }\n' % cls.path + provider("up", cls.up, PRICE) + 'model "m" { { "up/real" } }\n')

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def end_of(self, request_id):
        self.gw.log_for(request_id)
        (hold,) = [r for r in records(self.path, "hold") if r["request"] == request_id]
        (end,) = [r for r in records(self.path, "end") if r["hold"] == hold["number"]]
        return hold, end, {line["unit"]: line["quantity"] for line in end.get("lines", [])}

    def check(self, name, request_id, source, tokens_in, tokens_out, ending="settled"):
        hold, end, lines = self.end_of(request_id)
        self.assertEqual((end["source"], end["ending"]), (source, ending), name)
        self.assertEqual((lines.get("input", 0), lines.get("output", 0)), (tokens_in, tokens_out), name)
        self.assertEqual(Decimal(end["cost_usd"]), cost(tokens_in, tokens_out), name)
        self.assertEqual(sum(Decimal(line["cost_usd"]) for line in end["lines"]), Decimal(end["cost_usd"]), name)
        doubt = Decimal(hold["hard_usd"]) - Decimal(end["cost_usd"]) if ending == "doubt" else Decimal(0)
        self.assertEqual(Decimal(end.get("doubt_usd", "0")), doubt, name)

    def ask(self, answer, **more):
        """The answer, and the estimate of the input: a quarter of the bytes that the client sent."""
        self.up.handler = answer if isinstance(answer, list) else [answer]
        got = self.gw.chat(model="m", **more)
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
        return got, quarter(len(client.build("POST", "/", body=body).partition(b"\r\n\r\n")[2]))

    def test_reported(self):
        for more, answer in (({}, reply_json(completion(prompt=91, output=47))), ({"stream": True}, stream(delta("a"), delta(finish="stop"), usage_event(91, 47), DONE))):
            got, _ = self.ask(answer, **more)
            self.check(more, got.id, "reported", 91, 47)

    def test_estimated(self):
        answer = reply_json(BARE)
        got, sent = self.ask(answer)
        body = answer.partition(b"\r\n\r\n")[2]
        self.check("whole", got.id, "estimated", sent, quarter(len(body)))

    def test_counted(self):
        for texts in TEXTS:
            got, sent = self.ask(stream(*[delta(t) for t in texts], delta(finish="stop"), DONE), stream=True)
            self.assertEqual(got.status, 200)
            self.check(texts, got.id, "counted", sent, counted(texts, finished=True))

    def test_left_by_its_client(self):
        for texts in TEXTS:

            def handler(request, out, texts=texts):
                out.send(stream_head() + b"".join(chunk(delta(t)) for t in texts))
                out.wait_gone()

            self.up.handler = handler
            conn = client.Conn(self.gw.port)
            asked = client.build("POST", "/v1/chat/completions", body={"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]})
            conn.send(asked)
            head = conn.head()
            events = conn.events(head)
            for _ in range(len(texts)):
                next(events)
            conn.close()
            self.check(texts, head.id, "counted", quarter(len(asked.partition(b"\r\n\r\n")[2])), counted(texts))

    def test_cut_by_the_upstream(self):
        for texts in TEXTS:
            got, sent = self.ask([stream_head() + b"".join(chunk(delta(t)) for t in texts), 0.05, "rst"], stream=True)
            self.check(texts, got.id, "counted", sent, counted(texts), ending="doubt")
        verify(self.path)


if __name__ == "__main__":
    unittest.main()
