"""test_http.py - HTTP/1.1 as clients use it: kept and pipelined connections, HTTP/1.0, Expect, chunked bodies, HEAD."""

import json
import time
import unittest

import client
import upstream
from harness import Case, tsan
from upstream import DONE, delta

BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def echo(request, out):
    body = request.json()
    text = body["messages"][0]["content"]
    if body.get("stream"):
        out.send(upstream.stream(upstream.delta(text), upstream.delta(finish="stop"), upstream.DONE))
    else:
        out.send(upstream.reply_json(upstream.completion(text)))


def ask_for(text, stream=False, headers=(), version="HTTP/1.1"):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    if stream:
        body["stream"] = True
    return client.build("POST", "/v1/chat/completions", headers, body, version)


class Http(Case):
    def setUp(self):
        self.up.handler = echo
        self.up.take()

    def said(self, answer, text, streamed):
        self.assertEqual((answer.status, answer.complete), (200, True), answer)
        if streamed:
            self.assertEqual(answer.body, delta(text) + delta(finish="stop") + DONE)
        else:
            self.assertEqual(answer.json()["choices"][0]["message"]["content"], text)

    @tsan
    def test_many_requests_on_one_connection(self):
        with client.Conn(self.gw.port) as conn:
            ids = set()
            for i in range(60):
                kind = i % 5
                if kind < 3:
                    conn.send(ask_for("text %d" % i, kind == 1))
                    answer = conn.response()
                    self.said(answer, "text %d" % i, kind == 1)
                elif kind == 3:
                    answer = conn.ask("GET", "/v1/models")
                    self.assertEqual(answer.status, 200)
                else:
                    answer = conn.ask("POST", "/v1/chat/completions", (), b"{")
                    self.assertEqual(answer.status, 400, answer)
                ids.add(answer.id)
            self.assertEqual(len(ids), 60)
        self.assertLessEqual(
            len({r.connection for r in self.up.take()}), 2, "the upstream's connection was not kept"
        )

    @tsan
    def test_pipelined_requests(self):
        with client.Conn(self.gw.port) as conn:
            kinds = [False, True, False, False, True, True, False, True]
            conn.send(b"".join(ask_for("piped %d" % i, streamed) for i, streamed in enumerate(kinds)))
            for i, streamed in enumerate(kinds):
                self.said(conn.response(), "piped %d" % i, streamed)
        with self.subTest("cut at odd places"), client.Conn(self.gw.port) as conn:
            raw = b"".join(ask_for("cut %d" % i, i % 2) for i in range(4))
            for i in range(0, len(raw), 37):
                conn.send(raw[i : i + 37])
                time.sleep(0.002)
            for i in range(4):
                self.said(conn.response(), "cut %d" % i, i % 2)

    def test_a_request_byte_by_byte(self):
        with client.Conn(self.gw.port) as conn:
            for byte in ask_for("slowly"):
                conn.send(bytes([byte]))
            self.said(conn.response(), "slowly", False)

    def test_connection_close(self):
        for streamed in (False, True):
            with self.subTest(streamed=streamed), client.Conn(self.gw.port) as conn:
                conn.send(ask_for("bye", streamed, [("Connection", "close")]))
                answer = conn.response()
                self.said(answer, "bye", streamed)
                self.assertEqual(answer.header("connection", "").lower(), "close")
                self.assertTrue(conn.closed_by_peer())

    def test_http_1_0(self):
        for streamed in (False, True):
            with self.subTest(streamed=streamed), client.Conn(self.gw.port) as conn:
                conn.send(ask_for("old", streamed, version="HTTP/1.0"))
                answer = conn.response()
                self.assertIsNone(answer.header("transfer-encoding"), "chunks for HTTP/1.0")
                self.said(answer, "old", streamed)
                self.assertTrue(conn.closed_by_peer())

    def test_expect_100_continue(self):
        body = json.dumps(BODY).encode()
        head = client.build(
            "POST", "/v1/chat/completions", [("Content-Length", str(len(body))), ("Expect", "100-continue")], b""
        )
        with client.Conn(self.gw.port) as conn:
            conn.send(head)
            self.assertEqual(conn.head(interim=True).status, 100)
            conn.send(body)
            self.said(conn.response(), "x", False)
            with self.subTest("the body at once"):
                conn.send(head + body)
                self.said(conn.response(), "x", False)
            with self.subTest("refused before the body"):
                conn.send(head.replace(b"/chat/", b"/nope/"))
                self.assertEqual(conn.head(interim=True).status, 404)
        with self.subTest("something else is expected"), client.Conn(self.gw.port) as conn:
            conn.send(head.replace(b"100-continue", b"200-ok") + body)
            self.assertIn(conn.head().status, (200, 417))

    @tsan
    def test_bodies_in_chunks(self):
        body = json.dumps(dict(BODY, pad="p" * 5000)).encode()
        for size in (1, 7, 100, 100000):
            with self.subTest(size), client.Conn(self.gw.port) as conn:
                self.up.take()
                conn.send(
                    client.build("POST", "/v1/chat/completions", [("Transfer-Encoding", "chunked")], b"")
                    + client.chunked(body, size)
                )
                self.said(conn.response(), "x", False)
                self.assertEqual(self.up.take()[0].body, body.replace(b'"m"', b'"real"', 1))
        for name, raw in (
            ("trailers", b"%x\r\n%s\r\n0\r\nX-Trailer: a\r\n\r\n" % (len(body), body)),
            ("extensions", b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
        ):
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                conn.send(
                    client.build("POST", "/v1/chat/completions", [("Transfer-Encoding", "chunked")], b"") + raw
                )
                answer = conn.response()
                if name == "extensions" and answer.status == 400:
                    continue  # libmicrohttpd 1.0.1 reads the line's end as data (README, limits)
                self.said(answer, "x", False)

    def test_head(self):
        for path in ("/", "/livez", "/readyz", "/v1/models"):
            with self.subTest(path), client.Conn(self.gw.port) as conn:
                conn.send(client.build("HEAD", path))
                answer = conn.response("HEAD")
                self.assertEqual(answer.status, 200, answer)
                answer = conn.ask("GET", "/livez")  # no byte of a body came before
                self.assertEqual(answer.status, 200, answer)

    def test_headers_of_the_client_do_not_reach_the_upstream(self):
        answer = self.gw.chat(
            headers=[
                ("Cookie", "a=canary-client"),
                ("X-Forwarded-For", "10.0.0.1"),
                ("Proxy-Authorization", "Basic x"),
                ("X-Anything", "x"),
                ("Accept-Encoding", "gzip, br"),
                ("Connection", "keep-alive, X-Anything"),
                ("OpenAI-Organization", "org-x"),
                ("Authorization", "Bearer sk-canary-client"),
            ]
        )
        self.assertEqual(answer.status, 200, answer)
        sent = self.up.take()[0]
        for name in ("cookie", "x-forwarded-for", "proxy-authorization", "x-anything", "openai-organization"):
            self.assertNotIn(name, sent.headers)
        self.assertNotIn("canary-client", str(sent.header_list))
        self.assertIn(sent.headers.get("accept-encoding", "identity"), ("identity",))
        self.assertEqual(sent.headers["host"], "127.0.0.1:%d" % self.up.port)
        self.assertEqual(len(sent.header_list), len(sent.headers), "a header twice: %r" % sent.header_list)

    def test_headers_of_the_upstream_do_not_reach_the_client(self):
        self.up.handler = [
            upstream.reply_json(
                upstream.completion(),
                headers=[
                    ("Set-Cookie", "a=b"),
                    ("X-Request-Id", "theirs"),
                    ("Server", "theirs"),
                    ("X-Should-Retry", "false"),
                    ("Keep-Alive", "timeout=5"),
                    ("X-RateLimit-Remaining-Requests", "theirs"),  # of the operator's account, as the next ones
                    ("anthropic-ratelimit-unified-status", "theirs"),
                    ("Retry-After", "theirs"),
                    ("openai-organization", "theirs"),
                    ("Access-Control-Allow-Origin", "*"),
                ],
            )
        ]
        answer = self.gw.chat()
        self.assertEqual(answer.status, 200)
        self.assert_ids(answer)
        self.assertIsNone(answer.header("set-cookie"))
        self.assertEqual(
            [h for h in answer.headers if h[1] == "theirs" and not h[0].startswith("x-gw-upstream-")], []
        )
        self.assertIn("no-store", answer.header("cache-control", ""))

    def test_the_other_addresses_people_paste(self):
        for path in ("/chat/completions", "/openai/v1/chat/completions"):
            with self.subTest(path):
                answer = self.gw.request("POST", path, (), BODY)
                self.assertEqual(answer.status, 200, answer)

    def test_ids_differ_and_grow(self):
        ids = [self.gw.chat().id for _ in range(20)]
        self.assertEqual(len(set(ids)), 20)
        self.assertEqual([i[:13] for i in ids], sorted(i[:13] for i in ids))  # milliseconds first


if __name__ == "__main__":
    unittest.main()
