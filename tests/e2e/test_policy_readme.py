"""test_policy_readme.py - the Lua blocks of scripts/README.md: each is a policy, a test of one, or of a gateway.lua, and is right."""

import os
import re
import shutil
import tempfile
import unittest

from command import ROOT, run

MODELS = 'provider "demo" {}\n' + "".join(f'model "{name}" {{ {{ "demo/{name}" }} }}\n' for name in ("fast", "smart", "long", "classifier"))


class Blocks(unittest.TestCase):
    def test_each_block_is_right(self):
        with open(os.path.join(ROOT, "scripts", "README.md"), encoding="utf-8") as f:
            blocks = re.findall(r"(?s)```lua\n(.*?)```", f.read())
        self.assertGreaterEqual(len(blocks), 4)
        kinds = set()
        for block in blocks:
            with tempfile.TemporaryDirectory(prefix="gw-readme-") as folder, self.subTest(block):
                shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(folder, "scripts"))
                kinds.add(self.look_at(block, folder))
        self.assertEqual(kinds, {"policy", "test", "gateway.lua"})

    def look_at(self, block, folder):
        def write(name, text):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
            return os.path.join(folder, name)
        if "test.case(" in block:
            done = run("policy", "test", write("scripts/block_test.lua", block))
            self.assertRegex(done.out, r"^[1-9]\d* passed, 0 failed")
            return "test"
        policy = "return policy" in block
        if policy:
            write("block.lua", block)
            block = 'policy "block.lua" {}\n'
        teams = "".join(f'team "{name}" {{}}\nkey {{ sha256 = "{i:064x}", team = "{name}" }}\n'
                        for i, name in enumerate(sorted(set(re.findall(r'teams = \{ "(\w+)" \}', block)))))
        for name in re.findall(r'policy "(scripts/[\w-]+\.lua)"', block):
            if not os.path.exists(os.path.join(folder, name)):
                write(name, "return { on_request = function() end }\n")
        done = run("check", "-c", write("gateway.lua", MODELS + teams + block), env={"MODERATION_KEY": "x"})
        self.assertEqual(done.code, 0, done)
        return "policy" if policy else "gateway.lua"


if __name__ == "__main__":
    unittest.main()
