"""test_keys.py - who may come in: one 401 for every bad key, and each team sees only its own models."""

import hashlib
import unittest

import upstream
from harness import Case, Gateway, provider, tsan

GOOD, NARROW, OFF, OLD, LISTED, BOTH = ("sk-canary-client-%s" % n for n in ("good", "narrow", "off", "old", "listed", "both"))
INVALID = "invalid_request_error"


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


class Keys(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up)
            + 'model "m" { { "up/real" } }\nmodel "secret" { { "up/other" } }\nmodel "fam-*" { { "up/*" } }\n'
            'team "all" {}\nteam "narrow" { models = { "m", "fam-a*", "fam-bee", "up/open" } }\n'
            'key { sha256 = "%s", team = "all", name = "good-key" }\n' % digest(GOOD)
            + 'key { sha256 = "%s", team = "narrow", name = "narrow-key" }\n' % digest(NARROW)
            + 'key { sha256 = "%s", team = "all", name = "off-key", enabled = false }\n' % digest(OFF)
            + 'key { sha256 = "%s", team = "all", name = "old-key", expires = "2020-01-01" }\n' % digest(OLD)
            + 'key { sha256 = "%s", team = "all", name = "future-key", expires = "2999-01-01T00:00:00Z" }\n'
            % digest("sk-canary-client-future")
            + 'key { sha256 = "%s", team = "all", name = "listed-key", models = { "m", "fam-c*", "up/open" } }\n' % digest(LISTED)
            + 'key { sha256 = "%s", team = "narrow", name = "both-key", models = { "secret", "fam-*" } }\n' % digest(BOTH)
        )

    def setUp(self):
        self.up.take()

    def with_key(self, key, model="m", scheme="Bearer "):
        return self.gw.chat(model=model, headers=[("Authorization", scheme + key)])

    @tsan
    def test_good_keys(self):
        for key, name, team, headers in (
            (GOOD, "good-key", "all", [("Authorization", "Bearer " + GOOD)]),
            (GOOD, "good-key", "all", [("authorization", "bearer " + GOOD)]),
            (GOOD, "good-key", "all", [("x-api-key", GOOD)]),
            (GOOD, "good-key", "all", [("api-key", GOOD)]),
            (GOOD, "good-key", "all", [("Authorization", "Bearer sk-ant-oat01-another-service"), ("x-api-key", GOOD)]),
            (GOOD, "good-key", "all", [("Authorization", "Basic eDp5"), ("api-key", GOOD)]),
            (GOOD, "good-key", "all", [("Authorization", "Bearer " + GOOD), ("x-api-key", "sk-another-service")]),
            (GOOD, "good-key", "all", [("Authorization", "Bearer " + GOOD), ("x-api-key", NARROW)]),
            (NARROW, "narrow-key", "narrow", [("Authorization", "Bearer " + NARROW)]),
            (None, "future-key", "all", [("Authorization", "Bearer sk-canary-client-future")]),
        ):
            with self.subTest(name, headers=headers[0][0]):
                answer = self.gw.chat(headers=headers)
                self.assertEqual(answer.status, 200, answer)
                line = self.gw.log_for(answer.id)
                self.assertEqual((line["key"], line["team"]), (name, team), line)
                sent = self.up.take()[0]
                self.assertEqual(sent.headers["authorization"], "Bearer sk-canary-upstream-5f1e9b7c")
                self.assertNotIn("canary-client", str(sent.header_list))
                self.assertNotIn("x-api-key", sent.headers)

    def test_one_answer_to_all_bad_keys(self):
        bodies = set()
        for name, headers in {
            "none": [],
            "empty": [("Authorization", "")],
            "no key": [("Authorization", "Bearer")],
            "blank": [("Authorization", "Bearer ")],
            "unknown": [("Authorization", "Bearer sk-canary-client-nobody")],
            "disabled": [("Authorization", "Bearer " + OFF)],
            "expired": [("Authorization", "Bearer " + OLD)],
            "one less": [("Authorization", "Bearer " + GOOD[:-1])],
            "one more": [("Authorization", "Bearer " + GOOD + "x")],
            "upper case": [("Authorization", "Bearer " + GOOD.upper())],
            "another scheme": [("Authorization", "Basic " + GOOD)],
            "no scheme": [("Authorization", GOOD)],
            "the digest": [("Authorization", "Bearer " + digest(GOOD))],
            "x-api-key": [("x-api-key", OFF)],
            "in the query": [],
            "long": [("Authorization", "Bearer " + "k" * 4000)],
        }.items():
            with self.subTest(name):
                path = "/v1/chat/completions" + ("?key=" + GOOD if name == "in the query" else "")
                answer = self.gw.request("POST", path, headers, {"model": "m", "messages": []})
                self.assert_error(answer, 401, INVALID, "invalid_api_key", retry=False, retry_after=False)
                bodies.add(answer.body)
                line = self.gw.log_for(answer.id)
                self.assertEqual(
                    (line["status"], line["error"]["code"], line["key"], line["attempts"]),
                    (401, "invalid_api_key", {"disabled": "off-key", "expired": "old-key", "x-api-key": "off-key"}.get(name), []),
                    line,
                )
        self.assertEqual(len(bodies), 1, "the bodies differ")
        self.assertEqual(self.up.take(), [])

    def test_the_key_comes_before_the_rest(self):
        for body in (b"{", b'{"model":"nope","messages":[]}', b"x" * 100000):
            answer = self.gw.request("POST", "/v1/chat/completions", (), body)
            self.assertEqual(answer.status, 401, answer)
        for path in ("/v1/models", "/v1/models/m"):
            self.assertEqual(self.gw.request("GET", path).status, 401)

    def test_health_needs_no_key(self):
        for path in ("/", "/livez", "/readyz"):
            self.assertEqual(self.gw.request("GET", path).status, 200)

    def test_models_of_a_team(self):
        self.assertEqual(self.with_key(GOOD, "secret").status, 200)
        self.assertEqual(self.with_key(NARROW, "m").status, 200)
        self.assertEqual(self.with_key(NARROW, "fam-ax").status, 200)
        for model in ("secret", "fam-b", "up/real", "nothing"):
            with self.subTest(model):
                error = self.assert_error(
                    self.with_key(NARROW, model), 404, INVALID, "model_not_found", retry=False
                )
                self.assertEqual(
                    error["message"].replace(model, "X"),
                    self.with_key(NARROW, "really-not-there").error["message"].replace("really-not-there", "X"),
                )
        for key, names in ((GOOD, {"m", "secret", "fam-*"}), (NARROW, {"m", "fam-a*", "fam-bee"})):
            answer = self.gw.request("GET", "/v1/models", [("Authorization", "Bearer " + key)])
            self.assertEqual({m["id"] for m in answer.json()["data"]}, names)
        for name in ("secret", "nothing", "fam-b", "up/real"):
            answer = self.gw.request("GET", "/v1/models/" + name, [("x-api-key", NARROW)])
            self.assert_error(answer, 404, INVALID, "model_not_found")
        answer = self.gw.request("GET", "/v1/models/nope", [("x-api-key", GOOD)])
        self.assert_error(answer, 404, INVALID, "model_not_found", retry=False)

    def test_models_of_a_key(self):
        """A key's list narrows its team's, and never widens it."""
        for key, model, status in (
            (LISTED, "m", 200), (LISTED, "fam-cx", 200), (LISTED, "up/open", 200),
            (LISTED, "secret", 404), (LISTED, "fam-ax", 404), (LISTED, "up/real", 404),
            (BOTH, "fam-ax", 200), (BOTH, "fam-bee", 200),
            (BOTH, "m", 404), (BOTH, "secret", 404), (BOTH, "fam-cx", 404),
        ):
            with self.subTest(key=key, model=model):
                self.assertEqual(self.with_key(key, model).status, status)
        for key, names in ((LISTED, {"m", "fam-c*"}), (BOTH, {"fam-a*", "fam-bee"})):
            answer = self.gw.request("GET", "/v1/models", [("Authorization", "Bearer " + key)])
            self.assertEqual({m["id"] for m in answer.json()["data"]}, names)
        self.assert_error(self.gw.request("GET", "/v1/models/secret", [("x-api-key", LISTED)]), 404, INVALID, "model_not_found")
        answer = self.gw.chat(headers=[("Authorization", "Bearer " + LISTED)], models=["real"])
        self.assertEqual((answer.status, answer.error["param"]), (404, "models"))

    def test_other_members_choose_allowed_models_only(self):
        """OpenRouter's and LiteLLM's members name models of their own."""
        for key, members, status in (
            (NARROW, {"models": ["real", "dear"]}, 404),
            (NARROW, {"fallbacks": [{"model": "dear"}]}, 404),
            (NARROW, {"fallbacks": [{"real": ["dear"]}]}, 400),
            (NARROW, {"extra_body": {"models": ["dear"]}}, 404),
            (NARROW, {"route": "fallback"}, 400),
            (NARROW, {"models": ["open"], "route": None}, 200),
            (NARROW, {"tools": [{"type": "image_generation", "model": "dear"}]}, 404),
            (GOOD, {"models": ["real", "dear"], "route": "fallback"}, 200),
            (GOOD, {"fallbacks": [{"model": "dear", "api_base": "http://x"}]}, 400),
        ):
            with self.subTest(members, key=key):
                self.up.take()
                answer = self.gw.chat(headers=[("Authorization", "Bearer " + key)], **members)
                self.assertEqual(answer.status, status, answer)
                if status == 200:
                    sent = self.up.take()[0].json()
                    self.assertEqual({k: sent[k] for k in members}, members)
                else:
                    self.assertIn(answer.error["param"], (*members, "models", "api_base"))
                    self.assertEqual(self.up.take(), [])

    def test_the_names_of_keys_are_in_the_log_and_the_keys_are_not(self):
        self.with_key(GOOD)
        self.with_key(OFF)
        self.assertEqual(self.gw.leaks, [])


if __name__ == "__main__":
    unittest.main()
