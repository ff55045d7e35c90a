"""test_cli.py - the verbs: help, exit codes, suggestions, what goes to which stream; serve from start to end."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

from upstream import Upstream, reply_json
from command import BINARY, PLUGINS, Serving, environment, run

VERBS = ["serve", "check", "models", "providers", "chat", "connect", "plugin", "policy", "prices", "usage", "explain", "logs", "top", "ledger", "import", "cache", "keys", "teams", "admin", "audit", "kill", "reload", "version", "completion", "help"]
CLIENTS = ["claude", "anthropic", "openai", "openai-python", "openai-js", "curl", "langchain", "vercel", "continue", "open-webui",
           "codex", "cursor"]
KEY_DIGEST = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # of "key"


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gw-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, text, name="gateway.lua"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


class Usage(unittest.TestCase):
    def test_every_verb_has_help(self):
        overview = run("help")
        self.assertEqual((overview.code, overview.err), (0, ""))
        for verb in VERBS:
            with self.subTest(verb):
                self.assertRegex(overview.out, r"(?m)^  %s +\S" % verb)
                said = run(verb, "--help")
                self.assertEqual((said.code, said.err), (0, ""), said)
                self.assertIn("Usage: llm-gateway " + verb, said.out)
                self.assertEqual(run("help", verb).out, said.out)
                self.assertEqual(run(verb, "-h").out, said.out)
        self.assertEqual(run("--help").out, overview.out)
        self.assertEqual(sorted(re.findall(r"(?m)^  (\w+) ", overview.out)), sorted(VERBS))

    def test_what_is_unknown_gets_a_suggestion(self):
        for args, text in [
            ((), "say what to do"),
            (("srve",), 'there is no verb "srve" (did you mean "serve"?)'),
            (("help", "modles"), 'there is no verb "modles" (did you mean "models"?)'),
            (("quux",), 'there is no verb "quux"\n'),
            (("serve", "--lisen=x"), "unknown option --lisen (did you mean --listen?)"),
            (("serve", "--quux"), "unknown option --quux\n"),
            (("serve", "-q"), "unknown option -q"),
            (("check", "-cq", "-q"), "unknown option -q"),
            (("serve", "--listen"), "--listen takes a value: ADDR:PORT"),
            (("serve", "-l"), "--listen takes a value: ADDR:PORT"),
            (("serve", "--insecure=1"), "--insecure takes no value"),
            (("serve", "--help=1"), "--help takes no value"),
            (("serve", "extra"), 'unexpected argument "extra"'),
            (("serve", "--log-level=loud"), '--log-level takes error, warn, info or debug, not "loud"'),
            (("check", "--json"), "--json goes with --words"),
            (("plugin",), "it takes check FILE.so | list"),
            (("plugin", "chek", "x.so"), "it takes check FILE.so | list"),
            (("completion", "csh"), 'it takes bash, zsh or fish, not "csh"'),
            (("completion",), "it takes bash|zsh|fish"),
            (("connect", "opneai"), 'unknown client "opneai" (did you mean "openai"?)'),
            (("connect", "--frmo=sk-canary-5b1f", "curl"), "unknown option --frmo"),
        ]:
            with self.subTest(args):
                said = run(*args)
                self.assertEqual((said.code, said.out), (2, ""), said)
                self.assertIn(text, said.err)

    def test_options_may_be_written_in_every_usual_way(self):
        for args in (["-c", "/no/such"], ["-c/no/such"], ["--config", "/no/such"], ["--config=/no/such"]):
            with self.subTest(args):
                said = run("check", *args)
                self.assertEqual((said.code, said.err), (78, "/no/such: it cannot be read: No such file or directory\n"))

    def test_version(self):
        said = run("version")
        self.assertRegex(said.out, r"^llm-gateway \d+\.\d+\.\d+ \(plugin ABI 0\.\d+-draft, Lua 5\.4\.\d+\)\n$")
        self.assertEqual(run("--version").out, said.out)
        facts = json.loads(run("version", "--json").out)
        self.assertEqual(facts["abi"], {"major": 0, "minor": 1, "draft": True})
        self.assertIn(facts["version"], said.out)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            for args in (["help"], ["version"], ["check", "-T"], ["check", "--words"], ["models"], ["completion", "zsh"]):
                with self.subTest(args):
                    said = run(*args, stdout=full)
                    self.assertEqual(said.code, 1)
                    self.assertIn("cannot write: No space left on device", said.err)


class Lists(Folder):
    CONFIG = ('provider "demo" {}\nprovider "openai" {}\nmodel "fast" { "openai/x", fallback = { "demo/y" } }\n'
              'model "demo-*" { "demo/*" }\n')

    def test_models(self):
        self.write(self.CONFIG)
        said = run("models", cwd=self.folder)
        self.assertEqual((said.code, said.err), (0, ""), said)
        self.assertEqual(said.out, "fast                     openai/x (off), else demo/y\n"
                                   "demo-*                   demo/*\n")
        rows = json.loads(run("models", "--json", cwd=self.folder).out)
        self.assertEqual([row["name"] for row in rows], ["fast", "demo-*"])
        self.assertEqual(rows[0]["targets"], [{"provider": "openai", "model": "x", "fallback": False, "list": "targets", "off": True},
                                              {"provider": "demo", "model": "y", "fallback": True, "list": "fallback", "off": False}])

    def test_what_becomes_of_the_fields_of_a_request(self):
        self.write('provider "demo" {}\nprovider "anthropic" {}\nprovider "groq" {}\nmodel "a" { "anthropic/claude-opus-4-8" }\n'
                   'model "any-*" { "groq/*", fallback = { "demo/y" } }\n')
        said = run("models", "a", "--fields", cwd=self.folder)
        self.assertEqual((said.code, said.err), (0, ""), said)
        self.assertRegex(said.out, r"\Aa +anthropic/claude-opus-4-8 \(off\)\n  anthropic/claude-opus-4-8\n    \S")
        self.assertRegex(said.out, r"(?m)^    seed +dropped: \S")
        self.assertNotRegex(said.out, r"(?m) $")
        rows = json.loads(run("models", "any-x", "--fields", "--json", cwd=self.folder).out)
        self.assertEqual([(t["provider"], t["model"]) for t in rows[0]["targets"]], [("groq", "*"), ("demo", "y")])
        fields = {(f["field"], f["how"]): f for f in rows[0]["targets"][0]["fields"]}
        self.assertEqual(fields["n", "dropped"], {"field": "n", "how": "dropped", "when": None, "as": None, "why": "Groq makes one choice"})
        self.assertEqual([f["field"] for f in rows[0]["targets"][1]["fields"]], ["logprobs"])
        one = json.loads(run("models", "groq/qwen", "--json", cwd=self.folder).out)
        self.assertEqual((one[0]["name"], one[0]["targets"][0]["model"]), ("groq/qwen", "qwen"))
        for name in ("b", "groq/", "no/x"):
            said = run("models", name, "--fields", cwd=self.folder)
            self.assertEqual((said.code, said.out), (1, ""), said)
            self.assertIn('there is no model "%s"' % name, said.err)

    def test_providers(self):
        self.write(self.CONFIG)
        said = run("providers", cwd=self.folder)
        self.assertEqual(said.code, 0, said)
        self.assertRegex(said.out, r"(?m)^demo +demo +- +in use$")
        self.assertRegex(said.out, r'(?m)^openai +openai +https://api.openai.com/v1 +off: env "OPENAI_API_KEY" is not set$')
        rows = json.loads(run("providers", "--json", cwd=self.folder, env={"OPENAI_API_KEY": "sk-canary-5b1f"}).out)
        self.assertEqual(rows[1], {"name": "openai", "plugin": "openai", "base_url": "https://api.openai.com/v1",
                                   "secrets": ['env "OPENAI_API_KEY"'], "off": None})

    def test_plugins(self):
        path = os.path.join(PLUGINS, "demo.so")
        said = run("plugin", "check", path)
        self.assertEqual((said.code, said.err), (0, ""), said)
        self.assertRegex(said.out, r"(?m)^name +demo$")
        facts = json.loads(run("plugin", "check", path, "--json").out)
        self.assertEqual((facts["name"], facts["kind"]), ("demo", "provider"))

        said = run("plugin", "list")
        self.assertEqual(said.code, 0, said)
        self.assertRegex(said.out, r"(?m)^demo +\S+ +/.*/demo\.so$")
        names = [row["name"] for row in json.loads(run("plugin", "list", "--json").out)]
        self.assertIn("openai", names)

        said = run("plugin", "check", self.write("not a library", "bad.so"))
        self.assertEqual((said.code, said.out), (1, ""), said)
        self.assertIn("bad.so", said.err)
        self.assertEqual(run("plugin", "check", "/no/such.so").code, 1)

    def test_plugins_of_a_configuration(self):
        folder = os.path.join(self.folder, "mine")
        os.mkdir(folder, 0o755)
        shutil.copy(os.path.join(PLUGINS, "demo.so"), os.path.join(folder, "mine.so"))
        with open(os.path.join(folder, "bad.so"), "w") as f:
            f.write("not a library")
        config = self.write('plugins { path = "mine" }\n')
        rows = json.loads(run("plugin", "list", "--json", "-c", config).out)
        self.assertIn(os.path.join(folder, "mine.so"), [row["path"] for row in rows])
        self.assertTrue([row for row in rows if row["name"] == "bad" and "bad.so" in row["refused"]], rows)


class Connect(unittest.TestCase):
    def test_prints_settings_for_each_client(self):
        said = run("connect")
        self.assertEqual((said.code, said.out.split()), (0, CLIENTS))
        for client in CLIENTS:
            with self.subTest(client):
                said = run("connect", client, "--url=http://10.1.2.3:99/v1/", "--key=my-key", "--model=my-model")
                self.assertEqual((said.code, said.err), (0, ""), said)
                self.assertIn("http://10.1.2.3:99", said.out)
                self.assertNotIn("/v1/v1", said.out)
                self.assertIn("my-key", said.out)
                self.assertNotIn("@", said.out.replace("@ai-sdk", ""))
                self.assertIn("http://127.0.0.1:8080", run("connect", client).out)

    def test_tells_what_is_not_served_yet(self):
        for client in ("gemini",):
            said = run("connect", client)
            self.assertEqual((said.code, said.out), (1, ""), said)
            self.assertIn("this version does not serve", said.err)

    def test_knows_where_the_gateway_is_from_the_environment(self):
        self.assertIn("http://h:1/v1", run("connect", "openai", env={"GW_URL": "http://h:1"}).out)
        self.assertIn("http://127.0.0.1:5/v1", run("connect", "openai", env={"GW_LISTEN": ":5"}).out)
        self.assertIn("http://x/v1", run("connect", "openai", "--url=http://x", env={"GW_URL": "http://h:1"}).out)

    def test_settings_are_valid_where_they_can_be_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            for client in ("openai-python", "langchain"):
                compile(run("connect", client).out, client, "exec")
            script = os.path.join(folder, "x.sh")
            with open(script, "w") as f:
                f.write(run("connect", "openai").out + run("connect", "curl").out)
            subprocess.run(["sh", "-n", script], check=True, timeout=10)


class Completion(unittest.TestCase):
    def test_bash(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "completion")
            with open(path, "w") as f:
                f.write(run("completion", "bash").out)
            for words, wanted in [(["ser"], "serve"), (["serve", "--li"], "--listen"), (["plugin", "ch"], "check"),
                                  (["connect", "langc"], "langchain"), (["completion", "f"], "fish"),
                                  (["help", "mod"], "models"), (["connect", ""], "--help --url --key --model " + " ".join(CLIENTS))]:
                script = 'source "$1"; COMP_WORDS=(llm-gateway %s); COMP_CWORD=%d; _llm_gateway; echo "${COMPREPLY[@]}"' % (
                    " ".join(word or "''" for word in words), len(words))
                out = subprocess.run(["bash", "-c", script, "x", path], capture_output=True, text=True, timeout=20)
                self.assertEqual((out.stdout.strip(), out.stderr), (wanted, ""), words)

    def test_every_shell_knows_every_verb(self):
        for shell in ("bash", "zsh", "fish"):
            text = run("completion", shell).out
            for verb in VERBS:
                self.assertRegex(text, r"\b%s\b" % verb)
            self.assertIn("log-level", text)
            for client in CLIENTS:
                self.assertRegex(text, r"\b%s\b" % client)
            if shell != "bash" and shutil.which(shell):
                check = ["zsh", "-n"] if shell == "zsh" else ["fish", "--no-execute"]
                subprocess.run(check + ["/dev/stdin"], input=text, text=True, check=True, timeout=20)


class Chat(Folder):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="gw-chat-")
        path = os.path.join(cls.shared, "gateway.lua")
        with open(path, "w") as f:
            f.write('provider "demo" { tokens_per_second = 2000 }\nmodel "demo" { "demo/demo" }\n'
                    'key { sha256 = "%s", name = "test" }\n' % KEY_DIGEST)
        cls.gw = Serving("-c", path).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.gw.__exit__(None)
        shutil.rmtree(cls.shared, ignore_errors=True)

    def chat(self, *args, key="key", **more):
        return run("chat", "--url=" + self.gw.url, *args, env={"GW_KEY": key} if key else {}, **more)

    def test_prints_the_answer(self):
        for way in ((), ("--no-stream",)):
            with self.subTest(way):
                said = self.chat(*way, "hello", "there")
                self.assertEqual((said.code, said.err), (0, ""), said)
                self.assertIn("hello there", said.out)
                self.assertTrue(said.out.endswith("\n") and not said.out.endswith("\n\n"))
        self.assertEqual(self.chat("hello").out, self.chat("hello", "--no-stream").out)

    def test_prints_the_whole_answer_as_json(self):
        answer = json.loads(self.chat("--json", "hello").out)
        self.assertEqual(answer["object"], "chat.completion")

    def test_prints_the_calls_of_tools(self):
        for way in ((), ("--no-stream",)):
            said = self.chat(*way, "tool it")
            self.assertEqual((said.code, said.out, said.err), (0, 'tool call: get_weather {"city":"Paris"}\n', ""), way)

    def test_an_address_needs_no_scheme(self):
        for url in ("127.0.0.1:%d" % self.gw.port, "localhost:%d/v1" % self.gw.port):
            said = run("chat", "--url", url, "hello there", env={"GW_KEY": "key"})
            self.assertEqual((said.code, said.err), (0, ""), said)

    def test_an_empty_answer_is_named(self):
        choice = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "length"}
        up = Upstream(lambda request, out: out.send(reply_json({"choices": [choice]})))
        try:
            said = run("chat", "--no-stream", "--url=" + up.url, "hello")
        finally:
            up.stop()
        self.assertEqual((said.code, said.out), (0, ""), said)
        self.assertIn("the answer has no text and no call of a tool (finish_reason: length)", said.err)

    def test_reads_the_question_from_standard_input(self):
        for args in ((), ("-",)):
            said = self.chat(*args, stdin="from \"stdin\"\n")
            self.assertIn('from "stdin"', said.out, said)

    def test_a_long_answer_comes_whole(self):
        streamed, whole = self.chat("long"), self.chat("--no-stream", "long")
        self.assertEqual(streamed.code, 0, streamed)
        self.assertGreater(len(streamed.out), 1000)
        self.assertEqual(streamed.out, whole.out)

    def test_errors_have_their_exit_codes(self):
        said = self.chat("hello", key="wrong")
        self.assertEqual((said.code, said.out), (77, ""), said)
        self.assertIn("401 invalid_api_key", said.err)
        self.assertEqual(self.chat("hello", key=None).code, 77)
        said = self.chat("-m", "nosuch", "hello")
        self.assertEqual((said.code, said.out), (1, ""), said)
        self.assertIn("404 model_not_found", said.err)
        said = self.chat("429")
        self.assertEqual(said.code, 1, said)
        said = self.chat("break")
        self.assertEqual(said.code, 1, said)
        self.assertIn("the answer broke off", said.err)
        with open("/dev/full", "w") as full:
            self.assertEqual(self.chat("hello", stdout=full).code, 1)

    def test_no_gateway_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
            said = run("chat", "--url=http://127.0.0.1:%d" % taken.getsockname()[1], "hello")
        self.assertEqual((said.code, said.out), (69, ""), said)
        self.assertIn("no gateway answers at http://127.0.0.1:", said.err)

    def test_the_curl_line_that_is_printed_works(self):
        if shutil.which("curl") is None:
            self.skipTest("SKIPPED FOR WANT OF A PROGRAM: curl")
        printed = re.search(r"(?m)^  (curl .*)$", self.gw.err()).group(1)
        for line in (printed, run("connect", "curl", "--url=" + self.gw.url, "--key=key").out.strip()):
            out = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30,
                                 env=environment({"GW_KEY": "key"}))
            self.assertIn("hello", json.loads(out.stdout)["choices"][0]["message"]["content"], line)


class Serve(Folder):
    def test_says_where_it_listens_and_what_it_offers(self):
        with Serving(env={"OPENAI_API_KEY": "sk-canary-5b1f"}) as gw:
            gw.wait_for("OPENAI_BASE_URL")
            text = gw.err()
            self.assertTrue(text.startswith("llm-gateway: listening on http://127.0.0.1:%d\n" % gw.port), text)
            self.assertIn("curl http://127.0.0.1:%d/v1/chat/completions" % gw.port, text)
            self.assertIn("OPENAI_BASE_URL=http://127.0.0.1:%d/v1" % gw.port, text)
            self.assertRegex(text, r"(?m)^( +| +providers +)demo +answers by itself")
            self.assertRegex(text, r"(?m)^ +openai +https://api.openai.com/v1$")
            self.assertIn("gpt-*", text)
            self.assertEqual(gw.end(), 0)
            self.assertIn("draining", gw.err())
            self.assertEqual(gw.out(), "")

    def test_says_why_a_provider_is_off(self):
        config = self.write('provider "openai" {}\nprovider "demo" {}\nmodel "m" { "openai/x", "demo/y" }\n')
        with Serving("-c", config) as gw:
            self.assertIn('gateway.lua:1: provider "openai" is off: env "OPENAI_API_KEY" is not set\n', gw.err())
            self.assertIn('gateway.lua:3: model "m": the target "openai/x" is skipped: its provider is off\n', gw.err())

    def test_is_quiet_when_asked(self):
        with Serving("--log-level=warn") as gw:
            self.assertEqual(gw.err(), "llm-gateway: listening on http://127.0.0.1:%d\n" % gw.port)
            self.assertEqual(gw.end(), 0)
            self.assertNotIn("draining", gw.err())

    def test_a_flag_wins_over_the_environment_and_that_over_the_file(self):
        config = self.write('listen { address = "127.0.0.1:1", workers = 1 }\nprovider "demo" {}\n')
        with Serving(env={"GW_CONFIG": config, "GW_LISTEN": "127.0.0.2:0"}, listen=None) as gw:
            self.assertTrue(gw.url.startswith("http://127.0.0.2:"), gw.url)
        with Serving(env={"GW_CONFIG": "/no/such", "GW_LISTEN": "127.0.0.2:0"}, listen="127.0.0.3:0", cwd=self.folder,
                     *["-c", config]) as gw:
            self.assertTrue(gw.url.startswith("http://127.0.0.3:"), gw.url)
        said = run("serve", "-c", config, env={"GW_LISTEN": "nonsense"})
        self.assertEqual(said.code, 78)
        self.assertIn("GW_LISTEN: address takes ADDRESS:PORT", said.err)
        said = run("serve", "-c", config, "--listen=nonsense")
        self.assertIn("--listen: address takes ADDRESS:PORT", said.err)

    def test_takes_gateway_lua_where_it_is_started(self):
        self.write('listen { workers = 1 }\nprovider "demo" {}\nmodel "here" { "demo/x" }\n')
        with Serving(cwd=self.folder) as gw:
            self.assertRegex(gw.err(), r"(?m)^  models +here;")

    def test_refuses_an_open_address_without_keys(self):
        for address in ("0.0.0.0:0", ":0", "[::]:0"):
            said = run("serve", "--listen=" + address)
            self.assertEqual((said.code, said.out), (78, ""), said)
            self.assertIn("no key is declared", said.err)
            self.assertIn("--insecure", said.err)
        with Serving("--insecure", listen="0.0.0.0:0") as gw:
            gw.wait_for("OPENAI_BASE_URL")
            self.assertIn("curl http://127.0.0.1:%d/" % gw.port, gw.err())
        config = self.write('provider "demo" {}\nkey { sha256 = "%s" }\n' % KEY_DIGEST)
        with Serving("-c", config, listen="0.0.0.0:0") as gw:
            gw.wait_for("OPENAI_BASE_URL")
            self.assertIn('-H "Authorization: Bearer $GW_KEY"', gw.err())

    def test_a_port_in_use_is_an_error(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            said = run("serve", "--listen=127.0.0.1:%d" % taken.getsockname()[1])
        self.assertEqual((said.code, said.out), (1, ""), said)
        self.assertIn("127.0.0.1", said.err)

    def test_a_bad_configuration_never_listens(self):
        said = run("serve", "-c", self.write("listen { wrokers = 1 }\n"))
        self.assertEqual(said.code, 78)
        self.assertNotIn("listening", said.err)

    def test_a_bad_certificate_is_a_bad_configuration(self):
        pem = self.write("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "x.pem")
        said = run("serve", "--listen=127.0.0.1:0", "-c", self.write('listen { tls = { cert = file "x.pem", key = file "x.pem" } }\n'))
        self.assertEqual(said.code, 78, said)
        self.assertTrue(os.path.exists(pem))

    def test_goes_on_after_signals(self):
        with Serving() as gw:
            for number, name in ((signal.SIGHUP, "a new configuration is in use"), (signal.SIGUSR1, "SIGUSR1"), (signal.SIGPIPE, None)):
                gw.process.send_signal(number)
                if name:
                    gw.wait_for(name)
            self.assertEqual(run("chat", "--url=" + gw.url, "hello").code, 0)

    def test_lets_a_stream_end_after_a_signal(self):
        config = self.write('listen { workers = 1 }\nprovider "demo" { tokens_per_second = 40, long_words = 40 }\n'
                            'model "demo" { "demo/x" }\n')
        with Serving("-c", config) as gw:
            chat = subprocess.Popen([BINARY, "chat", "--url=" + gw.url, "long"], env=environment(), text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            first = chat.stdout.read(1)
            gw.process.send_signal(signal.SIGTERM)
            rest, err = chat.communicate(timeout=60)
            self.assertEqual((chat.returncode, err), (0, ""))
            self.assertGreater(len((first + rest).split()), 30)
            self.assertEqual(gw.end(0), 0)

    def test_a_second_signal_ends_what_runs(self):
        config = self.write('listen { workers = 2 }\nprovider "demo" { tokens_per_second = 2, long_words = 1000 }\n'
                            'model "demo" { "demo/x" }\n')
        with Serving("-c", config) as gw:
            chat = subprocess.Popen([BINARY, "chat", "--url=" + gw.url, "long"], env=environment(), text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            chat.stdout.read(1)
            gw.process.send_signal(signal.SIGTERM)
            gw.wait_for("draining: 1 requests in flight")
            self.assertIsNone(gw.process.poll())
            start = time.monotonic()
            gw.process.send_signal(signal.SIGINT)
            self.assertEqual(gw.process.wait(timeout=60), 1)
            self.assertLess(time.monotonic() - start, 15)
            self.assertIn("cutting 1 requests in flight", gw.err())
            chat.communicate(timeout=60)
            self.assertEqual(chat.returncode, 1)

    def test_does_not_wait_for_an_upstream_that_never_answers(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            crowd = []
            for _ in range(4):  # what does not fit into its queue gets no answer at all
                crowd.append(socket.socket())
                crowd[-1].setblocking(False)
                crowd[-1].connect_ex(full.getsockname())
            config = self.write('listen { workers = 1 }\nmodel "m" { "up/x", timeout = { connect_s = 60 } }\n'
                                'provider "up" { plugin = "openai", base_url = "http://127.0.0.1:%d" }\n' % full.getsockname()[1])
            with Serving("-c", config) as gw:
                body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
                with socket.create_connection(("127.0.0.1", gw.port), timeout=30) as client:
                    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                    time.sleep(0.5)
                start = time.monotonic()
                self.assertEqual(gw.end(), 0)
                self.assertLess(time.monotonic() - start, 20)
                self.assertEqual(json.loads(gw.out())["model"], "m")
            for s in crowd:
                s.close()

    def test_leaves_no_core_and_takes_the_descriptors_it_may(self):
        with Serving() as gw:
            with open("/proc/%d/limits" % gw.process.pid) as f:
                limits = f.read()
            files = re.search(r"Max open files +(\S+) +(\S+)", limits)
            self.assertEqual(files.group(1), files.group(2))
            self.assertRegex(limits, r"Max core file size +0 +0 ")
        with Serving(env={"GW_CORE": "1"}) as gw, open("/proc/self/limits") as own, \
                open("/proc/%d/limits" % gw.process.pid) as f:
            line = re.compile(r"Max core file size.*")
            self.assertEqual(line.search(f.read()).group(), line.search(own.read()).group())

    def test_warns_when_few_descriptors_are_allowed(self):
        command = 'ulimit -n 200; exec "$0" serve --listen=127.0.0.1:0'
        process = subprocess.Popen(["sh", "-c", command, BINARY], cwd=self.folder, env=environment(), text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.assertIn("only 200 open files are allowed", process.stderr.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

    def test_plugins_that_others_can_change_are_refused(self):
        os.chmod(self.folder, 0o755)
        shutil.copy(os.path.join(PLUGINS, "demo.so"), os.path.join(self.folder, "mine.so"))
        os.chmod(os.path.join(self.folder, "mine.so"), 0o666)
        config = self.write('plugins { path = "." }\nprovider "mine" {}\n')
        said = run("check", "-c", config)
        self.assertEqual(said.code, 78, said)
        self.assertIn("gateway.lua:2: provider \"mine\": ", said.err)
        self.assertIn("mine.so", said.err)
        os.chmod(os.path.join(self.folder, "mine.so"), stat.S_IRUSR | stat.S_IWUSR)
        said = run("check", "-c", config)  # others cannot, but the file has a name that is not the plugin's
        self.assertEqual(said.code, 78, said)
        self.assertIn('mine.so calls itself "demo": name the file demo.so', said.err)


if __name__ == "__main__":
    unittest.main()
