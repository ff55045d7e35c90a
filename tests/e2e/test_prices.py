"""test_prices.py - llm-gateway prices: what the price book knows, and what it does not."""
import json
import os
import tempfile
import unittest

from command import run


class Show(unittest.TestCase):
    def test_an_entry_is_shown_with_the_rule_that_found_it(self):
        shown = run("prices", "show", "anthropic/claude-sonnet-4-5-20250929")
        self.assertEqual((shown.code, shown.err), (0, ""))
        self.assertIn("anthropic/claude-sonnet-4-5\n  found because the name begins with claude-sonnet-4-5\n", shown.out)
        self.assertRegex(shown.out, r"input +3 USD for 1000000, above 200000 input tokens 6\n")
        self.assertRegex(shown.out, r"where processing is batch, from 2026-10-14\n +input +1\.5 USD")
        self.assertRegex(shown.out, r"price book of 2026-11-27, digest [0-9a-f]{16}\n$")

    def test_every_provider_that_has_the_model_is_shown(self):
        shown = run("prices", "show", "gpt-4o", "--json")
        providers = {row["provider"] for row in json.loads(shown.out)}
        self.assertTrue({"openai", "azure"} <= providers, shown)
        row = next(row for row in json.loads(shown.out) if row["provider"] == "openai")
        self.assertEqual((row["usd"]["input"], row["usd"]["output"], row["context_window"]), ("2.5", "10", 128000))

    def test_a_model_whose_name_has_a_slash(self):
        shown = run("prices", "show", "openrouter/openai/gpt-4o", "--json")
        self.assertEqual(json.loads(shown.out)[0]["model"], "openai/gpt-4o", shown)

    def test_what_has_no_price_is_unknown(self):
        for model in ("claude-sonnet-5-9", "anthropic/claude-sonnet-5-9", "demo/demo"):
            shown = run("prices", "show", model)
            self.assertEqual((shown.code, shown.out), (1, ""), shown)
            self.assertIn('no price of "%s": its cost is unknown, never zero' % model, shown.err)

    def test_a_book_of_ones_own(self):
        book = {"format": 1, "date": "2026-01-02", "providers": [{"id": "mine", "names": ["mine"], "models": [
            {"id": "m", "match": ["=m"], "prices": [{"usd": {"request": 0.07}}]}]}]}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "book.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(book, file)
            self.assertIn("request          0.07 USD for 1000\n", run("prices", "show", "mine/m", "--book", path).out)
            self.assertEqual(run("prices", "show", "mine/m", env={"GW_PRICES": path}).code, 0)
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"format":2}')
            broken = run("prices", "show", "mine/m", "--book", path)
            self.assertEqual(broken.code, 78)
            self.assertIn("its format is 2, this version reads 1", broken.err)

    def test_prices_of_the_configuration_win_and_are_shown_as_its_own(self):
        lua = ('provider "openai" {}\nprovider "house" { plugin = "openai", base_url = "http://127.0.0.1:9/v1", price = "free" }\n'
               'model "m" { { "openai/gpt-4o", price = { input_usd_per_mtok = "0.123" } }, { "openai/gpt-4o-mini" } }\n'
               'model "gpt-4o" { { "openai/gpt-4o", price = { request_usd = 1 } } }\n')
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gateway.lua")
            with open(path, "w", encoding="utf-8") as file:
                file.write(lua)
            env = {"OPENAI_API_KEY": "x"}
            shown = run("prices", "show", "m", "-c", path, env=env)
            self.assertEqual((shown.code, shown.err), (0, ""))
            self.assertIn("openai/gpt-4o\n  prices of gateway.lua\n", shown.out)
            self.assertRegex(shown.out, r"input +0\.123 USD for 1000000, of gateway\.lua\n")
            self.assertRegex(shown.out, r"output +10 USD for 1000000, of the price book\n")
            self.assertIn("openai/gpt-4o-mini\n  found because", shown.out)
            row = json.loads(run("prices", "show", "m", "-c", path, "--json", env=env).out)[0]
            self.assertEqual((row["usd"]["input"], row["from"]["input"], row["from"]["output"]), ("0.123", "gateway.lua", "price book"))
            self.assertIn("house/any\n  prices of gateway.lua: free\n", run("prices", "show", "house/any", "-c", path, env=env).out)
            self.assertRegex(run("prices", "show", "gpt-4o", "-c", path, env=env).out, r"request +1000 USD for 1000, of gateway\.lua\n")
            with open(path, "w", encoding="utf-8") as file:
                file.write("model 3")
            self.assertEqual(run("prices", "show", "m", "-c", path).code, 78)

    def test_wrong_words(self):
        self.assertEqual(run("prices", "update").code, 2)
        self.assertEqual(run("prices", "list", "x").code, 2)
        self.assertEqual(run("prices", "show").code, 2)


class Update(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.book = self.write("book.json", 2)

    def write(self, name, price, date="2026-01-02"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"format": 1, "date": date, "providers": [{"id": "mine", "names": ["mine"], "models": [
                {"id": "m", "match": ["=m"], "prices": [{"usd": {"input": price}}]}]}]}, file)
        return path

    def price(self, path):
        return json.loads(run("prices", "show", "mine/m", "--json", "--book", path).out)[0]["usd"]["input"]

    def test_a_change_is_shown_and_taken(self):
        newer = self.write("newer.json", 3)
        dry = run("prices", "update", newer, "--book", self.book, "--dry-run")
        self.assertEqual((dry.code, self.price(self.book)), (0, "2"), dry)
        self.assertIn("changed    mine/m  input 2 -> 3\n", dry.out)
        self.assertIn("Nothing was written", dry.out)
        done = run("prices", "update", newer, "--book", self.book)
        self.assertEqual((done.code, self.price(self.book)), (0, "3"), done)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["book.json", "newer.json"])

    def test_what_cannot_be_believed_is_held_back_unless_forced(self):
        newer = self.write("newer.json", 21)
        held = run("prices", "update", newer, "--book", self.book)
        self.assertEqual((held.code, self.price(self.book)), (0, "2"), held)
        self.assertIn("held back  mine/m  input 2 -> 21\n", held.out)
        self.assertIn("--force takes it", held.out)
        forced = run("prices", "update", newer, "--book", self.book, "--force")
        self.assertEqual((forced.code, self.price(self.book)), (0, "21"), forced)

    def test_an_older_file_is_taken_by_force_alone(self):
        older = self.write("older.json", 3, "2025-12-31")
        said = run("prices", "update", older, "--book", self.book)
        self.assertEqual((said.code, said.out, self.price(self.book)), (1, "", "2"), said)
        self.assertIn("it is of 2025-12-31, and the one in use of 2026-01-02: --force takes it", said.err)
        self.assertEqual(run("prices", "update", self.write("never.json", 3, "2926-01-01"), "--book", self.book).code, 1)
        self.assertEqual(run("prices", "update", self.write("bad.json", 3, "2026-02-31"), "--book", self.book, "--force").code, 1)
        self.assertEqual((run("prices", "update", older, "--book", self.book, "--force").code, self.price(self.book)), (0, "3"))

    def test_what_cannot_be_read_or_written_changes_nothing(self):
        broken = os.path.join(self.folder.name, "broken.json")
        with open(broken, "w", encoding="utf-8") as file:
            file.write("{")
        self.assertEqual(run("prices", "update", broken, "--book", self.book).code, 1)
        self.assertEqual(run("prices", "update", "/nowhere", "--book", self.book).code, 1)
        failed = run("prices", "update", self.write("newer.json", 3), "--book", self.book, "-o", "/nowhere/book.json")
        self.assertEqual(failed.code, 1)
        self.assertIn("Nothing was changed", failed.err)
        self.assertEqual(self.price(self.book), "2")
