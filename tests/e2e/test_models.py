"""test_models.py - the list of models, as OpenAI's clients read it."""

import unittest

import upstream
from harness import Case, Gateway, provider, tsan


class Models(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up)
            + provider("up2", cls.up)
            + 'model "first" { { "up/a" } }\nmodel "second" { { "up2/b" }, fallback = { "up/a" } }\n'
            'model "weird-\xe9:1" { { "up/c" } }\nmodel "family-*" { { "up/*" } }\nmodel "*" { { "up2/any" } }\n'
        )

    @tsan
    def test_the_list(self):
        for path in ("/v1/models", "/models", "/v1/models?limit=1000"):
            with self.subTest(path):
                answer = self.gw.request("GET", path)
                self.assertEqual(answer.status, 200, answer)
                self.assert_ids(answer)
                self.assertTrue(answer.header("content-type").startswith("application/json"))
                body = answer.json()
                self.assertEqual(
                    (body["object"], [m["id"] for m in body["data"]]), ("list", ["first", "second", 'weird-\xe9:1', "family-*", "*"])
                )
                for model in body["data"]:
                    self.assertEqual(set(model), {"id", "object", "created", "owned_by"})
                    self.assertEqual(model["object"], "model")
                    self.assertGreater(model["created"], 1700000000)
                self.assertEqual([m["owned_by"] for m in body["data"]], ["up", "up2", "up", "up", "up2"])

    def test_one(self):
        answer = self.gw.request("GET", "/v1/models/second")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json(), self.gw.request("GET", "/v1/models").json()["data"][1])
        for path in ("weird-%C3%A9%3A1", "weird-%c3%a9:1"):
            answer = self.gw.request("GET", "/v1/models/" + path)
            self.assertEqual((answer.status, answer.json()["id"]), (200, 'weird-\xe9:1'), answer)
        for name, owner in (("family-x", "up"), ("up2/anything", "up2"), ("up/family-x", "up"), ("other", "up2")):
            answer = self.gw.request("GET", "/v1/models/" + name)
            self.assertEqual((answer.status, answer.json()["id"], answer.json()["owned_by"]), (200, name, owner), answer)

    def test_unknown(self):
        for name in ("first%00", "%", "%zz", "..%2Ffirst"):
            with self.subTest(name):
                answer = self.gw.request("GET", "/v1/models/" + name)
                self.assertEqual(answer.status, 400, answer)
                self.assert_any_error(answer)

    def test_names_that_work_without_being_listed(self):
        self.up.take()
        for name, seen in (
            ("family-x", "family-x"),
            ("up2/anything", "anything"),
            ("up/a/b", "a/b"),
            ("first", "a"),
            ("other/x", "any"),
        ):
            with self.subTest(name):
                answer = self.gw.chat(model=name)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(self.up.take()[0].json()["model"], seen)
                self.assertEqual(self.gw.log_for(answer.id)["model"], name)

    def test_names_cannot_spoil_a_header(self):
        for name, shown in (("up/a\r\nx-evil: 1", "a%0D%0Ax-evil:%201"), ("up/\x1b[2Ja", "%1B[2Ja"), ("up/\xe9%41\x7f", "%C3%A9%2541%7F")):
            with self.subTest(name):
                answer = self.gw.chat(model=name)
                self.assertEqual((answer.status, answer.all("x-gw-model")), (200, [shown]), answer)
                self.assertIsNone(answer.header("x-evil"))
        body = {"model": "up/a", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
                **{"a\r\nb\x1b%d" % i: 1 for i in range(3)}}
        answer = self.gw.request("POST", "/v1/messages", (), body)
        self.assertEqual(answer.status, 200, answer)
        self.assertRegex(answer.header("x-gw-dropped"), r"^[!-~]+(, [!-~]+)*$")

    def test_it_is_logged(self):
        answer = self.gw.request("GET", "/v1/models")
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["operation"], line["status"], line["attempts"]), ("models", 200, []), line)


if __name__ == "__main__":
    unittest.main()
