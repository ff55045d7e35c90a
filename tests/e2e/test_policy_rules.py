"""test_policy_rules.py - the 36 rules of the design run in the real sandbox as they are written: rules.lua has the cases of each."""

import os
import re
import shutil
import tempfile
import unittest

from command import run
from harness import shared

# A rule -> (what is written otherwise, and why). PCRE2 has \d where the rules, which were tried with Lua's patterns, have %d.
CHANGED = {
    "26-prompt-guard": (("gw.regex(\"%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d\")", "gw.regex [[(\\d{4}[ -]?){3}\\d{4}]]"),),
    "32-redact-answer": (('gw.regex("sk%-[%w%-]+")', "gw.regex [[sk-[\\w-]+]]"),),
    # `input` is all of it, that which was read from the cache too
    "33-token-rate": (("u.input + u.output + u.cache_read // 10", "u.input - u.cache_read + u.output + u.cache_read // 10"),),
}
# A rule -> the words that it needs and this version may not have: it fails by one of them, or passes.
NEEDS = {
}


class Rules(unittest.TestCase):
    def test_each_runs_as_it_is_written(self):
        folder = shared("design", "policies")
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules.lua"), encoding="utf-8") as f:
            parts = re.split(r"(?m)^--- (\S+)\n", f.read())
        cases = dict(zip(parts[1::2], parts[2::2]))
        rules = sorted(name[:-4] for name in os.listdir(folder) if re.match(r"\d\d-[\w-]+\.lua$", name) and not name.endswith("_test.lua"))
        self.assertEqual(rules, sorted(cases))
        self.assertEqual(len(rules), 36)
        with tempfile.TemporaryDirectory(prefix="gw-rules-") as here:
            shutil.copytree(os.path.join(folder, "lib"), os.path.join(here, "lib"))
            for rule in rules:
                with self.subTest(rule):
                    self.run_one(rule, cases[rule], folder, here)

    def run_one(self, rule, case, folder, here):
        with open(os.path.join(folder, rule + ".lua"), encoding="utf-8") as f:
            text = f.read()
        for old, new in CHANGED.get(rule, ()):
            self.assertIn(old, text)
            text = text.replace(old, new)
        for name, content in ((rule + ".lua", text), (rule + "_test.lua", case)):
            with open(os.path.join(here, name), "w", encoding="utf-8") as f:
                f.write(content)
        done = run("policy", "test", os.path.join(here, rule + "_test.lua"))
        if done.code == 0:
            self.assertRegex(done.out, r"^[1-9]\d* passed, 0 failed")
            return
        self.assertIn(rule, NEEDS, done)
        self.assertRegex(done.out, r"FAILED .*(%s)" % "|".join(NEEDS[rule]), done)


if __name__ == "__main__":
    unittest.main()
