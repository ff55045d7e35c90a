"""test_large.py - large bodies and answers, translated on the job threads: they arrive whole, and others go on."""

import base64
import json
import random
import threading
import time
import unittest

import client
import upstream
from harness import Case, Gateway, claude, pace, provider, tsan, wait_for

BIG = 1200000  # bytes: well over what a worker does by itself
IMAGE = base64.b64encode(random.Random(1).randbytes(BIG * 3 // 4)).decode()
ANSWER = "".join(random.Random(2).choices("abc \n\"\\\u00e9\u6f22", k=BIG))


def ask(model, text="Look", **more):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + IMAGE}}
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": text}, picture]}], **more}


def message(text):
    return {"id": "m1", "type": "message", "role": "assistant", "model": "real", "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 2}}


class Large(Case):
    @classmethod
    def make(cls):
        cls.seen = []

        def handler(request, out):
            cls.seen.append(request)
            anthropic = request.path.endswith("/messages")
            text = "short" if b"a short answer" in request.body else ANSWER
            out.send(upstream.reply_json(message(text) if anthropic else upstream.completion(text)))

        cls.up = upstream.Upstream(handler)
        return Gateway("listen { workers = 1 }\n" + provider("up", cls.up) + claude("claude", cls.up)
                       + 'model "m" { { "up/real" } }\nmodel "c" { { "claude/real" } }\n')

    def send(self, body, path="/v1/chat/completions"):
        return client.request(self.gw.port, "POST", path, (), body)

    @tsan
    def test_translated_both_ways(self):
        for stream in (False, True):
            answer = self.send(ask("c", stream=stream))
            self.assertEqual(answer.status, 200, answer.body[:300])
            source = self.seen[-1].json()["messages"][0]["content"][1]["source"]
            self.assertEqual((source["type"], source["data"]), ("base64", IMAGE))
            if stream:
                events = [json.loads(data) for _, data in client.sse(answer.body) if data != "[DONE]"]
                text = "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
            else:
                text = answer.json()["choices"][0]["message"]["content"]
            self.assertEqual(text, ANSWER)
            line = self.gw.log_for(answer.id)
            self.assertEqual((line["status"], line["row"]), (200, "finish"))

    def test_relayed(self):
        answer = self.send(ask("m"))
        self.assertEqual(answer.json()["choices"][0]["message"]["content"], ANSWER)
        self.assertEqual(self.seen[-1].json()["messages"][0]["content"][1]["image_url"]["url"][-len(IMAGE):], IMAGE)

    def test_messages_to_openai(self):
        source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}
        answer = self.send(body, "/v1/messages")
        self.assertEqual(answer.json()["content"], [{"type": "text", "text": ANSWER}])

    def test_refused(self):
        body = json.dumps(ask("c")).encode()
        self.assert_error(self.send(body[:-1] + b"]"), 400, "invalid_request_error", "invalid_json")
        bad = ask("c")
        bad["messages"][0]["content"][1]["type"] = "picture"
        self.assertEqual(self.send(bad).status, 400)

    @tsan
    def test_clients_that_leave(self):
        raw = client.build("POST", "/v1/chat/completions", (), ask("c", "a short answer"))
        rng = random.Random(3)
        for _ in range(20):
            conns = [client.Conn(self.gw.port) for _ in range(4)]
            for conn in conns:
                conn.send(raw)
            time.sleep(rng.random() * 0.02 * pace())
            for conn in conns:
                conn.close() if rng.random() < 0.5 else conn.reset()
        wait_for(lambda: b"gw_inflight_requests 0\n" in self.gw.request("GET", "/metrics").body, 30)
        self.assertEqual(self.send(ask("c", "a short answer")).json()["choices"][0]["message"]["content"], "short")

    def test_small_ones_go_on_beside_it(self):
        """With wide margins; the benchmark (tests/bench, beside10m) has the figures."""
        raw = client.build("POST", "/v1/chat/completions", (), ask("c", "a short answer"))
        small = client.build("POST", "/v1/chat/completions", (), {"model": "m", "messages": [{"role": "user", "content": "a short answer"}]})
        over = threading.Event()

        def large():
            with client.Conn(self.gw.port) as conn:
                while not over.is_set():
                    conn.send(raw)
                    self.assertEqual(conn.response().status, 200)

        threads = [threading.Thread(target=large) for _ in range(2)]
        for thread in threads:
            thread.start()
        late = []
        try:
            with client.Conn(self.gw.port) as conn:
                for _ in range(50):
                    began = time.monotonic()
                    conn.send(small)
                    self.assertEqual(conn.response().status, 200)
                    late.append(time.monotonic() - began)
        finally:
            over.set()
            for thread in threads:
                thread.join(30)
        self.assertLess(sorted(late)[25], 0.5 * pace())


class Drained(unittest.TestCase):
    @tsan
    def test_drain_with_jobs_at_work(self):
        up = upstream.Upstream(lambda request, out: out.send(upstream.reply_json(message("short"))))
        self.addCleanup(up.stop)
        gw = Gateway(claude("claude", up) + 'model "c" { { "claude/real" } }\n')
        self.addCleanup(gw.kill)
        raw = client.build("POST", "/v1/chat/completions", (), ask("c"))
        conns = [client.Conn(gw.port) for _ in range(6)]
        for conn in conns:
            conn.send(raw)
        gw.signal()
        statuses = []
        for conn in conns:
            try:
                statuses.append(conn.response().status)
            except (client.Cut, OSError):
                pass
        self.assertLessEqual(set(statuses), {200})
        self.assertEqual(gw.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
