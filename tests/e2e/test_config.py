"""test_config.py - gateway.lua from outside: check, -T, --words, files and variables, no file, no secret in any output."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from command import PLUGINS, ROOT, SECRET, Serving, run


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gw-config-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, text, name="gateway.lua", mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def check(self, text, *args, **more):
        self.write(text)
        return run("check", *args, cwd=self.folder, **more)


class Check(Folder):
    def test_a_good_file(self):
        said = self.check('provider "demo" {}\nmodel "a" { "demo/x" }\nteam "t" {}\n')
        self.assertEqual((said.code, said.out), (0, ""), said)
        self.assertEqual(said.err, "llm-gateway: gateway.lua is all right (providers: 1, models: 1, teams: 2, keys: 0)\n")

    def test_says_everything_that_is_wrong(self):
        said = self.check('provider "openai" { api_kye = env "X" }\n\nmodel "fast" { "opnai/x" }\nlisten { wrokers = 2 }\n')
        self.assertEqual((said.code, said.out), (78, ""), said)
        self.assertEqual(said.err, 'gateway.lua:1: provider "openai": unknown setting "api_kye" (did you mean "secret"?)\n'
                                   'gateway.lua:3: model "fast": there is no provider "opnai" (did you mean "openai"?)\n'
                                   'gateway.lua:4: listen: unknown setting "wrokers" (did you mean "workers"?)\n')

    def test_names_the_file_as_it_was_given(self):
        path = self.write("listen {\n", "other.lua")
        self.assertTrue(run("check", "-c", path).err.startswith(path + ":2: "))
        self.assertTrue(run("check", "-c", "./other.lua", cwd=self.folder).err.startswith("./other.lua:2: "))
        self.assertTrue(run("check", cwd=self.folder, env={"GW_CONFIG": "other.lua"}).err.startswith("other.lua:2: "))
        self.assertEqual(run("check", "-c", self.folder).err, self.folder + ": it cannot be read: Is a directory\n")

    def test_a_plugin_that_is_not_there(self):
        said = self.check('provider "opneai" {}\nplugins { "nix" }\n')
        self.assertEqual(said.code, 78)
        self.assertRegex(said.err, r'gateway\.lua:1: provider "opneai": there is no plugin "opneai"; did you mean "openai"\?')
        self.assertRegex(said.err, r'gateway\.lua:2: plugins: there is no plugin "nix"')

    def test_settings_of_a_plugin(self):
        said = self.check('provider "demo" { tokens_per_secnd = 5 }\n')
        self.assertEqual(said.err, 'gateway.lua:1: provider "demo": unknown setting "tokens_per_secnd" '
                                   '(did you mean "tokens_per_second"?)\n')
        self.assertEqual(self.check('provider "demo" { tokens_per_second = "fast" }\n').code, 78)
        self.assertEqual(self.check('provider "demo" { tokens_per_second = 5 }\n').code, 0)

    def test_a_folder_of_plugins_that_is_not_there(self):
        said = self.check('plugins { path = "no/such" }\n')
        self.assertEqual(said.code, 0)
        self.assertIn("gateway.lua:1: plugins: path: ./no/such is not a folder\n", said.err)

    def test_files_are_beside_the_configuration(self):
        self.write(SECRET + "\n", "key.txt")
        self.write('provider "openai" { secret = file "key.txt" }\n')
        said = run("check", "-c", os.path.join(self.folder, "gateway.lua"))
        self.assertEqual(said.code, 0, said)
        self.assertNotIn("off", said.err)

    def test_an_endless_loop_is_an_error(self):
        said = self.check("\nwhile true do end\n")
        self.assertEqual((said.code, said.err),
                         (78, "gateway.lua:2: it ran for more than a second: an endless loop?\n"))

    def test_print_talks_on_stderr(self):
        said = self.check('print("hello", env "HOME")\n')
        self.assertEqual((said.code, said.out), (0, ""))
        self.assertIn("gateway.lua:1: hello <secret>\n", said.err)


class Secrets(Folder):
    """run() fails whenever the canary shows up; here are the places where it could."""

    def test_no_command_prints_one(self):
        self.write('provider "a" { plugin = "openai", secret = env "CANARY", headers = { ["X-Y"] = env "CANARY" } }\n'
                   'provider "b" { plugin = "openai", secrets = { file "key.txt", env "UNSET" } }\nmodel "m" { "a/x" }\n')
        self.write(SECRET + "\n", "key.txt")
        env = {"CANARY": SECRET}
        for args in (["check"], ["check", "-T"], ["models"], ["models", "--json"], ["providers"], ["providers", "--json"]):
            with self.subTest(args):
                said = run(*args, cwd=self.folder, env=env)
                self.assertEqual(said.code, 0, said)
        dump = run("check", "-T", cwd=self.folder, env=env).out
        self.assertIn('secrets = { env "CANARY" },', dump)
        self.assertIn('secrets = { file "key.txt", env "UNSET" },', dump)
        self.assertIn('headers = { ["X-Y"] = env "CANARY" },', dump)
        with Serving("-c", os.path.join(self.folder, "gateway.lua"), env=env) as gw:
            gw.wait_for("OPENAI_BASE_URL")

    def test_no_complaint_prints_one(self):
        for text in ('provider "openai" { secret = "%s" }', 'provider "openai" { secrets = { "%s" } }',
                     'provider "openai" { secret = env "%s" }', 'provider "openai" { secret = file "%s',
                     'provider "openai" { headers = { Authorization = "Bearer %s" } }',
                     'provider "openai" { base_url = "https://x:%s@example.com" }', 'key { sha256 = "%s" }',
                     'provider "openai" { secret = "%s" .. nil }', 'local x = "%s" + 1', 'local x = "%s" "x"'):
            with self.subTest(text):
                self.assertEqual(self.check(text % SECRET).code, 78)

    def test_a_secret_with_a_line_inside_is_refused(self):
        said = self.check('provider "openai" { secret = env "CANARY" }\n', env={"CANARY": SECRET + "\nX-Evil: 1"})
        self.assertEqual(said.code, 78)
        self.assertIn('env "CANARY" holds a control character', said.err)


class Dump(Folder):
    def test_loads_again_to_the_same(self):
        self.write(SECRET, "key.txt")
        for source in ["", 'provider "demo" { latency_ms = 5 }\nprovider "o" { plugin = "openai", secret = file "key.txt" }\n'
                       'model "m" { "demo/x", "o/*", timeout = { idle_s = 0.5 }, fallback = { "demo/y" } }\n'
                       'limits { body_mb = 0.1 }\nkey { sha256 = "%s", expires = "2030-06-01" }\n' % ("ab" * 32)]:
            first = self.check(source, "-T")
            self.assertEqual(first.code, 0, first)
            self.write(first.out, "again.lua")
            again = run("check", "-T", "-c", "again.lua", cwd=self.folder)
            self.assertEqual(again.out.splitlines()[1:], first.out.splitlines()[1:], again)

    def test_of_no_file_at_all(self):
        said = run("check", "-T")
        self.assertEqual(said.code, 0, said)
        self.assertIn("-- the built-in configuration, with every default\n", said.out)
        self.assertIn('model "demo" {\n    { "demo/demo" },\n', said.out)
        self.assertIn('address = "127.0.0.1:8080"', said.out)
        self.assertRegex(said.out, r'-- off: env "OPENAI_API_KEY" is not set\nprovider "openai" \{')
        self.assertNotIn('-- off: env "OPENAI_API_KEY"', run("check", "-T", env={"OPENAI_API_KEY": SECRET}).out)


class Words(unittest.TestCase):
    def test_are_the_same_in_both_forms(self):
        rows = json.loads(run("check", "--words", "--json").out)
        text = run("check", "--words").out
        for row in rows:
            self.assertIn(row["help"], text)
            self.assertIn(row.get("setting", row["word"]), text)
        named = {(row["word"], row.get("setting")) for row in rows}
        for row in (("listen", "address"), ("provider", "secrets"), ("model", "timeout.first_token_s"), ("limits", "drain_s"),
                    ("key", "sha256"), ("team", "models"), ("plugins", "path"), ("env", None), ("file", None)):
            self.assertIn(row, named)

    def test_are_those_that_the_editor_knows(self):
        words = {row["word"] for row in json.loads(run("check", "--words", "--json").out)}
        with open(os.path.join(ROOT, ".luacheckrc"), encoding="utf-8") as f:
            listed = set(re.findall(r'"(\w+)"', f.read()))
        self.assertLessEqual(words, listed)


class Shipped(unittest.TestCase):
    """The configurations that come with the gateway."""

    def files(self):
        return [os.path.join(ROOT, "gateway.lua")] + sorted(glob.glob(os.path.join(ROOT, "examples", "*", "gateway.lua")))

    def test_are_right_with_and_without_keys(self):
        self.assertGreaterEqual(len(self.files()), 3)
        for path in self.files():
            for env in ({}, {"OPENAI_API_KEY": SECRET}):
                with self.subTest(path, env=env):
                    said = run("check", "-c", path, env=env)
                    self.assertEqual(said.code, 0, said)
                    self.assertEqual(bool(env), "is off" not in said.err, said)

    def test_the_main_one_answers_without_a_key(self):
        with Serving("-c", os.path.join(ROOT, "gateway.lua")) as gw:
            for model in ("demo", "fast"):
                said = run("chat", "--url=" + gw.url, "-m", model, "hello there")
                self.assertEqual(said.code, 0, said)
                self.assertIn("hello there", said.out)

    def test_luacheck_finds_nothing(self):
        if shutil.which("luacheck") is None:
            self.skipTest("SKIPPED FOR WANT OF A PROGRAM: luacheck")
        done = subprocess.run(["luacheck", "--no-color", "--config", os.path.join(ROOT, ".luacheckrc"), *self.files()],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_main_one_explains_every_word(self):
        with open(os.path.join(ROOT, "gateway.lua"), encoding="utf-8") as f:
            text = f.read()
        for row in json.loads(run("check", "--words", "--json").out):
            self.assertRegex(text, r"\b%s\b" % row["word"])


class NoFile(unittest.TestCase):
    def test_finds_every_provider_that_needs_no_more_than_its_key(self):
        rows = json.loads(run("providers", "--json").out)
        self.assertIn("demo", [row["name"] for row in rows])
        self.assertTrue(os.path.isdir(PLUGINS))
        openai = [row for row in rows if row["name"] == "openai"][0]
        self.assertEqual(openai["off"], 'env "OPENAI_API_KEY" is not set')
        rows = json.loads(run("providers", "--json", env={"OPENAI_API_KEY": SECRET}).out)
        self.assertIsNone([row for row in rows if row["name"] == "openai"][0]["off"])
        self.assertEqual([row["name"] for row in json.loads(run("models", "--json").out)], ["demo"])


if __name__ == "__main__":
    unittest.main()
