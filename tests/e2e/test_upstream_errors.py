"""test_upstream_errors.py - an upstream's error reaches the client with what the client acts on: its words, its code, what
stands beside them; and whose fault a 403 is."""

import json
import unittest

import client
import upstream
from harness import Case, Gateway
from upstream import chunk, completion, reply_json, stream_head

ASKED = {"messages": [{"role": "user", "content": "a"}], "max_tokens": 9}
VERSION = ("anthropic-version", "2023-06-01")
LONG = "ä" * 3000


def error(message, code="some_code", **more):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code, **more}}


class UpstreamErrors(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        return Gateway(
            'provider "up" { plugin = "openai", base_url = "%s", secrets = { env "KEY_A", env "KEY_B" } }\n'
            'provider "one" { plugin = "openai", base_url = "%s" }\n'
            'model "m" { { "one/real" } }\nmodel "keys" { { "up/real" } }\n'
            'model "two" { { "one/real" }, { "one/other" } }\nlisten { workers = 1 }' % (cls.up.url, cls.up.url),
            env={"KEY_A": "A", "KEY_B": "B"},
        )

    def told(self, body, status=400, face="chat", model="m", **more):
        """The answer for an upstream's error, and its error object."""
        self.up.handler = lambda request, out: out.send(reply_json(body, status))
        path = "/v1/chat/completions" if face == "chat" else "/v1/messages"
        answer = self.gw.request("POST", path, [VERSION], dict(ASKED, model=model, **more))
        return answer, json.loads(answer.body)["error"]

    def test_what_a_client_acts_on_is_kept(self):
        cases = {
            "failed_generation": '{"name": "f"',
            "metadata": {"provider_name": "Google", "raw": '{"error":{"code":400}}'},
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
        }
        for member, value in cases.items():
            for stream in (False, True):
                with self.subTest(member=member, stream=stream):
                    _, chat = self.told(error("no", **{member: value}), stream=stream)
                    self.assertEqual(chat[member], value)
                    _, messages = self.told(error("no", **{member: value}), face="messages", stream=stream)
                    self.assertEqual(messages["details"][member], value)

    def test_in_a_stream_that_has_begun(self):
        broken = error("Failed to call a function.", "tool_use_failed", failed_generation="<f>")

        def handler(request, out):
            out.send(stream_head() + chunk(b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'))
            out.send(chunk(b"event: error\ndata: " + json.dumps(broken).encode() + b"\n\n") + b"0\r\n\r\n")

        for path in ("/v1/chat/completions", "/v1/messages"):
            self.up.handler = handler
            answer = self.gw.request("POST", path, [VERSION], dict(ASKED, model="m", stream=True))
            event = [json.loads(data) for _, data in client.sse(answer.body) if "error" in data][-1]
            self.assertIn("<f>", json.dumps(event), answer.body)
            self.assertIn("tool_use_failed", json.dumps(event), answer.body)

    def test_other_members_are_not_passed_on(self):
        _, chat = self.told(error("no", request={"headers": {"authorization": "x"}}, metadata=[1], innererror="x" * 9000))
        self.assertEqual(sorted(chat), ["code", "innererror", "message", "param", "type"])
        self.assertEqual((len(chat["innererror"]), chat["innererror"][-4:]), (4000, "x..."))
        _, chat = self.told(error("no", metadata={"raw": "x" * 9000}))
        self.assertNotIn("metadata", chat)

    def test_long_words_are_cut_between_characters_and_marked(self):
        for face in ("chat", "messages"):
            _, told = self.told(error(LONG), face=face)
            self.assertEqual(told["message"], "ä" * 998 + "...")
            _, told = self.told(error("x" + "ä" * 999), face=face)
            self.assertEqual(told["message"], "x" + "ä" * 999)
            answer, told = self.told(error("ä" * 400), face=face)
            self.assertEqual(told["message"], "ä" * 400)
            self.assertEqual(self.gw.log_for(answer.header("x-request-id") or answer.header("request-id"))["error"]["text"],
                             "ä" * 238 + "...")

    def test_no_code_stays_none(self):
        self.assertIsNone(self.told(error("no", None))[1]["code"])
        self.assertIsNone(self.told(error("no", None), face="messages")[1]["details"]["error_code"])
        self.assertEqual(self.told(error("no", "x"))[1]["code"], "x")
        self.assertEqual(self.told({"error": {"message": "no", "type": "BadRequest"}})[1]["code"], "BadRequest")

    def test_a_403_is_what_it_says(self):
        account = 'the provider "one" does not let the gateway\'s account do this: '
        cases = [
            (error("You are not allowed to sample from this model", None), None),
            (error("Project `proj_1` does not have access to model `gpt-9`", "model_not_found"), "model_not_found"),
            (error("The model is blocked", "model_permission_blocked_org"), "model_permission_blocked_org"),
            (error("Country, region, or territory not supported", "unsupported_country_region_territory"),
             "unsupported_country_region_territory"),
        ]
        for body, code in cases:
            with self.subTest(body=body):
                answer, told = self.told(body, 403)
                self.assertEqual((answer.status, told["type"], told["code"]), (403, "invalid_request_error", code))
                self.assertEqual(told["message"], account + body["error"]["message"])
                answer, told = self.told(body, 403, face="messages")
                self.assertEqual((answer.status, told["type"]), (403, "permission_error"))
        for body in (error("Incorrect API key provided", "invalid_api_key"), error("Missing scopes: model.request", None),
                     error("no access to model", "invalid_api_key"), {"detail": "Forbidden"}):
            with self.subTest(body=body):
                answer, told = self.told(body, 403)
                self.assert_error(answer, 502, "upstream_error", "upstream_auth", retry=False)

    def test_what_one_account_or_target_may_not_use_another_may(self):
        refused = error("You are not allowed to sample from this model", None)

        def handler(request, out):
            bad = request.headers.get("authorization") == "Bearer A" or json.loads(request.body)["model"] == "real"
            ok = request.headers.get("authorization") == "Bearer B" or not bad
            out.send(reply_json(completion()) if ok else reply_json(refused, 403))

        for model in ("keys", "keys", "two"):
            self.up.handler = handler
            self.assertEqual(self.gw.chat(model=model).status, 200, model)


if __name__ == "__main__":
    unittest.main()
