"""test_policy_escape.py - each attempt of tests/unit/script/test_escape.c at the bounds of a policy, in a gateway that serves: the
request fails with the policy's name, file and line in the log, the memory stays within its limit, and the next request is answered."""

import ast
import os
import re
import tempfile
import unittest

from command import ROOT, run
from harness import Gateway, auth, key_line, sanitized

LUA = """
listen { workers = 1 }
provider "demo" {}
model "m" { { "demo/m" } }
model "fast" { { "demo/fast" } }
model "smart" { { "demo/smart" } }
team "t" {}
%(key)s
policy "%(dir)s/p.lua" { name = "escape", memory_mb = 16 }
"""
MOST_MB = 96  # 16 of the policy, what the request may take (edits of its body), and what malloc keeps of large texts


def attempts():
    """The code of each row HOOK("...")."""
    with open(os.path.join(ROOT, "tests", "unit", "script", "test_escape.c"), encoding="utf-8") as f:
        rows = re.findall(r'HOOK\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', f.read())
    return ["".join(ast.literal_eval(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', row)) for row in rows]


def memory_mb(pid):
    """The most that it has had resident."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) / 1024


class Escape(unittest.TestCase):
    def write(self, rows):
        with open(os.path.join(self.dir, "p.lua"), "w", encoding="utf-8") as f:
            f.write("local attempts = {}\n" + "".join(f"attempts[{i}] = function(req) {code} end\n" for i, code in enumerate(rows)) +
                    "local kept = {}\nreturn { on_request = function(req)\n    local attempt = attempts[tonumber(req.tags.what)]\n"
                    "    if attempt then return attempt(req) end\n"
                    "    if req.tags.what == 'keep' then kept[#kept + 1] = ('x'):rep(1000000) .. #kept end\n"
                    "    return gw.answer('fine ' .. #kept)\nend }\n")

    def test_each_ends_and_the_gateway_lives(self):
        folder = tempfile.TemporaryDirectory(prefix="gw-escape-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        rows, at_load = attempts(), 0
        self.assertGreater(len(rows), 100)
        config = LUA % {"dir": self.dir, "key": key_line("a", "t")}
        with open(os.path.join(self.dir, "gateway.lua"), "w", encoding="utf-8") as f:
            f.write(config)
        for i in range(len(rows)):  # misspelled names are found while the file is loaded, one at a time
            self.write(rows)
            done = run("check", "-c", os.path.join(self.dir, "gateway.lua"))
            if done.code == 0:
                break
            line = re.search(r"p\.lua:(\d+): ", done.err)
            self.assertIsNotNone(line, done)
            rows[int(line.group(1)) - 2] = "error('found at load')"
            at_load += 1
        self.assertGreater(at_load, 10)
        gw = Gateway(config)
        self.addCleanup(gw.kill)
        self.ask(gw, "nothing", 200)
        before, slowest = memory_mb(gw.process.pid), 0
        for i in range(len(rows)):
            with self.subTest(rows[i]):
                answer = self.ask(gw, str(i), 500)
                self.assertNotIn("p.lua", answer.body.decode())
                hook = gw.log_for(answer.id)["policies"][0]
                self.assertEqual(hook["policy"], "escape")
                self.assertRegex(hook["reason"], r"^%s/p\.lua:%d: " % (re.escape(self.dir), i + 2))
                slowest = max(slowest, hook["cpu_us"])
                self.assertIn("fine 0", self.ask(gw, "nothing", 200).body.decode())
        grown = memory_mb(gw.process.pid) - before
        if not sanitized():
            self.assertLess(grown, MOST_MB)
            self.assertLess(slowest, 250000, "us, on a loaded machine")

        # What a policy keeps from request to request: at the limit it fails, and begins anew.
        seen = []
        for _ in range(40):
            answer = self.ask(gw, "keep")
            seen.append(answer.status)
            if answer.status == 500:
                self.assertRegex(gw.log_for(answer.id)["policies"][0]["reason"], r"p\.lua:\d+: it needs more than memory_mb = 16")
        self.assertIn(500, seen)
        self.assertEqual(seen[seen.index(500) + 1], 200)
        gw.stop()

    def ask(self, gw, what, status=None):
        answer = gw.chat("hello", headers=auth("a") + [("x-gw-tags", "what=" + what)])
        if status is not None:
            self.assertEqual(answer.status, status, answer)
        return answer


if __name__ == "__main__":
    unittest.main()
