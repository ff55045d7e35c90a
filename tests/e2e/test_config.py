"""test_config.py - gateway.lua from outside: check, -T, --words, files and variables, no file, no secret in any output."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

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
        self.assertEqual(said.err, "llm-gateway: gateway.lua is all right (providers: 1, models: 1, teams: 2, keys: 0)\n"
                                   "  providers  demo             answers by itself\n")

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

    def test_a_service_that_is_served_in_openais_form_only(self):
        said = self.check('provider "google" {}\n')
        self.assertEqual(said.code, 78)
        form = re.search(r'served by (provider "google" \{.*\})\n', said.err).group(1)
        self.assertIn("generativelanguage.googleapis.com/v1beta/openai", form)
        said = self.check(form + "\n", "--strict", env={"GEMINI_API_KEY": SECRET})
        self.assertEqual(said.code, 0, said)

    def test_a_key_that_is_written_down(self):
        for name in ("key", "api_key", "secret"):
            said = self.check('key { %s = "%s", name = "bot" }\n' % (name, SECRET))
            self.assertEqual(said.code, 78)
            self.assertIn('gateway.lua:1: key: unknown setting "%s": a key is written as the 64 hex digits of its digest, '
                          'sha256 = "...": printf %%s KEY | sha256sum\n' % name, said.err)

    def test_takes_the_file_without_a_letter_too(self):
        self.write('provider "demo" {}\n', "other.lua")
        self.assertIn("other.lua is all right", run("check", "other.lua", cwd=self.folder).err)
        self.assertIn("other.lua is all right", run("check", "other.lua", cwd=self.folder, env={"GW_CONFIG": "no.lua"}).err)
        self.assertEqual(run("check", "-c", "other.lua", "other.lua", cwd=self.folder).code, 2)

    def test_settings_of_a_plugin(self):
        said = self.check('provider "demo" { tokens_per_secnd = 5 }\n')
        self.assertEqual(said.err, 'gateway.lua:1: provider "demo": unknown setting "tokens_per_secnd" '
                                   '(did you mean "tokens_per_second"?)\n')
        self.assertEqual(self.check('provider "demo" { tokens_per_second = "fast" }\n').code, 78)
        self.assertEqual(self.check('provider "demo" { tokens_per_second = 5 }\n').code, 0)

    def test_a_folder_of_plugins_that_is_not_there(self):
        said = self.check('plugins { path = "no/such" }\n')
        self.assertEqual(said.code, 0)
        self.assertIn("gateway.lua:1: warning: plugins: path: ./no/such is not a folder\n", said.err)

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
                       'provider "p" { plugin = "demo", price = "free" }\n'
                       'model "p" { { "p/x", price = { request_usd = 0.07, output_usd_per_mtok = "0.123456789" } }, fallback = { { "demo/z", price = "free" } } }\n'
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
            for env in ({}, dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), SECRET)):
                with self.subTest(path, env=env):
                    said = run("check", "--strict", "-c", path, env=env)
                    self.assertEqual(said.code, 0, said)
                    self.assertEqual(bool(env), "is off" not in said.err, said)

    def test_no_model_falls_back_to_the_demo_provider(self):
        """It answers 200 when a provider is down: no example for people to copy."""
        for path in self.files():
            for model in json.loads(run("models", "--json", "-c", path).out):
                for target in model["targets"]:
                    self.assertFalse(target["provider"] == "demo" and model["name"] != "demo", (path, model))

    def test_the_main_one_answers_without_a_key(self):
        with Serving("-c", os.path.join(ROOT, "gateway.lua")) as gw:
            said = run("chat", "--url=" + gw.url, "-m", "demo", "hello there")
            self.assertEqual(said.code, 0, said)
            self.assertIn("hello there", said.out)

    def test_luacheck_finds_nothing(self):
        if shutil.which("luacheck") is None:
            self.skipTest("SKIPPED FOR WANT OF A PROGRAM: luacheck")
        done = subprocess.run(["luacheck", "--no-color", *self.files()], cwd=ROOT, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_main_one_explains_every_word(self):
        with open(os.path.join(ROOT, "gateway.lua"), encoding="utf-8") as f:
            text = f.read()
        for row in json.loads(run("check", "--words", "--json").out):
            self.assertRegex(text, r"\b%s\b" % row["word"])


class FirstKeys(unittest.TestCase):
    """With a provider's usual key in the environment its models are served, with the gateway.lua of this repository
    as without a configuration. What is asked here is answered by the gateway itself, once the model has a provider."""

    OPENAI = ("gpt-4o-mini", "gpt-5", "chatgpt-4o-latest", "o3-mini", "text-embedding-3-small", "whisper-1")

    def status(self, gw, path, model):
        body = json.dumps({"model": model, "input": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
        asked = urllib.request.Request(gw.url + path, body.encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.headers.get("x-gw-estimated")
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["error"]["message"]

    def check(self, gw, openai, anthropic):
        for model in self.OPENAI:  # OpenAI cannot count tokens, so the gateway estimates
            status, said = self.status(gw, "/v1/messages/count_tokens", model)
            if openai:
                self.assertEqual((status, said), (200, "true"), model)
            else:
                self.assertNotEqual(status, 200, model)
        status, said = self.status(gw, "/v1/embeddings", "claude-sonnet-4-5")
        self.assertEqual("is served by a provider that does not have" in said, anthropic, said)

    def test_are_enough(self):
        for args in ((), ("-c", os.path.join(ROOT, "gateway.lua"))):
            for openai, anthropic in ((True, True), (True, False), (False, True)):
                env = {**({"OPENAI_API_KEY": SECRET} if openai else {}), **({"ANTHROPIC_API_KEY": SECRET} if anthropic else {})}
                with self.subTest(args, env=list(env)), Serving(*args, env=env) as gw:
                    self.check(gw, openai, anthropic)

    def test_families_are_the_same_with_the_file_and_without(self):
        described = {name: json.loads(run("plugin", "check", os.path.join(PLUGINS, name + ".so"), "--json").out)
                     for name in ("openai", "anthropic")}
        listed = json.loads(run("models", "--json", "-c", os.path.join(ROOT, "gateway.lua")).out)
        for name, plugin in described.items():
            families = [model["name"] for model in listed if model["targets"] == [
                {"provider": name, "model": "*", "fallback": False, "list": "targets", "off": True}]]
            self.assertEqual(families, plugin["models"].split())

    def test_the_start_names_the_file_and_each_provider_with_its_reason(self):
        env = {"OPENAI_API_KEY": SECRET, "GROQ_API_KEY": SECRET}
        with Serving(cwd=ROOT, env=env) as gw:
            gw.wait_for("OPENAI_BASE_URL")
            said = gw.err()
        self.assertIn("\n  file       %s\n" % os.path.join(ROOT, "gateway.lua"), said)
        check = run("check", cwd=ROOT, env=env).err
        for text in (said, check):
            self.assertRegex(text, r"(?m)^ +openai +https://api\.openai\.com/v1$")
            self.assertRegex(text, r'(?m)^ +anthropic +off: env "ANTHROPIC_API_KEY" is not set$')
            self.assertIn('gateway.lua: GROQ_API_KEY is in the environment, and no provider here uses it: '
                          'provider "groq" {}\n', text)
            self.assertNotIn("OPENAI_API_KEY is in the environment", text)
        with Serving(env=env) as gw:
            gw.wait_for("OPENAI_BASE_URL")
            self.assertIn("\n  file       none: every provider whose key is in the environment\n", gw.err())
            self.assertRegex(gw.err(), r"(?m)^ +groq +https://")


class Slips(Folder):
    """What check says of a file that is read, and most likely means something else."""

    def said(self, text, **env):
        return run("check", "-c", self.write(text), env=env).err

    def test_what_is_said_of_slips(self):
        for text, env, wanted in (
            ('provider "openai" { base_url = "https://h.example/v1" }', {"OPENAI_API_KEY": SECRET},
             'OPENAI_API_KEY is in the environment, and provider "openai" does not send it, as its base_url is not the '
             'usual one: where it is meant, say secret = env "OPENAI_API_KEY"'),
            ('provider "openai" { base_url = "https://h.example/v1", secret = env "OPENAI_API_KEY" }', {"OPENAI_API_KEY": SECRET}, None),
            ('provider "gemini" { base_url = "https://generativelanguage.googleapis.com" }', {},
             'services of this kind have /v1beta: write "https://generativelanguage.googleapis.com/v1beta"'),
            ('provider "groq" { base_url = "https://api.groq.com" }', {},
             'services of this kind have /openai/v1: write "https://api.groq.com/openai/v1"'),
            ('provider "openai" {}', {"OPENAI_API_KEY": "\ufeff" + SECRET}, "holds characters that no key has"),
            ('provider "demo" {} model "m" { { "demo/demo" }, timeout = { time_first = 3 } }', {},
             'timeout: unknown setting "time_first" (llm-gateway check --words lists them)'),
        ):
            with self.subTest(text):
                said = self.said(text, **env)
                if wanted is None:
                    self.assertNotIn("in the environment", said)
                else:
                    self.assertIn(wanted, said)


class Refused(Folder):
    """check refuses what serve refuses, with the same words."""

    def both(self, text, *args, env=None):
        path = self.write(text)
        check, serve = run("check", *args, "-c", path, env=env), run("serve", *args, "-c", path, env=env)
        self.assertEqual((check.code, serve.code), (78, 78), (check, serve))
        self.assertEqual(check.err.splitlines()[-1], serve.err.splitlines()[-1].replace("error: ", ""))
        return check.err

    def test_an_address_that_others_reach_without_keys(self):
        demo = 'provider "demo" {}\n'
        self.assertIn("no key is declared", self.both('listen { address = ":0" }\n' + demo))
        self.assertIn("no key is declared", self.both(demo, "--listen=:0"))
        self.assertIn("no key is declared", self.both(demo, env={"GW_LISTEN": "[::]:0"}))
        self.assertEqual(self.check(demo, "--listen=:0", "--insecure").code, 0)

    def test_a_certificate_that_cannot_be_used(self):
        self.write("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n", "both.pem")
        said = self.both('listen { address = "127.0.0.1:0", tls = { cert = file "both.pem", key = file "both.pem" } }\n')
        self.assertIn("listen: tls: cert holds no certificate that can be read", said)

    def test_warnings_when_asked_to_be_strict(self):
        text = 'provider "local" { plugin = "openai", base_url = "http://127.0.0.1:9" }\n'
        said = self.check(text)
        self.assertEqual(said.code, 0, said)
        self.assertIn('gateway.lua:1: warning: provider "local": base_url has no path', said.err)
        strict = self.check(text, "--strict")
        self.assertEqual(strict.code, 78, strict)
        self.assertIn("1 warnings, and --strict was given", strict.err)
        self.assertEqual(self.check('provider "demo" {}\nprovider "openai" {}\n', "--strict").code, 0, "off is no warning")

    def test_of_anthropics_version(self):
        said = self.check('provider "anthropic" { base_url = "https://api.anthropic.com/v1", secret = env "K" }\n')
        self.assertIn('write "https://api.anthropic.com"\n', said.err)


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
