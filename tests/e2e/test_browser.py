"""test_browser.py - web pages: what a gateway without keys refuses, CORS for listed origins, and who may read /metrics."""

import hashlib
import socket
import unittest

import upstream
from harness import Case, Gateway, provider

JSON = ("Content-Type", "application/json")
BODY = b'{"model":"m","messages":[]}'
INVALID = "invalid_request_error"
PAGE = "https://chat.example.org"
TOKEN = "canary-client-metrics-token"
KEY = "sk-canary-client-page"
MODEL = 'model "m" { { "up/real" } }\n'


def other_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


class WithoutKeys(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(provider("up", cls.up) + MODEL)

    def setUp(self):
        self.up.take()

    def post(self, headers, path="/v1/chat/completions"):
        return self.gw.request("POST", path, headers, BODY)

    def test_a_foreign_page_is_refused(self):
        for headers, status, code in (
            ([JSON, ("Host", "rebound.example:8080")], 403, "forbidden"),
            ([JSON, ("Origin", "https://evil.example")], 403, "forbidden"),
            ([("Content-Type", "text/plain"), ("Origin", "https://evil.example")], 403, "forbidden"),
            ([JSON, ("Origin", "null")], 403, "forbidden"),
            ([JSON, ("Sec-Fetch-Site", "cross-site")], 403, "forbidden"),
            ([("Content-Type", "text/plain"), ("Sec-Fetch-Site", "same-site")], 415, "unsupported_media_type"),
        ):
            with self.subTest(headers):
                answer = self.post(headers)
                self.assert_error(answer, status, INVALID, code, retry=False)
                self.assertGreater(len(answer.error["message"]), 60)
                self.assertIsNone(answer.header("access-control-allow-origin"))
                self.assertEqual(self.gw.log_for(answer.id)["status"], status)
        for path in ("/metrics", "/", "/v1/models", "/nothing"):
            answer = self.gw.request("GET", path, [("Host", "rebound.example")])
            self.assert_error(answer, 403, INVALID, "forbidden")
        answer = self.gw.request("OPTIONS", "/v1/chat/completions", [("Origin", "https://evil.example"),
                                                                     ("Access-Control-Request-Method", "POST")])
        self.assertEqual((answer.status, answer.header("access-control-allow-origin")), (403, None), answer)
        self.assertEqual(self.up.take(), [], "the account was used")

    def test_programs_and_own_pages_come_in(self):
        for headers in (
            [("Content-Type", "text/plain")],
            [("Content-Type", "application/x-www-form-urlencoded")],
            [("Content-Type", "")],
            [JSON, ("Host", "127.0.0.1:%d" % self.gw.port)],
            [JSON, ("Host", "[::1]")],
            [JSON, ("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-site")],
        ):
            with self.subTest(headers):
                self.assertEqual(self.post(headers).status, 200)

    def test_metrics_are_for_this_machine(self):
        self.assertEqual(self.gw.request("GET", "/metrics").status, 200)
        for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            answer = self.gw.request("GET", "/metrics", [(name, "10.0.0.1")])
            self.assertEqual((answer.status, b"metrics { token" in answer.body), (403, True), answer)


class WithKeys(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        lua = (provider("up", cls.up) + MODEL + 'cors { origins = { "%s" } }\nmetrics { token = env "TOKEN" }\n' % PAGE
               + 'key { sha256 = "%s" }\n' % hashlib.sha256(KEY.encode()).hexdigest())
        return Gateway(lua, env={"TOKEN": TOKEN}, listen="0.0.0.0:0")

    def test_a_listed_page_asks_and_reads(self):
        wanted = "authorization, content-type, x-stainless-lang"
        answer = self.gw.request("OPTIONS", "/v1/chat/completions", [
            ("Origin", PAGE), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", wanted)])
        self.assertEqual((answer.status, answer.header("access-control-allow-origin"), answer.header("vary")),
                         (204, PAGE, "Origin"), answer)
        self.assertIn("POST", answer.header("access-control-allow-methods"))
        self.assertEqual(answer.header("access-control-allow-headers"), wanted)
        for stream in (False, True):
            for key, status in ((KEY, 200), ("sk-wrong", 401)):
                answer = self.gw.chat(stream=stream, headers=[("Origin", PAGE), ("Authorization", "Bearer " + key)])
                self.assertEqual((answer.status, answer.all("access-control-allow-origin")), (status, [PAGE]), answer)
                self.assertIn("x-request-id", answer.header("access-control-expose-headers"))
                self.assertIsNone(answer.header("access-control-allow-methods"))
        answer = self.gw.request("POST", "/v1/chat/completions", [("Origin", PAGE), ("Content-Length", "999999999")], b"")
        self.assertEqual((answer.status, answer.header("access-control-allow-origin")), (413, PAGE), answer)

    def test_other_pages_do_not_read(self):
        for origin in ("https://evil.example", PAGE + ":444", "http://chat.example.org", "null"):
            with self.subTest(origin):
                answer = self.gw.chat(headers=[("Origin", origin), ("Authorization", "Bearer " + KEY)])
                self.assertEqual((answer.status, answer.header("access-control-allow-origin")), (200, None), answer)
                answer = self.gw.request("OPTIONS", "/v1/messages", [("Origin", origin), ("Access-Control-Request-Method", "POST")])
                self.assertEqual((answer.status, answer.header("access-control-allow-headers")), (204, None), answer)
        answer = self.gw.chat(headers=[("Authorization", "Bearer " + KEY)])
        self.assertEqual([n for n, _ in answer.headers if n.lower().startswith("access-")], [])

    def test_metrics_with_the_token(self):
        token = ("Authorization", "Bearer " + TOKEN)
        proxy = ("X-Forwarded-For", "10.0.0.1")
        for headers, status in (([], 200), ([proxy], 401), ([proxy, token], 200), ([proxy, ("Authorization", "Bearer " + KEY)], 401),
                                ([proxy, ("Authorization", "Bearer ")], 401), ([proxy, ("Authorization", TOKEN)], 401)):
            with self.subTest(headers):
                answer = self.gw.request("GET", "/metrics", headers)
                self.assertEqual((answer.status, b"gw_requests_total" in answer.body), (status, status == 200), answer)
                self.assertEqual(answer.header("www-authenticate"), "Bearer" if status == 401 else None)

    def test_metrics_from_another_address(self):
        import client

        address = other_address()
        if address is None:
            self.skipTest("this machine has no address but loopback")
        for headers, status in (([], 401), ([("Authorization", "Bearer " + TOKEN)], 200)):
            with client.Conn(self.gw.port, host=address) as conn:
                self.assertEqual(conn.ask("GET", "/metrics", headers).status, status)


if __name__ == "__main__":
    unittest.main()
