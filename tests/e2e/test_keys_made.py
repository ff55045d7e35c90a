"""test_keys_made.py - keys and teams that commands make, beside a running gateway and without one."""

import json
import os
import stat
import tempfile
import threading
import time
import unittest

from command import run
from harness import Gateway
from test_ledger import usage

CONFIG = 'ledger { path = "%s" }\nprovider "demo" {}\nmodel "m" { "demo/demo" }\nmodel "other" { "demo/demo" }\nteam "a" {}\n'


class Made(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.ledger = os.path.join(self.folder.name, "ledger")
        self.config = os.path.join(self.folder.name, "gateway.lua")
        self.write(CONFIG % self.ledger)

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def gateway(self):
        return Gateway(args=("-c", self.config))

    def command(self, *args):
        return run(*args, "-c", self.config)

    def make(self, *args):
        said = self.command("keys", *args)
        self.assertEqual(said.code, 0, said)
        self.assertRegex(said.out, r"\Ask-gw-[A-Za-z0-9]{43}\n\Z")
        return said.out.strip()

    def status(self, gw, key, model="m"):
        return gw.chat(model=model, headers=[("Authorization", "Bearer " + key)]).status

    def text(self):
        with open(os.path.join(self.ledger, "keys.lua"), encoding="utf-8") as f:
            return f.read()

    def test_a_key_from_its_first_to_its_last_request(self):
        with self.gateway() as gw:
            self.assertEqual(gw.chat(model="m").status, 200)  # no key is declared yet
            key = self.make("create", "--team", "a", "--name", "first", "--tags", "env=prod,x=y", "--project", "shop")
            self.assertEqual((self.status(gw, "none"), self.status(gw, key)), (401, 200))
            self.assertNotIn(key, self.text())
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.ledger, "keys.lua")).st_mode), 0o600)
            rotated = self.make("rotate", "first", "--grace", "1h")
            self.assertEqual((self.status(gw, key), self.status(gw, rotated)), (200, 200))
            again = self.make("rotate", "first")  # at once
            self.assertEqual((self.status(gw, key), self.status(gw, rotated), self.status(gw, again)), (401, 401, 200))
            said = self.command("keys", "revoke", "first")
            self.assertEqual((said.code, said.out), (0, ""), said)
            self.assertEqual(self.status(gw, again), 401)
            self.assertIn("is revoked already", self.command("keys", "revoke", "first").err)
            said = self.command("keys", "rotate", "first")
            self.assertEqual(said.code, 1)
            self.assertIn('the key "first" is revoked: create another one', said.err)
        rows = usage(self.ledger, "--by", "key,project,tag")
        self.assertEqual({(r["key"], r["project"], r["requests"]) for r in rows if r["key"] == "first"}, {("first", "shop", 4)})

    def test_the_grace_ends(self):
        with self.gateway() as gw:
            key = self.make("create", "--team", "a", "--name", "k")
            self.make("rotate", "k", "--grace", "2s")
            end = time.monotonic() + 60
            while self.status(gw, key) == 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.2)
            self.assertEqual(self.status(gw, key), 401)

    def test_the_next_start_has_them(self):
        said = self.command("keys", "create", "--team", "a", "--name", "k", "--expires", "2100-01-01")
        self.assertIn("no gateway runs with this ledger: the next one has it", said.err)
        with self.gateway() as gw:
            self.assertEqual((self.status(gw, "none"), self.status(gw, said.out.strip())), (401, 200))
        listed = json.loads(self.command("keys", "list", "--json").out)
        self.assertEqual([(k["name"], k["team"], k["state"], k["expires"], k["from"]) for k in listed], [("k", "a", "on", "2100-01-02T00:00:00.000Z", "keys.lua")])
        self.assertEqual(json.loads(self.command("keys", "show", "k", "--json").out), listed)

    def test_budget_and_limits_hold(self):
        self.write((CONFIG % self.ledger).replace('provider "demo" {}', 'provider "demo" { price = { request_usd = 1 } }'))
        with self.gateway() as gw:
            poor = self.make("create", "--team", "a", "--name", "poor", "--budget", "2", "--per", "total")
            slow = self.make("create", "--team", "a", "--name", "slow", "--rpm", "1")
            self.assertEqual([self.status(gw, poor) for _ in range(4)], [200, 200, 429, 429])
            self.assertEqual([self.status(gw, slow) for _ in range(2)], [200, 429])

    def test_a_key_and_its_models(self):
        with self.gateway() as gw:
            key = self.make("create", "--team", "a", "--name", "k", "--models", "other, demo/*")
            self.assertEqual((self.status(gw, key, "other"), self.status(gw, key, "m")), (200, 404))
        self.assertEqual(json.loads(self.command("keys", "show", "k", "--json").out)[0]["models"], ["other", "demo/*"])

    def test_a_team_and_its_models(self):
        with self.gateway() as gw:
            said = self.command("teams", "create", "--name", "b", "--models", "other, demo/*")
            self.assertEqual(said.code, 0, said)
            key = self.make("create", "--team", "b", "--name", "k")
            self.assertEqual((self.status(gw, key, "other"), self.status(gw, key, "m")), (200, 404))
        teams = {t["name"]: t for t in json.loads(self.command("teams", "list", "--json").out)}
        self.assertEqual(teams["b"], {"name": "b", "keys": 1, "models": ["other", "demo/*"], "budgets": [], "limits": {}, "priority": None})
        self.assertEqual(set(teams), {"default", "a", "b"})
        self.assertIn("b", self.command("teams", "show", "b").out)
        self.assertEqual(self.command("teams", "show", "nobody").code, 1)

    def test_what_is_wrong_changes_nothing(self):
        self.make("create", "--team", "a", "--name", "k")
        before = self.text()
        for args, words in (
            (("create", "--team", "a", "--name", "k"), 'there is a key "k" already'),
            (("create", "--team", "aa", "--name", "z"), 'there is no team "aa" (did you mean "a"?)'),
            (("create", "--team", "a", "--name", "z", "--budget", '1", per = "day'), "usd takes US dollars"),
            (("create", "--team", "a", "--name", "z", "--rpm", "1, x = 2"), "--rpm takes a whole number"),
            (("create", "--team", "a", "--name", "z", "--per", "day"), "--per is the period of --budget USD"),
            (("create", "--team", "a", "--name", "z", "--expires", "soon"), "expires takes"),
            (("create", "--team", "a", "--name", "z", "--tags", "x"), '--tags: tags are "name=value,name=value", not "x"'),
            (("create", "--team", "a"), "keys create takes --team TEAM and --name NAME"),
            (("rotate", "nobody"), 'there is no key "nobody"'),
            (("rotate", "k", "--grace", "soon"), "--grace takes a time such as 30s"),
            (("revoke", "nobody"), 'there is no key "nobody"'),
            (("show", "nobody"), 'there is no key "nobody"'),
            (("frobnicate",), "keys takes create, list, show, rotate or revoke"),
        ):
            with self.subTest(args):
                said = self.command("keys", *args)
                self.assertNotEqual(said.code, 0)
                self.assertEqual(said.out, "")
                self.assertIn(words, said.err)
        self.assertEqual(self.text(), before)

    def test_a_name_of_any_kind(self):
        for name in ('a"b', "a\\b", "a b } -- x", "\u00e9\u20ac"):
            self.make("create", "--team", "a", "--name", name)
        self.assertEqual([k["name"] for k in json.loads(self.command("keys", "list", "--json").out)], ['a"b', "a\\b", "a b } -- x", "\u00e9\u20ac"])
        for name in ('a"b', "a b } -- x"):
            self.make("rotate", name, "--grace", "1h")
            self.assertEqual(self.command("keys", "revoke", name).code, 0)

    def test_a_mistake_in_the_file_is_named_with_its_line(self):
        self.make("create", "--team", "a", "--name", "k")
        with open(os.path.join(self.ledger, "keys.lua"), "a", encoding="utf-8") as f:
            f.write('key { sha256 = "%s", taem = "a" }\n' % ("0" * 64))
        said = self.command("check")
        self.assertNotEqual(said.code, 0)
        self.assertIn('ledger/keys.lua:3: key: unknown setting "taem"', said.err + said.out)

    def test_many_commands_at_once(self):
        with self.gateway() as gw:
            keys = []
            threads = [threading.Thread(target=lambda i=i: keys.append(self.make("create", "--team", "a", "--name", "k%d" % i))) for i in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([self.status(gw, key) for key in keys], [200] * 8)

    def test_two_commands_with_one_name(self):
        """One of them is refused: no printed key is worthless."""
        with self.gateway() as gw:
            done = []
            threads = [threading.Thread(target=lambda: done.append(self.command("keys", "create", "--team", "a", "--name", "k"))) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            keys = [said.out.strip() for said in done if said.code == 0]
            self.assertEqual(len(keys), 1, done)
            self.assertEqual(self.status(gw, keys[0]), 200)

    def test_a_gateway_that_lost_its_keys_is_not_open(self):
        with self.gateway() as gw:
            key = self.make("create", "--team", "a", "--name", "k")
            os.rename(os.path.join(self.ledger, "keys.lua"), os.path.join(self.ledger, "away"))
            said = self.command("reload")
            self.assertNotEqual(said.code, 0)
            self.assertEqual((self.status(gw, "none"), self.status(gw, key)), (401, 200))
        said = self.command("check")
        self.assertNotEqual(said.code, 0)
        self.assertIn("it is missing, and commands made keys here: bring the file back, or remove", said.err)

    def test_a_mistake_elsewhere_does_not_keep_a_key_in_use(self):
        with self.gateway() as gw:
            key = self.make("create", "--team", "a", "--name", "k")
            for wrong in ('listen { address = "127.0.0.1:1" }\n', ""):
                self.write((CONFIG % self.ledger) + wrong)
                said = self.command("keys", "revoke", "k")
                self.assertEqual(said.code, 0, said)
                self.assertIn(self.status(gw, key), (401, 429))
            self.assertEqual(self.status(gw, key), 401)

    def test_a_file_without_an_end_of_line(self):
        self.make("create", "--team", "a", "--name", "k")
        with open(os.path.join(self.ledger, "keys.lua"), "rb+") as f:
            f.truncate(os.path.getsize(f.name) - 1)
        self.assertEqual(self.command("teams", "create", "--name", "b").code, 0)
        self.assertEqual(self.command("teams", "show", "b").code, 0)

    def test_the_first_key_is_announced(self):
        with self.gateway():
            self.assertIn("from now on every request needs one", self.command("keys", "create", "--team", "a", "--name", "k").err)
            self.assertNotIn("from now on", self.command("keys", "create", "--team", "a", "--name", "k2").err)
