"""test_attribution.py - to whom a request is attributed: team, key, project, tags, end user, session, client; in the ledger, the access
log and the report; never at the upstream."""

import hashlib
import os
import tempfile
import unittest

import upstream
from harness import Case, Gateway, claude, provider
from test_anthropic import VERSION
from test_ledger import records, usage, verify

PRICE = "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }"
OURS = ("x-gw-project", "x-gw-tags", "x-gw-user", "x-gw-session", "x-claude-code-session-id")
FIELDS = ("project", "tags", "user", "session", "client")


def key_line(name, more=""):
    return 'key { sha256 = "%s", name = "%s"%s }\n' % (hashlib.sha256(name.encode()).hexdigest(), name, more)


class Attribution(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "ledger")
        return Gateway('ledger { path = "%s" }\n' % cls.path + provider("up", cls.up, PRICE) + claude("claude", cls.up) + 'model "m" { { "up/real" } }\n'
                       'model "c" { { "claude/x", price = { request_usd = 1, input_usd_per_mtok = 0, output_usd_per_mtok = 0 } } }\n' + key_line("plain") +
                       key_line("marked", ', project = "house", tags = { env = "prod", cost = "center 7" }') + 'provider "demo" {}\nmodel "d" { { "demo/demo" } }\n')

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def setUp(self):
        self.up.take()
        self.up.handler = upstream.good

    def ask(self, key, headers=(), **more):
        return self.gw.chat(headers=[("Authorization", "Bearer " + key)] + list(headers), **{"max_tokens": 10, **more})

    def found(self, answer):
        """What the log and the ledger have of it: the same."""
        line = self.gw.log_for(answer.id)
        (record,) = [r for type_ in ("hold", "row") for r in records(self.path, type_) if r.get("request") == answer.id]
        mine = {name: line.get(name) for name in FIELDS}
        self.assertEqual(mine, {name: record.get(name) for name in FIELDS})
        return mine

    def test_headers(self):
        answer = self.ask("plain", [("X-GW-Project", "web/shop"), ("x-gw-tags", "feature=search , env=test"), ("x-gw-user", "ann é".encode().decode("latin-1")), ("x-gw-session", "s-1"),
                                    ("User-Agent", "OpenAI/Python 2.8.0")], user="overridden")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.found(answer), {"project": "web/shop", "tags": "env=test,feature=search", "user": "ann é", "session": "s-1", "client": "openai-python"})
        (request,) = self.up.take()
        sent = dict(request.headers)
        self.assertEqual([name for name in sent if name in OURS or name.startswith("x-gw-") and name != "x-gw-hop"], [])
        self.assertNotIn("OpenAI/Python 2.8.0", sent.values())
        self.assertEqual((self.ask("plain").status, self.found(self.ask("plain"))), (200, {**dict.fromkeys(FIELDS), "client": "other"}))

    def test_a_key_has_defaults(self):
        self.assertEqual(self.found(self.ask("marked")), {"project": "house", "tags": "cost=center 7,env=prod", "user": None, "session": None, "client": "other"})
        answer = self.ask("marked", [("x-gw-project", "other"), ("x-gw-tags", "env=test,zone=a")])
        mine = self.found(answer)
        self.assertEqual((mine["project"], mine["tags"]), ("other", "cost=center 7,env=test,zone=a"))

    def test_the_body_names_an_end_user(self):
        self.assertEqual(self.found(self.ask("plain", user="u-1"))["user"], "u-1")
        self.assertEqual(self.found(self.ask("plain", user=""))["user"], None)
        self.assertEqual(self.found(self.ask("plain", user="ü" * 200))["user"], "ü" * 128)  # 256 bytes
        self.up.handler = [upstream.reply_json({"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": [{"type": "text", "text": "hi"}],
                                                "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}})]
        body = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "canary-prompt"}], "metadata": {"user_id": "device_7"}}
        headers = [VERSION, ("x-api-key", "plain"), ("X-Claude-Code-Session-Id", "11111111-2222"), ("User-Agent", "claude-cli/2.1.0 (external, cli)")]
        answer = self.gw.request("POST", "/v1/messages", headers, body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.found(answer), {"project": None, "tags": None, "user": "device_7", "session": "11111111-2222", "client": "claude-code"})
        sent = set(self.up.take()[-1].headers)
        self.assertNotIn("x-claude-code-session-id", sent)
        answer = self.gw.request("POST", "/v1/messages", headers + [("x-gw-session", "mine")], body)
        self.assertEqual(self.found(answer)["session"], "mine")  # the gateway's own header counts

    def test_what_is_answered_without_an_upstream_is_attributed_too(self):
        answer = self.ask("marked", [("x-gw-session", "s-2")], model="d")
        self.assertEqual(self.found(answer), {"project": "house", "tags": "cost=center 7,env=prod", "user": None, "session": "s-2", "client": "other"})

    def test_clients(self):
        for agent, client in (("codex_cli_rs/0.169.0 (Debian)", "codex"), ("AsyncOpenAI/Python 2.0", "openai-python"), ("OpenAI/JS 6.49.0", "openai-node"),
                              ("Anthropic/JS 1.12", "anthropic-node"), ("AsyncAnthropic/Python 0.9", "anthropic-python"), ("curl/8", "curl"),
                              ("my-openai/1", "other"), ("", "other"), ("A" * 4000, "other")):
            with self.subTest(agent=agent[:30]):
                self.assertEqual(self.found(self.ask("plain", [("User-Agent", agent)]))["client"], client)

    def test_what_is_wrong_is_refused_by_name(self):
        tag = "x-gw-tags"
        for name, value in ((tag, "novalue"), (tag, "=v"), (tag, "a="), (tag, "a b=c"), (tag, "a=1,a=2"), (tag, "a" * 33 + "=1"), (tag, "a=" + "b" * 65),
                            (tag, ",".join("t%d=1" % i for i in range(9))), (tag, "a=1,,b=2"), (tag, "a=\xff"), ("x-gw-project", "a b"), ("x-gw-project", "p" * 65),
                            ("x-gw-user", "u" * 257), ("x-gw-session", "s" * 257), ("x-gw-user", b"\xff".decode("latin-1"))):
            with self.subTest(header=name, value=value[:40]):
                answer = self.ask("plain", [(name, value)])
                self.assert_error(answer, 400, "invalid_request_error", "invalid_parameter", retry=False)
                self.assertEqual(answer.json()["error"]["param"], name)
                self.assertIn("header " + name, answer.json()["error"]["message"])
        answer = self.ask("marked", [(tag, ",".join("t%d=1" % i for i in range(7)))])  # nine with the key's two
        self.assert_error(answer, 400, "invalid_request_error", "invalid_parameter", retry=False)
        self.assertIn("with those that the key has", answer.json()["error"]["message"])
        self.assertEqual(self.ask("marked", [(tag, "env=1," + ",".join("t%d=1" % i for i in range(6)))]).status, 200)
        for name in OURS[:4]:
            self.assertEqual(self.ask("plain", [(name, "a=1" if name == tag else "a"), (name, "b=1" if name == tag else "b")]).status, 400, name)
            self.assertEqual(self.ask("plain", [(name, "")]).status, 200, name)

    def test_the_report_sums_by_each(self):
        headers = [("x-gw-project", "rp"), ("x-gw-tags", "rt=1"), ("x-gw-user", "ru"), ("x-gw-session", "rs"), ("User-Agent", "Anthropic/JS 1.12")]
        cost = [self.ask("plain", headers).header("x-gw-cost") for _ in range(2)]
        for by, value in (("project", "rp"), ("tag", "rt=1"), ("user", "ru"), ("session", "rs")):
            (row,) = [r for r in usage(self.path, "--by", by) if r[by] == value]
            self.assertEqual((row["requests"], float(row["cost_usd"])), (2, 2 * float(cost[0])), by)
        self.assertTrue([r for r in usage(self.path, "--by", "client,key") if r["client"] == "anthropic-node" and r["key"] == "plain"])
        verify(self.path)


class Configuration(unittest.TestCase):
    def test_what_is_wrong_is_said(self):
        from command import run
        for more, wanted in (("tags = { a = 1 }", 'tags: "a"'), ('tags = { ["a b"] = "x" }', 'tags: "a b"'), ('tags = { "x" }', "tags takes"),
                             ('project = "a b"', "project takes a name"), ('tagz = { a = "1" }', 'did you mean "tags"')):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "gateway.lua")
                with open(path, "w", encoding="utf-8") as file:
                    file.write('key { sha256 = "%064d", %s }' % (1, more))
                said = run("check", "-c", path)
                self.assertEqual(said.code, 78, said)
                self.assertIn(wanted, said.err)


if __name__ == "__main__":
    unittest.main()
