"""test_admin.py - the admin API: each route with each role, keys and teams, bounds of a key_maker, wrong credentials, and the audit log."""

import http.client
import json
import os
import re
import stat
import tempfile
import time
import unittest

from command import run
from harness import Gateway

CONFIG = """ledger { path = "%s" }
admin { address = "127.0.0.1:0" }
provider "demo" { price = { request_usd = 1 } }
model "m" { "demo/demo" }
model "other" { "demo/demo" }
team "a" {}
team "b" { models = { "m" } }
key { sha256 = "%s", team = "a", name = "declared" }
"""
DECLARED = "6a0a41b0d7ad7bd40c0e1b0d7a5c1d3a1b7a9a3e8d0f2a6c4b5e7f8091a2b3c4"


# Who may do what: v(iewer), k(ey_maker), o(perator), o(wner). A route that is not here fails the test.
ROLES = {
    "GET /openapi.json": "vkoo", "GET /admin/v1/status": "vkoo", "GET /admin/v1/keys": "vkoo", "POST /admin/v1/keys": "koo",
    "GET /admin/v1/keys/{name}": "vkoo", "PATCH /admin/v1/keys/{name}": "koo", "DELETE /admin/v1/keys/{name}": "koo",
    "POST /admin/v1/keys/{name}/rotate": "koo", "GET /admin/v1/teams": "vkoo", "POST /admin/v1/teams": "oo", "GET /admin/v1/teams/{name}": "vkoo",
    "GET /admin/v1/usage": "vkoo", "GET /admin/v1/requests/{id}": "vkoo", "POST /admin/v1/reload": "oo", "POST /admin/v1/cache/purge": "oo",
    "POST /admin/v1/kill": "oo", "GET /admin/v1/credentials": "o", "POST /admin/v1/credentials": "o", "DELETE /admin/v1/credentials/{name}": "o",
    "GET /admin/v1/audit": "oo", "GET /admin/v1/audit/verify": "oo",
    "POST /key/generate": "koo", "GET /key/info": "vkoo", "POST /key/update": "koo", "POST /key/delete": "koo", "POST /team/new": "oo",
    "GET /team/info": "vkoo", "GET /spend/logs": "vkoo", "GET /global/spend/report": "vkoo",
}


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.raw = response.status, dict(response.getheaders()), response.read()
        self.json = json.loads(self.raw)

    @property
    def code(self):
        return self.json["error"]["code"]

    def __repr__(self):
        return "%d %s" % (self.status, self.raw[:600])


class Admin(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.ledger = os.path.join(self.folder.name, "ledger")
        self.config = os.path.join(self.folder.name, "gateway.lua")
        self.write(CONFIG % (self.ledger, DECLARED))

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def gateway(self):
        gw = Gateway(args=("-c", self.config))
        found = [re.search(r"the admin API is on http://127\.0\.0\.1:(\d+)", line) for line in gw.stderr]
        self.port = next(int(m.group(1)) for m in found if m)
        with open(os.path.join(self.ledger, "admin.key"), encoding="ascii") as f:
            self.owner = f.read().strip()
        return gw

    def ask(self, method, path, body=None, credential=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            credential = self.owner if credential is None else credential
            sent = {"Authorization": "Bearer " + credential} if credential else {}
            sent.update(headers)
            connection.request(method, path, None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body), sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def good(self, method, path, body=None, status=200, **more):
        answer = self.ask(method, path, body, **more)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def refused(self, status, code, method, path, body=None, **more):
        answer = self.ask(method, path, body, **more)
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        return answer.json["error"]["message"]

    def credential(self, name, role, **more):
        made = self.good("POST", "/admin/v1/credentials", {"name": name, "role": role, **more}, 201)
        self.assertRegex(made["credential"], r"\Agw-admin-[A-Za-z0-9]{43}\Z")
        return made["credential"]

    def status(self, gw, key, model="m"):
        return gw.chat(model=model, headers=[("Authorization", "Bearer " + key)]).status

    def path_of(self, name):
        return os.path.join(self.ledger, name)

    def test_each_route_with_each_role(self):
        with self.gateway():
            document = self.good("GET", "/openapi.json")
            roles = {r: self.credential(r, r, **({"team": "a"} if r == "key_maker" else {})) for r in ("viewer", "key_maker", "operator", "owner2")
                     if r != "owner2"}
            roles["owner"] = self.owner
            routes = [(method.upper(), path, what) for path, methods in document["paths"].items() for method, what in methods.items()]
            self.assertGreaterEqual(len(routes), 21)
            self.assertIn(("POST", "/admin/v1/keys"), [r[:2] for r in routes])
            filled = {"{name}": "nothing", "{id}": "nothing"}
            for method, path, what in routes:
                real = re.sub(r"\{\w+\}", lambda m: filled[m.group(0)], path)
                for credential in ("", "wrong", "gw-admin-" + "x" * 43, self.owner[:-1], self.owner + "x"):
                    answer = self.ask(method, real, credential=credential)
                    self.assertIn(answer.status, (401, 429), (method, path, answer))
                for role, credential in roles.items():
                    with self.subTest(method=method, path=path, role=role):
                        may = role in what["x-gw-roles"]
                        answer = self.ask(method, real, {"wrong": 1} if method in ("POST", "PATCH") else None, credential=credential)
                        if may:
                            self.assertNotIn(answer.status, (401, 403, 429, 500), answer)
                        else:
                            self.assertEqual((answer.status, answer.code), (403, "role_may_not"), answer)
            for method, path, what in routes:
                self.assertEqual("".join(r[0] for r in what["x-gw-roles"]), ROLES.pop("%s %s" % (method, path)), (method, path))
            self.assertEqual(ROLES, {})
            self.refused(404, "not_found", "GET", "/admin/v1/nothing")
            answer = self.ask("PUT", "/admin/v1/keys/x")
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, PATCH, DELETE"))
            self.assertEqual(self.ask("GET", "/", credential="").status, 429)  # this address has tried often enough
            self.good("GET", "/admin/v1/status")  # and a right credential is taken all the same

    def test_a_key_from_its_first_to_its_last_request(self):
        with self.gateway() as gw:
            made = self.good("POST", "/admin/v1/keys", {"team": "a", "name": "bot", "budget": "3", "per": "total", "rpm": 100, "models": ["m"],
                                                        "tags": {"env": "prod"}, "project": "shop", "expires": "2100-01-01"}, 201)
            key = made["key"]
            self.assertRegex(key, r"\Ask-gw-[A-Za-z0-9]{43}\Z")
            self.assertEqual((self.status(gw, key), self.status(gw, key, "other"), self.status(gw, "none")), (200, 404, 401))
            shown = self.good("GET", "/admin/v1/keys/bot")
            self.assertEqual({k: shown[k] for k in ("team", "state", "models", "budgets", "limits", "tags", "project", "from")},
                             {"team": "a", "state": "on", "models": ["m"], "budgets": [{"usd": "3", "per": "total"}], "limits": {"rpm": 100},
                              "tags": "env=prod", "project": "shop", "from": "keys.lua"})
            self.assertNotIn(key, json.dumps(self.good("GET", "/admin/v1/keys")))
            changed = self.good("PATCH", "/admin/v1/keys/bot", {"models": None, "rpm": 200, "tpm": 5000})
            self.assertEqual((changed["models"], changed["limits"], changed["budgets"], changed["tags"], changed["expires"], changed["project"]),
                             (None, {"rpm": 200, "tpm": 5000}, shown["budgets"], "env=prod", shown["expires"], "shop"))
            self.assertEqual(self.status(gw, key, "other"), 200)  # 2 of 3 USD
            rotated = self.good("POST", "/admin/v1/keys/bot/rotate", {"grace": "1h"})["key"]
            self.assertEqual((self.status(gw, key), self.status(gw, rotated)), (200, 429))  # the budget went on with the name
            self.good("PATCH", "/admin/v1/keys/bot", {"budget": "9"})
            self.assertEqual((self.status(gw, key), self.status(gw, rotated)), (200, 200))
            again = self.good("POST", "/admin/v1/keys/bot/rotate")["key"]
            self.assertEqual((self.status(gw, key), self.status(gw, rotated), self.status(gw, again)), (401, 401, 200))
            begin = time.monotonic()
            self.assertEqual(self.good("DELETE", "/admin/v1/keys/bot")["state"], "off")
            self.assertEqual(self.status(gw, again), 401)
            self.assertLess(time.monotonic() - begin, 5)  # 1 s, with the margin of the suite
            self.assertEqual(self.refused(409, "revoked", "POST", "/admin/v1/keys/bot/rotate"), 'the key "bot" is revoked: make another one')
            rows = self.good("GET", "/admin/v1/usage?by=key,project")
            self.assertEqual([(r["key"], r["project"], r["cost_usd"]) for r in rows if r["key"] == "bot"], [("bot", "shop", "6")])
            listed = json.loads(run("keys", "list", "--json", "-c", self.config).out)
            self.assertEqual([(k["name"], k["state"]) for k in listed], [("declared", "on"), ("bot", "off")])

    def test_what_is_wrong_changes_nothing(self):
        with self.gateway():
            self.good("POST", "/admin/v1/keys", {"team": "a", "name": "k"}, 201)
            with open(self.path_of("keys.lua"), encoding="utf-8") as f:
                before = f.read()
            for status, code, body, words in (
                (409, "exists", {"team": "a", "name": "k"}, "already"),
                (400, "invalid_body", {"team": "aa", "name": "z"}, 'there is no team "aa" (did you mean "a"?)'),
                (400, "invalid_body", {"team": "a"}, '"name" is missing'),
                (400, "invalid_body", {"team": "a", "name": ""}, '"name" is empty'),
                (400, "invalid_body", {"team": "a", "name": "z", "budgt": "1"}, 'did you mean "budget"?'),
                (400, "invalid_body", {"team": "a", "name": "z", "budget": 1}, '"budget" takes a string'),
                (400, "invalid_body", {"team": "a", "name": "z", "budget": '1", per = "day'}, "usd takes US dollars"),
                (400, "invalid_body", {"team": "a", "name": "z", "per": "year", "budget": "1"}, '"per" takes one of day, week, month, total'),
                (400, "invalid_body", {"team": "a", "name": "z", "per": "day"}, '"per" is the period of "budget"'),
                (400, "invalid_body", {"team": "a", "name": "z", "rpm": -1}, '"rpm" takes a number of at least 0'),
                (400, "invalid_body", {"team": "a", "name": "z", "rpm": 1.5}, '"rpm" takes an integer'),
                (400, "invalid_body", {"team": "a", "name": "z", "models": "m"}, '"models" takes an array'),
                (400, "invalid_body", {"team": "a", "name": "z", "models": [1]}, '"models" takes strings'),
                (400, "invalid_body", {"team": "a", "name": "z", "tags": {"a": "1,b=2"}}, "no comma"),
                (400, "invalid_body", {"team": "a", "name": "z", "tags": {"t%d" % i: "" for i in range(50000)}}, "tags takes at most 32"),
                (400, "invalid_body", {"team": "a", "name": "z", "rpm": 10 ** 20}, '"rpm" is too large'),
                (400, "invalid_body", {"team": "a", "name": "z\u001b[2J"}, "name holds a control character"),
                (400, "invalid_body", {"team": "a", "name": "z\u009b"}, "name holds a control character"),
                (400, "invalid_body", {"team": "a", "name": "z", "expires": "soon"}, "expires takes"),
                (400, "invalid_body", {"team": "a", "name": "z" * 101}, "longer than 100 bytes"),
                (400, "invalid_body", {"team": "a", "name": 'x", enabled = true } key { name = "y'}, None),
                (400, "invalid_body", [], "one JSON object"),
                (400, "invalid_json", "{", None),
                (400, "invalid_json", '{"team":"a","name":"z","name":"y"}', None),
            ):
                with self.subTest(body=body):
                    if words is None and code == "invalid_body":
                        self.good("POST", "/admin/v1/keys", body, 201)  # a strange name, and no code
                        names = [k["name"] for k in self.good("GET", "/admin/v1/keys")]
                        self.assertEqual(names, ["declared", "k", body["name"]])
                        continue
                    self.assertIn(words or "", self.refused(status, code, "POST", "/admin/v1/keys", body))
            with open(self.path_of("keys.lua"), encoding="utf-8") as f:
                self.assertTrue(f.read().startswith(before))
            self.assertEqual(len(self.good("GET", "/admin/v1/keys")), 3)
            self.refused(409, "declared", "DELETE", "/admin/v1/keys/declared")
            self.refused(404, "not_found", "DELETE", "/admin/v1/keys/nobody")
            self.refused(400, "invalid_query", "GET", "/admin/v1/keys?tam=a")
            self.refused(400, "invalid_query", "GET", "/admin/v1/usage?by=colour")
            self.refused(400, "invalid_query", "GET", "/admin/v1/usage?since=yesterday")
            self.refused(400, "invalid_body", "GET", "/admin/v1/keys", {"a": 1})
            self.assertEqual(self.ask("POST", "/admin/v1/keys", b"x" * (2 << 20)).status, 413)
            # gateway.lua is broken meanwhile: nothing can be made, and a key is off at once all the same.
            self.write(CONFIG % (self.ledger, DECLARED) + 'modle "x" {}\n')
            self.assertIn("gateway.lua is not sound", self.refused(409, "configuration_refused", "POST", "/admin/v1/keys", {"team": "a", "name": "q"}))
            self.good("DELETE", "/admin/v1/keys/k")

    def test_a_key_maker_stays_in_its_team_and_its_bounds(self):
        with self.gateway() as gw:
            maker = self.credential("maker", "key_maker", team="a", budget="10", models=["m", "fam-*"], expires="2100-01-01")
            viewer = self.credential("seer", "viewer", team="a")
            as_maker = {"credential": maker}
            self.good("POST", "/admin/v1/keys", {"team": "b", "name": "theirs"}, 201)
            self.good("POST", "/admin/v1/keys", {"team": "a", "name": "rich", "budget": "500"}, 201)
            fits = {"team": "a", "budget": "10", "models": ["m"], "expires": "2099-01-01"}
            key = self.good("POST", "/admin/v1/keys", {**fits, "name": "fits"}, 201, **as_maker)["key"]
            own = gw.chat(model="m", headers=[("Authorization", "Bearer " + key)]).id
            self.assertEqual((self.status(gw, key), self.status(gw, key, "other")), (200, 404))
            for code, change in (("other_team", {"team": "b"}), ("beyond_own_bounds", {"budget": "10.000000001"}), ("beyond_own_bounds", {"budget": None}),
                                 ("beyond_own_bounds", {"per": "day"}), ("beyond_own_bounds", {"models": ["other"]}), ("beyond_own_bounds", {"models": ["*"]}),
                                 ("beyond_own_bounds", {"models": None}), ("beyond_own_bounds", {"expires": "2100-01-02"}),
                                 ("beyond_own_bounds", {"expires": None}),
                                 ("beyond_own_bounds", {"budget": "1.7", "per": "week"}), ("beyond_own_bounds", {"priority": "critical"})):
                with self.subTest(change):
                    body = {k: v for k, v in {**fits, "name": "z", **change}.items() if v is not None}
                    self.refused(403, code, "POST", "/admin/v1/keys", body, **as_maker)
                    if code == "beyond_own_bounds":
                        self.refused(403, code, "PATCH", "/admin/v1/keys/fits", change, **as_maker)
            self.assertEqual({k["name"] for k in self.good("GET", "/admin/v1/keys", **as_maker)}, {"declared", "rich", "fits"})
            self.assertEqual({t["name"] for t in self.good("GET", "/admin/v1/teams", **as_maker)}, {"a"})
            for method, path in (("GET", "/admin/v1/keys/theirs"), ("DELETE", "/admin/v1/keys/theirs"), ("PATCH", "/admin/v1/keys/theirs"),
                                 ("POST", "/admin/v1/keys/theirs/rotate"), ("GET", "/admin/v1/teams/b")):
                with self.subTest(path, method=method):
                    self.refused(404, "not_found", method, path, **as_maker)
            over = self.good("POST", "/admin/v1/keys", {**fits, "name": "over", "expires": "1970-01-01T00:00:00Z"}, 201, **as_maker)["key"]
            self.assertEqual((self.good("GET", "/admin/v1/keys/over")["state"], self.status(gw, over)), ("expired", 401))  # 0 is no "never"
            self.good("DELETE", "/admin/v1/keys/over", **as_maker)
            self.refused(403, "beyond_own_bounds", "POST", "/admin/v1/keys/rich/rotate", **as_maker)  # its secret would be more than it has
            self.good("PATCH", "/admin/v1/keys/fits", {"budget": "5"}, **as_maker)
            self.good("POST", "/admin/v1/keys/fits/rotate", **as_maker)
            self.good("DELETE", "/admin/v1/keys/rich", **as_maker)
            answer = gw.chat(model="m", headers=[("Authorization", "Bearer " + self.good("POST", "/admin/v1/keys", {"team": "b", "name": "b2"}, 201)["key"])])
            self.assertEqual(answer.status, 200)
            request = gw.log_for(answer.id)["id"]
            end = time.monotonic() + 60
            while self.ask("GET", "/admin/v1/requests/" + request).status != 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)
            self.refused(404, "not_found", "GET", "/admin/v1/requests/" + request, credential=viewer)
            self.good("GET", "/admin/v1/requests/" + own, credential=viewer)
            self.assertEqual({r["team"] for r in self.good("GET", "/admin/v1/usage", credential=viewer)}, {"a"})
            self.assertEqual({r["team"] for r in self.good("GET", "/admin/v1/usage")}, {"a", "b"})
            self.refused(403, "other_team", "GET", "/admin/v1/usage?by=model", credential=viewer)

    def test_credentials(self):
        with self.gateway() as gw:
            self.assertEqual(stat.S_IMODE(os.stat(self.path_of("admin.key")).st_mode), 0o600)
            operator = self.credential("op", "operator")
            self.good("GET", "/admin/v1/status", credential=operator)
            self.assertEqual(stat.S_IMODE(os.stat(self.path_of("admin.tokens")).st_mode), 0o600)
            with open(self.path_of("admin.tokens"), encoding="utf-8") as f:
                self.assertNotIn(operator, f.read())
            self.assertEqual([(c["name"], c["role"]) for c in self.good("GET", "/admin/v1/credentials")], [("op", "operator")])
            self.assertNotIn("sha256", json.dumps(self.good("GET", "/admin/v1/credentials")))
            for status, body in ((409, {"name": "op", "role": "viewer"}), (400, {"name": "owner", "role": "viewer"}), (400, {"name": "x", "role": "king"}),
                                 (400, {"name": "x", "role": "key_maker"}), (400, {"name": "x", "role": "operator", "team": "a"}),
                                 (400, {"name": "x", "role": "viewer", "budget": "1"}), (400, {"name": "x", "role": "viewer", "team": ""}),
                                 (400, {"name": "x", "role": "key_maker", "team": "a", "models": []}), (400, {"name": "x", "role": "viewer", "expires": "x"})):
                with self.subTest(body):
                    self.assertEqual(self.ask("POST", "/admin/v1/credentials", body).status, status)
            self.good("DELETE", "/admin/v1/credentials/op")
            self.assertEqual(self.ask("GET", "/admin/v1/status", credential=operator).status, 401)
            self.refused(404, "not_found", "DELETE", "/admin/v1/credentials/op")
            short = self.credential("short", "viewer", expires="2000-01-01")
            self.assertEqual(self.ask("GET", "/admin/v1/status", credential=short).status, 401)
            # Another owner's credential counts at once; the one before does not.
            before, self.owner = self.owner, "gw-admin-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEF9"
            with open(self.path_of("admin.key"), "w", encoding="ascii") as f:
                f.write(self.owner + "\n")
            self.good("GET", "/admin/v1/status")
            self.assertEqual(self.ask("GET", "/admin/v1/status", credential=before).status, 401)
            self.assertEqual(gw.leaks, [])
            self.assertFalse([line for line in gw.stderr if self.owner in line or before in line or operator in line])

    def test_a_bad_owner_credential_is_refused_at_the_start(self):
        os.mkdir(self.ledger, 0o700)
        for content, mode, words in (("short", 0o600, "is shorter than 32 characters"), ("", 0o600, "is shorter than 32 characters"),
                                     ("x" * 43, 0o600, "has hardly a different character"),
                                     ("gw-admin-EXAMPLE6789abcdefghijklmnopqrstuvwxyzABCDEF", 0o600, "is an example of the documentation"),
                                     ("gw-admin-0123456789abcdefghij klmnopqrstuvwxyzABCDEF", 0o600, "has a blank"),
                                     ("gw-admin-0123456789abcdefghijklmnopqrstuvwxyzABCDEF", 0o644, "others may read")):
            with self.subTest(words):
                with open(self.path_of("admin.key"), "w", encoding="ascii") as f:
                    f.write(content + "\n")
                os.chmod(self.path_of("admin.key"), mode)
                said = run("serve", "--listen", "127.0.0.1:0", "-c", self.config)
                self.assertEqual(said.code, 78, said)
                self.assertIn(words, said.err)
        os.unlink(self.path_of("admin.key"))
        self.write((CONFIG % (self.ledger, DECLARED)).replace("127.0.0.1:0", "0.0.0.0:0"))
        said = run("serve", "--listen", "127.0.0.1:0", "-c", self.config)
        self.assertEqual(said.code, 78, said)
        self.assertIn("credentials would go there in clear text", said.err)

    def test_wrong_credentials_are_slowed_down(self):
        with self.gateway():
            answers = [self.ask("GET", "/admin/v1/status", credential="gw-admin-%043d" % i) for i in range(30)]
            self.assertEqual([a.status for a in answers], [401] * 10 + [429] * 20)
            self.assertEqual(answers[0].headers["WWW-Authenticate"], "Bearer")
            self.assertTrue(1 <= int(answers[-1].headers["Retry-After"]) <= 61)
            self.good("GET", "/admin/v1/status")

    def test_the_audit_log(self):
        with self.gateway():
            key = self.good("POST", "/admin/v1/keys", {"team": "a", "name": "k", "budget": "5"}, 201)["key"]
            self.good("PATCH", "/admin/v1/keys/k", {"budget": "7"})
            operator = self.credential("op", "operator")
            self.good("POST", "/admin/v1/teams", {"name": "c"}, 201, credential=operator)
            self.good("POST", "/admin/v1/reload", credential=operator)
            self.good("POST", "/admin/v1/kill", {"kind": "key", "name": "k"}, credential=operator)
            said = run("keys", "revoke", "k", "-c", self.config)
            self.assertEqual(said.code, 0, said)
            rows = self.good("GET", "/admin/v1/audit")
            self.assertEqual([(r["n"], r["who"], r["role"], r["action"], r["target"]) for r in rows[:6]],
                             [(1, "owner", "owner", "keys.create", "k"), (2, "owner", "owner", "keys.update", "k"),
                              (3, "owner", "owner", "credentials.create", "op"), (4, "op", "operator", "teams.create", "c"),
                              (5, "op", "operator", "config.reload", "gateway.lua"), (6, "op", "operator", "kill.set", "k")])
            self.assertEqual((rows[6]["role"], rows[6]["address"], rows[6]["action"], rows[6]["target"]), ("shell", "local", "keys.revoke", "k"))
            self.assertEqual((rows[1]["from"]["budgets"], rows[1]["to"], rows[1]["address"]), ([{"usd": "5", "per": "month"}], {"budget": "7"}, "127.0.0.1"))
            self.assertEqual(len(self.good("GET", "/admin/v1/audit?last=2")), 2)
            verdict = self.good("GET", "/admin/v1/audit/verify")
            self.assertEqual((verdict["good"], verdict["lines"], verdict["problem"]), (True, 7, None))
            with open(self.path_of("audit.jsonl"), encoding="utf-8") as f:
                text = f.read()
            for secret in (key, operator, self.owner):
                self.assertNotIn(secret, text)
            self.assertEqual(stat.S_IMODE(os.stat(self.path_of("audit.jsonl")).st_mode), 0o600)
        said = run("audit", "verify", "-c", self.config)
        self.assertEqual(said.code, 0, said)
        self.assertIn("7 rows, none changed, none missing", said.out)
        self.assertEqual(len(json.loads(run("audit", "--json", "-c", self.config).out)), 7)
        self.assertIn("keys.create", run("audit", "-c", self.config).out)
        lines = text.splitlines(keepends=True)
        for name, spoiled, words in (("a row is changed", text.replace('"budget": "7"', '"budget": "9"'), "line 2 was changed"),
                                     ("a row is gone", "".join(lines[:2] + lines[3:]), "line 3 has the number 4"),
                                     ("the last row is gone", "".join(lines[:-1]), "the last 1 lines are gone"),
                                     ("all rows are gone", "", "the last 7 lines are gone"),
                                     ("a row came twice", "".join(lines[:3] + lines[2:]), "line 4 has the number 3")):
            with self.subTest(name):
                with open(self.path_of("audit.jsonl"), "w", encoding="utf-8") as f:
                    f.write(spoiled)
                said = run("audit", "verify", "-c", self.config)
                self.assertEqual(said.code, 1, said)
                self.assertIn(words, said.err)

    def test_rows_that_are_gone_stay_missing(self):
        """What is written after rows were taken away does not hide it."""
        with self.gateway():
            for name in ("k1", "k2", "k3"):
                self.good("POST", "/admin/v1/keys", {"team": "a", "name": name}, 201)
            with open(self.path_of("audit.jsonl"), encoding="utf-8") as f:
                lines = f.read().splitlines(keepends=True)
            for kept, words in ((lines[:2], "line 3 has the number 4"), ([], "line 1 has the number 4"), ([*lines[:2], lines[2].replace("k3", "k4")], "line 3 was changed")):
                with self.subTest(words), open(self.path_of("audit.jsonl"), "w", encoding="utf-8") as f:
                    f.writelines(kept)
                self.good("POST", "/admin/v1/keys", {"team": "a", "name": "after%d" % len(self.good("GET", "/admin/v1/keys"))}, 201)
                verdict = self.good("GET", "/admin/v1/audit/verify")
                self.assertIn(words, verdict["problem"] or "nothing found")
                with open(self.path_of("audit.head"), "w", encoding="utf-8") as f:
                    f.write("3 %s\n" % json.loads(lines[2])["hash"])

    def test_what_is_not_recorded_is_not_done(self):
        with self.gateway():
            os.mkdir(self.path_of("audit.jsonl"))
            self.refused(503, "audit_unavailable", "POST", "/admin/v1/keys", {"team": "a", "name": "k"})
            self.assertEqual([k["name"] for k in self.good("GET", "/admin/v1/keys")], ["declared"])
            said = run("keys", "create", "--team", "a", "--name", "k", "-c", self.config)
            self.assertEqual((said.code, said.out), (1, ""), said)

    def test_the_status(self):
        with self.gateway() as gw:
            key = self.good("POST", "/admin/v1/keys", {"team": "a", "name": "k"}, 201)["key"]
            self.assertEqual(self.status(gw, key), 200)
            status = self.good("GET", "/admin/v1/status")
            self.assertEqual((status["in_flight"], status["keys"], status["draining"], status["ledger"]["held_usd"]), (0, 2, False, "0"))
            self.assertEqual(status["configuration"]["reloads"], 1)


if __name__ == "__main__":
    unittest.main()
