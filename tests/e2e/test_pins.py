"""test_pins.py - what lives in one account of a provider goes back to that account and to no other: with several workers, and after a start."""

import json
import os
import tempfile
import unittest

from harness import Case, Gateway, provider
from upstream import Upstream, chunk, good, reply_json, stream_head

LAST = chunk(b"")


def event(kind, **more):
    return chunk(("event: %s\ndata: %s\n\n" % (kind, json.dumps({"type": kind, **more}))).encode())


class Account(Upstream):
    """Answers responses; keeps which secret asked what, and refuses what names another's."""

    def __init__(self, name):
        self.name, self.count, self.seen = name, 0, []
        super().__init__(self.answer)

    def answer(self, request, out):
        secret = request.headers.get("authorization", "-")[-1]
        body = request.json()
        self.seen.append((secret, body.get("previous_response_id")))
        named = json.dumps(body)
        if ("resp_" in named or "gAA" in named) and "%s%s" % (self.name, secret) not in named:
            out.send(reply_json({"error": {"message": "not found", "code": "previous_response_not_found"}}, 404))
            return
        self.count += 1
        mark = "%s%s_%d" % (self.name, secret, self.count)
        item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAA" + mark}
        whole = {"id": "resp_" + mark, "object": "response", "status": "completed", "usage": {"input_tokens": 1, "output_tokens": 1},
                 "output": [item, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}]}
        if not body.get("stream"):
            out.send(reply_json(whole))
            return
        out.send(stream_head() + event("response.created", response={"id": whole["id"], "object": "response", "output": []}) +
                 event("response.output_item.done", item=item) + event("response.output_text.delta", delta="hi") +
                 event("response.completed", response=whole) + LAST)


class Pins(Case):
    def setUp(self):
        self.a, self.b = Account("a"), Account("b")
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ledger = os.path.join(folder.name, "ledger")

    def lua(self, model='model "m" { { "a/x", weight = 1 }, { "b/x", weight = 1 }, fallback = { "b/y" } }\n'):
        secrets = 'provider "%s" { plugin = "openai", base_url = "%s", secrets = { env "KEY_A", env "KEY_B" } }\n'
        return 'ledger { path = "%s" }\n' % self.ledger + secrets % ("a", self.a.url) + secrets % ("b", self.b.url) + model

    def gateway(self, model=None, **more):
        text = self.lua(model) if model else self.lua()
        return Gateway(text, env={"GW_TEST_HEALTH": "1", "KEY_A": "sk-test-A", "KEY_B": "sk-test-B"}, **more)

    def post(self, gw, **body):
        return gw.request("POST", "/v1/responses", (), {"model": "m", "input": "x", **body})

    def begin(self, gw, n, **more):
        ids = []
        for i in range(n):
            answer = self.post(gw, input="talk %d" % i, **more)
            self.assertEqual(answer.status, 200)
            text = answer.body.decode()
            ids.append(text[text.index("resp_"):].split('"')[0])
        return ids

    def go_on(self, gw, ids):
        for i in ids:
            answer = self.post(gw, previous_response_id=i)
            self.assertEqual(answer.status, 200, (i, answer.body))
            self.assertEqual([a["chosen"] for a in gw.log_for(answer.id)["attempts"]], ["pinned"])

    def test_a_stored_response_goes_back_to_its_account_also_after_a_start(self):
        with self.gateway() as gw:
            ids = self.begin(gw, 12) + self.begin(gw, 12, stream=True)
            self.assertEqual({i[5:7] for i in ids}, {"aA", "aB", "bA", "bB"})
            self.go_on(gw, ids)
        with self.gateway() as gw:
            self.go_on(gw, ids)

    def test_a_policy_that_edits_the_body_leaves_it_pinned(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as policy:
            policy.write("return { on_request = function(req) req:set('temperature', 0.5) end }\n")
            policy.flush()
            with self.gateway('model "m" { { "a/x", weight = 1 }, { "b/x", weight = 1 } }\npolicy "%s" {}\n' % policy.name) as gw:
                self.go_on(gw, self.begin(gw, 8, instructions="x" * 20000))

    def test_it_is_found_by_another_worker_and_another_model(self):
        with self.gateway('model "m" { "a/x", "b/x" }\nmodel "other" { "b/x", "a/z" }\n') as gw:
            for i in self.begin(gw, 6):
                self.assertEqual(self.post(gw, model="other", previous_response_id=i).status, 200)

    def test_encrypted_reasoning_goes_back_to_its_account(self):
        with self.gateway() as gw:
            for _ in range(8):
                item = self.post(gw, store=False).json()["output"][0]
                answer = self.post(gw, store=False, input=[item, {"role": "user", "content": "on"}])
                self.assertEqual(answer.status, 200)

    def test_an_account_that_is_away_is_a_clear_error_and_nobody_else_is_asked(self):
        with self.gateway('model "m" { "a/x", "b/x" }\n') as gw:
            first = self.begin(gw, 1)[0]
            self.a.handler = lambda request, out: out.send(reply_json({"error": {"message": "no"}}, 500))
            statuses = set()
            for _ in range(12):
                answer = self.post(gw, previous_response_id=first)
                statuses.add(answer.status)
                if answer.status == 503:
                    self.assert_error(answer, 503, "upstream_error", "pinned_target_unavailable", retry=True, retry_after=(3, 8))
            self.assertEqual(statuses, {502, 503})
            self.assertEqual(self.b.seen, [])
            self.assertEqual(self.post(gw).status, 200)  # others go on
            self.assertEqual(len(self.b.seen), 1)

    def test_an_account_that_is_gone_is_a_clear_error(self):
        with self.gateway('model "m" { "a/x" }\n') as gw:
            first = self.begin(gw, 1)[0]
        with self.gateway('model "m" { "b/x" }\n') as gw:
            answer = self.post(gw, previous_response_id=first)
            self.assert_error(answer, 503, "upstream_error", "pinned_target_unavailable", retry=False)
            self.assertIn('"previous_response_id"', answer.json()["error"]["message"])
            self.assertEqual(self.b.seen, [])

    def test_what_nobody_knows_is_asked_of_the_first_alone(self):
        with self.gateway() as gw:
            for _ in range(6):
                answer = self.post(gw, previous_response_id="resp_zz")
                self.assertEqual(answer.status, 404)
            self.assertEqual(self.a.seen, [("A", "resp_zz")] * 6)
            self.assertEqual(self.b.seen, [])

    def test_a_limit_of_the_account_is_not_met_by_another_secret(self):
        with self.gateway('model "m" { "a/x" }\n') as gw:
            first = self.begin(gw, 1)[0]
            self.a.seen.clear()
            self.a.handler = lambda request, out: (self.a.seen.append(request.headers["authorization"][-1]),
                                                   out.send(reply_json({"error": {"message": "no"}}, 429, [("Retry-After", "30")])))
            for _ in range(2):
                self.assertEqual(self.post(gw, previous_response_id=first).status, 429)
            self.assertEqual(self.a.seen, [first[6]])  # the second one was not sent

    def test_a_context_error_stays_there(self):
        with self.gateway('model "m" { "a/x", on_context_overflow = { "b/x" } }\n') as gw:
            first = self.begin(gw, 1)[0]
            self.a.handler = lambda request, out: out.send(reply_json({"error": {"message": "long", "code": "context_length_exceeded"}}, 400))
            self.assertEqual(self.post(gw, previous_response_id=first).status, 400)
            self.assertEqual(self.b.seen, [])


class Files(Case):
    def test_a_file_of_messages_is_of_the_first_account(self):
        with Upstream(good) as a, Upstream(good) as b:
            a.handler = lambda request, out: out.send(reply_json({"error": {"message": "no"}}, 500))
            with Gateway(provider("a", a.url) + provider("b", b.url) + 'model "m" { "a/x", "b/x" }\n', env={"GW_TEST_HEALTH": "1"}) as gw:
                content = [{"type": "file", "file": {"file_id": "file-1"}}]
                answer = gw.request("POST", "/v1/chat/completions", (), {"model": "m", "messages": [{"role": "user", "content": content}]})
                self.assertEqual(answer.status, 502)
                self.assertEqual(b.requests, [])
                self.assertEqual(gw.chat().status, 200)


if __name__ == "__main__":
    unittest.main()
