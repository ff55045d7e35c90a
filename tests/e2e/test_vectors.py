"""test_vectors.py - the public smuggling and conformance vectors against the front: the runners of tests/vectors.

They need the echo route of a test build (-DGW_TEST_BUILD=ON); a gateway without it is skipped, loudly.
"""

import os
import subprocess
import sys
import unittest

from harness import ROOT, Gateway, build_facts, pace, shared

RUNNERS = os.path.join(ROOT, "tests", "vectors")


class Vectors(unittest.TestCase):
    def run_it(self, name, vectors):
        shared("vectors", vectors)
        script = os.path.join(RUNNERS, name)
        self.assertTrue(os.path.exists(script), script)
        if build_facts().get("GW_TEST_BUILD", "").upper() not in ("ON", "1", "TRUE", "YES"):
            self.skipTest("SKIPPED FOR WANT OF THE ECHO ROUTE: this is not a test build (-DGW_TEST_BUILD=ON)")
        with Gateway(None) as gw:
            done = subprocess.run(
                [sys.executable, script, "--port", str(gw.port)],
                capture_output=True,
                text=True,
                timeout=240 * pace(),
                env=dict(os.environ, GW_SHARED=os.path.dirname(shared("vectors"))),
            )
            sys.stderr.write("".join("    %s\n" % line for line in done.stdout.strip().splitlines()[-1:]))
            self.assertEqual(done.returncode, 0, "\n".join((done.stdout + done.stderr).splitlines()[-60:]))
            self.assertTrue(gw.alive())

    def test_http11probe(self):
        self.run_it("http11probe.py", "http11probe")

    def test_te_mutations(self):
        self.run_it("te_mutations.py", "te-mutations")


if __name__ == "__main__":
    unittest.main()
