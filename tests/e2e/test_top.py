"""test_top.py - top shows how fast a gateway is asked and how it fares, from its metrics."""

import os
import re
import subprocess
import unittest

from command import run
from harness import BINARY, Case, Gateway, provider
from upstream import Upstream, good, reply, reply_json

PRICE = "price = { request_usd = 0.5, input_usd_per_mtok = 0, output_usd_per_mtok = 0 }"
ROW = r"(?m)^%s +([\d.]+) +([\d.]+) +(\d+) +(\d+) +(\S+)(?: s)? +(\S+)(?: s)? +([\d.]+)$"


class Top(Case):
    def setUp(self):
        self.a, self.b = Upstream(good), Upstream(lambda request, out: out.send(reply_json({"error": {"message": "no"}}, 500)))
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)

    def gateway(self, more=""):
        return Gateway(provider("a", self.a.url, PRICE) + provider("b", self.b.url) + 'model "m" { "a/real" }\nmodel "bad" { "b/real" }\n' + more,
                       env={"GW_TEST_HEALTH": "1", "TOKEN": "a-token-of-metrics"})

    def row(self, text, name):
        found = re.search(ROW % re.escape(name), text)
        self.assertIsNotNone(found, text)
        return found.groups()

    def test_once_it_shows_means_since_the_start(self):
        with self.gateway() as gw:
            for _ in range(4):
                gw.chat(stream=True)
            for _ in range(3):
                gw.chat(model="bad")
            said = run("top", "--once", "--url", "127.0.0.1:%d" % gw.port)
            self.assertEqual((said.code, said.err), (0, ""), said)
            self.assertIn("http://127.0.0.1:%d: up " % gw.port, said.out)
            requests, failed, _, _, first, took, usd = self.row(said.out, "all")
            self.assertGreater(float(requests), float(failed))
            self.assertGreater(float(failed), 0)
            self.assertGreater(float(usd), 0)
            self.assertNotEqual((first, took), ("-", "-"))
            _, failed, _, out, first, _, _ = self.row(said.out, "a/real")
            self.assertEqual(failed, "0.00")
            self.assertGreaterEqual(float(out), 0)
            self.assertNotEqual(first, "-")
            self.assertEqual(self.row(said.out, "b/real")[4], "-")
            self.assertIn("\nb/real gets no requests: it fails\n", said.out)

    def test_then_what_came_since_the_screen_before(self):
        with self.gateway() as gw:
            gw.chat()
            with subprocess.Popen([BINARY, "top", "--every", "0.3", "--url", "127.0.0.1:%d" % gw.port],
                                  stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]}) as top:
                screens, lines = [], []
                for line in top.stdout:
                    if line == "\n":
                        screens.append("".join(lines))
                        lines = []
                        if len(screens) == 3:
                            break
                        continue
                    lines.append(line)
                top.terminate()
            self.assertIn("means since its start", screens[0])
            self.assertIn("means of the last 0.", screens[1])
            self.assertGreater(float(self.row(screens[0], "all")[0]), 0)
            self.assertEqual(self.row(screens[2], "all")[0], "0.00")  # nothing was asked meanwhile
            self.assertNotIn("a/real", screens[2])

    def test_where_it_cannot(self):
        with self.gateway('metrics { token = env "TOKEN" }\n') as gw:
            place = "127.0.0.1:%d" % gw.port
            self.assertEqual(run("top", "--once", "--url", place, "--token", "a-token-of-metrics").code, 0)
        said = run("top", "--once", "--url", place)
        self.assertEqual((said.code, said.out), (69, ""))
        self.assertIn("no gateway answers there", said.err)
        with self.a:
            self.a.handler = lambda request, out: out.send(reply_json({}, 403))
            self.assertEqual(run("top", "--once", "--url", self.a.url).code, 77)
            self.a.handler = lambda request, out: out.send(reply(200, b'gw_upstream_health{target="a\x1b[2J"} 0\nwords 1 x\n\n'))
            self.assertIn("\na?[2J gets no requests", run("top", "--once", "--url", self.a.url).out)
            self.a.handler = lambda request, out: out.send(reply_json({}, 404))
            self.assertEqual(run("top", "--once", "--url", self.a.url).code, 1)
        for wrong in ("0", "x", "1s", "9999999"):
            self.assertEqual(run("top", "--every", wrong).code, 2, wrong)


if __name__ == "__main__":
    unittest.main()
