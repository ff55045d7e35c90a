"""test_timeouts.py - connect_s, first_token_s, idle_s, total_s: what each of them ends, and what it does not."""

import time
import unittest

from harness import Case, Gateway, provider
from upstream import DONE, Upstream, chunk, delta, good, reply_json, stream_head

ROLE = delta("")
ANSWER = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
END = chunk(DONE) + b"0\r\n\r\n"


class Timeouts(Case):
    def setUp(self):
        self.a, self.b = Upstream(good), Upstream(good)
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)

    def gateway(self, model, of_provider=""):
        return Gateway(provider("a", self.a.url, of_provider) + provider("b", self.b.url) + 'model "m" { %s }\n' % model)

    def ask(self, gw, **more):
        begun = time.monotonic()
        answer = gw.chat(model="m", **more)
        return answer, time.monotonic() - begun, [a["outcome"] for a in gw.log_for(answer.id)["attempts"]]

    def test_a_whole_answer_has_no_time_to_its_first_token(self):
        self.a.handler = [1.5, reply_json(ANSWER)]
        with self.gateway('"a/real", "b/real", timeout = { first_token_s = 0.3, idle_s = 0.3 }') as gw:
            answer, took, outcomes = self.ask(gw)
            self.assertEqual((answer.status, outcomes), (200, ["ok"]), answer)
            self.assertGreater(took, 1.4)

    def test_a_whole_answer_ends_by_total_s_and_by_silence(self):
        self.a.handler = lambda request, out: out.wait_gone(20)
        with self.gateway('"a/real", timeout = { first_token_s = 0.1, total_s = 0.6 }') as gw:
            answer, took, outcomes = self.ask(gw)
            self.assertEqual((answer.status, outcomes), (504, ["time_total"]))
            self.assertIn("not complete within timeout.total_s, 0.6 s: the operator can raise it", answer.error["message"])
            self.assertTrue(0.5 < took < 2, took)
        whole = reply_json(ANSWER)
        self.a.handler = [whole[:-5], 3.0, whole[-5:]]
        with self.gateway('"a/real", timeout = { idle_s = 0.3 }') as gw:
            answer, took, outcomes = self.ask(gw)
            self.assertEqual((answer.status, outcomes), (504, ["time_idle"]))
            self.assertIn("silent for longer than timeout.idle_s, 0.3 s: the operator can raise it", answer.error["message"])

    def test_what_only_opens_a_stream_is_no_first_token(self):
        for name, steps in (("head", [stream_head(), 5.0]), ("opening", [stream_head() + chunk(ROLE), 5.0]),
                            ("comments", [stream_head()] + [chunk(b": ping\n\n"), 0.2] * 25), ("nothing", [5.0])):
            with self.subTest(name):
                self.a.handler = steps
                with self.gateway('"a/real", "b/real", timeout = { first_token_s = 0.6 }') as gw:
                    answer, took, outcomes = self.ask(gw, stream=True)
                    self.assertEqual((answer.status, outcomes), (200, ["time_first", "ok"]))
                    self.assertTrue(answer.body.endswith(DONE), answer)
                    self.assertTrue(0.5 < took < 2, took)

    def test_a_model_may_think_before_its_first_token_for_longer_than_idle_s(self):
        with self.gateway('"a/real", timeout = { idle_s = 0.3 }') as gw:
            self.a.handler = [stream_head() + chunk(ROLE), 1.0, chunk(delta("hi")) + END]
            answer, took, outcomes = self.ask(gw, stream=True)
            self.assertEqual((answer.status, outcomes), (200, ["ok"]))
            self.assertTrue(answer.body.endswith(DONE), answer)
            self.a.handler = [stream_head() + chunk(delta("hi")), 3.0, END]
            answer, took, outcomes = self.ask(gw, stream=True)
            self.assertEqual((answer.status, outcomes), (200, ["time_idle"]))
            self.assertTrue(0.2 < took < 1.5, took)

    def test_what_only_opens_a_response_is_no_first_token(self):
        def event(name):
            return chunk(('event: %s\ndata: {"type":"%s","response":{"id":"r","object":"response","output":[]}}\n\n' % (name, name)).encode())

        self.a.handler = [stream_head() + event("response.created") + event("response.in_progress"), 5.0]
        self.b.handler = [stream_head() + event("response.created") + event("response.completed") + b"0\r\n\r\n"]
        with self.gateway('"a/real", "b/real", timeout = { first_token_s = 0.6 }') as gw:
            answer = gw.request("POST", "/v1/responses", (), {"model": "m", "stream": True, "input": "x"})
            self.assertEqual([a["outcome"] for a in gw.log_for(answer.id)["attempts"]], ["time_first", "ok"])
            self.assertEqual(answer.body.count(b"event: response.created"), 1, answer)

    def test_a_longer_input_has_more_time(self):
        self.a.handler = [stream_head(), 1.2, chunk(delta("hi")) + END]
        with self.gateway('"a/real", timeout = { first_token_s = 0.4 }') as gw:
            answer, _, outcomes = self.ask(gw, stream=True)
            self.assertEqual((answer.status, outcomes), (504, ["time_first"]))
            self.assertIn("no token within timeout.first_token_s, 0.4 s: the operator can raise it", answer.error["message"])
            answer, _, outcomes = self.ask(gw, stream=True, messages=[{"role": "user", "content": "word " * 1400}])  # 2,000 tokens
            self.assertEqual((answer.status, outcomes), (200, ["ok"]), answer)

    def test_a_whole_answer_in_the_place_of_a_stream_may_take_its_time(self):
        whole = reply_json(ANSWER)
        self.a.handler = [whole[:-5], 1.0, whole[-5:]]
        with self.gateway('"a/real", timeout = { first_token_s = 0.4 }') as gw:
            answer, _, outcomes = self.ask(gw, stream=True)
            self.assertEqual((answer.status, outcomes), (200, ["ok"]), answer)

    def test_a_stream_that_goes_on_ends_by_total_s_only_where_it_is_set(self):
        self.a.handler = [stream_head()] + [chunk(delta("hi")), 0.2] * 8 + [END]
        for model, of_provider, headers, ok in (
            ('timeout = { idle_s = 1 }', "", (), True),
            ('timeout = { total_s = 0.7 }', "", (), False),
            ('', "timeout = { total_s = 0.7 }", (), False),
            ('timeout = { total_s = 9 }', "timeout = { total_s = 0.7 }", (), True),
            ('', "", [("x-gw-timeout", "0.7")], False),
        ):
            with self.subTest((model, of_provider, headers)):
                with self.gateway('"a/real", %s' % model, of_provider) as gw:
                    answer, took, outcomes = self.ask(gw, stream=True, headers=headers)
                    self.assertEqual((answer.status, outcomes), (200, ["ok" if ok else "time_total"]))
                    self.assertEqual(answer.body.endswith(DONE), ok, answer)
                    self.assertEqual(took > 1.4, ok, took)

    def test_a_providers_times_hold_where_the_model_has_none(self):
        self.a.handler = [5.0]
        for model in ("timeout = { first_token_s = 0.5 }", "timeout = { idle_s = 9 }"):
            with self.gateway('"a/real", "b/real", %s' % model, "timeout = { first_token_s = %s }" % ("0.5" if "idle" in model else "60")) as gw:
                answer, took, outcomes = self.ask(gw, stream=True)
                self.assertEqual((answer.status, outcomes), (200, ["time_first", "ok"]))
                self.assertTrue(0.4 < took < 2, took)


if __name__ == "__main__":
    unittest.main()
