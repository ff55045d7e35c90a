"""test_postgres.py - the store on a PostgreSQL server: each record of each gateway's journal is in it once, as a row and in the rollups,
whatever happens to the server. psql reads it here."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import client
import harness
import postgresql
import upstream
from command import run
from harness import Gateway
from stored import NANO, SUMS, delivered, lag, metric
from test_ledger import lua, records, verify


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if postgresql.folder_of_programs() is None:
            raise unittest.SkipTest("PostgreSQL is not installed")
        cls.server = postgresql.Server()
        cls.addClassCleanup(cls.server.stop)
        cls.databases = 0

    def setUp(self):
        type(self).databases += 1
        self.database = "d%d" % self.databases
        self.server.ask("postgres", "CREATE DATABASE %s" % self.database)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.up, self.up2 = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        self.addCleanup(self.up.stop)
        self.addCleanup(self.up2.stop)

    def path(self, name="ledger"):
        return os.path.join(self.folder.name, name)

    def store(self, more=""):
        return 'store { plugin = "postgres", url = "%s", password = env "GW_TEST_PASSWORD"%s }\n' % (self.server.url(self.database), more)

    def gateway(self, name="ledger", store=None, wait=True):
        return Gateway(lua(self.path(name), self.up, self.up2) + (store or self.store()), wait=wait, env={"GW_TEST_PASSWORD": postgresql.PASSWORD})

    def talk(self, gw, count=8):
        for i in range(count):
            self.assertEqual(gw.chat(model=("m", "f", "d", "x" if i % 2 else "m2")[i % 4], stream=i % 2 == 0).status, 200)

    def ask(self, sql):
        return self.server.ask(self.database, sql)

    def sums(self, table):
        return self.ask("SELECT %s FROM llm_gateway.%s" % (", ".join("coalesce(sum(%s), 0)" % c for c in SUMS), table))[0]

    def check(self, *names):
        """Rows = the records before each ledger's cursor, none twice; rollups = rows."""
        total = Decimal(0)
        for name in names:
            with open(os.path.join(self.path(name), "postgres-id"), encoding="utf-8") as f:
                ((gateway, generation, next_),) = self.ask("SELECT id, generation, next FROM llm_gateway.gateways WHERE ledger = '%s'" % f.read())
            wanted = {r["number"]: r for t in ("end", "row", "late") for r in records(self.path(name), t) if r["number"] < int(next_)}
            rows = {int(n): (cost, doubt) for n, cost, doubt in self.ask(
                "SELECT number, cost_nano, doubt_nano FROM llm_gateway.usage WHERE gateway = %s AND generation = %s" % (gateway, generation))}
            self.assertEqual(set(rows), set(wanted))
            for number, (cost, doubt) in rows.items():
                record = wanted[number]
                self.assertEqual((Decimal(cost) / NANO, Decimal(doubt) / NANO), (Decimal(record.get("cost_usd", "0")), Decimal(record.get("doubt_usd", "0"))), number)
            total += sum(Decimal(r.get("cost_usd", "0")) for r in wanted.values())
            self.assertEqual(verify(self.path(name))["records"] + 1, int(next_))
        for table in ("minute", "hour", "day"):
            self.assertEqual(self.sums(table), self.sums("usage"), table)
        self.assertEqual(Decimal(self.sums("usage")[6]) / NANO, total)

    def usage(self, name="ledger", *args, store=None):
        config = self.path(name + ".lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(lua(self.path(name), self.up, self.up2) + (store or self.store()))
        said = run("usage", "-c", config, "--format", "json", *args, env={"GW_TEST_PASSWORD": postgresql.PASSWORD})
        self.assertEqual((said.code, said.err), (0, ""), said)
        return json.loads(said.out)


class Store(Case):
    def test_it_passes_the_kit(self):
        os.mkdir(self.path())
        settings = {"url": self.server.url(self.database), "password": postgresql.PASSWORD, "ledger": self.path()}
        done = subprocess.run([os.path.join(harness.BUILD, "gateway-conformance"), os.path.join(harness.BUILD, "plugins", "postgres.so"), "--settings", json.dumps(settings)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("9 passed, 0 failed", done.stdout)

    def test_each_record_is_a_row_and_in_the_rollups(self):
        for _ in range(2):
            with self.gateway() as gw:
                self.talk(gw)
                self.assertTrue(delivered(gw))
                self.assertEqual(metric(gw, "gw_store_up"), 1)
                self.talk(gw, 3)  # delivered at the end of the process
        self.check("ledger")
        for by in ("team,model", "day", "client,model", "user,project,tag,model"):
            alone = run("usage", "--path", self.path(), "--by", by, "--format", "json")
            self.assertEqual(self.usage("ledger", "--by", by), json.loads(alone.out), by)

    def test_two_gateways_share_a_database(self):
        with self.gateway("a") as a, self.gateway("b") as b:
            threads = [threading.Thread(target=self.talk, args=(gw, 40)) for gw in (a, b)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            request = a.chat(model="m").header("x-request-id")
            self.assertTrue(delivered(a) and delivered(b))
        self.check("a", "b")
        both = self.usage("a", "--by", "model")
        self.assertEqual({r["model"]: r["requests"] for r in both}, {"m": 21, "f": 20, "d": 20, "x": 20})
        self.assertEqual(self.usage("b", "--by", "model"), both)  # each gateway reports what all of them spent
        said = run("explain", request, "-c", self.path("b.lua"), env={"GW_TEST_PASSWORD": postgresql.PASSWORD})
        self.assertIn("up/real", said.out, said)

    def test_texts_of_any_kind(self):
        names = ["a'b\"; DROP TABLE llm_gateway.usage; --", "back\\slash \\u0000", "\u00e9\u20ac\U0001f600", "x" * 200]
        with self.gateway() as gw:
            for name in names:
                self.assertEqual(gw.chat(model="m", user=name).status, 200)
            self.assertTrue(delivered(gw))
        self.assertEqual({r[0] for r in self.ask('SELECT "user" FROM llm_gateway.usage')}, set(names))
        self.check("ledger")


class Away(Case):
    def test_a_server_that_dies_again_and_again(self):
        """No request fails, no row is lost, none is there twice."""
        stop = threading.Event()
        wrong = []

        def load(gw):
            while not stop.is_set():
                answer = gw.chat(model="m")
                if answer.status != 200:
                    wrong.append(answer)

        with self.gateway() as gw:
            threads = [threading.Thread(target=load, args=(gw,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                for pause in (0.5, 0.9, 0.2):
                    time.sleep(pause)
                    self.server.kill()
                    time.sleep(0.3)
                    self.server.start()
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertTrue(delivered(gw, 60))
        self.assertEqual(wrong, [])
        self.check("ledger")

    def test_a_server_that_does_not_answer(self):
        with self.gateway() as gw:
            self.talk(gw, 4)
            self.assertTrue(delivered(gw))
            for pid in self.pids():
                os.kill(pid, signal.SIGSTOP)
            try:
                self.talk(gw, 4)
                self.assertTrue(client.wait_for(lambda: metric(gw, "gw_store_up") == 0, 60))
                self.assertGreater(lag(gw), 0)
            finally:
                for pid in self.pids():
                    os.kill(pid, signal.SIGCONT)
            self.assertTrue(delivered(gw, 60))
            self.assertTrue(any("no answer within 10 s" in line for line in gw.stderr), gw.stderr)
        self.check("ledger")

    def pids(self):
        main = self.server.process.pid
        children = open("/proc/%d/task/%d/children" % (main, main), encoding="utf-8").read().split()
        return [main] + [int(c) for c in children]

    def test_a_start_without_the_server(self):
        self.server.kill()
        try:
            with self.gateway() as gw:
                self.talk(gw, 4)
                self.assertTrue(client.wait_for(lambda: metric(gw, "gw_store_up") == 0))
                self.assertTrue(any("the PostgreSQL store cannot be reached" in line for line in gw.stderr), gw.stderr)
                self.server.start()
                self.assertTrue(delivered(gw, 60))
            self.check("ledger")
        finally:
            if self.server.process.poll() is not None:
                self.server.start()


class Settings(Case):
    def refused(self, store, **env):
        config = self.path("gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(lua(self.path(), self.up, self.up2) + store)
        said = run("check", "-c", config, env=dict({"GW_TEST_PASSWORD": postgresql.PASSWORD}, **env))
        self.assertNotEqual(said.code, 0)
        return said.err + said.out

    def test_wrong_settings_name_what_to_do(self):
        url = self.server.url(self.database)
        for store, words in (
            ('store { plugin = "postgres" }', 'the setting "url" of the plugin postgres is missing'),
            ('store { plugin = "postgres", url = "%s" }' % url.replace("gw@", "gw:secret@"), 'url holds a password: take it out, and write password = env "NAME"'),
            ('store { plugin = "postgres", url = "nonsense here" }', "url is no address of a database"),
            ('store { plugin = "postgres", url = "%s", path = "x" }' % url, 'unknown setting "path" of the plugin postgres'),
            ('store { url = "%s" }' % url, 'unknown setting "url" of the plugin sqlite'),
            ('store { plugin = "postgres", url = "%s", password = env "GW_NOT_SET" }' % url, 'env "GW_NOT_SET" is not set'),
        ):
            with self.subTest(store):
                self.assertIn(words, self.refused(store))

    def test_the_password_appears_nowhere(self):
        with self.gateway() as gw:
            self.talk(gw, 2)
            self.assertTrue(delivered(gw))
        config = self.path("gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(lua(self.path(), self.up, self.up2) + self.store())
        dump = run("check", "-c", config, "--dump", env={"GW_TEST_PASSWORD": postgresql.PASSWORD})
        self.assertIn('password = env "GW_TEST_PASSWORD"', dump.out)
        for text in [dump.out, dump.err, "\n".join(gw.stderr)]:
            self.assertNotIn(postgresql.PASSWORD, text)

    def test_a_newer_schema_is_refused(self):
        with self.gateway() as gw:
            self.talk(gw, 1)
            self.assertTrue(delivered(gw))
        self.ask("UPDATE llm_gateway.meta SET version = 99")
        gw = self.gateway(wait=False)
        self.assertEqual(gw.wait(), 78)
        gw.stop(codes=(78,))
        self.assertIn("the PostgreSQL store has schema 99", "\n".join(gw.stderr))

    def test_a_database_of_another_encoding_is_refused(self):
        self.server.ask("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        gw = self.gateway(store=self.store().replace("/" + self.database, "/latin"), wait=False)
        self.assertEqual(gw.wait(), 78)
        gw.stop(codes=(78,))
        self.assertIn("encoding LATIN1", "\n".join(gw.stderr))
