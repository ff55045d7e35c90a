"""test_import.py - LiteLLM's config.yaml becomes gateway.lua: shapes as its documentation has them, imported, checked, served and asked."""

import hashlib
import os
import tempfile
import unittest

import upstream
from command import run
from harness import Gateway

BALANCED = """
model_list:
  - model_name: gpt-4o            # two deployments under one name
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: "%(azure)s"
      api_key: "os.environ/AZURE_API_KEY_EU"
      rpm: 6
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-ca
      api_base: %(azure)s
      api_key: "os.environ/AZURE_API_KEY_CA"
      rpm: 18
  - model_name: vllm-models
    litellm_params:
      model: openai/facebook/opt-125m
      api_base: %(openai)s
      api_key: none
      rpm: 1440
    model_info: {version: 2}
  - model_name: "*"
    litellm_params: {model: "*"}
litellm_settings:
  drop_params: True
  success_callback: ["langfuse"]
general_settings:
  master_key: sk-1234
  alerting: ["slack"]
"""
FALLBACKS = """
model_list:
  - &zephyr
    model_name: zephyr-beta
    litellm_params: {model: openai/zephyr, api_base: "%(down)s", api_key: os.environ/UP_KEY}
  - model_name: small
    litellm_params: {model: openai/small, api_base: "%(openai)s", api_key: os.environ/UP_KEY, timeout: 30, stream_timeout: 5.5}
  - model_name: large
    litellm_params:
      model: openai/large
      api_base: "%(openai)s"
      api_key: os.environ/UP_KEY
      input_cost_per_token: 0.0000025
      output_cost_per_token: 1.0e-05
litellm_settings:
  num_retries: 1
  request_timeout: 10
  fallbacks: [{"zephyr-beta": ["small"]}]
  context_window_fallbacks: [{"small": ["large"]}]
  default_fallbacks: ["large", "nobody"]
  cache: true
  cache_params: {type: redis, host: localhost}
"""
ROUTED = """
model_list:
  - {model_name: m, litellm_params: {model: openai/a, api_base: "%(openai)s", api_key: sk-in-the-file-1, max_parallel_requests: 5}}
  - {model_name: m, litellm_params: {model: openai/b, api_base: "%(openai)s", api_key: sk-in-the-file-2, region_name: eu}}
router_settings:
  routing_strategy: latency-based-routing
  model_group_alias: {"alias": "m", "lost": "nobody"}
  redis_host: os.environ/REDIS_HOST
environment_variables: {REDIS_HOST: x}
"""
PROVIDERS = """
model_list:
  - {model_name: claude, litellm_params: {model: anthropic/claude-haiku-4-5, api_key: os.environ/ANTHROPIC_API_KEY, api_base: "%(anthropic)s"}}
  - {model_name: bedrock-claude, litellm_params: {model: bedrock/anthropic.claude-instant-v1, aws_region_name: us-west-2}}
  - {model_name: flash, litellm_params: {model: gemini/gemini-2.5-flash, api_key: os.environ/GEMINI_API_KEY}}
  - {model_name: groq-llama, litellm_params: {model: groq/llama-3.3-70b-versatile}}
  - {model_name: local, litellm_params: {model: ollama/llama3, api_base: "http://127.0.0.1:11434"}}
  - {model_name: plain, litellm_params: {model: gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, temperature: 0.2}}
  - {model_name: command, litellm_params: {model: cohere_chat/command-r, api_key: os.environ/CO_KEY}}
  - {model_name: command2, litellm_params: {model: cohere/command-a}}
  - {model_name: odd, litellm_params: {model: sagemaker/jumpstart}}
  - {model_name: vertex, litellm_params: {model: vertex_ai/gemini-pro}}
"""
FAMILY = """
model_list:
  - model_name: "openai/*"
    litellm_params: {model: "openai/*", api_key: os.environ/UP_KEY, api_base: "%(openai)s"}
  - model_name: "we\\"ird}name"
    litellm_params: {model: "openai/x\\"y", api_key: os.environ/UP_KEY, api_base: "%(openai)s"}
"""


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.down = upstream.Upstream([upstream.reply(503, b"{}", [("Content-Type", "application/json")])] * 20)
        cls.addClassCleanup(cls.up.stop)
        cls.addClassCleanup(cls.down.stop)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def bring(self, text, **env):
        """The gateway.lua, and what was reported; a gateway would take it without a warning of a wrong word."""
        base = self.up.url[:-3]
        said = run("import", "litellm", self.path("config.yaml", text % {"azure": base, "openai": self.up.url, "down": self.down.url, "anthropic": base}), env=env)
        self.assertEqual(said.code, 0, said)
        check = run("check", "-c", self.path("gateway.lua", said.out), env=dict({"UP_KEY": "k"}, **env))
        self.assertEqual(check.code, 0, check.err + check.out + said.out)
        return said.out, said.err

    def serve(self, lua, **env):
        return Gateway(lua.replace('path = "ledger"', 'path = "%s/ledger"' % self.folder.name), env=env)

    def test_two_deployments_and_the_master_key(self):
        lua, notes = self.bring(BALANCED)
        for words in ("litellm_settings.success_callback is not carried", "general_settings.alerting is not carried", 'model "*": clients ask for PROVIDER/MODEL'):
            self.assertIn(words, notes)
            self.assertIn(words, lua)
        self.assertNotIn("sk-1234", lua)
        self.assertIn(hashlib.sha256(b"sk-1234").hexdigest(), lua)
        self.assertIn('{ "azure/gpt-4o-eu", weight = 6 }, { "azure2/gpt-4o-ca", weight = 18 },', lua)
        with self.serve(lua, AZURE_API_KEY_EU="a", AZURE_API_KEY_CA="b") as gw:
            key = [("Authorization", "Bearer sk-1234")]
            self.assertEqual(gw.chat(model="gpt-4o").status, 401)
            for model in ("gpt-4o", "vllm-models"):
                self.assertEqual(gw.chat(model=model, headers=key).status, 200)

    def test_fallbacks_times_prices_and_the_cache(self):
        lua, notes = self.bring(FALLBACKS)
        for words in ('fallback = { { "openai2/small" } }', 'on_context_overflow = { { "openai2/large"', "total_s = 30, first_token_s = 5.5", "timeout = { total_s = 10 }",
                      "retry = { attempts = 2 }", "price = { input_usd_per_mtok = 2.5, output_usd_per_mtok = 10 }", "cache {}"):
            self.assertIn(words, lua)
        self.assertIn("litellm_settings.cache_params is not carried", notes)
        self.assertIn('fallbacks names "nobody", which is not carried', notes)
        with self.serve(lua) as gw:
            self.assertEqual([gw.chat(model=m).status for m in ("zephyr-beta", "small", "large")], [200] * 3)

    def test_strategy_alias_and_secrets_in_the_file(self):
        lua, notes = self.bring(ROUTED)
        self.assertNotIn("sk-in-the-file", lua + notes)
        self.assertIn('secret = env "LITELLM_KEY_1"', lua)
        self.assertIn("set the variable LITELLM_KEY_2 to it", notes)
        self.assertEqual(lua.count('strategy = "lowest_latency"'), 2)
        self.assertIn("max_in_flight = 5", lua)
        self.assertIn('region = "eu"', lua)
        self.assertIn('model_group_alias: "lost" names a model that is not carried', notes)
        with self.serve(lua, LITELLM_KEY_1="a", LITELLM_KEY_2="b") as gw:
            self.assertEqual([gw.chat(model=m).status for m in ("m", "alias", "lost")], [200, 200, 404])

    def test_each_provider_has_its_plugin(self):
        lua, notes = self.bring(PROVIDERS, ANTHROPIC_API_KEY="a")
        for words in ('provider "anthropic"', 'provider "bedrock" { region = "us-west-2"', 'provider "gemini"', 'provider "groq"', 'base_url = "http://127.0.0.1:11434/v1"',
                      'model "plain" { { "openai/gpt-4o-mini" } }'):
            self.assertIn(words, lua)
        self.assertEqual(lua.count('plugin = "openai", base_url = "https://api.cohere.ai/compatibility/v1"'), 2)
        self.assertIn('secret = env "COHERE_API_KEY"', lua)
        for words in ("litellm_params.temperature is not carried", 'no provider here is like that of "sagemaker/jumpstart"', 'that of "vertex_ai/gemini-pro"'):
            self.assertIn(words, notes)

    def test_families_and_odd_names(self):
        lua, notes = self.bring(FAMILY + '  - {model_name: a b, litellm_params: {model: openai/x}}\n')
        self.assertIn('model "a b": a name has no blanks here', notes)
        with self.serve(lua) as gw:
            self.assertEqual(gw.chat(model="openai/some-model").status, 200)
            self.assertEqual(gw.chat(model='we"ird}name').status, 200)

    def test_less_usual_shapes(self):
        lua, notes = self.bring("""
model_list:
  - {model_name: a, litellm_params: {model: openai/x, api_base: os.environ/BASE, api_key: os.environ/UP_KEY, weight: 0.9}}
  - {model_name: a, litellm_params: {model: openai/y, api_base: "%(openai)s", api_key: os.environ/UP_KEY, weight: 0.1}}
  - {model_name: lost, litellm_params: {model: openai/x, api_base: os.environ/NOT_SET, api_key: os.environ/UP_KEY}}
  - {model_name: b, litellm_params: {model: bedrock/converse/us-west-2/anthropic.claude-v2, aws_access_key_id: os.environ/ACC1, aws_secret_access_key: os.environ/SEC1}}
  - {model_name: c, litellm_params: {model: bedrock/anthropic.claude-v2, aws_region_name: us-west-2}}
litellm_settings: {fallbacks: [{"a": ["c"]}]}
router_settings: {fallbacks: [{"b": ["a"]}, {"*": ["c"]}], model_group_alias: {hid: {model: a, hidden: true}, b: a}}
general_settings: {master_key: 1234}
guardrails: [{guardrail_name: x}]
""", BASE=self.up.url)
        for words in ('{ "openai/x", weight = 900 }, { "openai/y", weight = 100 }', 'model "hid"', 'region = "us-west-2", secrets = { access_key_id = env "ACC1"',
                      '{ "bedrock/anthropic.claude-v2" },\n    fallback = { { "openai/x"', 'access_key_id = env "AWS_ACCESS_KEY_ID"'):
            self.assertIn(words, lua)
        self.assertNotIn("api.openai.com", lua)
        self.assertNotIn('\nmodel "lost"', lua)
        for words in ("the variable NOT_SET is not set", "guardrails is not carried", "master_key is no text", '"b" names a model that is not carried, or is no name of its own'):
            self.assertIn(words, notes)

    def test_what_is_no_configuration_is_named(self):
        for text, words in (("model_list: [", "line "), ("a: b", "has no model_list"), ("", "is empty"), ("- 1\n? [a]\n: b", "line "), ("&a [*a]", ""), ("model_list:\n  - {<<: {a: b}, model_name: x}", 'a merge ("<<")')):
            said = run("import", "litellm", self.path("bad.yaml", text))
            self.assertEqual((said.code, said.out), (1, ""), said)
            self.assertIn(words, said.err)
        self.assertEqual(run("import", "litellm", "/nowhere.yaml").code, 1)
        self.assertEqual(run("import", "other", "x").code, 2)
        bomb = "a0: &a0 [x, x]\n" + "".join("a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 30)) + "model_list: *a29\n"
        said = run("import", "litellm", self.path("bomb.yaml", bomb))
        self.assertEqual(said.code, 1)
        self.assertIn("nested too deeply, has too many values", said.err)
