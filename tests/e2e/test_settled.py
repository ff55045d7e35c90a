"""test_settled.py - what is counted and logged of an answer that came late, broke off or told nothing of its usage; and
what is kept of one attempt for the next: nothing."""

import json
import socket
import threading
import time
import unittest

import upstream
from harness import Case, Gateway, claude, pace, provider
from upstream import DONE, chunk, completion, delta, event, reply_json, stream, stream_head, usage_event

END = b"0\r\n\r\n"
ERROR = event({"error": {"message": "no", "type": "server_error", "code": "server_error"}})


class Settled(Case):
    @classmethod
    def make(cls):
        cls.up, cls.good = upstream.Upstream(), upstream.Upstream(upstream.good)
        two = 'provider "%s" { plugin = "openai", base_url = "%s", secrets = { env "%s", env "%s" } }\n'
        return Gateway(
            provider("up", cls.up) + provider("good", cls.good) + claude("claude", cls.up)
            + two % ("pair", cls.up.url, "KEY_A", "KEY_B") + two % ("other", cls.good.url, "KEY_C", "KEY_D")
            + 'model "m" { { "up/real" } }\nmodel "two" { { "up/real" }, { "good/real" } }\nmodel "c" { { "claude/x" } }\n'
            'model "pairs" { { "pair/real" }, { "other/real" } }\nlimits { ping_s = 1 }\n',
            env={"KEY_A": "A", "KEY_B": "B", "KEY_C": "C", "KEY_D": "D"},
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()

    def usage_of(self, answer):
        line = self.gw.log_for(answer.id)
        return line["usage"]["source"], line["usage"]["output"]

    def test_usage_of_a_failed_attempt_is_not_the_next_ones(self):
        self.good.handler = [stream(delta("a"), delta("b"), delta(finish="stop"), DONE)]
        self.up.handler = [stream(usage_event(77, 99), ERROR)]
        answer = self.gw.chat(model="two", stream=True)
        self.assertEqual((answer.status, answer.header("x-gw-provider")), (200, "good"), answer)
        self.assertEqual(self.usage_of(answer), ("counted", 3))
        self.good.handler = upstream.good

    def test_a_stream_that_tells_no_usage_is_counted(self):
        for count in (1, 7):
            self.up.handler = [stream(*[delta("x")] * count, delta(finish="stop"), DONE)]
            self.assertEqual(self.usage_of(self.gw.chat(stream=True)), ("counted", count + 1))
        self.up.handler = [reply_json({k: v for k, v in completion("x" * 400).items() if k != "usage"})]
        source, output = self.usage_of(self.gw.chat())
        self.assertEqual(source, "estimated")
        self.assertTrue(100 <= output <= 250, output)

    def test_the_output_of_a_stream_that_is_cut_is_counted(self):
        self.up.handler = [stream_head() + chunk(delta("x") * 5), 0.1, "rst"]
        answer = self.gw.chat(stream=True)
        self.assertEqual(self.usage_of(answer), ("counted", 5))
        self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["outcome"], "cut")
        start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [],
                                                      "usage": {"input_tokens": 11, "output_tokens": 1}}}
        said = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
        said += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}] * 6
        events = b"".join(b"event: %s\n" % e["type"].encode() + event(e) for e in [start] + said)
        for path in ("/v1/messages", "/v1/chat/completions"):  # relayed and translated
            self.up.handler = [stream_head() + chunk(events), 0.1, "rst"]
            body = {"model": "c", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            answer = self.gw.request("POST", path, (), body)
            source, output = self.usage_of(answer)
            self.assertEqual((source, self.gw.log_for(answer.id)["usage"]["input"]), ("counted", 11))
            self.assertTrue(6 <= output <= 7, output)

    def test_a_failure_after_a_ping_is_logged_as_what_the_client_saw(self):
        self.up.handler = [1.3, reply_json({"error": {"message": "no", "type": "x", "code": "x"}}, 500)]
        answer = self.gw.chat(stream=True)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.body.startswith(b": keep-alive"), answer)
        self.assertIn(b'"error"', answer.body)
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["status"], line["error"]["code"]), (200, "upstream_unavailable"), line)
        self.assertEqual(line["attempts"][0]["status"], 500, line)

    def test_the_secrets_of_the_next_target_are_all_tried(self):
        turn = []

        def refuse_first(request, out):
            turn.append(request.headers["authorization"])
            out.send(reply_json(completion() if len(turn) % 2 == 0 else {"error": {"message": "no"}}, 200 if len(turn) % 2 == 0 else 401))

        self.up.handler = [reply_json({"error": {"message": "no"}}, 401)]
        self.good.handler = refuse_first
        for _ in range(2):
            answer = self.gw.chat(model="pairs")
            self.assertEqual((answer.status, answer.header("x-gw-attempts")), (200, "4"), answer)
            self.assertEqual(sorted(turn[-2:]), ["Bearer C", "Bearer D"])
        self.good.handler = upstream.good

    def test_an_empty_account_with_anthropic(self):
        for kind in ("billing_error", "payment_required"):
            self.up.handler = [reply_json({"type": "error", "error": {"type": kind, "message": "pay"}}, 402)]
            answer = self.gw.chat(model="c")
            self.assert_error(answer, 429, "insufficient_quota", "insufficient_quota", retry=False, retry_after=False)

    def test_an_answer_that_goes_on_after_its_end(self):
        def endless(request, out):
            out.send(stream_head() + chunk(delta("x")) + chunk(delta(finish="stop")) + chunk(DONE))
            try:
                for _ in range(3000):
                    out.send(chunk(b": more\n\n"))
                    time.sleep(0.01)
            except OSError:
                return

        self.up.handler = endless
        begin = time.monotonic()
        answer = self.gw.chat(stream=True)
        self.assertLess(time.monotonic() - begin, 2 * pace())
        self.assertTrue(answer.complete and answer.body.startswith(delta("x") + delta(finish="stop") + DONE), answer)
        self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["outcome"], "ok")


class EarlyAnswer(unittest.TestCase):
    def test_the_request_is_still_sent_while_the_answer_runs(self):
        """The upstream answers after the head, and takes its time over the body: nothing of it may be lost or changed."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        got = []

        def serve():
            sock, _ = listener.accept()
            data = b""
            while b"\r\n\r\n" not in data:
                data += sock.recv(4096)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            sock.sendall(stream_head() + chunk(delta("early")))
            time.sleep(0.5)
            while len(body) < length:
                more = sock.recv(262144)
                if not more:
                    break
                body += more
            got.append(body)
            sock.sendall(chunk(delta(finish="stop")) + chunk(DONE) + END)
            sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        text = "".join("%07d " % i for i in range(1000000))
        lua = provider("up", "http://127.0.0.1:%d/v1" % listener.getsockname()[1]) + 'model "m" { { "up/real" } }'
        with Gateway(lua) as gw:
            answer = gw.chat(text, stream=True)
            thread.join()
            self.assertEqual((answer.status, answer.complete), (200, True))
            self.assertEqual(answer.body, delta("early") + delta(finish="stop") + DONE)
            sent = json.loads(got[0])
            self.assertEqual((sent["model"], sent["messages"][0]["content"] == text), ("real", True))
        listener.close()


if __name__ == "__main__":
    unittest.main()
