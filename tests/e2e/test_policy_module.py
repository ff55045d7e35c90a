"""test_policy_module.py - modules of policies: check names what is wrong with them, reload sees changed ones, policy test runs their tests."""

import os
import re
import tempfile
import unittest

from command import run
from harness import Gateway

POLICY = """local words = require "lib.words"
return { on_request = function(req) if req:find(words.bad) then return gw.deny(403, "bad_word", words.text) end end }
"""
MODULE = 'return { bad = gw.text.words { "%s" }, text = "no" }\n'
CONFIG = 'provider "demo" {}\nmodel "m" { { "demo/demo" } }\npolicy "rules/p.lua" {}\n'


class Modules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gw-module-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        os.makedirs(os.path.join(self.dir, "rules", "lib"))
        self.write("rules/p.lua", POLICY)
        self.write("rules/lib/words.lua", MODULE % "old")
        self.config = self.write("gateway.lua", CONFIG)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def test_check_names_file_and_line(self):
        self.assertEqual(run("check", "-c", self.config).code, 0)
        for text, why in [("\nreturn {", "rules/lib/words.lua:2: unexpected symbol"), ("\n\nerror('so')", "rules/lib/words.lua:3: so"),
                          ("return require 'lib.words'", "rules/lib/words.lua:1: require: modules need each other: lib.words -> lib.words")]:
            self.write("rules/lib/words.lua", text)
            done = run("check", "-c", self.config)
            self.assertEqual(done.code, 78, text)
            self.assertIn('gateway.lua:3: policy "p": ' + why, done.err)
        os.remove(os.path.join(self.dir, "rules/lib/words.lua"))
        os.symlink("/etc/hostname", os.path.join(self.dir, "rules/lib/words.lua"))
        self.assertIn("rules/p.lua:1: require: rules/lib/words.lua is a link out of the policy's folder", run("check", "-c", self.config).err)

    def test_tests_of_modules_run_too(self):
        self.write("rules/p_test.lua", 'local p = test.policy("p.lua")\ntest.case("a", function()\n'
                                       '    test.equal(p:on_request({ text = "an old one" }).code, "bad_word")\nend)\n')
        self.write("rules/lib/words_test.lua", 'local p = test.policy("../p.lua")\ntest.case("b", function()\n'
                                               '    test.equal(p:on_request({ text = "old" }).text, "no")\nend)\n')
        done = run("policy", "test", "-c", self.config)
        self.assertEqual((done.code, done.out), (0, "2 passed, 0 failed\n"), done.err)
        self.write("rules/lib/words.lua", "return {")
        self.assertIn("rules/lib/words.lua:1: ", run("policy", "test", os.path.join(self.dir, "rules/p.lua")).out)

    def test_reload_sees_a_changed_one(self):
        lua = CONFIG.replace("rules/p.lua", os.path.join(self.dir, "rules", "p.lua")) + 'ledger { path = "%s/ledger" }\n' % self.dir
        with Gateway(lua) as gw:
            before = self.digest(gw)
            self.assertEqual((gw.chat("old").status, gw.chat("new").status), (403, 200))
            self.write("rules/lib/words.lua", MODULE % "new")
            self.assertEqual((gw.chat("old").status, gw.chat("new").status), (403, 200))
            done = run("reload", "--path", os.path.join(self.dir, "ledger"))
            self.assertEqual(done.code, 0, done)
            self.assertEqual((gw.chat("old").status, gw.chat("new").status), (200, 403))
            self.assertNotEqual(self.digest(gw), before)
            self.write("rules/lib/words.lua", "return {")
            done = run("reload", "--path", os.path.join(self.dir, "ledger"))
            self.assertEqual(done.code, 78, done)
            self.assertIn("lib/words.lua:1: ", done.err)
            self.assertEqual((gw.chat("old").status, gw.chat("new").status), (200, 403))

    def digest(self, gw):
        return re.search(r'gw_config_info\{digest="([0-9a-f]{64})"\} 1', gw.request("GET", "/metrics").body.decode()).group(1)


if __name__ == "__main__":
    unittest.main()
