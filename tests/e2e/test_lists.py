"""test_lists.py - a prompt that is too long, and one that a content filter refuses, go to lists of their own; what surely fits nowhere is not sent."""

import json
import os
import tempfile
import unittest

from command import run
from harness import Case, Gateway, provider
from upstream import DONE, Upstream, chunk, completion, delta, good, reply_json, stream, stream_head, usage_event

LONG = {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "invalid_request_error", "param": "messages",
                  "code": "context_length_exceeded"}}
FILTERED = {"error": {"message": "The response was filtered.", "type": "invalid_request_error", "param": "prompt", "code": "content_filter"}}
MODEL = """model "m" {{ {{ "a/real", context_tokens = {window} }}, fallback = {{ "b/real" }},
    on_context_overflow = {{ {{ "c/real", context_tokens = 400 }} }}, on_content_filter = {{ "d/real" }} }}
"""


def saying(status, body):
    return lambda request, out: out.send(reply_json(body, status))


class Lists(Case):
    def setUp(self):
        self.ups = {}
        for name in "abcd":
            self.ups[name] = Upstream(good)
            self.addCleanup(self.ups[name].stop)

    def gateway(self, model=None, window=300):
        return Gateway("".join(provider(n, up.url) for n, up in self.ups.items()) + (model or MODEL.format(window=window)),
                       env={"GW_TEST_HEALTH": "1"})

    def counts(self):
        return {name: len(up.requests) for name, up in self.ups.items() if up.requests}

    def attempts(self, gw, answer):
        return [(a["provider"], a["outcome"]) for a in gw.log_for(answer.id)["attempts"]]

    def test_an_upstreams_context_error_goes_to_its_list_and_not_to_the_fallback(self):
        self.ups["a"].handler = saying(400, LONG)
        with self.gateway() as gw:
            answer = gw.chat()
            self.assertEqual(answer.status, 200)
            self.assertEqual(self.attempts(gw, answer), [("a", "status_400"), ("c", "ok")])
            self.assertEqual(self.counts(), {"a": 1, "c": 1})
            self.assertTrue(gw.log_for(answer.id)["fallback"])

    def test_a_filters_refusal_goes_to_its_list(self):
        for status in (400, 403):
            self.ups["a"].handler = saying(status, FILTERED)
            with self.subTest(status), self.gateway() as gw:
                answer = gw.chat()
                self.assertEqual(answer.status, 200)
                self.assertEqual(self.attempts(gw, answer)[1:], [("d", "ok")])

    def test_an_answer_that_the_filter_ended_goes_to_its_list(self):
        whole = completion("I will")
        whole["choices"][0]["finish_reason"] = "content_filter"
        at_once = stream(delta("", role="assistant"), delta(finish="content_filter"), usage_event(), DONE)
        for streams, answer_of_a in ((False, reply_json(whole)), (True, at_once)):
            self.ups["a"].handler = [answer_of_a]
            with self.subTest(streams), self.gateway() as gw:
                answer = gw.chat(stream=streams)
                self.assertEqual(answer.status, 200)
                self.assertEqual(self.attempts(gw, answer), [("a", "content_filter"), ("d", "ok")])
                self.assertNotIn(b"content_filter", answer.body)
                self.assertNotIn(b"I will", answer.body)
                self.assertTrue(gw.log_for(answer.id)["fallback"])

    def test_a_filter_in_the_middle_of_a_stream_ends_it(self):
        self.ups["a"].handler = [stream_head() + chunk(delta("I will")), 0.3, chunk(delta(finish="content_filter")) + chunk(DONE) + b"0\r\n\r\n"]
        with self.gateway() as gw:
            answer = gw.chat(stream=True)
            self.assertIn(b"I will", answer.body)
            self.assertIn(b"content_filter", answer.body)
            self.assertEqual(self.attempts(gw, answer), [("a", "ok")])

    def test_an_answer_that_the_filter_ended_goes_out_where_nobody_else_may_answer(self):
        whole = completion("I will")
        whole["choices"][0]["finish_reason"] = "content_filter"
        self.ups["a"].handler = [reply_json(whole)]
        for model in ('model "m" { "a/real", fallback = { "b/real" } }\n',
                      'model "m" { "a/real", on_content_filter = { "d/real" }, retry = { attempts = 1 } }\n'):
            with self.subTest(model), self.gateway(model) as gw:
                answer = gw.chat()
                self.assertEqual((answer.status, answer.json()["choices"][0]["finish_reason"]), (200, "content_filter"))
                self.assertEqual(self.attempts(gw, answer), [("a", "ok")])

    def test_both_answers_of_a_filtered_request_are_paid(self):
        whole = completion("I will", prompt=1000, output=100)
        whole["choices"][0]["finish_reason"] = "content_filter"
        self.ups["a"].handler = [reply_json(whole)]
        self.ups["d"].handler = [reply_json(completion("fine", prompt=1000, output=100))]
        with tempfile.TemporaryDirectory() as folder:
            price = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
            text = 'ledger { path = "%s" }\n' % folder + "".join(provider(n, self.ups[n].url, price) for n in "ad")
            with self.gateway_of(text + 'model "m" { "a/real", on_content_filter = { "d/real" } }\n') as gw:
                self.assertEqual(gw.chat().status, 200)
            ends = [json.loads(line) for line in run("ledger", "cat", "--json", "--path", folder).out.splitlines()]
            ends = [r for r in ends if r["type"] == "end"]
            self.assertEqual([(r["ending"], r["outcome"], r["cost_usd"]) for r in ends],
                             [("settled", "content_filter", "0.0035"), ("settled", "ok", "0.0035")])
            self.assertEqual(run("ledger", "verify", "--path", folder).code, 0)

    def gateway_of(self, text):
        return Gateway(text, env={"GW_TEST_HEALTH": "1"})

    def test_other_failures_go_to_no_such_list(self):
        self.ups["a"].handler = saying(500, {"error": {"message": "no"}})
        self.ups["b"].handler = saying(500, {"error": {"message": "no"}})
        with self.gateway() as gw:
            self.assertEqual(gw.chat().status, 502)
            self.assertEqual(set(self.counts()), {"a", "b"})

    def test_policies_see_which_list_it_is(self):
        self.ups["a"].handler = saying(400, LONG)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "seen.lua")
            with open(path, "w", encoding="utf-8") as f:
                f.write("""local p = {}
function p.on_route(req, targets)
    for i = 1, #targets do gw.note(targets[i].name .. " " .. targets[i].role .. " " .. tostring(targets[i].context_tokens)) end
end
return p
""")
            with self.gateway(MODEL.format(window=300) + 'policy "%s" {}\n' % path) as gw:
                answer = gw.chat()
                self.assertEqual(answer.status, 200)
                notes = [note for policy in gw.log_for(answer.id)["policies"] for note in policy.get("notes", [])]
                self.assertEqual(notes, ["a/real target 300", "b/real fallback nil", "c/real context_overflow 400"])

    def test_a_list_of_one_failure_is_the_end(self):
        self.ups["a"].handler = saying(400, LONG)
        self.ups["c"].handler = saying(400, FILTERED)
        with self.gateway() as gw:
            self.assert_error(gw.chat(), 400, "invalid_request_error", "content_filter")
            self.assertEqual(self.counts(), {"a": 1, "c": 1})

    def test_without_a_list_the_clients_see_the_refusal(self):
        self.ups["a"].handler = saying(400, LONG)
        with self.gateway('model "m" { "a/real", fallback = { "b/real" }, on_context_overflow = {} }\n') as gw:
            self.assert_error(gw.chat(), 400, "invalid_request_error", "context_length_exceeded")
            self.assertEqual(self.counts(), {"a": 1})

    def test_a_target_that_is_too_small_is_passed_over(self):
        with self.gateway() as gw:
            answer = gw.chat("word " * 299)
            self.assertEqual(self.attempts(gw, answer), [("a", "ok")])
            answer = gw.chat("word " * 300)
            self.assertEqual(self.attempts(gw, answer), [("b", "ok")])
            self.assertTrue(gw.log_for(answer.id)["fallback"])

    def test_what_fits_nowhere_is_refused_in_each_clients_words(self):
        with self.gateway('model "m" { { "a/real", context_tokens = 300 }, on_context_overflow = { { "c/real", context_tokens = 400 } } }\n') as gw:
            answer = gw.chat("word " * 399)
            self.assertEqual(self.attempts(gw, answer), [("c", "ok")])
            answer = gw.chat("word " * 400)
            self.assert_error(answer, 400, "invalid_request_error", "context_length_exceeded")
            text = "prompt is too long: at least 400 tokens > 400 maximum of the model \"m\". Shorten it"
            self.assertEqual(answer.json()["error"]["message"], text)
            self.assertEqual(gw.log_for(answer.id)["row"], "fit")
            answer = gw.request("POST", "/v1/messages", (), {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "word " * 400}]})
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json()["error"]["type"], "invalid_request_error")
            self.assertEqual(answer.json()["error"]["message"], text)
            self.assertEqual(self.counts(), {"c": 1})

    def test_the_price_books_window_counts_with_its_roundings(self):
        with self.gateway('model "m" { "a/gpt-4" }\n') as gw:  # 8,192 tokens; an eighth more is 9,216
            self.assertEqual(gw.chat("word " * 9215).status, 200)
            self.assertEqual(gw.chat("word " * 9216).status, 400)
            self.assertEqual(self.counts(), {"a": 1})


class Words(unittest.TestCase):
    def test_are_read_and_dumped(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "gateway.lua"), "w", encoding="utf-8") as f:
                f.write('provider "demo" {}\nmodel "m" { "demo/x", on_context_overflow = { { "demo/y", context_tokens = 1000000 } }, on_content_filter = { "demo/z" } }\n')
            first = run("check", "-T", cwd=folder)
            self.assertIn('on_context_overflow = { { "demo/y", context_tokens = 1000000 } },', first.out)
            self.assertIn('on_content_filter = { "demo/z" },', first.out)
            with open(os.path.join(folder, "gateway.lua"), "w", encoding="utf-8") as f:
                f.write('provider "demo" {}\nmodel "m" { { "demo/x", context_tokens = 0 }, on_context_overflow = { "nix/y" } }\n')
            said = run("check", cwd=folder)
            self.assertEqual(said.code, 78)
            self.assertIn("context_tokens", said.err)
            self.assertIn('there is no provider "nix"', said.err)


if __name__ == "__main__":
    unittest.main()
