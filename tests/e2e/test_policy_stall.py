"""test_policy_stall.py - a policy that does not end holds up its worker for some milliseconds, with a margin of five for a busy machine."""

import os
import sys
import unittest

import client
import harness
from harness import ROOT, sanitized

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import policy  # noqa: E402

MARGIN = 5


class Stall(unittest.TestCase):
    def test_a_runaway_is_stopped(self):
        margin = MARGIN * (harness.pace() if sanitized() else 1)
        for name, (cpu, beside, wait) in policy.measure(harness, client, 5).items():
            with self.subTest(runaway=name):
                self.assertGreater(cpu, 1, "it did not run")
                self.assertLess(cpu, policy.GOAL_MS * margin)
                self.assertLess(beside, policy.GOAL_MS * margin)
                self.assertLess(wait, 1000 * margin)


if __name__ == "__main__":
    unittest.main()
