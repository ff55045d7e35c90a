"""test_metrics.py - /metrics: clean by promtool, true to what was sent, labels that no client can blow up."""

import re
import shutil
import subprocess
import unittest

import upstream
from harness import Case, Gateway, provider, tsan, wait_for
from upstream import DONE, delta, reply, usage_event

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """[(name, labels, value)] of a Prometheus text."""
    out = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            m = LINE.match(line)
            assert m, line
            out.append((m.group(1), dict(LABEL.findall(m.group(2) or "")), float(m.group(3))))
    return out


class Metrics(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.bad = upstream.Upstream([reply(500, b"no")])
        return Gateway(
            provider("up", cls.up)
            + provider("bad", cls.bad)
            + 'model "m" { { "up/real" } }\nmodel "fam-*" { { "up/*" } }\n'
            'model "fb" { { "bad/x" }, fallback = { "up/y" } }\n'
            'model "broken" { { "bad/x" } }\nlisten { workers = 2 }\n'
        )

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.bad.stop()

    def text(self):
        answer = self.gw.request("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.header("content-type").startswith("text/plain"), answer.headers)
        return answer.body.decode()

    def total(self, name, **labels):
        return sum(
            v for n, have, v in parse(self.text()) if n == name and all(have.get(k) == w for k, w in labels.items())
        )

    def grew(self, work, expected):
        """Runs `work`; each counter in `expected` [(name, labels, by)] must have grown by just that."""
        before = [self.total(name, **labels) for name, labels, _ in expected]
        work()

        def now():
            return [self.total(name, **labels) - b for (name, labels, _), b in zip(expected, before)]

        wanted = [by for _, _, by in expected]
        wait_for(lambda: now() == wanted, 5)
        self.assertEqual(now(), wanted, [e[:2] for e in expected])

    def test_promtool_has_nothing_to_say(self):
        if shutil.which("promtool") is None:
            self.skipTest("SKIPPED FOR WANT OF A PROGRAM: promtool is not installed")
        for model in ("m", "none", "fb", "broken"):
            self.gw.chat(model=model)
            self.gw.chat(model=model, stream=True)
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=self.text(), text=True, capture_output=True, timeout=30
        )
        self.assertEqual((done.returncode, done.stdout.strip(), done.stderr.strip()), (0, "", ""))

    @tsan
    def test_requests_and_tokens_agree(self):
        def work():
            for _ in range(3):
                self.gw.chat()
            for _ in range(2):
                self.gw.chat(stream=True)

        self.grew(
            work,
            [
                (
                    "gw_requests_total",
                    {"model": "real", "provider": "up", "status": "200", "outcome": "ok", "face": "chat", "team": "default"},
                    5,
                ),
                ("gw_tokens_total", {"model": "real", "type": "input"}, 25),
                ("gw_tokens_total", {"model": "real", "type": "output"}, 10),
                ("gw_upstream_requests_total", {"provider": "up", "outcome": "ok"}, 5),
                ("gw_request_duration_seconds_count", {"provider": "up", "model": "real"}, 5),
            ],
        )

    def test_failures_agree(self):
        def work():
            self.gw.chat(model="none")
            self.gw.chat(model="broken")
            self.gw.request("POST", "/v1/chat/completions", (), b"{")

        self.grew(
            work,
            [
                ("gw_requests_total", {"status": "404", "provider": "", "model": "other", "outcome": "refused"}, 1),
                ("gw_requests_total", {"status": "502", "provider": "bad", "model": "x", "outcome": "failed"}, 1),
                ("gw_requests_total", {"status": "400"}, 1),
                ("gw_upstream_requests_total", {"provider": "bad", "outcome": "status_500"}, 1),
            ],
        )
        self.grew(
            lambda: self.gw.chat(model="fb"),
            [
                ("gw_fallbacks_total", {"from": "bad", "to": "up"}, 1),
                ("gw_requests_total", {"status": "200", "model": "y", "provider": "up"}, 1),
            ],
        )

    def test_broken_streams_count(self):
        self.up.handler = [upstream.stream(delta("x"), usage_event(7, 3))]
        try:
            self.grew(
                lambda: self.gw.chat(stream=True),
                [("gw_tokens_total", {"model": "real", "type": "input"}, 7), ("gw_requests_total", {"model": "real", "outcome": "broken"}, 1),
                 ("gw_requests_total", {"model": "real", "outcome": "ok"}, 0)],
            )
        finally:
            self.up.handler = upstream.good

    def test_time_to_the_first_token(self):
        self.up.handler = [0.2, upstream.stream(delta("x"), delta(finish="stop"), DONE)]
        try:
            name = "gw_time_to_first_token_seconds"
            before = self.total(name + "_sum"), self.total(name + "_count")
            self.gw.chat(stream=True)
            self.assertTrue(wait_for(lambda: self.total(name + "_count") == before[1] + 1, 5))
            self.assertGreater(self.total(name + "_sum") - before[0], 0.19)
        finally:
            self.up.handler = upstream.good

    def test_labels_are_bounded(self):
        """Names that clients make up do not become labels."""
        self.gw.chat(model="fam-warm")
        self.gw.chat(model="none")
        self.gw.chat(model="up/warm")
        first = {(n, tuple(sorted(labels.items()))) for n, labels, _ in parse(self.text())}
        for i in range(40):
            self.gw.chat(model="made-up-%d" % i)
            self.gw.chat(model="bad/made-up-%d" % i)
            self.gw.request("GET", "/made-up-%d" % i)
            self.gw.request("MADEUP%d" % i, "/v1/models")
        text = self.text()
        self.assertNotIn("made-up", text)
        self.assertNotIn("MADEUP", text)
        new = {(n, tuple(sorted(labels.items()))) for n, labels, _ in parse(text)} - first
        self.assertLess(len(new), 60, sorted(new)[:20])
        models = {labels["model"] for n, labels, _ in parse(text) if n == "gw_requests_total"}
        self.assertLessEqual(models, {"real", "x", "y", "fam-warm", "warm", "other"}, models)
        self.assertIn("fam-warm", models, "a name that was answered to")

    def test_what_is_always_there(self):
        names = {n for n, _, _ in parse(self.text())}
        for name in (
            "gw_build_info",
            "gw_config_info",
            "gw_config_load_time_seconds",
            "gw_config_reloads_total",
            "gw_inflight_requests",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_cpu_seconds_total",
        ):
            self.assertIn(name, names)


if __name__ == "__main__":
    unittest.main()
