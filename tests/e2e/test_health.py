"""test_health.py - what load balancers and people ask first."""

import unittest

import client
from harness import Case, tsan


class Health(Case):
    @tsan
    def test_alive_and_ready(self):
        for path in ("/livez", "/readyz", "/health/liveliness", "/health/readiness", "/health"):
            for method in ("GET", "HEAD"):
                with self.subTest(path, method=method):
                    answer = self.gw.request(method, path)
                    self.assertEqual(answer.status, 200, answer)
                    self.assertLess(len(answer.body), 500)

    def test_the_root(self):
        answer = self.gw.request("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertLess(len(answer.body), 1000)
        answer = self.gw.request("HEAD", "/")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(self.gw.request("GET", "/?x=y").status, 200)

    def test_ids_are_on_these_too(self):
        for path in ("/livez", "/readyz", "/", "/metrics"):
            with self.subTest(path):
                self.assert_ids(self.gw.request("GET", path))

    def test_often_on_one_connection(self):
        with client.Conn(self.gw.port) as conn:
            for _ in range(100):
                self.assertEqual(conn.ask("GET", "/livez").status, 200)


if __name__ == "__main__":
    unittest.main()
