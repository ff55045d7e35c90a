"""test_opening.py - what only opens a stream (a role, no choice yet, message_start, ping) is held with the head: a target
that fails after it has said nothing, and the next one answers."""

import json
import unittest

import client
import upstream
from harness import Case, Gateway, claude, provider, tsan
from test_anthropic import CLOSE, END, FINISH, OPEN, START, STOP, TEXT, VERSION, named, refused
from upstream import DONE, chunk, delta, event, stream, stream_head

AZURE = event({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
ROLE = delta(choices=[{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None},
                       "logprobs": None, "finish_reason": None}])
SECOND = delta(choices=[{"index": 1, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
ERROR = event({"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}})
PING = named({"type": "ping"})
OVERLOADED = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
REST = delta("hello") + delta(finish="stop") + DONE


class Opening(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.good = upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up)
            + provider("good", cls.good)
            + claude("claude", cls.up)
            + claude("spare", cls.good)
            + 'model "m" { { "up/real" }, fallback = { "good/other" } }\n'
            'model "c" { { "claude/claude-opus-4-1" }, fallback = { "spare/claude-sonnet-4-5" } }\n'
            "limits { ping_s = 1 }\n"
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.good.stop()

    def setUp(self):
        self.up.take()
        self.good.take()
        self.good.handler = upstream.good

    def messages(self, model="c"):
        body = {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        return self.gw.request("POST", "/v1/messages", [VERSION], body)

    @tsan
    def test_who_fails_after_an_opening_has_said_nothing(self):
        head = stream_head()
        for name, steps in {
            "Azure's filters, then an error": [stream(AZURE, ERROR, DONE)],
            "a role, then an error": [stream(ROLE, ERROR)],
            "two roles, then an error": [stream(ROLE, SECOND, ERROR)],
            "a role, then no JSON": [stream(ROLE, b"data: hello\n\n")],
            "a role, then the end": [stream(AZURE, ROLE)],
            "a role, then nothing more": [head + chunk(ROLE), 0.1, "close"],
            "a role, then a reset": [head + chunk(ROLE), 0.1, "rst"],
            "a role, then half an event": [head + chunk(ROLE) + chunk(delta("hel")[:40]), 0.1, "close"],
        }.items():
            with self.subTest(name):
                self.up.handler = steps
                answer = self.gw.chat(stream=True)
                self.assertEqual((answer.status, answer.complete), (200, True), answer)
                self.assertEqual(len(self.good.take()), 1)
                self.assertNotIn(b"error", answer.body)
                self.assertNotIn(b"prompt_filter_results", answer.body)
                self.assertTrue(answer.body.endswith(DONE), answer)
                line = self.gw.log_for(answer.id)
                self.assertEqual([a["outcome"] == "ok" for a in line["attempts"]], [False, True], line)
                self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (5, 2), line)

    def test_without_another_target_it_is_an_error(self):
        self.up.handler = [stream(ROLE, ERROR)]
        self.good.handler = [stream(ROLE, ERROR)]
        answer = self.gw.chat(stream=True)
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (503, "server_is_overloaded"), answer)

    def test_what_was_held_arrives_unchanged(self):
        long = b"".join(event({"choices": [], "pad": "x" * 1000}) for _ in range(100))
        for name, body in {
            "role": ROLE + REST,
            "Azure": AZURE + ROLE + REST,
            "comments between": b": one\n\n" + AZURE + b": two\n\n" + ROLE + REST,
            "nothing but the opening": AZURE + ROLE + DONE,
            "more than is held": long + REST,
            "a role with content": delta(choices=[{"index": 0, "delta": {"role": "assistant", "content": "x"}}]) + REST,
        }.items():
            with self.subTest(name):
                for whole in (stream(body), stream(*(body[i:i + 97] for i in range(0, len(body), 97)))):
                    self.up.handler = [whole]
                    answer = self.gw.chat(stream=True)
                    self.assertEqual((answer.status, answer.body, answer.complete), (200, body, True))
                    self.assertEqual(self.good.take(), [])
                    self.assertEqual(self.gw.log_for(answer.id)["attempts"][0]["outcome"], "ok")

    def test_what_is_more_than_is_held_is_an_answer(self):
        self.up.handler = [stream(*[event({"choices": [], "pad": "x" * 1000})] * 100, ERROR)]
        answer = self.gw.chat(stream=True)
        self.assertEqual((answer.status, answer.complete, self.good.take()), (200, True, []))
        self.assertTrue(answer.body.endswith(ERROR), answer.body[-300:])

    def test_a_slow_opening_is_kept_alive_and_may_still_fall_back(self):
        for name, steps, asked in (
            ("in time", [stream_head() + chunk(ROLE), 2.4, chunk(REST) + END], 0),
            ("fails", [stream_head() + chunk(ROLE), 2.4, chunk(ERROR) + END], 1),
        ):
            with self.subTest(name):
                self.up.handler = steps
                answer = self.gw.chat(stream=True)
                self.assertEqual((answer.status, answer.complete, len(self.good.take())), (200, True, asked), answer)
                self.assertTrue(answer.body.startswith(b": keep-alive\n\n"), answer.body[:200])
                self.assertNotIn(b"error", answer.body)
                self.assertEqual(answer.body.replace(b": keep-alive\n\n", b"").startswith(ROLE), asked == 0)
                self.assertTrue(answer.body.endswith(DONE))

    def test_the_last_event_may_lack_its_blank_line(self):
        """Then the end of the body brings the first event that says something: the answer begins and ends at once."""
        for opening in (b"", ROLE):
            for last in (delta("hello", finish="stop"), DONE, delta("hello")):
                if opening + last == DONE:
                    continue  # an answer of nothing but its end is none
                with self.subTest(opening + last):
                    self.up.handler = [stream(opening + last.rstrip())]
                    answer = self.gw.chat(stream=True)
                    self.assertEqual((answer.status, answer.complete, self.good.take()), (200, True, []), answer)
                    self.assertTrue(answer.body.startswith(opening + last.rstrip()), answer.body)
                    line = self.gw.log_for(answer.id)
                    outcome = "incomplete" if last == delta("hello") else "ok"
                    self.assertEqual([a["outcome"] for a in line["attempts"]], [outcome], line)
        for steps, model in (([stream(START + STOP.rstrip())], "c"), ([stream(ROLE + delta("hello").rstrip())], "m")):
            self.up.handler = steps
            answer = self.messages(model)
            self.assertEqual((answer.status, answer.complete), (200, True), answer)
            self.assertIn(b"message_start", answer.body)
            self.assertIn(b"message_stop" if model == "c" else b"event: error", answer.body)

    def test_anthropic_overloaded_after_its_start(self):
        good = START + OPEN + TEXT + CLOSE + FINISH + STOP
        self.good.handler = [stream(good)]
        for name, opening in {"start": START, "start and ping": START + PING, "ping": PING,
                              "without names": START.split(b"\n", 1)[1] + PING}.items():
            with self.subTest(name):
                self.up.handler = [stream(opening, OVERLOADED)]
                answer = self.messages()
                self.assertEqual((answer.status, answer.body, answer.complete), (200, good, True))
                line = self.gw.log_for(answer.id)
                self.assertEqual([a["outcome"] == "ok" for a in line["attempts"]], [False, True], line)
                self.assertEqual((line["usage"]["input"], line["usage"]["output"]), (7, 3), line)
                self.up.handler = [stream(opening + OPEN + TEXT + CLOSE + FINISH + STOP)]
                answer = self.messages()
                self.assertEqual(answer.body, opening + OPEN + TEXT + CLOSE + FINISH + STOP)
        self.good.handler = refused(529)
        self.up.handler = [stream(START, OVERLOADED)]
        answer = self.messages()
        self.assertEqual((answer.status, answer.json()["error"]["type"]), (529, "overloaded_error"), answer)

    def test_once_something_was_said_it_stays(self):
        self.up.handler = [stream(START, OPEN, OVERLOADED)]
        answer = self.messages()
        self.assertEqual((answer.status, answer.body), (200, START + OPEN + OVERLOADED))
        self.up.handler = [stream(ROLE, delta("hel"), ERROR)]
        answer = self.gw.chat(stream=True)
        self.assertEqual((answer.status, answer.body), (200, ROLE + delta("hel") + ERROR))
        self.assertEqual(self.good.take(), [])
        self.assertIn("error", json.loads(client.sse(answer.body)[-1][1]))


if __name__ == "__main__":
    unittest.main()
