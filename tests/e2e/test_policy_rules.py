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


def rule_names():
    return sorted(name[:-4] for name in os.listdir(shared("design", "policies")) if re.match(r"\d\d-[\w-]+\.lua$", name) and not name.endswith("_test.lua"))


def rule_text(rule):
    """The rule as it is written, but for its known change."""
    with open(os.path.join(shared("design", "policies"), rule + ".lua"), encoding="utf-8") as f:
        text = f.read()
    for old, new in CHANGED.get(rule, ()):
        if old not in text:
            raise AssertionError("%s has no %r" % (rule, old))
        text = text.replace(old, new)
    return text


# Behind the cases of each rule: requests that bring most rules to do something, as each client API of conversations writes them.
EVERY_FACE = r"""
test.case("every face", function()
    for _, model in ipairs { "classifier", "judge", "fast", "smart", "backup", "long", "vision" } do test.llm(model, "yes") end
    test.http("moderation", { json = { results = { { flagged = true } } } })
    test.spend { team = "support", per = "day", spent_usd = 49, limit_usd = 50 }
    test.spend { session = "s", per = "total", spent_usd = 4 }
    local call = { { id = "c", name = "shell", arguments = "{}" } }
    local again = { { role = "user", text = "mail a@b.de" } }
    for _ = 1, 5 do
        again[#again + 1] = { role = "assistant", tool_calls = call }
        again[#again + 1] = { role = "tool", text = "nothing is there" }
    end
    local plain = { text = "hello", team = "support" }
    local full = { messages = again, system = "Be kind.", team = "support", session = "s", user = "u", project = "shop", client = "claude-code",
        model = "claude-opus-4-8", tools = { "search", "shell" }, images = 1, tags = { confidential = "1", env = "production", batch = "1" },
        headers = { ["x-template"] = "summary", ["x-template-values"] = '{"reader":"us","words":9}' } }
    for _, request in ipairs { plain, full, { text = "project nightfall", tags = { vote = "1" } }, { text = "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}" } } do
        test.every_face(policy, request)
    end
end)
"""


class Rules(unittest.TestCase):
    def test_each_runs_as_it_is_written(self):
        folder = shared("design", "policies")
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules.lua"), encoding="utf-8") as f:
            parts = re.split(r"(?m)^--- (\S+)\n", f.read())
        cases = dict(zip(parts[1::2], parts[2::2]))
        rules = rule_names()
        self.assertEqual(rules, sorted(cases))
        self.assertEqual(len(rules), 36)
        with tempfile.TemporaryDirectory(prefix="gw-rules-") as here:
            shutil.copytree(os.path.join(folder, "lib"), os.path.join(here, "lib"))
            for rule in rules:
                with self.subTest(rule):
                    self.run_one(rule, cases[rule], here)

    def run_one(self, rule, case, here):
        for name, content in ((rule + ".lua", rule_text(rule)), (rule + "_test.lua", case + EVERY_FACE)):
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
